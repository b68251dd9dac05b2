from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from ..deps import AdminDep, AgentDep, ContextDep, DayRange, SessionDep
from ..models import Status
from ..schemas.stats import AgentStats, DayStats, Overview
from ..services import stats
from ..services.export import conversations_csv

router = APIRouter(tags=["dashboard"])


@router.get("/dashboard/overview")
async def overview(agent: AgentDep, session: SessionDep, days: DayRange) -> Overview:
    return await stats.overview(session, agent.organisation_id, *days)


@router.get("/dashboard/agents")
async def per_agent(agent: AgentDep, session: SessionDep, days: DayRange) -> list[AgentStats]:
    return await stats.per_agent(session, agent.organisation_id, *days)


@router.get("/dashboard/days")
async def per_day(agent: AgentDep, session: SessionDep, days: DayRange) -> list[DayStats]:
    return await stats.per_day(session, agent.organisation_id, *days)


@router.get("/export/conversations.csv")
async def export_conversations(
    admin: AdminDep,
    ctx: ContextDep,
    session: SessionDep,
    days: DayRange,
    status: Status | None = None,
) -> StreamingResponse:
    """Conversations that were opened in these days."""
    await session.commit()  # the connection goes back into the pool before the client downloads
    rows = conversations_csv(ctx.sessions, admin.organisation_id, *stats.bounds(*days), status)
    name = f"conversations-{days[0]}-{days[1]}.csv"
    return StreamingResponse(
        rows,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
