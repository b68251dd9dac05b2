from datetime import date, datetime, time, timedelta, timezone

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..models import Conversation, Message, Role, Status, User, utcnow
from ..schemas.stats import AgentStats, DayStats, Overview


def bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """From the start of the first day up to the end of the last one, in UTC."""
    start = datetime.combine(first, time(), timezone.utc)
    return start, datetime.combine(last + timedelta(days=1), time(), timezone.utc)


def _number(value) -> float | None:
    return None if value is None else round(float(value), 2)


def _between(column, start: datetime, end: datetime):
    return (column >= start) & (column < end)


def _replies(organisation_id: int, start: datetime, end: datetime, *columns):
    return (
        select(*columns, func.count(), func.avg(Message.response_seconds))
        .select_from(Message)
        .join(User, User.id == Message.sender_id)
        .where(
            User.organisation_id == organisation_id,
            User.role != Role.CUSTOMER,
            Message.is_internal.is_(False),
            _between(Message.created_at, start, end),
        )
        .group_by(*columns)
    )


def _ratings(organisation_id: int, start: datetime, end: datetime, *columns):
    return (
        select(*columns, func.avg(Conversation.rating), func.count(Conversation.rating))
        .where(
            Conversation.organisation_id == organisation_id,
            _between(Conversation.rated_at, start, end),
        )
        .group_by(*columns)
    )


async def overview(
    session: AsyncSession, organisation_id: int, first: date, last: date
) -> Overview:
    start, end = bounds(first, last)
    row = (
        await session.execute(
            select(
                func.count(),
                func.count(Conversation.waiting_since),
                func.count().filter(Conversation.assignee_id.is_(None)),
                func.min(Conversation.waiting_since),
            ).where(
                Conversation.organisation_id == organisation_id,
                Conversation.status == Status.OPEN,
            )
        )
    ).one()
    first_response = await session.scalar(
        select(func.avg(Conversation.first_response_seconds)).where(
            Conversation.organisation_id == organisation_id,
            _between(Conversation.created_at, start, end),
        )
    )
    replies = (await session.execute(_replies(organisation_id, start, end))).one()
    rating = (await session.execute(_ratings(organisation_id, start, end))).one()
    return Overview(
        open_conversations=row[0],
        waiting_conversations=row[1],
        unassigned_conversations=row[2],
        longest_wait_seconds=int((utcnow() - row[3]).total_seconds()) if row[3] else None,
        average_first_response_seconds=_number(first_response),
        average_response_seconds=_number(replies[1]),
        average_rating=_number(rating[0]),
        ratings=rating[1],
    )


async def per_agent(
    session: AsyncSession, organisation_id: int, first: date, last: date
) -> list[AgentStats]:
    start, end = bounds(first, last)
    agents = await session.scalars(
        select(User)
        .where(User.organisation_id == organisation_id, User.role != Role.CUSTOMER)
        .order_by(User.name)
    )
    stats = {a.id: AgentStats(agent_id=a.id, name=a.name) for a in agents}
    for agent, count, average in await session.execute(
        _replies(organisation_id, start, end, Message.sender_id)
    ):
        stats[agent].replies = count
        stats[agent].average_response_seconds = _number(average)
    for agent, average, count in await session.execute(
        _ratings(organisation_id, start, end, Conversation.assignee_id)
    ):
        if agent in stats:
            stats[agent].average_rating, stats[agent].ratings = _number(average), count
    for agent, count in await session.execute(
        select(Conversation.closed_by_id, func.count())
        .where(
            Conversation.organisation_id == organisation_id,
            _between(Conversation.closed_at, start, end),
        )
        .group_by(Conversation.closed_by_id)
    ):
        if agent in stats:
            stats[agent].closed_conversations = count
    for agent, count in await session.execute(
        select(Conversation.assignee_id, func.count())
        .where(
            Conversation.organisation_id == organisation_id, Conversation.status == Status.OPEN
        )
        .group_by(Conversation.assignee_id)
    ):
        if agent in stats:
            stats[agent].open_conversations = count
    return list(stats.values())


async def per_day(
    session: AsyncSession, organisation_id: int, first: date, last: date
) -> list[DayStats]:
    start, end = bounds(first, last)
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    stats = {str(day): DayStats(day=day) for day in days}

    async def opened_before(*conditions) -> int:
        query = select(func.count()).where(
            Conversation.organisation_id == organisation_id,
            Conversation.created_at < start,
            *conditions,
        )
        return await session.scalar(query)

    for column, field in ((Conversation.created_at, "opened"), (Conversation.closed_at, "closed")):
        day = func.date(column)
        for key, count in await session.execute(
            select(day, func.count())
            .where(
                Conversation.organisation_id == organisation_id, _between(column, start, end)
            )
            .group_by(day)
        ):
            setattr(stats[str(key)], field, count)
    for key, count, average in await session.execute(
        _replies(organisation_id, start, end, func.date(Message.created_at))
    ):
        stats[str(key)].replies = count
        stats[str(key)].average_response_seconds = _number(average)
    for key, average, count in await session.execute(
        _ratings(organisation_id, start, end, func.date(Conversation.rated_at))
    ):
        stats[str(key)].average_rating, stats[str(key)].ratings = _number(average), count

    # Counted back from those open now and those closed since, not over all there ever were.
    still_open = await opened_before(Conversation.closed_at.is_(None))
    still_open += await opened_before(Conversation.closed_at >= start)
    for item in stats.values():
        still_open += item.opened - item.closed
        item.open_at_end = still_open
    return list(stats.values())
