"""Import of page lists (CSV, sitemap), export of what is stored, removal of what is old."""
import csv
import gzip
import io
import json
import os
import re
import xml.etree.ElementTree as ElementTree
import zlib
from collections import deque
from urllib.parse import urljoin, urlsplit

from . import db
from .extract import normal_ean
from .fetch import Fetcher, SyncDriver, origin

MAX_SITEMAPS, MAX_XML, BATCH = 200, 50_000_000, 1000
EXPORTS = {
    "pages": "SELECT s.name AS shop, p.url, p.name, p.ean, s.base_url, p.id AS page_id, p.product_id, "
             "p.availability, p.active, p.last_crawled, p.last_error FROM pages p "
             "JOIN shops s ON s.id = p.shop_id ORDER BY s.name, p.id",
    "products": "SELECT r.id, r.name, r.ean, count(p.id) AS pages FROM products r "
                "LEFT JOIN pages p ON p.product_id = r.id GROUP BY r.id ORDER BY r.id",
    "prices": "SELECT s.name AS shop, p.url, p.product_id, p.name, h.amount, h.currency, h.first_seen, "
              "h.last_seen FROM prices h JOIN pages p ON p.id = h.page_id JOIN shops s ON s.id = p.shop_id "
              "ORDER BY p.id, h.first_seen",
    "changes": "SELECT s.name AS shop, p.url, p.name, c.kind, c.old, c.old_currency, c.new, c.new_currency, c.at "
               "FROM changes c JOIN pages p ON p.id = c.page_id JOIN shops s ON s.id = p.shop_id ORDER BY c.id",
}


def import_csv(con, stream) -> dict:
    """Columns: shop, url and, if you like, name, ean, base_url. Bad lines are reported, not fatal."""
    sample = stream.read(4096)
    stream.seek(0)
    head = sample.splitlines()[0] if sample.strip() else ""
    reader = csv.DictReader(stream, delimiter=max(",;\t", key=head.count))
    reader.fieldnames = [(f or "").strip().lower().lstrip("\ufeff") for f in reader.fieldnames or []]
    if not {"shop", "url"} <= set(reader.fieldnames):
        raise ValueError("the CSV needs the columns shop and url")
    result, shops, pages = {"added": 0, "known": 0, "errors": []}, {}, []

    def add():
        added = db.add_pages(con, pages)
        result["added"] += added
        result["known"] += len(pages) - added
        pages.clear()

    with con:
        for row in reader:
            row = {k: re.sub(r"^'(?=[=+@-])", "", v.strip()) for k, v in row.items() if k and isinstance(v, str)}
            try:
                if not row.get("shop"):
                    raise ValueError("no shop")
                url, ean = db.clean_url(row.get("url", "")), normal_ean(row.get("ean"))
                if row.get("ean") and not ean:
                    result["errors"].append(f"line {reader.line_num}: EAN {row['ean']!r} ignored, not valid")
            except ValueError as exc:
                result["errors"].append(f"line {reader.line_num}: {exc}")
                continue
            base = row.get("base_url") or origin(url)
            if shops.get(row["shop"], (None, None))[1] != base:
                shops[row["shop"]] = db.add_shop(con, row["shop"], base), base
            pages.append((shops[row["shop"]][0], url, row.get("name") or None, ean))
            if len(pages) >= BATCH:
                add()
        add()
    return result


def _xml(body: bytes):
    """The entries of a sitemap as (name of the root, address), one at a time."""
    if body[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(body)) as stream:
                body = stream.read(MAX_XML + 1)
        except (OSError, EOFError, zlib.error) as exc:
            raise ValueError(f"broken gzip: {exc}") from exc
    if len(body) > MAX_XML or b"<!ENTITY" in body or b"<!DOCTYPE" in body:
        raise ValueError("sitemap refused: too large, or it has a DOCTYPE")
    root, depth = None, 0
    try:
        for event, element in ElementTree.iterparse(io.BytesIO(body.strip()), ("start", "end")):
            if event == "start":
                root = element if root is None else root
                depth += 1
                continue
            depth -= 1
            if depth == 1:
                yield root.tag, next((e.text or "" for e in element if e.tag.rsplit("}", 1)[-1] == "loc"), "").strip()
                root.clear()
    except ElementTree.ParseError as exc:
        raise ValueError(f"sitemap is not XML: {exc}") from exc


class _BadAddress(Exception):
    pass


def import_sitemap(con, cfg, shop: str, url: str, include: str | None = None, limit: int | None = None) -> dict:
    """Add pages from a sitemap (or sitemap index). `url` may be the shop's front page: then the
    sitemaps named in robots.txt are read, or /sitemap.xml."""
    url = db.clean_url(url)
    fetcher, driver = Fetcher(cfg), SyncDriver(cfg)
    wanted, host = re.compile(include or ""), (urlsplit(url).hostname or "").removeprefix("www.")
    queue = deque([url])
    if urlsplit(url).path == "/":
        queue = deque(driver.run(fetcher.load_robots(origin(url))).sitemaps or [urljoin(url, "/sitemap.xml")])
    seen, found, errors = set(), [], []
    while queue and len(seen) < MAX_SITEMAPS and (limit is None or len(found) < limit):
        current = queue.popleft()
        if current in seen:
            continue
        seen.add(current)
        reply = driver.run(fetcher.get(current))
        try:
            if not reply.ok:
                raise ValueError(reply.reason)
            maps, pages = [], []
            for kind, loc in _xml(reply.body):
                try:
                    own = (urlsplit(loc).hostname or "").removeprefix("www.") == host
                except ValueError as exc:
                    raise _BadAddress from exc
                if not own:
                    continue
                if kind.endswith("sitemapindex"):
                    maps.append(loc)
                elif wanted.search(loc) and (limit is None or len(found) + len(pages) < limit):
                    pages.append(loc)
        except _BadAddress as exc:
            raise exc.__cause__ from None
        except ValueError as exc:       # a broken sitemap gives nothing
            errors.append(f"{current}: {exc}")
            continue
        queue.extend(maps)
        found += pages
    result = {"added": 0, "known": 0, "errors": errors}
    if found:
        with con:
            shop_id = db.add_shop(con, shop, origin(url))
            wanted_pages = list(dict.fromkeys(found[:limit]))
            result["added"] = db.add_pages(con, ((shop_id, db.clean_url(loc), None, None) for loc in wanted_pages))
            result["known"] = len(wanted_pages) - result["added"]
    return result


def to_csv(rows: list[dict]) -> str:
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        for row in rows:        # a leading = + - @ would be a formula in a spreadsheet
            writer.writerow({k: "'" + v if isinstance(v, str) and v[:1] in ("=", "+", "-", "@") else v
                             for k, v in row.items()})
    return out.getvalue()


def export(con, what: str, kind: str):
    """The text in pieces of some hundred rows, the same as to_csv or json.dumps of all rows would give."""
    rows = con.execute(EXPORTS[what])
    first = True
    while batch := [dict(r) for r in rows.fetchmany(500)]:
        if kind == "csv":
            text = to_csv(batch)
            yield text if first else text.split("\n", 1)[1]
        else:
            items = (json.dumps(r, indent=2, ensure_ascii=False).replace("\n", "\n  ") for r in batch)
            yield ("[\n  " if first else ",\n  ") + ",\n  ".join(items)
        first = False
    if kind != "csv":
        yield "[]\n" if first else "\n]\n"


def clean_up(con, cfg, raw_days: float, price_days: float, alert_days: float, dry_run: bool = False) -> dict:
    """Remove old raw pages, old prices (never the newest of a page), old alerts and changes,
    and thumbnails that no page uses any more."""
    days_ago = db.days_ago(raw_days)
    raw = [r["path"] for r in con.execute(
        "SELECT DISTINCT path FROM raw_pages r WHERE fetched_at < ?1 AND NOT EXISTS (SELECT 1 FROM raw_pages k "
        "WHERE k.path = r.path AND k.fetched_at >= ?1)", (days_ago,))]
    used = {r["thumb_path"] for r in con.execute("SELECT thumb_path FROM pages WHERE thumb_path IS NOT NULL")}
    folder = cfg.data_dir / "thumbs"
    thumbs = [p for p in folder.glob("*") if f"thumbs/{p.name}" not in used] if folder.exists() else []
    old, alerts = db.days_ago(price_days), db.days_ago(alert_days)
    statements = {
        "prices": ("DELETE FROM prices WHERE last_seen < ? AND id != (SELECT n.id FROM prices n WHERE n.page_id = "
                   "prices.page_id ORDER BY n.first_seen DESC, n.id DESC LIMIT 1)", old),
        "alerts": ("DELETE FROM alerts WHERE status != 'pending' AND created_at < ?", alerts),
        "changes": ("DELETE FROM changes WHERE processed = 1 AND at < ? AND NOT EXISTS (SELECT 1 FROM alerts "
                    "WHERE change_id = changes.id)",
                    old),
        "crawls": ("DELETE FROM crawls WHERE finished_at < ?", old),
        "raw_pages": ("DELETE FROM raw_pages WHERE fetched_at < ?", days_ago),
    }
    counts = {"thumbs": len(thumbs)}
    try:
        for name, (sql, cutoff) in statements.items():
            counts[name] = con.execute(sql, (cutoff,)).rowcount
    except BaseException:
        con.rollback()
        raise
    if dry_run:
        con.rollback()
        return counts
    con.commit()
    root = (cfg.data_dir / "raw").resolve()
    parents = set()
    for name in raw:
        path = (cfg.data_dir / name).resolve()
        if root in path.parents:
            path.unlink(missing_ok=True)
            parents.add(path.parent)
    for parent in parents - {root}:
        if parent.exists():
            with os.scandir(parent) as entries:
                empty = next(entries, None) is None
            if empty:
                parent.rmdir()
    for path in thumbs:
        path.unlink(missing_ok=True)
    con.execute("VACUUM")
    return counts
