"""Events go to an outbox table with the change itself; a loop posts them, with retries."""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import logging
import socket
from datetime import timedelta

import httpx
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from ..config import Settings
from ..models import DeliveryStatus, Organisation, WebhookDelivery, utcnow

log = logging.getLogger(__name__)
BATCH = 50


class BlockedTarget(Exception):
    pass


async def emit(session: AsyncSession, organisation_id: int, event: str, data: dict) -> None:
    url = await session.scalar(
        select(Organisation.webhook_url).where(Organisation.id == organisation_id)
    )
    if url:
        body = json.dumps({"event": event, "created_at": utcnow().isoformat(), "data": data})
        session.add(WebhookDelivery(organisation_id=organisation_id, event=event, body=body))


def sign(secret: str, timestamp: str, body: str) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()


class WebhookDispatcher:
    def __init__(
        self,
        settings: Settings,
        sessions: async_sessionmaker[AsyncSession],
        http: httpx.AsyncClient | None = None,
    ):
        self.settings = settings
        self.sessions = sessions
        self.http = http or httpx.AsyncClient(
            timeout=settings.webhook_timeout_seconds, follow_redirects=False
        )

    async def run_forever(self) -> None:
        while True:
            try:
                if await self.deliver_due() == BATCH:
                    continue  # there may be more
            except Exception:
                log.exception("webhook loop failed; it goes on")
            await asyncio.sleep(self.settings.webhook_poll_seconds)

    async def deliver_due(self) -> int:
        async with self.sessions() as session:
            due = await session.scalars(
                select(WebhookDelivery)
                .where(
                    WebhookDelivery.status == DeliveryStatus.PENDING,
                    WebhookDelivery.next_attempt_at <= utcnow(),
                )
                .order_by(WebhookDelivery.next_attempt_at, WebhookDelivery.id)
                .limit(BATCH)
            )
            claimed = await self._claim(session, list(due.all()))
            await session.commit()
            ids = {d.organisation_id for d in claimed}
            rows = await session.scalars(select(Organisation).where(Organisation.id.in_(ids)))
            organisations = {o.id: o for o in rows}
        checked: dict[str, asyncio.Task] = {}  # one look-up of each host
        results = await asyncio.gather(
            *(self._post(d, organisations[d.organisation_id], checked) for d in claimed)
        )
        if claimed:
            async with self.sessions() as session:
                await session.execute(
                    update(WebhookDelivery),
                    [
                        {
                            "id": delivery.id,
                            "response_code": code,
                            "error": error,
                            "status": self._outcome(delivery.attempts + 1, error),
                        }
                        for delivery, (code, error) in zip(claimed, results)
                    ],
                )
                await session.commit()
        return len(claimed)

    def _outcome(self, attempts: int, error: str | None) -> DeliveryStatus:
        if error is None:
            return DeliveryStatus.DELIVERED
        last = attempts >= self.settings.webhook_max_attempts
        return DeliveryStatus.FAILED if last else DeliveryStatus.PENDING

    async def _claim(
        self, session: AsyncSession, due: list[WebhookDelivery]
    ) -> list[WebhookDelivery]:
        """Take the deliveries that no other worker took; their retry time is set here already,
        so that they are tried again if this process dies on the way."""
        taken: set[int] = set()
        for attempts in {delivery.attempts for delivery in due}:
            result = await session.scalars(
                update(WebhookDelivery)
                .where(
                    WebhookDelivery.id.in_([d.id for d in due if d.attempts == attempts]),
                    WebhookDelivery.attempts == attempts,
                    WebhookDelivery.status == DeliveryStatus.PENDING,
                )
                .values(
                    attempts=attempts + 1,
                    next_attempt_at=utcnow() + timedelta(seconds=60 * 4**attempts),
                )
                .returning(WebhookDelivery.id)
                .execution_options(synchronize_session=False)
            )
            taken.update(result)
        return [delivery for delivery in due if delivery.id in taken]

    async def _post(
        self, delivery: WebhookDelivery, organisation: Organisation, checked: dict
    ) -> tuple[int | None, str | None]:
        if not organisation.webhook_url:
            return None, "the organisation has no webhook URL any more"
        timestamp = str(int(utcnow().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "X-Talkdesk-Event": delivery.event,
            "X-Talkdesk-Delivery": str(delivery.id),
            "X-Talkdesk-Timestamp": timestamp,
            "X-Talkdesk-Signature": sign(organisation.webhook_secret, timestamp, delivery.body),
        }
        try:
            if organisation.webhook_url not in checked:
                checked[organisation.webhook_url] = asyncio.create_task(
                    self._check_target(httpx.URL(organisation.webhook_url))
                )
            await checked[organisation.webhook_url]
            response = await self.http.post(
                organisation.webhook_url, content=delivery.body, headers=headers
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError, BlockedTarget) as error:
            return None, f"{type(error).__name__}: {error}"[:500]
        if response.is_success:
            return response.status_code, None
        return response.status_code, f"HTTP {response.status_code}"

    async def _check_target(self, url: httpx.URL) -> None:
        """Organisations choose the URL, so it must not reach into our own network."""
        if self.settings.webhook_allow_private_hosts:
            return
        found = await asyncio.get_running_loop().getaddrinfo(
            url.host, url.port or 443, type=socket.SOCK_STREAM
        )
        for *_, address in found:
            if not ipaddress.ip_address(address[0].split("%")[0]).is_global:
                raise BlockedTarget(f"{url.host} is not a public address")

    async def close(self) -> None:
        await self.http.aclose()
