"""The judge: inputs for both versions, what they come to, the smallest difference, which is faster and needs less."""

import itertools
import json
import random
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from perfwright.fix.judge import (
    asked,
    built,
    differences,
    framed,
    memory,
    pace,
    parts,
    patterns,
    readings,
    refusals,
    variants,
    waiting,
)
from perfwright.fix.judge.differences import Difference
from perfwright.fix.judge.pages import FIRST, NEW, Pages, without_new
from perfwright.fix.judge.shrinking import smallest
from perfwright.fix.judge.sides import CALL, SEEDS, Side, Sides
from perfwright.fix.judge.sites import Variant
from perfwright.fix.judge.tests import ProjectTests
from perfwright.fix.judge.trees import Tree, call
from perfwright.fix.judge.verdict import Verdict
from perfwright.measure import recording
from perfwright.measure.run import GuestError

SMALL = (3, 1, 2, 5, 0, 8, 17)
SPREADS = ("random", "few", "sorted", "reversed", "equal")
MOST, SECONDS = 560, 8.0  # trials, and seconds for them
ENOUGH, AT_LONGEST = 320, 20.0  # the same on a busy computer, or where calls take long
OTHER_SEED = 80  # of the trials, with another seed for the hashes of text
TIMED = (16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144)
LARGEST, LONGEST = 100_000, 0.1  # size that is timed where none is stated, and seconds of a call of the first version
READING = 0.1  # seconds of a call with arguments of another shape
MAKING = 0.5  # seconds in which what a call is given is made and told, after which there are no larger ones
PAGED = 4_096  # the same where lists may be cut to a page: all of them are told whole
PATIENCE = 20  # times as long as the first version
SOME = (0, 6)  # inputs, of three items and of two, that have what is asked for by `get`, too
SPELLED = (2, 7)  # inputs whose arguments with a default are given, too: the third is looked around
RECORDED = 3  # recorded calls that are looked around
REACHED = 0.5  # of the lines of a version: with fewer nothing is shown


@dataclass(slots=True)
class _Case:
    """What is known of one judgement while it goes on."""

    sides: Sides
    allowed: tuple[str, ...]
    parameters: list[Any]
    constants: list[Tree]
    pick: random.Random
    began: float
    recorded: list[Tree]
    builds: bool = False  # each side builds for itself what cannot be copied
    waits: bool = False  # what a call waits for is measured
    parts: bool = False  # what was changed is timed alone where a call tells nothing
    seen: set[str] = field(default_factory=set)
    ran: dict[str, set[int]] = field(default_factory=lambda: {"before": set(), "after": set()})
    inputs: int = 0
    unstable: int = 0
    kept: list[Variant] = field(default_factory=list)  # compared, and alike
    raises: set[str] = field(default_factory=set)  # what the first version ends in, as far as it never comes back
    comes_back: bool = False
    state: dict[str, str] = field(default_factory=dict)  # of names that only the second version has
    keeps: str = ""
    caught: list[str] = field(default_factory=list)  # errors that the sources expect
    keys: list[asked.Key] = field(default_factory=list)  # that records and frames need
    needed: set[str] = field(default_factory=set)  # the same, with those that inputs are made with
    pages: Pages | None = None  # what is known of first pages, where they are allowed
    frames: frozenset[str] = frozenset()  # parameters that are frames, of which no annotation says so

    @property
    def goes_on(self) -> bool:
        """Tell whether there is time for more trials."""
        took = time.monotonic() - self.began
        return self.inputs < MOST and took < (SECONDS if self.inputs >= ENOUGH else AT_LONGEST)

    @property
    def near(self) -> tuple[list[Any], list[Tree], random.Random, list[str]]:
        """Return what says which inputs are near to one."""
        return self.parameters, self.constants, self.pick, self.caught

    def framed(self, args: Tree | None, n: int) -> Tree | None:
        """Return arguments of a size, with frames for what the function takes for one; None where there are none."""
        return framed.given(args, self.parameters, self.frames, n)


def judge(
    sides: Sides,
    *,
    allowed: Sequence[str] = (),
    size: int | None = None,
    seed: int | None = None,
    tests: ProjectTests | None = None,
    builds: bool = False,
    waits: bool = False,
    parts: bool = False,
) -> Verdict:
    """Return whether two versions of a function behave the same, which is faster, and which needs less memory.

    The project's `tests` that reach it give inputs, and have to pass as before. Where what makes inputs is the same in
    both, each side `builds` for itself what cannot be copied: a client, a lock. What a call `waits` for is measured
    where that is asked for, and the `parts` that were changed alone, where the time of a call tells nothing.

    Raises GuestError where the first version cannot be loaded, and InputError for a path of tests that does not exist.
    """
    began = time.monotonic()
    drawn = secrets.randbits(32) if seed is None else seed
    found = _judged(sides, tuple(allowed), size, drawn, tests, builds=builds, waits=waits, parts=parts)
    return replace(found, allowed=tuple(allowed), seed=drawn, seconds=round(time.monotonic() - began, 2))


def _judged(
    sides: Sides,
    allowed: tuple[str, ...],
    size: int | None,
    seed: int,
    tests: ProjectTests | None,
    *,
    builds: bool,
    waits: bool,
    parts: bool,
) -> Verdict:
    sides.whole = bool(allowed)
    first = sides.side("before")
    try:
        second = sides.side("after")
    except GuestError as error:
        return Verdict("refused", f"the second version cannot be loaded: {error}")
    sources = first.source, second.source
    if why := refusals.refused(*sources, allowed):
        return Verdict("refused", why)
    one, other = (each.guest.ask({"ask": "describe"}, 20) for each in (first, second))
    if "parameters" not in one or "parameters" not in other:
        return Verdict(
            "not shown",
            f"the functions cannot be looked into: {one.get('raised') or other.get('raised') or 'no answer'}",
        )
    first.about, second.about = one, other
    if (otherwise := _signatures(one, other, allowed)) is not None:
        what, old, new = otherwise
        return Verdict("differs", what, {"call": "the signature", "before": old, "after": new})
    first.sends = second.sends = refusals.takes_what_is_sent(first.source)
    recorded = tests.record_of(sides) if tests is not None else []
    maker, chosen = first, first.guest.choose(3.0)
    if tests is not None and recorded and _failed(chosen):
        maker = sides.side("maker")
        chosen = recording.choose(maker.guest, maker.known, maker.version.function, tests.suite, seconds=3.0).said
    sides.plan.update(chosen.get("plan") or {})
    constants = refusals.constants(*sources)
    began = time.monotonic()
    pick = random.Random(seed)
    constants = [*patterns.matching(sources, pick), *constants]
    case = _Case(sides, allowed, one["parameters"], constants, pick, began, recorded, builds, waits, parts)
    case.caught = refusals.caught(*sources)
    case.pages = Pages() if FIRST in allowed else None
    case.frames = framed.frames(first.source, first.version.function, one["parameters"])
    # Inputs at which the first version fails are inputs, too, as long as something can be given to it.
    verdict = built.judge(sides, allowed) if built.queries(first) else None
    verdict = verdict or _small(case, maker, _failed(chosen)) or _other_seed(case) or _sizes(case, maker, size)
    count = case.inputs or verdict.inputs
    if not count and not _failed(chosen):  # what it is called with cannot be copied, but made on both sides
        verdict = built.judge(sides, allowed) or verdict
        count = verdict.inputs
    if case.pages is not None and case.inputs and verdict.word == "same":
        unshown, told = case.pages.unshown, case.pages.told
        verdict = Verdict("not shown", unshown) if unshown else replace(verdict, notes=(told, *verdict.notes))
    if tests is not None:
        verdict = tests.confirmed(verdict, sides.versions["before"].root, sides.versions["after"].root)
    source = "; ".join(filter(None, (str(chosen.get("input", "")), tests.source if tests is not None else "")))
    return replace(verdict, inputs=count, source=source)


def _failed(chosen: dict[str, Any]) -> str:
    """Return why no way to make inputs was found; nothing where one was."""
    return str(chosen.get("failed") or chosen.get("ended") or "") or ("" if "plan" in chosen else "no answer")


def _signatures(one: dict[str, Any], other: dict[str, Any], allowed: Sequence[str]) -> tuple[str, str, str] | None:
    """Return how the signatures differ, each as text; None where they do not."""
    left, right = ([[*each[:4]] for each in side["parameters"]] for side in (one, other))
    known = without_new(left, right) if NEW in allowed else right
    if json.dumps(left) != json.dumps(known):
        shown = [
            ", ".join(f"{each[0]}{'=' + json.dumps(each[3]) if each[2] else ''}" for each in side)
            for side in (left, right)
        ]
        return "it is called otherwise", f"({shown[0]})", f"({shown[1]})"
    if one["kind"] != other["kind"]:
        said = [
            " ".join(each["kind"]).replace("is", "").replace("function", "") or "a plain function"
            for each in (one, other)
        ]
        return "it is another kind of function", said[0], said[1]
    return None


# ------------------------------------------------------------------------------ small inputs
def _small(case: _Case, first: Side, failed: str) -> Verdict | None:
    """Compare both versions on small inputs; return the verdict where that is enough for one."""
    bases, why = _bases(case, first, failed)
    bases = _completed(case, bases)
    made = len(bases)
    bases += case.recorded
    unsaid = bool(failed) and any(each[4] == ["any"] for each in case.parameters)  # it may take nothing of the kind
    verdict = _compared(case, [Variant(each, unsaid) for each in bases])
    if verdict is not None:
        return verdict
    others = _read_otherwise(case, bases)
    if not bases and not others:
        return Verdict("not shown", f"the inputs cannot be given to both versions: {why}")
    verdict = _compared(case, [Variant(each, beyond=True) for each in others])
    if verdict is not None:
        return verdict
    named = variants.by_name((bases or others)[0], case.parameters)
    if named is not None and (verdict := _compared(case, [Variant(named)])) is not None:
        return verdict
    if not case.kept and case.unstable:
        return Verdict("not shown", "the first version does not do the same twice with the same input")
    places = {0, min(2, max(made - 1, 0)) if not others else 0, *range(made, min(made + RECORDED, len(bases)))}
    origins = [bases[place] for place in sorted(places) if place < len(bases)]
    queues = [variants.variants(each, *case.near) for each in origins]
    queues += [(Variant(each.args, True) for each in variants.variants(other, *case.near)) for other in others]
    while queues and case.goes_on:
        for queue in list(queues):
            some = list(itertools.islice(queue, 25))
            if not some:
                queues.remove(queue)
                continue
            reached = {name: set(lines) for name, lines in case.ran.items()}
            verdict = _compared(case, some)
            if verdict is not None:
                return verdict
            if case.ran != reached and len(queues) < 6:  # what reaches other lines is worth looking around
                newest = case.kept[-1].args if case.kept else (origins or others)[0]
                queues.append(variants.variants(newest, *case.near))
    return None


def _bases(case: _Case, first: Side, failed: str) -> tuple[list[Tree], str]:
    """Return small inputs as they are made, and why there are none."""
    bases: list[Tree] = []
    why = failed
    for n in (*SMALL, case.pick.randrange(20, 40)):
        for spread in SPREADS if n > 2 else SPREADS[:1]:
            said = first.guest.ask({"ask": "call", "n": n, "distribution": spread, "builds": case.builds}, 10)
            if (args := case.framed(said.get("args"), n)) is not None:
                bases.append(args)
            elif n == SMALL[0]:
                why = str(said.get("cannot") or said.get("raised") or said.get("ended") or why)
    return bases, why


def _read_otherwise(case: _Case, bases: Sequence[Tree]) -> list[Tree]:
    """Return arguments of other shapes for parameters of which nobody says what they are; none where the inputs reach
    all lines."""
    side = case.sides.side("before")
    if case.frames or side.about.get("instance") or set(side.about["lines"]) <= case.ran["before"]:
        return []
    sources = [case.sides.side(name).source for name in ("before", "after")]

    def observe(trials: list[Tree]) -> list[Any]:
        return side.observe(trials, seconds=READING, again=False, trace=True)

    found = readings.readings(bases[0] if bases else None, case.parameters, sources, observe, case.pick)
    case.needed |= {key for each in found for key in asked.held(each)}
    return found


def _completed(case: _Case, bases: list[Tree]) -> list[Tree]:
    """Return inputs whose records and frames have what the first version asks them for, and two as they were."""
    if not bases:
        return []
    bases = [variants.spelled(each, case.parameters) if place in SPELLED else each for place, each in enumerate(bases)]
    side = case.sides.side("before")
    case.keys = asked.asked(bases[0], lambda args: side.observe([args], again=False)[0])
    case.needed = {name for name, _ in case.keys} | asked.held(bases[0])
    made = [*(asked.given(each, case.keys) for each in bases), *bases[:2]] if case.keys else bases
    more = asked.optional(bases[0], *(case.sides.side(name).source for name in ("before", "after")))
    if not more:
        return made
    with_more = [asked.given(bases[place], [*case.keys, *more]) for place in SOME if place < len(bases)]
    return [with_more[-1], made[0], *with_more[:-1], *made[1:]]  # the first and the third are looked around


def _compared(case: _Case, some: Sequence[Variant]) -> Verdict | None:
    """Compare both versions on some inputs; return the verdict where they differ."""
    fresh = []
    for each in some:
        text = json.dumps(each.args)
        if text not in case.seen:
            case.seen.add(text)
            fresh.append(each)
    trials = [each.args for each in fresh]
    left = case.sides.side("before").observe(trials, trace=True)
    right = case.sides.side("after").observe(trials, trace=True)
    for variant, before, after in zip(fresh, left, right, strict=True):
        if "ended" in before or "unmade" in before or before["calls"][0]["outcome"][0] == "late":
            continue  # it says nothing of the first version
        case.ran["before"].update(before["lines"])
        if "lines" in after:
            case.ran["after"].update(after["lines"])
        case.inputs += 1
        outcome = before["calls"][0]["outcome"]
        case.comes_back |= outcome[0] != "raised"
        case.raises.update(outcome[1:2] if outcome[0] == "raised" else ())
        found = _difference(case, before, after, variant)
        if found is None:
            case.kept.append(variant)
            if (kept := _keeps(case, after)) and "cache" not in case.allowed:
                return Verdict(
                    "refused", f"`{kept}` lives on after the call and grows, which nobody asked for (--allow cache)"
                )
            continue
        verdict = _confirmed(case, variant, found)
        if verdict is not None:
            return verdict
    return None


def _difference(case: _Case, before: Any, after: Any, variant: Variant) -> Difference | None:
    if "ended" in after:
        return Difference("it ends its process", "it comes back", after["ended"])
    if asked.misses(variant.args, before, after, case.needed):
        return None
    return differences.difference(before, after, case.allowed, beyond=variant.beyond, pages=case.pages)


def _keeps(case: _Case, after: Any) -> str:
    """Return the name of a state that only the second version has and that calls change; nothing where none is."""
    if "calls" not in after:
        return ""
    own = set(case.sides.side("before").about["state"])
    for one in after["calls"]:
        for name, tree in one["state"].items():
            if name in own:
                continue
            text = json.dumps(tree)
            if case.state.setdefault(name, text) != text:
                return str(name)
    return ""


def _confirmed(case: _Case, variant: Variant, found: Difference) -> Verdict | None:
    """Return the verdict on a difference, with the smallest input that shows it; None where the first version itself
    does not do the same twice."""
    again = [case.sides.anew("before").observe([variant.args])[0] for _ in range(2)]
    case.sides.anew("after")
    if any("calls" not in each for each in again) or differences.unstable(*again) is not None:
        case.unstable += 1
        case.sides.anew("before")
        return None

    def differs(args: Tree) -> Difference | None:
        left, right = (case.sides.side(name).observe([args])[0] for name in ("before", "after"))
        return None if "calls" not in left else _difference(case, left, right, Variant(args, variant.beyond))

    case.sides.anew("before")
    alone = differs(variant.args)
    args, seen = (variant.args, found) if alone is None else smallest(variant.args, alone, differs)
    note = "" if alone is not None else ", after other calls"
    example = {"call": call(case.sides.versions["before"].function, args), "before": seen.before, "after": seen.after}
    return Verdict("differs", seen.what + note, example, args)


def _other_seed(case: _Case) -> Verdict | None:
    """Compare both versions once more, with other hashes of text; and say where nothing was shown."""
    compared = case.kept
    if not compared:
        return Verdict(
            "not shown",
            "the first version does not do the same twice" if case.unstable else "no input could be compared",
        )
    if not case.comes_back:
        kinds = ", ".join(sorted(each.rpartition(":")[2] for each in case.raises)[:3])
        return Verdict("not shown", f"no input is answered: the first version raises {kinds} at each")
    for name in ("before", "after"):
        own = set(case.sides.side(name).about["lines"])
        share = len(own & case.ran[name]) / len(own) if own else 1.0
        if share < REACHED:
            return Verdict("not shown", f"the inputs reach {share:.0%} of the lines of the version {name}")
    step = max(len(compared) // OTHER_SEED, 1)
    some = compared[::step][:OTHER_SEED]
    left, right = (
        case.sides.side(name, SEEDS[1]).observe([each.args for each in some]) for name in ("before", "after")
    )
    for variant, before, after in zip(some, left, right, strict=True):
        if "calls" in before and (found := _difference(case, before, after, variant)) is not None:
            again = case.sides.anew("before", SEEDS[1]).observe([variant.args])[0]
            if "calls" not in again or differences.unstable(before, again) is not None:
                continue
            example = {
                "call": call(case.sides.versions["before"].function, variant.args),
                "before": found.before,
                "after": found.after,
            }
            return Verdict("differs", f"{found.what} (with PYTHONHASHSEED={SEEDS[1]})", example, variant.args)
    return None


# ------------------------------------------------------------------------------ sizes and speed
def _sizes(case: _Case, first: Side, stated: int | None) -> Verdict:
    """Compare both versions at the sizes that are timed, and measure their time and memory there."""
    sources = [case.sides.side(name).source for name in ("before", "after")]
    timed: list[tuple[int, Tree]] = []
    sizes: list[int] = []
    for n, args, took in _grown(case, first, stated or (LARGEST if case.pages is None else PAGED)):
        seconds = max(CALL, PATIENCE * took)
        verdict = _equal_at(case, n, args, seconds)
        if verdict is not None:
            return verdict
        sizes.append(n)
        timed.append((n, args))
    near = case.pages.near if case.pages is not None else []
    for n, spread in itertools.product([*refusals.sizes(*sources), *near], (*SPREADS[:2], SPREADS[-1])):
        said = first.guest.ask({"ask": "call", "n": n, "distribution": spread, "builds": case.builds}, 10)
        args = case.framed(said.get("args"), n)
        if args is None or (n in sizes and spread == SPREADS[0]):
            continue
        if (verdict := _equal_at(case, n, asked.given(args, case.keys), 2 * CALL)) is not None:
            return verdict
    chosen = timed if len(timed) < 4 else [timed[0], timed[len(timed) // 2], timed[-1]]
    found = pace.compare(case.sides, chosen, seconds=PATIENCE * LONGEST)
    alone = None
    if case.parts and found is not None and found.verdict == "no evidence" and not found.worse:
        alone = parts.compare(case.sides, *chosen[-1], found, seconds=PATIENCE * LONGEST)
    held = memory.compare(case.sides, chosen, seconds=PATIENCE * LONGEST)
    notes = [f"{case.unstable} inputs left out: the first version does not do the same twice"] if case.unstable else []
    waited = waiting.compare(case.sides, builds=case.builds) if case.waits else None
    return Verdict(
        "same", "", sizes=tuple(sizes), speed=found, memory=held, waits=waited, notes=tuple(notes), part=alone
    )


def _grown(case: _Case, first: Side, largest: int) -> Iterator[tuple[int, Tree, float]]:
    """Give arguments by growing size, each with the seconds that the first version takes, until a call, or to make
    what it is given, takes long."""
    sizes = [n for n in TIMED if n < largest]
    for n in [*sizes, largest]:
        began = time.monotonic()
        said = first.guest.ask({"ask": "call", "n": n, "distribution": "random", "builds": case.builds}, 20)
        args = case.framed(said.get("args"), n)
        if args is None:
            return
        args = asked.given(args, case.keys)
        made = time.monotonic() - began
        timed = first.pace(args, 8 * LONGEST)
        took = timed.get("cpu")
        if took is None:
            return
        yield n, args, took
        if took > LONGEST or timed["wall"] > LONGEST or made > MAKING:
            return


def _equal_at(case: _Case, n: int, args: Tree, seconds: float) -> Verdict | None:
    left, right = (
        case.sides.side(name).observe([args], seconds=seconds, again=False)[0] for name in ("before", "after")
    )
    if "calls" not in left:
        return None
    case.inputs += 1
    found = _difference(case, left, right, Variant(args))
    if found is None:
        return None
    again = case.sides.anew("before").observe([args], seconds=seconds, again=False)[0]
    if "calls" not in again or differences.unstable(left, again) is not None:
        case.unstable += 1
        return None
    example = {"call": call(case.sides.versions["before"].function, args), "before": found.before, "after": found.after}
    return Verdict("differs", f"{found.what} at size {n:,}", example, args)
