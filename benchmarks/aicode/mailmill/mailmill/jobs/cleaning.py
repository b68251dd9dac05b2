"""List hygiene: bounces, unsubscribed addresses and duplicates."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ..db import chunks, insert_ignore
from ..models import Event, Message, SegmentMember, Subscriber, SubscriberTag, Suppression
from ..registry import JobContext, job


def merge(session: Session, norm: str) -> int:
    """Keep the oldest row of an address and fold the others into it."""
    rows = session.scalars(select(Subscriber).where(Subscriber.email_norm == norm, Subscriber.status != "duplicate")
                           .order_by(Subscriber.id).with_for_update()).all()
    keep, others = rows[0], rows[1:]
    for other in others:
        keep.name = keep.name or other.name
        keep.country = keep.country or other.country
        # the same person known from two sources, so the larger total and not the sum
        keep.spent_cents = max(keep.spent_cents, other.spent_cents)
        keep.soft_bounces = max(keep.soft_bounces, other.soft_bounces)
        keep.last_opened_at = max(filter(None, (keep.last_opened_at, other.last_opened_at)), default=None)
        other.status, other.merged_into_id = "duplicate", keep.id
        for model, column in ((SubscriberTag, "tag"), (SegmentMember, "segment_id")):
            found = session.scalars(select(model).where(model.subscriber_id == other.id)).all()
            insert_ignore(session, model, [{"subscriber_id": keep.id, column: getattr(r, column)} for r in found])
            for row in found:
                session.delete(row)
        for model in (Message, Event):
            session.execute(update(model).where(model.subscriber_id == other.id).values(subscriber_id=keep.id))
    return len(others)


@job("clean-list")
def clean_list(ctx: JobContext) -> dict:
    result = {"bounced": 0, "unsubscribed": 0, "duplicates": 0}
    with ctx.db.write() as session:
        session.execute(update(Subscriber).where(Subscriber.status == "active",
                                                 Subscriber.soft_bounces >= ctx.config.soft_bounce_limit)
                        .values(status="bounced"))
    # 1. every bad status becomes a suppression, so that it holds for all rows of the address
    with ctx.db.read() as session:
        bad = session.execute(
            select(Subscriber.email_norm, Subscriber.status)
            .where(Subscriber.status.in_(("unsubscribed", "bounced")),
                   Subscriber.email_norm.not_in(select(Suppression.email_norm)))).all()
    for part in chunks(sorted(set(bad)), 500):
        ctx.check()
        with ctx.db.write() as session:
            insert_ignore(session, Suppression, [dict(email_norm=n, reason=s) for n, s in part])
    # 2. duplicates
    with ctx.db.read() as session:
        norms = session.scalars(select(Subscriber.email_norm).where(Subscriber.status != "duplicate")
                                .group_by(Subscriber.email_norm).having(func.count() > 1)
                                .order_by(Subscriber.email_norm)).all()
    for part in chunks(norms, 100):
        ctx.check()
        with ctx.db.write() as session:
            result["duplicates"] += sum(merge(session, norm) for norm in part)
    # 3. suppressed addresses get no mail
    with ctx.db.write() as session:
        for reason in ("bounced", "unsubscribed"):
            listed = select(Suppression.email_norm).where(Suppression.reason == reason)
            session.execute(update(Subscriber).where(Subscriber.status == "active", Subscriber.email_norm.in_(listed))
                            .values(status=reason).execution_options(synchronize_session=False))
            result[reason] = session.scalar(
                select(func.count()).select_from(Subscriber).where(Subscriber.status == reason))
    return result
