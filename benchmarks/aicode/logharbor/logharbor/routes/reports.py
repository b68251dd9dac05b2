from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select

from ..clock import utcnow
from ..deps import Ctx, Limit
from ..models import Team, TeamMember
from ..schemas import AuditOut
from ..services import audit
from ..services.usage import usage_report

router = APIRouter(tags=["usage and audit"])
Month = Annotated[str | None, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", description="YYYY-MM; this month if left out")]


@router.get("/usage")
def usage(ctx: Ctx, month: Month = None, team_id: int | None = None):
    if team_id is not None:
        team_ids = [ctx.team(team_id).id]
    elif ctx.user.is_superuser:
        team_ids = list(ctx.db.scalars(select(Team.id)))
    else:
        team_ids = list(ctx.db.scalars(select(TeamMember.team_id).where(TeamMember.user_id == ctx.user.id)))
    return usage_report(ctx.db, team_ids, month or utcnow().strftime("%Y-%m"))


@router.get("/audit", response_model=list[AuditOut])
def audit_trail(ctx: Ctx, team_id: int | None = None, action: str | None = None, actor: str | None = None,
                before_id: int | None = None, limit: Limit = 100):
    """A team's admins read the team's trail; the whole trail is for superusers."""
    if team_id is None:
        ctx.superuser()
    else:
        ctx.team(team_id, "admin")
    return audit.entries(ctx.db, team_id, action, actor, before_id, limit)
