"""Two versions of a function within their application: what the entry points that run it answer, and leave behind.

Both applications are started on scratch databases with the same rows, 1, 10 and 100 a table, and are asked the same. Of
each answer all is compared that can be told from outside, the rows that are left, mails and requests too; queries and
rows that are fetched are counted. Both are timed at the largest size, interleaved.
"""

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from perfwright.fix.judge import memory, pace, passes, refusals
from perfwright.fix.judge.answers import difference
from perfwright.fix.judge.memory import Memory
from perfwright.fix.judge.pages import FIRST, Pages
from perfwright.fix.judge.passes import Passes
from perfwright.fix.judge.verdict import COUNTED, WORKED, Counts, Verdict, pairs
from perfwright.measure.application import Application
from perfwright.measure.run import Choice, Guest, GuestError
from perfwright.measure.scale import CAPTURE, FILLING, LONGEST, Run

SIZES = (1, 10, 100)  # rows a table at which all is compared
VARIED = 40  # rows a table that are not all alike
LARGER = (1_000, 300)  # at which the time is measured: the first at which a call is short enough
SHORT = 0.25  # seconds of a call that is timed
SEVERAL = 10  # rows that a request is about where its body has lists
REQUESTS = ({"place": 0}, {"place": -1}, {"place": 0, "several": SEVERAL})  # the first row, the last, and several
COUNTING = 1.0  # seconds of one for which it is counted what code goes through, by the time of smaller ones
TIMES = 2  # requests with the same rows: what is kept between them shows in the second
MOST = 5  # entry points that are asked of those that run a function
LOOKED = 90.0  # seconds in which entry points are looked at, for which lines they run
COUNTS = {**COUNTED, **WORKED}
REACHED = 0.5  # of the lines of a function: with fewer nothing is shown


@dataclass(frozen=True, slots=True)
class Reach:
    """An entry point, and the lines that it ran, by file below the root."""

    entry: str
    status: int
    ran: Mapping[str, frozenset[int]]


class Rows(NamedTuple):
    """How many rows each table has, and whether they are not all alike."""

    n: int
    varied: bool = False


class Live:
    """A version of the application that runs, in a process and a scratch folder of its own."""

    def __init__(
        self,
        root: Path,
        app: Application,
        python: Path,
        contain: Choice,
        reads: Sequence[Path],
        *,
        passes: bool = False,
    ) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="perfwright-"))
        self.guest = Guest(python, [], contain=contain, scratch=self.scratch)
        self.guest.reads += [*app.places, root, CAPTURE, *reads]
        self.run = Run(
            lambda: self.guest, app, root, {}, None, commands=True, writes=True, even=False, signs_in=""
        )  # fmt: skip
        self.run.passes = passes
        self.framework = ""
        self.entries: dict[str, int] = {}
        self.rows = Rows(0)

    def start(self) -> None:
        """Start it. Raises GuestError where it does not."""
        said = self.run.begin(self.guest)
        self.framework = said["framework"]
        self.entries = {each["entry"]: place for place, each in enumerate(said["entries"])}
        self.rows = Rows(0)

    def start_anew(self) -> None:
        """Start it in another process, with the same rows."""
        rows = self.rows
        self.guest.end()
        self.lay(rows)

    def lay(self, rows: Rows) -> str:
        """Put the database to some rows; return a digest of them. Raises GuestError where that cannot be."""
        if self.guest.process is None:
            self.start()
        said = self.guest.ask({"ask": "lay", "varied": rows.varied, **self.run.rows(rows.n, self.framework)}, FILLING)
        if "digest" not in said:
            why = said.get("cannot") or said.get("raised") or said.get("ended")
            raise GuestError(f"The tables cannot be filled ({why}); report it, with the models.", slug="cannot-fill")
        self.rows = rows
        return str(said["digest"])

    def ask(self, question: Mapping[str, Any], entry: str) -> dict[str, Any]:
        """Return what the worker says of an entry point; it is started anew where it came to its end."""
        said = self.guest.ask({**question, "index": self.entries[entry]}, LONGEST)
        if "ended" in said and self.rows.n:
            self.start_anew()
        return said

    def close(self) -> None:
        """End it, and take its folder away."""
        self.guest.end()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class _Case:
    """What is known of one judgement while it goes on."""

    entries: list[str]
    allowed: tuple[str, ...] = ()
    inputs: int = 0
    answered: int = 0  # of them: those that were answered well
    counts: dict[str, dict[int, list[int]]] = field(default_factory=lambda: {name: {} for name in COUNTS})
    costs: dict[str, float] = field(default_factory=dict)
    loose: dict[str, None] = field(default_factory=dict)
    calls: set[tuple[str, int]] = field(default_factory=set)  # that were counted
    pages: Pages = field(default_factory=Pages)  # where lists may be cut to one

    def sizes(self) -> Iterator[Rows]:
        """Give the rows with which all is compared: where lists may be cut to a page, more than fit one, too."""
        yield from (*map(Rows, SIZES[:-1]), Rows(VARIED, varied=True), Rows(SIZES[-1]))
        if FIRST in self.allowed:
            yield Rows(LARGER[0])
            yield from (Rows(n) for n in self.pages.near if n > SIZES[-1] and n < LARGER[0])


class Served:
    """An application as it is, started once for many patches. Use it as a context manager."""

    def __init__(self, root: Path, app: Application, python: Path, contain: Choice) -> None:
        self.root, self.app, self.python, self.contain = root, app, python, contain
        self.before = Live(root, app, python, contain, [])
        self.counting = Live(root, app, python, contain, [], passes=True)
        self.passed: dict[tuple[str, int], passes.Lines | None] = {}  # by entry point and rows
        self.reaches: list[Reach] | None = None
        self.known: dict[tuple[str, Rows, int], dict[str, Any]] = {}  # answers, by entry point, rows and place
        self.digests: dict[Rows, str] = {}
        self.why = ""  # it cannot be started

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.before.close()
        self.counting.close()

    def forget(self) -> None:
        """Start the application anew when it is asked next: its files have changed."""
        self.before.guest.end()
        self.counting.guest.end()
        self.reaches, self.why, self.known, self.digests, self.passed = None, "", {}, {}, {}

    def reaching(self, lines: Mapping[str, Collection[int]]) -> tuple[list[str], float]:
        """Return the entry points that run lines, by file, those that together run the most first, and the share of
        the lines that they run. Raises GuestError where the application cannot be started."""
        if self.reaches is None:
            self.reaches = list(self._looked())
        own = frozenset((path, line) for path, some in lines.items() for line in some)
        known = [
            (each, frozenset((path, line) for path in lines for line in each.ran.get(path, ())) & own)
            for each in self.reaches
        ]
        left = [(each, ran) for each, ran in known if ran]
        chosen: list[str] = []
        covered: frozenset[tuple[str, int]] = frozenset()
        while left and len(chosen) < MOST:
            each, ran = max(left, key=lambda one: (len(one[1] - covered), 200 <= one[0].status < 300, len(one[1])))
            left.remove((each, ran))
            chosen.append(each.entry)
            covered |= ran
        return chosen, len(covered) / len(own) if own else 0.0

    def _looked(self) -> Iterator[Reach]:
        until = time.monotonic() + LOOKED
        live = self.before
        live.start()
        live.lay(Rows(SIZES[1]))
        for entry in list(live.entries):
            if time.monotonic() > until:
                break
            said = live.ask({"ask": "visit", "lines": True, "quick": True}, entry)
            if "status" in said and not said.get("same"):
                ran = {file: frozenset(lines) for file, lines in said.get("ran", {}).items()}
                yield Reach(entry, said["status"], ran)

    def judge(
        self,
        root: Path,
        lines: Mapping[str, Collection[int]],
        changed: Mapping[str, tuple[str, str]],
        *,
        named: Sequence[str] = (),
        allowed: Sequence[str] = (),
        weighs: bool = False,
        counts: bool = False,
    ) -> Verdict:
        """Return whether the application is the same in another folder, and what it costs in both.

        `lines` are those that have to run, by file; `changed` the two texts of each file that was changed. What
        concerns all functions that query a table is judged by the entry points that run any of the lines, else by those
        that are `named`. Where it `weighs`, memory is measured too; where it `counts`, and time says nothing, what the
        code goes through is counted.
        """
        if why := next(filter(None, (refusals.refused(*each, allowed) for each in changed.values())), ""):
            return Verdict("refused", why)
        try:
            entries, share = self.reaching(lines)
            if named:
                shapes = {_shape(each) for each in named}
                answered = [each.entry for each in self.reaches or () if _shape(each.entry) in shapes]
                entries, share = entries or answered[:MOST], 1.0
        except GuestError as error:
            self.reaches, self.why = [], str(error)
            entries, share = [], 0.0
        if self.why:
            return Verdict("not shown", f"the application cannot be asked: {self.why}")
        if not entries:
            return Verdict("not shown", "no entry point of the application that was answered runs it")
        if share < REACHED:
            return Verdict("not shown", f"the entry points that run it reach {share:.0%} of its lines")
        places = tuple(Path(os.path.normpath(root / os.path.relpath(place, self.root))) for place in self.app.places)
        app, reads = replace(self.app, places=places), [self.root, *self.app.places]
        after = Live(root, app, self.python, self.contain, reads)
        try:
            after.start()
        except GuestError as error:
            after.close()
            return Verdict("refused", f"the second version cannot be started: {error}")
        try:
            case = _Case(entries, tuple(allowed))
            found = self._judged(after, case, weighs=weighs)
            if counts and found.word == "same" and found.speed is not None and found.speed.verdict == "no evidence":
                with Live(root, app, self.python, self.contain, reads, passes=True) as second:
                    found = replace(found, passes=self._passes(second, case, changed))
            return replace(found, source=f"by {', '.join(entries)}")
        except GuestError as error:
            return Verdict("not shown", str(error))
        finally:
            after.close()

    def _judged(self, after: Live, case: _Case, *, weighs: bool) -> Verdict:
        for rows in case.sizes():
            if after.lay(rows) != (self.digests.get(rows) or self._laid(rows)):
                return Verdict("not shown", "the two versions have other tables, or are filled otherwise")
            for entry in case.entries:
                if entry not in after.entries:
                    return Verdict("differs", f"there is no {entry} any more", inputs=case.inputs)
                for place in range(len(REQUESTS)):
                    if (verdict := self._compared(after, case, rows, entry, place)) is not None:
                        return verdict
        if not case.answered:
            return Verdict("not shown", "no request that runs it was answered well by the first version")
        if case.pages.unshown:
            return Verdict("not shown", case.pages.unshown, inputs=case.inputs)
        notes = [case.pages.told] if FIRST in case.allowed else []
        notes += [f"not compared, since it is never twice the same: {', '.join(case.loose)}"] if case.loose else []
        speed = self._speed(after, case)
        calls = len(case.calls)
        return Verdict(
            "same",
            "",
            inputs=case.inputs,
            sizes=(*SIZES, LARGER[0]) if FIRST in case.allowed else SIZES,
            allowed=case.allowed,
            speed=speed,
            memory=self._memory(after, case) if weighs else None,
            counts=tuple(Counts(COUNTS[name], pairs(each), calls) for name, each in case.counts.items()),
            notes=tuple(notes),
        )

    def _laid(self, rows: Rows) -> str:
        """Return the digest of the first version's rows; they are there where answers are not known."""
        if rows not in self.digests or self.before.rows != rows:
            self.digests[rows] = self.before.lay(rows)
        return self.digests[rows]

    def _compared(self, after: Live, case: _Case, rows: Rows, entry: str, place: int) -> Verdict | None:
        question = {"ask": "answer", **REQUESTS[place], "times": TIMES}
        if (entry, rows, place) not in self.known:
            self._laid(rows)
            self.known[entry, rows, place] = self.before.ask(question, entry)
        one, other = self.known[entry, rows, place], after.ask(question, entry)
        if "calls" not in one:
            return None  # the first version says nothing of it
        example = {"call": f"{entry} ({one['path']}) at {rows.n:,} rows a table"}
        if "calls" not in other:
            why = str(other.get("ended") or other.get("raised") or other.get("unasked"))
            return Verdict("differs", "it gives no answer", {**example, "before": "an answer", "after": why})
        control: dict[str, Any] = {}
        for moment, (left, right) in enumerate(zip(one["calls"], other["calls"], strict=True)):
            case.inputs += 1
            case.answered += 200 <= left["status"] < 300
            again = left
            answers = FIRST in case.allowed and 200 <= left["status"] < 300
            paged = partial(case.pages.problem, who=f"{entry} {place}", n=rows.n) if answers else None
            if _told(left) != _told(right) and difference(left, right, left, allowed=case.allowed, paged=paged)[0]:
                control = control or self._again(question, entry, rows)
                again = control["calls"][moment] if "calls" in control else left
            found, loose = difference(left, right, again, allowed=case.allowed, paged=paged)
            case.loose.update(dict.fromkeys(loose))
            if found is not None:
                when = ", when it is asked again" if moment else ""
                example |= {"before": found.before, "after": found.after}
                return Verdict("differs", found.what + when, example, inputs=case.inputs, sizes=(rows.n,))
        for name, counts in case.counts.items() if not rows.varied else ():
            pair = counts.setdefault(rows.n, [0, 0])
            pair[0] += one["calls"][-1][name]
            pair[1] += other["calls"][-1][name]
        if not rows.varied:
            case.calls.add((entry, place))
            case.costs[entry] = max(case.costs.get(entry, 0.0), one["calls"][-1]["cpu"])
        return None

    def _again(self, question: Mapping[str, Any], entry: str, rows: Rows) -> dict[str, Any]:
        """Return what the first version answers in a process of its own, where nothing is left of earlier requests."""
        self.before.guest.end()
        self.before.lay(rows)
        return self.before.ask(question, entry)

    def _memory(self, after: Live, case: _Case) -> Memory | None:
        """Return which version needs less memory for its dearest request, with the rows that are there."""
        entry = max(case.costs, key=lambda each: case.costs[each])
        question = {"ask": "took", "place": 0, "times": 1, "peak": True}
        one, other = (live.ask(question, entry).get("peak") for live in (self.before, after))
        return memory.told([(after.rows.n, one, other)]) if one is not None and other is not None else None

    def _passes(self, second: Live, case: _Case, changed: Mapping[str, tuple[str, str]]) -> Passes | None:
        """Return what the code of both versions goes through, with more and more rows; None where it is not known."""
        took = max(case.costs.values())
        largest = next((n for n in LARGER if took * n / SIZES[-1] < COUNTING), SIZES[-1])
        measured: list[tuple[int, passes.Lines, passes.Lines]] = []
        for n in dict.fromkeys((*SIZES[1:], largest)):
            one: passes.Lines = {}
            other: passes.Lines = {}
            for entry in case.entries:
                if (entry, n) not in self.passed:
                    self.passed[entry, n] = _passed(self.counting, entry, n)
                left, right = self.passed[entry, n], _passed(second, entry, n)
                if left is None or right is None:  # it takes too long: what smaller sizes say is left
                    return passes.told(measured, changed)
                one = {place: one.get(place, 0) + left.get(place, 0) for place in {*one, *left}}
                other = {place: other.get(place, 0) + right.get(place, 0) for place in {*other, *right}}
            measured.append((n, one, other))
        return passes.told(measured, changed)

    def _speed(self, after: Live, case: _Case) -> pace.Speed | None:
        entry = max(case.costs, key=lambda each: case.costs[each])
        lives = {"before": self.before, "after": after, "control": self.before}

        def sample(name: str) -> tuple[float, float] | None:
            with contextlib.suppress(GuestError):
                said = lives[name].ask({"ask": "took", "place": 0, "times": 1}, entry)
                return (said["samples"][0][0], said["samples"][0][1]) if "samples" in said else None
            return None

        def sampler(n: int) -> Callable[[str], float | None] | None:
            if n != SIZES[-1] and case.costs[entry] * n / SIZES[-1] > SHORT:
                return None  # it would be too long even if it grew no more than linearly
            try:
                rows = Rows(n)
                self._laid(rows)
                if after.rows != rows:
                    after.lay(rows)
            except GuestError:
                return None
            return pace.by_one_clock(sample)

        return pace.at_largest((*LARGER, SIZES[-1]), sampler, SHORT)


def _passed(live: Live, entry: str, n: int) -> passes.Lines | None:
    """Return what code goes through for a request, by file and line; None where it cannot be counted."""
    if live.rows != Rows(n):
        live.lay(Rows(n))
    said = live.ask({"ask": "passes", "place": 0}, entry) if entry in live.entries else {}
    return passes.lines_of(said["passes"]) if said.get("passes") else None


def _shape(entry: str) -> str:
    """Return an entry point without the names of what stands in its path."""
    return re.sub(r"<[^>]*>|\{[^}]*\}", "{}", entry)


def _told(call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in call.items() if name not in ("cpu", "wall", "bytes", *COUNTS)}
