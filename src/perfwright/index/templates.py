"""One template to its facts: the lowered statements that rendering it comes to, from its text alone.

A Django or Jinja template is lowered into the same tuples as Python, and a few of its own (see `index/tree.py`).
Each block and each macro is a function of its own, so is what stands outside of them. The facts are
`(digest, lines, parents, libraries, units, names)`: the names of the template it extends, the tag libraries it
loads, and what its top-level names stand for. A unit is
`(kind, name, line, end line, body, free names, blocks, includes, parameters)`.
"""

from collections.abc import Callable

from perfwright.index.lower import KEYWORD, POSITIONAL, Node, line_of
from perfwright.index.sources import digest
from perfwright.index.template_expressions import COMPARED, NOTHING, Lines, Parser, Scope
from perfwright.index.template_tokens import JINJA, Tag, TooDeepError, tags

BODY, BLOCK, MACRO = "body", "block", "macro"
DEEPEST = 60  # tags inside tags
SEPARATORS = ("else", "elif", "elseif", "empty", "plural")
WORDS = ("as", "with", "only", "by", "in", "and", "or", "not", "for")  # of a tag of Django, not what it is given


def lower(source: bytes, dialect: str) -> Node:
    """Return the facts of a template; raises UnicodeDecodeError, or TooDeepError for one that nobody wrote."""
    text = source.decode("utf-8-sig")
    lowering = _Lowering(text, dialect)
    body = lowering.body()
    return (
        digest(source),
        len(lowering.lines.starts),
        lowering.parents,
        tuple(lowering.libraries),
        tuple([outside(unit, lowering.names) for unit in (*lowering.units, body)]),
        lowering.names,
    )


def outside(unit: Node, names: dict[str, Node]) -> Node:
    """Return a unit without the free names that the template itself gives: its macros and what it imports."""
    free = [name for name in unit[5] if name not in names or names[name] == ("value", None, None)]
    return (*unit[:5], tuple(free), *unit[6:])


class _Lowering:
    """The state of one walk over the tags. `at` is the index of the next one."""

    def __init__(self, text: str, dialect: str) -> None:
        self.text, self.jinja = text, dialect == JINJA
        self.lines = Lines(text)
        self.tags = tags(text, dialect)
        self.last: dict[str, int] = {}  # the last place of each end tag: what has one ahead is a block
        for index, tag in enumerate(self.tags):
            if tag[0].startswith("end"):
                self.last[tag[0]] = index
        self.at = self.deep = self.looping = self.macros = 0
        self.waiting: list[tuple[str, ...]] = []  # the end tags that tags around this place wait for
        self.units: list[Node] = []
        self.names: dict[str, Node] = {}
        self.parents: tuple[str, ...] | None = None
        self.libraries: dict[str, None] = {}
        self.scope = Scope()
        self.known: dict[str, Callable[[Tag], Node | None]] = {
            "if": self.if_,
            "for": self.for_,
            "block": self.block,
            "extends": self.extends,
            "include": self.include,
            "with": self.with_,
            "load": self.load,
        }
        if self.jinja:
            self.known.update(
                {
                    "set": self.set_,
                    "macro": self.macro,
                    "call": self.call,
                    "import": self.import_,
                    "from": self.from_,
                    "do": self.do,
                    "break": self.leave,
                    "continue": self.leave,
                }
            )
        else:
            self.known.update(
                {
                    "regroup": self.regroup,
                    "ifchanged": self.ifchanged,
                    "blocktrans": self.translated,
                    "blocktranslate": self.translated,
                }
            )

    # ---------------------------------------------------------------------------- units
    def body(self) -> Node:
        """Return what stands outside of blocks and macros; blocks and macros are noted on the way."""
        statements: list[Node] = []
        while self.at < len(self.tags):
            statements.extend(self.block_of(()))
            self.at += 1  # an end tag that nothing waits for
        return self.unit(BODY, "", 1, len(self.lines.starts), tuple(statements), self.scope, ())

    def unit(self, kind: str, name: str, line: int, end: int, body: Node, scope: Scope, parameters: Node) -> Node:
        return (
            kind, name, line, end, body, tuple(scope.free), tuple(scope.blocks), tuple(scope.includes), parameters,
        )  # fmt: skip

    def position(self, tag: Tag) -> int:
        return self.lines.position(tag[1])

    def parser(self, tag: Tag) -> Parser:
        return Parser(self.text, tag[2], tag[3], self.lines, self.scope)

    # ----------------------------------------------------------------------- statements
    def block_of(self, ends: tuple[str, ...], bound: tuple[str, ...] = ()) -> tuple[Node, ...]:
        """Return the statements up to one of the end tags, which is next then; `bound` names are bound in them."""
        if self.deep >= DEEPEST:
            raise TooDeepError("its tags nest too deeply")
        self.deep += 1
        self.waiting.append(ends)
        self.scope.bind(bound)
        statements: list[Node] = []
        while self.at < len(self.tags):
            tag = self.tags[self.at]
            name = tag[0]
            if name in ends or (name.startswith("end") and any(name in each for each in self.waiting)):
                break
            self.at += 1
            node = self.statement(tag)
            if node is not None:
                statements.append(node)
        self.scope.release(bound)
        self.waiting.pop()
        self.deep -= 1
        return tuple(statements)

    def skip(self, *ends: str) -> None:
        """Step over the end tag that is next, if it is the one waited for."""
        if self.at < len(self.tags) and self.tags[self.at][0] in ends:
            self.at += 1

    def statement(self, tag: Tag) -> Node | None:
        name = tag[0]
        if name == "text":
            # In a loop, text says that each item is shown.
            return ("expr", self.position(tag), ("const", self.position(tag), None)) if self.looping else None
        if name == "":
            parser = self.parser(tag)
            return self.shown(tag, parser.several() if self.jinja else parser.value())
        handler = self.known.get(name)
        if handler is not None:
            return handler(tag)
        if name.startswith("end") or name in SEPARATORS:
            return None
        return self.other(tag)

    def shown(self, tag: Tag, value: Node) -> Node | None:
        if value[0] == "const":
            return ("expr", self.position(tag), NOTHING) if self.looping else None
        return ("expr", self.position(tag), ("fstr", value[1], (value,)))

    def tested(self, tag: Tag) -> Node:
        parser = self.parser(tag)
        return parser.several() if self.jinja else parser.condition()

    def if_(self, tag: Tag) -> Node:
        ends = ("elif", "elseif", "else", "endif")
        parts = [(self.position(tag), self.tested(tag), self.block_of(ends))]
        otherwise: tuple[Node, ...] = ()
        while self.at < len(self.tags) and (following := self.tags[self.at])[0] in ends:
            self.at += 1
            if following[0] == "endif":
                break
            if following[0] == "else":
                otherwise = self.block_of(("endif",))
                self.skip("endif")
                break
            parts.append((self.position(following), self.tested(following), self.block_of(ends)))
            if len(parts) > DEEPEST:
                raise TooDeepError("it holds more branches than a person writes")
        for position, test, body in reversed(parts):
            inner = (("once", position, body),) if on_one_pass(test) else body
            otherwise = (("if", position, test, inner, otherwise),)
        return otherwise[0]

    def for_(self, tag: Tag) -> Node:
        parser = self.parser(tag)
        position = parser.here()
        names = parser.targets()
        iterable = parser.jinja_or() if self.jinja else parser.value()
        self.scope.bind(names)
        test = parser.expression() if self.jinja and parser.take("if") else None
        self.scope.release(names)
        self.looping += 1
        body = self.block_of(("empty", "else", "endfor"), names)
        self.looping -= 1
        otherwise: tuple[Node, ...] = ()
        if self.at < len(self.tags) and self.tags[self.at][0] in ("empty", "else"):
            self.at += 1
            otherwise = self.block_of(("endfor",))
        end = self.lines.position(self.tags[self.at][1]) if self.at < len(self.tags) else position
        self.skip("endfor")
        if test is not None:
            body = (("if", test[1], test, body, ()),)
        if len(body) == 1 and body[0][0] == "if" and not compares(body[0][2]):
            # Whether a query could pick these is not known: that some are shown says nothing.
            body = (("expr", position, NOTHING), *body)
        loop = ("for", position, target(names, position), iterable, body, otherwise, False, line_of(end))
        return ("scope", position, names, (loop,))

    def block(self, tag: Tag) -> Node | None:
        parser = self.parser(tag)
        name = parser.word()
        outer, self.scope = self.scope, Scope()
        looping, self.looping = self.looping, 0
        statements = self.block_of(("endblock",))
        end = self.tags[self.at][1] if self.at < len(self.tags) else len(self.text)
        self.skip("endblock")
        inner, self.scope, self.looping = self.scope, outer, looping
        outer.blocks[name] = None
        line, last = line_of(self.position(tag)), line_of(self.lines.position(end))
        self.units.append(self.unit(BLOCK, name, line, last, statements, inner, ()))
        return ("expr", self.position(tag), ("block", self.position(tag), name))

    def extends(self, tag: Tag) -> None:
        parser = self.parser(tag)
        found = constant_names(parser.several() if self.jinja else parser.value())
        self.parents = found if self.parents is None else self.parents

    def include(self, tag: Tag) -> Node | None:
        parser = self.parser(tag)
        given = parser.jinja_or() if self.jinja else parser.value()
        names = constant_names(given)
        pairs: tuple[tuple[str, Node], ...] = ()
        only = False
        if self.jinja:
            only = any(word == "without" for _, word, _ in parser.tokens[parser.ahead :])
        else:
            if parser.take("with"):
                pairs = tuple(parser.arguments(stop=("only",))[1])
            only = parser.take("only")
        self.scope.includes.append((names, tuple([name for name, _ in pairs]), only))
        position = self.position(tag)
        return ("expr", position, ("include", position, names, pairs, only))

    def with_(self, tag: Tag) -> Node:
        parser = self.parser(tag)
        position = self.position(tag)
        pairs: list[tuple[str, Node]] = []
        while not parser.done:
            if parser.kind() == "name" and parser.word(1) == "=":
                name = parser.word()
                parser.ahead += 2
                pairs.append((name, parser.expression() if self.jinja else parser.value()))
                parser.take(",")
            else:
                value = parser.expression() if self.jinja else parser.value()
                if parser.take("as") and parser.kind() == "name":  # {% with value as name %}
                    pairs.append((parser.word(), value))
                    parser.ahead += 1
        names = tuple([name for name, _ in pairs])
        body = self.block_of(("endwith",), names)
        self.skip("endwith")
        given = [("assign", position, (("name", position, name),), value, line_of(position)) for name, value in pairs]
        return ("scope", position, names, (*given, *body))

    def load(self, tag: Tag) -> None:
        parser = self.parser(tag)
        while not parser.done:
            if parser.kind() == "name":
                self.libraries[parser.word()] = None
            parser.ahead += 1

    # ------------------------------------------------------------------- Django's others
    def regroup(self, tag: Tag) -> Node:
        """`{% regroup rows by key as groups %}`: each row's key is read; a group is its key and some of the rows."""
        parser = self.parser(tag)
        position = self.position(tag)
        rows = parser.value()
        parser.take("by")
        free = dict(self.scope.free)
        path = parser.variable()
        self.scope.free = free  # the key is read from each row, whatever else has that name
        key: Node = ("name", position, "item")
        steps: list[str] = []
        while path[0] == "dot":
            steps.append(path[3])
            path = path[2]
        if path[0] == "name":
            steps.append(path[2])
        for step in reversed(steps):
            key = ("dot", position, key, step, True)
        parser.take("as")
        name = parser.word()
        held = rows if rows[0] == "name" else ("name", position, f"{name} rows")
        some = ("filter", position, ("name", position, "list"), (held,), ())
        group = ("dict", position, (("const", position, "grouper"), ("const", position, "list")), (key, some))
        loop = ((("name", position, "item"), held, (), False),)
        self.bind_here(name)
        line = line_of(position)
        groups = ("comp", position, "list", group, loop, None)
        first = () if held is rows else (("assign", position, (held,), rows, line),)
        return ("scope", position, (), (*first, ("assign", position, (("name", position, name),), groups, line)))

    def bind_here(self, *names: str) -> None:
        """Note names that are bound from here on, to the end of the unit."""
        self.scope.bind(names)

    def ifchanged(self, tag: Tag) -> Node:
        parser = self.parser(tag)
        position = self.position(tag)
        values, _ = parser.arguments()
        body = self.block_of(("else", "endifchanged"))
        otherwise: tuple[Node, ...] = ()
        if self.at < len(self.tags) and self.tags[self.at][0] == "else":
            self.at += 1
            otherwise = self.block_of(("endifchanged",))
        self.skip("endifchanged")
        test = ("coll", position, "tuple", tuple(values))
        return ("if", position, ("cmp", position, test, ("is",), (NOTHING,)), body, otherwise)

    def translated(self, tag: Tag) -> Node:
        """`{% blocktrans with name=value %}`: values by name, then text that names them."""
        parser = self.parser(tag)
        position = self.position(tag)
        _, named = parser.arguments()
        names = tuple([name for name, _ in named])
        end = f"end{tag[0]}"
        body = self.block_of((end,), names)
        self.skip(end)
        given = [("assign", position, (("name", position, name),), value, line_of(position)) for name, value in named]
        return ("scope", position, names, (*given, *body))

    def other(self, tag: Tag) -> Node | None:
        """A tag that is not the language's own: what it is given is read, and what it surrounds happens."""
        name, position = tag[0], self.position(tag)
        parser = self.parser(tag)
        positional: tuple[Node, ...] = ()
        named: tuple[tuple[str | None, Node], ...] = ()
        bound = ""
        if self.jinja:
            positional, named = parser.jinja_arguments()
        else:
            if any(word == "as" for kind, word, _ in parser.tokens if kind == "name") and len(parser.tokens) > 1:
                bound = parser.tokens[-1][1] if parser.tokens[-2][1] == "as" else ""
                del parser.tokens[-2 if bound else len(parser.tokens) :]
            values, pairs = parser.arguments()
            positional = tuple([each for each in values if not (each[0] == "name" and each[2] in WORDS)])
            named = tuple(pairs)
        node: Node = ("tag", position, ("name", position, name), positional, named)
        if bound:
            self.bind_here(bound)
            line = line_of(position)
            statement: Node = ("assign", position, (("name", position, bound),), node, line)
        else:
            statement = ("expr", position, ("fstr", position, (node,)))
        end = f"end{name}"
        if self.last.get(end, -1) >= self.at:
            body = self.block_of((end,))
            self.skip(end)
            return ("cached", position, body) if "cache" in name else ("scope", position, (), (statement, *body))
        return statement

    # -------------------------------------------------------------------- Jinja's others
    def set_(self, tag: Tag) -> Node:
        parser = self.parser(tag)
        position = self.position(tag)
        names: list[str] = []
        while parser.kind() == "name" and parser.word(1) == ",":
            names.append(parser.word())
            parser.ahead += 2
        if parser.word(1) == ".":  # {% set ns.found = ... %}: an attribute of a namespace
            place = parser.jinja_postfix(parser.jinja_primary())
            value = parser.several() if parser.take("=") else NOTHING
            return ("assign", position, (("attr", *place[1:4]),), value, line_of(position))
        names.append(parser.word())
        parser.ahead += 1
        if parser.take("="):
            value = parser.several()
            self.bind_here(*names)
            return ("assign", position, (target(tuple(names), position),), value, line_of(position))
        body = self.block_of(("endset",))
        self.skip("endset")
        self.bind_here(*names)
        text = ("assign", position, (target(tuple(names), position),), ("fstr", position, ()), line_of(position))
        return ("scope", position, (), (*body, text))

    def macro(self, tag: Tag) -> None:
        parser = self.parser(tag)
        name = parser.word()
        parser.ahead += 1
        outer, self.scope = self.scope, Scope()
        parser.scope = self.scope
        found: list[Node] = []
        parser.take("(")
        while not parser.done and not parser.take(")"):
            parameter = parser.word()
            parser.ahead += 1
            default = parser.expression() if parser.take("=") else None
            found.append((parameter, None, default, POSITIONAL))
            parser.take(",")
        names = tuple([parameter[0] for parameter in found])
        looping, self.looping = self.looping, 0
        statements = self.block_of(("endmacro",), names)
        end = self.tags[self.at][1] if self.at < len(self.tags) else len(self.text)
        self.skip("endmacro")
        inner, self.scope, self.looping = self.scope, outer, looping
        line, last = line_of(self.position(tag)), line_of(self.lines.position(end))
        for free in inner.free:
            self.names.setdefault(free, ("value", None, None))
        # What is passed over and above by name is not known: a macro that takes it says so by `kwargs`.
        parameters = (*found, ("kwargs", None, None, KEYWORD))
        self.names[name] = ("func", self.macros)
        self.macros += 1
        self.units.append(self.unit(MACRO, name, line, last, statements, inner, parameters))

    def call(self, tag: Tag) -> Node:
        """`{% call(item) macro(...) %}body{% endcall %}`: the macro is called, the body is shown by it."""
        parser = self.parser(tag)
        position = self.position(tag)
        names: list[str] = []
        if parser.take("("):
            while not parser.done and not parser.take(")"):
                if parser.kind() == "name":
                    names.append(parser.word())
                parser.ahead += 1
        value = parser.expression()
        body = self.block_of(("endcall",), tuple(names))
        self.skip("endcall")
        return ("scope", position, tuple(names), (("expr", position, value), *body))

    def import_(self, tag: Tag) -> None:
        parser = self.parser(tag)
        names = constant_names(parser.jinja_or())
        if parser.take("as") and names:
            position = self.position(tag)
            self.names[parser.word()] = ("value", ("template", position, names), None)

    def from_(self, tag: Tag) -> None:
        parser = self.parser(tag)
        names = constant_names(parser.jinja_or())
        if not parser.take("import") or not names:
            return
        position = self.position(tag)
        while not parser.done and parser.kind() == "name" and parser.word() not in ("with", "without"):
            name = bound = parser.word()
            parser.ahead += 1
            if parser.take("as"):
                bound = parser.word()
                parser.ahead += 1
            value = ("attr", position, ("template", position, names), name)
            self.names[bound] = ("value", value, None)
            parser.take(",")

    def do(self, tag: Tag) -> Node:
        return ("expr", self.position(tag), self.parser(tag).several())

    def leave(self, tag: Tag) -> Node:
        return (tag[0], self.position(tag))


def target(names: tuple[str, ...], position: int) -> Node:
    """Return what a loop or an assignment binds: one name, or several at once."""
    found = tuple([("name", position, name) for name in names])
    return found[0] if len(found) == 1 else ("coll", position, "tuple", found)


def on_one_pass(test: Node) -> bool:
    """Tell whether a test picks one pass of a loop: `forloop.first`, `loop.index == 3 and ...`."""
    if test[0] == "bool" and test[2] == "and":
        return any(on_one_pass(part) for part in test[3])
    if test[0] == "cmp" and test[3][0] == "==" and test[4][0][0] == "const":
        return is_of_loop(test[2], ("counter", "counter0", "revcounter", "revcounter0", "index", "index0", "revindex"))
    return is_of_loop(test, ("first", "last"))


def is_of_loop(node: Node, names: tuple[str, ...]) -> bool:
    return bool(node[0] == "dot" and node[2][0] == "name" and node[2][2] in ("forloop", "loop") and node[3] in names)


def compares(test: Node) -> bool:
    """Tell whether a test is one that a query could make: values compared, not their truth asked."""
    if test[0] == "bool":
        return all(compares(part) for part in test[3])
    return bool(test[0] == "cmp" and test[3][0] in COMPARED)


def constant_names(node: Node) -> tuple[str, ...]:
    """Return the template names that an expression is: one, or a list to choose from; none where it is neither."""
    items = node[3] if node[0] == "coll" else (node,)
    return tuple([item[2] for item in items if item[0] == "const" and isinstance(item[2], str)])
