"""What the body of a function asks of its parameters: iterated, indexed, called, compared, passed on."""

import ast
import inspect
import io
import pathlib
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from .grown import adder  # type: ignore[import-not-found,unused-ignore]
from .kinds import FileName, Filled, Fixed, Function, Items, Numbers, Record, Size  # type: ignore[import-not-found,unused-ignore]

DEEPEST = 3
ITERATES = frozenset([
    "iter", "list", "tuple", "set", "frozenset", "sorted", "sum", "min", "max", "any", "all", "enumerate", "zip",
    "reversed", "chain", "map", "filter", "islice", "tee", "combinations", "permutations", "product", "deque",
    "Counter", "from_iterable", "accumulate", "groupby", "starmap", "takewhile", "dropwhile", "zip_longest", "cycle",
    "compress", "filterfalse", "join", "extend", "update", "fsum", "reduce", "pairwise",
])  # fmt: skip
SIZES = frozenset(["range", "islice", "repeat", "combinations", "permutations"])
NUMBERS = frozenset([
    "int", "float", "abs", "round", "sqrt", "log", "log2", "log10", "floor", "ceil", "exp", "gcd", "comb", "factorial",
    "pow", "isqrt", "divmod",
])  # fmt: skip
LIST, DICT, SET, TEXT = (frozenset(dir(kind)) for kind in (list, dict, set, str))
FILE = frozenset(dir(io.StringIO)) - LIST
NAMES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (r"(iterables?|iterators?|items|seqs?|sequences?|values|elements|objects|data|rows|records|xs|lst|args|it|population)$",
     (list[int], list[tuple[int, int]], list[list[int]], list[str])),
    (r"(text|string|s|word|name|line|sentence|msg|message|pattern|content|phrase|prefix|suffix|title|label)$",
     (str,)),
    (r"(d|dicts?|mapping|dictionary|weights|counts|kwargs)$", (dict[str, int], dict[int, int])),
    (r"(func|function|f|fn|callback|key|keyfunc|mapper|transform|op|binop|factory|reducer|method)$",
     (Function("the first argument"), Function("a list of the arguments"), Function("the sum"))),
    (r"(pred|predicate|validator|test|cond|condition|filter|pred_?\w*)$",
     (Function("whether it is odd"), Function("true"))),
    (r"(n|size|length|count|num|number|limit|total|order|m|n\d|m\d|nodes|bits|width|height)$", (Size(), Fixed(3))),
    (r"(k|r|depth|level|step|window|width|idx|index|pos|position|chunk\w*|ndigits|degree|d)$", (Fixed(2), Fixed(1))),
    (r"(p\d?|q\d?|prob\w*|alpha|beta|ratio|threshold|t|tol\w*|epsilon|radius|theta|rate)$", (Fixed(0.3), Fixed(2))),
    (r"(path|filename|file_?path|fname|file|src|source_?file)$", (FileName(), pathlib.Path, io.StringIO)),
    (r"(context_manager|fp|fh|fileobj|file_obj|stream|buf|buffer|f)$", (io.StringIO, io.BytesIO)),
    (r"(deg\w*|\w*degree_?seq\w*|\w*sequence|aseq|bseq|sizes|counts)$", (Items(Fixed(2)),)),
    (r"(source|src|u|start|s|root|node|vertex|x|i|left)$", (Fixed(0), Fixed(1))),
    (r"(target|dst|v|end|sink|t|y|j|stop|right|other)$", (Fixed(1), Fixed(2))),
    (r"(sources|targets|nodes|nbunch|subset|group|s|t|c|terminal_nodes|seeds|ebunch)$", (Numbers(),)),
    (r"(matrix|table|grid|edges|pairs|edgelist|links)$", (list[tuple[int, int]], list[list[int]])),
    (r"(date\w*|dt)$", ()),
)  # fmt: skip
LAST = (
    list[int], Numbers(), str, Fixed(1), Size(), dict[str, int], list[tuple[int, int]], list[list[int]],
    Function("the first argument"), list[str], Fixed(0.3), set[int], Items(Fixed(2)),
)  # fmt: skip


class Facts:
    """What is known of one value from how it is used."""

    def __init__(self) -> None:
        self.used: set[str] = set()  # attributes
        self.keys: set[str] = set()
        self.says: set[str] = set()  # iterated, sized, indexed, number, text, size, called, awaited, keyed
        self.element: Facts | None = None
        self.below: Facts | None = None  # what the functions that it is passed to do with it
        self.pair = 0  # names that an element is unpacked into

    def item(self) -> "Facts":
        """Return what is known of an element."""
        self.element = self.element or Facts()
        return self.element

    def merge(self, other: "Facts") -> None:
        """Add what another place knows of the same value."""
        self.used |= other.used
        self.keys |= other.keys
        self.says |= other.says
        self.pair = self.pair or other.pair
        self.element = self.element or other.element


class _Reader(ast.NodeVisitor):
    """Collects facts of the names of one body; `passed` are the values that go to another function."""

    def __init__(self, names: Iterable[str]) -> None:
        self.facts = {name: Facts() for name in names}
        self.passed: list[tuple[str, str, int | str]] = []  # name, callee, position or keyword

    def of(self, node: ast.AST) -> "Facts | None":
        """Return the facts of what an expression stands for, where it is a name we follow or an element of one."""
        if isinstance(node, ast.Name):
            return self.facts.get(node.id)
        if isinstance(node, ast.Subscript) and (owner := self.of(node.value)) is not None:
            return owner.item() if not isinstance(node.slice, ast.Slice) else owner
        return None

    def say(self, node: ast.AST, *what: str) -> None:
        if (facts := self.of(node)) is not None:
            facts.says.update(what)

    def visit(self, node: ast.AST) -> None:
        # A comprehension's loops come after what they feed, in the tree.
        for each in (node, *getattr(node, "generators", ())):
            if isinstance(each, (ast.For, ast.AsyncFor, ast.comprehension)):
                self.loop(each.target, each.iter)
        super().visit(node)

    def loop(self, target: ast.expr, walked: ast.expr) -> None:
        if isinstance(walked, ast.Call) and isinstance(walked.func, ast.Name) and walked.args:
            inner = walked.args[0]
            if walked.func.id == "enumerate" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
                self.loop(target.elts[1], inner)
            elif walked.func.id in ("sorted", "reversed", "iter", "list", "set", "tuple"):
                self.loop(target, inner)
            return
        facts = self.of(walked)
        if facts is None:
            return
        facts.says.add("iterated")
        if isinstance(target, ast.Name):
            self.facts[target.id] = facts.item()
        elif isinstance(target, ast.Tuple):
            facts.pair = len(target.elts)

    def visit_Assign(self, node: ast.Assign) -> None:
        facts = self.of(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name) and facts is not None:
                self.facts[target.id] = facts
            elif isinstance(target, ast.Tuple) and facts is not None:
                facts.says.add("iterated")
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if (facts := self.of(node.value)) is not None:
            facts.used.add(node.attr)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if (facts := self.of(node.value)) is not None:
            index = node.slice
            if isinstance(index, ast.Constant) and isinstance(index.value, str):
                facts.keys.add(index.value)
            elif isinstance(index, ast.Slice) or (isinstance(index, ast.Constant) and isinstance(index.value, int)):
                facts.says.add("indexed")
            else:
                facts.says.add("keyed")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.say(node.func, "called")
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        for place, argument in enumerate(node.args):
            inner = argument.value if isinstance(argument, ast.Starred) else argument
            if isinstance(argument, ast.Starred):
                self.say(inner, "iterated")
            if name == "len":
                self.say(inner, "sized")
            if name in ("isinstance", "issubclass", "callable", "hasattr", "getattr", "type", "repr", "print"):
                continue
            if name in ITERATES and (place == 0 or name not in ("islice", "repeat", "combinations", "permutations")):
                self.say(inner, "called" if place == 0 and name in ("map", "filter", "reduce") else "iterated")
            elif name in SIZES:
                self.say(inner, "size")
            if name == "open":
                self.say(inner, "opened")
            if name in ("create_task", "ensure_future"):
                self.later(inner)
            if name in NUMBERS:
                self.say(inner, "number")
            if isinstance(inner, ast.Name) and inner.id in self.facts:
                self.passed.append((inner.id, ast.unparse(node.func), place))
        for keyword in node.keywords:
            if isinstance(keyword.value, ast.Name) and keyword.value.id in self.facts and keyword.arg:
                self.passed.append((keyword.value.id, ast.unparse(node.func), keyword.arg))
        self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> None:
        self.later(node)
        self.generic_visit(node)

    def later(self, node: ast.AST) -> None:
        """Say of all that is called within an expression that what it gives is awaited."""
        for each in ast.walk(node):
            if isinstance(each, ast.Call):
                self.say(each.func, "awaited")

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for one, operator in zip(sides[1:], node.ops, strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)):
                self.say(one, "holds")
        kinds = {type(each.value) for each in sides if isinstance(each, ast.Constant)}
        for side in sides:
            if isinstance(node.ops[0], (ast.In, ast.NotIn, ast.Is, ast.IsNot)):
                continue
            if str in kinds:
                self.say(side, "text")
            elif kinds & {int, float} or isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
                self.say(side, "number")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(other, (ast.List, ast.JoinedStr)) or isinstance(getattr(other, "value", None), str):
                self.say(side, "size" if isinstance(node.op, ast.Mult) else "text")
            else:
                self.say(side, "number")
        self.generic_visit(node)

    def visit_With(self, node: ast.With) -> None:
        for each in node.items:
            self.say(each.context_expr, "managed")
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        for each in ast.walk(node.test):
            if isinstance(each, ast.Name) and isinstance(node.test, ast.Compare):
                self.say(each, "size")
        self.generic_visit(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self.say(node.value, "iterated")
        self.generic_visit(node)


def code_of(function: Any) -> Any:
    """Return the code object of a function below its decorators; None where it has none."""
    for _ in range(20):
        if (code := getattr(function, "__code__", None)) is not None and not hasattr(function, "__wrapped__"):
            return code
        inner = next(
            (
                each
                for name in ("__wrapped__", "__func__", "func", "orig_func", "fget")
                if callable(each := getattr(function, name, None))
            ),
            None,
        )
        if inner is None:
            return getattr(function, "__code__", None)
        function = inner
    return None


def parsed(function: Any) -> "ast.FunctionDef | ast.AsyncFunctionDef | None":
    """Return the syntax tree of a function's definition; None where its source is not known."""
    code = code_of(function)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    except (OSError, TypeError, SyntaxError, ValueError, IndentationError):
        return None
    first = tree.body[0] if tree.body else None
    return first if isinstance(first, (ast.FunctionDef, ast.AsyncFunctionDef)) else None


def facts(function: Any, depth: int = 0) -> dict[str, Facts]:
    """Return what is known of each parameter from the body, and from the functions that it is passed to."""
    node = parsed(function)
    if node is None:
        return {}
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    names = [each.arg for each in every]
    reader = _Reader([*names, *([given.vararg.arg] if given.vararg else [])])
    own = dict(reader.facts)
    for statement in node.body:
        reader.visit(statement)
    if depth < DEEPEST:
        around = getattr(inspect.unwrap(function), "__globals__", {})
        for name, callee, place in reader.passed:
            called = _resolve(around, callee)
            if called is None or called is function:
                continue
            below = facts(called, depth + 1)
            takes = list(below)
            key = place if isinstance(place, str) else takes[place] if place < len(takes) else None
            if key in below and name in own:
                there = own[name].below or Facts()
                for each in (below[key], below[key].below):
                    if each is not None:
                        there.merge(each)
                own[name].below = there
    return own


def _resolve(around: dict[str, Any], dotted: str) -> Any:
    """Return a function of the same package that a dotted name stands for; None for anything else."""
    first, *rest = dotted.split(".")
    found = around.get(first)
    for part in rest:
        if not inspect.ismodule(found):
            return None
        found = getattr(found, part, None)
    package = str(around.get("__name__", "")).partition(".")[0]
    own = str(getattr(found, "__module__", "")).partition(".")[0] == package
    return found if own and code_of(found) is not None and not inspect.isclass(found) else None


def candidates(known: "Facts | None", name: str, classes: "Iterable[type]", default: Any = None) -> list[Any]:
    """Return the kinds that a parameter may be, the likeliest first."""
    found: list[Any] = []
    plain = name.lower().strip("_").rstrip("0123456789")
    named = [
        kind
        for pattern, kinds in NAMES
        if re.match(pattern, plain) or re.search("_" + pattern, plain)
        for kind in kinds
    ]
    if known is not None:
        if known.says and known.says <= {"number", "size"} and not known.used:
            found.extend(kind for kind in named if isinstance(kind, (Fixed, Size)))  # which number, the name tells
        if known.below is not None and known.used and known.below.used:
            both = Facts()  # an object's attributes are those used here and those used there
            both.merge(known)
            both.merge(known.below)
            found.extend(_from_use(both, classes))
        found.extend(_from_use(known, classes))
        if known.below is not None:
            found.extend(_from_use(known.below, classes))
    if default is not None and type(default) in (int, float, str, bool):
        found.append(Size() if type(default) is int and known and "size" in known.says else Fixed(default))
    found.extend(named)
    found.extend(LAST)
    if known is None or not (known.used or (known.below is not None and known.below.used)):
        found[4:4] = [Filled(kind, linked=linked) for kind in list(classes)[:1] for linked in (True,)]
    unique: dict[str, Any] = {}
    for kind in found:
        unique.setdefault(str(kind), kind)
    return list(unique.values())


def _from_use(known: Facts, classes: "Iterable[type]") -> Iterator[Any]:  # noqa: C901 - one line a use
    """Give the kinds that the uses of a value allow."""
    used, says = known.used, known.says
    own = [kind for kind in classes if used and used <= _offers(kind)]
    plain = not used or used <= LIST or used <= DICT or used <= SET or used <= TEXT
    if used and not plain:
        # What it uses may depend on what it is given: the base of a class that has it all may do as well.
        bases = [base for base in own[0].__mro__[1:] if base in classes] if own else []
        for kind in (*own[:1], *bases, *own[1:4]):
            yield Filled(kind, linked=True)
        for kind in (*own[:1], *bases):
            yield Filled(kind, linked=False)
    if used & FILE and used <= frozenset(dir(io.StringIO)):
        yield io.StringIO
        yield io.BytesIO
    if "managed" in says:
        yield io.StringIO
    if "opened" in says:
        yield FileName()
    inner = _inner(known)
    if known.keys:
        yield Record(dict.fromkeys(known.keys, int), keys=True)
    if "awaited" in says:
        yield Function("the first argument, later")
    if "called" in says:
        yield Function("the first argument")
        yield Function("whether it is odd")
        yield Function("a list of the arguments")
        yield Function("the sum")
    if used:
        if used <= TEXT and not used <= LIST:
            yield str
        if used <= DICT and used & {"items", "keys", "values", "get", "setdefault"}:
            yield dict[str, int]
            yield dict[int, list[int]]
        if used <= LIST:
            yield list[inner]  # type: ignore[valid-type]
        if used <= SET and not used <= LIST:
            yield set[int]
        if not own and not plain:
            yield Record({each: int for each in used if not each.startswith("__")})
    if "iterated" in says or "sized" in says or "indexed" in says:
        yield list[inner]  # type: ignore[valid-type]
        if inner is not int:
            yield list[int]
        yield str
    if "keyed" in says or "holds" in says:
        yield dict[int, int]
        yield list[int]
    if "text" in says:
        yield str
    if "size" in says:
        yield Size()
    if "number" in says:
        yield Size()
        yield Fixed(2)
        yield Fixed(0.3)
    if own and plain and used:
        yield Filled(own[0], linked=True)


def _inner(known: Facts) -> Any:
    """Return the kind of an element."""
    if known.pair:
        return tuple[(int,) * known.pair]  # type: ignore[misc]
    element = known.element
    if element is None:
        return int
    if element.pair:
        return list[tuple[(int,) * element.pair]]  # type: ignore[misc]
    if element.keys:
        return Record(dict.fromkeys(element.keys, int), keys=True)
    if element.used:
        if element.used <= TEXT:
            return str
        if element.used <= DICT:
            return dict[str, int]
        if element.used <= LIST or element.used <= SET:
            return list[int]
        return Record(dict.fromkeys(element.used, int))
    if element.says & {"iterated", "indexed", "sized"}:
        return list[int]
    return int


_OFFERS: dict[type, frozenset[str]] = {}


def _offers(kind: type) -> frozenset[str]:
    """Return the attributes that instances of a class have, also those that its methods set."""
    if kind not in _OFFERS:
        found = set(dir(kind))
        for base in kind.__mro__:
            init = base.__dict__.get("__init__")
            node = parsed(init) if inspect.isfunction(init) else None
            for each in ast.walk(node) if node is not None else ():
                if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
                    found.add(each.attr)
        _OFFERS[kind] = frozenset(found)
    return _OFFERS[kind]


_CLASSES: dict[str, list[type]] = {}


def classes(function: Any) -> list[type]:
    """Return the classes of the function's package that can be built empty and added to, the simplest first."""
    around = getattr(inspect.unwrap(function), "__globals__", {})
    name = str(around.get("__name__", ""))
    if name not in _CLASSES:
        package = sys.modules.get(name.partition(".")[0])
        found: dict[type, None] = {}
        for space in (around, vars(package) if package is not None else {}):
            for each in list(space.values()):
                if inspect.isclass(each) and each.__module__.partition(".")[0] == name.partition(".")[0]:
                    found[each] = None
        able = [each for each in found if not issubclass(each, BaseException) and _fills(each)]
        _CLASSES[name] = sorted(able, key=lambda kind: (len(kind.__mro__), len(dir(kind)), kind.__name__))
    return _CLASSES[name]


def _fills(kind: type) -> bool:
    try:
        adder(kind())
    except Exception:  # the user's class, built as it may not like
        return False
    return True
