from dataclasses import dataclass

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from .config import Settings
from .db import make_engine, make_sessions
from .services.ai import AIClient
from .services.mail import Mailer
from .services.webhooks import WebhookDispatcher


@dataclass
class Context:
    """What a running process needs; built once, and with stubs in tests."""

    settings: Settings
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    ai: AIClient
    webhooks: WebhookDispatcher
    mailer: Mailer

    async def close(self) -> None:
        await self.ai.close()
        await self.webhooks.close()
        await self.engine.dispose()


def build_context(
    settings: Settings,
    ai_http: httpx.AsyncClient | None = None,
    webhook_http: httpx.AsyncClient | None = None,
    mailer: Mailer | None = None,
) -> Context:
    engine = make_engine(settings.database_url)
    sessions = make_sessions(engine)
    return Context(
        settings=settings,
        engine=engine,
        sessions=sessions,
        ai=AIClient(settings, ai_http),
        webhooks=WebhookDispatcher(settings, sessions, webhook_http),
        mailer=mailer or Mailer(settings),
    )
