"""How a search that begins anew at each place may take a power of the text's length: read from the expression alone.

`<[^>]+>` is tried at every `<`, and where no `>` follows, each try runs to the end of the text: the square of its
length. What stands before the first endless repeat must itself be something that the repeat takes, or a text has few
places to begin at: `"[^"]*"` has one. Repeats in a row that take what stands between them add a power each.
"""

import importlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from perfwright.rules._regex import ALL, DOTALL, IGNORECASE, WORD_SET, Automaton, TooLargeError

MULTILINE = 8
MOST_WAYS = 16  # ways through the branches and options of an expression that are looked at
MOST_ITEMS = 120  # of one way
MOST_REPEATS = 12  # endless ones of one way that are looked at
LONGEST = 5  # of those in a row: a text takes too long with fewer
ENDLESS = 10_000  # repeats from which on a limit is none
NEWLINE = 1 << 10
SINGLE = ("LITERAL", "NOT_LITERAL", "ANY", "IN", "RANGE")
REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")

Item = tuple[str, int]  # of a way: `one` or `many` characters of a set, `maybe` some, or a place with what it asks for
Way = tuple[Item, ...]


@lru_cache(maxsize=2048)
def power(pattern: str, flags: int, method: str) -> int:
    """Return the power of a text's length that a failing search may take; 1 is the usual, 0 is not understood."""
    try:
        tree = importlib.import_module("re._parser").parse(pattern, flags)
    except (ValueError, OverflowError, RecursionError):
        return 0
    except Exception as error:  # re.error is no ValueError
        if type(error).__name__ in ("error", "PatternError"):
            return 0
        raise
    flags |= tree.state.flags
    reader = Reader(flags, method == "fullmatch")
    best = 1
    try:
        ways = reader.ways(list(tree.data), 0)
        for way in ways:
            best = max(best, reader.power(way, ways, method not in ("match", "fullmatch")))
    except (RecursionError, TooLargeError, KeyError):
        return 0
    return best


class Reader:
    """Reads a parsed expression as the ways that lead through it."""

    def __init__(self, flags: int, whole: bool) -> None:
        self.sets = Automaton(bool(flags & DOTALL), bool(flags & IGNORECASE))
        self.multiline, self.whole = bool(flags & MULTILINE), whole

    # ------------------------------------------------------------------------- the ways
    def ways(self, items: list[Any], level: int) -> list[Way]:
        """Return the ways through some parts of an expression."""
        found: list[Way] = [()]
        for item in items:
            choices = self.choices(item, level)
            found = [(*way, *choice) for way in found for choice in choices][:MOST_WAYS]
            if len(found[0]) > MOST_ITEMS:
                raise TooLargeError
        return found

    def choices(self, item: Any, level: int) -> list[Way]:
        """Return the ways through one part."""
        operator, given = str(item[0]), item[1]
        if operator in SINGLE:
            return [(("one", self.sets.matched(item)),)]
        if operator == "SUBPATTERN":
            return self.ways(list(given[3]), level)
        if operator == "ATOMIC_GROUP":
            return self.ways(list(given), level)
        if operator == "BRANCH":
            return [way for choice in given[1] for way in self.ways(list(choice), level)][:MOST_WAYS]
        if operator in REPEATS:
            return self.repeated(given[0], int(given[1]), list(given[2]), level)
        if operator == "AT":
            return [((str(given), 0),)]
        if operator in ("ASSERT", "ASSERT_NOT"):
            last = list(given[1])[-1:]
            behind = given[0] < 0 and bool(last) and str(last[0][0]) in SINGLE
            return [((operator if behind else "UNKNOWN", self.sets.matched(last[0]) if behind else 0),)]
        return [(("UNKNOWN", 0),)]

    def repeated(self, low: int, high: int, items: list[Any], level: int) -> list[Way]:
        single = len(items) == 1 and self.single(items[0])
        if high >= ENDLESS and single is not None:
            return [(("many" if low else "maybe", single),)]
        inner = self.ways(items, level + 1) if level < 4 else [(("UNKNOWN", 0),)]
        if high >= ENDLESS:  # of more than one character: one pass of it may be looked at, more are not
            inner = [(("UNKNOWN", 0), *way, ("UNKNOWN", 0)) for way in inner]
        copies = [way * min(low, 4) if low else way for way in inner]
        return copies if low else [(), *copies]

    def single(self, item: Any) -> int | None:
        """Return what a part that is one character matches; None for a longer one."""
        operator, given = str(item[0]), item[1]
        if operator in SINGLE:
            return self.sets.matched(item)
        if operator == "SUBPATTERN" and len(given[3]) == 1:
            return self.single(given[3][0])
        if operator == "BRANCH":
            found = 0
            for choice in given[1]:
                one = self.single(choice[0]) if len(choice) == 1 else None
                if one is None:
                    return None
                found |= one
            return found
        return None

    # ------------------------------------------------------------------------- judging
    def power(self, way: Way, ways: list[Way], searches: bool) -> int:
        """Return the power of the length that one way may take."""
        best = 1
        endless = [place for place, (kind, _) in enumerate(way) if kind in ("many", "maybe")]
        endless = endless[:MOST_REPEATS]
        for number, first in enumerate(endless):
            for length, taken, between, last in self.chains(way, endless[number:]):
                begins = searches and self.begins(way, first, taken)
                before = [one & taken for kind, one in way[:first] if kind in ("one", "many")] if begins else []
                if length + begins <= best or not self.can_fail(way, last, [taken, *between, *before]):
                    continue
                same = [other for other in ways if other[: last + 1] == way[: last + 1]]
                if all(self.can_fail(other, last, [taken, *between, *before]) for other in same):
                    best = length + begins
        return best

    def chains(self, way: Way, endless: list[int]) -> Iterator[tuple[int, int, list[int], int]]:
        """Give the rows of endless repeats that take what stands between them, from the first on.

        Of each how many they are, what all of them take, what stands between, and the place of the last.
        """
        last = endless[0]
        length, taken, between = 1, way[last][1], list[int]()
        yield length, taken, between, last
        for place in endless[1:]:
            if length >= LONGEST:
                return
            shared = taken & way[place][1]
            inside = [item for item in way[last + 1 : place] if item[0] != "maybe"]
            if not shared and way[place][0] == "maybe":
                continue
            if not shared or any(kind != "one" or not one & shared for kind, one in inside):
                return
            between = [one & shared for one in (*between, *[one for _, one in inside])]
            if not all(between):
                return
            length, taken, last = length + 1, shared, place
            yield length, taken, between, last

    def begins(self, way: Way, place: int, taken: int) -> bool:
        """Tell whether a search may begin at many places of a text of what repeats take, the first at a place."""
        for kind, one in way[:place]:
            if kind in ("one", "many") and not one & taken:
                return False
            if kind == "AT_BEGINNING" and not (self.multiline and taken & NEWLINE):
                return False
            if kind == "AT_BOUNDARY" and not mixed(taken):
                return False
            if (kind == "ASSERT" and not taken & one) or (kind == "ASSERT_NOT" and not taken & ~one):
                return False
            if kind in ("UNKNOWN", "AT_BEGINNING_STRING", "AT_NON_BOUNDARY", "AT_END", "AT_END_STRING"):
                return False
        return True

    def can_fail(self, way: Way, last: int, made: list[int]) -> bool:
        """Tell whether something must follow that a text made of some sets may not have."""
        for kind, one in way[last + 1 :]:
            if kind in ("one", "many") and all(each & ~one for each in made):
                return True
            if kind == "UNKNOWN":
                return False
        end = self.whole or any(kind in ("AT_END", "AT_END_STRING") for kind, _ in way[last + 1 :])
        return end and not takes_lines(way[last][1])


def mixed(taken: int) -> bool:
    """Tell whether a set has characters of words and others: only then a word begins at many places."""
    return bool(taken & WORD_SET) and bool(taken & ~WORD_SET & ALL)


def takes_lines(taken: int) -> bool:
    """Tell whether a set has all characters of a line: then its end is always reached."""
    return taken | NEWLINE == ALL
