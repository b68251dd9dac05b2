from dataclasses import dataclass
from typing import Annotated

import httpx
from fastapi import Depends, HTTPException, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from .config import Settings
from .db import get_session, utcnow
from .models import AuthToken, Membership, User
from .security import token_hash
from .services.mailer import Mailer

bearer = HTTPBearer(auto_error=False)
Session = Annotated[AsyncSession, Depends(get_session)]
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def current_user(session: Session, credentials: Credentials) -> User:
    user = None
    if credentials:
        user = await session.scalar(
            select(User).join(AuthToken, AuthToken.user_id == User.id)
            .where(AuthToken.token_hash == token_hash(credentials.credentials), AuthToken.expires_at > utcnow()))
    if user is None:
        raise HTTPException(401, "Not logged in", {"WWW-Authenticate": "Bearer"})
    return user


CurrentUser = Annotated[User, Depends(current_user)]


async def admin_user(user: CurrentUser) -> User:
    if not user.is_admin:
        raise HTTPException(403, "Admins only")
    return user


async def household_member(household_id: int, user: CurrentUser, session: Session) -> Membership:
    membership = await session.get(Membership, (household_id, user.id))
    if membership is None:
        raise HTTPException(404, "No such household")
    return membership


Member = Annotated[Membership, Depends(household_member)]


@dataclass
class Outside:
    """The services outside of the app; tests put their own in app.state.outside."""
    settings: Settings
    http: httpx.AsyncClient
    mailer: Mailer


def get_outside(request: Request) -> Outside:
    return request.app.state.outside


class Page:
    def __init__(self, limit: int = Query(20, ge=1, le=100), offset: int = Query(0, ge=0)):
        self.limit, self.offset = limit, offset


Admin = Annotated[User, Depends(admin_user)]
Services = Annotated[Outside, Depends(get_outside)]
Paging = Annotated[Page, Depends(Page)]
