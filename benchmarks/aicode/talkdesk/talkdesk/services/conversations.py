"""What can be done to a conversation. Functions flush; the caller commits."""

from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from ..errors import AppError, Conflict, Forbidden, NotFound
from ..models import (
    Attachment, Conversation, Message, Participant, ReadMarker, Status, Tag, User, Role, utcnow,
)
from ..schemas.conversation import AttachmentIn
from .webhooks import emit


def visible_to(user: User) -> Select[tuple[Conversation]]:
    query = select(Conversation).where(Conversation.organisation_id == user.organisation_id)
    if not user.is_agent:
        query = query.where(Conversation.customer_id == user.id)
    return query


async def get_conversation(
    session: AsyncSession, user: User, conversation_id: int, lock: bool = False
) -> Conversation:
    query = visible_to(user).where(Conversation.id == conversation_id)
    query = query.options(selectinload(Conversation.tags))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    conversation = await session.scalar(query)
    if conversation is None:
        raise NotFound("no such conversation")
    return conversation


async def _event(session: AsyncSession, conversation: Conversation, name: str, **data) -> None:
    data = {
        "conversation_id": conversation.id,
        "subject": conversation.subject,
        "status": conversation.status.value,
        "assignee_id": conversation.assignee_id,
        **data,
    }
    await emit(session, conversation.organisation_id, name, data)


async def _join(session: AsyncSession, conversation: Conversation, user_id: int, at: datetime):
    if await session.get(Participant, (conversation.id, user_id)) is None:
        session.add(Participant(conversation_id=conversation.id, user_id=user_id, joined_at=at))
        await session.flush()


async def _read(session: AsyncSession, conversation_id: int, user_id: int, message_id: int):
    marker = await session.get(ReadMarker, (conversation_id, user_id))
    if marker is None:
        marker = ReadMarker(
            conversation_id=conversation_id, user_id=user_id, last_read_message_id=message_id
        )
        session.add(marker)
    marker.last_read_message_id = max(marker.last_read_message_id, message_id)
    await session.flush()


async def _append(
    session: AsyncSession,
    conversation: Conversation,
    sender: User,
    body: str,
    attachments: list[AttachmentIn],
    internal: bool,
    at: datetime,
) -> Message:
    message = Message(
        conversation_id=conversation.id,
        sender=sender,
        body=body,
        is_internal=internal,
        created_at=at,
        attachments=[
            Attachment(**{**a.model_dump(), "url": str(a.url)}) for a in attachments
        ],
    )
    session.add(message)
    await session.flush()
    if not internal:
        conversation.last_message_id = message.id
        conversation.last_message_at = at
        if not sender.is_agent:
            conversation.waiting_since = conversation.waiting_since or at
        elif conversation.waiting_since is not None:
            message.response_seconds = (at - conversation.waiting_since).total_seconds()
            if conversation.first_response_seconds is None:
                conversation.first_response_seconds = message.response_seconds
            conversation.waiting_since = None
    await _join(session, conversation, sender.id, at)
    await _read(session, conversation.id, sender.id, message.id)
    await _event(
        session,
        conversation,
        "note.created" if internal else "message.created",
        message_id=message.id,
        sender_id=sender.id,
        sender_role=sender.role.value,
        body=body,
    )
    return message


async def open_conversation(
    session: AsyncSession,
    user: User,
    subject: str,
    body: str,
    attachments: list[AttachmentIn] = [],
    customer_id: int | None = None,
    at: datetime | None = None,
) -> Conversation:
    at = at or utcnow()
    customer = user
    if user.is_agent:
        customer = await session.get(User, customer_id) if customer_id else None
        if (
            customer is None
            or customer.role != Role.CUSTOMER
            or customer.organisation_id != user.organisation_id
        ):
            raise AppError("customer_id has to be a customer of your organisation")
    elif customer_id not in (None, user.id):
        raise Forbidden("customers open conversations for themselves")
    conversation = Conversation(
        organisation_id=user.organisation_id,
        customer_id=customer.id,
        assignee_id=user.id if user.is_agent else None,
        subject=subject,
        status=Status.OPEN,
        created_at=at,
        last_message_at=at,
    )
    session.add(conversation)
    await session.flush()
    await _join(session, conversation, customer.id, at)
    await _event(session, conversation, "conversation.created", customer_id=customer.id)
    await _append(session, conversation, user, body, attachments, False, at)
    return conversation


async def post_message(
    session: AsyncSession,
    user: User,
    conversation_id: int,
    body: str,
    attachments: list[AttachmentIn] = [],
    internal: bool = False,
    at: datetime | None = None,
) -> Message:
    at = at or utcnow()
    conversation = await get_conversation(session, user, conversation_id, lock=True)
    if internal and not user.is_agent:
        raise Forbidden("only agents can add notes")
    if not internal and conversation.status == Status.CLOSED:
        if user.is_agent:
            raise Conflict("the conversation is closed: reopen it first")
        await _reopen(session, conversation)
    if not internal and user.is_agent and conversation.assignee_id is None:
        conversation.assignee_id = user.id
    return await _append(session, conversation, user, body, attachments, internal, at)


async def assign(
    session: AsyncSession, user: User, conversation_id: int, assignee_id: int | None
) -> None:
    conversation = await get_conversation(session, user, conversation_id, lock=True)
    if assignee_id is not None:
        agent = await session.get(User, assignee_id)
        if (
            agent is None
            or agent.organisation_id != user.organisation_id
            or not agent.is_agent
            or not agent.is_active
        ):
            raise AppError("the assignee has to be an active agent of your organisation")
        await _join(session, conversation, agent.id, utcnow())
    conversation.assignee_id = assignee_id
    await _event(session, conversation, "conversation.assigned", assigned_by_id=user.id)


async def close(
    session: AsyncSession, user: User, conversation_id: int, at: datetime | None = None
) -> None:
    conversation = await get_conversation(session, user, conversation_id, lock=True)
    if conversation.status == Status.CLOSED:
        raise Conflict("the conversation is already closed")
    conversation.status = Status.CLOSED
    conversation.closed_at = at or utcnow()
    conversation.closed_by_id = user.id
    conversation.waiting_since = None
    await _event(session, conversation, "conversation.closed", closed_by_id=user.id)


async def _reopen(session: AsyncSession, conversation: Conversation) -> None:
    conversation.status = Status.OPEN
    conversation.closed_at = conversation.closed_by_id = None
    await _event(session, conversation, "conversation.reopened")


async def reopen(session: AsyncSession, user: User, conversation_id: int) -> None:
    conversation = await get_conversation(session, user, conversation_id, lock=True)
    if conversation.status == Status.OPEN:
        raise Conflict("the conversation is open")
    await _reopen(session, conversation)


async def rate(
    session: AsyncSession,
    user: User,
    conversation_id: int,
    rating: int,
    comment: str | None = None,
    at: datetime | None = None,
) -> None:
    conversation = await get_conversation(session, user, conversation_id, lock=True)
    if conversation.customer_id != user.id:
        raise Forbidden("only the customer can rate a conversation")
    if conversation.status != Status.CLOSED:
        raise Conflict("only closed conversations can be rated")
    conversation.rating, conversation.rating_comment = rating, comment
    conversation.rated_at = at or utcnow()
    await _event(session, conversation, "conversation.rated", rating=rating, comment=comment)


async def set_tags(
    session: AsyncSession, user: User, conversation_id: int, names: list[str]
) -> None:
    conversation = await get_conversation(session, user, conversation_id, lock=True)
    wanted = set(names)
    found = await session.scalars(
        select(Tag).where(Tag.organisation_id == user.organisation_id, Tag.name.in_(wanted))
    )
    tags = {tag.name: tag for tag in found}
    for name in wanted - tags.keys():
        tags[name] = Tag(organisation_id=user.organisation_id, name=name)
    conversation.tags = list(tags.values())
    await session.flush()
    await _event(session, conversation, "conversation.tagged", tags=sorted(wanted))


async def mark_read(
    session: AsyncSession, user: User, conversation_id: int, message_id: int | None = None
) -> None:
    await get_conversation(session, user, conversation_id, lock=True)
    newest = await session.scalar(
        select(func.max(Message.id)).where(Message.conversation_id == conversation_id)
    )
    await _read(session, conversation_id, user.id, min(message_id or newest, newest))


async def list_messages(
    session: AsyncSession, user: User, conversation_id: int, before_id: int | None, limit: int
) -> list[Message]:
    await get_conversation(session, user, conversation_id)
    query = (
        select(Message)
        .where(Message.conversation_id == conversation_id)
        .options(selectinload(Message.sender), selectinload(Message.attachments))
        .order_by(Message.id.desc())
        .limit(limit)
    )
    if not user.is_agent:
        query = query.where(Message.is_internal.is_(False))
    if before_id:
        query = query.where(Message.id < before_id)
    return list(reversed((await session.scalars(query)).all()))
