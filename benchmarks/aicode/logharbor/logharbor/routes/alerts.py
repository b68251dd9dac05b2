from fastapi import APIRouter, HTTPException
from sqlalchemy import delete, select
from sqlalchemy.orm import selectinload

from ..clock import utcnow
from ..deps import Context, Ctx, Limit
from ..models import AlertEvent, AlertRule, AlertRuleGroup, Delivery
from ..schemas import AlertEventOut, AlertRuleIn, AlertRuleOut

router = APIRouter(tags=["alerts"])


def _rule(ctx: Context, rule_id: int, need: str = "viewer") -> tuple[AlertRule, int]:
    rule = ctx.db.get(AlertRule, rule_id)
    if rule is None:
        raise HTTPException(404, "no such alert rule")
    return rule, ctx.project(rule.project_id, need, "alert rule").team_id


@router.get("/projects/{project_id}/alert-rules", response_model=list[AlertRuleOut])
def list_rules(project_id: int, ctx: Ctx):
    ctx.project(project_id)
    return ctx.db.scalars(select(AlertRule).where(AlertRule.project_id == project_id).order_by(AlertRule.id)).all()


@router.post("/projects/{project_id}/alert-rules", response_model=AlertRuleOut, status_code=201)
def create_rule(project_id: int, body: AlertRuleIn, ctx: Ctx):
    project = ctx.project(project_id, "member")
    rule = AlertRule(project_id=project_id, **body.model_dump())
    ctx.db.add(rule)
    ctx.db.flush()
    ctx.audit("alert_rule.create", f"alert_rule:{rule.id}", project.team_id, name=rule.name)
    ctx.db.commit()
    return rule


@router.put("/alert-rules/{rule_id}", response_model=AlertRuleOut)
def update_rule(rule_id: int, body: AlertRuleIn, ctx: Ctx):
    rule, team_id = _rule(ctx, rule_id, "member")
    if body.kind != rule.kind:
        raise HTTPException(422, "the kind of a rule cannot change")
    if body.enabled and not rule.enabled:
        rule.armed_at, rule.state = utcnow(), "ok"
    changed = [key for key, value in body.model_dump().items() if getattr(rule, key) != value]
    for key, value in body.model_dump().items():
        setattr(rule, key, value)
    ctx.audit("alert_rule.update", f"alert_rule:{rule.id}", team_id, name=rule.name, changed=changed)
    ctx.db.commit()
    return rule


@router.delete("/alert-rules/{rule_id}", status_code=204)
def delete_rule(rule_id: int, ctx: Ctx):
    rule, team_id = _rule(ctx, rule_id, "member")
    events = select(AlertEvent.id).where(AlertEvent.rule_id == rule_id)
    ctx.db.execute(delete(Delivery).where(Delivery.event_id.in_(events)))
    ctx.db.execute(delete(AlertEvent).where(AlertEvent.rule_id == rule_id))
    ctx.db.execute(delete(AlertRuleGroup).where(AlertRuleGroup.rule_id == rule_id))
    ctx.db.delete(rule)
    ctx.audit("alert_rule.delete", f"alert_rule:{rule_id}", team_id, name=rule.name)
    ctx.db.commit()


@router.get("/projects/{project_id}/alert-events", response_model=list[AlertEventOut])
def list_alert_events(project_id: int, ctx: Ctx, rule_id: int | None = None, limit: Limit = 50):
    ctx.project(project_id)
    query = (select(AlertEvent).join(AlertRule).where(AlertRule.project_id == project_id)
             .options(selectinload(AlertEvent.deliveries)).order_by(AlertEvent.id.desc()).limit(limit))
    return ctx.db.scalars(query.where(AlertEvent.rule_id == rule_id) if rule_id else query).all()
