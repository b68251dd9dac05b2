"""A limit per minute shared by all threads and processes, kept in the database."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from .db import Database, insert_ignore, utcnow
from .models import RateLimit


def reserve(db: Database, key: str, per_minute: int) -> float:
    """Reserve the next free slot and return the seconds to wait for it.

    Slots are evenly spaced, so no burst can cross a minute's boundary.
    """
    if per_minute <= 0:
        return 0.0
    with db.write() as session:
        now = utcnow()
        insert_ignore(session, RateLimit, [dict(key=key, next_at=now)])
        row = session.scalars(select(RateLimit).where(RateLimit.key == key).with_for_update()).one()
        slot = max(now, row.next_at)
        row.next_at = slot + timedelta(seconds=60.0 / per_minute)
        return (slot - now).total_seconds()
