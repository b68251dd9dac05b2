from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from .db import create_schema, init_engine
from .deps import DB
from .routes import alerts, auth, dashboards, events, groups, reports, retention, teams
from .services.alerts import AlertThread
from .settings import get_settings


def create_app() -> FastAPI:
    settings = get_settings()
    engine = init_engine(settings.database_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI):
        create_schema(engine)
        thread = AlertThread(settings) if settings.alert_thread else None
        if thread:
            thread.start()
        yield
        if thread:
            thread.stop()
        engine.dispose()

    app = FastAPI(title="logharbor", version="1.0.0", lifespan=lifespan)
    for module in (auth, teams, events, groups, dashboards, alerts, retention, reports):
        app.include_router(module.router, prefix="/api/v1")

    @app.exception_handler(IntegrityError)
    def conflict(_request, _exc):
        return JSONResponse({"detail": "this already exists or is still in use"}, status_code=409)

    @app.get("/healthz")
    def health(db: DB):
        db.execute(text("SELECT 1"))
        return {"status": "ok"}

    return app
