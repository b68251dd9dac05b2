"""Functions that may remember their answers: told the same they answer the same, and nobody can change an answer."""

import ast
import builtins
from collections.abc import Iterator

from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._stays import ASKS, READS
from perfwright.fix.source import FUNCTIONS, Source, bound, changed, names

MOST = 65_536  # answers that are kept
HASHABLE = frozenset((
    "int", "str", "float", "bool", "bytes", "complex", "tuple", "Tuple", "frozenset", "FrozenSet", "None", "Decimal",
    "Fraction", "date", "datetime", "timedelta", "UUID", "Path", "PurePath", "Optional",
))  # fmt: skip
COUNTS = READS - {"list", "dict", "set", "sorted", "Counter", "deque", "print", "getattr", "hasattr", "map", "filter"}
MAKES = ("list", "dict", "set", "sorted", "Counter", "deque", "defaultdict", "bytearray")
MODULES = ("math", "operator", "cmath")
OTHERWISE = (
    *(ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal, ast.Try, ast.With, ast.Raise, ast.Delete),
    *(ast.Import, ast.ImportFrom, ast.Lambda),
)


def memoised(source: Source, function: ast.FunctionDef) -> Iterator[Proposal]:
    """Give the proposals by which a function remembers a bounded number of answers; none where it may not."""
    if not is_pure(source, function) or not source.begins(function):
        return
    name, imports = source.imported("functools", "lru_cache")
    for typed in ("", ", typed=True"):  # 1, 1.0 and True are one key, unless their types count
        line = f"@{name}(maxsize={MOST:_}{typed})"
        yield Proposal(
            (source.before(function, line), *imports), f"`{function.name}` remembers its last {MOST:,} answers"
        )


def is_pure(source: Source, function: ast.FunctionDef) -> bool:
    """Tell whether a function only counts with what it is given, which can be hashed, and gives what cannot change."""
    if function.decorator_list or isinstance(source.parents.get(function), ast.ClassDef):
        return False
    given = function.args
    if given.kwarg is not None or not all(is_hashable(function, each) for each in _parameters(given)):
        return False
    for each in ast.walk(ast.Module(function.body, [])):
        if isinstance(each, (*OTHERWISE, *FUNCTIONS, ast.ClassDef)):
            return False
        if isinstance(each, ast.Call) and not _counts(function, each):
            return False
        if isinstance(each, ast.Return) and (each.value is None or _makes(each.value)):
            return False
    if changed(ast.Module(function.body, [])) - bound(ast.Module(function.body, [])):
        return False
    own = bound(function)
    return all(is_fixed(source, function, name) for name in names(ast.Module(function.body, [])) - own)


def _parameters(given: ast.arguments) -> list[ast.arg]:
    return [*given.posonlyargs, *given.args, *([given.vararg] if given.vararg else []), *given.kwonlyargs]


def is_hashable(function: ast.FunctionDef, parameter: ast.arg) -> bool:
    """Tell whether what a parameter takes can be hashed: its annotation says so, or it is counted up and down."""
    if parameter.annotation is not None:
        said = names(parameter.annotation)
        constants = [each for each in ast.walk(parameter.annotation) if isinstance(each, ast.Constant)]
        return said <= HASHABLE and all(each.value is None or each.value is ... for each in constants)
    return any(
        isinstance(each, ast.BinOp)
        and isinstance(each.op, ast.Add | ast.Sub | ast.FloorDiv)
        and isinstance(each.left, ast.Name)
        and each.left.id == parameter.arg
        and isinstance(each.right, ast.Constant)
        and isinstance(each.right.value, int)
        for each in ast.walk(function)
    )


def _counts(function: ast.FunctionDef, call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id == function.name or call.func.id in COUNTS
    if not isinstance(call.func, ast.Attribute):
        return False
    return ast.unparse(call.func.value) in MODULES or call.func.attr in ASKS - {
        "get",
        "items",
        "keys",
        "values",
        "copy",
    }


def _makes(value: ast.expr) -> bool:
    """Tell whether an answer may be something that its receiver can change."""
    if isinstance(value, ast.IfExp):
        return _makes(value.body) or _makes(value.orelse)
    if isinstance(value, ast.Tuple):
        return any(map(_makes, value.elts))
    if isinstance(value, ast.Call):
        return getattr(value.func, "id", getattr(value.func, "attr", "")) in (*MAKES, "split", "encode")
    if isinstance(value, ast.BinOp):
        return _makes(value.left) or _makes(value.right)
    return isinstance(
        value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp | ast.GeneratorExp
    )


def is_fixed(source: Source, function: ast.FunctionDef, name: str) -> bool:
    """Tell whether a name of the module, or of the function around, has one value that nothing in the file changes."""
    if hasattr(builtins, name) or name == function.name or name in MODULES:
        return True
    around = source.function(function)
    scope: ast.AST = around if around is not None and name in bound(around) else source.tree
    stores = [
        each
        for each in ast.walk(scope)
        if isinstance(each, ast.Name) and each.id == name and not isinstance(each.ctx, ast.Load)
    ]
    given = isinstance(scope, FUNCTIONS) and any(
        each.arg == name for each in ast.walk(scope) if isinstance(each, ast.arg)
    )
    shared = any(isinstance(each, ast.Global | ast.Nonlocal) and name in each.names for each in ast.walk(source.tree))
    return len(stores) + given == 1 and not shared and name not in changed(source.tree)
