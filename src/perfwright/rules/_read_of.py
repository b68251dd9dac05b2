"""What is read of rows: by the function that has them, by those it hands them to, and by the models of an answer.

Only what is known to read no more than it says counts; everything else makes the answer `known = False`.
"""

from collections.abc import Iterator
from typing import Any, Final

from perfwright.effects import serializers
from perfwright.effects.observations import Reading
from perfwright.effects.schema import DJANGO, Model
from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function
from perfwright.index.tree import walk
from perfwright.rules._same import arguments
from perfwright.rules._uses import is_closed_over, trails

MOST: Final = 600  # places that are looked at for one load
KEEP: Final = frozenset(("list", "tuple", "sorted", "reversed", "set", "frozenset", "iter", "deque"))
ASK: Final = frozenset(("len", "bool", "any", "isinstance", "id", "type", "hash", "callable"))
ONE: Final = frozenset(("min", "max", "next", "anext"))
REFINE: Final = frozenset(
    (
        *("all", "fetchall", "scalars", "unique", "copy", "filter", "exclude", "order_by", "distinct", "iterator"),
        *("select_related", "prefetch_related", "using", "reverse", "annotate", "aiterator", "select_for_update"),
        *(
            "limit",
            "offset",
            "options",
            "where",
            "filter_by",
            "join",
            "outerjoin",
            "execution_options",
            "with_for_update",
            "yield_per",
            "tuples",
        ),
    )
)
RESULTS: Final = ("all", "scalars", "unique", "yield_per")
FIRST: Final = frozenset(
    (
        *("first", "one", "one_or_none", "last", "get", "pop", "scalar", "scalar_one", "scalar_one_or_none", "afirst"),
        *("aget", "alast", "earliest", "latest", "popleft", "setdefault", "fetchone", "first_or_404", "get_or_404"),
    )
)
HOLDERS: Final = ("query", "rows", "map", "tuples")
RUNS: Final = {  # methods of a session that run a statement, and as what they give its rows
    "scalars": "rows",
    "stream_scalars": "rows",
    "execute": "tuples",
    "stream": "tuples",
    "scalar": "row",
    "exec": "rows",
}
QUERIES: Final = ("execute", "stream", "scalars", "stream_scalars", "query")  # of a session; the first two give tuples
COUNTS: Final = frozenset(
    ("count", "exists", "acount", "aexists", "keys", "sort", "index", "reverse", "clear", "close")
)
SESSION: Final = frozenset(("add", "add_all", "expunge", "flush"))
VALIDATE: Final = frozenset(("model_validate", "from_orm", "validate"))


class Taken:
    """What is read of a row: its columns, and in the same way what is read of the rows that it relates to.

    `written` are the columns that are set. `known` is False where a row is used otherwise.
    """

    __slots__ = ("inner", "known", "names", "written")

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.written: dict[str, None] = {}
        self.inner: dict[str, Taken] = {}
        self.known = True

    def within(self, name: str) -> "Taken":
        """Return what is read of the rows of a relation."""
        return self.inner.setdefault(name, Taken())


class At:
    """A function in which rows are followed; `given` says as what it returns them: `row`, `rows`, `0/rows`."""

    __slots__ = ("function", "given", "reading")

    def __init__(self, function: Function, reading: Reading | None) -> None:
        self.function, self.reading = function, reading
        self.given: dict[str, None] = {}

    def called(self, name: str) -> list[tuple[Function, Reading | None]]:
        """Return the functions of a name that it calls."""
        found: dict[Function, Reading | None] = {}
        for reading in self.reading.called if self.reading is not None else ():
            if reading.function.name == name:
                found.setdefault(reading.function, reading)
        return list(found.items())


class State:
    """What an expression holds: `row`, `rows`, a `map` of them, `pairs`, `tuples`, of a model, noted in `taken`."""

    __slots__ = ("kind", "model", "taken")

    def __init__(self, kind: str, model: Model, taken: Taken) -> None:
        self.kind, self.model, self.taken = kind, model, taken

    def to(self, kind: str) -> "State":
        """Return the same rows, held otherwise."""
        return State(kind, self.model, self.taken)

    def lost(self) -> "State | None":
        """Note that what becomes of the rows is not known; there is nothing to follow."""
        self.taken.known = False
        return None


class Reads:
    """Follows rows through the code that one reading of a function went through."""

    def __init__(self, effects: Effects) -> None:
        self.project, self.schema = effects.project, effects.schema
        self.known: dict[Any, At] = {}
        self.left = MOST

    # ------------------------------------------------------------------------- beginnings
    def begin(self, at: At, position: int, kind: str, state: State, name: str = "") -> None:
        """Follow the rows of a query, or of what is called by a name, from where it stands."""
        found: tuple[Node, ...] = ()
        for trail in standing(at.function.body, position):
            node = trail[-1]
            called = last(node[2]) if node[0] == "call" else ""
            if name:
                if called == name or (node[0] == "attr" and node[3] == name and not found):
                    found = trail
            elif called in QUERIES:
                found, kind = trail, held_by(node, kind)
            elif not found and (called or node[0] in ("name", "await")):
                found = trail
        if not found:
            state.lost()
        elif found[-1][0] == "name":
            for node in walk(at.function.body):
                if node[0] == "assign" and any(target[:3:2] == ("name", found[-1][2]) for target in node[2]):
                    kind = held_by(node[3], kind)
            self.name(at, found[-1][2], state.to(kind))
        else:
            kind = held_by(found[-1][2], kind) if found[-1][0] == "await" else kind
            self.climb(at, found, state.to(kind))

    def begin_at(self, at: At, node: Node, state: State) -> None:
        """Follow what a call gives from where it stands."""
        for trail in standing(at.function.body, node[1]):
            if trail[-1] is node:
                self.climb(at, trail, state)
                return
        state.lost()

    def parameter(self, function: Function, reading: Reading | None, name: str, state: State) -> At:
        """Follow the rows that a function is given under a name."""
        key = (function, name, state.kind, id(state.taken))
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = At(function, reading)
            self.name(known, name, state)
        return known

    def name(self, at: At, name: str, state: State) -> None:
        """Follow the rows wherever a name of a function stands."""
        key = (at.function, name, state.kind, id(state.taken), "name")
        if key in self.known:
            return
        self.known[key] = at
        if is_closed_over(at.function, name):
            state.lost()
            return
        for trail in trails(at.function.body, name):
            self.climb(at, trail, state)

    # --------------------------------------------------------------------------- climbing
    def climb(self, at: At, trail: tuple[Node, ...], state: State) -> None:
        """Follow what the last of the nodes holds outwards, until it goes nowhere else."""
        now: State | None = state
        for end in range(len(trail) - 1, 0, -1):
            self.left -= 1
            if now is None or not now.taken.known:
                return
            if self.left < 0:
                now.lost()
                return
            now = self.through(at, trail[:end], trail[end], now)

    def through(self, at: At, trail: tuple[Node, ...], node: Node, state: State) -> State | None:  # noqa: C901 - one branch a tag
        """Return what the last of the nodes, around another, holds of the rows; None where they go nowhere else."""
        parent, kind = trail[-1], state.kind
        tag = parent[0]
        if tag == "attr":
            if kind == "row":
                return self.member(at, trail, state)
            return state.to(f".{kind}.{parent[3]}") if kind in HOLDERS else state.lost()
        if tag == "call":
            return self.call(at, trail, node, state)
        if kind.startswith("."):
            return state.lost()
        if tag in ("await", "given"):
            return state
        if tag in ("cmp", "un", "expr", "while", "del", "raise"):
            return None
        if tag == "if":
            return None if parent[2] is node else state
        if tag == "bool":
            return None if parent[2] == "and" and parent[3][-1] is not node else state
        if tag == "sub":
            return self.item(parent, node, state)
        if tag in ("assign", "ann", "walrus"):
            return self.bound(at, parent, node, state)
        if tag == "for":
            self.each(at, parent[2], trail, parent[4], state) if parent[3] is node else None
            return None
        if tag == "comp":
            return self.comprehension(at, trail, node, state)
        if tag in ("return", "yield", "yieldfrom"):
            at.given[kind if tag != "yield" else "rows" if kind == "row" else "?"] = None
            return None
        if tag == "coll":
            index = next(i for i, item in enumerate(parent[3]) if item is node)
            if parent[2] == "list" and kind == "row":
                return state.to("rows")
            return state.to(f"{index}/{kind}") if parent[2] == "tuple" and "/" not in kind else state.lost()
        return state.lost()

    def item(self, parent: Node, node: Node, state: State) -> State | None:
        """Follow an item that is taken out of what holds rows."""
        kind, index = state.kind, parent[3]
        if parent[2] is not node:
            return state.lost()
        if kind == "rows" and index[0] == "slice":
            return state
        if kind in ("rows", "map"):
            return state.to("row")
        if kind == "tuples":
            return state if index[0] == "slice" else state.to("0/row")
        if "/" in kind and index[0] == "const":
            at, _, inner = kind.partition("/")
            return state.to(inner) if str(index[2]) == at else None
        return state.lost()

    def bound(self, at: At, statement: Node, node: Node, state: State) -> State | None:
        """Follow the names that an assignment gives the rows."""
        if statement[0] == "walrus":
            self.name(at, statement[2], state)
            return state
        targets = statement[2] if statement[0] == "assign" else (statement[2],)
        if any(target is node for target in targets):
            return None
        for target in targets:
            if target[0] == "name":
                self.name(at, target[2], state)
            elif target[0] == "coll" and "/" in state.kind:
                index, _, inner = state.kind.partition("/")
                names = target[3]
                if int(index) < len(names) and names[int(index)][0] == "name":
                    self.name(at, names[int(index)][2], state.to(inner))
                else:
                    state.lost()
            else:
                state.lost()
        return None

    def each(self, at: At, target: Node, trail: tuple[Node, ...], inside: tuple[Node, ...], state: State) -> None:
        """Follow the variable of a loop over rows through what the loop does."""
        kind = state.kind
        if kind == "map":
            return
        index = {"rows": -1, "tuples": 0, "pairs": 1}.get(kind)
        if index is None:
            state.lost()
            return
        if index >= 0 and target[0] == "coll" and index < len(target[3]):
            target, index = target[3][index], -1
        if target[0] != "name" or is_closed_over(at.function, target[2]):
            state.lost()
            return
        held = state.to("row" if index < 0 else f"{index}/row")
        for inner in trails(inside, target[2]):
            self.climb(at, (*trail, *inner), held)

    def comprehension(self, at: At, trail: tuple[Node, ...], node: Node, state: State) -> State | None:
        """Follow rows that a comprehension goes through, or collects."""
        comp = trail[-1]
        for number, (target, over, tests, _) in enumerate(comp[4]):
            if over is node:
                after = tuple(part for later in comp[4][number + 1 :] for part in (later[1], *later[2]))
                self.each(at, target, trail, (comp[3], comp[5], *tests, *after), state)
                return None
            if target is node or any(test is node for test in tests):
                return None
        if comp[5] is node or (comp[2] != "dict" and comp[3] is node):
            return state.to("map" if comp[5] is node else "rows") if state.kind == "row" else state.lost()
        return state.lost()

    # ------------------------------------------------------------------------------ calls
    def call(self, at: At, trail: tuple[Node, ...], node: Node, state: State) -> State | None:
        """Follow rows into a call: of one of their methods, or of what they are given to."""
        call, kind = trail[-1], state.kind
        if call[2] is node:
            return self.method(at, trail, state) if kind.startswith(".") else state.lost()
        if kind.startswith("."):
            return state.lost()
        name = last(call[2])
        many = kind in ("rows", "tuples", "pairs")
        if call[2][0] == "name" and name in ASK:
            return None
        if many and call[2][0] == "name" and name in KEEP | ONE:
            self.keyed(at, trail, state)
            return (
                state if name in KEEP else state.to("row" if kind == "rows" else "0/row" if kind == "tuples" else "?")
            )
        if kind == "query" and call[2][0] == "attr" and name in RUNS and call[3][:1] == (node,):
            return state.to(RUNS[name])
        if kind == "rows" and name in ("get_object_or_404", "aget_object_or_404") and call[3][0] is node:
            return state.to("row")
        if kind == "rows" and name == "enumerate":
            return state.to("pairs")
        if kind == "row" and name in ("getattr", "hasattr", "setattr") and call[3][0] is node:
            return self.named(call, name, state)
        taken = self.handed(at, call, node, name, state)
        if taken is not None:
            kinds = list(taken.given)
            for given in kinds[1:]:
                self.climb(at, trail, state.to(given))
            return state.to(kinds[0]) if kinds else None
        if call[2][0] == "attr" and name in SESSION and kind in ("row", "rows"):
            return None
        return state.lost()

    def handed(self, at: At, call: Node, node: Node, name: str, state: State) -> At | None:
        """Follow rows into the function of the project that a call gives them to; None where there is none."""
        module = at.function.module
        if name in VALIDATE and call[2][0] == "attr" and call[3] and call[3][0] is node and state.kind == "row":
            entity = self.project.expression(module, call[2][2])
            if isinstance(entity, Class) and serializers.is_response_model(self.project, entity):
                return self.answer(entity, state)
        entity = self.project.expression(module, call[2]) if call[2][0] in ("name", "attr") else None
        first = bool(call[3]) and call[3][0] is node and state.kind in ("row", "rows")
        if first and isinstance(entity, Class) and serializers.kind_of(self.project, entity):
            return self.answer(entity, state)
        found = at.called(name)
        if isinstance(entity, Function):
            found = [each for each in found if each[0] is entity]
        result: At | None = None
        for function, reading in found:
            names = [parameter for parameter, value in arguments(call, function) if value is node]
            if len(names) != 1:
                return None
            inside = self.parameter(function, reading, names[0], state)
            if result is not None and list(result.given) != list(inside.given):
                return None
            result = inside
        return result

    def answer(self, cls: Class, state: State) -> At:
        """Follow rows into a response model or a serializer: it reads its fields."""
        if serializers.is_serializer(self.project, cls):
            made = serializers.synthesize(self.project, self.schema, cls)
        else:
            made = serializers.model_read(self.project, cls)
        inside = At(made, None)
        key = (cls, id(state.taken))
        if key not in self.known:
            self.known[key] = inside
            for trail in trails(made.body, "obj"):
                self.climb(inside, trail, state.to("row"))
            if not made.body:
                state.lost()
        return At(made, None)

    def method(self, at: At, trail: tuple[Node, ...], state: State) -> State | None:
        """Follow what a method of a collection of rows gives."""
        _, of, name = state.kind.split(".")
        if name == "sort" and of == "rows":
            self.keyed(at, trail, state.to("rows"))
            return None
        kind = given_by(of, name)
        return state.to(kind) if kind else None if name in COUNTS else state.lost()

    def keyed(self, at: At, trail: tuple[Node, ...], state: State) -> None:
        """Note what the key of `sorted(rows, key=...)` reads of each row."""
        key = dict(trail[-1][4]).get("key")
        if key is None:
            return
        if key[0] == "call" and last(key[2]) == "attrgetter" and all(each[0] == "const" for each in key[3]):
            for each in key[3]:
                self.column(str(each[2]), state)
        elif key[0] == "lambda" and len(key[2]) == 1 and state.kind == "rows":
            for inner in trails((key[3],), key[2][0][0]):
                self.climb(at, inner, state.to("row"))
        else:
            state.lost()

    def named(self, call: Node, name: str, state: State) -> State | None:
        """Note the column that `getattr(row, "name")` reads."""
        if len(call[3]) > 1 and call[3][1][0] == "const":
            if name == "setattr":
                state.taken.written[str(call[3][1][2])] = None
            else:
                self.column(str(call[3][1][2]), state)
            return None
        return state.lost()

    def column(self, name: str, state: State) -> None:
        """Note that a column is read by its name."""
        if name in state.model.columns or name in ("id", "pk"):
            state.taken.names["id" if name == "pk" else name] = None
        else:
            state.lost()

    # --------------------------------------------------------------------------- members
    def member(self, at: At, trail: tuple[Node, ...], state: State) -> State | None:
        """Note what is read of a row: a column, a relation, or what a method or property of its class reads."""
        node, model, taken = trail[-1], state.model, state.taken
        name = node[3]
        above = trail[-2] if len(trail) > 1 else node
        relation = model.relations.get(name)
        if relation is not None:
            inner = taken.within(name)
            target = relation.target
            if target is None or (above[0] == "assign" and above[3] is not node) or above[0] == "aug":
                inner.known = False
                return None
            return State("rows" if relation.many else "row", target, inner)
        if above[0] == "assign" and any(target is node for target in above[2]):
            taken.written[name] = None
            return None
        if name in model.columns or name in ("id", "pk") or model.column(name) is not None:
            taken.names["id" if name == "pk" else name] = None
            return None
        found = self.project.class_member(model.cls, name)
        if isinstance(found, tuple) and found[1][0] == "func":
            function = found[0].module.functions[found[1][1]]
            reading = next((reading for each, reading in at.called(name) if each is function), None)
            if not function.parameters or any(last(each) == "staticmethod" for each in function.decorators):
                return state.lost()
            inside = self.parameter(function, reading, function.parameters[0][0], state)
            return state.lost() if inside.given else None
        calls = above[0] == "call" and above[2] is node
        if calls and name.startswith("get_") and name.endswith("_display") and name[4:-8] in model.columns:
            taken.names[name[4:-8]] = None
            return None
        if found is None and not calls and model.framework == DJANGO and "annotate" in at.function.called:
            return None  # what the query added to each row
        return state.lost()


def held_by(node: Node, kind: str) -> str:
    """Return how the answer of a session holds rows: `execute` gives tuples, unless it is asked for scalars."""
    called = node[2] if node[0] == "await" else node
    names = [last(called[2])] if called[0] == "call" else []
    while called[0] == "call" and called[2][0] == "attr":
        called = called[2][2]
        called = called[2] if called[0] == "await" else called
        if called[0] == "call":
            names.append(last(called[2]))
    if names and any(name in QUERIES for name in names):
        return "tuples" if "scalars" not in names and any(name in QUERIES[:2] for name in names) else "rows"
    return kind


def given_by(of: str, name: str) -> str:
    """Return how the answer of a method of a collection holds the rows; nothing where that is not known."""
    if of == "map":
        return {"get": "row", "pop": "row", "setdefault": "row", "values": "rows", "items": "pairs", "copy": of}.get(
            name, ""
        )
    if of == "query":  # a statement that is not run yet, or a legacy query, which runs itself
        return (
            of
            if name in REFINE and name not in RESULTS
            else "rows"
            if name in RESULTS
            else "row"
            if name in FIRST
            else ""
        )
    if of == "tuples":
        if name in ("scalars", "scalar", "scalar_one", "scalar_one_or_none"):
            return "rows" if name == "scalars" else "row"
        return of if name in REFINE else "0/row" if name in FIRST else ""
    return "rows" if name in REFINE else "row" if name in FIRST else ""


def last(node: Node) -> str:
    """Return the last name of a dotted one."""
    return str(node[-1]) if node[0] in ("name", "attr") else ""


def standing(tree: Any, position: int) -> Iterator[tuple[Node, ...]]:
    """Give the nodes from a statement down to each expression at a position, the outermost first."""
    stack: list[tuple[Any, tuple[Node, ...]]] = [(tree, ())]
    while stack:
        node, above = stack.pop()
        if type(node) is not tuple:
            continue
        if len(node) > 1 and type(node[0]) is str and type(node[1]) is int:
            above = (*above, node)
            if node[1] == position and node[0] in ("call", "attr", "name", "sub", "await"):
                yield above
        stack.extend([(part, above) for part in node[::-1]])


__all__ = ["At", "Reads", "State", "Taken", "last", "standing"]
