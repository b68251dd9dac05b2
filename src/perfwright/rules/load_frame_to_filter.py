"""A whole file or table is read into a frame, and then only some of its columns or rows are used.

Reading is most of the work: text is parsed and memory filled for every column. The readers take the columns to read,
and files such as Parquet, and databases, also the rows.

## Setup

```python
import tempfile
from pathlib import Path

FILE = Path(tempfile.gettempdir()) / "perfwright-orders.csv"
```

## Slow

```python
import pandas as pd


def total(path: str) -> int:
    orders = pd.read_csv(path)
    return int(orders["price"].sum())
```

## Fast

```python
import pandas as pd


def total(path: str) -> int:
    orders = pd.read_csv(path, usecols=["price"])
    return int(orders["price"].sum())
```

## Input

```python
def make(n: int) -> str:
    lines = [f"{number},customer {number},{number * 2}" for number in range(n)]
    FILE.write_text("\\n".join(["id,name,price", *lines]))
    return str(FILE)
```

## When to leave it

The file is small whatever the data, or has no other columns.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Event
from perfwright.effects.library import Model
from perfwright.effects.summary import Effects
from perfwright.effects.values import Foreign, Load
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._frames import assigned_to

FEW = 8  # columns; more are most of what there is
LIMITS = (
    *("usecols", "columns", "chunksize", "iterator", "nrows", "where", "filters", "n_rows", "skipfooter", "batch_size"),
    "row_groups",
)
BY_COLUMNS = {  # how a reader is told which columns to read
    "read_csv": "usecols", "read_table": "usecols", "read_fwf": "usecols", "read_excel": "usecols",
    "read_parquet": "columns", "read_feather": "columns", "read_orc": "columns", "read_stata": "columns",
    "read_spss": "usecols",
    "read_hdf": "columns", "read_sql_table": "columns",
}  # fmt: skip
BY_ROWS = {  # how it is told which rows
    "read_parquet": "filters=[(column, operator, value)]",
    "read_hdf": "where=",
    "read_sql": "a WHERE",
    "read_sql_query": "a WHERE",
    "read_sql_table": "a WHERE, with read_sql_query",
}
SQL = ("read_sql", "read_sql_query")


def find(effects: Effects) -> Iterator[Finding]:
    for load in effects.loads:
        model: Model | None = load.by
        if model is None or load.limited or load.whole or not load.chain or escapes(effects, load):
            continue
        position = load.chain[0][1]
        call = reader(effects, load, position)
        reads = model.name.rpartition(".")[2]
        name = bound_name(effects.function.body, position)
        if (
            call is None
            or name is None
            or not handed_on(load)
            or any(key is None or key in LIMITS for key, _ in call[4])
        ):
            continue
        uses = used(effects, effects.function.body, name, position)
        if uses is None:
            continue
        found = told(confidence(load), reads, name, call, uses)
        if found is not None:
            message, cure, sure = found
            yield Finding(
                rule=RULE.name,
                place=effects.place(effects.function, position),
                symbol=f"{model.name} {name}",
                message=message,
                cure=cure,
                confidence=sure,
                chain=tuple(effects.step(*link) for link in load.chain),
                cost=Cost(terms=(Term("load", ("rows",)),)),
            )


def escapes(effects: Effects, load: Load) -> bool:
    """Tell whether the frame is given back: what others do with it is not known here."""
    returned = effects.reading.returns
    return isinstance(returned, Foreign) and returned.load is load


def reader(effects: Effects, load: Load, position: int) -> Node | None:
    """Return the call that reads the file or the table, in this function or below."""
    for event in effects.reading.events:
        if event.model is load.by and event.chain[0][1] == position:
            return leaf_call(event)
    return None


def leaf_call(event: Event) -> Node | None:
    """Return the call of the library itself, which may stand in a function that is called here."""
    function, position, _ = event.leaf
    for node in walk(function.body):
        if node[0] == "call" and node[1] == position:
            return node
    return None


def bound_name(body: tuple[Node, ...], position: int) -> str | None:
    """Return the name that what is read is bound to."""
    for node in walk(body):
        if node[0] == "assign" and node[3][0] == "call" and node[3][1] == position and len(node[2]) == 1:
            target = node[2][0]
            return str(target[2]) if target[0] == "name" else None
    return None


def handed_on(load: Load) -> bool:
    """Tell whether the functions below give the frame back as it was read."""
    for function, position, _ in load.chain[1:]:
        if not any(
            node[0] == "return" and node[2] is not None and node[2][:2] == ("call", position)
            for node in walk(function.body)
        ):
            return False
    return True


class Uses:
    """What a function does with a frame: the columns it takes, and where it filters."""

    __slots__ = ("columns", "filters")

    def __init__(self) -> None:
        self.columns: dict[str, None] = {}
        self.filters: list[Node] = []


def used(effects: Effects, body: tuple[Node, ...], name: str, position: int) -> Uses | None:
    """Return what becomes of a frame; None where it is used as it is, changed, or bound anew to something else."""
    if len(assigned_to(body, name)) > 1:
        return narrowed(body, name, position)
    uses = Uses()
    items: set[int] = set()
    for node in walk(body):
        if node[0] == "sub" and node[2][0] == "name" and node[2][2] == name:
            items.add(id(node[2]))
            if not takes(node, name, uses):
                return None
        elif node[0] == "attr" and node[2][0] == "name" and node[2][2] == name:
            if effects.libraries.method("pandas.DataFrame", node[3]) is not None:
                return None
            items.add(id(node[2]))
            uses.columns[node[3]] = None
        elif node[0] in ("assign", "ann", "aug"):
            for target in node[2] if node[0] == "assign" else (node[2],):
                if target[0] == "name" and target[2] == name:
                    items.add(id(target))
                elif target[0] == "sub" and target[2][0] == "name" and target[2][2] == name:
                    return None
    if any(node[0] == "name" and node[2] == name and id(node) not in items for node in walk(body)):
        return None
    return uses


def narrowed(body: tuple[Node, ...], name: str, position: int) -> Uses | None:
    """Return the one use of `frame = frame[...]` where that comes next: what follows sees the narrowed frame."""
    for index, statement in enumerate(body):
        if statement[0] != "assign" or statement[3][:2] != ("call", position):
            continue
        following = body[index + 1] if index + 1 < len(body) else None
        if following is None or following[0] != "assign" or following[3][0] != "sub":
            return None
        item = following[3]
        targets = following[2]
        if item[2][:1] != ("name",) or item[2][2] != name or len(targets) != 1 or names_in(targets[0]) != {name}:
            return None
        uses = Uses()
        return uses if takes(item, name, uses) else None
    return None


def takes(item: Node, name: str, uses: Uses) -> bool:
    """Note `frame["a"]`, `frame[["a", "b"]]` or `frame[frame.a > 1]`; False for anything else."""
    index = item[3]
    if index[0] == "const" and isinstance(index[2], str):
        uses.columns[index[2]] = None
        return True
    if index[0] == "coll" and index[3] and all(part[0] == "const" and isinstance(part[2], str) for part in index[3]):
        uses.columns.update((part[2], None) for part in index[3])
        return True
    if name in names_in(index) and any(node[0] == "cmp" or is_mask(node) for node in walk(index)):
        uses.filters.append(item)
        return True
    return False


def is_mask(node: Node) -> bool:
    return bool(node[0] == "call" and node[2][0] == "attr" and node[2][3] in ("isin", "between", "notna", "isna", "eq"))


# ---------------------------------------------------------------------------- telling
def told(sure: Confidence, reads: str, name: str, call: Node, uses: Uses) -> tuple[str, str, Confidence] | None:
    if uses.filters:
        return told_rows(reads, call, uses) if len(uses.filters) == 1 else None
    columns = list(uses.columns)
    if not columns or len(columns) > FEW or hardly_more(call, len(columns)):
        return None
    shown = ", ".join(f"`{column}`" for column in columns)
    message = (
        f"`{text(call)}` reads every column, and only {shown} of `{name}` {'is' if len(columns) == 1 else 'are'} used"
    )
    listed = "[" + ", ".join(f'"{column}"' for column in columns) + "]"
    if reads in SQL:
        return (
            (message, f"Select what is needed: SELECT {', '.join(columns)}.", "likely") if selects_all(call) else None
        )
    option = BY_COLUMNS.get(reads)
    return (message, f"Read those only: {option}={listed}.", sure) if option else None


def hardly_more(call: Node, columns: int) -> bool:
    """Tell whether a file is known to have few other columns: their names are listed in the call."""
    names = dict(call[4]).get("names")
    return names is not None and names[0] == "coll" and len(names[3]) <= 2 * columns + 2


def told_rows(reads: str, call: Node, uses: Uses) -> tuple[str, str, Confidence] | None:
    if reads in SQL and not (selects_all(call) or selects_any(call)):
        return None
    kept = text(uses.filters[0])
    message = f"`{text(call)}` reads every row, and only `{kept}` is used"
    if reads in BY_ROWS:
        return message, f"Let the reader leave out the others: {BY_ROWS[reads]}.", "likely"
    return message, "Read it in parts and keep the rows that are needed of each: chunksize=.", "possible"


def selects_all(call: Node) -> bool:
    """Tell whether a query is known to ask for all columns and rows: `SELECT * FROM orders`."""
    query = written(call)
    return "select *" in query and " where " not in query and " limit " not in query


def selects_any(call: Node) -> bool:
    """Tell whether a query is known to ask for all rows."""
    query = written(call)
    return "select " in query and " where " not in query and " limit " not in query


def written(call: Node) -> str:
    """Return the text of a query, in small letters and with single spaces, where it is written in the call."""
    query = call[3][0] if call[3] else dict(call[4]).get("sql")
    if query is None or query[0] != "const" or not isinstance(query[2], str):
        return ""
    return " ".join(query[2].lower().split())


def confidence(load: Load) -> Confidence:
    """Return less where a helper reads the frame: others that call it may need more of it."""
    return "certain" if len(load.chain) == 1 else "likely"


RULE = Rule(name="load-frame-to-filter", sees=("load",), spends=("memory", "latency"), proof=Proof.peak("n"), find=find)
