"""Crawling: download a page, keep it, read it, store what it says, fetch a thumbnail."""
import asyncio
import gzip
import hashlib
import io
import logging
import re
from collections import Counter, defaultdict, deque

from . import db
from .extract import extract
from .fetch import AsyncDriver, Call, Fetcher, SyncDriver, origin

log = logging.getLogger(__name__)
ENDINGS = ("jpg", "png", "gif", "webp")
RAW = "INSERT INTO raw_pages (page_id, path, sha256, fetched_at) VALUES (?, ?, ?, ?)"
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
        self.shop_rules: dict[str, dict] = {}

    def pages(self, shop: str | None = None, limit: int | None = None) -> list:
        """The pages to crawl, longest untouched first, shops taking turns."""
        fields = "p.id, p.url, p.shop_id, p.thumb_path, p.last_crawled, s.name AS shop"
        if shop is None and limit is None:
            rows = self.con.execute(f"SELECT {fields} FROM pages p JOIN shops s ON s.id = p.shop_id WHERE p.active = 1 "
                                    "ORDER BY p.shop_id, p.last_crawled, p.id").fetchall()
        elif shop is not None:
            return self.con.execute(
                f"SELECT {fields} FROM pages p JOIN shops s ON s.id = p.shop_id WHERE p.active = 1 AND "
                "p.shop_id = (SELECT id FROM shops WHERE name = ?) ORDER BY p.last_crawled, p.id LIMIT ?",
                (shop, -1 if limit is None else limit)).fetchall()
        else:
            first = (f"SELECT {fields} FROM shops s CROSS JOIN pages p ON p.id IN (SELECT q.id FROM pages q WHERE q.shop_id = s.id "
                     "AND q.active = 1 ORDER BY q.last_crawled, q.id LIMIT ?) ORDER BY p.shop_id, p.last_crawled, p.id")
            rows = self.con.execute(first, (1,)).fetchall()
            if len(rows) < limit:
                rows = self.con.execute(first, (limit,)).fetchall()
        by_shop = defaultdict(list)
        for row in rows:
            by_shop[row["shop_id"]].append(row)
        queues = sorted(by_shop.values(), key=lambda q: (q[0]["last_crawled"] is not None, q[0]["last_crawled"] or "", q[0]["id"]))
        turns, turn = [], 0
        while queues and (limit is None or len(turns) < limit):
            turns += [q[turn] for q in queues]
            turn += 1
            queues = [q for q in queues if len(q) > turn]
        return turns[:limit]

    def _job(self, page):
        """One page, as a generator for a driver."""
        stats, shop = self.stats[page["shop_id"]], page["shop"]
        if shop not in self.shop_rules:
            self.shop_rules[shop] = self.rules.for_shop(shop)
        rules = self.shop_rules[shop]
        try:
            if "delay" in rules:
                self.fetcher.delays[origin(page["url"])] = float(rules["delay"])
            reply = yield from self.fetcher.get(page["url"])
            if not reply.ok:
                stats["skipped" if reply.blocked else "failed"] += 1
                log.warning("%s: %s", page["url"], reply.reason)
                yield Call(db.record_error, self.con, page["id"], reply.status, reply.reason, db=True)
                return
            last = yield Call(self._last_raw, page["id"], db=True)
            raw, item, failure = yield Call(self._read, page, reply, rules, last)
            if failure or item.amount is None and item.availability is None:
                yield Call(self._save_raw, raw, db=True)
                if failure:
                    raise failure
                stats["failed"] += 1
                log.warning("%s: no price found", page["url"])
                yield Call(db.record_error, self.con, page["id"], reply.status, "no price found", db=True)
                return
            kinds = yield Call(self._save, page, raw, item, reply.status, db=True)
            stats["ok"] += 1
            stats["changes"] += len([k for k in kinds if k != "new"])
            if self.thumbs and item.images:
                yield from self._thumb(page, item.images[0])
        except Exception as exc:        # one odd page must not end the crawl
            log.exception("%s: failed", page["url"])
            stats["failed"] += 1
            yield Call(db.record_error, self.con, page["id"], 0, f"{type(exc).__name__}: {exc}", db=True)

    def _last_raw(self, page_id: int):
        return self.con.execute("SELECT path, sha256 FROM raw_pages WHERE page_id = ? ORDER BY id DESC LIMIT 1",
                                (page_id,)).fetchone()

    def _read(self, page, reply, rules, last):
        """Keep the page as a file if it is new, and read it: the row for raw_pages, the item, what went wrong."""
        raw = self._keep(page, reply.body, last)
        try:
            return raw, extract(reply.body, reply.url, rules, reply.headers.get("content-type", "")), None
        except Exception as exc:
            return raw, None, exc

    def _keep(self, page, body: bytes, last):
        digest = hashlib.sha256(body).hexdigest()
        if last and last["sha256"] == digest and (self.cfg.data_dir / last["path"]).exists():
            return None
        at = db.stamp()
        slug = re.sub(r"[^\w-]+", "_", page["shop"]).strip("_") or "shop"
        path = f"raw/{slug}-{page['shop_id']}/{at[:10]}/{page['id']}-{digest[:12]}.html.gz"
        target = self.cfg.data_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(body))
        return page["id"], path, digest, at

    def _save_raw(self, raw) -> None:
        if raw:
            with self.con:
                self.con.execute(RAW, raw)

    def _save(self, page, raw, item, status: int) -> list[str]:
        """The raw page and what it said, in one transaction."""
        if raw:
            self.con.execute(RAW, raw)      # committed by record_item
        return db.record_item(self.con, page["id"], item, status)

    def _thumb(self, page, url: str):
        stem = hashlib.sha1(url.encode()).hexdigest()
        folder = self.cfg.data_dir / "thumbs"
        name = yield Call(self._stored, folder, stem)
        if name is None:
            reply = yield from self.fetcher.get(url)
            ext = _image_type(reply.body) if reply.ok else None
            if ext is None:
                log.info("%s: no thumbnail (%s)", url, reply.error or f"HTTP {reply.status}, not an image?")
                return
            name = f"{stem}.{ext}"
            yield Call(self._write_thumb, folder, name, reply.body)
        if page["thumb_path"] != f"thumbs/{name}":
            yield Call(self._save_thumb, page["id"], f"thumbs/{name}", db=True)

    @staticmethod
    def _stored(folder, stem: str) -> str | None:
        return next((name for ext in ENDINGS if (folder / (name := f"{stem}.{ext}")).exists()), None)

    @staticmethod
    def _write_thumb(folder, name: str, body: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(_shrink(body))

    def _save_thumb(self, page_id: int, path: str) -> None:
        with self.con:
            self.con.execute("UPDATE pages SET thumb_path = ? WHERE id = ?", (path, page_id))

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
        hosts = defaultdict(deque)
        for page in pages:
            hosts[origin(page["url"])].append(page)

        async def work(host):
            while hosts[host]:
                await driver.run(self._job(hosts[host].popleft()))

        try:
            async with driver.client:       # robots.txt once per host, before its pages; then two downloads at once per host
                await asyncio.gather(*(driver.run(self.fetcher.load_robots(host)) for host in hosts))
                await asyncio.gather(*(work(host) for host in hosts for _ in range(min(2, len(hosts[host])))))
        finally:
            driver.close()
