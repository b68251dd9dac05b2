"""What a call of a language model is given: the text that comes first, and the messages."""

from collections.abc import Iterator

from perfwright.effects.summary import Effect, Effects
from perfwright.index.lower import Node
from perfwright.index.project import Function, Module, Value
from perfwright.index.tree import text, walk
from perfwright.rules._started import assigned

FIRST = ("system", "instructions", "system_instruction")  # what providers put before all messages
MESSAGES = ("messages", "input", "contents", "prompt")
ALIKE = ("strip", "lstrip", "rstrip", "dedent", "cleandoc", "replace")  # give the text that they are given
DEEPEST = 8  # names that stand for names
PARTS = 200  # of a prompt that are looked at
Given = tuple[Node, Function | None, Module]  # an expression, and where its names are looked up


def chats(effects: Effects) -> Iterator[tuple[Effect, Node]]:
    """Give the calls of this very function that a language model answers at length, each with its node."""
    for effect in effects.effects("llm.call"):
        event, model = effect.event, effect.event.model
        if len(event.chain) > 1 or event.node is None or event.node[0] != "call" or model is None:
            continue
        if isinstance(model.limits, str) and model.limits.startswith("max_"):
            yield effect, event.node


def argument(call: Node, names: tuple[str, ...]) -> Node | None:
    """Return what a call is given by one of several names."""
    given = {name: value for name, value in call[4] if name}
    return next((given[name] for name in names if name in given), None)


def resolved(effects: Effects, given: Given, depth: int = 0) -> Given:
    """Return what a name, or the call of a function that only returns, stands for, where that is one expression."""
    node, function, module = given
    if depth > DEEPEST:
        return given
    if node[0] == "name":
        found = assigned(function.body, node[2]) if function is not None else []
        if len(found) == 1:
            return resolved(effects, (found[0], function, module), depth + 1)
        if found or (function is not None and any(parameter[0] == node[2] for parameter in function.parameters)):
            return given
    if node[0] in ("name", "attr"):
        entity = effects.project.expression(module, node)
        if isinstance(entity, Value) and entity.expression is not None and entity.expression is not node:
            return resolved(effects, (entity.expression, None, entity.module), depth + 1)
    if node[0] == "call" and node[2][0] in ("name", "attr"):
        called = effects.project.expression(module, node[2])
        if isinstance(called, Function):
            returned = [each[2] for each in walk(called.body) if each[0] == "return" and each[2] is not None]
            if len(returned) == 1:
                return resolved(effects, (returned[0], called, called.module), depth + 1)
        if node[2][0] == "attr" and node[2][3] in ALIKE:
            return resolved(effects, (node[2][2], function, module), depth + 1)
        if node[2][-1] in ALIKE and node[3]:
            return resolved(effects, (node[3][0], function, module), depth + 1)
    return given


def opening(effects: Effects, call: Node) -> Given | None:
    """Return the text that a call's prompt begins with: its system prompt, else its first message."""
    here: Given = (call, effects.function, effects.function.module)
    first = argument(call, FIRST)
    if first is None:
        first = argument(call, MESSAGES)
    if first is None:
        return None
    return begins(effects, (first, *here[1:]), 0)


def begins(effects: Effects, given: Given, depth: int) -> Given:
    """Return what comes first in a list of messages or of parts, down to its text."""
    node, function, module = resolved(effects, given)
    if depth > DEEPEST:
        return node, function, module
    inner: Node | None = None
    if node[0] == "coll" and node[3]:
        inner = node[3][0]
        inner = inner[2] if inner[0] == "star" else inner
    elif node[0] == "bin" and node[2] == "+" and resolved(effects, (node[3], function, module))[0][0] == "coll":
        inner = node[3]
    elif node[0] == "dict":
        inner = next(
            (v for k, v in zip(node[2], node[3], strict=True) if k and k[0] == "const" and k[2] in ("content", "text")),
            None,
        )
    return begins(effects, (inner, function, module), depth + 1) if inner is not None else (node, function, module)


def pieces(effects: Effects, given: Given) -> Iterator[tuple[int, Node | None, Given]]:
    """Give the parts of a text in their order: the length of a constant one, or the expression of another."""
    waiting: list[tuple[Given, int]] = [(given, 1)]  # each with how often it is repeated
    for _ in range(PARTS):
        if not waiting:
            return
        top, times = waiting.pop()
        node, function, module = here = resolved(effects, top)
        if node[0] == "const" and isinstance(node[2], str):
            yield times * length_of(node), None, here
            continue
        inner: tuple[Node, ...] = ()
        if node[0] == "fstr":
            inner = node[2]
        elif node[0] == "bin" and node[2] == "+":
            inner = node[3:5]
        elif node[0] == "bin" and node[2] == "*" and node[4][0] == "const" and isinstance(node[4][2], int):
            waiting.append(((node[3], function, module), times * node[4][2]))
            continue
        elif is_method(node, "format"):
            yield from formatted(effects, node, function, module)
            continue
        elif is_method(node, "join") and node[3] and node[3][0][0] == "coll":
            inner = node[3][0][3]
        else:
            yield 0, node, here
            continue
        waiting.extend([((part, function, module), times) for part in reversed(inner)])


def length_of(constant: Node) -> int:
    """Return how long a text is, also one of which only the beginning was kept."""
    return int(constant[3]) if len(constant) > 3 else len(constant[2])


def is_method(node: Node, name: str) -> bool:
    return bool(node[0] == "call" and node[2][0] == "attr" and node[2][3] == name)


def formatted(
    effects: Effects, node: Node, function: Function | None, module: Module
) -> Iterator[tuple[int, Node | None, Given]]:
    """Give the parts of `template.format(...)`: what stands before the first field, its values, and the rest."""
    template = resolved(effects, (node[2][2], function, module))[0]
    values = (*node[3], *(value for _, value in node[4]))
    if template[0] != "const" or not isinstance(template[2], str):
        yield 0, node, (node, function, module)
        return
    length = length_of(template)
    before = template[2].find("{")
    before = before if before >= 0 else len(template[2])
    yield before, None, (template, None, module)
    for value in sorted(values, key=lambda each: field_of(template[2], node, each)):
        yield 0, value, (value, function, module)
    yield length - before, None, (template, None, module)


def field_of(template: str, call: Node, value: Node) -> int:
    """Return where in a template a value of `.format(...)` stands."""
    name = next((name for name, each in call[4] if each is value), None)
    found = template.find(f"{{{name}") if name else template.find("{")
    return found if found >= 0 else len(template)


def written(node: Node) -> str:
    return text(node, 60)
