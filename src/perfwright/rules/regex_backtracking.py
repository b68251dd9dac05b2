"""A regular expression tries the same text in more and more ways before it gives up.

Where a repeated part can itself be repeated, as in `(\\w+\\s?)*$`, a text that almost matches can be divided among the
two in twice as many ways with each further character: thirty letters and a `!` take minutes, and one request stops the
whole process. What somebody else sends is such a text sooner or later. The expression is read, never run; each of
those in the cases of this rule was timed by hand: those that are told of take several times as long with four
characters more and a second and more for sixty, the others a hundredth of that for two thousand.

## Slow

```python
import re

NAMES = re.compile(r"^(\\w+\\s?)+$")


def is_name(text: str) -> bool:
    return NAMES.match(text) is not None
```

## Fast

```python
import re

NAMES = re.compile(r"^\\w+(\\s\\w+)*\\s?$")


def is_name(text: str) -> bool:
    return NAMES.match(text) is not None
```

## Input

```python
def make(n: int) -> str:
    return "a" * n + "!"
```

## When to leave it

The text is short, or the program makes it itself. A search that begins anew at each place, as `<[^>]+>` at every `<`
of a text without `>`, takes the square of the length: 40 to 500 ms for 8,000 characters, 64 times that for 64,000.
It is told of where a request or another server sends the text and nothing limits its length, elsewhere with `--all`.
"""

from collections.abc import Iterator
from dataclasses import replace

from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import LONGEST, Node
from perfwright.index.project import Class, Module, Value
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import last_binding
from perfwright.rules._contract import Rule
from perfwright.rules._frames import assigned_to, full_name
from perfwright.rules._outside import origin
from perfwright.rules._regex import EVERY, exponent
from perfwright.rules._restarts import power as steps

SEARCHES = {"match": 0, "search": 0, "fullmatch": 0, "findall": 0, "finditer": 0, "split": 0, "sub": 1, "subn": 1}
FLAGS = {"VERBOSE": 64, "X": 64, "IGNORECASE": 2, "I": 2, "DOTALL": 16, "S": 16, "MULTILINE": 8, "M": 8, "ASCII": 256}
FLAGS |= {"A": 256, "UNICODE": 0, "U": 0, "DEBUG": 0}
BRIEF = 200  # characters of text that even the square of takes no time
SHOWN = 60  # characters of an expression in a message
STEPS = 30  # characters of a short text, each of which doubles the work
WAY = 6  # places on the way of a text that are told
PARTS = 20  # of a literal that is gone through
MOST = 3  # power of the length from which on text of a few thousand characters takes seconds


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0 or function.module.called.isdisjoint(SEARCHES) or function.called.isdisjoint(SEARCHES):
        return
    told: dict[str, Finding] = {}
    for call in walk(function.body):
        if call[0] != "call" or call[2][0] != "attr" or call[2][3] not in SEARCHES:
            continue
        for pattern, flags, given in searched(effects, call):
            power = exponent(pattern, flags, call[2][3] == "fullmatch")
            sure: Confidence = "likely" if power >= MOST else "possible"
            power = max(power, steps(pattern, flags, call[2][3]))
            if power <= 1 or not is_outside(effects, given):
                continue
            known = told.get(pattern)
            if known is None:
                told[pattern] = finding(effects, call, pattern, given, power, sure)
            else:
                told[pattern] = replace(known, also=(*known.also, effects.step(function, call[1], text(call))))
    yield from told.values()


def finding(effects: Effects, call: Node, pattern: str, given: Node, power: int, sure: Confidence) -> Finding:
    """Return the finding for one expression; what takes a power of the length is told of where the text is long."""
    function = effects.function
    shown = " ".join(pattern.split())
    shown = shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"
    begun = origin(effects, given) if sure == "possible" else None
    way = [effects.step(place, node[1], text(node)) for place, node in begun.places[:WAY]] if begun is not None else []
    if power == EVERY:
        takes, sizes = "twice as long with each character", [str(2**STEPS)]
    else:
        takes, sizes = f"n^{power} steps, by the length of the text,", ["items"] * power
    return Finding(
        rule=RULE.name,
        place=effects.place(function, call[1]),
        symbol=shown,
        message=f"`{shown}` may take {takes} to find that `{text(given)}` does not match"
        + (f"; {begun.what} sends it" if begun is not None else ""),
        cure=cure(power),
        confidence="likely" if begun is not None else sure,
        chain=(*way, effects.step(function, call[1], text(call))),
        cost=Cost(terms=(Term("compare", tuple(sizes)),)),
    )


def cure(power: int) -> str:
    if power == EVERY:
        return "Let one repeat say what the other says, with something between that only one matches: `x+(-x+)*`."
    return "Put something between the repeats that only one of them matches, or limit the length of the text first."


# ------------------------------------------------------------------------------ what is asked of what
def searched(effects: Effects, call: Node) -> Iterator[tuple[str, int, Node]]:
    """Give the patterns, the flags and the text of a call of `re`, or of a compiled pattern's method."""
    place = SEARCHES[call[2][3]]
    module = effects.function.module
    name = full_name(effects, call[2])
    if name in (f"re.{call[2][3]}", f"regex.{call[2][3]}"):
        if name.startswith("regex") or not call[3]:
            return
        known = [(constant(effects, module, call[3][0]), flags_of(call, 2 if place == 0 else 4))]
        given = argument(call, place + 1)
    else:
        made = [compiled for compiled in compiled_at(effects, call[2][2]) if compiled[1][3]]
        known = [(constant(effects, there, each[3][0]), flags_of(each, 1)) for there, each in made]
        given = argument(call, place)
    for pattern, flags in known:
        if pattern is not None and flags is not None and given is not None:
            yield pattern, flags, given


def argument(call: Node, place: int) -> Node | None:
    if place < len(call[3]):
        return call[3][place] if call[3][place][0] != "star" else None
    return dict(call[4]).get("string")


def constant(effects: Effects, module: Module, node: Node) -> str | None:
    """Return the text that an expression stands for: a literal, or a name that is bound to one."""
    if node[0] == "name":
        node = held_at(effects, node)
    if node[0] in ("name", "attr"):
        entity = named(effects, module, node)
        if entity is not None and entity.expression is not None:
            node = entity.expression
    if node[0] != "const" or not isinstance(node[2], str) or len(node[2]) >= LONGEST:
        return None  # a longer one is cut off
    return node[2]


def held_at(effects: Effects, name: Node) -> Node:
    """Return what a name surely holds where it stands; the name itself where that cannot be told."""
    body = effects.function.body
    own = assigned_to(body, name[2])
    if len(own) == 1:
        return own[0]
    binding = last_binding(body, name[2], name[1])
    if binding is None:
        return name
    value: Node = binding[4] if binding[0] == "ann" else binding[3]
    later = [each for each in own if binding[1] < each[1] < name[1] and each is not value]
    return name if later else value


def compiled_at(effects: Effects, node: Node) -> list[tuple[Module, Node]]:
    """Return the calls of `re.compile` that an expression stands for, with the modules that they stand in."""
    function = effects.function
    module = function.module
    if node[0] == "name":
        several = [each for one in gone_through(effects, node[2]) for each in compiled_at(effects, one)]
        if several:
            return several
        node = held_at(effects, node)
    own_name = function.parameters[0][0] if function.owner is not None and function.parameters else ""
    if node[0] == "attr" and function.owner is not None and node[2][:3:2] == ("name", own_name):
        return of_class(effects, function.owner, node[3])
    if node[0] in ("name", "attr"):
        entity = named(effects, module, node)
        if entity is None or entity.expression is None:
            return []
        module, node = entity.module, entity.expression
    return [(module, node)] if compiles(effects, module, node) else []


def gone_through(effects: Effects, name: str) -> list[Node]:
    """Return the parts of a literal that a loop goes through under a name: `for pattern in (FIRST, SECOND)`."""
    for target, over in loops_of(effects.function.body):
        names = target[3] if target[0] == "coll" else (target,)
        index = next((place for place, part in enumerate(names) if part[:3:2] == ("name", name)), -1)
        if index < 0:
            continue
        if over[0] == "name":
            entity = named(effects, effects.function.module, over)
            over = entity.expression if entity is not None and entity.expression is not None else over
        parts = over[3][:PARTS] if over[0] == "coll" else ()
        if target[0] != "coll":
            return list(parts)
        return [part[3][index] for part in parts if part[0] == "coll" and index < len(part[3])]
    return []


def loops_of(body: tuple[Node, ...]) -> Iterator[tuple[Node, Node]]:
    """Give what the loops and comprehensions of a function bind, and what they go through."""
    for node in walk(body):
        if node[0] == "for":
            yield node[2], node[3]
        elif node[0] == "comp":
            for target, over, _, _ in node[4]:
                yield target, over


def named(effects: Effects, module: Module, node: Node) -> Value | None:
    """Return what a name at the top of a module is bound to, here or where it is imported from."""
    project = effects.project
    entity = project.lookup(module, node[2]) if node[0] == "name" else project.expression(module, node)
    return entity if isinstance(entity, Value) else None


def of_class(effects: Effects, cls: Class, name: str) -> list[tuple[Module, Node]]:
    """Return the call of `re.compile` that an attribute of a class is bound to."""
    binding = cls.names.get(name)
    if binding is None or binding[0] != "value" or binding[1] is None or name in cls.setters:
        return []
    return [(cls.module, binding[1])] if compiles(effects, cls.module, binding[1]) else []


def compiles(effects: Effects, module: Module, node: Node) -> bool:
    if node[0] != "call" or node[2][0] not in ("name", "attr"):
        return False
    return str(effects.project.expression(module, node[2])) == "re.compile"


def flags_of(call: Node, place: int) -> int | None:
    """Return the flags that a call gives; None where they cannot be told."""
    given = dict(call[4]).get("flags", call[3][place] if place < len(call[3]) else None)
    if given is None:
        return 0
    found = 0
    for node in walk(given):
        if node[0] == "attr" or (node[0] == "name" and node[2] in FLAGS):
            if node[-1] not in FLAGS:
                return None
            found |= FLAGS[node[-1]]
        elif node[0] not in ("bin", "name") or (node[0] == "bin" and node[2] != "|"):
            return None
    return found


# ------------------------------------------------------------------------------ where the text comes from
def is_outside(effects: Effects, given: Node) -> bool:
    """Tell whether a text may be anything, and of any length."""
    if given[0] == "sub" and given[3][0] == "slice" and given[3][3] is not None and given[3][3][0] == "const":
        return False
    names = names_in(given)
    if not names or all(name.isupper() for name in names):
        return False
    return not any(is_limit(node, names) for node in walk(effects.function.body) if node[0] == "cmp")


def is_limit(test: Node, names: set[str]) -> bool:
    """Tell whether a test holds the length of a text against a limit."""
    sides = (test[2], *test[4])
    measured = [side for side in sides if side[0] == "call" and side[2][:3:2] == ("name", "len") and side[3]]
    if not any(names & names_in(side[3]) for side in measured):
        return False
    return any(
        (side[0] == "const" and type(side[2]) is int and 2 < side[2] <= BRIEF * 10)
        or (side[0] in ("name", "attr") and "max" in text(side).lower())
        for side in sides
    )


RULE = Rule(name="regex-backtracking", sees=("def",), spends=("hazard",), proof=Proof.growth("2^n"), find=find)
