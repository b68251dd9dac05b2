"""Measure every command of pricewatch over growing data; print JSON.

    python drive.py [--sizes 10,100,1000] [--application FOLDER] > measured.json

Needs click, requests, httpx, PyYAML. Each size runs in a child process with scratch databases and folders; shops,
images, exchange rates, webhooks and the mail server are stubs in process.

n is the number of pages; there are n / 25 shops (4 at least), n / 4 products, 5.5 n prices, 6.2 n changes (n / 5 of them
new), 2 n raw pages, n / 2 watches and 1.2 n alerts (n / 5 pending), unless an entry says otherwise in `note`.
`db_ksteps` is the work of SQLite in thousands of its instructions (foreign keys included), `repeats` the statements run
again with the same values, `items` the value sets of executemany, `dir_entries` the names read from directories,
`calls` how often a function ran and its CPU in ms, `http_in_tx` requests made while a write transaction was open,
`on_loop` what happened in the thread of a running event loop: calls, statements, commits, files written, names read.
"""
import argparse
import asyncio
import builtins
import collections
import contextlib
import csv
import gc
import io
import json
import logging
import os
import random
import re
import runpy
import shutil
import smtplib
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
import tracemalloc
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
APP = HERE.parent / HERE.name.removesuffix(".truth")
sys.dont_write_bytecode = True
COUNT, STATEMENTS, CALLS, EXAMPLES = collections.Counter(), collections.Counter(), collections.Counter(), {}
SPIED, LIVE, MEASURING = collections.defaultdict(lambda: [0, 0.0]), [], []
STEP = 1000
NOW = datetime.now(timezone.utc)


ON_LOOP = collections.Counter()


def on_loop(what, amount=1):
    if asyncio._get_running_loop() is not None and amount:
        ON_LOOP[what] += amount


# ---------------------------------------------------------------- counting: the database
class Cursor(sqlite3.Cursor):
    def fetchall(self):
        rows = super().fetchall()
        COUNT["rows"] += len(rows)
        return rows

    def fetchone(self):
        row = super().fetchone()
        COUNT["rows"] += row is not None
        return row

    def __next__(self):
        row = super().__next__()
        COUNT["rows"] += 1
        return row


class Connection(sqlite3.Connection):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        LIVE.append(self)
        self.set_progress_handler(self.tick, STEP)

    @staticmethod
    def tick():
        COUNT["steps"] += 1

    @staticmethod
    def seen(sql, params):
        if sql.startswith(("PRAGMA", "EXPLAIN")):
            return
        STATEMENTS[sql] += 1
        on_loop("queries")
        if MEASURING:
            EXAMPLES.setdefault(sql, params)

    def execute(self, sql, params=()):
        self.seen(sql, params)
        CALLS[sql, repr(params)] += 1
        return self.cursor(Cursor).execute(sql, params)

    def executemany(self, sql, values):
        def items():
            for value in values:
                COUNT["items"] += 1
                if MEASURING:
                    EXAMPLES.setdefault(sql, value)
                yield value
        STATEMENTS[sql] += 1
        return self.cursor(Cursor).executemany(sql, items())

    def commit(self):
        COUNT["commits"] += self.in_transaction
        on_loop("commits", self.in_transaction)
        return super().commit()

    def __exit__(self, kind, value, trace):
        COUNT["commits"] += self.in_transaction and kind is None
        on_loop("commits", self.in_transaction and kind is None)
        return super().__exit__(kind, value, trace)

    def close(self):
        if self in LIVE:
            LIVE.remove(self)
        return super().close()


def patch_sqlite():
    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **kwargs: connect(*args, **{"factory": Connection, **kwargs})


# ---------------------------------------------------------------- counting: directories, functions
class Entries:
    def __init__(self, inner):
        self.inner = inner

    def __enter__(self):
        self.inner.__enter__()
        return self

    def __exit__(self, *exc):
        return self.inner.__exit__(*exc)

    def __iter__(self):
        return self

    def __next__(self):
        entry = next(self.inner)
        COUNT["dir_entries"] += 1
        on_loop("dir_entries")
        return entry

    def close(self):
        self.inner.close()


def patch_directories():
    listdir, scandir = os.listdir, os.scandir

    def counted(path="."):
        names = listdir(path)
        COUNT["dir_entries"] += len(names)
        on_loop("dir_entries", len(names))
        return names
    write = Path.write_bytes

    def written(self, data):
        on_loop("files written")
        return write(self, data)
    os.listdir, Path.write_bytes = counted, written
    os.scandir = lambda path=".": Entries(scandir(path))


def spy(owner, name, label=None):
    """Count the calls of a function and its CPU; nothing if the application has no such function."""
    real = getattr(owner, name, getattr(builtins, name, None))
    if real is None:
        return
    label = label or name

    def counted(*args, **kwargs):
        on_loop(label)
        start = time.process_time()
        try:
            return real(*args, **kwargs)
        finally:
            SPIED[label][0] += 1
            SPIED[label][1] += time.process_time() - start
    for attribute in ("cache_info", "cache_clear"):
        if hasattr(real, attribute):
            setattr(counted, attribute, getattr(real, attribute))
    setattr(owner, name, counted)


# ---------------------------------------------------------------- the outside world
SITE = {}           # address -> (status, headers, body), or a function giving that
POSTED = []


def answer(url):
    COUNT["http"] += 1
    COUNT["http_in_tx"] += any(c.in_transaction for c in LIVE)
    if url.endswith("/robots.txt"):
        COUNT["robots_txt"] += 1
    found = SITE.get(url, (404, {}, b""))
    return found() if callable(found) else found


def patch_network():
    import httpx
    import requests
    from urllib3.response import HTTPResponse

    def send(self, request, **kwargs):
        status, headers, body = answer(request.url)
        if request.method == "POST":
            POSTED.append(request.url)
        reply = requests.Response()
        reply.status_code, reply.url, reply.request, reply.connection = status, request.url, request, self
        reply.headers = requests.structures.CaseInsensitiveDict(headers)
        reply.raw = HTTPResponse(io.BytesIO(body), headers=headers, status=status, preload_content=False)
        return reply
    requests.adapters.HTTPAdapter.send = send
    opened = requests.Session.__init__

    def session(self, *args, **kwargs):
        COUNT["clients"] += 1
        opened(self, *args, **kwargs)
    requests.Session.__init__ = session

    async def handle(self, request):
        await asyncio.sleep(0)
        status, headers, body = answer(str(request.url))
        return httpx.Response(status, headers=headers, content=body)
    httpx.AsyncHTTPTransport.handle_async_request = handle

    class Smtp:
        def __init__(self, *args, **kwargs):
            COUNT["smtp"] += 1

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            pass

        def starttls(self, **kwargs):
            pass

        def login(self, *args):
            COUNT["logins"] += 1

        def send_message(self, message):
            COUNT["mails"] += 1

        def noop(self):
            return 250, b"ok"

        def rset(self):
            return 250, b"ok"

        def quit(self):
            pass

        close = quit
    smtplib.SMTP = smtplib.SMTP_SSL = Smtp


# ---------------------------------------------------------------- the data
BRANDS = ["Acme", "Bosna", "Corvo", "Delta", "Eltra", "Fenix", "Gorin", "Hanko", "Ikaro", "Jolux", "Kamar", "Lumo"]
KINDS = ("Kettle Toaster Grinder Lamp Charger Headphones Blender Mixer Iron Vacuum Router Monitor Keyboard Mouse Speaker "
         "Scale Heater Fan Drill Saw Radio Camera Tripod Printer Freezer Cooker Fryer Juicer Shaver Trimmer").split()
MORE = "Aqua Crisp Mola Sonor Volt Nova Prime Terra Vento Alto Bella Cielo Duo Enzo Fiore".split()


def at(days):
    return (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ean(number):
    digits = f"4{number:011d}"
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return digits + str((10 - total % 10) % 10)


def product_name(p, rng):
    model = f" {chr(65 + p % 26)}{100 + p}" if p % 3 else ""
    return f"{BRANDS[p % 12]}{chr(97 + p // 60 % 26)} {KINDS[p % 30]} {MORE[rng.randrange(15)]}{model}"


def fill(con, n, folder):
    rng = random.Random(n)
    shops, products = max(4, n // 25), max(3, n // 4)
    names = [product_name(p, rng) for p in range(products)]
    con.executemany("INSERT INTO shops (id, name, base_url, created_at) VALUES (?, ?, ?, ?)",
                    [(s, f"shop{s:04d}", f"https://shop{s}.example", at(900)) for s in range(1, shops + 1)])
    con.executemany("INSERT INTO products (id, name, ean, created_at) VALUES (?, ?, ?, ?)",
                    [(p + 1, names[p], ean(p + 1), at(900)) for p in range(products)])
    pages, prices, changes, raws = [], [], [], []
    for i in range(1, n + 1):
        p = (i - 1) % products
        s = (p * 7 + (i - 1) // products) % shops + 1
        url = f"https://shop{s}.example/p/{i}"
        images = json.dumps([f"https://cdn{s % 4}.example/{i}-{k}.png" for k in range(10)])
        name = names[p] if rng.random() < 0.6 else " ".join(reversed(names[p].split())) + " offer"
        base = 20 + p % 300
        stale = i % 10 == 3
        pages.append((i, s, p + 1, "name", url, name, ean(p + 1) if i % 2 else None, "in_stock" if i % 5 else "out_of_stock",
                      images, None, 0 if i % 20 == 19 else 1, at(2 + i % 9), at(900)))
        moments = [(900, 800)] * (i % 2) + [(300, 121), (120, 41), (40, 20), (19, 12), (5 if i % 10 == 1 else 11, 40 if stale else 0.1)]
        for k, (first, last) in enumerate(moments):
            prices.append((i, f"{base + 3 * (len(moments) - k)}.00", "EUR" if s % 3 else "USD", at(first), at(min(first, last))))
        for k, days in enumerate((900, 850, 300, 120, 20, 11)):
            changes.append((i, "price" if k else "new", str(base + 5), str(base), "EUR", "EUR", at(days), 1))
        if i % 5 == 1:
            changes.append((i, "price", str(base + 9), str(base), "EUR", "EUR", at(0.01), 0))
        for days in (60, 3):
            raws.append((i, f"raw/shop{s:04d}-{s}/{at(days)[:10]}/{i}-{days}.html.gz", "0" * 64, at(days)))
    con.executemany("INSERT INTO pages (id, shop_id, product_id, match_kind, url, name, ean, availability, images, thumb_path, "
                    "active, last_crawled, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", pages)
    con.executemany("INSERT INTO prices (page_id, amount, currency, first_seen, last_seen) VALUES (?, ?, ?, ?, ?)", prices)
    con.executemany("INSERT INTO changes (page_id, kind, old, new, old_currency, new_currency, at, processed) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", changes)
    raws.sort(key=lambda r: r[3])
    con.executemany("INSERT INTO raw_pages (page_id, path, sha256, fetched_at) VALUES (?, ?, ?, ?)", raws)
    watches = []
    for w in range(max(4, n // 2)):
        email = f"user{rng.randrange(max(2, n // 10))}@example.org" if w % 3 else None
        watches.append((rng.randrange(products) + 1, email, None if email else f"https://hook{w % 7}.example/h",
                        None if w % 4 else "30", "EUR", None, w % 6 == 5, at(100)))
    con.executemany("INSERT INTO watches (product_id, email, webhook, below, currency, drop_pct, in_stock, created_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", watches)
    total = con.execute("SELECT max(id) FROM changes").fetchone()[0]
    payload = json.dumps({"event": "price", "reason": "down 5.0 %", "product": "Kettle", "product_id": 1, "shop": "shop0001",
                          "url": "https://shop1.example/p/1", "old": "50", "old_currency": "EUR", "new": "40",
                          "currency": "EUR", "at": at(3)})
    alerts = []
    for a in range(n + n // 5):
        w = a % len(watches)
        pending = a >= n
        alerts.append((w + 1, total - a * 5 % total, "email" if watches[w][1] else "webhook", payload,
                       "pending" if pending else "sent", at(1) if pending else at(200 if a % 2 else 30)))
    con.executemany("INSERT OR IGNORE INTO alerts (watch_id, change_id, channel, payload, status, created_at) "
                    "VALUES (?, ?, ?, ?, ?, ?)", alerts)
    con.executemany("INSERT INTO crawls (shop_id, started_at, finished_at, ok, failed, skipped) VALUES (?, ?, ?, 9, 1, 0)",
                    [(s, at(d), at(d)) for d in range(30, 0, -1) for s in range(1, shops + 1)])
    con.execute("INSERT INTO rates VALUES ('EUR', 'USD', '1.10', ?)", (at(0),))
    con.commit()


def product_page(i, name, price, code, image, filler=4):
    """Three elements for each row of the filler, and ten more."""
    data = json.dumps({"@type": "Product", "name": name, "gtin13": code, "image": image, "offers": {
        "price": str(price), "priceCurrency": "EUR", "availability": "https://schema.org/InStock"}})
    rows = "".join(f"<tr><td>property {k}</td><td class='v'>value <b>{k}</b></td></tr>" for k in range(filler))
    return (f"<!doctype html><html><head><title>{name}</title><script type='application/ld+json'>{data}</script></head>"
            f"<body><div id='main'><div class='wrap'><h1>{name}</h1><p>page {i}</p><table>{rows}</table></div></div></body></html>"
            ).encode()


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 400
HTML = {"Content-Type": "text/html; charset=utf-8"}


def open_shops(con):
    """The pages and their first images; every fifth page has a new price."""
    SITE.clear()
    for row in con.execute("SELECT p.*, (SELECT amount FROM prices h WHERE h.page_id = p.id ORDER BY first_seen DESC "
                           "LIMIT 1) AS amount FROM pages p").fetchall():
        price = row["amount"] if row["id"] % 5 else "9.99"
        image = json.loads(row["images"])[0]
        SITE[row["url"]] = (200, HTML, product_page(row["id"], row["name"], price, row["ean"] or "", image))
        SITE[image] = (200, {"Content-Type": "image/png"}, PNG)
    for k in range(7):
        SITE[f"https://hook{k}.example/h"] = (204, {}, b"")
    SITE["https://rates.example/EUR"] = (200, {}, b'{"rates": {"USD": 1.1, "GBP": 0.9}}')


# ---------------------------------------------------------------- one entry, measured
class Meter:
    def __init__(self, only=""):
        self.rows, self.only = {}, re.compile(only)

    def run(self, name, call, prepare=None, memory=False, note=None, show=None):
        if not self.only.search(name):
            return None
        self.rows[name] = row = {}
        value = prepare() if prepare else None
        gc.collect()
        for counter in (COUNT, STATEMENTS, CALLS, SPIED, ON_LOOP):
            counter.clear()
        STALL[:] = 0.0, 0.0
        MEASURING.append(name)
        cpu, wall = time.process_time(), time.perf_counter()
        result = call(value) if prepare else call()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        MEASURING.clear()
        row.update(queries=sum(STATEMENTS.values()), distinct=len(STATEMENTS), repeats=sum(k - 1 for k in CALLS.values()),
                   rows=COUNT["rows"], commits=COUNT["commits"], db_ksteps=COUNT["steps"] * STEP // 1000,
                   cpu_ms=round(cpu * 1000, 1), wall_ms=round(wall * 1000, 1))
        for key in ("items", "http", "http_in_tx", "robots_txt", "clients", "smtp", "logins", "mails", "dir_entries"):
            if COUNT[key]:
                row[key] = COUNT[key]
        if STALL[0]:
            row["stall_ms"], row["stall_cpu_ms"] = round(STALL[0] * 1000, 1), round(STALL[1] * 1000, 1)
        top = [[k, " ".join(s.split())] for s, k in STATEMENTS.most_common(4) if k > 2]
        if top:
            row["top"] = [[k, s if len(s) < 130 else s[:45] + " ... " + s[-80:]] for k, s in top]
        if SPIED:
            row["calls"] = {k: [c, round(s * 1000, 1)] for k, (c, s) in sorted(SPIED.items())}
        if ON_LOOP:
            row["on_loop"] = dict(sorted(ON_LOOP.items()))
        if hasattr(result, "exit_code"):
            row["bytes"] = len(result.output)
            if result.exit_code:
                row["exit_code"], row["text"] = result.exit_code, (result.output or repr(result.exception))[-150:]
            if result.exception and not isinstance(result.exception, SystemExit):
                raise result.exception
        if show:
            row.update(show(result))
        if memory:
            value = prepare() if prepare else None
            result = None
            gc.collect()
            tracemalloc.start()
            result = call(value) if prepare else call()
            row["peak_kb"] = round(tracemalloc.get_traced_memory()[1] / 1024)
            tracemalloc.stop()
        if note:
            row["note"] = note
        print(f"  {name}: {row}", file=sys.stderr)
        return result


STALL = [0.0, 0.0]


def watch_loop(crawler):
    """The longest time the event loop does not turn while a crawl runs."""
    real = crawler.Crawler._run_async

    async def watched(self, pages):
        stop = False

        async def ticker():
            last, cpu = time.perf_counter(), time.process_time()
            while not stop:
                await asyncio.sleep(0)
                now, then = time.perf_counter(), time.process_time()
                STALL[:] = max(STALL[0], now - last), max(STALL[1], then - cpu)
                last, cpu = now, then
        task = asyncio.create_task(ticker())
        try:
            return await real(self, pages)
        finally:
            stop = True
            await task
    crawler.Crawler._run_async = watched


def plans(con):
    """Statements seen that scan a table or sort without an index, and foreign keys that no index serves."""
    found = []
    for sql, params in sorted(EXAMPLES.items(), key=lambda e: e[0]):
        if sql.split()[0].upper() not in ("SELECT", "UPDATE", "DELETE", "WITH"):
            continue
        try:
            steps = [r[3] for r in con.execute("EXPLAIN QUERY PLAN " + sql, params)]
        except sqlite3.Error:
            continue
        bad = [s for s in steps if re.match(r"SCAN (?!.*USING (COVERING )?INDEX)|USE TEMP B-TREE FOR (LAST TERM OF )?.*ORDER"
                                            r"|SEARCH .*AUTOMATIC", s)]
        if bad:
            text = " ".join(sql.split())
            found.append([text if len(text) < 260 else text[:90] + " ... " + text[-160:], bad])
    keys = []
    for (table,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        first = {con.execute(f"PRAGMA index_info({r[1]})").fetchone()[2]
                 for r in con.execute(f"PRAGMA index_list({table})").fetchall()}
        for key in con.execute(f"PRAGMA foreign_key_list({table})").fetchall():
            if key[3] not in first:
                keys.append(f"{table}.{key[3]} -> {key[2]} ON DELETE {key[6]}")
    return {"scans_and_sorts": found, "foreign_keys_without_index": sorted(keys)}


# ---------------------------------------------------------------- all entries
def drive(n, only=""):
    logging.disable(logging.CRITICAL)
    patch_sqlite()
    patch_network()
    sys.path.insert(0, str(APP))
    from click.testing import CliRunner

    from pricewatch import alerts, cli, crawler, db, extract, html, matching, money, reports, robots, transfer
    from pricewatch.config import Config, Rules

    scratch = tempfile.TemporaryDirectory()
    root = Path(scratch.name)
    meter, serial = Meter(only), iter(range(100_000))
    (root / "base").mkdir()
    con = db.connect(root / "base" / "pricewatch.db")
    fill(con, n, root)
    open_shops(con)
    con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shops, products = (con.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("shops", "products"))
    one = con.execute("SELECT * FROM products WHERE id = 2").fetchone()
    con.close()
    for module, name, label in (
            (db, "days_ago", None), (db, "clean_url", None), (db, "latest_price", None), (matching, "match", None),
            (matching, "candidates", None), (matching, "similarity", None), (matching, "tokens", None), (alerts, "queue", None),
            (matching, "sorted", "sorted in matching"), (matching, "SequenceMatcher", None),
            (alerts, "send", None), (Rules, "for_shop", None), (crawler.Crawler, "pages", None),
            (crawler.Crawler, "_keep", None), (crawler.gzip, "compress", "gzip.compress"), (crawler, "extract", None),
            (db, "record_item", None), (db, "record_error", None), (extract, "_fallback", None), (ssl, "create_default_context", None),
            (reports, "cheapest", None)):
        spy(module, name, label)
    patch_directories()
    watch_loop(crawler)

    def folder(thumbs=0, raws=False, sql=()):
        """A fresh copy of the data; returns the settings file."""
        if LIVE:
            for c in list(LIVE):
                c.close()
        home = root / f"run{next(serial)}"
        (home / "data").mkdir(parents=True)
        shutil.copy(root / "base" / "pricewatch.db", home / "data" / "pricewatch.db")
        (home / "pricewatch.yaml").write_text(
            "delay: 0\nretries: 0\nrates_url: https://rates.example/EUR\nsmtp: {host: mail.example, user: me}\n")
        (home / "rules.yaml").write_text("default: {jsonld: true}\n")
        if thumbs:
            (home / "data" / "thumbs").mkdir()
            for k in range(thumbs):
                (home / "data" / "thumbs" / f"{k:040x}.png").write_bytes(b"x")
        c = db.connect(home / "data" / "pricewatch.db")
        for statement in sql:
            c.execute(statement)
        if raws:
            for r in c.execute("SELECT path FROM raw_pages").fetchall():
                path = home / "data" / r["path"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"x")
        c.commit()
        c.close()
        COUNT.clear()
        return home

    def command(*args):
        def call(home):
            return CliRunner().invoke(cli.cli, ["-c", str(home / "pricewatch.yaml"), *map(str, args)])
        return call

    def run(name, *args, memory=False, note=None, **how):
        meter.run(name, command(*args), lambda: folder(**how), memory, note)

    def opened(**how):
        home = folder(**how)
        cfg = Config(data_dir=home / "data", delay=0, retries=0, backoff=0, rates_url="https://rates.example/EUR",
                     smtp={"host": "mail.example"})
        return db.connect(cfg.database), cfg

    counts = f"{n} pages, {shops} shops, {products} products"
    # imports
    lines = root / "pages.csv"
    with lines.open("w", newline="") as f:
        csv.writer(f).writerows([["shop", "url", "name", "ean"]] + [
            [f"shop{k % shops + 1:04d}", f"https://shop{k % shops + 1}.example/new/{k}?utm_source=x", f"New {k}", ean(k + 5)]
            for k in range(n)])
    run("import csv (n lines)", "import", "csv", lines, memory=True)
    locs = [f"https://shop1.example/item/{k}" for k in range(10 * n)]
    SITE["https://shop1.example/s.xml"] = (200, {}, ("<urlset>" + "".join(
        f"<url><loc>{u}</loc><lastmod>2024-01-01</lastmod></url>" for u in locs) + "</urlset>").encode())
    run("import sitemap (10 n addresses)", "import", "sitemap", "shop0001", "https://shop1.example/s.xml", memory=True)
    run("import sitemap --limit 5 (10 n addresses)", "import", "sitemap", "shop0001", "https://shop1.example/s.xml", "--limit", 5,
        memory=True)
    SITE["https://shop2.example/index.xml"] = (200, {}, ("<sitemapindex>" + "".join(
        f"<sitemap><loc>https://shop2.example/s{k}.xml</loc></sitemap>" for k in range(n))
        + "</sitemapindex>").encode())
    run("import sitemap (an index of n sitemaps that are gone)", "import", "sitemap", "shop0002", "https://shop2.example/index.xml")
    # exports
    for what in ("pages", "products", "prices", "changes"):
        run(f"export {what}", "export", what, memory=True)
    run("export prices -f json", "export", "prices", "-f", "json", memory=True)
    run("export prices -o FILE", "export", "prices", "-o", root / "out.csv", memory=True)
    # matching
    run("match (nothing new)", "match", memory=n < 1000, note=counts)
    run("match (no page has a product yet)", "match",
        sql=["DELETE FROM watches", "UPDATE pages SET product_id = NULL, match_kind = NULL", "DELETE FROM products"])
    run("match (each page its own product: four merge into one)", "match", sql=[
        "INSERT INTO products (id, name, created_at) SELECT id + 1000000, name, created_at FROM pages",
        "UPDATE pages SET product_id = id + 1000000, ean = (SELECT ean FROM products r WHERE r.id = product_id)",
        "UPDATE watches SET product_id = 1000000 + id * 2 WHERE id * 2 <= (SELECT max(id) FROM pages)",
        "DELETE FROM products WHERE id < 1000000 AND id NOT IN (SELECT product_id FROM watches)"])
    run("match --link PAGE PRODUCT", "match", "--link", 1, 2)
    run("match --unlink PAGE", "match", "--unlink", 1)

    def one_ean():
        c, _ = opened(sql=["UPDATE pages SET ean = '4006381333931', name = NULL"])
        return c
    meter.run("matching.match (n pages of one EAN)", lambda c: matching.match(c), one_ean, True)

    # reports
    for kind in ("table", "json", "csv", "html"):
        run(f"report cheapest -f {kind}", "report", "cheapest", "-f", kind, memory=True)
    run("report cheapest --any-stock", "report", "cheapest", "--any-stock")
    run("report drops", "report", "drops", memory=True, note="a tenth of the pages has a price of the last 7 days")
    run("report drops (no price is new)", "report", "drops", memory=True,
        sql=[f"UPDATE prices SET first_seen = '{at(11)}' WHERE first_seen > '{at(11)}'"])
    run("report shops", "report", "shops", note=counts)
    run("report duplicates", "report", "duplicates", memory=True)
    run("report history NUMBER", "report", "history", 2, note="4 pages or so")
    run("report history EAN", "report", "history", one["ean"])
    run("report history NAME", "report", "history", one["name"].split()[-1].lower())
    run("report history WORD (fits many)", "report", "history", "o", memory=True)
    run("report history (a product with n pages)", "report", "history", 2, "-f", "html", memory=True,
        sql=["UPDATE pages SET product_id = 2"])
    # watches
    run("watch add EAN", "watch", "add", one["ean"], "--email", "me@example.org")
    run("watch add NAME", "watch", "add", one["name"].split()[-1].lower(), "--email", "me@example.org")
    run("watch list", "watch", "list", memory=True)
    run("watch remove", "watch", "remove", 3)
    # alerts
    run("alerts list", "alerts", "list", memory=True)
    run("alerts list --status pending", "alerts", "list", "--status", "pending", memory=True)
    run("alerts send", "alerts", "send", memory=True, note=f"{n // 5} new changes and pending alerts, {max(4, n // 2)} watches")
    run("alerts send --retry-failed", "alerts", "send", "--retry-failed", sql=["UPDATE alerts SET status = 'failed' WHERE id % 2"])
    run("alerts send (nothing new)", "alerts", "send", sql=["UPDATE changes SET processed = 1", "UPDATE alerts SET status = 'sent'"])
    run("alerts send (rates are old)", "alerts", "send", sql=[
        "UPDATE rates SET fetched_at = '2020-01-01T00:00:00Z'", "DELETE FROM watches WHERE id > 4", "UPDATE watches SET below = NULL, drop_pct = NULL, in_stock = 0",
        "UPDATE watches SET product_id = (SELECT product_id FROM pages JOIN changes c ON c.page_id = pages.id "
        "WHERE c.processed = 0 LIMIT 1)", "UPDATE watches SET below = '1000', currency = 'USD', email = 'a@b.example' WHERE id = 2"])

    def to_send():
        return opened(sql=["UPDATE changes SET processed = 1", f"DELETE FROM watches WHERE id > {max(2, n // 10)}",
                           "UPDATE alerts SET status = 'pending'",
                           "UPDATE watches SET email = 'u' || id || '@example.org', webhook = NULL",
                           "UPDATE alerts SET channel = 'email'"])
    meter.run("alerts.send (n / 10 addresses)", lambda value: alerts.send(*value), to_send, n < 1000)

    def one_hook():
        return opened(sql=["DELETE FROM alerts WHERE id % 2", "UPDATE alerts SET status = 'pending', channel = 'webhook'",
                           "UPDATE watches SET email = NULL, webhook = 'https://hook0.example/h'"])
    meter.run("alerts.send (n / 2 alerts of one webhook)", lambda value: alerts.send(*value), one_hook, True)

    def many_watches():
        c, cfg = opened(sql=["UPDATE changes SET processed = 1"])
        product = c.execute("SELECT product_id FROM pages WHERE id = 1").fetchone()[0]
        c.execute("DELETE FROM watches")
        c.executemany("INSERT INTO watches (product_id, email, webhook, created_at) VALUES (?, ?, 'https://h.example/', ?)",
                      [(product, f"u{k}@example.org", at(9)) for k in range(n)])
        c.execute("INSERT INTO changes (page_id, kind, old, new, old_currency, new_currency, at) "
                  "VALUES (1, 'price', '50', '40', 'EUR', 'EUR', ?)", (at(0.1),))
        c.commit()
        return c, money.Rates(c, cfg)
    meter.run("alerts.queue (one change, n watches of it)", lambda value: alerts.queue(*value), many_watches)
    # crawling
    run("crawl (no thumbnail yet)", "crawl")

    def crawled_before():
        home = folder()
        command("crawl")(home)
        for c in list(LIVE):
            c.close()
        return home
    meter.run("crawl (again, nothing has changed)", command("crawl"), crawled_before)
    run("crawl --async", "crawl", "--async")
    run("crawl --shop NAME --send", "crawl", "--shop", "shop0002", "--send")
    run("crawl --limit 10 --no-thumbs", "crawl", "--limit", 10, "--no-thumbs")

    def pages(limit=None, shop=None):
        return lambda value: crawler.Crawler(*value, Rules()).pages(shop, limit)
    meter.run("Crawler.pages(limit=10)", pages(limit=10), opened, True)
    meter.run("Crawler.pages(shop)", pages(shop="shop0002"), opened, True)
    meter.run("Crawler.pages()", pages(), opened, True)

    def uneven():
        c, cfg = opened()
        c.execute("DELETE FROM pages")
        c.executemany("INSERT INTO shops (name, created_at) VALUES (?, ?)", [(f"small{k}", at(1)) for k in range(n)])
        big = c.execute("SELECT max(id) FROM shops").fetchone()[0]
        c.executemany("INSERT INTO pages (shop_id, url, created_at) VALUES (?, ?, ?)", [
            (big if k >= n else big - k, f"https://y.example/{k}", at(1)) for k in range(6 * n)])
        c.commit()
        return c, cfg
    meter.run("Crawler.pages() (n shops with one page, one with 5 n)", pages(), uneven)

    def download(how, thumbs=True):
        def work(value):
            c = crawler.Crawler(*value, Rules(), thumbs)
            return getattr(c, how)(c.pages())
        return work
    open_site = dict(SITE)

    def forbidden():
        for s in range(1, shops + 1):
            SITE[f"https://shop{s}.example/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /\n")
        return opened()
    meter.run("Crawler.run_async (robots.txt forbids every page)", download("run_async"), forbidden, True)
    SITE.clear()
    SITE.update(open_site)

    def broken_images():
        for url in [u for u in SITE if u.startswith("https://cdn")]:
            SITE[url] = (200, {}, b"<html>not an image</html>")
        value = opened(sql=[f"DELETE FROM pages WHERE id > {max(5, n // 5)}"])
        download("run")(value)
        return value
    meter.run("Crawler.run (again, images that cannot be used)", download("run"), broken_images, note=f"{max(5, n // 5)} pages")
    SITE.update(open_site)

    def heavy():
        value = opened(sql=["DELETE FROM pages WHERE id > 4"])
        for row in value[0].execute("SELECT * FROM pages").fetchall():
            SITE[row["url"]] = (200, HTML, product_page(1, "Heavy", 20, "", "", filler=5 * n))
        return value
    meter.run("Crawler.run_async (4 large pages)", download("run_async", False), heavy,
              note=f"{len(product_page(1, 'Heavy', 20, '', '', filler=5 * n))} bytes, {15 * n} elements")
    SITE.update(open_site)
    # clean-up
    how = {"raws": True, "thumbs": n}
    run("clean-up --dry-run", "clean-up", "--dry-run", **how)
    run("clean-up", "clean-up", memory=n < 1000, **how)
    never = ("--raw-days", 9999, "--price-days", 9999, "--alert-days", 9999)
    run("clean-up (nothing is old)", "clean-up", *never)
    run("clean-up --dry-run (nothing is old)", "clean-up", "--dry-run", *never, note="without VACUUM")

    def one_folder():
        home = folder()
        target = home / "data" / "raw" / "a" / "2024-01-01"
        target.mkdir(parents=True)
        c = db.connect(home / "data" / "pricewatch.db")
        c.execute("DELETE FROM raw_pages")
        for k in range(2 * n):
            (target / f"{k}.html.gz").write_bytes(b"")
        c.executemany("INSERT INTO raw_pages (page_id, path, sha256, fetched_at) VALUES (1, ?, '', ?)",
                      [(f"raw/a/2024-01-01/{k}.html.gz", at(99)) for k in range(2 * n)])
        c.execute("DELETE FROM changes")
        c.commit()
        c.close()
        return home
    meter.run("clean-up (2 n raw pages of one shop and day)", command("clean-up"), one_folder)
    if n <= 10:
        script = runpy.run_path(str(APP / "scripts" / "make_demo.py"))
        sys.argv = ["make_demo.py", str(root / "demo")]
        with contextlib.redirect_stdout(io.StringIO()):
            meter.run("make_demo.py (always 18 pages, 60 days)", script["main"])
    # reading pages
    page = product_page(1, "Kettle", 20, ean(4), "/k.png", filler=n).decode()
    text = page.replace("<div id='main'>", "<div>" * min(n, 300)).encode()
    meter.run("extract (a page of n rows, all in JSON-LD)", lambda: extract.extract(page.encode(), "https://s.example/", {}))
    own = {"fields": {"price": "h1", "name": "h1", "availability": ".none", "ean": ".none", "images": "img"}}
    meter.run("extract (own rules, all found)", lambda: extract.extract(page.encode(), "https://s.example/", own))
    meter.run("extract (a rule that min(n, 300) nested elements fit)",
              lambda: extract.extract(text, "https://s.example/", {"fields": {"name": "div"}}))
    depth = {10: 20, 100: 60}.get(n, 180)
    tree = html.parse("<div>" * depth + "<i class='price'>1</i>")
    meter.run("Node.select('section div div .price') at a depth", lambda: tree.select("section div div .price"),
              note=f"{depth} div around it")
    meter.run("Node.select('section div .price') at a depth", lambda: tree.select("section div .price"), note=f"{depth} div")
    tree = html.parse("<div>" * min(400, 4 * depth) + "<p>x</p>" * 300)
    meter.run("Node.select('i'), 300 elements at a depth", lambda: tree.select("i"), note=f"{min(400, 4 * depth)} div around them")
    length = {10: 30, 100: 100}.get(n, 300)
    rules = robots.Robots("User-agent: *\nDisallow: /*a*a*a*b$\n", "x")
    meter.run("Robots.allows (/*a*a*a*b$)", lambda: rules.allows("https://s.example/" + "a" * length), note=f"a path of {length}")
    rules = robots.Robots("User-agent: *\n" + "".join(f"Disallow: /private/{k}/\n" for k in range(n)), "x")
    meter.run("Robots.allows (100 addresses, n rules)", lambda: [rules.allows(f"https://s.example/p/{k}") for k in range(100)])
    meter.run("parse_amount (20 n percentages before the price)", lambda: money.parse_amount("-20 % now " * (20 * n) + "8,50"))
    if n >= 1000 and not only:
        con = db.connect(root / "base" / "pricewatch.db")
        meter.rows["query plans"] = plans(con)
        con.close()
        for name in ("pricewatch.cli", "httpx", "requests", "yaml", "click", "smtplib", "asyncio"):
            code = f"import sys, time; sys.path.insert(0, {str(APP)!r}); t = time.process_time(); import {name}; " \
                   "print((time.process_time() - t) * 1000, *(m in sys.modules for m in ('httpx', 'requests', 'yaml')))"
            cpu, *loaded = subprocess.run([sys.executable, "-B", "-c", code], check=True, capture_output=True, text=True).stdout.split()
            meter.rows[f"a process that imports {name}"] = {"cpu_ms": round(float(cpu), 1), "loads": [
                m for m, yes in zip(("httpx", "requests", "yaml"), loaded) if yes == "True"]}
    scratch.cleanup()
    return meter.rows


def main():
    global APP
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--application", type=Path, default=APP)
    parser.add_argument("--only", default="", help="entries whose name this regular expression finds")
    parser.add_argument("--one", type=int)
    options = parser.parse_args()
    APP = options.application.resolve()
    if options.one:
        json.dump(drive(options.one, options.only), sys.stdout)
        return
    out = {"app": HERE.name.removesuffix(".truth"), "sizes": {}}
    for size in options.sizes.split(","):
        run = subprocess.run([sys.executable, "-W", "ignore", __file__, "--one", size, "--application", str(APP),
                              "--only", options.only],
                             stdout=subprocess.PIPE, check=True)
        out["sizes"][size] = json.loads(run.stdout)
    json.dump(out, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
