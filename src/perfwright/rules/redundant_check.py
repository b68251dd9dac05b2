"""A test asks what a test before it has decided, or a handler catches an exception only to raise it again.

Each is little: to compare with None takes 10 nanoseconds, `isinstance` with a class 30, with an abstract class as
`Mapping` five times that; a handler that is never entered takes nothing, since Python 3.11. It is told as a note, for
loops that run often and for whoever reads the code: a test says that both answers are possible.

## Slow

```python
from collections.abc import Mapping


def total(rows: list[object]) -> int:
    found = 0
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        amount = row["amount"]
        if isinstance(row, Mapping):
            found += amount
    return found
```

## Fast

```python
from collections.abc import Mapping


def total(rows: list[object]) -> int:
    found = 0
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        found += row["amount"]
    return found
```

## Input

```python
def make(n: int) -> list[object]:
    return [{"amount": i} if i % 3 else None for i in range(n)]
```

## When to leave it

The second test stands where data comes in from outside, and the first one may go away some day.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import all_statements, leaves
from perfwright.rules._contract import Rule

Fact = tuple[str, ...]  # ("none", name), ("isa", name, class) or ("in", item, collection)
Facts = dict[Fact, tuple[bool, int]]  # what is known, and where it was decided
Tested = tuple[Fact, bool]  # a fact, and whether the test asks for it or for its contrary
OPERATORS = {"is": True, "is not": False, "in": True, "not in": False}
ASSERTED = ("cmp", "bool", "un", "name")  # an expression that stands alone: an assertion


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0 or not function.body:
        return
    seen: set[str] = set()
    again = False
    for statement in all_statements(function):
        if statement[0] == "try" and not statement[5] and only_raises(statement):
            yield raised_again(effects, statement)
        elif statement[0] in ("if", "while") or (statement[0] == "expr" and statement[2][0] in ASSERTED):
            for part in parts_of(statement[2]):
                name = asked_of(part)
                again = again or name in seen
                if name:
                    seen.add(name)
    if again:
        yield from Walk(effects).findings()


# ------------------------------------------------------------------------------ raised again
def only_raises(statement: Node) -> bool:
    """Tell whether every handler of a `try` raises just what it caught."""
    return bool(statement[3]) and all(block and is_same(block[0], name) for _, name, block in statement[3])


def is_same(statement: Node, name: str | None) -> bool:
    """Tell whether a statement raises what was caught under a name, and says nothing of a cause."""
    if statement[0] != "raise" or statement[3] is not None:
        return False
    return statement[2] is None or bool(name and statement[2][:3:2] == ("name", name))


def raised_again(effects: Effects, statement: Node) -> Finding:
    position = statement[3][0][2][0][1]
    caught = text(statement[3][0][0]) or "everything"
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, position),
        symbol=f"except {caught}",
        message=f"`except {caught}` only raises what it caught: without the `try` the same would happen",
        cure="Leave the `try` out.",
        confidence="certain",
        chain=(effects.step(effects.function, position, "raises it again"),),
        also=tuple([effects.step(effects.function, each[2][0][1], "raises it again") for each in statement[3][1:]]),
        cost=Cost(terms=(Term("raise", ("1",)),)),
    )


# ------------------------------------------------------------------------------ tests
def parts_of(test: Node) -> tuple[Node, ...]:
    """Return the tests that an `and` or an `or` joins, else the test itself."""
    parts: tuple[Node, ...] = test[3] if test[0] == "bool" else (test,)
    return parts


def tested(test: Node) -> Tested | None:
    """Return what a test asks of a local name, where it is one of those that are understood."""
    if test[0] == "un" and test[2] == "not":
        inner = tested(test[3])
        return (inner[0], not inner[1]) if inner is not None else None
    if test[0] == "cmp" and len(test[3]) == 1 and test[3][0] in OPERATORS and test[2][0] == "name":
        right = test[4][0]
        if test[3][0] in ("is", "is not") and right[0] == "const" and right[2] is None:
            return ("none", test[2][2]), OPERATORS[test[3][0]]
        if test[3][0] in ("in", "not in") and right[0] == "name":
            return ("in", test[2][2], right[2]), OPERATORS[test[3][0]]
    if test[0] == "call" and test[2][:3:2] == ("name", "isinstance") and len(test[3]) == 2 and test[3][0][0] == "name":
        return ("isa", test[3][0][2], text(test[3][1], 200)), True
    return None


def asked_of(test: Node) -> str:
    """Return the name that a test asks something of; nothing where it is none of those that are understood."""
    while test[0] == "un" and test[2] == "not":
        test = test[3]
    if test[0] == "name":
        return str(test[2])
    fact = tested(test) if test[0] in ("cmp", "call") else None
    return fact[0][1] if fact is not None else ""


def assume(facts: Facts, test: Node, truth: bool, position: int) -> Facts:
    """Return what is known where a test was answered so."""
    known = dict(facts)
    if test[0] == "un" and test[2] == "not":
        return assume(facts, test[3], not truth, position)
    if test[0] == "bool":
        if (test[2] == "and") == truth:
            for part in test[3]:
                known = assume(known, part, truth, position)
        return known
    fact = tested(test)
    if fact is not None:
        known[fact[0]] = (fact[1] == truth, position)
        if fact[0][0] == "isa" and fact[1] == truth and "None" not in fact[0][2]:
            known[("none", fact[0][1])] = (False, position)
    elif test[0] == "name" and truth:
        known[("none", test[2])] = (False, position)
    return known


class Walk:
    """Goes through a function with what its tests have decided so far."""

    def __init__(self, effects: Effects) -> None:
        self.effects, self.function = effects, effects.function
        self.local = locals_of(self.function)
        self.found: list[Finding] = []

    def findings(self) -> list[Finding]:
        self.block(self.function.body, {})
        return self.found

    def block(self, block: tuple[Node, ...], facts: Facts) -> Facts:
        for statement in block:
            facts = self.statement(statement, facts)
        return facts

    def statement(self, statement: Node, facts: Facts) -> Facts:
        """Return what is known after a statement."""
        tag = statement[0]
        if tag == "if":
            return self.choice(statement, facts)
        if tag in ("for", "while"):
            before = without(facts, statement)
            inside = assume(before, statement[2], True, statement[1]) if tag == "while" else before
            self.block(statement[4] if tag == "for" else statement[3], inside)
            return before
        if tag == "try":
            self.block(statement[2], facts)
            after = without(facts, statement)
            for _, _, handler in statement[3]:
                self.block(handler, after)
            return after
        if tag == "with":
            after = without(facts, statement)
            self.block(statement[3], without(facts, statement[2]))
            return after
        if tag == "expr" and statement[2][0] in ASSERTED:
            return assume(facts, statement[2], True, statement[1])
        return without(facts, statement)

    def choice(self, statement: Node, facts: Facts) -> Facts:
        test = statement[2]
        if any(node[0] in ("walrus", "await", "yield") for node in walk(test)):
            facts = without(facts, test)
        known = facts
        for part in parts_of(test):
            self.ask(part, known)
            if test[0] == "bool":
                known = assume(known, part, test[2] == "and", part[1])
        then = self.block(statement[3], assume(facts, test, True, test[1]))
        other = self.block(statement[4], assume(facts, test, False, test[1]))
        if leaves(statement[3]):
            return other
        if leaves(statement[4]):
            return then
        return {
            fact: min(then[fact], other[fact]) for fact in then if fact in other and then[fact][0] == other[fact][0]
        }

    def ask(self, test: Node, facts: Facts) -> None:
        """Note a test whose answer is known."""
        fact = tested(test)
        if fact is None or fact[0] not in facts or not self.local.issuperset(fact[0][1:2]):
            return
        truth, position = facts[fact[0]]
        if fact[0][0] == "in" and fact[0][2] not in self.local:
            return
        answer = "true" if truth == fact[1] else "false"
        place = f"line {line_of(position)}"
        self.found.append(
            Finding(
                rule=RULE.name,
                place=self.effects.place(self.function, test[1]),
                symbol=text(test),
                message=f"`{text(test)}` is always {answer} here: {place} has decided it",
                cure="Leave the test out." if answer == "true" else "Leave the test and what stands below it out.",
                confidence="certain",
                chain=(
                    Step(
                        path=self.function.path,
                        line=line_of(position),
                        function=self.function.qualified,
                        what="decides it",
                    ),
                    self.effects.step(self.function, test[1], text(test)),
                ),
                cost=Cost(terms=(Term("compare", ("1",)),)),
            )
        )


def without(facts: Facts, tree: object) -> Facts:
    """Return what is still known after a tree has run: nothing of names that it binds, of collections it may change."""
    if not facts:
        return facts
    bound: set[str] = set()
    touched: set[str] = set()
    for node in walk(tree):
        bound |= bound_by(node)
        if node[0] == "call":
            touched |= names_in(node)
        elif node[0] in ("assign", "del", "aug"):
            touched |= names_in(node[2])
    return {
        fact: value
        for fact, value in facts.items()
        if fact[1] not in bound and not (fact[0] == "in" and (fact[2] in bound or fact[2] in touched))
    }


def bound_by(node: Node) -> set[str]:
    """Return the names that a node binds anew."""
    tag = node[0]
    if tag in ("assign", "del"):
        return {part[2] for target in node[2] for part in walk(target) if part[0] == "name"}
    if tag in ("aug", "ann", "for"):
        return names_in(node[2])
    if tag == "walrus":
        return {node[2]}
    if tag == "with":
        return set().union(*[names_in(target) for _, target in node[2]])
    if tag == "import":
        return {binding[0] for binding in node[2]}
    if tag == "try":
        return {name for _, name, _ in node[3] if name}
    return set()


def locals_of(function: Function) -> frozenset[str]:
    """Return the names that surely belong to a function, and that no function inside it may bind anew."""
    own = {parameter[0] for parameter in function.parameters}
    names: set[str] = set()
    for node in walk(function.body):
        names |= bound_by(node)
    names.difference_update(function.module.names)  # perhaps declared global
    if function.outer >= 0:  # perhaps declared nonlocal
        for node in walk(function.module.functions[function.outer].body):
            names -= bound_by(node)
    names |= own
    for inner in function.module.functions:
        if inner.outer == function.index:
            for node in walk(inner.body):
                names -= bound_by(node)
    return frozenset(names)


RULE = Rule(name="redundant-check", sees=("def",), spends=("latency",), proof=Proof.growth("n"), find=find)
