from typing import Annotated

from fastapi import APIRouter, Query

from ..deps import AgentDep, ContextDep, SessionDep
from ..schemas.conversation import SimilarOut, SuggestionIn, SuggestionOut, SummaryOut
from ..services import insights
from ..services.conversations import get_conversation

router = APIRouter(prefix="/conversations/{conversation_id}", tags=["ai"])

# Each route checks access and then commits, which gives the connection back to the pool
# before the slow call to the AI service.


@router.post("/suggested-reply")
async def suggested_reply(
    conversation_id: int, data: SuggestionIn, agent: AgentDep, session: SessionDep, ctx: ContextDep
) -> SuggestionOut:
    await get_conversation(session, agent, conversation_id)
    await session.commit()
    text = await insights.suggest_reply(ctx, conversation_id, data.instruction)
    return SuggestionOut(suggestion=text)


@router.post("/summary")
async def summary(
    conversation_id: int, agent: AgentDep, session: SessionDep, ctx: ContextDep
) -> SummaryOut:
    await get_conversation(session, agent, conversation_id)
    await session.commit()
    text, cached = await insights.summarise(ctx, conversation_id)
    return SummaryOut(summary=text, cached=cached)


@router.get("/similar")
async def similar(
    conversation_id: int,
    agent: AgentDep,
    session: SessionDep,
    ctx: ContextDep,
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
) -> list[SimilarOut]:
    """Closed conversations of the organisation, the most similar first."""
    await get_conversation(session, agent, conversation_id)
    await session.commit()
    return await insights.similar(ctx, agent.organisation_id, conversation_id, limit)
