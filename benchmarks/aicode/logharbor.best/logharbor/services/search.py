"""The event filter as SQL, shared by search, tail, export, charts and alerts."""
import base64
import csv
import io
import json
import re
import threading
import time
from datetime import datetime, timedelta

from sqlalchemy import Float, String, and_, case, cast, func, or_, select, union_all
from sqlalchemy.orm import Session

from ..clock import parse_time, utcnow
from ..db import SessionLocal, dialect_name
from ..models import LEVELS, LogEvent
from ..schemas import EventFilter, FieldFilter
from ..settings import Settings

_TERM = re.compile(r'(-?)(?:"([^"]+)"|(\S+))')
_FIELD = re.compile(r"^([A-Za-z0-9_.@/:-]+?)(!=|>=|<=|=|>|<|~)(.*)$", re.S)
APART = 24
_COMPARE = {">": "__gt__", ">=": "__ge__", "<": "__lt__", "<=": "__le__"}


def parse_field(text: str) -> FieldFilter:
    """"status>=500", "region!=eu", "path~checkout", or just "retry" for: the field is there."""
    if match := _FIELD.match(text):
        return FieldFilter(key=match[1], op=match[2], value=match[3])
    return FieldFilter(key=text, op="exists")


def field_text(db: Session, key: str):
    """A field as text, alike on both databases (SQLite would give 1 for true)."""
    if dialect_name(db) == "postgresql":
        return LogEvent.fields[key].as_string()
    path = f'$."{key}"'
    kind = func.json_type(LogEvent.fields, path)
    return case((kind == "true", "true"), (kind == "false", "false"),
                else_=cast(func.json_extract(LogEvent.fields, path), String))


def field_number(db: Session, key: str):
    """A field as a number, NULL where it is missing or is not a number."""
    if key == "duration_ms":
        return LogEvent.duration_ms
    if dialect_name(db) == "postgresql":
        is_number = func.jsonb_typeof(LogEvent.fields[key]) == "number"
        return case((is_number, cast(LogEvent.fields[key].as_string(), Float)))
    path = f'$."{key}"'
    is_number = func.json_type(LogEvent.fields, path).in_(("integer", "real"))
    return case((is_number, cast(func.json_extract(LogEvent.fields, path), Float)))


def _field_condition(db: Session, item: FieldFilter):
    text = field_text(db, item.key)
    if item.op in _COMPARE:
        return getattr(field_number(db, item.key), _COMPARE[item.op])(float(item.value))
    if item.op == "exists":
        return text.is_not(None)
    if item.op == "~":
        return text.icontains(item.value, autoescape=True)
    if item.op == "!=":
        return or_(text.is_(None), text != item.value)
    try:
        return or_(text == item.value, field_number(db, item.key) == float(item.value))  # 1.0 finds 1
    except ValueError:
        return text == item.value


def readable(app_ids: list[int], flt: EventFilter) -> list[int]:
    """The applications a filter asks for, and never more than the caller may see."""
    wanted = set(flt.application_ids)
    return [a for a in app_ids if a in wanted] if wanted else app_ids


def parts(app_ids: list[int], flt: EventFilter) -> list[list]:
    """Conditions that take the search apart, so that in each part an index has the events in their order.

    With very many parts there is one, as it is, and for a trace or a group, which have an index of their own.
    """
    if flt.trace_id or flt.group_id is not None:
        return [[]]
    levels = flt.levels or [None]
    split = [[LogEvent.application_id == a, *([LogEvent.level == level] if level else [])]
             for a in readable(app_ids, flt) for level in dict.fromkeys(levels)]
    return split if 1 < len(split) <= APART else [[]]


def conditions(db: Session, app_ids: list[int], flt: EventFilter, start: datetime | None = None,
               end: datetime | None = None) -> list:
    out = [LogEvent.application_id.in_(readable(app_ids, flt))]
    if start:
        out.append(LogEvent.ts >= start)
    if end:
        out.append(LogEvent.ts < end)
    if flt.levels:
        out.append(LogEvent.level.in_(flt.levels))
    if flt.min_level:
        out.append(LogEvent.level.in_(LEVELS[LEVELS.index(flt.min_level):]))
    if flt.services:
        out.append(LogEvent.service.in_(flt.services))
    if flt.hosts:
        out.append(LogEvent.host.in_(flt.hosts))
    if flt.trace_id:
        out.append(LogEvent.trace_id == flt.trace_id)
    if flt.group_id is not None:
        out.append(LogEvent.group_id == flt.group_id)
    for minus, phrase, word in _TERM.findall(flt.text):
        found = or_(LogEvent.message.icontains(phrase or word, autoescape=True),
                    func.coalesce(LogEvent.stack, "").icontains(phrase or word, autoescape=True))
        out.append(~found if minus else found)
    out.extend(_field_condition(db, item) for item in flt.fields)
    return out


def event_dict(event: LogEvent) -> dict:
    return {
        "id": event.id, "application_id": event.application_id, "time": event.ts.isoformat(), "level": event.level,
        "service": event.service, "host": event.host, "message": event.message, "trace_id": event.trace_id,
        "span_id": event.span_id, "parent_span_id": event.parent_span_id, "duration_ms": event.duration_ms,
        "user": event.user_key, "stack": event.stack, "group_id": event.group_id, "fields": event.fields,
    }


def encode_cursor(event: LogEvent) -> str:
    return base64.urlsafe_b64encode(f"{event.ts.isoformat()}|{event.id}".encode()).decode()


def decode_cursor(cursor: str):
    try:
        ts, _, event_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        ts, event_id = parse_time(ts), int(event_id)
    except ValueError as exc:
        raise ValueError("bad cursor") from exc
    # The bound on ts lets an index begin at the cursor; the OR alone would not.
    return and_(LogEvent.ts <= ts, or_(LogEvent.ts < ts, LogEvent.id < event_id))


def search_page(db: Session, where: list, limit: int, cursor: str | None = None,
                split: list[list] | None = None) -> tuple[list[LogEvent], str | None]:
    """Newest first. The cursor names the last row, so new events never shift the pages."""
    if cursor:
        where = [*where, decode_cursor(cursor)]
    order = (LogEvent.ts.desc(), LogEvent.id.desc())
    query = select(LogEvent).where(*where)
    if split and len(split) > 1:  # the first rows of each part, and of these the first
        firsts = [select(LogEvent.id).where(*part, *where[1:]).order_by(*order).limit(limit + 1).subquery()
                  for part in split]
        query = select(LogEvent).where(LogEvent.id.in_(union_all(*(select(first.c.id) for first in firsts))))
    rows = db.scalars(query.order_by(*order).limit(limit + 1)).all()
    return rows[:limit], (encode_cursor(rows[limit - 1]) if len(rows) > limit else None)


def _export_pages(where_args: tuple, max_rows: int):
    cursor, left, split = None, max_rows, parts(*where_args[:2])
    while left > 0:
        with SessionLocal() as db:
            rows, cursor = search_page(db, conditions(db, *where_args), min(1000, left), cursor, split)
        if rows:
            yield rows
        left -= len(rows)
        if not cursor:
            return


def export_json(where_args: tuple, max_rows: int):
    separator = "[\n"
    for rows in _export_pages(where_args, max_rows):
        yield separator + ",\n".join(json.dumps(event_dict(event), ensure_ascii=False) for event in rows)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def export_csv(where_args: tuple, max_rows: int):
    columns = ["time", "level", "service", "host", "message", "trace_id", "user", "duration_ms", "group_id", "stack",
               "fields"]

    def lines(rows):
        buffer = io.StringIO()
        csv.writer(buffer).writerows(rows)
        return buffer.getvalue()

    def safe(value):
        # Log text comes from outside: keep a spreadsheet from running it as a formula.
        return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value

    def values(event):
        data = {**event_dict(event), "fields": json.dumps(event.fields, ensure_ascii=False)}
        return [safe(data[name]) for name in columns]

    yield lines([columns])
    for rows in _export_pages(where_args, max_rows):
        yield lines(map(values, rows))


class TailCounter:
    """Open live tails. Each one occupies a worker thread, so their number is bounded."""

    def __init__(self):
        self.lock, self.open = threading.Lock(), 0

    def add(self, n: int) -> None:
        with self.lock:
            self.open += n


tails = TailCounter()
TAIL_PAGE = 1000
SETTLE = timedelta(seconds=5)


def tail(app_ids: list[int], flt: EventFilter, last_id: int | None, settings: Settings):
    """Server-sent events, by polling. Concurrent transactions may commit ids out of order on PostgreSQL,
    so the last few seconds are read again and ids already sent are skipped."""
    tails.add(1)
    try:
        deadline, sent = time.monotonic() + settings.tail_max_seconds, set()
        yield "retry: 2000\n\n"
        while time.monotonic() < deadline:
            with SessionLocal() as db:
                if last_id is None:
                    last_id = db.scalar(select(func.max(LogEvent.id))) or 0
                # The newest event that no open transaction can come before, whether or not it matches: there the
                # next poll begins.
                settled = db.scalar(select(LogEvent.id).where(
                    LogEvent.id > last_id, LogEvent.archive_id.is_(None), LogEvent.received_at < utcnow() - SETTLE,
                ).order_by(LogEvent.id.desc()).limit(1)) or last_id
                ids = db.scalars(select(LogEvent.id).where(
                    LogEvent.id > last_id, LogEvent.archive_id.is_(None), *conditions(db, app_ids, flt),
                ).order_by(LogEvent.id).limit(TAIL_PAGE)).all()
                new = [i for i in ids if i not in sent]
                fresh = db.scalars(select(LogEvent).where(LogEvent.id.in_(new)).order_by(LogEvent.id)).all() if new else []
            for row in fresh:
                yield f"id: {row.id}\nevent: log\ndata: {json.dumps(event_dict(row))}\n\n"
                sent.add(row.id)
            last_id = ids[-1] if len(ids) == TAIL_PAGE else settled
            sent = {i for i in sent if i > last_id}
            if not fresh:
                yield ": ping\n\n"
            if len(ids) < TAIL_PAGE:
                time.sleep(settings.tail_poll_seconds)
    finally:
        tails.add(-1)
