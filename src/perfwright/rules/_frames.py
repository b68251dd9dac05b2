"""Data frames in code: what a call is by its full name, whether a file works with frames, which loops are long."""

from collections.abc import Iterator

from perfwright.effects.iteration import looks_few, takes_batches
from perfwright.effects.summary import Effects
from perfwright.effects.values import LITTLE
from perfwright.index.lower import Node
from perfwright.index.project import External, Module
from perfwright.index.tree import text, walk
from perfwright.rules._code import blocks

PACKAGES = ("pandas", "geopandas", "modin", "dask", "cudf", "numpy")
GROWS = ("append", "extend", "add", "update", "insert")
LONG = 400  # characters of an expression that is compared with another


def full_name(effects: Effects, node: Node) -> str:
    """Return the dotted name of a library's function that an expression names (`pandas.concat`), or nothing."""
    if node[0] not in ("name", "attr"):
        return ""
    found = effects.project.expression(effects.function.module, node)
    if isinstance(found, External):
        return effects.libraries.canonical(found)
    written = text(node, LONG)
    first, _, rest = written.partition(".")
    for statement in walk(effects.function.body):
        if statement[0] == "import":
            for name, module, attribute, level in statement[2]:
                if name == first and not level:
                    top = f"{module}.{attribute}" if attribute else module
                    return effects.libraries.canonical(f"{top}.{rest}" if rest else top)
    return ""


def works_with_frames(effects: Effects) -> bool:
    """Tell whether the file imports a library of frames, or the function has an effect of one."""
    if imports_frames(effects.function.module):
        return True
    if any(event.model is not None and event.model.library in PACKAGES for event in effects.reading.events):
        return True
    return any(
        node[0] == "import" and any(module.partition(".")[0] in PACKAGES for _, module, _, _ in node[2])
        for node in walk(effects.function.body)
    )


def imports_frames(module: Module) -> bool:
    """Tell whether a file imports a library of frames at its top."""
    return not module.imports.isdisjoint(PACKAGES)


def loops(block: tuple[Node, ...]) -> Iterator[Node]:
    """Give the `for` and `while` statements of a block, inner ones after the outer."""
    for statement in block:
        if statement[0] in ("for", "while"):
            yield statement
        for inner in blocks(statement):
            yield from loops(inner)


def body_of(loop: Node) -> tuple[Node, ...]:
    block: tuple[Node, ...] = loop[4] if loop[0] == "for" else loop[3]
    return block


def is_short(effects: Effects, loop: Node) -> bool:
    """Tell whether a loop is known to have few passes: a constant number of them, or named like a setting."""
    if loop[0] == "while":
        return False
    return few(effects, loop[3]) or takes_batches(loop[3])


def few(effects: Effects, over: Node, depth: int = 0) -> bool:
    """Tell whether a collection is known to be small: a literal, a constant, `range(5)`, a dozen columns."""
    if over[0] == "coll":
        return 0 < len(over[3]) <= LITTLE and not any(item[0] == "star" for item in over[3])
    if over[0] == "dict":
        return len(over[2]) <= LITTLE
    if over[0] == "call" and over[2][0] in ("name", "attr"):
        name = over[2][2] if over[2][0] == "name" else over[2][3]
        if name == "range":
            numbers = [part[2] for part in over[3] if part[0] == "const" and isinstance(part[2], int)]
            return len(numbers) == len(over[3]) and len(range(*numbers[:3])) <= LITTLE
        if name in ("enumerate", "sorted", "list", "tuple", "reversed", "tqdm") and over[3]:
            return few(effects, over[3][0], depth)
        if name in ("items", "keys", "values") and over[2][0] == "attr":
            return few(effects, over[2][2], depth)
        return name == "zip" and any(few(effects, part, depth) for part in over[3])
    if over[0] == "name" and depth < 3:
        bound = assigned_to(effects.function.body, over[2])
        if len(bound) == 1 and not grows(effects.function.body, over[2]):
            return few(effects, bound[0], depth + 1)
        binding = effects.function.module.names.get(over[2])
        if not bound and binding is not None and binding[0] == "value" and binding[1] is not None:
            return few(effects, binding[1], depth + 1) or looks_few(over)
    return looks_few(over)


def assigned_to(body: tuple[Node, ...], name: str) -> list[Node]:
    """Return what a name is bound to in a function, each time."""
    found = []
    for node in walk(body):
        if node[0] == "assign" and any(target[0] == "name" and target[2] == name for target in node[2]):
            found.append(node[3])
        elif node[0] in ("ann", "aug") and node[2][0] == "name" and node[2][2] == name:
            found.append(node[4] if node[4] is not None else node[2])
    return found


def grows(body: tuple[Node, ...], name: str) -> bool:
    """Tell whether something is added to what a name holds."""
    return any(
        node[0] == "call" and node[2][0] == "attr" and node[2][3] in GROWS and node[2][2][:1] == ("name",)
        and node[2][2][2] == name
        for node in walk(body)
    )  # fmt: skip
