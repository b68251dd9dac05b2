"""Calls that hold the event loop are made in a thread."""

import ast
import re
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._imports import module
from perfwright.fix.recipes._reached import methods
from perfwright.fix.source import COMPREHENSIONS, FUNCTIONS, Source
from perfwright.fix.surroundings import Surroundings, around
from perfwright.index.project import Function

LOCKS = re.compile(r"lock|mutex|semaphore|condition|suppress|redirect|patch", re.IGNORECASE)
# What belongs to the thread that made it, or must not be used by two at once.
OWNED = re.compile(r"sqlite3|session|cursor|connection|conn\b|\bdb\b|queryset|objects\.", re.IGNORECASE)
DEEP = 3  # calls within calls of the project that are looked into
OF_DATABASES = ("db.query", "db.write", "db.commit")


def in_thread(source: Source, finding: Finding) -> Iterator[Proposal]:
    """Give the proposal that awaits `asyncio.to_thread` where an `async def` makes a call that holds the event loop.

    The call is in one of its own statements, in no loop and under no lock, and nothing that belongs to its thread is in
    it, nor in what it calls of the project.
    """
    call = source.at(finding.place, ast.Call)
    if call is None or not may_await(source, call) or is_awaited(source, call) or source.loops(call):
        return
    if finding.cure and "in a thread" not in finding.cure and "asyncio.sleep" not in finding.cure:
        return  # a thread would hold the event loop as well: it is Python all the time
    if is_generator(source, call):
        return
    written = source.text_of(call)
    terms = {term.effect for term in finding.cost.terms}
    if terms & {*OF_DATABASES} or OWNED.search(written) or OWNED.search(finding.symbol):
        return
    if any(isinstance(each, ast.Await | ast.Yield | ast.NamedExpr) for each in ast.walk(call)):
        return
    if called(call) != finding.symbol.rpartition(".")[2] and is_owned(source, call):
        return
    asyncio, imports = module(source, "asyncio")
    if is_sleep(source, call):
        made, says = f"await {asyncio}.sleep({source.text_of(call.args[0])})", "the event loop goes on while it sleeps"
    else:
        given = written[len(source.text_of(call.func)) :].lstrip()[1:]
        line = re.match(r"\s*\n\s*", given)  # arguments that begin on a line of their own
        first = line[0] if line is not None and (call.args or call.keywords) else ""
        comma = ("," if first else ", ") if call.args or call.keywords else ""
        made = f"await {asyncio}.to_thread({first}{source.text_of(call.func)}{comma}{given}"
        says = "it runs in a thread while the event loop goes on"
    yield Proposal((source.replace(call, bracketed(source, call, made)), *imports), says)


def may_await(source: Source, call: ast.Call) -> bool:
    """Tell whether a call can be awaited where it stands: in an `async def` itself, under no lock."""
    inner: ast.AST = call
    for each in source.above(call):
        if isinstance(each, ast.AsyncFunctionDef):
            return inner in each.body
        if isinstance(each, (*FUNCTIONS, ast.Lambda, *COMPREHENSIONS, ast.ClassDef, ast.JoinedStr, ast.Assert)):
            return False
        if isinstance(each, ast.With) and (inner in each.items or any(map(is_lock(source), each.items))):
            return False
        if isinstance(each, ast.AugAssign) and not isinstance(each.target, ast.Name):
            return False  # what others add meanwhile would be lost
        if isinstance(each, ast.AugAssign) and is_global(source, each.target):
            return False
        inner = each
    return False


def is_owned(source: Source, call: ast.Call) -> bool:
    """Tell whether a function of the project, or one that it calls, may use what belongs to the thread of another."""
    project = around(source.root) if source.root is not None else None
    names, read, seen = {called(call)}, properties(project, call) if project is not None else set[str](), {""}
    if project is None:
        return False
    for _ in range(DEEP):
        bodies = [each for name in (names | read) - seen for each in bodies_of(project, name)]
        if any(OWNED.search(text) for text, _ in bodies):
            return True
        seen |= names | read
        names = {called(each) for _, body in bodies for each in ast.walk(body) if isinstance(each, ast.Call)}
        read = {name for _, body in bodies for name in properties(project, body)}
    return False


def properties(project: Surroundings, node: ast.AST) -> set[str]:
    """Return the properties of the project's classes that are read in a node, by their names: each is a call."""
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and any(is_property(project, one) for one in methods(project).get(each.attr, []))
    }


def is_property(project: Surroundings, function: Function) -> bool:
    defined = project.definition(function)
    return defined is not None and any(name_of(each).endswith("property") for each in defined[1].decorator_list)


def bodies_of(project: Surroundings, name: str) -> Iterator[tuple[str, ast.AST]]:
    """Give the functions of a name, or what makes an object of a class of that name, with their text."""
    for other in project.mentioning(f"def {name}(", f"class {name}(", f"class {name}:"):
        for each in ast.walk(other.tree):
            if isinstance(each, FUNCTIONS) and each.name == name:
                yield other.text_of(each), each
            elif isinstance(each, ast.ClassDef) and each.name == name:
                for inner in each.body:
                    if isinstance(inner, ast.FunctionDef) and inner.name in ("__init__", "__post_init__"):
                        yield other.text_of(inner), inner


def called(call: ast.Call) -> str:
    """Return the last name of what is called."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def is_generator(source: Source, call: ast.Call) -> bool:
    """Tell whether what is called, as far as this file has it, only makes a generator."""
    name = source.text_of(call.func).rpartition(".")[2]
    return any(
        isinstance(each, FUNCTIONS) and each.name == name
        and any(isinstance(one, ast.Yield | ast.YieldFrom) for one in ast.walk(each))
        for each in ast.walk(source.tree)
    )  # fmt: skip


def is_lock(source: Source):  # type: ignore[no-untyped-def]
    """Return what tells whether an item of a `with` is a lock, or changes something for the thread that is in it."""
    return lambda item: LOCKS.search(source.text_of(item.context_expr)) is not None


def is_global(source: Source, target: ast.expr) -> bool:
    """Tell whether a name is one of the module, or of a function around."""
    function = source.function(target)
    return isinstance(target, ast.Name) and any(
        isinstance(each, ast.Global | ast.Nonlocal) and target.id in each.names
        for each in ast.walk(function or source.tree)
    )


def is_awaited(source: Source, call: ast.Call) -> bool:
    """Tell whether what a call gives is awaited."""
    return isinstance(source.parents.get(call), ast.Await)


def is_sleep(source: Source, call: ast.Call) -> bool:
    """Tell whether a call is `time.sleep(...)`."""
    return source.text_of(call.func) in ("time.sleep", "sleep") and len(call.args) == 1 and not call.keywords


def bracketed(source: Source, node: ast.expr, made: str) -> str:
    """Return an `await`, in brackets where it stands in a larger expression."""
    parent = source.parents.get(node)
    free = isinstance(parent, ast.stmt | ast.keyword) or (isinstance(parent, ast.Call) and parent.func is not node)
    return made if free else f"({made})"
