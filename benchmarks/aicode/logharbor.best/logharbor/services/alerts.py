"""Evaluation of alert rules, and the thread which does it every minute."""
import logging
import threading
from collections import defaultdict
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
    ids = db.scalars(select(ErrorGroup.id).where(
        ErrorGroup.application_id.in_(app_ids), ErrorGroup.created_at >= rule.armed_at,
        ErrorGroup.id.not_in(reported), matching.exists()).order_by(ErrorGroup.id)).all()
    if not ids:
        return False
    insert_ignore(db, AlertRuleGroup, [{"rule_id": rule.id, "group_id": i} for i in ids])
    groups = db.execute(select(ErrorGroup.id, ErrorGroup.title, ErrorGroup.culprit, ErrorGroup.count)
                        .where(ErrorGroup.id.in_(ids[:20])).order_by(ErrorGroup.id)).all()
    detail = {"groups": [{"id": i, "title": title, "culprit": culprit, "count": count}
                         for i, title, culprit, count in groups], "total": len(ids)}
    more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    _emit(db, rule, now, "firing", f"{rule.name}: new error group: {groups[0].title[:200]}{more}", detail)
    return True


_KINDS = {"threshold": _threshold, "silence": _silence, "new_group": _new_group}


def _evaluate(rule_ids: list[int], now) -> list[int]:
    """Evaluate claimed rules in one transaction; the ids of those that fired."""
    fired = []
    with SessionLocal() as db, db.no_autoflush:
        rules = db.scalars(select(AlertRule).where(AlertRule.id.in_(rule_ids)).order_by(AlertRule.id)
                           .with_for_update()).all()
        app_ids = defaultdict(list)
        for project_id, app_id in db.execute(select(Application.project_id, Application.id).where(
                Application.project_id.in_({rule.project_id for rule in rules}))):
            app_ids[project_id].append(app_id)
        for rule in rules:
            if _KINDS[rule.kind](db, rule, app_ids[rule.project_id], now):
                fired.append(rule.id)
            rule.last_error = ""
        db.commit()
    return fired


def _evaluate_apart(rule_ids: list[int], now) -> tuple[int, list[int]]:
    """Evaluate rules one by one, so that one that fails keeps none from its turn."""
    evaluated, fired = 0, []
    for rule_id in rule_ids:
        try:
            fired += _evaluate([rule_id], now)
            evaluated += 1
        except Exception as exc:
            log.exception("alert rule %s failed", rule_id)
            with SessionLocal() as db:
                db.execute(update(AlertRule).where(AlertRule.id == rule_id).values(last_error=str(exc)[:500]))
                db.commit()
    return evaluated, fired


def evaluate_all(settings: Settings, now=None, force: bool = False) -> dict:
    """One round. Several processes may do this at once: each rule is claimed by exactly one of them."""
    now = now or utcnow()
    stale = now - timedelta(seconds=settings.alert_interval_seconds * 0.8)
    claim = update(AlertRule).where(AlertRule.enabled)
    if not force:
        claim = claim.where(or_(AlertRule.last_evaluated_at.is_(None), AlertRule.last_evaluated_at < stale))
    with SessionLocal() as db:
        claim = claim.values(last_evaluated_at=now).returning(AlertRule.id)
        claimed = sorted(db.scalars(claim.execution_options(synchronize_session=False)))
        db.commit()
    try:
        evaluated, fired = len(claimed), _evaluate(claimed, now) if claimed else []
    except Exception:  # nothing of the round was kept
        evaluated, fired = _evaluate_apart(claimed, now)
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
