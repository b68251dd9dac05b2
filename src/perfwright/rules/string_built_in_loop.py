"""Text, bytes or a tuple is made longer piece by piece, and each step copies all that is there already.

A local `text += piece` is the exception: while nothing else holds the text, the interpreter lets it grow in place. An
attribute, an item of a dictionary, bytes, a tuple, and `text = text + a + b` are copied every time. So are lists and
dictionaries that are not added to but made anew: `found = found + [item]`, `{**found, key: item}`, `sum(lists, [])`.

## Slow

```python
class Report:
    def __init__(self) -> None:
        self.text = ""

    def write(self, lines: list[str]) -> str:
        for line in lines:
            self.text += f"{line};"
        return self.text


def report(lines: list[str]) -> str:
    return Report().write(lines)
```

## Fast

```python
class Report:
    def __init__(self) -> None:
        self.text = ""

    def write(self, lines: list[str]) -> str:
        self.text += "".join(f"{line};" for line in lines)
        return self.text


def report(lines: list[str]) -> str:
    return Report().write(lines)
```

## Input

```python
def make(n: int) -> list[str]:
    return [f"line {i}" for i in range(n)]
```

## When to leave it

There are few pieces, or each one is needed as it was: a value that others hold must not change.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Loop
from perfwright.effects.scans import Building
from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import text
from perfwright.rules._contract import Rule
from perfwright.rules._loops import Changes, confidence_of

NEAR = 3  # calls between the loop and what grows beyond which it may well begin anew
KINDS = {"str": "text", "bytes": "bytes", "tuple": "tuple", "list": "list", "set": "set", "dict": "dictionary"}
CURES = {
    "str": 'Collect the pieces in a list and join them once after the loop: "".join(pieces).',
    "bytes": "Add to a bytearray, or join the pieces once after the loop: b''.join(pieces).",
    "tuple": "Append to a list and make the tuple once after the loop.",
    "list": "Add to it in place with append() or extend().",
    "set": "Add to it in place with add() or update().",
    "dict": "Add to it in place: found[key] = value, or update().",
}


def find(effects: Effects) -> Iterator[Finding]:
    for effect in effects.repeated("copy"):
        building = effect.event.detail
        if not isinstance(building, Building):
            continue
        local = len(effect.event.chain) == 1
        loops = [loop for loop in effect.event.loops if not local or keeps(loop, building.target)]
        if not loops:
            continue
        function, position, shown = effect.event.chain[-1]
        through = "" if local else f" through `{effect.what}`"
        sizes = tuple(str(loop.size) for loop in loops)
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, position),
            symbol=text(building.target),
            message=f"every pass over `{loops[-1].over}`{through} copies the whole {KINDS[building.kind]}: `{shown}`",
            cure=cure(building),
            confidence=confidence_of(effects, effect, NEAR),
            chain=effects.chain(effect),
            cost=Cost(terms=(Term("copy", (*sizes, *sizes)),)),
        )


def keeps(loop: Loop, target: Node) -> bool:
    """Tell whether each pass adds to the same thing: not to an attribute or an item of its own."""
    if target[0] not in ("attr", "sub"):
        return True
    changes = Changes(loop)
    return not changes.rebind(target[2]) and (target[0] == "attr" or not changes.rebind(target[3]))


def cure(building: Building) -> str:
    if building.target[0] == "call":
        return "Use itertools.chain.from_iterable(...), which goes through each item once."
    return CURES[building.kind]


RULE = Rule(name="string-built-in-loop", sees=("copy",), spends=("latency",), proof=Proof.growth("n^2"), find=find)
