"""Polite downloading. The rules (robots.txt, delays, retries, redirects) are written once, as
generators that yield Get, Sleep, Call and Wait; a requests driver and an httpx driver carry them out."""
import asyncio
import logging
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import requests

from .robots import Robots

log = logging.getLogger(__name__)
REDIRECTS, MAX_HOPS = (301, 302, 303, 307, 308), 5
RETRY_STATUS = (429, 500, 502, 503, 504)
DOWN_LIMIT = 3      # failures in a row after which a host is left alone for this run


@dataclass
class Get:
    url: str


@dataclass
class Sleep:
    seconds: float


class Call:
    """Work that must not hold up other downloads; with db=True all of it runs in one and the same thread."""

    def __init__(self, fn, *args, db: bool = False):
        self.fn, self.args, self.db = fn, args, db


class Wait:
    """Until another job has loaded the same robots.txt."""

    def __init__(self):
        self.event = None


@dataclass
class Response:
    url: str
    status: int = 0
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    error: str | None = None
    fatal: bool = False         # retrying would not help
    blocked: bool = False       # robots.txt says no

    @property
    def ok(self) -> bool:
        return self.error is None and 200 <= self.status < 300

    @property
    def retryable(self) -> bool:
        return not self.fatal and (self.error is not None or self.status in RETRY_STATUS)

    @property
    def reason(self) -> str:
        return self.error or f"HTTP {self.status}"


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def retry_after(value: str | None) -> float | None:
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())


class Fetcher:
    def __init__(self, cfg):
        self.cfg = cfg
        self.robots: dict[str, Robots] = {}
        self.loading: dict[str, Wait] = {}
        self.next_at: dict[str, float] = {}
        self.failures = Counter()
        self.delays: dict[str, float] = {}      # per origin, from the shop rules

    def load_robots(self, site: str):
        while site not in self.robots:
            if site in self.loading:
                yield self.loading[site]
                continue
            self.loading[site] = Wait()
            try:
                reply = yield from self.get(f"{site}/robots.txt", check=False)
                if reply.ok:
                    robots = Robots(reply.body[:512_000].decode("utf-8", "replace"), self.cfg.user_agent)
                else:       # 4xx: there are no rules; anything else: assume the worst
                    missing = 400 <= reply.status < 500 and reply.status != 429
                    robots = Robots(unreachable=not missing)
                self.robots.setdefault(site, robots)
            finally:
                waiting = self.loading.pop(site)
                if waiting.event:
                    waiting.event.set()
        return self.robots[site]

    def get(self, url: str, check: bool = True):
        """Follow redirects, asking robots.txt at each step; returns a Response."""
        for _ in range(MAX_HOPS + 1):
            if urlsplit(url).scheme not in ("http", "https"):
                return Response(url, error="not a web address", fatal=True)
            if check:
                robots = yield from self.load_robots(origin(url))
                if robots.unreachable:
                    return Response(url, error="shop down: robots.txt cannot be read")
                if not robots.allows(url):
                    return Response(url, error="blocked by robots.txt", fatal=True, blocked=True)
            reply = yield from self._attempts(url)
            if reply.status not in REDIRECTS or not reply.headers.get("location"):
                return reply
            url = urljoin(url, reply.headers["location"])
        return Response(url, error="too many redirects", fatal=True)

    def _attempts(self, url: str):
        site = origin(url)
        if self.failures[site] >= DOWN_LIMIT:
            return Response(url, error="shop down: skipped for this run")
        for attempt in range(self.cfg.retries + 1):
            now = time.monotonic()
            slot = max(now, self.next_at.get(site, 0.0))
            robots = self.robots.get(site)
            self.next_at[site] = slot + max(self.delays.get(site, self.cfg.delay),
                                            robots.delay or 0 if robots else 0)
            if slot > now:
                yield Sleep(slot - now)
            reply = yield Get(url)
            if not reply.retryable:
                self.failures[site] = 0
                return reply
            asked = retry_after(reply.headers.get("retry-after"))
            if attempt == self.cfg.retries or (asked or 0) > self.cfg.max_wait:
                break
            wait = max(asked or 0, self.cfg.backoff * 2 ** attempt * random.uniform(0.8, 1.2))
            log.info("%s: %s, next try in %.1f s", url, reply.reason, wait)
            yield Sleep(min(wait, self.cfg.max_wait))
        self.failures[site] += 1
        return reply


class _Body:
    """Collects chunks up to a size and a deadline."""

    def __init__(self, cfg):
        self.data, self.limit, self.error = bytearray(), cfg.max_bytes, None
        self.deadline = time.monotonic() + 3 * cfg.timeout

    def add(self, chunk: bytes) -> bool:
        self.data += chunk
        if len(self.data) > self.limit:
            self.error = "page too large"
        elif time.monotonic() > self.deadline:
            self.error = "download too slow"
        return self.error is None

    def response(self, url, status, headers) -> Response:
        return Response(url, status, bytes(self.data), {k.lower(): v for k, v in headers.items()},
                        self.error, fatal=self.error is not None)


class SyncDriver:
    def __init__(self, cfg):
        self.cfg, self.session = cfg, requests.Session()
        self.session.headers.update({"User-Agent": cfg.user_agent, "Accept": "text/html,*/*;q=0.8"})

    def _fetch(self, url: str) -> Response:
        body = _Body(self.cfg)
        try:
            with self.session.get(url, timeout=self.cfg.timeout, stream=True, allow_redirects=False) as reply:
                for chunk in reply.iter_content(65536):
                    if not body.add(chunk):
                        break
                return body.response(url, reply.status_code, reply.headers)
        except (requests.exceptions.InvalidURL, requests.exceptions.SSLError, UnicodeError) as exc:
            return Response(url, error=f"{type(exc).__name__}: {exc}", fatal=True)
        except requests.RequestException as exc:
            return Response(url, error=f"{type(exc).__name__}: {exc}")

    def run(self, job):
        resume, value = job.send, None
        while True:
            try:
                step = resume(value)
            except StopIteration as stop:
                return stop.value
            resume = job.send
            if isinstance(step, Call):
                try:
                    value = step.fn(*step.args)
                except Exception as exc:        # the job decides what a failure means
                    resume, value = job.throw, exc
            else:
                value = time.sleep(step.seconds) if isinstance(step, Sleep) else self._fetch(step.url)


class AsyncDriver:
    def __init__(self, cfg):
        import httpx
        self.cfg, self.slots, self.httpx = cfg, asyncio.Semaphore(cfg.concurrency), httpx
        self.database, self.workers = ThreadPoolExecutor(1), ThreadPoolExecutor(4)
        self.client = httpx.AsyncClient(timeout=cfg.timeout, follow_redirects=False, headers={
            "User-Agent": cfg.user_agent, "Accept": "text/html,*/*;q=0.8"})

    async def _fetch(self, url: str) -> Response:
        body, httpx = _Body(self.cfg), self.httpx
        try:
            async with self.slots, self.client.stream("GET", url) as reply:
                async for chunk in reply.aiter_bytes(65536):
                    if not body.add(chunk):
                        break
                return body.response(url, reply.status_code, reply.headers)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as exc:
            return Response(url, error=f"{type(exc).__name__}: {exc}", fatal=True)
        except httpx.HTTPError as exc:
            return Response(url, error=f"{type(exc).__name__}: {exc}")

    def close(self) -> None:
        self.database.shutdown()
        self.workers.shutdown()

    async def run(self, job):
        resume, value = job.send, None
        while True:
            try:
                step = resume(value)
            except StopIteration as stop:
                return stop.value
            resume = job.send
            if isinstance(step, Call):
                pool = self.database if step.db else self.workers
                try:
                    value = await asyncio.get_running_loop().run_in_executor(pool, step.fn, *step.args)
                except Exception as exc:        # the job decides what a failure means
                    resume, value = job.throw, exc
            elif isinstance(step, Wait):
                step.event = step.event or asyncio.Event()
                value = await step.event.wait() and None
            elif isinstance(step, Sleep):
                value = await asyncio.sleep(step.seconds)
            else:
                value = await self._fetch(step.url)
