"""Evaluation of alert rules, and the thread which does it every minute."""
import logging
import threading
from datetime import timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from ..clock import utcnow
from ..db import SessionLocal, insert_ignore
from ..models import AlertEvent, AlertRule, AlertRuleGroup, Application, Delivery, ErrorGroup, LogEvent
from ..schemas import EventFilter
from ..settings import Settings
from .notify import deliver_pending
from .search import conditions

log = logging.getLogger(__name__)


def _emit(db: Session, rule: AlertRule, now, status: str, summary: str, detail: dict) -> None:
    event = AlertEvent(rule_id=rule.id, at=now, status=status, summary=summary[:500], detail=detail)
    targets = [("webhook", rule.webhook_url)] if rule.webhook_url else []
    targets += [("mail", address) for address in rule.emails]
    event.deliveries = [Delivery(channel=c, target=t, next_attempt_at=utcnow()) for c, t in targets]
    db.add(event)
    rule.last_notified_at = now


def _transition(db: Session, rule: AlertRule, now, firing: bool, summary: str, detail: dict) -> bool:
    """Tell people when a rule starts and stops firing, and again now and then if the rule asks for it."""
    if firing:
        due = rule.renotify_minutes and now - rule.last_notified_at >= timedelta(minutes=rule.renotify_minutes) \
            if rule.state == "firing" and rule.last_notified_at else rule.state != "firing"
        rule.state = "firing"
        if due:
            _emit(db, rule, now, "firing", summary, detail)
        return bool(due)
    if rule.state == "firing":
        rule.state = "ok"
        _emit(db, rule, now, "resolved", f"{rule.name}: back to normal", detail)
    return False


def _threshold(db, rule, app_ids, now) -> bool:
    start = now - timedelta(minutes=rule.window_minutes)
    where = conditions(db, app_ids, EventFilter(**rule.filter), start, now)
    count = db.scalar(select(func.count()).select_from(LogEvent).where(*where))
    summary = f"{rule.name}: {count} events in {rule.window_minutes} min (threshold {rule.threshold})"
    return _transition(db, rule, now, count >= rule.threshold, summary, {"count": count, "from": start.isoformat()})


def _silence(db, rule, app_ids, now) -> bool:
    last = db.scalar(select(func.max(LogEvent.received_at)).where(
        LogEvent.application_id.in_(app_ids), LogEvent.service == rule.service, LogEvent.archive_id.is_(None)))
    since = max(last, rule.armed_at) if last else rule.armed_at
    summary = f"{rule.name}: nothing from {rule.service} for {rule.window_minutes} min"
    return _transition(db, rule, now, now - since >= timedelta(minutes=rule.window_minutes), summary,
                       {"service": rule.service, "last_event": last.isoformat() if last else None})


def _new_group(db, rule, app_ids, now) -> bool:
    flt = EventFilter(**rule.filter)
    reported = select(AlertRuleGroup.group_id).where(AlertRuleGroup.rule_id == rule.id)
    # The rule's filter is applied to the events of the group.
    matching = select(LogEvent.id).where(LogEvent.group_id == ErrorGroup.id, *conditions(db, app_ids, flt))
    groups = db.scalars(select(ErrorGroup).where(
        ErrorGroup.application_id.in_(app_ids), ErrorGroup.created_at >= rule.armed_at,
        ErrorGroup.id.not_in(reported), matching.exists()).order_by(ErrorGroup.id)).all()
    if not groups:
        return False
    insert_ignore(db, AlertRuleGroup, [{"rule_id": rule.id, "group_id": g.id} for g in groups])
    detail = {"groups": [{"id": g.id, "title": g.title, "culprit": g.culprit, "count": g.count} for g in groups[:20]],
              "total": len(groups)}
    more = f" and {len(groups) - 1} more" if len(groups) > 1 else ""
    _emit(db, rule, now, "firing", f"{rule.name}: new error group: {groups[0].title[:200]}{more}", detail)
    return True


_KINDS = {"threshold": _threshold, "silence": _silence, "new_group": _new_group}


def evaluate_all(settings: Settings, now=None, force: bool = False) -> dict:
    """One round. Several processes may do this at once: each rule is claimed by exactly one of them."""
    now = now or utcnow()
    with SessionLocal() as db:
        ids = list(db.scalars(select(AlertRule.id).where(AlertRule.enabled).order_by(AlertRule.id)))
    evaluated, fired = 0, []
    stale = now - timedelta(seconds=settings.alert_interval_seconds * 0.8)
    for rule_id in ids:
        with SessionLocal() as db:
            claim = update(AlertRule).where(AlertRule.id == rule_id, AlertRule.enabled)
            if not force:
                claim = claim.where(or_(AlertRule.last_evaluated_at.is_(None), AlertRule.last_evaluated_at < stale))
            if not db.execute(claim.values(last_evaluated_at=now)).rowcount:
                continue
            db.commit()
            try:
                rule = db.scalars(select(AlertRule).where(AlertRule.id == rule_id).with_for_update()).one()
                app_ids = list(db.scalars(select(Application.id).where(Application.project_id == rule.project_id)))
                if _KINDS[rule.kind](db, rule, app_ids, now):
                    fired.append(rule_id)
                rule.last_error = ""
                db.commit()
                evaluated += 1
            except Exception as exc:
                log.exception("alert rule %s failed", rule_id)
                db.rollback()
                db.execute(update(AlertRule).where(AlertRule.id == rule_id).values(last_error=str(exc)[:500]))
                db.commit()
    return {"evaluated": evaluated, "fired": fired, "sent": deliver_pending(settings)}


class AlertThread(threading.Thread):
    def __init__(self, settings: Settings):
        super().__init__(name="logharbor-alerts", daemon=True)
        self.settings, self.stopping = settings, threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(self.settings.alert_interval_seconds):
            try:
                evaluate_all(self.settings)
            except Exception:
                log.exception("alert round failed")

    def stop(self) -> None:
        self.stopping.set()
        self.join(timeout=15)
