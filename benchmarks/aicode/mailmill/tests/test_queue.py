import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from mailmill import cli, queue, registry
from mailmill.db import utcnow
from mailmill.models import Base, Job, RateLimit, Schedule
from mailmill.ratelimit import reserve
from mailmill.registry import PermanentError, RetryLater
from mailmill.worker import Worker


@pytest.fixture
def jobs(monkeypatch):
    registry.get("clean-list")  # make sure the real ones are loaded
    monkeypatch.setattr(registry, "JOBS", dict(registry.JOBS))
    return registry.job


def only(app):
    return app.all(select(Job))[0]


def test_priority_schedule_and_unique_key(app):
    app.enqueue("clean-list")
    app.enqueue("clean-list", run_at=utcnow() + timedelta(hours=1), priority=99)
    high, _ = app.enqueue("clean-list", priority=9)
    first, created = app.enqueue("compute-stats", unique_key="k")
    again, created_again = app.enqueue("compute-stats", unique_key="k")
    assert (created, created_again, first) == (True, False, again)
    assert queue.claim(app.db, "w").id == high
    claimed = [queue.claim(app.db, "w") for _ in range(3)]
    assert claimed[2] is None
    queue.complete(app.db, next(c for c in claimed if c.id == first), {})
    assert app.enqueue("compute-stats", unique_key="k")[1] is True


def test_every_job_is_claimed_once(app):
    for _ in range(40):
        app.enqueue("clean-list")
    seen, lock = [], threading.Lock()

    def take():
        while job := queue.claim(app.db, "w"):
            with lock:
                seen.append(job.id)

    threads = [threading.Thread(target=take) for _ in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(seen) == sorted(set(seen)) and len(seen) == 40


def test_enqueue_checks_name_and_arguments(app):
    with pytest.raises(PermanentError):
        app.enqueue("nonsense")
    with pytest.raises(PermanentError):
        app.enqueue("import-csv", {"nope": 1})


def test_retry_then_dead(app, jobs):
    @jobs("boom", max_attempts=2)
    def boom(ctx):
        raise RuntimeError("no luck")

    app.enqueue("boom")
    worker = Worker(app.db, app.config)
    assert worker.execute(queue.claim(app.db, "w")) == "queued"
    job = only(app)
    assert job.run_at > utcnow() and "no luck" in job.last_error
    assert worker.execute(queue.claim(app.db, "w", job_id=job.id)) == "dead"


def test_retry_later_is_free_and_permanent_error_is_final(app, jobs):
    @jobs("later")
    def later(ctx):
        raise RetryLater("not yet", 100)

    @jobs("never")
    def never(ctx):
        raise PermanentError("no")

    app.enqueue("later")
    worker = Worker(app.db, app.config)
    assert worker.execute(queue.claim(app.db, "w")) == "queued"
    assert only(app).attempts == 0
    app.enqueue("never")
    assert worker.execute(queue.claim(app.db, "w")) == "dead"


def test_reaper_and_lost_lock(app):
    app.enqueue("clean-list")
    old = queue.claim(app.db, "w1")
    with app.db.write() as session:
        session.execute(update(Job).values(heartbeat_at=utcnow() - timedelta(minutes=5)))
    assert queue.reap(app.db, 60) == 1
    new = queue.claim(app.db, "w2", job_id=old.id)
    assert new.attempts == 2
    assert queue.heartbeat(app.db, [old.token, new.token]) == {new.token}
    assert queue.complete(app.db, old, {}) is False
    assert queue.fail(app.db, old, "x") is None
    assert queue.complete(app.db, new, {}) is True


def test_worker_runs_and_shuts_down_putting_jobs_back(app, jobs):
    started = threading.Event()

    @jobs("long")
    def long(ctx):
        started.set()
        ctx.sleep(30)

    app.enqueue("long")
    worker = Worker(app.db, app.config)
    thread = threading.Thread(target=worker.run, kwargs={"signals": False})
    thread.start()
    assert started.wait(5)
    before = only(app).heartbeat_at
    time.sleep(0.6)
    assert only(app).heartbeat_at > before
    worker.stop.set()
    thread.join(10)
    job = only(app)
    assert (job.status, job.attempts) == ("queued", 0)


def test_drain(app):
    for _ in range(5):
        app.enqueue("clean-list")
    Worker(app.db, replace(app.config, threads=2)).run(drain=True, signals=False)
    assert {j.status for j in app.all(select(Job))} == {"done"}


def test_schedule_runs_once_after_a_pause(app):
    app.add(Schedule(name="s", job="clean-list", payload={}, every_seconds=60,
                     next_run_at=utcnow() - timedelta(hours=5)))
    assert queue.run_schedules(app.db) == 1
    assert queue.run_schedules(app.db) == 0
    assert app.all(select(Schedule))[0].next_run_at > utcnow()


def test_rate_limit_spaces_evenly(app):
    waits = [reserve(app.db, "send", 60) for _ in range(4)]
    assert waits[0] == 0 and 2.5 < waits[3] <= 3.0
    with app.db.write() as session:
        session.execute(update(RateLimit).values(next_at=utcnow() - timedelta(hours=1)))
    assert reserve(app.db, "send", 60) == 0  # unused time gives no burst
    assert reserve(app.db, "send", 60) > 0.5


def test_health(app):
    assert app.ok("check-health")["status"] == "ok"
    app.enqueue("clean-list", run_at=utcnow() - timedelta(hours=1))
    assert app.ok("check-health")["status"] == "critical"
    assert app.run("check-health", strict=True).status == "dead"


def test_prune(app):
    app.ok("clean-list")
    with app.db.write() as session:
        session.execute(update(Job).values(finished_at=utcnow() - timedelta(days=60)))
    assert app.ok("prune-jobs") == {"deleted": 1}


def test_cli(app, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MAILMILL_DATABASE_URL", app.config.database_url)
    monkeypatch.setenv("MAILMILL_DATA_DIR", app.config.data_dir)
    assert cli.main(["enqueue", "build-segments", "--priority", "3", "segment-id=4"]) == 0
    job = only(app)
    assert (job.payload, job.priority) == ({"segment_id": 4}, 3)
    assert cli.main(["enqueue", "clean-list", "--every", "1d"]) == 0
    assert cli.main(["enqueue", "clean-list", "--unschedule"]) == 0
    assert cli.main(["enqueue", "nonsense"]) == 2
    assert cli.main(["run-once", "clean-list"]) == 0
    assert cli.main(["run-once", "import-csv", f"path={tmp_path / 'none.csv'}"]) == 1
    assert cli.main(["stats"]) == 0
    assert "queue:" in capsys.readouterr().out


def test_schema_compiles_for_postgresql():
    for table in Base.metadata.sorted_tables:
        str(CreateTable(table).compile(dialect=postgresql.dialect()))
    query = str(select(Job).with_for_update(skip_locked=True).compile(dialect=postgresql.dialect()))
    assert "SKIP LOCKED" in query
