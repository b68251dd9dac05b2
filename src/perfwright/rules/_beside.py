"""Which functions of a project go on several times at once: as tasks, or in threads."""

import re
from collections.abc import Iterator
from functools import lru_cache

from perfwright.index.lower import Node
from perfwright.index.project import Function, Project
from perfwright.index.tree import text, walk

TO_TASKS = ("create_task", "ensure_future", "gather", "start_soon")
TO_THREADS = ("Thread", "submit", "map", "imap", "imap_unordered", "run_in_executor", "to_thread")
OF_THREADS = ("Thread", "ThreadPoolExecutor", "ThreadPool", "run_in_executor", "to_thread")  # processes share nothing
FOR_EACH = ("map", "imap", "imap_unordered", "gather")
POOL = re.compile(r"pool|exec|thread|worker", re.IGNORECASE)


@lru_cache(maxsize=4)
def started(project: Project, as_what: str) -> dict[Function, set[Function]]:
    """Return the functions that the project starts more than one of, as `tasks` or in `threads`, and by which."""
    starters, needed = (TO_TASKS, TO_TASKS) if as_what == "tasks" else (TO_THREADS, OF_THREADS)
    found: dict[Function, set[Function]] = {}
    for module in project.modules.values():
        if module.called.isdisjoint(needed):
            continue
        for function in module.functions:
            if not function.called.isdisjoint(starters):
                for each in started_by(project, function, starters):
                    found.setdefault(each, set()).add(function)
    return found


def started_by(project: Project, function: Function, starters: tuple[str, ...]) -> set[Function]:
    """Return what one function starts in a loop, or hands over to be called for each item."""
    found: set[Function] = set()
    for node in walk(function.body):
        inside = node[4] if node[0] == "for" else node[3] if node[0] in ("while", "comp") else ()
        calls = [each for each in walk(inside) if each[0] == "call" and name_of(each) not in FOR_EACH]
        if node[0] == "call" and name_of(node) in FOR_EACH and (name_of(node) == "gather" or is_pool(node)):
            calls.append(node)
        for call in calls:
            if name_of(call) in starters:
                for given in handed(call):
                    found |= meant(project, function, given)
        if node[0] == "comp" and starters is TO_TASKS and node[3][0] == "call" and "gather" in function.called:
            found |= meant(project, function, node[3][2])
    return found


def is_pool(call: Node) -> bool:
    """Tell whether `x.map(...)` is that of a pool, going by its name."""
    return bool(call[2][0] == "attr" and POOL.search(text(call[2][2], 200)))


def handed(call: Node) -> Iterator[Node]:
    """Give the functions that a call starts: those it is given, and those whose coroutines it is given."""
    for argument in (*call[3], *(value for name, value in call[4] if name == "target")):
        inner = argument[2] if argument[0] == "star" else argument
        inner = inner[3] if inner[0] == "comp" else inner
        if inner[0] == "call":
            yield inner[2]
        elif inner[0] in ("name", "attr"):
            yield inner


def meant(project: Project, function: Function, given: Node) -> set[Function]:
    """Return the functions that an expression may stand for: an inner one, a method of the class, one of a module."""
    if given[0] == "name":
        inner = {f for f in function.module.functions if f.name == given[2] and f.outer == function.index >= 0}
        if inner:
            return inner
    if given[0] == "attr" and given[2][0] == "name" and is_self(function, given[2]) and function.owner is not None:
        found = project.class_member(function.owner, given[3])
        if isinstance(found, tuple) and found[1][0] == "func":
            return {found[0].module.functions[found[1][1]]}
    entity = project.expression(function.module, given) if given[0] in ("name", "attr") else None
    return {entity} if isinstance(entity, Function) else set()


def name_of(call: Node) -> str:
    return str(call[2][-1]) if call[2][0] in ("name", "attr") else ""


def is_self(function: Function, base: Node) -> bool:
    return function.owner is not None and bool(function.parameters) and base[2] == function.parameters[0][0]
