"""Worker process: N threads that run jobs and one that keeps locks, retries and schedules going."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import traceback

from . import queue, registry
from .config import Config
from .db import Database
from .registry import Interrupted, JobContext, JobLost, PermanentError, RetryLater

log = logging.getLogger("mailmill.worker")


class Worker:
    def __init__(self, db: Database, config: Config):
        self.db, self.config = db, config
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.stop = threading.Event()
        self._maintenance_stop = threading.Event()
        self._running: dict[str, JobContext] = {}
        self._lock = threading.Lock()

    # -- running one job ---------------------------------------------------------
    def execute(self, job: queue.Claimed) -> str:
        """Run a claimed job and record the outcome: done, queued, dead or lost."""
        ctx = JobContext(self.db, self.config, job.id, job.token, job.progress, self.stop)
        with self._lock:
            self._running[job.token] = ctx
        log.info("job %s %s: attempt %s/%s", job.id, job.name, job.attempts, job.max_attempts)
        try:
            spec = registry.get(job.name)
            spec.check(job.payload)
            ctx.timeout = spec.timeout
            result = spec.func(ctx, **job.payload)
            outcome = "done" if queue.complete(self.db, job, result) else "lost"
        except JobLost:
            outcome = "lost"
        except Interrupted:
            outcome = "queued" if queue.put_back(self.db, job, note="worker stopped") else "lost"
        except RetryLater as error:
            if error.count:
                outcome = queue.fail(self.db, job, str(error), delay=error.delay) or "lost"
            else:
                outcome = "queued" if queue.put_back(self.db, job, error.delay, str(error)) else "lost"
        except PermanentError as error:
            outcome = queue.fail(self.db, job, str(error), permanent=True) or "lost"
        except KeyboardInterrupt:
            queue.fail(self.db, job, "interrupted from the keyboard", permanent=True)
            raise
        except Exception:
            log.exception("job %s %s failed", job.id, job.name)
            outcome = queue.fail(self.db, job, traceback.format_exc()) or "lost"
        finally:
            with self._lock:
                self._running.pop(job.token, None)
        log.info("job %s %s: %s", job.id, job.name, outcome)
        return outcome

    def run_once(self, name: str, payload: dict) -> tuple[int, str]:
        """Run one job now, in this process."""
        job = queue.start_inline(self.db, name, payload, f"{self.name}:run-once")
        beat = threading.Thread(target=self._maintain, args=(False,), daemon=True)
        beat.start()
        try:
            return job.id, self.execute(job)
        finally:
            self._maintenance_stop.set()
            beat.join(timeout=5)
            self._maintenance_stop.clear()

    # -- heartbeats and housekeeping -------------------------------------------------
    def beat(self) -> None:
        with self._lock:
            contexts = dict(self._running)
        now = time.monotonic()
        # A job that hangs past its timeout gets no more heartbeats and is reaped.
        live = {token: ctx for token, ctx in contexts.items() if now - ctx.started <= ctx.timeout + 60}
        try:
            alive = queue.heartbeat(self.db, live)
        except Exception:
            log.exception("heartbeat failed")
            alive = None
        for token, ctx in live.items():
            if alive is not None and token in alive:
                ctx.last_beat = now
            elif alive is not None or now - ctx.last_beat > self.config.lock_timeout_seconds:
                ctx.lost.set()

    def housekeeping(self) -> None:
        for task in (lambda: queue.reap(self.db, self.config.lock_timeout_seconds),
                     lambda: queue.run_schedules(self.db)):
            try:
                task()
            except Exception:
                log.exception("housekeeping failed")

    def _maintain(self, full: bool) -> None:
        while True:
            self.beat()
            if full and not self.stop.is_set():
                self.housekeeping()
            if self._maintenance_stop.wait(self.config.heartbeat_seconds):
                return

    # -- the process -------------------------------------------------------------------
    def _loop(self, number: int, drain: bool) -> None:
        while not self.stop.is_set():
            try:
                job = queue.claim(self.db, f"{self.name}:{number}")
                if job is not None:
                    self.execute(job)
                elif drain:
                    return
                else:
                    self.stop.wait(self.config.poll_seconds)
            except Exception:
                log.exception("worker thread %s", number)
                self.stop.wait(max(self.config.poll_seconds, 1.0))

    def run(self, drain: bool = False, signals: bool = True) -> None:
        """Work until stopped, or with `drain` until no job is ready."""
        if signals:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: self.stop.set())
        if drain:
            self.housekeeping()
        keeper = threading.Thread(target=self._maintain, args=(True,), daemon=True)
        threads = [threading.Thread(target=self._loop, args=(i, drain), daemon=True)
                   for i in range(self.config.threads)]
        for thread in [keeper, *threads]:
            thread.start()
        log.info("worker %s: %s threads", self.name, len(threads))
        while any(t.is_alive() for t in threads) and not self.stop.wait(0.2):
            pass
        deadline = time.monotonic() + self.config.shutdown_grace_seconds
        for thread in threads:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))
        self._maintenance_stop.set()
        keeper.join(timeout=5)
