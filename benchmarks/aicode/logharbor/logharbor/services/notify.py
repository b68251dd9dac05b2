"""Webhook and mail delivery, from the outbox table."""
import hashlib
import hmac
import ipaddress
import json
import logging
import smtplib
import socket
from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import urlsplit

import httpx
from sqlalchemy import select, update

from ..clock import utcnow
from ..db import SessionLocal
from ..models import Delivery
from ..settings import Settings

log = logging.getLogger(__name__)


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


def send_webhook(url: str, payload: dict, settings: Settings) -> None:
    check_url(url, settings)
    body = json.dumps(payload, default=str).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "logharbor"}
    if settings.webhook_secret:
        digest = hmac.new(settings.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        headers["X-Logharbor-Signature"] = f"sha256={digest}"
    response = httpx.post(url, content=body, headers=headers, timeout=10, follow_redirects=False)
    if not response.is_success:
        raise RuntimeError(f"webhook answered {response.status_code}")


def send_mail(to: str, payload: dict, settings: Settings) -> None:
    if not settings.smtp_host:
        raise RuntimeError("no mail server is configured (LOGHARBOR_SMTP_HOST)")
    message = EmailMessage()
    message["From"], message["To"] = settings.mail_from, to
    message["Subject"] = " ".join(f"[logharbor] {payload['status']}: {payload['rule']['name']}".split())
    message.set_content(f"{payload['summary']}\n\nTime: {payload['at']}\n\n"
                        + json.dumps(payload["detail"], indent=2, default=str) + f"\n\n{settings.base_url}\n")
    with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=20) as smtp:
        if settings.smtp_starttls:
            smtp.starttls()
        if settings.smtp_user:
            smtp.login(settings.smtp_user, settings.smtp_password)
        smtp.send_message(message)


def deliver_pending(settings: Settings) -> int:
    """Send what is due. Each delivery is claimed first, and no transaction is open while sending."""
    sent = 0
    with SessionLocal() as db:
        due = list(db.scalars(select(Delivery.id).where(
            Delivery.status == "pending", Delivery.next_attempt_at <= utcnow()).order_by(Delivery.id).limit(200)))
    for delivery_id in due:
        with SessionLocal() as db:
            now = utcnow()
            delivery = db.get(Delivery, delivery_id)
            if delivery is None:
                continue
            attempts = delivery.attempts + 1
            claimed = db.execute(update(Delivery).where(
                Delivery.id == delivery_id, Delivery.status == "pending", Delivery.next_attempt_at <= now,
            ).values(attempts=attempts, next_attempt_at=now + timedelta(minutes=2 ** attempts)))
            event, rule = delivery.event, delivery.event.rule
            payload = {"status": event.status, "summary": event.summary, "at": event.at.isoformat(),
                       "rule": {"id": rule.id, "name": rule.name, "kind": rule.kind, "project_id": rule.project_id},
                       "detail": event.detail}
            channel, target = delivery.channel, delivery.target
            db.commit()
        if not claimed.rowcount:
            continue
        try:
            (send_webhook if channel == "webhook" else send_mail)(target, payload, settings)
            values = {"status": "sent", "error": ""}
            sent += 1
        except Exception as exc:
            log.warning("delivery %s by %s failed: %s", delivery_id, channel, exc)
            values = {"error": str(exc)[:500]}
            if attempts >= settings.delivery_max_attempts:
                values["status"] = "failed"
        with SessionLocal() as db:
            db.execute(update(Delivery).where(Delivery.id == delivery_id).values(**values))
            db.commit()
    return sent
