"""Calls: of the project's functions, of classes, of libraries as their models describe them."""

import re

from perfwright.effects import sql, sql_rows
from perfwright.effects.conditions import LIKE, changed, searched
from perfwright.effects.frame import Afterwards, Frame, Held
from perfwright.effects.guesses import path_method, session_method
from perfwright.effects.iteration import FEW, deepen, iterate, loaded, run_query
from perfwright.effects.library import Effect, Model, Type
from perfwright.effects.queries import executed, method, of_entity
from perfwright.effects.reductions import REDUCERS
from perfwright.effects.scans import Building, gone_through, search, worked
from perfwright.effects.values import (
    ITEMS,
    UNKNOWN,
    Awaitable,
    ClassValue,
    Constant,
    External,
    Few,
    Foreign,
    FunctionValue,
    Instance,
    LambdaValue,
    Load,
    Row,
    Rows,
    Scalar,
    Sequence,
    Value,
    constant,
)
from perfwright.index.lower import Node

Keywords = dict[str, Value]
MANY = re.compile(r"(^|_)(pks?|ids|slugs|rows|objects|items|users|emails|recipients|data|csv|file|files|lines|import)$")
TEXT, STATEMENT = "sqlalchemy.text", "sqlalchemy.Select"  # a query that is written as SQL, and what it is otherwise
CURSOR = re.compile(r"^c$|(^|_)cur(s|sor)?\d?$", re.I)
COPIES = (
    "builtins.list",
    "builtins.tuple",
    "builtins.set",
    "builtins.frozenset",
    "builtins.sorted",
    "builtins.iter",
    "builtins.reversed",
)
ONE_VALUE = ("scalar", "scalar_one", "scalar_one_or_none")  # of a result: what is asked of it is asked of its query
OWN = ("function", "class", "lambda", "instance")  # what the project itself calls by
FOLDS = ("functools.reduce", "itertools.accumulate")  # what they call is given the result so far, then an item
AFTERWARDS = ("starlette", "fastapi")  # their background tasks run before what the request depends on is closed
WAITS_FOR = ("asyncio.wait_for", "asyncio.shield")  # what they are given is awaited
INSIDE = ("in_", "not_in", "notin_")  # conditions that ask another query
SQL_WRITES = frozenset(("insert", "update", "delete", "replace", "merge", "create", "drop", "alter"))


def call(frame: Frame, node: Node) -> Value:
    """Return what a call gives; its effects and those of what it calls happen."""
    awaiting, frame.awaiting = frame.awaiting, 0
    existence, frame.existence = frame.existence, frame.existence and node[2][0] == "attr" and node[2][3] in ONE_VALUE
    callee = frame.value(node[2])
    frame.existence = False
    if awaiting and isinstance(callee, External) and callee.name in WAITS_FOR:
        frame.awaiting = awaiting
    last = node[2][3] if node[2][0] == "attr" else node[2][2] if node[2][0] == "name" else ""
    saved = frame.consumer
    arguments = []
    for argument in node[3]:
        frame.consumer = last if argument[0] == "comp" else ""
        arguments.append(frame.value(argument))
    frame.consumer = ""
    keywords: Keywords = {}
    for name, value in node[4]:
        keywords[name or "**"] = frame.value(value)
    frame.consumer, frame.awaiting, frame.existence = saved, awaiting, existence
    if callee.kind in OWN and any(argument[0] == "star" for argument in node[3]):
        arguments = spread(arguments, node[3])
    frame.calls_seen += 1
    if last in LIKE and node[2][0] == "attr":
        searched(frame, node)
    if last in INSIDE:
        for value in arguments:
            if isinstance(value, Rows) and not value.stored:
                frame.interp.looked_up(frame, value, node[1], inner=True)
    if callee.kind == "unknown":
        if last in ("execute", "executemany") and node[3] and node[3][0][0] == "name":
            sql.asked(frame, node)  # by a connection that nothing is known of, with one of the texts written here
        frame.calls_unknown += 1
        found = unknown(frame, callee, arguments, keywords, node)
    else:
        found = apply(frame, callee, tuple(arguments), keywords, node)
    frame.existence = False
    return found


def spread(arguments: list[Value], nodes: tuple[Node, ...]) -> list[Value]:
    """Return the arguments of a call with the items of `*args` one by one, where they are known."""
    found: list[Value] = []
    for value, node in zip(arguments, nodes, strict=True):
        if node[0] != "star" or not isinstance(value, Sequence):
            found.append(value)
        elif value.items is not None:
            found.extend(value.items)
        else:
            found.append(value.element)
    return found


def apply(frame: Frame, callee: Value, arguments: tuple[Value, ...], keywords: Keywords, node: Node) -> Value:
    """Call a value with values."""
    if isinstance(callee, FunctionValue):
        return frame.interp.invoke(frame, callee, arguments, keywords, node)
    if isinstance(callee, External):
        return external(frame, callee, arguments, keywords, node)
    if isinstance(callee, ClassValue):
        return frame.interp.instantiate(frame, callee, arguments, keywords, node)
    if isinstance(callee, LambdaValue):
        return frame.interp.run_lambda(frame, callee, arguments)
    if isinstance(callee, Instance):
        return frame.interp.method_result(frame, callee, "__call__", node, arguments, keywords) or Value(frame.depth)
    if isinstance(callee, Foreign):
        entry = frame.interp.libraries.method(callee.name, "__call__")
        if entry is not None:
            return modelled(frame, entry, callee, arguments, keywords, node)
    return unknown(frame, callee, list(arguments), keywords, node)


def unknown(frame: Frame, callee: Value, arguments: list[Value], keywords: Keywords, node: Node) -> Value:
    """Call something that is not known: its arguments are used, its result is of the same origin."""
    for value in (*arguments, *keywords.values()):
        frame.use_whole(value)
    if node[2][0] == "attr" and node[2][3] == "get_model" and arguments:
        found = frame.interp.entries.model_named(frame.interp, tuple(arguments), historical=True)
        if found is not None:
            return found
    guessed = session_method(frame, node, arguments) or path_method(node)
    entry = frame.interp.libraries.get(guessed) if guessed is not None else None
    if entry is not None:
        found = modelled(frame, entry, None, tuple(arguments), keywords, node)
        if isinstance(found, Rows) and node[2][2][0] == "name" and CURSOR.search(node[2][2][2]):
            cursor = Foreign(found.api, callee.depth, callee.root)
            cursor.asked = found
            frame.env[node[2][2][2]] = cursor  # what it is asked next, it gives of this query
        return found
    if isinstance(callee, Few):
        return held(callee, arguments[0] if arguments else None, frame.depth)
    return Value(frame.depth, callee.root)


def held(base: Value, key: Value | None, depth: int) -> Value:
    """Return what something that holds few has under a key: few again, unless its name says that it is all there is."""
    many = isinstance(key, Constant) and isinstance(key.value, str) and bool(MANY.search(key.value))
    return Few(depth, base.root) if isinstance(base, Few) and base.inner and not many else Value(depth, base.root)


# -------------------------------------------------------------------------- libraries
def external(frame: Frame, callee: External, arguments: tuple[Value, ...], keywords: Keywords, node: Node) -> Value:
    """Call a function, class or method of a library."""
    interp = frame.interp
    if callee.name in interp.built_in:
        return interp.run_built_in(frame, callee, arguments, keywords, node)
    bound = callee.bound
    libraries = interp.libraries
    if callee.name == TEXT and (asked := sql_rows.run(frame, STATEMENT, node)) is not None:
        return asked
    if callee.name.rpartition(".")[2] in interp.entries.answers:
        handled = interp.entries.framework_call(interp, frame, callee, arguments, keywords, node)
        if handled is not None:
            return handled
    if isinstance(bound, Rows):
        name = callee.name.rpartition(".")[2]
        return method(frame, bound, name, libraries.method(bound.api, name), (*arguments, *keywords.values()), node)
    entry = libraries.get(callee.name)
    if entry is not None and isinstance(bound, Foreign) and bound.asked is not None:
        name = callee.name.rpartition(".")[2]
        if name in sql_rows.FETCHES:
            return method(frame, bound.asked, name, entry, (*arguments, *keywords.values()), node)
    if entry is None:
        if libraries.is_class(callee.name):
            return interp.foreign(libraries.canonical(callee.name), frame.depth)
        if not libraries.knows(callee.name.partition(".")[0]):
            frame.calls_unknown += 1
        return foreign_unknown(frame, callee, arguments, keywords, node)
    return modelled(frame, entry, bound, arguments, keywords, node)


def foreign_unknown(
    frame: Frame, callee: External, arguments: tuple[Value, ...], keywords: Keywords, node: Node
) -> Value:
    for value in (*arguments, *keywords.values()):
        frame.use_whole(value)
    guessed = session_method(frame, node, list(arguments))
    entry = frame.interp.libraries.get(guessed) if guessed is not None else None
    if entry is not None:
        return modelled(frame, entry, None, arguments, keywords, node)
    last = callee.name.rpartition(".")[2]
    if last[:1].isupper() and callee.bound is None:
        return interp_foreign(frame, callee.name)
    handled = frame.interp.framework_call(frame, callee, arguments, keywords, node)
    return handled if handled is not None else Value(frame.depth)


def interp_foreign(frame: Frame, name: str) -> Value:
    return Foreign(name, frame.depth)


def argument_named(entry: Model, name: str, arguments: tuple[Value, ...], keywords: Keywords) -> Value | None:
    """Return the argument that a parameter's name stands for."""
    if name in keywords:
        return keywords[name]
    if name in entry.params:
        index = entry.params.index(name)
        return arguments[index] if index < len(arguments) else None
    return None


def argument_node(entry: Model, name: str, node: Node) -> Node | None:
    """Return the expression of the argument that a parameter's name stands for."""
    if node[0] != "call":
        return None
    for key, value in node[4]:
        if key == name:
            return value  # type: ignore[no-any-return]
    if name in entry.params:
        index = entry.params.index(name)
        if index < len(node[3]):
            return node[3][index]  # type: ignore[no-any-return]
    return None


def modelled(
    frame: Frame,
    entry: Model,
    receiver: Value | None,
    arguments: tuple[Value, ...],
    keywords: Keywords,
    node: Node,
) -> Value:
    """Call what a library model describes."""
    if entry.given and argument_named(entry, entry.given, arguments, keywords) is None:
        effects: tuple[Effect, ...] = ()
    else:
        effects = entry.does
    result: Value | None = None
    if entry.runs is not None:
        result = run_argument(frame, entry, receiver, arguments, keywords, node)
    statement = None
    if entry.returns is not None and effects:
        statement = statement_of(entry, entry.returns, arguments, keywords)
    if isinstance(statement, Rows):
        returns = inner_type(entry.returns)
        value = executed(frame, statement, node, entry, returns)
        return (
            Awaitable(value, frame.depth) if entry.returns is not None and entry.returns.head == "Coroutine" else value
        )
    emit_effects(frame, entry, effects, receiver, arguments, node, keywords)
    if effects and entry.params and entry.params[0] in ("sql", "query"):
        sql.asked(frame, node)
        if isinstance(receiver, Foreign):
            receiver.asked = sql_rows.run(frame, receiver.name, node) if sql_rows.takes_text(entry) else None
    if isinstance(receiver, Foreign) and receiver.load is not None:
        receiver.load.whole = True
    value = result_of(frame, entry, entry.returns, receiver, arguments, keywords, node, result)
    if entry.holds is not None or frame.held or "with_for_update" in keywords:
        value = holding(frame, entry, value, keywords, node)
    if entry.is_class and isinstance(value, Foreign):
        value.timed = timed(entry, arguments, keywords, node)
    if isinstance(value, Foreign) and any(effect.name == "load" for effect in effects):
        value.load = loaded_by(frame, entry, arguments, keywords, node)
    for argument in (*arguments, *keywords.values()):
        if not isinstance(argument, Sequence | Foreign) or argument.load is None:
            continue
        if entry.name not in COPIES and entry.name.rpartition(".")[2] not in REDUCERS:
            frame.use_whole(argument)
    return value


def holding(frame: Frame, entry: Model, value: Value, keywords: Keywords, node: Node) -> Value:
    """Hold what a call takes: in the block that it is the manager of, or from here until it is released."""
    called = node[2]
    if entry.holds is not None and entry.when == "enter":
        manager = Sequence("iter", value, constant(1), frame.depth)
        manager.holding = (Held(entry.holds, frame.interp.text(node), node[1], entry),)
        return manager
    if entry.holds is not None and called[0] == "attr" and called[3] == "acquire":
        frame.held = (*frame.held, Held(entry.holds, frame.interp.text(called[2]), node[1], entry))
    elif frame.held and called[0] == "attr" and called[3] == "release":
        released = frame.interp.text(called[2])
        frame.held = tuple([held for held in frame.held if held.symbol != released])
    row = value.result if isinstance(value, Awaitable) else value
    if isinstance(row, Row) and "with_for_update" in keywords:
        row.locked = True
    return value


def loaded_by(frame: Frame, entry: Model, arguments: tuple[Value, ...], keywords: Keywords, node: Node) -> Load:
    """Watch what becomes of a file or table that a library reads into one object: a data frame."""
    load = Load(None, node[1], entry.name)
    load.by = entry
    load.limited = (
        isinstance(entry.limits, str) and argument_named(entry, entry.limits, arguments, keywords) is not None
    )
    load.chain = ((frame.function, node[1], frame.interp.text(node)),)
    return frame.load(load)


def inner_type(returns: Type | None) -> Type | None:
    while returns is not None and returns.head == "Coroutine":
        returns = returns.args[0]
    return returns


def statement_of(entry: Model, returns: Type, arguments: tuple[Value, ...], keywords: Keywords) -> Value | None:
    """Return the statement that a session runs, where the result's type names a parameter."""
    inner = inner_type(returns)
    while inner is not None and inner.args:
        head = inner.args[0].head
        found = argument_named(entry, head, arguments, keywords)
        if found is not None:
            return found
        inner = inner.args[0]
    if entry.params and entry.params[0] in ("statement", "query"):
        return argument_named(entry, entry.params[0], arguments, keywords)
    return None


def endless(entry: Model, node: Node) -> bool:
    """Tell whether a call says itself that it has no timeout: `timeout=None`."""
    given = argument_node(entry, entry.timeout["arg"], node) if entry.timeout is not None else None
    return given is not None and given[0] == "const" and given[2] is None


def timed(entry: Model, arguments: tuple[Value, ...], keywords: Keywords, node: Node) -> bool:
    """Tell whether a call is given a timeout."""
    if entry.timeout is None or endless(entry, node):
        return False
    return "**" in keywords or argument_named(entry, entry.timeout["arg"], arguments, keywords) is not None


def emit_effects(
    frame: Frame,
    entry: Model,
    effects: tuple[Effect, ...],
    receiver: Value | None,
    arguments: tuple[Value, ...],
    node: Node,
    keywords: Keywords | None = None,
) -> None:
    untimed = endless(entry, node) or (
        entry.timeout is not None
        and entry.timeout["default"] == "none"
        and not timed(entry, arguments, keywords or {}, node)
        and not (isinstance(receiver, Foreign) and receiver.timed)
    )
    for effect in effects:
        if effect.of is not None:
            sized_effect(frame, entry, effect, receiver, arguments, keywords or {}, node)
            continue
        name = effect.name
        if name == "db.query" and _writes(node):
            name = "db.write"
        if (
            name == "file.read"
            and entry.name in ("builtins.open", "pathlib.Path.open")
            and _opens_for_writing(node, entry)
        ):
            name = "file.write"
        symbol = entry.name.removeprefix("builtins.")
        detail = receiver
        if name in ("db.query", "db.write"):
            changed(frame, node)
            model = model_of(frame, receiver, arguments)
            if model is not None:
                symbol = model
        frame.emit(
            name,
            symbol,
            node[1],
            frame.interp.text(node),
            model=entry,
            detail=detail,
            blocking=entry.blocking and name not in ("client", "compile", "raise", "flush", "db.commit"),
            node=node,
            untimed=untimed,
        )


def model_of(frame: Frame, receiver: Value | None, arguments: tuple[Value, ...]) -> str | None:
    for value in (receiver, *arguments[:1]):
        found = None
        if isinstance(value, Row | Rows):
            found = value.model
        elif isinstance(value, ClassValue):
            found = frame.interp.schema.of(value.cls)
        if found is not None:
            return str(found.name)
    return None


def _writes(node: Node) -> bool:
    statement = node[3][0] if node[3] else None
    while statement is not None and statement[0] == "call":  # update(Order).where(...).values(...)
        called = statement[2]
        if called[0] == "name" and called[2] in ("insert", "update", "delete"):
            return True
        statement = called[2] if called[0] == "attr" else None
    if node[3] and node[3][0][0] == "const" and isinstance(node[3][0][2], str):
        words = node[3][0][2].split(None, 1)
        return len(words) > 1 and words[0].lower() in SQL_WRITES
    return False


def _opens_for_writing(node: Node, entry: Model) -> bool:
    mode = argument_node(entry, "mode", node)
    if mode is None and entry.name != "builtins.open" and node[3]:
        mode = node[3][0]
    return mode is not None and mode[0] == "const" and isinstance(mode[2], str) and any(c in mode[2] for c in "wax+")


def sized_effect(
    frame: Frame,
    entry: Model,
    effect: Effect,
    receiver: Value | None,
    arguments: tuple[Value, ...],
    keywords: Keywords,
    node: Node,
) -> None:
    """An effect in proportion to a collection: nothing where the collection is little."""
    if effect.name != "scan":
        shown = node
        given = receiver
        if effect.of != "self":
            given = argument_named(entry, effect.of or "", arguments, keywords)
            shown = argument_node(entry, effect.of or "", node) or node
        elif node[2][0] == "attr":
            shown = node[2][2]
        if given is None and effect.of not in ("return", "rows"):
            return
        if isinstance(given, Constant) or (isinstance(given, Sequence) and given.size.is_little):
            return
        worked(frame, effect.name, given if given is not None else UNKNOWN, node, shown, entry)
        return
    if effect.of != "self" and node[3]:
        given = argument_named(entry, effect.of or "", arguments, keywords)
        gone_through(frame, given or UNKNOWN, node, argument_node(entry, effect.of or "", node) or node)
    if effect.of != "self" or not isinstance(receiver, Sequence):
        return
    if receiver.of in ("list", "tuple") and not receiver.size.is_little and receiver.depth < frame.depth:
        if entry.name.endswith((".remove",)) and frame.interp.loop_over(frame, receiver):
            return
        search(frame, "membership", receiver, node, node[2][2] if node[2][0] == "attr" else node, sure=receiver.known)
    elif receiver.root is not None and receiver.of == "list":
        search(frame, "membership", receiver, node, node[2][2] if node[2][0] == "attr" else node, sure=False)


def run_argument(
    frame: Frame,
    entry: Model,
    receiver: Value | None,
    arguments: tuple[Value, ...],
    keywords: Keywords,
    node: Node,
) -> Value | None:
    """A library calls one of its arguments: here, per item, in a thread, or later."""
    runs = entry.runs
    assert runs is not None
    function = argument_named(entry, runs.arg, arguments, keywords)
    if function is None or function.kind not in ("function", "lambda", "external", "class"):
        return None
    if isinstance(function, External) and entry.name == "functools.reduce":
        added_up(frame, function, arguments, node)
    if isinstance(function, External) and frame.interp.libraries.get(function.name) is None:
        return None
    index = entry.params.index(runs.arg) if runs.arg in entry.params else 0
    rest = tuple(arguments[index + 1 :])
    if runs.where == "later":
        if isinstance(function, FunctionValue):
            if entry.library in AFTERWARDS:
                done_afterwards(frame, function, entry, node)
            partial = FunctionValue(function.function, function.bound, function.closure)
            partial.arguments = function.arguments + rest
            partial.keywords = {**function.keywords, **{k: v for k, v in keywords.items() if k not in entry.params}}
            return partial
        return None
    if runs.times == "once":
        frame.quiet += runs.where in ("thread", "process")
        try:
            passed = {k: v for k, v in keywords.items() if k not in entry.params}
            return apply(frame, function, rest, passed, node)
        finally:
            frame.quiet -= runs.where in ("thread", "process")
    source_name = runs.times.removeprefix("per ")
    source = argument_named(entry, source_name, arguments, keywords)
    source_node = argument_node(entry, source_name, node)
    if source_name == "self" and node[2][0] == "attr":
        source, source_node = receiver, node[2][2]
    if source is None or source_node is None:
        return None
    element, loop = iterate(frame, source, source_node, kind="callback")
    given: tuple[Value, ...] = (element,)
    if entry.name in FOLDS:
        given = (Value(frame.depth + 1), element)
    elif entry.name == "itertools.starmap" and isinstance(element, Sequence):
        given = element.items if element.items is not None else (element.element,)
    frame.loops.append(loop)
    frame.quiet += runs.where in ("thread", "process")
    try:
        return apply(frame, function, given, {}, node)
    finally:
        frame.quiet -= runs.where in ("thread", "process")
        frame.loops.pop()


def done_afterwards(frame: Frame, function: FunctionValue, entry: Model, node: Node) -> None:
    """Record that a request leaves something to be done when its answer has been sent."""
    shown = frame.interp.text(node)
    later = Afterwards(function.function)
    frame.emit("later", shown, node[1], shown, model=entry, detail=later, blocking=False, node=node)
    frame.open.add(function.function)
    frame.interp.afterwards.append(later)


def added_up(frame: Frame, function: External, arguments: tuple[Value, ...], node: Node) -> None:
    """Record `reduce(add, lists, [])`: each list makes all of the result anew."""
    start = arguments[2] if len(arguments) > 2 else None
    grows = isinstance(start, Sequence) and function.name == "operator.add"
    if len(arguments) < 2 or not (grows or function.name == "operator.concat"):
        return
    _, loop = iterate(frame, arguments[1], node[3][1], kind="callback")
    if loop.multiplies:
        kind = start.of if isinstance(start, Sequence) else "list"
        event = frame.emit(
            "copy",
            frame.interp.text(node[3][1]),
            node[1],
            frame.interp.text(node),
            detail=Building(kind, node, arguments[1], shared=False),
            blocking=False,
            node=node,
        )
        event.loops = (loop,)


def result_of(  # noqa: C901 - one line a head of the type language
    frame: Frame,
    entry: Model,
    returns: Type | None,
    receiver: Value | None,
    arguments: tuple[Value, ...],
    keywords: Keywords,
    node: Node,
    result: Value | None = None,
) -> Value:
    """Return the value that a type of the small language stands for after a library call."""
    interp = frame.interp
    depth = frame.depth
    if returns is None:
        if entry.is_class:
            return interp.foreign(entry.name, depth)
        return result if result is not None and entry.runs is not None and entry.runs.where == "later" else Value(depth)
    head = returns.head
    if head == "self":
        return receiver if receiver is not None else Value(depth)
    if head == "Scalar":
        return Scalar("", depth)
    if head == "result":
        return result if result is not None else Value(depth)
    if head == "Coroutine":
        return Awaitable(result_of(frame, entry, returns.args[0], receiver, arguments, keywords, node, result), depth)
    if head in ("Rows", "Row"):
        named = argument_named(entry, returns.args[0].head, arguments, keywords) if returns.args else None
        if named is None and isinstance(receiver, Rows | Row | ClassValue):
            named = receiver
        entity = argument_node(entry, returns.args[0].head, node) if returns.args else None
        api = returns.args[1].head if len(returns.args) > 1 else "sqlalchemy.Select"
        rows = of_entity(frame, named if named is not None else UNKNOWN, entity, api, node[1])
        if head == "Rows" and rows.model is None and sql_rows.takes_text(entry):
            sql_rows.describe(frame, rows, node)
        if head == "Rows" and rows is named and isinstance(entry.limits, str):
            page = rows.copy(depth)  # Paginator(rows, 25): the same query, a page at a time
            page.api, page.limited = api, rows.limited or interp.page
            return page
        if head == "Rows":
            return rows
        if isinstance(named, Row):
            return named
        return rows.element(depth)
    if head in ("List", "Set", "Iter", "Tuple", "Dict"):
        of = {"List": "list", "Set": "set", "Iter": "iter", "Tuple": "tuple", "Dict": "dict"}[head]
        inner = returns.args[-1] if returns.args else None
        if inner is not None and inner.head == "element":
            source = arguments[0] if arguments else receiver
            return copied(frame, of, source, node)
        item = result_of(frame, entry, inner, receiver, arguments, keywords, node, result) if inner else UNKNOWN
        size = ITEMS
        if arguments and isinstance(arguments[-1], Sequence) and item.kind != "scalar":
            size = arguments[-1].size
        sequence = Sequence(of, item, size, depth)
        sequence.known = entry.library != "stdlib"
        asked = sql_rows.run(frame, "", node) if of == "list" and sql_rows.takes_text(entry) else None
        if asked is not None:
            sequence.load, sequence.size = loaded(frame, asked, node[1]), asked.how_many
        return sequence
    if head == "element":
        source = receiver if isinstance(receiver, Sequence) else arguments[0] if arguments else None
        if isinstance(source, Sequence):
            return deepen(source.element, depth)
        if isinstance(source, Rows):
            return source.element(depth)
        return Value(depth)
    if "." in head:
        return interp.foreign(head, depth)
    return Value(depth)


def copied(frame: Frame, of: str, source: Value | None, node: Node) -> Value:
    """`list(x)`, `sorted(x)`: the items of x in a new collection."""
    argument = node[3][0] if node[3] else node
    if isinstance(source, Rows):
        load = run_query(frame, source, node[1], frame.interp.text(argument))
        sequence = Sequence(of, source.element(frame.depth), source.how_many, frame.depth)
        sequence.load = load if of in ("list", "tuple", "iter") else None
        load.whole = load.whole or of == "set"
        sequence.source = load
        return sequence
    if isinstance(source, Sequence):
        sequence = Sequence(of, source.element, source.size, frame.depth, source.root, known=source.known)
        sequence.load = source.load if of in ("list", "tuple", "iter") else None
        sequence.source = source.source or source.load
        sequence.items = source.items
        if source.of == "dict":
            sequence.element = source.key or UNKNOWN
            sequence.items = None
        return sequence
    if source is None:
        return Sequence(of, UNKNOWN, constant(0), frame.depth)
    sequence = Sequence(of, Value(frame.depth), constant(FEW) if isinstance(source, Few) else ITEMS, frame.depth)
    sequence.known = False
    return sequence
