"""Crawling: download a page, keep it, read it, store what it says, fetch a thumbnail."""
import asyncio
import gzip
import hashlib
import io
import logging
import re
from collections import Counter, defaultdict
from itertools import chain, zip_longest

from . import db
from .extract import extract
from .fetch import AsyncDriver, Fetcher, SyncDriver, origin

log = logging.getLogger(__name__)
IMAGE_TYPES = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n", "png"), (b"GIF8", "gif"))


def _image_type(body: bytes) -> str | None:
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "webp"
    return next((ext for magic, ext in IMAGE_TYPES if body.startswith(magic)), None)


def _shrink(body: bytes, size: int = 200) -> bytes:
    try:
        from PIL import Image
    except ImportError:
        return body
    try:
        image = Image.open(io.BytesIO(body))
        kind = image.format
        image.thumbnail((size, size))
        out = io.BytesIO()
        image.save(out, kind)
        return out.getvalue()
    except Exception as exc:        # Pillow raises many kinds for a broken image
        log.warning("thumbnail not shrunk: %s", exc)
        return body


class Crawler:
    def __init__(self, con, cfg, rules, thumbs: bool = True):
        self.con, self.cfg, self.rules, self.thumbs = con, cfg, rules, thumbs
        self.fetcher = Fetcher(cfg)
        self.stats: dict[int, Counter] = defaultdict(Counter)

    def pages(self, shop: str | None = None, limit: int | None = None) -> list:
        """The pages to crawl, longest untouched first, shops taking turns."""
        rows = self.con.execute(
            "SELECT p.*, s.name AS shop FROM pages p JOIN shops s ON s.id = p.shop_id WHERE p.active = 1 "
            "AND (? IS NULL OR s.name = ?) ORDER BY p.last_crawled IS NOT NULL, p.last_crawled, p.id",
            (shop, shop)).fetchall()
        by_shop = defaultdict(list)
        for row in rows:
            by_shop[row["shop_id"]].append(row)
        turns = [p for p in chain.from_iterable(zip_longest(*by_shop.values())) if p is not None]
        return turns[:limit]

    def _job(self, page):
        """One page, as a generator for a driver."""
        stats, rules = self.stats[page["shop_id"]], self.rules.for_shop(page["shop"])
        try:
            if "delay" in rules:
                self.fetcher.delays[origin(page["url"])] = float(rules["delay"])
            reply = yield from self.fetcher.get(page["url"])
            if not reply.ok:
                stats["skipped" if reply.blocked else "failed"] += 1
                log.warning("%s: %s", page["url"], reply.reason)
                db.record_error(self.con, page["id"], reply.status, reply.reason)
                return
            self._keep(page, reply.body)
            item = extract(reply.body, reply.url, rules, reply.headers.get("content-type", ""))
            if item.amount is None and item.availability is None:
                stats["failed"] += 1
                log.warning("%s: no price found", page["url"])
                db.record_error(self.con, page["id"], reply.status, "no price found")
                return
            kinds = db.record_item(self.con, page["id"], item, reply.status)
            stats["ok"] += 1
            stats["changes"] += len([k for k in kinds if k != "new"])
            if self.thumbs and item.images:
                yield from self._thumb(page, item.images[0])
        except Exception as exc:        # one odd page must not end the crawl
            log.exception("%s: failed", page["url"])
            stats["failed"] += 1
            db.record_error(self.con, page["id"], 0, f"{type(exc).__name__}: {exc}")

    def _keep(self, page, body: bytes) -> None:
        digest = hashlib.sha256(body).hexdigest()
        last = self.con.execute("SELECT * FROM raw_pages WHERE page_id = ? ORDER BY id DESC LIMIT 1",
                                (page["id"],)).fetchone()
        if last and last["sha256"] == digest and (self.cfg.data_dir / last["path"]).exists():
            return
        at = db.stamp()
        slug = re.sub(r"[^\w-]+", "_", page["shop"]).strip("_") or "shop"
        path = f"raw/{slug}-{page['shop_id']}/{at[:10]}/{page['id']}-{digest[:12]}.html.gz"
        target = self.cfg.data_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(body))
        with self.con:
            self.con.execute("INSERT INTO raw_pages (page_id, path, sha256, fetched_at) VALUES (?, ?, ?, ?)",
                             (page["id"], path, digest, at))

    def _thumb(self, page, url: str):
        stem = hashlib.sha1(url.encode()).hexdigest()
        folder = self.cfg.data_dir / "thumbs"
        path = next((p for p in folder.glob(f"{stem}.*")), None)
        if path is None:
            reply = yield from self.fetcher.get(url)
            ext = _image_type(reply.body) if reply.ok else None
            if ext is None:
                log.info("%s: no thumbnail (%s)", url, reply.error or f"HTTP {reply.status}, not an image?")
                return
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{stem}.{ext}"
            path.write_bytes(_shrink(reply.body))
        with self.con:
            self.con.execute("UPDATE pages SET thumb_path = ? WHERE id = ?", (f"thumbs/{path.name}", page["id"]))

    def run(self, pages) -> dict:
        return self._finish(pages, lambda: self._run_sync(pages))

    def run_async(self, pages) -> dict:
        return self._finish(pages, lambda: asyncio.run(self._run_async(pages)))

    def _finish(self, pages, work) -> dict:
        started, names = db.stamp(), {p["shop_id"]: p["shop"] for p in pages}
        try:
            work()
        finally:
            with self.con:
                for shop_id, s in self.stats.items():
                    self.con.execute("INSERT INTO crawls (shop_id, started_at, finished_at, ok, failed, skipped) "
                                     "VALUES (?, ?, ?, ?, ?, ?)",
                                     (shop_id, started, db.stamp(), s["ok"], s["failed"], s["skipped"]))
        return {names[shop_id]: s for shop_id, s in self.stats.items()}

    def _run_sync(self, pages) -> None:
        driver = SyncDriver(self.cfg)
        for page in pages:
            driver.run(self._job(page))

    async def _run_async(self, pages) -> None:
        driver = AsyncDriver(self.cfg)
        per_host = defaultdict(lambda: asyncio.Semaphore(2))

        async def one(page):
            async with per_host[origin(page["url"])]:
                await driver.run(self._job(page))

        async with driver.client:
            sites = {origin(p["url"]) for p in pages}       # once per host, before its pages
            await asyncio.gather(*(driver.run(self.fetcher.load_robots(s)) for s in sites))
            await asyncio.gather(*(one(p) for p in pages))
