"""What a candidate may not do, read from its source: look at its measurement, at the clock, keep what it gave."""

import ast
import builtins
import itertools
from collections.abc import Collection, Iterator, Mapping

from perfwright.fix.judge.trees import Tree, of

# By what they do: names of modules, of what is in them, and of functions that are always there.
DOES: Mapping[str, tuple[str, ...]] = {
    "looks at its callers": (
        "inspect", "sys._getframe", "sys._current_frames", "traceback.extract_stack", "traceback.walk_stack",
    ),
    "looks whether it is watched": ("sys.gettrace", "sys.getprofile", "sys.monitoring", "tracemalloc", "resource"),
    "changes how it is watched": ("sys.settrace", "sys.setprofile", "threading.settrace", "threading.setprofile"),
    "looks at the memory": ("gc", "ctypes", "dis"),
    "looks at what is loaded": ("sys.modules", "perfwright", "_perfwright_worker"),
    "reads the clock": tuple(
        f"time.{name}{unit}"
        for name in ("time", "perf_counter", "monotonic", "process_time", "thread_time")
        for unit in ("", "_ns")
    ),
    "works behind the measurement": ("threading.Thread", "atexit", "signal"),
    "changes the interpreter for all": ("sys.setrecursionlimit", "sys.setswitchinterval", "builtins"),
    "changes how code is loaded": ("sys.meta_path", "sys.path_hooks", "sys.path", "sys.path_importer_cache"),
    "loads code by name": ("importlib",),
    "looks where it runs": (
        "os.environ", "os.getenv", "os.getpid", "os.getppid", "sys.argv", "sys.orig_argv", "sys.executable",
        "sys.flags", "platform", "getpass",
    ),
}  # fmt: skip
SNIFFS = {name: what for what, names in DOES.items() for name in names}
CALLS = {
    "exec": "runs text as code", "eval": "runs text as code", "compile": "makes code from text",
    "globals": "reaches for the module's names", "__import__": "loads code by name",
}  # fmt: skip
BY_NAME = ("getattr", "setattr", "hasattr", "delattr", "vars")  # what takes attributes by their names
PLACES = ("__file__", "__spec__", "__loader__")  # names that say which of the versions a module is
CACHES = ("lru_cache", "cache", "cached", "memoize", "cached_property", "alru_cache")


def refused(before: str, after: str, allowed: Collection[str] = ()) -> str:
    """Return why the second source may not stand for the first; nothing where it may. Sources that do not parse say so.

    What the first does too is its own affair; so is a cache where it is `allowed`.
    """
    try:
        old, new = ast.parse(before), ast.parse(after)
    except SyntaxError as error:
        return f"it does not parse ({error.msg}, line {error.lineno})"
    known = dict(_found(old))
    for what, (line, why) in _found(new):
        if what not in known:
            return f"line {line}: `{what}` {why}, which the first version does not"
    for line, name in caches(before, after) if "cache" not in allowed else ():
        return f"line {line}: {name} keeps what it gave, which nobody asked for (--allow cache)"
    return ""


def caches(before: str, after: str) -> list[tuple[int, str]]:
    """Return the caches that the second source keeps and the first does not, each with its line."""
    try:
        old, new = ast.parse(before), ast.parse(after)
    except SyntaxError:
        return []
    known = [name for _, name in _caches(old)]
    found = []
    for line, name in _caches(new):
        if name in known:
            known.remove(name)
        else:
            found.append((line, name))
    return found


def constants(*sources: str) -> list[Tree]:
    """Return the numbers and texts that sources name, each once."""
    found: dict[str, Tree] = {}
    for source in sources:
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str, bytes)):
                value = node.value
                near = (
                    [value] if not isinstance(value, int) or isinstance(value, bool) else [value - 1, value, value + 1]
                )
                if isinstance(value, (str, bytes)) and len(value) > 60:
                    continue
                found |= {repr(each): of(each) for each in near}
            elif isinstance(node, ast.Name) and node.id in BY_NAME:
                found |= {repr(name): name for name in _attributes(tree)}
    return list(found.values())[:60]


def _attributes(tree: ast.Module) -> Iterator[str]:
    """Give the names of what the classes of a source say for all their objects."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for each in node.body:
                targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def caught(*sources: str) -> list[str]:
    """Return the errors that sources expect, as the worker names them: those of Python, and those of their own."""
    found: dict[str, None] = {}
    for source in sources:
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        own = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                for each in node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]:
                    if isinstance(each, ast.Name) and (each.id in own or hasattr(builtins, each.id)):
                        found[f"~:{each.id}" if each.id in own else f"builtins:{each.id}"] = None
    return list(found)[:4]


def takes_what_is_sent(source: str) -> bool:
    """Tell whether a generator of a source uses what it is sent: `got = yield given`."""
    tree = ast.parse(source)
    plain = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    return any(isinstance(each, ast.Yield) and id(each) not in plain for each in ast.walk(tree))


def sizes(*sources: str) -> list[int]:
    """Return the sizes at which sources may begin to behave otherwise: numbers that they compare with, count in steps
    of, or cut at, also by a name that the module gives them."""
    found: dict[int, None] = {}
    for source in sources:
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        named = {
            target.id: each.value
            for each in tree.body
            if isinstance(each, ast.Assign | ast.AnnAssign) and each.value is not None
            for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
            if isinstance(target, ast.Name)
        }
        for value in itertools.chain(*(map(_bounds, ast.walk(tree)))):
            number = _whole(named.get(value.id, value) if isinstance(value, ast.Name) else value)
            if 4 < number <= 20_000:
                found |= dict.fromkeys((number - 1, number, number + 1))
    return sorted(list(found)[:12])


def _bounds(node: ast.AST) -> list[ast.expr]:
    """Return the parts of a node that may be a bound: of a comparison, a slice, a range or a remainder."""
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Slice):
        return [each for each in (node.lower, node.upper, node.step) if each is not None]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("range", "islice"):
        return node.args
    return [node.right] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.FloorDiv) else []


def _whole(node: ast.expr) -> int:
    """Return the whole number that an expression of constants comes to; 0 where it is none."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else 0
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.LShift):
        left, right = _whole(node.left), _whole(node.right)
        return left * right if isinstance(node.op, ast.Mult) else left << min(max(right, 0), 64)
    return 0


def _found(tree: ast.Module) -> Iterator[tuple[str, tuple[int, str]]]:
    """Give what a source uses of what is refused, by name, with its line and the reason."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                if (why := SNIFFS.get(each.name) or SNIFFS.get(each.name.partition(".")[0])) is not None:
                    yield each.name, (node.lineno, why)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                name = f"{node.module}.{each.name}"
                if (why := SNIFFS.get(name) or SNIFFS.get(node.module)) is not None:
                    yield name, (node.lineno, why)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name in SNIFFS:
                yield name, (node.lineno, SNIFFS[name])
            elif node.attr in ("__code__", "__globals__", "f_back", "f_locals", "gi_frame", "cr_frame"):
                yield node.attr, (node.lineno, "looks into code that runs")
        elif isinstance(node, ast.Name) and node.id in PLACES:
            yield node.id, (node.lineno, "looks where it runs")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield node.func.id, (node.lineno, CALLS[node.func.id])


def _caches(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Give the caches that live on after a call: those inside of a function die with it."""
    for node in [*tree.body, *[each for one in tree.body if isinstance(one, ast.ClassDef) for each in one.body]]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for each in node.decorator_list:
                called = each.func if isinstance(each, ast.Call) else each
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                if name in CACHES:
                    yield each.lineno, f"@{name} on {node.name}"
