"""A limit per minute shared by all threads and processes, kept in the database."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from .db import Database, insert_ignore, utcnow
from .models import RateLimit


def reserve(db: Database, key: str, per_minute: int) -> float:
    """Reserve the next free slot and return the seconds to wait for it.

    Slots are evenly spaced, so no burst can cross a minute's boundary.
    """
    if per_minute <= 0:
        return 0.0
    with db.write() as session:
        return reserve_in(session, key, per_minute)


def reserve_in(session: Session, key: str, per_minute: int) -> float:
    """The same within a write transaction that is open already."""
    if per_minute <= 0:
        return 0.0
    now = utcnow()
    query = select(RateLimit).where(RateLimit.key == key).with_for_update()
    row = session.scalars(query).one_or_none()
    if row is None:
        insert_ignore(session, RateLimit, [dict(key=key, next_at=now)])
        row = session.scalars(query).one()
    slot = max(now, row.next_at)
    row.next_at = slot + timedelta(seconds=60.0 / per_minute)
    return (slot - now).total_seconds()
