"""Collections that each pass of a loop makes anew of a whole other collection, which is the same on every pass."""

from collections.abc import Iterator

from perfwright.effects.frame import Loop
from perfwright.effects.summary import Effects
from perfwright.effects.values import ITEMS, UNKNOWN
from perfwright.index.lower import Node
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._frames import few
from perfwright.rules._loops import Changes
from perfwright.rules._started import assigned

FILLS = ("append", "add", "extend", "update", "setdefault", "insert")
VIEWS = ("items", "keys", "values")


def loop_around(effects: Effects, call: Node) -> Loop | None:
    """Return the innermost `for` loop that a call stands in, where it may be long."""
    found: Node | None = None
    for node in walk(effects.function.body):
        if node[0] == "for" and any(inner is call for inner in walk(node[4])):
            found = node
    if found is None or few(effects, found[3]):
        return None
    loop = Loop("for", found[1], text(found[3]), ITEMS, UNKNOWN)
    loop.body, loop.variables = found[4], set(names_in(found[2]))
    return loop


def made_of_all(effects: Effects, source: Node, loop: Loop) -> bool:
    """Tell whether what a pass uses is worked out of all of a collection that the loop leaves as it is."""
    changes = Changes(loop)
    return any(whole(effects, iterable, changes, loop) for iterable in origins(source, loop, 0))


def whole(effects: Effects, iterable: Node, changes: Changes, loop: Loop) -> bool:
    """Tell whether an iterable is the same on every pass and not known to be short.

    So are the parts of one that a pass takes in turn: `for word in words: for other in index[word]`.
    """
    if iterable[0] == "call" and iterable[2][0] == "attr" and iterable[2][3] in VIEWS:
        iterable = iterable[2][2]
    elif iterable[0] == "call" and iterable[2][:3:2] == ("name", "enumerate") and iterable[3]:
        iterable = iterable[3][0]
    elif iterable[0] == "sub" and iterable[3][0] == "name" and iterable[3][2] not in loop.variables:
        return any(inner[0] == "for" and iterable[3][2] in names_in(inner[2]) for inner in walk(loop.body)) and (
            iterable[2][0] in ("name", "attr") and not changes.touch(iterable[2])
        )
    plain = iterable[0] in ("name", "attr")
    return plain and not changes.touch(iterable) and not few(effects, iterable)


def origins(source: Node, loop: Loop, depth: int) -> Iterator[Node]:
    """Give what a collection is made of in a pass: what its comprehension or the loop that fills it goes through."""
    if source[0] == "call" and source[2][0] == "attr" and source[2][3] in VIEWS:
        source = source[2][2]
    if source[0] == "comp":
        for _, iterable, _, _ in source[4]:
            yield iterable
            yield from origins(iterable, loop, depth)
    elif source[0] == "name" and depth < 2:
        made = assigned(loop.body, source[2])
        for value in made:
            if value[0] == "comp":
                yield from origins(value, loop, depth + 1)
        if made:
            yield from (inner[3] for inner in filling(loop, source[2]))


def filling(loop: Loop, name: str) -> Iterator[Node]:
    """Give the loops of a pass that add to a collection."""
    for inner in walk(loop.body):
        if inner[0] == "for" and any(adds(node, name) for node in walk(inner[4])):
            yield inner


def adds(node: Node, name: str) -> bool:
    if node[0] == "call":
        return bool(node[2][0] == "attr" and node[2][3] in FILLS and node[2][2][:3:2] == ("name", name))
    targets = node[2] if node[0] == "assign" else (node[2],) if node[0] == "aug" else ()
    return any(target[0] == "sub" and name in names_in(target[2]) for target in targets)
