"""Findings that no recipe repairs: asked about, the candidates judged, what differs told back, the fastest kept."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfwright import rules
from perfwright.config import Settings
from perfwright.finding import Finding
from perfwright.fix import patches, recipes
from perfwright.fix.ai import bodies, profile, prompt
from perfwright.fix.ai.assistant import Assistant, AssistantError, Message
from perfwright.fix.ai.bodies import Function
from perfwright.fix.ai.definitions import Definitions
from perfwright.fix.ai.limits import NotTakenError
from perfwright.fix.ai.redaction import Redaction
from perfwright.fix.ai.replies import blocks
from perfwright.fix.ai.taking import taken
from perfwright.fix.ai.usage import Used
from perfwright.fix.judge.judging import LARGEST
from perfwright.fix.patches import Candidate, Judged
from perfwright.fix.recipe import Improves, Recipe
from perfwright.fix.repairing import Repairer
from perfwright.fix.source import Source, UnplacedError
from perfwright.measure.run import GuestError

AGAIN = 3  # times that a counter-example is told
LONGEST = 20_000  # letters of a function that is asked about, and of an answer that is told again
# What the judge measures of what rules spend; no clock and no count shows that a hazard is gone.
IMPROVES: dict[str, Improves] = {"latency": "time", "memory": "memory", "stall": "stall", "queries": "queries"}


class NotAskedError(Exception):
    """Why nobody is asked about a finding, as a clause."""


@dataclass(frozen=True, slots=True)
class Bench:
    """How candidates are judged, and why one is no repair; and the settings of the project that they are for."""

    repairer: Repairer
    settings: Settings


@dataclass(frozen=True, slots=True)
class Case:
    """A finding that can be asked about: its function, the question, and the secrets that are hidden in it."""

    finding: Finding
    source: Source
    function: Function
    question: str
    redaction: Redaction
    ends: str  # how lines end in the file; in the source with \n

    def file(self, text: str) -> str:
        """Return a text of the source as it stands in the file."""
        return text.replace("\n", self.ends)

    def candidate(self, says: str, text: str) -> Candidate:
        """Return a changed source as a candidate."""
        before, after = self.file(self.source.text), self.file(text)
        path = self.source.path
        return Candidate(self.finding, recipe(self.finding), says, self.name, before, after, path, path)

    @property
    def name(self) -> str:
        """Return the function's name, with its class."""
        return self.source.qualified(self.function)

    @property
    def hidden(self) -> int:
        """Return how many secrets are hidden in what is asked."""
        return self.redaction.count(self.question)

    @property
    def messages(self) -> list[Message]:
        """Return the conversation as it begins."""
        return [{"role": "system", "content": prompt.SYSTEM}, {"role": "user", "content": self.question}]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a candidate: why it is no repair, and how that is told to whoever wrote it."""

    why: str
    told: str
    judged: Judged | None = None


def case(bench: Bench, finding: Finding) -> Case:
    """Return a finding as it can be asked about. Raises NotAskedError, as where its function cannot be judged."""
    repairer = bench.repairer
    source, line, ends = _source(repairer.root, finding)
    function = bodies.around(source, line)
    if function is None:
        raise NotAskedError("it lies outside of any function")
    if source.span(function)[1] - source.span(function)[0] > LONGEST:
        raise NotAskedError("its function is too long to be asked about")
    improves = recipe(finding).improves
    if not improves:
        raise NotAskedError("nothing is measured that would show a repair of it")
    redaction = Redaction()
    asked = Case(finding, source, function, "", redaction, ends)
    same = _judged(bench, asked.candidate("", source.text))
    if same.verdict.word != "same":
        raise NotAskedError(f"a rewrite could not be judged: {same.verdict.reason}")
    measured = profile.told(finding, source.path, asked.name, repairer.root, repairer.python, repairer.contain)
    parts = Definitions(repairer.root, source).of(function, finding)
    demands = prompt.demands(finding, bench.settings, improves, repairer.size or LARGEST)
    return replace(asked, question=prompt.first(finding, source, function, parts, measured, demands, redaction))


def repaired(bench: Bench, asked: Case, assistant: Assistant, used: Used, sent: Callable[[], None]) -> Judged | str:
    """Return the fastest candidate that repairs a finding, or why there is none. Raises AssistantError.

    Who answers with what was answered before is not asked again.
    """
    messages, known = asked.messages, dict[str, Outcome]()
    why = ""
    for answers in range(1, 2 + AGAIN):
        answer = assistant.ask(messages, sent)
        used.take(answer)
        some = blocks(answer.text, asked.function.name)
        is_old = bool(some) and known.keys() >= set(some)
        outcomes = _outcomes(bench, asked, some, assistant.name, known)
        best = fastest([each.judged for each in outcomes if each.judged is not None])
        if best is not None:
            return best
        number = f"1 candidate in {answers}" if len(known) == 1 else f"{len(known)} candidates in {answers}"
        why = f"asked, {number} answer{'s' * (answers > 1)}, no repair: {outcomes[-1].why}"
        if is_old:
            break
        said = prompt.again([asked.redaction.text(each.told) for each in outcomes], asked.name)
        messages += [{"role": "assistant", "content": answer.text[:LONGEST]}, {"role": "user", "content": said}]
    return why


def fastest(some: Sequence[Judged]) -> Judged | None:
    """Return the best of the candidates that repair: the fastest, else the one that asks and holds the least."""
    return min((each for each in some if each.repairs), key=_share, default=None)


def _share(made: Judged) -> tuple[float, float]:
    """Return what is left of the time, waits with it where these were measured, and of what was counted beside it."""
    verdict = made.verdict
    counts = [each.at[-1][2] / max(each.at[-1][1], 1) for each in verdict.counts if each.at]
    held = [verdict.memory.ratio] if verdict.memory is not None else []
    least = min([*counts, *held], default=1.0)
    if verdict.waits is not None:
        before, after = verdict.waits.least("elapsed")
        return after / before, least
    return verdict.speed.ratio if verdict.speed is not None else 1.0, least


def _outcomes(bench: Bench, asked: Case, some: Sequence[str], by: str, known: dict[str, Outcome]) -> list[Outcome]:
    """Return what becomes of the candidates of an answer."""
    if not some:
        why = f"an answer has no code block with `{asked.function.name}`"
        return [Outcome(why, f"Your {why.removeprefix('an ')}. Put the whole function into a fenced code block.")]
    found = []
    for number, block in enumerate(some, 1):
        if block not in known:
            known[block] = _outcome(bench, asked, block, by)
        outcome = known[block]
        found.append(Outcome(outcome.why, f"Candidate {number}: {outcome.told}", outcome.judged))
    return found


def _outcome(bench: Bench, asked: Case, block: str, by: str) -> Outcome:
    try:
        text = taken(bench.repairer.root, asked.source, asked.function, asked.redaction.restored(block))
    except (NotTakenError, ValueError, UnplacedError, SyntaxError) as error:
        return Outcome(f"a candidate is not taken: {error}", f"it is not taken: {error}.")
    made = _judged(bench, asked.candidate(f"rewritten by {by}", text))
    if made.repairs:
        return Outcome("", "", made)
    why, verdict = bench.repairer.why(made), made.verdict
    if (example := verdict.counterexample) is not None:
        call, before, after = (prompt.shortened(example[name]) for name in ("call", "before", "after"))
        return Outcome(why, f"{why}. The call: {call}\n  before: {before}\n  after: {after}")
    pace = verdict.speed
    timed = f"; {pace.ratio:.2f} times as long at size {pace.n:,}" if pace is not None else ""
    return Outcome(why, f"{why}{timed}.")


def _judged(bench: Bench, candidate: Candidate) -> Judged:
    try:
        return bench.repairer.judged(candidate)
    except GuestError as error:
        raise NotAskedError(f"its function cannot be run: {error}") from error


def recipe(finding: Finding) -> Recipe:
    """Return what stands for a recipe: what repairs of the rule improve, those of recipes too. No difference is
    allowed."""
    rule = rules.load().get(finding.rule)
    spends = rule.spends if rule is not None else ()
    spent = [IMPROVES[each] for each in spends if each in IMPROVES]
    known = [each for recipe in recipes.load().get(finding.rule, ()) for each in recipe.improves if each != "hazard"]
    return Recipe(finding.rule, tuple(dict.fromkeys((*spent, *known))), lambda _source, _finding: iter(()))


def _source(root: Path, finding: Finding) -> tuple[Source, int, str]:
    """Return the file that a finding lies in, each line ending with a newline alone, the line there, and how lines end
    in the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = patches.source_of(root, finding)
        if found is None:
            raise NotAskedError("its file is not one that is patched")
        ends = "\r\n" if "\r\n" in found.text else "\n"
        lines = found.text.split(ends)
        if any("\r" in line or "\n" in line for line in lines):
            raise NotAskedError("the lines of its file do not all end alike")
        if any("\udc80" <= letter <= "\udcff" for letter in found.text):
            raise NotAskedError("its file is not written in UTF-8")
        source = Source(found.path, "\n".join(lines), root)
    steps = [(finding.place.path, finding.place.line), *[(step.path, step.line) for step in finding.chain]]
    return source, next(line for path, line in steps if path == source.path), ends


def counted(used: Used, most: int) -> Callable[[], None]:
    """Return what counts each request, and raises AssistantError where no more may be sent."""

    def sent() -> None:
        if used.requests >= most:
            raise AssistantError(f"All {most:,} requests are used up; --ai-requests allows more.", ends=True)
        used.requests += 1

    return sent
