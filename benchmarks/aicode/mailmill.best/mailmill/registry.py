"""Which jobs exist, what they accept, and the object each running job is given."""

from __future__ import annotations

import functools
import inspect
import json
import logging
import threading
import time
import typing
from dataclasses import dataclass, field
from typing import Any, Callable

from .config import Config
from .db import Database


class PermanentError(Exception):
    """Trying again cannot help; the job goes straight to `dead`."""


class RetryLater(Exception):
    """Run again after `delay` seconds. Costs an attempt only if `count` is true."""

    def __init__(self, message: str, delay: float, count: bool = False):
        super().__init__(message)
        self.delay, self.count = delay, count


class JobLost(Exception):
    """Our lock expired and the job belongs to somebody else now."""


class Interrupted(Exception):
    """The worker is shutting down; put the job back."""


class JobTimeout(Exception):
    pass


@functools.cache  # one entry for each job function
def signature(func: Callable) -> inspect.Signature:
    return inspect.signature(func)


@dataclass(frozen=True)
class JobSpec:
    name: str
    func: Callable[..., dict]
    max_attempts: int
    timeout: float

    def check(self, payload: dict[str, Any]) -> None:
        try:
            signature(self.func).bind(None, **payload)
        except TypeError as error:
            raise PermanentError(f"{self.name}: {error}") from None

    def parse(self, pairs: list[str]) -> dict[str, Any]:
        """key=value words from the command line, typed after the function's annotations."""
        hints = typing.get_type_hints(self.func)
        payload: dict[str, Any] = {}
        for pair in pairs:
            key, found, raw = pair.partition("=")
            if not found:
                raise PermanentError(f"expected key=value, got {pair!r}")
            key = key.replace("-", "_")
            kind = hints.get(key, str)
            try:
                if kind is bool:
                    payload[key] = {"true": True, "1": True, "yes": True,
                                    "false": False, "0": False, "no": False}[raw.lower()]
                elif kind in (str, int, float):
                    payload[key] = kind(raw)
                else:
                    payload[key] = json.loads(raw)
            except (ValueError, KeyError):
                raise PermanentError(f"{self.name}: bad value for {key}: {raw!r}") from None
        return payload


JOBS: dict[str, JobSpec] = {}


def job(name: str, max_attempts: int = 5, timeout: float = 3600.0):
    def register(func):
        JOBS[name] = JobSpec(name, func, max_attempts, timeout)
        return func
    return register


def get(name: str) -> JobSpec:
    from . import jobs  # noqa: F401  (importing registers them)
    if name not in JOBS:
        raise PermanentError(f"unknown job {name!r}; known: {', '.join(sorted(JOBS))}")
    return JOBS[name]


@dataclass
class JobContext:
    db: Database
    config: Config
    job_id: int
    token: str
    progress: dict[str, Any]
    stop: threading.Event
    timeout: float = 3600.0
    lost: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=time.monotonic)
    last_beat: float = field(default_factory=time.monotonic)
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("mailmill.job"))

    def check(self) -> None:
        """Jobs call this between batches; it raises when they should stop."""
        if self.lost.is_set():
            raise JobLost()
        if self.stop.is_set():
            raise Interrupted()
        if time.monotonic() - self.started > self.timeout:
            raise JobTimeout(f"longer than {self.timeout:.0f} s")

    def sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.check()
            self.stop.wait(min(left, 1.0))
        self.check()

    def save_progress(self, **values: Any) -> None:
        from . import queue
        self.progress = {**self.progress, **values}
        if not queue.save_progress(self.db, self.job_id, self.token, self.progress):
            self.lost.set()
            raise JobLost()
