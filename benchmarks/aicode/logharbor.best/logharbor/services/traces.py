"""The events of one trace id as a tree of spans."""
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models import LogEvent

MAX_EVENTS, MAX_DEPTH = 5000, 50


def _ms(delta: timedelta) -> float:
    return round(delta.total_seconds() * 1000, 3)


def _self_ms(span: dict) -> float:
    """The span's own time: its length less the time covered by at least one child. The children are sorted."""
    covered, upto = timedelta(), span["start"]
    for child in span["children"]:
        begin, finish = max(child["start"], upto), min(child["end"], span["end"])
        if finish > begin:
            covered, upto = covered + (finish - begin), finish
    return _ms(span["end"] - span["start"] - covered)


USED = (LogEvent.id, LogEvent.ts, LogEvent.level, LogEvent.service, LogEvent.message, LogEvent.duration_ms,
        LogEvent.span_id, LogEvent.parent_span_id)


def build_trace(db: Session, app_ids, trace_id: str) -> dict | None:
    """`app_ids` is a list of ids or a query of them."""
    events = db.execute(select(*USED).where(LogEvent.trace_id == trace_id, LogEvent.application_id.in_(app_ids))
                        .order_by(LogEvent.ts, LogEvent.id).limit(MAX_EVENTS + 1)).all()
    if not events:
        return None
    truncated, events = len(events) > MAX_EVENTS, events[:MAX_EVENTS]
    spans, loose = {}, []
    begin, finish = events[0].ts, events[-1].ts
    for event in events:
        # An event that carries a duration is written when the work is done.
        start = event.ts - timedelta(milliseconds=min(event.duration_ms or 0, 86_400_000))
        begin = min(begin, start)
        item = {"id": event.id, "time": event.ts, "level": event.level, "service": event.service,
                "message": event.message, "duration_ms": event.duration_ms}
        if not event.span_id:
            loose.append(item)
            continue
        span = spans.setdefault(event.span_id, {
            "span_id": event.span_id, "parent_span_id": None, "service": event.service, "name": event.message[:200],
            "start": start, "end": event.ts, "events": [], "children": [], "has_error": False})
        span["parent_span_id"] = span["parent_span_id"] or event.parent_span_id
        span["start"], span["end"] = min(span["start"], start), max(span["end"], event.ts)
        span["has_error"] = span["has_error"] or event.level in ("error", "fatal")
        span["events"].append(item)

    children: dict[str, list[dict]] = {}
    for span in spans.values():
        children.setdefault(span["parent_span_id"] or "", []).append(span)
    roots, placed = [], set()

    def place(root: dict) -> None:
        roots.append(root)
        placed.add(root["span_id"])
        stack = [(root, 1)]
        while stack:
            span, depth = stack.pop()
            for child in children.get(span["span_id"], []):
                if child["span_id"] in placed:
                    continue
                placed.add(child["span_id"])
                span["children"].append(child)
                if depth < MAX_DEPTH:
                    stack.append((child, depth + 1))

    ordered = sorted(spans.values(), key=lambda s: s["start"])
    for span in ordered:
        if not span["parent_span_id"] or span["parent_span_id"] not in spans:
            span["parent_missing"] = bool(span["parent_span_id"])
            place(span)
    for span in ordered:  # what is left is a loop of parents, or lies below the depth limit
        if span["span_id"] not in placed:
            place(span)
    for span in spans.values():
        span["children"].sort(key=lambda c: c["start"])
        span["duration_ms"], span["self_ms"] = _ms(span["end"] - span["start"]), _self_ms(span)
        span["offset_ms"] = _ms(span["start"] - begin)
    return {"trace_id": trace_id, "start": begin, "end": finish, "duration_ms": _ms(finish - begin),
            "events": len(events), "truncated": truncated, "services": sorted({e.service for e in events}),
            "errors": sum(e.level in ("error", "fatal") for e in events), "roots": roots, "loose_events": loose}
