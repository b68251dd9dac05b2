"""Modules and names that a patch needs: how they are written in a file, and the edit that imports them."""

import ast
import sys

from perfwright.fix.source import Edit, Source


def module(source: Source, name: str) -> tuple[str, list[Edit]]:
    """Return how a module is written in a file, with the edit that imports it where nothing does: in its order."""
    for each in _imports(source):
        if isinstance(each, ast.Import):
            for one in each.names:
                if one.name == name and (one.asname or "." not in name):
                    return one.asname or name, []
    return name, [_placed(source, f"import {name}", name, plain=True)]


def name_of(source: Source, where: str, name: str) -> tuple[str, list[Edit]]:
    """Return how a name of a module is written in a file, with the edit that imports it where nothing does: beside
    other names of that module, else in its order."""
    for each in _imports(source):
        if isinstance(each, ast.ImportFrom) and each.module == where and not each.level:
            for one in each.names:
                if one.name == name:
                    return one.asname or name, []
        elif isinstance(each, ast.Import):
            for one in each.names:
                if one.name == where and (one.asname or "." not in where):
                    return f"{one.asname or where}.{name}", []
    for each in _imports(source):
        written = source.text_of(each)
        beside = isinstance(each, ast.ImportFrom) and each.module == where and not each.level
        if (
            beside
            and "\n" not in written
            and "(" not in written
            and len(written) + len(name) < 100
            and "*" not in written
        ):
            after = max((one for one in each.names if one.name < name), key=lambda one: one.col_offset, default=None)
            if after is None:
                start = source.span(each.names[0])[0]
                return name, [Edit(start, start, f"{name}, ")]
            end = source.span(after)[1]
            return name, [Edit(end, end, f", {name}")]
    return name, [_placed(source, f"from {where} import {name}", where, plain=False)]


def merged(*each: list[Edit]) -> list[Edit]:
    """Return the edits of several imports; those that stand at one place become one, in their order."""
    found: dict[int, list[str]] = {}
    for edit in [edit for edits in each for edit in edits]:
        found.setdefault(edit.start, []).append(edit.text)
    made = []
    for start, texts in found.items():
        whole = all(text.endswith("\n") for text in texts)
        lines = sorted({text.strip("\n") for text in texts}, key=lambda line: (line.startswith("from"), line))
        before, after = texts[0].startswith("\n"), texts[-1].endswith("\n\n")
        text = "\n".join(lines) + "\n" if whole else "".join(sorted(texts))
        made.append(Edit(start, start, f"{chr(10) * (before and whole)}{text}{chr(10) * (after and whole)}"))
    return made


def _imports(source: Source) -> list[ast.Import | ast.ImportFrom]:
    """Return the imports at the head of a file."""
    found: list[ast.Import | ast.ImportFrom] = []
    for each in source.tree.body:
        if isinstance(each, ast.Import | ast.ImportFrom):
            found.append(each)
        elif found or not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)):
            break
    return found


def _placed(source: Source, line: str, name: str, *, plain: bool) -> Edit:
    """Return the edit that puts an import where it belongs among others."""
    imports = _imports(source)
    mine = _rank(name, plain=plain, level=0)
    for each in imports:
        first = each.names[0].name if isinstance(each, ast.Import) else each.module or ""
        level = each.level if isinstance(each, ast.ImportFrom) else 0
        other = _rank(first, plain=isinstance(each, ast.Import), level=level)
        if other > mine:
            return source.before(each, *([line, ""] if other[0] != mine[0] and each is imports[0] else [line]))
    if imports:
        return source.after(imports[-1], line)
    first_one = source.tree.body[0]
    if isinstance(first_one, ast.Expr) and isinstance(first_one.value, ast.Constant):
        return source.after(first_one, "", line)
    return source.before(first_one, line, "", "")


def _rank(name: str, *, plain: bool, level: int) -> tuple[int, bool, str]:
    """Return what imports are sorted by: those of the future, the standard library, others, the package itself."""
    top = name.partition(".")[0]
    group = 0 if top == "__future__" else 3 if level else 1 if top in sys.stdlib_module_names else 2
    return group, not plain, name
