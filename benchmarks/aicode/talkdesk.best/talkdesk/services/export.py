import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import selectinload

from ..models import Conversation, Message, Status

BATCH = 500
COLUMNS = [
    "id", "subject", "status", "customer_name", "customer_email", "assignee", "tags", "messages",
    "created_at", "first_response_seconds", "closed_at", "rating", "rating_comment", "summary",
]


def _cell(value) -> object:
    """Spreadsheets run text that starts like a formula, so such text gets a quote in front."""
    if isinstance(value, str) and value.lstrip()[:1] in ("=", "+", "-", "@"):
        return "'" + value
    return "" if value is None else value


def _lines(rows: list[list]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([_cell(v) for v in row] for row in rows)
    return buffer.getvalue()


async def conversations_csv(
    sessions: async_sessionmaker[AsyncSession],
    organisation_id: int,
    start: datetime,
    end: datetime,
    status: Status | None = None,
) -> AsyncIterator[str]:
    yield _lines([COLUMNS])
    wanted = select(Conversation.id).where(
        Conversation.organisation_id == organisation_id,
        Conversation.created_at >= start,
        Conversation.created_at < end,
    )
    if status:
        wanted = wanted.where(Conversation.status == status)
    async with sessions() as session:
        ids = sorted(await session.scalars(wanted))  # once, of an index; then each batch by its keys
    for first in range(0, len(ids), BATCH):
        query = (
            select(Conversation)
            .where(Conversation.id.in_(ids[first : first + BATCH]))
            .options(
                selectinload(Conversation.customer),
                selectinload(Conversation.assignee),
                selectinload(Conversation.tags),
            )
            .order_by(Conversation.id)
        )
        async with sessions() as session:
            batch = (await session.scalars(query)).all()
            messages = dict(
                (
                    await session.execute(
                        select(Message.conversation_id, func.count())
                        .where(
                            Message.conversation_id.in_([c.id for c in batch]),
                            Message.is_internal.is_(False),
                        )
                        .group_by(Message.conversation_id)
                    )
                ).all()
            )
        yield _lines(
            [
                [
                    c.id, c.subject, c.status.value, c.customer.name, c.customer.email,
                    c.assignee.name if c.assignee else None, ", ".join(t.name for t in c.tags),
                    messages.get(c.id, 0), c.created_at.isoformat(), c.first_response_seconds,
                    c.closed_at.isoformat() if c.closed_at else None, c.rating,
                    c.rating_comment, c.summary,
                ]
                for c in batch
            ]
        )
