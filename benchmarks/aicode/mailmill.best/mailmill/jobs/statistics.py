"""Numbers per campaign, per segment and per day (UTC).

Campaigns and segments are counted from the messages and days from the events. Days whose
events were archived keep the numbers they had.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time, timedelta, timezone

from sqlalchemy import String, case, func, select
from sqlalchemy.orm import Session

from ..db import Database, chunks, upsert, utcnow
from ..models import Campaign, Event, Message, Stat
from ..registry import JobContext, job
from .events import archive_cutoff


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.utc)


NAMES = ("sent", "failed", "opens", "unique_opens", "clicks", "unique_clicks", "bounces", "unsubscribes")


def count_messages(session: Session) -> list:
    """Rows of campaign, segment and the numbers: the messages are walked once."""
    def having(test):
        return func.coalesce(func.sum(case((test, 1), else_=0)), 0)

    numbers = (
        select(Message.campaign_id, having(Message.status == "sent"), having(Message.status == "failed"),
               func.sum(Message.opens), having(Message.first_opened_at.is_not(None)),
               func.sum(Message.clicks), having(Message.first_clicked_at.is_not(None)),
               having(Message.bounced_at.is_not(None)), having(Message.unsubscribed_at.is_not(None)))
        .group_by(Message.campaign_id))
    segments = dict(session.execute(select(Campaign.id, Campaign.segment_id)).all())
    return [(campaign, segments[campaign], values) for campaign, *values in session.execute(numbers)]


def _message_stats(db: Database, scope: str, rows: list) -> int:
    """`rows`: (key, numbers); those of one key are added up."""
    sums: dict = defaultdict(lambda: [0] * len(NAMES))
    for key, values in rows:
        sums[key] = [a + int(b) for a, b in zip(sums[key], values)]
    stats = [dict(scope=scope, key=str(key), computed_at=utcnow()) | dict(zip(NAMES, values))
             for key, values in sums.items()]
    with db.write() as session:
        for part in chunks(stats, 500):
            upsert(session, Stat, part, ["scope", "key"])
    return len(stats)


def _day(session: Session, column):
    """The UTC day of a moment, as text."""
    if session.get_bind().dialect.name == "postgresql":
        return func.to_char(func.timezone("UTC", column), "YYYY-MM-DD", type_=String)
    return func.date(column, type_=String)


def compute_days(session: Session, first: date, last: date) -> int:
    """Both ends included. Days before the archive's cutoff are left alone."""
    cutoff = archive_cutoff(session)
    if cutoff:
        first = max(first, cutoff.date())
    if first > last:
        return 0
    start, end = midnight(first), midnight(last + timedelta(days=1))
    day_sent, day_of = _day(session, Message.sent_at), _day(session, Event.occurred_at)
    sent_on = dict(session.execute(
        select(day_sent, func.count()).where(Message.status == "sent", Message.sent_at >= start, Message.sent_at < end)
        .group_by(day_sent)).all())
    found_on: dict = defaultdict(dict)
    for at, kind, n, unique in session.execute(
            select(day_of, Event.type, func.count(), func.count(Event.message_id.distinct()))
            .where(Event.occurred_at >= start, Event.occurred_at < end).group_by(day_of, Event.type)):
        found_on[at][kind] = (n, unique)
    rows, day = [], first
    while day <= last:
        sent, found = sent_on.get(day.isoformat(), 0), found_on[day.isoformat()]
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
    ctx.check()
    with ctx.db.read() as session:
        rows = count_messages(session)
    result["campaigns"] = _message_stats(ctx.db, "campaign", [(campaign, values) for campaign, _, values in rows])
    ctx.check()
    result["segments"] = _message_stats(ctx.db, "segment", [(segment, values) for _, segment, values in rows])
    with ctx.db.write() as session:
        result["days"] = compute_days(session, today - timedelta(days=(days or ctx.config.stats_days) - 1), today)
    return result
