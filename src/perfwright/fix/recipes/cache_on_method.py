"""A method that a cache of its class remembers keeps its answer on the object, and goes with it.

The method takes nothing but its object, whose class has no slots, and nothing asks the cache itself.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Edit, Source

CACHES = ("cache", "lru_cache")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    owner, _, name = finding.symbol.rpartition(".")
    for cls in ast.walk(source.tree):
        if not isinstance(cls, ast.ClassDef) or cls.name != owner.rpartition(".")[2] or has_slots(cls):
            continue
        found = [each for each in cls.body if isinstance(each, ast.FunctionDef) and each.name == name]
        if len(found) == 1 and f"{name}.cache_" not in source.text and is_alone(found[0]):
            yield from kept(source, cls, found[0])


def has_slots(cls: ast.ClassDef) -> bool:
    """Tell whether objects of a class may have no attributes of their own."""
    written = [ast.unparse(each) for each in (*cls.decorator_list, *cls.bases, *cls.keywords)]
    slots = any(isinstance(each, ast.Name) and each.id == "__slots__" for each in ast.walk(cls))
    return slots or any("slots=True" in each or each.endswith(("NamedTuple", "Enum", "Protocol")) for each in written)


def is_alone(method: ast.FunctionDef) -> bool:
    """Tell whether a method takes its object alone, and has one decorator, which remembers."""
    if len(method.decorator_list) != 1 or len(ast.unparse(method.args).split(",")) != 1 or method.args.vararg:
        return False
    decorator = method.decorator_list[0]
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called).rpartition(".")[2] in CACHES


def kept(source: Source, cls: ast.ClassDef, method: ast.FunctionDef) -> Iterator[Proposal]:
    """Give the proposal that makes a property of the method which keeps its answer, and lets the method read it."""
    name, own = source.fresh(f"_{method.name}", f"_own_{method.name}"), method.args.args[0].arg
    if any(f".{name}" in ast.unparse(each) for each in cls.body) or not source.begins(method):
        return
    decorated, imports = source.imported("functools", "cached_property", method.decorator_list[0])
    start = source.span(method)[0]
    at = source.text.index(method.name, start + len("def"))
    given = f" -> {source.text_of(method.returns)}" if method.returns is not None else ""
    indent = source.indent(method)
    step = source.indent(method.body[0]).removeprefix(indent) or "    "
    doc = method.body[0]
    says = [f"{step}{source.text_of(doc)}"] if ast.get_docstring(method) and "\n" not in source.text_of(doc) else []
    lines = [f"def {method.name}({own}){given}:", *says, f"{step}return {own}.{name}"]
    end = source.after(method, *lines)
    edits = [
        source.replace(method.decorator_list[0], decorated),
        Edit(at, at + len(method.name), name),
        Edit(end.start, end.end, f"\n{end.text}"),
        *imports,
    ]
    yield Proposal(tuple(edits), f"each `{cls.name}` keeps its own answer of `{method.name}`")


RECIPE = Recipe(
    rule="cache-on-method",
    improves=("hazard",),
    propose=propose,
    allows=("cache", "own-attribute"),
    suggested="objects have one attribute more, and those that are equal no longer share an answer",
)
