"""Reading conversations: lists, unread counts and search."""

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from ..errors import NotFound
from ..models import Conversation, Message, ReadMarker, Status, Tag, User, utcnow
from ..schemas.account import UserRef
from ..schemas.conversation import ConversationOut, InboxCounts, LastMessage
from .conversations import visible_to

PREVIEW = 140


def unread_messages(user: User, *columns) -> Select:
    """Messages of others, after the point up to which this user has read."""
    query = (
        select(*columns)
        .select_from(Message)
        .outerjoin(
            ReadMarker,
            and_(
                ReadMarker.conversation_id == Message.conversation_id,
                ReadMarker.user_id == user.id,
            ),
        )
        .where(
            Message.sender_id != user.id,
            Message.id > func.coalesce(ReadMarker.last_read_message_id, 0),
        )
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
                unread_messages(user, Message.conversation_id, func.count())
                .where(Message.conversation_id.in_(ids))
                .group_by(Message.conversation_id)
            )
        ).all()
    )
    last_ids = [c.last_message_id for c in conversations]
    messages = await session.scalars(select(Message).where(Message.id.in_(last_ids)))
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
                    preview=message.body[:PREVIEW],
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
) -> tuple[int, list[ConversationOut]]:
    """`assignee` is a user's id or "none"."""
    query = visible_to(user)
    if status:
        query = query.where(Conversation.status == status)
    if assignee == "none":
        query = query.where(Conversation.assignee_id.is_(None))
    elif assignee is not None:
        query = query.where(Conversation.assignee_id == assignee)
    if tag and user.is_agent:
        query = query.where(Conversation.tags.any(Tag.name == tag.strip().lower()))
    if customer_id:
        query = query.where(Conversation.customer_id == customer_id)
    total = await session.scalar(select(func.count()).select_from(query.subquery()))
    order = [Conversation.last_message_at.desc(), Conversation.id.desc()]
    if longest_waiting_first:
        order.insert(0, Conversation.waiting_since.asc().nulls_last())
    rows = await session.scalars(_with_people(query.order_by(*order).limit(limit).offset(offset)))
    return total, await present(session, user, list(rows.all()))


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
            .join(Conversation, Conversation.id == Message.conversation_id)
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
    query = (
        select(Message)
        .join(Message.conversation)
        .where(Conversation.organisation_id == user.organisation_id)
        .where(*(Message.body.icontains(word, autoescape=True) for word in text.split()))
    )
    if conversation_id:
        query = query.where(Message.conversation_id == conversation_id)
    total = await session.scalar(select(func.count()).select_from(query.subquery()))
    rows = await session.scalars(
        query.options(
            selectinload(Message.sender),
            selectinload(Message.attachments),
            selectinload(Message.conversation),
        )
        .order_by(Message.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return total, list(rows.all())
