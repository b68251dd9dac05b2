import asyncio
import contextlib

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from .config import Settings
from .context import Context, build_context
from .deps import SessionDep
from .errors import AppError
from .routes import accounts, ai, auth, conversations, dashboard, inbox


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI):
    ctx: Context = app.state.ctx
    loop = asyncio.create_task(ctx.webhooks.run_forever())
    yield
    loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loop
    await ctx.close()


def create_app(ctx: Context | None = None) -> FastAPI:
    app = FastAPI(title="talkdesk", version="1.0.0", lifespan=lifespan)
    app.state.ctx = ctx or build_context(Settings.from_env())
    for module in (auth, accounts, inbox, conversations, ai, dashboard):
        app.include_router(module.router)

    @app.exception_handler(AppError)
    async def app_error(_: Request, error: AppError):
        headers = {"WWW-Authenticate": "Bearer"} if error.status_code == 401 else None
        return JSONResponse({"detail": error.detail}, error.status_code, headers)

    @app.exception_handler(IntegrityError)
    async def integrity_error(_: Request, error: IntegrityError):
        return JSONResponse({"detail": "conflicts with another change; try again"}, 409)

    @app.get("/health", tags=["health"])
    async def health(session: SessionDep) -> dict:
        await session.execute(text("SELECT 1"))
        return {"status": "ok"}

    return app
