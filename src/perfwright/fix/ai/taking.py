"""A candidate from outside taken into a file: the body of one function, with imports and helpers, and nothing else."""

import ast
import builtins
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path

from perfwright.fix.ai import bodies, limits
from perfwright.fix.ai.bodies import Function
from perfwright.fix.ai.limits import NotTakenError
from perfwright.fix.source import FUNCTIONS, Edit, Source


def taken(root: Path, source: Source, target: Function, block: str) -> str:
    """Return the text of a file with a function's body as a candidate has it. Raises NotTakenError.

    The function's first lines, decorators and docstring stay as they are.
    """
    text = textwrap.dedent(block.replace("\r\n", "\n"))
    limits.plain(text, source.text)
    given = _parsed(text)
    function, others = _found(given, source, target)
    limits.reaches(root, given.tree, source)
    if _same_body(function, target):
        raise NotTakenError("it changes nothing")
    try:
        start, end = bodies.span(source, target)
        first = bodies.own(target)[0]
        own = source.text[source.starts[first.lineno - 1] : source.offset(first.lineno, first.col_offset)]
        indent = f"{source.indent(target)}    " if own.strip() else own
        edits = [Edit(start, end, bodies.indented(given, function, indent)), *_added(source, target, given, others)]
        after = source.edited(edits)
    except ValueError as error:
        raise NotTakenError(str(error)) from error
    _only(source, target, _parsed(after), len(others))
    return after


def _parsed(text: str) -> Source:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Source("", text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = f" ({error.msg}, line {error.lineno})" if isinstance(error, SyntaxError) else ""
        raise NotTakenError(f"it does not parse{said}") from error


# ------------------------------------------------------------------------------ what it is made of
def _found(given: Source, source: Source, target: Function) -> tuple[Function, list[ast.stmt]]:
    """Return the function of a candidate, and the imports and helpers that it needs and the file does not have."""
    classes = [each.name for each in reversed([*source.above(target)]) if isinstance(each, ast.ClassDef)]
    bodies_of = [source.tree.body, *[each.body for each in ast.walk(source.tree) if isinstance(each, ast.ClassDef)]]
    known = {ast.dump(each) for body in bodies_of for each in body}
    functions: list[Function] = []
    others: list[ast.stmt] = []
    _sorted_out(given.tree.body, target, classes, known, functions, others)
    if len(functions) != 1:
        raise NotTakenError(f"it has no function `{target.name}`" if not functions else f"it has `{target.name}` twice")
    function = functions[0]
    if type(function) is not type(target):
        raise NotTakenError(
            f"`{target.name}` is {'no longer' if isinstance(function, ast.FunctionDef) else 'now'} async"
        )
    if _parameters(function) != _parameters(target):
        raise NotTakenError(f"`{target.name}` takes other parameters; they stay ({ast.unparse(target.args)})")
    _new_names(source, target, others)
    return function, others


def _sorted_out(
    body: list[ast.stmt],
    target: Function,
    classes: list[str],
    known: set[str],
    functions: list[Function],
    others: list[ast.stmt],
) -> None:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _stands_for(node, target):
                functions.append(node)
            case _ if ast.dump(node) in known:
                continue
            case ast.ClassDef(name=name) if classes and name == classes[0]:
                inside: list[ast.stmt] = []
                _sorted_out(node.body, target, classes[1:], known, functions, inside)
                if inside:
                    raise NotTakenError(f"it changes the class `{name}` beside `{target.name}`")
            case ast.Import() | ast.ImportFrom():
                others.append(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if node.decorator_list:
                    raise NotTakenError(f"`{node.name}` has a decorator that is new")
                others.append(node)
            case (
                ast.Assign(targets=[ast.Name()], value=value)
                | ast.AnnAssign(target=ast.Name(), value=ast.expr() as value)
            ) if limits.is_constant(value):
                others.append(node)
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                continue
            case ast.If() if "__main__" in ast.unparse(node.test):
                continue
            case _:
                said = ast.unparse(node).splitlines()[0][:60]
                raise NotTakenError(f"it changes more than `{target.name}`: `{said}`")


def _stands_for(node: Function, target: Function) -> bool:
    """Tell whether a function is the one that was asked for; decorators may be left out."""
    decorators = [[ast.dump(one) for one in each.decorator_list] for each in (node, target)]
    return node.name == target.name and (not decorators[0] or decorators[0] == decorators[1])


def _parameters(function: Function) -> list[tuple[str, list[str]]]:
    given = function.args
    kinds = {"posonly": given.posonlyargs, "args": given.args, "kwonly": given.kwonlyargs}
    found = [(kind, [each.arg for each in some]) for kind, some in kinds.items()]
    return [*found, ("star", [each.arg if each else "" for each in (given.vararg, given.kwarg)])]


def _same_body(one: Function, other: Function) -> bool:
    return list(map(ast.dump, bodies.own(one))) == list(map(ast.dump, bodies.own(other)))


def _new_names(source: Source, target: Function, others: list[ast.stmt]) -> None:
    """Refuse helpers and imports whose names mean something already."""
    own = set(ast.walk(target))
    taken = {name for node in ast.walk(source.tree) if node not in own for name in _names(node)} | {target.name}
    for node in others:
        for name in _bound(node):
            if name in taken or hasattr(builtins, name):
                raise NotTakenError(f"it gives `{name}` another meaning")
            taken.add(name)


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.ClassDef(name=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.alias(name=name, asname=alias):
            yield alias or name.partition(".")[0]


def _bound(node: ast.stmt) -> Iterator[str]:
    """Give the names that an import, a helper or a constant binds."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (name for each in node.names for name in _names(each))
    elif isinstance(node, FUNCTIONS):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        yield from _names(target)


# ------------------------------------------------------------------------------ where it goes
def _added(source: Source, target: Function, given: Source, others: list[ast.stmt]) -> list[Edit]:
    """Return the edits that bring imports and helpers into a file: below its imports, and before the function."""
    imports = [ast.unparse(each) for each in others if isinstance(each, ast.Import | ast.ImportFrom)]
    helpers = [given.text_of(each) for each in others if not isinstance(each, ast.Import | ast.ImportFrom)]
    edits = []
    if imports:
        edits.append(_below_imports(source, imports))
    if helpers:
        above = [target, *[each for each in source.above(target) if isinstance(each, ast.stmt)]]
        start = source.before(above[-1], "").start
        while start and source.text[: start - 1].rpartition("\n")[2].startswith("#"):
            start = source.text.rfind("\n", 0, start - 1) + 1
        edits.append(Edit(start, start, "".join(f"{each}\n\n\n" for each in helpers)))
    return edits


def _below_imports(source: Source, lines: list[str]) -> Edit:
    last: ast.stmt | None = None
    for node in source.tree.body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            break
        if isinstance(node, ast.Import | ast.ImportFrom):
            last = node
    first = source.tree.body[0]
    if last is not None:
        return source.after(last, *lines)
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        edit = source.after(first)
        return Edit(edit.start, edit.end, "\n" + "".join(f"{line}\n" for line in lines))
    edit = source.before(first, "")
    return Edit(edit.start, edit.end, "".join(f"{line}\n" for line in lines) + "\n\n")


def _only(source: Source, target: Function, after: Source, added: int) -> None:
    """Refuse a file in which more is changed than the body of a function, and more is new than what was added."""
    name = source.qualified(target)
    kept = _without_body(source.tree, target)
    for each in ast.walk(after.tree):
        if isinstance(each, FUNCTIONS) and each.name == target.name and after.qualified(each) == name:
            found = _without_body(after.tree, each)
            there = iter(found)
            if all(statement in there for statement in kept) and len(found) == len(kept) + added:  # in their order
                return
    raise NotTakenError(f"it changes more than `{target.name}`")


def _without_body(tree: ast.Module, function: Function) -> list[str]:
    """Return the statements of a file as they are without the body of a function."""
    body = function.body
    function.body = body[: len(body) - len(bodies.own(function))]
    try:
        return [ast.dump(each) for each in tree.body]
    finally:
        function.body = body
