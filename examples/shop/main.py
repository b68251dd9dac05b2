"""The application: `uvicorn store.main:app` from the folder above."""

from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from .database import init_db
from .routers import admin, carts, catalog, customers, invoices, orders, reviews
from .services import ShopError


@asynccontextmanager
async def lifespan(_app: FastAPI):
    init_db()
    yield


app = FastAPI(title="Store", lifespan=lifespan)

for module in (catalog, reviews, customers, carts, orders, invoices, admin):
    app.include_router(module.router)


@app.exception_handler(ShopError)
async def shop_error(_request: Request, error: ShopError) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=409)


@app.get("/health")
async def health():
    return {"status": "ok"}
