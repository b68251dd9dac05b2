"""The text of a query as code puts it together: constants, and what is put between them."""

import re

from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Function, Value
from perfwright.index.tree import text, walk
from perfwright.rules._chosen import assigned
from perfwright.rules._code import last_binding

Part = str | Node

HOLE = re.compile(r"%(?:\((?P<name>\w+)\))?[#0\- +]*\d*(?:\.\d+)?[sdrif]")
BRACE = re.compile(r"\{(?P<name>\w*)[^{}]*\}")
DEEPEST = 6  # names and calls that are followed from a query to its text
LONGEST = 60  # parts of one text
WRAPS = ("text", "dedent", "cleandoc", "RawSQL", "literal_column", "textwrap.dedent", "sa_text", "str")
KEEPS = ("strip", "lstrip", "rstrip", "lower", "upper", "replace", "encode")


class Text:
    """Reads the text of queries in one function."""

    def __init__(self, effects: Effects, function: Function) -> None:
        self.effects, self.function = effects, function
        self.known = assigned(function)
        self.parameters = {parameter[0] for parameter in function.parameters}
        self.added: dict[str, list[Node]] = {}
        for node in walk(function.body):
            if node[0] == "aug" and node[2][0] == "name" and node[3] in ("+", "+="):
                self.added.setdefault(node[2][2], []).append(node[4])

    def parts(self, node: Node, level: int = 0) -> list[Part]:
        """Return the constants and the expressions that a text is made of, in their order."""
        tag = node[0]
        if level > DEEPEST:
            return [node]
        if tag == "const":
            return [node[2]] if isinstance(node[2], str) else [node]
        if tag == "fstr":
            return [part for value in node[2] for part in self.parts(value, level + 1)][:LONGEST]
        if tag == "bin" and node[2] == "+":
            return (self.parts(node[3], level + 1) + self.parts(node[4], level + 1))[:LONGEST]
        if tag == "bin" and node[2] == "%":
            return self._percent(node, level)
        if tag == "call":
            return self._called(node, level)
        if tag == "name":
            return self._named(node, level)
        if tag == "await":
            return self.parts(node[2], level + 1)
        if tag == "if":
            return self.parts(node[3], level + 1) + self.parts(node[4], level + 1)
        return [node]

    def _named(self, node: Node, level: int) -> list[Part]:
        name = node[2]
        if name in self.known and name not in self.parameters:
            values = self._reaching(name, node[1])
            found: list[Part] = []
            for value in sorted(values, key=lambda each: int(each[1])):
                if not any(inner[0] == "name" and inner[2] == name for inner in walk(value)):
                    found += self.parts(value, level + 1)
            return found[:LONGEST]
        if name in self.parameters:
            return [node]
        entity = self.effects.project.lookup(self.function.module, name)
        if isinstance(entity, Value) and entity.expression is not None and entity.expression[0] in ("const", "fstr"):
            return self.parts(entity.expression, level + 1)
        return [node]

    def _reaching(self, name: str, position: int) -> list[Node]:
        """Return what a name may hold at a place: the last value that it surely got before, and what came after."""
        binding = last_binding(self.function.body, name, position)
        start = binding[1] if binding is not None else -1
        values = list(self.known[name])
        if start >= 0:
            values = [value for value in values if start <= value[1] < position]
        return values + [value for value in self.added.get(name, ()) if value[1] > start]

    def _percent(self, node: Node, level: int) -> list[Part]:
        pattern, given = self.parts(node[3], level + 1), node[4]
        values = list(given[3]) if given[0] == "coll" else [given]
        by_name: dict[object, Node] = {}
        if given[0] == "dict":
            by_name = {key[2]: value for key, value in zip(given[2], given[3], strict=True) if key is not None}
        return self._filled(pattern, HOLE, values, by_name, level)

    def _called(self, node: Node, level: int) -> list[Part]:
        called = node[2]
        if called[0] == "name" and called[2] in WRAPS and node[3]:
            return self.parts(node[3][0], level + 1)
        if called[0] != "attr":
            return [node]
        if called[3] in WRAPS and node[3]:
            return self.parts(node[3][0], level + 1)
        if called[3] == "join" and len(node[3]) == 1 and node[3][0][0] == "comp":
            return self.parts(node[3][0][3], level + 1)
        if called[3] == "format":
            base = self.parts(called[2], level + 1)
            by_name: dict[object, Node] = dict(node[4])
            return self._filled(base, BRACE, list(node[3]), by_name, level)
        if called[3] in KEEPS and called[2][0] in ("const", "fstr", "bin", "name"):
            return self.parts(called[2], level + 1)
        return [node]

    def _filled(
        self, base: list[Part], hole: re.Pattern[str], values: list[Node], by_name: dict[object, Node], level: int
    ) -> list[Part]:
        """Return a pattern with what is put into its holes."""
        found: list[Part] = []
        count = 0
        for part in base:
            if not isinstance(part, str):
                found.append(part)
                continue
            start = 0
            for match in hole.finditer(part):
                found.append(part[start : match.start()])
                start = match.end()
                name = match["name"]
                value = by_name.get(name) if name else None
                if name and name.isdigit() and int(name) < len(values):
                    value = values[int(name)]
                elif value is None and count < len(values):
                    value = values[count]
                    count += 1
                if value is not None:
                    found += self.parts(value, level + 1)
            found.append(part[start:])
        return found[:LONGEST]


def shown(part: Node) -> str:
    return text(part, 40)
