import tempfile
from collections import defaultdict
from datetime import date, timedelta

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import and_, func, literal_column, or_, select, union_all
from sqlalchemy.orm import aliased

from ..db import utcnow
from ..deps import Admin, Member, Session
from ..models import Activity, CookLog, Friendship, Household, Recipe, User
from ..services.export import write_export
from ..services.kitchen import monday
from ..services.recommendations import recommend

router = APIRouter(tags=["insights"])


@router.get("/households/{household_id}/recommendations")
async def recommendations(member: Member, session: Session, limit: int = Query(10, ge=1, le=50)):
    return await recommend(session, member.household_id, member.user_id, limit)


@router.get("/households/{household_id}/feed")
async def feed(member: Member, session: Session, before_id: int | None = None, limit: int = Query(30, ge=1, le=100)):
    """What friends' households did, newest first; only public recipes are shown to friends."""
    mine, back, past, theirs = member.household_id, aliased(Friendship), aliased(Activity), aliased(Recipe)
    # where the newest `limit` of each friend begin: the index on (household_id, id) is walked that far
    begin = (select(past.id).outerjoin(theirs, theirs.id == past.recipe_id)
             .where(past.household_id == Friendship.friend_id, or_(theirs.is_public, past.recipe_id.is_(None)))
             .order_by(past.id.desc()).limit(1).offset(limit - 1))
    query = (
        select(Activity.id, Activity.household_id, Household.name.label("household"), User.name.label("user"),
               Activity.kind, Activity.recipe_id, Recipe.title.label("recipe"), Activity.detail, Activity.created_at)
        .select_from(Friendship)
        .join(back, and_(back.household_id == Friendship.friend_id, back.friend_id == mine))
        .join(Household, Household.id == Friendship.friend_id)
        .where(Friendship.household_id == mine))
    if before_id is not None:
        begin = begin.where(past.id < before_id)
        query = query.where(Activity.id < before_id)
    begin = begin.correlate(Friendship).scalar_subquery()
    query = (
        query.join(Activity, and_(Activity.household_id == Friendship.friend_id,
                                  Activity.id >= func.coalesce(begin, 0)))
        .outerjoin(User, User.id == Activity.user_id).outerjoin(Recipe, Recipe.id == Activity.recipe_id)
        .where(or_(Recipe.is_public, Activity.recipe_id.is_(None))))
    return [dict(row) for row in (await session.execute(query.order_by(Activity.id.desc()).limit(limit))).mappings()]


@router.get("/households/{household_id}/export")
async def export(member: Member, session: Session):
    file = tempfile.SpooledTemporaryFile(max_size=500_000)
    try:
        await write_export(session, member.household_id, file)
        await session.commit()  # gives the connection back before the answer is sent
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise

    def pieces():
        with file:
            while piece := file.read(65536):
                yield piece

    return StreamingResponse(pieces(), media_type="application/zip", headers={
        "Content-Disposition": f'attachment; filename="mealbox-{member.household_id}.zip"',
        "Content-Length": str(size)})


@router.get("/admin/most-cooked", tags=["admin"])
async def most_cooked(admin: Admin, session: Session, limit: int = Query(10, ge=1, le=100)):
    best = (select(Recipe.id, Recipe.title, Recipe.times_cooked).where(Recipe.times_cooked > 0)
            .order_by(Recipe.times_cooked.desc(), Recipe.id).limit(limit).subquery())
    households = (select(func.count(CookLog.household_id.distinct())).where(CookLog.recipe_id == best.c.id)
                  .scalar_subquery())
    rows = await session.execute(
        select(best.c.id, best.c.title, best.c.times_cooked.label("times"), households.label("households"))
        .order_by(best.c.times_cooked.desc(), best.c.id))
    return [dict(row) for row in rows.mappings()]


@router.get("/admin/trends", tags=["admin"])
async def trends(admin: Admin, session: Session, weeks: int = Query(8, ge=1, le=52), top: int = Query(3, ge=1, le=10)):
    """Per week, the newest first: meals cooked, households that cooked, and what was cooked most."""
    since, times = monday(date.today()) - timedelta(weeks=weeks - 1), func.count().label("times")
    rows = (await session.execute(
        select(CookLog.week, func.count().label("meals"),
               func.count(CookLog.household_id.distinct()).label("households"))
        .where(CookLog.week >= since).group_by(CookLog.week).order_by(CookLog.week.desc()))).mappings().all()
    best: dict[date, list[dict]] = defaultdict(list)
    if rows:
        tops = union_all(*(select(select(CookLog.week, CookLog.recipe_id, times)
                                  .where(CookLog.week == row["week"], CookLog.recipe_id.is_not(None))
                                  .group_by(CookLog.week, CookLog.recipe_id)
                                  .order_by(times.desc(), CookLog.recipe_id).limit(top).subquery())
                           for row in rows)).subquery()
        for week, recipe_id, title, count in await session.execute(
                select(tops.c.week, Recipe.id, Recipe.title, tops.c.times).join(Recipe, Recipe.id == tops.c.recipe_id)
                .order_by(tops.c.times.desc(), Recipe.id)):
            best[week].append({"recipe_id": recipe_id, "title": title, "times": count})
    return [dict(row) | {"top": best[row["week"]]} for row in rows]


@router.get("/admin/active-households", tags=["admin"])
async def active_households(admin: Admin, session: Session, days: int = Query(30, ge=1, le=365),
                            limit: int = Query(20, ge=1, le=100)):
    recent = Activity.created_at > utcnow() - timedelta(days=days)
    actions = func.count().label("actions")
    # an expression: no index gives it in order, so that the one on created_at is read and not one of all activities
    home = (Activity.household_id + literal_column("0")).label("household_id")
    most = (select(home, actions, func.max(Activity.created_at).label("last_active"),
                   func.count().over().label("active")).where(recent).group_by(home)
            .order_by(actions.desc(), home).limit(limit).subquery())
    rows = (await session.execute(
        select(Household.id, Household.name, most.c.actions, most.c.last_active, most.c.active)
        .join(most, most.c.household_id == Household.id).order_by(most.c.actions.desc(), Household.id))).all()
    total = await session.scalar(select(func.count()).select_from(Household))
    return {"active": rows[0].active if rows else 0, "total": total, "households": [
        {"id": row.id, "name": row.name, "actions": row.actions, "last_active": row.last_active} for row in rows]}
