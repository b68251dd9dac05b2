"""Findings repaired one after the other: each is judged on the files as the patches before it have left them."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfwright.finding import Finding
from perfwright.fix.judge.served import Served
from perfwright.fix.judge.tests import ProjectTests
from perfwright.fix.patches import Candidate, Judged, candidates, judged
from perfwright.measure.recording import Suite
from perfwright.measure.run import Choice

GONE = "it went with another patch"


@dataclass(slots=True)
class Repairs:
    """What came of findings so far: patches that repair or suggest, and why others have none."""

    repaired: list[Judged] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Repairer:
    """Makes patches of a project's findings and has them judged. `why` says of one why it is no repair; without a
    `suite` no tests are run."""

    root: Path
    python: Path
    contain: Choice
    size: int | None
    suite: Suite | None
    served: Served | None
    why: Callable[[Judged], str]

    def best(self, finding: Finding) -> Judged | str:
        """Return the first patch of a finding that repairs or suggests, else why there is none."""
        why = "no recipe fits it"
        for candidate in candidates(self.root, finding):
            made = self.judged(candidate)
            if made.repairs or made.suggests:
                return made
            why = self.why(made)
        return why

    def judged(self, candidate: Candidate) -> Judged:
        """Return a candidate with its verdict."""
        with contextlib.ExitStack() as stack:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="perfwright-"))
            tests = None
            if self.suite is not None:
                tests = stack.enter_context(ProjectTests(self.suite, self.python, self.contain, [self.root]))
            return judged(
                self.root,
                candidate,
                Path(scratch).resolve(),
                python=self.python,
                contain=self.contain,
                size=self.size,
                served=self.served,
                tests=tests,
            )


def repair(
    findings: Sequence[Finding],
    repairs: Repairs,
    *,
    best: Callable[[Finding], Judged | str],
    write: Callable[[Judged], bool],
    again: Callable[[], Sequence[Finding]],
) -> Iterator[Finding]:
    """Give each finding after what came of it was put into `repairs`.

    `best` returns the patch of a finding, or why it has none; `write` tells whether a patch changed its file. Then the
    findings of that file, and those that lead through it, are read `again`, for they have moved, or are no more.
    """
    queue = list(findings)
    while queue:
        finding = queue.pop(0)
        made = best(finding)
        if isinstance(made, str):
            repairs.left.append((finding.key, made))
        else:
            repairs.repaired.append(made)
            path = made.candidate.path
            if write(made) and any(lies_in(each, path) for each in queue):
                queue = list(_moved(queue, path, again(), repairs))
        yield finding


def lies_in(finding: Finding, path: str) -> bool:
    """Tell whether a finding lies in a file, or leads through it."""
    return path == finding.place.path or any(path == step.path for step in (*finding.chain, *finding.also))


def _moved(queue: Sequence[Finding], path: str, now: Sequence[Finding], repairs: Repairs) -> Iterator[Finding]:
    """Give findings as they stand in a changed file; those that are no more are left.

    Of true twins the last ones are still to come: those before them have been through.
    """
    there: dict[str, list[Finding]] = {}
    for each in now:
        there.setdefault(_untwinned(each), []).append(each)
    waiting: dict[str, int] = {}
    for each in queue:
        waiting[_untwinned(each)] = waiting.get(_untwinned(each), 0) + 1
    for each in queue:
        if not lies_in(each, path):
            yield each
            continue
        name = _untwinned(each)
        some = there.get(name, [])
        if len(some) >= waiting[name]:
            yield some[len(some) - waiting[name]]
        else:
            repairs.left.append((each.key, GONE))
        waiting[name] -= 1


def _untwinned(finding: Finding) -> str:
    return replace(finding, ordinal=1).key
