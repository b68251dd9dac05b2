"""Rows of sqlite3 that are all fetched into a list which a loop goes through once."""

from collections.abc import Iterator

from perfwright.effects.frame import Event
from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.tree import walk
from perfwright.rules._code import positions, statements
from perfwright.rules._uses import trails

# While a cursor is open its transaction is, too: what writes, or lets others wait, is no work for in between.
WRITES = ("db.write", "db.commit", "http.request", "llm.call", "wait", "process.spawn")
STEPS = ("commit", "rollback", "executemany", "executescript", "close", "backup")
WAITS = ("await", "yield", "yieldfrom")


def fetched_for(effects: Effects) -> Iterator[Node]:
    """Give each call of `fetchall()` on a new cursor whose rows a `for` loop reads one by one and keeps none of."""
    loads = {load.position: load for load in effects.loads if not load.limited and not load.few and not load.owned}
    for statement in statements(effects.function.body) if loads else ():
        if statement[0] != "for" or statement[6]:
            continue
        call = statement[3]
        if call[0] != "call" or call[1] not in loads or call[2][0] != "attr" or call[2][3] != "fetchall" or call[3]:
            continue
        query = call[2][2]
        if query[0] != "call" or len(query[3]) != 1 or query[4] or not is_of_sqlite(effects, query):
            continue  # with parameters, it is the rows of one thing
        if keeps_rows(statement) or writes_on(effects, statement):
            continue
        yield call


def is_of_sqlite(effects: Effects, query: Node) -> bool:
    """Tell whether a call makes a cursor of its own: `sqlite3.Connection.execute`."""
    return any(
        event.effect == "db.query" and len(event.chain) == 1 and event.symbol == "sqlite3.Connection.execute"
        for event in events_at(effects, {query[1]})
    )


def keeps_rows(loop: Node) -> bool:
    """Tell whether a loop does more with a row than read its columns, so that the rows may all be kept anyway."""
    target = loop[2]
    if target[0] != "name":
        return False
    for trail in trails(loop[4], target[2]):
        above = trail[-2] if len(trail) > 1 else trail[-1]
        if above[0] not in ("sub", "attr") or above[2] is not trail[-1]:
            return True
    return False


def writes_on(effects: Effects, loop: Node) -> bool:
    """Tell whether a pass writes, commits or waits: a cursor that is open meanwhile stands in the way of it."""
    for node in walk(loop[4]):
        if node[0] in WAITS or (node[0] == "call" and node[2][0] == "attr" and node[2][3] in STEPS):
            return True
    return any(event.effect in WRITES for event in events_at(effects, positions(loop[4])))


def events_at(effects: Effects, places: set[int]) -> Iterator[Event]:
    for event in effects.reading.events:
        if event.chain[0][1] in places:
            yield event
