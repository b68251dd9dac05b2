"""The SQLite database: schema and the few statements that more than one module needs."""
import json
import sqlite3
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

SCHEMA = """
CREATE TABLE IF NOT EXISTS shops (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, base_url TEXT, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS products (
    id INTEGER PRIMARY KEY, name TEXT, ean TEXT, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pages (
    id INTEGER PRIMARY KEY, shop_id INTEGER NOT NULL REFERENCES shops(id) ON DELETE CASCADE,
    product_id INTEGER REFERENCES products(id) ON DELETE SET NULL, match_kind TEXT,
    url TEXT NOT NULL UNIQUE, name TEXT, ean TEXT, availability TEXT,
    images TEXT NOT NULL DEFAULT '[]', thumb_path TEXT, active INTEGER NOT NULL DEFAULT 1,
    gone_count INTEGER NOT NULL DEFAULT 0, last_status INTEGER, last_error TEXT,
    last_crawled TEXT, created_at TEXT NOT NULL);
-- one row per run of equal prices: first_seen..last_seen
CREATE TABLE IF NOT EXISTS prices (
    id INTEGER PRIMARY KEY, page_id INTEGER NOT NULL REFERENCES pages(id) ON DELETE CASCADE,
    amount TEXT NOT NULL, currency TEXT NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS prices_page ON prices(page_id, first_seen);
CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY, page_id INTEGER NOT NULL REFERENCES pages(id) ON DELETE CASCADE,
    kind TEXT NOT NULL, old TEXT, new TEXT, old_currency TEXT, new_currency TEXT,
    at TEXT NOT NULL, processed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS raw_pages (
    id INTEGER PRIMARY KEY, page_id INTEGER NOT NULL REFERENCES pages(id) ON DELETE CASCADE,
    path TEXT NOT NULL, sha256 TEXT NOT NULL, fetched_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS watches (
    id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products(id) ON DELETE CASCADE,
    email TEXT, webhook TEXT, below TEXT, currency TEXT, drop_pct REAL,
    in_stock INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS alerts (
    id INTEGER PRIMARY KEY, watch_id INTEGER NOT NULL REFERENCES watches(id) ON DELETE CASCADE,
    change_id INTEGER NOT NULL REFERENCES changes(id) ON DELETE CASCADE, channel TEXT NOT NULL,
    payload TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT, created_at TEXT NOT NULL, sent_at TEXT, UNIQUE (watch_id, change_id, channel));
CREATE TABLE IF NOT EXISTS rates (
    base TEXT NOT NULL, currency TEXT NOT NULL, rate TEXT NOT NULL, fetched_at TEXT NOT NULL,
    PRIMARY KEY (base, currency));
CREATE TABLE IF NOT EXISTS crawls (
    id INTEGER PRIMARY KEY, shop_id INTEGER NOT NULL REFERENCES shops(id) ON DELETE CASCADE,
    started_at TEXT NOT NULL, finished_at TEXT NOT NULL,
    ok INTEGER NOT NULL, failed INTEGER NOT NULL, skipped INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS products_ean ON products(ean);
CREATE INDEX IF NOT EXISTS pages_product ON pages(product_id);
CREATE INDEX IF NOT EXISTS pages_turn ON pages(shop_id, active, last_crawled, id);
CREATE INDEX IF NOT EXISTS prices_first_seen ON prices(first_seen, page_id);
CREATE INDEX IF NOT EXISTS prices_last_seen ON prices(last_seen);
CREATE INDEX IF NOT EXISTS changes_new ON changes(id) WHERE processed = 0;
CREATE INDEX IF NOT EXISTS changes_at ON changes(at, kind, page_id);
CREATE INDEX IF NOT EXISTS raw_pages_page ON raw_pages(page_id);
CREATE INDEX IF NOT EXISTS raw_pages_fetched ON raw_pages(fetched_at);
CREATE INDEX IF NOT EXISTS raw_pages_path ON raw_pages(path, fetched_at);
CREATE INDEX IF NOT EXISTS watches_product ON watches(product_id);
CREATE INDEX IF NOT EXISTS alerts_change ON alerts(change_id);
CREATE INDEX IF NOT EXISTS alerts_status ON alerts(status);
CREATE INDEX IF NOT EXISTS alerts_created ON alerts(created_at);
CREATE INDEX IF NOT EXISTS crawls_shop ON crawls(shop_id);
CREATE INDEX IF NOT EXISTS crawls_finished ON crawls(finished_at);
"""
TRACKING = ("utm_", "gclid", "fbclid", "msclkid", "mc_eid")
GONE_LIMIT = 3      # so many 404/410 in a row and a page is no longer crawled


def stamp(moment: datetime | None = None) -> str:
    """UTC as sortable text."""
    return (moment or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ")


def days_ago(days: float) -> str:
    return stamp(datetime.now(timezone.utc) - timedelta(days=days))


def connect(path: Path | str) -> sqlite3.Connection:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    con = sqlite3.connect(path, timeout=30, check_same_thread=False)    # one thread at a time, see fetch.AsyncDriver
    con.row_factory = sqlite3.Row
    con.execute("PRAGMA foreign_keys = ON")
    con.execute("PRAGMA journal_mode = WAL")
    con.executescript(SCHEMA)
    return con


def clean_url(url: str) -> str:
    """Check a page address and drop its fragment and tracking parameters."""
    parts = urlsplit(url.strip())
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not a web address: {url!r}")
    query = parts.query
    if any(k.lower().startswith(TRACKING) for k, _ in parse_qsl(query, keep_blank_values=True)):
        query = urlencode([(k, v) for k, v in parse_qsl(query, keep_blank_values=True)
                           if not k.lower().startswith(TRACKING)])
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", query, ""))


def add_shop(con, name: str, base_url: str | None = None) -> int:
    con.execute("INSERT INTO shops (name, base_url, created_at) VALUES (?, ?, ?) ON CONFLICT(name) "
                "DO UPDATE SET base_url = coalesce(excluded.base_url, base_url)",
                (name, base_url or None, stamp()))
    return con.execute("SELECT id FROM shops WHERE name = ?", (name,)).fetchone()["id"]


def add_page(con, shop_id: int, url: str, name: str | None = None, ean: str | None = None) -> bool:
    """Add a page; False if its address is known already."""
    cur = con.execute("INSERT OR IGNORE INTO pages (shop_id, url, name, ean, created_at) "
                      "VALUES (?, ?, ?, ?, ?)", (shop_id, clean_url(url), name, ean, stamp()))
    return cur.rowcount > 0


def add_pages(con, rows) -> int:
    """Add pages (shop_id, clean address, name, ean); returns how many were not known."""
    at = stamp()
    return max(0, con.executemany("INSERT OR IGNORE INTO pages (shop_id, url, name, ean, created_at) VALUES (?, ?, ?, ?, ?)",
                                  ((*row, at) for row in rows)).rowcount)


def latest_price(con, page_id: int):
    return con.execute("SELECT * FROM prices WHERE page_id = ? ORDER BY first_seen DESC, id DESC "
                       "LIMIT 1", (page_id,)).fetchone()


def _change(con, page_id, kind, old, new, at, old_currency=None, new_currency=None):
    con.execute("INSERT INTO changes (page_id, kind, old, new, old_currency, new_currency, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)", (page_id, kind, old, new, old_currency, new_currency, at))


def record_item(con, page_id: int, item, status: int = 200, at: str | None = None) -> list[str]:
    """Store what a page said; returns the kinds of change that were noticed."""
    at, kinds = at or stamp(), []
    with con:
        page = con.execute("SELECT * FROM pages WHERE id = ?", (page_id,)).fetchone()
        if item.amount is not None:
            last = latest_price(con, page_id)
            if last and Decimal(last["amount"]) == item.amount and last["currency"] == item.currency:
                con.execute("UPDATE prices SET last_seen = ? WHERE id = ?", (at, last["id"]))
            else:
                con.execute("INSERT INTO prices (page_id, amount, currency, first_seen, last_seen) "
                            "VALUES (?, ?, ?, ?, ?)", (page_id, str(item.amount), item.currency, at, at))
                kinds.append("price" if last else "new")
                _change(con, page_id, kinds[-1], last and last["amount"], str(item.amount), at,
                        last and last["currency"], item.currency)
        if item.availability and page["availability"] and item.availability != page["availability"]:
            kinds.append("availability")
            _change(con, page_id, "availability", page["availability"], item.availability, at)
        if item.name and page["name"] and page["last_crawled"] and item.name != page["name"]:
            kinds.append("name")
            _change(con, page_id, "name", page["name"], item.name, at)
        con.execute(
            "UPDATE pages SET name = coalesce(?, name), ean = coalesce(?, ean), "
            "availability = coalesce(?, availability), images = ?, gone_count = 0, last_status = ?, "
            "last_error = NULL, last_crawled = ? WHERE id = ?",
            (item.name, item.ean, item.availability, json.dumps(item.images) if item.images
             else page["images"], status, at, page_id))
    return kinds


def record_error(con, page_id: int, status: int, error: str) -> None:
    gone = status in (404, 410)
    with con:
        con.execute("UPDATE pages SET last_status = ?, last_error = ?, last_crawled = ?, "
                    "gone_count = CASE WHEN ? THEN gone_count + 1 ELSE gone_count END WHERE id = ?",
                    (status, error, stamp(), gone, page_id))
        if gone and con.execute("UPDATE pages SET active = 0 WHERE id = ? AND active = 1 AND "
                                "gone_count >= ?", (page_id, GONE_LIMIT)).rowcount:
            _change(con, page_id, "gone", None, None, stamp())
