"""Answers that are an archive which is put together in memory."""

from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import walk
from perfwright.rules._chosen import assigned

IN_MEMORY = frozenset(("ZipFile", "BytesIO", "getvalue"))
OF_ONE = ("get", "first", "one", "scalar_one", "fetchone", "count", "exists", "aget", "afirst", "last", "aggregate")
ANSWERS = ("Response", "HttpResponse", "make_response")


def archived(effects: Effects) -> Node | None:
    """Return the call by which a handler makes an archive in memory that is its whole answer."""
    function = effects.function
    known = assigned(function)
    for node in walk(function.body):
        if node[0] != "call" or node[2][0] not in ("name", "attr") or node[2][-1] not in ANSWERS:
            continue
        for part in (*node[3][:1], *(value for name, value in node[4] if name == "content")):
            for each in (part, *known.get(part[2] if part[0] == "name" else "", ())):
                made = made_in(effects, function, each)
                if made is not None:
                    return made
    return None


def made_in(effects: Effects, function: Function, node: Node) -> Node | None:
    """Return the call of a function that makes an archive in memory, also in a thread, or that ends making one here."""
    for call in walk(node):
        if call[0] != "call":
            continue
        if call[2][0] == "attr" and call[2][3] == "getvalue" and function.called >= IN_MEMORY:
            return call
        for given in (call[2], *call[3]):
            made = effects.project.expression(function.module, given) if given[0] in ("name", "attr") else None
            if isinstance(made, Function) and made.called >= IN_MEMORY:
                effects.program.interpreter.consulted.add(made)
                return call
    return None


def all_of(effects: Effects) -> str:
    """Return a model of which a handler, or what it calls, loads as many rows as there are; or nothing."""
    for effect in effects.effects("db.query"):
        rows = effect.rows
        if rows is None or rows.model is None or rows.limited is not None or rows.relation:
            continue
        method = effect.event.leaf[2].partition("(")[0].rpartition(".")[2]
        if not method.startswith(OF_ONE):
            return str(rows.model.name)
    return ""
