"""Conditions that stand elsewhere than in the query: in a name, a list, a dictionary, or what a helper returns.

`where = [A.x == x]`, `if y: where.append(A.y == y)`, `select(A).where(*where)`: the first is always asked, the second
only sometimes.
"""

from collections.abc import Iterator
from functools import lru_cache

from perfwright.effects.frame import Frame
from perfwright.effects.schema import Model
from perfwright.effects.values import ClassValue, FunctionValue
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Value

Path = tuple[int, ...]  # the blocks around a statement that run only sometimes
Step = tuple[Node, bool]  # an expression, and whether it counts only sometimes
DEEPEST = 6  # names and helpers that are followed, one from the other
MOST = 24  # conditions of one name
ENOUGH = 2_000  # expressions read for one call
ADDS = ("append", "add", "insert", "extend", "update")

UNREAD: Node = ("unread", 0)  # what somebody else has put into a name already


class Scope:
    """Where an expression is written: in the function that is being read, or in a helper, with what it is given."""

    __slots__ = ("frame", "function", "given", "level", "spent")

    def __init__(self, frame: Frame, function: Function, given: "dict[str, tuple[Scope, Node]]", level: int) -> None:
        self.frame, self.function, self.given, self.level = frame, function, given, level
        self.spent = [0]  # expressions read, together with those of the scopes that follow from this one

    def spend(self) -> bool:
        """Tell whether one more expression may be read: names that name each other could go on for ever."""
        self.spent[0] += 1
        return self.spent[0] <= ENOUGH

    @property
    def is_own(self) -> bool:
        """Tell whether an expression stands in the function that is being read."""
        return self.function is self.frame.function

    def column(self, node: Node) -> tuple[Model, str] | None:
        """Return the model and the column that `User.name` names, also by a parameter or a local name."""
        if node[0] == "name":
            found = self.given.get(node[2])
            if found is not None:
                return found[0].column(found[1])
            made = self.made(node[2])
            return self.deeper().column(made[0][0]) if len(made) == 1 and self.level < DEEPEST else None
        if node[0] != "attr" or node[2][0] not in ("name", "attr"):
            return None
        interp = self.frame.interp
        table = interp.schema.table_at(self.function.module, node[2])
        if table is not None:
            return (table, node[3]) if node[3] in table.columns else None
        cls: Class | None = None
        if self.is_own:
            base = interp.peek(self.frame, node[2])
            cls = base.cls if isinstance(base, ClassValue) else None
        if cls is None:
            entity = interp.project.expression(self.function.module, node[2])
            cls = entity if isinstance(entity, Class) else None
        model = interp.schema.of(cls) if cls is not None else None
        return (model, node[3]) if model is not None and node[3] in model.columns else None

    @property
    def parameters(self) -> set[str]:
        return {parameter[0] for parameter in self.function.parameters}

    def deeper(self) -> "Scope":
        scope = Scope(self.frame, self.function, self.given, self.level + 1)
        scope.spent = self.spent
        return scope

    def made(self, name: str) -> list[Step]:
        """Return what a name is made from: what it is bound to, and what is added to it."""
        if self.level >= DEEPEST:
            return []
        found = bindings(self.function).get(name, [])
        if found:
            begins = next((path for _, path, bound in found if bound), ())
            made = [(node, not is_within(path, begins)) for node, path, _ in found[:MOST]]
            if sum(bound and path != begins for _, path, bound in found):  # bound in one way or another
                made = [(node, only or bound) for (node, only), (_, _, bound) in zip(made, found, strict=False)]
            return [(UNREAD, False), *made] if name in self.parameters else made
        if self.function.index >= 0 and name not in self.parameters:
            entity = self.frame.interp.project.lookup(self.function.module, name)
            if isinstance(entity, Value) and entity.module is self.function.module and entity.expression is not None:
                return [(entity.expression, False)]
        return []

    def helper(self, call: Node) -> "Scope | None":
        """Return the scope of a function of the project that is called, with what it is given."""
        if self.level >= DEEPEST:
            return None
        interp = self.frame.interp
        called = interp.peek(self.frame, call[2]) if self.is_own and call[2][0] in ("name", "attr") else None
        function = called.function if isinstance(called, FunctionValue) else None
        if function is None:
            entity = interp.project.expression(self.function.module, call[2])
            function = entity if isinstance(entity, Function) else None
        if function is None or function is self.function:
            return None
        interp.consulted.add(function)
        names = [parameter[0] for parameter in function.parameters]
        given = {name: (self, node) for name, node in zip(names, call[3], strict=False) if node[0] != "star"}
        given.update({name: (self, node) for name, node in call[4] if name})
        scope = Scope(self.frame, function, given, self.level + 1)
        scope.spent = self.spent
        return scope

    def returned(self) -> list[Step]:
        """Return what a helper returns or yields."""
        found = list(given_back(self.function.body, False))
        return [(node, only and len(found) > 1) for node, only in found[:MOST]]


@lru_cache(maxsize=64)
def bindings(function: Function) -> dict[str, list[tuple[Node, Path, bool]]]:
    """Return what each name of a function is bound to and given more, see `written`."""
    found: dict[str, list[tuple[Node, Path, bool]]] = {}
    for name, node, path, binds in written(function.body, ()):
        found.setdefault(name, []).append((node, path, binds))
    return found


def is_within(path: Path, begins: Path) -> bool:
    """Tell whether what a block does is always done where another block is: it is that block, or one around it."""
    return begins[: len(path)] == path


def written(block: tuple[Node, ...], path: Path) -> Iterator[tuple[str, Node, Path, bool]]:
    """Give what a block binds to names and adds to them: the name, the expression, the blocks around, whether it binds.

    A block that always runs counts as the one around it.
    """
    for node in block:
        if node[0] == "assign":
            for target in node[2]:
                if target[0] == "name":
                    yield target[2], node[3], path, True
                elif target[0] == "sub" and target[2][0] == "name":  # filters["status"] = status
                    yield target[2][2], ("dict", node[1], (target[3],), (node[3],)), path, False
        elif node[0] == "ann" and node[2][0] == "name" and node[4] is not None:
            yield node[2][2], node[4], path, True
        elif node[0] == "aug" and node[2][0] == "name":
            yield node[2][2], node[4], path, False
        elif node[0] == "expr" and node[2][0] == "call" and node[2][2][0] == "attr" and node[2][2][2][0] == "name":
            call = node[2]
            if call[2][3] in ADDS and call[3]:
                yield call[2][2][2], call[3][-1], path, False
        for place, (inner, sometimes) in enumerate(blocks(node)):
            yield from written(inner, (*path, node[1] * 2 + place) if sometimes else path)


def given_back(block: tuple[Node, ...], only: bool) -> Iterator[Step]:
    """Give what a block returns and yields, and whether sometimes only."""
    for node in block:
        if node[0] == "return" and node[2] is not None:
            yield node[2], only
        elif node[0] == "expr" and node[2][0] == "yield" and node[2][2] is not None:
            yield node[2][2], only
        for inner, sometimes in blocks(node):
            yield from given_back(inner, only or sometimes)


def blocks(node: Node) -> list[tuple[tuple[Node, ...], bool]]:
    """Return the blocks of a statement, and whether they run only sometimes."""
    if node[0] == "if":
        return [(node[3], True), (node[4], True)]
    if node[0] in ("for", "while"):
        body: tuple[Node, ...] = node[4] if node[0] == "for" else node[3]
        return [(body, True)]
    if node[0] == "with":
        return [(node[3], False)]
    if node[0] == "try":
        return [(node[2], False)]
    return []
