"""Is the queue all right? Also removes old finished jobs."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from .. import queue
from ..config import Config, addresses
from ..db import upsert, utcnow
from ..models import Job, Schedule, State
from ..registry import JobContext, PermanentError, job
from ..text import parse_time
from ..transports import Mail, make_transport


def inspect_queue(session: Session, config: Config, max_wait: int = 600) -> dict:
    now = utcnow()

    def count(model, *where) -> int:
        return session.scalar(select(func.count()).select_from(model).where(*where))

    oldest = session.scalar(select(func.min(Job.run_at)).where(Job.status == "queued", Job.run_at <= now))
    wait = int((now - oldest).total_seconds()) if oldest else 0
    stale = count(Job, Job.status == "running",
                  Job.heartbeat_at < now - timedelta(seconds=2 * config.lock_timeout_seconds))
    dead = count(Job, Job.status == "dead", Job.finished_at >= now - timedelta(days=1))
    retrying = count(Job, Job.status == "queued", Job.attempts > 0)
    overdue = count(Schedule, Schedule.next_run_at < now - timedelta(seconds=max_wait))
    problems = []
    if wait > max_wait:
        problems.append(("critical", f"a job has been ready for {wait} s"))
    if stale:
        problems.append(("critical", f"{stale} running jobs without a heartbeat"))
    if overdue:
        problems.append(("critical", f"{overdue} schedules are overdue; is a worker running?"))
    if dead:
        problems.append(("warning", f"{dead} jobs died in the last 24 hours"))
    levels = {level for level, _ in problems}
    status = "critical" if "critical" in levels else "warning" if levels else "ok"
    return {"status": status, "problems": [f"{level}: {text}" for level, text in problems],
            "jobs": queue.counts(session), "oldest_wait_seconds": wait, "stale": stale, "dead_24h": dead,
            "retrying": retrying, "overdue_schedules": overdue}


@job("check-health", max_attempts=2, timeout=300)
def check_health(ctx: JobContext, max_wait: int = 600, strict: bool = False) -> dict:
    """With strict=true the job fails when the queue is critical (exit code for cron or monitoring)."""
    with ctx.db.read() as session:
        report = inspect_queue(session, ctx.config, max_wait)
        last = session.get(State, "last-alert")
    receivers = addresses(ctx.config.alert_to)
    hour_ago = utcnow() - timedelta(hours=1)
    if report["status"] == "critical" and receivers and (last is None or parse_time(last.value) < hour_ago):
        text = "\n".join(report["problems"])
        with make_transport(ctx.config) as transport:
            for number, to in enumerate(receivers):
                transport.send(Mail(to, "mailmill: the queue needs attention", f"<pre>{text}</pre>", text,
                                    f"alert-{ctx.job_id}-{number}"))
        with ctx.db.write() as session:
            upsert(session, State, [dict(key="last-alert", value=utcnow().isoformat())], ["key"])
    if strict and report["status"] == "critical":
        raise PermanentError("; ".join(report["problems"]))
    return report


@job("prune-jobs")
def prune_jobs(ctx: JobContext, keep_days: int = 30) -> dict:
    if keep_days < 1:
        raise PermanentError("keep_days must be at least 1")
    with ctx.db.write() as session:
        return {"deleted": session.execute(
            delete(Job).where(Job.status.in_(("done", "dead")),
                              Job.finished_at < utcnow() - timedelta(days=keep_days))).rowcount}
