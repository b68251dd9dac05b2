"""Findings that no recipe repairs: asked about, the candidates judged, what differs told back, the fastest kept."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfwright import rules
from perfwright.config import Settings
from perfwright.finding import Finding
from perfwright.fix import patches
from perfwright.fix.ai import bodies, profile, prompt
from perfwright.fix.ai.assistant import Assistant, AssistantError, Message
from perfwright.fix.ai.bodies import Function
from perfwright.fix.ai.limits import NotTakenError
from perfwright.fix.ai.redaction import Redaction
from perfwright.fix.ai.replies import blocks
from perfwright.fix.ai.surroundings import Surroundings
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
IMPROVES: dict[str, Improves] = {
    "latency": "time", "memory": "memory", "stall": "stall", "queries": "queries", "hazard": "hazard",
}  # fmt: skip


class NotAskedError(Exception):
    """Why nobody is asked about a finding, as a clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A project's settings, and who has candidates judged."""

    settings: Settings
    repairer: Repairer

    @property
    def root(self) -> Path:
        """Return the project's root."""
        return self.repairer.root


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
    source, ends = _source(bench.root, finding)
    function = bodies.around(source, finding)
    if function is None:
        raise NotAskedError("it lies outside of any function")
    if not (source.span(function)[1] - source.span(function)[0] <= LONGEST):
        raise NotAskedError("its function is too long to be asked about")
    same = _judged(
        bench,
        Candidate(
            finding,
            _recipe(finding),
            "",
            source.qualified(function),
            source.text,
            source.text,
            source.path,
            source.path,
        ),
    )
    if same.verdict.word != "same":
        raise NotAskedError(f"a rewrite could not be judged: {same.verdict.reason}")
    measured = profile.told(finding, bench.root, bench.repairer.python, bench.repairer.contain)
    redaction = Redaction()
    parts = Surroundings(bench.root, source).of(function, finding)
    demands = prompt.demands(finding, bench.settings, bench.repairer.size or LARGEST)
    question = prompt.first(finding, source, function, parts, measured, demands, redaction)
    return Case(finding, source, function, question, redaction, ends)


def repaired(bench: Bench, asked: Case, assistant: Assistant, used: Used, sent: Callable[[], None]) -> Judged | str:
    """Return the fastest candidate that repairs a finding, or why there is none. Raises AssistantError."""
    messages, known = asked.messages, dict[str, Outcome]()
    outcomes: list[Outcome] = []
    for turn in range(1 + AGAIN):
        answer = assistant.ask(messages, sent)
        used.take(answer)
        outcomes = _outcomes(bench, asked, blocks(answer.text, asked.function.name), f"{assistant.name}", known)
        best = fastest([each.judged for each in outcomes if each.judged is not None])
        if best is not None:
            return best
        if turn < AGAIN:
            said = prompt.again([asked.redaction.text(each.told) for each in outcomes], asked.name)
            messages += [
                {"role": "assistant", "content": answer.text[:LONGEST]},
                {"role": "user", "content": said},
            ]
    return f"none of {len(known)} candidates in {1 + AGAIN} answers repairs it: {outcomes[-1].why}"


def fastest(some: Sequence[Judged]) -> Judged | None:
    """Return the candidate that is the same and the fastest; None where none was shown to be faster."""
    better = {each.verdict.speed.ratio: each for each in some if each.verdict.speed is not None and repairs(each)}
    return better[min(better)] if better else None


def repairs(made: Judged) -> bool:
    """Tell whether a candidate is a repair: the same, and faster, as only that is measured of it."""
    return made.repairs and made.verdict.speed is not None and made.verdict.speed.verdict == "faster"


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
        text = taken(bench.root, asked.source, asked.function, asked.redaction.restored(block))
    except (NotTakenError, ValueError, UnplacedError, SyntaxError) as error:
        return Outcome(f"a candidate is not taken: {error}", f"it is not taken: {error}.")
    recipe = _recipe(asked.finding)
    before, after = asked.file(asked.source.text), asked.file(text)
    candidate = Candidate(
        asked.finding, recipe, f"rewritten by {by}", asked.name, before, after, asked.source.path, asked.source.path
    )
    made = _judged(bench, candidate)
    verdict = made.verdict
    if verdict.word != "same":
        told = f"{verdict.word}: {verdict.reason}."
        if (example := verdict.counterexample) is not None:
            call, before, after = (prompt.shortened(example[name]) for name in ("call", "before", "after"))
            told = f"it differs: {verdict.reason}. The call: {call}\n  before: {before}\n  after: {after}"
        return Outcome(f"a candidate is {verdict.word}: {verdict.reason}".replace("is differs", "differs"), told)
    if not repairs(made):
        pace = verdict.speed
        said = "it was not timed" if pace is None else f"{pace.ratio:.2f} times as long at size {pace.n:,}"
        return Outcome(f"a candidate is the same, and not faster: {said}", f"it is the same, and not faster: {said}.")
    return Outcome("", "", made)


def _judged(bench: Bench, candidate: Candidate) -> Judged:
    try:
        return bench.repairer.judged(candidate)
    except GuestError as error:
        raise NotAskedError(f"its function cannot be run: {error}") from error


def _recipe(finding: Finding) -> Recipe:
    """Return what stands for a recipe: what a repair of the rule improves. No difference is allowed."""
    rule = rules.load().get(finding.rule)
    spends = rule.spends if rule is not None else ()
    improves = tuple(dict.fromkeys(IMPROVES[each] for each in spends if each in IMPROVES))
    return Recipe(finding.rule, improves, lambda _source, _finding: iter(()))


def _source(root: Path, finding: Finding) -> tuple[Source, str]:
    """Return a finding's file, each line ending with a newline alone, and how they end in the file."""
    path = root / finding.place.path
    if path.is_symlink() or path.suffix != ".py" or not path.is_file() or path.stat().st_size > patches.LARGEST:
        raise NotAskedError("its file is not one that is patched")
    try:
        text = path.read_bytes().decode("utf8")
        ends = "\r\n" if "\r\n" in text else "\n"
        lines = text.split(ends)
        if any("\r" in line or "\n" in line for line in lines):
            raise NotAskedError("the lines of its file do not all end alike")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Source(finding.place.path, "\n".join(lines)), ends
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotAskedError("its file cannot be read as Python in UTF-8") from error


def counted(used: Used, most: int) -> Callable[[], None]:
    """Return what counts each request, and raises AssistantError where no more may be sent."""

    def sent() -> None:
        if used.requests >= most:
            raise AssistantError(f"All {most:,} requests are used up; --ai-requests allows more.", ends=True)
        used.requests += 1

    return sent
