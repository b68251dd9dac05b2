"""Rows in memory of which some are picked, or that are only counted or added up: what their query could have done."""

from functools import lru_cache

from perfwright.effects.frame import BLOCKING, Frame
from perfwright.effects.scans import varying, visited
from perfwright.effects.schema import SQLALCHEMY
from perfwright.effects.values import Load, Rows, Sequence, Value
from perfwright.index.lower import Node
from perfwright.index.project import Function, Project
from perfwright.index.tree import names_in, text, walk

REDUCERS = {
    "len": "count",
    "sum": "sum",
    "mean": "sum",
    "fmean": "sum",
    "max": "max",
    "min": "max",
    "any": "any",
    "all": "any",
    "in": "contains",
    "Counter": "count",
    "collections.Counter": "count",
}
COUNTS = ("len", "sum", "mean", "fmean")
# What SQL has too, of functions and of methods.
CONVERSIONS = (
    *("str", "int", "len", "float", "bool", "abs", "date", "datetime", "timedelta"),
    *("max", "min", "round", "ceil", "floor", "Decimal"),
    *("next", "iter"),  # the first of what a row leads to
)
TRANSPARENT = (
    *("now", "utcnow", "today", "localdate", "timedelta", "lower", "upper", "strip", "casefold", "date"),
    *("startswith", "endswith", "lstrip", "rstrip", "weekday", "ceil", "floor", "isoformat"),
    *("all", "first", "last", "exists", "count"),  # of what a row leads to
)
ASKS = ("any", "all", "len", "bool", "set")  # what a condition may call, beside what SQL has
NEAR = 2  # links from a condition to the query that answers it
DEEPEST = 2  # methods that a condition may lead through


# ------------------------------------------------------------------------- comprehensions
def reduction(frame: Frame, source: Value, tests: Node, node: Node, consumer: str, *, last: bool) -> None:
    """Rows in memory are gone through by a comprehension: a filter, a sum, or all of them are used."""
    load = source.load if isinstance(source, Sequence | Rows) else None
    if load is None:
        load = frame.interp.source_of(source)
        if load is None:
            return
        if tests and all(expressible(test) for test in tests):
            load.reduced.append(("filter", node[1], frame.interp.text(node)))
        return
    shown = frame.interp.text(node)
    about = {name for target, *_ in node[4] for name in names_in(target)}
    if consumer in COUNTS and tests and last and all(expressible(part) for part in (node[3], *tests)):
        load.reduced.append((REDUCERS[consumer], node[1], shown))  # of each group, where a loop around says which
    elif last and any(varying(frame, names_in(test)) for test in tests) and only_counted(frame, node):
        load.reduced.append(("count", node[1], shown))
    elif any(varying(frame, names_in(test)) for test in tests):
        load.whole = True  # another part of the rows on each pass of a loop around: all of them in the end
    elif tests and last and (all(sayable(frame, test, about) for test in tests) or of_whole_table(frame, load, tests)):
        load.reduced.append(("filter", node[1], shown))
    elif consumer in REDUCERS and expressible(node[3]):
        load.reduced.append((REDUCERS[consumer], node[1], shown))
    elif not (last and flattens(node)) and (not is_column(node) or frame.loops):
        load.whole = True


def is_column(node: Node) -> bool:
    """Tell whether a comprehension is a list of one thing of each row: what becomes of it, becomes of the rows."""
    return bool(node[2] == "list" and len(node[4]) == 1 and not node[4][0][2] and node[3][0] in ("attr", "sub"))


def flattens(node: Node) -> bool:
    """Tell whether a comprehension is a list of all that several rows lead to: `[x for a in rows for x in a.parts]`."""
    inner = node[4][-1]
    plain = node[2] == "list" and len(node[4]) > 1 and not any(tests for _, _, tests, _ in node[4])
    return bool(plain and node[3][0] == inner[0][0] == "name" and node[3][2] == inner[0][2])


def only_counted(frame: Frame, node: Node) -> bool:
    """Tell whether the rows that one pass of a loop picks are only counted or added up there: GROUP BY by hand."""
    body = frame.loops[-1].body if frame.loops else ()
    name = next((each[2][0][2] for each in body if each[0] == "assign" and each[3] is node and names_only(each)), "")
    if not name or not all(expressible(test) for _, _, tests, _ in node[4] for test in tests):
        return False
    uses = counts = 0
    for inner in walk(body):
        if inner[0] == "name" and inner[2] == name:
            uses += 1
        elif (
            inner[0] == "if" or (inner[0] == "un" and inner[2] == "not") or (inner[0] == "cmp" and "in" in inner[3][0])
        ):
            tested = inner[2] if inner[0] == "if" else inner[4][0] if inner[0] == "cmp" else inner[3]
            counts += tested[0] == "name" and tested[2] == name
        elif inner[0] == "call" and len(inner[3]) == 1 and inner[2][0] == "name" and inner[2][2] in COUNTS:
            given = inner[3][0]
            if given[0] == "comp" and len(given[4]) == 1 and expressible(given[3]):
                given = given[4][0][1] if all(expressible(test) for test in given[4][0][2]) else given
            counts += given[0] == "name" and given[2] == name
    return counts > 0 and uses == counts + 1


def names_only(statement: Node) -> bool:
    """Tell whether a statement binds one name."""
    return len(statement[2]) == 1 and statement[2][0][0] == "name"


def of_whole_table(frame: Frame, load: Load, tests: Node) -> bool:
    """Tell whether some rows of a whole table are picked, at least one of the conditions being a query's too."""
    if load.filtered or load.limited or load.relation or load.model is None:
        return False
    parts = [part for test in tests for part in (test[3] if test[0] == "bool" else (test,))]
    return any(
        (part[0] == "cmp" and part[2][0] == "attr" and expressible(part)) or asks_method(frame, part) for part in parts
    )


# -------------------------------------------------------------------------------- loops
def statement_reduction(frame: Frame, node: Node, source: Value) -> None:
    """Rows in memory are gone through by a `for`: all of them are used, or some are picked."""
    load = source.load if isinstance(source, Sequence | Rows) else None
    if load is None:
        return
    shown = f"for {text(node[2])} in {text(node[3])}"
    body, names, unsaid = after_names(frame, node[4], names_in(node[2]))
    if body and all(accumulates(frame, statement, names, unsaid) for statement in body):
        load.reduced.append(("sum", node[1], shown))
        return
    if node[4] and visited(node[4]):
        load.whole = True  # each item once, however often it comes: a walk, not a filter
        return
    if len(node[4]) == 1 and takes_first(node[4][0]):
        load.reduced.append(("top", node[1], f"{shown}: if {text(node[4][0][2])}"))
        return
    if body and body[0][0] == "if":
        test, then, otherwise = body[0][2:5]
        asked = names_in(test)
        skips = bool(then) and then[-1][0] == "continue" and len(then) == 1 and not otherwise
        only = len(body) == 1 and not otherwise
        about = asked & names and not asked & unsaid
        said = sayable(frame, test, names) or (skips and of_whole_table(frame, load, (test,)))
        if (skips or only) and about and said and not is_there(test, node[4], names_in(node[2])):
            load.reduced.append(("filter", node[1], f"{shown}: if {text(test)}"))
            return
    alike = bool(body) and len(body) == len(node[4]) and all(sets(statement, names) for statement in body)
    if alike and load.model is not None and load.model.framework == SQLALCHEMY:
        load.reduced.append(("update", node[1], f"{shown}: {text(body[0][2][0])} = {text(body[0][3])}"))
        return
    load.whole = True


def after_names(frame: Frame, body: tuple[Node, ...], names: set[str]) -> tuple[tuple[Node, ...], set[str], set[str]]:
    """Return what a loop does after it has given names to parts of the row, those names, and those no query knows.

    Where working out one of them may do something by itself, all rows are used: nothing is left.
    """
    known, unsaid = set(names), set[str]()
    for index, statement in enumerate(body):
        if statement[0] != "assign" or any(target[0] not in ("name", "coll") for target in statement[2]):
            return body[index:], known, unsaid
        value = statement[3]
        given = {name for target in statement[2] for name in names_in(target)}
        said = sayable(frame, value, known)
        if not said or names_in(value) & unsaid:
            if not said and any(inner[0] in ("call", "await", "yield") for inner in walk(value)):
                return (), known, unsaid
            unsaid |= given
        if names_in(value) & known:
            known |= given
    return (), known, unsaid


def takes_first(statement: Node) -> bool:
    """Tell whether a statement keeps the first few: `if len(best[key]) < 3: best[key].append(...)`."""
    test = statement[2] if statement[0] == "if" and len(statement[3]) == 1 and not statement[4] else None
    if test is None or test[0] != "cmp" or test[3] not in (("<",), ("<=",)):
        return False
    measured, added = test[2], statement[3][0][2] if statement[3][0][0] == "expr" else None
    if measured[0] != "call" or measured[2][0] != "name" or measured[2][2] != "len" or not measured[3] or added is None:
        return False
    of = added[2][2] if added[0] == "call" and added[2][0] == "attr" and added[2][3] in ("append", "add") else None
    return of is not None and text(of, 200) == text(measured[3][0], 200)


def sets(statement: Node, names: set[str]) -> bool:
    """Tell whether a statement sets a column of a row to what does not depend on the row: UPDATE by hand."""
    if statement[0] != "assign" or len(statement[2]) != 1 or names_in(statement[3]) & names:
        return False
    target = statement[2][0]
    return bool(target[0] == "attr" and target[2][0] == "name" and target[2][2] in names)


def accumulates(frame: Frame, statement: Node, names: set[str], unsaid: set[str]) -> bool:
    """Tell whether a statement only adds to totals, perhaps under a condition: SUM or COUNT by hand."""
    if statement[0] == "aug":
        added = statement[4]
        said = sayable(frame, added, names) and not names_in(added) & unsaid
        return statement[3] in "+-" and said and is_number(frame, statement[2])
    if statement[0] == "assign":
        return (len(statement[2]) == 1 and begins(statement[2][0], statement[3])) or adds(
            frame, statement, names, unsaid
        )
    if statement[0] == "if":
        return sayable(frame, statement[2], names) and all(
            accumulates(frame, inner, names, unsaid) for inner in (*statement[3], *statement[4])
        )
    return bool(statement[0] == "continue")


def begins(target: Node, value: Node) -> bool:
    """Tell whether a group gets its first totals: `totals[key] = {"count": 0, "sum": 0}`."""
    constants = all(inner[0] in ("const", "dict", "coll") for inner in walk(value))
    return bool(target[0] == "sub" and value[0] in ("const", "dict") and constants)


def adds(frame: Frame, statement: Node, names: set[str], unsaid: set[str]) -> bool:
    """Tell whether a total is made longer by what it was: `totals[key] = totals.get(key, 0) + row.amount`."""
    target, value = statement[2][0], statement[3]
    if target[0] != "sub" or value[0] != "bin" or value[2] not in "+-":
        return False
    before, added = value[3], value[4]
    same = before[0] == "call" and before[2][0] == "attr" and before[2][3] == "get"
    held = before[2][2] if same else before[2] if before[0] == "sub" else None
    if held is None or text(held) != text(target[2]):
        return False
    return sayable(frame, added, names) and not names_in(added) & unsaid


def is_number(frame: Frame, target: Node) -> bool:
    """Tell whether what is added to may be a number: no list that others are put behind."""
    if target[0] == "name":
        return not isinstance(frame.lookup(target[2]), Sequence)
    return bool(target[0] == "sub")


# --------------------------------------------------------------------------- conditions
def expressible(test: Node) -> bool:
    """Tell whether a condition is one that a WHERE clause could state."""
    for inner in walk(test):
        if inner[0] == "call":
            called = inner[2]
            if called[0] == "attr" and called[3] in TRANSPARENT:
                continue
            if called[0] == "name" and called[2] in CONVERSIONS:
                continue
            return False
        if inner[0] in ("await", "comp", "yield", "lambda"):
            return False
        if inner[0] == "sub" and inner[3][0] not in ("const", "un", "slice"):
            return False  # looked up in something that is only here: `names[row.pk]`
    return True


def sayable(frame: Frame, test: Node, about: set[str]) -> bool:
    """Tell whether a query could state a condition on a row, with a join where it rests on what else was asked.

    `about` are the names of the row and of its parts: what has nothing to do with them is the query's parameter.
    """
    if test[0] in ("bool", "cmp", "bin", "un", "if", "sub", "attr", "coll"):
        if test[0] == "sub" and test[3][0] not in ("const", "un", "slice"):
            return was_read(frame, test[2]) and sayable(frame, test[3], about)
        return all(sayable(frame, part, about) for part in parts_of(test))
    if test[0] != "call":
        return expressible(test)
    called = test[2]
    if not names_in(test) & about and called[0] in ("name", "attr"):
        return all(inner[0] not in ("await", "yield", "lambda", "comp") for inner in walk(test))
    if called[0] == "attr" and called[3] == "get" and was_read(frame, called[2]):
        return all(sayable(frame, part, about) for part in test[3])
    if asks_database(frame, test):
        return True
    plain = (called[0] == "attr" and called[3] in TRANSPARENT) or (called[0] == "name" and called[2] in CONVERSIONS)
    inner = (called[2], *test[3]) if called[0] == "attr" else test[3]
    return plain and all(sayable(frame, part, about) for part in (*inner, *(value for _, value in test[4])))


def is_there(test: Node, body: tuple[Node, ...], row: set[str]) -> bool:
    """Tell whether a test only asks if a value, or something that a row leads to, is there at all."""
    if test[0] == "un" and test[2] == "not":
        test = test[3]
    if test[0] != "name":
        return False
    if test[2] in row:
        return True
    made = next((each[3] for each in body if each[0] == "assign" and test[2] in names_in(each[2])), None)
    return made is not None and made[0] == "attr"


def parts_of(node: Node) -> tuple[Node, ...]:
    """Return the expressions that one is made of."""
    if node[0] in ("bool", "coll"):
        return tuple(node[3])
    if node[0] == "cmp":
        return (node[2], *node[4])
    if node[0] in ("attr", "sub"):
        return (node[2],)
    if node[0] == "un":
        return (node[3],)
    return tuple([part for part in node[2:] if isinstance(part, tuple)])


def was_read(frame: Frame, node: Node) -> bool:
    """Tell whether a name stands for a dict that was made of rows of the database."""
    found = frame.interp.peek(frame, node) if node[0] == "name" else None
    return isinstance(found, Sequence) and found.of == "dict" and (found.source or found.load) is not None


def asks_database(frame: Frame, call: Node) -> bool:
    """Tell whether a call that was read is one query, or a function that only returns what one query gives."""
    found = [
        event
        for event in frame.events.values()
        if event.chain[0][0] is frame.function and event.chain[0][1] == call[1] and event.effect in BLOCKING
    ]
    if len(found) != 1 or found[0].effect != "db.query":
        return False
    chain = found[0].chain
    return len(chain) == 1 or (len(chain) == NEAR and only_returns(chain[1][0]))


def only_returns(function: Function) -> bool:
    body = [statement for statement in function.body if statement[0] != "expr" or statement[2][0] != "const"]
    return len(body) == 1 and body[0][0] == "return"


def asks_method(frame: Frame, test: Node) -> bool:
    """Tell whether a condition is a call of the project's that says yes or no by comparing: `user.manages(place)`."""
    if test[0] == "un" and test[2] == "not":
        test = test[3]
    if test[0] != "call" or test[2][0] not in ("name", "attr"):
        return False
    found = conditions(frame.interp.project, str(test[2][-1]))
    frame.interp.consulted.update(found)
    return bool(found)


@lru_cache(maxsize=512)
def conditions(project: Project, name: str, depth: int = 0) -> tuple[Function, ...]:
    """Return the functions of a name where all of them only compare what they are given, and say yes or no."""
    found = [function for module in project.modules.values() for function in module.functions if function.name == name]
    return tuple(found) if all(only_compares(project, function, depth) for function in found) else ()


def only_compares(project: Project, function: Function, depth: int) -> bool:
    """Tell whether a function is made of conditions alone: each could stand in a WHERE clause."""
    if function.is_async or function.is_generator:
        return False
    for node in walk(function.body):
        if node[0] in ("for", "while", "assign", "aug", "try", "with", "await", "lambda", "raise", "def"):
            return False
        if node[0] == "expr" and node[2][0] != "const":
            return False
        if node[0] == "call":
            name = str(node[2][-1]) if node[2][0] in ("name", "attr") else ""
            known = name in ASKS or name in CONVERSIONS or name in TRANSPARENT
            if not known and (depth >= DEEPEST or not conditions(project, name, depth + 1)):
                return False
    return any(node[0] in ("cmp", "bool") for node in walk(function.body))
