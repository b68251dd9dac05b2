"""Send a campaign's messages, never faster than the limit and never knowingly twice.

A message is committed as `sending` before it is handed over. If the process dies there
nobody knows whether it left: transports that recognise a repeated message get it again,
with plain SMTP it becomes `unknown` and is left alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from ..db import Database, utcnow
from ..models import Campaign, Message, Subscriber, Suppression
from ..ratelimit import reserve
from ..registry import JobContext, PermanentError, RetryLater, job
from ..transports import (Mail, PermanentFailure, TemporaryFailure, Transport, TransportDown, UnknownOutcome,
                          make_transport)

MAX_ATTEMPTS = 5
STALE = timedelta(minutes=15)


def recover(db: Database, campaign_id: int, transport: Transport) -> None:
    with db.write() as session:
        session.execute(update(Message).where(Message.campaign_id == campaign_id, Message.status == "sending",
                                              Message.claimed_at < utcnow() - STALE)
                        .values(status="pending" if transport.idempotent else "unknown"))


def claim_message(db: Database, campaign_id: int) -> tuple[Message | None, bool]:
    """(message to send, anything found). A message to a suppressed address is skipped."""
    with db.write() as session:
        message = session.scalar(
            select(Message).where(Message.campaign_id == campaign_id, Message.status == "pending",
                                  Message.next_attempt_at <= utcnow())
            .order_by(Message.next_attempt_at, Message.id).limit(1).with_for_update(skip_locked=True))
        if message is None:
            return None, False
        status = session.scalar(select(Subscriber.status).where(Subscriber.id == message.subscriber_id))
        if status != "active" or session.get(Suppression, message.to_norm):
            message.status, message.error = "skipped", f"subscriber is {status}"
            return None, True
        message.status, message.claimed_at = "sending", utcnow()
        return message, True


def settle(db: Database, message: Message, **values: Any) -> None:
    with db.write() as session:
        session.execute(update(Message).where(Message.id == message.id, Message.status == "sending").values(**values))


def offer(db: Database, transport: Transport, message: Message, unsubscribe: str) -> str:
    url = f"{unsubscribe}?t={message.token}"
    mail = Mail(message.to_email, message.subject, message.html, message.text, message.token,
                {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"})
    attempts = message.attempts + 1
    later = dict(status="pending", attempts=attempts, next_attempt_at=utcnow() + timedelta(minutes=2 ** attempts))
    try:
        transport.send(mail)
    except TransportDown:
        settle(db, message, status="pending")
        raise
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
    settle(db, message, **values)
    return values["status"]


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
        while True:
            ctx.check()
            message, found = claim_message(db, campaign_id)
            if not found:
                break
            if message is None:
                continue
            try:
                ctx.sleep(reserve(db, "send", config.send_per_minute))
            except BaseException:
                settle(db, message, status="pending")
                raise
            offer(db, transport, message, config.unsubscribe_url)
    with db.write() as session:
        counts = dict(session.execute(select(Message.status, func.count())
                                      .where(Message.campaign_id == campaign_id).group_by(Message.status)).all())
        waiting = counts.get("pending", 0) + counts.get("sending", 0)
        if not waiting:
            session.execute(update(Campaign).where(Campaign.id == campaign_id).values(status="sent"))
    if waiting:
        raise RetryLater(f"{waiting} messages wait for another attempt", 60.0)
    return counts
