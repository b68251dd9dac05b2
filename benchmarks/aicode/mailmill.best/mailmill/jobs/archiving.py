"""Move old events into compressed files."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from datetime import date, timedelta
from typing import Sequence

from sqlalchemy import delete, func, select

from ..db import chunks, upsert, utcnow
from ..models import Archive, Event, State
from ..registry import JobContext, PermanentError, job
from .events import ARCHIVE_CUTOFF, archive_cutoff
from .statistics import compute_days, midnight

BATCH = 5000


def as_json(event: Event) -> str:
    return json.dumps({"id": event.id, "uid": event.uid, "type": event.type, "at": event.occurred_at.isoformat(),
                       "message_id": event.message_id, "subscriber_id": event.subscriber_id,
                       "article_id": event.article_id, "data": event.data}, ensure_ascii=False, sort_keys=True)


@job("archive-events")
def archive_events(ctx: JobContext, keep_days: int = 90) -> dict:
    if keep_days < ctx.config.stats_days:
        raise PermanentError(f"keep_days must be at least {ctx.config.stats_days}, the days statistics are made for")
    wanted = midnight(utcnow().date() - timedelta(days=keep_days))
    # Count the days for the last time, then close them: from here on they keep their numbers.
    with ctx.db.write() as session:
        current = archive_cutoff(session)
        oldest = session.scalar(select(func.min(Event.occurred_at)))
        if oldest is not None and (current is None or current < wanted) and oldest < wanted:
            compute_days(session, oldest.date(), wanted.date() - timedelta(days=1))
        if current is None or current < wanted:
            upsert(session, State, [dict(key=ARCHIVE_CUTOFF, value=wanted.isoformat())], ["key"])
    rows = files = 0
    while True:
        ctx.check()
        with ctx.db.read() as session:
            oldest = session.scalar(select(func.min(Event.occurred_at)).where(Event.occurred_at < wanted))
            if oldest is None:
                return {"rows": rows, "files": files}
            day = oldest.date()
            of_day = Event.occurred_at >= midnight(day), Event.occurred_at < midnight(day + timedelta(days=1))
            events = sorted(session.scalars(select(Event).where(*of_day).limit(BATCH + 1)), key=lambda e: e.id)
            # a busy day: its ids are sorted once, not for each batch
            ids = None if len(events) <= BATCH else sorted(session.scalars(select(Event.id).where(*of_day)))
        for part in chunks(ids, BATCH) if ids else [None]:
            ctx.check()
            if part is not None:
                with ctx.db.read() as session:
                    events = session.scalars(select(Event).where(Event.id.in_(part)).order_by(Event.id)).all()
            if events and _archive(ctx, day, events):
                rows, files = rows + len(events), files + 1


class _Changed(Exception):
    """The rows are not what was written: try again."""


def _archive(ctx: JobContext, day: date, events: Sequence[Event]) -> bool:
    """Write one file, then delete its rows. The file is made while no lock is held."""
    content = "".join(as_json(e) + "\n" for e in events).encode()
    packed = gzip.compress(content, mtime=0)
    path = (ctx.config.path("archive", f"{day:%Y}", f"{day:%m}")
            / f"events-{day}-{events[0].id}-{events[-1].id}.jsonl.gz")
    part = path.with_suffix(f".{ctx.token}.part")  # another archiver may be at the same rows
    with open(part, "wb") as file:
        file.write(packed)
        file.flush()
        os.fsync(file.fileno())
    if gzip.decompress(part.read_bytes()) != content:
        raise OSError(f"{part} does not read back as written")
    try:
        with ctx.db.write() as session:
            # Only now the rows may go. What was written must still be so: another archiver may have taken them,
            # and a merge of subscribers changes whose they are.
            gone = session.execute(delete(Event).where(Event.id.in_([e.id for e in events]))
                                   .returning(Event.id, Event.subscriber_id)
                                   .execution_options(synchronize_session=False)).all()
            if {tuple(row) for row in gone} != {(e.id, e.subscriber_id) for e in events}:
                raise _Changed()
            # A crash before the commit leaves file and rows, never neither.
            os.replace(part, path)
            session.add(Archive(path=str(path), day=day.isoformat(), rows=len(events),
                                sha256=hashlib.sha256(packed).hexdigest()))
    except _Changed:
        part.unlink()
        return False
    return True
