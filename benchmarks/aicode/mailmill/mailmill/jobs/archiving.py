"""Move old events into compressed files."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from datetime import timedelta

from sqlalchemy import delete, func, select

from ..db import upsert, utcnow
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
        with ctx.db.write() as session:
            oldest = session.scalar(select(func.min(Event.occurred_at)).where(Event.occurred_at < wanted))
            if oldest is None:
                return {"rows": rows, "files": files}
            day = oldest.date()
            events = session.scalars(
                select(Event).where(Event.occurred_at >= midnight(day),
                                    Event.occurred_at < midnight(day + timedelta(days=1)))
                .order_by(Event.id).limit(BATCH).with_for_update()).all()
            if not events:  # another archiver took them
                continue
            content = "".join(as_json(e) + "\n" for e in events).encode()
            packed = gzip.compress(content, mtime=0)
            path = (ctx.config.path("archive", f"{day:%Y}", f"{day:%m}")
                    / f"events-{day}-{events[0].id}-{events[-1].id}.jsonl.gz")
            part = path.with_suffix(".part")
            with open(part, "wb") as file:
                file.write(packed)
                file.flush()
                os.fsync(file.fileno())
            if gzip.decompress(part.read_bytes()) != content:
                raise OSError(f"{part} does not read back as written")
            os.replace(part, path)
            # Only now the rows may go. A crash before the commit leaves file and rows, never neither.
            session.execute(delete(Event).where(Event.id.in_([e.id for e in events]))
                            .execution_options(synchronize_session=False))
            session.add(Archive(path=str(path), day=day.isoformat(), rows=len(events),
                                sha256=hashlib.sha256(packed).hexdigest()))
        rows, files = rows + len(events), files + 1
