"""Command line: enqueue, work, run-once, stats, init-db."""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import delete, select

from . import queue, registry
from .config import Config
from .db import Database, upsert, utcnow
from .jobs.health import inspect_queue
from .models import Campaign, Job, Schedule, Stat
from .registry import PermanentError
from .text import parse_time
from .worker import Worker

TEMPORARY = 75  # EX_TEMPFAIL


def duration(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([smhdw]?)", text)
    if not match:
        raise argparse.ArgumentTypeError("expected something like 30s, 10m, 2h, 1d or 1w")
    return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[match[2]]


def moment(text: str):
    try:
        return parse_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mailmill", description="Background jobs for a newsletter company")
    parser.add_argument("-v", "--verbose", action="store_true")
    commands = parser.add_subparsers(dest="command", required=True)
    jobs = ", ".join(sorted(registry.JOBS))

    enqueue = commands.add_parser("enqueue", help="put a job into the queue", epilog=f"jobs: {jobs}")
    enqueue.add_argument("job")
    enqueue.add_argument("args", nargs="*", metavar="key=value")
    enqueue.add_argument("--priority", type=int, default=0, help="higher runs first")
    when = enqueue.add_mutually_exclusive_group()
    when.add_argument("--delay", type=duration, help="30s, 10m, 2h, 1d")
    when.add_argument("--at", type=moment, help="ISO time, UTC unless it says otherwise")
    enqueue.add_argument("--max-attempts", type=int)
    enqueue.add_argument("--unique", metavar="KEY", help="do nothing if an unfinished job has this key")
    enqueue.add_argument("--every", type=duration, help="repeat; first at --at or after --delay, else now")
    enqueue.add_argument("--schedule-name", help="name of the schedule (default: the job's name)")
    enqueue.add_argument("--unschedule", action="store_true", help="remove the schedule instead")

    work = commands.add_parser("work", help="run the worker")
    work.add_argument("--threads", type=int)
    work.add_argument("--drain", action="store_true", help="stop when no job is ready")

    once = commands.add_parser("run-once", help="run one job now, in this process", epilog=f"jobs: {jobs}")
    once.add_argument("job")
    once.add_argument("args", nargs="*", metavar="key=value")

    stats = commands.add_parser("stats", help="state of the queue and campaign numbers")
    stats.add_argument("--json", action="store_true")

    commands.add_parser("init-db", help="create missing tables")
    return parser


def cmd_enqueue(args, db: Database) -> int:
    spec = registry.get(args.job)
    payload = spec.parse(args.args)
    run_at = args.at or (utcnow() + timedelta(seconds=args.delay) if args.delay else None)
    name = args.schedule_name or args.job
    if args.max_attempts is not None and args.max_attempts < 1:
        raise PermanentError("--max-attempts must be at least 1")
    with db.write() as session:
        if args.unschedule:
            gone = session.execute(delete(Schedule).where(Schedule.name == name)).rowcount
            print(f"schedule {name} removed" if gone else f"no schedule {name}")
            return 0 if gone else 1
        if args.every is not None:
            if args.every < 1:
                raise PermanentError("--every must be at least one second")
            spec.check(payload)
            upsert(session, Schedule, [dict(name=name, job=args.job, payload=payload, priority=args.priority,
                                            every_seconds=args.every, next_run_at=run_at or utcnow())], ["name"])
            print(f"schedule {name}: {args.job} every {args.every} s")
            return 0
        job_id, created = queue.enqueue(session, args.job, payload, priority=args.priority, run_at=run_at,
                                        max_attempts=args.max_attempts, unique_key=args.unique)
    print(f"job {job_id} {'queued' if created else 'is already waiting or running'}")
    return 0


def cmd_run_once(args, db: Database, config: Config) -> int:
    payload = registry.get(args.job).parse(args.args)
    job_id, outcome = Worker(db, config).run_once(args.job, payload)
    with db.read() as session:
        job = session.get_one(Job, job_id)
    if outcome == "done":
        print(json.dumps(job.result, indent=2, ensure_ascii=False))
        return 0
    print(f"job {job_id}: {outcome}: {(job.last_error or '').strip()}", file=sys.stderr)
    return TEMPORARY if outcome == "queued" else 1


def cmd_stats(args, db: Database, config: Config) -> int:
    with db.read() as session:
        report = inspect_queue(session, config)
        failed = [] if args.json else session.execute(
            select(Job.id, Job.name, Job.attempts, Job.last_error)
            .where(Job.status == "dead").order_by(Job.finished_at.desc()).limit(5)).all()
        names = {str(i): name for i, name in session.execute(select(Campaign.id, Campaign.name))}
        stats = session.scalars(select(Stat).where(Stat.scope == "campaign")).all()
        schedules = [] if args.json else session.execute(
            select(Schedule.name, Schedule.every_seconds, Schedule.next_run_at).order_by(Schedule.next_run_at)).all()
    campaigns = [dict(campaign=names.get(s.key, s.key), sent=s.sent, opened=s.unique_opens, clicked=s.unique_clicks,
                      bounces=s.bounces, unsubscribed=s.unsubscribes) for s in sorted(stats, key=lambda s: int(s.key))]
    if args.json:
        print(json.dumps({**report, "campaigns": campaigns}, indent=2, ensure_ascii=False))
        return 0
    print(f"queue: {report['status']}  " + "  ".join(f"{k} {v}" for k, v in report["jobs"].items()))
    for problem in report["problems"]:
        print(f"  {problem}")
    for name, every, next_run in schedules:
        print(f"schedule {name}: every {every} s, next {next_run:%Y-%m-%d %H:%M:%S} UTC")
    for job_id, name, attempts, error in failed:
        last_line = (error or "").strip().splitlines()[-1:] or [""]
        print(f"dead {job_id} {name} after {attempts}: {last_line[0][:100]}")
    for row in campaigns:
        print("  ".join(f"{k} {v}" for k, v in row.items()))
    return 0


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args, rest = parser.parse_known_args(argv)
    # argparse loses key=value words that come after an option
    if rest and (not hasattr(args, "args") or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.args += rest
    config = Config.from_env()
    logging.basicConfig(level=logging.INFO if args.verbose or args.command == "work" else logging.WARNING,
                        format="%(asctime)s %(levelname)s %(threadName)s %(message)s")
    db = Database(config.database_url)
    if args.command == "init-db" or db.engine.dialect.name == "sqlite":
        db.create_all()
    try:
        if args.command == "enqueue":
            return cmd_enqueue(args, db)
        if args.command == "run-once":
            return cmd_run_once(args, db, config)
        if args.command == "stats":
            return cmd_stats(args, db, config)
        if args.command == "work":
            Worker(db, replace(config, threads=max(1, args.threads or config.threads))).run(drain=args.drain)
        return 0
    except PermanentError as error:
        print(f"mailmill: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
