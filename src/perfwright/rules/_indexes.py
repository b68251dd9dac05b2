"""Tables with very many rows, and indexes outside of a model's columns: in migrations, and below the class."""

import re
from collections.abc import Iterator
from functools import lru_cache

from perfwright.index.lower import Node
from perfwright.index.project import Module, Project
from perfwright.index.tree import walk

# Tables that get a row each time something happens: even those of one owner are many.
LOGS = re.compile(
    r"(Activit(y|ies)|Events?|Logs?|Entry|Entries|Messages?|Notifications?|Audit|History|Transactions?|Readings?|Metrics?"
    r"|Visits?|Views?|Clicks?|Measurements?|Samples?|Records?)$"
)
# Keys to what has very many rows of one table: a customer of the whole application.
TENANT = re.compile(
    r"(^|_)(org|organi[sz]ation|tenant|workspace|company|team|project|application|app|site|store|shop|account|location"
    r"|warehouse|household|clinic|school|branch|merchant|agency)(_id)?$"
)
# Keys to what makes events without end.
SOURCE = re.compile(
    r"(^|_)(user|owner|recipient|author|actor|employee|member|subscriber|customer|client|patient|device|sensor|monitor"
    r"|channel|room|source|stream|machine|host|node|asset|vehicle|product|item|page|link|url|endpoint|campaign)(_id)?$"
)
MAKES = ("AddIndex", "create_index", "Index", "RunSQL", "execute", "AddIndexConcurrently")


def mentions(node: Node | None, name: str) -> bool:
    """Tell whether an index names a column: as text, as `data__key`, in SQL, or as an attribute."""
    pattern = re.compile(rf"\b{re.escape(name)}(__|\b)")
    for inner in walk(node):
        if inner[0] == "const" and isinstance(inner[2], str) and pattern.search(inner[2]):
            return True
        if inner[0] in ("name", "attr") and inner[-1] == name:
            return True
    return False


@lru_cache(maxsize=1)
def makers(project: Project) -> tuple[Node, ...]:
    """Return the calls that make indexes outside a model's class: in migrations, and below the class."""
    found: list[Node] = []
    for module in project.modules.values():
        if module.called.isdisjoint(MAKES):
            continue
        for node in calls(module):
            name = node[2][-1]
            if name in ("AddIndex", "AddIndexConcurrently", "create_index", "Index") or is_create(node):
                found.append(node)
    return tuple(found)


def calls(module: Module) -> Iterator[Node]:
    migration = "migrations" in module.path or "versions" in module.path
    bodies = [module.body, *(f.body for f in module.functions if migration)]
    if migration:
        values = [binding for cls in module.classes for binding in cls.names.values() if binding[0] == "value"]
        bodies += [binding[1] for binding in values if binding[1] is not None]
    for body in bodies:
        for node in walk(body):
            if node[0] == "call" and node[2][-1] in MAKES:
                yield node


def is_create(node: Node) -> bool:
    """Tell whether a call runs SQL that makes an index."""
    return any(
        part[0] == "const" and isinstance(part[2], str) and re.search(r"create\s+(unique\s+)?index", part[2], re.I)
        for part in walk(node)
    )
