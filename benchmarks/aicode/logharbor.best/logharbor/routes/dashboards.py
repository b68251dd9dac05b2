from fastapi import APIRouter, HTTPException
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from ..clock import utcnow
from ..deps import Context, Ctx, Range
from ..models import Chart, Dashboard
from ..schemas import ChartConfig, ChartIn, ChartOut, DashboardOut, NameIn
from ..services.charts import chart_data

router = APIRouter(tags=["dashboards"])


def _dashboard(ctx: Context, dashboard_id: int, need: str = "viewer") -> Dashboard:
    dashboard = ctx.db.get(Dashboard, dashboard_id)
    if dashboard is None:
        raise HTTPException(404, "no such dashboard")
    ctx.project(dashboard.project_id, need, "dashboard")
    return dashboard


def _chart(ctx: Context, chart_id: int, need: str = "viewer") -> tuple[Chart, Dashboard]:
    chart = ctx.db.get(Chart, chart_id)
    if chart is None:
        raise HTTPException(404, "no such chart")
    return chart, _dashboard(ctx, chart.dashboard_id, need)


def _done(ctx: Context, action: str, dashboard: Dashboard, **detail) -> None:
    team_id = ctx.project(dashboard.project_id).team_id
    ctx.audit(action, f"dashboard:{dashboard.id}", team_id, **detail)
    ctx.db.commit()


@router.get("/projects/{project_id}/dashboards", response_model=list[DashboardOut])
def list_dashboards(project_id: int, ctx: Ctx):
    ctx.project(project_id)
    return ctx.db.scalars(select(Dashboard).where(Dashboard.project_id == project_id).order_by(Dashboard.name)
                          .options(selectinload(Dashboard.charts))).all()


@router.post("/projects/{project_id}/dashboards", response_model=DashboardOut, status_code=201)
def create_dashboard(project_id: int, body: NameIn, ctx: Ctx):
    ctx.project(project_id, "member")
    dashboard = Dashboard(project_id=project_id, name=body.name)
    ctx.db.add(dashboard)
    ctx.db.flush()
    _done(ctx, "dashboard.create", dashboard, name=body.name)
    return dashboard


@router.delete("/dashboards/{dashboard_id}", status_code=204)
def delete_dashboard(dashboard_id: int, ctx: Ctx):
    dashboard = _dashboard(ctx, dashboard_id, "member")
    ctx.db.delete(dashboard)
    _done(ctx, "dashboard.delete", dashboard, name=dashboard.name)


@router.post("/dashboards/{dashboard_id}/charts", response_model=ChartOut, status_code=201)
def add_chart(dashboard_id: int, body: ChartIn, ctx: Ctx):
    dashboard = _dashboard(ctx, dashboard_id, "member")
    chart = Chart(dashboard_id=dashboard_id, **body.model_dump())
    ctx.db.add(chart)
    _done(ctx, "chart.create", dashboard, title=body.title)
    return chart


@router.put("/charts/{chart_id}", response_model=ChartOut)
def update_chart(chart_id: int, body: ChartIn, ctx: Ctx):
    chart, dashboard = _chart(ctx, chart_id, "member")
    for key, value in body.model_dump().items():
        setattr(chart, key, value)
    _done(ctx, "chart.update", dashboard, chart=chart_id, title=body.title)
    return chart


@router.delete("/charts/{chart_id}", status_code=204)
def delete_chart(chart_id: int, ctx: Ctx):
    chart, dashboard = _chart(ctx, chart_id, "member")
    ctx.db.delete(chart)
    _done(ctx, "chart.delete", dashboard, chart=chart_id, title=chart.title)


@router.get("/dashboards/{dashboard_id}/data")
def dashboard_data(dashboard_id: int, ctx: Ctx, times: Range):
    """Every chart of the dashboard; from and to replace the charts' own ranges."""
    dashboard = _dashboard(ctx, dashboard_id)
    app_ids, (start, end) = ctx.app_ids(dashboard.project_id), times
    return {"id": dashboard.id, "name": dashboard.name, "charts": [
        {"id": c.id, "title": c.title, "kind": c.kind,
         "data": chart_data(ctx.db, c.kind, ChartConfig(**c.config), app_ids, end or utcnow(), start)}
        for c in dashboard.charts]}


@router.post("/projects/{project_id}/charts/preview")
def preview_chart(project_id: int, body: ChartIn, ctx: Ctx, times: Range):
    ctx.project(project_id)
    start, end = times
    return chart_data(ctx.db, body.kind, body.config, ctx.app_ids(project_id), end or utcnow(), start)
