"""Built-in functions and methods of built-in types, where their model alone would say too little."""

from collections.abc import Callable
from dataclasses import dataclass

from perfwright.effects import protocols
from perfwright.effects.calls import Keywords, apply, copied
from perfwright.effects.frame import Frame
from perfwright.effects.growth import grown
from perfwright.effects.iteration import deepen, iterate, run_query
from perfwright.effects.reductions import REDUCERS, expressible
from perfwright.effects.scans import Building, gone_through, worked
from perfwright.effects.values import (
    ITEMS,
    UNKNOWN,
    Constant,
    External,
    LambdaValue,
    Rows,
    Scalar,
    Sequence,
    Size,
    Value,
    constant,
    join,
)
from perfwright.index.lower import Node

ASKED = {"sorted": "__lt__", "set": "__hash__", "frozenset": "__hash__"}  # of each item
KEYS = ("function", "lambda", "external")  # what a `key=` may be
LEVELS = ("info", "warning", "warn", "error", "exception", "critical")  # those that most programs are run at


@dataclass(frozen=True, slots=True)
class Call:
    """One call: where, of what, with what."""

    frame: Frame
    callee: External
    arguments: tuple[Value, ...]
    keywords: Keywords
    node: Node

    @property
    def shown(self) -> str:
        """Return the call as a person would write it."""
        return self.frame.interp.text(self.node)


def length(call: Call) -> Value:
    if call.arguments and isinstance(call.arguments[0], Rows):
        fresh = not call.arguments[0].stored
        load = run_query(call.frame, call.arguments[0], call.node[1], call.shown, method="__len__")
        if fresh or load.reduced or not load.whole:
            load.reduced.append(("test" if call.frame.existence else "count", call.node[1], call.shown))
    elif call.arguments and isinstance(call.arguments[0], Sequence):
        sequence = call.arguments[0]
        if sequence.load is not None:
            sequence.load.reduced.append(("test" if call.frame.existence else "count", call.node[1], call.shown))
        elif sequence.source is not None and call.node[3][0][0] == "comp":
            sequence.source.reduced.append(("count", call.node[1], call.shown))
    elif call.arguments:
        protocols.special(call.frame, call.arguments[0], "__len__", call.node)
    return Scalar("int", call.frame.depth)


def reduced(call: Call) -> Value:
    """sum, min, max, any, all over rows."""
    name = call.callee.name.rpartition(".")[2]
    source = call.arguments[0] if call.arguments else None
    key = call.keywords.get("key")
    if key is not None and key.kind in KEYS and source is not None:
        element, loop = iterate(call.frame, source, call.node[3][0], kind="callback")
        call.frame.loops.append(loop)
        apply(call.frame, key, (element,), {}, call.node)
        call.frame.loops.pop()
    if isinstance(source, Rows):
        source = copied(call.frame, "list", source, call.node)
    elif source is not None and name in ("sum", "min", "max"):
        gone_through(call.frame, source, call.node, call.node[3][0])
        if name == "sum" and len(call.arguments) > 1 and isinstance(call.arguments[1], Sequence):
            joined(call, source, call.arguments[1])
    if isinstance(source, Sequence):
        if source.load is not None and len(call.arguments) == 1:
            source.load.reduced.append((REDUCERS.get(name, "max"), call.node[1], call.shown))
        if name in ("min", "max"):
            return deepen(source.element, call.frame.depth)
    return Scalar("int" if name == "sum" else "", call.frame.depth)


def joined(call: Call, source: Value, start: Sequence) -> None:
    """`sum(lists, [])`: each list makes all of the result anew."""
    _, loop = iterate(call.frame, source, call.node[3][0], kind="callback")
    if loop.multiplies:
        event = call.frame.emit(
            "copy",
            call.frame.interp.text(call.node[3][0]),
            call.node[1],
            call.shown,
            detail=Building(start.of, call.node, start, shared=False),
            blocking=False,
            node=call.node,
        )
        event.loops = (loop,)


def enumerated(call: Call) -> Value:
    """enumerate and zip: tuples of the items."""
    parts: list[Value] = []
    size: Size | None = None
    first: Value = UNKNOWN
    known = False
    if call.callee.name == "builtins.enumerate":
        parts.append(Scalar("int"))
    for argument, argument_part in zip(call.arguments, call.node[3], strict=False):
        if isinstance(argument, Rows):
            argument = copied(call.frame, "iter", argument, ("call", call.node[1], call.node[2], (argument_part,), ()))
        if isinstance(argument, Sequence):
            parts.append(argument.element)
            if size is None or argument.size.is_little:
                size = argument.size
            known = known or argument.known
            if first.kind == "unknown":
                first = argument
        else:
            parts.append(Value(argument.depth, argument.root))
        if call.callee.name == "builtins.enumerate":
            break
    pair = Sequence("tuple", UNKNOWN, constant(len(parts)))
    pair.items = tuple(parts)
    result = Sequence("iter", pair, size or ITEMS, call.frame.depth, first.root, known=known)
    if isinstance(first, Sequence):
        result.depth = first.depth
        result.load, result.source = first.load, first.source
    return result


def ranged(call: Call) -> Value:
    numbers = [a.value for a in call.arguments if isinstance(a, Constant) and isinstance(a.value, int)]
    if numbers and len(numbers) == len(call.arguments):
        try:
            return Sequence("iter", Scalar("int"), constant(len(range(*numbers[:3]))), call.frame.depth)
        except (TypeError, ValueError):
            pass
    result = Sequence("iter", Scalar("int"), ITEMS, call.frame.depth)
    last = call.node[3][min(1, len(call.node[3]) - 1)] if call.node[3] else None
    if last is not None and last[0] == "call" and last[2][0] == "name" and last[2][2] == "len" and last[3]:
        over = call.frame.interp.peek(call.frame, last[3][0])
        if isinstance(over, Sequence):
            result.size = over.size
            return result
    shown = call.frame.interp.text(last).lower() if last is not None else ""
    if any(word in shown for word in ("retr", "attempt", "tries", "workers", "threads", "depth", "level")):
        result.size = constant(5)
    result.known = False
    return result


def items_of(call: Call) -> Value:
    """dict.items, keys, values: views of the same collection."""
    bound = call.callee.bound
    if not isinstance(bound, Sequence):  # dict.items(mapping)
        return Value(call.frame.depth)
    kind = call.callee.name.rpartition(".")[2]
    pair = Sequence("tuple", UNKNOWN, constant(2))
    pair.items = (bound.key or UNKNOWN, bound.element)
    element: Value = pair if kind == "items" else (bound.key or UNKNOWN) if kind == "keys" else bound.element
    of = "set" if kind in ("items", "keys") else "iter"
    found = Sequence(of, element, bound.size, bound.depth, bound.root, known=bound.known)
    found.source = bound.source
    return found


def appended(call: Call) -> Value:
    bound = call.callee.bound
    if call.node[2][0] == "attr":
        grown(call.frame, call.node[2][2], call.node)
    if isinstance(bound, Sequence):
        added = call.arguments[-1] if call.arguments else UNKNOWN
        many = call.callee.name.endswith((".extend", ".update"))
        call.frame.use_whole(added)
        call.frame.interp.grow(
            call.frame,
            bound,
            added.element if many and isinstance(added, Sequence) else UNKNOWN if many else added,
            many=many,
            added=added,
        )
        if call.callee.name == "builtins.dict.update":
            updated(bound, call.arguments, call.keywords)
        if call.node[2][0] == "attr":
            grouped(call.frame, call.node[2][2])
    return UNKNOWN


def grouped(frame: Frame, group: Node) -> None:
    """Note that a dict of groups grows, as its groups do: `orders[customer].append(order)`.

    There are at most as many groups as orders, and often few: that it grows with them is not known.
    """
    if group[0] == "sub" and group[3][0] != "const":
        groups = frame.interp.peek(frame, group[2])
        if isinstance(groups, Sequence) and groups.of == "dict":
            known = groups.known and groups.size.constant != 0
            frame.interp.grow(frame, groups, UNKNOWN)
            groups.known = known
            if isinstance(groups.element, Sequence):  # one group is not as long as all of them
                groups.element.size, groups.element.known = ITEMS, False


def updated(where: Sequence, arguments: tuple[Value, ...], keywords: Keywords) -> None:
    """Note what `dict(...)` or `update(...)` puts into a dict under constant keys."""
    for given in (*arguments, keywords.get("**")):
        if isinstance(given, Sequence) and given.fields is not None:
            for name, value in given.fields.items():
                where.put(name, value)
    for name, value in keywords.items():
        if name != "**":
            where.put(name, value)


def local_names(call: Call) -> Value:
    """`locals()`: what the function has bound so far."""
    found = Sequence("dict", UNKNOWN, constant(len(call.frame.env)), call.frame.depth)
    for name, value in call.frame.env.items():
        found.put(name, value)
    return found


def dict_get(call: Call) -> Value:
    bound = call.callee.bound
    if isinstance(bound, Sequence):
        if bound.fields is not None and call.node[3] and call.node[3][0][0] == "const":
            held = bound.fields.get(call.node[3][0][2])
            if held is not None:
                return held
        if call.callee.name.endswith("setdefault") and len(call.arguments) > 1:
            if call.node[2][0] == "attr":
                grown(call.frame, call.node[2][2], call.node)
            if len(call.node[3]) > 1 and is_made(call.node[3][1], call.arguments[1]):
                what = call.frame.interp.text(call.node[3][1])
                call.frame.emit("allocate", what, call.node[1], call.shown, node=call.node)
            call.frame.interp.grow(call.frame, bound, call.arguments[1])
            return call.arguments[1]
        if len(call.arguments) > 1:
            return join(bound.element, call.arguments[1])
        return bound.element
    return Value(call.frame.depth)


def is_made(default: Node, value: Value) -> bool:
    """Tell whether a default is a collection as long as something else is: `[0] * len(days)`, a comprehension."""
    if default[0] == "bin" and default[2] == "*":
        return any(part[0] == "coll" for part in default[3:5]) and all(part[0] != "const" for part in default[3:5])
    return default[0] == "comp" and default[2] != "iter" and not (isinstance(value, Sequence) and value.size.is_little)


def got_attribute(call: Call) -> Value:
    if len(call.arguments) < 2:
        return Value(call.frame.depth)
    base, name = call.arguments[:2]
    if not isinstance(name, Constant) or not isinstance(name.value, str):
        return Value(call.frame.depth)
    read = ("attr", call.node[1], call.node[3][0], name.value)
    return call.frame.interp.attribute(call.frame, base, name.value, read)


def set_attribute(call: Call) -> Value:
    """`setattr(user, "_orders", orders)`: what is kept there is used there."""
    for value in call.arguments[2:]:
        call.frame.use_whole(value)
        if isinstance(value, Rows):
            value.kept = True
    return UNKNOWN


def cast(call: Call) -> Value:
    """`typing.cast(T, x)`: x, or what the type says where nothing else does."""
    if len(call.arguments) > 1 and call.arguments[1].kind != "unknown":
        return call.arguments[1]
    return call.frame.interp.annotation(call.frame.module, call.node[3][0] if call.node[3] else None, call.frame.depth)


def written(call: Call) -> Value:
    """str(x): the text of a row comes from its class."""
    for value in call.arguments[:1]:
        if call.callee.name == "builtins.repr":
            protocols.represented(call.frame, value, call.node)
        else:
            protocols.written(call.frame, value, call.node)
    return Scalar("str", call.frame.depth)


def placed(call: Call) -> Value:
    """`"{}: {}".format(order, total)`."""
    for value in (*call.arguments, *call.keywords.values()):
        call.frame.use_whole(value)
    text = protocols.text_of(call.callee.bound) if call.callee.bound is not None else None
    if text is not None:
        protocols.placed(call.frame, text, call.arguments, call.keywords, call.node)
    else:
        for value in (*call.arguments, *call.keywords.values()):
            protocols.written(call.frame, value, call.node)
    return Scalar("str", call.frame.depth)


def told(call: Call) -> Value:
    """print(order), logger.info("sent %s", order): what is told is turned into text."""
    for value in (*call.arguments, *call.keywords.values()):
        call.frame.use_whole(value)
        protocols.written(call.frame, value, call.node)
    return Value(call.frame.depth)


def getter(call: Call) -> Value:
    """operator.attrgetter("customer.name"), operator.itemgetter(0): a function of one item."""
    name = call.arguments[0] if len(call.arguments) == 1 else None
    if not isinstance(name, Constant):
        return Value(call.frame.depth)
    position = call.node[1]
    read: Node = ("name", position, "item")
    if call.callee.name.endswith("attrgetter"):
        for part in str(name.value).split("."):
            read = ("attr", position, read, part)
    elif call.callee.name.endswith("methodcaller"):
        read = ("call", position, ("attr", position, read, str(name.value)), (), ())
    else:
        read = ("sub", position, read, ("const", position, name.value))
    return LambdaValue(("lambda", position, (("item", None, None, 0),), read), call.frame)


def super_(call: Call) -> Value:
    return call.frame.interp.super_value(call.frame)


def copied_list(call: Call) -> Value:
    kind = call.callee.name.rpartition(".")[2]
    of = {"list": "list", "tuple": "tuple", "set": "set", "frozenset": "set", "sorted": "list", "reversed": "iter"}.get(
        kind, "iter"
    )
    source = call.arguments[0] if call.arguments else None
    key = call.keywords.get("key")
    if key is not None and key.kind in KEYS and source is not None:
        if isinstance(source, Rows):
            source = copied(call.frame, "list", source, call.node)
        element, loop = iterate(call.frame, source, call.node[3][0], kind="callback")
        call.frame.loops.append(loop)
        apply(call.frame, key, (element,), {}, call.node)
        call.frame.loops.pop()
    if key is None and source is not None and kind in ASKED:
        protocols.each(call.frame, source, ASKED[kind], call.node, call.node[3][0])
    result = copied(call.frame, of, source, call.node)
    if kind == "sorted" and source is not None:
        again = source if isinstance(source, Sequence) else older(call, source)
        if again is not None and not (isinstance(again, Sequence) and again.size.is_little):
            worked(call.frame, "sort", again, call.node, call.node[3][0])
    elif of != "iter" and source is not None and call.node[3]:
        gone_through(call.frame, source, call.node, call.node[3][0])
    if kind == "sorted" and isinstance(result, Sequence) and result.load is not None:
        result.load.reduced.append(("sort", call.node[1], call.shown))
    return result


def older(call: Call, source: Value) -> Value | None:
    """Return something of unknown kind that a call is given, where it is older than a loop around the call."""
    over = call.node[3][0]
    if over[0] == "call" and over[2][0] == "attr" and over[2][3] in ("items", "values", "keys") and not over[3]:
        source = call.frame.interp.peek(call.frame, over[2][2])  # a view of it
    return source if source.kind == "unknown" and source.depth < call.frame.depth else None


def dict_made(call: Call) -> Value:
    for value in (*call.arguments, *call.keywords.values()):
        call.frame.use_whole(value)
    result = Sequence("dict", UNKNOWN, constant(len(call.keywords)), call.frame.depth)
    if call.arguments:
        source = call.arguments[0]
        if isinstance(source, Rows):  # of pairs: `dict(rows.values_list("id", "name"))`
            source = copied(call.frame, "list", source, call.node)
            call.frame.use_whole(source)
        result.size = source.size if isinstance(source, Sequence) else ITEMS
        call.frame.interp.derive(result, source)
        result.known = isinstance(source, Sequence) and source.known
        if isinstance(source, Sequence) and source.of == "dict":
            result.element, result.key = source.element, source.key
    elif call.keywords:
        result.items = tuple(call.keywords.values())
        result.element = result.items[0]
    updated(result, call.arguments, call.keywords)
    return result


def filling(call: Call) -> Value:
    """`defaultdict(list)`: empty, until something is looked up in it."""
    factory = call.node[3][0] if call.node[3] else None
    lists = factory is not None and factory[0] == "name" and factory[2] in ("list", "set", "dict")
    element: Value = Value(call.frame.depth)
    if lists and factory is not None:
        element = Sequence(str(factory[2]), Value(call.frame.depth), ITEMS, call.frame.depth, known=False)
    result = Sequence("dict", element, constant(0) if len(call.arguments) < 2 else ITEMS, call.frame.depth)
    result.known, result.fills = len(call.arguments) < 2, True
    return result


def mapped(call: Call) -> Value:
    """map and filter: a function called per item."""
    result: Value = UNKNOWN
    size, known, source = ITEMS, False, UNKNOWN
    if len(call.arguments) > 1:
        source = call.arguments[1]
        element, loop = iterate(call.frame, source, call.node[3][1], kind="callback")
        call.frame.loops.append(loop)
        if call.arguments[0].kind in ("function", "lambda", "external", "class"):
            result = apply(call.frame, call.arguments[0], (element,), {}, call.node)
        call.frame.loops.pop()
        size, known = loop.size, loop.sure
    if call.callee.name.endswith("filter") and isinstance(source, Sequence | Rows):
        keeps = call.arguments[0]
        if source.load is not None and isinstance(keeps, LambdaValue) and expressible(keeps.node[3]):
            source.load.reduced.append(("filter", call.node[1], call.shown))
        result = source.element if isinstance(source, Sequence) else source.element(call.frame.depth)
    mapped_ = Sequence("iter", deepen(result, call.frame.depth), size, call.frame.depth, known=known)
    call.frame.interp.derive(mapped_, source)
    return mapped_


SPECIAL: dict[str, Callable[[Call], Value]] = {
    "builtins.len": length,
    "builtins.sum": reduced,
    "builtins.min": reduced,
    "builtins.max": reduced,
    "builtins.any": reduced,
    "builtins.all": reduced,
    "builtins.enumerate": enumerated,
    "builtins.zip": enumerated,
    "builtins.range": ranged,
    "builtins.map": mapped,
    "builtins.filter": mapped,
    "builtins.list": copied_list,
    "builtins.tuple": copied_list,
    "builtins.set": copied_list,
    "builtins.frozenset": copied_list,
    "builtins.sorted": copied_list,
    "builtins.reversed": copied_list,
    "builtins.iter": copied_list,
    "builtins.dict": dict_made,
    "collections.defaultdict": filling,
    "builtins.dict.items": items_of,
    "builtins.dict.keys": items_of,
    "builtins.dict.values": items_of,
    "builtins.dict.get": dict_get,
    "builtins.dict.pop": dict_get,
    "builtins.dict.setdefault": dict_get,
    "builtins.list.append": appended,
    "builtins.list.extend": appended,
    "builtins.list.insert": appended,
    "builtins.set.add": appended,
    "builtins.set.update": appended,
    "builtins.dict.update": appended,
    "builtins.getattr": got_attribute,
    "builtins.setattr": set_attribute,
    "operator.attrgetter": getter,
    "operator.itemgetter": getter,
    "operator.methodcaller": getter,
    "typing.cast": cast,
    "builtins.super": super_,
    "builtins.locals": local_names,
    "builtins.str": written,
    "builtins.repr": written,
    "builtins.format": written,
    "builtins.str.format": placed,
    "builtins.print": told,
    **{f"{owner}.{name}": told for owner in ("logging", "logging.Logger") for name in LEVELS},
}
