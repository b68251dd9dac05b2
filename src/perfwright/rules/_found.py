"""What the rules found, reading by reading, and who calls whom: apart from settings, prices and severity."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from perfwright.finding import Finding

Key = tuple[str, str, int]  # see Function.key
JOBS = ("task ", "command ", "migration ")  # entry points that nobody waits for
REACHED = 200  # functions above a finding that are looked at for entry points


@dataclass(slots=True)
class Read:
    """One reading of one function: what the rules found in it, and what it rests on.

    `standalone` readings are made without a caller, `met` ones with what a caller gives; a `lone` one
    counts only where nobody calls the function. `files` has a bit for each module whose functions it went
    through, `called` the places of the readings of what it calls in the same list.
    """

    function: Key
    standalone: bool
    met: bool
    lone: bool
    files: int
    called: tuple[int, ...]
    calls: tuple[int, int]  # calls seen, and of them not resolved
    findings: list[Finding]
    renderers: tuple[Key, ...] = ()  # of a template: the functions that lead to this reading


@dataclass(slots=True)
class Found:
    """What one share of a project gave."""

    reads: list[Read]
    labels: dict[Key, str]  # entry points
    given_up: dict[Key, str] = field(default_factory=dict)  # functions whose findings are missing, and why
    consulted: set[Key] = field(default_factory=set)  # functions whose bodies others looked into without a call
    renders: bool = False  # whether a template was looked for
    templates: dict[str, str] = field(default_factory=dict)  # the templates that were read, with the hash of each
    left_out: dict[str, str] = field(default_factory=dict)  # those that could not be read, and why


def resolved(shares: Iterable[Found]) -> float:
    """Return the share of calls that could be resolved, 0 to 1: of each function, in the reading that saw most."""
    calls: dict[Key, tuple[int, int]] = {}
    for share in shares:
        for read in share.reads:
            known = calls.get(read.function)
            if known is None or (read.calls[0], -read.calls[1]) > (known[0], -known[1]):
                calls[read.function] = read.calls
    seen, unknown = sum(each[0] for each in calls.values()), sum(each[1] for each in calls.values())
    return round(1 - unknown / seen, 3) if seen else 1.0


def is_job(entry_points: Sequence[str]) -> bool:
    """Tell whether only tasks, commands and migrations reach some code; False where nothing that is known does."""
    return bool(entry_points) and all(entry.startswith(JOBS) for entry in entry_points)


class Reached:
    """The entry points that reach a function, over all shares."""

    def __init__(self, shares: Sequence[Found]) -> None:
        self.labels: dict[Key, str] = {}
        self._callers: dict[Key, set[Key]] = {}
        self._entries: dict[Key, tuple[str, ...]] = {}
        for share in shares:
            self.labels.update(share.labels)
            for read in share.reads:
                for index in read.called:
                    self._callers.setdefault(share.reads[index].function, set()).add(read.function)

    def entry_points(self, function: Key) -> tuple[str, ...]:
        """Return the labels of the entry points that reach a function, nearest first."""
        known = self._entries.get(function)
        if known is None:
            seen, frontier, found = {function}, [function], []
            while frontier and len(seen) < REACHED:
                following: list[Key] = []
                for reached in frontier:
                    if reached in self.labels:
                        found.append(self.labels[reached])
                    for caller in sorted(self._callers.get(reached, ())):
                        if caller not in seen:
                            seen.add(caller)
                            following.append(caller)
                frontier = following
            known = self._entries[function] = tuple(dict.fromkeys(found))
        return known
