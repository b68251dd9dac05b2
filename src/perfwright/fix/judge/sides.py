"""The two versions, each in a process of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from perfwright.fix.judge.trees import Tree
from perfwright.measure.run import Choice, Guest
from perfwright.measure.scale import CAPTURE

CALL, BATCH = 1.0, 25  # seconds of one call, and trials that are asked for at once
SEEDS = ("0", "4711")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a function: its module, by name or file, below its root; `named` is how a person calls it."""

    module: str
    function: str
    root: Path
    named: str

    @property
    def places(self) -> list[Path]:
        """Return the folders from which it imports."""
        return [place for place in (self.root, self.root / "src") if place.is_dir()]


@dataclass(slots=True)
class Side:
    """A version that runs, with one seed for the hashes of text."""

    version: Version
    guest: Guest
    known: Mapping[str, Any]
    plan: dict[str, Any]  # how arguments are made that cannot be copied, once that is known
    whole: bool = False
    about: dict[str, Any] = field(default_factory=dict)
    sends: bool = False  # generators are sent something, too

    @property
    def source(self) -> str:
        """Return the source of its module, as far as that lies below its root."""
        path = Path(str(self.known["file"]))
        if not path.is_file() or not path.resolve().is_relative_to(self.version.root.resolve()):
            return ""
        return path.read_text("utf8", "replace")

    def observe(
        self, trials: Sequence[Tree], *, seconds: float = CALL, again: bool = True, trace: bool = False
    ) -> list[Any]:
        """Return what each trial comes to, in order; `{"ended": why}` for one at which the process came to its end."""
        found: list[Any] = []
        asked = [{"args": each, "seconds": seconds, "again": again, "sends": self.sends} for each in trials]
        for start in range(0, len(asked), BATCH):
            found += self._some(asked[start : start + BATCH], trace)
        return found

    def _some(self, asked: Sequence[Any], trace: bool) -> list[Any]:
        limit = 5.0 + sum(4 * each["seconds"] for each in asked)
        question = {"ask": "observe", "trials": list(asked), "trace": trace, "whole": self.whole, "plan": self.plan}
        said = self.guest.ask(question, limit)
        if "records" in said and len(said["records"]) == len(asked):
            return list(said["records"])
        if len(asked) == 1:
            return [{"ended": str(said.get("ended") or said.get("raised") or said)}]
        half = len(asked) // 2
        return self._some(asked[:half], trace) + self._some(asked[half:], trace)

    def pace(self, args: Tree, seconds: float, known: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the CPU seconds (`cpu`) of one call, with what is `known` for the next ones with the same arguments;
        `{"why": reason}` where it took too long."""
        question = {"ask": "pace", "args": args, "seconds": seconds, "plan": self.plan, **(known or {})}
        said = self.guest.ask(question, 10 + 4 * seconds)
        return said if "cpu" in said else {"why": str(said.get("ended") or said.get("raised") or said.get("slow"))}

    def part(
        self, args: Tree, seconds: float, place: dict[str, Any], *, calls: int, fresh: bool
    ) -> tuple[float, float] | None:
        """Return the seconds of CPU and of the wall that some statements take in a call; None where that cannot be
        told. `fresh` says that a call changes what it is given."""
        question = {"ask": "part", "args": args, "seconds": seconds, "plan": self.plan, "place": place}
        said = self.guest.ask({**question, "calls": calls, "fresh": fresh}, 10 + 4 * seconds)
        return (said["cpu"], said["wall"]) if "cpu" in said else None

    def waits(self, args: Tree, seconds: float) -> dict[str, Any]:
        """Return what a call waits for, as the worker's `waits` says; nothing where it cannot be told."""
        said = self.guest.ask({"ask": "waits", "args": args, "seconds": seconds, "plan": self.plan}, 10 + 4 * seconds)
        return said if "elapsed" in said else {}

    def memory(self, args: Tree, seconds: float) -> dict[str, Any]:
        """Return the most bytes (`peak`) that one call holds at once; `{"why": reason}` where it took too long."""
        said = self.guest.ask({"ask": "memory", "args": args, "seconds": seconds, "plan": self.plan}, 10 + 4 * seconds)
        return said if "peak" in said else {"why": str(said.get("ended") or said.get("raised") or said.get("slow"))}


class Sides:
    """Processes of both versions, started when they are asked for. Use it as a context manager."""

    def __init__(
        self, before: Version, after: Version, python: Path, contain: Choice, *, reads: Sequence[Path] = ()
    ) -> None:
        self.reads = list(reads)  # where links of a version lead
        self.versions = {"before": before, "after": after, "control": before, "maker": before}
        self.python, self.contain = python, contain
        self.whole = False  # also what is long is told, not only its hash: something in it may differ
        self.running: dict[tuple[str, str], Side] = {}
        self.plan: dict[str, Any] = {}
        self.beside: list[Path] = []  # folders from which inputs are imported, too

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for side in self.running.values():
            side.guest.__exit__(kind, error, trace)

    def side(self, name: str, seed: str = SEEDS[0]) -> Side:
        """Return the process of `before`, `after`, `control` (the first once more) or `maker` (the first, as its tests
        leave it). Raises GuestError."""
        if (name, seed) not in self.running:
            version = self.versions[name]
            places = [*version.places, *self.beside]
            guest = Guest(self.python, places, environment={"PYTHONHASHSEED": seed}, contain=self.contain)
            guest.reads += [*self.reads, CAPTURE]
            guest.untold = [each.root for each in self.versions.values()]  # one may be made of links to the other
            try:
                known = guest.load(version.module, version.function, watched=True)
            except BaseException:
                guest.__exit__(None, None, None)
                raise
            self.running[name, seed] = Side(version, guest, known, self.plan, self.whole)
        return self.running[name, seed]

    def anew(self, name: str, seed: str = SEEDS[0]) -> Side:
        """Return the process of a version, started anew: nothing is left of earlier calls."""
        if (name, seed) in self.running:
            self.running[name, seed].guest.end()
        return self.side(name, seed)

    def import_from(self, folders: Sequence[Path]) -> None:
        """Let the versions import from some folders, too, after all others; those that run are started anew."""
        self.beside += folders
        for side in self.running.values():
            side.guest.places = [*side.guest.places, *folders]
            side.guest.reads += folders
            side.guest.end()
