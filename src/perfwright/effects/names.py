"""Names and what is bound to them: assignment, growth, and the guards that make work happen once."""

from typing import TYPE_CHECKING

from perfwright.effects.anew import made_anew, tested
from perfwright.effects.drains import drained
from perfwright.effects.frame import Frame, Held, Loop
from perfwright.effects.growth import grown
from perfwright.effects.iteration import deepen
from perfwright.effects.protocols import OPERATORS, special
from perfwright.effects.scans import search
from perfwright.effects.values import (
    FILLED,
    ITEMS,
    UNKNOWN,
    Awaitable,
    Constant,
    External,
    Foreign,
    FunctionValue,
    Instance,
    Load,
    Row,
    Rows,
    Scalar,
    Sequence,
    Super,
    Value,
    join,
)
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Module
from perfwright.index.project import External as Outside
from perfwright.index.project import Value as Global
from perfwright.index.tree import text, walk

if TYPE_CHECKING:
    from perfwright.effects.library import Libraries
    from perfwright.effects.schema import Model, Schema
    from perfwright.index.project import Project

MANAGERS = ("QuerySet", "Manager", "BaseManager", "QuerySetMixin")


class Names:
    """The part of the interpreter that binds names; it has no state of its own."""

    project: "Project"
    schema: "Schema"
    libraries: "Libraries"
    names_cache: dict[int, tuple[str, ...]]
    consulted: set[Function]
    instance_types: dict[tuple[int, str], Value]

    # ------------------------------------------------------------------------ binding
    def assign(self, frame: Frame, target: Node, value: Value, source: Node) -> None:
        """Bind a target: a name, an attribute, an item, or several at once."""
        tag = target[0]
        if tag == "name":
            # A flag set here may be set otherwise on the next pass: only a caller's flag is decided.
            plain = isinstance(value, Constant) and isinstance(value.value, bool)
            frame.env[target[2]] = Scalar("bool", value.depth) if plain else value
        elif tag == "coll":
            self.unpack(frame, target, value, source)
        elif tag == "attr":
            frame.use_whole(value)
            if isinstance(value, Rows):
                value.kept = True
            base = frame.value(target[2])
            if isinstance(base, Instance):
                later = isinstance(value, Sequence) and value.fills  # other methods fill it
                kept = Foreign(FILLED, 0) if later else deepen(value, 0)
                self.instance_types.setdefault((id(base.cls), target[3]), kept)
                found = self.project.class_member(base.cls, f"{target[3]}=")
                if isinstance(found, tuple) and found[1][0] == "func":
                    setter = found[0].module.functions[found[1][1]]
                    frame.interp.invoke(frame, FunctionValue(setter, base), (value,), {}, target)
            elif isinstance(base, Row):
                base.seen[target[3]] = value
        elif tag == "sub":
            frame.use_whole(value)
            base = frame.value(target[2])
            frame.value(target[3])
            if isinstance(base, Sequence):
                self.grow(frame, base, value)
                if base.of == "dict" and target[3][0] == "const" and isinstance(target[3][2], str):
                    known = base.fields.get(target[3][2]) if base.fields is not None else None
                    # On a branch, None stands beside what is there already.
                    both = known is not None and frame.path and isinstance(value, Constant)
                    base.put(target[3][2], join(known, value) if both and known is not None else value)
            elif isinstance(base, Instance):
                special(frame, base, "__setitem__", target, (UNKNOWN, value))
            grown(frame, target[2], target)
        elif tag == "star":
            self.assign(frame, target[2], Sequence("list", deepen(value, frame.depth), ITEMS, frame.depth), source)

    def unpack(self, frame: Frame, target: Node, value: Value, source: Node) -> None:
        items = value.items if isinstance(value, Sequence) else None
        for index, part in enumerate(target[3]):
            if items is not None and index < len(items) and part[0] != "star":
                item = items[index]
                if value.depth > item.depth or frame.depth > item.depth:
                    item = deepen(item, max(value.depth, frame.depth if frame.loops else 0))
            elif isinstance(value, Sequence):
                item = deepen(value.element, frame.depth)
            else:
                item = Value(max(value.depth, frame.depth), value.root)
            self.assign(frame, part, item, source)

    def target_names(self, target: Node) -> tuple[str, ...]:
        """Return the names that a target binds."""
        if target[0] == "name":
            return (target[2],)
        cached = self.names_cache.get(id(target))
        if cached is None:
            cached = self.names_cache[id(target)] = tuple(n[2] for n in walk(target) if n[0] == "name")
        return cached

    def grow(self, frame: Frame, where: Sequence, item: Value, *, many: bool = False, added: Value = UNKNOWN) -> None:
        """Something is put into a collection: it becomes as long as the loops that do it."""
        kept = deepen(item, where.depth) if item.kind != "unknown" else item
        where.element = kept if where.element.kind == "unknown" else join(where.element, kept)
        where.items = None
        inside = frame.loops[where.depth :]
        big = next((loop for loop in inside if loop.multiplies), None)
        if big is not None:
            where.size, where.known = big.size, big.sure
            if where.source is None and where.load is None and not many and where.of == "list":
                self.derive(where, big.iterated)
            searched = frame.calls.pop(("searched", id(where)), None)
            if searched is not None:
                search(frame, "membership", where, searched[1], searched[2], sure=big.sure)
        elif many and isinstance(added, Sequence) and not added.size.is_little:
            where.size, where.known = added.size, added.known
        elif inside and not inside[-1].size.is_little:
            where.size, where.known = ITEMS, False

    def derive(self, made: Sequence, source: Value) -> None:
        """Note that a collection was made from rows in memory."""
        if isinstance(source, Sequence):
            made.source = source.source or source.load
        elif isinstance(source, Rows):
            made.source = source.load

    def source_of(self, value: Value) -> Load | None:
        """Return the rows that a collection was made from."""
        return value.source if isinstance(value, Sequence) else None

    # -------------------------------------------------------------------------- guards
    def fills_once(self, test: Node, body: tuple[Node, ...]) -> bool:
        """Tell whether `if <test>:` fills something that is empty, so that it happens once."""
        wanted = missing(test)
        if wanted is None:
            return False
        return any(found == wanted or found.startswith(f"{wanted}[") for found in filled_in(body))

    def filling(self, frame: Frame, node: Node) -> tuple[Node, ...]:
        """Return the branch of an `if` that fills something that is empty and stays, so that it happens once."""
        test, body = node[2], node[3]
        if not self.fills_once(test, body):
            test, body = ("un", test[1], "not", test), node[4]
            wanted = missing(test) or ""
            # The other way round, what is only a local name may be another on each pass.
            if not body or ("." not in wanted and frame.lookup(wanted) is not None) or not self.fills_once(test, body):
                return ()
        wanted = missing(test) or ""
        if "." not in wanted and "[" not in wanted and made_anew(frame, wanted, body):
            return ()
        return body if self.is_older(frame, wanted) else ()

    def is_own(self, frame: Frame, test: Node) -> bool:
        """Tell whether a guard is about an attribute of the method's own object."""
        parameters = frame.function.parameters
        if frame.function.owner is None or not parameters:
            return False
        wanted = missing(test) or missing(("un", test[1], "not", test))
        if wanted is None or not wanted.startswith(f"{parameters[0][0]}."):
            wanted = next((text(n, 200) for n in walk(test) if is_of(n, parameters[0][0])), None)
        if wanted is None:
            return False
        name = wanted.partition(".")[2]
        held = self.project.class_member(frame.function.owner, name) if name.isidentifier() else None
        # What the class itself holds is there for all its objects.
        return not (isinstance(held, tuple) and held[1][0] == "value" and holds_more(held[1][1]))

    def is_older(self, frame: Frame, wanted: str) -> bool:
        """Tell whether what keeps an attribute is not another object on each pass: else that guards nothing there."""
        if "." not in wanted or not frame.loops:
            return True
        holder = frame.env.get(wanted.partition(".")[0])
        return holder is None or holder.kind not in ("row", "instance") or holder.depth < frame.depth

    def ends_unchanged(self, frame: Frame, statement: Node) -> bool:
        """Tell whether a statement returns where what the caller passed is what is there already."""
        if statement[0] == "with":
            return any(self.ends_unchanged(frame, inner) for inner in statement[3] if inner[0] in ("if", "with"))
        test, body = statement[2], statement[3]
        if statement[4] or not body:
            return False
        if body[-1][0] != "return":
            return body[-1][0] in ("if", "with") and self.ends_unchanged(frame, body[-1])
        if test[0] != "cmp" or test[3][0] != "==" or not ends_empty(body[-1]):
            return False
        sides = [unwrapped(side) for side in (test[2], test[4][0])]
        names = [parameter[0] for parameter in frame.function.parameters[frame.function.owner is not None :]]
        return any(
            one[0] == "name" and one[2] in names and other[0] in ("call", "attr") for one, other in (sides, sides[::-1])
        )

    def returns_early(self, statement: Node, block: tuple[Node, ...]) -> bool:
        """Tell whether an `if` returns what the rest of the block would fill: a cache by hand."""
        body = statement[3]
        if len(body) == 1 and body[0][0] == "if" and not statement[4]:
            return self.returns_early(body[0], block)  # if cache is not None: if found := cache.get(key): ...
        if not body or body[-1][0] != "return" or body[-1][2] is None:
            return False
        given = text(body[-1][2], 200)
        test = statement[2]
        if test[0] == "cmp" and test[2][0] == "walrus" and test[3][0] == "is not":
            test = test[2]
        if test[0] == "cmp" and test[3][0] in ("in", "is not"):
            subject = text(test[4][0], 200) if test[3][0] == "in" else text(test[2], 200)
        elif test[0] == "walrus":
            subject = str(test[2])
        elif test[0] in ("name", "attr"):
            subject = text(test, 200)
        elif slot(test):
            subject = slot(test)
        else:
            return False
        if test[0] == "cmp" and slot(test[2]):
            subject = slot(test[2])
        if not (given.startswith(subject) or slot(body[-1][2]) == subject):
            return False
        return any(found.startswith(subject) for found in filled_in(block))

    def returns_early_here(self, frame: Frame, statement: Node, block: tuple[Node, ...]) -> bool:
        """Tell whether an `if` returns what the rest of the block would fill, where that is kept for the next call."""
        if not self.returns_early(statement, block):
            return False
        name = tested(statement[2])
        return not name or not made_anew(frame, name, block)

    def decorating(self, function: Function) -> list[Function]:
        """Return the decorators of a function that the project wrote as functions."""
        found = []
        for decorator in function.decorators:
            node = decorator[2] if decorator[0] == "call" else decorator
            entity = self.project.expression(function.module, node) if node[0] in ("name", "attr") else None
            if isinstance(entity, Function):
                found.append(entity)
        return found

    def keeps_answers(self, decorator: Function) -> bool:
        """Tell whether what a decorator puts around a function asks it once for each argument: a memo by hand."""
        inside = {decorator.index}
        for inner in decorator.module.functions[decorator.index + 1 :]:
            if inner.outer not in inside:
                continue
            inside.add(inner.index)
            for statement in walk(inner.body):
                if statement[0] != "if" or not statement[3] or type(statement[3][0]) is not tuple:
                    continue
                if self.fills_once(statement[2], statement[3]) or self.returns_early(statement, inner.body):
                    self.consulted.add(inner)
                    return True
        return False

    def narrow(self, frame: Frame, test: Node) -> tuple[str, Value] | None:
        """Return the name and the value that `isinstance(name, Class)` narrows."""
        if test[0] != "call" or test[2][0] != "name" or test[2][2] != "isinstance" or len(test[3]) != 2:
            return None
        subject, cls = test[3]
        if subject[0] != "name":
            return None
        current = frame.lookup(subject[2])
        if current is None or current.kind != "unknown":
            return None
        found = self.peek(frame, cls)
        if found.kind == "class":
            new = self.instance(found.cls, current.depth)  # type: ignore[attr-defined]
            new.root = current.root
            return subject[2], new
        return None

    def while_loop(self, frame: Frame, node: Node, endless: bool) -> Loop:
        """Return the loop that a `while` makes: how often it goes round is seldom known."""
        loop = Loop("while", node[1], text(node[2]), ITEMS, UNKNOWN)
        loop.sure = False
        taken = drained(node, lambda called: self.function_at(frame, called)) if endless else ""
        if taken:
            loop.kind, loop.over, loop.sure, loop.drains = "for", taken, True, True
        elif endless or node[2][0] not in ("cmp", "bool"):
            loop.batches = True
        elif goes_through_time(node):
            loop.kind, loop.sure = "for", True
        return loop

    # ------------------------------------------------------------------------ questions
    def function_at(self, frame: Frame, node: Node) -> Function | None:
        """Return the function of the project that a plain name or dotted name stands for, also `self.method`."""
        owner = frame.function.owner
        if node[0] == "attr" and node[2][0] == "name" and node[2][2] == "self" and owner is not None:
            held = self.project.class_member(owner, node[3])
            return held if isinstance(held, Function) else None
        value = self.peek(frame, node)
        return value.function if isinstance(value, FunctionValue) else None

    def peek(self, frame: Frame, node: Node) -> Value:
        """Return the value of a plain name or dotted name without its effects."""
        if node[0] == "name":
            found = frame.lookup(node[2])
            return found if found is not None else self.global_value(frame.module, node[2])  # type: ignore[attr-defined]
        if node[0] == "attr":
            base = self.peek(frame, node[2])
            if base.kind == "module":
                return self.entity_value(self.project.member(base.module, node[3]))  # type: ignore[attr-defined, no-any-return]
            if isinstance(base, Row):
                return base.seen.get(node[3], UNKNOWN)
        return UNKNOWN

    def constant_node(self, frame: Frame, node: Node) -> Node | None:
        """Return the expression that a module or class constant is bound to."""
        if node[0] == "name":
            binding = frame.module.names.get(node[2])
            if binding is None or binding[0] != "value":
                entity = self.project.lookup(frame.module, node[2])
                expression = getattr(entity, "expression", None)
                return expression if isinstance(expression, tuple) else None
            return binding[1]  # type: ignore[no-any-return]
        if node[0] == "attr" and node[2][0] == "name" and isinstance(frame.self_value, Instance):
            found = self.project.class_member(frame.self_value.cls, node[3])
            if isinstance(found, tuple) and found[1][0] == "value":
                return found[1][1]  # type: ignore[no-any-return]
        return None

    def loop_over(self, frame: Frame, value: Value) -> bool:
        """Tell whether one of the loops around goes through this very collection."""
        return any(loop.iterated is value for loop in frame.loops)

    def super_value(self, frame: Frame) -> Value:
        """Return what `super()` is in a method."""
        inner: Frame | None = frame
        while inner is not None:
            if inner.function.owner is not None and inner.self_value is not None:
                return Super(inner.function.owner, inner.self_value)
            inner = inner.outer
        return UNKNOWN

    def operator(self, frame: Frame, left: Value, right: Value, symbol: str, node: Node) -> Value:
        """Return what `left <symbol> right` gives: `path / name` is a path."""
        if symbol == "/" and left.kind == "foreign":
            return deepen(left, frame.depth)
        if isinstance(left, Instance):
            found = special(frame, left, OPERATORS.get(symbol, ""), node, (right,))
            if found is not None:
                return found
        if symbol == "/" and isinstance(left, External):
            return Value(frame.depth)
        return Value(max(left.depth, right.depth))

    def held_by(self, value: Value, node: Node) -> tuple[Held, ...]:
        """Return the lock or transaction that `with value:` holds."""
        if isinstance(value, Awaitable):
            value = value.result
        if isinstance(value, Sequence):
            return value.holding  # @contextmanager
        names: list[str] = []
        if value.kind == "foreign":
            names = [value.name]  # type: ignore[attr-defined]
        elif isinstance(value, Instance):
            names = [self.libraries.canonical(base) for base in self.project.externals(value.cls)]
        for name in names:
            for method in ("__enter__", "__aenter__"):
                entry = self.libraries.method(name, method)
                if entry is not None and entry.holds:
                    return (Held(entry.holds, text(node), node[1], entry),)
        return ()

    def entered(self, frame: Frame, value: Value, node: Node) -> Value:
        """Return what `with value as x` binds."""
        if isinstance(value, Awaitable):
            value = value.result
        if isinstance(value, Sequence) and value.of == "iter":
            return deepen(value.element, frame.depth)  # @contextmanager
        if isinstance(value, Instance):
            for name in ("__enter__", "__aenter__"):
                found = frame.interp.method_result(frame, value, name, node)
                if found is not None:
                    return found if found.kind != "unknown" else value
        if value.kind == "foreign":
            name = value.name  # type: ignore[attr-defined]
            for method in ("__enter__", "__aenter__"):
                entry = self.libraries.method(name, method)
                if entry is not None:
                    for effect in entry.does:
                        frame.emit(effect.name, name, node[1], text(node), model=entry)
                    if entry.returns is not None and "." in entry.returns.head:
                        return self.foreign(entry.returns.head, frame.depth)  # type: ignore[attr-defined, no-any-return]
        return value

    # ------------------------------------------------------------------------- managers
    def is_manager(self, cls: Class) -> bool:
        """Tell whether a class of the project is a Django manager or queryset."""
        return self.schema.is_django and any(
            str(base).rpartition(".")[2] in MANAGERS or str(base).endswith(("from_queryset()", "QuerySet", "Manager"))
            for base in self.project.externals(cls)
        )

    def managed_model(self, cls: Class) -> "Model | None":
        """Return the model that a manager class serves, where one model names it."""
        served = [
            model
            for model in self.schema.by_class.values()
            if not model.abstract and any(self.manager_of(model, call) is cls for call in model.managers.values())
        ]
        return served[0] if len(served) == 1 else None

    def manager_class(self, model: "Model | None", name: str = "objects") -> Class | None:
        """Return the project's class of a model's manager."""
        if model is None:
            return None
        if name in ("_default_manager", "default_manager"):
            name = "objects" if "objects" in model.managers else next(iter(model.managers), "")
        call = model.managers.get(name)
        return self.manager_of(model, call) if call is not None else None

    def manager_of(self, model: "Model", call: Node, module: Module | None = None, depth: int = 0) -> Class | None:
        """Return the class behind `X()`, `X.as_manager()` or `M.from_queryset(X)()`."""
        module = module or model.cls.module
        node = call
        while node[0] in ("call", "attr"):
            if node[0] == "call":
                if node[2][0] == "attr" and node[2][3] == "from_queryset" and node[3]:
                    node = node[3][0]
                    continue
                node = node[2]
                continue
            found = self.project.expression(module, node)
            if isinstance(found, Class):
                return found
            node = node[2]
        if node[0] != "name":
            return None
        found = self.project.expression(module, node)
        if isinstance(found, Class):
            return found
        entity = self.project.lookup(module, node[2])
        if (
            isinstance(entity, Global)
            and entity.expression is not None
            and entity.expression[0] == "call"
            and depth < 4
        ):
            return self.manager_of(model, entity.expression, entity.module, depth + 1)
        return None


def missing(test: Node) -> str | None:
    """Return what a test finds missing: `x is None`, `not x`, `k not in d`, `not hasattr(o, "x")`."""
    if test[0] == "cmp" and test[3][0] == "is" and test[4][0][0] == "const" and test[4][0][2] is None:
        return slot(test[2]) or text(test[2], 200)
    if test[0] == "cmp" and test[3][0] == "not in":
        return text(test[4][0], 200)
    if test[0] == "un" and test[2] == "not":
        inner = test[3]
        if slot(inner):
            return slot(inner)
        if inner[0] in ("name", "attr", "sub"):
            return text(inner, 200)
        if inner[0] == "cmp" and inner[3][0] == "in":
            return text(inner[4][0], 200)
        if inner[0] == "cmp" and inner[3][0] == "is not" and inner[4][0][0] == "const" and inner[4][0][2] is None:
            return slot(inner[2]) or text(inner[2], 200)
    if test[0] == "bool" and test[2] == "or":
        return next((found for part in test[3] if (found := missing(part))), None)
    return None


def slot(node: Node | None) -> str:
    """Return the attribute that `hasattr(o, "x")`, `getattr(o, "x", None)` or `setattr(o, "x", y)` is about: `o.x`."""
    if node is None or node[0] != "call" or node[2][0] != "name" or len(node[3]) < 2:
        return ""
    if node[2][2] not in ("hasattr", "getattr", "setattr"):
        return ""
    name = node[3][1]
    if name[0] == "const":
        return f"{text(node[3][0], 100)}.{name[2]}"
    return f"{text(node[3][0], 100)}.<{text(name, 100)}>"


def filled_in(block: tuple[Node, ...]) -> list[str]:
    """Return what the statements of a block bind, as written; with `setattr` too."""
    found = [text(target, 200) for target in assigned(block)]
    calls = [node for node in walk(block) if node[0] == "call"]
    return found + [slot(node) for node in calls if node[2][0] == "name" and node[2][2] == "setattr"]


def is_of(node: Node, name: str) -> bool:
    """Tell whether an expression is an attribute of a name, or `hasattr` of it."""
    if node[0] == "attr":
        return bool(node[2][0] == "name" and node[2][2] == name)
    called = node[0] == "call" and node[2][0] == "name" and node[2][2] in ("hasattr", "getattr")
    return bool(called and node[3] and node[3][0][0] == "name" and node[3][0][2] == name)


def holds_more(node: Node | None) -> bool:
    """Tell whether an expression makes a collection, which objects then share."""
    if node is None:
        return False
    if node[0] == "call":
        return node[2][0] in ("name", "attr") and str(node[2][-1]).endswith(("dict", "Dictionary", "Cache", "set"))
    return bool(node[0] == "dict" or (node[0] == "coll" and node[2] != "tuple"))


def ends_empty(statement: Node) -> bool:
    """Tell whether a `return` gives nothing: no value, None, True or False."""
    given = statement[2]
    return given is None or (given[0] == "const" and (given[2] is None or isinstance(given[2], bool)))


def unwrapped(node: Node) -> Node:
    """Return what `str(x)` or `int(x)` is made from."""
    plain = node[0] == "call" and node[2][0] == "name" and node[2][2] in ("str", "int") and len(node[3]) == 1
    return node[3][0] if plain else node


def assigned(block: tuple[Node, ...]) -> list[Node]:
    """Return the targets that the statements of a block bind, inner blocks included."""
    found = []
    for node in walk(block):
        if node[0] == "assign":
            found.extend(node[2])
        elif node[0] in ("ann", "aug"):
            found.append(node[2])
    return found


def goes_through_time(loop: Node) -> bool:
    """Tell whether a `while` goes through days or other spans one by one: `day += timedelta(days=1)` ends each pass."""
    if loop[2][0] != "cmp" or loop[2][2][0] != "name" or any(node[0] == "call" for node in walk(loop[2][4])):
        return False  # until `start + timedelta(days=7)`: few
    first = loop[2][2]
    for statement in loop[3]:
        step = None
        if statement[0] == "aug" and statement[2][:3:2] == ("name", first[2]) and statement[3] == "+":
            step = statement[4]
        elif statement[0] == "assign" and any(target[:3:2] == ("name", first[2]) for target in statement[2]):
            step = statement[3][4] if statement[3][0] == "bin" and statement[3][2] == "+" else None
        if step is not None and step[0] == "call" and step[2][-1] in ("timedelta", "relativedelta"):
            return True
    return False


__all__ = ["Names", "Outside", "assigned", "missing"]
