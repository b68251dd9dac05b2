"""Numbers per campaign, per segment and per day (UTC).

Campaigns and segments are counted from the messages and days from the events. Days whose
events were archived keep the numbers they had.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from ..db import chunks, upsert, utcnow
from ..models import Campaign, Event, Message, Stat
from ..registry import JobContext, job
from .events import archive_cutoff


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.utc)


def _message_stats(session: Session, scope: str, column) -> int:
    def having(test):
        return func.coalesce(func.sum(case((test, 1), else_=0)), 0)

    rows = session.execute(
        select(column, having(Message.status == "sent"), having(Message.status == "failed"),
               func.sum(Message.opens), having(Message.first_opened_at.is_not(None)),
               func.sum(Message.clicks), having(Message.first_clicked_at.is_not(None)),
               having(Message.bounced_at.is_not(None)), having(Message.unsubscribed_at.is_not(None)))
        .join(Campaign, Campaign.id == Message.campaign_id).group_by(column)).all()
    names = ("sent", "failed", "opens", "unique_opens", "clicks", "unique_clicks", "bounces", "unsubscribes")
    stats = [dict(scope=scope, key=str(key), computed_at=utcnow()) | {n: int(v) for n, v in zip(names, values)}
             for key, *values in rows]
    for part in chunks(stats, 500):
        upsert(session, Stat, part, ["scope", "key"])
    return len(stats)


def compute_days(session: Session, first: date, last: date) -> int:
    """Both ends included. Days before the archive's cutoff are left alone."""
    cutoff = archive_cutoff(session)
    if cutoff:
        first = max(first, cutoff.date())
    rows, day = [], first
    while day <= last:
        start, end = midnight(day), midnight(day + timedelta(days=1))
        sent = session.scalar(select(func.count()).select_from(Message).where(
            Message.status == "sent", Message.sent_at >= start, Message.sent_at < end))
        found = {kind: (n, unique) for kind, n, unique in session.execute(
            select(Event.type, func.count(), func.count(Event.message_id.distinct()))
            .where(Event.occurred_at >= start, Event.occurred_at < end).group_by(Event.type))}
        opens, clicks = found.get("open", (0, 0)), found.get("click", (0, 0))
        rows.append(dict(scope="day", key=day.isoformat(), sent=sent, opens=opens[0], unique_opens=opens[1],
                         clicks=clicks[0], unique_clicks=clicks[1], bounces=found.get("bounce", (0,))[0],
                         unsubscribes=found.get("unsubscribe", (0,))[0] + found.get("complaint", (0,))[0],
                         computed_at=utcnow()))
        day += timedelta(days=1)
    for part in chunks(rows, 200):
        upsert(session, Stat, part, ["scope", "key"])
    return len(rows)


@job("compute-stats")
def compute_stats(ctx: JobContext, days: int = 0) -> dict:
    today = utcnow().date()
    result = {}
    for scope, column in (("campaign", Campaign.id), ("segment", Campaign.segment_id)):
        ctx.check()
        with ctx.db.write() as session:
            result[f"{scope}s"] = _message_stats(session, scope, column)
    with ctx.db.write() as session:
        result["days"] = compute_days(session, today - timedelta(days=(days or ctx.config.stats_days) - 1), today)
    return result
