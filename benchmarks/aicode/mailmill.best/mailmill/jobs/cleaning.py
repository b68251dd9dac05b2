"""List hygiene: bounces, unsubscribed addresses and duplicates."""

from __future__ import annotations

from itertools import groupby

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from ..db import chunks, insert_ignore
from ..models import Event, Message, SegmentMember, Subscriber, SubscriberTag, Suppression
from ..registry import JobContext, job


def merge(session: Session, norms: list[str]) -> int:
    """Keep the oldest row of each address and fold the others into it."""
    rows = session.execute(
        select(Subscriber.id, Subscriber.email_norm, Subscriber.name, Subscriber.country, Subscriber.spent_cents,
               Subscriber.soft_bounces, Subscriber.last_opened_at)
        .where(Subscriber.email_norm.in_(norms), Subscriber.status != "duplicate")
        .order_by(Subscriber.id).with_for_update()).all()
    kept, gone = [], []
    for _, group in groupby(sorted(rows, key=lambda row: row.email_norm), key=lambda row: row.email_norm):
        first, *others = group
        if not others:
            continue
        everyone = [first, *others]
        kept.append(dict(id=first.id, name=next((r.name for r in everyone if r.name), first.name),
                         country=next((r.country for r in everyone if r.country), others[-1].country),
                         # the same person known from two sources, so the larger total and not the sum
                         spent_cents=max(r.spent_cents for r in everyone),
                         soft_bounces=max(r.soft_bounces for r in everyone),
                         last_opened_at=max((r.last_opened_at for r in everyone if r.last_opened_at), default=None)))
        gone += [dict(id=r.id, status="duplicate", merged_into_id=first.id) for r in others]
    if not gone:
        return 0
    session.execute(update(Subscriber), kept)
    session.execute(update(Subscriber), gone)
    for part in chunks([row["id"] for row in gone], 500):
        keeper = select(Subscriber.merged_into_id)
        for model, column in ((SubscriberTag, "tag"), (SegmentMember, "segment_id")):
            theirs, theirs_too = model.__table__, model.__table__.alias()
            session.execute(insert(model).from_select(
                ["subscriber_id", column],
                select(Subscriber.merged_into_id, theirs.c[column]).distinct()
                .select_from(theirs).join(Subscriber, Subscriber.id == theirs.c.subscriber_id)
                .where(Subscriber.id.in_(part), ~select(theirs_too.c.subscriber_id).where(
                    theirs_too.c.subscriber_id == Subscriber.merged_into_id,
                    theirs_too.c[column] == theirs.c[column]).exists())))
            session.execute(delete(model).where(model.subscriber_id.in_(part)).execution_options(synchronize_session=False))
        for model in (Message, Event):
            session.execute(update(model).where(model.subscriber_id.in_(part)).values(
                subscriber_id=keeper.where(Subscriber.id == model.subscriber_id).scalar_subquery())
                .execution_options(synchronize_session=False))
    return len(gone)


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
            result["duplicates"] += merge(session, part)
    # 3. suppressed addresses get no mail
    with ctx.db.write() as session:
        for reason in ("bounced", "unsubscribed"):
            listed = select(Suppression.email_norm).where(Suppression.reason == reason)
            session.execute(update(Subscriber).where(Subscriber.status == "active", Subscriber.email_norm.in_(listed))
                            .values(status=reason).execution_options(synchronize_session=False))
            result[reason] = session.scalar(
                select(func.count()).select_from(Subscriber).where(Subscriber.status == reason))
    return result
