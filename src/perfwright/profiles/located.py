"""A profile laid over a project's files: what part of it each finding is about, and what is hot.

The part of a finding is the inclusive share of the narrowest thing it is about that the profile tells apart: where it
tells lines, the line; else the function, the comprehension or lambda of its own where there is one. Where the chain
ends in another function, the cost is spent there: then it is what is spent in that one on behalf of the finding's. A
function that calls itself counts once. A chain through a class body is a response model or a serializer, which a
framework reads after the function has returned: only the function where such a chain ends is looked up. A finding
that stands in a class body, such as a column without an index, is about the lines that query it, and nothing wider.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from perfwright.amdahl import At, Hot, Of
from perfwright.finding import Finding, Step
from perfwright.profiles.model import Calls, Frame, Profile, Stacks
from perfwright.profiles.outline import Code, Outline
from perfwright.profiles.places import Places

Key = tuple[str, Code]
HOT = 0.05  # of the whole, from which on a place without a finding is told
LONGEST = 1_000  # lines of a finding that are looked up
Part = tuple[float, At]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a frame is in the project; `line` is 0 where the profile does not tell it."""

    path: str
    line: int
    code: Code | None

    @property
    def function(self) -> str:
        return self.code.qualified if self.code else "<module>"


class Sources:
    """The outlines of the project's files, each read once."""

    def __init__(self, text: Callable[[str], str], read: Callable[[str], Outline]) -> None:
        self.text, self.read = text, read
        self.known: dict[str, Outline] = {}

    def __getitem__(self, path: str) -> Outline:
        found = self.known.get(path)
        if found is None:
            found = self.known[path] = self.read(self.text(path))
        return found

    def spot(self, places: Places, frame: Frame) -> Spot | None:
        """Return where a frame is in the project; None where it is outside."""
        path = places.named(frame.file) if frame.file else None
        if path is None:
            return None
        code = self[path].named(frame.function, frame.first) if frame.first or not frame.line else None
        if code is None and frame.line:
            around = self[path].around(frame.line)
            name = frame.function.rpartition(".")[2]
            code = next((each for each in around if each.name == name), around[0] if around else None)
        return Spot(path, frame.line, code)

    def end(self, finding: Finding) -> tuple[Step | None, Code | None, bool]:
        """Return the last step of a chain that runs in a function, its code, and whether a class body is on the way."""
        deferred, last, code = False, None, None
        for step in finding.chain:
            around = self[step.path].around(step.line)
            if around:
                last, code = step, around[0]
            elif self[step.path].in_class_body(step.line):
                deferred, last, code = True, None, None
        return last, code, deferred


class OnStacks:
    """Stacks, laid over the project; only the lines and functions of the findings given are kept apart."""

    def __init__(self, stacks: Stacks, places: Places, sources: Sources, findings: Sequence[Finding]) -> None:
        self.of: Of = stacks.of
        self.total = stacks.total
        self.sources = sources
        self.by_line: dict[tuple[str, int], set[int]] = {}
        self.by_code: dict[Key, set[int]] = {}
        self.innermost: dict[Spot, float] = {}
        numbers: dict[Spot, int] = {}
        numbered = [
            None if (spot := sources.spot(places, frame)) is None else numbers.setdefault(spot, len(numbers))
            for frame in stacks.frames
        ]
        spots = list(numbers)
        self.lined = {spot.path for spot in spots if spot.line}  # files of which lines are told
        lines, functions = taken(findings, sources)
        inside: dict[tuple[int, ...], float] = {}
        for stack, weight in stacks.stacks.items():
            own = tuple([number for place in stack if (number := numbered[place]) is not None])
            if own:
                inside[own] = inside.get(own, 0.0) + weight
        self.weights = list(inside.values())
        kept = [self._kept(spot, lines, functions) for spot in spots]
        for number, (own, weight) in enumerate(inside.items()):
            last = spots[own[-1]]
            self.innermost[last] = self.innermost.get(last, 0.0) + weight
            for each in own:
                for found in kept[each]:
                    found.add(number)
        self.matched: float | None = sum(self.weights) / self.total

    def _kept(self, spot: Spot, lines: set[tuple[str, int]], functions: set[Key]) -> list[set[int]]:
        """Return the sets in which the stacks through a spot are kept: of its line, of its function, or none."""
        found = []
        if (spot.path, spot.line) in lines:
            found.append(self.by_line.setdefault((spot.path, spot.line), set()))
        if spot.code is not None and (spot.path, spot.code) in functions:
            found.append(self.by_code.setdefault((spot.path, spot.code), set()))
        return found

    def part(self, finding: Finding) -> Part | None:
        """Return the finding's part and what was looked up; None where the profile never was there."""
        place = finding.place
        codes = self.sources[place.path].around(place.line)
        step, code, deferred = self.sources.end(finding)
        if self.sources[place.path].in_class_body(place.line):
            ends = [each for each in (step, *finding.also) if each is not None]
            found = set().union(*(self.by_line.get((each.path, each.line), set()) for each in ends))
            return (self._share(found), "call") if found else None
        if deferred:
            found = self._at(step, code) if step is not None else set()
            return (self._share(found), "call") if found else None
        at: At = "line" if place.path in self.lined else "function"
        if at == "line":
            lines = list(range(place.line, min(place.end_line, place.line + LONGEST) + 1))
            if step is not None and step.path == place.path and code is not None and code in codes:
                lines.append(step.line)
            found = set().union(*(self.by_line.get((place.path, line), set()) for line in lines))
            if not found and not any(self.by_code.get((place.path, each)) for each in codes):
                return None
        else:
            found = next((hit for each in codes if (hit := self.by_code.get((place.path, each)))), set())
            if not found:
                return None
        if step is not None and code is not None and (step.path != place.path or code not in codes):
            narrower = found & self._at(step, code)
            if narrower:
                found, at = narrower, "call"
        return self._share(found), at

    def _at(self, step: Step, code: Code | None) -> set[int]:
        """Return the stacks through the line of a step; through its function where no lines are told of the file."""
        at_line = self.by_line.get((step.path, step.line), set())
        if at_line or step.path in self.lined or code is None:
            return at_line
        return self.by_code.get((step.path, code), set())

    def _share(self, found: Iterable[int]) -> float:
        return min(1.0, sum(self.weights[number] for number in found) / self.total)

    def hot(self, findings: Iterable[Finding]) -> list[Hot]:
        """Return the lines, or functions, whose own time and that of libraries they call is much, without a finding."""
        lines, functions = taken(findings, self.sources)
        by_line: dict[Spot, float] = {}
        by_code: dict[Key, float] = {}
        for spot, weight in self.innermost.items():
            if spot.code is None:
                continue  # what a module's body does, it does once
            first, last = self.sources[spot.path].statement(spot.line) if spot.line else (0, 0)
            if spot.line and not any(
                (spot.path, line) in lines for line in range(first, min(last, first + LONGEST) + 1)
            ):
                by_line[spot] = by_line.get(spot, 0.0) + weight
            if not spot.line and (spot.path, spot.code) not in functions:
                key = spot.path, spot.code
                by_code[key] = by_code.get(key, 0.0) + weight
        found = [
            _hot(spot.path, spot.line, spot.code, self.of, weight / self.total) for spot, weight in by_line.items()
        ]
        found += [_hot(path, 0, code, self.of, weight / self.total) for (path, code), weight in by_code.items()]
        return hottest(found)


class OnCalls:
    """What cProfile counted, laid over the project."""

    def __init__(self, calls: Calls, places: Places, sources: Sources) -> None:
        self.of: Of = calls.of
        self.total = calls.total
        self.sources = sources
        self.calls = calls.calls
        self.spots = [sources.spot(places, call.frame) for call in calls.calls]
        self.by_code: dict[Key, list[int]] = {}
        for number, spot in enumerate(self.spots):
            if spot is not None and spot.code is not None:
                self.by_code.setdefault((spot.path, spot.code), []).append(number)
        self.matched: float | None = None  # not to be told from functions alone

    def part(self, finding: Finding) -> Part | None:
        """Return the finding's part and what was looked up; None where the profile never was there."""
        place = finding.place
        codes = self.sources[place.path].around(place.line)
        step, code, deferred = self.sources.end(finding)
        if not codes:
            return None  # a query is not told apart from the function that makes it
        if deferred:
            found = self.by_code.get((step.path, code)) if step is not None and code is not None else None
            return (self._share(self._inclusive(found)), "call") if found else None
        inner = next((hit for each in codes if (hit := self.by_code.get((place.path, each)))), None)
        if inner is None:
            return None
        spent, at = self._inclusive(inner), "function"
        if step is not None and code is not None and (step.path != place.path or code not in codes):
            outer = next(each for each in (*codes[::-1], codes[0]) if not each.unnamed or each is codes[0])
            callers = {
                number
                for (path, each), numbers in self.by_code.items()
                if path == place.path and outer.first <= each.first and each.last <= outer.last
                for number in numbers
            }
            below = sum(
                seconds
                for number in self.by_code.get((step.path, code), ())
                for caller, seconds in self.calls[number].callers.items()
                if caller in callers
            )
            if 0 < below < spent:
                spent, at = below, "call"
        return self._share(spent), "call" if at == "call" else "function"

    def _inclusive(self, numbers: Iterable[int]) -> float:
        return sum(self.calls[number].inclusive for number in numbers)

    def _share(self, seconds: float) -> float:
        return min(1.0, seconds / self.total)

    def hot(self, findings: Iterable[Finding]) -> list[Hot]:
        """Return the functions whose own time and that of libraries they call is much, without a finding.

        A library that can come back to the project's code is left out, so it is a lower bound.
        """
        _, functions = taken(findings, self.sources)
        back = self._back()
        own = {key: sum(self.calls[number].own for number in numbers) for key, numbers in self.by_code.items()}
        for number, call in enumerate(self.calls):
            if self.spots[number] is None and number not in back:
                for caller, seconds in call.callers.items():
                    spot = self.spots[caller]
                    if spot is not None and spot.code is not None:
                        own[spot.path, spot.code] += seconds
        return hottest(
            _hot(path, 0, code, self.of, seconds / self.total)
            for (path, code), seconds in own.items()
            if (path, code) not in functions
        )

    def _back(self) -> set[int]:
        """Return the functions outside the project that lead to it again."""
        back: set[int] = set()
        waiting = [number for number, spot in enumerate(self.spots) if spot is not None]
        while waiting:
            for caller in self.calls[waiting.pop()].callers:
                if self.spots[caller] is None and caller not in back:
                    back.add(caller)
                    waiting.append(caller)
        return back


Located = OnStacks | OnCalls


def located(profile: Profile, places: Places, sources: Sources, findings: Sequence[Finding]) -> Located:
    """Return a profile laid over the project, to be asked for the findings given."""
    if isinstance(profile, Stacks):
        return OnStacks(profile, places, sources, findings)
    return OnCalls(profile, places, sources)


def taken(findings: Iterable[Finding], sources: Sources) -> tuple[set[tuple[str, int]], set[Key]]:
    """Return the lines and the functions that findings stand in, or that their chains go through."""
    lines: set[tuple[str, int]] = set()
    for finding in findings:
        place = finding.place
        lines.update((place.path, line) for line in range(place.line, min(place.end_line, place.line + LONGEST) + 1))
        lines.update((step.path, step.line) for step in (*finding.chain, *finding.also))
    functions = {(path, code) for path, line in lines for code in sources[path].around(line)}
    return lines, functions


def hottest(found: Iterable[Hot]) -> list[Hot]:
    """Return what is hot enough to be told, the hottest first."""
    return sorted((each for each in found if each.part >= HOT), key=lambda each: (-each.part, each.path, each.line))


def _hot(path: str, line: int, code: Code | None, of: Of, part: float) -> Hot:
    function = code.qualified if code else "<module>"
    at: At = "line" if line else "function"
    return Hot(
        path=path, line=line or (code.first if code else 1), function=function, of=of, part=min(part, 1.0), at=at
    )
