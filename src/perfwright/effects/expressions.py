"""What each kind of expression is worth, and what reading it costs."""

from collections.abc import Callable

from perfwright.effects.calls import call, held
from perfwright.effects.frame import Frame
from perfwright.effects.iteration import deepen, iterate, looks_few, query, run_query, takes_batches
from perfwright.effects.protocols import filled_in, special, text_of, written
from perfwright.effects.reductions import flattens, is_column, reduction
from perfwright.effects.scans import compare, comprehension_scans, gone_through, kind_of, worked
from perfwright.effects.values import (
    ITEMS,
    UNKNOWN,
    Awaitable,
    Constant,
    Foreign,
    Instance,
    LambdaValue,
    Load,
    Row,
    Rows,
    Scalar,
    Sequence,
    Value,
    constant,
    join,
)
from perfwright.index.lower import Node
from perfwright.index.tree import walk


def subscript(frame: Frame, node: Node) -> Value:
    base, index = frame.value(node[2]), node[3]
    if isinstance(base, Rows):
        if index[0] == "slice":
            return limited(frame, base, index)
        frame.value(index)
        if not base.stored:
            query(frame, base, node[1], frame.interp.text(node))
        elif base.load is not None:
            base.load.whole = True
        return base.element(frame.depth)
    if isinstance(base, Sequence):
        filled_by(frame, base, index)
        if index[0] == "slice":
            return cut(frame, base, node)
        if base.load is not None and base.of != "dict":
            taken(frame, base.load, node)
        if base.fields is not None and index[0] == "const" and index[2] in base.fields:
            return base.fields[index[2]]
        if (
            base.items
            and index[0] == "const"
            and isinstance(index[2], int)
            and -len(base.items) <= index[2] < len(base.items)
        ):
            return base.items[index[2]]
        element = base.element
        return element if base.depth == frame.depth else deepen(element, frame.depth)
    given = frame.value(index)
    if base.kind in ("external", "class"):
        return base  # Generic[T], list[int]: the class itself
    if index[0] == "slice" and frame.loops:
        head_or_tail(frame, base, node)
    if isinstance(base, Foreign):
        return indexed(frame, base, node, given)
    found = special(frame, base, "__getitem__", node, (given,))
    if found is not None:
        return found
    # As old as what it lies in, or as what says where.
    depth = base.depth if isinstance(given, Constant) else max(base.depth, given.depth)
    return held(base, given, depth)


def filled_by(frame: Frame, base: Sequence, key: Node) -> None:
    """`groups[key]` of a `defaultdict`: the loops around it put more and more there, a group for many rows."""
    frame.value(key)
    if base.fills and frame.loops and key[0] != "const":
        frame.interp.grow(frame, base, base.element)
        if not base.size.is_little:
            base.size = ITEMS
        if isinstance(base.element, Sequence):
            base.known = False  # what goes through the groups may be what takes many at once


def taken(frame: Frame, load: Load, node: Node) -> None:
    """`rows[0]`, `rows[-1]`: one of the rows that were loaded, where no loop takes one after the other."""
    if node[3][0] in ("const", "un") and not frame.loops:
        load.reduced.append(("first", node[1], frame.interp.text(node)))
    else:
        load.whole = True


def limited(frame: Frame, base: Rows, index: Node) -> Rows:
    """`rows[low:high]`: the same query with a limit."""
    for part in index[2:5]:
        frame.value(part)
    new = base.copy(frame.depth)
    new.stored = base.stored
    if index[3] is not None or index[2] is not None:
        high = index[3]
        number = high[2] if high is not None and high[0] == "const" and isinstance(high[2], int) else None
        new.limited = constant(number) if number is not None and number > 0 else frame.interp.page
        if high is None:
            new.limited = base.limited
        if index[2] is not None and index[2][0] != "const":
            new.skips = (frame.function, index[2])
        if high is not None and high[0] != "const":
            new.takes = (frame.function, high)
    return new


def head_or_tail(frame: Frame, base: Value, node: Node) -> None:
    """A head or a tail, in a loop, of something of which nothing is known."""
    if base.kind == "unknown" and (node[3][2] is None) != (node[3][3] is None):
        worked(frame, "copy", base, node, node[2])


def cut(frame: Frame, base: Sequence, node: Node) -> Value:
    """`items[low:high]`: as long as the bounds say, where they are numbers."""
    low, high = node[3][2], node[3][3]
    if base.load is not None and high is not None and not frame.loops:
        base.load.reduced.append(("slice", node[1], frame.interp.text(node)))
    elif base.load is not None:
        base.load.whole = True
    found = Sequence(base.of, base.element, base.size, frame.depth, base.root, known=base.known)
    if high is not None and high[0] == "const" and isinstance(high[2], int) and high[2] > 0:
        found.size = constant(high[2])
    elif (low is None) != (high is None) and not base.size.is_little:
        worked(frame, "copy", base, node, node[2])  # a head or a tail of whatever length
    if low is not None and high is not None:
        found.root = None  # a window: its length is not that of what the caller passed
        if not frame.loops and found.size is base.size and high[0] != "un":
            found.size = frame.interp.page  # `rows[start:start + limit]`; in a loop it is one chunk after the other
    return found


def indexed(frame: Frame, base: Foreign, node: Node, given: Value) -> Value:
    """`frame["column"]`, `frame[frame.x > 1]`: what the library's model says of `__getitem__`."""
    index = node[3]
    if base.load is not None:
        if index[0] == "const" or (index[0] == "coll" and all(item[0] == "const" for item in index[3])):
            names = [index] if index[0] == "const" else list(index[3])
            base.load.columns.update(str(name[2]) for name in names)
            base.load.reduced.append(("columns", node[1], frame.interp.text(node)))
        elif any(inner[0] == "cmp" for inner in walk(index)):
            base.load.reduced.append(("filter", node[1], frame.interp.text(node)))
    entry = frame.interp.libraries.method(base.name, "__getitem__")
    if entry is None or entry.returns is None or "." not in entry.returns.head:
        return Value(frame.depth, base.root)
    if base.name == "pandas.DataFrame" and index[0] not in ("coll", "slice", "cmp", "bin", "un"):
        if given.kind in ("constant", "scalar"):
            return Foreign("pandas.Series", frame.depth, base.root)
        if given.kind not in ("sequence", "foreign"):
            return Value(frame.depth, base.root)
    return frame.interp.foreign(entry.returns.head, frame.depth)


def compared(frame: Frame, node: Node) -> Value:
    return compare(frame, node)


def several(frame: Frame, node: Node) -> Value:
    """`a and b`, `a or b`: the first is also tested."""
    result: Value = UNKNOWN
    for index, part in enumerate(node[3]):
        found = truth_of(frame, part) if index < len(node[3]) - 1 else frame.value(part)
        result = found if index == 0 else join(result, found)
    return result


def truth_of(frame: Frame, node: Node) -> Value:
    """Return what an expression is worth, of which only the truth is asked."""
    frame.existence = (node[2] if node[0] == "await" else node)[0] == "call"
    found = frame.value(node)
    frame.existence = False
    tested(frame, found, node)
    return found


def tested(frame: Frame, value: Value, node: Node) -> None:
    """A value stands where only its truth matters."""
    if isinstance(value, Rows) and not value.manager:
        fresh = not value.stored
        load = run_query(frame, value, node[1], frame.interp.text(node), method="__bool__")
        if fresh and not value.assumed:
            load.reduced.append(("test", node[1], frame.interp.text(node)))
    elif isinstance(value, Sequence) and value.load is not None:
        value.load.reduced.append(("test", node[1], frame.interp.text(node)))
    elif isinstance(value, Row | Instance) and special(frame, value, "__bool__", node) is None:
        special(frame, value, "__len__", node)


def binary(frame: Frame, node: Node) -> Value:
    left, right = frame.value(node[3]), frame.value(node[4])
    if node[2] == "%" and (pattern := text_of(left)) is not None:
        filled_in(frame, pattern, right, node)
        return Scalar("str", frame.depth)
    if isinstance(left, Rows) and isinstance(right, Rows):
        return join(left, right)
    if isinstance(left, Sequence) and isinstance(right, Sequence) and node[2] in "+|&-":
        frame.use_whole(left)
        frame.use_whole(right)
        sized = left if not left.size.is_little else right
        new = Sequence(left.of, join(left.element, right.element), sized.size, frame.depth)
        new.known = sized.known
        if left.of == "dict":
            filled(new, left)
            filled(new, right)
        return new
    if isinstance(left, Sequence):
        frame.use_whole(left)
        return Sequence(left.of, left.element, left.size if left.size.is_little else ITEMS, frame.depth)
    if left.kind in ("foreign", "instance", "external"):
        return frame.interp.operator(frame, left, right, node[2], node)
    if node[2] == "/" and left.kind == "unknown" and is_name_of_file(node[4], right):
        return Foreign("pathlib.Path", frame.depth)
    if left.kind in ("constant", "scalar") or right.kind in ("constant", "scalar"):
        kind = kind_of(left) if node[2] in "+%*" else ""
        return Scalar(kind or (kind_of(right) if node[2] == "+" else ""), frame.depth)
    return Value(frame.depth)


def is_name_of_file(node: Node, value: Value) -> bool:
    """Tell whether what something is divided by is text: only a path can be."""
    return node[0] == "fstr" or (isinstance(value, Constant) and isinstance(value.value, str))


def unary(frame: Frame, node: Node) -> Value:
    if node[2] == "not":
        truth_of(frame, node[3])
        return Scalar("bool", frame.depth)
    found = frame.value(node[3])
    if node[2] == "-" and isinstance(found, Constant) and isinstance(found.value, int | float):
        return Constant(-found.value, frame.depth)
    return Scalar("", frame.depth)


def collection(frame: Frame, node: Node) -> Value:
    items = tuple([frame.value(item) for item in node[3]])
    starred = any(item[0] == "star" for item in node[3])
    element: Value = items[0] if items else UNKNOWN
    for item in items[1:]:
        element = join(element, item)
    size = constant(len(items))
    for item, part in zip(items, node[3], strict=True):
        if part[0] == "star":
            size = item.size if isinstance(item, Sequence) and not item.size.is_little else size
            element = join(element, item.element) if isinstance(item, Sequence) else element
            if not isinstance(item, Sequence):
                size = ITEMS
    new = Sequence(node[2], element, size, frame.depth)
    if not starred and len(items) <= 8:
        new.items = items
    return new


def dictionary(frame: Frame, node: Node) -> Value:
    items = []
    for key, part in zip(node[2], node[3], strict=True):
        if key is not None:
            frame.value(key)
        items.append(frame.value(part))
    element: Value = items[0] if items else UNKNOWN
    for item in items[1:]:
        element = join(element, item)
    new = Sequence("dict", element, constant(len(items)), frame.depth)
    for key, item in zip(node[2], items, strict=True):
        if key is None:
            filled(new, item)
        elif key[0] == "const" and isinstance(key[2], str):
            new.put(key[2], item)
    new.key = Scalar("str", frame.depth)
    new.items = tuple(items) if items else None
    return new


def filled(new: Sequence, given: Value) -> None:
    """`{**given}`, `new.update(given)`: what one dict holds, the other holds too."""
    if isinstance(given, Sequence) and given.fields is not None:
        for name, value in given.fields.items():
            new.put(name, value)


def comprehension(frame: Frame, node: Node) -> Value:
    consumer, frame.consumer = frame.consumer, ""
    saved: dict[str, Value | None] = {}
    outer = frame.depth
    first: Value = UNKNOWN
    source: Value = UNKNOWN
    for index, (target, iterable, tests, is_async) in enumerate(node[4]):
        source = frame.value(iterable)
        frame.quiet += is_async
        element, loop = iterate(frame, source, iterable, kind="comprehension")
        frame.quiet -= is_async
        if index == 0:
            first = source
        loop.batches = takes_batches(iterable)
        loop.body = (node[3], *tests) if node[5] is None else (node[3], node[5], *tests)
        if not loop.sure and looks_few(iterable):
            loop.size = constant(10)
        for bound in frame.interp.target_names(target):
            saved.setdefault(bound, frame.env.get(bound))
            loop.variables.add(bound)
        comprehension_scans(frame, loop, iterable, tests, node, source)
        if index == 0:
            gone_through(frame, source, node, iterable)
        reduction(frame, source, tests, node, consumer, last=index == len(node[4]) - 1)
        frame.loops.append(loop)
        frame.interp.assign(frame, target, element, iterable)
        for test in tests:
            frame.value(test)
    element = frame.value(node[3])
    if node[2] != "list" and isinstance(element, Row | Instance) and (node[2] == "set" or node[5] is not None):
        special(frame, element, "__hash__", node)
    value = frame.value(node[5]) if node[5] is not None else None
    size = next((loop.size for loop in frame.loops[outer:] if not loop.size.is_little), None)
    sure = all(loop.sure for loop in frame.loops[outer:])
    if size is None:
        size = frame.loops[-1].size
    del frame.loops[outer:]
    for bound, before in saved.items():
        if before is None:
            frame.env.pop(bound, None)
        else:
            frame.env[bound] = before
    result = Sequence(node[2], deepen(value or element, outer), size, outer, known=sure)
    if value is not None:
        result.key = deepen(element, outer)
    frame.interp.derive(result, first)
    if (is_column(node) or flattens(node)) and not frame.loops and isinstance(source, Rows | Sequence):
        result.load = source.load
    return result


def acts(frame: Frame, test: Node) -> bool | None:
    """Return what `self.action == "list"` comes to, where it is known what a viewset is asked for."""
    left, right, operator = test[2], test[4][0], test[3][0]
    if left[0] != "attr" or left[3] != "action" or left[2][0] != "name" or len(test[3]) > 1:
        return None
    view = frame.lookup(left[2][2])
    if not isinstance(view, Instance) or not view.action:
        return None
    if operator in ("==", "!=") and right[0] == "const":
        same = bool(right[2] == view.action)
        return same if operator == "==" else not same
    if operator in ("in", "not in") and right[0] == "coll":
        among = any(item[0] == "const" and item[2] == view.action for item in right[3])
        return among if operator == "in" else not among
    return None


def conditional(frame: Frame, node: Node) -> Value:
    truth_of(frame, node[2])
    decided = acts(frame, node[2]) if node[2][0] == "cmp" else None
    if decided is not None:
        return frame.value(node[3] if decided else node[4])
    return join(frame.value(node[3]), frame.value(node[4]))


def lambda_(frame: Frame, node: Node) -> Value:
    return LambdaValue(node, frame)


def given(_frame: Frame, node: Node) -> Value:
    """A value that was put into a function made here, where no name of its module stands for it."""
    return node[2]  # type: ignore[no-any-return]


def formatted(frame: Frame, node: Node) -> Value:
    for part in node[2]:
        found = frame.value(part)
        if isinstance(found, Row | Instance):
            written(frame, found, part)
    return Scalar("str", frame.depth)


def awaited(frame: Frame, node: Node) -> Value:
    frame.awaiting += 1
    found = frame.value(node[2])
    frame.awaiting -= 1
    if isinstance(found, Rows) and not found.manager and frame.interp.libraries.method(found.api, "__await__"):
        rows = found.copy(frame.depth)  # a query that is sent by awaiting it
        frame.quiet += 1
        run_query(frame, rows, node[1], frame.interp.text(node[2]), method="__await__")
        frame.quiet -= 1
        rows.stored = True
        return rows
    return found.result if isinstance(found, Awaitable) else found


def starred(frame: Frame, node: Node) -> Value:
    return frame.value(node[2])


def sliced(frame: Frame, node: Node) -> Value:
    for part in node[2:5]:
        frame.value(part)
    return UNKNOWN


def walrus(frame: Frame, node: Node) -> Value:
    found = frame.value(node[3])
    frame.env[node[2]] = found
    return found


def yielded(frame: Frame, node: Node) -> Value:
    found = frame.value(node[2])
    frame.use_whole(found)
    frame.holding += frame.held
    frame.yields = found if frame.yields is None else join(frame.yields, found)
    return UNKNOWN


def yielded_from(frame: Frame, node: Node) -> Value:
    found = frame.value(node[2])
    element, _ = iterate(frame, found, node[2])
    frame.yields = element if frame.yields is None else join(frame.yields, element)
    return UNKNOWN


EXPRESSIONS: dict[str, Callable[[Frame, Node], Value]] = {
    "call": call,
    "sub": subscript,
    "cmp": compared,
    "bool": several,
    "bin": binary,
    "un": unary,
    "coll": collection,
    "dict": dictionary,
    "comp": comprehension,
    "if": conditional,
    "lambda": lambda_,
    "given": given,
    "fstr": formatted,
    "await": awaited,
    "star": starred,
    "slice": sliced,
    "walrus": walrus,
    "yield": yielded,
    "yieldfrom": yielded_from,
}
