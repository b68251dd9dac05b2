"""Places in the arguments of a call: what is there, what may be there, and how something else is put there."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from perfwright.fix.judge import trees
from perfwright.fix.judge.trees import Path, Tree, copied, numbers, parts, replaced, tag

LISTS = ("list", "sequence", "collection", "reversible", "iterable", "any")
OF_TREE = {
    "int": "int", "str": "str", "bool": "bool", "f": "float", "i": "int", "b": "bytes", "none": "none",
    "l": "list", "t": "tuple", "s": "set", "z": "set", "d": "dict", "n": "iterator", "k": "callable", "o": "object",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variant:
    """The arguments of one call; `beyond` says that nobody stated that the function takes such."""

    args: Tree
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """A value in the arguments: the way to it, its tree, what may be there, and whether that is stated."""

    path: Path
    tree: Tree
    domain: Sequence[Any]

    @property
    def stated(self) -> bool:
        """Tell whether somebody wrote down what may be here."""
        return self.domain[0] not in ("any", "unknown")


def sites(args: Tree, parameters: Sequence[Sequence[Any]]) -> Iterator[Site]:
    """Give the values in the arguments, outermost first; `parameters` are those of `describe`."""
    domains = {name: domain for name, *_, domain in parameters}
    names = list(domains)
    level = [
        Site((0, place), each, domains[names[min(place, len(names) - 1)]] if names else ["any"])
        for place, each in enumerate(args[0])
    ]
    level += [Site((1, place, 1), each, domains.get(name, ["any"])) for place, (name, each) in enumerate(args[1])]
    for _ in range(4):
        yield from level
        level = [
            Site((*site.path, *path), each, domain_inside(part_of_union(site), path, site.tree))
            for site in level
            for path, each in itertools.islice(parts(site.tree), 6)
        ]


def domain_inside(domain: Sequence[Any], path: Path, tree: Tree = None) -> Sequence[Any]:
    """Return the domain of what a value of a domain holds; `tree` is the value, where that is an object."""
    kind = domain[0]
    if kind == "object":
        held = tree[4] if tag(tree) == "o" and path[0] == 4 else []
        return domain[1].get(held[path[1]][0], ["unknown"]) if held and len(domain) > 1 else ["unknown"]
    place = path[-1] if kind in ("dict", "fixed") else 0
    found: Sequence[Any] = domain[1 + place] if kind != "union" and len(domain) > 1 + place else ["any"]
    return found


def part_of_union(site: Site) -> Sequence[Any]:
    """Return that part of a union that a value is of."""
    if site.domain[0] != "union":
        return site.domain
    kind = OF_TREE.get(tag(site.tree), "any")
    some: list[Sequence[Any]] = list(site.domain[1:])
    return next((each for each in some if each[0] == kind), next((each for each in some if each[0] in LISTS), ["any"]))


def fresh(args: Tree, value: Tree) -> Tree:
    """Return a value whose objects have numbers that nothing else has."""
    return copied(value, 1 + max(numbers(["l", 0, [*args[0], *[each for _, each in args[1]]]]), default=0))


def put(args: Tree, site: Site, value: Tree) -> Tree:
    """Return the arguments with another value at a place."""
    return replaced(args, site.path, fresh(args, value))


def contents(site: Site) -> tuple[int, list[Tree]] | None:
    """Return where the items of a list or tuple are, and what they are."""
    at = trees.ITEMS.get(tag(site.tree))
    return (at, site.tree[at]) if at is not None else None
