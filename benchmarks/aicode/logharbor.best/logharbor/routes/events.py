from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy import func, select

from ..deps import DB, Ctx, Filter, IngestApp, Limit, Range, batch_body
from ..models import LogEvent
from ..services import search
from ..services.ingest import TooLarge, ingest_lines
from ..services.traces import build_trace
from ..settings import get_settings

router = APIRouter(tags=["events"])


@router.post("/ingest", status_code=202)
def ingest(app: IngestApp, db: DB, body: Annotated[bytes, Depends(batch_body)]):
    """JSON lines, plain or gzipped. 202 if anything was stored, 422 if every line was bad."""
    try:
        result = ingest_lines(db, app, body, get_settings().max_batch_lines)
    except TooLarge as exc:
        raise HTTPException(413, str(exc)) from exc
    if result["rejected"] and not result["accepted"]:
        return JSONResponse(result, status_code=422)
    return result


@router.get("/projects/{project_id}/events")
def search_events(project_id: int, ctx: Ctx, flt: Filter, times: Range, limit: Limit = 100,
                  cursor: str | None = None, with_total: bool = False):
    ctx.project(project_id)
    app_ids = ctx.app_ids(project_id)
    where = search.conditions(ctx.db, app_ids, flt, *times)
    try:
        rows, next_cursor = search.search_page(ctx.db, where, limit, cursor, search.parts(app_ids, flt))
    except ValueError as exc:
        raise HTTPException(422, str(exc)) from exc
    result = {"events": [search.event_dict(row) for row in rows], "next_cursor": next_cursor}
    if with_total:
        result["total"] = ctx.db.scalar(select(func.count()).select_from(LogEvent).where(*where))
    return result


@router.get("/projects/{project_id}/tail")
def tail(project_id: int, ctx: Ctx, flt: Filter, last_event_id: Annotated[int | None, Header()] = None):
    """Server-sent events; the connection ends after a while and the client picks up with Last-Event-ID."""
    ctx.project(project_id)
    settings, app_ids = get_settings(), ctx.app_ids(project_id)
    if search.tails.open >= settings.tail_max_clients:
        raise HTTPException(503, "too many live tails", headers={"Retry-After": "30"})
    ctx.db.close()  # do not hold a connection for as long as the stream lasts
    return StreamingResponse(search.tail(app_ids, flt, last_event_id, settings), media_type="text/event-stream",
                             headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})


@router.get("/projects/{project_id}/export")
def export(project_id: int, ctx: Ctx, flt: Filter, times: Range, format: Literal["csv", "json"] = "json"):
    project = ctx.project(project_id)
    max_rows = get_settings().max_export_rows
    where_args = (ctx.app_ids(project_id), flt, *times)
    ctx.audit("events.export", f"project:{project_id}", project.team_id, format=format,
              filter=flt.model_dump(exclude_defaults=True))
    ctx.db.commit()
    ctx.db.close()
    make, media = {"csv": (search.export_csv, "text/csv; charset=utf-8"),
                   "json": (search.export_json, "application/json")}[format]
    return StreamingResponse(make(where_args, max_rows), media_type=media, headers={
        "Content-Disposition": f'attachment; filename="logharbor-{project_id}.{format}"',
        "X-Export-Limit": str(max_rows)})


@router.get("/traces/{trace_id}")
def trace(trace_id: str, ctx: Ctx):
    """A trace may cross projects: it shows the events of every project the caller can read."""
    result = build_trace(ctx.db, ctx.readable_app_ids(), trace_id)
    if result is None:
        raise HTTPException(404, "no events with this trace id")
    return result
