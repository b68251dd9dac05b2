"""One client is made around the loop, or around the function within, that made one for each call.

What it is made with does not depend on the loop, nor is the client given away. `requests.get` and its like in a loop
become calls of one session around it, where they are given nothing that is for a session of its own. A client that goes
on sends the cookies that it was given.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._contexts import With, around_function, around_loop, uses_of
from perfwright.fix.recipes._together import whole_lines
from perfwright.fix.source import CHANGES, FUNCTIONS, Edit, Source

SESSIONS = {"requests": ("Session", "session"), "httpx": ("Client", "client")}
VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request")
OF_SESSION = {"verify", "cert", "proxy", "proxies", "trust_env", "mounts", "http2", "transport", "cookies"}
CLIENTS = ("Client", "AsyncClient", "ClientSession", "Session", "session")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    lines = {finding.place.line, *[step.line for step in finding.chain if step.path == finding.place.path]}
    for each in ast.walk(source.tree):
        if isinstance(each, With) and each.lineno in lines and len(each.items) == 1:
            yield from around_loop(source, each, is_client)
            yield from around_function(source, each, is_client)
    call = source.at(finding.place, ast.Call)
    if call is not None:
        yield from session(source, call)


def is_client(source: Source, opened: With) -> bool:
    """Tell whether a `with` makes a client, and gives it to nobody who could keep it."""
    uses = uses_of(source, opened, CLIENTS)
    return uses is not None and all(is_lent(source, use) for use in uses)


def is_lent(source: Source, use: ast.Name) -> bool:
    """Tell whether a client is asked for something, or handed to a function, not to a collection that keeps it."""
    parent = source.parents.get(use)
    if isinstance(parent, ast.Attribute):
        return isinstance(parent.ctx, ast.Load)
    call = source.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    return isinstance(call, ast.Call) and not (isinstance(call.func, ast.Attribute) and call.func.attr in CHANGES)


def session(source: Source, call: ast.Call) -> Iterator[Proposal]:
    """Give the proposal that makes a session around the outermost loop for the requests in it."""
    loops = source.loops(call)
    outer = loops[-1] if loops else None
    library = source.text_of(call.func).partition(".")[0]
    if not isinstance(outer, ast.For | ast.While) or library not in SESSIONS or not source.is_alone(outer):
        return
    if any(isinstance(each, (ast.Yield, ast.YieldFrom, *FUNCTIONS)) for each in ast.walk(outer)):
        return
    asks = [each for each in ast.walk(outer) if isinstance(each, ast.Call) and verb(source, each) == library]
    if not asks or not whole_lines(source, outer) or call not in asks:
        return
    if any(keyword.arg is None or keyword.arg in OF_SESSION for each in asks for keyword in each.keywords):
        return
    kind, wanted = SESSIONS[library]
    name = source.fresh(wanted, f"one_{wanted}")
    first, last = outer.lineno, outer.end_lineno or outer.lineno
    changes = [Edit(*source.span(each.func.value), name) for each in asks if isinstance(each.func, ast.Attribute)]
    start, end = source.starts[first - 1], source.starts[last] - 1
    text = source.text[:end]
    for edit in sorted(changes, key=lambda each: each.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    lines = [f"    {line}" if line.strip() else line for line in text[start:].split("\n")]
    made = "\n".join([f"{source.indent(outer)}with {library}.{kind}() as {name}:", *lines])
    yield Proposal((Edit(start, end, made),), f"one {library}.{kind} around the loop keeps its connections")


def verb(source: Source, call: ast.Call) -> str:
    """Return the library of which a call is a function that asks; nothing where it is none."""
    library, _, name = source.text_of(call.func).partition(".")
    return library if library in SESSIONS and name in VERBS else ""


RECIPE = Recipe(rule="client-per-call", improves=("connections",), propose=propose)
