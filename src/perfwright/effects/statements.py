"""What each kind of statement does to the names and the effects of a function.

Each handler returns True when what follows it in its block is never reached.
"""

from collections.abc import Callable

from perfwright.effects.anew import assigned_value
from perfwright.effects.expressions import acts, filled, truth_of
from perfwright.effects.frame import Frame, Marked
from perfwright.effects.iteration import deepen, iterate, looks_few, takes_batches
from perfwright.effects.names import assigned
from perfwright.effects.reductions import statement_reduction
from perfwright.effects.scans import built, built_anew, gone_through, shown_again, statement_scans
from perfwright.effects.values import (
    UNKNOWN,
    ClassValue,
    Constant,
    Foreign,
    FunctionValue,
    Row,
    Scalar,
    Sequence,
    Value,
    constant,
    join,
)
from perfwright.index.lower import Node
from perfwright.index.tree import text, walk

NOT_FOUND = (
    *("DoesNotExist", "KeyError", "IndexError", "AttributeError", "NotFound", "NoResult", "LookupError", "Missing"),
)
HELD_IN = ("_prefetched_objects_cache", "__dict__", "fields_cache", "_cache")
ANEW = ("bin", "fstr", "coll", "dict")  # expressions that can make a longer one of what a name holds


def expression(frame: Frame, node: Node) -> bool:
    frame.value(node[2])
    return False


def assign(frame: Frame, node: Node) -> bool:
    value = assigned_value(frame, node)
    for target in node[2]:
        if target[0] == "attr" and node[3][0] == "bin" and text(target) in (text(node[3][3]), text(node[3][4])):
            changed(frame, frame.value(target[2]), target, node)
        if node[3][0] in ANEW and (target[0] == "attr" or (frame.loops and target[0] == "name")):
            built_anew(frame, target, value, node)
        frame.interp.assign(frame, target, value, node[3])
    return False


def changed(frame: Frame, base: Value, target: Node, node: Node) -> None:
    """Record that a column of a row in memory is set to what was read from it, and something added."""
    if isinstance(base, Row) and base.model.column(target[3]) is not None:
        symbol = f"{base.model.name}.{target[3]}"
        frame.emit(
            "change", symbol, node[1], text(target), depth=base.depth, root=base.root, detail=base, blocking=False,
            node=node,
        )  # fmt: skip


def annotated(frame: Frame, node: Node) -> bool:
    value = frame.value(node[4]) if node[4] is not None else UNKNOWN
    if value.kind in ("unknown", "constant") or frame.interp.is_vague(value):
        named = frame.interp.annotation(frame.module, node[3], frame.depth)
        value = named if named.kind != "unknown" else value
    elif isinstance(value, Sequence) and value.size.constant == 0 and value.element.kind == "unknown":
        named = frame.interp.annotation(frame.module, node[3], frame.depth)
        if isinstance(named, Sequence) and named.of == value.of and not value.fills:
            if node[2][0] == "attr":
                value = named  # other methods fill it
            else:
                value.element, value.key = named.element, named.key
    frame.interp.assign(frame, node[2], value, node[4] or node[2])
    return False


def augmented(frame: Frame, node: Node) -> bool:
    added = frame.value(node[4])
    target = node[2]
    if node[3] == "+" and (frame.loops or target[0] == "attr"):
        built(frame, target, added, node)
    if target[0] == "name":
        before = frame.lookup(target[2])
        if isinstance(before, Sequence):
            frame.interp.grow(frame, before, added.element if isinstance(added, Sequence) else UNKNOWN)
            if before.of == "dict":
                filled(before, added)
            frame.use_whole(added)
            return False
        if before is not None and before.kind == "rows":
            frame.env[target[2]] = join(before, added)
            return False
        frame.env[target[2]] = Scalar(getattr(before, "type", ""), frame.depth)
    elif target[0] == "attr":
        base = frame.value(target[2])
        frame.interp.attribute(frame, base, target[3], target)
        changed(frame, base, target, node)
    else:
        frame.value(target)
    return False


def returned(frame: Frame, node: Node) -> bool:
    value = frame.value(node[2]) if node[2] is not None else Constant(None)
    frame.use_whole(value)  # the caller watches what becomes of them there
    frame.give(value)
    frame.interp.responded(frame, value, node)
    return True


def raised(frame: Frame, node: Node) -> bool:
    if node[2] is not None:
        frame.value(node[2])
    return True


def if_(frame: Frame, node: Node) -> bool:
    frame.test += 1
    test = truth_of(frame, node[2])
    frame.test -= 1
    decided = truth(frame, node[2], test)
    if decided is not None:
        return frame.run(node[3] if decided else node[4])
    fills = node[3] if full_batch(node[2]) else frame.interp.filling(frame, node)
    narrowed = frame.interp.narrow(frame, node[2])
    lacking = () if fills else lacks(node)
    changing = () if fills or lacking else changes(node)
    if fills or lacking or changing:
        marked = frame.marked
        frame.marked = Marked(fills, bool(fills) and frame.interp.is_own(frame, node[2]), lacking, changing)
        if lacking and asks_prefetched(node[2]):
            frame.marked.there = node[3] if lacking is node[4] else node[4]
        left = frame.branch(node[3], node[4])
        frame.marked = marked
        return left
    if narrowed:
        name, value = narrowed
        before = frame.env.get(name)
        frame.env[name] = value
        left = frame.branch(node[3], node[4])
        if before is not None and frame.env.get(name) is value:
            frame.env[name] = before
        return left
    return frame.branch(node[3], node[4])


def lacks(node: Node) -> tuple[Node, ...]:
    """Return the branch of an `if` that asks for what nobody has brought along: annotated, prefetched or set before."""
    test, block, other = node[2], node[3], node[4]
    if test[0] == "un" and test[2] == "not":
        test, block, other = test[3], other, block
    name = present(test)
    if not name or not other or not any(brought(inner, name) for inner in walk(block)):
        return ()
    return other  # type: ignore[no-any-return]


def present(test: Node) -> str:
    """Return the name that a test finds on an object: `hasattr(order, "total")`, `"items" in order._prefetched...`."""
    if test[0] == "bool" and test[2] == "and":
        return next((name for part in test[3] if (name := present(part))), "")
    if test[0] == "call" and test[2][0] == "name" and test[2][2] == "hasattr" and len(test[3]) > 1:
        return str(test[3][1][2]) if test[3][1][0] == "const" else ""
    if test[0] == "cmp" and test[3][0] == "in" and test[2][0] == "const" and isinstance(test[2][2], str):
        return test[2][2] if any(word in text(test[4][0], 200) for word in HELD_IN) else ""
    return ""


def asks_prefetched(test: Node) -> bool:
    """Tell whether a test asks if a relation was fetched along: where it was, going through it is no query."""
    return any(inner[0] == "cmp" and HELD_IN[0] in text(inner[4][0], 200) for inner in walk(test))


def brought(node: Node, name: str) -> bool:
    """Tell whether an expression reads what is there under a name."""
    if node[0] == "attr":
        return bool(node[3] == name)
    return bool(
        node[0] == "call"
        and node[2][0] == "name"
        and node[2][2] == "getattr"
        and len(node[3]) > 1
        and node[3][1][0] == "const"
        and node[3][1][2] == name
    )


def changes(node: Node) -> tuple[Node, ...]:
    """Return the branch of an `if` that sets an attribute to what the test finds it is not: `if x.a != b: x.a = b`."""
    test = node[2]
    if test[0] != "cmp" or len(test[3]) != 1 or test[3][0] not in ("!=", "is not", "=="):
        return ()
    block = node[4] if test[3][0] == "==" else node[3]
    compared = [text(side, 200) for side in (test[2], test[4][0]) if side[0] == "attr"]
    if not compared or not block:
        return ()
    set_here = any(target[0] == "attr" and text(target, 200) in compared for target in assigned(block))
    return block if set_here else ()


def truth(frame: Frame, node: Node, value: Value) -> bool | None:
    """Return what a test on a flag that the caller passed comes to; None where that is not known."""
    if node[0] == "un" and node[2] == "not":
        inner = truth(frame, node[3], frame.interp.peek(frame, node[3]))
        return None if inner is None else not inner
    if node[0] == "name" and isinstance(value, Constant) and isinstance(value.value, bool):
        return value.value
    return acts(frame, node) if node[0] == "cmp" else None


def full_batch(test: Node) -> bool:
    """Tell whether a test asks if a batch is full: `len(rows) >= 500`, `index % 500 == 0`."""
    if test[0] == "bool":
        return any(full_batch(part) for part in test[3])
    if test[0] != "cmp":
        return False
    left = test[2]
    if left[0] == "bin" and left[2] == "%":
        return True
    measured = left[0] == "call" and left[2][0] == "name" and left[2][2] == "len"
    return bool(measured and test[3][0] in (">=", ">", "==") and test[4][0] != ("const", test[4][0][1], 0))


def for_(frame: Frame, node: Node) -> bool:
    source = frame.value(node[3])
    if isinstance(source, Foreign) and source.asked is not None:
        source = source.asked  # `for row in cursor`
    frame.quiet += node[6]  # `async for` waits without holding the thread
    element, loop = iterate(frame, source, node[3])
    frame.quiet -= node[6]
    loop.batches = takes_batches(node[3])
    if not loop.sure and looks_few(node[3]):
        loop.size = constant(10)
    loop.body = node[4]
    loop.variables.update(frame.interp.target_names(node[2]))
    statement_scans(frame, loop, node, source)
    if not frame.loops and not frame.function.is_generator:
        gone_through(frame, source, node, node[3])
    elif frame.loops and frame.function.index < 0:
        shown_again(frame, source, node)
    frame.loops.append(loop)
    before = dict(frame.env)
    frame.interp.assign(frame, node[2], element, node[3])
    failing = all(map(complains, node[4]))
    frame.rare += failing
    frame.run(node[4])
    statement_reduction(frame, node, source)
    frame.rare -= failing
    frame.loops.pop()
    if not before.keys() <= frame.env.keys():  # a name was deleted: there may have been no pass
        for name, value in before.items():
            if name not in frame.env:
                frame.env[name] = value
    if node[5]:
        frame.run(node[5])
    return False


def while_(frame: Frame, node: Node) -> bool:
    endless = node[2][0] == "const"
    loop = frame.interp.while_loop(frame, node, endless)
    loop.body = node[3]
    frame.loops.append(loop)
    frame.test += 1
    truth_of(frame, node[2])
    frame.test -= 1
    left = frame.run(node[3])
    frame.loops.pop()
    if node[4]:
        frame.run(node[4])
    return endless and left and not _breaks(node[3])


def _breaks(block: tuple[Node, ...]) -> bool:
    for statement in block:
        if statement[0] == "break":
            return True
        if statement[0] in ("if", "try", "with", "match"):
            for part in statement[2:]:
                if isinstance(part, tuple) and part and isinstance(part[0], tuple) and _breaks(part):
                    return True
    return False


def with_(frame: Frame, node: Node) -> bool:
    held = frame.held
    for context, target in node[2]:
        manager = frame.value(context)
        value = frame.interp.entered(frame, manager, context)
        frame.held += frame.interp.held_by(manager, context)
        if target is not None:
            frame.interp.assign(frame, target, value, context)
    left = frame.run(node[3])
    frame.held = held
    return left


def try_(frame: Frame, node: Node) -> bool:
    before = dict(frame.env)
    left = frame.run(node[2]) or (bool(node[4]) and frame.run(node[4]))
    after = None if left else frame.env
    for kind, name, body in node[3]:
        frame.env = dict(before)
        for known, value in (after or {}).items():
            frame.env.setdefault(known, value)
        if name:
            frame.env[name] = UNKNOWN
        failing = fails(kind, body)
        lacking = falls_back_after(kind, node[2])
        frame.rare += failing
        frame.doubt += lacking
        if not frame.run(body):
            left = False
            after = frame.env if after is None else {**frame.env, **after}
        frame.rare -= failing
        frame.doubt -= lacking
    frame.env = before if after is None else after
    if node[5]:
        left = frame.run(node[5]) or left
    return left


def complains(statement: Node) -> bool:
    """Tell whether a statement only tells what is wrong: `form.add_error(...)`, `errors.append(...)`, `raise`."""
    if statement[0] == "raise":
        return True
    call = statement[2] if statement[0] == "expr" else None
    if call is None or call[0] != "call" or call[2][0] != "attr":
        return False
    return bool(call[2][3] == "add_error" or (call[2][3] == "append" and "error" in text(call[2][2]).lower()))


def fails(kind: Node | None, body: tuple[Node, ...]) -> bool:
    """Tell whether a handler is on the way out: it raises, or returns, and not for something that was not found."""
    if not body or body[-1][0] not in ("raise", "return"):
        return False
    if body[-1][0] == "raise":
        return True
    if kind is None:
        return True
    names = [inner[-1] for inner in walk(kind) if inner[0] in ("name", "attr")]
    return bool(names) and not any(word in str(name) for name in names for word in NOT_FOUND)


def falls_back_after(kind: Node | None, body: tuple[Node, ...]) -> bool:
    """Tell whether a handler is for an attribute that was not there: `try: return self.total` without a query."""
    if kind is None or kind[0] != "name" or kind[2] != "AttributeError" or not body:
        return False
    value = body[-1][2] if body[-1][0] == "return" else body[-1][3] if body[-1][0] == "assign" else None
    return len(body) == 1 and value is not None and value[0] == "attr"


def match(frame: Frame, node: Node) -> bool:
    frame.value(node[2])
    frame.branch(*node[3], ())
    return False


def define(frame: Frame, node: Node) -> bool:
    function = frame.module.functions[node[2]]
    value = FunctionValue(function, None, frame)
    frame.env[function.name] = frame.interp.decorated(value)
    if frame.function.name != "<module>":
        frame.pending.append(value)
    return False


def define_class(frame: Frame, node: Node) -> bool:
    cls = frame.module.classes[node[2]]
    frame.env[cls.name] = ClassValue(cls)
    return False


def import_(frame: Frame, node: Node) -> bool:
    project = frame.interp.project
    for name, module, attribute, level in node[2]:
        if name != "*":
            entity = project.imported(frame.module, module, attribute, level)
            frame.env[name] = frame.interp.entity_value(entity)
    return False


def deleted(frame: Frame, node: Node) -> bool:
    for target in node[2]:
        if target[0] == "name":
            frame.env.pop(target[2], None)
        else:
            frame.value(target)
    return False


def left(_frame: Frame, _node: Node) -> bool:
    return True


STATEMENTS: dict[str, Callable[[Frame, Node], bool]] = {
    "expr": expression,
    "assign": assign,
    "ann": annotated,
    "aug": augmented,
    "return": returned,
    "raise": raised,
    "if": if_,
    "for": for_,
    "while": while_,
    "with": with_,
    "try": try_,
    "match": match,
    "def": define,
    "class": define_class,
    "import": import_,
    "del": deleted,
    "break": left,
    "continue": left,
}

__all__ = ["STATEMENTS", "Foreign", "Value", "deepen", "text"]
