"""Webhook and mail delivery, from the outbox table."""
import hashlib
import hmac
import ipaddress
import json
import logging
import smtplib
import socket
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, nullcontext, suppress
from contextvars import ContextVar
from datetime import timedelta
from email.message import EmailMessage
from itertools import chain
from urllib.parse import urlsplit

import httpx
from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from ..clock import utcnow
from ..db import SessionLocal
from ..models import AlertEvent, Delivery
from ..settings import Settings

log = logging.getLogger(__name__)
AT_ONCE, KEPT_EACH = 8, 50


def check_url(url: str, settings: Settings) -> None:
    """Rules are written by users: without this they could reach the service's own network."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("webhook must be an http or https address")
    if settings.webhook_allow_private:
        return
    for info in socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM):
        if not ipaddress.ip_address(info[4][0].split("%")[0]).is_global:
            raise ValueError("webhook address is not public")


def send_webhook(url: str, payload: dict, settings: Settings, client) -> None:
    check_url(url, settings)
    body = json.dumps(payload, default=str).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "logharbor"}
    if settings.webhook_secret:
        digest = hmac.new(settings.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        headers["X-Logharbor-Signature"] = f"sha256={digest}"
    response = client.post(url, content=body, headers=headers)
    if not response.is_success:
        raise RuntimeError(f"webhook answered {response.status_code}")


class Mailer:
    """One connection for the mails of a round; another one after an error."""

    def __init__(self, settings: Settings):
        self.settings, self.smtp, self.open = settings, None, ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.open.close()

    def connect(self):
        settings = self.settings
        smtp = self.open.enter_context(smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=20))
        if settings.smtp_starttls:
            smtp.starttls()
        if settings.smtp_user:
            smtp.login(settings.smtp_user, settings.smtp_password)
        return smtp

    def send(self, message: EmailMessage) -> None:
        try:
            self.smtp = self.smtp or self.connect()
            self.smtp.send_message(message)
        except Exception:
            self.smtp = None
            with suppress(Exception):
                self.open.close()
            raise


_mailer: ContextVar[Mailer | None] = ContextVar("mailer", default=None)


def send_mail(to: str, payload: dict, settings: Settings) -> None:
    """Send over the connection of the round, or over one of its own."""
    if not settings.smtp_host:
        raise RuntimeError("no mail server is configured (LOGHARBOR_SMTP_HOST)")
    message = EmailMessage()
    message["From"], message["To"] = settings.mail_from, to
    message["Subject"] = " ".join(f"[logharbor] {payload['status']}: {payload['rule']['name']}".split())
    message.set_content(f"{payload['summary']}\n\nTime: {payload['at']}\n\n"
                        + json.dumps(payload["detail"], indent=2, default=str) + f"\n\n{settings.base_url}\n")
    mailer = _mailer.get()
    with nullcontext(mailer) if mailer else Mailer(settings) as connection:
        connection.send(message)


def _claim(now) -> list[tuple[Delivery, dict]]:
    """Claim what is due, all that was tried as often in one statement; each with what is to be sent."""
    with SessionLocal() as db:
        due = db.scalars(select(Delivery).where(Delivery.status == "pending", Delivery.next_attempt_at <= now)
                         .order_by(Delivery.id).limit(200)
                         .options(joinedload(Delivery.event).joinedload(AlertEvent.rule))).all()
        claimed = set()
        for attempts in {delivery.attempts for delivery in due}:
            claimed.update(db.scalars(update(Delivery).where(
                Delivery.id.in_([delivery.id for delivery in due if delivery.attempts == attempts]),
                Delivery.status == "pending", Delivery.next_attempt_at <= now,
            ).values(attempts=attempts + 1, next_attempt_at=now + timedelta(minutes=2 ** (attempts + 1)))
                .returning(Delivery.id).execution_options(synchronize_session=False)))
        work = []
        for delivery in due:
            event, rule = delivery.event, delivery.event.rule
            payload = {"status": event.status, "summary": event.summary, "at": event.at.isoformat(),
                       "rule": {"id": rule.id, "name": rule.name, "kind": rule.kind, "project_id": rule.project_id},
                       "detail": event.detail}
            if delivery.id in claimed:
                work.append((delivery, payload))
        db.commit()
        return work


def _keep(results: list[dict]) -> None:
    if results:
        with SessionLocal() as db:
            db.execute(update(Delivery), results)
            db.commit()


def deliver_pending(settings: Settings) -> int:
    """Send what is due. Each delivery is claimed first, and no transaction is open while sending.

    Webhooks go out a few at a time, mails over one connection, and what came of them is kept now and then.
    """
    work = _claim(utcnow())
    if not work:
        return 0

    def attempt(delivery: Delivery, payload: dict) -> dict:
        try:
            if delivery.channel == "webhook":
                send_webhook(delivery.target, payload, settings, client)
            else:
                send_mail(delivery.target, payload, settings)
            return {"id": delivery.id, "status": "sent", "error": ""}
        except Exception as exc:
            log.warning("delivery %s by %s failed: %s", delivery.id, delivery.channel, exc)
            last = delivery.attempts + 1 >= settings.delivery_max_attempts
            return {"id": delivery.id, "status": "failed" if last else "pending", "error": str(exc)[:500]}

    sent, results = 0, []
    hooks = [item for item in work if item[0].channel == "webhook"]
    mails = [item for item in work if item[0].channel != "webhook"]
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=10, follow_redirects=False)) if hooks else None
        token = _mailer.set(stack.enter_context(Mailer(settings)))
        stack.callback(_mailer.reset, token)
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        posting = [pool.submit(attempt, *item) for item in hooks]
        for result in chain((attempt(*item) for item in mails), (each.result() for each in as_completed(posting))):
            sent += result["status"] == "sent"
            results.append(result)
            if len(results) == KEPT_EACH:
                _keep(results)
                results = []
        _keep(results)
    return sent
