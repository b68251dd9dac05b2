"""Pruning by age, archives as gzipped JSON lines, and restoring them."""
import gzip
import hashlib
import json
import logging
import os
import uuid
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from ..clock import parse_time, utcnow
from ..db import SessionLocal
from ..models import Application, Archive, ErrorGroup, LogEvent
from ..settings import Settings
from .search import event_dict

log = logging.getLogger(__name__)
LOCK = timedelta(hours=1)
AT_ONCE = 500


class RestoreError(Exception):
    pass


def _write_archive(db: Session, app: Application, query, settings: Settings) -> tuple[list[int], int, Path | None]:
    """Write the events of a query as they are read: the ids of all, the number written, and the file."""
    folder = Path(settings.archive_dir) / f"app-{app.id}"
    folder.mkdir(parents=True, exist_ok=True)
    mark = uuid.uuid4().hex[:8]
    partial = folder / f"{mark}.partial"
    ids, count, first, last = [], 0, None, None
    rows = db.execute(query.outerjoin(ErrorGroup, ErrorGroup.id == LogEvent.group_id)
                      .add_columns(ErrorGroup.fingerprint).execution_options(yield_per=AT_ONCE))
    try:
        with open(partial, "wb") as raw:
            with gzip.GzipFile(fileobj=raw, mode="wb") as out:
                for event, fingerprint in rows:
                    ids.append(event.id)
                    if event.archive_id is not None:
                        continue  # Restored events are in an archive file already.
                    count, first, last = count + 1, first or event.ts, event.ts
                    data = event_dict(event)
                    del data["id"], data["group_id"], data["application_id"]
                    data.update(received_at=event.received_at.isoformat(), fingerprint=fingerprint)
                    out.write(json.dumps(data, ensure_ascii=False).encode() + b"\n")
            raw.flush()
            os.fsync(raw.fileno())
        if not count:
            return ids, 0, None
        path = folder / f"{first:%Y%m%dT%H%M%S}-{last:%Y%m%dT%H%M%S}-{mark}.jsonl.gz"
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    db.add(Archive(application_id=app.id, path=str(path.relative_to(settings.archive_dir)),
                   sha256=_digest(path), event_count=count, size_bytes=path.stat().st_size,
                   first_ts=first, last_ts=last))
    return ids, count, path


def _digest(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def prune_application(db: Session, app: Application, settings: Settings, now=None) -> dict:
    """Archive and delete what is past retention. Each chunk is one transaction: the file is complete
    on disk before its rows are deleted, and exactly the rows written are deleted."""
    now = now or utcnow()
    claimed = db.execute(update(Application).where(
        Application.id == app.id, or_(Application.prune_lock_until.is_(None), Application.prune_lock_until < utcnow()),
    ).values(prune_lock_until=utcnow() + LOCK))
    db.commit()
    if not claimed.rowcount:
        return {"application_id": app.id, "skipped": "another prune is running"}
    result = {"application_id": app.id, "archived": 0, "deleted": 0, "archives": 0}
    try:
        expired = (LogEvent.application_id == app.id, LogEvent.ts < now - timedelta(days=app.retention_days),
                   or_(LogEvent.keep_until.is_(None), LogEvent.keep_until < now))
        order = (LogEvent.ts, LogEvent.id)
        while True:
            path, archived = None, 0
            try:
                if app.archive_enabled:
                    query = select(LogEvent).where(*expired).order_by(*order).limit(settings.prune_chunk)
                    ids, archived, path = _write_archive(db, app, query, settings)
                else:
                    ids = db.scalars(select(LogEvent.id).where(*expired).order_by(*order)
                                     .limit(settings.prune_chunk)).all()
                if not ids:
                    break
                for i in range(0, len(ids), 500):
                    db.execute(delete(LogEvent).where(LogEvent.id.in_(ids[i:i + 500]))
                               .execution_options(synchronize_session=False))
                db.execute(update(Application).where(Application.id == app.id)
                           .values(prune_lock_until=utcnow() + LOCK))
                db.commit()
            except Exception:
                db.rollback()
                if path:
                    path.unlink(missing_ok=True)
                raise
            db.expunge_all()
            result["archived"] += archived
            result["deleted"] += len(ids)
            result["archives"] += bool(archived)
    finally:
        db.execute(update(Application).where(Application.id == app.id).values(prune_lock_until=None))
        db.commit()
    return result


def prune_all(settings: Settings, app_id: int | None = None, now=None) -> list[dict]:
    with SessionLocal() as db:
        query = select(Application.id, Application.retention_days, Application.prune_lock_until).order_by(Application.id)
        apps = db.execute(query.where(Application.id == app_id) if app_id else query).all()
        busy = _with_expired(db, {days for _, days, _ in apps}, now or utcnow())
    results = []
    for one, _, locked in apps:
        if one not in busy and not (locked and locked >= utcnow()):  # nothing to claim it for
            results.append({"application_id": one, "archived": 0, "deleted": 0, "archives": 0})
            continue
        try:
            with SessionLocal() as db:
                results.append(prune_application(db, db.get(Application, one), settings, now))
        except Exception as exc:
            log.exception("prune of application %s failed", one)
            results.append({"application_id": one, "error": str(exc)[:300]})
    return results


def _with_expired(db: Session, retentions: set[int], now) -> set[int]:
    """The applications that have events past their retention: one query for each length of it."""
    found = set()
    for days in retentions:
        expired = select(LogEvent.id).where(
            LogEvent.application_id == Application.id, LogEvent.ts < now - timedelta(days=days),
            or_(LogEvent.keep_until.is_(None), LogEvent.keep_until < now))
        found.update(db.scalars(select(Application.id).where(Application.retention_days == days, expired.exists())))
    return found


def restore_archive(db: Session, archive: Archive, settings: Settings) -> int:
    """Bring an archive's events back for a while. Group counts and usage stay as they are:
    the events were counted when they first arrived."""
    locked = db.scalars(select(Archive).where(Archive.id == archive.id).with_for_update()).one()
    if db.scalar(select(LogEvent.id).where(LogEvent.archive_id == locked.id).limit(1)) is not None:
        raise RestoreError("this archive is already restored")
    path = Path(settings.archive_dir) / locked.path
    if not path.exists():
        raise RestoreError("the archive file is missing")
    if _digest(path) != locked.sha256:
        raise RestoreError("the archive file has been changed since it was written")
    keep_until, total, rows = utcnow() + timedelta(days=settings.restore_keep_days), 0, []
    groups: dict[str, int | None] = {None: None}

    def insert_rows() -> None:
        """Insert the rows so far, with the groups of their fingerprints, which are looked up once."""
        new = {row["fingerprint"] for row in rows} - set(groups)
        if new:
            groups.update(dict.fromkeys(new))
            groups.update(db.execute(select(ErrorGroup.fingerprint, ErrorGroup.id).where(
                ErrorGroup.application_id == locked.application_id, ErrorGroup.fingerprint.in_(new))).all())
        for row in rows:
            row["group_id"] = groups[row.pop("fingerprint")]
        db.execute(insert(LogEvent), rows)

    with gzip.open(path, "rt", encoding="utf-8") as handle:
        for line in handle:
            data = json.loads(line)
            ts = parse_time(data.pop("time"))
            rows.append({
                **{k: data[k] for k in ("level", "service", "host", "message", "trace_id", "span_id", "parent_span_id",
                                        "duration_ms", "stack", "fields")},
                "application_id": locked.application_id, "ts": ts, "minute": int(ts.timestamp() // 60),
                "received_at": parse_time(data["received_at"]), "user_key": data["user"],
                "fingerprint": data["fingerprint"], "archive_id": locked.id, "keep_until": keep_until})
            if len(rows) == 1000:
                insert_rows()
                total, rows = total + len(rows), []
    if rows:
        insert_rows()
    locked.restored_at = utcnow()
    return total + len(rows)
