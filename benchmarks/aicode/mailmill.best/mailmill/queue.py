"""The jobs table as a queue.

A claim stores a fresh `lock_token`; every later change to the job is conditional on
that token, so a worker whose lock expired cannot overwrite the new owner's work.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Iterable

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from . import registry
from .db import Database, insert_ignore, utcnow
from .models import Job, Schedule

MAX_BACKOFF = 3600.0


@dataclass(frozen=True)
class Claimed:
    id: int
    name: str
    payload: dict[str, Any]
    token: str
    attempts: int
    max_attempts: int
    progress: dict[str, Any]


def enqueue(session: Session, name: str, payload: dict[str, Any] | None = None, *, priority: int = 0,
            run_at: datetime | None = None, max_attempts: int | None = None,
            unique_key: str | None = None) -> tuple[int, bool]:
    """Returns (job id, created). An unfinished job with the same unique key is returned instead."""
    spec = registry.get(name)
    payload = payload or {}
    spec.check(payload)
    row = dict(name=name, payload=payload, priority=priority, run_at=run_at or utcnow(),
               max_attempts=max_attempts or spec.max_attempts, unique_key=unique_key)
    for _ in range(5):
        created = insert_ignore(session, Job, [row], returning=Job.id)
        if created:
            return created[0], True
        # constants, as in the partial index: with parameters it would not be used
        existing = session.scalar(select(Job.id).where(Job.unique_key == unique_key,
                                                       text("status IN ('queued', 'running')")))
        if existing is not None:
            return existing, False
    raise RuntimeError(f"could not enqueue {name} with key {unique_key}")


def _take(job: Job, worker: str) -> Claimed:
    now = utcnow()
    job.status, job.lock_token, job.locked_by = "running", uuid.uuid4().hex, worker[:255]
    job.locked_at = job.heartbeat_at = now
    job.attempts += 1
    return Claimed(job.id, job.name, dict(job.payload), job.lock_token, job.attempts,
                   job.max_attempts, dict(job.progress or {}))


def claim(db: Database, worker: str, job_id: int | None = None) -> Claimed | None:
    # SQLite ignores FOR UPDATE, but there db.write() already holds the only write lock.
    query = select(Job).where(Job.status == "queued").limit(1).with_for_update(skip_locked=True)
    with db.write() as session:
        job = session.scalar(query.where(Job.id == job_id)) if job_id else _first_due(session, query)
        return _take(job, worker) if job else None


def _first_due(session: Session, query) -> Job | None:
    """The oldest due job of the highest priority. One step in the index for each priority in use:
    neither jobs that wait for later nor the other due ones are read."""
    now = utcnow()
    waiting = select(func.max(Job.priority)).where(Job.status == "queued")
    first = session.scalar(select(func.min(Job.run_at)).where(Job.status == "queued"))
    priority = session.scalar(waiting) if first is not None and first <= now else None
    while priority is not None:
        job = session.scalar(query.where(Job.priority == priority, Job.run_at <= now).order_by(Job.run_at, Job.id))
        if job is not None:
            return job
        priority = session.scalar(waiting.where(Job.priority < priority))
    return None


def start_inline(db: Database, name: str, payload: dict[str, Any], worker: str) -> Claimed:
    """Insert a job already claimed, for `run-once`; no worker can ever see it queued."""
    registry.get(name).check(payload)
    with db.write() as session:
        job = Job(name=name, payload=payload, max_attempts=1, attempts=0)
        session.add(job)
        session.flush()
        return _take(job, worker)


def _owned(job_id: int, token: str):
    return update(Job).where(Job.id == job_id, Job.lock_token == token, Job.status == "running")


def _finish(db: Database, job_id: int, token: str, **values: Any) -> bool:
    with db.write() as session:
        return session.execute(_owned(job_id, token).values(**values)).rowcount == 1


def save_progress(db: Database, job_id: int, token: str, progress: dict) -> bool:
    return _finish(db, job_id, token, progress=progress, heartbeat_at=utcnow())


def complete(db: Database, job: Claimed, result: dict | None) -> bool:
    return _finish(db, job.id, job.token, status="done", result=result, finished_at=utcnow(),
                   lock_token=None, last_error=None)


def backoff(attempt: int) -> float:
    return min(MAX_BACKOFF, 10.0 * 2 ** min(attempt - 1, 20)) * random.uniform(0.75, 1.25)


def fail(db: Database, job: Claimed, error: str, permanent: bool = False,
         delay: float | None = None) -> str | None:
    """Retry later, or give up. Returns the new status, or None if the job was no longer ours."""
    values: dict[str, Any] = dict(lock_token=None, last_error=error[-4000:])
    if permanent or job.attempts >= job.max_attempts:
        values.update(status="dead", finished_at=utcnow())
    else:
        seconds = backoff(job.attempts) if delay is None else delay
        values.update(status="queued", run_at=utcnow() + timedelta(seconds=seconds))
    return values["status"] if _finish(db, job.id, job.token, **values) else None


def put_back(db: Database, job: Claimed, delay: float = 0.0, note: str | None = None) -> bool:
    """Return the job to the queue without charging the attempt."""
    return _finish(db, job.id, job.token, status="queued", lock_token=None, last_error=note,
                   attempts=Job.attempts - 1, run_at=utcnow() + timedelta(seconds=delay))


def heartbeat(db: Database, tokens: Iterable[str]) -> set[str]:
    """Refresh our running jobs; the tokens returned are still ours."""
    tokens = list(tokens)
    if not tokens:
        return set()
    with db.write() as session:
        return set(session.scalars(
            update(Job).where(Job.lock_token.in_(tokens), Job.status == "running")
            .values(heartbeat_at=utcnow()).returning(Job.lock_token)))


def reap(db: Database, lock_timeout: float) -> int:
    """Take back jobs whose worker stopped sending heartbeats."""
    with db.write() as session:
        stale = session.scalars(
            select(Job).where(Job.status == "running",
                              Job.heartbeat_at < utcnow() - timedelta(seconds=lock_timeout))
            .with_for_update(skip_locked=True)).all()
        for job in stale:
            job.last_error = f"worker {job.locked_by} stopped sending heartbeats"
            job.lock_token = None
            if job.attempts >= job.max_attempts:
                job.status, job.finished_at = "dead", utcnow()
            else:
                job.status = "queued"
                job.run_at = utcnow() + timedelta(seconds=backoff(job.attempts))
        return len(stale)


def run_schedules(db: Database) -> int:
    """Enqueue what is due. Runs missed while no worker was up are done once, not many times."""
    now, made = utcnow(), 0
    with db.write() as session:
        due = session.scalars(select(Schedule).where(Schedule.next_run_at <= now)
                              .with_for_update(skip_locked=True)).all()
        for schedule in due:
            _, created = enqueue(session, schedule.job, schedule.payload, priority=schedule.priority,
                                 unique_key=f"schedule:{schedule.name}")
            made += created
            step = timedelta(seconds=schedule.every_seconds)
            schedule.next_run_at += step * ((now - schedule.next_run_at) // step + 1)
    return made


def counts(session: Session) -> dict[str, int]:
    rows = session.execute(select(Job.status, func.count()).group_by(Job.status)).all()
    return {status: 0 for status in ("queued", "running", "done", "dead")} | {s: n for s, n in rows}
