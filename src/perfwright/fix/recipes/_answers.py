"""Endpoints of FastAPI and views of Flask: which function is one, and whether rows go to its answer as they are."""

import ast
import re
from pathlib import Path

from perfwright.fix.source import Source

Definition = ast.FunctionDef | ast.AsyncFunctionDef
ROUTES = ("get", "api_route", "post")
SUMMED = ("len", "sum", "min", "max", "any", "all", "set", "Counter", "groupby", "next")
RENDERS = ("render_template", "flask.render_template")
LARGEST = 1 << 20  # bytes of a template that is read
# What a loop of Jinja knows only with all rows at hand.
WHOLE = re.compile(r"\bloop\.(length|revindex|revindex0)\b")
TAGS = re.compile(r"{%-?(.*?)-?%}|{{-?(.*?)-?}}", re.DOTALL)


def is_endpoint(source: Source, function: Definition) -> bool:
    """Tell whether a function answers requests of FastAPI."""
    if not any(
        isinstance(each, ast.ImportFrom | ast.Import) and "fastapi" in source.text_of(each) for each in source.tree.body
    ):
        return False
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in ROUTES
        for each in function.decorator_list
    )


def is_flask(source: Source, function: Definition) -> bool:
    """Tell whether a function answers requests of Flask that read."""
    if not any(isinstance(each, ast.ImportFrom) and each.module == "flask" for each in source.tree.body):
        return False
    routes = [each for each in function.decorator_list if isinstance(each, ast.Call)]
    named = [each for each in routes if isinstance(each.func, ast.Attribute) and each.func.attr in ("route", "get")]
    methods = [key.value for each in named for key in each.keywords if key.arg == "methods"]
    return bool(named) and all("GET" in source.text_of(each) for each in methods)


def is_last(source: Source, call: ast.Call, function: ast.AST) -> bool:
    """Tell whether the rows of a query go to the answer as they are: nobody filters, counts or adds them up."""
    uses: list[ast.AST] = [call]
    statement = source.statement(call)
    if isinstance(statement, ast.Assign):
        if len(statement.targets) != 1 or not isinstance(statement.targets[0], ast.Name):
            return False
        uses += reads(function, statement.targets[0].id)
        if len(uses) != 2:  # more than the answer is made of it
            return False
    elif not isinstance(statement, ast.Return):
        return False
    return not any(is_used_up(source, each) for each in uses)


def is_used_up(source: Source, node: ast.AST) -> bool:
    """Tell whether a part of an expression is filtered, counted or added up on the way to its statement."""
    for each in source.above(node):
        if isinstance(each, ast.stmt):
            return isinstance(each, ast.If | ast.For | ast.While)
        if isinstance(each, ast.comprehension) and each.ifs:
            return True
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in SUMMED:
            return True
        if isinstance(each, ast.Compare | ast.BoolOp | ast.Subscript | ast.IfExp):
            return True
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in ("one", "first"):
            return True
    return False


def reads(function: ast.AST, name: str) -> list[ast.Name]:
    """Return where a name is read in a function."""
    names = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name]
    return [each for each in names if isinstance(each.ctx, ast.Load)]


def rendered(source: Source, node: ast.AST) -> tuple[ast.Call, ast.keyword] | None:
    """Return the rendering of a template that a part of an expression is handed to, with the name it has there."""
    keyword: ast.keyword | None = None
    for each in source.above(node):
        if isinstance(each, ast.keyword):
            keyword = each
        if isinstance(each, ast.Call) and source.text_of(each.func) in RENDERS:
            return (each, keyword) if keyword is not None and keyword in each.keywords else None
        if isinstance(each, ast.stmt):
            break
    return None


def is_walked(source: Source, rendering: ast.Call, name: str) -> bool:
    """Tell whether a template goes through the rows of a name once, and needs no more of them: it does not choose
    among them in a form either."""
    said = rendering.args[0] if rendering.args else None
    if not isinstance(said, ast.Constant) or not isinstance(said.value, str):
        return False
    text = template(source, said.value)
    if text is None or WHOLE.search(text):
        return False
    word = re.compile(rf"(?<![\w.'\"]){re.escape(name)}\b(?!\s*=[^=])")
    used = [each for each in TAGS.finditer(text) if word.search(each[1] or each[2] or "")]
    loops = [each for each in used if re.fullmatch(rf"\s*for\s+\w+\s+in\s+{re.escape(name)}\s*", each[1] or "")]
    tests = [each for each in used if re.fullmatch(rf"\s*(if|elif)\s+(not\s+)?{re.escape(name)}\s*", each[1] or "")]
    if len(loops) != 1 or len(loops) + len(tests) != len(used):
        return False
    before = text[: loops[0].start()].lower()
    return all(before.rfind(f"<{tag}") <= before.rfind(f"</{tag}>") for tag in ("select", "datalist", "script"))


def template(source: Source, name: str, depth: int = 0) -> str | None:
    """Return the text of a template with what it extends and includes; None where one of them is not found."""
    if source.root is None or depth > 4:
        return None
    folder = (source.root / source.path).parent
    while True:
        path = folder / "templates" / name
        if path.is_file() and path.resolve().is_relative_to(source.root.resolve()) and path.stat().st_size <= LARGEST:
            break
        if folder in (source.root, folder.parent):
            return None
        folder = folder.parent
    text = Path(path).read_text("utf8", "replace")
    for other in re.findall(r"{%-?\s*(?:extends|include)\s+([^%]*)", text):
        named = re.match(r"['\"]([^'\"]+)['\"]", other)
        more = template(source, named[1], depth + 1) if named is not None else None
        if more is None:
            return None
        text += more
    return text
