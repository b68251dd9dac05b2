"""Something large stays in memory because something small that is kept leads to it.

An exception holds its traceback, that holds the frames of all functions that were running, and those hold their
local variables: whoever keeps the last error on an object that lives as long as the program keeps the request, its body
and the rows that were being worked on, too. The text of the error is all that is needed as a rule.

## Slow

```python
class Reader:
    last_error: Exception | None = None

    def read(self, text: str) -> int:
        numbers = [line.split(",") for line in text.splitlines()]
        try:
            return sum(int(number) for line in numbers for number in line)
        except ValueError as error:
            self.last_error = error
            return 0


reader = Reader()


def total(text: str) -> tuple[int, str]:
    return reader.read(text), str(reader.last_error)
```

## Fast

```python
class Reader:
    last_error: str | None = None

    def read(self, text: str) -> int:
        numbers = [line.split(",") for line in text.splitlines()]
        try:
            return sum(int(number) for line in numbers for number in line)
        except ValueError as error:
            self.last_error = str(error)
            return 0


reader = Reader()


def total(text: str) -> tuple[int, str]:
    return reader.read(text), str(reader.last_error)
```

## Input

```python
def make(n: int) -> str:
    return "\\n".join([*("1,2" for _ in range(n)), "x"])
```

## When to leave it

What is kept is small, or let go soon: an error that is raised again, a frame that the rest of the function works on.
"""

import re
from collections.abc import Iterator

from perfwright.effects.growth import Growing
from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import statements
from perfwright.rules._contract import Rule
from perfwright.rules._frames import assigned_to, full_name, imports_frames
from perfwright.rules._kept import binding_of, has_bound, lasts
from perfwright.rules._owned import gives_new
from perfwright.rules._uses import is_closed_over, trails

ADDS = ("append", "appendleft", "add", "put", "put_nowait")
REQUEST = re.compile(r"(^|\.)(Http)?Request$")
WORK = 2  # statements that call something after a frame was last needed, from which on it is worth letting go


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0:
        return
    for statement in statements(function.body) if function.tries else ():
        if statement[0] == "try":
            for handler in statement[3]:
                if handler[1]:
                    yield from kept_error(effects, handler)
    yield from kept_request(effects)
    if imports_frames(function.module):
        yield from outlived(effects)
        yield from by_default(effects)


# ------------------------------------------------------------------------------ on what lives long
def kept_error(effects: Effects, handler: Node) -> Iterator[Finding]:
    """Give where a handler keeps its exception on something that lives as long as the program."""
    name = handler[1]
    for statement in statements(handler[2]):
        holder, whole = kept_in(statement, name)
        if holder is None or not lives_on(effects, holder, whole=whole):
            continue
        yield told(
            effects,
            statement,
            f"`{text(holder)}` keeps the exception `{name}` and the local variables of all functions it came through",
            symbol=text(holder),
            cure=f"Keep `str({name})`, or `{name}.with_traceback(None)` where the exception itself is needed.",
        )


def kept_request(effects: Effects) -> Iterator[Finding]:
    """Give where an object of one request is kept on something that lives as long as the program."""
    function = effects.function
    for parameter in function.parameters:
        name, annotation = parameter[0], parameter[1]
        if name != "request" and (annotation is None or not REQUEST.search(text(annotation))):
            continue
        for statement in statements(function.body):
            holder, whole = kept_in(statement, name)
            if holder is None or not lives_on(effects, holder, whole=whole):
                continue
            yield told(
                effects,
                statement,
                f"`{text(holder)}` keeps `{name}` and all that hangs on it when the request is over",
                symbol=text(holder),
                cure=f"Keep only what is needed of `{name}`, or a contextvars.ContextVar that is reset at the end.",
            )


def kept_in(statement: Node, name: str) -> tuple[Node | None, bool]:
    """Return what a statement puts the value of a name in, and whether it replaces what was there before."""
    if statement[0] == "assign" and len(statement[2]) == 1 and holds(statement[3], name):
        target = statement[2][0]
        if target[0] in ("attr", "name"):
            return target, True
        return (target[2], False) if target[0] == "sub" else (None, False)
    call = statement[2] if statement[0] == "expr" else None
    if call is not None and call[0] == "call" and call[2][0] == "attr" and call[2][3] in ADDS and call[3]:
        return (call[2][2], False) if holds(call[3][-1], name) else (None, False)
    return None, False


def holds(node: Node, name: str) -> bool:
    """Tell whether an expression is what a name stands for, a tuple or a dict of it, or a function that has it."""
    if node[0] == "name":
        return bool(node[2] == name)
    if node[0] == "coll":
        return any(holds(part, name) for part in node[3])
    if node[0] == "dict":
        return any(holds(part, name) for part in node[3])
    if node[0] == "lambda":
        return any(inner[:3:2] == ("name", name) for inner in walk(node[3]))
    if node[0] == "call" and text(node[2]) in ("partial", "functools.partial"):
        return any(holds(part, name) for part in node[3])
    return False


def lives_on(effects: Effects, holder: Node, *, whole: bool) -> bool:
    """Tell whether what a value is put in lives as long as the program; a collection without a bound is left out.

    What nothing ever takes out of a collection is another finding.
    """
    function = effects.function
    found: Growing | None = None
    if holder[0] == "name":
        binding = function.module.names.get(holder[2])
        if binding is None or binding[0] != "value" or any(each[0] == holder[2] for each in function.parameters):
            return False
        if whole:
            return is_none(binding[1]) and read_elsewhere(function, holder[2])
        found = Growing("module", function.module, None, holder[2])
    elif holder[0] == "attr" and holder[2][0] == "name":
        cls, on_class = owner_of(effects, holder[2])
        if cls is None or not (on_class or lasts(effects, cls)):
            return False
        if whole:
            return not is_cleared(cls, holder[3], function)
        found = Growing("class" if on_class else "instance", cls.module, cls, holder[3])
    if found is None:
        return False
    made = binding_of(found)
    return made is not None and made[0] == "call" and has_bound(made)


def owner_of(effects: Effects, base: Node) -> tuple[Class | None, bool]:
    """Return the class that an attribute belongs to, and whether it is the class itself that has it."""
    function = effects.function
    own = function.parameters[0][0] if function.owner is not None and function.parameters else ""
    if base[2] == own:
        return function.owner, any(text(decorator) == "classmethod" for decorator in function.decorators)
    entity = effects.project.expression(function.module, base)
    return (entity, True) if isinstance(entity, Class) else (None, False)


def is_none(node: Node | None) -> bool:
    return node is not None and node[0] == "const" and node[2] is None


def read_elsewhere(function: Function, name: str) -> bool:
    """Tell whether another function of the module reads a name: this one binds the module's own, not a local."""
    return any(
        each is not function
        and any(node[:3:2] == ("name", name) for node in walk(each.body))
        and not assigned_to(each.body, name)
        and not any(parameter[0] == name for parameter in each.parameters)
        for each in function.module.functions
    )


def is_cleared(cls: Class, name: str, function: Function) -> bool:
    """Tell whether the class lets go of what it keeps: another method, or the same one later, sets it to None."""
    for index in cls.setters.get(name, ()):
        setter = cls.module.functions[index]
        for node in walk(setter.body):
            if node[0] != "assign" or setter.name == "__init__":
                continue
            if any(target[0] == "attr" and target[3] == name for target in node[2]) and is_none(node[3]):
                return True
    return any(
        node[0] == "raise" and node[2] is not None and any(n[0] == "attr" and n[3] == name for n in walk(node[2]))
        for each in cls.module.functions
        if each.owner is cls or each is function
        for node in walk(each.body)
    )


# ------------------------------------------------------------------------------ frames
def outlived(effects: Effects) -> Iterator[Finding]:
    """Give the frames that a function needs for one call only, and holds to its end."""
    body = effects.function.body
    for index, statement in enumerate(body[:-1]):
        if statement[0] != "assign" or len(statement[2]) != 1 or statement[2][0][0] != "name":
            continue
        name, following = statement[2][0][2], body[index + 1]
        if following[0] != "assign" or following[3][0] != "call" or is_closed_over(effects.function, name):
            continue
        used = [trail[-1] for trail in trails(body, name) if trail[-1] is not statement[2][0]]
        call = following[3]
        if len(used) != 1 or not any(part is used[0] for part in call[3]):
            continue
        rest = [later for later in body[index + 2 :] if any(node[0] == "call" for node in walk(later))]
        made = {each for target in following[2] for each in names_in(target)}
        module = effects.function.module
        if len(rest) < WORK or not made & names_in(tuple(rest)):
            continue
        if gives_new(effects, module, statement[3]) and gives_new(effects, module, call):
            yield told(
                effects,
                statement,
                f"the frame `{name}` is needed for `{text(call)}` alone and stays in memory to the end of the function",
                symbol=name,
                cure=f"Pass `{text(statement[3])}` on without a name, or write `del {name}` after the call.",
            )


def by_default(effects: Effects) -> Iterator[Finding]:
    """Give the parameters whose default is a frame that is read when the module is imported."""
    function = effects.function
    for name, _, default, _ in function.parameters:
        if default is None or default[0] != "call":
            continue
        full = full_name(effects, default[2])
        if full.startswith("pandas.read_"):
            yield told(
                effects,
                default,
                f"the default of `{name}` is read when the module is imported and stays in memory from then on",
                symbol=name,
                cure=f"Make the default None and read `{text(default)}` where it is needed.",
            )


# ------------------------------------------------------------------------------ telling
def told(effects: Effects, node: Node, message: str, *, symbol: str, cure: str) -> Finding:
    function = effects.function
    return Finding(
        rule=RULE.name,
        place=effects.place(function, node[1]),
        symbol=symbol,
        message=message,
        cure=cure,
        confidence="likely",
        chain=(effects.step(function, node[1], f"hold: {symbol}"),),
        cost=Cost(terms=(Term("hold", ("rows",)),)),
    )


RULE = Rule(name="captured-large-object", sees=("def",), spends=("hazard",), proof=Proof.peak("n"), find=find)
