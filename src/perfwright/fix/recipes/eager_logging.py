"""What is computed only to be logged is computed where the level is on."""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Source

LEVELS = ("debug", "info")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    statement = source.statement(call) if call is not None else None
    if call is None or not isinstance(statement, ast.Expr) or not source.is_alone(statement):
        return
    logged = statement.value
    if not isinstance(logged, ast.Call) or not isinstance(logged.func, ast.Attribute) or logged.func.attr not in LEVELS:
        return
    level, imports = source.imported("logging", logged.func.attr.upper())
    guard = f"if {source.text_of(logged.func.value)}.isEnabledFor({level}):"
    lines = source.text_of(statement).split("\n")
    indent = source.indent(statement)
    texts = [each for each in ast.walk(logged) if isinstance(each, ast.Constant | ast.JoinedStr)]
    if any("\n" in source.text_of(each) for each in texts):
        return  # text over several lines would get other spaces
    inner = [f"    {line}" if line.strip() else line for line in lines[1:]]
    moved = "\n".join([guard, f"{indent}    {lines[0]}", *inner])
    yield Proposal((source.replace(statement, moved), *imports), f"it is computed where {logged.func.attr} is logged")


RECIPE = Recipe(rule="eager-logging", improves=("time",), propose=propose)
