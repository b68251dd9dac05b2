"""Measure every entry point of shiftplan over growing data; print JSON.

    python drive.py [--sizes 10,100,1000] [--application FOLDER] > measured.json

Needs flask, flask-sqlalchemy, tzdata. Each size runs in a child process with its
own scratch database; the mail server is a stub in process and the clock stands still.
"""
import argparse
import collections
import json
import random
import re
import smtplib
import sqlite3
import subprocess
import sys
import tempfile
import time
import tracemalloc
from datetime import date, datetime, timedelta
from datetime import time as clock
from pathlib import Path

HERE = Path(__file__).resolve().parent
APP = HERE.parent / HERE.name.removesuffix(".truth")
NOW = datetime(2030, 6, 5, 8)  # a Wednesday, UTC
WEEK = date(2030, 6, 3)
LOCATIONS = {10: 2, 100: 5, 1000: 20}
WIDE = {10: 5, 100: 20, 1000: 60}  # lines of one document: templates of a plan, shifts of one time off
PASSWORD = "shiftplan-demo"
sys.dont_write_bytecode = True
fetched = 0


class CountingCursor(sqlite3.Cursor):
    """Counts the rows that the application reads."""

    def fetchall(self):
        global fetched
        rows = super().fetchall()
        fetched += len(rows)
        return rows

    def fetchmany(self, *size, **options):
        global fetched
        rows = super().fetchmany(*size, **options)
        fetched += len(rows)
        return rows

    def fetchone(self):
        global fetched
        row = super().fetchone()
        fetched += row is not None
        return row


class CountingConnection(sqlite3.Connection):
    def cursor(self, factory=CountingCursor):
        return super().cursor(factory)


class Meter:
    """Queries, rows, database work, commits, mails, calls, CPU, memory and bytes of one call."""

    def __init__(self):
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        self.rows, self.statements, self.examples = {}, collections.Counter(), {}
        self.calls, self.commits, self.steps = collections.Counter(), 0, 0
        event.listen(Engine, "before_cursor_execute", self.statement)
        event.listen(Engine, "commit", self.commit)
        event.listen(Engine, "connect", self.connect)

    def connect(self, connection, record):
        connection.execute("PRAGMA synchronous=OFF")
        connection.set_progress_handler(self.step, 1000)

    def step(self):
        self.steps += 1
        return 0

    def statement(self, conn, cursor, statement, parameters, context, many):
        self.statements[statement] += 1
        if statement.startswith("SELECT") and not many:
            self.examples.setdefault(statement, parameters)

    def commit(self, conn):
        self.commits += 1

    def watch(self, owner, *names):
        """Count the calls of functions that the application looks up on their module or class."""
        for name in names:
            original = getattr(owner, name, None)
            if original is None:
                continue

            def counted(*args, _original=original, _name=f"{owner.__name__.split('.')[-1]}.{name}", **options):
                self.calls[_name] += 1
                return _original(*args, **options)

            setattr(owner, name, counted)

    def plans(self, engine):
        """Explain each SELECT seen; keep those that scan or sort without an index, or read an index from one side."""
        found = []
        with engine.connect() as conn:
            for statement, parameters in list(self.examples.items()):
                steps = [row[3] for row in conn.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)]
                bad = [s for s in steps if re.match(r"SCAN (?!CONSTANT|\(sub)|USE TEMP B-TREE FOR ORDER", s)
                       or re.search(r"\((?:\w+=\? AND )*\w+[<>]\?\)$", s)]
                tail = " ".join(statement.split()).partition(" FROM ")[2]
                if bad and ("WHERE" in tail or "ORDER BY" in tail):
                    found.append([tail[:420], bad])
        self.rows["query plans"] = {"scans_and_sorts": found}

    def run(self, name, call, memory=False, note=None):
        row = self.once(call)
        if memory:
            tracemalloc.start()
            call()
            row["peak_kb"] = round(tracemalloc.get_traced_memory()[1] / 1024)
            tracemalloc.stop()
        if note:
            row["note"] = note
        self.rows[name] = row
        print(f"  {name}: {row}", file=sys.stderr)

    def once(self, call):
        global fetched
        self.statements.clear()
        self.calls.clear()
        self.commits = self.steps = fetched = 0
        start, wall = time.process_time(), time.perf_counter()
        result = call()
        cpu, wall = time.process_time() - start, time.perf_counter() - wall
        row = {"queries": sum(self.statements.values()), "distinct": len(self.statements), "rows": fetched,
               "db_ksteps": self.steps, "commits": self.commits, "cpu_ms": round(cpu * 1000, 1),
               "wall_ms": round(wall * 1000, 1)}
        often = [[n, shorten(text)] for text, n in self.statements.most_common(6) if n > 2]
        if often:
            row["top"] = often
        if self.calls:
            row["calls"] = dict(sorted(self.calls.items()))
        if hasattr(result, "status_code"):
            row.update(status=result.status_code, bytes=len(result.data))
        elif isinstance(result, int):
            row["result"] = result
        return row


def shorten(text):
    text = " ".join(text.split())
    return text if len(text) < 130 else text[:40] + " ... " + text[-85:]


def fill(db, m, size):
    """size employees; one shift a week each for three months and two in this and the next week; clock entries,
    time off, swaps and notifications that grow with the employees."""
    from werkzeug.security import generate_password_hash

    rng, many, wide = random.Random(7), LOCATIONS.get(size, max(2, size // 50)), WIDE.get(size, 20)
    hashed = generate_password_hash(PASSWORD)
    insert = lambda model, rows: rows and db.session.execute(db.insert(model), rows)  # noqa: E731
    insert(m.Skill, [{"id": i + 1, "name": f"Skill {i}"} for i in range(5)])
    insert(m.Employee, [{"id": i + 1, "name": f"Person {rng.randrange(10 ** 6):06d}", "phone": f"555-{i:05d}",
                         "active": i < size - size // 10, "calendar_token": f"token-{i}"} for i in range(size)])
    insert(m.User, [{"id": 1, "email": "admin@example.com", "password_hash": hashed, "role": "admin", "active": True}])
    insert(m.User, [{"id": i + 2, "email": f"p{i}@example.com", "password_hash": hashed, "active": True,
                     "role": "manager" if i < many else "employee", "employee_id": i + 1} for i in range(size)])
    insert(m.Location, [{"id": n + 1, "name": f"Cafe {n:03d}", "address": f"Street {n}", "manager_id": n + 2}
                        for n in range(many)])
    insert(m.employee_skill, [{"employee_id": i + 1, "skill_id": s} for i in range(size) for s in (1, 2 + i % 4)])
    places = {(i + 1, i % many + 1) for i in range(size)} | {(i + 1, (i * 3 + 1) % many + 1) for i in range(0, size, 5)}
    insert(m.employee_location, [{"employee_id": e, "location_id": n} for e, n in sorted(places)])
    insert(m.Contract, [{"employee_id": i + 1, "hours_per_week": 20 + i % 3 * 10, "hourly_rate": 14 + old,
                         "start_date": date(2028 + old, 1, 1), "end_date": None if old else date(2028, 12, 31)}
                        for i in range(size) for old in (0, 1)])
    insert(m.Availability, [{"employee_id": i + 1, "weekday": d, "start_time": clock(6), "end_time": clock(23)}
                            for i in range(0, size, 2) for d in range(7)])
    insert(m.ShiftTemplate, [{"location_id": 1, "skill_id": 1 + j % 5, "name": f"T{j}", "weekday": j % 7,
                              "start_time": clock(6 + j % 9), "end_time": clock(12 + j % 9), "headcount": 1,
                              "break_minutes": 30} for j in range(wide)])
    plans = {(n, w): k + 1 for k, (n, w) in enumerate((n, w) for w in range(-12, 2) for n in range(many))}
    insert(m.WeekPlan, [{"id": k, "location_id": n + 1, "week": WEEK + timedelta(weeks=w), "published": True}
                        for (n, w), k in plans.items()])
    shifts, own = [], collections.defaultdict(list)

    def add(plan, week, day, start, employee=None, skill=1):
        begin = datetime.combine(WEEK + timedelta(weeks=week, days=day), clock(start))
        shifts.append({"id": len(shifts) + 1, "plan_id": plan, "skill_id": skill, "employee_id": employee,
                       "starts_at": begin, "ends_at": begin + timedelta(hours=6), "break_minutes": 30})
        if employee:
            own[employee, week].append(len(shifts))

    for week in range(-12, 2):
        for i in range(size):
            for extra in (0, 2) if week >= 0 else (0,):
                add(plans[i % many, week], week, (i // many + week + extra) % 5, 8, i + 1)
        for n in range(many if week >= 0 else 0):
            for j in range(3 + size // many // 10):
                add(plans[n, week], week, 5 + j % 2, 14)
    long = many + 2  # this employee has many shifts ahead, at the second location
    for j in range(wide):
        if j % 5 == 0:
            k = len(plans) + 1
            plans[1, 3 + j // 5] = k
            insert(m.WeekPlan, [{"id": k, "location_id": 2, "week": WEEK + timedelta(weeks=3 + j // 5), "published": True}])
        add(plans[1, 3 + j // 5], 3 + j // 5, j % 5, 8, long)
    insert(m.Shift, shifts)
    actors = {many + 1, 2 * many + 1, 3 * many + 1, 4 * many + 1, long}
    off, swaps = [], []
    for j in range(2 * size):
        e = rng.randrange(size) + 1
        pending = j < max(2, size // 10)
        if e in actors:
            continue
        start = WEEK + timedelta(days=rng.randint(30, 90) if pending else rng.randint(-700, 20))
        off.append({"employee_id": e, "kind": "vacation", "start_date": start, "end_date": start + timedelta(days=j % 9),
                    "note": "", "status": "pending" if pending else "approved" if j % 5 else "declined"})
    insert(m.TimeOff, off)
    for j in range(size):
        active = j < max(2, size // 10)
        a, b = rng.sample(range(1, size + 1), 2)
        if {a, b} & actors:
            continue
        week = 1 if active else rng.randint(-12, -1)
        swaps.append({"shift_id": rng.choice(own[a, week]), "counter_shift_id": own[b, week][0] if j % 2 else None,
                      "owner_id": a, "colleague_id": b, "status": "accepted" if active else "approved"})
    insert(m.SwapRequest, swaps)
    entries = []
    for i in range(size):
        for week in range(-9, 1):
            for day in (0, 1) if week == 0 else (0, 3):
                begin = datetime.combine(WEEK + timedelta(weeks=week, days=day), clock(8))
                entries.append({"employee_id": i + 1, "location_id": i % many + 1, "clock_in": begin,
                                "clock_out": begin + timedelta(hours=7 + i % 5), "break_minutes": 30})
        if i % 5 == 0 and i + 1 not in actors:
            entries.append({"employee_id": i + 1, "location_id": i % many + 1, "clock_in": NOW - timedelta(hours=1),
                            "clock_out": None, "break_minutes": 0})
    insert(m.TimeEntry, entries)
    notes = [{"user_id": u + 2 if j < 4 else 2, "text": "You work Mon 08:00", "link": "/", "mail_state": "sent",
              "created_at": NOW, "read": j < 4 or u % 50 > 0} for j in range(10) for u in range(size)]
    insert(m.Notification, notes)
    insert(m.Notification, [{"user_id": u + 2, "text": "Waiting", "link": "/", "mail_state": "pending", "created_at": NOW,
                             "read": True} for u in range(min(wide, size))])
    db.session.commit()
    return many


class Mailbox:
    """Stands in for smtplib.SMTP."""

    meter = session = None

    def __init__(self, *args, **options):
        self.meter.calls["smtp connections"] += 1

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return None

    def starttls(self):
        return None

    def login(self, user, password):
        return None

    def send_message(self, mail):
        self.meter.calls["mails"] += 1
        self.meter.calls["mails with a transaction open"] += Mailbox.session().in_transaction()


def drive(size, application):
    scratch = tempfile.TemporaryDirectory()
    sys.path.insert(0, str(application))
    import shiftplan
    from shiftplan import models, util
    from shiftplan.models import db
    from shiftplan.services import planning

    util.now = lambda: NOW
    meter = Meter()

    def make(name):
        app = shiftplan.create_app({
            "TESTING": True, "SECRET_KEY": "drive", "MAIL_SERVER": "mail.example", "MAIL_PORT": 25,
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{scratch.name}/{name}.db", "TIMEZONE": "Europe/Berlin",
            "SQLALCHEMY_ENGINE_OPTIONS": {"connect_args": {"factory": CountingConnection}}})
        return app

    app = make("plan")
    smtplib.SMTP = Mailbox
    Mailbox.meter, Mailbox.session = meter, db.session
    meter.watch(util, "to_local")
    meter.watch(planning.Roster, "__init__", "problems", "planned", "is_available")
    planning.Roster.is_available = staticmethod(planning.Roster.is_available)
    run = meter.run
    with app.app_context():
        run("flask init-db", lambda: app.test_cli_runner().invoke(args=["init-db"]).exit_code)
        many = fill(db, models, size)
        db.session.remove()
        db.engine.dispose()
        db.session.execute(db.text("ANALYZE"))
        db.session.commit()
        db.session.remove()
        engine = db.engine

        def pick(*where):
            found = db.session.scalars(db.select(models.Shift).where(*where).order_by(models.Shift.starts_at)).all()
            db.session.remove()
            return [s.id for s in found]

        soon = datetime.combine(WEEK + timedelta(weeks=1), clock(0)), datetime.combine(WEEK + timedelta(weeks=2), clock(0))
        ahead = models.Shift.starts_at.between(*soon)
        here = models.Shift.plan.has(location_id=1)
        spare = pick(ahead, here, models.Shift.employee_id.is_(None))
        mine, yours, theirs, other = (pick(ahead, models.Shift.employee_id == k * many + 1)[0] for k in (1, 2, 3, 4))
        pending_off = db.session.scalars(db.select(models.TimeOff.id).filter_by(status="pending")
                                         .order_by(models.TimeOff.id)).all()
        db.session.remove()

    class Client:
        def __init__(self, email=None):
            self.web = app.test_client()
            if email:
                self.token()
                self.post("/login", email=email, password=PASSWORD)()
            self.token()

        def token(self):
            with self.web.session_transaction() as session:
                session["csrf"] = "t"

        def get(self, url):
            return lambda: self.web.get(url)

        def post(self, url, **form):
            return lambda: self.web.post(url, data={"csrf_token": "t", **form})

        def json(self, url, **data):
            return lambda: self.web.post("/api/v1/" + url, json=data)

    admin, mia = Client("admin@example.com"), Client("p0@example.com")
    ann, bob, cat, dan = (Client(f"p{k * many}@example.com") for k in (1, 2, 3, 4))
    person, guest = many + 1, Client()
    week, ahead_week, plan_week = "2030-06-03", "2030-06-10", "2030-06-17"
    free = f"location_id=1&date={ahead_week}&start=14:00&end=20:00"

    run("GET /login", guest.get("/login"), memory=True)
    run("POST /login", guest.post("/login", email="p1@example.com", password=PASSWORD))
    guest.token()
    run("POST /password", guest.post("/password", old_password=PASSWORD, new_password=PASSWORD))
    run("POST /logout", guest.post("/logout"))
    run("GET / (admin)", admin.get("/"), note=f"{many} locations")
    run("GET / (manager)", mia.get("/"), memory=size < 1000)
    run("GET / (employee)", ann.get("/"), memory=True)
    run("GET /notifications", mia.get("/notifications"), memory=True)
    run("POST /notifications", ann.post("/notifications"))
    run("GET /search", mia.get("/search"), memory=True)
    run("GET /search?location_id=1&...", mia.get("/search?" + free), memory=True)
    run("GET /locations (admin)", admin.get("/locations"), memory=True)
    run("GET /locations (employee)", ann.get("/locations"), memory=True)
    run("POST /locations", admin.post("/locations", name="New", manager_id=2))
    run("POST /locations/<id>", admin.post("/locations/2", name="Cafe 001", manager_id=3))
    run("POST /skills", admin.post("/skills", name="New skill"))
    run("GET /locations/<id> (manager)", mia.get(f"/locations/1?week={week}"), memory=True)
    run("GET /locations/<id> (employee)", ann.get(f"/locations/1?week={week}"), memory=True)
    run("GET /locations/<id> (no plan)", ann.get("/locations/1?week=2001-01-01"))
    templates = f"{WIDE.get(size, 20)} templates"
    run("POST /locations/<id>/plan/generate", mia.post("/locations/1/plan/generate", week=plan_week), note=templates)
    run("POST /locations/<id>/plan/generate (again)", mia.post("/locations/1/plan/generate", week=plan_week))
    run("POST /locations/<id>/plan/autoplan", mia.post("/locations/1/plan/autoplan", week=plan_week), note=templates)
    run("POST /locations/<id>/plan/publish", mia.post("/locations/1/plan/publish", week=plan_week))
    run("POST /locations/<id>/plan/publish (this week)", mia.post("/locations/1/plan/publish", week=week))
    run("GET /locations/<id> (planned week)", mia.get(f"/locations/1?week={plan_week}"))
    mia.post("/locations/1/plan/generate", week="2030-06-24")()
    mia.post("/locations/1/plan/publish", week="2030-06-24")()
    run("POST /locations/<id>/plan/autoplan (published)",
        mia.post("/locations/1/plan/autoplan", week="2030-06-24", allow_overtime="1"), note=templates)
    run("POST /locations/<id>/shifts", mia.post("/locations/1/shifts", date=ahead_week, start_time="08:00",
                                                end_time="12:00", skill_id=1))
    run("POST /locations/<id>/templates", mia.post("/locations/1/templates", name="T", weekday=0, start_time="08:00",
                                                   end_time="12:00", skill_id=1, headcount=1))
    run("POST /templates/<id>/delete", mia.post(f"/templates/{WIDE.get(size, 20) + 1}/delete"))
    run("GET /shifts/<id>", mia.get(f"/shifts/{spare[0]}"), memory=True)
    run("POST /shifts/<id> (assign)", mia.post(f"/shifts/{spare[0]}", action="assign", employee_id=person, override=1))
    run("POST /shifts/<id> (open)", mia.post(f"/shifts/{spare[0]}", action="assign", employee_id=""))
    run("POST /shifts/<id> (delete)", mia.post(f"/shifts/{spare[1]}", action="delete"))
    run("GET /employees (admin)", admin.get("/employees"), memory=True)
    run("GET /employees (manager)", mia.get("/employees"), memory=True)
    run("POST /employees", admin.post("/employees", name="New", email="new@example.com", password=PASSWORD, locations=1,
                                      skills=1))
    run("POST /employees/<id>", mia.post(f"/employees/{person}", name="Ann", locations=1, skills=1, active=1))
    run("GET /employees/<id> (manager)", mia.get(f"/employees/{person}"), memory=True)
    run("GET /employees/<id> (own)", ann.get(f"/employees/{person}"))
    run("POST /employees/<id>/contracts", mia.post(f"/employees/{person}/contracts", hours_per_week=30, hourly_rate=15,
                                                   start_date="2030-01-01"))
    run("POST /employees/<id>/availability", ann.post(f"/employees/{person}/availability", weekday=0, start_time="00:00",
                                                      end_time="23:00"))
    run("POST /employees/<id>/availability (remove)", ann.post(f"/employees/{person}/availability", remove=1000000))
    run("GET /swaps (admin)", admin.get("/swaps"), memory=True)
    run("GET /swaps (manager)", mia.get("/swaps"), memory=size < 1000)
    run("GET /swaps (employee)", cat.get("/swaps"), memory=size < 1000)
    run("GET /time-off (admin)", admin.get("/time-off"), memory=True)
    run("GET /time-off (manager)", mia.get("/time-off"))
    run("GET /time-off (employee)", ann.get("/time-off"))
    with app.app_context():
        swap = db.session.scalar(db.select(db.func.max(models.SwapRequest.id))) + 1
    run("POST /swaps", ann.post("/swaps", shift_id=mine, colleague_id=2 * many + 1, counter_shift_id=yours))
    run("POST /swaps/<id>/accept", bob.post(f"/swaps/{swap}/accept"))
    run("POST /swaps/<id>/approve", admin.post(f"/swaps/{swap}/approve"))
    run("POST /time-off", ann.post("/time-off", kind="vacation", start_date="2030-10-01", end_date="2030-10-02"))
    run("POST /time-off/<id>/decline", admin.post(f"/time-off/{pending_off[0]}/decline"))
    longest = Client(f"p{many + 1}@example.com")
    with app.app_context():
        item = db.session.scalar(db.select(db.func.max(models.TimeOff.id)))
    longest.post("/time-off", kind="unpaid", start_date="2030-06-20", end_date="2031-06-01")()
    run("POST /time-off/<id>/approve", admin.post(f"/time-off/{item + 1}/approve"),
        note=f"covers {WIDE.get(size, 20)} shifts")
    run("POST /time-off/<id>/cancel", ann.post(f"/time-off/{item}/cancel"))
    run("POST /clock/in", ann.post("/clock/in", location_id=1))
    run("POST /clock/out", ann.post("/clock/out", break_minutes=0))
    run("GET /timesheets/<id>", mia.get(f"/timesheets/{person}?month=2030-05"), memory=True)
    run("POST /timesheets/<id>", mia.post(f"/timesheets/{person}", clock_in="2030-05-25T08:00",
                                          clock_out="2030-05-25T12:00", location_id=1))
    run("GET /reports (admin)", admin.get("/reports?week=2030-05-27"), memory=True)
    run("GET /reports (manager)", mia.get("/reports?week=2030-05-27"), memory=True)
    run("GET /reports (admin, a week ahead)", admin.get(f"/reports?week={ahead_week}"), note="nothing clocked yet")
    run("GET /payroll", admin.get("/payroll?month=2030-05"))
    run("GET /payroll?format=csv", admin.get("/payroll?month=2030-05&format=csv"), memory=size < 1000)
    run("GET /calendar/<token>.ics", guest.get(f"/calendar/token-{many}.ics"), memory=True)
    run("GET /calendar/<token>.ics (many shifts)", guest.get(f"/calendar/token-{many + 1}.ics"))

    phone = Client()
    run("POST /api/v1/login", phone.json("login", email=f"p{3 * many}@example.com", password=PASSWORD))
    run("GET /api/v1/me", phone.get("/api/v1/me"), memory=True)
    run("GET /api/v1/shifts", phone.get("/api/v1/shifts"), memory=True)
    run("GET /api/v1/shifts?from=2000-01-01&to=2100-01-01", phone.get("/api/v1/shifts?from=2000-01-01&to=2100-01-01"))
    run("GET /api/v1/locations/<id>/week", phone.get(f"/api/v1/locations/1/week?week={week}"), memory=True)
    run("POST /api/v1/clock/in", phone.json("clock/in", location_id=1))
    run("POST /api/v1/clock/out", phone.json("clock/out"))
    run("GET /api/v1/timesheet", phone.get("/api/v1/timesheet?month=2030-05"), memory=True)
    run("GET /api/v1/time-off (employee)", phone.get("/api/v1/time-off"))
    run("GET /api/v1/time-off (admin)", admin.get("/api/v1/time-off"), memory=True)
    run("POST /api/v1/time-off", phone.json("time-off", kind="sick", start_date="2030-11-01", end_date="2030-11-02"))
    run("POST /api/v1/time-off/<id>/approve", lambda: admin.web.post(f"/api/v1/time-off/{item + 2}/approve", json={}))
    run("GET /api/v1/swaps (employee)", phone.get("/api/v1/swaps"))
    run("GET /api/v1/swaps (admin)", admin.get("/api/v1/swaps"), memory=True)
    run("POST /api/v1/swaps", phone.json("swaps", shift_id=theirs, colleague_id=4 * many + 1, counter_shift_id=other))
    run("POST /api/v1/swaps/<id>/decline", lambda: dan.web.post(f"/api/v1/swaps/{swap + 1}/decline", json={}))
    run("GET /api/v1/notifications", mia.get("/api/v1/notifications"), memory=True)
    run("POST /api/v1/notifications", lambda: mia.web.post("/api/v1/notifications", json={}))
    run("GET /api/v1/free", mia.get("/api/v1/free?" + free), memory=True)
    run("POST /api/v1/logout", phone.json("logout"))
    run("flask send-mail", lambda: app.test_cli_runner().invoke(args=["send-mail"]).exit_code,
        note=f"{WIDE.get(size, 20)} pending at most")
    run("flask send-mail (none pending)", lambda: app.test_cli_runner().invoke(args=["send-mail"]).exit_code)

    def inside(function):
        def call():
            with app.app_context():
                return function()
        return call

    def old_times():
        plan = models.WeekPlan(location_id=1, week=date(2028, 6, 5))
        db.session.add(plan)
        db.session.flush()
        begin = datetime(2028, 6, 5, 8)
        db.session.execute(db.insert(models.Shift), [
            {"plan_id": plan.id, "skill_id": 1, "employee_id": j % size + 1, "starts_at": begin,
             "ends_at": begin + timedelta(hours=6)} for j in range(10 * size)])
        db.session.execute(db.insert(models.TimeOff), [
            {"employee_id": j % size + 1, "kind": "sick", "status": "approved", "start_date": date(2028, 6, 5),
             "end_date": date(2028, 6, 6)} for j in range(10 * size)])
        db.session.commit()

    from shiftplan.views import locations as location_views

    E, N = models.TimeEntry, models.Notification
    whole = 10 * size
    run("Roster(week)", inside(lambda: planning.Roster(WEEK) and None), memory=True)
    run("staff(location)", inside(lambda: len(planning.staff(1))))
    run("managers()", inside(lambda: len(location_views.managers())))
    run("who is at work at a location", inside(lambda: len(db.session.scalars(
        db.select(E).filter_by(location_id=1, clock_out=None)).all())))
    run("unread notifications of the manager", inside(lambda: db.session.scalar(
        db.select(db.func.count(N.id)).filter_by(user_id=2, read=False))))
    run("location.employees", inside(lambda: len(db.session.get(models.Location, 1).employees)))
    run("shifts_of(employee, an hour)", inside(lambda: len(planning.shifts_of(
        db.session.get(models.Employee, person), NOW, NOW + timedelta(hours=1)))))
    inside(old_times)()
    run("Roster(week) with more history", inside(lambda: planning.Roster(WEEK) and None),
        note=f"{whole} more shifts and {whole} more absences of two years ago")
    run("shifts_of(employee, an hour) with more history", inside(lambda: len(planning.shifts_of(
        db.session.get(models.Employee, person), NOW, NOW + timedelta(hours=1)))))
    run("GET /time-off (employee) with more history", ann.get("/time-off"))
    if size >= 1000:
        meter.plans(engine)
    other_app = make("demo")
    with other_app.app_context():
        import seed

        db.create_all()
        run("seed.py (demo)", seed.demo, note="a constant amount of data")
        db.engine.dispose()
    with app.app_context():
        db.engine.dispose()
    scratch.cleanup()
    return meter.rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--application", type=Path, default=APP, help="the folder of the application to drive")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = options.application.resolve()
    if options.one:
        shown, sys.stdout = sys.stdout, sys.stderr  # seed.py prints
        rows = drive(options.one, folder)
        json.dump(rows, shown)
        return
    out = {"app": folder.name, "sizes": {}}
    for size in options.sizes.split(","):
        child = subprocess.run([sys.executable, "-W", "ignore", __file__, "--application", str(folder), "--one", size],
                               stdout=subprocess.PIPE, check=True)
        out["sizes"][size] = json.loads(child.stdout)
    json.dump(out, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
