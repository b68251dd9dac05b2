"""Relations that lead from one to the next, gone through to the end for one value: `sum(len(a.b) for a in c.d)`."""

import ast
from dataclasses import dataclass, replace

from perfwright.effects.schema import DJANGO, Model
from perfwright.fix.recipes._bindings import assigned, walked
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._conditions import Part, parts
from perfwright.fix.recipes._inlined import inlined, inlined_parts
from perfwright.fix.recipes._origins import Frame, Origins, is_self
from perfwright.fix.source import Source, names
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class, Function

DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Step:
    """A relation that is gone through, by its name, with the name of each row there and the conditions on it."""

    owner: Model
    name: str
    target: Model
    row: str
    wanted: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """What is asked of the rows that the last of some relations leads to: their `count`, whether one `exists`, or the
    `sum` of a value of each. `base` is the first relation, as it is read of a row."""

    whole: ast.expr
    base: ast.Attribute
    steps: tuple[Step, ...]
    kind: str
    value: ast.expr | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class _Way:
    """A chain before anybody knows whose relations they are: what is gone through, as what, under which conditions."""

    kind: str
    gone: tuple[tuple[ast.expr, str, tuple[ast.expr, ...]], ...]
    value: ast.expr | None = None


def way(node: ast.expr) -> _Way | None:
    """Return how rows are gone through by a call that makes one value of them."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or len(node.args) != 1 or node.keywords:
        return None
    name, given = node.func.id, node.args[0]
    if name == "len" and isinstance(given, ast.Attribute):
        return _Way("count", ((given, "", ()),))
    if not isinstance(given, ast.ListComp | ast.GeneratorExp) or name not in ("len", "sum", "any", "all"):
        return None
    gone: list[tuple[ast.expr, str, tuple[ast.expr, ...]]] = []
    for each in given.generators:
        if each.is_async or not isinstance(each.target, ast.Name):
            return None
        gone.append((each.iter, each.target.id, tuple(each.ifs)))
    if name == "len":
        return _Way("count", tuple(gone)) if isinstance(given, ast.ListComp) else None
    if name in ("any", "all"):
        return _Way("exists", tuple(gone), given.elt)
    is_one = isinstance(given.elt, ast.Constant) and given.elt.value == 1
    return _Way("count", tuple(gone)) if is_one else _Way("sum", tuple(gone), given.elt)


class Chains:
    """Finds the chains of relations in one file."""

    def __init__(self, around: Surroundings, source: Source) -> None:
        self.around, self.source = around, source

    def around_node(self, node: ast.expr) -> Chain | None:
        """Return the chain, the longest one, that goes through what a node stands for."""
        found: Chain | None = None
        for each in self.source.above(node):
            if isinstance(each, ast.stmt):
                break
            made = self.of(each) if isinstance(each, ast.Call) else None
            found = made if made is not None and has(made, node) else found
        return found

    def of(self, node: ast.expr) -> Chain | None:
        """Return the chain that a call makes one value of."""
        found = way(node)
        base: ast.expr | None = found.gone[0][0] if found is not None else None
        owner = self.model(base.value) if isinstance(base, ast.Attribute) else None
        if found is None or not isinstance(base, ast.Attribute) or owner is None or owner.framework == DJANGO:
            return None
        return self._followed(node, base, owner, found)

    def inlined(self, node: ast.expr, owner: Model) -> Chain | None:
        """Return the chain that a call makes one value of, which stands in place of a property of a row."""
        found = way(node)
        base: ast.expr | None = found.gone[0][0] if found is not None else None
        if found is None or not isinstance(base, ast.Attribute) or owner.framework == DJANGO:
            return None
        return self._followed(node, base, owner, found)

    def _followed(self, whole: ast.expr, base: ast.Attribute, owner: Model, found: _Way) -> Chain | None:
        steps: list[Step] = []
        last = ""
        negated = name_of(whole) == "all"
        while True:
            over: ast.expr
            for over, row, tests in found.gone:
                relation = owner.relations.get(over.attr) if isinstance(over, ast.Attribute) else None
                begins = over is base or (
                    isinstance(over, ast.Attribute) and isinstance(over.value, ast.Name) and over.value.id == last
                )
                if relation is None or relation.target is None or not begins or not isinstance(over, ast.Attribute):
                    return None
                if not relation.many or relation.through or relation.dynamic or relation.secondary is not None:
                    return None
                some = [part for test in tests for part in parts(test)]
                wanted = inlined_parts(self.around, self.source, relation.target, some, row)
                steps.append(Step(owner, over.attr, relation.target, row, wanted))
                owner, last = relation.target, row
            if found.kind != "sum" or found.value is None:
                break
            value = inlined(self.around, self.source, owner, found.value, last)
            inner = way(value)
            if inner is None or inner.kind == "exists":
                found = replace(found, value=value)
                break
            found = inner
        if found.kind == "exists" and found.value is not None:
            some = parts(found.value, holds=not negated)
            wanted = inlined_parts(self.around, self.source, owner, some, last)
            steps[-1] = replace(steps[-1], wanted=(*steps[-1].wanted, *wanted))
        models = [each.target for each in steps]
        if len(set(models)) != len(models) or not are_apart(steps, found.value):
            return None
        read = found.value if found.kind == "sum" else None
        return Chain(whole, base, tuple(steps), found.kind, read, negated)

    # ------------------------------------------------------------------------------ whose relation
    def model(self, node: ast.expr, depth: int = 0) -> Model | None:
        """Return the model of the row, or of the rows, that an expression stands for; None where it is not known."""
        if depth > DEEPEST:
            return None
        if isinstance(node, ast.Attribute):
            owner = self.model(node.value, depth + 1)
            relation = owner.relations.get(node.attr) if owner is not None else None
            return relation.target if relation is not None else None
        if isinstance(node, ast.Call):
            called = self.around.entity(self.source, node.func)
            defined = self.around.definition(called) if isinstance(called, Function) else None
            if defined is not None and defined[1].returns is not None:
                return self._annotated(defined[0], defined[1].returns)
        if not isinstance(node, ast.Name):
            return self._asked(node)
        over = walked(self.source, node)
        if over is not None:
            return self.model(over, depth + 1)
        function = self.source.function(node)
        if function is None:
            return None
        if is_self(node):
            owner_class = self.source.parents.get(function)
            return (
                self.around.model(self.source, ast.Name(owner_class.name, ast.Load()))
                if isinstance(owner_class, ast.ClassDef)
                else None
            )
        values = assigned(function, node.id)
        given = [each for each in ast.walk(function.args) if isinstance(each, ast.arg) and each.arg == node.id]
        if given and values == []:
            return self._annotated(self.source, given[0].annotation)
        found = {self.model(each, depth + 1) for each in values or ()}
        return found.pop() if len(found) == 1 and not given else None

    def _annotated(self, source: Source, annotation: ast.expr | None) -> Model | None:
        found = self.around.entity(source, annotation) if annotation is not None else None
        return self.around.schema.of(found) if isinstance(found, Class) else None

    def _asked(self, node: ast.expr) -> Model | None:
        found = {each.model for each in Origins(self.around).of(Frame(self.source), node)}
        return found.pop() if len(found) == 1 else None


def has(chain: Chain, node: ast.expr) -> bool:
    """Tell whether a chain goes through a relation where it is read."""
    return isinstance(node, ast.Attribute) and any(each is node for each in ast.walk(chain.whole))


def are_apart(steps: list[Step], value: ast.expr | None) -> bool:
    """Tell whether each row is tested by what it has itself, and the value is one of the last row."""
    rows = {each.row for each in steps if each.row}
    last = steps[-1].row
    if len(rows) != len([each for each in steps if each.row]):
        return False
    tests = [(each.row, part.test) for each in steps for part in each.wanted]
    tests += [(last, value)] if value is not None else []
    return not any((rows - {row}) & names(test) for row, test in tests)
