"""A cache on a method keeps every object alive that the method was called on.

`lru_cache` keeps its arguments, and the first one is `self`. The cache belongs to the class: objects that nobody else
needs stay until they are pushed out, or for ever without a bound. New objects never find what old ones left behind.

## Slow

```python
from functools import lru_cache


class Report:
    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers

    @lru_cache(maxsize=None)
    def total(self) -> int:
        return sum(self.numbers)


def totals(groups: list[list[int]]) -> list[int]:
    return [Report(numbers).total() for numbers in groups]
```

## Fast

```python
from functools import cached_property


class Report:
    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers

    @cached_property
    def total(self) -> int:
        return sum(self.numbers)


def totals(groups: list[list[int]]) -> list[int]:
    return [Report(numbers).total for numbers in groups]
```

## Input

```python
def make(n: int) -> list[list[int]]:
    return [[i, n] for i in range(n)]
```

## When to leave it

There is one object of the class, or a handful, for the whole life of the program.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Step, Term
from perfwright.index.project import Class, Function
from perfwright.index.tree import text
from perfwright.rules._contract import Rule
from perfwright.rules._memos import Memo, calls_to, is_enumeration, is_method, memo_of, memos

# Classes whose objects a framework makes for each request, form or row.
MADE = re.compile(
    r"(View|ViewSet|Serializer|Form|Resource|RequestHandler|HTTPEndpoint|Model|ModelAdmin|Schema|Command)$"
)
ONCE = re.compile(
    r"^(main|setup|startup|on_startup|lifespan|create_app|build_app|make_app|configure|init|initialize|instance"
    r"|get_instance|default|ready|register)(_|$)|_factory$|^test_"
)
SINGLE = ("singleton", "Singleton", "SingletonMeta", "Borg")


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.decorators and function.owner is not None and is_method(function) and function.outer < 0:
        memo = memo_of(effects.project, function)
        if memo is not None and not is_single(effects, function.owner):
            # Whoever uses the class may make one object or many: only where it shows is it more than possible.
            sure: Confidence = "certain" if comes_and_goes(effects, function.owner) else "possible"
            yield told(effects, function, function.owner, memo, (), sure)
    known = memos(effects.project).methods
    if function.index < 0 or function.module.called.isdisjoint(known) or ONCE.search(function.name):
        return
    if effects.program.interpreter.remembers(function):
        return
    for node, called in calls_to(effects, set(known)):
        for cls, method, memo in known[node[2][-1]]:
            if called not in (cls, None) or function.owner is cls or is_single(effects, cls):
                continue
            frozen = any("frozen=True" in text(decorator) for decorator in cls.decorators)
            step = effects.step(function, node[1], f"makes one: {text(node)}")
            yield told(effects, method, cls, memo, (step,), "possible" if frozen else "likely")


def settle(finding: Finding) -> Finding:
    """A cache with a bound keeps a few objects: they matter where a request makes some."""
    bounded = any("items" in term.sizes for term in finding.cost.terms)
    if finding.confidence == "likely" and bounded and not finding.entry_points:
        return replace(finding, confidence="possible")
    return finding


def told(
    effects: Effects, function: Function, cls: Class, memo: Memo, made: tuple[Step, ...], confidence: Confidence
) -> Finding:
    kept = "every" if memo.bound is None else f"up to {memo.bound}"
    more = " for ever" if memo.bound is None else ""
    own = len(function.parameters) == 1
    if own:
        cure = "Use functools.cached_property: it keeps the answer on the object itself."
    else:
        cure = "Keep the answers in a dictionary on the object, or cache a function of the values that are needed."
    return Finding(
        rule=RULE.name,
        place=effects.place(function, memo.node[1]),
        symbol=f"{cls.name}.{function.name}",
        message=f"`{text(memo.node)}` on `{function.name}` keeps {kept} `{cls.name}` alive{more}: `self` is its key",
        cure=cure,
        confidence=confidence,
        chain=made,
        cost=Cost(terms=(Term("grow", ("rows" if memo.bound is None else "items",)),)),
    )


def is_single(effects: Effects, cls: Class) -> bool:
    """Tell whether a class has one object, or so many as are written in it."""
    if is_enumeration(effects, cls):
        return True
    if any(text(value).rpartition(".")[2] in SINGLE or "Singleton" in text(value) for _, value in cls.keywords):
        return True
    if any(text(base).rpartition(".")[2] in SINGLE for base in cls.bases):
        return True
    return any(text(decorator).rpartition(".")[2] in SINGLE for decorator in cls.decorators) or "_instance" in cls.names


def comes_and_goes(effects: Effects, cls: Class) -> bool:
    """Tell whether the objects of a class are rows, or a framework makes one for each request."""
    return effects.schema.of(cls) is not None or any(MADE.search(str(base)) for base in effects.project.externals(cls))


RULE = Rule(name="cache-on-method", sees=("def",), spends=("hazard",), proof=Proof.peak("n"), find=find, settle=settle)
