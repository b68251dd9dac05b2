import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from datetime import timedelta

import jwt
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..config import Settings
from ..errors import AppError, Conflict, NotFound, Unauthorized
from ..models import Conversation, Organisation, Role, Status, User, utcnow

SCRYPT = {"n": 2**14, "r": 8, "p": 1}
ALGORITHM = "HS256"


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, dklen=32, **SCRYPT)


async def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    digest = await asyncio.to_thread(_scrypt, password, salt)
    return "scrypt$" + "$".join(base64.b64encode(part).decode() for part in (salt, digest))


async def verify_password(password: str, stored: str) -> bool:
    _, salt, digest = stored.split("$")
    actual = await asyncio.to_thread(_scrypt, password, base64.b64decode(salt))
    return hmac.compare_digest(actual, base64.b64decode(digest))


def make_token(settings: Settings, user: User) -> str:
    now = utcnow()
    claims = {
        "sub": str(user.id),
        "ver": user.token_version,
        "iat": now,
        "exp": now + timedelta(hours=settings.token_hours),
    }
    return jwt.encode(claims, settings.secret_key, algorithm=ALGORITHM)


async def user_from_token(session: AsyncSession, settings: Settings, token: str) -> User:
    try:
        claims = jwt.decode(
            token, settings.secret_key, algorithms=[ALGORITHM], options={"require": ["exp", "sub"]}
        )
        user = await session.get(User, int(claims["sub"]))
    except (jwt.InvalidTokenError, ValueError):
        raise Unauthorized("invalid or expired token") from None
    if user is None or not user.is_active or claims.get("ver") != user.token_version:
        raise Unauthorized("invalid or expired token")
    return user


async def login(
    session: AsyncSession, email: str, password: str, slug: str | None = None
) -> User:
    query = select(User).join(User.organisation).where(User.email == email, User.is_active)
    if slug:
        query = query.where(Organisation.slug == slug)
    users = (await session.scalars(query)).all()
    await session.commit()  # the connection goes back into the pool while passwords are hashed
    if not users:
        await hash_password(password)  # take as long as for an address that exists
    right = await asyncio.gather(*(verify_password(password, u.password_hash) for u in users))
    matches = [u for u, matched in zip(users, right) if matched]
    if not matches:
        raise Unauthorized("wrong email or password")
    if len(matches) > 1:
        raise AppError("this email belongs to several organisations: send 'organisation' too")
    return matches[0]


async def create_user(
    session: AsyncSession, organisation_id: int, name: str, email: str, password: str, role: Role
) -> User:
    taken = await session.scalar(
        select(User.id).where(User.organisation_id == organisation_id, User.email == email)
    )
    if taken:
        raise Conflict("this email is already registered")
    user = User(
        organisation_id=organisation_id,
        name=name,
        email=email,
        role=role,
        password_hash=await hash_password(password),
    )
    session.add(user)
    await session.flush()
    return user


async def create_organisation(session: AsyncSession, name: str) -> Organisation:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "organisation"
    if await session.scalar(select(Organisation.id).where(Organisation.slug == slug)):
        slug += "-" + secrets.token_hex(3)
    organisation = Organisation(name=name, slug=slug)
    session.add(organisation)
    await session.flush()
    return organisation


async def organisation_by_slug(session: AsyncSession, slug: str) -> Organisation:
    organisation = await session.scalar(select(Organisation).where(Organisation.slug == slug))
    if organisation is None:
        raise NotFound("no such organisation")
    return organisation


async def change_password(session: AsyncSession, user: User, current: str, new: str) -> None:
    if not await verify_password(current, user.password_hash):
        raise AppError("the current password is wrong")
    user.password_hash = await hash_password(new)
    user.token_version += 1


async def update_user(
    session: AsyncSession, admin: User, user_id: int, changes: dict
) -> User:
    user = await session.get(User, user_id)
    if user is None or user.organisation_id != admin.organisation_id:
        raise NotFound("no such user")
    role = changes.get("role")
    if user.id == admin.id and (role or changes.get("is_active") is False):
        raise AppError("you cannot change your own role or deactivate yourself")
    if role and (role == Role.CUSTOMER) != (user.role == Role.CUSTOMER):
        raise AppError("a customer cannot become an agent, nor an agent a customer")
    for name, value in changes.items():
        setattr(user, name, value)
    if changes.get("is_active") is False:
        user.token_version += 1
        await session.execute(
            update(Conversation)
            .where(Conversation.assignee_id == user.id, Conversation.status == Status.OPEN)
            .values(assignee_id=None)
        )
    await session.flush()
    return user
