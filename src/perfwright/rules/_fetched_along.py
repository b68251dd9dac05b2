"""Relations that a query fetches along with its rows, and the functions that those rows come from."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from perfwright.effects.observations import Reading
from perfwright.effects.schema import DJANGO, Model, Relation
from perfwright.effects.summary import Effects
from perfwright.index.lower import STAR, Node
from perfwright.index.project import Class, Function, Value
from perfwright.index.tree import walk
from perfwright.rules._read_of import At, Reads, State, Taken, last

SEPARATE: Final = ("selectinload", "subqueryload", "immediateload")  # each is a query of its own
JOINED: Final = ("joinedload", "contains_eager")
WORDS: Final = frozenset(("options", "prefetch_related", *SEPARATE, *JOINED))
DEEPEST: Final = 4  # functions that hand a query, or its rows, on
GETS: Final = ("get", "get_one", "aget")


class Origin:
    """A query that fetches relations along, and the functions its rows went through, the innermost last.

    `given` says as what the outermost of them returns the rows, `taken` what they have read of them by then; `said` is
    where the relations are named, and `many` tells that it may be more than one row.
    """

    __slots__ = ("chain", "given", "many", "model", "names", "said", "taken")

    def __init__(
        self,
        model: Model,
        names: dict[str, str],
        chain: tuple[tuple[Function, int, str], ...],
        said: tuple[Function, int],
    ) -> None:
        self.model, self.names, self.chain, self.said = model, names, chain, said
        self.given: list[str] = []
        self.taken = Taken()
        self.many = True


class Origins:
    """Finds the queries whose rows a function has, its own and those of the functions it calls."""

    def __init__(self, effects: Effects) -> None:
        self.effects, self.project, self.schema = effects, effects.project, effects.schema

    def of(self, reading: Reading, depth: int = 0, call: tuple[At, Node] | None = None) -> Iterator[Origin]:
        """Give the queries of a function that fetch relations along, with what it and those it calls read of the rows.

        `call` is the call of the function, for what it passes on to the query.
        """
        function = reading.function
        if depth > DEEPEST:
            return
        for node in walk(function.body):
            if node[0] != "call":
                continue
            model, names = self.fetched(At(function, reading), node, call)
            if model is not None and names:
                said = (function, node[1])
                if call is not None and not self.fetched(At(function, reading), node, None)[1]:
                    said = (call[0].function, call[1][1])
                origin = Origin(model, names, ((function, node[1], "fetched along"),), said)
                kind = "list:row" if model.framework == DJANGO else "query"
                at, state = At(function, reading), State(kind, model, origin.taken)
                Reads(self.effects).begin_at(at, node, state)
                origin.given = list(at.given)
                yield origin
        yield from self._from_called(reading, depth, injected=depth == 0 or call is None)

    def _from_called(self, reading: Reading, depth: int, *, injected: bool) -> Iterator[Origin]:
        """Give the queries of what a function calls, and of its dependencies where it is called with those."""
        function = reading.function
        seen: set[Function] = set()
        for inner in reading.called:
            callee = inner.function
            if callee in seen or callee.index < 0 or not may_fetch(inner, depth + 1):
                continue
            seen.add(callee)
            for name, node in self.meets(function, callee):
                if node is None and not injected:
                    continue  # whoever calls the function passes the rows
                site = (At(function, reading), node) if node is not None else None
                for origin in self.of(inner, depth + 1, site):
                    if not origin.given or not origin.taken.known:
                        continue
                    at, taken = At(function, reading), origin.taken
                    position = node[1] if node is not None else function.line << 12
                    chain = ((function, position, f"{callee.name}()"), *origin.chain)
                    outer = Origin(origin.model, origin.names, chain, origin.said)
                    outer.taken, outer.many = taken, any(kind != "row" for kind in origin.given)
                    for kind in origin.given:
                        state = State(kind, origin.model, taken)
                        if node is not None:
                            Reads(self.effects).begin_at(at, node, state)
                        else:
                            Reads(self.effects).name(at, name, state)
                    outer.given = list(at.given)
                    yield outer

    def meets(self, function: Function, callee: Function) -> Iterator[tuple[str, Node | None]]:
        """Give the calls of a function in another, and the parameters that FastAPI fills with its answer."""
        for node in walk(function.body):
            if node[0] == "call" and last(node[2]) == callee.name:
                yield "", node
        for name, needed in self.effects.injected(function):
            if name and needed is callee:
                yield name, None

    # --------------------------------------------------------------------------- options
    def fetched(self, at: At, node: Node, call: tuple[At, Node] | None) -> tuple[Model | None, dict[str, str]]:
        """Return the model and the relations to many that a call tells a query to fetch, with how."""
        name = last(node[2])
        if name == "prefetch_related":
            return self.prefetched(at.function, node)
        if name == "options":
            given = node[3]
        elif name in GETS and any(key == "options" for key, _ in node[4]):
            given = (dict(node[4])["options"],)
        else:
            return None, {}
        found: dict[str, str] = {}
        owner: Model | None = None
        for option in self.written(at, given, call):
            model, relation, how = self.option(at.function, option)
            if model is None or relation is None:
                continue
            if owner is not None and model is not owner:
                return None, {}
            owner = model
            if how in SEPARATE or (how in JOINED[:1] and relation.many):
                found[relation.name] = how
        return owner, found

    def prefetched(self, function: Function, node: Node) -> tuple[Model | None, dict[str, str]]:
        """Return the model and the relations that `Order.objects.filter(...).prefetch_related("lines")` names."""
        base: Node = node[2][2] if node[2][0] == "attr" else node
        entity = None
        while base[0] in ("call", "attr") and not isinstance(entity, Class):
            base = base[2]
            entity = self.project.expression(function.module, base) if base[0] in ("name", "attr") else None
        model = self.schema.of(entity) if isinstance(entity, Class) else None
        if model is None:
            return None, {}
        names: dict[str, str] = {}
        for given in node[3]:
            kept = given[0] == "call" and any(key == "to_attr" for key, _ in given[4])
            path = given[3][0] if given[0] == "call" and last(given[2]) == "Prefetch" and given[3] else given
            name = str(path[2]).partition("__")[0] if path[0] == "const" else ""
            relation = model.relations.get(name)
            if relation is not None and relation.many and not kept:
                names[name] = "prefetch_related"
        return model, names

    def written(self, at: At, given: tuple[Node, ...], call: tuple[At, Node] | None, depth: int = 0) -> Iterator[Node]:
        """Give the loader options that some arguments stand for: those of constants and of what the caller passes."""
        for node in given if depth < DEEPEST else ():
            inner: Node = node[2] if node[0] == "star" else node
            if inner[0] == "coll":
                yield from self.written(at, inner[3], call, depth + 1)
            elif inner[0] == "call":
                yield inner
            elif inner[0] == "sub" and inner[3][0] == "const" and isinstance(inner[3][2], int):
                held = list(self.written(at, (inner[2],), call, depth + 1))
                yield from held[inner[3][2] : inner[3][2] + 1]
            elif inner[0] in ("name", "attr"):
                yield from self.named(at, inner, call, depth)

    def named(self, at: At, node: Node, call: tuple[At, Node] | None, depth: int) -> Iterator[Node]:
        """Give the loader options that a name stands for: a parameter, or a constant of a module."""
        parameters = [parameter[0] for parameter in at.function.parameters]
        if node[0] == "name" and node[2] in parameters:
            index = parameters.index(node[2])
            if call is not None and at.function.parameters[index][3] == STAR:
                outer, passed = call
                before = [value for value in passed[3][:index] if value[0] == "star"]
                if not before:
                    yield from self.written(outer, passed[3][index:], None, depth + 1)
            return
        entity = self.project.expression(at.function.module, node)
        if isinstance(entity, Value) and entity.expression is not None:
            module = At(Function(entity.module, -1, AT_TOP), None)
            yield from self.written(module, (entity.expression,), None, depth + 1)

    def option(self, function: Function, option: Node) -> tuple[Model | None, Relation | None, str]:
        """Return the first step of `selectinload(Order.lines).joinedload(Line.product)`."""
        call = option
        while call[0] == "call" and call[2][0] == "attr" and call[2][2][0] == "call":
            call = call[2][2]
        how = last(call[2]) if call[0] == "call" else ""
        if how not in SEPARATE + JOINED or not call[3] or call[3][0][0] != "attr":
            return None, None, how
        target = call[3][0]
        found = self.project.expression(function.module, target[2])
        model = self.schema.of(found) if isinstance(found, Class) else None
        if model is None:
            for named in self.schema.by_name.get(last(target[2]), ()):
                model = named
        return model, model.relations.get(target[3]) if model is not None else None, how


@lru_cache(maxsize=20_000)
def may_fetch(reading: Reading, depth: int) -> bool:
    """Tell whether a function, or one that it calls, may tell a query to fetch relations along."""
    if not reading.function.called.isdisjoint(WORDS):
        return True
    return depth < DEEPEST and any(may_fetch(inner, depth + 1) for inner in reading.called)


AT_TOP: Final = ("<module>", "<module>", 1, 1, (), (), None, 0, (), -1, -1)

__all__ = ["Origin", "Origins"]
