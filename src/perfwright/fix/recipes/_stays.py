"""What stays the same while a loop runs, and what each pass works out, as far as one file tells."""

import ast
from collections.abc import Iterator

from perfwright.fix.source import COMPREHENSIONS, FUNCTIONS, Source, bound, changed, names

READS = frozenset((
    "len", "sum", "min", "max", "sorted", "list", "tuple", "set", "frozenset", "dict", "any", "all",
    "enumerate", "range", "zip", "reversed", "str", "repr", "int", "float", "bool", "abs", "round",
    "isinstance", "print", "format", "hash", "type", "getattr", "hasattr", "ord", "chr", "divmod", "pow", "map",
    "filter", "bytes", "Counter", "deque",
))  # fmt: skip
ASKS = frozenset((
    "get", "items", "keys", "values", "count", "index", "copy", "startswith", "endswith", "split", "rsplit",
    "splitlines", "strip", "lstrip", "rstrip", "lower", "upper", "title", "casefold", "join", "format",
    "encode", "decode", "replace", "find", "rfind", "isdigit", "isalpha", "isalnum", "isspace", "isdecimal",
    "partition", "rpartition", "isoformat", "issubset", "issuperset", "isdisjoint", "union", "intersection",
    "difference", "zfill", "most_common", "bit_length",
))  # fmt: skip
NEVER_FAIL = frozenset((
    "len", "sum", "sorted", "list", "tuple", "set", "frozenset", "dict", "any", "all", "enumerate", "zip",
    "reversed", "str", "repr", "bool", "isinstance", "lower", "upper", "strip", "casefold", "items", "keys",
    "values", "get",
))  # fmt: skip
UNCHANGING = frozenset((
    "str", "int", "float", "bool", "bytes", "complex", "Path", "PurePath", "Decimal", "Fraction", "date",
    "datetime", "timedelta", "UUID", "frozenset", "tuple", "Tuple", "FrozenSet", "None", "Callable", "Pattern",
    "type",
))  # fmt: skip
LEAVES = (ast.Break, ast.Continue, ast.Return, ast.Raise)
WAITS = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith)
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def stays(source: Source, node: ast.expr, loop: ast.AST) -> bool:
    """Tell whether an expression is sure to come to the same on each pass of a loop.

    Nothing that it names is given a value, changed or handed on to code that may change it, by any of its names, and
    nobody else's turn comes meanwhile.
    """
    if any(isinstance(each, WAITS) for each in ast.walk(loop)) or is_lazy(source, loop):
        return False
    inner = [each for each in ast.walk(node) if isinstance(each, ast.Lambda | ast.comprehension)]
    own = {name for each in inner for name in bound(each)}
    wanted = names(node) - own
    if wanted & (bound(loop) - own) or wanted & shared(source, node):
        return False
    function = source.function(node)
    held = {ast.unparse(each) for each in ast.walk(node) if isinstance(each, ast.Name | ast.Attribute)}
    every = aliases(function, held) if function is not None else held
    if every & (changed(loop) | fed(source, loop)) or any(
        each in passed(source, loop, node) for each in every if is_open(source, node, each)
    ):
        return False
    return all(is_set_once(source, each, loop) for each in ast.walk(node) if isinstance(each, ast.Attribute))


def is_lazy(source: Source, loop: ast.AST) -> bool:
    """Tell whether a loop is a generator that is not gone through at once: it goes on when others had their turn."""
    if not isinstance(loop, ast.GeneratorExp):
        return False
    call = source.parents.get(loop)
    name = getattr(call.func, "id", getattr(call.func, "attr", "")) if isinstance(call, ast.Call) else ""
    return name not in READS - {"zip", "map", "filter", "enumerate", "reversed"} | {"join", "next", "extend", "update"}


def fed(source: Source, loop: ast.AST) -> set[str]:
    """Return what gets the items of a generator while it is gone through: `seen` of `seen.extend(x for x in xs)`."""
    call = source.parents.get(loop) if isinstance(loop, ast.GeneratorExp) else None
    is_method = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    return {ast.unparse(call.func.value)} if is_method else set()  # type: ignore[union-attr]


def shared(source: Source, node: ast.AST) -> set[str]:
    """Return the names that more than one function gives a value: a global, or one of a function around."""
    found: set[str] = set()
    for each in ast.walk(source.tree):
        if isinstance(each, ast.Global | ast.Nonlocal):
            found |= set(each.names)
    function = source.function(node)
    for each in ast.walk(function) if function is not None else ():
        if isinstance(each, (*FUNCTIONS, ast.Lambda)) and each is not function:
            found |= {text for text in changed(each) if text.isidentifier()}
    return found


def aliases(function: ast.AST, held: set[str]) -> set[str]:
    """Return what is held, with the other names that it has in a function."""
    pairs = [
        (ast.unparse(target), ast.unparse(each.value))
        for each in ast.walk(function)
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Name | ast.Attribute)
        for target in each.targets
    ]
    found = set(held)
    while more := {one for pair in pairs for one in pair if found & set(pair)} - found:
        found |= more
    return found


def passed(source: Source, loop: ast.AST, node: ast.expr) -> set[str]:
    """Return what a loop hands on to calls that may change it, or asks for what may change it, but for a node alike."""
    written, found = ast.unparse(node), set[str]()
    for call in ast.walk(loop):
        if not isinstance(call, ast.Call) or ast.unparse(call) == written:
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if isinstance(call.func, ast.Attribute) and name not in ASKS and not is_within(source, call, node):
            found.add(ast.unparse(call.func.value))
        if name in READS | ASKS or is_within(source, call, node):
            continue
        for each in (*call.args, *[keyword.value for keyword in call.keywords]):
            found.add(ast.unparse(each.value if isinstance(each, ast.Starred) else each))
    return found


def is_touched(source: Source, node: ast.expr, loop: ast.AST) -> bool:
    """Tell whether a loop changes a part of what an expression names, or asks something of it that may change it."""
    roots = names(node)
    iterables = [each.iter for each in ast.walk(loop) if isinstance(each, ast.For | ast.comprehension)]
    if any(isinstance(each, ast.Name) and each.id == _receiver(node) for each in iterables):
        return True  # it may go on with itself as it is gone through
    touched = changed(loop) | passed(source, loop, node)
    return any(text.partition(".")[0].partition("[")[0] in roots for text in touched if is_open(source, node, text))


def _receiver(node: ast.expr) -> str:
    """Return the name of the object that an expression asks; nothing where it asks none."""
    asked = node.func if isinstance(node, ast.Call) else node
    while isinstance(asked, ast.Attribute | ast.Subscript | ast.Call):
        asked = asked.func if isinstance(asked, ast.Call) else asked.value
        if isinstance(asked, ast.Name):
            return asked.id
    return ""


def is_within(source: Source, inner: ast.AST, outer: ast.AST) -> bool:
    """Tell whether a node is another, or in it."""
    return inner is outer or any(each is outer for each in source.above(inner))


def is_open(source: Source, node: ast.AST, name: str) -> bool:
    """Tell whether what a name stands for may be changed by others: it is no module, function or class, and nothing
    says that it is of a kind that never changes."""
    if not name.isidentifier():
        return True
    function = source.function(node)
    for each in ast.walk(function.args) if function is not None else ():
        if isinstance(each, ast.arg) and each.arg == name and each.annotation is not None:
            return not names(each.annotation) <= UNCHANGING or not names(each.annotation)
        if isinstance(each, ast.arg) and each.arg == name:
            return not (function is not None and is_own(source, function, name))
    return not any(
        (isinstance(each, (*FUNCTIONS, ast.ClassDef)) and each.name == name)
        or (isinstance(each, ast.Import | ast.ImportFrom) and name in {(a.asname or a.name) for a in each.names})
        for each in source.tree.body
    )


def is_own(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Tell whether a name is the object of a method: what its attributes are is looked at one by one."""
    first = [*function.args.posonlyargs, *function.args.args][:1]
    return isinstance(source.parents.get(function), ast.ClassDef) and [each.arg for each in first] == [name]


def is_set_once(source: Source, attribute: ast.Attribute, loop: ast.AST) -> bool:
    """Tell whether nothing that a loop may call sets an attribute of this name, or changes it in place."""
    calls = any(isinstance(each, ast.Call) and not is_within(source, each, attribute) for each in ast.walk(loop))
    if not calls:
        return True
    here = source.function(attribute)
    for function in ast.walk(source.tree):
        if not isinstance(function, FUNCTIONS) or function is here or function.name in ("__init__", "__post_init__"):
            continue
        if any(text.rpartition(".")[2] == attribute.attr and "." in text for text in changed(function)):
            return False
    return True


# ------------------------------------------------------------------------------ what becomes of an answer
NUMBERS = frozenset(("len", "sum", "min", "max", "any", "all", "str", "int", "float", "bool", "round", "abs", "tuple"))


def only_read(source: Source, node: ast.expr, loop: ast.AST) -> bool:
    """Tell whether each pass only reads what an expression gives: it may be the same object each time."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in NUMBERS:
        return True
    made = source.parents.get(node)
    if not isinstance(made, ast.Assign) or made.value is not node:
        return _is_read(source, node, loop)
    names_of = [each.id for each in made.targets if isinstance(each, ast.Name)]
    uses = [each for each in ast.walk(loop) if isinstance(each, ast.Name) and each.id in names_of]
    touched = {text.partition(".")[0].partition("[")[0] for text in changed(loop)}
    reads = [each for each in uses if isinstance(each.ctx, ast.Load)]
    return len(names_of) == len(made.targets) and not touched & {*names_of} and all(
        _is_read(source, each, loop) for each in reads
    )  # fmt: skip


def _is_read(source: Source, node: ast.expr, loop: ast.AST) -> bool:
    parent = source.parents.get(node)
    if isinstance(parent, ast.Call):
        return parent.func is node or getattr(parent.func, "id", getattr(parent.func, "attr", "")) in READS | ASKS
    if isinstance(parent, ast.For | ast.comprehension):
        items = names(parent.target)
        return not any(text.partition(".")[0].partition("[")[0] in items for text in changed(loop))
    if isinstance(parent, ast.Attribute):
        call = source.parents.get(parent)
        return not isinstance(call, ast.Call) or call.func is not parent or parent.attr in ASKS
    kinds = (ast.Compare, ast.BinOp, ast.UnaryOp, ast.If, ast.IfExp, ast.While, ast.Subscript, ast.FormattedValue)
    return isinstance(parent, kinds)


def is_quiet(source: Source, node: ast.expr) -> bool:
    """Tell whether the functions of the file that an expression calls change nothing of what they are given."""
    called = {
        getattr(each.func, "id", getattr(each.func, "attr", ""))
        for each in ast.walk(node)
        if isinstance(each, ast.Call)
    }
    for function in ast.walk(source.tree):
        if isinstance(function, FUNCTIONS) and function.name in called:
            given = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
            touched = {text.partition(".")[0].partition("[")[0] for text in changed(function)}
            kinds = (ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom, ast.Await)
            if touched & given or any(isinstance(each, kinds) for each in ast.walk(function)):
                return False
    return True


# ------------------------------------------------------------------------------ what each pass comes to
def always(source: Source, node: ast.AST, loop: ast.AST) -> bool:
    """Tell whether each pass of a loop that is not left works a node out, first of all that may end the pass."""
    child = node
    for parent in source.above(node):
        if not _reached(parent, child):
            return False
        if parent is loop:
            return True
        child = parent
    return False


def _reached(parent: ast.AST, child: ast.AST) -> bool:
    if isinstance(parent, ast.If | ast.IfExp | ast.Assert):
        return child is parent.test
    if isinstance(parent, ast.BoolOp):
        return child is parent.values[0]
    if isinstance(parent, ast.Compare):
        return child is parent.left or child is parent.comparators[0]
    if isinstance(parent, ast.For | ast.AsyncFor | ast.While):
        return child not in parent.orelse and not _skipped(parent.body, child)
    if isinstance(parent, COMPREHENSIONS):
        if isinstance(child, ast.comprehension):
            return child is parent.generators[0] or not any(each.ifs for each in parent.generators)
        return not any(each.ifs for each in parent.generators)
    if isinstance(parent, ast.comprehension):
        return child is parent.iter or child is parent.ifs[0]
    return not isinstance(parent, (ast.Try, ast.With, ast.AsyncWith, ast.Match, ast.Lambda, *FUNCTIONS))


def _skipped(block: list[ast.stmt], child: ast.AST) -> bool:
    """Tell whether something before a statement of a block may leave it."""
    if child not in block:
        return False
    before = block[: block.index(child)]
    return any(isinstance(each, LEAVES) for statement in before for each in ast.walk(statement))


def never_fails(node: ast.expr) -> bool:
    """Tell whether working out an expression is no more than going through collections, whatever they hold."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            name = each.func.attr if isinstance(each.func, ast.Attribute) else getattr(each.func, "id", "")
            if name not in NEVER_FAIL:
                return False
        elif isinstance(each, ast.Subscript | ast.BinOp | ast.Starred):
            return False
    return True


def truth_of(loop: ast.AST) -> str:
    """Return the test that says whether a loop has a pass; nothing where there is none that is as good as free."""
    if isinstance(loop, ast.For):
        return " and ".join(_collections(loop.iter))
    if isinstance(loop, COMPREHENSIONS):
        return " and ".join(_collections(loop.generators[0].iter))
    return ""


def is_asked(source: Source, loop: ast.AST) -> bool:
    """Tell whether the test for a pass of a loop says nothing: it was just asked, or what is gone through is a file."""
    truth = truth_of(loop)
    for above in source.above(loop):
        if isinstance(above, FUNCTIONS):
            break
        if isinstance(above, ast.With | ast.AsyncWith) and any(
            isinstance(each.optional_vars, ast.Name) and each.optional_vars.id == truth for each in above.items
        ):
            return True
        if isinstance(above, ast.If) and ast.unparse(above.test) == truth and loop in above.body:
            before = ast.Module(above.body[: above.body.index(loop)], [])
            return not {truth, truth.partition(".")[0]} & (bound(before) | changed(before))
    return False


def _collections(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name | ast.Attribute) and all(
        isinstance(each, ast.Name | ast.Attribute | ast.expr_context) for each in ast.walk(node)
    ):
        yield ast.unparse(node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("items", "keys", "values") and not node.args:
            yield from _collections(node.func.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
        if node.func.id in ("enumerate", "reversed", "list", "sorted", "tuple", "set"):
            yield from _collections(node.args[0])
        elif node.func.id == "zip" and not node.keywords:
            found = [[*_collections(each)] for each in node.args]
            if all(found):
                yield from (each for some in found for each in some)
        elif node.func.id == "range" and len(node.args) == 1 and isinstance(inner := node.args[0], ast.Call):
            yield from _collections(inner.args[0]) if ast.unparse(inner.func) == "len" else ()
