"""Segments from rules.

{"all": [{"field": "country", "op": "in", "value": ["DE", "AT"]},
         {"field": "last_opened", "op": "within_days", "value": 30},
         {"any": [{"field": "tags", "op": "has", "value": "vip"},
                  {"not": {"field": "spent", "op": "lt", "value": 100}}]}]}
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import and_, delete, func, insert, literal, not_, or_, select, true

from ..db import utcnow
from ..models import Segment, SegmentMember, Subscriber, SubscriberTag
from ..registry import JobContext, PermanentError, job
from ..text import parse_cents

_COMPARE = {"eq": "__eq__", "gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__"}


def _strings(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(v, str) for v in values):
        raise ValueError("expected a string or a list of strings")
    return values


def _tagged(tag: str):
    return select(literal(1)).where(SubscriberTag.subscriber_id == Subscriber.id,
                                    SubscriberTag.tag == tag.lower()).correlate(Subscriber).exists()


def _leaf(name: str, op: str, value: Any):
    # Every expression is true or false and never NULL, so that "not" means what it says.
    if name == "country" and op in ("eq", "in"):
        return func.coalesce(Subscriber.country, "").in_([v.upper() for v in _strings(value)])
    if name == "tags" and op in ("has", "has_any", "has_all"):
        tests = [_tagged(tag) for tag in _strings(value)]
        return or_(*tests) if op == "has_any" else and_(*tests)
    if name == "last_opened":
        column = Subscriber.last_opened_at
        if op == "never":
            return column.is_(None)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 36500:
            raise ValueError("expected a number of days")
        cutoff = utcnow() - timedelta(days=value)
        if op == "within_days":
            return and_(column.is_not(None), column >= cutoff)
        if op == "older_than_days":  # people who never opened: use "never"
            return and_(column.is_not(None), column < cutoff)
    if name == "spent" and op in _COMPARE:
        return getattr(Subscriber.spent_cents, _COMPARE[op])(parse_cents(value))
    if name == "score" and op in _COMPARE:
        return getattr(Subscriber.score, _COMPARE[op])(float(value))
    raise ValueError(f"no operator {op!r} for field {name!r}")


def compile_rules(rule: Any):
    if not isinstance(rule, dict):
        raise ValueError("a rule must be an object")
    if len(rule) == 1:
        (kind, inner), = rule.items()
        if kind in ("all", "any") and isinstance(inner, list):
            parts = [compile_rules(r) for r in inner]
            if kind == "any" and not parts:
                raise ValueError("'any' needs at least one rule")
            return and_(true(), *parts) if kind == "all" else or_(*parts)
        if kind == "not":
            return not_(compile_rules(inner))
    if "field" not in rule or not set(rule) <= {"field", "op", "value"}:
        raise ValueError(f"bad rule {rule!r}")
    return _leaf(rule["field"], rule.get("op", "eq"), rule.get("value"))


@job("build-segments")
def build_segments(ctx: JobContext, segment_id: int = 0) -> dict:
    with ctx.db.read() as session:
        query = select(Segment.id).order_by(Segment.id)
        ids = session.scalars(query.where(Segment.id == segment_id) if segment_id else query).all()
    if segment_id and not ids:
        raise PermanentError(f"no segment {segment_id}")
    sizes, errors = {}, {}
    for current in ids:
        ctx.check()
        with ctx.db.write() as session:
            segment = session.scalars(select(Segment).where(Segment.id == current).with_for_update()).one()
            try:
                condition = compile_rules(segment.rules)
            except (ValueError, TypeError) as error:
                errors[segment.name] = str(error)
                continue
            session.execute(delete(SegmentMember).where(SegmentMember.segment_id == current))
            segment.size = sizes[segment.name] = session.execute(insert(SegmentMember).from_select(
                ["segment_id", "subscriber_id"],
                select(literal(current), Subscriber.id).where(Subscriber.status == "active", condition))).rowcount
            segment.built_at = utcnow()
    if errors:  # the good segments are built all the same
        raise PermanentError(f"segments with bad rules: {errors}")
    return {"sizes": sizes}
