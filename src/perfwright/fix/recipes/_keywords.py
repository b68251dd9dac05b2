"""Keyword arguments that a call is given."""

import ast
import re

from perfwright.fix.source import Edit, Source


def named_in(cure: str) -> str:
    """Return the argument that a cure says to pass; nothing where it says none."""
    found = re.match(r"(?:Pass|Give \w+) (\w+)=", cure)
    return found[1] if found is not None else ""


def given(source: Source, call: ast.Call, name: str, value: str) -> Edit | None:
    """Return the edit that gives a call a keyword argument, in place of None where that is given; None where it may be
    given already, or has another value."""
    for each in call.keywords:
        if each.arg is None:
            return None
        if each.arg == name:
            is_none = isinstance(each.value, ast.Constant) and each.value.value is None
            return source.replace(each.value, value) if is_none else None
    if any(isinstance(each, ast.GeneratorExp) and len(call.args) == 1 and not call.keywords for each in call.args):
        return None
    parts = [source.span(each) for each in (*call.args, *call.keywords)]
    end = source.span(call)[1] - 1
    if not parts:
        return Edit(end, end, f"{name}={value}")
    first, last = max(parts)
    brackets = source.text[last:end]
    closing = re.match(r"[\s)]*\)(?=[\s,]*$)", brackets)  # of an argument that stands in brackets
    last += len(closing[0]) if closing is not None else 0
    indent = re.search(r"\n([ \t]*)\Z", source.text[:first])
    own_line = indent is not None and "\n" in source.text[last:end]
    return Edit(last, last, f",\n{indent[1]}{name}={value}" if indent and own_line else f", {name}={value}")
