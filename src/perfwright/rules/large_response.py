"""An answer is as large as the caller asks for, or is put together whole before the first byte of it leaves.

A page size without a most is no page size: `?limit=1000000` is the whole table. An export that is built in memory needs
all of that memory at once, for every caller, and the caller waits until the end to see that anything happens.

## Setup

```python
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)
```

```python
# file: models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Event(Base):
    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def connect() -> Session:
    return Session()
```

## Slow

```python
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Event, connect

router = APIRouter()


@router.get("/events")
def events(session: Annotated[Session, Depends(connect)], limit: int = 50) -> list[str]:
    page = select(Event).order_by(Event.id).limit(limit)
    return [event.name for event in session.scalars(page)]
```

## Fast

```python
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Event, connect

router = APIRouter()


@router.get("/events")
def events(session: Annotated[Session, Depends(connect)], limit: int = 50) -> list[str]:
    page = select(Event).order_by(Event.id).limit(min(limit, 100))
    return [event.name for event in session.scalars(page)]
```

## Input

```python
from sqlalchemy.orm import Session

from models import Base, Event


def make(n: int) -> tuple[Session, int]:
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    session = Session(engine)
    session.add_all(Event(id=i, name=f"event {i}") for i in range(1, n + 1))
    session.commit()
    return session, n
```

## When to leave it

Only programs of the same team ask, and they need all of it. Compression (GZipMiddleware, a proxy) makes an answer
smaller on its way; it takes neither less memory nor fewer queries.
"""

from collections.abc import Iterator
from dataclasses import replace

from perfwright.effects.summary import Effects
from perfwright.effects.values import Load, Rows
from perfwright.finding import Cost, Finding, Place, Proof, Step, Term
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._archives import all_of, archived
from perfwright.rules._chosen import assigned, chosen, is_request, last_word
from perfwright.rules._contract import Rule
from perfwright.rules._pagers import Pager, paged, pager

ANSWERS = ("Response", "HttpResponse", "PlainTextResponse", "HTMLResponse", "make_response", "StreamingResponse")
MADE = (*ANSWERS, "getvalue")
STREAMS = ("StreamingResponse", "StreamingHttpResponse", "send_file", "stream_with_context")
LENGTHS = ("limit", "size", "count", "top", "first", "take", "page")  # last words of names for how long a page is
READS = ("read", "read_bytes", "read_text")
BOOKS = ("Workbook", "ExcelWriter", "ZipFile", "Canvas", "Document")  # files that must be whole before they are sent


def find(effects: Effects) -> Iterator[Finding]:
    entry = is_request(effects.entry)
    if entry:
        yield from asked_for(effects)
        yield from of_viewset(effects)
    if effects.function.index < 0 or effects.function.module.called.isdisjoint(MADE):
        return
    yield from exported(effects, entry=entry)
    if entry:
        yield from files(effects)
        yield from of_archive(effects)


def settle(finding: Finding) -> Finding:
    """What no request is known to lead to may be a report that nobody waits for."""
    served = any(is_request(entry) for entry in finding.entry_points)
    return finding if served else replace(finding, confidence="possible")


# ---------------------------------------------------------------------------- page size
def asked_for(effects: Effects) -> Iterator[Finding]:
    """Give the queries that return as many rows as the caller asks for."""
    known: set[int] = set()
    for effect in effects.effects("db.query"):
        rows = effect.rows
        if rows is None or rows.takes is None or rows.model is None or is_window(rows):
            continue
        where = chosen(effects.project, effect.event.chain, *rows.takes)
        if where is None or id(where[1]) in known:
            continue
        known.add(id(where[1]))
        yield long_page(effects, where, rows.model.name, text(rows.takes[1]), effects.chain(effect))
    load = next((load for load in effects.loads if is_open(load)), None)
    if load is None:
        return
    for node in walk(effects.function.body):
        high = node[3][3] if node[0] == "sub" and node[3][0] == "slice" else None
        if high is None or high[0] != "name" or last_word(high[2]) not in LENGTHS:
            continue
        where = chosen(effects.project, ((effects.function, node[1], text(node)),), effects.function, high)
        if where is not None and id(where[1]) not in known:
            known.add(id(where[1]))
            step = effects.step(effects.function, node[1], text(node))
            yield long_page(effects, where, load.symbol, text(high), (step,))


def long_page(
    effects: Effects, where: tuple[Function, Node], symbol: str, shown: str, chain: tuple[Step, ...]
) -> Finding:
    return Finding(
        rule=RULE.name,
        place=effects.place(where[0], where[1][1]),
        symbol=symbol,
        message=f"{effects.entry} answers with as many `{symbol}` rows as the caller asks for: `{shown}`",
        cure=cure(effects, shown),
        confidence="likely",
        chain=chain,
        cost=Cost(terms=(Term("load", (symbol,)),)),
    )


def is_window(rows: Rows) -> bool:
    """Tell whether rows are a slice of a fixed length: `rows[start : start + 20]`."""
    assert rows.takes is not None
    high = rows.takes[1]
    low = rows.skips[1] if rows.skips is not None else None
    if low is None or high[0] != "bin" or high[2] not in ("+", "*"):
        return False
    parts = {text(part) for part in (high[3], high[4])}
    rest = [part for part in (high[3], high[4]) if text(part) != text(low)]
    fixed = [part for part in rest if part[0] == "const" or (part[0] in ("name", "attr") and str(part[-1]).isupper())]
    return bool(fixed) and (text(low) in parts or high[2] == "*")


def cure(effects: Effects, shown: str) -> str:
    if "fastapi" in effects.function.module.imports:
        return f"Say the most: {shown}: Annotated[int, Query(le=100)] = 50."
    return f"Say the most: min({shown}, 100)."


def of_viewset(effects: Effects) -> Iterator[Finding]:
    """Give a finding for a paginator whose page is as long as the caller asks for: one for all that have it."""
    found = paged(effects)
    pages = pager(effects, found[0]) if found is not None else None
    if found is None or pages is None or found[1].model is None:
        return
    most = missing(effects, pages)
    if not most:
        return
    model = found[1].model
    yield Finding(
        rule=RULE.name,
        place=pages.place,
        symbol=pages.name,
        message=f"`{pages.name}` gives as many rows as the caller asks for, of `{model.name}` and all that it pages",
        cure=f"Set {most} = 100 on the paginator.",
        confidence="likely",
        chain=(effects.step(effects.function, found[0].line << 12, f"pages of {model.name}"),),
        cost=Cost(terms=(Term("load", (model.name,)),)),
    )


def missing(effects: Effects, pages: Pager) -> str:
    """Return the name of the setting without which a page may be of any length; nothing where it is there."""
    most = "max_limit" if pages.is_a("LimitOffsetPagination") else "max_page_size"
    if most == "max_page_size" and not (
        pages.is_a("PageNumberPagination", "CursorPagination")
        and pages.cls is not None
        and says(effects, pages.cls, "page_size_query_param")
    ):
        return ""
    if pages.cls is not None and (says(effects, pages.cls, most) or own_limit(effects, pages.cls)):
        return ""
    return most


def says(effects: Effects, cls: Class, name: str) -> bool:
    found = effects.project.class_member(cls, name)
    node = found[1][1] if isinstance(found, tuple) and found[1][0] == "value" else None
    return node is not None and not (node[0] == "const" and node[2] is None)


def own_limit(effects: Effects, cls: Class) -> bool:
    """Tell whether a paginator of the project works out the length of a page itself."""
    return any(
        isinstance(effects.project.class_member(cls, name), tuple)
        for name in ("get_limit", "get_page_size", "_get_limit")
    )


# ------------------------------------------------------------------------------ exports
def exported(effects: Effects, *, entry: bool) -> Iterator[Finding]:
    """Give an answer that is put together from all rows of a query before it is sent."""
    function = effects.function
    if function.called.isdisjoint(MADE) or not function.called.isdisjoint(BOOKS):
        return
    load = next((load for load in effects.loads if is_open(load)), None)
    if load is None:
        return
    for node in walk(function.body):
        given = node[2] if node[0] == "return" and entry else None
        whole = given is not None and given[0] == "call" and given[2][-1] == "getvalue"
        if whole or (node[0] == "call" and node[2][0] in ("name", "attr") and is_whole(effects, function, node)):
            name = effects.entry if entry else f"`{function.qualified}`"
            message = f"{name} puts all `{load.symbol}` rows into one answer before it sends any of it"
            yield told(effects, effects.place(function, node[1]), load.symbol, message)
            return


def of_archive(effects: Effects) -> Iterator[Finding]:
    """Give an answer that is an archive of all rows of a query, made in memory."""
    made = archived(effects)
    symbol = all_of(effects) if made is not None else ""
    if made is not None and symbol:
        message = (
            f"{effects.entry} makes an archive in memory of what it loads, all `{symbol}` among it, and then sends it"
        )
        yield replace(
            told(effects, effects.place(effects.function, made[1]), symbol, message),
            cure="Write it into a temporary file row by row, in a task if it takes long, and send the file.",
        )


def is_open(load: Load) -> bool:
    return load.model is not None and not (load.limited or load.grouped or load.relation)


def is_whole(effects: Effects, function: Function, node: Node) -> bool:
    """Tell whether a call makes an answer from a buffer, or writes lines into an answer."""
    name = str(node[2][-1])
    known = assigned(function)
    if name in ANSWERS or name in STREAMS:
        return any(is_buffer(effects, function, part, known) for part in (*node[3], *(value for _, value in node[4])))
    if name in ("writer", "DictWriter") and node[3] and node[3][0][0] == "name":
        made = known.get(node[3][0][2], ())
        return any(value[0] == "call" and str(value[2][-1]) == "HttpResponse" for value in made)
    return False


def is_buffer(effects: Effects, function: Function, node: Node, known: dict[str, tuple[Node, ...]]) -> bool:
    for part in walk(node):
        if part[0] != "call":
            continue
        if part[2][0] == "attr" and part[2][3] == "getvalue":
            return True
        if part[2][0] == "attr" and part[2][3] == "join" and part[3] and names_in(part[3]) and is_text(part[2][2]):
            return True
        entity = effects.project.expression(function.module, part[2]) if part[2][0] in ("name", "attr") else None
        if isinstance(entity, Function) and "getvalue" in entity.called:
            effects.program.interpreter.consulted.add(entity)
            return True
    if node[0] == "name":
        return any(value is not node and is_buffer(effects, function, value, {}) for value in known.get(node[2], ()))
    return False


def is_text(node: Node) -> bool:
    return node[0] == "const" and node[2] in ("\n", "\r\n", b"\n", "")


# -------------------------------------------------------------------------------- files
def files(effects: Effects) -> Iterator[Finding]:
    """Give an answer whose body is a whole file, read before it is sent, where a request says which file."""
    function = effects.function
    known = assigned(function)
    parameters = {parameter[0] for parameter in function.parameters} - {"self", "cls", "request"}
    read: dict[int, Node] = {}
    for effect in effects.effects("file.read"):
        node = effect.event.node
        if node is not None and len(effect.event.chain) == 1:
            read[node[1]] = node
    for node in walk(function.body) if read else ():
        if node[0] != "call" or str(node[2][-1]) not in ANSWERS or str(node[2][-1]) in STREAMS:
            continue
        for part in (*node[3][:1], *(value for name, value in node[4] if name == "content")):
            parts = [part, *known.get(part[2], ())] if part[0] == "name" else [part]
            if any(is_whole_file(each, read, known, parameters) for each in parts):
                yield told(
                    effects,
                    effects.place(function, node[1]),
                    "file",
                    f"{effects.entry} reads a whole file into memory and only then sends it: `{text(part)}`",
                )
                return


def is_whole_file(node: Node, read: dict[int, Node], known: dict[str, tuple[Node, ...]], parameters: set[str]) -> bool:
    """Tell whether an expression reads all of a file whose path a request says."""
    if node[0] == "await":
        node = node[2]
    if node[0] != "call" or node[2][0] != "attr" or node[2][3] not in READS or node[3]:
        return False
    names = names_in(node)
    for _ in range(3):
        names = names.union(*(names_in(value) for name in names for value in known.get(name, ())))
    return node[1] in read and bool(names & parameters)


def told(effects: Effects, place: Place, symbol: str, message: str) -> Finding:
    size = symbol if symbol != "file" else "rows"
    return Finding(
        rule=RULE.name,
        place=place,
        symbol=symbol,
        message=message,
        cure=stream(effects, file=symbol == "file"),
        confidence="likely",
        cost=Cost(terms=(Term("load", (size,)),)),
    )


def stream(effects: Effects, *, file: bool) -> str:
    """Name what the user's framework sends a large answer with."""
    imports = effects.function.module.imports
    if "django" in imports or "rest_framework" in imports:
        return (
            "Give it as a file: FileResponse(open(path, 'rb'))."
            if file
            else "Send it as it comes: StreamingHttpResponse(lines()), and queryset.iterator() in it."
        )
    if "flask" in imports:
        return "Use send_file(path)." if file else "Send it as it comes: Response(stream_with_context(lines()))."
    if file:
        return "Use FileResponse(path)."
    return "Send it as it comes: StreamingResponse(lines()), where lines() is a generator over the query."


RULE = Rule(
    name="large-response",
    sees=("db.query", "file.read"),
    spends=("latency", "memory", "response"),
    proof=Proof.peak("n"),
    find=find,
    settle=settle,
)
