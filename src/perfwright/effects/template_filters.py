"""The filters of templates: what `value|name` is worth, and what it costs."""

from collections.abc import Callable

from perfwright.effects.calls import apply, copied
from perfwright.effects.expressions import tested
from perfwright.effects.frame import Frame
from perfwright.effects.iteration import deepen, iterate, query, run_query
from perfwright.effects.values import (
    UNKNOWN,
    Constant,
    External,
    FunctionValue,
    Row,
    Rows,
    Scalar,
    Sequence,
    Value,
    constant,
    join,
)
from perfwright.index.lower import Node
from perfwright.index.template_tokens import DJANGO

Arguments = tuple[Value, ...]
Keywords = dict[str, Value]


def filtered(frame: Frame, node: Node) -> Value:
    """`value|name:argument`: of the language itself, of the project, or not known."""
    name: str = node[2][2]
    value, *rest = [frame.value(argument) for argument in node[3]]
    keywords = {key or "**": frame.value(each) for key, each in node[4]}
    handler = FILTERS.get(name)
    if handler is not None:
        return handler(frame, value, tuple(rest), keywords, node)
    template = frame.interp.entries.templates.template(frame)
    found = frame.interp.entries.templates.tags.filter(name, template) if template is not None else None
    if found is not None:
        return apply(frame, FunctionValue(found.function), (value, *rest), keywords, node)
    if isinstance(value, Row):
        frame.interp.written(frame, value, node)  # most turn what they are given into text
    for each in (value, *rest, *keywords.values()):
        frame.use_whole(each)
    return Value(frame.depth)


def is_django(frame: Frame) -> bool:
    template = frame.interp.entries.templates.template(frame)
    return template is not None and template.dialect == DJANGO


def length(frame: Frame, value: Value, _rest: Arguments, _keywords: Keywords, node: Node) -> Value:
    if isinstance(value, Rows | Sequence):
        return apply(frame, External("builtins.len"), (value,), {}, node)
    return Scalar("int", frame.depth)


def first(frame: Frame, value: Value, _rest: Arguments, _keywords: Keywords, node: Node) -> Value:
    """Django's takes one row from the database; Jinja's goes through all of them for it."""
    if isinstance(value, Rows):
        if not value.stored and is_django(frame):
            one = value.copy(frame.depth)
            one.limited = constant(1)
            query(frame, one, node[1], frame.interp.text(node))
        elif not value.stored:
            run_query(frame, value, node[1], frame.interp.text(node)).whole = True
        return value.element(frame.depth)
    if isinstance(value, Sequence):
        frame.use_whole(value)
        return value.items[0] if value.items else deepen(value.element, frame.depth)
    return Value(frame.depth, value.root)


def tested_or(frame: Frame, value: Value, rest: Arguments, _keywords: Keywords, node: Node) -> Value:
    """`value|default:other`: the value's truth is asked."""
    tested(frame, value, node)
    return join(value, rest[0]) if rest else value


def either(frame: Frame, value: Value, _rest: Arguments, _keywords: Keywords, node: Node) -> Value:
    tested(frame, value, node)
    return Scalar("str", frame.depth)


def each_item(frame: Frame, value: Value, path: Value | None, node: Node) -> tuple[Value, Value, Sequence | None]:
    """Read something of every item: the item, what was read, and the items in memory where they are known."""
    if not isinstance(value, Rows | Sequence):
        return Value(frame.depth), Value(frame.depth), None
    element, loop = iterate(frame, value, node[3][0], kind="filter")
    frame.use_whole(value)
    frame.loops.append(loop)
    found = element
    if isinstance(path, Constant) and isinstance(path.value, str):
        read = node[3][0]
        for name in path.value.split("."):
            read = ("attr", node[1], read, name)
            found = frame.interp.attribute(frame, found, name, read) if not name.isdigit() else Value(frame.depth)
            if isinstance(found, FunctionValue | External):
                found = Value(frame.depth)
    frame.loops.pop()
    items = Sequence("list", deepen(element, frame.depth), loop.size, frame.depth, known=loop.sure)
    frame.interp.derive(items, value)
    return element, found, items


def by_path(rest: Arguments, keywords: Keywords, *names: str) -> Value | None:
    """Return the argument that names what is read of each item."""
    for name in names:
        if name in keywords:
            return keywords[name]
    return rest[0] if rest else None


def sorted_by(frame: Frame, value: Value, rest: Arguments, keywords: Keywords, node: Node) -> Value:
    path = by_path(rest, {}, "") if is_django(frame) else keywords.get("attribute")
    _, _, items = each_item(frame, value, path, node)
    return items if items is not None else Value(frame.depth)


def joined(frame: Frame, value: Value, rest: Arguments, keywords: Keywords, node: Node) -> Value:
    """`rows|join:", "`: each item becomes text."""
    path = keywords.get("attribute") or (rest[1] if len(rest) > 1 else None)
    element, _, items = each_item(frame, value, path, node)
    if items is not None and isinstance(element, Row) and path is None:
        _, loop = iterate(frame, items, node[3][0], kind="filter")
        frame.loops.append(loop)
        frame.interp.written(frame, element, node)
        frame.loops.pop()
    return Scalar("str", frame.depth)


def mapped(frame: Frame, value: Value, _rest: Arguments, keywords: Keywords, node: Node) -> Value:
    """Jinja's `rows|map(attribute="name")`."""
    _, found, items = each_item(frame, value, keywords.get("attribute"), node)
    if items is None:
        return Value(frame.depth)
    items.element = deepen(found, frame.depth) if "attribute" in keywords else UNKNOWN
    return items


def picked(frame: Frame, value: Value, rest: Arguments, keywords: Keywords, node: Node) -> Value:
    """Jinja's `rows|selectattr("active")`: some of the rows, all of which were loaded."""
    _, _, items = each_item(frame, value, by_path(rest, keywords), node)
    return items if items is not None else Value(frame.depth)


def kept(frame: Frame, value: Value, _rest: Arguments, _keywords: Keywords, node: Node) -> Value:
    """The same items, in memory: `rows|list`, `rows|reverse`, `rows|unique`."""
    if isinstance(value, Rows | Sequence):
        return copied(frame, "list", value, node)
    return Value(frame.depth, value.root)


def summed(frame: Frame, value: Value, rest: Arguments, keywords: Keywords, node: Node) -> Value:
    each_item(frame, value, by_path(rest, keywords, "attribute"), node)
    return Scalar("", frame.depth)


def chosen(frame: Frame, value: Value, _rest: Arguments, keywords: Keywords, node: Node) -> Value:
    """One of the items: `rows|random`, `rows|max(attribute="total")`."""
    _, _, items = each_item(frame, value, keywords.get("attribute"), node)
    return items.element if items is not None else Value(frame.depth)


def in_groups(frame: Frame, value: Value, rest: Arguments, keywords: Keywords, node: Node) -> Value:
    """Jinja's `rows|groupby("key")`: pairs of a key and some of the rows."""
    _, found, items = each_item(frame, value, by_path(rest, keywords, "attribute"), node)
    if items is None:
        return Value(frame.depth)
    return groups_of(frame, items, deepen(found, frame.depth))


def in_batches(frame: Frame, value: Value, _rest: Arguments, _keywords: Keywords, node: Node) -> Value:
    """Jinja's `rows|batch(3)`: lists of some of the rows."""
    _, _, items = each_item(frame, value, None, node)
    if items is None:
        return Value(frame.depth)
    return Sequence("list", items, items.size, frame.depth, known=items.known)


def groups_of(frame: Frame, items: Sequence, key: Value) -> Sequence:
    pair = Sequence("tuple", UNKNOWN, constant(2), frame.depth)
    pair.items = (key, items)
    pair.fields = {"grouper": key, "list": items}
    return Sequence("list", pair, items.size, frame.depth, known=items.known)


def sliced(frame: Frame, value: Value, rest: Arguments, _keywords: Keywords, node: Node) -> Value:
    """Django's `rows|slice:":5"`: a limit, where the rows are not in memory yet."""
    high = ""
    if rest and isinstance(rest[0], Constant):
        bounds = str(rest[0].value).split(":")
        high = bounds[1] if len(bounds) > 1 else bounds[0]
    number = int(high) if high.isdigit() and len(high) < 10 else 0
    if isinstance(value, Rows):
        new = value.copy(frame.depth)
        new.stored = value.stored
        new.limited = constant(number) if number else frame.interp.page if high else value.limited
        return new
    if isinstance(value, Sequence) and is_django(frame):
        if value.load is not None:
            value.load.reduced.append(("slice", node[1], frame.interp.text(node)))
        size = constant(number) if number else value.size
        return Sequence(value.of, value.element, size, frame.depth, value.root, known=value.known)
    return Value(frame.depth)


def as_text(frame: Frame, value: Value, _rest: Arguments, _keywords: Keywords, node: Node) -> Value:
    if isinstance(value, Row):
        frame.interp.written(frame, value, node)
    frame.use_whole(value)
    return Scalar("str", frame.depth)


def same(_frame: Frame, value: Value, _rest: Arguments, _keywords: Keywords, _node: Node) -> Value:
    return value


TEXT = (
    *("safe", "escape", "e", "force_escape", "upper", "lower", "title", "capfirst", "capitalize", "striptags", "trim"),
    *("truncatechars", "truncatewords", "truncate", "urlencode", "urlize", "linebreaks", "linebreaksbr", "slugify"),
    *("date", "time", "timesince", "timeuntil", "floatformat", "filesizeformat", "stringformat", "intcomma", "center"),
    *("escapejs", "addslashes", "cut", "ljust", "rjust", "wordcount", "wordwrap", "linenumbers", "indent", "string"),
    *("replace", "format", "round", "int", "float", "abs", "divisibleby", "get_digit", "iriencode", "phone2numeric"),
)
FILTERS: dict[str, Callable[[Frame, Value, Arguments, Keywords, Node], Value]] = {
    "length": length,
    "count": length,
    "length_is": length,
    "pluralize": length,
    "first": first,
    "last": first,
    "default": tested_or,
    "d": tested_or,
    "default_if_none": same,
    "yesno": either,
    "join": joined,
    "dictsort": sorted_by,
    "dictsortreversed": sorted_by,
    "sort": sorted_by,
    "map": mapped,
    "selectattr": picked,
    "rejectattr": picked,
    "select": kept,
    "reject": kept,
    "list": kept,
    "unique": kept,
    "reverse": kept,
    "sum": summed,
    "max": chosen,
    "min": chosen,
    "random": chosen,
    "groupby": in_groups,
    "batch": in_batches,
    "slice": sliced,
    **dict.fromkeys(TEXT, as_text),
}
