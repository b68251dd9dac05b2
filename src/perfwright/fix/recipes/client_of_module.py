"""One session or client of the module makes the requests of a function that made one for each call.

It lives as long as the program; all callers share its connections, and the cookies that a service gives one of them.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Source

SESSIONS = {"requests": "Session", "httpx": "Client"}
VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request")
OF_SESSION = {"verify", "cert", "proxy", "proxies", "trust_env", "mounts", "http2", "transport", "cookies"}


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    if any(step.path != finding.place.path for step in finding.chain):
        return
    line = finding.chain[-1].line if finding.chain else finding.place.line
    for call in ast.walk(source.tree):
        if not isinstance(call, ast.Call) or call.lineno != line or not isinstance(call.func, ast.Attribute):
            continue
        library, _, name = source.text_of(call.func).partition(".")
        if library not in SESSIONS or name not in VERBS or source.function(call) is None:
            continue
        if any(keyword.arg is None or keyword.arg in OF_SESSION for keyword in call.keywords):
            continue
        last = [each for each in source.tree.body if imports(each)]
        kind = f"{library}.{SESSIONS[library]}"
        if not last or not any(source.text_of(each) == f"import {library}" for each in last):
            continue
        known = next(
            (each.targets[0].id for each in source.tree.body
             if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
             and source.text_of(each.value) == f"{kind}()"),
            "",
        )  # fmt: skip
        session = known or source.fresh(SESSIONS[library].upper(), f"HTTP_{SESSIONS[library].upper()}")
        made = [] if known else [source.after(last[-1], "", f"{session} = {kind}()")]
        edits = (*made, source.replace(call.func.value, session))
        yield Proposal(edits, f"one {kind} of the module keeps its connections")
        return


def imports(statement: ast.stmt) -> bool:
    """Tell whether a statement only imports: also under a condition, or as far as that can be done."""
    if isinstance(statement, ast.If | ast.Try):
        return all(isinstance(each, ast.Import | ast.ImportFrom | ast.If) for each in statement.body)
    return isinstance(statement, ast.Import | ast.ImportFrom)


RECIPE = Recipe(
    rule="client-per-call",
    improves=("connections",),
    propose=propose,
    suggested="all callers share one session, with the cookies that a service gives it; it is closed with the program",
)
