"""Answers of which the second version gives the beginning: lists cut to a page, wherever they are longer than one.

A list is what is answered, or stands in mappings there; so are the lines of a text. A page of HTML is the first's with
one part left out: what stays after it ends the shortest answer, too, and there are as many elements as in the longest
answer that was the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from perfwright.fix.judge.trees import ITEMS, NUMBERED, Tree, parts, replaced, tag

NEW, FIRST = "new-parameters", "first-page"  # as `differences.ALLOWANCES` has them
AFTER = ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD")  # kinds of parameters that a call may fill by their places
Lists = dict[str, list[str]]  # items as text, by the way to their list


@dataclass(slots=True)
class _Lists:
    """What was seen of the lists at one place: how long a page is, and the longest before, and that was left whole."""

    whole: int = 0
    page: int = 0
    longest: int = 0


@dataclass(slots=True)
class _Html:
    """What was seen of one page of HTML while it was the same: the shortest, its elements; then the sizes."""

    shortest: str = ""
    elements: int = 0
    whole: int = 0
    longest: int = 0


@dataclass(slots=True)
class Pages:
    """What is known of the answers that are compared, by who answers."""

    lists: dict[tuple[str, str], _Lists] = field(default_factory=dict)
    html: dict[str, _Html] = field(default_factory=dict)

    def problem(self, before: str, after: str, who: str = "", n: int = 0) -> str:
        """Return why an answer is not the first page of another, nor the same; nothing where it is. `n` is the size."""
        if before.lstrip().startswith("<"):
            return self._of_html(before, after, who, n)
        return self._of_lists(_answered(before), _answered(after), who)

    def problem_of_trees(self, before: Sequence[Tree], after: Sequence[Tree]) -> tuple[str, bool]:
        """Return the same of what functions gave, told as trees, and whether it was cut. Of each version: what it gave,
        then its arguments and whatever else may hold parts of that."""
        known: list[list[Tree]] = []
        for side in (before, after):
            told: dict[int, Tree] = {}
            known.append([_plain(each, told) for each in side])
        cut = json.dumps(known[0][0]) != json.dumps(known[1][0])
        if cut and json.dumps(known[0][1:]) != json.dumps(known[1][1:]):
            return "its arguments are left otherwise", cut
        return self._of_lists(_opened(known[0][0]), _opened(known[1][0]), ""), cut

    @property
    def page(self) -> int:
        """Return how long the shortest page is; 0 where none was seen."""
        return min((each.page for each in self.lists.values() if each.page), default=0)

    @property
    def near(self) -> list[int]:
        """Return the sizes at which a list just fits a page, and at which it does not."""
        return [self.page - 1, self.page, self.page + 1] if self.page > 1 else []

    @property
    def unshown(self) -> str:
        """Return why a first page is not shown though answers were cut; nothing where it is."""
        unseen = any(each.page and not each.whole for each in self.lists.values())
        return "of an answer that is cut, none was compared that is no longer than a page" if unseen else ""

    @property
    def told(self) -> str:
        """Return up to where answers are the same, and what there is of longer ones."""
        said = {
            f"the same up to {each.whole:,} items; of {each.longest:,} the first {each.page:,}"
            for each in self.lists.values()
            if each.page
        }
        said |= {
            f"the same up to {each.whole:,} rows a table; of {each.longest:,} the beginning"
            for each in self.html.values()
            if each.longest
        }
        if not said:
            return "no answer was longer than a page: what the limit does was not seen"
        return f"{'; '.join(sorted(said))}; later pages were not compared"

    def _of_lists(self, before: tuple[str, Lists], after: tuple[str, Lists], who: str) -> str:
        (shape, lists), (new_shape, new_lists) = before, after
        if shape != new_shape or lists.keys() != new_lists.keys():
            return "it gives something else beside a shorter list"
        found: dict[tuple[str, str], _Lists] = {}
        for way, items in lists.items():
            page, known = new_lists[way], self.lists.get((who, way), _Lists())
            if items == page:
                seen = _Lists(max(known.whole, len(items)), known.page, known.longest)
            elif not page:
                return "its first page is empty"
            elif items[: len(page)] != page:
                return "it gives something else than the first page"
            elif known.page not in (0, len(page)):
                return f"a page has now {known.page:,} items, now {len(page):,}"
            else:
                seen = _Lists(known.whole, len(page), max(known.longest, len(items)))
            if seen.page and seen.whole > seen.page:
                return f"a page has {seen.page:,} items, and yet {seen.whole:,} are given at once"
            found[who, way] = seen
        self.lists |= found
        return ""

    def _of_html(self, before: str, after: str, who: str, n: int) -> str:
        seen = self.html.setdefault(who, _Html())
        if before == after:
            seen.shortest = min(filter(None, (seen.shortest, before)), key=len)
            seen.elements, seen.whole = max(seen.elements, before.count("<")), max(seen.whole, n)
            return ""
        rest = after[_shared(before, after) :]
        if len(after) > len(before) or not before.endswith(rest):
            return "it gives something else than the same page with one part left out"
        if not seen.shortest.endswith(rest) or not seen.shortest:
            return "what it leaves out is not the end of a list"
        if after.count("<") < seen.elements:
            return "a page holds less than was given before"
        seen.longest = max(seen.longest, n)
        return ""


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, pair in pairs if pair[0] != pair[1]), min(len(one), len(other)))


def _answered(text: str) -> tuple[str, Lists]:
    """Return an answer without its lists, and these: of JSON, else the lines of a text."""
    try:
        return _of_json(json.loads(text))
    except (ValueError, RecursionError):
        return "", {"": text.splitlines()}


def _of_json(value: Any) -> tuple[str, Lists]:
    lists: Lists = {}

    def emptied(each: Any, way: str) -> Any:
        if isinstance(each, list):
            lists[way] = list(map(json.dumps, each))
            return []
        return {name: emptied(one, f"{way}.{name}") for name, one in each.items()} if isinstance(each, dict) else each

    return json.dumps(emptied(value, "")), lists


def _opened(tree: Tree) -> tuple[str, Lists]:
    """Return what a function gave without its lists, and these."""
    lists: Lists = {}

    def emptied(each: Tree, way: str) -> Tree:
        kind = tag(each)
        if kind in ("l", "t"):
            lists[way] = list(map(json.dumps, each[ITEMS[kind]]))
            return [kind]
        if kind == "d":
            return [*each[:2], [[key, emptied(one, f"{way}.{json.dumps(key)}")] for key, one in each[2]], *each[3:]]
        return each

    return json.dumps(emptied(tree, "")), lists


def _plain(tree: Tree, known: dict[int, Tree]) -> Tree:
    """Return a tree that does not say which of its objects are one: each stands where it is."""
    if not isinstance(tree, list) or not tree:
        return tree
    kind = tag(tree)
    if kind == "r":
        return known.get(tree[1], tree)
    made = list(tree)
    if kind in ITEMS:
        made[ITEMS[kind]] = [_plain(each, known) for each in tree[ITEMS[kind]]]
    elif kind == "d":
        made[2] = [[_plain(key, known), _plain(value, known)] for key, value in tree[2]]
    else:
        for path, inner in parts(tree):
            made = replaced(made, path, _plain(inner, known))
    if kind in NUMBERED:
        made[1] = 0
        known[tree[1]] = made
    return made


def without_new(before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Return the parameters of the second version, each `[name, kind, has a default, default, …]`, without those that
    calls as before leave alone: what has a default, and no place that such a call could fill."""
    names = {each[0] for each in before}
    takes_all = {each[1] for each in before} & {"VAR_POSITIONAL", "VAR_KEYWORD"}
    old = max((place for place, each in enumerate(after) if each[0] in names and each[1] in AFTER), default=-1)
    return [
        each
        for place, each in enumerate(after)
        if each[0] in names or not each[2] or takes_all or (each[1] in AFTER and place < old)
    ]
