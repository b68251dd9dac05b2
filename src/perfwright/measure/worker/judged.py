"""What the judge asks of one version: what it takes, what it does, how long that takes and how much it holds."""

import collections.abc
import functools
import inspect
import itertools
import random
import time
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

from . import arrays, built, memory, network, observe, part, search, surroundings, timing, waits  # type: ignore[import-not-found,unused-ignore]
from .inputs import LISTS, MAPPINGS, SETS, plain  # type: ignore[import-not-found,unused-ignore]
from .instances import CannotBuildError  # type: ignore[import-not-found,unused-ignore]
from .kinds import Function, Items, Record  # type: ignore[import-not-found,unused-ignore]
from .scratch import Scratch  # type: ignore[import-not-found,unused-ignore]
from .target import FromAnnotations, Uses  # type: ignore[import-not-found,unused-ignore]
from .trees import CannotWriteError, Maker, Scribe  # type: ignore[import-not-found,unused-ignore]

ASKS = ("describe", "call", "observe", "pace", "part", "memory", "waits")
DEEPEST = 4
BATCH, LONG = 0.003, 0.02  # seconds of a batch, and from which one batch is enough
REPEATS, MOST = 3, 20_000
MADE = 8  # times that arguments are made, at most
PEAKS = 2  # calls whose memory is looked at
TRIES, FEW, TRIAL, LIMIT = 12, 3, 0.3, 100  # kinds of each parameter, seconds of a call, items of what it gives
# What no use tells: records, whose keys the errors name; pairs; functions.
LAST = (Items(Record({}, keys=True)), list[tuple[int, int]], Items(Function("the first argument")))
SCALARS = {int: "int", float: "float", str: "str", bytes: "bytes", bool: "bool", complex: "complex"}


@functools.cache
def scratch() -> Any:
    """Return the folder that may be written to: first asked for before the function was ever called."""
    return Scratch()


def answer(target: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one question of the judge."""
    scratch()
    if asked["ask"] == "describe":
        return describe(target)
    if asked["ask"] == "call":
        return call(target, asked["n"], asked["distribution"], builds=asked.get("builds", False))
    if target.source is None and asked.get("plan"):  # this side builds what cannot be copied, as the other does
        target.source = search.restored(target, asked["plan"])
    if asked["ask"] == "waits":
        return waits.waits(target, lambda: made(target, asked["args"]), asked["seconds"])  # type: ignore[no-any-return,unused-ignore]
    if asked["ask"] == "observe":
        longest = observe.WHOLE if asked["whole"] else observe.LONG
        return {"records": [observed(target, trial, longest, traced=asked["trace"]) for trial in asked["trials"]]}
    if asked["ask"] == "part":
        return of_part(target, asked)
    return pace(target, asked) if asked["ask"] == "pace" else held(target, asked)


def describe(target: Any) -> dict[str, Any]:
    """Return the parameters of a function with their defaults and domains, what it is, and what its module caches."""
    scribe = Scribe(target.module.__name__)
    function = inspect.unwrap(target.function)
    parameters: list[Any] = []
    for each in target.signature.parameters.values():
        default = scribe.write(each.default) if each.default is not each.empty else None
        has = each.default is not each.empty
        hint = target.hints.get(each.name)
        if not parameters and target.needs_instance:
            hint = target.owner
        parameters.append([each.name, each.kind.name, has, default, domain(hint)])
    kinds = ("iscoroutinefunction", "isgeneratorfunction", "isasyncgenfunction")
    caches = sorted(
        name for name, value in vars(target.module).items() if isinstance(value, functools._lru_cache_wrapper)
    )
    return {
        "parameters": parameters,
        "kind": [name for name in kinds if getattr(inspect, name)(function)],
        "caches": caches,
        "state": sorted(surroundings.state(target, scribe)),
        "instance": target.needs_instance,
        "databases": built.may_query(target),
        "bound": inspect.ismethod(target.function),
        "lines": sorted(int(each.rpartition(":")[2]) for each in search.own_lines(target.function)),
    }


def domain(kind: Any, depth: int = 0) -> Any:
    """Return what an annotation allows, as a list: its name, then what it holds; "any" where nothing is said."""
    if kind is None or depth > DEEPEST:
        return ["any"]
    kind = plain(kind)
    origin, given = typing.get_origin(kind), typing.get_args(kind)
    base = origin or kind
    if base is collections.abc.Callable:
        return ["callable", *([domain(given[-1], depth + 1)] if given else [])]
    inner = [domain(each, depth + 1) for each in given if each is not Ellipsis]
    if origin in (typing.Union, types.UnionType):
        return ["union", *inner]
    if base is type(None):
        return ["none"]
    if base in SCALARS:
        return [SCALARS[base]]
    if base in (collections.abc.Iterator, collections.abc.Generator):
        return ["iterator", *(inner[:1] or [["any"]])]
    if base in (
        collections.abc.Iterable,
        collections.abc.Collection,
        collections.abc.Reversible,
        collections.abc.Sequence,
    ):
        return [base.__name__.lower(), *(inner or [["any"]])]
    if base in LISTS:
        return ["list", *(inner or [["any"]])]
    if base in SETS or base is frozenset:
        return ["set", *(inner or [["any"]])]
    if base is tuple:
        return ["tuple", *(inner or [["any"]])] if given and given[-1] is Ellipsis else ["fixed", *inner]
    if base in MAPPINGS or (isinstance(base, type) and issubclass(base, dict)):
        return ["dict", *(inner if len(inner) == 2 else [["any"], ["any"]])]
    if kind in (typing.Any, object, collections.abc.Hashable) or isinstance(kind, typing.TypeVar):
        return ["hashable"] if kind is collections.abc.Hashable else ["any"]
    return ["object", fields(base, depth + 1), subclasses(base)]


def subclasses(kind: Any) -> list[str]:
    """Return the names of the subclasses in a class's own module that are made as the class itself is."""
    if not isinstance(kind, type) or kind.__module__ == "builtins":
        return []
    try:
        below: list[type] = type.__subclasses__(kind)
        own = [each for each in below if each.__module__ == kind.__module__ and not inspect.isabstract(each)]
        return [each.__qualname__ for each in own if inspect.signature(each) == inspect.signature(kind)]
    except (TypeError, ValueError):  # one of them has no signature
        return []


def fields(kind: Any, depth: int) -> dict[str, Any]:
    """Return what the attributes of a class may be, as far as it says so itself, or its constructor does."""
    found: dict[str, Any] = {}
    for said in (getattr(kind, "__init__", None), kind):
        try:
            hints = typing.get_type_hints(said)
        except Exception:  # evaluating them is running the user's code
            continue
        found |= {name: domain(each, depth) for name, each in hints.items() if name != "return"}
    return found


def call(target: Any, n: int, distribution: str, *, builds: bool = False) -> dict[str, Any]:
    """Return the tree of the arguments of one call at a size; why there is none, where they cannot be copied.

    Where each side `builds` for itself what cannot be copied, the tree names the call that it is an argument of.
    """
    random.seed(n)
    if target.source is None and target.builder is None:
        target.source = failing(target)
    positional, named = target.call(n, distribution)
    scribe = Scribe(target.module.__name__, strict=True, most=5_000_000)

    def written(place: Any, value: Any) -> Any:
        known = dict(scribe.numbers), list(scribe.kept)
        try:
            return scribe.write(value)
        except CannotWriteError:
            if not builds:
                raise
            scribe.numbers, scribe.kept = known
            return ["made", n, distribution, place, scribe.name(type(value))]

    try:
        args = [
            [written(place, each) for place, each in enumerate(positional)],
            [[name, written(name, each)] for name, each in named.items()],
        ]
        return {"args": scratch().named(args)}
    except CannotWriteError as error:
        return {"cannot": str(error)}


def failing(target: Any) -> Any:
    """Return the source of arguments for a function that fails with all that was tried: the first at which it does not
    complain of types. None where its annotations say what it takes, or where there is none."""
    try:
        FromAnnotations(target).call(3, "random")
        return None
    except CannotBuildError:
        uses = Uses(target)
    for places in plans(uses):
        source = uses.source({"kinds": places, "instance": 0})
        try:
            positional, named = source.call(3, "random")
            with search.limited(TRIAL):
                timing.run(target.function, (positional, named), LIMIT)
        except (TypeError, AttributeError, CannotBuildError, search.LateError):
            continue  # not what it takes
        except Exception:  # it takes it, and refuses it: both versions have to
            pass
        return source
    return None


def plans(uses: Any) -> Iterator[dict[str, int]]:
    """Give the places of each parameter's kind to try: all alike, then each in turn one of the last."""
    lengths = {name: len(kinds) for name, kinds in uses.kinds.items()}
    most = max(lengths.values(), default=0)
    for place in range(min(most, TRIES)):
        yield {name: min(place, length - 1) for name, length in lengths.items()}
    for name, length in lengths.items():
        uses.kinds[name] = [*uses.kinds[name], *LAST]
        for last, place in itertools.product(range(len(LAST)), range(min(most, FEW))):
            yield {other: min(place, least - 1) for other, least in lengths.items()} | {name: length + last}


def observed(target: Any, trial: dict[str, Any], longest: int, *, traced: bool) -> dict[str, Any]:
    """Return what the calls of one trial come to, and the lines of the function's file that ran."""
    observer = observe.Observer(target, scratch(), longest)
    try:
        if not traced:
            return observer.trial(trial)
        made, lines = observe.traced(target.function, lambda: observer.trial(trial))
    except Exception as error:  # a class of the user's that cannot be made from its attributes
        return {"unmade": f"{type(error).__name__}: {error}"[:300]}
    return {**made, "lines": lines}


def pace(target: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the CPU seconds of one call with the arguments that a tree says: the least of a few batches.

    The first time for some arguments it looks how many calls make a batch, and whether a call changes what it is given
    (`fresh`: then each is made with new ones); what it found comes with the next questions.
    """

    def make() -> Any:
        return made(target, asked["args"])

    network.NETWORK.quick = False
    began = time.perf_counter()
    call = make()
    seconds = asked["seconds"] + MADE * (time.perf_counter() - began)  # the limit is for the calls, not their arguments
    with search.limited(seconds, 3 * seconds):
        fresh, calls = asked.get("fresh"), asked.get("calls")
        if calls is None:
            fresh = changes(target, make)
            took = max(timing._batch(target.function, [make()], None)[:2])
            calls = 1 if fresh else max(1, min(int(BATCH / max(took, 1e-8)), MOST))
        best = waited = float("inf")
        for _ in range(REPEATS):
            batch = [make()] if fresh else [call] * calls
            took, wall, _ = timing._batch(target.function, batch, None)
            best, waited = min(best, took / calls), min(waited, wall / calls)
            if wall > LONG:
                break
    return {"cpu": best, "wall": waited, "calls": calls, "fresh": fresh}


def of_part(target: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the seconds that some statements of a function of the module take in one call: the least of a few batches.

    Where calls change what they are given (`fresh`), each gets its own.
    """
    network.NETWORK.quick = False
    given = [made(target, asked["args"]) for _ in range(REPEATS if asked["fresh"] else 1)]
    with search.limited(asked["seconds"], 3 * asked["seconds"]):
        calls = asked["calls"]

        def batch() -> None:
            timing._batch(target.function, [given.pop()] if asked["fresh"] else given * calls, None)

        cpu, wall = part.timed(target.module, asked["place"], batch, REPEATS)
    return {"cpu": cpu / calls, "wall": wall / calls}


def changes(target: Any, make: Callable[[], Any]) -> bool:
    """Tell whether a call leaves its arguments other than they were, or files. A frame that only keeps what it worked
    out of its times is as it was."""
    if not timing.changes(target.function, make):
        return bool(scratch().left())
    call = make()
    given = [*call[0], *call[1].values()]
    tables = [each for each in given if arrays.library(type(each))]
    if not tables or not all(arrays.library(type(each)) or type(each) in (*SCALARS, type(None)) for each in given):
        return True

    def written() -> Any:
        return [Scribe(target.module.__name__, strict=True, most=5_000_000).write(each) for each in tables]

    try:
        before = written()
        timing.run(target.function, call, None)
        return bool(scratch().left()) or written() != before
    except CannotWriteError:
        return True


def held(target: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the most bytes that one call holds at once beside its arguments, until what it gives is walked to its end:
    the least of a few calls, for the first of them may fill what the interpreter keeps."""
    with search.limited(asked["seconds"], 3 * asked["seconds"]):
        return {"peak": min(memory.peak(target.function, made(target, asked["args"])) for _ in range(PEAKS))}


def made(target: Any, args: Any) -> Any:
    """Return the arguments of one call, made anew, with the files that they name as they were."""
    scratch().lay(args[2] if len(args) > 2 else [])
    maker = Maker(target.module, lambda *_: None, target.call)
    return tuple([maker.make(each) for each in args[0]]), {name: maker.make(each) for name, each in args[1]}
