"""Sessions that FastAPI passes in: how long each keeps a connection of the pool, and what is waited for meanwhile.

A session takes a connection with its first statement and gives it back when it is committed, rolled back or closed;
one that a dependency yields is closed when the answer has been sent.
"""

from collections.abc import Callable, Iterator

from perfwright.effects.frame import Event, Link
from perfwright.effects.observations import Reading
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Rows
from perfwright.index.lower import Node
from perfwright.index.tree import walk
from perfwright.rules._code import blocks, leaves, path_to

LIBRARIES = ("sqlalchemy", "sqlmodel")
STATEMENTS = ("db.query", "db.write")
OPENS = (".begin", ".begin_nested", ".__enter__", ".__aenter__")
ENDS = ("close", "rollback", "commit", "aclose")
DEEP = 5  # dependencies of dependencies that are looked at


class Wait:
    """What is waited for while a session of the request has a connection: where, and what took the connection.

    `link` is the place in `chain` of the effect where both can be told apart, `by` the statement or the dependency.
    """

    __slots__ = ("by", "effect", "link")

    def __init__(self, effect: Effect, link: int, by: str) -> None:
        self.effect, self.link, self.by = effect, link, by

    @property
    def place(self) -> Link:
        return self.effect.event.chain[self.link]


def held_meanwhile(effects: Effects, is_wait: Callable[[Effect], bool]) -> Iterator[Wait]:
    """Give what a function waits for while a session that FastAPI passes to it has a connection."""
    asked = effects.injected(effects.function)
    if not asked:
        return
    names = {name for name, _ in asked if name}
    begun = before(effects, effects.reading, 0)
    statements: list[Event] = []
    for event in effects.reading.events:
        if event.effect == "db.commit" and not (event.model is not None and event.model.name.endswith(OPENS)):
            begun, statements = "", []
        elif event.effect in STATEMENTS:
            if sent(event, names) and not transaction(event):
                statements.append(event)
        elif (begun or statements) and not transaction(event):
            effect = Effect(event, effects.function)
            if is_wait(effect):
                found = together(effect, begun, statements)
                if found is not None:
                    yield found


def transaction(event: Event) -> bool:
    """Tell whether an explicit transaction is open around an event: told apart."""
    return "transaction" in event.sheltered or any(held.kind == "transaction" for held in event.held)


def together(effect: Effect, begun: str, statements: list[Event]) -> Wait | None:
    """Return the wait with the nearest statement before it that took the connection, unless it was given back."""
    event = effect.event
    best: Wait | None = None
    for statement in statements:
        if statement.path != event.path[: len(statement.path)]:
            continue
        link = shared(statement, event)
        if link is None or (best is not None and link < best.link) or is_own(statement, event, link):
            continue
        if not given_back(event, link, statement.chain[link][1]):
            best = Wait(effect, link, f"`{statement.chain[link][2]}`")
    if best is None and begun and not given_back(event, 0, 0):
        best = Wait(effect, 0, f"`{begun}`, on which it depends,")
    return best


def shared(statement: Event, event: Event) -> int | None:
    """Return the first link where two chains part, none where one of them lies in a call that the other makes."""
    for index, (left, right) in enumerate(zip(statement.chain, event.chain, strict=False)):
        if left[0] is not right[0]:
            return None  # one call that leads to different functions
        if left[1] != right[1]:
            return index
    return None


def is_own(statement: Event, event: Event | None, link: int) -> bool:
    """Tell whether a statement is sent in a block that ends before the event: its session ends there, too."""
    for index in range(link, len(statement.chain)):
        function, position, _ = statement.chain[index]
        inside = event.chain[link][1] if event is not None and index == link else None
        for node in path_to(function.body, position):
            if node[0] == "with" and (inside is None or not path_to((node,), inside)):
                return True
    return False


def given_back(event: Event, link: int, start: int) -> bool:
    """Tell whether a session is ended on the way to an event, from a position in the function of a link on."""
    for index in range(link, len(event.chain)):
        function, position, _ = event.chain[index]
        if any(start < end < position for end in ends(function.body, position)):
            return True
        start = 0
    return False


def ends(block: tuple[Node, ...], position: int) -> Iterator[int]:
    """Give where a block ends a session before a position, but for branches that never lead there."""
    for index, statement in enumerate(block):
        if statement[1] > position:
            return
        inner = [each for each in blocks(statement) if each]
        if not inner:
            yield from ended(statement)
            continue
        last = index + 1 == len(block) or block[index + 1][1] > position
        for each in inner:
            if not leaves(each) or (last and each[0][1] <= position):
                yield from ends(each, position)


def ended(statement: Node) -> Iterator[int]:
    for node in walk(statement):
        if node[0] == "call" and node[2][0] == "attr" and node[2][3] in ENDS:
            yield node[1]


# ---------------------------------------------------------------------------------------- what took the connection
def sent(event: Event, names: set[str]) -> bool:
    """Tell whether a statement is sent through what FastAPI passed in: called on it, or in a call that is given it."""
    library = event.model.library if event.model is not None else ""
    model = event.detail.model if isinstance(event.detail, Rows) else None
    if library not in LIBRARIES and not (model is not None and model.framework in LIBRARIES):
        return False
    node = event.node
    if node is None or node[0] != "call":
        return False
    called = node[2]
    if called[0] == "attr" and root(called[2]) in names:
        return True
    return any(root(argument) in names for argument in (*node[3], *(value for _, value in node[4])))


def root(node: Node) -> str:
    """Return the name that a chain of attributes and calls begins with."""
    while node[0] in ("attr", "sub", "call", "await"):
        node = node[2]
    return str(node[2]) if node[0] == "name" else ""


def before(effects: Effects, reading: Reading, depth: int) -> str:
    """Return the name of a dependency that has sent a statement before the function begins, or nothing."""
    needed = {function for _, function in effects.injected(reading.function)}
    for inner in reading.called if depth <= DEEP else ():
        if inner.function not in needed or inner.function.is_generator:
            continue
        names = {name for name, _ in effects.injected(inner.function) if name}
        open_now = bool(before(effects, inner, depth + 1))
        for event in inner.events:
            if event.effect == "db.commit":
                open_now = False
            elif event.effect in STATEMENTS and sent(event, names) and not is_own(event, None, 0):
                open_now = True
        if open_now and not any(True for _ in ends(inner.function.body, (inner.function.end_line + 1) << 12)):
            name: str = inner.function.name
            return name
    return ""
