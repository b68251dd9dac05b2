"""Send a campaign's messages, never faster than the limit and never knowingly twice.

A message is committed as `sending` before it is handed over. If the process dies there
nobody knows whether it left: transports that recognise a repeated message get it again,
with plain SMTP it becomes `unknown` and is left alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ..db import Database, utcnow
from ..models import Campaign, Message, Subscriber, Suppression
from ..ratelimit import reserve_in
from ..registry import JobContext, PermanentError, RetryLater, job
from ..transports import (Mail, PermanentFailure, TemporaryFailure, Transport, TransportDown, UnknownOutcome,
                          make_transport)

BATCH = 50
MAX_ATTEMPTS = 5
STALE = timedelta(minutes=15)


def recover(db: Database, campaign_id: int, transport: Transport) -> None:
    with db.write() as session:
        session.execute(update(Message).where(Message.campaign_id == campaign_id, Message.status == "sending",
                                              Message.claimed_at < utcnow() - STALE)
                        .values(status="pending" if transport.idempotent else "unknown"))


def next_messages(db: Database, campaign_id: int) -> list[Message]:
    """The messages that are due, in order. They are only looked at; each is claimed when its turn comes."""
    with db.read() as session:
        return list(session.scalars(
            select(Message).where(Message.campaign_id == campaign_id, Message.status == "pending",
                                  Message.next_attempt_at <= utcnow())
            .order_by(Message.next_attempt_at, Message.id).limit(BATCH)))


def claim(session: Session, message: Message) -> bool:
    """Mark the message as `sending` if it is still pending and its subscriber may get mail."""
    allowed = (select(Subscriber.id).where(Subscriber.id == message.subscriber_id, Subscriber.status == "active").exists(),
               ~select(Suppression.email_norm).where(Suppression.email_norm == message.to_norm).exists())
    if session.execute(_pending(message).where(*allowed).values(status="sending", claimed_at=utcnow())).rowcount:
        return True
    # rare: somebody else has it, or the address gets no mail any more
    status = session.scalar(select(Subscriber.status).where(Subscriber.id == message.subscriber_id))
    session.execute(_pending(message).values(status="skipped", error=f"subscriber is {status}"))
    return False


def _pending(message: Message):
    return update(Message).where(Message.id == message.id, Message.status == "pending").execution_options(
        synchronize_session=False)


def settle(session: Session, message: Message, **values: Any) -> None:
    session.execute(update(Message).where(Message.id == message.id, Message.status == "sending").values(**values)
                    .execution_options(synchronize_session=False))


def offer(transport: Transport, message: Message, unsubscribe: str) -> dict[str, Any]:
    """Hand the message over; returns what is to be written down about it."""
    url = f"{unsubscribe}?t={message.token}"
    mail = Mail(message.to_email, message.subject, message.html, message.text, message.token,
                {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"})
    attempts = message.attempts + 1
    later = dict(status="pending", attempts=attempts, next_attempt_at=utcnow() + timedelta(minutes=2 ** attempts))
    try:
        transport.send(mail)
    except PermanentFailure as error:
        values = dict(status="failed", attempts=attempts, error=str(error)[:1000])
    except TemporaryFailure as error:
        values = (later if attempts < MAX_ATTEMPTS else dict(status="failed", attempts=attempts))
        values = values | {"error": str(error)[:1000]}
    except UnknownOutcome as error:
        again = transport.idempotent and attempts < MAX_ATTEMPTS
        values = (later if again else dict(status="unknown", attempts=attempts)) | {"error": str(error)[:1000]}
    except (ValueError, UnicodeError) as error:  # a message that cannot be put into MIME
        values = dict(status="failed", attempts=attempts, error=str(error)[:1000])
    else:
        values = dict(status="sent", attempts=attempts, sent_at=utcnow(), error=None)
    return values


@job("send-campaign", max_attempts=10, timeout=12 * 3600)
def send_campaign(ctx: JobContext, campaign_id: int) -> dict:
    db, config = ctx.db, ctx.config
    with db.write() as session:
        if not session.execute(update(Campaign).where(Campaign.id == campaign_id,
                                                      Campaign.status.in_(("rendered", "sending")))
                               .values(status="sending")).rowcount:
            raise PermanentError(f"campaign {campaign_id} is not rendered, or sent already")
    with make_transport(config) as transport:
        recover(db, campaign_id, transport)
        ctx.check()
        while messages := next_messages(db, campaign_id):
            outcome = None  # of the message before: written together with the next claim
            try:
                for message in messages:
                    ctx.check()
                    with db.write() as session:
                        if outcome:
                            settle(session, outcome[0], **outcome[1])
                        claimed = claim(session, message)
                        wait = reserve_in(session, "send", config.send_per_minute) if claimed else 0.0
                    outcome = None
                    if not claimed:
                        continue
                    try:
                        ctx.sleep(wait)
                    except BaseException:
                        outcome = message, {"status": "pending"}
                        raise
                    try:
                        outcome = message, offer(transport, message, config.unsubscribe_url)
                    except TransportDown:
                        outcome = message, {"status": "pending"}
                        raise
            finally:
                if outcome:
                    with db.write() as session:
                        settle(session, outcome[0], **outcome[1])
            ctx.check()
    with db.write() as session:
        counts = dict(session.execute(select(Message.status, func.count())
                                      .where(Message.campaign_id == campaign_id).group_by(Message.status)).all())
        waiting = counts.get("pending", 0) + counts.get("sending", 0)
        if not waiting:
            session.execute(update(Campaign).where(Campaign.id == campaign_id).values(status="sent"))
    if waiting:
        raise RetryLater(f"{waiting} messages wait for another attempt", 60.0)
    return counts
