import asyncio
from collections import defaultdict
from datetime import date, timedelta

from fastapi import APIRouter, Query, Response
from sqlalchemy import func, or_, select

from ..db import utcnow
from ..deps import Admin, Member, Session
from ..models import Activity, CookLog, Friendship, Household, Recipe, User
from ..services.export import collect, make_zip
from ..services.kitchen import monday
from ..services.recommendations import recommend

router = APIRouter(tags=["insights"])


@router.get("/households/{household_id}/recommendations")
async def recommendations(member: Member, session: Session, limit: int = Query(10, ge=1, le=50)):
    return await recommend(session, member.household_id, member.user_id, limit)


@router.get("/households/{household_id}/feed")
async def feed(member: Member, session: Session, before_id: int | None = None, limit: int = Query(30, ge=1, le=100)):
    """What friends' households did, newest first; only public recipes are shown to friends."""
    asked_us = select(Friendship.household_id).where(Friendship.friend_id == member.household_id)
    friends = select(Friendship.friend_id).where(Friendship.household_id == member.household_id,
                                                 Friendship.friend_id.in_(asked_us))
    query = (
        select(Activity.id, Activity.household_id, Household.name.label("household"), User.name.label("user"),
               Activity.kind, Activity.recipe_id, Recipe.title.label("recipe"), Activity.detail, Activity.created_at)
        .join(Household, Household.id == Activity.household_id)
        .outerjoin(User, User.id == Activity.user_id).outerjoin(Recipe, Recipe.id == Activity.recipe_id)
        .where(Activity.household_id.in_(friends), or_(Recipe.is_public, Activity.recipe_id.is_(None))))
    if before_id is not None:
        query = query.where(Activity.id < before_id)
    return [dict(row) for row in (await session.execute(query.order_by(Activity.id.desc()).limit(limit))).mappings()]


@router.get("/households/{household_id}/export")
async def export(member: Member, session: Session):
    archive = await asyncio.to_thread(make_zip, await collect(session, member.household_id))
    return Response(archive, media_type="application/zip", headers={
        "Content-Disposition": f'attachment; filename="mealbox-{member.household_id}.zip"'})


@router.get("/admin/most-cooked", tags=["admin"])
async def most_cooked(admin: Admin, session: Session, limit: int = Query(10, ge=1, le=100)):
    times = func.count().label("times")
    rows = await session.execute(
        select(Recipe.id, Recipe.title, times, func.count(CookLog.household_id.distinct()).label("households"))
        .join(CookLog, CookLog.recipe_id == Recipe.id)
        .group_by(Recipe.id, Recipe.title).order_by(times.desc(), Recipe.id).limit(limit))
    return [dict(row) for row in rows.mappings()]


@router.get("/admin/trends", tags=["admin"])
async def trends(admin: Admin, session: Session, weeks: int = Query(8, ge=1, le=52), top: int = Query(3, ge=1, le=10)):
    """Per week, the newest first: meals cooked, households that cooked, and what was cooked most."""
    since, times = monday(date.today()) - timedelta(weeks=weeks - 1), func.count().label("times")
    best: dict[date, list[dict]] = defaultdict(list)
    for week, recipe_id, title, count in await session.execute(
            select(CookLog.week, Recipe.id, Recipe.title, times).join(Recipe, Recipe.id == CookLog.recipe_id)
            .where(CookLog.week >= since).group_by(CookLog.week, Recipe.id, Recipe.title)
            .order_by(times.desc(), Recipe.id)):
        if len(best[week]) < top:
            best[week].append({"recipe_id": recipe_id, "title": title, "times": count})
    rows = await session.execute(
        select(CookLog.week, func.count().label("meals"),
               func.count(CookLog.household_id.distinct()).label("households"))
        .where(CookLog.week >= since).group_by(CookLog.week).order_by(CookLog.week.desc()))
    return [dict(row) | {"top": best[row["week"]]} for row in rows.mappings()]


@router.get("/admin/active-households", tags=["admin"])
async def active_households(admin: Admin, session: Session, days: int = Query(30, ge=1, le=365),
                            limit: int = Query(20, ge=1, le=100)):
    recent = Activity.created_at > utcnow() - timedelta(days=days)
    actions = func.count().label("actions")
    rows = await session.execute(
        select(Household.id, Household.name, actions, func.max(Activity.created_at).label("last_active"))
        .join(Activity, Activity.household_id == Household.id).where(recent)
        .group_by(Household.id, Household.name).order_by(actions.desc(), Household.id).limit(limit))
    active = await session.scalar(select(func.count(Activity.household_id.distinct())).where(recent))
    total = await session.scalar(select(func.count()).select_from(Household))
    return {"active": active, "total": total, "households": [dict(row) for row in rows.mappings()]}
