"""How an expression holds rows, and how what is taken out of it does.

A kind is `row`, a `query` that is not run yet, `list:K`, `dict:K` (by any key) or `1/K`: a tuple whose second is a K.
"""

from typing import Final

from perfwright.index.lower import Node

LONGEST: Final = 40  # characters of a kind: collections inside each other are not followed without end
SAME: Final = frozenset(("list", "tuple", "sorted", "reversed", "set", "frozenset", "iter", "deque"))
ONE: Final = frozenset(("min", "max", "next", "anext"))
REFINE: Final = frozenset(  # methods of a query or a result that give one like it
    (
        *("all", "fetchall", "scalars", "unique", "copy", "filter", "exclude", "order_by", "distinct", "iterator"),
        *("select_related", "prefetch_related", "using", "reverse", "annotate", "aiterator", "select_for_update"),
        *("limit", "offset", "options", "where", "filter_by", "join", "outerjoin", "execution_options"),
        *("with_for_update", "yield_per", "tuples"),
    )
)
RESULTS: Final = ("all", "scalars", "unique", "yield_per")  # those that run a query of the older kind
FIRST: Final = frozenset(
    (
        *("first", "one", "one_or_none", "last", "get", "pop", "scalar", "scalar_one", "scalar_one_or_none", "afirst"),
        *("aget", "alast", "earliest", "latest", "popleft", "fetchone", "first_or_404", "get_or_404"),
    )
)
NOTHING: Final = frozenset(  # methods whose answer holds no rows
    (
        *("count", "exists", "acount", "aexists", "keys", "sort", "index", "reverse", "clear", "close", "append"),
        *("appendleft", "add", "extend", "update", "insert", "remove", "discard", "subquery"),
    )
)
RUNS: Final[dict[str, str]] = {  # methods of a session that run a statement
    "scalars": "list:row",
    "stream_scalars": "list:row",
    "exec": "list:row",
    "execute": "list:0/row",
    "stream": "list:0/row",
    "scalar": "row",
}
QUERIES: Final = ("execute", "stream", "scalars", "stream_scalars", "query")


def item(kind: str, index: Node) -> str | None:
    """Return what `holder[index]` holds: nothing where that is not known, None where it holds no rows."""
    holder, _, inner = kind.partition(":")
    if holder == "list":
        return kind if index[0] == "slice" else inner
    if holder == "dict":
        return inner
    number, slash, inner = kind.partition("/")
    if slash and index[0] == "const":
        return inner if str(index[2]) == number else None
    return ""


def method(kind: str, name: str) -> str | None:
    """Return what the answer of a method holds: nothing where that is not known, None where it holds no rows."""
    holder, _, inner = kind.partition(":")
    found = ""
    if holder == "query":
        found = "list:row" if name in RESULTS else kind if name in REFINE else "row" if name in FIRST else ""
    elif kind == "list:0/row" and name in ("scalars", "scalar", "scalar_one", "scalar_one_or_none"):
        found = "list:row" if name == "scalars" else "row"
    elif holder == "list":
        found = kind if name in REFINE else inner if name in FIRST else ""
    elif holder == "dict":
        known = {"get": inner, "pop": inner, "setdefault": inner, "copy": kind}
        found = known.get(name, {"values": f"list:{inner}", "items": f"list:1/{inner}"}.get(name, ""))
    return found or (None if name in NOTHING else "")


def call(kind: str, name: str, place: int) -> str:
    """Return what a built-in function gives for a collection that is its argument at a place; nothing for others."""
    holder, _, inner = kind.partition(":")
    if holder != "list":
        return ""
    if name in SAME:
        return kind
    if name in ONE:
        return inner
    if name in ("zip", "enumerate"):
        return f"list:{1 if name == 'enumerate' else place}/{inner}"
    if name == "from_iterable" and inner.startswith("list:"):
        return inner
    return ""


def answered(node: Node, kind: str) -> str:
    """Return what the answer of a session holds: `execute` gives tuples, unless it is asked for scalars."""
    names: list[str] = []
    inner = node
    while inner[0] in ("await", "call", "attr"):
        if inner[0] == "call" and inner[2][0] in ("name", "attr"):
            names.append(inner[2][-1])
        inner = inner[2]
    if not any(name in QUERIES for name in names):
        return kind
    return "list:0/row" if "scalars" not in names and not {"execute", "stream"}.isdisjoint(names) else "list:row"
