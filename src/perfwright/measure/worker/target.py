"""The function to measure, and the ways in which its arguments can be made."""

import inspect
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import examples, marks, recorded, usage  # type: ignore[import-not-found,unused-ignore]
from .apps import _databases as databases  # type: ignore[import-not-found,unused-ignore]
from .inputs import Builder, is_container  # type: ignore[import-not-found,unused-ignore]
from .instances import CannotBuildError  # type: ignore[import-not-found,unused-ignore]
from .kinds import Filled, Fixed, Instance, Size, Wrapped, code_of, said  # type: ignore[import-not-found,unused-ignore]

Call = tuple[tuple[Any, ...], dict[str, Any]]

STILL = 64  # size of what does not grow, while another part does


class Target:
    """The function to measure, found in a module; `source` makes its arguments once one is chosen."""

    def __init__(self, module: Any, name: str, others: Sequence[Any] = ()) -> None:
        owner: Any = None
        found: Any = module
        for part in name.split("."):
            owner, found = found, getattr(found, part)
        self.module, self.function, self.name = module, found, name
        self.owner = owner if inspect.isclass(owner) else None
        self.builder = next(filter(None, map(self._builder, (module, *others))), None)
        self.signature = inspect.signature(found)
        self.unread = ""  # why its annotations could not be read
        try:
            self.hints = typing.get_type_hints(found)
        except Exception as error:  # evaluating them is running the user's code
            self.hints, self.unread = {}, f"; the annotations cannot be read: {type(error).__name__}: {error}"
        self.needs_instance = self.owner is not None and not isinstance(
            inspect.getattr_static(self.owner, name.rpartition(".")[2]), (staticmethod, classmethod)
        )
        self.source: Any = None
        self.recordings: list[Any] = []  # what the project's tests called it with
        self.endless = False  # it gives an iterator that never ends

    def _builder(self, module: Any) -> Callable[[int], Any] | None:
        for each in list(vars(module).values()):
            builds = getattr(each, marks.BUILDS, None)
            if builds is self.function or (isinstance(builds, str) and builds.rpartition(":")[2] == self.name):
                return each  # type: ignore[no-any-return]
        return None

    def is_this(self, called: Any) -> bool:
        """Tell whether a function that somebody calls is the one to measure."""
        called = getattr(called, "__func__", called)
        function = getattr(self.function, "__func__", self.function)
        if called is function:
            return True
        code = usage.code_of(function)
        return code is not None and usage.code_of(called) is code

    def call(self, n: int, distribution: str, alone: str = "") -> Call:
        """Return the arguments of one call at a size; only one part of them grows, where one is named."""
        source: Any = self.source or (FromBuilder(self.builder) if self.builder is not None else FromAnnotations(self))
        made: Call = source.call(n, distribution, alone) if alone else source.call(n, distribution)
        return made

    def parameters(self) -> list[inspect.Parameter]:
        """Return the parameters that a call needs to be given; the instance of a method is not one."""
        every = list(self.signature.parameters.values())[1 if self.needs_instance else 0 :]
        some = [each for each in every if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
        needed = [each for each in some if each.default is each.empty or is_container(self.hints.get(each.name))]
        several = [each for each in every if each.kind is each.VAR_POSITIONAL]
        return needed or several or [each for each in some if each.kind is not each.KEYWORD_ONLY][:1]


class FromBuilder:
    """Arguments that the user's builder makes."""

    plan: typing.ClassVar[dict[str, Any]] = {"from": "builder"}
    said = "by your builder"
    parts: typing.ClassVar[list[str]] = []

    def __init__(self, builder: Callable[[int], Any]) -> None:
        self.builder = builder

    def call(self, n: int, _: str) -> Call:
        """Return the arguments of one call at a size."""
        made = self.builder(n)
        return ((), dict(made)) if isinstance(made, dict) else (made if isinstance(made, tuple) else (made,), {})


class FromAnnotations:
    """Arguments of the types that are written down."""

    plan: typing.ClassVar[dict[str, Any]] = {"from": "annotations"}

    def __init__(self, target: Target) -> None:
        self.target = target

    @property
    def said(self) -> str:
        """Say where the input comes from."""
        return "from the annotations" + (f"; all of {', '.join(self.parts)} grow" if len(self.parts) > 1 else "")

    @property
    def parts(self) -> list[str]:
        """Return the parameters that grow."""
        return [each.name for each in self.target.parameters() if is_container(self.target.hints.get(each.name))]

    def call(self, n: int, distribution: str, alone: str = "") -> Call:
        """Return the arguments of one call at a size, where only one part grows if one is named."""
        target, builder = self.target, Builder(n, distribution)
        instance = [builder.instance(target.owner, n, 0)] if target.needs_instance else []
        asked = [
            each
            for each in list(target.signature.parameters.values())[1 if target.needs_instance else 0 :]
            if (each.default is each.empty or is_container(target.hints.get(each.name)))
            and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        ]
        no_container = not any(is_container(target.hints.get(each.name)) for each in asked)
        if not asked and target.parameters():
            raise CannotBuildError("none of its parameters has to be given")
        given: dict[str, Any] = {}
        for each in asked:
            if each.name not in target.hints:
                raise CannotBuildError(f"parameter {each.name} has no annotation{target.unread}")
            try:
                size = n if alone in ("", each.name) else STILL
                given[each.name] = builder.value(target.hints[each.name], size, grows=no_container)
            except CannotBuildError as error:
                raise CannotBuildError(f"parameter {each.name}: {error}") from error
        given = databases.with_keys(given, distribution)
        named = {each.name: given[each.name] for each in asked if each.kind is each.KEYWORD_ONLY}
        positional = [given[each.name] for each in asked if each.name not in named and each.default is each.empty]
        return (*instance, *positional), named


class FromUse:
    """Arguments of the kinds that the body asks for."""

    def __init__(self, target: Target, kinds: dict[str, Any], instance: Any, plan: dict[str, Any]) -> None:
        self.target, self.kinds, self.instance, self.plan = target, kinds, instance, plan

    @property
    def said(self) -> str:
        """Say where the input comes from."""
        kinds = ", ".join(f"{name} is {said(kind)}" for name, kind in self.kinds.items())
        return f"from the body: {kinds}{self.target.unread}"

    @property
    def parts(self) -> list[str]:
        """Return the parameters that grow."""
        return [name for name, kind in self.kinds.items() if isinstance(kind, Filled) or is_container(kind)]

    def call(self, n: int, distribution: str, alone: str = "") -> Call:
        """Return the arguments of one call at a size, where only one part grows if one is named."""
        builder = Builder(n, distribution)
        positional: list[Any] = []
        named: dict[str, Any] = {}
        if self.instance is not None:
            positional.append(builder.value(self.instance, n))
        for each in self.target.parameters():
            kind = self.kinds[each.name]
            grows = not any(is_container(other) for other in self.kinds.values())
            value = builder.value(kind, n if alone in ("", each.name) else STILL, grows=grows)
            if each.kind is each.KEYWORD_ONLY:
                named[each.name] = value
            else:
                positional.append(value)
                if each.kind is each.VAR_POSITIONAL:
                    positional.append(builder.value(kind, n, grows=grows))
        return tuple(positional), named


class Uses:
    """The kinds that each parameter may be, and where the search stands."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.parameters = target.parameters()
        function = target.function
        known = usage.facts(function)
        self.classes = usage.classes(function)
        self.kinds: dict[str, list[Any]] = {}
        for each in self.parameters:
            default = None if each.default is each.empty else each.default
            annotated = [target.hints[each.name]] if each.name in target.hints else []
            self.kinds[each.name] = annotated + usage.candidates(known.get(each.name), each.name, self.classes, default)
        sizes = [name for name, kinds in self.kinds.items() if isinstance(kinds[0], Size)]
        for name in sizes[1:]:  # one number is the size; what else is a number is small, till it proves to be wrong
            kinds = self.kinds[name]
            small = next((place for place, kind in enumerate(kinds) if isinstance(kind, Fixed)), 0)
            kinds.insert(0, kinds.pop(small))
        self.instances = list(_instances(target)) if target.needs_instance else [None]

    def source(self, plan: dict[str, Any]) -> FromUse:
        """Return the arguments that a plan stands for: the place of each parameter's kind in its list."""
        chosen = {name: kinds[plan["kinds"][name]] for name, kinds in self.kinds.items()}
        fixed = [name for name, kind in chosen.items() if isinstance(kind, Fixed) and type(kind.value) is int]
        if fixed and len(fixed) == len(chosen):
            chosen[fixed[0]] = Size()
        return FromUse(self.target, chosen, self.instances[plan["instance"]], {"from": "use", **plan})

    @property
    def first(self) -> dict[str, Any]:
        """Return the plan to begin with."""
        return {"kinds": dict.fromkeys(self.kinds, 0), "instance": 0}

    def stub(self) -> str:
        """Return the builder that the user would write, filled in with what is known."""
        name = self.target.name.rpartition(".")[2]
        values = ", ".join(code_of(kinds[0]) for kinds in self.kinds.values())
        names = ", ".join(self.kinds)
        return (
            f"@perfwright.inputs({self.target.name})\n"
            f"def inputs_of_{name}(n: int):\n"
            f"    return ({values}{',' if len(self.kinds) == 1 else ''})  # {names}"
        )


def _instances(target: Target) -> Iterator[Any]:
    """Give the ways to build the instance of a method's class: filled, from annotations, from its own body."""

    owner = target.owner
    assert owner is not None
    if owner in usage.classes(target.function):
        yield Filled(owner, linked=True)
    for base, inner in ((dict, dict[str, int]), (list, list[int]), (set, set[int]), (str, str), (frozenset, set[int])):
        if issubclass(owner, base):
            yield Wrapped(owner, inner)
    yield owner
    init = owner.__dict__.get("__init__") or getattr(owner, "__init__", None)
    try:
        parameters = list(inspect.signature(owner).parameters.values())
    except (TypeError, ValueError):
        return
    needed = [
        each
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    known = usage.facts(init) if inspect.isfunction(init) else {}
    lists = {
        each.name: usage.candidates(known.get(each.name), each.name, usage.classes(target.function)) for each in needed
    }
    for place in range(4):
        yield Instance(owner, {name: kinds[min(place, len(kinds) - 1)] for name, kinds in lists.items()})


def shown(target: Target) -> Iterator[tuple[dict[str, Any], Any]]:
    """Give the sources that the docstrings show, each with its plan."""
    short = target.name.rpartition(".")[2]
    texts = [inspect.getdoc(target.function), inspect.getdoc(target.owner) if target.owner is not None else None]
    own = getattr(inspect.unwrap(target.function), "__globals__", {})
    around = {**own, **vars(target.module), "__name__": "__example__"}
    for place, text in enumerate(texts):
        if not text or ">>>" not in text:
            continue
        for number, example in enumerate(examples.shown(text, around, target.is_this, short)):
            for attempt, source in enumerate(examples.attempts(example)):
                source.plan = {"from": "example", "text": place, "example": number, "attempt": attempt}
                yield source.plan, source


def replayed(target: Target) -> Iterator[tuple[dict[str, Any], Any]]:
    """Give the sources that were recorded from the project's tests, each with its plan."""
    for made in target.recordings:
        for attempt, source in enumerate(recorded.attempts(made.test, made.calls)):
            source.plan = {"from": "recorded", "question": made.place, "attempt": attempt}
            yield source.plan, source
