"""The tags of a lowered tree, and small questions about it.

Expressions: `name id`, `attr base name`, `call function arguments keywords`, `const value` (of a long text
its beginning, and then its length), `sub base index`, `fstr parts`, `cmp left operators rights`,
`bool operator values`, `bin operator left right`, `un operator operand`, `coll kind items`, `dict keys values`,
`comp kind element generators value`, `if test then else`, `lambda parameters body`, `await value`,
`star value`, `slice low high step`, `walrus name value`, `yield value`, `yieldfrom value`; in functions that
`effects` makes, `given value text`: a value of the interpreter itself.

Statements: `expr`, `assign targets value end`, `ann target annotation value`, `aug target operator value`,
`return value`, `if test then else`, `for target iterable body else async end`, `while test body else end`,
`with items body async`, `try body handlers else finally`, `match subject bodies`, `def index`,
`class index`, `import bindings`, `raise value cause`, `del targets`, `break`, `continue`.

Of templates alone (`index/templates.py`). Expressions: `dot base name called`, an attribute, a key or an index, called
where it can be; `filter name arguments keywords`; `tag name arguments keywords`; `block name`; `super`;
`include names values only`; `template names`. Statements: `scope names body`, whose names end with it; `cached body`;
`once body`, on one pass of the loop around.
"""

from typing import Any

from perfwright.index.lower import Node

BRACKETS = {"list": ("[", "]"), "set": ("{", "}"), "dict": ("{", "}")}
SHOWN = 60  # characters of an expression in a message


def text(node: Node | None, limit: int = SHOWN) -> str:
    """Return an expression as a person would write it, shortened to `limit` characters."""
    written = _text(node)
    return written if len(written) <= limit else written[: limit - 1] + "…"


def _text(node: Node | None) -> str:  # noqa: C901 - one line a tag
    if node is None:
        return ""
    tag = node[0]
    if tag == "name":
        return str(node[2])
    if tag in ("attr", "dot"):
        return f"{_text(node[2])}.{node[3]}"
    if tag in ("filter", "tag", "block", "include"):
        return _template(node)
    if tag == "call":
        arguments = [_text(a) for a in node[3]] + [f"{k}={_text(v)}" if k else f"**{_text(v)}" for k, v in node[4]]
        return f"{_text(node[2])}({', '.join(arguments)})"
    if tag == "const":
        return repr(node[2])
    if tag == "sub":
        return f"{_text(node[2])}[{_text(node[3])}]"
    if tag == "slice":
        return f"{_text(node[2])}:{_text(node[3])}"
    if tag == "await":
        return f"await {_text(node[2])}"
    if tag == "star":
        return f"*{_text(node[2])}"
    if tag == "un":
        return f"{node[2]} {_text(node[3])}" if node[2] == "not" else f"{node[2]}{_text(node[3])}"
    if tag == "bin":
        sides = [f"({_text(side)})" if side[0] in ("bin", "cmp", "bool", "if") else _text(side) for side in node[3:5]]
        return f"{sides[0]} {node[2]} {sides[1]}"
    if tag == "cmp":
        return _text(node[2]) + "".join(f" {op} {_text(r)}" for op, r in zip(node[3], node[4], strict=True))
    if tag == "coll":
        left, right = BRACKETS.get(node[2], ("(", ")"))
        return f"{left}{', '.join(_text(item) for item in node[3])}{right}"
    if tag == "bool":
        return f" {node[2]} ".join(_text(value) for value in node[3])
    if tag == "comp":
        left, right = BRACKETS.get(node[2], ("(", ")"))
        parts = [_text(node[3]) if node[5] is None else f"{_text(node[3])}: {_text(node[5])}"]
        for target, iterable, tests, _ in node[4]:
            parts.append(f"for {_text(target)} in {_text(iterable)}")
            parts.extend([f"if {_text(test)}" for test in tests])
        return f"{left}{' '.join(parts)}{right}"
    if tag == "dict":
        pairs = zip(node[2], node[3], strict=True)
        return "{" + ", ".join([f"{_text(k)}: {_text(v)}" if k else f"**{_text(v)}" for k, v in pairs]) + "}"
    if tag == "if":
        return f"{_text(node[3])} if {_text(node[2])} else {_text(node[4])}"
    if tag == "lambda":
        return f"lambda {', '.join(p[0] for p in node[2])}: {_text(node[3])}"
    if tag == "walrus":
        return f"({node[2]} := {_text(node[3])})"
    if tag == "given":
        return str(node[3])
    return "…"


def _template(node: Node) -> str:
    """Return an expression that only templates have, as Django writes it."""
    tag = node[0]
    if tag == "filter":
        value, *arguments = map(_text, node[3])
        return f"{value}|{node[2][2]}{':' if arguments else ''}{', '.join(arguments)}"
    if tag == "tag":
        return " ".join(["{%", node[2][2], *map(_text, node[3]), "%}"])
    if tag == "include":
        return f"{{% include {', '.join(map(repr, node[2]))} %}}"
    return f"{{% block {node[2]} %}}"


def walk(node: Any) -> list[Node]:
    """Return every tagged tuple of a lowered tree, the outer before the inner."""
    found: list[Node] = []
    stack: list[Any] = [node]
    while stack:
        top = stack.pop()
        if type(top) is tuple:
            if len(top) > 1 and type(top[0]) is str and type(top[1]) is int:
                found.append(top)
            stack.extend([part for part in top[::-1] if type(part) is tuple])
    return found


def called_names(tree: Any) -> set[str]:
    """Return the last names of everything that is called in a tree."""
    names: set[str] = set()
    stack: list[Any] = [tree] if type(tree) is tuple else []
    while stack:  # as `walk`, which this is asked for almost every function
        top = stack.pop()
        if len(top) > 2 and top[0] == "call" and type(top[1]) is int and top[2][0] in ("name", "attr"):
            names.add(top[2][-1])
        stack.extend([part for part in top if type(part) is tuple])
    return names


def names_in(node: Any) -> set[str]:
    """Return the names that a lowered tree reads or writes."""
    return {inner[2] for inner in walk(node) if inner[0] == "name"}
