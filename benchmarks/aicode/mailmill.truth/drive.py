"""Measure every job and command of mailmill over growing data; print JSON.

    python drive.py [--sizes 10,100,1000] [--application FOLDER] > measured.json

Needs Python 3.11, SQLAlchemy 2, requests, Jinja2. Each size runs in a child process; each entry runs on its own copy
of a scratch SQLite database: once for queries and CPU, once more for memory and the steps of SQLite's virtual machine.
The relay, the mail API and the CRM are stubs in process: no network.
"""
import argparse
import collections
import contextlib
import gc
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from datetime import datetime, timedelta, timezone
from pathlib import Path
from sqlite3 import dbapi2

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
APP = HERE.parent / HERE.name.removesuffix(".truth")

# ---- measuring kit -------------------------------------------------------------------------------------------------
COUNT = collections.Counter()
STATEMENTS = collections.Counter()
EXAMPLES = {}
OPEN = set()  # connections in a write transaction
METERED = set()  # threads that are counted; empty: all
STEPPING = False  # count steps of the virtual machine (slower)
STEP = 100
HIDDEN = re.compile(r"\s*(PRAGMA|EXPLAIN|BEGIN)", re.I)


def metered():
    return not METERED or threading.get_ident() in METERED


def stepped():
    if metered():
        COUNT["steps"] += STEP
    return 0


def kind(sql):
    """The statement, without the number of its rows and parameters."""
    return re.sub(r"\(\?(, \?)+\)(, \(\?(, \?)+\))*", "(?..)", " ".join(sql.split()))


class Cursor(sqlite3.Cursor):
    """Counts statements, rows and bytes on their way to and from the database."""

    def execute(self, sql, parameters=()):
        started = time.perf_counter()
        try:
            return super().execute(sql, parameters)
        finally:
            if metered():
                if sql.lstrip().startswith("PRAGMA"):
                    COUNT["n_pragmas"] += sql.startswith("PRAGMA main.")
                elif not HIDDEN.match(sql):
                    COUNT["queries"] += 1
                    STATEMENTS[kind(sql)] += 1
                    COUNT["sql_kb"] += len(sql) / 1024
                    if not sql.startswith("INSERT INTO") or "SELECT" in sql:
                        EXAMPLES.setdefault(kind(sql), (sql, parameters))
                if "IMMEDIATE" in sql:
                    COUNT["write_transactions"] += 1
                    self.connection.write_since = started
                    OPEN.add(self.connection)

    def executemany(self, sql, rows):
        rows = list(rows)
        if metered():
            COUNT["queries"] += 1
            COUNT["rows_written_in_batches"] += len(rows)
            STATEMENTS[kind(sql)] += 1
        return super().executemany(sql, rows)

    def fetched(self, rows):
        if metered() and self.description and self.description[0][0] not in ("cid", "type", "seq"):
            COUNT["rows"] += len(rows)
            COUNT["fetched_kb"] += sum(len(v) for row in rows for v in row if isinstance(v, (str, bytes))) / 1024
        return rows

    def fetchall(self):
        return self.fetched(super().fetchall())

    def fetchmany(self, *size):
        return self.fetched(super().fetchmany(*size))

    def fetchone(self):
        row = super().fetchone()
        self.fetched([row] if row is not None else [])
        return row


class Connection(sqlite3.Connection):
    write_since = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if STEPPING:
            self.set_progress_handler(stepped, STEP)

    def cursor(self, factory=Cursor):
        return super().cursor(factory)

    def ended(self):
        if self.write_since is not None:
            took = round((time.perf_counter() - self.write_since) * 1000, 1)
            COUNT["longest_write_ms"] = max(COUNT["longest_write_ms"], took)
            self.write_since = None
            OPEN.discard(self)

    def commit(self):
        if metered():
            COUNT["commits"] += self.in_transaction
        super().commit()
        self.ended()

    def rollback(self):
        super().rollback()
        self.ended()


_connect = sqlite3.connect


def connect(*args, **kwargs):
    return _connect(*args, **{"factory": Connection, **kwargs})


dbapi2.connect = connect


def clear():
    gc.collect()
    COUNT.clear()
    STATEMENTS.clear()


def figures(cpu, wall):
    row = {"queries": COUNT["queries"], "distinct": len(STATEMENTS), "rows": COUNT["rows"], "fetched_kb": round(COUNT["fetched_kb"]),
           "sql_kb": round(COUNT["sql_kb"]), "batched_writes": COUNT["rows_written_in_batches"], "commits": COUNT["commits"],
           "outbound": COUNT["outbound"], "cpu_ms": round(cpu * 1000, 1), "wall_ms": round(wall * 1000, 1),
           "longest_write_ms": COUNT["longest_write_ms"]}
    row = {k: v for k, v in row.items() if v or k in ("queries", "rows", "cpu_ms")}
    row.update({k: round(v, 1) for k, v in COUNT.items() if k.startswith("n_") and v})
    top = [[n, text[:60] + " ... " + text[-110:] if len(text) > 180 else text] for text, n in STATEMENTS.most_common(4) if n > 3]
    if top:
        row["top"] = top
    return row


def file_work(real):
    """Counts the time of file work that is done while a write transaction is open."""
    def call(*args, **kwargs):
        started, open_before = time.perf_counter(), bool(OPEN)
        try:
            return real(*args, **kwargs)
        finally:
            if open_before:
                COUNT["n_file_work_in_write_transaction"] += 1
                COUNT["n_ms_of_it"] += (time.perf_counter() - started) * 1000
    return call


class Rig:
    """Copies of the filled database, and the calls made on them."""

    def __init__(self, folder, size):
        self.folder, self.size, self.rows, self.plans = Path(folder), size, {}, {}
        self.filled, self.number = None, 0

    def config(self, **changes):
        from mailmill.config import Config
        return Config(**{"database_url": f"sqlite:///{self.file}", "data_dir": str(self.data), "send_per_minute": 0, "threads": 1,
                         "poll_seconds": 0.01, "heartbeat_seconds": 3600.0, **changes})

    def open(self):
        from mailmill.db import Database
        self.number += 1
        self.file, self.data = self.folder / f"run{self.number}.db", self.folder / f"data{self.number}"
        if self.filled:
            shutil.copy(self.filled, self.file)
        return Database(f"sqlite:///{self.file}")

    def close(self, db):
        db.engine.dispose()
        for path in self.folder.glob(f"run{self.number}.db*"):
            path.unlink()
        shutil.rmtree(self.data, ignore_errors=True)

    def run(self, name, call, prepare=None, again=True, note=None, every_thread=False):
        """`call(db, argument)`; the argument is what `prepare(db)` returns."""
        global STEPPING
        row = {}
        for second in (True, False) if again else (False,):  # the first pass warms what SQLAlchemy caches
            STEPPING = second
            db = self.open()
            argument = prepare(db) if prepare else None
            db.engine.dispose()
            METERED.clear()
            if not every_thread:
                METERED.add(threading.get_ident())
            clear()
            if second:
                tracemalloc.start()
                before = tracemalloc.get_traced_memory()[0]
                call(db, argument)
                row = {"peak_kb": round((tracemalloc.get_traced_memory()[1] - before) / 1024), "db_ksteps": round(COUNT["steps"] / 1000, 1)}
                tracemalloc.stop()
            else:
                wall, cpu = time.perf_counter(), time.process_time()
                value = call(db, argument)
                cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
                row = {**figures(cpu, wall), **row}
                if isinstance(value, dict):
                    row["result"] = {k: v for k, v in value.items() if isinstance(v, (int, float, str)) and k not in ("html", "csv")}
                elif isinstance(value, str):
                    row["output_bytes"] = len(value)
                self.explain(name, db)
            self.close(db)
        if note:
            row["note"] = note
        self.rows[name] = row
        print(f"  {self.size} {name}: {row}", file=sys.stderr, flush=True)

    def explain(self, name, db):
        """Keep the plans that walk a table, sort, or use an index for its first column only."""
        METERED.clear()
        METERED.add(-1)
        with contextlib.closing(_connect(self.file)) as connection:
            for text, (sql, parameters) in EXAMPLES.items():
                if text in self.plans:
                    continue
                try:
                    steps = [s[3] for s in connection.execute("EXPLAIN QUERY PLAN " + sql, parameters)]
                except sqlite3.Error:
                    continue
                if any(re.match(r"SCAN|USE TEMP B-TREE", s) or "ix_jobs_ready" in s or "status" in s for s in steps):
                    tail = text.partition(" FROM ")[2] or text
                    self.plans[text] = [name, tail[:260], steps]
        EXAMPLES.clear()


# ---- data ----------------------------------------------------------------------------------------------------------
NOW = datetime.now(timezone.utc).replace(microsecond=0)
HTML = "<p>" + "Some text of this week's letter, as long as letters are. " * 50 + "</p>"
TEXT = "Some text of this week's letter. " * 30
SENT = 4  # campaigns that went to everybody
TEMPLATE = ("<h1>Hello {{ first_name }}</h1><ul>{% for a in articles %}<li><a href='{{ a.url }}'>{{ a.title }}</a></li>{% endfor %}</ul>"
            + HTML + "<a href='{{ unsubscribe_url }}'>Unsubscribe</a>")


def body(rng, words=150):
    """Words as frequent as in a language: few common ones, many rare ones."""
    def letters(number):
        text = ""
        while number or len(text) < 4:
            number, digit = divmod(number, 20)
            text += "bcdfghjklmnpqrstvwxz"[digit] + "a"
        return text
    return " ".join(letters(int(4000 ** rng.random())) for _ in range(words))


def fill(db, n):
    """n subscribers (and n / 10 duplicates), n articles, 4 campaigns sent to all and n / 10 small ones, n statistics days,
    about 2n recent and 2n old events, n finished, n / 2 later and n / 10 dead jobs."""
    from sqlalchemy import insert
    from mailmill import models as m
    rng = random.Random(n)
    days = timedelta(days=1)

    def put(model, rows):
        alike = collections.defaultdict(list)
        for row in rows:
            alike[tuple(row)].append(row)
        with db.write() as session:
            for group in alike.values():
                session.execute(insert(model.__table__), group)

    people = []
    for i in range(1, n + 1):
        people.append(dict(id=i, email=f"first.last{i}@gmail.com", email_norm=f"firstlast{i}@gmail.com", name=f"First{i} Last", country=rng.choice(["DE", "AT", "US"]),
                           status="bounced" if i % 25 == 4 else "active", spent_cents=rng.randint(0, 30000), soft_bounces=6 if i % 50 == 7 else 0,
                           last_opened_at=NOW - days * rng.randint(0, 200), created_at=NOW - days * rng.randint(0, 700), source="seed", merged_into_id=None))
    for k in range(max(1, n // 10)):  # an address twice
        people.append(dict(people[k], id=n + 1 + k, email=f"firstlast{k + 1}@gmail.com", status="active"))
    put(m.Subscriber, people)
    put(m.SubscriberTag, [dict(subscriber_id=p["id"], tag=t) for p in people for t in rng.sample(["vip", "trial", "garden", "travel"], 2)])
    put(m.Suppression, [dict(email_norm=f"gone{i}@example.com", reason=rng.choice(["bounced", "unsubscribed"])) for i in range(n // 5)])
    rules = [{"all": []}, {"field": "country", "op": "in", "value": ["DE", "AT"]}, {"field": "last_opened", "op": "within_days", "value": 30},
             {"field": "tags", "op": "has", "value": "vip"}, {"field": "spent", "op": "gte", "value": 250}]
    segments = max(5, n // 100)
    put(m.Segment, [dict(id=s + 1, name=f"segment {s}", rules=rules[s % 5]) for s in range(segments)])
    put(m.SegmentMember, [dict(segment_id=1, subscriber_id=p["id"]) for p in people if p["status"] == "active"])
    put(m.Article, [dict(id=i, title=f"Article {i} " + body(rng, 5), url=f"https://example.com/a/{i}", body=body(rng),
                         published_at=NOW - timedelta(hours=i)) for i in range(1, n + 1)])
    put(m.ArticleSimilarity, [dict(article_id=i, similar_id=1 + (i + k) % n, score=0.5 / k) for i in range(1, n + 1) for k in range(1, 6) if (i + k) % n + 1 != i])
    small = max(1, n // 10)
    campaigns = [dict(id=c, name=f"Campaign {c}", subject="Hello", html_template=HTML, text_template=TEXT, segment_id=1 + c % segments, status="sent") for c in range(1, SENT + small + 1)]
    campaigns.append(dict(campaigns[0], id=SENT + small + 1, subject="{{ first_name }}, news", html_template=TEMPLATE, text_template=TEXT, segment_id=1, status="draft"))
    put(m.Campaign, campaigns)
    rows, events = [], []

    def message(campaign, person, at):
        opened = at + timedelta(hours=3) if rng.random() < 0.4 else None
        rows.append(dict(id=len(rows) + 1, campaign_id=campaign, subscriber_id=person["id"], token=f"t{campaign}-{person['id']}", to_email=person["email"],
                         to_norm=f"{person['id']}-{person['email_norm']}", subject="Hello", html=HTML, text=TEXT, status="sent", attempts=1, sent_at=at, opens=opened is not None, first_opened_at=opened))
        if opened and rng.random() < 0.8:
            events.append(dict(uid=f"id:{len(events)}", type="open" if rng.random() < 0.7 else "click", occurred_at=opened, message_id=len(rows),
                               subscriber_id=person["id"], article_id=rng.randint(1, n), data={}))

    for c in range(SENT):
        for person in people[:n]:
            message(c + 1, person, NOW - days * (3 + 7 * c) + timedelta(seconds=person["id"]))
    for c in range(small):
        message(SENT + 1 + c, people[c], NOW - days * (40 + c))
    for i in range(2 * n):  # old ones, on n / 10 days
        events.append(dict(uid=f"id:old{i}", type="open", occurred_at=NOW - days * (100 + i % max(1, n // 10)), message_id=None,
                           subscriber_id=rng.randint(1, n), article_id=None, data={"url": "https://example.com/a/1"}))
    put(m.Message, rows)
    put(m.Event, [dict(e, id=i + 1) for i, e in enumerate(events)])
    put(m.Stat, [dict(scope="campaign", key=str(c["id"]), sent=10, unique_opens=4) for c in campaigns[:-1]]
        + [dict(scope="day", key=(NOW.date() - days * d).isoformat(), sent=3) for d in range(n)])
    put(m.Job, [dict(name="clean-list", payload={}, status="done", finished_at=NOW - days * (i % 60), result={"bounced": 1}) for i in range(n)]
        + [dict(name="clean-list", payload={}, status="queued", run_at=NOW + days, priority=i % 3, attempts=i % 2) for i in range(n // 2)]
        + [dict(name="clean-list", payload={}, status="dead", finished_at=NOW - days * (i % 60), last_error="Traceback " * 100) for i in range(n // 10)])
    with contextlib.closing(_connect(db.engine.url.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return {"draft": SENT + small + 1, "messages": len(rows)}


# ---- stubs ---------------------------------------------------------------------------------------------------------
class Relay:
    """Stands for smtplib.SMTP."""

    def __init__(self, *args, **kwargs):
        COUNT["n_connects"] += 1

    def noop(self):
        COUNT["n_noop"] += 1
        return 250, b"ok"

    def send_message(self, message):
        COUNT["outbound"] += 1

    def sendmail(self, *args, **kwargs):
        COUNT["outbound"] += 1

    def quit(self):
        pass

    close = quit


class Answer:
    status_code, ok, is_redirect, text, headers = 200, True, False, "", {}

    def __init__(self, value=None):
        self.value = value

    def json(self):
        return self.value

    def raise_for_status(self):
        pass


def crm(total):
    """Stands for requests.Session.get: pages of 200 contacts."""
    def get(self, url, params=None, **kwargs):
        COUNT["outbound"] += 1
        start = int(params.get("cursor", 0))
        data = [{"id": i, "email": f"crm{i}@example.org", "name": f"Person {i}", "country": "DE", "tags": ["crm", "new"], "spent": "12.50"}
                for i in range(start, min(start + 200, total))]
        return Answer({"data": data, "next_cursor": str(start + 200) if start + 200 < total else None})
    return get


def mail_api(self, url, **kwargs):
    COUNT["outbound"] += 1
    return Answer({})


# ---- the run over one size -----------------------------------------------------------------------------------------
def jobs(rig, n, known):
    from sqlalchemy import insert, select, update
    from mailmill import models as m
    from mailmill import queue
    from mailmill.worker import Worker

    def job(name, expected=("done",), settings=None, **payload):
        def call(db, argument):
            values = {**payload, **(argument if isinstance(argument, dict) else {})}
            job_id, outcome = Worker(db, rig.config(**(settings or {}))).run_once(name, values)
            if outcome not in expected:
                with db.read() as session:
                    raise AssertionError((name, outcome, session.get(m.Job, job_id).last_error))
            METERED.clear()
            METERED.add(-1)
            with db.read() as session:  # not counted
                return session.get(m.Job, job_id).result
        return call

    # queue and worker
    def ready(db):
        with db.write() as session:
            session.execute(insert(m.Job.__table__), [dict(name="check-health", payload={}, priority=i % 3, run_at=NOW - timedelta(seconds=i), unique_key=f"k{i}")
                                                      for i in range(n)])

    def enqueue(db, _):
        with db.write() as session:
            queue.enqueue(session, "clean-list", {})

    def enqueue_again(db, _):
        with db.write() as session:
            assert not queue.enqueue(session, "check-health", {}, unique_key=f"k{n // 2}")[1]

    def drain_claims(db, _):
        done = 0
        while claimed := queue.claim(db, "w"):
            queue.complete(db, claimed, {})
            done += 1
        return {"claimed": done}

    def running(db):
        with db.write() as session:
            session.execute(update(m.Job).where(m.Job.status == "queued").values(status="running", lock_token="x", heartbeat_at=NOW - timedelta(hours=1)))

    def schedules(db):
        with db.write() as session:
            session.execute(insert(m.Schedule.__table__), [dict(name=f"s{i}", job="clean-list", payload={}, every_seconds=60, next_run_at=NOW - timedelta(hours=1))
                                                           for i in range(n)])

    rig.run("queue.enqueue", enqueue)
    rig.run("queue.enqueue with the key of a waiting job", enqueue_again, ready, note="n jobs ready")
    rig.run("queue.claim", lambda db, _: queue.claim(db, "w") and None, ready, note="n jobs ready")
    rig.run("queue.claim, nothing ready", lambda db, _: queue.claim(db, "w") and None, note="n / 2 jobs for tomorrow")
    rig.run("queue.claim and complete until none is ready", drain_claims, ready)
    rig.run("queue.heartbeat", lambda db, _: queue.heartbeat(db, ["x"]) and None, ready)
    rig.run("queue.reap, nothing stale", lambda db, _: {"n": queue.reap(db, 60)}, ready)
    rig.run("queue.reap of n / 2 stale jobs", lambda db, _: {"n": queue.reap(db, 60)}, running)
    rig.run("queue.run_schedules of n due schedules", lambda db, _: {"n": queue.run_schedules(db)}, schedules)
    few = min(n, 60)

    def some_ready(db):
        with db.write() as session:
            session.execute(insert(m.Job.__table__), [dict(name="check-health", payload={}, run_at=NOW) for _ in range(few)])
    rig.run("worker --drain", lambda db, _: Worker(db, rig.config(poll_seconds=0.01)).run(drain=True, signals=False), some_ready, again=False,
            every_thread=True, note=f"{few} jobs check-health")
    rig.run("check-health", job("check-health"), ready)
    rig.run("prune-jobs", job("prune-jobs"))

    # imports
    def csv_file(rows):
        def prepare(db):
            path = rig.folder / "in.csv"
            path.write_text("email,name,country,tags,spent,last_opened\n" + "".join(",".join(r) + "\n" for r in rows))
            return {"path": str(path)}
        return prepare

    def old_rows(db):  # the duplicates are merged already; the file names both rows of everybody
        with db.write() as session:
            for k in range(max(1, n // 10)):
                session.execute(update(m.Subscriber).where(m.Subscriber.id == n + 1 + k).values(status="duplicate", merged_into_id=k + 1))
        return csv_file([[f"firstlast{k + 1}@gmail.com", "New Name", "FR", "vip", "99", "2024-05-01T10:00:00"] for k in range(max(1, n // 10))])(db)

    new = [[f"new{i}@example.org", f"Name {i}" if i % 3 else "", "DE" if i % 2 else "", "vip;new", f"{i}.50" if i % 5 else "", "2024-05-01T10:00:00" if i % 7 else ""] for i in range(n)]
    same = [[f"first.last{i}@gmail.com", f"First{i} Last", "", "vip", "", ""] for i in range(1, n + 1)]
    rig.run("import-csv, new contacts", job("import-csv"), csv_file(new), note=f"{n} lines, some fields empty")
    rig.run("import-csv, contacts that did not change", job("import-csv"), csv_file(same))
    rig.run("import-csv, rows merged before", job("import-csv"), old_rows, note=f"{max(1, n // 10)} lines")
    import requests
    requests.Session.get = crm(n)
    rig.run("import-crm", job("import-crm", url="http://crm.test"), note="pages of 200")

    # list and segments
    def cleaned(db):
        Worker(db, rig.config()).run_once("clean-list", {})
    rig.run("clean-list", job("clean-list"), note=f"{max(1, n // 10)} duplicates")
    rig.run("clean-list, nothing to do", job("clean-list"), cleaned)
    rig.run("build-segments", job("build-segments"), note=f"{max(5, n // 100)} segments")
    rig.run("build-segments, nothing changed", job("build-segments"), lambda db: Worker(db, rig.config()).run_once("build-segments", {}) and None)

    # articles and rendering
    rig.run("similar-articles", job("similar-articles"), again=n <= 100)
    from mailmill.jobs import articles

    def recommender(db):
        with db.read() as session:
            return articles.Recommender(session)

    def picks(db, made):
        for i in range(200):
            made.pick([1 + i % n, 1 + (i + 1) % n], 3)
    rig.run("Recommender()", lambda db, _: recommender(db) and None)
    rig.run("Recommender.pick, 200 times", picks, recommender, note="n articles, 2 clicked")

    def clicks(db):
        with db.write() as session:
            session.execute(insert(m.Event.__table__), [dict(uid=f"c{i}", type="click", occurred_at=NOW - timedelta(minutes=i), subscriber_id=1, article_id=1 + i % 10, data={})
                                                        for i in range(n)])

    def clicked(db, _):
        with db.read() as session:
            return {"articles": len(set(articles.Recommender.clicked(session, [1])[1]))}
    rig.run("Recommender.clicked", clicked, clicks, note="one reader, n clicks on 10 articles")
    rig.run("render-campaign", job("render-campaign", campaign_id=known["draft"], then_send=True), again=n <= 100, note="n articles")

    def few_articles(db):
        with db.write() as session:
            session.execute(update(m.Event).values(article_id=None))
            session.execute(m.ArticleSimilarity.__table__.delete())
            session.execute(m.Article.__table__.delete().where(m.Article.id > 10))
    rig.run("render-campaign, 10 articles", job("render-campaign", campaign_id=known["draft"]), few_articles, again=n <= 100)

    # sending
    def rendered(db):
        with db.write() as session:
            session.execute(update(m.Campaign).where(m.Campaign.id == known["draft"]).values(status="rendered"))
            session.execute(insert(m.Message.__table__), [dict(campaign_id=known["draft"], subscriber_id=i, token=f"p{i}", to_email=f"first.last{i}@gmail.com", to_norm=f"firstlast{i}@gmail.com",
                                                               subject="Hello", html=HTML, text=TEXT) for i in range(1, min(n, 300) + 1)])
    import smtplib
    smtplib.SMTP = Relay
    requests.Session.post = mail_api
    size = f"{min(n, 300)} messages"
    send = dict(campaign_id=known["draft"])
    rig.run("send-campaign to files", job("send-campaign", **send), rendered, again=n <= 100, note=size)
    rig.run("send-campaign by SMTP", job("send-campaign", settings={"transport": "smtp"}, **send), rendered, again=n <= 100, note=size)
    rig.run("send-campaign by HTTP with a limit", job("send-campaign", settings={"transport": "http", "mail_api_url": "http://mail.test", "send_per_minute": 10_000_000}, **send),
            rendered, again=n <= 100, note=size)

    # events
    def inbox(lines):
        def prepare(db):
            path = rig.config().path("events", "inbox") / "e.jsonl"
            path.write_bytes(b"".join(lines))
        return prepare
    rng = random.Random(3)

    def event(i, at=None, **more):
        return json.dumps({"id": f"n{i}", "type": rng.choice(["open", "open", "open", "click", "delivered", "bounce"]), "bounce_type": "soft", "at": (at or NOW - timedelta(minutes=i)).isoformat(),
                           "token": f"t{1 + i % SENT}-{1 + (i * 7) % n}", "url": f"https://example.com/a/{1 + i % n}?utm=1", **more}).encode() + b"\n"
    rig.run("process-events", job("process-events"), inbox([event(i) for i in range(n)]), note=f"{n} events")
    rig.run("process-events, repeated", job("process-events"), lambda db: (inbox([event(i) for i in range(n)])(db), Worker(db, rig.config()).run_once("process-events", {}),
                                                                          inbox([event(i) for i in range(n)])(db)) and None)
    rig.run("process-events, all rejected", job("process-events"), inbox([event(i, token=None) for i in range(n)]))

    # statistics, scores, report, archive
    rig.run("compute-stats", job("compute-stats"), note=f"{known['messages']} messages, 35 days")
    for days in (7, 70, 350) if n == 100 else ():
        rig.run(f"compute-stats of {days} days", job("compute-stats", days=days))
    rig.run("score-subscribers", job("score-subscribers"))
    rig.run("weekly-report", job("weekly-report", settings={"report_to": "a@example.com,b@example.com"}))
    rig.run("archive-events", job("archive-events"), note=f"{2 * n} old events on {max(1, n // 10)} days")

    def one_day(db):
        with db.write() as session:
            session.execute(m.Event.__table__.delete())
            session.execute(insert(m.Event.__table__), [dict(uid=f"d{i}", type="open", occurred_at=datetime(NOW.year, NOW.month, NOW.day, tzinfo=timezone.utc) - timedelta(days=120) + timedelta(seconds=i % 80000),
                                                             subscriber_id=1, data={}) for i in range(5 * n)])
    from mailmill.jobs import archiving
    os.fsync, archiving.gzip.compress, archiving.gzip.decompress = file_work(os.fsync), file_work(archiving.gzip.compress), file_work(archiving.gzip.decompress)
    rig.run("archive-events, one day", job("archive-events"), one_day, again=False, note=f"{5 * n} events of one day")
    batch, archiving.BATCH = archiving.BATCH, 50
    rig.run("archive-events, one day in batches of 50", job("archive-events"), one_day, note=f"{5 * n} events of one day; the real batch is {batch}")
    archiving.BATCH = batch


def inner(rig, n):
    """Parts that are pure work, and what else could be done (instead: ...)."""
    from mailmill import registry, text
    from mailmill.config import Config
    from mailmill.jobs import scoring
    from mailmill.transports import Mail, build

    def times(fn, count=1000):
        return lambda db, _: [fn() for _ in range(count)] and None
    spec = registry.get("import-csv")
    mails = [(NOW - timedelta(days=i), i % 2 == 0, i % 3 == 0) for i in range(26)]
    emails = [f"First.Last{i}@Example{i % 5}.com" for i in range(1000)]
    config = Config(data_dir=str(rig.folder / "cfg"))
    rig.run("JobSpec.check, 1000 times", times(lambda: spec.check({"path": "x"})), again=False)
    rig.run("scoring.score, 1000 times with 26 mails", times(lambda: scoring.score(mails, NOW, NOW)), again=False)
    rig.run("text.clean_email of 1000 addresses of 5 domains", lambda db, _: [text.clean_email(e) for e in emails] and None, again=False)
    rig.run("encode('idna') of these domains", lambda db, _: [e.lower().rpartition("@")[2].encode("idna") for e in emails] and None, again=False)
    rig.run("Config.path, 1000 times", times(lambda: config.path("outbox")), again=False)
    rig.run("transports.build, 100 times", times(lambda: build(Mail("a@x.de", "s", HTML, TEXT, "t"), "News <news@example.com>"), 100), again=False)

    from sqlalchemy import insert
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert
    from mailmill.db import insert_ignore
    from mailmill.models import Subscriber, SubscriberTag

    def subscribers(start):
        return [dict(email=f"x{i}@example.net", email_norm=f"x{i}@example.net", source="csv") for i in range(start, start + 500)]

    def multi(db, _):
        with db.write() as session:
            for k in range(4):
                insert_ignore(session, Subscriber, subscribers(500 * k), returning=Subscriber.email)

    def many(db, _):
        with db.write() as session:
            for k in range(4):
                list(session.scalars(sqlite_insert(Subscriber).on_conflict_do_nothing().returning(Subscriber.email), subscribers(500 * k)))

    def tags_multi(db, _):
        with db.write() as session:
            for k in range(4):
                insert_ignore(session, SubscriberTag, [dict(subscriber_id=1 + i % 10, tag=f"n{k}-{i}") for i in range(1000)])

    def tags_many(db, _):
        with db.write() as session:
            for k in range(4):
                session.execute(sqlite_insert(SubscriberTag.__table__).on_conflict_do_nothing(), [dict(subscriber_id=1 + i % 10, tag=f"n{k}-{i}") for i in range(1000)])
    rig.run("insert_ignore of 4 x 500 subscribers", multi)
    rig.run("instead: the same rows given as parameter sets", many)
    rig.run("insert_ignore of 4 x 1000 tags", tags_multi)
    rig.run("instead: the same tags by executemany", tags_many)


def commands(rig, n):
    from mailmill import cli

    def command(*words):
        def call(db, _):
            os.environ.update(MAILMILL_DATABASE_URL=f"sqlite:///{rig.file}", MAILMILL_DATA_DIR=str(rig.data))
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                assert cli.main(list(words)) == 0, words
            return out.getvalue()
        return call
    rig.run("mailmill enqueue", command("enqueue", "clean-list"))
    rig.run("mailmill enqueue --every", command("enqueue", "clean-list", "--every", "1d"))
    rig.run("mailmill run-once", command("run-once", "check-health"))
    rig.run("mailmill stats", command("stats"))
    rig.run("mailmill stats --json", command("stats", "--json"))
    rig.run("mailmill init-db", command("init-db"))
    for name in ("sqlalchemy.orm", "requests", "jinja2.sandbox", "mailmill.cli") if n == 10 else ():
        code = f"import sys, time; sys.path.insert(0, {str(APP)!r}); import sqlalchemy.orm as o; t = time.process_time()\n"
        code = code.replace("import sqlalchemy.orm as o; ", "") if name == "sqlalchemy.orm" else code
        code += f"import {name}; print((time.process_time() - t) * 1000)"
        out = subprocess.run([sys.executable, "-B", "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
        rig.rows[f"import of {name}"] = {"cpu_ms": round(float(out), 1), "note": "sqlalchemy loaded before" if name != "sqlalchemy.orm" else ""}


def drive(n):
    sys.path.insert(0, str(APP))
    import logging
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(folder, n)
        db = rig.open()
        db.create_all()
        known = fill(db, n)
        db.engine.dispose()
        rig.filled = rig.file
        jobs(rig, n, known)
        commands(rig, n)
        if n == 1000:
            inner(rig, n)
            rig.rows["query plans"] = list(rig.plans.values())
    return rig.rows


def main():
    global APP
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--application", default=str(APP))
    parser.add_argument("--one", type=int)
    options = parser.parse_args()
    APP = Path(options.application).resolve()
    if options.one:
        json.dump(drive(options.one), sys.stdout)
        return
    out = {"app": APP.name, "sizes": {}}
    for size in options.sizes.split(","):
        child = subprocess.run([sys.executable, "-W", "ignore", __file__, "--one", size, "--application", str(APP)], stdout=subprocess.PIPE, check=True)
        out["sizes"][size] = json.loads(child.stdout)
    json.dump(out, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
