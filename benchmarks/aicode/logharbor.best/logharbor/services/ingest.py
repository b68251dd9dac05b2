"""From JSON lines to rows, error groups and usage counters."""
import io
import math
import re
import zlib
from collections import defaultdict
from datetime import timedelta

from pydantic import ValidationError
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from ..clock import utcnow
from ..db import insert_ignore
from ..models import Application, ErrorGroup, ErrorGroupUser, LogEvent, UsageDaily
from ..schemas import EventIn
from .fingerprint import identify

MAX_MESSAGE, MAX_STACK, MAX_VALUE, MAX_FIELDS = 32_000, 64_000, 8_000, 200
_BAD_KEY = re.compile(r"[^A-Za-z0-9_.@/:-]")


class TooLarge(ValueError):
    pass


def gunzip(data: bytes, limit: int) -> bytes:
    """Decompress, refusing to grow past the limit."""
    decoder = zlib.decompressobj(31)
    try:
        out = decoder.decompress(data, limit + 1)
    except zlib.error as exc:
        raise ValueError("body is not valid gzip") from exc
    if len(out) > limit:
        raise TooLarge(f"body is larger than {limit} bytes when decompressed")
    if not decoder.eof:
        raise ValueError("gzip body is cut short")
    return out


def _text(value: str | None, limit: int) -> str:
    return (value or "").replace("\x00", "")[:limit]  # PostgreSQL refuses NUL in text


def _clean(value, depth: int = 0):
    if isinstance(value, str):
        return _text(value, MAX_VALUE)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value[:200]] if depth < 6 else "..."
    if isinstance(value, dict):
        return {_text(k, 200): _clean(v, depth + 1) for k, v in value.items()} if depth < 6 else "..."
    return value


def flatten(fields: dict, prefix: str = "", out: dict | None = None, depth: int = 0) -> dict:
    """{"http": {"status": 200}} becomes {"http.status": 200}: one way to name a field in a filter."""
    out = {} if out is None else out
    for key, value in fields.items():
        if len(out) >= MAX_FIELDS:
            break
        name = (prefix + _BAD_KEY.sub("_", str(key)))[:200]
        if isinstance(value, dict) and value and depth < 6:
            flatten(value, name + ".", out, depth + 1)
        else:
            out[name] = _clean(value)
    return out


def parse_line(line: bytes | str, now, parsed: dict | None = None) -> dict:
    try:
        event = EventIn.model_validate_json(line)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from exc
    ts = event.time or now
    if ts > now + timedelta(days=1):
        raise ValueError("time: more than a day in the future")
    user = event.user
    if isinstance(user, dict):
        user = user.get("id") or user.get("email") or user.get("name")
    exc = event.exception
    stack = _text((exc.stack if exc else "") or event.stack, MAX_STACK)
    row = {
        "ts": ts, "minute": int(ts.timestamp() // 60), "received_at": now, "level": event.level,
        "service": _text(event.service, 200), "host": _text(event.host, 200),
        "message": _text(event.message, MAX_MESSAGE), "trace_id": _text(event.trace_id, 64) or None,
        "span_id": _text(event.span_id, 64) or None, "parent_span_id": _text(event.parent_span_id, 64) or None,
        "duration_ms": event.duration_ms, "user_key": _text(str(user), 200) if user else None, "stack": stack or None,
        "fields": flatten({**(event.model_extra or {}), **event.fields}), "group_id": None, "identity": None,
    }
    if event.level in ("error", "fatal") or stack or exc:
        row["identity"] = identify(row["message"], stack, _text(exc.type, 200) if exc else "",
                                   _text(exc.message, 1000) if exc else "", row["service"], parsed)
    return row


def _update_groups(db: Session, app: Application, rows: list[dict], now) -> None:
    by_fingerprint = defaultdict(list)
    for row in rows:
        if row["identity"]:
            by_fingerprint[row["identity"].fingerprint].append(row)
    if not by_fingerprint:
        return
    # Always in the same order, so that two batches cannot deadlock on each other's groups.
    prints = sorted(by_fingerprint)
    insert_ignore(db, ErrorGroup, [{
        "application_id": app.id, "fingerprint": fp, "title": by_fingerprint[fp][0]["identity"].title,
        "culprit": by_fingerprint[fp][0]["identity"].culprit, "service": by_fingerprint[fp][0]["service"],
        "first_seen": by_fingerprint[fp][0]["ts"], "last_seen": by_fingerprint[fp][0]["ts"], "created_at": now,
    } for fp in prints])
    groups = db.scalars(
        select(ErrorGroup).where(ErrorGroup.application_id == app.id, ErrorGroup.fingerprint.in_(prints))
        .order_by(ErrorGroup.fingerprint).with_for_update().execution_options(populate_existing=True)).all()
    users = set()
    for group in groups:
        members = by_fingerprint[group.fingerprint]
        times = [row["ts"] for row in members]
        group.count += len(members)
        group.first_seen = min(group.first_seen, *times)
        group.last_seen = max(group.last_seen, *times)
        if group.state == "resolved" and max(times) > group.resolved_at:
            group.state, group.regressed_at = "regressed", now
        for row in members:
            row["group_id"] = group.id
            if row["user_key"]:
                users.add((group.id, row["user_key"]))
    db.flush()
    insert_ignore(db, ErrorGroupUser, [{"group_id": g, "user_key": u} for g, u in sorted(users)])


def ingest_lines(db: Session, app: Application, body: bytes, max_lines: int) -> dict:
    """Store one batch in one transaction. Bad lines are reported and do not stop the good ones."""
    now = utcnow()
    rows, rejected, size, parsed = [], [], 0, {}
    for number, line in enumerate(io.BytesIO(body), 1):
        line = line.removesuffix(b"\n")
        if not line.strip():
            continue
        if len(rows) + len(rejected) >= max_lines:
            raise TooLarge(f"more than {max_lines} lines in one batch")
        try:
            rows.append(parse_line(line, now, parsed))
            size += len(line)
        except ValueError as exc:
            rejected.append({"line": number, "error": str(exc)[:300]})
    _update_groups(db, app, rows, now)
    for row in rows:
        del row["identity"]
        row["application_id"] = app.id
    if rows:
        db.execute(insert(LogEvent), rows)
    if rows or rejected:
        insert_ignore(db, UsageDaily, [{"application_id": app.id, "day": now.date()}])
        db.execute(update(UsageDaily).where(UsageDaily.application_id == app.id, UsageDaily.day == now.date()).values(
            events=UsageDaily.events + len(rows), bytes=UsageDaily.bytes + size,
            rejected=UsageDaily.rejected + len(rejected)))
    db.commit()
    return {"accepted": len(rows), "rejected": len(rejected), "errors": rejected[:100]}
