"""Measure every entry point of mealbox over growing data; print JSON.

    python drive.py [--sizes 10,100,1000] [--application FOLDER] > measured.json

Needs fastapi, httpx, sqlalchemy and aiosqlite.  Each size runs in a child process with its own scratch
SQLite database; prices API, recipe pages and mail server are stubs in process.  `db_steps` are
instructions of SQLite's virtual machine (counted in units of 50): they show rows that a query visits,
not only those that it returns.  `held_*` is the most database connections checked out while the outside
world, a password hash or the compression is waited for.  `digest` is the response without ids of time
and chance, so that two versions of the application can be compared.
"""
import argparse
import asyncio
import collections
import gc
import hashlib
import io
import json
import os
import random
import re
import smtplib
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
APP = HERE.parent / HERE.name.removesuffix(".truth")
sys.dont_write_bytecode = True
STEP = 50
SITE = "http://93.184.216.34"
TODAY = date.today()
MONDAY = TODAY - timedelta(days=TODAY.weekday())


class Meter:
    """What one call costs: the database's events, the stubs and the event loop report here."""

    def __init__(self, engine):
        from sqlalchemy import event

        self.engine, self.rows, self.examples, self.now = engine, {}, {}, ""
        self.clear()
        event.listen(engine.sync_engine, "connect", self.connected)
        event.listen(engine.sync_engine, "before_cursor_execute", self.before)
        event.listen(engine.sync_engine, "after_cursor_execute", self.after)
        event.listen(engine.sync_engine, "commit", lambda conn: self.count.update(commits=1))

    def clear(self):
        self.statements, self.same, self.count = collections.Counter(), collections.Counter(), collections.Counter()
        self.steps, self.held = collections.Counter(), {}

    def connected(self, connection, record):
        def step():
            self.steps[self.now] += 1

        connection.run_async(lambda raw: raw.set_progress_handler(step, STEP))

    def before(self, conn, cursor, statement, parameters, context, many):
        self.statements[statement] += 1
        self.now = statement
        if many:
            self.count["sent_rows"] += len(parameters)
        else:
            self.same[statement, repr(parameters)] += 1
            if statement.startswith(("SELECT", "WITH")):
                self.examples.setdefault(statement, parameters)

    def after(self, conn, cursor, statement, parameters, context, many):
        rows = getattr(cursor, "_rows", ())
        self.count["rows"] += len(rows)
        self.count["characters"] += sum(len(v) for row in rows for v in row if isinstance(v, (str, bytes)))

    def outside(self, kind):
        self.count[kind] += 1
        self.held[kind] = max(self.held.get(kind, 0), self.engine.pool.checkedout())

    async def stall(self, call):
        """The longest time between two turns of the event loop, as CPU time of the process: a busy machine adds little."""
        worst, going = 0.0, True

        async def watch():
            nonlocal worst
            before, cpu = time.perf_counter(), time.process_time()
            while going:
                await asyncio.sleep(0.001)
                after, used = time.perf_counter(), time.process_time()
                worst, before, cpu = max(worst, min(after - before - 0.001, used - cpu)), after, used

        watcher = asyncio.create_task(watch())
        await asyncio.sleep(0.004)
        worst = 0.0
        try:
            value = await call()
            await asyncio.sleep(0.002)
        finally:
            going = False
            await watcher
        return value, worst * 1000

    async def run(self, name, call, again=0, memory=False, expect=None, note=None):
        """One call measured; `again` more calls for the shortest stall; one more for the peak memory."""
        gc.collect()
        self.clear()
        cpu, wall = time.process_time(), time.perf_counter()
        value, stall = await self.stall(call)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        row = {"queries": sum(self.statements.values()), "distinct": len(self.statements), "rows": self.count["rows"],
               "fetched_kb": round(self.count["characters"] / 1024, 1), "commits": self.count["commits"],
               "db_steps": sum(self.steps.values()) * STEP, "cpu_ms": round(cpu * 1000, 1),
               "wall_ms": round(wall * 1000, 1), "stall_ms": round(stall, 1)}
        row |= {k: v for k, v in sorted(self.count.items()) if k not in ("rows", "characters", "commits")}
        row |= {f"held_{kind}": held for kind, held in self.held.items()}
        if repeats := sum(n - 1 for n in self.same.values()):
            row["repeats"] = repeats
        top = self.statements.most_common(1)
        if top and top[0][1] > 2:
            row["top"] = [top[0][1], " ".join(top[0][0].split())[:140]]
        costly = [[n * STEP, " ".join(s.split()).partition(" FROM ")[2][:260]]
                  for s, n in self.steps.most_common(3) if n * STEP >= 1000]
        if costly:
            row["costly"] = costly
        if hasattr(value, "status_code"):
            row |= {"status": value.status_code, "bytes": len(value.content), "digest": digest(value)}
            if expect and value.status_code != expect:
                raise SystemExit(f"{name}: {value.status_code} {value.text[:300]}")
        elif value is not None:
            row["result"] = value
        for _ in range(again):
            row["stall_ms"] = min(row["stall_ms"], round((await self.stall(call))[1], 1))
        if memory:
            del value
            gc.collect()
            tracemalloc.start()
            await call()
            row["peak_kb"] = round(tracemalloc.get_traced_memory()[1] / 1024)
            tracemalloc.stop()
        if note:
            row["note"] = note
        self.rows[name] = row
        print(f"  {name}: {row}", file=sys.stderr, flush=True)

    async def plans(self):
        """Keep the plan of each SELECT that scans a table or sorts without an index."""
        found = []
        async with self.engine.connect() as conn:
            for statement, parameters in list(self.examples.items()):
                plan = [row[3] for row in await conn.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)]
                if any(re.match(r"SCAN (?!.*CONSTANT)|USE TEMP B-TREE|.*AUTOMATIC", step) for step in plan):
                    found.append([" ".join(statement.split()).partition(" FROM ")[2][:300], plan])
        self.rows["query plans"] = {"scans_and_sorts": found}


def digest(response):
    body = response.content
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            body = b"".join(name.encode() + archive.read(name) for name in sorted(archive.namelist()))
    body = re.sub(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?", b"TIME", body)
    body = re.sub(rb'"(token|invite_code)": ?"[^"]*"', b"SECRET", body)
    return hashlib.sha1(body).hexdigest()[:12]


class Outside:
    """Prices API, recipe pages, and what stands in for the mail server."""

    def __init__(self):
        self.meter, self.pages = None, {}

    def saw(self, kind):
        if self.meter:
            self.meter.outside(kind)

    async def answer(self, request):
        import httpx

        if request.url.host == "prices.test":
            self.saw("http_prices")
            return httpx.Response(200, json={"prices": [
                {"name": name, "price": 2, "amount": 1, "unit": "kg"} for name in request.url.params["names"].split(",")]})
        self.saw("http_page")
        page = self.pages.get(str(request.url))
        return httpx.Response(200, html=page) if page else httpx.Response(404)

    def smtp(self):
        outside = self

        class SMTP:
            def __init__(self, *where, **options):
                outside.saw("smtp_connection")

            def __enter__(self):
                return self

            def __exit__(self, *error):
                pass

            def send_message(self, message):
                outside.saw("mail")

        return SMTP


def watch(outside, module, name, kind):
    """Tell when a costly function of the application begins."""
    real = getattr(module, name)

    def told(*args, **options):
        outside.saw(kind)
        return real(*args, **options)

    setattr(module, name, told)


def page_of(recipe):
    return f"<html><script type='application/ld+json'>{json.dumps(recipe)}</script></html>"


async def fill(sessions, size):
    """`size` recipes, households (1.5 people each), ingredients / 2, and for household 1 a long history of its own.

    8 lines, 5 steps and 2 tags a recipe, 5 ratings, 1 favourite and 2 comments, 5 cooked meals a household;
    everybody rated recipe 1, which has `size` comments; ten friends of household 1 did `size` things, household 1 as many.
    """
    from mealbox import models as m
    from mealbox.security import token_hash
    from mealbox.units import known_facts
    from sqlalchemy import insert

    rng, now = random.Random(6), datetime.combine(TODAY, datetime.min.time())
    people, members = [], []
    for home in range(1, size + 1):
        for k in range(1 + home % 2 + (home == 1) * min(4, size // 50)):
            people.append({"id": len(people) + 1, "email": f"u{len(people) + 1}@example.com", "name": f"User {len(people) + 1}",
                           "password_hash": "00$00", "is_admin": len(people) == 0, "created_at": now})
            members.append({"household_id": home, "user_id": len(people), "role": "member" if k else "owner", "portion": 1.0})
    users = len(people)
    words = ["onion", "rice", "salt", "flour", "tomato", "garlic", "butter", "milk", "chicken", "pasta"]
    ingredients = [{"id": i, "name": words[i - 1] if i <= 10 else f"{words[i % 10]} kind {i}"} for i in range(1, max(40, size // 2) + 1)]
    ingredients = [row | known_facts(row["name"]) for row in ingredients]
    tags = [{"id": i, "name": f"tag{i}"} for i in range(1, 31)] + [{"id": 31, "name": "rare"}]
    recipes, lines, steps, photos, tagged = [], [], [], [], []
    text = "A family dish that keeps well, with more words than anybody reads. " * 12
    for i in range(1, size + 1):
        recipes.append({"id": i, "household_id": 1 if i % 4 == 0 else rng.randint(1, size), "author_id": rng.randint(1, users),
                        "title": f"Dish {i} {rng.choice(words)}", "description": text, "servings": 4.0, "prep_minutes": 10,
                        "cook_minutes": 20, "is_public": i % 5 != 0 or i == 1, "calories": 400.0 if i % 7 else None,
                        "protein_g": 20.0, "fat_g": 10.0, "carbs_g": 50.0, "created_at": now - timedelta(days=i % 900)})
        used = {min(len(ingredients), int(rng.paretovariate(0.7))) for _ in range(8)}
        lines += [{"recipe_id": i, "ingredient_id": k, "position": p, "amount": float(rng.randint(1, 300)), "unit": "g", "note": ""}
                  for p, k in enumerate(sorted(used))]
        steps += [{"recipe_id": i, "position": p, "text": "Stir until done, then stir once more. " * 4} for p in range(5)]
        photos.append({"recipe_id": i, "url": f"https://example.com/{i}.jpg", "content_type": "image/jpeg", "caption": ""})
        tagged += [{"recipe_id": i, "tag_id": t} for t in rng.sample(range(1, 31), 2)] + [{"recipe_id": i, "tag_id": 31}] * (i % 200 == 1)
    pairs = {(rng.randint(1, size), rng.randint(1, users)) for _ in range(5 * size)} | {(1, u) for u in range(1, users + 1)}
    pairs |= {(i, 1) for i in range(2, min(size, 10) + 1)}
    low = {r["user_id"] for r in members if r["household_id"] == 1}  # household 1 does not like what everybody rated
    ratings = [{"recipe_id": r, "user_id": u, "stars": 2 if r == 1 and u in low else 5 if u == 1 else rng.choice([2, 3, 4, 4, 5]), "created_at": now} for r, u in sorted(pairs)]
    reader = next(r["user_id"] for r in members if r["household_id"] == 2)  # has a long list of favourites
    liked = {(rng.randint(2, size), rng.randint(1, users)) for _ in range(size)} | {(i, reader) for i in range(1, size // 5 + 2)}
    favourites = [{"recipe_id": r, "user_id": u, "created_at": now - timedelta(minutes=r)} for r, u in sorted(liked)]
    comments = [{"recipe_id": 1 if i % 3 == 0 else rng.randint(1, size), "user_id": rng.randint(1, users) if i % 4 else 1,
                 "text": "We liked it very much. " * 3, "created_at": now} for i in range(3 * size)]
    plan = [{"household_id": 1, "recipe_id": rng.randint(1, size), "day": MONDAY - timedelta(days=i // 2 - 6), "servings": 2.0,
             "meal": ["dinner", "lunch"][i % 2], "cooked": i > 30} for i in range(max(14, size))]
    plan += [{"household_id": rng.randint(2, size), "recipe_id": rng.randint(1, size), "day": MONDAY + timedelta(days=i % 7), "servings": 2.0,
              "meal": "dinner", "cooked": False} for i in range(size)]
    eaters = [{"entry_id": i + 1, "user_id": 1} for i in range(0, max(14, size), 3)]
    pantry = [{"household_id": 1, "ingredient_id": 1 + i % min(30, len(ingredients)), "amount": 500.0, "unit": "g",
               "best_before": TODAY + timedelta(days=1 + i % 20) if i < 30 else TODAY - timedelta(days=i)} for i in range(30 + size // 2)]
    cooked = []
    for i in range(5 * size):
        day = TODAY - timedelta(days=rng.randint(0, 400))
        cooked.append({"household_id": 1 if i % 5 == 0 else rng.randint(1, size), "recipe_id": rng.randint(1, size), "cooked_on": day,
                       "week": day - timedelta(days=day.weekday()), "servings": 2.0})
    friends = range(2, min(size, 11) + 1)
    friendships = [pair for f in friends for pair in ({"household_id": 1, "friend_id": f}, {"household_id": f, "friend_id": 1})]
    acts = []
    for i in range(5 * size):
        home = [1, friends[i // 5 % len(friends)], *(rng.randint(1, size) for _ in range(3))][i % 5]
        acts.append({"household_id": home, "user_id": rng.randint(1, users), "recipe_id": rng.randint(1, size), "kind": "cooked",
                     "detail": "", "created_at": now - timedelta(days=(5 * size - i) * 400 // (5 * size), minutes=5 * size - i)})
    async with sessions() as session:
        for table, rows in (
                (m.User, people), (m.Household, [{"id": i, "name": f"Home {i}", "invite_code": f"code-{i}", "created_at": now} for i in range(1, size + 1)]),
                (m.Membership, members), (m.AuthToken, [{"token_hash": token_hash(f"t{u}"), "user_id": u, "expires_at": now + timedelta(days=30)} for u in (1, 2, reader)]),
                (m.Friendship, friendships), (m.Ingredient, ingredients), (m.Tag, tags), (m.Recipe, recipes), (m.RecipeIngredient, lines), (m.Step, steps),
                (m.Photo, photos), (m.Rating, ratings), (m.Favourite, favourites), (m.Comment, comments), (m.PlanEntry, plan), (m.PantryItem, pantry),
                (m.CookLog, cooked), (m.Activity, acts)):
            await session.execute(insert(table.__table__), rows)
        await session.execute(insert(m.recipe_tags), tagged)
        await session.execute(insert(m.plan_eaters), eaters)
        await session.commit()
    return reader, f"{users} users, {len(lines)} lines, {len(ratings)} ratings, {len(low)} members of household 1"


async def drive(size, folder):
    import httpx

    scratch = tempfile.TemporaryDirectory()
    os.environ["MEALBOX_DATABASE_URL"] = f"sqlite+aiosqlite:///{scratch.name}/mealbox.db"
    sys.path.insert(0, str(folder))
    from mealbox import main, security
    from mealbox.config import Settings
    from mealbox.deps import Outside as AppOutside
    from mealbox.services import export, importer, mailer, recommendations
    from mealbox.routers import insights

    outside = Outside()
    smtplib.SMTP = outside.smtp()
    watch(outside, security, "_scrypt", "hash")
    if hasattr(insights, "make_zip"):
        watch(outside, insights, "make_zip", "zip")
    settings = Settings(prices_url="http://prices.test/v1")
    app = main.create_app(settings)
    async with app.router.lifespan_context(app), httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://mealbox.test", timeout=None) as web, httpx.AsyncClient(
            transport=httpx.MockTransport(outside.answer)) as http:
        app.state.outside = AppOutside(settings, http, mailer.Mailer(settings))
        engine = app.state.sessions.kw["bind"]
        reader, about = await fill(app.state.sessions, size)
        await engine.dispose()
        meter = outside.meter = Meter(engine)
        meter.rows["data"] = {"note": about}
        run, home = meter.run, "/households/1"
        token, other = {"Authorization": "Bearer t1"}, {"Authorization": f"Bearer t{reader}"}

        def call(method, path, body=None, who=token, **params):
            content = None if body is None else json.dumps(body).encode()
            headers = who | ({"content-type": "application/json"} if content else {})
            return lambda: web.request(method, path, params=params, content=content, headers=headers)

        def get(path, **params):
            return call("GET", path, **params)

        await web.get("/households", headers=token)  # opens a connection, compiles the common statements
        login = {"email": "new@example.com", "password": "correct horse"}
        await run("POST /auth/register", call("POST", "/auth/register", login | {"name": "New"}, who={}), expect=201)
        await run("POST /auth/login", call("POST", "/auth/login", login, who={}), expect=200)
        await run("POST /auth/logout", call("POST", "/auth/logout", who={"Authorization": "Bearer t2"}), expect=204)
        await run("GET /households", get("/households"), expect=200)
        await run("POST /households", call("POST", "/households", {"name": "Other"}), expect=201)
        await run("POST /households/join", call("POST", "/households/join", {"invite_code": "code-3"}), expect=200)
        await run("GET {h}/members", get(f"{home}/members"), expect=200)
        await run("PATCH {h}/members/{id}", call("PATCH", f"{home}/members/2", {"portion": 1.5}), expect=200)
        await run("PUT {h}/friends/{id} (asked before)", call("PUT", f"{home}/friends/4"), expect=204)
        await run("GET {h}/friends (10 of n households)", get(f"{home}/friends"), again=1, memory=True, expect=200)
        await run("GET {h}/feed (10 friends with n activities)", get(f"{home}/feed"), again=1, memory=True, expect=200)
        await run("GET {h}/feed?before_id=50", get(f"{home}/feed", before_id=50), expect=200)
        await run("GET {h}/recommendations", get(f"{home}/recommendations"), again=1, memory=True, expect=200)

        for name, params in {"": {}, "?limit=100": {"limit": 100}, "?q=zzz (no hit)": {"q": "zzz"}, "?q=dish": {"q": "dish"},
                             "?q=two words": {"q": "dish 7"}, "?tag=rare": {"tag": "rare"}, "?have=onion": {"have": "onion"},
                             "?have=onion,rice,salt": {"have": ["onion", "rice", "salt"]}, "?avoid=onion": {"avoid": "onion"},
                             "?offset (last page)": {"offset": max(0, size * 8 // 10 - 20)}}.items():
            await run(f"GET /recipes{name}", get("/recipes", **params), again=1, memory=name in ("", "?limit=100"), expect=200)
        await run("GET /recipes/{id} (everybody rated it)", get("/recipes/1"), again=1, memory=True, expect=200)
        await run("GET /recipes/{id} (about 5 ratings)", get("/recipes/2"), again=1, expect=200)
        await run("PUT /recipes/{id}/rating (everybody rated it)", call("PUT", "/recipes/1/rating", {"stars": 5}), expect=200)
        await run("PUT /recipes/{id}/favourite", call("PUT", f"/recipes/{size - 1}/favourite"), expect=204)
        await run("DELETE /recipes/{id}/favourite", call("DELETE", f"/recipes/{size - 1}/favourite"), expect=204)
        await run("GET /favourites (n / 5)", call("GET", "/favourites", who=other), again=1, expect=200)
        await run("GET /favourites?offset (last page)", call("GET", "/favourites", who=other, offset=max(0, size // 5 - 20)), expect=200)
        await run("POST /recipes/{id}/comments", call("POST", "/recipes/2/comments", {"text": "Good"}), expect=201)
        await run("GET /recipes/{id}/comments (n comments)", get("/recipes/1/comments"), again=1, expect=200)
        await run("GET /recipes/{id}/comments?offset (last page)", get("/recipes/1/comments", offset=max(0, size - 20)), expect=200)
        await run("GET /recipes/{id}/cost", get("/recipes/2/cost"), expect=200)
        await run("GET /recipes/{id}/cost (once more)", get("/recipes/2/cost"), expect=200)

        big = {"title": "Long", "ingredients": [{"name": f"thing {i}", "amount": 1} for i in range(min(100, size))],
               "steps": ["Stir."] * min(100, size), "photos": [{"url": "https://example.com/a.jpg"}] * min(20, size), "tags": ["tag1", "tag2"]}
        made = (await call("POST", f"{home}/recipes", big)()).json()["id"]
        note = f"{min(100, size)} ingredients and steps"
        await run("POST {h}/recipes (long)", call("POST", f"{home}/recipes", big), expect=201, note=note)
        await run("GET /recipes/{id} (long)", get(f"/recipes/{made}"), again=1, expect=200, note=note)
        await run("PUT /recipes/{id}/rating (long)", call("PUT", f"/recipes/{made}/rating", {"stars": 5}), expect=200, note=note)
        await run("PUT /recipes/{id}/favourite (long)", call("PUT", f"/recipes/{made}/favourite"), expect=204, note=note)
        await run("POST /recipes/{id}/comments (long)", call("POST", f"/recipes/{made}/comments", {"text": "Good"}), expect=201, note=note)
        await run("GET /recipes/{id}/comments (long)", get(f"/recipes/{made}/comments"), again=1, expect=200, note=note)
        await run("GET /recipes/{id}/cost (long)", get(f"/recipes/{made}/cost"), expect=200, note=note)
        await run("PUT /recipes/{id} (long)", call("PUT", f"/recipes/{made}", big), expect=200, note=note)
        await run("DELETE /recipes/{id} (long)", call("DELETE", f"/recipes/{made}"), expect=204, note=note)
        await run("DELETE /recipes/{id} (known to everybody)", call("DELETE", f"/recipes/{4 if size < 8 else 8}"), expect=204)

        week = str(MONDAY)
        await run("GET {h}/plan", get(f"{home}/plan", week=week), again=1, expect=200)
        await run("POST {h}/plan", call("POST", f"{home}/plan", {"recipe_id": 2, "day": week}), expect=201)
        await run("POST {h}/plan/{id}/cooked", call("POST", f"{home}/plan/1/cooked"), expect=200)
        await run("DELETE {h}/plan/{id}", call("DELETE", f"{home}/plan/2"), expect=204)
        await run("POST {h}/plan/email", call("POST", f"{home}/plan/email", week=week), expect=202)
        await run("GET {h}/shopping-list", get(f"{home}/shopping-list", week=week), again=1, memory=True, expect=200)
        await run("GET {h}/shopping-list/cost", get(f"{home}/shopping-list/cost", week=week), expect=200)
        await run("GET {h}/nutrition?days=31", get(f"{home}/nutrition", start=str(MONDAY - timedelta(days=20)), days=31), again=1, expect=200)
        await run("GET {h}/pantry (30 + n / 2 items)", get(f"{home}/pantry"), again=1, memory=True, expect=200)
        await run("GET {h}/pantry?expiring_within=7", get(f"{home}/pantry", expiring_within=7), expect=200)
        await run("DELETE {h}/pantry/{id}", call("DELETE", f"{home}/pantry/1"), expect=204)
        for missing in (0, 3, 10):
            await run(f"GET {{h}}/what-can-i-cook?max_missing={missing}", get(f"{home}/what-can-i-cook", max_missing=missing), again=1,
                      memory=missing == 10, expect=200)
        await run("GET {h}/export", get(f"{home}/export"), again=1, memory=True, expect=200)
        async def recommend():  # the four statements of one recommendation, without web and login
            async with app.state.sessions() as session:
                return len(await recommendations.recommend(session, 1, 1, 10))

        await run("recommend()", recommend)

        kept = {}

        async def collect():
            async with app.state.sessions() as session:
                kept["files"] = await export.collect(session, 1)
            return sum(len(rows) for rows in kept["files"].values())

        async def compress():
            return len(export.make_zip(kept["files"])) // 1024

        async def dump():
            return sum(len(json.dumps(rows, default=str, ensure_ascii=False)) for rows in kept["files"].values()) // 1024

        if hasattr(export, "collect"):
            await run("export.collect()", collect, again=1, memory=True, note="result: records and fields collected")
            await run("export.make_zip()", compress, memory=True, note="result: KB")
            await run("instead: json.dumps without indent", dump, note="result: KB before compression")

        await run("GET /admin/most-cooked", get("/admin/most-cooked"), again=1, expect=200)
        await run("GET /admin/trends", get("/admin/trends"), again=1, memory=True, expect=200)
        await run("GET /admin/trends?weeks=52", get("/admin/trends", weeks=52), again=1, memory=True, expect=200)
        await run("GET /admin/active-households", get("/admin/active-households"), again=1, expect=200)
        await run("POST {h}/pantry (n items)", call("POST", f"{home}/pantry", [{"name": f"new {i}", "amount": 1} for i in range(size)]), expect=201)
        bulk = [{"title": f"Bulk {i}", "tags": ["bulk"], "steps": ["Stir."] * 5,
                 "ingredients": [{"name": f"bulk {i * 3 + k}", "amount": 1, "unit": "g"} for k in range(8)]} for i in range(size)]
        await run("POST {h}/recipes/import-file (n recipes)", call("POST", f"{home}/recipes/import-file", bulk), memory=True, expect=200)
        await run("POST {h}/recipes/import-file (n bad ones)", call("POST", f"{home}/recipes/import-file", [{"title": ""}] * size), expect=200)
        good = {"@type": "Recipe", "name": "Pie", "recipeIngredient": [f"{i} g thing {i}" for i in range(min(100, size))], "recipeInstructions": ["Bake."] * min(100, size)}
        pages = {"": page_of(good), " (20 n characters of script)": "<script" * (20 * size // 7),
                 " (20 n characters of script without end)": "<script type=application/ld+json>" * (20 * size // 33),
                 " (20 n characters of ld+json)": "<script" + "application/ld+json" * (20 * size // 19),
                 " (2 n characters of script with ld+json)": "<script application/ld+json" * (2 * size // 27),
                 " (20 n characters of <)": page_of(good | {"description": "<" * 20 * size}),
                 " (20 n characters of parentheses)": page_of(good | {"recipeIngredient": ["(" * 20 * size]}),
                 " (500 n characters)": page_of(good) + " " * 500 * size}
        for i, (name, page) in enumerate(pages.items()):
            outside.pages[f"{SITE}/{i}"] = page
            await run(f"POST {{h}}/recipes/import-url{name}", call("POST", f"{home}/recipes/import-url", {"url": f"{SITE}/{i}"}),
                      memory="500" in name)

        await run("DELETE {h}/members/{id}", call("DELETE", f"{home}/members/2"), expect=204)

        for name, function, text in (("parse_ingredient (20 n digits)", importer.parse_ingredient, "1" * 20 * size),
                                     ("parse_ingredient (20 n spaced digits)", importer.parse_ingredient, "1 " * 10 * size),
                                     ("_minutes (2 n digits)", importer._minutes, "PT" + "1" * min(2 * size, 4000) + "X")):
            start = time.process_time()
            try:
                function(text)
            except (ValueError, OverflowError):
                pass
            meter.rows[name] = {"cpu_ms": round((time.process_time() - start) * 1000, 2)}
        if size >= 1000:
            await meter.plans()
        import seed

        if size == 10:
            start = time.process_time()
            output, sys.stdout = sys.stdout, io.StringIO()
            await seed.seed(Settings(database_url=f"sqlite+aiosqlite:///{scratch.name}/seed.db"))
            sys.stdout = output
            meter.rows["seed.py"] = {"cpu_ms": round((time.process_time() - start) * 1000, 1)}
    scratch.cleanup()
    return meter.rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--application", type=Path, default=APP)
    parser.add_argument("--one", type=int)
    options = parser.parse_args()
    if options.one:
        json.dump(asyncio.run(drive(options.one, options.application.resolve())), sys.stdout)
        return
    out = {"app": options.application.resolve().name, "sizes": {}}
    for size in options.sizes.split(","):
        run = subprocess.run([sys.executable, "-W", "ignore", __file__, "--one", size, "--application", str(options.application)],
                             stdout=subprocess.PIPE, check=True)
        out["sizes"][size] = json.loads(run.stdout)
    json.dump(out, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
