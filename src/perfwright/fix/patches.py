"""Patches of findings: proposed by the recipes, judged, and told."""

import ast
import contextlib
import difflib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfwright.finding import Finding, Patch
from perfwright.fix import recipes
from perfwright.fix.judge import waiting, within
from perfwright.fix.judge.judging import judge
from perfwright.fix.judge.runs import Place
from perfwright.fix.judge.served import Served
from perfwright.fix.judge.sides import Sides, Version
from perfwright.fix.judge.tests import ProjectTests
from perfwright.fix.judge.verdict import Verdict
from perfwright.fix.recipe import Recipe
from perfwright.fix.source import Source, UnplacedError, source
from perfwright.measure.run import Choice, GuestError

LARGEST = 4 << 20  # bytes of a file that is patched
SKIPPED = (".git", "__pycache__", "node_modules")
QUERIES, WAITS = {"queries", "rows", "requests", "steps", "bytes"}, {*waiting.MEASURED}
BROKEN = ("raises NameError", "raises UnboundLocalError", "raises SyntaxError")  # no suggestion: a mistake


@dataclass(frozen=True, slots=True)
class Candidate:
    """A changed file, `path`, that would repair a finding; the finding is in `function`, of the file `inside`.

    Where it lies outside of any function, that is the one that `leads` to it: what looks rows up by a column.
    """

    finding: Finding
    recipe: Recipe
    says: str
    function: str
    before: str
    after: str
    path: str
    inside: str
    leads: bool = False

    @property
    def diff(self) -> str:
        """Return the change as a unified diff, paths from the project's root."""
        return self.diff_from("")

    def diff_from(self, folder: str) -> str:
        """Return the change with paths from a folder above the root; `folder` is the way from there, ending in `/`."""
        path = f"{folder}{self.path}"
        before, after = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (self.before, self.after))
        lines = difflib.unified_diff(before, after, f"a/{path}", f"b/{path}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with its verdict; `repairs` tells whether it is the same, and better in what its recipe improves."""

    candidate: Candidate
    verdict: Verdict

    @property
    def suggests(self) -> bool:
        """Tell whether the patch may be shown as a suggestion: it changes what the program does, as its recipe says.

        It was not seen to make it worse; where it is for less of what was counted, there is less.
        """
        verdict, recipe = self.verdict, self.candidate.recipe
        broken = verdict.counterexample is not None and verdict.counterexample["after"].startswith(BROKEN)
        if not recipe.suggested or verdict.word == "refused" or broken:
            return False
        counted = {"queries", *(each.of for each in verdict.counts)} & {*recipe.improves}
        in_vain = bool(counted) and verdict.word == "same" and not any(map(verdict.better, recipe.improves))
        return not verdict.worse and not in_vain

    @property
    def repairs(self) -> bool:
        """Tell whether the patch may be shown as a repair."""
        if self.verdict.word != "same" or self.candidate.recipe.suggested:
            return False
        better = any(self.verdict.better(each) for each in self.candidate.recipe.improves)
        return better and not self.verdict.worse

    @property
    def finding(self) -> Finding:
        """Return the finding with its patch."""
        return replace(self.candidate.finding, patch=Patch(diff=self.candidate.diff))


def candidates(root: Path, finding: Finding) -> Iterator[Candidate]:
    """Give the patches that recipes propose for a finding, the best first, suggestions last; each parses."""
    some = sorted(recipes.load().get(finding.rule, ()), key=lambda recipe: bool(recipe.suggested))
    source = source_of(root, finding) if some else None
    if source is None:
        return
    function, inside = function_of(source, finding), source.path
    leads = not function
    if leads:
        function, inside = leading(root, finding) or ("", inside)
    for recipe in some:
        try:
            for proposal in recipe.propose(source, finding):
                changed = proposal.source or source
                after = changed.edited(proposal.edits)
                ast.parse(after)
                texts, path = (changed.text, after), changed.path
                yield Candidate(finding, recipe, proposal.says, function, *texts, path, inside, leads)
        except (UnplacedError, SyntaxError, ValueError):
            continue


def source_of(root: Path, finding: Finding) -> Source | None:
    """Return the file that a finding lies in, or for a template what renders it; None where it cannot be patched."""
    for name in (finding.place.path, *[step.path for step in finding.chain]):
        path = root / name
        if path.suffix != ".py":
            continue
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return None
        try:
            return source(name, path.read_bytes().decode("utf8", "surrogateescape"), root)
        except SyntaxError:
            return None
    return None


def function_of(source: Source, finding: Finding) -> str:
    """Return the outermost function that a finding lies in, with its class; nothing where it lies in none."""
    line = finding.place.line
    for step in finding.chain if finding.place.path != source.path else ():
        if step.path == source.path:
            line = step.line
            break
    return source.function_at(line)


def leading(root: Path, finding: Finding) -> tuple[str, str] | None:
    """Return the first function, with its file, of those that lead to a finding; None without any."""
    for step in finding.chain:
        path = root / step.path
        if path.suffix == ".py" and path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            with contextlib.suppress(SyntaxError):
                text = path.read_bytes().decode("utf8", "surrogateescape")
                if function := source(step.path, text, root).function_at(step.line):
                    return function, step.path
    return None


def judged(
    root: Path,
    candidate: Candidate,
    scratch: Path,
    *,
    python: Path,
    contain: Choice,
    size: int | None,
    served: Served | None = None,
    tests: ProjectTests | None = None,
) -> Judged:
    """Return a candidate with the verdict of the judge: the project as it is, and with the file changed.

    What has to do with a database is judged within the application that is `served`, where there is one; so is what
    cannot be called alone.
    """
    recipe, path = candidate.recipe, candidate.inside
    waits = bool(WAITS & {*recipe.improves})
    ours = recipe in recipes.load().get(recipe.rule, ())  # what makes inputs is left as it is
    base = imported_from(root, served.app.places if served is not None else ())
    overlaid(base, str((root / candidate.path).relative_to(base)), candidate.after, scratch)
    there = scratch / root.relative_to(base)

    def alone() -> Verdict:
        if not candidate.function:
            return Verdict("not shown", "it lies outside of any function")
        before, after = (Version(str(place / path), candidate.function, place, path) for place in (root, there))
        most = size or recipe.size
        try:
            with Sides(before, after, python, contain, reads=[base]) as sides:
                return judge(
                    sides, allowed=recipe.allows, size=most, tests=tests, builds=ours and waits, waits=waits, parts=ours
                )
        except GuestError as error:
            return Verdict("not shown", str(error))

    def served_both() -> Verdict:
        assert served is not None
        texts = {candidate.path: (candidate.before, candidate.after)}
        held, counts = (each in candidate.recipe.improves for each in ("memory", "time"))
        named = candidate.finding.entry_points if candidate.leads else ()
        allows = candidate.recipe.allows
        found = served.judge(
            there, lines(root, candidate), texts, named=named, allowed=allows, weighs=held, counts=counts
        )
        if tests is not None and candidate.function:
            text = (root / path).read_text("utf8", "surrogateescape")
            tests.record(root, Place.of(text, path, candidate.function), candidate.function)
            found = tests.confirmed(found, root, there)
        return found

    ways = [alone] if served is None else [alone, served_both]
    if candidate.leads or QUERIES & {*candidate.recipe.improves}:
        ways.reverse()
    verdict = ways[0]()
    if verdict.word == "not shown" and len(ways) > 1:
        other = ways[1]()
        neither = replace(verdict, reason="; ".join(dict.fromkeys((verdict.reason, other.reason))))
        verdict = other if other.word != "not shown" else neither
    elif verdict.word == "same" and ways[-1] is served_both and not is_told(recipe, verdict):
        other = served_both()  # where it is not seen to be better alone, it may be seen there
        verdict = other if other.word != "not shown" else verdict
    return Judged(candidate, verdict)


def is_told(recipe: Recipe, verdict: Verdict) -> bool:
    """Tell whether a verdict says that a patch is better in what its recipe is for, or that it is worse."""
    return verdict.worse or any(map(verdict.better, recipe.improves))


def lines(root: Path, candidate: Candidate) -> dict[str, set[int]]:
    """Return the lines that have to run, by file: of the function that a finding is in, else of those that its chain
    names, and of those that are changed."""
    changed = {candidate.path: (candidate.before, candidate.after)}
    if not candidate.leads:
        return within.lines_of(root, changed, [(candidate.inside, candidate.function)])
    told = (*candidate.finding.chain, *candidate.finding.also)
    steps = [(step.path, step.line) for step in told if step.path.endswith(".py")]
    return within.lines_of(root, changed, places=steps)


def imported_from(root: Path, places: Sequence[Path]) -> Path:
    """Return the folder that holds a project and all that it is imported from: its own, unless that is a package."""
    base = root
    while (base / "__init__.py").is_file() and base != base.parent:
        base = base.parent
    return Path(os.path.commonpath([base, *places]))


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
