"""Reading conversations: lists, unread counts and search."""

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from ..errors import NotFound
from ..models import (
    Conversation, Message, ReadMarker, Status, Tag, User, conversation_tags, utcnow,
)
from ..schemas.account import UserRef
from ..schemas.conversation import ConversationOut, InboxCounts, LastMessage
from .conversations import visible_to

PREVIEW = 140


def unread_messages(user: User, *columns) -> Select:
    """Messages of others, after the point up to which this user has read.

    From the conversation by its marker to the messages: so the marker bounds what is read of them.
    """
    query = (
        select(*columns)
        .select_from(Conversation)
        .outerjoin(
            ReadMarker,
            and_(ReadMarker.conversation_id == Conversation.id, ReadMarker.user_id == user.id),
        )
        .join(
            Message,
            and_(
                Message.conversation_id == Conversation.id,
                Message.id > func.coalesce(ReadMarker.last_read_message_id, 0),
            ),
        )
        .where(Message.sender_id != user.id)
    )
    return query if user.is_agent else query.where(Message.is_internal.is_(False))


async def present(
    session: AsyncSession, user: User, conversations: list[Conversation]
) -> list[ConversationOut]:
    """Turns loaded conversations into what the API shows, in a fixed number of queries."""
    ids = [c.id for c in conversations]
    unread = dict(
        (
            await session.execute(
                unread_messages(user, Conversation.id, func.count())
                .where(Conversation.id.in_(ids))
                .group_by(Conversation.id)
            )
        ).all()
    )
    last_ids = [c.last_message_id for c in conversations]
    preview = func.substr(Message.body, 1, PREVIEW).label("preview")
    messages = await session.execute(
        select(
            Message.id, Message.conversation_id, Message.sender_id, Message.created_at, preview
        ).where(Message.id.in_(last_ids))
    )
    last = {m.conversation_id: m for m in messages}
    now = utcnow()
    result = []
    for c in conversations:
        message = last.get(c.id)
        result.append(
            ConversationOut(
                id=c.id,
                subject=c.subject,
                status=c.status,
                customer=UserRef.model_validate(c.customer),
                assignee=UserRef.model_validate(c.assignee) if c.assignee else None,
                participants=[UserRef.model_validate(p) for p in c.participants],
                tags=[t.name for t in c.tags] if user.is_agent else [],
                last_message=message
                and LastMessage(
                    id=message.id,
                    sender_id=message.sender_id,
                    preview=message.preview,
                    created_at=message.created_at,
                ),
                unread_count=unread.get(c.id, 0),
                waiting_since=c.waiting_since,
                waiting_seconds=(
                    int((now - c.waiting_since).total_seconds()) if c.waiting_since else None
                ),
                created_at=c.created_at,
                closed_at=c.closed_at,
                rating=c.rating,
                rating_comment=c.rating_comment,
                summary=c.summary if user.is_agent else None,
            )
        )
    return result


def _with_people(query: Select) -> Select:
    return query.options(
        selectinload(Conversation.customer),
        selectinload(Conversation.assignee),
        selectinload(Conversation.participants),
        selectinload(Conversation.tags),
    ).execution_options(populate_existing=True)


async def one(session: AsyncSession, user: User, conversation_id: int) -> ConversationOut:
    query = _with_people(visible_to(user).where(Conversation.id == conversation_id))
    conversation = await session.scalar(query)
    if conversation is None:
        raise NotFound("no such conversation")
    return (await present(session, user, [conversation]))[0]


async def search_conversations(
    session: AsyncSession,
    user: User,
    status: Status | None = None,
    assignee: int | str | None = None,
    tag: str | None = None,
    customer_id: int | None = None,
    longest_waiting_first: bool = False,
    limit: int = 50,
    offset: int = 0,
    with_total: bool = True,
) -> tuple[int | None, list[ConversationOut]]:
    """`assignee` is a user's id or "none"."""
    query = visible_to(user)
    if status:
        query = query.where(Conversation.status == status)
    if assignee == "none":
        query = query.where(Conversation.assignee_id.is_(None))
    elif assignee is not None:
        query = query.where(Conversation.assignee_id == assignee)
    if tag and user.is_agent:
        tagged = (
            select(conversation_tags.c.conversation_id)
            .join(Tag, Tag.id == conversation_tags.c.tag_id)
            .where(Tag.organisation_id == user.organisation_id, Tag.name == tag.strip().lower())
        )
        query = query.where(Conversation.id.in_(tagged))
    if customer_id:
        query = query.where(Conversation.customer_id == customer_id)
    total = None
    if with_total:
        total = await session.scalar(select(func.count()).select_from(query.subquery()))
    order = (Conversation.last_message_at.desc(), Conversation.id.desc())
    if longest_waiting_first:
        rows = await _waiting_first(session, query, order, limit, offset)
    else:
        rows = await _page(session, query.order_by(*order), limit, offset)
    return total, await present(session, user, rows)


async def _page(session: AsyncSession, query: Select, limit: int, offset: int) -> list[Conversation]:
    return list((await session.scalars(_with_people(query.limit(limit).offset(offset)))).all())


async def _waiting_first(
    session: AsyncSession, query: Select, order: tuple, limit: int, offset: int
) -> list[Conversation]:
    """Those who wait, then the others: each part is in an index in its order, both together are not."""
    waiting = query.where(Conversation.waiting_since.is_not(None))
    rows = await _page(
        session, waiting.order_by(Conversation.waiting_since, *order), limit, offset
    )
    if len(rows) < limit:
        before = offset + len(rows)
        if not rows and offset:
            before = await session.scalar(select(func.count()).select_from(waiting.subquery()))
        others = query.where(Conversation.waiting_since.is_(None)).order_by(*order)
        rows += await _page(session, others, limit - len(rows), max(0, offset - before))
    return rows


async def counts(session: AsyncSession, user: User) -> InboxCounts:
    mine = Conversation.assignee_id == user.id
    unassigned = Conversation.assignee_id.is_(None)
    is_open = and_(
        Conversation.organisation_id == user.organisation_id, Conversation.status == Status.OPEN
    )
    row = (
        await session.execute(
            select(
                func.count().filter(mine), func.count().filter(unassigned), func.count()
            ).select_from(Conversation).where(is_open)
        )
    ).one()
    unread = (
        await session.execute(
            unread_messages(
                user, func.count(func.distinct(Message.conversation_id)), func.count()
            )
            .where(is_open, or_(mine, unassigned))
        )
    ).one()
    return InboxCounts(
        mine=row[0],
        unassigned=row[1],
        all_open=row[2],
        unread_conversations=unread[0],
        unread_messages=unread[1],
    )


async def search_messages(
    session: AsyncSession,
    user: User,
    text: str,
    conversation_id: int | None,
    limit: int,
    offset: int,
) -> tuple[int, list[Message]]:
    """Messages that contain every word of the text."""
    found = (
        select(Message.id, func.count().over().label("total"))
        .join(Message.conversation)
        .where(Conversation.organisation_id == user.organisation_id)
        .where(*(Message.body.icontains(word, autoescape=True) for word in text.split()))
    )
    if conversation_id:
        found = found.where(Message.conversation_id == conversation_id)
    # One pass gives the page and the number of all; only a page behind the last has to count.
    page = (
        await session.execute(found.order_by(Message.id.desc()).limit(limit).offset(offset))
    ).all()
    if not page:
        counted = select(func.count()).select_from(found.with_only_columns(Message.id).subquery())
        return (await session.scalar(counted) if offset else 0), []
    rows = await session.scalars(
        select(Message)
        .where(Message.id.in_([row.id for row in page]))
        .options(
            selectinload(Message.sender),
            selectinload(Message.attachments),
            joinedload(Message.conversation).load_only(Conversation.subject, Conversation.status),
        )
        .order_by(Message.id.desc())
    )
    return page[0].total, list(rows.all())
