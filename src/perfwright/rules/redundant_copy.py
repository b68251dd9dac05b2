"""A copy is made of what could be used as it is: nothing changes the copy, or nobody needs the original any more.

A copy takes its time and holds everything in memory twice. `copy.deepcopy` is the dearest: it goes through every object
that hangs on what it copies, some microseconds each. A frame that is copied lies in memory twice, all columns of it.

## Slow

```python
import copy


def total(order: dict) -> int:
    own = copy.deepcopy(order)
    return sum(line["price"] * line["count"] for line in own["lines"])
```

## Fast

```python
def total(order: dict) -> int:
    return sum(line["price"] * line["count"] for line in order["lines"])
```

## Input

```python
def make(n: int) -> dict:
    return {"lines": [{"price": i, "count": 1} for i in range(n)]}
```

## When to leave it

The copy is changed while the original must stay as it is, or the original may change while the copy is read: another
thread has it, or what is called meanwhile. `json.loads(json.dumps(x))` also makes lists of tuples and text of keys.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Event
from perfwright.effects.summary import Effects
from perfwright.effects.values import Sequence
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._buffers import TAKERS, handed_on, is_read_in_parts
from perfwright.rules._callers import argument_of, callers
from perfwright.rules._code import blocks, path_to, statements
from perfwright.rules._contract import Rule
from perfwright.rules._frames import assigned_to, few, full_name, imports_frames, works_with_frames
from perfwright.rules._loops import dotted
from perfwright.rules._owned import NEW_FRAMES, OF_FRAMES, gives_new
from perfwright.rules._uses import Use, is_closed_over, only_read, trails, use
from perfwright.rules._walked import copied_for

COPIES = ("copy", "deepcopy", "loads", "decode", "list", "dict", "set", "sorted", "tuple", "frozenset")
FRESH = ("list", "sorted", "dict", "set", "tuple")  # their answer is new, and nobody else has it
AGAIN = {
    "list": ("sorted", "list", "set", "tuple", "frozenset"),
    "tuple": ("sorted", "list", "set", "frozenset"),  # a tuple of a tuple is the same one
    "set": ("set", "frozenset"),
    "sorted": ("list", "sorted", "set", "frozenset"),
}
WRITES = ("dump", "dumps", "safe_dump", "pformat")
SAME_TEXT = ("", "utf-8", "utf8", "UTF-8", "ascii")
TAKE_BUFFERS = frozenset(("decode", *(name.rpartition(".")[2] for name in TAKERS)))
FILTERS = 3  # filters in a row from which on one with all conditions is worth it
FEW = 3  # columns that are added to a copy, up to which it is made for them


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index >= 0 and imports_frames(function.module):
        yield from filtered(effects)
    if function.index >= 0 and "bytearray" in function.called and "bytes" in function.called:
        yield from buffers(effects)
    if function.index < 0 or function.module.called.isdisjoint(COPIES) or function.called.isdisjoint(COPIES):
        return
    for statement in statements(function.body):
        walked = copied_for(effects, statement)
        if walked is not None:
            yield for_loop(effects, walked)
        for call in calls_of(statement):
            finding = judged(effects, statement, call)
            if finding is not None:
                yield finding


def calls_of(statement: Node) -> Iterator[Node]:
    """Give the calls that stand in a statement itself, not in its blocks, whose name may be that of a copy."""
    parts: tuple[object, ...] = statement[2:]
    tag = statement[0]
    if tag in ("if", "while"):
        parts = (statement[2],)
    elif tag == "for":
        parts = (statement[3],)
    elif tag == "with":
        parts = (statement[2],)
    elif tag in ("try", "match", "def", "class"):
        parts = ()
    for node in walk(parts):
        if node[0] == "call" and node[2][0] in ("name", "attr") and node[2][-1] in COPIES:
            yield node


def judged(effects: Effects, statement: Node, call: Node) -> Finding | None:
    """Return what to say of a call that may make a copy for nothing."""
    kind = kind_of(effects, call)
    if kind == "encode":
        return round_trip(effects, call)
    if kind == "again":
        return copied_twice(effects, call)
    if kind == "made":
        return comprehended(effects, call)
    if not kind:
        return None
    original = original_of(call, kind)
    if kind == "frame":
        return of_frame(effects, statement, call, original)
    return made_anew(effects, call, original, kind) or merely_read(effects, statement, call, original, kind)


def kind_of(effects: Effects, call: Node) -> str:
    """Return what kind of copy a call makes: deepcopy, json, frame, encode, again, made; nothing for none."""
    called, name = call[2], call[2][-1]
    if name in FRESH or name in ("frozenset",):
        inner = call[3][0] if called[0] == "name" and len(call[3]) == 1 else None
        if inner is not None and inner[0] == "comp" and inner[2] == name and name in ("list", "set"):
            return "" if call[4] else "made"
        plain = inner is not None and inner[0] == "call" and inner[2][0] == "name" and len(inner[3]) == 1
        if inner is None or not plain or name not in AGAIN.get(inner[2][2], ()):
            return ""
        return "again" if not inner[4] or inner[2][2] == "sorted" else ""
    if name == "deepcopy":
        return "deepcopy" if len(call[3]) == 1 and full_name(effects, called) == "copy.deepcopy" else ""
    if name == "loads" and len(call[3]) == 1 and call[3][0][0] == "call" and call[3][0][2][-1] == "dumps":
        inner = call[3][0]
        both = full_name(effects, called) == "json.loads" and full_name(effects, inner[2]) == "json.dumps"
        return "json" if both and len(inner[3]) == 1 and not inner[4] and not call[4] else ""
    if name == "decode" and called[0] == "attr" and called[2][0] == "call" and called[2][2][-1] == "encode":
        return "encode" if called[2][2][0] == "attr" else ""
    if name == "copy" and called[0] == "attr" and not call[3]:
        deep = dict(call[4]).get("deep")
        if (deep is None or deep[0] != "const" or deep[2]) and works_with_frames(effects):
            return "frame"
    return ""


def original_of(call: Node, kind: str) -> Node:
    """Return what is copied."""
    if kind == "frame":
        return call[2][2]  # type: ignore[no-any-return]
    argument: Node = call[3][0]
    return argument[3][0] if kind == "json" else argument


# ------------------------------------------------------------------------------ at once
def round_trip(effects: Effects, call: Node) -> Finding | None:
    """Text that is encoded and decoded again by the same encoding."""
    encode = call[2][2]
    codes = [text(inner[3][0]).strip("'\"") if inner[3] else "" for inner in (encode, call)]
    if any(len(inner[3]) > 1 or inner[4] for inner in (encode, call)) or any(code not in SAME_TEXT for code in codes):
        return None
    if len({code.lower().replace("-", "") or "utf8" for code in codes}) > 1:
        return None
    shown = text(encode[2][2])
    return told(
        effects,
        call,
        f"`{text(call)}` encodes text and makes the same text of it again",
        cure=f"Use `{shown}` as it is.",
        symbol=shown,
        terms=(Term("copy", ("items",)),),
    )


def buffers(effects: Effects) -> Iterator[Finding]:
    """`bytes(buffer).decode()`: a bytearray that is copied for what takes it as it is."""
    for call in walk(effects.function.body):
        if call[0] != "call" or call[2][0] not in ("name", "attr") or call[2][-1] not in TAKE_BUFFERS:
            continue
        copy = handed_on(effects, call)
        if copy is not None:
            shown = text(copy[3][0])
            size = "rows" if is_read_in_parts(effects.function, copy[3][0]) else "items"
            yield told(
                effects,
                copy,
                f"`{text(copy)}` copies all of the bytearray, and `{text(call)}` takes it as it is",
                cure=f"Leave out `bytes()`: `{shown}` itself will do.",
                symbol=shown,
                terms=(Term("copy", (size,)), Term("hold", (size,))),
            )


def copied_twice(effects: Effects, call: Node) -> Finding | None:
    """`sorted(list(items))`, `list(sorted(items))`: a list that is made only to be copied."""
    inner, outer = call[3][0], call[2][2]
    given = (*inner[4], *call[4])
    if outer == "sorted" and inner[2][2] == "sorted":
        if sorted(map(repr, plain(inner[4]))) != sorted(map(repr, plain(call[4]))):
            return None  # sorted by one thing within another
        given = call[4]
    elif outer in ("set", "frozenset"):
        given = ()
    keeps = outer == "list" and inner[2][2] in ("list", "sorted")
    arguments = ", ".join([text(inner[3][0]), *(f"{key}={text(value)}" for key, value in given if key)])
    better = f"{inner[2][2] if keeps else outer}({arguments})"
    return told(
        effects,
        call,
        f"`{text(inner)}` makes a list that `{outer}(...)` copies at once",
        cure=f"Write `{better}`.",
        symbol=text(inner[3][0]),
        terms=(Term("copy", (size_at(effects, inner),)),),
    )


def plain(keywords: Node) -> list[tuple[str, str]]:
    """Return the keywords of a call as they are written."""
    return [(key, text(value, 200)) for key, value in keywords]


def comprehended(effects: Effects, call: Node) -> Finding:
    """`list([name for name in names])`: what is made is copied at once."""
    inner = call[3][0]
    return told(
        effects,
        call,
        f"`{call[2][2]}(...)` copies what was made just now: `{text(inner)}`",
        cure="Use the comprehension as it is.",
        symbol=text(inner[4][0][1]),
        terms=(Term("copy", (size_at(effects, inner),)),),
    )


def for_loop(effects: Effects, call: Node) -> Finding:
    """`for each in list(items)`, where nothing changes the items meanwhile."""
    shown = text(call[3][0])
    return told(
        effects,
        call,
        f"`{text(call)}` copies what the loop could go through as it is",
        cure=f"Go through `{shown}` itself.",
        symbol=shown,
        confidence="possible" if few(effects, call[3][0]) else "likely",
        terms=(Term("copy", (size_at(effects, call),)),),
    )


def made_anew(effects: Effects, call: Node, original: Node, kind: str) -> Finding | None:
    """`copy.deepcopy(json.loads(data))`: nobody else has what is copied, nor anything in it."""
    made = original[0] == "call" and full_name(effects, original[2]) in ("json.loads", "json.load", "copy.deepcopy")
    if not made or kind == "json":
        return None
    return told(
        effects,
        call,
        f"`{text(call)}` copies what was made just now and nobody else has",
        cure=f"Use `{text(original)}` as it is.",
        symbol=text(original),
        terms=deep(effects, call),
    )


# ------------------------------------------------------------------------------ read and nothing else
def merely_read(effects: Effects, statement: Node, call: Node, original: Node, kind: str) -> Finding | None:
    """Return what to say of a deep copy that is only looked at."""
    function = effects.function
    if not dotted(original) and original[0] != "sub":
        return None
    first = next(iter(names_in(original)), "")
    if held_apart(function, call) or not stays(effects, original, statement, call):
        return None
    reads = Reading(effects).reads
    name = name_of(statement, call)
    if name:
        bound = [t for t in trails(function.body, name) if use(t).kind in ("bound", "changed")]
        if len(bound) != 1 or name == first or not only_read(function, name, reads=reads):
            return None
    else:
        path = path_to((statement,), call[1])
        if kind == "json" and any(outer[0] == "call" and outer[2][-1] in WRITES for outer in path[:-1]):
            return None  # plain lists, dicts and text for what writes another format
        found = use(path)
        if found.kind == "alias" and found.names:
            if not all(only_read(function, each, reads=reads) for each in found.names):
                return None
        elif found.kind != "read" and not (found.kind == "passed" and reads(found)):
            return None
    what = "copies all that hangs on" if kind == "deepcopy" else "copies by way of JSON all of"
    shown = text(original)
    return told(
        effects,
        call,
        f"`{text(call)}` {what} `{shown}`, and nothing changes the copy",
        cure=f"Read `{shown}` itself.",
        symbol=shown,
        confidence="likely",
        terms=deep(effects, call),
    )


def name_of(statement: Node, call: Node) -> str:
    """Return the name that a statement gives a call's answer, or nothing."""
    if statement[0] == "assign" and statement[3] is call and len(statement[2]) == 1 and statement[2][0][0] == "name":
        return str(statement[2][0][2])
    if statement[0] == "ann" and statement[4] is call and statement[2][0] == "name":
        return str(statement[2][2])
    return ""


def held_apart(function: Function, call: Node) -> bool:
    """Tell whether a copy may be meant to stay as things are now: made under a lock, or read across a wait."""
    if any(node[0] in ("await", "yield", "yieldfrom") for node in walk(function.body)):
        return True
    return any(node[0] == "with" and any(inner is call for inner in walk(node[3])) for node in walk(function.body))


def stays(effects: Effects, original: Node, statement: Node, call: Node) -> bool:
    """Tell whether what was copied stays as it is while the copy is read."""
    function = effects.function
    base = original
    while base[0] in ("attr", "sub"):
        base = base[2]
    if base[0] != "name":
        return False
    after = 0 if in_loop(function, call) else call[1]
    if not only_read(function, base[2], after=after, but=statement, reads=Reading(effects, own=original is base).reads):
        return False
    own = function.parameters[0][0] if function.owner is not None and function.parameters else ""
    if base[2] == own and original is not base:
        return not any(
            node[0] == "call" and node[2][0] == "attr" and node[2][2][:3:2] == ("name", own)
            for node in walk(function.body)
        )
    return True


def in_loop(function: Function, call: Node) -> bool:
    return any(
        node[0] in ("for", "while") and any(inner is call for inner in walk(node)) for node in walk(function.body)
    )


class Reading:
    """Says whether a call only reads what it takes: a function of the project that does no more than that."""

    __slots__ = ("effects", "own")

    def __init__(self, effects: Effects, own: bool = False) -> None:
        self.effects, self.own = effects, own

    def reads(self, found: Use) -> bool:
        call, argument = found.call, found.argument
        if found.kind != "passed" or call is None or argument is None or call[2][0] not in ("name", "attr"):
            return False
        entity = self.effects.project.expression(self.effects.function.module, call[2])
        if not isinstance(entity, Function) or entity.is_generator or entity.is_async or entity.owner is not None:
            return False
        name = parameter_of(entity, call, argument)
        self.effects.program.interpreter.consulted.add(entity)
        return bool(name) and only_read(entity, name)


def parameter_of(function: Function, call: Node, argument: Node) -> str:
    """Return the parameter that takes an argument of a call."""
    for index, given in enumerate(call[3]):
        if given[0] == "star":
            return ""
        if given is argument:
            return str(function.parameters[index][0]) if index < len(function.parameters) else ""
    for name, given in call[4]:
        if given is argument and name:
            return str(name)
    return ""


# ------------------------------------------------------------------------------ frames
def of_frame(effects: Effects, statement: Node, call: Node, original: Node) -> Finding | None:
    """Return what to say of a frame that is copied."""
    function = effects.function
    name = name_of(statement, call)
    if original[0] == "call":
        return new_frame(effects, call, original)
    if not name or original[0] != "name" or not is_frame(effects, name, original[2], call) or in_loop(function, call):
        return None
    if is_closed_over(function, original[2]) or is_closed_over(function, name):
        return None
    source = original[2]
    last = source == name or not later(function, source, call)
    parameters = [parameter[0] for parameter in function.parameters]
    shown = f"all of the frame `{source}` is copied"
    if last and source in parameters and is_first(function, source, statement):
        caller = given_up(effects, function, source)
        if caller:
            return framed(
                effects,
                call,
                f"{shown}, and {caller} never uses the original again",
                cure=f"Change `{source}` itself, or, from pandas 3 on, take `{source}.copy(deep=False)`.",
            )
    elif last and source not in parameters and is_own(effects, function, source):
        return framed(
            effects, call, f"{shown}, and nothing uses the original again", cure=f"Go on with `{source}` itself."
        )
    return for_columns(effects, call, source, name, shown)


def is_first(function: Function, name: str, statement: Node) -> bool:
    """Tell whether a statement stands outside all others, and nothing binds a name before it."""
    if not any(each is statement for each in function.body):
        return False
    before = [each for each in function.body if each[1] < statement[1]]
    return not assigned_to(tuple(before), name)


def new_frame(effects: Effects, call: Node, original: Node) -> Finding | None:
    """`pd.read_csv(path).copy()`: nobody else has the frame."""
    name = full_name(effects, original[2])
    if not name.startswith("pandas.") or not name.removeprefix("pandas.").startswith(NEW_FRAMES):
        return None
    message = f"`{text(call)}` copies a frame that was made just now and nobody else has"
    return framed(effects, call, message, cure=f"Leave out `.copy()`: `{text(original)}` is a frame of its own.")


def is_frame(effects: Effects, name: str, source: str, call: Node) -> bool:
    """Tell whether what is copied is a frame: its type, or what is done with it and its copy, says so."""
    event = event_at(effects, call)
    if event is not None and event.model is not None and event.model.library in ("pandas", "geopandas"):
        return True
    if event is not None:
        return False
    for node in walk(effects.function.body):
        if node[0] == "attr" and node[3] in OF_FRAMES and root_name(node[2]) in (name, source):
            return True
    return False


def root_name(node: Node) -> str:
    while node[0] in ("attr", "sub", "call"):
        node = node[2]
    return str(node[2]) if node[0] == "name" else ""


def later(function: Function, name: str, call: Node) -> bool:
    """Tell whether a name is used after a call, or anything has what it holds."""
    for trail in trails(function.body, name):
        node = trail[-1]
        if any(each is call for each in trail):
            continue
        if node[1] > call[1] or use(trail).kind == "handed":
            return True
    return False


def is_own(effects: Effects, function: Function, source: str) -> bool:
    """Tell whether a local frame was made by a call that gives a frame of its own."""
    made = assigned_to(function.body, source)
    return len(made) == 1 and gives_new(effects, function.module, made[0])


def given_up(effects: Effects, function: Function, parameter: str) -> str:
    """Return who calls a function where all who do pass a frame of their own that they never use again."""
    found = callers(effects.project, function)
    for caller, call in found:
        argument = argument_of(function, call, parameter)
        if argument is None:
            return ""
        if argument[0] == "name":
            if in_loop(caller, call) or is_closed_over(caller, argument[2]):
                return ""
            if later(caller, argument[2], call) and not rebound(caller, argument[2], call):
                return ""
            if not is_fresh(effects, caller, argument[2], call):
                return ""
        elif not gives_new(effects, caller.module, argument):
            return ""
        effects.program.interpreter.consulted.add(caller)
    return f"`{found[0][0].name}`" if found else ""


def is_fresh(effects: Effects, caller: Function, name: str, call: Node) -> bool:
    """Tell whether what a name holds at a call was made by the function itself: by what was last bound to it."""
    bound: Node | None = None
    for statement in caller.body:
        if holds(statement, call):
            break
        if statement[0] == "assign" and any(name in bound_by(target) for target in statement[2]):
            bound = statement[3]
        elif assigned_to((statement,), name):
            bound = None
    return bound is not None and gives_new(effects, caller.module, bound)


def bound_by(target: Node) -> set[str]:
    """Return the names that an assignment binds, not those of things that it changes."""
    parts = target[3] if target[0] == "coll" else (target,)
    return {part[2] for part in parts if part[0] == "name"}


def rebound(caller: Function, name: str, call: Node) -> bool:
    """Tell whether a name stands for what a call returned from then on: `frame = clean(frame)`."""
    for statement in statements(caller.body):
        if statement[0] == "assign" and holds(statement[3], call):
            return any(name in bound_by(target) for target in statement[2])
    return False


def holds(node: Node, call: Node) -> bool:
    return any(inner is call for inner in walk(node))


def filtered(effects: Effects) -> Iterator[Finding]:
    """Give the frames that are filtered several times in a row: each time all that is left is copied."""
    body = effects.function.body
    for block in (body, *(inner for statement in statements(body) for inner in blocks(statement))):
        filters: list[Node] = []
        for statement in (*block, ("pass", 0)):
            name = filters[0][2][0][2] if filters else ""
            if name and not filters_again(statement, name):
                if not touches(statement, name):
                    continue  # it counts them, or has nothing to do with them
                if len(filters) >= FILTERS:
                    yield in_a_row(effects, name, filters)
                filters = []
            if is_filter(statement):
                filters.append(statement)


def is_filter(statement: Node) -> bool:
    """Tell whether a statement keeps the rows of a frame that meet a condition: `df = df[df["price"] > 0]`."""
    if statement[0] != "assign" or len(statement[2]) != 1 or statement[2][0][0] != "name":
        return False
    name, value = statement[2][0][2], statement[3]
    return filters_again(statement, name) and value[2][:3:2] == ("name", name)


def filters_again(statement: Node, name: str) -> bool:
    if statement[0] != "assign" or statement[2][0][:3:2] != ("name", name) or statement[3][0] != "sub":
        return False
    base, index = statement[3][2], statement[3][3]
    return base[:3:2] == ("name", name) and index[0] in ("cmp", "bin", "un", "call") and name in names_in(index)


def touches(statement: Node, name: str) -> bool:
    """Tell whether a statement does more with a frame than ask for its length; the end of a block does."""
    if statement[0] == "pass":
        return True
    asked = sum(text(node) == f"len({name})" for node in walk(statement) if node[0] == "call")
    return sum(node[:3:2] == ("name", name) for node in walk(statement) if node[0] == "name") > asked


def in_a_row(effects: Effects, name: str, filters: list[Node]) -> Finding:
    first = filters[0][3]
    return framed(
        effects,
        first,
        f"`{name}` is filtered {len(filters)} times in a row, and each time all that is left of it is copied",
        cure=f"Join the conditions with `&` and filter once: `{name} = {name}[first & second & ...]`.",
    )


def for_columns(effects: Effects, call: Node, source: str, name: str, shown: str) -> Finding | None:
    """Return what to say of a frame that is copied to be read only, or to have a column or two added for use here."""
    function = effects.function
    added: dict[str, None] = {}
    for trail in trails(function.body, name):
        if trail[-1][1] <= call[1] or any(each is call for each in trail):
            continue
        column = added_column(trail)
        if column:
            added[column] = None
            continue
        found = use(trail)
        if found.kind in ("handed", "alias") and not selected(trail):
            return None
        if found.kind == "changed" or (found.kind in ("method", "passed") and not leaves(effects, found)):
            return None
    if source != name and not all(
        stays_whole(effects, trail) for trail in trails(function.body, source) if trail[-1][1] > call[1]
    ):
        return None
    if not added:
        cure = f"Leave out `{source} = {text(call)}`." if source == name else f"Read `{source}` itself."
        return framed(effects, call, f"{shown}, and nothing changes the copy", cure=cure)
    if len(added) > FEW:
        return None
    columns = " and ".join(f"`{column}`" for column in added)
    given = ", ".join(f"{column}=..." for column in added)
    return framed(
        effects,
        call,
        f"{shown} to add {columns}, and the copy is used here alone",
        cure=f"Copy only the columns that are used, or `{source}.assign({given})`, which shares them from pandas 3 on.",
    )


def stays_whole(effects: Effects, trail: tuple[Node, ...]) -> bool:
    """Tell whether the frame that was copied is the same after one of its uses."""
    found = use(trail)
    if found.kind in ("method", "passed"):
        return leaves(effects, found)
    if found.kind in ("handed", "alias"):
        return selected(trail) or any(step[0] == "return" for step in trail)
    return found.kind != "changed"


def added_column(trail: tuple[Node, ...]) -> str:
    """Return the column that a statement sets: `frame["date"] = ...`."""
    if len(trail) < 3 or trail[-2][0] != "sub" or trail[-3][0] != "assign":
        return ""
    item, statement = trail[-2], trail[-3]
    if not any(target is item for target in statement[2]) or item[3][0] != "const" or not isinstance(item[3][2], str):
        return ""
    return str(item[3][2])


def selected(trail: tuple[Node, ...]) -> bool:
    """Tell whether a part of a frame is taken by a condition or by names of columns, which makes a new frame."""
    return len(trail) > 1 and trail[-2][0] == "sub" and trail[-2][2] is trail[-1]


def leaves(effects: Effects, found: Use) -> bool:
    """Tell whether a call leaves the frame that it takes as it is: a method of frames, a function of pandas."""
    call = found.call
    if call is None or any(name == "inplace" for name, _ in call[4]):
        return False
    if found.kind == "method":
        return True
    return full_name(effects, call[2]).startswith(("pandas.", "numpy.")) or call[2][-1] in OF_FRAMES


def framed(effects: Effects, call: Node, message: str, *, cure: str) -> Finding:
    terms = (Term("hold", ("rows",)), Term("allocate", ("rows",)))
    return told(effects, call, message, cure=cure, symbol=text(call), confidence="likely", terms=terms)


# ------------------------------------------------------------------------------ telling
def event_at(effects: Effects, call: Node) -> Event | None:
    """Return what the engine saw at a call: what is copied, in which loops."""
    for event in effects.reading.events:
        if event.effect == "copy" and len(event.chain) == 1 and event.chain[0][1] == call[1]:
            return event
    return None


def size_at(effects: Effects, call: Node) -> str:
    event = event_at(effects, call)
    size = event.detail.size if event is not None and isinstance(event.detail, Sequence) else None
    return str(size) if size is not None else "items"


def deep(effects: Effects, call: Node) -> tuple[Term, ...]:
    """Return what a deep copy costs: each object in it is made anew, in each loop around."""
    event = event_at(effects, call)
    sizes = tuple(str(loop.size) for loop in event.loops) if event is not None else ()
    return (Term("serialize", (*sizes, size_at(effects, call))), Term("hold", (size_at(effects, call),)))


def told(
    effects: Effects,
    call: Node,
    message: str,
    *,
    cure: str,
    symbol: str,
    terms: tuple[Term, ...],
    confidence: Confidence = "certain",
) -> Finding:
    function = effects.function
    return Finding(
        rule=RULE.name,
        place=effects.place(function, call[1]),
        symbol=symbol,
        message=message,
        cure=cure,
        confidence=confidence,
        chain=(effects.step(function, call[1], f"copy: {text(call)}"),),
        cost=Cost(terms=terms),
    )


RULE = Rule(name="redundant-copy", sees=("def",), spends=("latency", "memory"), proof=Proof.peak("n"), find=find)
