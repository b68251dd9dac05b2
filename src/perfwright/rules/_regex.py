"""How long a regular expression may look for a match: read from its text alone, it is never run.

An expression becomes an automaton whose states are the characters it can match (Glushkov's), with the number of ways
from one to the next. Where a text has two ways round the same circle, each pass round it doubles the ways that are
tried before Python gives up (exponential); where two loops stand next to each other and match the same, the border
between them is tried at each place (a power of the length). Both only matter where something can still fail after them.
"""

import importlib
from functools import lru_cache
from typing import Any

MOST_STATES = 80
MOST_PAIRS = 40_000  # edges of the product of an automaton with itself that are looked at
MOST_COPIES = 16  # of what is repeated a fixed number of times
NEVER, AT_END, ANYTHING = 0, 1, 2  # what can fail
EVERY = 256  # exponent of what doubles with each character
VERBOSE, IGNORECASE, DOTALL = 64, 2, 16
LETTER, DIGIT, SPACE, OTHER = 128, 129, 130, 131  # one character beyond ASCII of each kind
ALL = (1 << 132) - 1
WORD_SET = sum(1 << code for code in range(128) if chr(code).isalnum() or chr(code) == "_") | 1 << LETTER | 1 << DIGIT
DIGIT_SET = sum(1 << code for code in range(48, 58)) | 1 << DIGIT
SPACE_SET = sum(1 << code for code in (9, 10, 11, 12, 13, 28, 29, 30, 31, 32)) | 1 << SPACE
CATEGORIES = {"DIGIT": DIGIT_SET, "SPACE": SPACE_SET, "WORD": WORD_SET}

Ways = dict[int, int]


class TooLargeError(Exception):
    """An expression is larger than is looked at."""


class Part:
    """A part of an expression: the states it begins and ends with, each in how many ways, and the ways it is empty."""

    __slots__ = ("empty", "first", "last")

    def __init__(self, first: Ways, last: Ways, empty: int) -> None:
        self.first, self.last, self.empty = first, last, empty


class Automaton:
    """The states of an expression with the characters of each, and the ways from state to state."""

    def __init__(self, dotall: bool, ignorecase: bool) -> None:
        self.dotall, self.ignorecase = dotall, ignorecase
        self.characters: list[int] = []
        self.around: list[tuple[int, ...]] = []  # the endless repeats around each state, the outermost first
        self.follows: list[Ways] = []
        self.fails: list[int] = []  # of each endless repeat: whether what is after it can fail, see `can_fail`
        self.repeats: tuple[int, ...] = ()
        self.atomic = 0

    def state(self, characters: int) -> Part:
        """Add a state."""
        number = len(self.characters)
        if number >= MOST_STATES:
            raise TooLargeError
        self.characters.append(characters)
        self.around.append(self.repeats)
        self.follows.append({})
        return Part({number: 1}, {number: 1}, 0)

    def join(self, last: Ways, first: Ways) -> None:
        """Let states follow others."""
        for state, ways in last.items():
            following = self.follows[state]
            for other, more in first.items():
                following[other] = min(2, following.get(other, 0) + ways * more)

    def sequence(self, items: Any, fails: int) -> Part:
        """Add the parts of a sequence; `fails` says whether something after it can fail."""
        after = [fails] * (len(items) + 1)
        for index in range(len(items) - 1, -1, -1):
            known = after[index + 1]
            after[index] = (
                NEVER if known == AT_END and self.takes_all(items[index]) else max(known, can_fail(items[index]))
            )
        whole = Part({}, {}, 1)
        for index, item in enumerate(items):
            whole = self.then(whole, self.item(item, after[index + 1]))
        return whole

    def takes_all(self, item: Any) -> bool:
        """Tell whether a node takes all there is up to the end of a line: `.*`."""
        operator, given = str(item[0]), item[1]
        if operator == "SUBPATTERN" and len(given[3]) == 1:
            return self.takes_all(given[3][0])
        if operator not in ("MAX_REPEAT", "MIN_REPEAT") or int(given[1]) - given[0] <= MOST_COPIES:
            return False
        return len(given[2]) == 1 and str(given[2][0][0]) == "ANY"

    def then(self, left: Part, right: Part) -> Part:
        """Return one part after another."""
        self.join(left.last, right.first)
        first, last = dict(left.first), dict(right.last)
        if left.empty:
            add(first, right.first, left.empty)
        if right.empty:
            add(last, left.last, right.empty)
        return Part(first, last, min(2, left.empty * right.empty))

    def item(self, item: Any, fails: int) -> Part:
        """Add one node of the parsed expression."""
        operator, given = str(item[0]), item[1]
        if operator in ("LITERAL", "NOT_LITERAL", "ANY", "IN", "RANGE"):
            return self.state(self.matched(item))
        if operator == "SUBPATTERN":
            return self.sequence(given[3], fails)
        if operator == "BRANCH":
            return self.branch([self.sequence(choice, fails) for choice in given[1]])
        if operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            self.atomic += operator == "POSSESSIVE_REPEAT"
            part = self.repeat(given[0], given[1], given[2], fails)
            self.atomic -= operator == "POSSESSIVE_REPEAT"
            return part
        if operator == "ATOMIC_GROUP":
            self.atomic += 1
            part = self.sequence(given, fails)
            self.atomic -= 1
            return part
        return Part({}, {}, 0)  # an anchor, a look around, a reference: what stands on both sides does not meet

    def branch(self, choices: list[Part]) -> Part:
        whole = Part({}, {}, 0)
        for choice in choices:
            add(whole.first, choice.first, 1)
            add(whole.last, choice.last, 1)
            whole.empty = min(2, whole.empty + choice.empty)
        return whole

    def repeat(self, low: int, high: Any, items: Any, fails: int) -> Part:
        """Add a part that is repeated: `low` copies, then as many as may come."""
        endless = int(high) - low > MOST_COPIES
        if low > MOST_COPIES:
            raise TooLargeError
        whole = Part({}, {}, 1)
        for _ in range(low - 1 if endless and low else low):
            whole = self.then(whole, self.sequence(items, fails))
        if endless:  # the last of the copies is repeated
            part = self.endless(items, fails)
            part.empty = part.empty if low else 1
            return self.then(whole, part)
        optional = Part({}, {}, 1)
        for _ in range(int(high) - low):  # x{0,3} is (x(x(x)?)?)?
            optional = self.then(self.sequence(items, fails), optional)
            optional.empty = 1
        return self.then(whole, optional)

    def endless(self, items: Any, fails: int) -> Part:
        """Add a part that is repeated without end."""
        around = self.repeats
        self.repeats = (*around, len(self.fails))
        self.fails.append(fails)
        part = self.sequence(items, fails)
        self.repeats = around
        if not self.atomic:
            self.join(part.last, part.first)
        return part

    def matched(self, item: Any) -> int:
        """Return the characters that a node matches, a bit for each."""
        operator, given = str(item[0]), item[1]
        if operator == "ANY":
            return ALL if self.dotall else ALL & ~(1 << 10)
        if operator == "IN":
            negated = bool(given) and str(given[0][0]) == "NEGATE"
            found = 0
            for part in given[1:] if negated else given:
                found |= self.matched(part)
            return ALL & ~found if negated else found
        if operator == "CATEGORY":
            name = str(given).removeprefix("CATEGORY_")
            found = CATEGORIES.get(name.removeprefix("NOT_"), 0)
            return ALL & ~found if name.startswith("NOT_") else found
        if operator == "RANGE":
            found = 0
            for code in range(given[0], min(given[1], 127) + 1):
                found |= self.one(code)
            return found | (1 << LETTER | 1 << OTHER if given[1] > 127 else 0)
        found = self.one(given)
        return ALL & ~found if operator == "NOT_LITERAL" else found

    def one(self, code: int) -> int:
        if code > 127:
            letter = chr(code)
            return 1 << (
                DIGIT if letter.isdigit() else LETTER if letter.isalnum() else SPACE if letter.isspace() else OTHER
            )
        found = 1 << code
        if self.ignorecase:
            swapped = ord(chr(code).swapcase())
            found |= 1 << swapped if swapped < 128 else 0
        return found


def add(into: Ways, ways: Ways, times: int) -> None:
    for state, count in ways.items():
        into[state] = min(2, into.get(state, 0) + count * times)


def can_fail(item: Any) -> int:
    """Tell whether a node needs something that may not be there: NEVER, only the end of the text, or ANYTHING."""
    operator, given = str(item[0]), item[1]
    if operator == "SUBPATTERN":
        return max((can_fail(inner) for inner in given[3]), default=NEVER)
    if operator == "ATOMIC_GROUP":
        return max((can_fail(inner) for inner in given), default=NEVER)
    if operator == "BRANCH":
        return min(max((can_fail(inner) for inner in choice), default=NEVER) for choice in given[1])
    if operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return max((can_fail(inner) for inner in given[2]), default=NEVER) if given[0] > 0 else NEVER
    if operator == "AT":
        place = str(given)
        return NEVER if place.startswith("AT_BEGINNING") else AT_END if place.startswith("AT_END") else ANYTHING
    return ANYTHING


# ------------------------------------------------------------------------------ judging
@lru_cache(maxsize=2048)
def exponent(pattern: str, flags: int, whole: bool) -> int:
    """Return the power of a text's length that its longest failing search may take, beyond 1; EVERY where it doubles.

    1 is the usual, 0 stands for an expression that is not understood. `whole` says that all of the text must match.
    """
    try:
        tree = importlib.import_module("re._parser").parse(pattern, flags)
        flags |= tree.state.flags
        automaton = Automaton(bool(flags & DOTALL), bool(flags & IGNORECASE))
        automaton.sequence(tree.data, AT_END if whole else NEVER)
    except (ValueError, OverflowError, RecursionError, TooLargeError, KeyError):
        return 0
    except Exception as error:  # re.error is no ValueError
        if type(error).__name__ in ("error", "PatternError"):
            return 0
        raise
    if not automaton.fails:
        return 1
    return EVERY if doubles(automaton) else chained(automaton)


def doubles(automaton: Automaton) -> bool:
    """Tell whether some text has two ways round the same circle, and something after it can fail."""
    follows = automaton.follows
    inside = circles([list(ways) for ways in follows])
    for state, ways in enumerate(follows):
        for other, count in ways.items():
            if count > 1 and inside[state] == inside[other] and may_fail(automaton, {state, other}):
                return True
    return diverges(automaton)


def diverges(automaton: Automaton) -> bool:
    """Tell whether two ways part and meet again: a circle of pairs of states that holds one and the same state."""
    size = len(automaton.characters)
    numbers: dict[int, int] = {}
    pairs: list[int] = []
    edges: list[list[int]] = []
    for state in range(size):
        if automaton.around[state]:
            numbers[state * size + state] = len(pairs)
            pairs.append(state * size + state)
    total = index = 0
    while index < len(pairs):
        left, right = divmod(pairs[index], size)
        found: list[int] = []
        for one in automaton.follows[left]:
            for other in automaton.follows[right]:
                if not automaton.characters[one] & automaton.characters[other]:
                    continue
                pair = one * size + other
                if pair not in numbers:
                    numbers[pair] = len(pairs)
                    pairs.append(pair)
                found.append(numbers[pair])
        edges.append(found)
        total += len(found)
        if total > MOST_PAIRS:
            return False
        index += 1
    groups: dict[int, set[int]] = {}
    same: dict[int, int] = {}  # of each circle: 1 one and the same state, 2 different ones
    for number, circle in enumerate(circles(edges)):
        left, right = divmod(pairs[number], size)
        same[circle] = same.get(circle, 0) | (1 if left == right else 2)
        groups.setdefault(circle, set()).update((left, right))
    return any(kinds == 3 and may_fail(automaton, groups[circle]) for circle, kinds in same.items())


def may_fail(automaton: Automaton, states: set[int]) -> bool:
    """Tell whether something can fail after the innermost endless repeat that is around all of some states."""
    common: tuple[int, ...] | None = None
    for state in states:
        around = automaton.around[state]
        if common is None:
            common = around
        else:
            length = 0
            while length < min(len(common), len(around)) and common[length] == around[length]:
                length += 1
            common = common[:length]
    return bool(common) and automaton.fails[common[-1]] > NEVER if common else False


def chained(automaton: Automaton) -> int:
    """Return how many endless repeats of one thing follow each other that can match the same, and fail afterwards."""
    loops = [state for state, ways in enumerate(automaton.follows) if state in ways and automaton.around[state]]
    longest: dict[int, Chain] = {}
    best = 1
    for state in loops:
        chain = longest.get(state) or Chain(1, automaton.characters[state], takes_line(automaton, state))
        longest[state] = chain
        end = automaton.fails[automaton.around[state][-1]]
        if chain.length > best and end > (AT_END if chain.takes_line else NEVER):
            best = chain.length
        for other in automaton.follows[state]:
            shared = chain.characters & automaton.characters[other]
            if other <= state or other not in loops or not shared or reaches(automaton.follows, other, state):
                continue
            known = longest.get(other)
            if known is None or known.length < chain.length + 1:
                longest[other] = Chain(chain.length + 1, shared, chain.takes_line or takes_line(automaton, other))
    return best


class Chain:
    """Endless repeats one after the other: how many, what all of them match, and whether one takes whole lines."""

    __slots__ = ("characters", "length", "takes_line")

    def __init__(self, length: int, characters: int, takes_line: bool) -> None:
        self.length, self.characters, self.takes_line = length, characters, takes_line


def takes_line(automaton: Automaton, state: int) -> bool:
    """Tell whether a state matches all that is in a line: then the end of the line is always reached."""
    return automaton.characters[state] | 1 << 10 == ALL


def reaches(follows: list[Ways], start: int, end: int) -> bool:
    """Tell whether a state can come after another."""
    seen, waiting = {start}, [start]
    while waiting:
        state = waiting.pop()
        if state == end:
            return True
        for other in follows[state]:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return False


def circles(edges: list[list[int]]) -> list[int]:
    """Return for each node of a graph which circle it belongs to (its strongly connected part), by Tarjan's way."""
    count = len(edges)
    order, low, circle = [-1] * count, [0] * count, [-1] * count
    stack: list[int] = []
    found = clock = 0
    for start in range(count):
        if order[start] >= 0:
            continue
        work: list[tuple[int, int]] = [(start, 0)]
        while work:
            node, place = work.pop()
            if place == 0:
                order[node] = low[node] = clock
                clock += 1
                stack.append(node)
            elif low[edges[node][place - 1]] < low[node] and circle[edges[node][place - 1]] < 0:
                low[node] = low[edges[node][place - 1]]
            following = edges[node]
            while place < len(following):
                other = following[place]
                place += 1
                if order[other] < 0:
                    work.append((node, place))
                    work.append((other, 0))
                    break
                if circle[other] < 0:
                    low[node] = min(low[node], order[other])
            else:
                if low[node] == order[node]:
                    while True:
                        member = stack.pop()
                        circle[member] = found
                        if member == node:
                            break
                    found += 1
    return circle
