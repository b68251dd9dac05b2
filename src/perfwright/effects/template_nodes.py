"""What the nodes that only templates have are worth, and what they do: dots, tags, blocks, includes."""

from collections.abc import Callable

from perfwright.effects.calls import apply
from perfwright.effects.frame import Frame
from perfwright.effects.iteration import deepen, query
from perfwright.effects.template_filters import filtered
from perfwright.effects.templates import remembered
from perfwright.effects.values import (
    UNKNOWN,
    Awaitable,
    External,
    FunctionValue,
    LambdaValue,
    ModuleValue,
    Row,
    Rows,
    Sequence,
    Value,
    constant,
)
from perfwright.index.lower import POSITIONAL, Node

OF_A_DICT = ("items", "keys", "values", "get", "pop", "update", "setdefault", "copy")
ALTERS = ("save", "delete", "asave", "adelete")  # never called by a template
WRITES = ("db.write", "db.commit", "http.request", "file.write")


# ------------------------------------------------------------------------------ expressions
def dot(frame: Frame, node: Node) -> Value:
    """`base.name`: a key, an index or an attribute; Django calls what can be called without arguments."""
    found = member(frame, frame.value(node[2]), node[3], node)
    return called(frame, found, node) if node[4] else found


def member(frame: Frame, base: Value, name: str, node: Node) -> Value:
    """Return what a template's `base.name` stands for, not called yet."""
    if isinstance(base, Sequence):
        if base.fields is not None and name in base.fields:
            return base.fields[name]
        if base.of == "dict" and name not in OF_A_DICT:
            return deepen(base.element, frame.depth)
        if name.isdigit():
            frame.use_whole(base)
            if base.items and int(name) < len(base.items):
                return base.items[int(name)]
            return base.element if base.depth == frame.depth else deepen(base.element, frame.depth)
        if node[4] and base.of != "dict":
            return Value(frame.depth)  # a list has nothing that can be called without arguments
    if isinstance(base, Rows):
        if name.isdigit():
            return first_of(frame, base, node)
        if name == "object_list":
            return base  # of a page: its rows
        if base.custom is None and frame.interp.libraries.method(base.api, name) is None:
            return Value(base.depth, base.root)
    return attribute(frame, base, name, node)


def attribute(frame: Frame, base: Value, name: str, node: Node) -> Value:
    if isinstance(base, Row) and base.seen and name not in base.model.relations and name not in base.seen:
        base = remembered(base)  # a method or a property: it finds what was followed before
    return frame.interp.attribute(frame, base, name, node)


def first_of(frame: Frame, rows: Rows, node: Node) -> Value:
    """One row by its place: a query of its own, unless the rows are in memory."""
    if not rows.stored:
        one = rows.copy(frame.depth)
        one.limited = constant(1)
        query(frame, one, node[1], frame.interp.text(node))
    return rows.element(frame.depth)


def called(frame: Frame, found: Value, node: Node) -> Value:
    """Call what a dot led to, if a template would."""
    call: Node = ("call", node[1], node, (), ())
    if isinstance(found, FunctionValue):
        if found.function.name in ALTERS or needs_more(found):
            return Value(frame.depth)
        result = apply(frame, found, (), {}, call)
        return Value(frame.depth) if isinstance(result, Awaitable) else result
    if isinstance(found, LambdaValue):
        return apply(frame, found, (), {}, call)
    if isinstance(found, External) and found.bound is not None:
        interp = frame.interp
        entry = interp.libraries.get(found.name)
        if entry is None and found.name not in interp.built_in:
            return Value(found.bound.depth, found.bound.root)
        if entry is not None and any(effect.name in WRITES for effect in entry.does):
            return Value(frame.depth)
        result = apply(frame, found, (), {}, call)
        return Value(frame.depth) if isinstance(result, Awaitable) else result
    return found


def needs_more(value: FunctionValue) -> bool:
    """Tell whether a function needs arguments that a template does not give."""
    required = [each for each in value.function.parameters if each[3] == POSITIONAL and each[2] is None]
    return len(required) > (value.bound is not None)


def block(frame: Frame, node: Node) -> Value:
    frame.interp.entries.templates.enter(frame, node[2], 0, node)
    return UNKNOWN


def super_(frame: Frame, node: Node) -> Value:
    """`{{ block.super }}`: the block as the template above gives it."""
    templates = frame.interp.entries.templates
    current = templates.part_of.get(frame.function)
    if current is not None and current.block:
        templates.enter(frame, current.block, current.level + 1, ("block", node[1], current.block))
    return UNKNOWN


def include(frame: Frame, node: Node) -> Value:
    """`{% include "name" with x=y %}`: another page, with the names that are known here."""
    templates = frame.interp.entries.templates
    _, _, names, given, only = node
    values = {name: frame.value(value) for name, value in given}
    template = templates.template(frame)
    chain = templates.chain(names, template.path, template.dialect, template) if template is not None else ()
    if chain:
        root = templates.part(chain, "", len(chain) - 1)
        for name in root.names if root is not None and not only else ():
            if name not in values and (found := frame.lookup(name)) is not None:
                values[name] = found
        templates.render(frame, chain, values, node)
    return UNKNOWN


def imported(frame: Frame, node: Node) -> Value:
    """`{% import "name" as x %}`: a template as a module, for its macros."""
    templates = frame.interp.entries.templates
    template = templates.template(frame)
    chain = templates.chain(node[2], template.path, template.dialect, template) if template is not None else ()
    return ModuleValue(chain[0].module) if chain else UNKNOWN


def tagged(frame: Frame, node: Node) -> Value:
    """A tag of the project's own: its function is called, its template rendered."""
    arguments = tuple([frame.value(argument) for argument in node[3]])
    keywords = {name or "**": frame.value(value) for name, value in node[4]}
    templates = frame.interp.entries.templates
    template = templates.template(frame)
    found = templates.tags.tag(node[2][2], template) if template is not None else None
    if found is None:
        for value in (*arguments, *keywords.values()):
            frame.use_whole(value)
        return Value(frame.depth)
    if found.takes_context:
        arguments = (context_of(frame), *arguments)
    result = apply(frame, FunctionValue(found.function), arguments, keywords, node)
    if found.template and template is not None:
        chain = templates.chain((found.template,), found.function.path, template.dialect)
        if chain and isinstance(result, Sequence) and result.fields is not None:
            templates.render(frame, chain, result.fields, node)
        return Value(frame.depth)
    return result


def context_of(frame: Frame) -> Sequence:
    """Return the context that a tag is given: the names that are known here."""
    found = Sequence("dict", UNKNOWN, constant(len(frame.env)), frame.depth)
    for name, value in frame.env.items():
        found.put(name, value)
    return found


# ------------------------------------------------------------------------------- statements
def scope(frame: Frame, node: Node) -> bool:
    """Names that are bound in a block alone: what they stood for before, they stand for after it."""
    saved = {name: frame.env.get(name) for name in node[2]}
    frame.run(node[3])
    for name, before in saved.items():
        if before is None:
            frame.env.pop(name, None)
        else:
            frame.env[name] = before
    return False


def cached(frame: Frame, node: Node) -> bool:
    """`{% cache %}`: what is inside happens once in a while."""
    frame.guards += 1
    frame.run(node[2])
    frame.guards -= 1
    return False


def once(frame: Frame, node: Node) -> bool:
    """What happens on one pass of the loop around alone: `{% if forloop.first %}`."""
    saved = frame.once
    frame.once = min(frame.once, max(len(frame.loops) - 1, frame.floor))
    frame.run(node[2])
    frame.once = saved
    return False


def settle(frame: Frame, _node: Node) -> bool:
    """The end of a part: rows that other parts of the page use too are not only counted or tested.

    What a template calls by itself does not count: the functions of its environment are seldom in sight.
    """
    frame.calls_seen = frame.calls_unknown = 0
    for name in frame.interp.entries.templates.shared:
        value = frame.env.get(name)
        if value is not None:
            frame.use_whole(value)
    return False


EXPRESSIONS: dict[str, Callable[[Frame, Node], Value]] = {
    "dot": dot,
    "filter": filtered,
    "block": block,
    "super": super_,
    "include": include,
    "template": imported,
    "tag": tagged,
}
STATEMENTS: dict[str, Callable[[Frame, Node], bool]] = {
    "scope": scope,
    "cached": cached,
    "once": once,
    "settle": settle,
}
