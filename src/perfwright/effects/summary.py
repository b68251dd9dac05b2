"""What the rules read: one reading of one function, with its effects, loops, loads, look-ups and responses."""

from collections.abc import Callable, Iterable, Iterator

from perfwright.effects.entries import Entries
from perfwright.effects.frame import Event, Link, Loop
from perfwright.effects.interpret import Interpreter, Key
from perfwright.effects.library import Libraries
from perfwright.effects.observations import Lookup, Reading, Response
from perfwright.effects.scans import Scan
from perfwright.effects.schema import Model, Relation, Schema
from perfwright.effects.values import Load, Rows
from perfwright.finding import Confidence, Cost, Finding, Place, Step, Term
from perfwright.index.lower import column_of, line_of
from perfwright.index.project import Function, Module, Project

FAR = 4  # calls between a loop and its effect beyond which both must be sure


class Effect:
    """One effect as one function has it: the event, and the function whose loops multiply it."""

    __slots__ = ("event", "function")

    def __init__(self, event: Event, function: Function) -> None:
        self.event, self.function = event, function

    @property
    def loop(self) -> Loop | None:
        """Return the innermost loop that multiplies it."""
        return self.event.loops[-1] if self.event.loops else None

    @property
    def relation(self) -> Relation | None:
        """Return the lazy relation that it loads, where it is one."""
        return self.event.detail if isinstance(self.event.detail, Relation) else None

    @property
    def rows(self) -> Rows | None:
        """Return the query that it runs, where it is one that was built here."""
        return self.event.detail if isinstance(self.event.detail, Rows) else None

    @property
    def scan(self) -> Scan | None:
        return self.event.detail if isinstance(self.event.detail, Scan) else None

    @property
    def through(self) -> str:
        """Return the first call on the way where the effect is not in the function itself, else nothing."""
        return self.event.chain[0][2] if len(self.event.chain) > 1 else ""

    @property
    def what(self) -> str:
        """Return the expression in the function that leads to it."""
        return self.event.chain[0][2]


class Effects:
    """One function as one reading of it found it, for the rules.

    `function` is what was read, `entry` its label where a request, a task or a command enters there.
    """

    def __init__(self, reading: Reading, program: "Program") -> None:
        self.reading, self.program = reading, program
        self.function = reading.function
        self.entry = program.labels.get(reading.function, "")
        self._by_name: dict[str, list[Event]] = {}

    @property
    def project(self) -> Project:
        return self.program.project

    @property
    def decorators(self) -> frozenset[str]:
        """Return the names of the function's decorators: the last part as written, and resolved."""
        return self.program.decorators(self.function)

    @property
    def schema(self) -> Schema:
        return self.program.schema

    @property
    def libraries(self) -> Libraries:
        return self.program.libraries

    # ------------------------------------------------------------------------- reading
    def effects(self, *names: str) -> Iterator[Effect]:
        """Give every effect with one of the names."""
        for event in self._events(names):
            if not self._is_told_by_callers(event):
                yield Effect(event, self.function)

    def repeated(self, *names: str) -> Iterator[Effect]:
        """Give the effects that a loop of this function multiplies, and none further down."""
        for event in self._events(names):
            if event.loops and not event.multiplied and not self._is_told_by_callers(event):
                yield Effect(event, self.function)

    def _events(self, names: tuple[str, ...]) -> list[Event]:
        """Return the events with one of some names; by one name they are looked up, since most rules ask so."""
        if self.reading.seen.isdisjoint(names):
            return []
        if len(names) > 1:
            return [event for event in self.reading.events if event.effect in names]
        if not self._by_name:
            for event in self.reading.events:
                self._by_name.setdefault(event.effect, []).append(event)
        return self._by_name.get(names[0], [])

    def _is_told_by_callers(self, event: Event) -> bool:
        """Tell whether callers say more of the parameter that an event rests on than its annotation does."""
        return event.root is not None and not self.reading.met and self.function in self.program.called

    def repeated_at(self, *names: str) -> Iterator[list[Effect]]:
        """Give the repeated effects, those together that one call in a loop leads to.

        One call that leads to nine queries is one cause: the shortest chain comes first, one effect a
        symbol. Effects that the function has itself stand alone.
        """
        groups: dict[tuple[int, str], dict[str, Effect]] = {}
        for effect in self.repeated(*names):
            chain = effect.event.chain
            alone = effect.event.symbol if len(chain) == 1 else ""
            group = groups.setdefault((chain[0][1], alone), {})
            known = group.get(effect.event.symbol)
            if known is None or self._order(effect) < self._order(known):
                group[effect.event.symbol] = effect
        for group in groups.values():
            yield sorted(group.values(), key=self._order)

    @property
    def repeats(self) -> Iterable[tuple[Event, int]]:
        """Give the queries that were run before with the same arguments, and the position where they were."""
        return self.reading.repeats

    @property
    def lookups(self) -> Iterable[Lookup]:
        """Give every query's conditions: which columns it looks up by."""
        return self.reading.lookups

    @property
    def responses(self) -> Iterable[Response]:
        """Give the rows that an entry point sends out."""
        return self.reading.responses

    def receivers(self, model: Model, name: str) -> bool:
        """Tell whether writing a row of a model by a method calls receivers of signals."""
        return self.program.interpreter.entries.signals.heard(model, name)

    def injected(self, function: Function) -> list[tuple[str, Function]]:
        """Return the parameters of a function that FastAPI fills by a call, with what it calls."""
        return self.program.interpreter.entries.injection.of(function)

    @property
    def loads(self) -> Iterable[Load]:
        """Give the rows brought into memory, with what became of them."""
        return self.reading.loads

    def _order(self, effect: Effect) -> tuple[int, int, str]:
        sure = ("certain", "likely", "possible").index(self.confidence(effect))
        return sure, len(effect.event.chain), effect.event.symbol

    # ------------------------------------------------------------------------- telling
    def finding(
        self,
        rule: str,
        effect: Effect,
        message: str,
        *,
        cure: str = "",
        symbol: str = "",
        confidence: Confidence | None = None,
        terms: tuple[Term, ...] | None = None,
    ) -> Finding:
        """Return a finding at the place in this function that leads to an effect."""
        function, position, _ = effect.event.chain[0]
        return Finding(
            rule=rule,
            place=self.place(function, position),
            symbol=symbol or effect.event.symbol,
            message=message,
            cure=cure,
            confidence=confidence or self.confidence(effect),
            chain=self.chain(effect),
            cost=Cost(terms=terms if terms is not None else (self.term(effect),)),
        )

    def place(self, function: Function, position: int) -> Place:
        """Return where something stands."""
        return Place(
            path=function.path, line=line_of(position), column=column_of(position), function=function.qualified
        )

    def chain(self, effect: Effect) -> tuple[Step, ...]:
        """Return the steps from the loop, or the function, to the effect; a template's begin with who renders it."""
        steps = [self.step(*link) for link in self.program.origins(self.reading)]
        loop = effect.loop
        if loop is not None:
            what = f"loop over {loop.size if loop.size.constant is None else loop.over}"
            steps.append(self.step(effect.function, loop.position, what))
        for index, (function, position, what) in enumerate(effect.event.chain):
            last = index == len(effect.event.chain) - 1
            steps.append(self.step(function, position, f"{effect.event.effect}: {what}" if last else what))
        return tuple(steps)

    def step(self, function: Function, position: int, what: str) -> Step:
        return Step(path=function.path, line=line_of(position), function=function.qualified, what=what)

    def term(self, effect: Effect, name: str | None = None) -> Term:
        """Return the symbolic cost: the effect times the sizes of its loops."""
        return Term(name or effect.event.effect, tuple(str(loop.size) for loop in effect.event.loops))

    def confidence(self, effect: Effect) -> Confidence:
        """Return how sure it is that the effect happens, and that often."""
        loops = effect.event.loops
        if effect.event.doubtful or any(loop.kind == "while" for loop in loops):
            return "possible"
        if any(not loop.sure and ".items()" in loop.over for loop in loops):
            return "possible"  # the keys of a mapping of unknown origin: most are few
        if effect.event.rare and loops:
            return "possible"  # on the way to an exception: once at most, or where much goes wrong
        if len(effect.event.chain) > FAR and not all(loop.sure for loop in loops):
            return "possible"  # many calls away, in a loop of unknown length
        if effect.event.certain and all(loop.sure for loop in loops):
            # What a GraphQL query asks of each item is for the client to say.
            return "likely" if any(loop.kind == "resolver" for loop in loops) else "certain"
        if not effect.event.certain and not any(loop.sure for loop in loops):
            return "possible"
        return "likely"


class Ground:
    """What is known of a project before any function is read: its models and its entry points."""

    def __init__(self, project: Project, libraries: Libraries) -> None:
        self.project, self.libraries = project, libraries
        self.schema = Schema(project)
        self.entries = Entries(project, self.schema)


class Program:
    """A project, or one share of its modules with all that they lead to, read; `step` is called for each function."""

    def __init__(self, ground: Ground, step: Callable[[], object] = int) -> None:
        self.project, self.libraries, self.schema = ground.project, ground.libraries, ground.schema
        self.interpreter = Interpreter(ground.project, ground.libraries, ground.schema, ground.entries)
        self.interpreter.step = step
        self.labels = ground.entries.labels
        self.called: set[Function] = set()

    def read(self, modules: list[Module], *, first: bool = True) -> "Program":
        """Read some modules; the first of several shares also what frameworks call."""
        self.interpreter.read_all(modules, first=first)
        self.called = {reading.function for reading in self.readings if reading.met}
        return self

    def read_again(self, modules: list[Module], done: set[Key], alone: set[Key], *, frameworks: bool) -> "Program":
        """Read what is left where some functions were read before, `alone` those that were read without a caller."""
        self.interpreter.read_again(modules, done, alone, frameworks=frameworks)
        self.called = {reading.function for reading in self.readings if reading.met}
        return self

    @property
    def readings(self) -> Iterable[Reading]:
        return self.interpreter.readings

    def decorators(self, function: Function) -> frozenset[str]:
        """Return the names of a function's decorators: the last part as written, and resolved."""
        return self.interpreter.decorators(function)

    def origins(self, reading: Reading) -> tuple[Link, ...]:
        """Return what renders the template that was read, the outermost first; nothing for Python."""
        return self.interpreter.entries.templates.origins.get(reading, ())

    def renderers(self, reading: Reading) -> tuple[Function, ...]:
        """Return the functions that render a template as it was read; nothing for Python."""
        return tuple(self.interpreter.entries.templates.renderers.get(reading, ()))

    def views(self) -> Iterator[Effects]:
        """Give every reading as the rules see it."""
        for reading in self.readings:
            yield Effects(reading, self)


def table(model: Model | None) -> str:
    """Return the size symbol of a model's table."""
    return model.name if model is not None else "rows"


__all__ = ["Effect", "Effects", "Ground", "Program", "table"]
