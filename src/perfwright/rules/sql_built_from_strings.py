"""Values are written into the text of a query: whoever chooses a value chooses what the database does.

A name with a quote in it breaks the query, and one that is made for the purpose reads or deletes what it likes. The
database also sees another query each time and has to plan each anew: on SQLite a look-up by key takes three times as
long. A value that is passed beside the text is only ever a value.

## Slow

```python
import sqlite3


def total(connection: sqlite3.Connection, customer: str) -> int:
    query = f"SELECT coalesce(sum(amount), 0) FROM orders WHERE customer = '{customer}'"
    return connection.execute(query).fetchone()[0]
```

## Fast

```python
import sqlite3


def total(connection: sqlite3.Connection, customer: str) -> int:
    query = "SELECT coalesce(sum(amount), 0) FROM orders WHERE customer = ?"
    return connection.execute(query, (customer,)).fetchone()[0]
```

## Input

```python
import sqlite3


def make(n: int) -> tuple[sqlite3.Connection, str]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE orders (customer TEXT, amount INTEGER)")
    connection.executemany("INSERT INTO orders VALUES (?, ?)", [(f"customer {i}", i) for i in range(n + 1)])
    return connection, f"customer {n}"
```

## Scenario

Somebody who has ordered nothing gives a name that is made for the purpose.

```python
def scenario() -> None:
    connection, _ = make(3)
    found = total(connection, "nobody' OR 'a' = 'a")
    assert found == 0, f"nobody has ordered for {found}: all that others have"
```

## When to leave it

The value is a number that the program itself has worked out, and the query runs once.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import text, walk
from perfwright.rules._chosen import REQUESTS
from perfwright.rules._contract import Rule
from perfwright.rules._same import arguments, call_at
from perfwright.rules._sql_text import Part, Text, shown

RUNS = (
    *(
        "execute",
        "executemany",
        "executescript",
        "exec_driver_sql",
        "raw",
        "extra",
        "text",
        "read_sql",
        "read_sql_query",
    ),
    *("RawSQL", "fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "fetch_val", "execute_async", "sql"),
)
RUNS_OF = {"pg8000": ("run",), "asyncpg": ("cursor", "prepare", "copy_from_query")}  # where the library is imported
CONDITIONS = ("extra", "text", "RawSQL")  # these take a part of a query, too
VERB = re.compile(r"\s*(?:--[^\n]*\n\s*|\(\s*)*(SELECT|INSERT|UPDATE|DELETE|WITH|REPLACE|MERGE|CALL|EXEC)\b", re.I)
# What stands before a value.
BEFORE = re.compile(
    r"(?:[=<>]|\b(?:LIKE|ILIKE|BETWEEN|REGEXP|RLIKE|MATCH|AGAINST)|\bIN\s*\(\s*|\bLIMIT|\bOFFSET)\s*$", re.I
)
QUOTED = re.compile(r"'[^',()=]*$")
IN_VALUES = re.compile(r"\bVALUES\s*\((?:[^()]|\([^()]*\))*$", re.I)
IN_LIST = re.compile(r"\bIN\s*\([^()]*$", re.I)
PLAIN = re.compile(  # names of parts of a query, not of values
    r"sql|query|clause|where|cond|column|field|table|alias|schema|placeholder|place_?holders|marks|params?$|binds?$|expr"
    r"|quoted|ident|literal|escaped?|prefix|operator|order|direction|select|template|fragment|filters?$|\bqn\b",
    re.I,
)
SAFE = ("quote_name", "quote_literal", "quote_ident", "mogrify", "Identifier", "Literal", "Placeholder", "as_string",
        "escape", "quote", "compile", "bindparam", "adapt", "escape_string", "format_datetime")  # fmt: skip
NAMED = "Take the name from a list of those that may be asked for: no parameter can stand for one."
NUMBERS = ("int", "float", "len", "bool", "Decimal", "timestamp", "count", "total_seconds")


How = Literal["quoted", "bare", "part"]  # how a value stands in a query; the last is a name, or a part of it
Value = tuple[Node, How]


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    runs = runners(function)
    if function.index >= 0 and not function.module.called.isdisjoint(runs) and not function.called.isdisjoint(runs):
        yield from own(effects, function, runs)
    for effect in effects.effects("db.query", "db.write"):
        chain = effect.event.chain
        if len(chain) == 2 and effect.event.model is not None and effect.event.node is not None:
            yield from passed(effects, chain[1][0], call_at(chain[1]), effect.event.node)


def runners(function: Function) -> frozenset[str]:
    """Return the last names of what runs a query, for the libraries that a module imports."""
    names = set(RUNS)
    for library, more in RUNS_OF.items():
        if library in function.module.imports:
            names.update(more)
    return frozenset(names)


def own(effects: Effects, function: Function, runs: frozenset[str]) -> Iterator[Finding]:
    """Give the queries of a function whose text it builds from values itself; one for each value."""
    reader: Text | None = None
    found: dict[int, Finding] = {}
    for node in walk(function.body):
        if node[0] != "call" or node[2][0] not in ("name", "attr") or node[2][-1] not in runs:
            continue
        if plain(node) or (node[2][-1] == "text" and not is_sqlalchemy(effects, function, node[2])):
            continue
        reader = reader or Text(effects, function)
        for query in queries(node):
            value = value_in(reader.parts(query), partial=node[2][-1] in CONDITIONS)
            if value is None or is_choice(function, value[0]):
                continue
            known = found.get(id(value[0]))
            if known is None:
                found[id(value[0])] = told(effects, function, node, value)
                break
            step = effects.step(function, node[1], text(node))
            found[id(value[0])] = replace(known, also=(*known.also, step))
    yield from found.values()


def passed(effects: Effects, runner: Function, inner: Node | None, call: Node) -> Iterator[Finding]:
    """Give a query whose text is built here and run by a function that is called with it."""
    if inner is None or inner[0] != "call" or not inner[3] or inner[3][0][0] != "name" or inner[2][-1] not in RUNS:
        return
    query = next((given for name, given in arguments(call, runner) if name == inner[3][0][2]), None)
    if query is None or query[0] == "const":
        return
    value = value_in(Text(effects, effects.function).parts(query), partial=False)
    if value is not None and not is_choice(effects.function, value[0]):
        yield told(effects, effects.function, call, value)


def is_sqlalchemy(effects: Effects, function: Function, called: Node) -> bool:
    return str(effects.project.expression(function.module, called)).startswith(("sqlalchemy.", "sqlmodel."))


def plain(node: Node) -> bool:
    """Tell whether a call is given nothing but a constant, or nothing at all."""
    given = (*node[3], *(value for _, value in node[4]))
    return not given or (len(node[3]) > 0 and node[3][0][0] == "const" and node[2][-1] != "extra")


def queries(node: Node) -> list[Node]:
    """Return the arguments of a call that are texts of queries, or parts of them."""
    if node[2][-1] != "extra":
        keyword = next((value for name, value in node[4] if name in ("sql", "query", "statement", "raw_query")), None)
        return [node[3][0]] if node[3] else [keyword] if keyword is not None else []
    found: list[Node] = []
    for name, value in node[4]:
        if name == "where":
            found.extend(value[3] if value[0] == "coll" else (value,))
        elif name == "select" and value[0] == "dict":
            found.extend(value[3])
    return found


def value_in(parts: list[Part], *, partial: bool) -> Value | None:
    """Return the first value that is written into a query, and how it stands there.

    Where there is none, return the first expression that is written in as a part of the query, as a name of a table.
    """
    begun = ""
    if not partial and not VERB.match("".join(part for part in parts if isinstance(part, str))[:400]):
        return None
    named: Node | None = None
    for index, part in enumerate(parts):
        if isinstance(part, str):
            begun += part
            continue
        after = "".join(each for each in parts[index + 1 : index + 2] if isinstance(each, str))
        quoted = bool(QUOTED.search(begun)) and begun.count("'") % 2 == 1
        if is_value(part, begun, after, quoted):
            return part, "quoted" if quoted else "bare"
        if named is None and not is_constant(part) and not is_part(part) and part[0] not in ("coll", "dict"):
            named = part
        begun += "x"
    return None if named is None or len(parts) == 1 else (named, "part")


def is_value(part: Node, before: str, after: str, quoted: bool) -> bool:
    """Tell whether an expression stands for a value, not for a name or a part of the query."""
    if is_constant(part) or after.startswith(("(", '"', "`", "_")):
        return False
    if after.startswith(".") and not quoted:
        return False
    if is_part(part):
        return False
    return quoted or bool(BEFORE.search(before) or IN_VALUES.search(before) or IN_LIST.search(before))


def is_choice(function: Function, part: Node) -> bool:
    """Tell whether a name is one of some constants: it is looked for among them, or goes through them."""
    if part[0] != "name":
        return False
    for node in walk(function.body):
        pairs: list[tuple[Node, Node]] = []
        if node[0] == "cmp" and node[3][0] in ("in", "not in"):
            pairs = [(node[2], node[4][0])]
        elif node[0] == "for":
            pairs = [(node[2], node[3])]
        elif node[0] == "comp":
            pairs = [(one[0], one[1]) for one in node[4]]
        if any(one[0] == "name" and one[2] == part[2] and is_fixed(among) for one, among in pairs):
            return True
    return False


def is_fixed(node: Node) -> bool:
    if node[0] == "coll":
        return all(item[0] == "const" for item in node[3])
    if node[0] == "call":
        return str(node[2][-1]) == "range"
    return node[0] in ("name", "attr") and str(node[-1]).isupper()


def is_constant(part: Node) -> bool:
    if part[0] == "const":
        return True
    if part[0] in ("name", "attr"):
        name = str(part[-1])
        return name.isupper() or any(inner[0] == "attr" and inner[3] in ("_meta", "ops") for inner in walk(part))
    return False


def is_part(part: Node) -> bool:
    """Tell whether an expression gives placeholders, quoted text or another part of a query."""
    for node in walk(part):
        if node[0] == "call" and str(node[2][-1]) in SAFE:
            return True
        if node[0] == "const" and isinstance(node[2], str) and re.fullmatch(r"[\s,(]*(\?|%s|\$|:\w+)[\s,)]*", node[2]):
            return True
        if node[0] == "attr" and node[3] in ("_meta", "ops", "__tablename__", "__table__"):
            return True
    last = part[2] if part[0] == "call" else part
    name = str(last[-1]) if last[0] in ("name", "attr") else ""
    return bool(PLAIN.search(name))


def told(effects: Effects, function: Function, call: Node, value: Value) -> Finding:
    part, how = value
    return Finding(
        rule=RULE.name,
        place=effects.place(function, call[1]),
        symbol=shown(part),
        message=f"`{shown(part)}` is written into the text of the query: it can change what the query does",
        cure=NAMED if how == "part" else cure(function, call),
        confidence=confidence(function, part, how),
        chain=(effects.step(function, part[1] or call[1], f"the value `{shown(part)}`"),),
        cost=Cost(terms=(Term("db.query", ()),)),
    )


def cure(function: Function, call: Node) -> str:
    """Name how the library at hand takes values beside the text."""
    imports = function.module.imports
    name = str(call[2][-1])
    if name == "text":
        return 'Write :name in the text and pass the value: text("... = :name").bindparams(name=...) .'.replace(
            ") .", ")."
        )
    if "sqlite3" in imports or "aiosqlite" in imports or "duckdb" in imports:
        return "Write ? in the text and pass the values as the second argument."
    if "asyncpg" in imports or name in ("fetchrow", "fetchval"):
        return "Write $1 in the text and pass the value as an argument."
    if "sqlalchemy" in imports:
        return 'Write text("... = :name") and pass {"name": ...} as the second argument.'
    return "Write %s in the text, without quotes, and pass the values as the second argument."


def confidence(function: Function, part: Node, how: How) -> Confidence:
    """Return how sure it is that the value is text from outside: a number can be nothing else than a number.

    Names of tables and columns mostly come from the program itself, and no parameter can stand for one.
    """
    if how == "part" or is_number(function, part) or (part[0] == "attr" and part[2][-1] == "cls"):
        return "possible"
    if any(node[0] in ("name", "attr") and str(node[-1]) in REQUESTS for node in walk(part)):
        return "certain"
    return "certain" if how == "quoted" else "likely"


def is_number(function: Function, part: Node) -> bool:
    """Tell whether a value is a number by what makes it, or by the annotation of its parameter."""
    if part[0] == "call" and str(part[2][-1]) in NUMBERS:
        return True
    if part[0] == "bin" and part[2] in ("-", "*", "/", "//"):
        return True
    if part[0] != "name":
        return False
    for name, annotation, default, _ in function.parameters:
        if name == part[2]:
            shown_type = str(annotation[-1]) if annotation is not None and annotation[0] == "name" else ""
            by_default = default is not None and default[0] == "const" and type(default[2]) in (int, float)
            return shown_type in ("int", "float", "bool", "Decimal", "date", "datetime", "UUID") or by_default
    return False


RULE = Rule(
    name="sql-built-from-strings",
    sees=("def", "db.query", "db.write"),
    spends=("hazard",),
    proof=Proof("scenario", "injected"),
    find=find,
)
