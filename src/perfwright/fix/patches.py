"""Patches of findings: proposed by the recipes, judged, and told."""

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfwright.finding import Finding, Patch
from perfwright.fix import recipes
from perfwright.fix.judge import waiting
from perfwright.fix.judge.judging import Verdict, judge
from perfwright.fix.judge.sides import Sides, Version
from perfwright.fix.recipe import Recipe
from perfwright.fix.source import Source, UnplacedError
from perfwright.measure.run import Choice

LARGEST = 4 << 20  # bytes of a file that is patched
SKIPPED = (".git", "__pycache__", "node_modules")
BROKEN = ("raises NameError", "raises UnboundLocalError", "raises SyntaxError")  # no suggestion: a mistake


@dataclass(frozen=True, slots=True)
class Candidate:
    """A changed file that would repair a finding."""

    finding: Finding
    recipe: Recipe
    says: str
    function: str
    before: str
    after: str

    @property
    def diff(self) -> str:
        """Return the change as a unified diff, paths from the project's root."""
        path = self.finding.place.path
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"))


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with its verdict; `repairs` tells whether it is the same, and better in what its recipe improves."""

    candidate: Candidate
    verdict: Verdict

    @property
    def suggests(self) -> bool:
        """Tell whether the patch may be shown as a suggestion: it changes what the program does, as its recipe says."""
        verdict = self.verdict
        broken = verdict.counterexample is not None and verdict.counterexample["after"].startswith(BROKEN)
        return bool(self.candidate.recipe.suggested) and verdict.word != "refused" and not broken

    @property
    def repairs(self) -> bool:
        """Tell whether the patch may be shown as a repair."""
        if self.verdict.word != "same" or self.candidate.recipe.suggested:
            return False
        pace, improves = self.verdict.speed, self.candidate.recipe.improves
        if measured := set(improves) & set(waiting.MEASURED):  # a task costs some time of the processor
            waits = self.verdict.waits
            return waits is not None and any(map(waits.better, measured))
        if "time" in improves:
            return pace is not None and pace.verdict == "faster"
        return pace is None or pace.verdict != "slower"

    @property
    def finding(self) -> Finding:
        """Return the finding with its patch."""
        return replace(self.candidate.finding, patch=Patch(diff=self.candidate.diff))


def candidates(root: Path, finding: Finding) -> Iterator[Candidate]:
    """Give the patches that recipes propose for a finding, the best first, suggestions last; each parses."""
    path = root / finding.place.path
    some = sorted(recipes.load().get(finding.rule, ()), key=lambda recipe: bool(recipe.suggested))
    if not some or path.is_symlink() or path.suffix != ".py" or not path.is_file() or path.stat().st_size > LARGEST:
        return
    text = path.read_bytes().decode("utf8", "surrogateescape")
    try:
        source = Source(finding.place.path, text)
    except SyntaxError:
        return
    for recipe in some:
        try:
            for proposal in recipe.propose(source, finding):
                after = source.edited(proposal.edits)
                Source(finding.place.path, after)
                yield Candidate(finding, recipe, proposal.says, function_of(source, finding), text, after)
        except (UnplacedError, SyntaxError, ValueError):
            continue


def function_of(source: Source, finding: Finding) -> str:
    """Return the outermost function that a finding lies in, with its class; nothing where it lies in none."""
    around = source.at(replace(finding.place, column=0), ast.stmt)
    return source.qualified(around) if around is not None else ""


def judged(
    root: Path, candidate: Candidate, scratch: Path, *, python: Path, contain: Choice, size: int | None
) -> Judged:
    """Return a candidate with the verdict of the judge: the project as it is, and with the file changed."""
    path = candidate.finding.place.path
    if not candidate.function:
        return Judged(candidate, Verdict("not shown", "it lies outside of any function"))
    overlaid(root, path, candidate.after, scratch)
    before, after = (Version(str(place / path), candidate.function, place, path) for place in (root, scratch))
    with Sides(before, after, python, contain, reads=[root]) as sides:
        recipe = candidate.recipe
        ours = recipe in recipes.load().get(recipe.rule, ())  # it leaves what makes inputs as it is
        waits = bool(set(recipe.improves) & set(waiting.MEASURED))
        return Judged(candidate, judge(sides, allowed=recipe.allows, size=size, builds=ours, waits=waits))


def overlaid(root: Path, path: str, text: str, folder: Path) -> None:
    """Lay a project out in a folder with one file changed: all else is linked, not copied."""
    parts: Sequence[str] = Path(path).parts
    here, there = root, folder
    for place, part in enumerate(parts):
        there.mkdir(parents=True, exist_ok=True)
        for each in here.iterdir():
            link = there / each.name
            if each.name != part and each.name not in SKIPPED and not link.exists():
                link.symlink_to(each)
        here, there = here / part, there / part
        if place == len(parts) - 1:
            there.write_bytes(text.encode("utf8", "surrogateescape"))
