"""What is awaited for each item is asked for together, a few at a time."""

import ast
import re

from perfwright.fix.recipes._imports import module
from perfwright.fix.source import FUNCTIONS, Edit, Source, names

AT_ONCE = 10  # how many at a time, where nobody says
# What others must not use meanwhile: one connection runs one statement, and a lock is there to be alone.
ALONE = re.compile(
    r"(^|[_.])(db|database|conn|connection|cursor|cur|tx|txn|trans|transaction|session|uow|unit_of_work|begin|begin_nested"
    r"|atomic|lock|mutex|semaphore|sem|limiter|throttle|acquire)s?([_.(]|$)|Session$|Lock$|Semaphore$|Limiter$",
    re.IGNORECASE,
)
WEB = re.compile(r"aiohttp|httpx|ClientSession|AsyncClient")  # their sessions are made to be used together


def held(source: Source, node: ast.AST) -> bool:
    """Tell whether a node stands where nothing else may go on: under a lock, in a transaction."""
    for each in source.above(node):
        if isinstance(each, FUNCTIONS):
            return False
        if isinstance(each, ast.With | ast.AsyncWith):
            for item in each.items:
                written = source.text_of(item.context_expr)
                if ALONE.search(written) and not WEB.search(written):
                    return True
    return False


def shared(source: Source, node: ast.AST) -> bool:
    """Tell whether an expression uses a session, a connection or a lock: one at a time may use it."""
    function = source.function(node)
    for each in ast.walk(node):
        if isinstance(each, ast.Name | ast.Attribute):
            name = each.id if isinstance(each, ast.Name) else each.attr
            if ALONE.search(name) and not (function is not None and web(source, function, name)):
                return True
    return False


def web(source: Source, function: ast.AST, name: str) -> bool:
    """Tell whether a name is a session of an HTTP client in a function: it is annotated or made so."""
    for each in ast.walk(function):
        said: ast.AST | None = None
        if isinstance(each, ast.arg) and each.arg == name:
            said = each.annotation
        elif isinstance(each, ast.withitem) and isinstance(each.optional_vars, ast.Name):
            said = each.context_expr if each.optional_vars.id == name else None
        elif isinstance(each, ast.Assign) and name in {n for target in each.targets for n in names(target)}:
            said = each.value
        if said is not None and WEB.search(source.text_of(said)):
            return True
    return False


def limited(source: Source, name: str, parameters: str, body: list[str]) -> list[str]:
    """Return the lines of a function that lets so many of its calls go on at a time: `body` is what it does then."""
    asyncio, _ = module(source, "asyncio")
    free = source.fresh("at_once", "free_slots")
    return [
        f"{free} = {asyncio}.Semaphore({AT_ONCE})",
        "",
        f"async def {name}({parameters}):",
        f"    async with {free}:",
        *[f"        {line}" if line.strip() else "" for line in body],
        "",
    ]


def before(source: Source, statement: ast.stmt, lines: list[str]) -> Edit:
    """Return the edit that puts lines before a statement, indented as it is but for those that are empty."""
    made = source.before(statement, *lines)
    return Edit(made.start, made.end, "".join(line if line.strip() else "\n" for line in made.text.splitlines(True)))


def whole_lines(source: Source, node: ast.AST) -> bool:
    """Tell whether no text of a node goes over several lines: it can be indented otherwise."""
    return not any(
        isinstance(each, ast.Constant | ast.JoinedStr)
        and isinstance(getattr(each, "value", ""), str | bytes | list)
        and "\n" in source.text_of(each)
        for each in ast.walk(node)
        if isinstance(each, ast.Constant | ast.JoinedStr) and source.in_text(each) is None
    )
