"""The interpreter: every function, once for each shape of the arguments it is called with.

A call is interpreted with the values it is given, and the outcome is kept by function and shape. So a row that a
caller fetched with its customer is, in the helper, a row whose customer is there; and a helper that
many call with the same shapes is read once. Recursion is cut at the function that is being read
and read a second time with what the first reading found.
"""

import re
from collections.abc import Callable
from typing import Any

from perfwright.effects import annotations, attributes, protocols, sql, template_nodes
from perfwright.effects.built_in import SPECIAL, Call
from perfwright.effects.entries import Entries, decorator_names
from perfwright.effects.expressions import EXPRESSIONS
from perfwright.effects.frame import NOTHING, Afterwards, Event, Frame, Held, Loop, Summary
from perfwright.effects.guesses import row_named
from perfwright.effects.iteration import deepen, query_symbol
from perfwright.effects.library import Libraries
from perfwright.effects.names import Names
from perfwright.effects.observations import Lookup, Reading, Response
from perfwright.effects.orders import in_order
from perfwright.effects.passing import assumed, identity, rest_of, rooted, sources, texts
from perfwright.effects.queries import begun
from perfwright.effects.scans import SAME, is_whole
from perfwright.effects.schema import DJANGO, Model, Relation, Schema
from perfwright.effects.statements import STATEMENTS
from perfwright.effects.templates import Rendered
from perfwright.effects.values import (
    ITEMS,
    PAGE,
    UNKNOWN,
    Awaitable,
    ClassValue,
    Constant,
    External,
    Few,
    Foreign,
    FunctionValue,
    Instance,
    LambdaValue,
    ModuleValue,
    Row,
    Rows,
    Scalar,
    Sequence,
    Size,
    Super,
    Value,
    constant,
)
from perfwright.index.lower import DOUBLE_STAR, KEYWORD, STAR, Node
from perfwright.index.project import Class, Function, Module, Project
from perfwright.index.project import External as Outside
from perfwright.index.project import Value as Global
from perfwright.index.tree import text

Key = tuple[str, str, int]  # see Function.key
PER_ROW = ("from_db",)  # methods that Django calls for each row that it loads
DEEPEST = 40  # calls followed from one function; deeper ones are taken to do nothing
TURNS = 3  # readings of one function inside each other, for different shapes
LONGEST = 12  # calls in a chain: what is further away is not reported here
ASKED = ("db.query", "http.request", "file.read", "compile", "cpu", "process.spawn")  # the same twice is once too many
NEAR = 3  # calls up to which it matters that all of a collection is gone through
SHAPES = 6  # readings of one function; further shapes get what its annotations say
NAMED = 60  # the same, for a template, and for a function that looks up what a text that it is passed names
BODIES = (  # parameters of REST framework's serializers that hold one object's fields by name
    *(("to_internal_value", "data"), ("validate", "attrs"), ("validate", "data")),
    *(("create", "validated_data"), ("update", "validated_data")),
)
MEMOS = (
    "functools.lru_cache",
    "functools.cache",
    "django.utils.functional.cached_property",
    "functools.cached_property",
)
REMEMBERS = re.compile(r"^((\w+_)?memoi[sz]ed?(_\w+)?|memo|cached|cache|\w+_cached|cached_\w+|\w*(lru|ttl|lfu)_cache)$")
PROPERTIES = (
    "property",
    "cached_property",
    "hybrid_property",
    "builtins.property",
    "classproperty",
    "reify",
    "async_property",
)


class Interpreter(Names):
    """Reads a whole project. The state is what has been learned so far; reading order does not matter."""

    def __init__(self, project: Project, libraries: Libraries, schema: Schema, entries: Entries) -> None:
        self.project, self.libraries, self.schema, self.entries = project, libraries, schema, entries
        self.frames = 0  # made so far
        self.step: Callable[[], object] = int  # is called when a function is read
        self.nested = 0  # expressions that are being read inside each other
        self.expressions = {**EXPRESSIONS, **template_nodes.EXPRESSIONS}
        self.statements, self.built_in = {**STATEMENTS, **template_nodes.STATEMENTS}, SPECIAL
        self.page = PAGE
        self.memo: dict[Any, Summary] = {}
        self.memo_cache: dict[int, bool] = {}
        self.shapes: dict[int, int] = {}
        self.stack: list[Function] = []
        self.open: list[Any] = []  # what is being read, by function and shape
        self.given_up: list[Function] = []  # nested too deeply to be followed
        self.lambdas: list[int] = []  # the lambdas that are being called
        self.named: set[Function] = set()  # functions that look up what a text names: a model, a template
        self.recursed: set[Any] = set()
        self.provisional: list[Any] = []  # keys of the memo that rest on a function that is still being read
        self.approximate: dict[Any, Summary] = {}
        self.readings: list[Reading] = []
        self.afterwards: list[Afterwards] = []  # what requests leave to be done after their answers
        self.consulted = set()  # functions whose bodies were looked into without a call
        self.globals: dict[tuple[int, str], Value] = {}
        self.module_frames: dict[int, Frame] = {}
        self.class_types: dict[tuple[int, str], Value] = {}
        self.instance_types = {}
        self.decorator_cache: dict[int, frozenset[str]] = {}
        self._tables: sql.Tables | None = None
        self.drivers: list[tuple[str, bool]] | None = None  # of databases: see `guesses.drivers`
        self.manager_fetches: dict[tuple[int, int], frozenset[str]] = {}  # by manager class and model
        self.special_methods: dict[Any, Function | None] = {}  # by class and name: what syntax calls
        self.parameter_cache: dict[int, list[Value]] = {}
        self.annotation_cache: dict[int, Value] = {}
        self.names_cache = {}

    # --------------------------------------------------------------------- the project
    def read_all(self, modules: list[Module], *, first: bool = True) -> None:
        """Read every function of some modules, what they lead to, and the bodies of scripts.

        The first of several shares of a project also reads what frameworks call by themselves.
        """
        for function in self.in_order(modules):
            self.step()
            if not self.shapes.get(id(function)) or function in self.entries.labels:
                self.try_to_read(function)
        for module in modules:
            if self.entries.is_script(module):
                self.try_to_read(module_function(module))
        if first:
            self.read_frameworks()
        self.read_afterwards()

    def read_again(self, modules: list[Module], done: set[Key], alone: set[Key], *, frameworks: bool) -> None:
        """Read what is left, where the readings of some functions are at hand: `alone` those without a caller."""
        for function in self.in_order(modules):
            labelled = function in self.entries.labels
            if function.key not in (alone if labelled else done) and (labelled or not self.shapes.get(id(function))):
                self.try_to_read(function)
        for module in modules:
            if self.entries.is_script(module) and (script := module_function(module)).key not in alone:
                self.try_to_read(script)
        if frameworks:
            self.read_frameworks()
        self.read_afterwards()

    def in_order(self, modules: list[Module]) -> list[Function]:
        """Return the functions of some modules, callers before what they call.

        What a function is called with says more than its annotations, so one that was read for its callers is
        not read again.
        """
        called = {name for module in self.project.modules.values() for name in module.called}
        functions = [function for module in modules for function in module.functions if function.outer < 0]
        functions.sort(key=lambda f: f.name in called and f not in self.entries.labels)
        return functions

    def read_frameworks(self) -> None:
        """Read what frameworks call by themselves."""
        for entry in self.entries.views():
            self.entries.read_view(self, entry)
        self.entries.read_frameworks(self)

    def read_afterwards(self) -> None:
        """Read what requests leave to be done after their answers, which is followed as far as what is read alone."""
        for later in self.afterwards:
            self.try_to_read(later.function)
            if later.function not in self.given_up:
                later.events = self.read(later.function).events

    def try_to_read(self, function: Function) -> None:
        """Read a function; one that nests too deeply is noted, and the rest of the work goes on."""
        try:
            self.read(function)
        except RecursionError:
            self.given_up.append(function)
            self.stack.clear()
            self.open.clear()
            self.lambdas.clear()
            self.recursed.clear()
            self.provisional.clear()
            self.nested = 0

    def read(self, function: Function) -> Summary:
        """Read a function with what its annotations say of its parameters."""
        bound = self.parameters(function)
        return self.evaluate(function, list(bound), None, standalone=True)

    # ------------------------------------------------------------------------- calling
    def invoke(
        self,
        frame: Frame,
        callee: FunctionValue,
        arguments: tuple[Value, ...],
        keywords: dict[str, Value],
        node: Node,
    ) -> Value:
        """Call a function of the project: its effects happen here, its result is returned."""
        function = callee.function
        given = {**callee.keywords, **keywords}
        bound = self.bind(callee, callee.arguments + arguments, given)
        if node[0] == "call" and "**" not in given and not any(part[0] == "star" for part in node[3]):
            self.set_flags(function, bound, len(callee.arguments) + len(arguments) + (callee.bound is not None), given)
        if len(self.stack) > DEEPEST:
            return Value(frame.depth)
        summary = self.evaluate(function, bound, callee.closure)
        memo = bool(function.decorators) and self.remembers(function)
        limit: int | None = None
        if memo:
            limit = max((value.depth for value in bound if not isinstance(value, Constant)), default=0)
        self.lift(frame, summary, bound, function, node, limit)
        result = self.rebase(summary.returns, bound, frame, memo, (node[1], f"{function.name}()"))
        for value in (*arguments, *keywords.values()):
            frame.use_whole(value)
        if function.is_async:
            return Awaitable(result, frame.depth)
        return result

    def bind(self, callee: FunctionValue, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> list[Value]:
        """Return a value for each parameter: what is passed, else what its annotation says."""
        function = callee.function
        known = list(self.parameters(function))
        positional = ([callee.bound] if callee.bound is not None else []) + list(arguments)
        position = 0
        for index, (name, _, _, kind) in enumerate(function.parameters):
            given: Value | None = None
            if kind in (STAR, DOUBLE_STAR):
                if kind == STAR and position < len(positional):
                    rest = positional[position:]
                    sequence = Sequence("tuple", rest[0], constant(len(rest)))
                    sequence.items = tuple(rest)
                    sequence.depth = max(value.depth for value in rest)
                    given, position = sequence, len(positional)
                elif kind == DOUBLE_STAR and keywords:
                    given = rest_of(function, keywords, known[index])
            elif kind == KEYWORD:
                given = keywords.get(name)
            elif position < len(positional):
                given, position = positional[position], position + 1
            else:
                given = keywords.get(name)
            if given is not None:
                vague = given.kind in ("unknown", "constant", "scalar") or self.is_vague(given)
                if vague and known[index].kind not in ("unknown", "scalar"):
                    # What is passed is not known, what is expected is: its depth is the passed one's.
                    found = deepen(known[index], given.depth)
                    found.root = given.root
                    known[index] = found
                else:
                    known[index] = given
        return known

    def set_flags(self, function: Function, bound: list[Value], positional: int, given: dict[str, Value]) -> None:
        """Set the flags that a call leaves out to their defaults: `commit=True`."""
        for index, (name, _, default, kind) in enumerate(function.parameters):
            if default is None or default[0] != "const" or not isinstance(default[2], bool) or name in given:
                continue
            if (index >= positional or kind == KEYWORD) and bound[index].kind in ("unknown", "scalar"):
                bound[index] = Constant(default[2])

    def is_vague(self, value: Value) -> bool:
        """Tell whether of a value only its way out of a library is known: `request.app.state.client`."""
        return isinstance(value, External) and value.bound is not None and self.libraries.get(value.name) is None

    def parameters(self, function: Function) -> list[Value]:
        """Return what the annotations and defaults of a function say of its parameters."""
        cached = self.parameter_cache.get(id(function))
        if cached is None:
            cached = []
            for index, (name, annotation, default, kind) in enumerate(function.parameters):
                value: Value = UNKNOWN
                if index == 0 and function.owner is not None and "staticmethod" not in self.decorators(function):
                    if "classmethod" in self.decorators(function) or function.name in ("__new__", "__init_subclass__"):
                        value = ClassValue(function.owner)
                    else:
                        value = self.instance(function.owner, 0)
                        if isinstance(value, Instance):
                            value.action = self.entries.actions.get(function, "")
                elif kind in (STAR, DOUBLE_STAR):
                    inner = self.annotation(function.module, annotation, 0) if annotation else UNKNOWN
                    value = Sequence("tuple" if kind == STAR else "dict", inner, constant(3))
                elif annotation is not None:
                    value = self.annotation(function.module, annotation, 0)
                    if function not in self.entries.labels and isinstance(value, Sequence | Rows | Row):
                        value = assumed(value)
                if value.kind == "unknown" and default is not None:
                    value = self.entries.injected(self, function, default)
                if name == "instance" and value.kind == "unknown":
                    value = self.entries.sent(function)
                if index and (function.name, name) in BODIES and self.entries.reads_one(function):
                    value = Few(inner=False)
                if value.kind == "unknown" and annotation is None and kind not in (STAR, DOUBLE_STAR):
                    value = row_named(self, function, name) or value
                cached.append(value)
            self.parameter_cache[id(function)] = cached
        return cached

    def evaluate(
        self, function: Function, bound: list[Value], closure: Frame | None, *, standalone: bool = False
    ) -> Summary:
        """Return the summary of a function for these parameters, from memory where the shapes were met."""
        shape: Any = tuple([value.shape() for value in bound])
        if function in self.named:
            shape = (shape, texts(bound))
        key = (id(function), shape, closure.serial if closure is not None else 0)
        known = self.memo.get(key)
        if known is not None:
            if not standalone and known.reading is not None:
                known.reading.met = True
            return known
        identity = id(function)
        if key in self.open or self.stack.count(function) >= TURNS:
            self.recursed.add(key)
            return self.approximate.get(key, NOTHING)
        most = NAMED if function in self.named or isinstance(function, Rendered) else SHAPES
        if self.shapes.get(identity, 0) >= most and not standalone:
            # What was fetched with rows of which nothing but the class is known, is not known either.
            said = self.parameters(function)
            bound = [assumed(value) if isinstance(value, Sequence | Rows | Row) else value for value in said]
            shape = tuple([value.shape() for value in bound])
            key = (identity, shape, 0)
            known = self.memo.get(key)
            if known is not None or key in self.open:
                return known or NOTHING
        self.shapes[identity] = self.shapes.get(identity, 0) + 1
        self.stack.append(function)
        self.open.append(key)
        provisional, readings = len(self.provisional), len(self.readings)
        try:
            summary = self._read(function, bound, closure, standalone, shape)
            if key in self.recursed:
                self.recursed.discard(key)
                if summary.events and key not in self.approximate:
                    self.approximate[key] = summary
                    self.forget(provisional, readings)
                    summary = self._read(function, bound, closure, standalone, shape)
                    self.recursed.discard(key)
        finally:
            self.stack.pop()
            self.open.pop()
        self.memo[key] = summary
        if self.recursed:
            self.provisional.append(key)
        else:
            del self.provisional[provisional:]
        return summary

    def forget(self, provisional: int, readings: int) -> None:
        """Forget what was read while a function that it calls was still being read for the first time."""
        gone: set[int] = set()
        for key in self.provisional[provisional:]:
            summary = self.memo.pop(key, None)
            if summary is not None:
                self.shapes[key[0]] -= 1
                gone.add(id(summary.reading))
                summary.reading.stale = True
        del self.provisional[provisional:]
        self.readings.pop().stale = True  # the function's own
        self.readings[readings:] = [reading for reading in self.readings[readings:] if id(reading) not in gone]

    def _read(
        self, function: Function, bound: list[Value], closure: Frame | None, standalone: bool, shape: Any
    ) -> Summary:
        frame = Frame(self, function, closure)
        frame.standalone = standalone
        for index, ((name, _, _, _), value) in enumerate(zip(function.parameters, bound, strict=True)):
            frame.env[name] = rooted(value, index)
        if function.parameters and function.owner is not None:
            frame.self_value = frame.env[function.parameters[0][0]]
        elif closure is not None:
            frame.self_value = closure.self_value
        for name in self.decorators(function) if function.decorators else ():
            entry = self.libraries.get(name) if "." in name else None
            if entry is not None and entry.holds:
                for effect in entry.does:
                    frame.emit(effect.name, entry.name, function.line << 12, f"@{name}", model=entry)
                frame.held = (*frame.held, Held(entry.holds, name, function.line << 12, entry))
        dependencies = self.entries.dependencies(self, function)
        for needed in dependencies:
            self.note(frame, needed, self.read(needed))
        loop = self.per_row(function)
        if loop is not None:
            frame.loops.append(loop)
            frame.floor = 1
        frame.run(function.body)
        if loop is not None:
            frame.loops.pop()
        for inner in frame.pending:
            self.read_inner(frame, inner)
        returns = frame.returns if frame.returns is not None else UNKNOWN
        if function.is_generator:
            element = frame.yields if frame.yields is not None else UNKNOWN
            returns = Sequence("iter", element, ITEMS, 0, known=False)
            returns.holding = frame.holding
        elif returns.kind == "unknown" and function.returns is not None:
            returns = self.annotation(function.module, function.returns, 0)
        reading = Reading(frame, standalone, shape)
        reading.seen.update(("dependency",) if dependencies else ())
        self.readings.append(reading)
        return Summary(reading.events, returns, reading)

    def per_row(self, function: Function) -> Loop | None:
        """Return the loop that Django runs a model's `from_db` in: once for each row that any query loads."""
        if function.name not in PER_ROW or function.owner is None:
            return None
        model = self.schema.of(function.owner)
        if model is None or model.framework != DJANGO:
            return None
        over = f"every {model.name} that is loaded"
        return Loop("callback", function.line << 12, over, Size(model.name), UNKNOWN)

    def read_inner(self, frame: Frame, inner: FunctionValue) -> None:
        """Read a function inside a function that nothing here has called: somebody else will."""
        if len(self.stack) > DEEPEST:
            return
        if not any(key[0] == id(inner.function) for key in frame.calls):
            summary = self.evaluate(inner.function, list(self.parameters(inner.function)), frame)
            self.note(frame, inner.function, summary)

    def note(self, frame: Frame, function: Function, summary: Summary) -> None:
        """Note that what is read rests on the reading of another function."""
        if summary.reading is None or summary.reading.stale:
            frame.open.add(function)
        else:
            frame.called[id(summary.reading)] = summary.reading

    def lift(
        self,
        frame: Frame,
        summary: Summary,
        bound: list[Value],
        function: Function,
        node: Node,
        limit: int | None,
    ) -> None:
        """Let the effects of a called function happen here, in the loops that surround the call."""
        if function.outer >= 0:
            frame.calls[(id(function),)] = True
        self.note(frame, function, summary)
        if not summary.events:
            return
        around = frame.multiplying(limit)
        shown = function.name if self.is_property(function) else f"{function.name}()"
        link = (frame.function, node[1], shown)
        aside = frame.quiet > 0 or "sync_to_async" in self.decorators(function)
        consumed = function.is_async or aside or frame.guards > 0 or limit is not None
        for event in summary.events:
            reached = self.reach(frame, event, bound, around, limit)
            if reached is None or len(event.chain) > LONGEST:
                continue
            loops, root = reached
            lifted = Event(
                event.effect,
                event.symbol,
                (link, *event.chain),
                loops=loops,
                root=root,
                blocking=event.blocking and not consumed,
                model=event.model,
                detail=event.detail,
                certain=event.certain,
                doubtful=event.doubtful,
                multiplied=event.multiplied or bool(event.loops),
            )
            lifted.untimed, lifted.node, lifted.rare = event.untimed, node, event.rare
            lifted.sheltered = event.sheltered
            lifted.aside = event.aside or aside
            if event.held:
                lifted.sheltered = event.sheltered | {held.kind for held in event.held}
            frame.placed(lifted)
            lifted.once = event.once or limit is not None or (frame.guards > 0 and not frame.guarded_self)
            if frame.guarded_self and not lifted.once:
                lifted.root = 0  # once for each object of the method
            frame.keep(lifted)
            if (
                event.effect in ASKED
                and not lifted.once
                and not loops
                and not lifted.multiplied
                and not isinstance(event.detail, Relation)
            ):
                leaf = event.chain[-1]
                asked = (event.effect, id(leaf[0]), leaf[1], tuple([identity(value) for value in bound]))
                frame.ask(lifted, asked, node[1], bound)

    def reach(
        self, frame: Frame, event: Event, bound: list[Value], around: tuple[Loop, ...], limit: int | None
    ) -> tuple[tuple[Loop, ...], int | None] | None:
        """Return the loops of the caller that multiply an effect and the parameter it hangs on; None for neither."""
        if event.once:
            return (), None
        argument = bound[event.root] if event.root is not None and event.root < len(bound) else None
        if event.effect in SAME:
            if argument is None or (len(event.chain) > NEAR and is_whole(event.detail)):
                return None
            loops = tuple(loop for loop in around if frame.loops.index(loop) >= argument.depth)
            return None if argument.depth and not loops else (loops, argument.root)
        if argument is None:
            return around, None
        if argument.depth < len(around) or not around:
            return frame.multiplying(min(argument.depth, limit) if limit is not None else argument.depth), argument.root
        return around, argument.root

    def rebase(self, value: Value, bound: list[Value], frame: Frame, memo: bool, call: tuple[int, str]) -> Value:
        """Return a callee's result as the caller sees it: as old as the argument it hangs on, or new."""
        depth, root = 0 if memo else frame.depth, None
        if value.root is not None and value.root < len(bound) and bound[value.root] is not None:
            argument = bound[value.root]
            depth, root = argument.depth, argument.root
        if value.kind in ("row", "rows", "sequence", "instance", "foreign", "unknown", "scalar", "constant"):
            if isinstance(value, Constant):
                return value
            found = deepen(value, depth)
            if found is not UNKNOWN:
                found.root = root
            if isinstance(value, Rows) and isinstance(found, Rows):
                found.stored, found.escaped = value.stored, value.kept
            if isinstance(value, Sequence) and isinstance(found, Sequence):
                for name in ("load", "source"):
                    original = getattr(value, name)
                    if original is not None:
                        copy = original.returned((frame.function, *call), kept=memo)
                        if name == "load":
                            frame.load(copy)
                        setattr(found, name, copy)
            elif isinstance(value, Foreign) and value.load is not None and isinstance(found, Foreign):
                found.load = frame.load(value.load.above((frame.function, *call)))
                found.load.whole = memo
            return found
        return value

    def run_lambda(self, frame: Frame, callee: LambdaValue, arguments: tuple[Value, ...]) -> Value:
        """Call a lambda here: its body is an expression of this function."""
        if id(callee.node) in self.lambdas:
            return UNKNOWN  # it calls itself
        self.lambdas.append(id(callee.node))
        saved: dict[str, Value | None] = {}
        names = [parameter[0] for parameter in callee.node[2]]
        for index, name in enumerate(names):
            saved[name] = frame.env.get(name)
            frame.env[name] = arguments[index] if index < len(arguments) else UNKNOWN
        inside = callee.closure is frame or callee.closure is None
        outer = frame.outer
        if not inside and frame.outer is None and not _within(callee.closure, frame):
            frame.outer = callee.closure
        try:
            return frame.value(callee.node[3])
        finally:
            self.lambdas.pop()
            frame.outer = outer
            for name, before in saved.items():
                if before is None:
                    frame.env.pop(name, None)
                else:
                    frame.env[name] = before

    def instantiate(
        self, frame: Frame, callee: ClassValue, arguments: tuple[Value, ...], keywords: dict[str, Value], node: Node
    ) -> Value:
        """Make an object of a class of the project; what `__init__` does happens."""
        cls = callee.cls
        model = callee.model or self.schema.of(cls)
        if model is not None:
            return Row(model, frozenset(model.relations) | begun(frame, model, keywords), frame.depth)
        handled = self.entries.serializer(self, frame, cls, arguments, keywords, node)
        if handled is not None:
            return handled
        result = self.instance(cls, frame.depth)
        found = self.project.class_member(cls, "__init__")
        if isinstance(found, tuple) and found[1][0] == "func":
            function = found[0].module.functions[found[1][1]]
            self.invoke(frame, FunctionValue(function, result), arguments, keywords, node)
        else:
            for value in (*arguments, *keywords.values()):
                frame.use_whole(value)
            for base in self.project.externals(cls):
                entry = self.libraries.get(base)
                if entry is not None and entry.does:
                    for effect in entry.does:
                        frame.emit(effect.name, cls.name, node[1], self.text(node), model=entry)
        return result

    def method_result(
        self,
        frame: Frame,
        value: Instance,
        name: str,
        node: Node,
        arguments: tuple[Value, ...] = (),
        keywords: dict[str, Value] | None = None,
    ) -> Value | None:
        """Call a method by name; None where the class has none."""
        found = self.project.class_member(value.cls, name)
        if not isinstance(found, tuple) or found[1][0] != "func":
            return None
        function = found[0].module.functions[found[1][1]]
        result = self.invoke(frame, FunctionValue(function, value), arguments, keywords or {}, node)
        return result.result if isinstance(result, Awaitable) and name.startswith("__a") else result

    # ---------------------------------------------------------------------- attributes
    def attribute(self, frame: Frame, base: Value, name: str, node: Node) -> Value:
        """Read `base.name`; a property's effects happen."""
        return attributes.read(self, frame, base, name, node)

    def annotation(self, module: Module, node: Node | None, depth: int) -> Value:
        """Return a value of the annotated type."""
        if node is None:
            return UNKNOWN
        cached = self.annotation_cache.get(id(node))
        if cached is None:
            cached = self.annotation_cache[id(node)] = annotations.value(self, module, node)
        if depth == 0 and cached.kind in ("unknown", "scalar", "foreign", "instance"):
            return cached
        return deepen(cached, depth)

    def instance(self, cls: Class, depth: int) -> Value:
        """Return an object of a class: a row where the class is a model, rows where it is a manager."""
        model = self.schema.of(cls)
        if model is not None:
            return Row(model, model.always, depth)
        if self.is_manager(cls):
            rows = Rows(self.managed_model(cls), "django.db.models.QuerySet", 0, depth)
            rows.custom, rows.manager = cls, True
            return rows
        return Instance(cls, depth)

    def foreign(self, name: str, depth: int, element: Value | None = None) -> Value:
        """Return an object of a library class; rows where the class is a query."""
        if name.startswith("builtins."):
            kind = name.removeprefix("builtins.")
            if kind in ("list", "set", "dict", "tuple"):
                return Sequence(kind, UNKNOWN, ITEMS, depth, known=False)
            return Scalar(kind, depth)
        return Foreign(name, depth, None, element)

    def global_value(self, module: Module, name: str) -> Value:
        """Return what a name that is not local stands for."""
        key = (id(module), name)
        found = self.globals.get(key)
        if found is None:
            self.globals[key] = UNKNOWN  # a name that is defined by itself ends here
            entity = self.project.lookup(module, name)
            if entity is None:
                found = External(f"builtins.{name}") if is_builtin(name) else UNKNOWN
            else:
                found = self.entity_value(entity)
            self.globals[key] = found
        return found

    def entity_value(self, entity: Any) -> Value:
        """Return what something that a name resolves to is worth."""
        if isinstance(entity, Function):
            return self.decorated(FunctionValue(entity))
        if isinstance(entity, Class):
            return ClassValue(entity)
        if isinstance(entity, Module):
            return ModuleValue(entity)
        if isinstance(entity, Outside):
            return External(self.libraries.canonical(entity))
        if isinstance(entity, Global):
            return self.evaluated(entity)
        return UNKNOWN

    def evaluated(self, entity: Global) -> Value:
        """Return what a module's name is bound to: by its annotation, else by its expression."""
        key = (id(entity.module), f"={entity.name}")
        found = self.globals.get(key)
        if found is not None:
            return found
        self.globals[key] = UNKNOWN
        result: Value = UNKNOWN
        if entity.annotation is not None:
            result = self.annotation(entity.module, entity.annotation, 0)
        if result.kind == "unknown" and entity.expression is not None:
            frame = self.module_frame(entity.module)
            depth = len(self.stack)
            result = frame.value(entity.expression) if depth <= DEEPEST else UNKNOWN
            if isinstance(result, Constant) and isinstance(result.value, int):
                result = Constant(result.value)
        if isinstance(result, Sequence):
            result.load = None
            if entity.name.isupper() and not result.items:
                result.size = constant(10)
        if isinstance(result, Awaitable | Super):
            result = UNKNOWN
        self.globals[key] = result
        return result

    def module_frame(self, module: Module) -> Frame:
        frame = self.module_frames.get(id(module))
        if frame is None:
            frame = self.module_frames[id(module)] = Frame(self, module_function(module))
        return frame

    def decorators(self, function: Function) -> frozenset[str]:
        """Return the dotted names of a function's decorators, and their last parts."""
        cached = self.decorator_cache.get(id(function))
        if cached is None:
            cached = decorator_names(self.project, function)
            self.decorator_cache[id(function)] = cached
        return cached

    def decorated(self, value: FunctionValue) -> Value:
        """Return what a decorated function is; most decorators change nothing that matters here."""
        return value

    def remembers(self, function: Function) -> bool:
        """Tell whether a decorator keeps a function's answers: a library's, or one of the project named like it."""
        known = self.memo_cache.get(id(function))
        if known is None:
            known = False
            for name in self.decorators(function):
                entry = self.libraries.get(name) if "." in name else None
                word = REMEMBERS.search(name)
                if name in MEMOS or (entry is not None and entry.memo is not None) or word is not None:
                    known = True
            known = known or any(self.keeps_answers(each) for each in self.decorating(function))
            self.memo_cache[id(function)] = known
        return known

    def is_property(self, function: Function) -> bool:
        return bool(function.decorators) and any(name in PROPERTIES for name in self.decorators(function))

    # -------------------------------------------------------------------- observations
    @property
    def tables(self) -> sql.Tables:
        """Return the tables that the project makes by SQL of its own."""
        if self._tables is None:
            self._tables = sql.Tables(self)
        return self._tables

    def looked_up(self, frame: Frame, rows: Rows, position: int, *, inner: bool = False) -> None:
        """Note which columns a query looks up by; an `inner` one stands inside another."""
        if rows.relation and rows.owner is not None:
            relation = rows.owner.model.relations[rows.relation]
            self.looked_up_relation(frame, rows.owner.model, relation, position)
            return
        page = rows.limited is not None and rows.limited.constant not in (0, 1)
        orders = in_order(rows) if page else rows.orders
        model = rows.model or next((part[0] for part in rows.filters if part[0] is not None), None)
        if model is None or not (rows.filters or rows.sometimes or orders):
            return
        lookup = Lookup(frame.function, position, model, rows.filters, orders)
        lookup.sometimes, lookup.joins = rows.sometimes, rows.joins
        lookup.turned = rows.skips is not None or (rows.limited is PAGE and rows.takes is None)
        lookup.default, lookup.sorted = not rows.orders, rows.sorted
        lookup.limited = rows.limited is not None
        lookup.page, lookup.inner = page, inner
        lookup.what = query_symbol(rows)
        frame.lookups.append(lookup)

    def deleted(self, frame: Frame, model: Model, position: int) -> None:
        """Note the keys to rows that a statement deletes: the database looks for what points to each of them."""
        for child in self.schema.by_class.values():
            for column in child.columns.values() if not child.abstract and model.table else ():
                if column.target.partition(".")[0] == model.table and not column.indexed:
                    lookup = Lookup(frame.function, position, child, ((child, column.name, "child"),), ())
                    lookup.what = f"{child.name}: its rows of a deleted {model.name}"
                    frame.lookups.append(lookup)

    def looked_up_relation(self, frame: Frame, model: Model, relation: Relation, position: int) -> None:
        """Note the foreign key that following a relation looks up by."""
        between = self.schema.between(model, relation)
        if between is not None:
            table, column = between
            lookup = Lookup(frame.function, position, table, ((table, column.name, "eq"),), ())
            lookup.relation = lookup.what = f"{model.name}.{relation.name}"
            frame.lookups.append(lookup)
            return
        if (
            relation.target is None
            or relation.column is None
            or relation.column not in relation.target.columns.values()
        ):
            return
        filters = ((relation.target, relation.column.name, "eq"),)
        lookup = Lookup(frame.function, position, relation.target, filters, ())
        lookup.relation = lookup.what = f"{model.name}.{relation.name}"
        frame.lookups.append(lookup)

    def responded(self, frame: Frame, value: Value, node: Node) -> None:
        """Note rows that an entry point returns."""
        if frame.function in self.entries.labels:
            if frame.function.decorators:
                self.entries.respond(self, frame, value, node)
            for load in sources(value):
                frame.responses.append(Response(frame.function, load, node[1], self.text(node[2]) if node[2] else ""))

    def framework_call(
        self, frame: Frame, callee: External, arguments: tuple[Value, ...], keywords: dict[str, Value], node: Node
    ) -> Value | None:
        return self.entries.framework_call(self, frame, callee, arguments, keywords, node)

    def run_built_in(
        self, frame: Frame, callee: External, arguments: tuple[Value, ...], keywords: dict[str, Value], node: Node
    ) -> Value:
        """Call a built-in function or a method of a built-in type."""
        return SPECIAL[callee.name](Call(frame, callee, arguments, keywords, node))

    def written(self, frame: Frame, row: Row, node: Node) -> None:
        """A row is turned into text: its `__str__` is called."""
        protocols.written(frame, row, node)

    def last_event(self, frame: Frame) -> Event | None:
        """Return the effect recorded last in a function."""
        return next(reversed(frame.events.values()), None)

    def text(self, node: Node | None) -> str:
        return text(node)


def module_function(module: Module) -> Function:
    """Return a module's body as if it were a function."""
    facts = ("<module>", "<module>", 1, module.lines, (), (), None, 0, module.body, -1, -1)
    return Function(module, -1, facts)


def is_builtin(name: str) -> bool:
    import builtins

    return hasattr(builtins, name)


def _within(inner: Frame | None, outer: Frame) -> bool:
    """Tell whether a frame is another one or stands inside it: that one looks nothing up in it, else without end."""
    while inner is not None:
        if inner is outer:
            return True
        inner = inner.outer
    return False
