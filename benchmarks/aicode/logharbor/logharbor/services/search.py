"""The event filter as SQL, shared by search, tail, export, charts and alerts."""
import base64
import csv
import io
import json
import re
import threading
import time
from datetime import datetime, timedelta

from sqlalchemy import Float, String, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session

from ..clock import parse_time, utcnow
from ..db import SessionLocal, dialect_name
from ..models import LEVELS, LogEvent
from ..schemas import EventFilter, FieldFilter
from ..settings import Settings

_TERM = re.compile(r'(-?)(?:"([^"]+)"|(\S+))')
_FIELD = re.compile(r"^([A-Za-z0-9_.@/:-]+?)(!=|>=|<=|=|>|<|~)(.*)$", re.S)
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


def conditions(db: Session, app_ids: list[int], flt: EventFilter, start: datetime | None = None,
               end: datetime | None = None) -> list:
    if flt.application_ids:
        app_ids = [a for a in app_ids if a in set(flt.application_ids)]  # never more than the caller may see
    out = [LogEvent.application_id.in_(app_ids)]
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
    return or_(LogEvent.ts < ts, and_(LogEvent.ts == ts, LogEvent.id < event_id))


def search_page(db: Session, where: list, limit: int, cursor: str | None = None) -> tuple[list[LogEvent], str | None]:
    """Newest first. The cursor names the last row, so new events never shift the pages."""
    if cursor:
        where = [*where, decode_cursor(cursor)]
    rows = db.scalars(select(LogEvent).where(*where)
                      .order_by(LogEvent.ts.desc(), LogEvent.id.desc()).limit(limit + 1)).all()
    return rows[:limit], (encode_cursor(rows[limit - 1]) if len(rows) > limit else None)


def _export_rows(where_args: tuple, max_rows: int):
    cursor, left = None, max_rows
    while left > 0:
        with SessionLocal() as db:
            rows, cursor = search_page(db, conditions(db, *where_args), min(1000, left), cursor)
        yield from rows
        left -= len(rows)
        if not cursor:
            return


def export_json(where_args: tuple, max_rows: int):
    separator = "[\n"
    for event in _export_rows(where_args, max_rows):
        yield separator + json.dumps(event_dict(event), ensure_ascii=False)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def export_csv(where_args: tuple, max_rows: int):
    columns = ["time", "level", "service", "host", "message", "trace_id", "user", "duration_ms", "group_id", "stack",
               "fields"]

    def line(values):
        buffer = io.StringIO()
        csv.writer(buffer).writerow(values)
        return buffer.getvalue()

    def safe(value):
        # Log text comes from outside: keep a spreadsheet from running it as a formula.
        return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value

    yield line(columns)
    for event in _export_rows(where_args, max_rows):
        data = {**event_dict(event), "fields": json.dumps(event.fields, ensure_ascii=False)}
        yield line([safe(data[name]) for name in columns])


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
                rows = db.scalars(select(LogEvent).where(
                    LogEvent.id > last_id, LogEvent.archive_id.is_(None), *conditions(db, app_ids, flt),
                ).order_by(LogEvent.id).limit(TAIL_PAGE)).all()
            fresh = [row for row in rows if row.id not in sent]
            for row in fresh:
                yield f"id: {row.id}\nevent: log\ndata: {json.dumps(event_dict(row))}\n\n"
                sent.add(row.id)
            if len(rows) == TAIL_PAGE:
                last_id = rows[-1].id
            else:
                settled = utcnow() - SETTLE
                last_id = max([last_id, *(row.id for row in rows if row.received_at < settled)])
            sent = {i for i in sent if i > last_id}
            if not fresh:
                yield ": ping\n\n"
            if len(rows) < TAIL_PAGE:
                time.sleep(settings.tail_poll_seconds)
    finally:
        tails.add(-1)
