"""Measure every entry point of talkdesk over growing data; print JSON.

    python drive.py [--sizes 10,100,1000] [--application FOLDER] > measured.json

Needs fastapi, httpx, sqlalchemy, aiosqlite, openai, numpy, pyjwt.  Each size runs in a child process
with its own scratch SQLite database; AI service, webhook receivers, name server and mail server are
stubs in process.  `db_steps` are instructions of SQLite's virtual machine (in units of 50): they grow
with the rows that a query visits, not only with those that it returns.
"""
import argparse
import asyncio
import collections
import gc
import json
import random
import re
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
import tracemalloc
from datetime import timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME = HERE.name.removesuffix(".truth")
APP = HERE.parent / NAME
sys.dont_write_bytecode = True
STEP = 50
DIMENSIONS = 1536  # of the configured embedding model


class Meter:
    """Counts what one call costs; the stubs of the outside world report here, too."""

    def __init__(self, engine):
        from sqlalchemy import event

        self.engine, self.rows, self.examples = engine, {}, {}
        self.statements, self.count, self.held = collections.Counter(), collections.Counter(), {}
        self.steps, self.current = collections.Counter(), ""
        event.listen(engine.sync_engine, "connect", self.connected)
        event.listen(engine.sync_engine, "before_cursor_execute", self.before)
        event.listen(engine.sync_engine, "after_cursor_execute", self.after)
        event.listen(engine.sync_engine, "commit", lambda _: self.count.update(commits=1))

    def connected(self, connection, record):
        def step():
            self.count["steps"] += 1
            self.steps[self.current] += 1

        connection.run_async(lambda raw: raw.set_progress_handler(step, STEP))

    def before(self, conn, cursor, statement, parameters, context, many):
        self.statements[statement] += 1
        self.current = statement
        self.outside("statement")
        if statement.startswith("SELECT") and not many:
            self.examples.setdefault(statement, parameters)

    def after(self, conn, cursor, statement, parameters, context, many):
        rows = getattr(cursor, "_rows", ())
        self.count["rows"] += len(rows)
        self.count["fetched"] += sum(len(value) for row in rows for value in row if isinstance(value, (str, bytes)))

    def outside(self, kind):
        """Something slow happens: remember how many database connections are checked out meanwhile."""
        self.held[kind] = max(self.held.get(kind, 0), self.engine.pool.checkedout())

    async def with_stall(self, make):
        longest, stop = 0.0, False

        async def ticker():
            nonlocal longest
            last = time.perf_counter()
            while not stop:
                await asyncio.sleep(0.001)
                now = time.perf_counter()
                longest = max(longest, now - last - 0.001)
                last = now

        task = asyncio.create_task(ticker())
        await asyncio.sleep(0.005)
        longest = 0.0
        try:
            value = await make()
            await asyncio.sleep(0.003)
        finally:
            stop = True
            await task
        return value, longest

    async def run(self, name, make, memory=False, note=None, statement=None, again=0):
        """`statement`: report how often a statement that contains this text was executed.

        `again`: so many calls more for the stall; the shortest of all is reported, because a busy machine only adds.
        """
        gc.collect()
        self.statements.clear()
        self.count.clear()
        self.held.clear()
        self.steps.clear()
        cpu, wall = time.process_time(), time.perf_counter()
        value, stall = await self.with_stall(make)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        row = {
            "queries": sum(self.statements.values()), "distinct": len(self.statements),
            "rows": self.count["rows"], "commits": self.count["commits"],
            "fetched_kb": round(self.count["fetched"] / 1024, 1), "db_steps": self.count["steps"] * STEP, "connections": self.held.get("statement", 0),
            "cpu_ms": round(cpu * 1000, 1), "wall_ms": round(wall * 1000, 1), "stall_ms": round(stall * 1000, 1),
        }
        row.update({k: v for k, v in sorted(self.count.items()) if k not in ("rows", "commits", "steps", "fetched")})
        row.update({f"connections_held_during_{k}": v for k, v in self.held.items() if k != "statement"})
        top = self.statements.most_common(1)
        if top and top[0][1] > 2:
            text = " ".join(top[0][0].split())
            row["top"] = [top[0][1], text[:50] + " ... " + text[-90:]]
        row["costly"] = [[n * STEP, " ".join(s.split()).partition(" FROM ")[2][-240:]]
                         for s, n in self.steps.most_common(2) if n * STEP >= 1000]
        if not row["costly"]:
            del row["costly"]
        if statement:
            row["repeats"] = [sum(n for s, n in self.statements.items() if statement in s), statement]
        if hasattr(value, "status_code"):
            row.update(status=value.status_code, bytes=len(value.content))
        elif isinstance(value, (int, str)):
            row["result"] = value
        for _ in range(again):
            _, stall = await self.with_stall(make)
            row["stall_ms"] = min(row["stall_ms"], round(stall * 1000, 1))
        if memory:
            del value
            gc.collect()
            tracemalloc.start()
            await make()
            row["peak_kb"] = round(tracemalloc.get_traced_memory()[1] / 1024)
            tracemalloc.stop()
        if note:
            row["note"] = note
        self.rows[name] = row
        print(f"  {name}: {row}", file=sys.stderr, flush=True)

    async def plans(self):
        """Explain each SELECT seen; keep those that scan, sort, build an index or use the organisation alone."""
        found = []
        bad = re.compile(r"^SCAN |TEMP B-TREE FOR ORDER|AUTOMATIC|\(organisation_id=\?\)$")
        async with self.engine.connect() as conn:
            for statement, parameters in list(self.examples.items()):
                result = await conn.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)
                steps = [row[3] for row in result]
                tail = " ".join(statement.split())
                if " IN (?" in tail or " IN (SELECT 1 FROM (SELECT 1)" in tail:  # relations of loaded rows, by key
                    continue
                if any(bad.search(s) for s in steps) and ("WHERE" in tail or "ORDER BY" in tail):
                    found.append([tail.partition(" FROM ")[2][:300], steps])
        self.rows["query plans"] = {"plans": found}


class Outside:
    """The AI service, webhook receivers, the name server and the mail server."""

    def __init__(self):
        self.meter, self.slow, self.chunks = None, 0.0, 0
        self.rng = random.Random(5)

    def saw(self, kind):
        if self.meter:
            self.meter.count[kind] += 1
            self.meter.outside(kind)

    async def ai(self, request):
        import httpx

        body = json.loads(request.content)
        if request.url.path.endswith("/embeddings"):
            self.saw("http_embedding")
            vector = [self.rng.random() for _ in range(DIMENSIONS)]
            return httpx.Response(200, json={
                "object": "list", "data": [{"object": "embedding", "index": 0, "embedding": vector}],
                "model": body["model"], "usage": {"prompt_tokens": 1, "total_tokens": 1}})
        self.saw("http_chat")
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A summary."}}
        return httpx.Response(200, json={
            "id": "1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]})

    async def hook(self, request):
        import httpx

        self.saw("http_webhook")
        if self.slow and self.meter.count["http_webhook"] == 1:
            await asyncio.sleep(self.slow)

        async def chunks():
            for _ in range(self.chunks):
                await asyncio.sleep(0)
                yield bytearray(100_000)

        return httpx.Response(200, content=chunks())

    def lookup(self, host, port, *more, **options):
        self.saw("dns")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]


def stub_smtp(outside):
    class SMTP:
        def __init__(self, *where, **options):
            outside.saw("smtp_connections")

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def starttls(self):
            pass

        def send_message(self, message):
            outside.saw("mails")

    return SMTP


async def fill(ctx, size):
    """Organisation 1 has `size` conversations and customers; size / 20 others share `size` more.

    Eight messages and two tags a conversation, 70% closed, half of those rated, all but some of those
    summarised and embedded; conversation 1 has `size` messages more.  `size` sent webhooks and digests; 160 webhooks (or size / 2) are due.
    """
    import numpy as np
    from sqlalchemy import insert, text

    from talkdesk import models as m
    from talkdesk.services import auth

    rng, now = random.Random(4), m.utcnow()
    vectors = np.random.default_rng(4)
    others = max(2, size // 20)
    agents_of, customers_of, users = {}, {}, []
    hashed = await auth.hash_password("demo-password")
    organisations = [
        {"id": i, "name": f"Org {i}", "slug": f"org-{i}", "webhook_url": "https://hooks.test/in", "webhook_secret": "s" * 48}
        for i in range(1, others + 2)]

    def add(organisation, name, email, role):
        users.append({"id": len(users) + 1, "organisation_id": organisation, "name": name, "email": email,
                      "password_hash": hashed, "role": role, "is_active": True, "token_version": 0, "created_at": now})
        return len(users)

    for row in organisations:
        o = row["id"]
        staff, people = (max(3, size // 50), size) if o == 1 else (2, 4)
        agents_of[o] = [add(o, f"Agent {i:04d}", f"a{i}@org{o}.test", m.Role.AGENT if i else m.Role.ADMIN) for i in range(staff)]
        customers_of[o] = [add(o, f"Customer {i:05d}", f"c{i}@org{o}.test", m.Role.CUSTOMER) for i in range(people)]
        if o <= max(2, size // 50):
            add(o, "Everywhere", "same@everywhere.test", m.Role.CUSTOMER)  # one address, many organisations
    tags = [{"id": i + 1, "organisation_id": 1 if i % 2 else 2, "name": f"tag{i}"} for i in range(max(6, size // 10))]
    mine = [t["id"] for t in tags if t["organisation_id"] == 1]
    rows = collections.defaultdict(list)
    message = 0
    for i in range(2 * size):
        c, o = i + 1, 1 if i < size else 2 + i % others
        customer, agent = rng.choice(customers_of[o]), rng.choice(agents_of[o])
        closed = c == 1 or rng.random() < 0.7
        started = now - timedelta(days=rng.randint(2, 400), minutes=rng.randint(0, 1400))
        if closed and i % 5 == 0:
            started = now - timedelta(days=2, minutes=rng.randint(0, 1000))
        count = 8 + (size if c == 1 else 0)
        for k in range(count):
            message += 1
            at = started + timedelta(minutes=10 * min(k, 40))
            rows["messages"].append({
                "id": message, "conversation_id": c, "sender_id": agent if k % 2 else customer, "is_internal": k == 5,
                "body": f"word{k} about order {message} refund login. " * 12, "created_at": at,
                "response_seconds": 600.0 if k % 2 else None})
            if k == 0 and i % 4 == 0:
                rows["attachments"].append({"message_id": message, "filename": "f.png", "content_type": "image/png",
                                            "size_bytes": 10, "url": "https://files.test/f.png"})
        ended = now - timedelta(days=1, minutes=rng.randint(0, 300)) if closed and i % 5 == 0 else started + timedelta(hours=8)
        done = closed and (c == 1 or i % 20 != 3)
        rows["conversations"].append({
            "id": c, "organisation_id": o, "customer_id": customer, "assignee_id": agent if closed or i % 3 else None,
            "subject": f"Order {c}", "status": m.Status.CLOSED if closed else m.Status.OPEN, "created_at": started,
            "last_message_id": message, "last_message_at": at, "waiting_since": None if closed else at,
            "first_response_seconds": 600.0, "closed_at": ended if closed else None, "closed_by_id": agent if closed else None,
            "rating": 4 if closed and i % 2 else None, "rated_at": ended if closed and i % 2 else None,
            "summary": "A summary. " * 30 if done else None, "summary_message_id": message if done else None})
        if done:
            vector = vectors.random(DIMENSIONS, dtype=np.float32)
            rows["conversation_embeddings"].append({
                "conversation_id": c, "model": ctx.settings.ai_embedding_model, "message_id": message,
                "vector": (vector / np.linalg.norm(vector)).tobytes()})
        for user in {customer, agent}:
            rows["participants"].append({"conversation_id": c, "user_id": user, "joined_at": started})
            rows["read_markers"].append({"conversation_id": c, "user_id": user, "last_read_message_id": message - 3})
        if o == 1:
            for tag in rng.sample(mine, 2):
                rows["conversation_tags"].append({"conversation_id": c, "tag_id": tag})
    for i in range(size + max(160, size // 2)):
        due = i >= size
        rows["webhook_deliveries"].append({
            "organisation_id": 1 + i % 2, "event": "message.created", "body": json.dumps({"data": "x" * 600}),
            "status": m.DeliveryStatus.PENDING if due else m.DeliveryStatus.DELIVERED, "attempts": 0 if due else 1,
            "next_attempt_at": now - timedelta(minutes=5), "created_at": now})
    admins = [a[0] for a in agents_of.values()]
    for i in range(size):
        rows["digest_deliveries"].append({
            "user_id": admins[i % len(admins)], "day": (now - timedelta(days=5 + i // len(admins))).date(), "sent_at": now})
    tables = m.Base.metadata.tables
    async with ctx.engine.begin() as conn:
        await conn.execute(insert(tables["organisations"]), organisations)
        await conn.execute(insert(tables["users"]), users)
        await conn.execute(insert(tables["tags"]), tags)
        for name in ("conversations", "messages", "attachments", "conversation_embeddings", "participants",
                     "read_markers", "conversation_tags", "webhook_deliveries", "digest_deliveries"):
            await conn.execute(insert(tables[name]), rows[name])
        await conn.execute(text("ANALYZE"))

    def pick(test):
        return [c for c in rows["conversations"] if c["organisation_id"] == 1 and test(c)]

    return {
        "admin": users[0], "agent": users[1], "others": others, "tags": mine, "users": {u["id"]: u for u in users},
        "staff": agents_of[1], "open": pick(lambda c: c["status"] == "open"),
        "closed": pick(lambda c: c["status"] == "closed" and c["id"] > 1), "customer": users[agents_of[1][-1]],
    }


async def drive(size):
    import httpx

    from talkdesk.config import Settings
    from talkdesk.context import build_context
    from talkdesk.db import create_tables, make_engine, make_sessions
    from talkdesk.jobs.nightly import run_nightly
    from talkdesk.main import create_app
    from talkdesk.models import User
    from talkdesk.services import auth

    scratch = tempfile.TemporaryDirectory()
    outside = Outside()
    smtplib.SMTP = stub_smtp(outside)
    socket.getaddrinfo = outside.lookup
    settings = Settings(
        database_url=f"sqlite+aiosqlite:///{scratch.name}/desk.db", secret_key="k" * 40, ai_api_key="test",
        ai_base_url="http://ai.test/v1", smtp_host="smtp.test")
    ctx = build_context(
        settings, ai_http=httpx.AsyncClient(transport=httpx.MockTransport(outside.ai)),
        webhook_http=httpx.AsyncClient(transport=httpx.MockTransport(outside.hook)))
    meter = outside.meter = Meter(ctx.engine)
    await create_tables(ctx.engine)
    data = await fill(ctx, size)
    real_scrypt = auth._scrypt

    def scrypt(password, salt):
        outside.saw("password_hashes")
        return real_scrypt(password, salt)

    auth._scrypt = scrypt
    api = httpx.AsyncClient(transport=httpx.ASGITransport(app=create_app(ctx)), base_url="http://test")

    def bearer(row):
        user = User(id=row["id"], token_version=0)
        return {"Authorization": "Bearer " + auth.make_token(settings, user)}

    admin, agent, customer = bearer(data["admin"]), bearer(data["agent"]), bearer(data["customer"])

    def call(method, path, who=agent, **body):
        return lambda: api.request(method, path, headers=who, json=body or None)

    def get(path, who=agent):
        return call("GET", path, who)

    run, opened, closed = meter.run, data["open"], data["closed"]
    ids = [c["id"] for c in opened]
    password = {"password": "demo-password"}

    await run("GET /health", get("/health"))
    await run("POST /auth/organisations", call(
        "POST", "/auth/organisations", None, organisation_name="New", name="N", email="n@new.test", **password))
    await run("POST /auth/signup", call(
        "POST", "/auth/signup", None, organisation="org-1", name="N", email="n2@new.test", **password))
    await run("POST /auth/login", call("POST", "/auth/login", None, email=data["agent"]["email"], **password), memory=True)
    await run("POST /auth/login (one address, many organisations)", call(
        "POST", "/auth/login", None, email="same@everywhere.test", **password),
        note=f"{max(2, size // 50)} organisations")

    async def waiting():
        start = time.perf_counter()
        await get("/auth/me")()
        return round((time.perf_counter() - start) * 1000)

    async def storm():
        logins = asyncio.gather(*(call("POST", "/auth/login", None, email=data["agent"]["email"], **password)() for _ in range(40)))
        await asyncio.sleep(0.1)
        waited = await waiting()
        await logins
        return f"GET /auth/me meanwhile: {waited} ms"

    await run("40 logins at once", storm)
    await run("GET /auth/me", get("/auth/me"))
    await run("GET /users", get("/users"), memory=True)
    await run("GET /users?q=none", get("/users?q=zzz"))
    await run("GET /users?role=agent", get("/users?role=agent"))
    await run("GET /users?offset=90%", get(f"/users?offset={size * 9 // 10}&limit=10"))
    await run("POST /users", call("POST", "/users", admin, name="A", email="x@new.test", role="agent", **password))
    await run("PATCH /users/{id}", call("PATCH", f"/users/{data['staff'][2]}", admin, is_active=False))
    await run("GET /organisation", get("/organisation", admin))
    await run("PATCH /organisation", call("PATCH", "/organisation", admin, name="Org one"))
    await run("POST /organisation/webhook-secret", call("POST", "/organisation/webhook-secret", admin))
    await run("GET /organisation/webhook-deliveries?limit=200",
              get("/organisation/webhook-deliveries?limit=200", admin), memory=True)
    for box in ("all", "mine", "unassigned"):
        await run(f"GET /inbox?box={box}", get(f"/inbox?box={box}"), memory=box == "all", statement="count(*)",
                  note=f"{len(opened)} open conversations")
    await run("GET /search/messages?q (hits)", get("/search/messages?q=refund%20word3"), memory=True)
    await run("GET /search/messages?q (no hit)", get("/search/messages?q=zzz"))
    await run("GET /search/messages?offset=90%", get(f"/search/messages?q=refund&limit=10&offset={size * 7}"))
    await run("GET /search/messages?q&conversation_id", get(f"/search/messages?q=zzz&conversation_id={ids[0]}"))
    await run("GET /tags", get("/tags"), memory=True)
    await run("DELETE /tags/{id}", call("DELETE", f"/tags/{data['tags'][-1]}", admin))
    await run("GET /conversations", get("/conversations"), memory=True)
    await run("GET /conversations?limit=200", get("/conversations?limit=200"), memory=True, again=4)
    await run("GET /conversations?offset=90%", get(f"/conversations?limit=10&offset={size * 9 // 10}"))
    await run("GET /conversations?limit=10", get("/conversations?limit=10"))
    await run("GET /conversations?status=open", get("/conversations?status=open"))
    await run("GET /conversations?sort=waiting", get("/conversations?sort=waiting&limit=10"))
    await run("GET /conversations?tag=", get("/conversations?tag=tag1&limit=10"))
    await run("GET /conversations?assignee=me", get("/conversations?assignee=me&limit=10"))
    await run("GET /conversations (customer)", get("/conversations", customer))
    await run("GET /conversations/{id}", get(f"/conversations/{ids[0]}"))
    await run("GET /conversations/{id} (many messages)", get("/conversations/1"), note=f"{size + 8} messages")
    await run("GET /conversations/{id}/messages", get("/conversations/1/messages"), memory=True, note=f"{size + 8} messages")
    await run("GET /conversations/{id}/messages?before_id", get("/conversations/1/messages?before_id=5"))
    files = [{"filename": "f", "content_type": "t", "size_bytes": 1, "url": "https://files.test/f"}] * 3
    await run("POST /conversations (customer)", call(
        "POST", "/conversations", customer, subject="S", body="Hello", attachments=files), statement="organisations.webhook_url")
    await run("POST /conversations (agent)", call(
        "POST", "/conversations", subject="S", body="Hello", customer_id=data["customer"]["id"]),
        statement="organisations.webhook_url")
    await run("POST /conversations/{id}/messages (agent)", call(
        "POST", f"/conversations/{ids[0]}/messages", body="Answer"), statement="conversation_tags")
    last = closed[0]
    owner = bearer(data["users"][last["customer_id"]])
    await run("PUT /conversations/{id}/rating", call("PUT", f"/conversations/{last['id']}/rating", owner, rating=5))
    await run("POST /conversations/{id}/messages (reopens)", call(
        "POST", f"/conversations/{last['id']}/messages", owner, body="Again"), statement="organisations.webhook_url")
    await run("POST /conversations/{id}/notes", call("POST", f"/conversations/{ids[0]}/notes", body="Note"))
    await run("POST /conversations/{id}/read", lambda: api.post(f"/conversations/{ids[1]}/read", headers=agent, json={}))
    await run("PUT /conversations/{id}/assignee", call(
        "PUT", f"/conversations/{ids[1]}/assignee", assignee_id=data["staff"][1]))
    await run("PUT /conversations/{id}/tags", call(
        "PUT", f"/conversations/{ids[1]}/tags", tags=[f"new{i}" for i in range(20)]), note="20 new tags")
    await run("POST /conversations/{id}/close", call("POST", f"/conversations/{ids[1]}/close"),
              note="with the embedding in the background")
    await run("POST /conversations/{id}/reopen", call("POST", f"/conversations/{ids[1]}/reopen"))
    await run("POST .../suggested-reply", call("POST", "/conversations/1/suggested-reply", instruction="be kind"),
              memory=True, note=f"{size + 8} messages")
    await run("POST .../summary (made)", call("POST", f"/conversations/{ids[0]}/summary"))
    await run("POST .../summary (stored)", call("POST", "/conversations/1/summary"), memory=True, note=f"{size + 8} messages")
    await run("GET .../similar (own embedding stored)", get("/conversations/1/similar"), memory=True, again=4,
              note=f"{len(closed)} closed conversations or so, {size + 8} messages")
    await run("GET .../similar (own embedding made)", get(f"/conversations/{ids[-1]}/similar"))
    from talkdesk.models import utcnow

    year = f"from={utcnow().date() - timedelta(days=365)}&to={utcnow().date()}"
    for page in ("overview", "agents", "days"):
        await run(f"GET /dashboard/{page}", get(f"/dashboard/{page}"))
        await run(f"GET /dashboard/{page} (a year)", get(f"/dashboard/{page}?{year}"))
    await run("GET /export/conversations.csv (a year)", get(f"/export/conversations.csv?{year}", admin), memory=True, again=4)
    await run("POST /auth/password", call(
        "POST", "/auth/password", customer, current_password="demo-password", new_password="other-password"))

    await run("webhooks.deliver_due()", ctx.webhooks.deliver_due, note="up to 50 a call, one host")
    outside.slow = 0.5
    await run("webhooks.deliver_due() (one slow receiver)", ctx.webhooks.deliver_due, note="the first one takes 500 ms")
    outside.slow, outside.chunks = 0.0, 20
    tracemalloc.start()
    await run("webhooks.deliver_due() (answers of 2 MB)", ctx.webhooks.deliver_due)
    meter.rows["webhooks.deliver_due() (answers of 2 MB)"]["peak_kb"] = round(tracemalloc.get_traced_memory()[1] / 1024)
    tracemalloc.stop()
    outside.chunks = 0
    while await ctx.webhooks.deliver_due():
        pass
    await run("webhooks.deliver_due() (nothing due)", ctx.webhooks.deliver_due)

    def nightly(**options):
        async def job():
            return str(await run_nightly(ctx, **options))
        return job

    note = f"{data['others'] + 2} organisations"
    await run("nightly --dry-run", quiet(nightly(dry_run=True)), note=note)
    await run("nightly", nightly(), note=note, statement="messages.id <= ?")
    await run("nightly (again)", nightly(), note=note, statement="messages.id <= ?")
    if size >= 1000:
        await meter.plans()
    await api.aclose()
    await ctx.close()

    import seed

    engine = make_engine(f"sqlite+aiosqlite:///{scratch.name}/seed.db")
    meter2 = outside.meter = Meter(engine)
    meter2.rows = meter.rows
    await meter2.run("python -m talkdesk (create_tables)", lambda: create_tables(engine))

    async def demo():
        async with make_sessions(engine)() as session:
            await seed.seed(session, max(2, size // 50))

    await meter2.run("seed.py", demo, note=f"{2 * max(2, size // 50)} conversations, 17 users")
    await engine.dispose()
    scratch.cleanup()
    return meter.rows


def quiet(make):
    """Drop what the job prints."""
    import contextlib
    import io

    async def job():
        with contextlib.redirect_stdout(io.StringIO()):
            return await make()
    return job


def imports():
    """What the heavy modules add to the start, in milliseconds (cumulative)."""
    run = subprocess.run(
        [sys.executable, "-B", "-X", "importtime", "-c", "import talkdesk.main"], cwd=APP, capture_output=True, text=True)
    found = {}
    for line in run.stderr.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if len(parts) == 3 and parts[2].strip() in ("talkdesk.main", "openai", "numpy", "fastapi", "httpx", "sqlalchemy"):
            found[parts[2].strip()] = round(int(parts[1]) / 1000)
    return found


def main():
    global APP
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--one", type=int)
    parser.add_argument("--application", default=str(APP), metavar="FOLDER", help="drive this copy of it instead")
    options = parser.parse_args()
    APP = Path(options.application).resolve()
    sys.path.insert(0, str(APP))
    if options.one:
        rows = asyncio.run(drive(options.one))
        json.dump(rows, sys.stdout)
        return
    out = {"app": NAME, "import_ms": imports(), "sizes": {}}
    for size in options.sizes.split(","):
        run = subprocess.run(
            [sys.executable, "-W", "ignore", __file__, "--one", size, "--application", str(APP)],
            stdout=subprocess.PIPE, check=True)
        out["sizes"][size] = json.loads(run.stdout)
    json.dump(out, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
