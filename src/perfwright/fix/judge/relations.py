"""Inputs whose parts have to do with each other: equal but not alike, and containers that share some of their items."""

import itertools
from collections.abc import Callable, Iterator, Sequence

from perfwright.fix.judge.hard import FILLS
from perfwright.fix.judge.sites import OF_TREE, Site, Variant, contents, fresh, part_of_union
from perfwright.fix.judge.trees import ITEMS, Path, Tree, copied, of, parts, replaced, tag

# Values that are equal and yet not one: by type, by sign.
TWINS: dict[str, tuple[tuple[object, object], ...]] = {
    "float": ((0.0, -0.0), (2.0, 2)),
    "int": ((1, True),),
    "bool": ((True, 1),),
}
LATE: dict[str, tuple[object, ...]] = {"int": (-1, 0), "float": (-1.0, 0.0), "str": ("",)}
DEEPEST = 3  # of a value inside of an item
Edges = tuple[tuple[int, int], ...]
NODES: dict[str, list[Tree]] = {"str": list("abcdef"), "int": [1, 2, 3, 4, 5, 6]}
# A tree that is walked otherwise in breadth, a diamond with a way back, a long way, a node that leads to itself.
EDGES: tuple[Edges, ...] = (
    ((0, 1), (0, 2), (1, 3), (2, 4), (3, 5)),
    ((0, 2), (0, 1), (1, 3), (2, 3), (3, 0)),
    ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)),
    ((0, 0), (0, 1), (0, 1)),
    ((0, 1), (2, 3), (3, 2)),
)


def twins(args: Tree, every: Sequence[Site]) -> Iterator[Variant]:
    """Containers of two items that are equal, where a number inside of the second is another one to look at."""
    for site in every:
        if (held := contents(site)) is None or not held[1] or part_of_union(site)[0] == "fixed":
            continue
        at, items = held
        for way, leaf in itertools.islice(_leaves(items[0]), 4):
            for some in TWINS.get(OF_TREE.get(tag(leaf), ""), ()):
                pair = [fresh(args, replaced(items[0], way, of(each))) for each in some]
                for two in (pair, pair[::-1]):
                    made = replaced(args, (*site.path, at), [two[0]])
                    yield Variant(replaced(args, (*site.path, at), [two[0], fresh(made, two[1])]))


def late(args: Tree, every: Sequence[Site]) -> Iterator[Variant]:
    """Containers of which only the last item has a value at an end: what fails there does so after the others."""
    for site in every:
        if (held := contents(site)) is None or len(held[1]) < 2 or part_of_union(site)[0] == "fixed":
            continue
        at, items = held
        for way, leaf in itertools.islice(_leaves(items[-1]), 16):
            for hard in LATE.get(OF_TREE.get(tag(leaf), ""), ()):
                path = (*site.path, at, len(items) - 1, *way)
                yield Variant(replaced(args, path, of(hard)))


def _leaves(item: Tree, depth: int = 0) -> Iterator[tuple[Path, Tree]]:
    """Give the single values inside of an item, each with the way to it."""
    for path, each in parts(item):
        if any(True for _ in parts(each)) and depth < DEEPEST:
            yield from ((path + way, leaf) for way, leaf in _leaves(each, depth + 1))
        else:
            yield path, each


def shared(args: Tree, every: Sequence[Site]) -> Iterator[Variant]:
    """Two containers that hold some of the same items: all of one, more than once, in another order, none."""
    held = [(site, *_items(site)) for site in every if site.path[0] == 1 or len(site.path) == 2]
    for (one, at, items), (other, to, others) in itertools.permutations(held, 2):
        if not items or not others or {_kind(each) for each in items} & {_kind(each) for each in others} == set():
            continue
        first, second = items[0], next((each for each in items if each != items[0]), items[0])
        for some, rest in (([first, second, first], [first]), ([first], [second, first, first]), ([second], [first])):
            made = _filled(args, one, at, some)
            yield Variant(_filled(made, other, to, rest))
        for fill in FILLS.get(_kind(first), ()) if one.path < other.path or len(held) == 2 else ():
            for some, rest in ((fill[:1], fill[1:2]), (fill, fill[:1])):
                yield Variant(_filled(_filled(args, one, at, some), other, to, rest))


def may_be_one(one: Site, other: Site) -> bool:
    """Tell whether two containers may be the same one: neither has only items that the other cannot have."""
    kinds = [{_kind(each) for each in _items(site)[1]} for site in (one, other)]
    return not all(kinds) or bool(kinds[0] & kinds[1])


def graphs(args: Tree, every: Sequence[Site]) -> Iterator[Variant]:
    """Nodes that lead to each other, as a dict of what each leads to or as pairs; single arguments are some of them."""
    for site in every:
        nodes, write = _nodes(site)
        for edges in EDGES if nodes else ():
            made = replaced(args, site.path, fresh(args, write(site.tree, nodes, edges)))
            single = [
                other
                for other in every
                if len(other.path) == 2 and other is not site and _kind(other.tree) == _kind(nodes[0])
            ]
            for far in (0, 3) if len(single) > 1 else (0,):  # from a node to itself, and to one that lies behind
                for place, other in enumerate(single):
                    made = replaced(made, other.path, nodes[far if place else 0])
                yield Variant(made)


def _nodes(site: Site) -> tuple[list[Tree], Callable[[Tree, list[Tree], Edges], Tree]]:
    """Return what may be nodes of a graph, and what writes the graph; no nodes where a value can be none."""
    if tag(site.tree) == "d" and site.tree[2] and (to := ITEMS.get(tag(site.tree[2][0][1]))) is not None:
        key, held = site.tree[2][0]
        if tag(held) in ("l", "s", "t") and (not held[to] or _kind(held[to][0]) == _kind(key)):
            return NODES.get(_kind(key), []), _as_dict
    if tag(site.tree) == "l" and site.tree[2] and tag(site.tree[2][0]) == "t" and len(site.tree[2][0][1]) >= 2:
        one, other = site.tree[2][0][1][:2]
        if _kind(one) == _kind(other):
            return NODES.get(_kind(one), []), _as_pairs
    return [], _as_pairs


def _as_dict(tree: Tree, nodes: list[Tree], edges: Edges) -> Tree:
    held = tree[2][0][1]
    pairs = []
    for node in dict.fromkeys(one for one, _ in edges):
        some = [nodes[other] for one, other in edges if one == node]
        pairs.append([nodes[node], replaced(held, (ITEMS[tag(held)],), some)])
    made: list[Tree] = []
    for key, value in pairs:  # each has a container of its own
        made.append([key, copied(value, 1000 * (2 + len(made)))])
    return replaced(tree, (2,), made)


def _as_pairs(tree: Tree, nodes: list[Tree], edges: Edges) -> Tree:
    rest = tree[2][0][1][2:]
    return replaced(tree, (2,), [["t", [nodes[one], nodes[other], *rest]] for one, other in edges])


def _items(site: Site) -> tuple[int, list[Tree]]:
    """Return where the items of a container are, and what they are; of a dict, its keys."""
    if (held := contents(site)) is not None and part_of_union(site)[0] != "fixed":
        return held
    return 2, [key for key, _ in site.tree[2]] if tag(site.tree) == "d" else []


def _filled(args: Tree, site: Site, at: int, items: Sequence[Tree]) -> Tree:
    """Return arguments with other items in a container; a dict has each as a key once, with values it had."""
    if tag(site.tree) == "d":
        values = [value for _, value in site.tree[2]]
        unique = {repr(key): key for key in items}.values()
        return replaced(args, (*site.path, at), [list(each) for each in zip(unique, values, strict=False)])
    some: list[Tree] = []
    for each in items:
        some.append(fresh(replaced(args, (*site.path, at), some), each))
    return replaced(args, (*site.path, at), some)


def _kind(tree: Tree) -> str:
    return OF_TREE.get(tag(tree), tag(tree))
