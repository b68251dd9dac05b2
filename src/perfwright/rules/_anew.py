"""Who runs a function again and again, and what is made only where there is none yet."""

from functools import lru_cache

from perfwright.effects.frame import Link
from perfwright.effects.summary import Effects
from perfwright.index.project import Function, Project
from perfwright.index.tree import text, walk
from perfwright.rules._code import path_to, statements
from perfwright.rules._memos import memo_of

DEPENDS = ("Depends", "Security")
ONCE = (  # names of functions that run once in the life of a program
    *("main", "lifespan", "startup", "on_startup", "setup", "warmup", "warm_up", "bootstrap", "cli", "init_app"),
)
ALONE = ("command ", "program ", "migration ")  # entry points that run once


def caller(effects: Effects) -> str:
    """Return what a function is run for again and again: an entry point, a dependency of one; nothing for others."""
    function = effects.function
    if function.name in ONCE:
        return ""
    if effects.entry:
        return "" if effects.entry.startswith(ALONE) else f"call of {effects.entry}"
    if function in dependencies(effects.project) and memo_of(effects.project, function) is None:
        return f"request that needs `{function.name}`"
    return ""


@lru_cache(maxsize=1)
def dependencies(project: Project) -> frozenset[Function]:
    """Return the functions that FastAPI calls before a handler, for what its parameters ask for."""
    found: set[Function] = set()
    for module in project.modules.values():
        if module.called.isdisjoint(DEPENDS):
            continue
        for function in module.functions:
            for _, annotation, default, _ in function.parameters:
                for node in walk((annotation, default)):
                    if node[0] == "call" and node[3] and node[2][0] in ("name", "attr") and node[2][-1] in DEPENDS:
                        entity = project.expression(module, node[3][0])
                        if isinstance(entity, Function):
                            found.add(entity)
    return frozenset(found)


def is_lazy(link: Link) -> bool:
    """Tell whether what a call makes is kept under a name that the same function asks for first."""
    function, position, _ = link
    names: set[str] = set()
    for node in path_to(function.body, position):
        if node[0] == "assign":
            names |= {text(target, 200) for target in node[2] if target[0] in ("attr", "name", "sub")}
            if node[3][0] == "bool" and node[3][2] == "or" and text(node[3][3][0], 200) in names:
                return True  # `self.client = self.client or connect()`
    if not names:
        return False
    for statement in statements(function.body):
        if statement[0] in ("if", "while") and any(name in text(statement[2], 200) for name in names):
            return True
    return False
