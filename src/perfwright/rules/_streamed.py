"""Bodies of responses that a generator sends item by item."""

import re
from collections.abc import Iterator

from perfwright.effects.frame import Event
from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import called_names, names_in, text, walk

STREAMS = ("starlette.responses.StreamingResponse",)
PIECES = re.compile(
    r"chunk|block|batch|page|part|buffer|token|delta|segment|frame|event_stream|sse|bytes", re.IGNORECASE
)
WAITS = ("sleep", "wait", "get", "recv", "read", "poll", "stream", "iter_content", "iter_bytes", "iter_lines", "flush")


def streamed(effects: Effects) -> Iterator[tuple[Event, Function, Node, Node]]:
    """Give the responses whose generator yields a text for each item: the generator, its loop and what it yields."""
    for effect in effects.effects("wait"):
        event = effect.event
        call = event.node
        if event.model is None or event.model.name not in STREAMS or len(event.chain) > 1:
            continue
        if call is None or call[0] != "call" or not call[3] or "event-stream" in text(call, 400):
            continue
        for generator in dict.fromkeys(generators(effects, call[3][0])):
            found = by_item(generator)
            if found is not None:
                yield event, generator, found[0], found[1]
                break


def generators(effects: Effects, content: Node) -> Iterator[Function]:
    """Give the generators of the project that a call may be of, by its name or a variable's; no asynchronous ones."""
    if content[0] != "call":
        return
    made: list[Node] = [content[2]]
    if content[2][0] == "name":
        made += [
            node[3]
            for node in walk(effects.function.body)
            if node[0] == "assign" and content[2][2] in names_in(node[2]) and node[1] < content[1]
        ]
    for node in walk(tuple(made)):
        if node[0] in ("name", "attr"):
            found = effects.project.expression(effects.function.module, node)
            if isinstance(found, Function) and found.is_generator and not found.is_async:
                effects.program.interpreter.consulted.add(found)
                yield found


def by_item(generator: Function) -> tuple[Node, Node] | None:
    """Return the loop of a generator that yields a text made of each item, and what it yields."""
    for loop in generator.body:
        if loop[0] != "for" or is_many(loop[2], loop[3]) or not called_names(loop[3]).isdisjoint(WAITS):
            continue
        items = names_in(loop[2])
        made = set(items)
        for statement in loop[4]:
            if statement[0] == "assign" and names_in(statement[3]) & made:
                made |= names_in(statement[2])
            given = statement[2] if statement[0] == "expr" else None
            if given is not None and given[0] == "yield" and given[2] is not None and is_text(given[2], made):
                return loop, given
    return None


def is_many(target: Node, over: Node) -> bool:
    """Tell whether a loop takes many at once, going by the names: `for rows in pages(query)`."""
    name = text(target)
    return bool(PIECES.search(f"{name} {text(over)}")) or (name.endswith("s") and not name.endswith("ss"))


def is_text(node: Node, made: set[str]) -> bool:
    """Tell whether an expression writes an item as text: a line of a file, a document of its own."""
    if names_in(node).isdisjoint(made):
        return False
    return node[0] in ("fstr", "bin") or bool(called_names(node))
