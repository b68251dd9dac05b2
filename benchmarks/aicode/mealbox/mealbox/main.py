from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from .config import Settings
from .db import create_tables, make_engine, make_sessionmaker
from .deps import Outside
from .routers import accounts, insights, planning, recipes
from .services.mailer import Mailer


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    engine = make_engine(settings.database_url)

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        await create_tables(engine)
        async with httpx.AsyncClient(timeout=10) as http:
            app.state.outside = Outside(settings, http, Mailer(settings))
            yield
        await engine.dispose()

    app = FastAPI(title="mealbox", version="1.0.0", lifespan=lifespan)
    app.state.sessions = make_sessionmaker(engine)
    for module in (accounts, recipes, planning, insights):
        app.include_router(module.router)

    return app


app = create_app()
