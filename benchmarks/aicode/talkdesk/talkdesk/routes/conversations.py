from typing import Literal

from fastapi import APIRouter, BackgroundTasks

from ..deps import AgentDep, ContextDep, Limit, Offset, SessionDep, UserDep
from ..errors import AppError
from ..models import Status
from ..schemas.conversation import (
    Assign, ConversationCreate, ConversationOut, ConversationPage, MessageCreate, MessageOut,
    Rating, ReadUpTo, TagsIn,
)
from ..services import conversations, inbox, insights

router = APIRouter(prefix="/conversations", tags=["conversations"])


@router.get("")
async def list_conversations(
    user: UserDep,
    session: SessionDep,
    status: Status | None = None,
    assignee: str | None = None,
    tag: str | None = None,
    customer_id: int | None = None,
    sort: Literal["recent", "waiting"] = "recent",
    limit: Limit = 50,
    offset: Offset = 0,
) -> ConversationPage:
    """`assignee` is a user's id, "me" or "none"."""
    if assignee == "me":
        assignee = user.id
    elif assignee is not None and assignee != "none":
        if not assignee.isdecimal():
            raise AppError("assignee has to be an id, 'me' or 'none'")
        assignee = int(assignee)
    total, items = await inbox.search_conversations(
        session, user, status, assignee, tag, customer_id, sort == "waiting", limit, offset
    )
    return ConversationPage(total=total, items=items)


@router.post("", status_code=201)
async def open_conversation(
    data: ConversationCreate, user: UserDep, session: SessionDep
) -> ConversationOut:
    conversation = await conversations.open_conversation(
        session, user, data.subject, data.body, data.attachments, data.customer_id
    )
    await session.commit()
    return await inbox.one(session, user, conversation.id)


@router.get("/{conversation_id}")
async def get_conversation(
    conversation_id: int, user: UserDep, session: SessionDep
) -> ConversationOut:
    return await inbox.one(session, user, conversation_id)


@router.get("/{conversation_id}/messages")
async def list_messages(
    conversation_id: int,
    user: UserDep,
    session: SessionDep,
    before_id: int | None = None,
    limit: Limit = 50,
) -> list[MessageOut]:
    """The newest messages (or those before `before_id`), oldest first."""
    messages = await conversations.list_messages(
        session, user, conversation_id, before_id, limit
    )
    return [MessageOut.model_validate(m) for m in messages]


@router.post("/{conversation_id}/messages", status_code=201)
async def post_message(
    conversation_id: int, data: MessageCreate, user: UserDep, session: SessionDep
) -> MessageOut:
    message = await conversations.post_message(
        session, user, conversation_id, data.body, data.attachments
    )
    await session.commit()
    return MessageOut.model_validate(message)


@router.post("/{conversation_id}/notes", status_code=201)
async def add_note(
    conversation_id: int, data: MessageCreate, agent: AgentDep, session: SessionDep
) -> MessageOut:
    """A note that only agents see."""
    message = await conversations.post_message(
        session, agent, conversation_id, data.body, data.attachments, internal=True
    )
    await session.commit()
    return MessageOut.model_validate(message)


@router.post("/{conversation_id}/read")
async def mark_read(
    conversation_id: int, data: ReadUpTo, user: UserDep, session: SessionDep
) -> ConversationOut:
    await conversations.mark_read(session, user, conversation_id, data.message_id)
    await session.commit()
    return await inbox.one(session, user, conversation_id)


@router.put("/{conversation_id}/assignee")
async def assign(
    conversation_id: int, data: Assign, agent: AgentDep, session: SessionDep
) -> ConversationOut:
    await conversations.assign(session, agent, conversation_id, data.assignee_id)
    await session.commit()
    return await inbox.one(session, agent, conversation_id)


@router.put("/{conversation_id}/tags")
async def set_tags(
    conversation_id: int, data: TagsIn, agent: AgentDep, session: SessionDep
) -> ConversationOut:
    await conversations.set_tags(session, agent, conversation_id, data.tags)
    await session.commit()
    return await inbox.one(session, agent, conversation_id)


@router.post("/{conversation_id}/close")
async def close(
    conversation_id: int,
    agent: AgentDep,
    session: SessionDep,
    ctx: ContextDep,
    background: BackgroundTasks,
) -> ConversationOut:
    await conversations.close(session, agent, conversation_id)
    await session.commit()
    background.add_task(insights.index_closed, ctx, conversation_id)
    result = await inbox.one(session, agent, conversation_id)
    await session.commit()
    return result


@router.post("/{conversation_id}/reopen")
async def reopen(conversation_id: int, agent: AgentDep, session: SessionDep) -> ConversationOut:
    await conversations.reopen(session, agent, conversation_id)
    await session.commit()
    return await inbox.one(session, agent, conversation_id)


@router.put("/{conversation_id}/rating")
async def rate(
    conversation_id: int, data: Rating, user: UserDep, session: SessionDep
) -> ConversationOut:
    await conversations.rate(session, user, conversation_id, data.rating, data.comment)
    await session.commit()
    return await inbox.one(session, user, conversation_id)
