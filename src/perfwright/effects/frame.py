"""One function being interpreted: its names, the loops it stands in, the effects met so far."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from perfwright.effects.library import Model as LibraryModel
from perfwright.effects.values import NESTED, UNKNOWN, Constant, Foreign, Load, Rows, Sequence, Size, Value, join
from perfwright.index.lower import Node
from perfwright.index.project import Function, Module

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

Link = tuple[Function, int, str]  # where, position, what happens there
DEEP = 20_000  # expressions inside each other, over all functions that are being read
LIFTED = 40  # effects kept of one function: the rest are of the same few kinds
BLOCKING = frozenset(
    (
        *("db.query", "db.write", "db.commit", "http.request", "llm.call", "file.read", "file.write"),
        *("process.spawn", "wait", "connect", "model.load", "cpu"),
    )
)


class Loop:
    """A loop of the function: over what, how often, and the rows it goes through if they are rows."""

    __slots__ = ("batches", "body", "drains", "iterated", "kind", "over", "position", "size", "sure", "variables")

    def __init__(self, kind: str, position: int, over: str, size: Size, iterated: Value) -> None:
        self.kind, self.position, self.over, self.size = kind, position, over, size
        self.iterated = iterated
        self.body: tuple[Node, ...] = ()  # what each pass does
        self.sure = True  # the collection is known to grow with the data
        self.batches = False  # each pass takes many items at once
        self.drains = False  # each pass asks for the next row, until there is none
        self.variables: set[str] = set()

    @property
    def multiplies(self) -> bool:
        """Tell whether the passes are as many as there is data."""
        return not self.batches and not self.size.is_little and self.kind != "while"


class Held:
    """A lock or a transaction that is held while a block runs: its kind (`lock`, `transaction`), what and where."""

    __slots__ = ("kind", "model", "position", "symbol")

    def __init__(self, kind: str, symbol: str, position: int, model: LibraryModel | None) -> None:
        self.kind, self.symbol, self.position, self.model = kind, symbol, position, model


class Event:
    """An effect that a function has, with the chain of calls that leads to it.

    `loops` are the loops around it that multiply it, in the function that holds them; `multiplied` says
    that one of them lies in a function further down, where it has been reported. In the same way `held` is
    what this function holds meanwhile, and `sheltered` the kinds of what functions further down hold.
    """

    __slots__ = (
        "aside",
        "awaited",
        "blocking",
        "certain",
        "chain",
        "detail",
        "doubtful",
        "effect",
        "existence",
        "held",
        "loops",
        "model",
        "multiplied",
        "node",
        "once",
        "path",
        "rare",
        "root",
        "sheltered",
        "symbol",
        "tested",
        "untimed",
    )

    def __init__(
        self,
        effect: str,
        symbol: str,
        chain: tuple[Link, ...],
        *,
        loops: tuple[Loop, ...] = (),
        root: int | None = None,
        blocking: bool = False,
        model: LibraryModel | None = None,
        detail: Any = None,
        certain: bool = True,
        multiplied: bool = False,
        doubtful: bool = False,
    ) -> None:
        self.doubtful = doubtful  # it may not happen at all: a caller may have fetched the relation
        self.effect, self.symbol, self.chain, self.loops, self.root = effect, symbol, chain, loops, root
        self.blocking, self.model, self.detail, self.certain = blocking, model, detail, certain
        self.multiplied = multiplied
        self.once = False  # behind a cache or a guard: it happens once, whatever loops call it
        self.awaited = False  # this function waits for it before it goes on
        self.aside = False  # a thread or a process does it, not the code that is read
        self.rare = False  # on an error path: it does not happen again for each item
        self.untimed = False  # it may wait for ever: its library's timeout is not given and has no default
        self.tested = False  # it stands in the test of an `if` or `while`
        self.existence = False  # of its answer only the truth is asked, or whether it is above zero
        self.held: tuple[Held, ...] = ()
        self.sheltered: frozenset[str] = frozenset()
        self.path: tuple[int, ...] = ()  # the branches of this function that lead to it
        self.node: Node | None = None  # the call in this function

    @property
    def leaf(self) -> Link:
        return self.chain[-1]


class Afterwards:
    """A function that a framework calls when the answer has been sent, and the effects that it then has."""

    __slots__ = ("events", "function")

    def __init__(self, function: Function) -> None:
        self.function = function
        self.events: tuple[Event, ...] = ()  # known when all has been read


class Marked:
    """The branches of an `if` that do not happen on each pass, or may not happen at all.

    `fills` makes what is not there yet and is kept from then on, `own` says that the method's own object keeps it;
    `lacking` asks for what nobody brought along, `there` uses what was fetched; `changing` is there for what is not
    so already.
    """

    __slots__ = ("changing", "fills", "lacking", "own", "there")

    def __init__(
        self, fills: tuple[Node, ...], own: bool, lacking: tuple[Node, ...], changing: tuple[Node, ...]
    ) -> None:
        self.fills, self.own, self.lacking, self.changing = fills, own, lacking, changing
        self.there: tuple[Node, ...] = ()

    def has(self, block: tuple[Node, ...]) -> bool:
        """Tell whether a block is one of them."""
        return block is self.fills or block is self.lacking or block is self.changing or block is self.there


class Summary:
    """What calling a function comes to: its effects and what it gives back."""

    __slots__ = ("events", "reading", "returns")

    def __init__(self, events: tuple[Event, ...], returns: Value, reading: Any = None) -> None:
        self.events, self.returns, self.reading = events, returns, reading


NOTHING = Summary((), UNKNOWN)


class Frame:
    """The state of interpreting one function once, for one shape of its arguments."""

    __slots__ = (
        "arguments", "asked", "awaiting", "called", "calls", "calls_seen", "calls_unknown", "changes", "consumer",
        "doubt", "env", "events", "existence", "floor", "function", "guarded_self", "guards", "held", "holding",
        "interp", "loads", "lookups", "loops", "marked", "module", "once", "open", "outer", "path", "pending", "quiet",
        "rare", "repeats", "responses", "returns", "self_value", "serial", "standalone", "test", "yields",
    )  # fmt: skip

    def __init__(self, interp: "Interpreter", function: Function, outer: "Frame | None" = None) -> None:
        self.interp, self.function, self.outer = interp, function, outer
        interp.frames += 1
        self.serial = interp.frames  # not id(): memory is used again
        self.module: Module = function.module
        self.env: dict[str, Value] = {}
        self.arguments: tuple[Value, ...] = ()
        self.loops: list[Loop] = []
        self.once = 1 << 30  # loops beyond this index do not multiply: the block leaves them
        self.floor = 0  # loops around the whole function, which a framework makes: a `return` does not leave them
        self.events: dict[Any, Event] = {}
        self.returns: Value | None = None
        self.yields: Value | None = None
        self.loads: list[Load] = []
        self.consumer = ""  # the function that consumes the comprehension being read: sum, len, ...
        self.guards = 0  # above 0: inside a block that runs once for the life of what it fills
        self.guarded_self = 0  # above 0: what it fills is an attribute of the method's own object
        self.rare = 0  # above 0: on an error path, which ends in an exception
        self.doubt = 0  # above 0: where something is asked for only because nobody has brought it along
        self.changes = 0  # the tests around that ask if what is written is another than what is there
        self.marked: Marked | None = None  # the branches of the `if` that is being read that stand for something
        self.test = 0  # above 0: inside the test of an `if` or a `while`
        self.awaiting = 0  # above 0: inside what an `await` waits for
        self.existence = False  # only the truth of the call that is read next is asked for
        self.held: tuple[Held, ...] = ()  # locks and transactions held here
        self.holding: tuple[Held, ...] = ()  # those held where it yields: a context manager's body runs in them
        self.called: dict[int, Any] = {}  # the readings of the functions that were called
        self.open: set[Function] = set()  # functions that were called while they were being read
        self.calls_seen = self.calls_unknown = 0
        self.lookups: list[Any] = []
        self.responses: list[Any] = []
        self.standalone = False
        self.self_value: Value | None = None
        self.pending: list[Any] = []  # inner functions, with the names they were made among
        self.quiet = 0
        self.calls: dict[Any, Any] = {}
        self.path: tuple[int, ...] = ()  # the branches that lead here
        self.asked: dict[Any, tuple[int, tuple[int, ...], Any]] = {}  # queries run so far, where, and with what
        self.repeats: list[tuple[Event, int]] = []  # a query that was run before, and where it was

    # --------------------------------------------------------------------------- reading
    def value(self, node: Node | None) -> Value:
        """Return what an expression is worth; its effects happen."""
        if node is None:
            return UNKNOWN
        interp = self.interp
        tag = node[0]
        if tag == "name":  # nearly half of all expressions
            known = self.lookup(node[2])
            return known if known is not None else interp.global_value(self.module, node[2])
        if tag == "const":
            return Constant(node[2], self.depth)
        interp.nested += 1
        if interp.nested > DEEP:  # compiled code has no limit of its own
            raise RecursionError
        found: Value = (
            interp.attribute(self, self.value(node[2]), node[3], node)
            if tag == "attr"
            else interp.expressions[tag](self, node)
        )
        interp.nested -= 1
        return found

    def run(self, block: tuple[Node, ...]) -> bool:
        """Run statements; return True when the end of the block is never reached."""
        statements = self.interp.statements
        if self.loops and block:
            last = block[-1][0]
            if last in ("return", "raise"):
                limit = self.floor
            elif last == "break":
                limit = len(self.loops) - 1
            else:
                limit = self.once
            if limit < self.once:
                saved, self.once = self.once, limit
                left = self._run(block, statements)
                self.once = saved
                return left
        return self._run(block, statements)

    def run_aside(self, block: tuple[Node, ...]) -> bool:
        """Run a branch or a handler; what one that ends in an exception does is not done for each item."""
        if not block:
            return False
        marked = self.marked
        if marked is not None and marked.has(block):
            return self._run_marked(block, marked)
        failing = block[-1][0] == "raise"
        self.rare += failing
        left = self.run(block)
        self.rare -= failing
        return left

    def _run_marked(self, block: tuple[Node, ...], marked: "Marked") -> bool:
        fills, lacking, changing = block is marked.fills, block is marked.lacking, block is marked.changing
        lacking = lacking or block is marked.there
        self.guards += fills
        self.guarded_self += fills and marked.own
        self.doubt += lacking
        self.changes += changing
        self.marked = None
        left = self.run_aside(block)
        self.marked = marked
        self.guards -= fills
        self.guarded_self -= fills and marked.own
        self.doubt -= lacking
        self.changes -= changing
        return left

    def _run(self, block: tuple[Node, ...], statements: dict[str, Callable[..., bool]]) -> bool:
        guarded, own, unchanged = 0, False, 0
        left = False
        for statement in block:
            if statements[statement[0]](self, statement):
                left = True
                break
            if statement[0] == "if" and not guarded and self.interp.returns_early_here(self, statement, block):
                guarded = 1
                own = self.interp.is_own(self, statement[2])
                self.guards += 1
                self.guarded_self += own
            elif statement[0] in ("if", "with") and not unchanged and self.interp.ends_unchanged(self, statement):
                unchanged = 1
                self.changes += 1
        self.changes -= unchanged
        if guarded:
            self.guards -= 1
            self.guarded_self -= own
        return left

    def lookup(self, name: str) -> Value | None:
        """Return the value of a local name, in this function or one around it."""
        frame: Frame | None = self
        while frame is not None:
            found = frame.env.get(name)
            if found is not None:
                return found
            frame = frame.outer
        return None

    def branch(self, *blocks: tuple[Node, ...]) -> bool:
        """Run alternatives from the same state and join what they leave; True when none goes on."""
        before, path = self.env, self.path
        after: dict[str, Value] | None = None
        for index, block in enumerate(blocks):
            self.env = dict(before)
            self.path = (*path, id(block) + index)
            if not self.run_aside(block):
                after = self.env if after is None else _merged(after, self.env)
        self.path = path
        self.env = before if after is None else after
        return after is None

    # --------------------------------------------------------------------------- effects
    @property
    def depth(self) -> int:
        return len(self.loops)

    def multiplying(self, depth: int | None = None) -> tuple[Loop, ...]:
        """Return the loops that multiply what happens here, or what is made anew at `depth`."""
        limit = len(self.loops) if depth is None else min(depth, len(self.loops))
        if self.guards:
            return ()
        return tuple(loop for loop in self.loops[: min(limit, self.once)] if loop.multiplies)

    def emit(
        self,
        effect: str,
        symbol: str,
        position: int,
        what: str,
        *,
        depth: int | None = None,
        root: int | None = None,
        model: LibraryModel | None = None,
        detail: Any = None,
        certain: bool = True,
        doubtful: bool = False,
        blocking: bool | None = None,
        node: Node | None = None,
        untimed: bool = False,
    ) -> Event:
        """Record an effect of this function itself."""
        if blocking is None:
            blocking = effect in BLOCKING and (model is None or model.blocking)
        event = Event(
            effect,
            symbol,
            ((self.function, position, what),),
            loops=self.multiplying(depth),
            root=root,
            blocking=blocking and not self.quiet,
            model=model,
            detail=detail,
            certain=certain,
            doubtful=doubtful,
        )
        event.untimed, event.node = untimed, node
        event.aside = self.quiet > 0
        self.placed(event)
        if self.guards:
            event.blocking = False
            if self.guarded_self:
                event.root = 0
            else:
                event.once = True
        self.keep(event)
        return event

    def placed(self, event: Event) -> None:
        """Note where in this function an effect happens: on which branch, awaited or not, holding what."""
        event.rare = event.rare or self.rare > 0
        event.doubtful = event.doubtful or self.doubt > 0
        if self.changes and event.effect == "db.write":
            event.certain, event.doubtful = False, event.doubtful or self.changes > 1 or not event.certain
        event.awaited, event.tested = self.awaiting > 0, self.test > 0
        event.held, event.path, event.existence = self.held, self.path, self.existence

    def keep(self, event: Event) -> None:
        """Keep an event, the shortest chain of those that are alike; what multiplies it is reported."""
        if event.effect in ("db.write", "db.commit"):
            self.asked.clear()  # what was read before may have changed
        elif event.effect == "file.write" and self.asked:
            self.asked = {question: known for question, known in self.asked.items() if question[0] != "file.read"}
        leaf = event.chain[-1]
        key = (event.effect, event.symbol, id(leaf[0]), leaf[1], event.multiplied or bool(event.loops))
        known = self.events.get(key)
        if known is None or surer(event, known):
            if known is None and len(self.events) >= LIFTED and event.effect in ("scan", "load"):
                return
            self.events[key] = event
        elif event.blocking and not known.blocking:
            known.blocking = True

    def ask(self, event: Event, question: Any, position: int, values: list[Value]) -> None:
        """Note a query or a read and what it asks; the same question on the same path is asked again in vain.

        `values` are those that the question tells apart by identity: they are kept as long as it is.
        """
        known = self.asked.get(question)
        if known is None:
            self.asked[question] = (position, self.path, values)
        elif known[0] != position and known[1] == self.path[: len(known[1])]:
            self.repeats.append((event, known[0]))

    def load(self, load: Load) -> Load:
        """Watch what becomes of rows that were brought into memory."""
        load.whole = load.whole or self.doubt > 0
        self.loads.append(load)
        return load

    def give(self, value: Value) -> None:
        """Note a returned value."""
        self.returns = value if self.returns is None else join(self.returns, value)

    def use_whole(self, value: Value, level: int = 0) -> None:
        """Note that a collection is used as it is, all of it; `level` counts the collections around it."""
        if isinstance(value, Rows | Foreign):
            if value.load is not None:
                value.load.whole = True
            if isinstance(value, Rows):
                value.escaped = True
        elif isinstance(value, Sequence):
            if value.load is not None:
                value.load.whole = True
            if value.items and level < NESTED:
                for item in value.items:
                    self.use_whole(item, level + 1)


def surer(event: Event, known: Event) -> bool:
    """Tell whether an event says more than one like it: it is sure to happen, or nearer."""
    unsure, unsure_known = event.doubtful or event.rare, known.doubtful or known.rare
    return len(event.chain) < len(known.chain) if unsure == unsure_known else unsure_known


def _merged(left: dict[str, Value], right: dict[str, Value]) -> dict[str, Value]:
    merged = dict(left)
    for name, value in right.items():
        other = left.get(name)
        if other is not value:
            merged[name] = value if other is None else join(other, value)
    return merged
