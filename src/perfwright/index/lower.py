"""One file to its facts: a smaller tree of plain tuples that depends on the content alone.

Python's `ast` is precise but slow to hand between processes and dear to walk twice. Each file is walked
once, here, into nested tuples `(tag, position, ...)`; they go through `marshal` unchanged, so facts
can be computed in any process and kept by content hash. `position` packs line and column, see
`line_of` and `column_of`. The tags are listed in `index/tree.py`.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable
from typing import Any

from perfwright.index.newer import in_older_words
from perfwright.index.sources import digest

Node = tuple[Any, ...]
IGNORE = re.compile(r"#\s*perfwright:\s*ignore(?:\[([^\]]*)\])?\s*(.*)")
LONGEST_SCHEMA = 40_000
LONGEST_FORMATTED = 150_000  # bytes of an f-string: before Python 3.12 parsing takes time by the square of its length
FORMATTED = re.compile(rb"\b(?:[fF][rR]?|[rR][fF])(\"\"\"|'''|[\"'])")
LONGEST = 400  # characters kept of a string constant: enough for SQL, not for embedded data

QUERY = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|MERGE)\s", re.I)
TIME_FORMAT = re.compile("%[a-zA-Z-]")  # of `strftime`

ASYNC, GENERATOR, COROUTINE = 1, 2, 4
# What a body has, for who looks for that in every function: see `Function`.
TRIES, LOOPS, LISTS, CHANGES, GLOBALS, QUERIES = 8, 16, 32, 64, 128, 256
POSITIONAL, STAR, KEYWORD, DOUBLE_STAR = 0, 1, 2, 3

COMPARE = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitOr: "|",
    ast.BitAnd: "&",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.MatMult: "@",
}
CODE = (b"def ", b"lambda", b"import *", b"RunSQL(", b"<<<<<<<")  # the last is what a merge leaves
BRACKETS = ((b"(", b")"), (b"[", b"]"), (b"{", b"}"))
UNARY = {ast.Not: "not", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}


class TooLongError(Exception):
    """What is so long that parsing it would take minutes, in one sentence."""


def lower(source: bytes) -> Node:
    """Return the facts of a file: `(digest, lines, functions, classes, names, body, ignores, called)`.

    Raises SyntaxError, ValueError, RecursionError, MemoryError or TooLongError where Python cannot parse it.
    """
    lowering = _Lowering()
    body = () if is_declarative(source) else lowering.block(parse(source).body)
    return (
        digest(source),
        source.count(b"\n") + (not source.endswith(b"\n")),
        tuple(lowering.functions),
        tuple(lowering.classes),
        lowering.names,
        body,
        _ignores(source) if b"perfwright:" in source else (),
        tuple(lowering.called),
    )


def is_declarative(source: bytes) -> bool:
    """Tell whether a file is a migration of Django that only declares: no code of it runs on rows.

    Half the files of an old project are, and they need not be parsed. One that looks broken is, to be told of.
    """
    if b"(migrations.Migration)" not in source or any(word in source for word in CODE):
        return False
    return all(source.count(opening) == source.count(closing) for opening, closing in BRACKETS)


def parse(source: bytes) -> ast.Module:
    """Return the syntax tree of a file, also of one written for a younger Python; raises as `lower` does."""
    if len(source) > LONGEST_FORMATTED and has_long_formatted(source):
        size = f"{LONGEST_FORMATTED // 1000} kB"
        raise TooLongError(f"It holds an f-string of more than {size}; split it or exclude the file.")
    try:
        return ast.parse(source)
    except SyntaxError as error:
        try:
            older = in_older_words(source)
        except UnicodeDecodeError:
            raise error from None
        if older == source:
            raise
        try:
            return ast.parse(older)
        except SyntaxError:
            raise error from None


def has_long_formatted(source: bytes) -> bool:
    """Tell whether an f-string is so long that this Python would parse it for many seconds."""
    if sys.version_info >= (3, 12):
        return False
    for found in FORMATTED.finditer(source):
        quote, start = found[1], found.end()
        end = source.find(quote, start, start + LONGEST_FORMATTED)
        if end < 0 and (len(quote) > 1 or source.find(b"\n", start, start + LONGEST_FORMATTED) < 0):
            return len(source) - start > LONGEST_FORMATTED
    return False


def line_of(position: int) -> int:
    """Return the line of a packed position, from 1."""
    return position >> 12


def column_of(position: int) -> int:
    """Return the column of a packed position, from 1 (4096 at most)."""
    return (position & 4095) + 1


def _ignores(source: bytes) -> Node:
    """Return `(line, rules, reason)` of each `# perfwright: ignore[...]` comment."""
    found = []
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.COMMENT and (match := IGNORE.match(token.string)):
                rules = tuple(name.strip() for name in (match[1] or "").split(",") if name.strip())
                alone = token.line.strip().startswith("#")
                found.append((token.start[0], rules, match[2].strip(), alone))
    except (tokenize.TokenError, SyntaxError):
        return ()
    return tuple(found)


def _last(node: Node) -> str:
    """Return the last name of a decorator: `coroutine` of `@gen.coroutine`."""
    name = node[2] if node[0] == "call" else node
    return str(name[2]) if name[0] == "name" else str(name[3]) if name[0] == "attr" else ""


def _time_format(spec: ast.expr) -> str:
    """Return the format of a time that an f-string gives, or nothing: `%Y-%m-%d`, not `.1%`."""
    parts = spec.values if isinstance(spec, ast.JoinedStr) else []
    only = parts[0].value if len(parts) == 1 and isinstance(parts[0], ast.Constant) else ""
    return only if isinstance(only, str) and TIME_FORMAT.search(only) else ""


def _position(node: Any) -> int:
    line: int = node.lineno
    column: int = node.col_offset
    return (line << 12) | (column if column < 4095 else 4095)


class _Lowering:
    """The state of one walk: functions and classes found so far, and the scope being filled."""

    def __init__(self) -> None:
        self.functions: list[Node] = []
        self.classes: list[Node] = []
        self.names: dict[str, Node] = {}
        self.scope: dict[str, Node] | None = self.names
        self.prefix = ""
        self.owner = -1  # index of the class whose body is being walked
        self.outer = -1  # index of the function being walked
        self.flags = 0
        self.called: set[str] = set()  # the last names of what is called
        self.self_name = ""
        self.attributes: dict[str, list[int]] | None = None
        self.expressions: dict[type[ast.AST], Callable[[Any], Node]] = {
            ast.Name: self.name,
            ast.Attribute: self.attribute,
            ast.Call: self.call,
            ast.Constant: self.constant,
            ast.Subscript: self.subscript,
            ast.JoinedStr: self.formatted,
            ast.FormattedValue: self.written,
            ast.Compare: self.compare,
            ast.BoolOp: self.boolean,
            ast.BinOp: self.binary,
            ast.UnaryOp: self.unary,
            ast.List: lambda node: self.collection("list", node),
            ast.Tuple: lambda node: self.collection("tuple", node),
            ast.Set: lambda node: self.collection("set", node),
            ast.Dict: self.dictionary,
            ast.ListComp: lambda node: self.comprehension("list", node, node.elt),
            ast.SetComp: lambda node: self.comprehension("set", node, node.elt),
            ast.GeneratorExp: lambda node: self.comprehension("iter", node, node.elt),
            ast.DictComp: lambda node: self.comprehension("dict", node, node.key),
            ast.IfExp: self.conditional,
            ast.Lambda: self.lambda_,
            ast.Await: lambda node: ("await", _position(node), self.expression(node.value)),
            ast.Starred: lambda node: ("star", _position(node), self.expression(node.value)),
            ast.Slice: self.slice_,
            ast.NamedExpr: self.walrus,
            ast.Yield: self.yield_,
            ast.YieldFrom: self.yield_from,
        }
        self.statements: dict[type[ast.AST], Callable[[Any], Node | None]] = {
            ast.Expr: lambda node: ("expr", _position(node), self.expression(node.value)),
            ast.Assign: self.assign,
            ast.AnnAssign: self.annotated,
            ast.AugAssign: self.augmented,
            ast.Return: lambda node: ("return", _position(node), self.optional(node.value)),
            ast.If: lambda node: (
                "if",
                _position(node),
                self.expression(node.test),
                self.block(node.body),
                self.block(node.orelse),
            ),
            ast.For: lambda node: self.for_(node, False),
            ast.AsyncFor: lambda node: self.for_(node, True),
            ast.While: self.while_,
            ast.With: lambda node: self.with_(node, False),
            ast.AsyncWith: lambda node: self.with_(node, True),
            ast.Try: self.try_,
            ast.FunctionDef: lambda node: self.function(node, 0),
            ast.AsyncFunctionDef: lambda node: self.function(node, ASYNC),
            ast.ClassDef: self.class_,
            ast.Import: self.import_,
            ast.ImportFrom: self.import_from,
            ast.Raise: lambda node: ("raise", _position(node), self.optional(node.exc), self.optional(node.cause)),
            ast.Assert: lambda node: ("expr", _position(node), self.expression(node.test)),
            ast.Delete: lambda node: ("del", _position(node), tuple(map(self.expression, node.targets))),
            ast.Match: self.match,
            ast.Global: self.global_,
            ast.Break: lambda node: ("break", _position(node)),
            ast.Continue: lambda node: ("continue", _position(node)),
        }
        if hasattr(ast, "TryStar"):
            self.statements[ast.TryStar] = self.try_
        if hasattr(ast, "TypeAlias"):  # Python 3.12: read as in the words of older ones
            self.statements[ast.TypeAlias] = self.type_alias

    # ------------------------------------------------------------------ expressions
    def expression(self, node: ast.AST) -> Node:
        handler = self.expressions.get(type(node))
        if handler is None:  # syntax younger than this version of perfwright
            return ("const", _position(node) if hasattr(node, "lineno") else 0, None)
        return handler(node)

    def optional(self, node: ast.AST | None) -> Node | None:
        return None if node is None else self.expression(node)

    def name(self, node: ast.Name) -> Node:
        return ("name", (node.lineno << 12) | (node.col_offset if node.col_offset < 4095 else 4095), node.id)

    def attribute(self, node: ast.Attribute) -> Node:
        value = self.expression(node.value)
        # The attribute's own line: in a chain over several lines, the line of its name.
        line = node.end_lineno or node.lineno
        column = (node.end_col_offset or 0) - len(node.attr)
        return ("attr", (line << 12) | (column if 0 <= column < 4095 else 0), value, node.attr)

    def call(self, node: ast.Call) -> Node:
        function = self.expression(node.func)
        if function[0] == "attr":
            self.called.add(function[3])
        elif function[0] == "name":
            self.called.add(function[2])
        return (
            "call",
            function[1] if function[0] == "attr" else _position(node),
            function,
            tuple([self.expression(argument) for argument in node.args]),
            tuple([(keyword.arg, self.expression(keyword.value)) for keyword in node.keywords]),
        )

    def constant(self, node: ast.Constant) -> Node:
        value = node.value
        if isinstance(value, str) and QUERY.match(value):
            self.flags |= QUERIES
        if (isinstance(value, str) and len(value) > LONGEST) or isinstance(value, bytes):
            # GraphQL's types and SQL's tables are read.
            schema = isinstance(value, str) and ("type Query" in value or "CREATE TABLE" in value.upper())
            whole = len(value)
            value = value[: LONGEST_SCHEMA if schema else LONGEST]
            return ("const", _position(node), value, whole)
        if isinstance(value, int) and not -(1 << 60) < value < 1 << 60:
            value = 1 << 60
        return ("const", _position(node), value)

    def subscript(self, node: ast.Subscript) -> Node:
        return ("sub", _position(node), self.expression(node.value), self.expression(node.slice))

    def formatted(self, node: ast.JoinedStr) -> Node:
        return ("fstr", _position(node), tuple([self.expression(value) for value in node.values]))

    def written(self, node: ast.FormattedValue) -> Node:
        """Lower one part of an f-string; `{x!r}` is `repr(x)`."""
        value = self.expression(node.value)
        if node.conversion in (ord("r"), ord("a")):
            return ("call", _position(node), ("name", _position(node), "repr"), (value,), ())
        if node.format_spec is not None and (spec := _time_format(node.format_spec)):
            # `{now:%d.%m.}`: what it shows of a time is not the time.
            formatted = ("attr", _position(node), value, "__format__")
            return ("call", _position(node), formatted, (("const", _position(node), spec),), ())
        return value

    def compare(self, node: ast.Compare) -> Node:
        return (
            "cmp",
            _position(node),
            self.expression(node.left),
            tuple([COMPARE[type(op)] for op in node.ops]),
            tuple([self.expression(right) for right in node.comparators]),
        )

    def boolean(self, node: ast.BoolOp) -> Node:
        operator = "and" if isinstance(node.op, ast.And) else "or"
        return ("bool", _position(node), operator, tuple([self.expression(value) for value in node.values]))

    def binary(self, node: ast.BinOp) -> Node:
        left, right = self.expression(node.left), self.expression(node.right)
        return ("bin", _position(node), BINARY[type(node.op)], left, right)

    def unary(self, node: ast.UnaryOp) -> Node:
        return ("un", _position(node), UNARY[type(node.op)], self.expression(node.operand))

    def collection(self, kind: str, node: ast.List | ast.Tuple | ast.Set) -> Node:
        if kind == "list" and len(node.elts) == 1 and isinstance(node.elts[0], ast.Starred):
            self.flags |= LISTS  # `[*names]` makes one of all there is
        return ("coll", _position(node), kind, tuple([self.expression(item) for item in node.elts]))

    def dictionary(self, node: ast.Dict) -> Node:
        keys = tuple([self.optional(key) for key in node.keys])
        return ("dict", _position(node), keys, tuple([self.expression(value) for value in node.values]))

    def comprehension(self, kind: str, node: Any, element: ast.expr) -> Node:
        generators = tuple(
            [
                (
                    self.expression(part.target),
                    self.expression(part.iter),
                    tuple([self.expression(test) for test in part.ifs]),
                    bool(part.is_async),
                )
                for part in node.generators
            ]
        )
        value = self.expression(node.value) if kind == "dict" else None
        self.flags |= LISTS if kind == "list" else 0
        return ("comp", _position(node), kind, self.expression(element), generators, value)

    def conditional(self, node: ast.IfExp) -> Node:
        test = self.expression(node.test)
        return ("if", _position(node), test, self.expression(node.body), self.expression(node.orelse))

    def lambda_(self, node: ast.Lambda) -> Node:
        return ("lambda", _position(node), self.parameters(node.args), self.expression(node.body))

    def slice_(self, node: ast.Slice) -> Node:
        position = _position(node)
        return ("slice", position, self.optional(node.lower), self.optional(node.upper), self.optional(node.step))

    def walrus(self, node: ast.NamedExpr) -> Node:
        return ("walrus", _position(node), node.target.id, self.expression(node.value))

    def yield_(self, node: ast.Yield) -> Node:
        if self.flags & COROUTINE:  # @gen.coroutine: what it yields is awaited
            return ("await", _position(node), self.optional(node.value) or ("const", _position(node), None))
        self.flags |= GENERATOR
        return ("yield", _position(node), self.optional(node.value))

    def yield_from(self, node: ast.YieldFrom) -> Node:
        if self.flags & COROUTINE:
            return ("await", _position(node), self.expression(node.value))
        self.flags |= GENERATOR
        return ("yieldfrom", _position(node), self.expression(node.value))

    # ------------------------------------------------------------------- statements
    def block(self, nodes: list[ast.stmt]) -> Node:
        lowered = []
        for node in nodes:
            handler = self.statements.get(type(node))
            if handler is not None and (statement := handler(node)) is not None:
                lowered.append(statement)
        return tuple(lowered)

    def bind(self, target: Node, binding: Node) -> None:
        if self.scope is not None and target[0] == "name":
            self.scope[target[2]] = binding

    def bind_parts(self, target: Node, value: Node) -> None:
        """Bind each name of `FIRST, SECOND = 1, 2` to what it gets."""
        if target[0] == "coll" and value[0] == "coll" and len(target[3]) == len(value[3]):
            for part, given in zip(target[3], value[3], strict=True):
                if given[0] != "star":
                    self.bind(part, ("value", given, None))

    def note_attribute(self, target: Node) -> None:
        """Remember which method sets `self.<name>`, so that the name's type can be looked up."""
        if target[0] == "attr" and self.attributes is not None and target[2][0] == "name":
            if target[2][2] == self.self_name:
                setters = self.attributes.setdefault(target[3], [])
                if not setters or setters[-1] != self.outer:
                    setters.append(self.outer)
        elif target[0] == "coll":
            for item in target[3]:
                self.note_attribute(item)

    def global_(self, node: ast.Global) -> None:
        """Note names that a function binds in its module, which may bind them nowhere itself."""
        self.flags |= GLOBALS
        for name in node.names:
            self.names.setdefault(name, ("value", None, None))

    def assign(self, node: ast.Assign) -> Node:
        targets = tuple([self.expression(target) for target in node.targets])
        value = self.expression(node.value)
        for target in targets:
            self.bind(target, ("value", value, None))
            self.bind_parts(target, value)
            self.note_attribute(target)
            self.flags |= CHANGES if target[0] == "sub" else 0
        return ("assign", _position(node), targets, value, node.end_lineno)

    def type_alias(self, node: Any) -> Node:
        target, value = self.expression(node.name), self.expression(node.value)
        self.bind(target, ("value", value, None))
        return ("assign", _position(node), (target,), value, node.end_lineno)

    def annotated(self, node: ast.AnnAssign) -> Node:
        target, annotation = self.expression(node.target), self.annotation(node.annotation)
        value = self.optional(node.value)
        self.bind(target, ("value", value, annotation))
        self.note_attribute(target)
        return ("ann", _position(node), target, annotation, value)

    def annotation(self, node: ast.expr | None) -> Node | None:
        """Lower a type annotation; one written as a string is parsed like any other."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                return self.expression(ast.parse(node.value, mode="eval").body)
            except (SyntaxError, ValueError, RecursionError):
                return None
        return self.optional(node)

    def augmented(self, node: ast.AugAssign) -> Node:
        target = self.expression(node.target)
        self.flags |= CHANGES
        return ("aug", _position(node), target, BINARY[type(node.op)], self.expression(node.value))

    def for_(self, node: ast.For | ast.AsyncFor, is_async: bool) -> Node:
        self.flags |= LOOPS
        target, iterable = self.expression(node.target), self.expression(node.iter)
        body, orelse = self.block(node.body), self.block(node.orelse)
        return ("for", _position(node), target, iterable, body, orelse, is_async, node.end_lineno)

    def while_(self, node: ast.While) -> Node:
        self.flags |= LOOPS
        test = self.expression(node.test)
        body, orelse = self.block(node.body), self.block(node.orelse)
        return ("while", _position(node), test, body, orelse, node.end_lineno)

    def with_(self, node: ast.With | ast.AsyncWith, is_async: bool) -> Node:
        items = tuple([(self.expression(i.context_expr), self.optional(i.optional_vars)) for i in node.items])
        return ("with", _position(node), items, self.block(node.body), is_async)

    def try_(self, node: Any) -> Node:
        self.flags |= TRIES
        body = self.block(node.body)
        handlers = tuple([(self.optional(h.type), h.name, self.block(h.body)) for h in node.handlers])
        return ("try", _position(node), body, handlers, self.block(node.orelse), self.block(node.finalbody))

    def match(self, node: ast.Match) -> Node:
        subject = self.expression(node.subject)
        return ("match", _position(node), subject, tuple([self.block(case.body) for case in node.cases]))

    def import_(self, node: ast.Import) -> Node:
        bound = tuple(
            [
                (alias.asname or alias.name.partition(".")[0], alias.name if alias.asname else "", "", 0, alias.name)
                for alias in node.names
            ]
        )
        bindings = tuple([(name, module or name, attr, level) for name, module, attr, level, _ in bound])
        return self.bind_imports(node, bindings)

    def import_from(self, node: ast.ImportFrom) -> Node:
        bindings = tuple(
            [(alias.asname or alias.name, node.module or "", alias.name, node.level) for alias in node.names]
        )
        return self.bind_imports(node, bindings)

    def bind_imports(self, node: ast.stmt, bindings: Node) -> Node:
        if self.scope is not None:
            for name, module, attribute, level in bindings:
                if name == "*":
                    name = f"*{module}.{level}"
                self.scope[name] = ("import", module, attribute, level)
        return ("import", _position(node), bindings)

    # ----------------------------------------------------------- functions and classes
    def parameters(self, arguments: ast.arguments) -> Node:
        positional = [*arguments.posonlyargs, *arguments.args]
        missing = len(positional) - len(arguments.defaults)
        found: list[Node] = []
        for index, argument in enumerate(positional):
            default = arguments.defaults[index - missing] if index >= missing else None
            found.append((argument.arg, self.annotation(argument.annotation), self.optional(default), POSITIONAL))
        if arguments.vararg:
            found.append((arguments.vararg.arg, self.annotation(arguments.vararg.annotation), None, STAR))
        for argument, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            found.append((argument.arg, self.annotation(argument.annotation), self.optional(keyword_default), KEYWORD))
        if arguments.kwarg:
            found.append((arguments.kwarg.arg, self.annotation(arguments.kwarg.annotation), None, DOUBLE_STAR))
        return tuple(found)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, flags: int) -> Node:
        index = len(self.functions)
        self.functions.append(())
        decorators = tuple([self.expression(decorator) for decorator in node.decorator_list])
        parameters, returns = self.parameters(node.args), self.annotation(node.returns)
        qualified = self.prefix + node.name
        if self.scope is not None:
            previous = self.scope.get(node.name)
            # A property's setter has the same name: keep the getter, and the setter under its own.
            if previous and previous[0] == "func" and any(d[0] == "attr" and d[3] == "setter" for d in decorators):
                self.scope[f"{node.name}="] = ("func", index)
            else:
                self.scope[node.name] = ("func", index)
        if any(_last(decorator) == "coroutine" for decorator in decorators):
            flags |= ASYNC | COROUTINE
        saved = (self.scope, self.prefix, self.outer, self.flags, self.self_name, self.attributes, self.owner)
        in_class = self.attributes is not None and self.outer == -1
        owner = self.owner if in_class else -1
        outer = self.outer
        self.scope, self.prefix, self.outer, self.flags = None, f"{qualified}.", index, flags
        if in_class:
            self.self_name = parameters[0][0] if parameters else ""
        self.owner = -1
        body = self.block(node.body)
        self.functions[index] = (
            node.name,
            qualified,
            node.lineno,
            node.end_lineno or node.lineno,
            decorators,
            parameters,
            returns,
            self.flags,
            body,
            owner,
            outer,
        )
        (self.scope, self.prefix, self.outer, self.flags, self.self_name, self.attributes, self.owner) = saved
        return ("def", _position(node), index)

    def class_(self, node: ast.ClassDef) -> Node:
        index = len(self.classes)
        self.classes.append(())
        bases = tuple([self.expression(base) for base in node.bases if not isinstance(base, ast.Starred)])
        keywords = tuple([(keyword.arg, self.expression(keyword.value)) for keyword in node.keywords])
        decorators = tuple([self.expression(decorator) for decorator in node.decorator_list])
        if self.scope is not None:
            self.scope[node.name] = ("class", index)
        saved = (self.scope, self.prefix, self.outer, self.self_name, self.attributes, self.owner)
        outer = self.outer
        names: dict[str, Node] = {}
        attributes: dict[str, list[int]] = {}
        qualified = self.prefix + node.name
        self.scope, self.prefix, self.outer = names, f"{qualified}.", -1
        self.attributes, self.owner, self.self_name = attributes, index, ""
        self.block(node.body)  # what it binds is in its names
        self.classes[index] = (
            node.name,
            qualified,
            node.lineno,
            node.end_lineno or node.lineno,
            bases,
            keywords,
            decorators,
            names,
            {name: tuple(setters) for name, setters in attributes.items()},
            outer,
        )
        (self.scope, self.prefix, self.outer, self.self_name, self.attributes, self.owner) = saved
        return ("class", _position(node), index)
