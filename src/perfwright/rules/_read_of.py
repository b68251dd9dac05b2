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
from perfwright.rules import _holding as holding
from perfwright.rules._same import arguments
from perfwright.rules._uses import is_closed_over, trails

MOST: Final = 600  # places that are looked at for one load
ASK: Final = frozenset(("len", "bool", "any", "isinstance", "id", "type", "hash", "callable"))
ADDS: Final = ("append", "appendleft", "add")
SESSION: Final = frozenset(("add", "add_all", "expunge", "flush"))
VALIDATE: Final = frozenset(("model_validate", "from_orm", "validate"))


class Taken:
    """What is read of a row: its columns, and in the same way what is read of the rows that it relates to.

    `written` are the columns that are set, `cut` those of which the beginning is read. `known` is False where a row is
    used otherwise.
    """

    __slots__ = ("cut", "inner", "known", "names", "written")

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.written: dict[str, None] = {}
        self.cut: dict[str, None] = {}
        self.inner: dict[str, Taken] = {}
        self.known = True

    def within(self, name: str) -> "Taken":
        """Return what is read of the rows of a relation."""
        return self.inner.setdefault(name, Taken())


class At:
    """A function in which rows are followed; `given` says how it returns them."""

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
    """How an expression holds rows of a model (see `_holding`); what is read of them is noted in `taken`."""

    __slots__ = ("kind", "model", "taken")

    def __init__(self, kind: str, model: Model, taken: Taken) -> None:
        self.kind, self.model, self.taken = kind, model, taken

    def to(self, kind: str) -> "State":
        """Return the same rows, held otherwise."""
        self.taken.known = self.taken.known and len(kind) <= holding.LONGEST
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
            elif not found and (called or node[0] in ("name", "await")):
                found = trail
        if not found:
            state.lost()
            return
        given = [found[-1]]
        if given[0][0] == "name":
            if any(parameter[0] == given[0][2] for parameter in at.function.parameters):
                state.lost()  # whoever passes the rows has loaded them
            assigned = [node for node in walk(at.function.body) if node[0] == "assign"]
            given = [node[3] for node in assigned if any(each[:3:2] == ("name", given[0][2]) for each in node[2])]
        for node in given:
            kind = holding.answered(node, kind)
        if found[-1][0] == "name":
            self.name(at, found[-1][2], state.to(kind))
        else:
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
            return state.to(f".{kind}.{parent[3]}") if not kind.startswith(".") else state.lost()
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
            at.given[kind if tag != "yield" else f"list:{kind}"] = None
            return None
        if tag == "coll":
            index = next(i for i, item in enumerate(parent[3]) if item is node)
            return state.to(f"list:{kind}" if parent[2] == "list" else f"{index}/{kind}")
        return state.lost()

    def item(self, parent: Node, node: Node, state: State) -> State | None:
        """Follow an item that is taken out of what holds rows."""
        if parent[2] is not node:
            return state.lost()
        index = parent[3]
        if state.kind == "row" and index[0] == "const" and isinstance(index[2], str):
            state.taken.names[index[2]] = None
            return None
        kind = holding.item(state.kind, index)
        return state.to(kind) if kind else None if kind is None else state.lost()

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
                self.part(at, target, state)
            elif target[0] == "sub" and target[2][0] == "name" and is_own(at.function, target[2][2]):
                self.name(at, target[2][2], state.to(f"dict:{state.kind}"))
            else:
                state.lost()
        return None

    def part(self, at: At, target: Node, state: State) -> None:
        """Follow the name among several that gets the rows out of a tuple."""
        index, _, inner = state.kind.partition("/")
        names = target[3]
        if index.isdigit() and int(index) < len(names) and names[int(index)][0] == "name":
            self.name(at, names[int(index)][2], state.to(inner))
        else:
            state.lost()

    def each(self, at: At, target: Node, trail: tuple[Node, ...], inside: tuple[Node, ...], state: State) -> None:
        """Follow the variable of a loop over rows through what the loop does."""
        holder, _, kind = state.kind.partition(":")
        if holder == "dict":
            return
        index, slash, inner = kind.partition("/")
        if holder in ("query", "row"):
            kind = "row" if holder == "query" else ""
        elif slash and index.isdigit() and target[0] == "coll" and int(index) < len(target[3]):
            target, kind = target[3][int(index)], inner
        if not kind or target[0] != "name" or is_closed_over(at.function, target[2]):
            state.lost()
            return
        for found in trails(inside, target[2]):
            self.climb(at, (*trail, *found), state.to(kind))

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
        if comp[5] is node:
            return state.to(f"dict:{state.kind}")
        return state.to(f"list:{state.kind}") if comp[2] != "dict" and comp[3] is node else state.lost()

    # ------------------------------------------------------------------------------ calls
    def call(self, at: At, trail: tuple[Node, ...], node: Node, state: State) -> State | None:
        """Follow rows into a call: of one of their methods, or of what they are given to."""
        call, kind = trail[-1], state.kind
        if call[2] is node:
            return self.method(at, trail, state) if kind.startswith(".") else state.lost()
        if kind.startswith("."):
            return state.lost()
        name = last(call[2])
        if call[2][0] == "name" and name in ASK:
            return None
        place = next((index for index, given in enumerate(call[3]) if given is node), -1)
        made = holding.call(kind, name, place) if place >= 0 else ""
        if made:
            self.keyed(at, trail, state)
            return state.to(made)
        if kind == "query" and call[2][0] == "attr" and name in holding.RUNS and place == 0:
            return state.to(holding.RUNS[name])
        if kind == "list:row" and name in ("get_object_or_404", "aget_object_or_404") and place == 0:
            return state.to("row")
        if kind == "row" and name in ("getattr", "hasattr", "setattr") and call[3][0] is node:
            return self.named(call, name, state)
        taken = self.handed(at, call, node, name, state)
        if taken is not None:
            kinds = list(taken.given)
            for given in kinds[1:]:
                self.climb(at, trail, state.to(given))
            return state.to(kinds[0]) if kinds else None
        if call[2][0] == "attr" and name in ADDS and len(call[3]) == 1 and self.added(at, call[2][2], state):
            return None
        if call[2][0] == "attr" and name in SESSION and kind in ("row", "list:row"):
            return None
        return state.lost()

    def added(self, at: At, holder: Node, state: State) -> bool:
        """Follow the collection of a function that rows are added to, also one of a dict of them."""
        kind = f"list:{state.kind}"
        if holder[0] == "call" and holder[2][0] == "attr" and holder[2][3] == "setdefault":
            holder, kind = holder[2][2], f"dict:{kind}"
        elif holder[0] == "sub":
            holder, kind = holder[2], f"dict:{kind}"
        if holder[0] != "name" or not is_own(at.function, holder[2]):
            return False
        self.name(at, holder[2], state.to(kind))
        return True

    def handed(self, at: At, call: Node, node: Node, name: str, state: State) -> At | None:
        """Follow rows into the function of the project that a call gives them to; None where there is none."""
        module = at.function.module
        if name in VALIDATE and call[2][0] == "attr" and call[3] and call[3][0] is node and state.kind == "row":
            entity = self.project.expression(module, call[2][2])
            if isinstance(entity, Class) and serializers.is_response_model(self.project, entity):
                return self.answer(entity, state)
        entity = self.project.expression(module, call[2]) if call[2][0] in ("name", "attr") else None
        first = bool(call[3]) and call[3][0] is node and state.kind in ("row", "list:row")
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
        if name == "sort":
            self.keyed(at, trail, state.to(of))
        kind = holding.method(of, name)
        return state.to(kind) if kind else None if kind is None else state.lost()

    def keyed(self, at: At, trail: tuple[Node, ...], state: State) -> None:
        """Note what the key of `sorted(rows, key=...)` reads of each row."""
        key = dict(trail[-1][4]).get("key")
        if key is None:
            return
        if key[0] == "call" and last(key[2]) == "attrgetter" and all(each[0] == "const" for each in key[3]):
            for each in key[3]:
                self.column(str(each[2]), state)
        elif key[0] == "lambda" and len(key[2]) == 1:
            for inner in trails((key[3],), key[2][0][0]):
                self.climb(at, inner, state.to(state.kind.partition(":")[2]))
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
            return State("list:row" if relation.many else "row", target, inner)
        if above[0] == "assign" and any(target is node for target in above[2]):
            taken.written[name] = None
            return None
        piece = above[3] if above[0] == "sub" and above[2] is node else node
        if name in model.columns and piece[0] == "slice" and piece[2] is None and piece[3] is not None:
            taken.cut[name] = None
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


def is_own(function: Function, name: str) -> bool:
    """Tell whether a function itself makes what a name stands for: nobody else sees what is put into it."""
    if any(parameter[0] == name for parameter in function.parameters):
        return False
    bound = [node for node in walk(function.body) if node[0] in ("assign", "ann")]
    targets = [target for node in bound for target in (node[2] if node[0] == "assign" else (node[2],))]
    names = [part for target in targets for part in (target[3] if target[0] == "coll" else (target,))]
    return any(each[:3:2] == ("name", name) for each in names)


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
