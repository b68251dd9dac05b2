"""Looking through a whole collection on every pass of a loop: membership, joins by hand, filters."""

from perfwright.effects.frame import Frame, Loop
from perfwright.effects.iteration import run_query
from perfwright.effects.library import Model
from perfwright.effects.protocols import OPERATORS, special
from perfwright.effects.values import UNKNOWN, Constant, Rows, Scalar, Sequence, Value
from perfwright.index.lower import Node
from perfwright.index.tree import names_in, text, walk

SCANNED = ("list", "tuple", "iter")
SAME = ("scan", "sort", "copy", "shift")  # work on a whole collection, wasted where it is done to the same one again
VIEWS = ("items", "keys", "values")
BUILT = ("str", "bytes", "tuple", "list", "set", "dict")


class Scan:
    """One search through a collection: which, how long it is, in which loop it is repeated."""

    __slots__ = ("collection", "iterated", "kind", "remade", "sure")

    def __init__(self, kind: str, collection: str, iterated: Value, sure: bool) -> None:
        self.kind, self.collection, self.iterated, self.sure = kind, collection, iterated, sure
        self.remade = False  # a property makes it anew for each search


def compare(frame: Frame, node: Node) -> Value:
    """A comparison; `in` also searches."""
    left = node[2][2] if node[2][0] == "await" else node[2]
    frame.existence = left[0] == "call" and asks_existence(node)
    compared = frame.value(node[2])
    frame.existence = False
    for operator, right_node in zip(node[3], node[4], strict=True):
        asked = operator in ("in", "not in")
        if asked and right_node[0] == "comp" and not frame.loops:
            frame.consumer = "in"
        right = frame.value(right_node)
        frame.consumer = ""
        if asked:
            contains(frame, right, node, right_node)
        elif compared.kind in ("row", "instance") and operator in OPERATORS:
            special(frame, compared, OPERATORS[operator], node, (right,))
    return Scalar("bool", frame.depth)


def asks_existence(node: Node) -> bool:
    """Tell whether a comparison asks if something is above zero: `x > 0`, `x == 0`, `x >= 1`, `x < 1`."""
    right = node[4][0]
    if len(node[3]) != 1 or right[0] != "const" or isinstance(right[2], bool):
        return False
    return (right[2] == 0 and node[3][0] in ("==", "!=", ">")) or (right[2] == 1 and node[3][0] in (">=", "<"))


def contains(frame: Frame, where: Value, node: Node, right: Node) -> None:
    """`item in where`: free for sets and dicts, a search through everything else."""
    if isinstance(where, Rows) and not where.manager:
        fresh = not where.stored
        load = run_query(frame, where, node[1], frame.interp.text(node), method="__contains__")
        if where.depth < frame.depth:
            load.whole = True  # one after the other is looked for
        elif fresh:
            load.reduced.append(("contains", node[1], frame.interp.text(node)))
        return
    if not isinstance(where, Sequence):
        special(frame, where, "__contains__", node, (UNKNOWN,))
        return
    if where.load is not None and where.depth < frame.depth:
        where.load.whole = True
    elif where.load is not None:
        where.load.reduced.append(("contains", node[1], frame.interp.text(node)))
    source = frame.interp.source_of(where)
    if source is not None and right[0] == "comp":
        source.reduced.append(("contains", node[1], frame.interp.text(node)))
    if where.of == "list" and where.size.constant == 0 and where.depth < frame.depth:
        frame.calls[("searched", id(where))] = (where, node, right)  # a search, if the loop appends to it
    if where.of not in SCANNED or where.size.is_little:
        return
    owner = frame.interp.peek(frame, right[2]) if right[0] == "attr" and where.depth else UNKNOWN
    again = owner.kind == "instance" and owner.depth < where.depth
    found = search(frame, "membership", remade(where, owner) if again else where, node, right, sure=where.known)
    found.remade = again


def remade(where: Sequence, owner: Value) -> Sequence:
    """Return a list that a property makes anew on each pass as what it is: always the same, of an older object."""
    same = Sequence(where.of, where.element, where.size, owner.depth, owner.root, known=where.known)
    same.load = where.load
    return same


def search(frame: Frame, kind: str, where: Value, node: Node, over: Node, *, sure: bool) -> Scan:
    """Record a search of a collection; it is repeated in each loop that the collection outlives."""
    loops = [loop for loop in frame.multiplying() if frame.loops.index(loop) >= where.depth]
    found = Scan(kind, text(over), where, sure)
    event = frame.emit(
        "scan",
        text(over),
        node[1],
        frame.interp.text(node),
        root=where.root,
        detail=found,
        certain=sure,
        node=node,
    )
    event.loops = tuple(loops)
    return found


def worked(frame: Frame, effect: str, on: Value, node: Node, over: Node, model: Model | None = None) -> None:
    """Record work in proportion to a collection (`sort`, `copy`, `serialize`): by whom, on what.

    Sorting or copying the same collection again is repeated in the loops that it outlives, as a search is.
    """
    sure = isinstance(on, Rows) or (isinstance(on, Sequence) and on.known)
    event = frame.emit(
        effect,
        text(over),
        node[1],
        frame.interp.text(node),
        root=on.root,
        model=model,
        detail=on,
        certain=sure,
        blocking=False,
        node=node,
    )
    if effect in SAME:
        event.loops = tuple(loop for loop in event.loops if frame.loops.index(loop) >= on.depth)


class Building:
    """Something that is made longer by making it anew: text, bytes, a tuple; a list or a dict by `x = x + ...`."""

    __slots__ = ("kind", "shared", "target", "value")

    def __init__(self, kind: str, target: Node, value: Value, shared: bool) -> None:
        self.kind, self.target, self.value = kind, target, value
        self.shared = shared  # an attribute or an item: something else holds it too


def built(frame: Frame, target: Node, added: Value, node: Node) -> None:
    """Record `x += y` where x is text, bytes or a tuple older than the loop: all of it is copied."""
    kind, before = growing(frame, target, added)
    if kind != "str" and before.kind == "unknown":
        return  # a list grows in place by a tuple as well, and a bytearray by bytes
    if kind not in ("str", "bytes", "tuple"):
        return
    if kind == "str" and target[0] == "name" and target[2] in frame.env:
        return  # a local text that nothing else holds grows in place
    copied_again(frame, kind, target, before, node, f"{text(target)} += {text(node[4])}")


def built_anew(frame: Frame, target: Node, value: Value, node: Node) -> None:
    """Record `x = x + y` and its like (`y + x`, `f"{x}{y}"`, `{**x, k: v}`): all of x is copied to the new one."""
    made = node[3]
    if not holds_itself(made, target):
        return
    kind, before = growing(frame, target, value)
    if not kind and before.kind == "unknown" and made[0] == "bin":
        kind = next((part[2] for part in made[3:5] if part[0] in ("coll", "comp")), "")
    if kind not in BUILT:
        return
    plain = made[0] == "bin" and made[2] == "+" and same_name(made[3], target)
    if kind == "str" and plain and target[0] == "name" and target[2] in frame.env:
        return  # `x = x + y` of a local text grows in place, as `x += y` does
    copied_again(frame, kind, target, before, node, f"{text(target)} = {text(made)}")


def holds_itself(made: Node, target: Node) -> bool:
    """Tell whether an expression makes a longer one of what its target holds."""
    tag = made[0]
    if tag == "bin" and made[2] == "%":
        given = made[4][3] if made[4][0] == "coll" else (made[4],)
        return any(same_name(part, target) for part in given)
    if tag == "bin":
        first = made
        while first[0] == "bin" and first[2] in "+|":
            if same_name(first[4], target):
                return True
            first = first[3]
        return bool(first is not made and same_name(first, target))
    if tag == "fstr":
        return any(same_name(part, target) for part in made[2])
    if tag == "coll":
        return any(item[0] == "star" and same_name(item[2], target) for item in made[3])
    if tag == "dict":
        return any(key is None and same_name(part, target) for key, part in zip(made[2], made[3], strict=True))
    return False


def same_name(node: Node, target: Node) -> bool:
    """Tell whether an expression is the very name or attribute that is bound."""
    if node[0] == "name":
        return bool(target[0] == "name" and node[2] == target[2])
    return bool(node[0] == "attr" and target[0] == "attr" and node[3] == target[3] and same_name(node[2], target[2]))


def growing(frame: Frame, target: Node, added: Value) -> tuple[str, Value]:
    """Return what kind of thing a target holds, as far as it or what is added says, and what it held before."""
    said = added.of if isinstance(added, Sequence) else kind_of(added)
    if target[0] == "name":
        before = frame.lookup(target[2]) or UNKNOWN
    elif not said and added.kind != "unknown":
        return "", UNKNOWN  # a number
    else:
        before = frame.value(target)
    if target[0] == "sub":
        return (said if said in ("str", "bytes") else ""), before  # the others it lies among say nothing of it
    if isinstance(before, Sequence):
        return before.of, before
    if before.kind == "unknown" or (isinstance(before, Constant) and before.value is None):
        return said, before
    return kind_of(before) or (said if isinstance(before, Scalar) and not before.type else ""), before


def copied_again(frame: Frame, kind: str, target: Node, before: Value, node: Node, shown: str) -> None:
    """Record that all of something is copied to make it longer, in the loops that it outlives."""
    shared = target[0] != "name"
    depth = before.depth
    root: int | None = None
    if shared:
        holder = frame.interp.peek(frame, target[2])
        depth, root = holder.depth, holder.root
    elif not frame.loops:
        return
    event = frame.emit(
        "copy",
        text(target),
        node[1],
        shown,
        root=root,
        detail=Building(kind, target, before, shared),
        blocking=False,
        node=node,
    )
    # A guard such as `if item not in found` lets every new item through.
    around = frame.loops[depth : frame.once]
    event.loops = tuple(loop for loop in around if loop.multiplies)


def kind_of(value: Value) -> str:
    """Return `str` or `bytes` where a value is known to be text."""
    if isinstance(value, Constant):
        return type(value.value).__name__ if isinstance(value.value, str | bytes) else ""
    if isinstance(value, Scalar):
        return value.type if value.type in ("str", "bytes") else ""
    return ""


def comprehension_scans(frame: Frame, loop: Loop, iterable: Node, tests: Node, node: Node, source: Value) -> None:
    """A comprehension in a loop that picks, from a collection made before it, what matches: a join by hand."""
    if not tests or loop.size.is_little or is_picked(frame, iterable):
        return
    source = copied_from(frame, iterable, source)
    if isinstance(source, Sequence) and source.size.is_little:
        return
    if not isinstance(source, Sequence | Rows) and source.kind != "unknown":
        return
    if any(matches(frame, test, loop.variables) for test in tests):
        sure = isinstance(source, Rows) or (isinstance(source, Sequence) and source.known)
        search(frame, "join", source, node, iterable, sure=sure)
    elif any(asks(frame, test, loop.variables, source) for test in tests):
        search(frame, "pass", source, node, iterable, sure=False)


def is_picked(frame: Frame, over: Node) -> bool:
    """Tell whether what is gone through is what a dict holds for the item of a loop: `lines.get(order.id)`."""
    key = over[3] if over[0] == "sub" else None
    if over[0] == "call" and over[2][0] == "attr" and over[2][3] in ("get", "pop", "setdefault") and over[3]:
        key = over[3][0]
    return key is not None and varying(frame, names_in(key))


def copied_from(frame: Frame, over: Node, source: Value) -> Value:
    """Return what a copy is made of, pass by pass: `sorted(prices.items())` is as old as `prices`."""
    inner = over
    while inner[0] == "call" and not inner[4]:
        if inner[2][0] == "name" and inner[2][2] in ("sorted", "list", "reversed", "tuple") and len(inner[3]) == 1:
            inner = inner[3][0]
        elif inner[2][0] == "attr" and inner[2][3] in VIEWS and not inner[3]:
            inner = inner[2][2]
        else:
            break
    older = frame.interp.peek(frame, inner) if inner is not over and inner[0] == "name" else source
    known = isinstance(older, Sequence) or older.kind == "unknown"
    return older if known and older.depth < source.depth else source


def asks(frame: Frame, test: Node, variables: set[str], source: Value) -> bool:
    """Tell whether a test holds an item of what the caller passed against something else that is at hand."""
    if frame.depth or source.root is None or not isinstance(source, Sequence | Rows):
        return False
    others = names_in(test) - variables
    own = frame.function.parameters[0][0] if frame.function.owner is not None and frame.function.parameters else ""
    if any(name in frame.env for name in others if name != own):
        return True
    return any(inner[0] == "attr" and inner[2][0] == "name" and inner[2][2] == own for inner in walk(test))


def visited(body: tuple[Node, ...]) -> bool:
    """Tell whether a loop keeps what it has been at and leaves that out: `if x in seen: continue; seen.add(x)`."""
    test = body[0][2] if body[0][0] == "if" else None
    if test is None or test[0] != "cmp" or test[3][0] not in ("in", "not in"):
        return False
    kept = text(test[4][0], 200)
    for node in walk(body):
        if node[0] == "call" and node[2][0] == "attr" and node[2][3] in ("add", "append", "update"):
            if text(node[2][2], 200) == kept:
                return True
        elif node[0] == "assign" and any(t[0] == "sub" and text(t[2], 200) == kept for t in node[2]):
            return True
    return False


def gone_through(frame: Frame, where: Value, node: Node, over: Node) -> None:
    """Record that a call, a comprehension or a loop goes through all of a collection that is older than it.

    In a loop it may do so again on every pass, and in a function of that collection on every call.
    """
    if not (plain(over) or (over[0] == "call" and over[2][0] == "attr" and over[2][3] in VIEWS and plain(over[2][2]))):
        return
    if over[0] == "call" and where.kind == "unknown":
        where = frame.interp.peek(frame, over[2][2])  # a view of it
    known = isinstance(where, Sequence)
    if (not known and where.kind != "unknown") or (isinstance(where, Sequence) and where.size.is_little):
        return
    alone = frame.depth == 0 and where.root is not None and (node[0] in ("call", "comp") or (known and of_one(frame)))
    if where.depth < frame.depth or alone:
        search(frame, "whole", where, node, over, sure=isinstance(where, Sequence) and where.known)


def shown_again(frame: Frame, where: Value, loop: Node) -> None:
    """Record that a loop of a template, inside of another, shows all rows of a query or a list that is older."""
    rows = isinstance(where, Rows) and not where.relation and where.limited is None
    items = isinstance(where, Sequence) and where.size.constant is None and where.known
    if (rows or items) and where.depth < frame.depth and plain(loop[3]):
        search(frame, "whole", where, loop, loop[3], sure=True)


def is_whole(detail: object) -> bool:
    return isinstance(detail, Scan) and detail.kind == "whole"


def plain(node: Node) -> bool:
    return bool(node[0] in ("name", "attr"))


def of_one(frame: Frame) -> bool:
    """Tell whether a function has one parameter: what it does hangs on that alone."""
    return len(frame.function.parameters) == 1


def matches(frame: Frame, test: Node, variables: set[str]) -> bool:
    """Tell whether a test compares an item for equality with something that changes in a loop around."""
    for inner in walk(test):
        if inner[0] != "cmp" or inner[3][0] not in ("==", "in", "is"):
            continue
        left, right = names_in(inner[2]), names_in(inner[4][0])
        for one, other in ((left, right), (right, left)):
            if one & variables and not other & variables and (varying(frame, other) or roots(frame, other)):
                return True
    return False


def varying(frame: Frame, names: set[str]) -> bool:
    """Tell whether one of the names is made anew in a loop around this place."""
    for name in names:
        value = frame.env.get(name)
        if value is not None and value.depth > 0 and frame.loops:
            return True
    return False


def roots(frame: Frame, names: set[str]) -> bool:
    """Tell whether one of the names is a parameter: the caller may change it in a loop."""
    return any((value := frame.env.get(name)) is not None and value.root is not None for name in names)


def statement_scans(frame: Frame, loop: Loop, node: Node, source: Value) -> None:
    """A `for` inside a loop whose body is one test for equality with something of the outer loop."""
    body = node[4]
    if loop.size.is_little or not body or body[0][0] != "if" or is_picked(frame, node[3]):
        return
    if not isinstance(source, Sequence | Rows) and source.kind != "unknown":
        return
    first = body[0]
    if visited(body):
        return
    picks = len(body) == 1 or (first[3][-1:] and first[3][-1][0] in ("continue", "break", "return"))
    if not picks:
        return
    if matches(frame, first[2], loop.variables):
        sure = isinstance(source, Rows) or (isinstance(source, Sequence) and source.known)
        search(frame, "join", source, node, node[3], sure=sure)
    elif asks(frame, first[2], loop.variables, source):
        search(frame, "pass", source, node, node[3], sure=True)
