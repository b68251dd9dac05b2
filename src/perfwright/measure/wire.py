"""Questions and answers over two pipes. The other side may be slow, silent, or anything but honest: all is bounded."""

import contextlib
import json
import math
import queue
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, Any

HEAD = struct.Struct(">I")
LONGEST = 64 << 20  # bytes of one answer
SHORT = 4096  # bytes that a pipe takes without anyone reading
TICK = 0.25  # seconds between two looks at what the other side uses up
WORDS = 2_000  # characters of one reason
# What the answer to a question holds at least; numbers are finite and not negative.
SHAPES: Mapping[str, Mapping[str, type]] = {
    "load": {"file": str, "line": int, "python": str},
    "changes": {"changes": bool},
    "time": {"cpu": float, "wall": float, "waits": float},
    "peak": {"peak": int},
    "whole": {"whole": int},
    "lines": {"lines": dict, "whole": bool, "ran": list, "own": int},
    "names": {"targets": list, "left": list, "built": list},
    "search": {
        "failed": str, "stub": str, "plan": dict, "endless": bool, "input": str, "parts": list, "covered": float,
        "steep": bool, "grows": bool,
    },
    "record": {"calls": int, "why": str},
    "tests": {"tests": dict, "why": str, "calls": list, "uncopied": str, "folders": list},
    "quick": {"other": bool, "slow": bool, "cpu": float},
    "climb": {"worst": list},
    "describe": {"parameters": list, "kind": list, "caches": list, "state": list, "lines": list},
    "call": {"args": list},
    "observe": {"records": list},
    "pace": {"cpu": float, "calls": int, "fresh": bool},
    "memory": {"peak": int},
}  # fmt: skip
TEXTS = {"lines": ("ran",), "names": ("targets", "left", "built"), "search": ("parts",)}  # lists of text alone
REASONS = ("raised", "cannot", "slow")
OURS = ("ended", "late")  # said by this side alone


class OverrunError(Exception):
    """The other side used up more than it may; the text says what, as the end of a sentence."""


class Wire:
    """Two pipes to another process."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions = questions
        self._answers: queue.Queue[bytes | None] = queue.Queue(1)  # one: who answers unasked waits
        self._closed = threading.Event()
        threading.Thread(target=self._listen, args=(answers,), daemon=True).start()

    def ask(self, question: Mapping[str, Any], seconds: float, overrun: Callable[[], str]) -> dict[str, Any]:
        """Return the answer. Raises TimeoutError, EOFError, OverrunError, and ValueError where it cannot be read."""
        until = time.monotonic() + seconds
        data = json.dumps(question).encode()
        data = HEAD.pack(len(data)) + data
        if len(data) <= SHORT:
            self._write(data)
        else:  # who does not read must not make this side wait
            threading.Thread(target=self._write, args=(data,), daemon=True).start()
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                answer = self._answers.get(timeout=min(left, TICK))
            except queue.Empty:
                if why := overrun():
                    raise OverrunError(why) from None
                continue
            if answer is None:
                raise EOFError
            return understood(answer, str(question.get("ask", "")))

    def close(self) -> None:
        """Close the pipe of questions, and let go of the other: a thread that reads it closes it."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._questions.close()

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # the other side is gone, which reading says
            while data:
                data = data[self._questions.write(data) :]

    def _listen(self, answers: IO[bytes]) -> None:
        with answers:
            while not self._closed.is_set():
                answer = _one(answers)
                self._offer(answer)
                if answer is None:
                    return

    def _offer(self, answer: bytes | None) -> None:
        while not self._closed.is_set():
            try:
                self._answers.put(answer, timeout=TICK)
                return
            except queue.Full:
                continue


def understood(answer: bytes, asked: str) -> dict[str, Any]:
    """Return an answer as what was asked for. Raises ValueError where it is something else."""
    try:
        said = json.loads(answer, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(said, dict) or any(name in said for name in OURS):
        raise ValueError("it is no answer")
    for name in REASONS:
        if name in said and not isinstance(said[name], bool):
            return {name: str(said[name])[:WORDS]}
    for name, kind in SHAPES.get(asked, {}).items():
        if not _is(said.get(name), kind):
            raise ValueError(f"{name} is no {kind.__name__}")
    if asked == "lines" and not all(_is(count, int) for count in said["lines"].values()):
        raise ValueError("lines are not counted in whole numbers")
    for name in TEXTS.get(asked, ()):
        if not all(isinstance(each, str) for each in said[name]):
            raise ValueError(f"{name} is no list of text")
    if asked == "climb" and not all(isinstance(each, dict) and _spread(each) for each in said["worst"]):
        raise ValueError("worst is no list of spreads")
    return said


def _spread(said: Mapping[str, Any]) -> bool:
    return isinstance(said.get("spread"), str) and isinstance(said.get("said"), str)


def _is(value: object, kind: type) -> bool:
    if kind in (int, float):
        kinds = (int, float) if kind is float else (int,)
        return isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value < math.inf
    return isinstance(value, kind)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _one(answers: IO[bytes]) -> bytes | None:
    """Return the next answer; None where no more comes. One that is too long is empty: nobody can read that either."""
    head = _exactly(answers, HEAD.size)
    if head is None:
        return None
    length = HEAD.unpack(head)[0]
    return b"" if length > LONGEST else _exactly(answers, length)


def _exactly(answers: IO[bytes], count: int) -> bytes | None:
    parts: list[bytes] = []
    while count:
        try:
            part = answers.read(min(count, 1 << 16))
        except (OSError, ValueError):
            return None
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
