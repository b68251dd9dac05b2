from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query

from ..deps import Context, Ctx, Limit
from ..models import ErrorGroup
from ..schemas import EventFilter, GroupOut, GroupStateIn
from ..services import groups, search

router = APIRouter(tags=["error groups"])
State = Literal["open", "ignored", "resolved", "regressed"]


def _group(ctx: Context, group_id: int, need: str = "viewer") -> ErrorGroup:
    group = ctx.db.get(ErrorGroup, group_id)
    if group is None:
        raise HTTPException(404, "no such error group")
    ctx.application(group.application_id, need, "error group")
    return group


@router.get("/projects/{project_id}/groups")
def list_groups(project_id: int, ctx: Ctx, state: Annotated[list[State], Query()] = [], q: str = "",
                sort: Literal["last_seen", "first_seen", "count", "users"] = "last_seen", limit: Limit = 50,
                offset: Annotated[int, Query(ge=0)] = 0):
    ctx.project(project_id)
    rows, total = groups.list_groups(ctx.db, ctx.app_ids(project_id), state, q, sort, limit, offset)
    return {"total": total, "groups": [GroupOut.model_validate(row) for row in rows]}


@router.get("/groups/{group_id}")
def get_group(group_id: int, ctx: Ctx):
    group = groups.with_users(_group(ctx, group_id))
    where = search.conditions(ctx.db, [group.application_id], EventFilter(group_id=group.id))
    latest, _ = search.search_page(ctx.db, where, 10)
    return {**GroupOut.model_validate(group).model_dump(), "latest_events": [search.event_dict(e) for e in latest]}


@router.patch("/groups/{group_id}", response_model=GroupOut)
def set_state(group_id: int, body: GroupStateIn, ctx: Ctx):
    app = ctx.application(_group(ctx, group_id, "member").application_id)
    group, before = groups.set_state(ctx.db, group_id, body.state)
    ctx.audit("group.state", f"group:{group_id}", app.project.team_id, before=before, after=body.state)
    ctx.db.commit()
    return groups.with_users(group)
