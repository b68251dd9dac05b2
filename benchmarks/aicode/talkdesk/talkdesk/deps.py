from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from .context import Context
from .errors import AppError, Forbidden, Unauthorized
from .models import Role, User, utcnow
from .services import auth

bearer = HTTPBearer(auto_error=False)


def get_context(request: Request) -> Context:
    return request.app.state.ctx


ContextDep = Annotated[Context, Depends(get_context)]


async def get_session(ctx: ContextDep) -> AsyncIterator[AsyncSession]:
    async with ctx.sessions() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]


async def current_user(
    ctx: ContextDep,
    session: SessionDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> User:
    if credentials is None:
        raise Unauthorized("a bearer token is needed")
    return await auth.user_from_token(session, ctx.settings, credentials.credentials)


UserDep = Annotated[User, Depends(current_user)]


def current_agent(user: UserDep) -> User:
    if not user.is_agent:
        raise Forbidden("only for agents")
    return user


def current_admin(user: UserDep) -> User:
    if user.role != Role.ADMIN:
        raise Forbidden("only for admins")
    return user


AgentDep = Annotated[User, Depends(current_agent)]
AdminDep = Annotated[User, Depends(current_admin)]

Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0)]


def day_range(
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
) -> tuple[date, date]:
    """The last 14 days, unless asked otherwise."""
    last = last or utcnow().date()
    first = first or last - timedelta(days=13)
    if not timedelta() <= last - first <= timedelta(days=366):
        raise AppError("'from' has to be before 'to', by a year at most")
    return first, last


DayRange = Annotated[tuple[date, date], Depends(day_range)]
