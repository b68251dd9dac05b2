"""Engagement score, 0 to 100: how much of the recent mail is opened and clicked, and how recently."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import select, update

from ..db import utcnow
from ..models import Message, Subscriber
from ..registry import JobContext, job

HALF_LIFE = 30.0  # days
BATCH = 1000


def score(mails: list[tuple[datetime, bool, bool]], last_opened: datetime | None, now: datetime) -> float:
    """mails: (sent at, opened, clicked). One imaginary ignored mail keeps newcomers from 100."""
    def weight(at: datetime) -> float:
        return 0.5 ** (max((now - at).total_seconds(), 0.0) / 86400 / HALF_LIFE)

    weighed = [(weight(at), was_opened, was_clicked) for at, was_opened, was_clicked in mails]
    total = 1.0 + sum(value for value, _, _ in weighed)
    opened = sum(value for value, was_opened, _ in weighed if was_opened) / total
    clicked = sum(value for value, _, was_clicked in weighed if was_clicked) / total
    recent = weight(last_opened) if last_opened else 0.0
    return round(100 * (0.4 * opened + 0.3 * clicked + 0.3 * recent), 2)


@job("score-subscribers")
def score_subscribers(ctx: JobContext, window_days: int = 180) -> dict:
    now, last_id, done = utcnow(), 0, 0
    while True:
        ctx.check()
        with ctx.db.read() as session:
            people = session.execute(
                select(Subscriber.id, Subscriber.last_opened_at, Subscriber.score)
                .where(Subscriber.id > last_id, Subscriber.status != "duplicate")
                .order_by(Subscriber.id).limit(BATCH)).all()
            if not people:
                return {"scored": done}
            mails = defaultdict(list)
            for who, at, opened, clicked in session.execute(
                    select(Message.subscriber_id, Message.sent_at, Message.first_opened_at, Message.first_clicked_at)
                    .where(Message.subscriber_id.between(people[0].id, people[-1].id), Message.status == "sent",
                           Message.sent_at >= now - timedelta(days=window_days))):
                mails[who].append((at, opened is not None, clicked is not None))
        last_id = people[-1].id
        changes = [{"id": p.id, "score": new} for p in people
                   if (new := score(mails[p.id], p.last_opened_at, now)) != p.score]
        if changes:
            with ctx.db.write() as session:
                session.execute(update(Subscriber), changes)
        done += len(people)
