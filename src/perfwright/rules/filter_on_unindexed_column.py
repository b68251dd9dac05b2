"""A query looks rows up by a column that has no index: the database reads the whole table to find them.

Foreign keys count too: Django indexes them, SQLAlchemy and most databases do not. The same is told of a page of rows
that is sorted by a column which no index has together with what the rows are looked up by, of a search for text inside
of text (`icontains`, `LIKE '%…%'`), and of a condition on what is made of a column (`created_at__date`, `lower(name)`):
an ordered index serves neither.

Conditions are followed into lists, dictionaries, names and helpers, and those that callers may leave out are looked at
one by one. Beside a key that very many rows share (an organisation's orders, the events of a device), a range or a
second condition needs an index with both. Pages that are sorted by what is computed for each row, by a column of
another table, or against the directions of an index are sorted as a whole, each time.

## Setup

```python
# file: models.py
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass
```

## Slow

```python
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models import Base


class Holder(Base):
    __tablename__ = "holder"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(40))


def holder(session: Session, token: str) -> int | None:
    found = session.scalar(select(Holder).where(Holder.token == token))
    return found.id if found else None
```

## Fast

```python
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models import Base


class Holder(Base):
    __tablename__ = "holder"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(40), index=True)


def holder(session: Session, token: str) -> int | None:
    found = session.scalar(select(Holder).where(Holder.token == token))
    return found.id if found else None
```

## Input

```python
from functools import cache

from sqlalchemy import create_engine, insert

from models import Base


@cache
def make(n: int) -> tuple[Session, str]:
    session = Session(create_engine("sqlite://"))
    Base.metadata.create_all(session.connection())
    rows = [{"id": i + 1, "token": f"t{i}"} for i in range(n)]
    session.execute(insert(Holder), rows) if rows else None
    return session, f"t{n - 1}"
```

## When to leave it

The table is small and stays so (name its size in the settings), or it is written far more often than read.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from perfwright.effects.observations import Lookup
from perfwright.effects.schema import SQL, SQLALCHEMY, Column, Model
from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Place, Proof, Step, Term
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Function, Project
from perfwright.index.tree import walk
from perfwright.rules import _orders
from perfwright.rules._chosen import is_request
from perfwright.rules._contract import Rule
from perfwright.rules._indexes import LOGS, is_create, makers, mentions
from perfwright.rules._orders import SELECTIVE, Filter, firsts, has_many
from perfwright.rules._spans import overlapping

VERBS = {"order": "sort by", "page": "sort by", "range": "filter by a range of"}
ALONE = ("eq", "range", "joined", "behind")
# Of most rows the same is true; the few others are what somebody waits for.
WAITS = re.compile(r"(^|_)(un)?(read|seen|opened|processed|sent|delivered|handled|acknowledged|resolved|done)$")
LISTED = 3  # columns named in one message
BY_CONTENT = ("GinIndex", "GistIndex", "SpGistIndex", "BloomIndex", "OpClass", "SearchVector")


def find(effects: Effects) -> Iterator[Finding]:
    wanted: dict[tuple[str, str], tuple[Model, Column, str, list[Lookup]]] = {}
    sorts: dict[tuple[str, int, str], Finding] = {}
    alone: dict[tuple[str, int, str], list[Lookup]] = {}
    for lookup in effects.lookups:
        if lookup.condition:
            if lookup.condition == "cut" or not served(effects.project, lookup):
                where = (lookup.function.path, lookup.function.line, lookup.condition)
                alone.setdefault(where, []).append(lookup)
            continue
        for finding in badly_sorted(effects, lookup):
            sorts.setdefault((finding.place.path, finding.place.line, finding.symbol), finding)
        for model, column, how in unindexed(lookup):
            key = (column.module.name, f"{column.line}:{column.name}")
            wanted.setdefault(key, (model, column, how, []))[3].append(lookup)
    for model, column, how, lookups in wanted.values():
        yield told(model, column, how, lookups)
    yield from sorts.values()
    for lookups in alone.values():
        yield unserved(effects, sorted(lookups, key=lambda lookup: lookup.position))


def settle(finding: Finding) -> Finding:
    """A condition (told where it is made, not at its column) that no request leads to is only possible.

    So is an order of all rows; one that a request asks for is likely, as it is sorted anew for everybody who asks.
    """
    at_its_column = finding.symbol.startswith(f"{finding.place.function}.")
    if at_its_column and finding.confidence == "possible" and any(is_request(entry) for entry in finding.entry_points):
        return replace(finding, confidence="likely")
    if not at_its_column and finding.confidence == "likely" and not finding.entry_points:
        return replace(finding, confidence="possible")
    return finding


# ------------------------------------------------------------------------------ a column
def told(model: Model, column: Column, how: str, lookups: list[Lookup]) -> Finding:
    first = min(lookups, key=lambda lookup: (lookup.function.path, lookup.position))
    sites = {(lookup.function.path, lookup.position >> 12) for lookup in lookups}
    verb = VERBS.get(how, "look rows up by")
    if first.relation or len(sites) == 1:
        by, verb = f"following `{first.relation}`" if first.relation else "a query", verb.replace(" ", "s ", 1)
    else:
        by = f"{len(sites)} queries"
    chain = [
        Step(
            path=site.function.path,
            line=line_of(site.position),
            function=site.function.qualified,
            what=f"db.query: {site.what}",
        )
        for site in sorted({(s.function.path, s.position): s for s in lookups}.values(), key=lambda s: s.position)[:5]
    ]
    lacks = "which has no index"
    columns = [column.name]
    if how in ("page", "behind"):
        parents = parents_of(first, column)
        columns = [*parents, column.name]
        of = "for a page of the rows" if how == "page" else "among the rows"
        lacks = f"{of} with one {' and '.join(parents)}, which no index has together"
        if not parents:
            several = " and ".join(dict.fromkeys(name for _, name, operator in first.filters if operator == "in"))
            lacks = f"{of} of several {several}, which no index has together"
    return Finding(
        rule=RULE.name,
        place=Place(path=column.module.path, line=column.line, function=model.name),
        symbol=f"{model.name}.{column.name}",
        message=f"{by} {verb} `{model.name}.{column.name}`, {lacks}",
        cure=cure(model, columns),
        confidence=confidence(how, first),
        chain=tuple(chain),
        cost=Cost(terms=(Term("db.seqscan", (model.name,)),)),
    )


def parents_of(lookup: Lookup, column: Column) -> list[str]:
    """Return the columns that a query asks one value of, as an index should begin with them."""
    names = dict.fromkeys(name for _, name, operator in lookup.filters if operator == "eq" and name != column.name)
    return [name for name in names if (known := lookup.model.column(name)) is not None and not known.is_flag]


def cure(model: Model, columns: list[str]) -> str:
    name = f"{model.name}.{columns[-1]}"
    if model.framework == SQL:
        return f"CREATE INDEX {model.name}_{'_'.join(columns)} ON {model.name} ({', '.join(columns)})."
    if len(columns) > 1:
        shown = ", ".join(f'"{column}"' for column in columns)
        if model.framework == SQLALCHEMY:
            return f'Add Index("ix_{model.name.lower()}_{"_".join(columns)}", {shown}) to __table_args__.'
        return f"Add models.Index(fields=[{shown}]) to the Meta of {model.name}, with a migration."
    if model.framework == SQLALCHEMY:
        return f"Add index=True to {name}, with a migration."
    return f"Add db_index=True to {name} or an Index to its Meta, with a migration."


def confidence(how: str, lookup: Lookup) -> Confidence:
    if lookup.relation or how == "eq":
        return "certain"
    return (
        "likely"
        if how in ("range", "page", "joined", "sometimes", "behind") or (how == "order" and lookup.limited)
        else "possible"
    )


def unindexed(lookup: Lookup) -> Iterator[tuple[Model, Column, str]]:
    """Give the columns that a query looks up by, where none of its conditions can use an index."""
    yield from searched(lookup, lookup.filters)
    yield from children(lookup)
    told = set()
    for group in lookup.sometimes:
        always = tuple([part for part in lookup.filters if part[2] != "either"])
        for model, column, how in searched(lookup, (*always, *group)):
            if how in ALONE and any(part[1] == column.name for part in group) and column.name not in told:
                told.add(column.name)
                yield model, column, "behind" if how == "behind" else "sometimes"


def children(lookup: Lookup) -> Iterator[tuple[Model, Column, str]]:
    """Give the foreign key that a join finds the rows of a few parents by, where it has no index."""
    for one, other in lookup.joins:
        for (child, name), (parent, key) in ((one, other), (other, one)):
            column, pointed = child.column(name), parent.column(key)
            if column is None or column.indexed or pointed is None or not pointed.unique:
                continue
            asked = [(of, of.column(at), operator) for of, at, operator in lookup.filters if of is not None and at]
            chosen = any(of is parent and operator in SELECTIVE for of, _, operator in asked)
            if chosen and not any(of is child and known and known.indexed for of, known, _ in asked):
                yield child, column, "joined"


def searched(lookup: Lookup, filters: tuple[Filter, ...]) -> Iterator[tuple[Model, Column, str]]:
    """Give the column that an index should have, for a query with some conditions."""
    columns, found = [], False
    for model, name, operator in filters:
        if operator == "join":
            joined = model.column(name) if lookup.inner and model is lookup.model and model is not None else None
            found = found or (joined is not None and joined.indexed)  # the query around gives it a value
            continue
        column = model.column(name) if model is not None and name else None
        if model is None or column is None:
            found = found or model is None or name in ("pk", "id") or name in model.relations or not name
            continue
        found = found or (column.indexed and operator != "not")
        columns.append((model, column, operator))
    if found:
        yield from unsorted(lookup, filters)
        yield from behind(lookup, filters)
        return
    for model, column, operator in columns:
        if operator in SELECTIVE and not column.is_flag:
            yield model, column, "eq" if model is lookup.model and operator not in ("or", "child") else "joined"
            return
    for model, column, operator in columns:
        if operator == "range":
            yield model, column, "range"
            return
    for model, name, operator in filters if lookup.inner and not columns else ():
        joined = model.column(name) if model is lookup.model and operator == "join" else None
        if model is not None and joined is not None and not joined.indexed:
            yield model, joined, "joined"
            return
    if filters or next(_orders.by_default(lookup), None) is not None:
        return
    for name, *_ in firsts(lookup):
        column = lookup.model.column(name)
        if column is not None and not column.indexed:
            yield lookup.model, column, "order"


def unsorted(lookup: Lookup, own: tuple[Filter, ...]) -> Iterator[tuple[Model, Column, str]]:
    """Give the column that a page is sorted by, where the rows of one parent are all read and sorted for it."""
    if not lookup.page or not lookup.orders:
        return
    equal: set[str] = set()
    several = False
    for model, name, operator in own:
        column = model.column(name) if name and model is lookup.model else None
        if column is None or operator not in ("eq", "flag", "range", "in") or column.unique:
            return
        several = several or operator == "in"
        if operator == "eq":
            equal.add(column.name)
    if any(columns <= equal for columns in lookup.model.uniques) or not (equal or several):
        return
    for wanted in firsts(lookup):
        column = lookup.model.column(wanted[0])
        if column is not None and column.name not in equal and not lookup.model.serves(frozenset(equal), wanted):
            yield lookup.model, column, "page"


def behind(lookup: Lookup, filters: tuple[Filter, ...]) -> Iterator[tuple[Model, Column, str]]:
    """Give the column that a query looks up by beside a parent with very many rows, where no index has both."""
    parents, equal, more, unread = 0, set(), [], False
    for model, name, operator in filters:
        column = model.column(name) if model is lookup.model and model is not None and name else None
        if column is None and model is lookup.model and not name:
            unread = True  # it narrows what is found, and may be told by no index
            continue
        if column is None or (column.unique and operator in SELECTIVE):
            return
        if operator not in ("eq", "in"):
            more.append((column, operator))
        elif not column.indexed:
            equal.add(column.name)
            more.append((column, operator))
        elif has_many(lookup.model, column):
            parents += 1
            equal.add(column.name)
        else:
            return
    if not parents or any(columns <= equal for columns in lookup.model.uniques):
        return
    if any(equal.issuperset(columns[:2]) for columns in lookup.model.indexes if len(columns) > 1):
        return  # it finds them by two already
    for wanted in ("range", "eq", "in", "flag"):
        if wanted != "range" and (unread or not LOGS.search(lookup.model.name)):
            return
        for column, operator in more:
            if operator == wanted and (not column.is_flag or (wanted == "flag" and WAITS.search(column.name))):
                before = frozenset(equal - {column.name})
                if not lookup.model.serves(before, (column.name,)):
                    yield lookup.model, column, "behind"
                return


# ---------------------------------------------------------------------------------- an order
def badly_sorted(effects: Effects, lookup: Lookup) -> Iterator[Finding]:
    """Give what is wrong with the order or the span of a query, where no index of one column would mend it."""
    for wrong in overlapping(lookup):
        yield sorting(effects, lookup, wrong)
    if not lookup.orders or not lookup.limited:
        return
    own = (lookup.function, lookup.position) if lookup.default else None  # where nothing else is asked for
    for wrong in _orders.backwards(lookup):
        yield replace(sorting(effects, lookup, wrong), confidence="certain")
    for wrong in _orders.found_by_another(lookup):
        yield replace(sorting(effects, lookup, wrong, own), confidence="likely" if own else "certain")
    for way in (_orders.turned, _orders.by_default):
        for wrong in way(lookup):
            yield sorting(effects, lookup, wrong)
    for way in (_orders.of_several, _orders.of_parents):
        for wrong in way(lookup):
            yield sorting(effects, lookup, wrong, own)


def sorting(effects: Effects, lookup: Lookup, wrong: _orders.Wrong, at: tuple[Function, int] | None = None) -> Finding:
    """Return what to say of an order, where it is said, or of what is wrong at another place."""
    symbol, message, cure = wrong
    ordering = lookup.model.ordering
    if at is not None:
        place = effects.place(*at)
    elif lookup.default and ordering is not None:
        cls = lookup.model.cls
        place = Place(path=cls.module.path, line=line_of(ordering[1]), function=lookup.model.name)
    else:
        place = effects.place(*(lookup.sorted or (lookup.function, lookup.position)))
    return Finding(
        rule=RULE.name,
        place=place,
        symbol=f"{lookup.model.name} by {symbol}",
        message=message,
        cure=cure,
        confidence="likely",
        chain=(effects.step(lookup.function, lookup.position, lookup.what),),
        cost=Cost(terms=(Term("db.seqscan", (lookup.model.name,)),)),
    )


# ------------------------------------------------------------------------------ a condition
def served(project: Project, lookup: Lookup) -> bool:
    """Tell whether an index of a kind of its own serves a condition: by content, or over an expression."""
    name = lookup.filters[0][1]
    cls = lookup.model.cls
    meta, nodes = cls.names.get("Meta"), []
    if meta is not None and meta[0] == "class":
        nodes += [cls.module.classes[meta[1]].names.get("indexes")]
    nodes += [cls.names.get("__table_args__")]
    calls = [
        call
        for binding in nodes
        if binding is not None and binding[0] == "value"
        for call in walk(binding[1])
        if call[0] == "call"
    ]
    return any(is_special(call, name) for call in calls) or any(is_special(call, name) for call in makers(project))


def is_special(call: Node, name: str) -> bool:
    """Tell whether a call makes an index over what a column holds, or over an expression of it."""
    if not mentions(call, name):
        return False
    given = {key for key, _ in call[4]}
    if call[2][-1] in BY_CONTENT or "opclasses" in given or "postgresql_using" in given or "postgresql_ops" in given:
        return True
    return any(part[0] == "call" and mentions(part, name) for part in walk((call[3], call[4]))) or is_create(call)


def unserved(effects: Effects, lookups: list[Lookup]) -> Finding:
    """Return what to say of the conditions of one kind that a function makes."""
    first, last = lookups[0], lookups[-1]
    names = list(dict.fromkeys(f"{each.model.name}.{each.filters[0][1]}" for each in lookups))
    shown = ", ".join(f"`{name}`" for name in names[:LISTED])
    if first.condition == "text":
        message = f"`{first.what}`: a search for text inside of {shown} reads every row, an ordered index is of no use"
        cure = content(first.model)
    elif first.condition == "cut":
        message = f"`{first.what}`: each view of the list cuts {shown} of all rows into years, months or days"
        cure = "Leave it out where the table is large, and filter by a range instead: an index serves that."
    else:
        message = f"`{first.what}`: what is made of {shown} is compared, so an index on it is of no use"
        cure = f"Compare {names[0]} itself: with the begin and the end of the day, or with a column kept for it."
    return Finding(
        rule=RULE.name,
        place=replace(effects.place(first.function, first.position), end_line=line_of(last.position)),
        symbol=names[0],
        message=message,
        cure=cure,
        confidence="likely",
        chain=(effects.step(first.function, first.position, first.what),),
        cost=Cost(terms=(Term("db.seqscan", (first.model.name,)),)),
    )


def content(model: Model) -> str:
    """Return what makes text searchable."""
    if model.framework == SQLALCHEMY:
        return (
            'Give it a trigram index (postgresql_using="gin", gin_trgm_ops) or full-text search, or match beginnings.'
        )
    return "Give it a GinIndex with gin_trgm_ops, or full-text search (SearchVectorField), or match beginnings only."


RULE = Rule(
    name="filter-on-unindexed-column",
    sees=("look-up",),
    spends=("latency",),
    proof=Proof.growth("n"),
    find=find,
    settle=settle,
)
