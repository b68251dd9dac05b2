"""Measure every entry point of logharbor over growing data; print JSON.

    python drive.py [--sizes 10,100,1000] [--application FOLDER] > measured.json

Needs fastapi, httpx, sqlalchemy (pydantic comes with fastapi). Each size runs in a child process with its own scratch
database and archive folder; webhooks, mail, name look-ups and the remote server are stubs in process.

n is the number of error groups, team members, projects and applications of the second team, alert events, archives and
lines of a batch; there are 14 n events (10 n in the main application), n / 10 dashboards and 3 * n / 10 alert rules.
`db_ksteps` is the work of the database, in thousands of its instructions; `repeats` counts statements that ran again
with the same values.
"""
import argparse
import asyncio
import collections
import contextlib
import dataclasses
import gc
import gzip
import io
import json
import os
import random
import re
import sqlite3.dbapi2
import subprocess
import sys
import tempfile
import time
import tracemalloc
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME = HERE.name.removesuffix(".truth")
APP = HERE.parent / NAME
sys.dont_write_bytecode = True
COUNT = collections.Counter()
STATEMENTS, CALLS, EXAMPLES = collections.Counter(), collections.Counter(), {}
STEP = 1000
PASSWORD = "correct horse battery"


# ---------------------------------------------------------------- counting
class Cursor(sqlite3.Cursor):
    def fetchall(self):
        rows = super().fetchall()
        COUNT["rows"] += len(rows)
        return rows

    def fetchmany(self, *args):
        rows = super().fetchmany(*args)
        COUNT["rows"] += len(rows)
        return rows

    def fetchone(self):
        row = super().fetchone()
        COUNT["rows"] += row is not None
        return row


class Connection(sqlite3.Connection):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.set_progress_handler(self.tick, STEP)

    @staticmethod
    def tick():
        COUNT["steps"] += 1

    def cursor(self, factory=Cursor):
        return super().cursor(factory)

    def commit(self):
        COUNT["commits"] += self.in_transaction
        return super().commit()


def patch_sqlite():
    connect = sqlite3.dbapi2.connect

    def counted(*args, **kwargs):
        return connect(*args, **{"factory": Connection, **kwargs})

    sqlite3.dbapi2.connect = sqlite3.connect = counted


def listen():
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "before_cursor_execute")
    def count(conn, cursor, statement, parameters, context, many):
        if statement.startswith(("PRAGMA", "EXPLAIN", "\nCREATE")):
            return
        STATEMENTS[statement] += 1
        if not many:
            CALLS[statement, repr(parameters)] += 1
            if statement.startswith("SELECT"):
                EXAMPLES.setdefault(statement, parameters)


class Meter:
    def __init__(self):
        self.rows = {}

    def run(self, name, call, prepare=None, memory=True, note=None, show=None):
        """One counted call; a second call under tracemalloc for the peak of memory, unless it may not be repeated."""
        value = prepare() if prepare else None
        gc.collect()
        for counter in (COUNT, STATEMENTS, CALLS):
            counter.clear()
        cpu, wall = time.process_time(), time.perf_counter()
        result = call(value) if prepare else call()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        row = {"queries": sum(STATEMENTS.values()), "distinct": len(STATEMENTS),
               "repeats": sum(n - 1 for n in CALLS.values()), "rows": COUNT["rows"], "commits": COUNT["commits"],
               "db_ksteps": COUNT["steps"] * STEP // 1000, "cpu_ms": round(cpu * 1000, 1),
               "wall_ms": round(wall * 1000, 1)}
        for key in ("http", "clients", "smtp", "mails", "lookups"):
            if COUNT[key]:
                row[key] = COUNT[key]
        top = STATEMENTS.most_common(1)
        if top and top[0][1] > 2:
            text = " ".join(top[0][0].split())
            row["top"] = [top[0][1], text[:45] + " ... " + text[-80:]]
        if hasattr(result, "status_code"):
            row.update(status=result.status_code, bytes=len(result.content))
            if result.status_code >= 400:
                row["text"] = result.text[:200]
        if show:
            row.update(show(result))
        if memory:
            value = prepare() if prepare else None
            del result
            gc.collect()
            tracemalloc.start()
            result = call(value) if prepare else call()
            row["peak_kb"] = round(tracemalloc.get_traced_memory()[1] / 1024)
            tracemalloc.stop()
        if note:
            row["note"] = note
        self.rows[name] = row
        print(f"  {name}: {row}", file=sys.stderr)
        return row

    def plans(self, engine):
        """Explain each SELECT seen; keep those that scan a table, sort or group without an index."""
        found = []
        with engine.connect() as conn:
            for statement, parameters in list(EXAMPLES.items()):
                try:
                    steps = [row[3] for row in conn.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)]
                except Exception as exc:  # a statement that cannot be explained is shown as such
                    steps = [f"SCAN ? {exc}"[:200]]
                bad = [s for s in steps if re.match(r"SCAN |USE TEMP B-TREE FOR (ORDER|RIGHT PART OF ORDER)", s)]
                tail = " ".join(statement.split()).partition(" FROM ")[2]
                if bad and ("WHERE" in tail or "ORDER BY" in tail):
                    found.append([tail[:330], steps])
        self.rows["query plans"] = {"scans_and_sorts": found}


# ---------------------------------------------------------------- data
STACK = "Traceback (most recent call last):\n" + "".join(
    f'  File "/srv/shop/pkg/module{i}.py", line {10 + i}, in step_{i}\n    step_{i + 1}(order)\n' for i in range(20))
LEVELS = ("debug", "info", "info", "info", "warning")


def fill(n, now):
    from sqlalchemy import insert

    from logharbor import models as m
    from logharbor.db import SessionLocal
    from logharbor.schemas import ChartConfig, EventFilter
    from logharbor.security import hash_password, hash_token

    rng = random.Random(5)
    hashed = hash_password(PASSWORD)
    with SessionLocal() as db:
        def put(model, rows):
            if rows:
                db.execute(insert(model), rows)

        put(m.User, [{"id": i, "email": f"user{i:06d}@example.com", "name": f"User {i}", "password_hash": hashed,
                      "is_superuser": i == 1, "is_active": True} for i in range(1, n + 4)])
        put(m.UserToken, [{"user_id": i, "token_hash": hash_token(f"token{i}"), "expires_at": now + timedelta(days=2)}
                          for i in range(1, n + 4)])
        put(m.Team, [{"id": i, "name": f"Team {i:06d}"} for i in range(1, n + 3)])
        put(m.TeamMember, [{"team_id": 1, "user_id": i, "role": "owner" if i in (2, 3) else "member"}
                           for i in range(2, n + 3)])
        put(m.TeamMember, [{"team_id": i, "user_id": 2, "role": "admin"} for i in range(2, n // 10 + 4)])
        put(m.Project, [{"id": 1, "team_id": 1, "name": "Shop"}])
        put(m.Project, [{"id": i, "team_id": 2, "name": f"Project {i:06d}"} for i in range(2, n + 2)])
        put(m.ProjectMember, [{"project_id": 1, "user_id": i, "role": "viewer"} for i in range(4, n // 2 + 5)])
        apps = [(1, 1, "main"), (2, 1, "side one"), (3, 1, "side two")]
        apps += [(i + 2, i, "web") for i in range(2, n + 2)]
        put(m.Application, [{"id": i, "project_id": p, "name": name, "key_prefix": "lhk", "key_hash": hash_token(f"key{i}"),
                             "retention_days": 30, "archive_enabled": i != 2, "active": True} for i, p, name in apps])
        put(m.ErrorGroup, [{"id": i, "application_id": 1, "fingerprint": f"{i:040x}", "title": f"TimeoutError: gateway {i}",
                            "culprit": "pkg/module.py in step", "service": "web", "state": "open", "count": 2,
                            "first_seen": now - timedelta(hours=20), "last_seen": now - timedelta(seconds=i),
                            "created_at": now - timedelta(hours=20)} for i in range(1, n + 1)])
        put(m.ErrorGroupUser, [{"group_id": g, "user_key": f"u{k}"} for g in range(1, n + 1) for k in range(3)])
        events = []
        for i in range(14 * n):
            app = 1 if i < 10 * n else 2 if i < 12 * n else 3
            failed, ts = app == 1 and i % 5 == 0, now - timedelta(seconds=10 + rng.uniform(0, 80_000))
            if i % 20 == 3:
                ts = now - timedelta(seconds=rng.uniform(10, 280))
            events.append({
                "application_id": app, "ts": ts, "minute": int(ts.timestamp() // 60), "received_at": ts,
                "level": "error" if failed else rng.choice(LEVELS), "service": ("web", "db", "worker")[i % 3],
                "host": f"host-{i % 7}", "message": f"request {i} finished after a while with the usual result",
                "trace_id": "big" if i % 10 == 1 and app == 1 else f"trace{i // 3}", "span_id": f"s{i}",
                "parent_span_id": f"s{i - 10 * rng.randint(1, 3)}" if i > 40 else None, "duration_ms": float(i % 97),
                "user_key": f"u{i % 60}", "stack": STACK if failed else None,
                "fields": {"http.status": 500 if failed else 200, "rows": i % 500, "path": f"/item/{i % 90}", "region": "eu"},
                "group_id": 1 + (i // 5) % n if failed else None, "archive_id": None, "keep_until": None})
        put(m.LogEvent, events)
        old = now - timedelta(days=40)
        put(m.LogEvent, [{**event, "application_id": 2 + i % 2, "ts": old + timedelta(seconds=i), "received_at": old,
                          "minute": int(old.timestamp() // 60), "stack": STACK, "trace_id": None, "group_id": 1}
                         for i, event in enumerate(events[:4 * n])])
        kinds = [("Events", "events_per_minute", None), ("Services", "top_services", None),
                 ("Errors", "top_error_groups", None), ("Time", "percentiles", "rows")]
        boards = max(2, n // 10)
        put(m.Dashboard, [{"id": i, "project_id": 1, "name": f"Board {i:05d}"} for i in range(1, boards + 1)])
        put(m.Chart, [{"dashboard_id": i, "title": title, "kind": kind, "position": k,
                       "config": ChartConfig(range_minutes=1440, field=field).model_dump()}
                      for i in range(1, boards + 1) for k, (title, kind, field) in enumerate(kinds)])
        rules, common = [], {"project_id": 1, "emails": ["ops@example.com"], "webhook_url": "http://hooks.example.com/x",
                             "armed_at": now - timedelta(hours=22), "renotify_minutes": 0, "enabled": True, "threshold": 1,
                             "state": "ok", "window_minutes": 5, "service": "", "filter": EventFilter().model_dump()}
        for i in range(max(1, n // 10)):
            rules.append({**common, "name": f"Many {i}", "kind": "threshold", "window_minutes": 1440, "threshold": 10**9,
                          "filter": EventFilter(min_level="error").model_dump()})
            rules.append({**common, "name": f"Silent {i}", "kind": "silence", "service": "web", "window_minutes": 10_000})
            rules.append({**common, "name": f"New {i}", "kind": "new_group",
                          "filter": EventFilter(levels=["fatal"]).model_dump()})
        put(m.AlertRule, [{"id": i, **rule} for i, rule in enumerate(rules, 1)])
        put(m.AlertEvent, [{"id": i, "rule_id": 1 + i % len(rules), "at": now, "status": "firing", "summary": "x",
                            "detail": {"count": 4}} for i in range(1, n + 1)])
        put(m.Delivery, [{"event_id": i, "channel": ("webhook", "mail")[k], "target": ("http://hooks.example.com/x",
                          "ops@example.com")[k], "status": "pending" if i <= min(n, 50) else "sent", "attempts": 0,
                          "next_attempt_at": now - timedelta(minutes=1)} for i in range(1, n + 1) for k in range(2)])
        put(m.AuditEntry, [{"at": now - timedelta(seconds=5 * n - i), "actor": f"user{i % 9}@example.com", "ip": "10.0.0.1",
                            "action": "login" if i % 50 else "team.create", "team_id": 1, "detail": {"n": i}}
                           for i in range(5 * n)])
        put(m.Archive, [{"application_id": 1, "path": f"app-1/{i}.gz", "sha256": "0" * 64, "event_count": 1,
                         "size_bytes": 1, "first_ts": old, "last_ts": old} for i in range(n)])
        put(m.UsageDaily, [{"application_id": a, "day": (now - timedelta(days=d)).date(), "events": 5, "bytes": 5,
                            "rejected": 0} for a, _, _ in apps for d in range(3)])
        db.commit()


def lines(n, kind, now):
    """n events of a batch as JSON lines."""
    out = []
    for i in range(n):
        event = {"time": now.isoformat(), "level": "info", "service": "web", "host": "h", "message": f"request {i} done",
                 "fields": {"http": {"status": 200, "path": f"/item/{i}"}}, "rows": i, "user": f"u{i % 50}"}
        if kind != "info":
            stack = STACK if kind == "same stack" else STACK.replace("step_3", f"{'abcdefghij'[i % 10]}{'x' * (i // 10)}"[:60])
            event.update(level="error", stack=stack + "TimeoutError: card gateway did not answer")
        out.append(json.dumps(event))
    return "\n".join(out).encode()


class Reply:
    status_code, is_success, text = 202, True, ""

    def __init__(self, body=None):
        self.body = body

    def json(self):
        return self.body


class Smtp:
    def __init__(self, *args, **kwargs):
        COUNT["smtp"] += 1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def starttls(self):
        pass

    def send_message(self, message):
        COUNT["mails"] += 1


def stubs(notify, cli):
    def post(url, **options):
        COUNT["http"] += 1
        COUNT["clients"] += 1
        return Reply()

    class Client:
        def __init__(self, **options):
            COUNT["clients"] += 1

        def post(self, url, content):
            COUNT["http"] += 1
            return Reply({"accepted": gzip.decompress(content).count(b"\n"), "rejected": 0, "errors": []})

    class HookClient(Client):
        """For a rewrite that keeps one client for a round of webhooks."""

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            pass

        def post(self, url, **options):
            COUNT["http"] += 1
            return Reply()

    def lookup(host, port, **options):
        COUNT["lookups"] += 1
        return [(2, 1, 6, "", ("93.184.216.34", port))]

    notify.httpx = type("httpx", (), {"post": staticmethod(post), "Client": HookClient})
    notify.smtplib = type("smtplib", (), {"SMTP": Smtp})
    notify.socket = type("socket", (), {"getaddrinfo": staticmethod(lookup), "SOCK_STREAM": 1})
    cli.httpx = type("httpx", (), {"Client": Client})


# ---------------------------------------------------------------- event loop
async def stall(web, method, url, **options):
    """CPU and the longest time in ms the event loop did not turn during one request."""
    import httpx

    longest, stop = 0.0, False

    async def ticker():
        nonlocal longest
        last = time.perf_counter()
        while not stop:
            await asyncio.sleep(0.002)
            now = time.perf_counter()
            longest, last = max(longest, now - last - 0.002), now

    async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://t", timeout=120) as client:
        await client.get("/healthz")
        task = asyncio.create_task(ticker())
        await asyncio.sleep(0.01)
        longest, cpu = 0.0, time.process_time()
        answer = await client.request(method, url, **options)
        cpu = time.process_time() - cpu
        await asyncio.sleep(0.005)
        stop = True
        await task
    return {"status": answer.status_code, "cpu_ms": round(cpu * 1000, 1), "stall_ms": round(longest * 1000, 1)}


async def slow_upload(web, engine, clients):
    """Connections out of the pool while `clients` uploads wait for the rest of their bodies."""
    held, release = [], asyncio.Event()

    async def one():
        async def receive():
            await release.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            pass

        await web({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
                   "path": "/api/v1/ingest", "raw_path": b"/api/v1/ingest", "query_string": b"", "root_path": "",
                   "headers": [(b"x-api-key", b"key1")], "client": ("1.1.1.1", 1), "server": ("t", 80), "state": {}},
                  receive, send)

    tasks = [asyncio.create_task(one()) for _ in range(clients)]
    for _ in range(40):
        await asyncio.sleep(0.025)
        held.append(engine.pool.checkedout())
    release.set()
    await asyncio.gather(*tasks)
    return {"slow_uploads": clients, "connections_held": max(held)}


# ---------------------------------------------------------------- the calls
def drive(n):
    scratch = tempfile.TemporaryDirectory()
    for key, value in {"DATABASE_URL": f"sqlite:///{scratch.name}/logs.db", "ARCHIVE_DIR": f"{scratch.name}/archives",
                       "ALERT_THREAD": "0", "TAIL_MAX_SECONDS": "0.2", "TAIL_POLL_SECONDS": "0.05",
                       "SMTP_HOST": "mail.example.com"}.items():
        os.environ["LOGHARBOR_" + key] = value
    sys.path.insert(0, str(APP))
    patch_sqlite()
    listen()
    from fastapi.testclient import TestClient

    from logharbor import cli, models
    from logharbor.db import SessionLocal, create_schema
    from logharbor.main import create_app
    from logharbor.services import alerts, notify, search
    from logharbor.settings import get_settings

    now = datetime.now(timezone.utc)
    stubs(notify, cli)
    web = create_app()
    engine = SessionLocal.kw["bind"]
    create_schema(engine)
    fill(n, now)
    gc.collect()
    gc.freeze()
    meter = Meter()
    run = meter.run
    root = TestClient(web, headers={"Authorization": "Bearer token1"})
    ann = TestClient(web, headers={"Authorization": "Bearer token2"})
    EXAMPLES.clear()

    def get(url, who=ann, prefix="/api/v1"):
        return lambda: who.get(prefix + url)

    def send(method, url, who=ann, **options):
        return lambda: who.request(method, "/api/v1" + url, **options)

    def write(method, url, who=ann, **options):
        note = options.pop("note", None)
        label = re.sub(r"(?<=/)\d+", "<id>", re.sub(r"[\w.]+@example.com", "<email>", url))
        run(f"{method} {label}", send(method, url, who, **options), memory=False, note=note)

    # accounts
    run("GET /healthz", get("/healthz", prefix=""))
    write("POST", "/auth/login", json={"email": "user000003@example.com", "password": PASSWORD})
    run("POST /auth/login (wrong)", send("POST", "/auth/login", json={"email": "user000003@example.com", "password": "no"}),
        memory=False)
    run("GET /me", get("/me"))
    run("GET /users", get("/users", root))
    write("POST", "/users", root, json={"email": "new@example.com", "password": PASSWORD})
    write("PATCH", "/users/4", root, json={"name": "Other"})
    third = TestClient(web, headers={"Authorization": "Bearer token3"})
    write("POST", "/me/password", third, json={"old_password": PASSWORD, "new_password": PASSWORD})
    write("POST", "/auth/logout", third)
    # teams and projects
    run("GET /teams", get("/teams"))
    run("GET /teams (superuser)", get("/teams", root))
    write("POST", "/teams", json={"name": "Brand new"})
    run("GET /teams/<id>/members", get("/teams/1/members"), note=f"{n + 1} members")
    write("PUT", "/teams/1/members/user000004@example.com", json={"role": "owner"})
    write("DELETE", "/teams/1/members/user000004@example.com")
    run("GET /projects", get("/projects"))
    run("GET /projects (superuser)", get("/projects", root))
    write("POST", "/teams/1/projects", json={"name": "Another"})
    run("GET /projects/<id>/members", get("/projects/1/members"), note=f"{n // 2 + 1} members")
    write("PUT", "/projects/1/members/user000005@example.com", json={"role": "member"})
    write("DELETE", "/projects/1/members/user000005@example.com")
    run("GET /projects/<id>/applications", get("/projects/1/applications"))
    write("POST", "/projects/1/applications", json={"name": "fresh"})
    write("PATCH", "/applications/1", json={"retention_days": 29})
    write("POST", "/applications/3/rotate-key")
    # events
    for name, query in {
            "": "", " (limit=1000)": "?limit=1000", " (one application)": "?application_id=1",
            " (service)": "?application_id=1&service=web", " (service, no hit)": "?application_id=1&service=none",
            " (service, all applications)": "?service=web", " (level, no hit)": "?application_id=1&level=fatal",
            " (level, all applications)": "?level=fatal", " (host, no hit)": "?application_id=1&host=none",
            " (text, no hit)": "?application_id=1&q=zzzz", " (field, no hit)": "?application_id=1&field=region=us",
            " (field number, no hit)": "?application_id=1&field=http.status>=900",
            " (with_total)": "?application_id=1&with_total=true", " (group)": "?group_id=1", " (trace)": "?trace_id=trace5",
            " (last 5 minutes)": "?application_id=1&from=5m"}.items():
        run("GET /projects/<id>/events" + name, get("/projects/1/events" + query))
    from sqlalchemy import select

    with SessionLocal() as db:  # pages of 10 of one application, at the start, in the middle and near the end
        times = db.scalars(select(models.LogEvent).where(models.LogEvent.application_id == 1)
                           .order_by(models.LogEvent.ts.desc(), models.LogEvent.id.desc())).all()
        depths = {depth: search.encode_cursor(times[depth]) for depth in (10, 5 * n, 10 * n - 12)}
        del times
    for name, cursor in zip(("after row 10", "after row 5 n", "last page"), depths.values()):
        run(f"GET /projects/<id>/events (one application, {name})", get(f"/projects/1/events?application_id=1&limit=10&cursor={cursor}"),
            memory=False)
    run("GET /projects/<id>/export?format=json", get("/projects/1/export?format=json"), memory=n <= 100,
        note=f"{18 * n} events")
    run("GET /projects/<id>/export?format=csv", get("/projects/1/export?format=csv"), memory=False)
    where = ([1, 2, 3], search.EventFilter())
    run("export_json() alone", lambda: sum(1 for _ in search.export_json(where, 100_000)), memory=False,
        show=lambda pieces: {"pieces": pieces})
    run("export_csv() alone", lambda: sum(1 for _ in search.export_csv(where, 100_000)), memory=False,
        show=lambda pieces: {"pieces": pieces})
    with SessionLocal() as db:
        sample = db.scalars(select(models.LogEvent).limit(n)).all()

    def one_writer():
        import csv

        buffer = io.StringIO()
        writer = csv.writer(buffer)
        for event in sample:
            writer.writerow(list(search.event_dict(event).values()))

    def writer_each():
        import csv

        for event in sample:
            buffer = io.StringIO()
            csv.writer(buffer).writerow(list(search.event_dict(event).values()))
            buffer.getvalue()

    run("n CSV lines, a buffer and a writer each", writer_each, memory=False)
    run("instead: one writer", one_writer, memory=False)
    run("GET /projects/<id>/tail", get("/projects/1/tail"), memory=False)
    settings = dataclasses.replace(get_settings(), tail_poll_seconds=0.0, tail_max_seconds=60.0)

    def polls(flt, start, count=5):
        stream = search.tail([1, 2, 3], search.EventFilter(**flt), start, settings)
        next(stream)
        for _ in range(count):
            next(stream)
        stream.close()

    with SessionLocal() as db:
        newest = db.scalar(select(models.LogEvent.id).order_by(models.LogEvent.id.desc()).limit(1))
    run("tail(): 5 polls, nothing new", lambda: polls({}, newest), memory=False)
    run("tail(): 5 polls, 18 n events since the last hit", lambda: polls({"levels": ["fatal"]}, 0), memory=False)
    fresh = min(n, 200)
    ann.post("/api/v1/ingest", content=lines(fresh, "info", now), headers={"X-Api-Key": "key1"})
    run("tail(): 5 polls within 5 s of n events", lambda: polls({}, newest, fresh + 4), memory=False,
        note=f"{fresh} new events, each sent once")
    run("GET /traces/<id>", get("/traces/big"), note=f"{n} events in the trace, {n // 10 * 10} readable applications or so")
    from sqlalchemy.orm import load_only

    event = models.LogEvent

    def trace_rows(*columns):
        def call():
            with SessionLocal() as db:
                db.scalars(select(event).where(event.trace_id == "err").options(*columns).limit(5001)).all()
        return call

    with SessionLocal() as db:
        from sqlalchemy import update

        db.execute(update(event).where(event.group_id.is_not(None), event.application_id == 1).values(trace_id="err"))
        db.commit()
    run("GET /traces/<id> (errors)", get("/traces/err"), note=f"{2 * n} events with stacks")
    run("the events of this trace", trace_rows())
    run("instead: the columns used", trace_rows(load_only(
        event.ts, event.level, event.service, event.message, event.duration_ms, event.span_id, event.parent_span_id)))
    run("GET /traces/<id> (superuser, small trace)", get("/traces/trace5", root), note=f"{n + 1} projects")
    for kind in ("info", "same stack", "different stacks"):
        body = lines(n, kind, now)
        run(f"POST /ingest ({kind})", send("POST", "/ingest", content=body, headers={"X-Api-Key": "key1"}),
            note=f"{n} lines, {len(body)} bytes")
    body = gzip.compress(lines(n, "info", now))
    run("POST /ingest (gzip)", send("POST", "/ingest", content=body, headers={"X-Api-Key": "key1",
        "Content-Encoding": "gzip"}), memory=False)
    run("POST /ingest (bad lines)", send("POST", "/ingest", content=b"{}\n" * n, headers={"X-Api-Key": "key1"}))
    run("POST /ingest (blank lines)", send("POST", "/ingest", content=b"\n" * (1000 * n), headers={"X-Api-Key": "key1"}),
        note=f"{1000 * n} bytes, no event")
    from logharbor.services import fingerprint

    text = STACK + "TimeoutError: card gateway did not answer"
    run("identify() n times, one stack", lambda: [fingerprint.identify("x", text) for _ in range(n)] and None, memory=False)
    run("instead: identify() once", lambda: fingerprint.identify("x", text), memory=False)
    hostile = "at " + " (" * (8 * n)
    run("identify() of one hostile line", lambda: fingerprint.identify("x", hostile), memory=False,
        note=f"{len(hostile)} characters")
    run("parse_when() of one hostile text", lambda: refused("T" * (16 * n)), memory=False, note=f"{16 * n} characters")
    # groups
    for name, query in {"": "", " (sort=first_seen)": "?sort=first_seen", " (sort=count)": "?sort=count",
                        " (sort=users)": "?sort=users", " (text, no hit)": "?q=zzzz", " (state)": "?state=resolved",
                        " (late page)": f"?offset={max(0, n - 10)}&limit=10", " (limit=10)": "?limit=10"}.items():
        run("GET /projects/<id>/groups" + name, get("/projects/1/groups" + query))
    run("GET /groups/<id>", get("/groups/1"))
    write("PATCH", "/groups/1", json={"state": "resolved"})
    # dashboards
    run("GET /projects/<id>/dashboards", get("/projects/1/dashboards"), note=f"{max(2, n // 10)} dashboards")
    run("GET /dashboards/<id>/data", get("/dashboards/1/data"), note="4 charts")
    for kind, field in (("events_per_minute", None), ("top_services", None), ("top_error_groups", None)):
        run(f"POST /projects/<id>/charts/preview ({kind})", send("POST", "/projects/1/charts/preview", json={
            "title": "x", "kind": kind, "config": {"range_minutes": 1440}}))
    for wanted in (1, 4, 10):
        config = {"range_minutes": 1440, "field": "rows", "percentiles": list(range(90, 90 + wanted))}
        run(f"POST /projects/<id>/charts/preview (percentiles, {wanted})", send("POST", "/projects/1/charts/preview", json={
            "title": "x", "kind": "percentiles", "config": config}))
    run("series.setdefault with a list for each row", lambda: series(n * 10), memory=False,
        note=f"{n * 10} rows of 1500 minutes")
    run("instead: a list for each new level", lambda: series_once(n * 10), memory=False)
    write("POST", "/projects/1/dashboards", json={"name": "Mine"})
    write("POST", "/dashboards/1/charts", json={"title": "t", "kind": "top_services"})
    write("PUT", "/charts/1", json={"title": "t", "kind": "top_services"})
    write("DELETE", "/charts/2")
    write("DELETE", "/dashboards/2")
    # alerts
    run("GET /projects/<id>/alert-rules", get("/projects/1/alert-rules"))
    run("GET /projects/<id>/alert-events", get("/projects/1/alert-events"))
    run("GET /projects/<id>/alert-events (one rule)", get("/projects/1/alert-events?rule_id=1"), memory=False)
    run("deliver_pending()", lambda: notify.deliver_pending(get_settings()), memory=False,
        show=lambda sent: {"sent": sent}, note=f"{2 * min(n, 50)} due")
    round_of = f"{3 * max(1, n // 10)} rules"
    run("evaluate_all()", lambda: alerts.evaluate_all(get_settings(), force=True), note=round_of, memory=False)
    with SessionLocal() as db:
        rules = {rule.kind: rule for rule in db.scalars(select(models.AlertRule).limit(3))}
        for kind, rule in rules.items():
            run(f"one {kind} rule", lambda: alerts._KINDS[kind](db, rule, [1, 2, 3], now), memory=False)
        run("one silence rule (one application)", lambda: alerts._silence(db, rules["silence"], [1], now), memory=False)
        rules["new_group"].filter = {}

        def all_new():
            alerts._new_group(db, rules["new_group"], [1, 2, 3], now)
            db.rollback()

        run("one new_group rule, n new groups", all_new, memory=False)
    write("POST", "/projects/1/alert-rules", json={"name": "r", "kind": "threshold"})
    write("PUT", "/alert-rules/1", json={"name": "r", "kind": "threshold"})
    write("DELETE", "/alert-rules/2")
    # reports
    run("GET /usage", get("/usage"))
    run("GET /usage (superuser)", get("/usage", root))
    run("GET /audit", get("/audit", root))
    run("GET /audit?action (no hit)", get("/audit?action=none", root))
    run("GET /audit?actor (no hit)", get("/audit?actor=none", root))
    run("GET /audit?team_id", get("/audit?team_id=1"))
    # retention
    run("GET /applications/<id>/archives", get("/applications/1/archives"))

    def prune(app_id, days):
        from logharbor.services.retention import prune_all

        return lambda: prune_all(get_settings(), app_id, now + timedelta(days=days))

    def traced(call):
        def inner():
            tracemalloc.start()
            result = call()
            peak = round(tracemalloc.get_traced_memory()[1] / 1024)
            tracemalloc.stop()
            return {**result[0], "peak_kb": peak}
        return inner

    run("prune_all(application without archive)", traced(prune(2, 0)), memory=False, show=dict, note=f"{2 * n} expired")
    run("prune_all(application with archive)", traced(prune(3, 0)), memory=False, show=dict, note=f"{2 * n} expired")
    run("prune_all(all, nothing expired)", prune(None, 0), memory=False, note=f"{n + 4} applications")
    with SessionLocal() as db:
        archive = db.scalar(select(models.Archive.id).order_by(models.Archive.id.desc()).limit(1))
        found = db.get(models.Archive, archive)
        found.application_id = 1  # the application with n groups
        db.commit()
    run("POST /archives/<id>/restore", send("POST", f"/archives/{archive}/restore"), memory=False, note=f"{2 * n} events")
    run("POST /archives/<id>/restore (again, refused)", send("POST", f"/archives/{archive}/restore"), memory=False)
    # the cost of a filter on many applications
    with SessionLocal() as db:
        ids = list(range(n))
        flt = search.EventFilter(application_ids=ids)
        run("conditions() with n applications in the filter", lambda: search.conditions(db, ids, flt) and None, memory=False)
        wanted = set(ids)
        run("instead: the set made once", lambda: [a for a in ids if a in wanted] and None, memory=False)
    # command line
    path = Path(scratch.name, "batch.jsonl")
    path.write_bytes(lines(n, "info", now) + b"\n")

    def command(*argv):
        def call():
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                return cli.main(list(argv))
        return call

    run("logharbor ingest FILE", command("ingest", str(path), "--api-key", "key1"), memory=False)
    run("logharbor ingest FILE --url", command("ingest", str(path), "--api-key", "key1", "--url", "http://x", "--batch", "100"),
        memory=False)
    run("logharbor alerts", command("alerts"), memory=False, note=round_of)
    run("logharbor prune --app-id 1", command("prune", "--app-id", "1"), memory=False)
    run("logharbor init-db", command("init-db"), memory=False)
    run("logharbor create-user", command("create-user", "cli@example.com", "--password", PASSWORD), memory=False)
    with SessionLocal() as db:
        db.execute(update(models.LogEvent).where(models.LogEvent.archive_id == archive).values(archive_id=None))
        db.commit()
    run("logharbor restore ID", command("restore", str(archive)), memory=False)
    # the event loop
    engine = SessionLocal.kw["bind"]
    key, bearer = {"X-Api-Key": "key1"}, {"Authorization": "Bearer token2"}
    for name, call in {
            "stall: GET /projects/<id>/events (limit=1000)": ("GET", "/api/v1/projects/1/events?limit=1000", {"headers": bearer}),
            "stall: GET /projects/<id>/export": ("GET", "/api/v1/projects/1/export", {"headers": bearer}),
            "stall: POST /ingest": ("POST", "/api/v1/ingest", {"headers": key, "content": lines(n, "same stack", now)}),
            "stall: POST /ingest (one hostile stack line)": ("POST", "/api/v1/ingest", {"headers": key, "content": json.dumps(
                {"message": "m", "level": "error", "stack": hostile})})}.items():
        meter.rows[name] = asyncio.run(stall(web, call[0], call[1], **call[2]))
        print(f"  {name}: {meter.rows[name]}", file=sys.stderr)
    meter.rows["POST /ingest (slow clients)"] = asyncio.run(slow_upload(web, engine, 3 if n < 100 else 8))
    if n >= 1000:
        meter.plans(engine)
        meter.rows["start-up"] = startup()
        meter.rows["text search on PostgreSQL"] = {"sql": postgres_text()}
    engine.dispose()
    scratch.cleanup()
    return meter.rows


def series(rows):
    out = {}
    for i in range(rows):
        out.setdefault("info", [0] * 1500)[i % 1500] = i


def series_once(rows):
    out = collections.defaultdict(lambda: [0] * 1500)
    for i in range(rows):
        out["info"][i % 1500] = i


def refused(text):
    from logharbor.clock import parse_when

    with contextlib.suppress(ValueError):
        parse_when(text)


def postgres_text():
    from sqlalchemy.dialects import postgresql

    from logharbor.schemas import EventFilter
    from logharbor.services.search import conditions

    return str(conditions(None, [1], EventFilter(text="gateway"))[1].compile(dialect=postgresql.dialect()))


def startup():
    """CPU of importing the command line, with and without what only some commands need."""
    def child(code):
        code = "import time; t = time.process_time()\n" + code + "\nprint((time.process_time() - t) * 1000)"
        best = [float(subprocess.run([sys.executable, "-B", "-c", code], cwd=APP, stdout=subprocess.PIPE, check=True).stdout)
                for _ in range(3)]
        return round(min(best), 1)

    return {"import_cli_cpu_ms": child("import logharbor.cli"), "import_httpx_cpu_ms": child("import httpx"),
            "httpx_client_cpu_ms": child("import httpx; httpx.Client().close(); t = time.process_time(); httpx.Client().close()"),
            "dummy_hash_cpu_ms": child("import hashlib; t = time.process_time()\n"
                                       "hashlib.scrypt(b'x', salt=b'y' * 16, n=2**14, r=8, p=1)")}


def main():
    global APP
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--one", type=int)
    parser.add_argument("--application", default=str(APP), metavar="FOLDER", help="drive this copy of it instead")
    options = parser.parse_args()
    APP = Path(options.application).resolve()
    if options.one:
        json.dump(drive(options.one), sys.stdout)
        return
    out = {"app": NAME, "sizes": {}}
    for size in options.sizes.split(","):
        run = subprocess.run([sys.executable, "-W", "ignore", __file__, "--one", size, "--application", str(APP)],
            stdout=subprocess.PIPE, check=True)
        out["sizes"][size] = json.loads(run.stdout)
    json.dump(out, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
