"""Rendering a template: its blocks and includes are functions, called with the values that their names stand for.

Each part of a template (what stands outside of its blocks, and each block) is a function whose parameters are the
names that it reads and does not bind. A page is a chain of templates, the one that is rendered first, then what it
extends. So a template's loop is a loop like any other, and what a row's dots lead to is found where the template
stands.
"""

import posixpath
from collections.abc import Callable, Iterator

from perfwright.effects.calls import apply
from perfwright.effects.frame import Frame, Link
from perfwright.effects.iteration import deepen, query
from perfwright.effects.observations import Reading
from perfwright.effects.template_filters import filtered
from perfwright.effects.template_tags import TemplateTags
from perfwright.effects.values import (
    UNKNOWN,
    Awaitable,
    External,
    FunctionValue,
    LambdaValue,
    ModuleValue,
    Row,
    Rows,
    Sequence,
    Value,
    constant,
)
from perfwright.index.lower import POSITIONAL, Node
from perfwright.index.project import Function, Module, Project
from perfwright.index.template_files import Template

DEEPEST = 40  # calls, blocks and includes inside each other; see interpret.DEEPEST
EXTENDED = 20  # templates that extend each other
FOLLOWED = 2  # relations of relations of a row that are known to be in memory
RENDERERS = 8  # functions that are named as rendering a page
# A template function is read, not called: in a chain its name stands without brackets, as a property's does.
READ: tuple[Node, ...] = (("name", 0, "property"),)
OF_A_DICT = ("items", "keys", "values", "get", "pop", "update", "setdefault", "copy")
ALTERS = ("save", "delete", "asave", "adelete")  # never called by a template
WRITES = ("db.write", "db.commit", "http.request", "file.write")

Chain = tuple[Template, ...]
Key = tuple[tuple[str, ...], str, int]


class Rendered(Function):
    """A part of a page as a function: the same block in another page is another function."""

    def __init__(self, module: Module, facts: Node, page: str) -> None:
        super().__init__(module, -1, facts)
        self.page = page  # the path of the template that is rendered

    @property
    def key(self) -> tuple[str, str, int]:
        return self.module.path, f"{self.qualified} of {self.page}", self.line


class Part:
    """One function of a page: the body of a template or one of its blocks, in the chain that it is rendered in.

    `level` is the place in the chain of the template that it stands in.
    """

    __slots__ = ("block", "chain", "function", "level", "names")

    def __init__(self, chain: Chain, block: str, level: int, names: tuple[str, ...]) -> None:
        self.chain, self.block, self.level, self.names = chain, block, level, names
        template = chain[level]
        kind, name, line, end, body, _, _, _, _ = template.units[block]
        parameters = tuple([(each, None, None, POSITIONAL) for each in names])
        qualified = f"{kind} {name}" if block else "<module>"
        facts = (
            qualified if block else template.name, qualified, line, end, READ, parameters, None, 0,
            (*body, ("settle", line << 12)), -1, -1,
        )  # fmt: skip
        self.function = Rendered(template.module, facts, chain[0].path)


class Templates:
    """The templates of a project as functions. Nothing is read before something renders it."""

    def __init__(self, project: Project) -> None:
        self.project, self.files = project, project.templates
        self.tags = TemplateTags(project)
        self.parts: dict[Key, Part] = {}
        self.part_of: dict[Function, Part] = {}
        self.template_of: dict[Module, Template] = {}
        self.origins: dict[Reading, tuple[Link, ...]] = {}  # what renders the template that was read
        self.renderers: dict[Reading, dict[Function, None]] = {}  # the functions of Python that lead to a reading
        self.way: list[Link] = []  # the renderings that are going on
        self.shared: frozenset[str] = frozenset()  # names that more than one part of the page reads
        self._chains: dict[tuple[str, str, str], Chain] = {}
        self._free: dict[Key, tuple[str, ...]] = {}
        self._open: set[Key] = set()
        self._shared: dict[tuple[str, ...], frozenset[str]] = {}

    # ------------------------------------------------------------------------- finding
    def chain(self, names: tuple[str, ...], near: str, dialect: str, asked_by: Template | None = None) -> Chain:
        """Return the first of the named templates that there is, with what it extends; nothing if there is none."""
        if self.files is None:
            return ()
        for name in names[:EXTENDED]:
            resolved = relative(name, asked_by)
            key = (resolved, near.rpartition("/")[0], dialect)
            found = self._chains.get(key)
            if found is None:
                found = self._chains[key] = tuple(self._extended(resolved, near, dialect))
            if found:
                return found
        return ()

    def _extended(self, name: str, near: str, dialect: str) -> Iterator[Template]:
        files = self.files
        assert files is not None
        found = files.find(name, near, dialect)
        paths: list[str] = []
        while found is not None and len(paths) < EXTENDED:
            paths.append(found.path)
            self.template_of[found.module] = found
            yield found
            parent = None
            for each in found.parents or ():
                parent = files.find(relative(each, found), found.path, found.dialect, tuple(paths))
                if parent is not None:
                    break
            found = parent

    def part(self, chain: Chain, block: str, level: int) -> Part | None:
        """Return a part of a page: the block as the first template from a level on gives it."""
        for at in range(level, len(chain)):
            if block in chain[at].units:
                key = (paths(chain), block, at)
                found = self.parts.get(key)
                if found is None:
                    found = self.parts[key] = Part(chain, block, at, self.free(chain, block, at))
                    self.part_of[found.function] = found
                return found
        return None

    def free(self, chain: Chain, block: str, level: int) -> tuple[str, ...]:
        """Return the names that a part reads and does not bind, with those of its blocks and includes."""
        key = (paths(chain), block, level)
        known = self._free.get(key)
        if known is not None:
            return known
        if key in self._open or len(self._open) > DEEPEST:
            return ()
        self._open.add(key)
        unit = chain[level].units[block]
        names: dict[str, None] = dict.fromkeys(unit[5])
        for inner, start in self.inside(chain, block, level):
            for at in range(start, len(chain)):
                if inner in chain[at].units:
                    names.update(dict.fromkeys(self.free(chain, inner, at)))
                    break
        for included, given, only in self.includes(chain[level], unit):
            if not only:
                read = self.free(included, "", len(included) - 1)
                names.update(dict.fromkeys([name for name in read if name not in given]))
        self._open.discard(key)
        found = self._free[key] = tuple(names)
        return found

    def inside(self, chain: Chain, block: str, level: int) -> list[tuple[str, int]]:
        """Return the blocks that a part holds, and its own as the template above gives it; each with where to look."""
        found = [(inner, 0) for inner in chain[level].units[block][6]]
        return [*found, (block, level + 1)] if block else found

    def includes(self, template: Template, unit: Node) -> Iterator[tuple[Chain, tuple[str, ...], bool]]:
        """Give the pages that a part includes by a constant name, the names that are given, and if no others are."""
        for names, given, only in unit[7]:
            found = self.chain(names, template.path, template.dialect, template)
            if found:
                yield found, given, only

    def shared_in(self, chain: Chain) -> frozenset[str]:
        """Return the names that more than one part of a page reads: rows by that name are used elsewhere too."""
        known = self._shared.get(paths(chain))
        if known is None:
            counted: dict[str, int] = {}
            self._count(chain, "", len(chain) - 1, counted, [])
            known = self._shared[paths(chain)] = frozenset([name for name, times in counted.items() if times > 1])
        return known

    def _count(self, chain: Chain, block: str, level: int, counted: dict[str, int], seen: list[Key]) -> None:
        key = (paths(chain), block, level)
        if seen.count(key) > 1 or len(seen) > EXTENDED * DEEPEST:
            return
        seen.append(key)
        unit = chain[level].units[block]
        for name in unit[5]:
            counted[name] = counted.get(name, 0) + 1
        for inner, start in self.inside(chain, block, level):
            for at in range(start, len(chain)):
                if inner in chain[at].units:
                    self._count(chain, inner, at, counted, seen)
                    break
        for included, _, _ in self.includes(chain[level], unit):
            self._count(included, "", len(included) - 1, counted, seen)

    # ------------------------------------------------------------------------ rendering
    def render(self, frame: Frame, chain: Chain, values: dict[str, Value], node: Node) -> None:
        """Render a page with these values: what its template does happens here."""
        root = self.part(chain, "", len(chain) - 1)
        if root is None:
            return
        by, position = frame.function, node[1]
        if by in frame.interp.named:  # a helper that renders what it is told to: who tells it renders the page
            stack = [function for function in frame.interp.stack if function not in frame.interp.named]
            by, position = (stack[-1], stack[-1].line << 12) if stack else (by, position)
        before, self.shared = self.shared, self.shared | self.shared_in(chain)
        known: dict[int, str] = {}
        for name in root.names:
            value = values.get(name)
            if not isinstance(value, Rows):
                continue
            other = known.setdefault(id(value), name)
            if other != name:
                self.shared |= {name, other}  # two names of the same rows
            elif value.stored or self.way:
                self.shared |= {name}  # in memory already, or passed on by a template that may use it too
        self.way.append((by, position, f"renders {chain[0].name}"))
        read = self.call(frame, root, [values.get(name) or UNKNOWN for name in root.names], node)
        self.way.pop()
        self.shared = before
        if read is not None and by not in self.part_of:
            self.note_renderer(read, by)

    def enter(self, frame: Frame, block: str, level: int, node: Node) -> None:
        """Show a block of the page here, as the first template from a level on gives it."""
        current = self.part_of.get(frame.function)
        part = self.part(current.chain, block, level) if current is not None else None
        if part is not None:
            self.call(frame, part, [frame.lookup(name) or UNKNOWN for name in part.names], node)

    def note_renderer(self, read: Reading, function: Function) -> None:
        """Note that a function renders a page: this reading of it, and those of its blocks and includes."""
        waiting = [read]
        while waiting:
            reading = waiting.pop()
            known = self.renderers.setdefault(reading, {})
            if function not in known and len(known) < RENDERERS:
                known[function] = None
                waiting.extend([inner for inner in reading.called if inner.function in self.part_of])

    def call(self, frame: Frame, part: Part, bound: list[Value], node: Node) -> Reading | None:
        """Call a part of a page with a value for each of its names; return how it was read."""
        interp = frame.interp
        if len(interp.stack) > DEEPEST:
            return None
        function = part.function
        bound = [remembered(value) if isinstance(value, Row) and value.seen else value for value in bound]
        interp.callers.setdefault(function, set()).add(frame.function)
        summary = interp.evaluate(function, bound, None)
        if summary.reading is not None and summary.reading not in self.origins:
            self.origins[summary.reading] = tuple(self.way)
        interp.lift(frame, summary, bound, function, node, None)
        for value in bound:
            frame.use_whole(value)
        return summary.reading if isinstance(summary.reading, Reading) else None

    def template(self, frame: Frame) -> Template | None:
        """Return the template that a function belongs to, where it belongs to one."""
        return self.template_of.get(frame.module)


def paths(chain: Chain) -> tuple[str, ...]:
    return tuple([template.path for template in chain])


def relative(name: str, asked_by: Template | None) -> str:
    """Return the name that `./x.html` and `../x.html` stand for in a template."""
    if not name.startswith("."):
        return name
    return posixpath.normpath(posixpath.join(posixpath.dirname(asked_by.name), name)) if asked_by is not None else ""


# ------------------------------------------------------------------------------ expressions
def dot(frame: Frame, node: Node) -> Value:
    """`base.name`: a key, an index or an attribute; Django calls what can be called without arguments."""
    found = member(frame, frame.value(node[2]), node[3], node)
    return called(frame, found, node) if node[4] else found


def member(frame: Frame, base: Value, name: str, node: Node) -> Value:
    """Return what a template's `base.name` stands for, not called yet."""
    if isinstance(base, Sequence):
        if base.fields is not None and name in base.fields:
            return base.fields[name]
        if base.of == "dict" and name not in OF_A_DICT:
            return deepen(base.element, frame.depth)
        if name.isdigit():
            frame.use_whole(base)
            if base.items and int(name) < len(base.items):
                return base.items[int(name)]
            return base.element if base.depth == frame.depth else deepen(base.element, frame.depth)
        if node[4] and base.of != "dict":
            return Value(frame.depth)  # a list has nothing that can be called without arguments
    if isinstance(base, Rows):
        if name.isdigit():
            return first_of(frame, base, node)
        if name == "object_list":
            return base  # of a page: its rows
        if base.custom is None and frame.interp.libraries.method(base.api, name) is None:
            return Value(base.depth, base.root)
    return attribute(frame, base, name, node)


def attribute(frame: Frame, base: Value, name: str, node: Node) -> Value:
    if isinstance(base, Row) and base.seen and name not in base.model.relations and name not in base.seen:
        base = remembered(base)  # a method or a property: it finds what was followed before
    return frame.interp.attribute(frame, base, name, node)


def remembered(row: Row) -> Row:
    """Return a row with the relations that were followed since it was read: the object has kept them."""
    held = followed(row)
    if held <= row.fetched:
        return row
    found = Row(row.model, row.fetched | held, row.depth, row.root)
    found.assumed, found.locked, found.seen = row.assumed, row.locked, row.seen
    return found


def followed(row: Row, depth: int = 0) -> frozenset[str]:
    names: list[str] = []
    for name, value in row.seen.items():
        if name in row.model.relations and not isinstance(value, Rows):
            names.append(name)
            if isinstance(value, Row) and depth < FOLLOWED:
                names.extend([f"{name}__{inner}" for inner in value.fetched | followed(value, depth + 1)])
    return frozenset(names)


def first_of(frame: Frame, rows: Rows, node: Node) -> Value:
    """One row by its place: a query of its own, unless the rows are in memory."""
    if not rows.stored:
        one = rows.copy(frame.depth)
        one.limited = constant(1)
        query(frame, one, node[1], frame.interp.text(node))
    return rows.element(frame.depth)


def called(frame: Frame, found: Value, node: Node) -> Value:
    """Call what a dot led to, if a template would."""
    call: Node = ("call", node[1], node, (), ())
    if isinstance(found, FunctionValue):
        if found.function.name in ALTERS or needs_more(found):
            return Value(frame.depth)
        result = apply(frame, found, (), {}, call)
        return Value(frame.depth) if isinstance(result, Awaitable) else result
    if isinstance(found, LambdaValue):
        return apply(frame, found, (), {}, call)
    if isinstance(found, External) and found.bound is not None:
        interp = frame.interp
        entry = interp.libraries.get(found.name)
        if entry is None and found.name not in interp.built_in:
            return Value(found.bound.depth, found.bound.root)
        if entry is not None and any(effect.name in WRITES for effect in entry.does):
            return Value(frame.depth)
        result = apply(frame, found, (), {}, call)
        return Value(frame.depth) if isinstance(result, Awaitable) else result
    return found


def needs_more(value: FunctionValue) -> bool:
    """Tell whether a function needs arguments that a template does not give."""
    required = [each for each in value.function.parameters if each[3] == POSITIONAL and each[2] is None]
    return len(required) > (value.bound is not None)


def block(frame: Frame, node: Node) -> Value:
    frame.interp.entries.templates.enter(frame, node[2], 0, node)
    return UNKNOWN


def super_(frame: Frame, node: Node) -> Value:
    """`{{ block.super }}`: the block as the template above gives it."""
    templates = frame.interp.entries.templates
    current = templates.part_of.get(frame.function)
    if current is not None and current.block:
        templates.enter(frame, current.block, current.level + 1, ("block", node[1], current.block))
    return UNKNOWN


def include(frame: Frame, node: Node) -> Value:
    """`{% include "name" with x=y %}`: another page, with the names that are known here."""
    templates = frame.interp.entries.templates
    _, _, names, given, only = node
    values = {name: frame.value(value) for name, value in given}
    template = templates.template(frame)
    chain = templates.chain(names, template.path, template.dialect, template) if template is not None else ()
    if chain:
        root = templates.part(chain, "", len(chain) - 1)
        for name in root.names if root is not None and not only else ():
            if name not in values and (found := frame.lookup(name)) is not None:
                values[name] = found
        templates.render(frame, chain, values, node)
    return UNKNOWN


def imported(frame: Frame, node: Node) -> Value:
    """`{% import "name" as x %}`: a template as a module, for its macros."""
    templates = frame.interp.entries.templates
    template = templates.template(frame)
    chain = templates.chain(node[2], template.path, template.dialect, template) if template is not None else ()
    return ModuleValue(chain[0].module) if chain else UNKNOWN


def tagged(frame: Frame, node: Node) -> Value:
    """A tag of the project's own: its function is called, its template rendered."""
    arguments = tuple([frame.value(argument) for argument in node[3]])
    keywords = {name or "**": frame.value(value) for name, value in node[4]}
    templates = frame.interp.entries.templates
    template = templates.template(frame)
    found = templates.tags.tag(node[2][2], template) if template is not None else None
    if found is None:
        for value in (*arguments, *keywords.values()):
            frame.use_whole(value)
        return Value(frame.depth)
    if found.takes_context:
        arguments = (context_of(frame), *arguments)
    result = apply(frame, FunctionValue(found.function), arguments, keywords, node)
    if found.template and template is not None:
        chain = templates.chain((found.template,), found.function.path, template.dialect)
        if chain and isinstance(result, Sequence) and result.fields is not None:
            templates.render(frame, chain, result.fields, node)
        return Value(frame.depth)
    return result


def context_of(frame: Frame) -> Sequence:
    """Return the context that a tag is given: the names that are known here."""
    found = Sequence("dict", UNKNOWN, constant(len(frame.env)), frame.depth)
    for name, value in frame.env.items():
        found.put(name, value)
    return found


# ------------------------------------------------------------------------------- statements
def scope(frame: Frame, node: Node) -> bool:
    """Names that are bound in a block alone: what they stood for before, they stand for after it."""
    saved = {name: frame.env.get(name) for name in node[2]}
    frame.run(node[3])
    for name, before in saved.items():
        if before is None:
            frame.env.pop(name, None)
        else:
            frame.env[name] = before
    return False


def cached(frame: Frame, node: Node) -> bool:
    """`{% cache %}`: what is inside happens once in a while."""
    frame.guards += 1
    frame.run(node[2])
    frame.guards -= 1
    return False


def once(frame: Frame, node: Node) -> bool:
    """What happens on one pass of the loop around alone: `{% if forloop.first %}`."""
    saved = frame.once
    frame.once = min(frame.once, max(len(frame.loops) - 1, frame.floor))
    frame.run(node[2])
    frame.once = saved
    return False


def settle(frame: Frame, _node: Node) -> bool:
    """The end of a part: rows that other parts of the page use too are not only counted or tested.

    What a template calls by itself does not count: the functions of its environment are seldom in sight.
    """
    frame.calls_seen = frame.calls_unknown = 0
    for name in frame.interp.entries.templates.shared:
        value = frame.env.get(name)
        if value is not None:
            frame.use_whole(value)
    return False


EXPRESSIONS: dict[str, Callable[[Frame, Node], Value]] = {
    "dot": dot,
    "filter": filtered,
    "block": block,
    "super": super_,
    "include": include,
    "template": imported,
    "tag": tagged,
}
STATEMENTS: dict[str, Callable[[Frame, Node], bool]] = {
    "scope": scope,
    "cached": cached,
    "once": once,
    "settle": settle,
}
