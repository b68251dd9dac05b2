import secrets
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, HTTPException
from sqlalchemy import and_, delete, select, union
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from ..db import utcnow
from ..deps import Credentials, CurrentUser, Member, Services, Session
from ..models import AuthToken, Friendship, Household, Membership, User
from ..schemas import HouseholdOut, LoginIn, RegisterIn, Text100
from ..security import hash_password, token_hash, verify_password
from ..services.kitchen import household_people

router = APIRouter(tags=["accounts"])


@router.post("/auth/register", status_code=201)
async def register(data: RegisterIn, session: Session):
    user = User(email=data.email, name=data.name, password_hash=await hash_password(data.password))
    session.add(user)
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(409, "This e-mail address is already registered") from None
    return {"id": user.id, "email": user.email, "name": user.name}


@router.post("/auth/login")
async def login(data: LoginIn, session: Session, services: Services):
    user = await session.scalar(select(User).where(User.email == data.email))
    await session.commit()  # gives the connection back for the time that the hash takes
    if not await verify_password(data.password, user and user.password_hash):
        raise HTTPException(401, "Wrong e-mail or password")
    token, expires_at = secrets.token_urlsafe(32), utcnow() + timedelta(days=services.settings.token_days)
    await session.execute(delete(AuthToken).where(AuthToken.user_id == user.id, AuthToken.expires_at < utcnow()))
    session.add(AuthToken(token_hash=token_hash(token), user_id=user.id, expires_at=expires_at))
    await session.commit()
    return {"token": token, "expires_at": expires_at}


@router.post("/auth/logout", status_code=204)
async def logout(user: CurrentUser, credentials: Credentials, session: Session):
    await session.execute(delete(AuthToken).where(AuthToken.token_hash == token_hash(credentials.credentials)))
    await session.commit()


@router.post("/households", status_code=201, response_model=HouseholdOut)
async def create_household(name: Annotated[Text100, Body(embed=True)], user: CurrentUser, session: Session):
    household = Household(name=name, invite_code=secrets.token_urlsafe(12))
    session.add(household)
    await session.flush()
    session.add(Membership(household_id=household.id, user_id=user.id, role="owner"))
    await session.commit()
    return household


@router.get("/households", response_model=list[HouseholdOut])
async def my_households(user: CurrentUser, session: Session):
    return await session.scalars(select(Household).join(Membership, Membership.household_id == Household.id)
                                 .where(Membership.user_id == user.id).order_by(Household.id))


@router.post("/households/join", response_model=HouseholdOut)
async def join(invite_code: Annotated[str, Body(embed=True)], user: CurrentUser, session: Session):
    household = await session.scalar(select(Household).where(Household.invite_code == invite_code))
    if household is None:
        raise HTTPException(404, "No household has this invite code")
    if await session.get(Membership, (household.id, user.id)) is None:
        session.add(Membership(household_id=household.id, user_id=user.id))
        await session.commit()
    return household


@router.get("/households/{household_id}/members")
async def members(member: Member, session: Session):
    people = await household_people(session, member.household_id)
    return [{"user_id": m.user_id, "name": m.user.name, "role": m.role, "portion": m.portion} for m in people]


@router.patch("/households/{household_id}/members/{user_id}")
async def set_portion(user_id: int, member: Member, session: Session,
                      portion: Annotated[float, Body(embed=True, gt=0, le=5)]):
    other = await session.get(Membership, (member.household_id, user_id))
    if other is None:
        raise HTTPException(404, "No such member")
    other.portion = portion
    await session.commit()
    return {"user_id": user_id, "portion": other.portion}


@router.delete("/households/{household_id}/members/{user_id}", status_code=204)
async def remove_member(user_id: int, member: Member, session: Session):
    """The owner may remove others; the others may leave."""
    if (member.user_id == user_id) == (member.role == "owner"):
        raise HTTPException(403, "Not allowed")
    await session.execute(delete(Membership).where(Membership.household_id == member.household_id,
                                                   Membership.user_id == user_id))
    await session.commit()


@router.put("/households/{household_id}/friends/{friend_id}", status_code=204)
async def befriend(friend_id: int, member: Member, session: Session):
    """Asks another household to be friends, or accepts when it has asked already."""
    if friend_id == member.household_id or await session.get(Household, friend_id) is None:
        raise HTTPException(404, "No such household")
    await session.merge(Friendship(household_id=member.household_id, friend_id=friend_id))
    await session.commit()


@router.get("/households/{household_id}/friends")
async def friends(member: Member, session: Session):
    """The friends, and those who have asked (they_agreed) or have been asked (we_agreed) to be."""
    mine, asked_us = member.household_id, aliased(Friendship)
    either_way = union(select(Friendship.friend_id).where(Friendship.household_id == mine),
                       select(Friendship.household_id).where(Friendship.friend_id == mine))
    rows = await session.execute(
        select(Household.id, Household.name, Friendship.friend_id.is_not(None), asked_us.friend_id.is_not(None))
        .outerjoin(Friendship, and_(Friendship.household_id == mine, Friendship.friend_id == Household.id))
        .outerjoin(asked_us, and_(asked_us.household_id == Household.id, asked_us.friend_id == mine))
        .where(Household.id.in_(either_way)).order_by(Household.id))
    return [{"household_id": i, "name": n, "we_agreed": we, "they_agreed": they} for i, n, we, they in rows]
