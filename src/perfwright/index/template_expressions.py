"""The expressions inside a template's tags, as lowered nodes: Django's filters and tests, Jinja's own language.

What is not understood is left out: a tag that cannot be parsed is worth nothing, and the rest is read.
"""

import re
from bisect import bisect_right

from perfwright.index.lower import LONGEST, Node
from perfwright.index.template_tokens import TooDeepError

TOKEN = re.compile(
    r"""\s*(?:(?P<name>[^\W\d]\w*)|(?P<number>\d+(?:\.\d+)?)|(?P<string>"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')"""
    r"""|(?P<operator>==|!=|<=|>=|//|\*\*|[-+*/%~<>=|.,:()\[\]{}]))""",
    re.DOTALL,
)
LARGEST = 400  # parts of one expression
DEEPEST = 40  # brackets in brackets
CONSTANTS = {"True": True, "False": False, "None": None, "true": True, "false": False, "none": None}
# Names that the template language gives itself: nobody passes them.
GIVEN = frozenset(
    (
        *("forloop", "loop", "block", "self", "csrf_token", "range", "dict", "namespace", "cycler", "joiner"),
        *("lipsum", "caller", "varargs", "kwargs", "super"),
    )
)
COMPARED = ("==", "!=", "<", "<=", ">", ">=")
JINJA_BINARY: dict[str, int] = {"~": 1, "+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "**": 3}
NOTHING: Node = ("const", 0, None)


class Lines:
    """Offsets of a text as packed positions."""

    def __init__(self, text: str) -> None:
        self.starts = [0]
        at = text.find("\n")
        while at >= 0:
            self.starts.append(at + 1)
            at = text.find("\n", at + 1)

    def position(self, offset: int) -> int:
        """Return the packed line and column of an offset."""
        line = bisect_right(self.starts, offset)
        column = offset - self.starts[line - 1]
        return (line << 12) | (column if column < 4095 else 4095)


class Scope:
    """What one part of a template reads: the names that nothing in it binds, its blocks and its includes."""

    def __init__(self) -> None:
        self.free: dict[str, None] = {}
        self.bound: dict[str, int] = {}
        self.blocks: dict[str, None] = {}
        self.includes: list[Node] = []

    def read(self, name: str) -> None:
        if name not in GIVEN and not self.bound.get(name):
            self.free[name] = None

    def bind(self, names: tuple[str, ...]) -> None:
        for name in names:
            self.bound[name] = self.bound.get(name, 0) + 1

    def release(self, names: tuple[str, ...]) -> None:
        for name in names:
            self.bound[name] -= 1


class Parser:
    """One tag's inside, token by token. `ahead` is the index of the next token."""

    def __init__(self, text: str, start: int, end: int, lines: Lines, scope: Scope) -> None:
        self.lines, self.scope, self.end = lines, scope, end
        self.tokens: list[tuple[str, str, int]] = []
        self.ahead = self.deep = self.parts = 0
        at = start
        while at < end:
            found = TOKEN.match(text, at, end)
            if found is None:
                at += 1
                if text[at - 1] in "\"'":
                    break  # a string without an end: what follows is no expression
                continue
            kind = str(found.lastgroup)
            self.tokens.append((kind, found[kind], found.start(kind)))
            at = found.end()

    # --------------------------------------------------------------------------- tokens
    @property
    def done(self) -> bool:
        return self.ahead >= len(self.tokens)

    def word(self, beyond: int = 0) -> str:
        """Return the next token's text (or one further on), nothing at the end."""
        at = self.ahead + beyond
        return self.tokens[at][1] if at < len(self.tokens) else ""

    def kind(self, beyond: int = 0) -> str:
        at = self.ahead + beyond
        return self.tokens[at][0] if at < len(self.tokens) else ""

    def take(self, *words: str) -> bool:
        """Step over the next token where it is one of the words."""
        if self.kind() != "string" and self.word() in words:
            self.ahead += 1
            return True
        return False

    def here(self, beyond: int = 0) -> int:
        """Return the position of the next token."""
        at = self.ahead + beyond
        return self.lines.position(self.tokens[at][2] if at < len(self.tokens) else max(self.end - 1, 0))

    def part(self) -> None:
        self.parts += 1
        if self.parts > LARGEST:
            raise TooDeepError("an expression is too long")

    def constant(self) -> Node | None:
        """Return the next token as a literal, where it is one."""
        kind, written, position = self.kind(), self.word(), self.here()
        if kind == "number":
            self.ahead += 1
            return ("const", position, float(written) if "." in written else min(int(written[:18]), 1 << 60))
        if kind == "string":
            self.ahead += 1
            return ("const", position, written[1:-1][:LONGEST])
        if kind == "name" and written in CONSTANTS:
            self.ahead += 1
            return ("const", position, CONSTANTS[written])
        return None

    def name(self) -> Node:
        position, name = self.here(), self.word()
        self.ahead += 1
        self.scope.read(name)
        return ("name", position, name)

    def targets(self) -> tuple[str, ...]:
        """Return the names that a loop binds: `item`, `key, value`."""
        names = []
        while not self.done and not (self.kind() == "name" and self.word() == "in"):
            if self.kind() == "name":
                names.append(self.word())
            self.ahead += 1
        self.ahead += 1
        return tuple(names)

    # --------------------------------------------------------------------------- Django
    def value(self) -> Node:
        """Return Django's `a.b.0|filter:argument`."""
        node = self.variable()
        while self.take("|") and self.kind() == "name":
            self.part()
            position, name = self.here(), self.word()
            self.ahead += 1
            arguments: tuple[Node, ...] = (node,)
            if self.take(":"):
                arguments = (node, self.variable())
            node = ("filter", position, ("name", position, name), arguments, ())
        return node

    def variable(self) -> Node:
        """Return Django's `a.b.0` or a literal; a word that is neither is stepped over."""
        if self.word() == "_" and self.word(1) == "(":
            self.ahead += 2
            found = self.constant() or NOTHING
            self.take(")")
            return found
        if self.kind() == "operator" and self.word() == "-" and self.kind(1) == "number":
            self.ahead += 1
            number = self.constant() or NOTHING
            return ("const", number[1], -number[2])
        literal = self.constant()
        if literal is not None:
            return literal
        if self.kind() != "name":
            position = self.here()
            self.ahead += 1
            return ("const", position, None)
        node = self.name()
        while self.word() == "." and self.kind(1) in ("name", "number"):
            self.ahead += 1
            position = self.here()
            for name in self.word().split("."):  # `rows.0.1` is read as a number
                self.part()
                if node[0] == "name" and node[2] == "block" and name == "super":
                    node = ("super", position)
                else:
                    node = ("dot", position, node, name, True)
            self.ahead += 1
        return node

    def condition(self) -> Node:
        """Return the test of Django's `if`."""
        found = self.conjunction()
        while self.take("or"):
            self.part()
            found = ("bool", found[1], "or", (found, self.conjunction()))
        return found

    def conjunction(self) -> Node:
        found = self.negation()
        while self.take("and"):
            self.part()
            found = ("bool", found[1], "and", (found, self.negation()))
        return found

    def negation(self) -> Node:
        position = self.here()
        negative = 0
        while self.take("not"):
            negative += 1
        found = self.comparison()
        return ("un", position, "not", found) if negative else found

    def comparison(self) -> Node:
        left = self.value()
        while (operator := self.operator()) is not None:
            self.part()
            left = ("cmp", left[1], left, (operator,), (self.value(),))
        return left

    def operator(self) -> str | None:
        """Return the comparison that stands next, stepped over."""
        if self.kind() == "string":
            return None
        word, following = self.word(), self.word(1)
        for name in ("not in", "is not", "in", "is"):
            if f"{word} {following}" == name or word == name:
                self.ahead += len(name.split())
                return name
        if word in COMPARED:
            self.ahead += 1
            return word
        return None

    def arguments(self, stop: tuple[str, ...] = ()) -> tuple[list[Node], list[tuple[str, Node]]]:
        """Return what a tag of Django is given, up to a word: values, and values by name."""
        positional: list[Node] = []
        named: list[tuple[str, Node]] = []
        while not self.done and not (self.kind() == "name" and self.word() in stop):
            if self.kind() == "name" and self.word(1) == "=" and self.word(2):
                name = self.word()
                self.ahead += 2
                named.append((name, self.value()))
            else:
                positional.append(self.value())
        return positional, named

    # ---------------------------------------------------------------------------- Jinja
    def expression(self) -> Node:
        """Return Jinja's expression: as in Python, with filters and tests."""
        self.deep += 1
        if self.deep > DEEPEST:
            raise TooDeepError("an expression nests too deeply")
        found = self.jinja_or()
        while self.take("if"):
            self.part()
            test = self.jinja_or()
            otherwise = self.jinja_or() if self.take("else") else ("const", found[1], None)
            found = ("if", found[1], test, found, otherwise)
        self.deep -= 1
        return found

    def several(self) -> Node:
        """Return an expression, or the tuple that commas make."""
        first = self.expression()
        if self.word() != "," or self.kind() != "operator":
            return first
        items = [first]
        while self.take(",") and not self.done:
            self.part()
            items.append(self.expression())
        return ("coll", first[1], "tuple", tuple(items))

    def jinja_or(self) -> Node:
        found = self.jinja_and()
        while self.take("or"):
            self.part()
            found = ("bool", found[1], "or", (found, self.jinja_and()))
        return found

    def jinja_and(self) -> Node:
        found = self.jinja_not()
        while self.take("and"):
            self.part()
            found = ("bool", found[1], "and", (found, self.jinja_not()))
        return found

    def jinja_not(self) -> Node:
        position = self.here()
        negative = 0
        while self.take("not"):
            negative += 1
        found = self.jinja_compared()
        return ("un", position, "not", found) if negative else found

    def jinja_compared(self) -> Node:
        left = self.jinja_binary(1)
        while self.kind() != "string":
            word = self.word()
            if word in COMPARED or word == "in":
                self.ahead += 1
            elif word == "not" and self.word(1) == "in":
                self.ahead, word = self.ahead + 2, "not in"
            else:
                break
            self.part()
            left = ("cmp", left[1], left, (word,), (self.jinja_binary(1),))
        return left

    def jinja_binary(self, least: int) -> Node:
        left = self.jinja_unary()
        while self.kind() == "operator" and JINJA_BINARY.get(self.word(), 0) >= least:
            self.part()
            symbol = self.word()
            self.ahead += 1
            right = self.jinja_binary(JINJA_BINARY[symbol] + 1)
            # `a ~ b` is text made of both.
            left = ("fstr", left[1], (left, right)) if symbol == "~" else ("bin", left[1], symbol, left, right)
        return left

    def jinja_unary(self) -> Node:
        position = self.here()
        signs = 0
        while self.kind() == "operator" and self.take("-", "+"):
            signs += 1
        found = self.jinja_postfix(self.jinja_primary())
        return ("un", position, "-", found) if signs else found

    def jinja_primary(self) -> Node:
        literal = self.constant()
        if literal is not None:
            return literal
        position = self.here()
        if self.kind() == "name":
            return self.name()
        if self.take("("):
            inner = self.several() if self.word() != ")" else ("coll", position, "tuple", ())
            self.take(")")
            return inner
        if self.take("["):
            items = []
            while not self.done and not self.take("]"):
                self.part()
                items.append(self.expression())
                self.take(",")
            return ("coll", position, "list", tuple(items))
        if self.take("{"):
            return self.jinja_dict(position)
        self.ahead += 1
        return ("const", position, None)

    def jinja_dict(self, position: int) -> Node:
        keys, values = [], []
        while not self.done and not self.take("}"):
            self.part()
            keys.append(self.expression())
            values.append(self.expression() if self.take(":") else NOTHING)
            self.take(",")
        return ("dict", position, tuple(keys), tuple(values))

    def jinja_postfix(self, node: Node) -> Node:
        """Return what follows a value: attributes, items, calls, filters and tests."""
        while not self.done and self.kind() != "string":
            self.part()
            if self.word() == "." and self.kind(1) in ("name", "number"):
                self.ahead += 1
                node = ("dot", self.here(), node, self.word(), False)
                self.ahead += 1
            elif self.take("["):
                node = ("sub", node[1], node, self.jinja_index())
                self.take("]")
            elif self.word() == "(":
                node = self.jinja_call(node)
            elif self.word() == "|" and self.kind(1) == "name":
                self.ahead += 1
                node = self.jinja_filter(node)
            elif self.word() == "is" and self.kind() == "name":
                self.ahead += 1
                node = self.jinja_test(node)
            else:
                break
        return node

    def jinja_index(self) -> Node:
        position = self.here()
        bounds: list[Node | None] = [None]
        while not self.done and self.word() != "]":
            if self.take(":"):
                bounds.append(None)
            else:
                bounds[-1] = self.several()
        if len(bounds) == 1:
            return bounds[0] or ("const", position, None)
        low, high, step = (*bounds, None)[:3]
        return ("slice", position, low, high, step)

    def jinja_call(self, node: Node) -> Node:
        positional, named = self.jinja_arguments()
        if node[0] == "name" and node[2] == "super" and not positional:
            return ("super", node[1])
        return ("call", node[1], node, positional, named)

    def jinja_arguments(self) -> tuple[tuple[Node, ...], tuple[tuple[str | None, Node], ...]]:
        positional: list[Node] = []
        named: list[tuple[str | None, Node]] = []
        self.take("(")
        while not self.done and not self.take(")"):
            self.part()
            if self.kind() == "name" and self.word(1) == "=":
                name = self.word()
                self.ahead += 2
                named.append((name, self.expression()))
            elif self.take("**"):
                named.append((None, self.expression()))
            else:
                starred = self.take("*")
                argument = self.expression()
                positional.append(("star", argument[1], argument) if starred else argument)
            self.take(",")
        return tuple(positional), tuple(named)

    def jinja_filter(self, node: Node) -> Node:
        position, name = self.here(), self.word()
        self.ahead += 1
        positional: tuple[Node, ...] = ()
        named: tuple[tuple[str | None, Node], ...] = ()
        if self.word() == "(":
            positional, named = self.jinja_arguments()
        return ("filter", position, ("name", position, name), (node, *positional), named)

    def jinja_test(self, node: Node) -> Node:
        """`x is defined`, `x is not none`: what is tested is read, and no more."""
        self.take("not")
        name = self.word()
        self.ahead += 1
        if self.word() == "(":
            self.jinja_arguments()
        elif name in ("divisibleby", "sameas", "eq", "ne", "lt", "gt", "le", "ge", "in") and not self.done:
            right = self.jinja_primary()
            if name == "in":
                return ("cmp", node[1], node, ("in",), (right,))
        return ("cmp", node[1], node, ("is",), (("const", node[1], None),))
