"""What the loop of a finding goes through, and the relations that lead from its rows to what each pass asks for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from perfwright.effects.schema import Model
from perfwright.finding import Finding, Step
from perfwright.fix.recipes._calls import method_of, name_of
from perfwright.fix.source import COMPREHENSIONS, Source
from perfwright.fix.surroundings import Surroundings

OVER = re.compile(r"(?:per item of|each pass over) `([^`]+)`")
TEMPLATES = (".html", ".htm", ".txt", ".xml", ".jinja", ".jinja2", ".j2")
KEYED = ("sorted", "min", "max", "sum", "any", "all", "map", "filter")
DEEPEST = 3  # relations between a row and another, and properties that lead to one


def loop_step(finding: Finding) -> Step | None:
    """Return the step of the chain at which the loop stands."""
    return next((step for step in finding.chain if step.what.startswith("loop over")), None)


def over_of(finding: Finding) -> str:
    """Return what the loop goes through as the message has it."""
    found = OVER.search(finding.message)
    return found[1] if found is not None else ""


def looped(source: Source, finding: Finding) -> ast.expr | None:
    """Return the expression that the loop of a finding goes through; None where it cannot be told."""
    step, over = loop_step(finding), over_of(finding)
    if step is None or step.path != source.path or not over:
        return None
    named = [each for each in iterated(source, step.line) if is_written(each, over)]
    return named[0] if len({ast.dump(each) for each in named}) == 1 else None


def iterated(source: Source, line: int) -> Iterator[ast.expr]:
    """Give what the loops of a line go through, those too that a function or a framework makes of what it is given."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.For | ast.AsyncFor) and node.lineno == line:
            yield node.iter
        elif isinstance(node, COMPREHENSIONS):
            yield from [each.iter for each in node.generators if each.target.lineno == line]
        elif isinstance(node, ast.Call) and node.lineno <= line <= (node.end_lineno or line):
            if method_of(node) == "sort" and isinstance(node.func, ast.Attribute):
                yield node.func.value
            elif name_of(node) in KEYED and node.args:
                yield node.args[-1] if name_of(node) in ("map", "filter") else node.args[0]
        elif isinstance(node, ast.Return) and node.value is not None:
            if node.lineno <= line <= (node.end_lineno or line):
                yield node.value
        elif isinstance(node, ast.Assign) and node.lineno == line and isinstance(source.parents[node], ast.ClassDef):
            yield node.value


def is_written(node: ast.expr, over: str) -> bool:
    """Tell whether an expression is written like a text, which may be cut."""
    text = " ".join(ast.unparse(node).split())
    if over.startswith("self.") and over.endswith("queryset") and not isinstance(node, ast.Attribute):
        return True  # what a view says of itself
    squeezed = re.sub(r"\s", "", text).replace('"', "'").strip("()")
    wanted = re.sub(r"\s", "", over).replace('"', "'").strip("()")
    if wanted.endswith("…"):
        return squeezed.startswith(wanted[:-1])
    return squeezed == wanted


# ---------------------------------------------------------------------------------- relations
def paths(
    around: Surroundings,
    finding: Finding,
    model: Model,
    owner: str,
    *,
    whole: bool = False,
    also: set[str] | None = None,
) -> list[tuple[str, ...]]:
    """Return the ways from a row of a model to those of another, by the relations that the chain's lines name, or the
    `whole` of the functions it goes through: the shortest, which are several where several are named."""
    said = named(around, finding, also or set(), whole=whole)
    reached: list[tuple[Model, tuple[str, ...]]] = [(model, ())]
    for _ in range(DEEPEST + 1):
        if found := [path for each, path in reached if each.name == owner]:
            return found
        reached = [
            (relation.target, (*path, name))
            for each, path in reached
            for name, relation in each.relations.items()
            if name in said and relation.target is not None and not relation.generic
        ]
    return []


def named(around: Surroundings, finding: Finding, also: set[str], *, whole: bool) -> set[str]:
    """Return the attributes that the lines of a chain read, and those that the properties among them read; of the
    `whole` of its functions, where it goes through some."""
    steps = list(finding.chain)
    loop = loop_step(finding)
    if loop is not None:
        steps = steps[steps.index(loop) + 1 :]
    found = set(also)
    for index, step in enumerate(steps):
        found |= set(re.findall(r"\.([A-Za-z_]\w*)", step.what)) | attributes(around, step, whole=whole and index > 0)
    for _ in range(DEEPEST):
        found |= {
            each.attr
            for model in around.schema.by_class.values()
            for name in found & set(model.cls.names)
            if (method := around.method(model, name)) is not None and (defined := around.definition(method)) is not None
            for each in ast.walk(defined[1])
            if isinstance(each, ast.Attribute)
        }
    return found


def attributes(around: Surroundings, step: Step, *, whole: bool) -> set[str]:
    """Return the attributes that are read on the line of a step, or in its function."""
    source = around.source(step.path)
    if source is None:
        return in_template(around.root / step.path, step.line) if step.path.endswith(TEMPLATES) else set()
    read = [each for each in ast.walk(source.tree) if isinstance(each, ast.Attribute)]
    found = {each.attr for each in read if each.end_lineno == step.line}
    if whole:
        name = step.function.rpartition(".")[2]
        around_it = [function for each in read if each.end_lineno == step.line and (function := source.function(each))]
        inside = {function for function in around_it if function.name == name}
        found |= {each.attr for each in read if source.function(each) in inside}
    return found


def in_template(path: Path, line: int) -> set[str]:
    """Return the attributes that a line of a template reads."""
    try:
        lines = path.read_text("utf8", "replace").splitlines()
    except OSError:
        return set()
    return set(re.findall(r"\.([A-Za-z_]\w*)", lines[line - 1] if line <= len(lines) else ""))
