"""Rendering a template: its blocks and includes are functions, called with the values that their names stand for.

Each part of a template (what stands outside of its blocks, and each block) is a function whose parameters are the
names that it reads and does not bind. A page is a chain of templates, the one that is rendered first, then what it
extends. So a template's loop is a loop like any other, and what a row's dots lead to is found where the template
stands.
"""

import posixpath
from collections.abc import Iterator

from perfwright.effects.frame import Frame, Link
from perfwright.effects.observations import Reading
from perfwright.effects.template_tags import TemplateTags
from perfwright.effects.values import UNKNOWN, Row, Rows, Value
from perfwright.index.lower import POSITIONAL, Node
from perfwright.index.project import Function, Module, Project
from perfwright.index.template_files import Template

DEEPEST = 40  # calls, blocks and includes inside each other; see interpret.DEEPEST
EXTENDED = 20  # templates that extend each other
FOLLOWED = 2  # relations of relations of a row that are known to be in memory
RENDERERS = 8  # functions that are named as rendering a page
# A template function is read, not called: in a chain its name stands without brackets, as a property's does.
READ: tuple[Node, ...] = (("name", 0, "property"),)

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
