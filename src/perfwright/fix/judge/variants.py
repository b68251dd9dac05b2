"""Inputs that are near to known ones: the ends of each type, equal and shared parts, other types of the same shape."""

import base64
import itertools
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from perfwright.fix.judge import arrays, relations, texts, trees
from perfwright.fix.judge.hard import ANY, CONTENTS, DATA, FAMILIES, FILLS, PLAIN, SCALARS
from perfwright.fix.judge.sites import OF_TREE, Site, Variant, contents, domain_inside, fresh, part_of_union, put, sites
from perfwright.fix.judge.trees import Tree, copied, parts, replaced, tag
from perfwright.fix.judge.worlds import worlds

KNOWN = 0.5  # of the values that are mixed in: hard ones, and what the code names
WORKER = "_perfwright_worker.trees"
FAILING = ((3, 3), (1, 1), (1, 2), (1, 1000))  # the first and the last call at which a callback fails
SWEPT, AT_ONCE = (*range(-10, 400), 1900, 2000, 2100), 120
DRAWN = 40  # of those that are drawn anew, for a dozen of each other way
TUPLES, ITERATORS = ("iterable", "collection", "sequence", "reversible"), ("iterable", "iterator")


def variants(
    args: Tree,
    parameters: Sequence[Sequence[Any]],
    constants: Sequence[Tree],
    pick: random.Random,
    caught: Sequence[str] = (),
) -> Iterator[Variant]:
    """Give arguments near to some that are known, those that tell most first.

    `constants` are what the sources name, `caught` the errors that they expect.
    """
    every = list(itertools.islice(sites(args, parameters), 60))
    ways = [
        _worlds(args, every, constants, pick),
        _drawn(args, every),
        _shapes(args, every),
        _tables(args, every),
        _fills(args, every),
        relations.late(args, every),
        relations.twins(args, every),
        relations.shared(args, every),
        relations.graphs(args, every),
        _composed(args, every, constants),
        _ends(args, every, constants),
        _others(args, every, caught),
        _mixed(args, every, constants, pick),
        _files(args),
        _swept(args, every),
    ]
    first, last = ways[0], ways[-1]
    while ways:
        for way in list(ways):
            some = list(itertools.islice(way, DRAWN if way is first else AT_ONCE if way is last else 12))
            yield from some
            if not some:
                ways.remove(way)


def by_name(args: Tree, parameters: Sequence[Sequence[Any]]) -> Tree | None:
    """Return the same call with its arguments given by name; None where they cannot all be."""
    names = [name for name, kind, *_ in parameters if kind == "POSITIONAL_OR_KEYWORD"]
    if len(args[0]) > len(names) or not args[0] or any(each[1].startswith("VAR") for each in parameters):
        return None
    return [[], [[name, each] for name, each in zip(names, args[0], strict=False)] + args[1], *args[2:]]


def spelled(args: Tree, parameters: Sequence[Sequence[Any]]) -> Tree:
    """Return the same call with single values that are defaults given by name; for none, one that is allowed."""
    named = list(args[1])
    for name, kind, has, default, domain in parameters[len(args[0]) :]:
        if not has or kind not in ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY") or name in dict(args[1]):
            continue
        some = [domain, *domain[1:]] if domain[0] == "union" else [domain]
        value = next((SCALARS[each[0]][0] for each in some if each[0] in SCALARS and each[0] != "none"), None)
        if default is not None or value is not None:
            named.append([name, value if default is None else default])
    single = [pair for pair in named if OF_TREE.get(tag(pair[1])) in SCALARS or pair in args[1]]
    return [args[0], single, *args[2:]]


def _worlds(args: Tree, every: Sequence[Site], constants: Sequence[Tree], pick: random.Random) -> Iterator[Variant]:
    """All arguments drawn anew, from few values."""
    tops = [site for site in every if len(site.path) == 2 or (site.path[0] == 1 and len(site.path) == 3)]
    vague = {site.path for site in tops if "any" in json.dumps(site.domain) or not site.stated}
    yield from (Variant(each, bool(vague)) for each in worlds(args, constants, pick, vague))


def _shapes(args: Tree, every: Sequence[Site]) -> Iterator[Variant]:
    """Containers that are empty, of one item, with an item twice, in another order; what is shared."""
    for site in every:
        if (held := contents(site)) is None or tag(site.tree) in ("s", "z"):
            if tag(site.tree) == "d":
                pairs = site.tree[2]
                less: tuple[list[Tree], ...] = ([], pairs[:1], pairs[::-1])
                yield from (Variant(replaced(args, (*site.path, 2), some)) for some in less)
            continue
        at, items = held
        if part_of_union(site)[0] == "fixed":
            continue
        orders: tuple[list[Tree], ...] = ([], items[:1], items[:2], items[::-1])
        yield from (Variant(replaced(args, (*site.path, at), some)) for some in orders)
        if items:
            twice = [*items, *[fresh(args, each) for each in items]]
            yield Variant(replaced(args, (*site.path, at), twice))
            if isinstance(items[0], list) and tag(items[0]) in trees.NUMBERED and tag(items[0]) != "r":
                yield Variant(replaced(args, (*site.path, at), [*items, ["r", items[0][1]]]))
                yield Variant(replaced(args, (*site.path, at), [items[0], ["r", items[0][1]], ["r", items[0][1]]]))
    tops = [site for site in every if len(site.path) == 2 and site.path[0] == 0]
    for one, other in itertools.combinations(tops, 2):
        alike = isinstance(one.tree, list) and tag(one.tree) == tag(other.tree) and tag(one.tree) in trees.NUMBERED
        if alike and relations.may_be_one(one, other):
            yield Variant(replaced(args, other.path, ["r", one.tree[1]]))
            yield Variant(put(args, other, one.tree))


def _tables(args: Tree, every: Sequence[Site]) -> Iterator[Variant]:
    """Frames, columns and arrays with other rows, labels, columns and values."""
    for site in every:
        yield from (Variant(replaced(args, site.path, each)) for each in arrays.near(site.tree))


def _swept(args: Tree, every: Sequence[Site]) -> Iterator[Variant]:
    """One whole number after the other, for a function that takes one and nothing that holds others."""
    kinds = [OF_TREE.get(tag(site.tree), "") for site in every]
    if kinds.count("int") == 1 and all(kind in SCALARS for kind in kinds):
        site = every[kinds.index("int")]
        yield from (Variant(put(args, site, number), beyond=not site.stated) for number in SWEPT)


def _files(args: Tree) -> Iterator[Variant]:
    """Files that the arguments name with other content, and without them."""
    for place, (name, held) in enumerate(args[2] if len(args) > 2 else ()):
        if held is None:
            continue
        data = base64.b64decode(held)
        contents = [*CONTENTS, data.rstrip(b"\n"), data.replace(b"\n", b"\r\n"), data[: len(data) // 2], data * 2]
        for each in contents:
            yield Variant(replaced(args, (2, place), [name, base64.b64encode(each).decode()]))
        yield Variant(replaced(args, (2,), [each for each in args[2] if each[0] != name]))


def _fills(args: Tree, every: Sequence[Site]) -> Iterator[Variant]:
    """Containers filled with items that are hard to tell apart, to order or to add up."""
    for site in every:
        held = contents(site)
        if held is None and tag(site.tree) != "d":
            continue
        domain = part_of_union(site)
        if domain[0] == "fixed":
            continue
        if held is None:
            yield from _dicts(args, site, domain)
            continue
        at, items = held
        inner = domain_inside(domain, (at, 0))
        known = OF_TREE.get(tag(items[0]), "any") if items else "any"
        if items and tag(items[0]) == "x":
            for some in DATA.get(items[0][1], ()):
                yield Variant(replaced(args, (*site.path, at), [["x", items[0][1], each] for each in some]))
        if known == "any" and inner[0] == "object":  # of a class that has no other values we know
            continue
        kinds = [inner[0]] if inner[0] in FILLS else [each[0] for each in inner[1:]] if inner[0] == "union" else [known]
        if inner[0] in ("any", "unknown"):
            kinds = list(dict.fromkeys((known, "any")))
        for kind in kinds:
            for fill in FILLS.get(kind, ()):
                if tag(site.tree) in ("s", "z") and any(tag(each) in ("l", "d") for each in fill):
                    continue
                beyond = inner[0] in ("any", "unknown") and kind != known
                filled = [
                    fresh(args, copied(each, 1000 * (1 + place))) if isinstance(each, list) else each
                    for place, each in enumerate(fill)
                ]
                yield Variant(replaced(args, (*site.path, at), filled), beyond)
                yield from _beside(replaced(args, (*site.path, at), filled), every, kind, filled, beyond=beyond)
                yield Variant(replaced(args, (*site.path, at), [*filled, *items]), beyond)


def _beside(args: Tree, every: Sequence[Site], kind: str, filled: Sequence[Tree], *, beyond: bool) -> Iterator[Variant]:
    """Give the same container beside single arguments that are equal to one of its items, or nearly."""
    for site in every:
        if len(site.path) == 2 and site.path[0] == 0 and OF_TREE.get(tag(site.tree)) == kind and kind in SCALARS:
            yield from (Variant(put(args, site, each), beyond) for each in filled[:3])


def _dicts(args: Tree, site: Site, domain: Sequence[Any]) -> Iterator[Variant]:
    keys = domain_inside(domain, (0, 0, 0))
    values = [value for _, value in site.tree[2]] or [1]
    known = OF_TREE.get(tag(site.tree[2][0][0]), "any") if site.tree[2] else "any"
    for kind in dict.fromkeys((keys[0], known)):
        for fill in FILLS.get(kind, ()):
            unique = list({repr(each): each for each in fill if tag(each) not in ("l", "d")}.values())
            pairs = [[key, fresh(args, values[place % len(values)])] for place, key in enumerate(unique)]
            yield Variant(replaced(args, (*site.path, 2), pairs), kind != keys[0])


def _is_field(args: Tree, site: Site) -> bool:
    """Tell whether a value is that of a key of a record in a container: there, no container stands in its place."""
    tree = args
    for place in site.path[:-3]:
        tree = tree[place]
    return len(site.path) > 5 and isinstance(tree, list) and tag(tree) == "d" and site.path[-1] == 1


def _ends(args: Tree, every: Sequence[Site], constants: Sequence[Tree]) -> Iterator[Variant]:
    """Single values replaced by the ends of their type, and by what the code names."""
    for site in every:
        domain = part_of_union(site)
        known = OF_TREE.get(tag(site.tree), "")
        if tag(site.tree) == "x":
            for held in itertools.chain(*DATA.get(site.tree[1], ())):
                yield Variant(replaced(args, site.path, ["x", site.tree[1], held]))
        if known not in SCALARS:
            continue
        stated = domain[0] in SCALARS
        kind = domain[0] if stated else known
        own = [each for each in constants if OF_TREE.get(tag(each)) == kind]
        for value in (*own, *SCALARS[kind]):
            yield Variant(put(args, site, value))
        if kind == "int":
            yield Variant(put(args, site, True))
            yield Variant(put(args, site, ["o", -1, f"{WORKER}:Number", ["int", 3], []]))
        if kind == "float":
            yield Variant(put(args, site, 2))
        if kind == "str":
            yield Variant(put(args, site, ["o", -1, f"{WORKER}:Text", ["str", "ab"], []]))
        if not stated:
            for value in PLAIN if _is_field(args, site) else ANY:
                yield Variant(put(args, site, value), beyond=True)
        elif site.domain[0] == "union" and ["none"] in list(site.domain[1:]):
            yield Variant(put(args, site, None))


def _composed(args: Tree, every: Sequence[Site], constants: Sequence[Tree]) -> Iterator[Variant]:
    """Texts made of what the sources name, alone and as the items of a container."""
    some = list(dict.fromkeys(texts.composed([each for each in constants if isinstance(each, str)])))
    places = [site for site in every if isinstance(site.tree, str) and part_of_union(site)[0] == "str"]
    for text, site in itertools.product(some, places[:2]):
        yield Variant(replaced(args, site.path, text))
    for site in every:
        items = contents(site)
        if items is not None and items[1] and all(isinstance(each, str) for each in items[1]):
            for at in range(0, len(some), 3):
                yield Variant(replaced(args, (*site.path, items[0]), some[at : at + 3]))


def _others(args: Tree, every: Sequence[Site], caught: Sequence[str]) -> Iterator[Variant]:
    """The same items in another kind of container that is asked for, or where nobody says what is: a tuple, an iterator
    that can be walked once, a subclass; nothing, and functions that fail or always return the same."""
    for site in every:
        kind, domain = tag(site.tree), part_of_union(site)[0]
        unsaid = domain in ("any", "unknown")
        items = site.tree[2] if kind in ("l", "d") else []
        others: dict[str, Tree] = {}
        if kind == "l":
            others["items"] = ["o", -1, f"{WORKER}:Items", ["list", items], []]
            if unsaid or domain in TUPLES:
                others["tuple"] = ["t", items]
            if unsaid or domain in ITERATORS:
                others |= {"iterator": ["n", -1, items], "nothing to walk": ["n", -1, []]}
        elif kind == "d":
            others["ordered"] = ["o", -1, "collections:OrderedDict", ["d", items, None], []]
            others["default"] = ["o", -1, "collections:defaultdict", ["d", items, ["c", "builtins:int"]], []]
        elif kind == "k":
            for error, (first, last) in itertools.product(("builtins:RuntimeError", *caught), FAILING):
                failing = ["raises", error, first, last, site.tree[3]]
                others[f"{error} at {first} to {last}"] = [*site.tree[:3], failing]
            others |= {f"gives {each!r}": ["k", -1, _fixed(site.tree), each] for each in _answers(part_of_union(site))}
        elif kind == "o" and domain == "object":
            module = site.tree[2].partition(":")[0]
            others |= {each: ["o", -1, f"{module}:{each}", *site.tree[3:]] for each in part_of_union(site)[2]}
            others["more"] = [*site.tree[:4], [*site.tree[4], ["more", 1]]]  # as an object of a subclass may have
        if len(site.path) == 2 and (unsaid or ["none"] in list(site.domain[1:])):
            others["nothing"] = None
        yield from (Variant(put(args, site, each), unsaid) for each in others.values())


def _answers(domain: Sequence[Any]) -> list[Tree]:
    """Return what a function that is given may return."""
    said = domain[1] if domain[0] == "callable" and len(domain) > 1 else ["any"]
    return SCALARS[said[0]][:3] if said[0] in SCALARS else [None, False, 0, ""] if said[0] == "any" else []


def _fixed(function: Tree) -> str:
    """Return what a function is called that always returns the same, as late as one does."""
    return "fixed, later" if function[2].endswith(", later") else "fixed"


def _drawn(args: Tree, every: Sequence[Site]) -> Iterator[Variant]:
    """One argument that is a part of another, once and twice; all that nobody speaks of, of one kind."""
    tops = [site for site in every if len(site.path) == 2 or site.path[0] == 1]
    for site in tops:
        for other in tops:
            inside = [each for _, each in list(parts(other.tree))[:3]] if other is not site else []
            for each in inside:
                if OF_TREE.get(tag(each)) != OF_TREE.get(tag(site.tree)) and site.stated:
                    continue
                beyond = OF_TREE.get(tag(each)) != OF_TREE.get(tag(site.tree))
                made = put(args, site, each)
                yield Variant(made, beyond)
                if (
                    (held := contents(other)) is not None
                    and tag(other.tree) != "s"
                    and part_of_union(other)[0] != "fixed"
                ):
                    at, items = held
                    twice = [*items, *[fresh(made, item) for item in (each, *items[:1])]]
                    yield Variant(replaced(made, (*other.path, at), twice), beyond)
    unsaid = [site for site in tops if not site.stated]
    for site in unsaid:
        some = [*FAMILIES, *[["l", -1, fill] for fill in FILLS["str"]]] if isinstance(site.tree, str) else FAMILIES
        yield from (Variant(put(args, site, items), beyond=True) for items in some)
    for items in FAMILIES if len(unsaid) > 1 else ():
        made = args
        for site in unsaid:
            made = put(made, site, items if contents(site) is not None else items[2][0])
        yield Variant(made, beyond=True)


def _mixed(args: Tree, every: Sequence[Site], constants: Sequence[Tree], pick: random.Random) -> Iterator[Variant]:
    """Several values changed at once, some to what nobody would think of."""
    single = [site for site in every if OF_TREE.get(tag(site.tree)) in SCALARS]
    for _ in range(90 if single else 0):
        made = args
        for site in pick.sample(single, min(len(single), pick.randrange(1, 4))):
            kind = OF_TREE[tag(site.tree)]
            own = [each for each in constants if OF_TREE.get(tag(each)) == kind]
            chosen = pick.choice([*SCALARS[kind], *own]) if pick.random() < KNOWN else _any_of(kind, pick)
            made = replaced(made, site.path, fresh(made, chosen))
        yield Variant(made)


def _any_of(kind: str, pick: random.Random) -> Tree:
    """Return a value of a type that is drawn, of any magnitude."""
    if kind == "int":
        return pick.randrange(10 ** pick.randrange(1, 9))
    if kind == "float":
        return ["f", repr(pick.uniform(-1, 1) * 10 ** pick.randrange(-3, 9))]
    if kind == "str":
        return "".join(pick.choices("abcABC012 -_.,:\n", k=pick.randrange(1, 30)))
    return pick.choice(list(SCALARS[kind]))
