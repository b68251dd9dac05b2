"""Pruning by age, archives as gzipped JSON lines, and restoring them."""
import gzip
import hashlib
import json
import logging
import os
import uuid
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from ..clock import parse_time, utcnow
from ..db import SessionLocal
from ..models import Application, Archive, ErrorGroup, LogEvent
from ..settings import Settings
from .search import event_dict

log = logging.getLogger(__name__)
LOCK = timedelta(hours=1)


class RestoreError(Exception):
    pass


def _write_archive(db: Session, app: Application, events: list[LogEvent], settings: Settings) -> tuple[Archive, Path]:
    folder = Path(settings.archive_dir) / f"app-{app.id}"
    folder.mkdir(parents=True, exist_ok=True)
    first, last = events[0].ts, events[-1].ts
    path = folder / f"{first:%Y%m%dT%H%M%S}-{last:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}.jsonl.gz"
    prints = dict(db.execute(select(ErrorGroup.id, ErrorGroup.fingerprint).where(
        ErrorGroup.id.in_({e.group_id for e in events if e.group_id}))).all())
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as raw:
        with gzip.GzipFile(fileobj=raw, mode="wb") as out:
            for event in events:
                data = event_dict(event)
                del data["id"], data["group_id"], data["application_id"]
                data.update(received_at=event.received_at.isoformat(), fingerprint=prints.get(event.group_id))
                out.write(json.dumps(data, ensure_ascii=False).encode() + b"\n")
        raw.flush()
        os.fsync(raw.fileno())
    os.replace(partial, path)
    archive = Archive(application_id=app.id, path=str(path.relative_to(settings.archive_dir)),
                      sha256=_digest(path), event_count=len(events), size_bytes=path.stat().st_size,
                      first_ts=first, last_ts=last)
    db.add(archive)
    return archive, path


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
        while events := db.scalars(select(LogEvent).where(*expired).order_by(LogEvent.ts, LogEvent.id)
                                   .limit(settings.prune_chunk)).all():
            # Restored events are in an archive file already.
            fresh = [e for e in events if e.archive_id is None] if app.archive_enabled else []
            path = None
            try:
                if fresh:
                    _, path = _write_archive(db, app, fresh, settings)
                ids = [e.id for e in events]
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
            result["archived"] += len(fresh)
            result["deleted"] += len(ids)
            result["archives"] += bool(fresh)
    finally:
        db.execute(update(Application).where(Application.id == app.id).values(prune_lock_until=None))
        db.commit()
    return result


def prune_all(settings: Settings, app_id: int | None = None, now=None) -> list[dict]:
    with SessionLocal() as db:
        query = select(Application.id).order_by(Application.id)
        ids = list(db.scalars(query.where(Application.id == app_id) if app_id else query))
    results = []
    for one in ids:
        try:
            with SessionLocal() as db:
                results.append(prune_application(db, db.get(Application, one), settings, now))
        except Exception as exc:
            log.exception("prune of application %s failed", one)
            results.append({"application_id": one, "error": str(exc)[:300]})
    return results


def restore_archive(db: Session, archive: Archive, settings: Settings) -> int:
    """Bring an archive's events back for a while. Group counts and usage stay as they are:
    the events were counted when they first arrived."""
    locked = db.scalars(select(Archive).where(Archive.id == archive.id).with_for_update()).one()
    if db.scalar(select(func.count()).where(LogEvent.archive_id == locked.id)):
        raise RestoreError("this archive is already restored")
    path = Path(settings.archive_dir) / locked.path
    if not path.exists():
        raise RestoreError("the archive file is missing")
    if _digest(path) != locked.sha256:
        raise RestoreError("the archive file has been changed since it was written")
    groups = dict(db.execute(select(ErrorGroup.fingerprint, ErrorGroup.id)
                             .where(ErrorGroup.application_id == locked.application_id)).all())
    keep_until, total, rows = utcnow() + timedelta(days=settings.restore_keep_days), 0, []
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        for line in handle:
            data = json.loads(line)
            ts = parse_time(data.pop("time"))
            rows.append({
                **{k: data[k] for k in ("level", "service", "host", "message", "trace_id", "span_id", "parent_span_id",
                                        "duration_ms", "stack", "fields")},
                "application_id": locked.application_id, "ts": ts, "minute": int(ts.timestamp() // 60),
                "received_at": parse_time(data["received_at"]), "user_key": data["user"],
                "group_id": groups.get(data["fingerprint"]), "archive_id": locked.id, "keep_until": keep_until})
            if len(rows) == 1000:
                db.execute(insert(LogEvent), rows)
                total, rows = total + len(rows), []
    if rows:
        db.execute(insert(LogEvent), rows)
    locked.restored_at = utcnow()
    return total + len(rows)
