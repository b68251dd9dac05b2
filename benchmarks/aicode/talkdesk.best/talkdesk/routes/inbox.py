from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from ..deps import AdminDep, AgentDep, Limit, Offset, SessionDep
from ..errors import AppError, NotFound
from ..models import Status, Tag, conversation_tags
from ..schemas.conversation import Inbox, MessageOut, SearchHit, SearchPage, TagOut
from ..services import inbox

router = APIRouter()


class Box(StrEnum):
    MINE = "mine"
    UNASSIGNED = "unassigned"
    ALL = "all"


@router.get("/inbox", tags=["inbox"])
async def get_inbox(
    agent: AgentDep, session: SessionDep, box: Box = Box.MINE, limit: Limit = 50, offset: Offset = 0
) -> Inbox:
    """Open conversations, those that wait longest first."""
    assignee = {Box.MINE: agent.id, Box.UNASSIGNED: "none", Box.ALL: None}[box]
    _, items = await inbox.search_conversations(
        session,
        agent,
        status=Status.OPEN,
        assignee=assignee,
        longest_waiting_first=True,
        limit=limit,
        offset=offset,
        with_total=False,
    )
    return Inbox(counts=await inbox.counts(session, agent), items=items)


@router.get("/search/messages", tags=["inbox"])
async def search_messages(
    agent: AgentDep,
    session: SessionDep,
    q: Annotated[str, Query(min_length=2, max_length=200)],
    conversation_id: int | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> SearchPage:
    if not q.strip():
        raise AppError("nothing to search for")
    total, messages = await inbox.search_messages(
        session, agent, q, conversation_id, limit, offset
    )
    hits = [
        SearchHit(
            conversation_id=m.conversation_id,
            subject=m.conversation.subject,
            status=m.conversation.status,
            message=MessageOut.model_validate(m),
        )
        for m in messages
    ]
    return SearchPage(total=total, items=hits)


@router.get("/tags", tags=["tags"])
async def list_tags(agent: AgentDep, session: SessionDep) -> list[TagOut]:
    rows = await session.execute(
        select(Tag.id, Tag.name, func.count(conversation_tags.c.conversation_id))
        .outerjoin(conversation_tags, conversation_tags.c.tag_id == Tag.id)
        .where(Tag.organisation_id == agent.organisation_id)
        .group_by(Tag.id, Tag.name)
        .order_by(Tag.name)
    )
    return [TagOut(id=i, name=name, conversations=count) for i, name, count in rows]


@router.delete("/tags/{tag_id}", status_code=204, tags=["tags"])
async def delete_tag(tag_id: int, admin: AdminDep, session: SessionDep) -> None:
    tag = await session.get(Tag, tag_id)
    if tag is None or tag.organisation_id != admin.organisation_id:
        raise NotFound("no such tag")
    await session.delete(tag)
    await session.commit()
