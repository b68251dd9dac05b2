"""The body of a function as text: where it begins and ends, and how it stands at another indent."""

import ast
import io
import tokenize

from perfwright.fix.source import FUNCTIONS, Source

Function = ast.FunctionDef | ast.AsyncFunctionDef
F_STRING = getattr(tokenize, "FSTRING_START", -1), getattr(tokenize, "FSTRING_END", -1)


def around(source: Source, line: int) -> Function | None:
    """Return the outermost function around a line."""
    within = [
        each
        for each in ast.walk(source.tree)
        if isinstance(each, FUNCTIONS)
        and min([each.lineno, *[one.lineno for one in each.decorator_list]]) <= line <= (each.end_lineno or 0)
    ]
    return min(within, key=lambda each: each.lineno, default=None)


def span(source: Source, function: Function) -> tuple[int, int]:
    """Return where the body of a function begins and ends, without its docstring: from the end of the line before it to
    the end of its last line. Raises ValueError where it shares a line with what is no part of it."""
    body = own(function)
    if not body:
        raise ValueError(f"`{function.name}` does nothing")
    first = body[0]
    if body is not function.body:
        start = _line_end(source, function.body[0].end_lineno or 0)
    else:
        start = _header_end(source, function)
    if (at := source.offset(first.lineno, first.col_offset)) < start:
        start = len(source.text[:at].rstrip(" \t"))
    last = body[-1].end_lineno or 0
    end = _line_end(source, last)
    rest = source.text[source.span(body[-1])[1] : end].strip()
    if rest and not rest.startswith("#"):
        raise ValueError(f"`{function.name}` shares its last line with other code")
    return start, end


def own(function: Function) -> list[ast.stmt]:
    """Return the statements of a function without its docstring."""
    return function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body


def indented(source: Source, function: Function, indent: str) -> str:
    """Return the body of a function as it stands at another indent, a newline in front; texts over several lines keep
    what they hold."""
    start, end = span(source, function)
    first = own(function)[0]
    head = source.text[source.starts[first.lineno - 1] : source.offset(first.lineno, first.col_offset)]
    if head.strip():  # on the line of the `def`
        return f"\n{indent}{source.text[start:end].strip()}"
    kept = _within_texts(source.text)
    lines = []
    number = source.text.count("\n", 0, start) + 1
    for line in source.text[start:end].split("\n")[1:]:
        number += 1
        if number in kept:
            lines.append(line)
        elif not line.strip():
            lines.append("")
        else:
            lines.append(indent + (line[len(head) :] if line.startswith(head) else line.lstrip()))
    return "\n" + "\n".join(lines)


def _line_end(source: Source, line: int) -> int:
    """Return the offset at which a line ends, before its newline."""
    return min(source.starts[line] - 1, len(source.text))


def _header_end(source: Source, function: Function) -> int:
    """Return where the line ends on which the colon of a `def` stands."""
    text = source.text[source.starts[function.lineno - 1] :]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            return _line_end(source, function.lineno + token.start[0] - 1)
    return len(source.text)


def _within_texts(text: str) -> set[int]:
    """Return the lines that begin within a literal text: their white space is part of it."""
    lines: set[int] = set()
    open_from: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == F_STRING[0]:
            open_from.append(token.start[0])
        elif token.type == F_STRING[1]:
            lines.update(range(open_from.pop() + 1, token.end[0] + 1))
        elif token.type == tokenize.STRING:
            lines.update(range(token.start[0] + 1, token.end[0] + 1))
    return lines
