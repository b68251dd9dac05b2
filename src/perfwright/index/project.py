"""The files of a project as modules, classes and functions, with every name resolved."""

import marshal
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from perfwright.index.external import External
from perfwright.index.lower import ASYNC, CHANGES, GENERATOR, GLOBALS, LISTS, LOOPS, QUERIES, TRIES, Node
from perfwright.index.tree import called_names

if TYPE_CHECKING:
    from perfwright.index.template_files import TemplateFiles

__all__ = ["Class", "Entity", "External", "Function", "Module", "Project", "Value"]

STDLIB: Final = sys.stdlib_module_names
DEEPEST = 20  # re-exports followed for one name; a longer way is a cycle
ANCESTORS = 200  # classes of one line that are looked at; a longer line is generated


class Module:
    """One file: its dotted name from the root, its functions, classes and top-level names."""

    __slots__ = (
        "called",
        "classes",
        "digest",
        "functions",
        "ignores",
        "is_package",
        "lines",
        "name",
        "names",
        "number",
        "path",
        "tops",
        "written",
    )

    def __init__(self, path: str, facts: Node, inside: tuple[str, ...] = ()) -> None:
        self.path = path
        self.number = 0  # its place in the project, from 1
        parts = (*inside, *PurePosixPath(path).with_suffix("").parts)
        self.is_package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if self.is_package else parts)
        self.digest, self.lines, functions, classes, self.names, self.written, self.ignores, called = facts
        self.called: frozenset[str] = frozenset(called)
        self.tops: frozenset[str] | None = None  # see `imports`
        self.classes = [Class(self, part) for part in classes]
        self.functions = [Function(self, index, part) for index, part in enumerate(functions)]

    @property
    def body(self) -> Node:
        """Return its statements; facts from the cache hold them packed until somebody asks."""
        body: Node = unpacked(self.written)
        self.written = body
        return body

    @property
    def imports(self) -> frozenset[str]:
        """Return the packages that it imports at its top, not relative to itself."""
        if self.tops is None:
            bindings = [binding for binding in self.names.values() if binding[0] == "import" and not binding[3]]
            self.tops = frozenset([binding[1].partition(".")[0] for binding in bindings])
        return self.tops

    def __repr__(self) -> str:
        return f"Module({self.name})"


class Function:
    """A function or method as it is written. `owner` is the class whose body holds it."""

    __slots__ = (
        "calls", "decorators", "end_line", "flags", "index", "line", "module", "name", "outer", "owner",
        "parameters", "qualified", "returns", "written",
    )  # fmt: skip

    def __init__(self, module: Module, index: int, facts: Node) -> None:
        self.module, self.index = module, index
        (
            self.name, self.qualified, self.line, self.end_line, self.decorators, self.parameters, self.returns,
            self.flags, self.written, owner, self.outer,
        ) = facts  # fmt: skip
        self.owner: Class | None = module.classes[owner] if owner >= 0 else None
        self.calls: frozenset[str] | None = None  # see `called`

    @property
    def body(self) -> Node:
        """Return its statements, see `Module.body`."""
        body: Node = unpacked(self.written)
        self.written = body
        return body

    @property
    def called(self) -> frozenset[str]:
        """Return the last names of everything that its body calls."""
        if self.calls is None:
            self.calls = frozenset(called_names(self.body))
        return self.calls

    @property
    def key(self) -> tuple[str, str, int]:
        """Return what tells the function from all others, in every process that reads the same files."""
        return self.module.path, self.qualified if self.index >= 0 else f"made: {self.qualified}", self.line

    @property
    def is_async(self) -> bool:
        return bool(self.flags & ASYNC)

    @property
    def is_generator(self) -> bool:
        return bool(self.flags & GENERATOR)

    @property
    def tries(self) -> bool:
        """Tell whether a `try` stands in its body."""
        return bool(self.flags & TRIES)

    @property
    def loops(self) -> bool:
        """Tell whether a `for` or `while` stands in its body."""
        return bool(self.flags & LOOPS)

    @property
    def makes_lists(self) -> bool:
        """Tell whether a list comprehension stands in its body, or `[*names]`."""
        return bool(self.flags & LISTS)

    @property
    def binds_globals(self) -> bool:
        """Tell whether it says `global`: what it binds then stays after it."""
        return bool(self.flags & GLOBALS)

    @property
    def holds_queries(self) -> bool:
        """Tell whether a text in its body begins like a query: `SELECT ...`."""
        return bool(self.flags & QUERIES)

    @property
    def changes_items(self) -> bool:
        """Tell whether its body sets an item, or changes something in place: `counts[word] = 1`, `rows += more`."""
        return bool(self.flags & CHANGES)

    @property
    def path(self) -> str:
        return self.module.path

    def __repr__(self) -> str:
        return f"Function({self.module.name}:{self.qualified})"


class Class:
    """A class as it is written. `setters` maps `self.<name>` to the methods that set it."""

    __slots__ = (
        "bases", "decorators", "end_line", "keywords", "line", "module", "name", "names", "outer", "qualified",
        "setters",
    )  # fmt: skip

    def __init__(self, module: Module, facts: Node) -> None:
        self.module = module
        (
            self.name, self.qualified, self.line, self.end_line, self.bases, self.keywords, self.decorators, self.names,
            self.setters, self.outer,
        ) = facts  # fmt: skip

    def __repr__(self) -> str:
        return f"Class({self.module.name}:{self.qualified})"


def unpacked(written: Any) -> Any:
    """Return statements as they are; the cache's are packed as bytes."""
    return marshal.loads(written) if type(written) is bytes else written


class Value:
    """A name bound to an expression: `expression` and `annotation` as lowered, either may be None."""

    __slots__ = ("annotation", "expression", "module", "name")

    def __init__(self, module: Module, name: str, expression: Node | None, annotation: Node | None) -> None:
        self.module, self.name, self.expression, self.annotation = module, name, expression, annotation


Entity = Module | Function | Class | Value | External


class Project:
    """All modules, and the answers to "what does this name stand for here?"."""

    def __init__(
        self, files: Mapping[str, Node], inside: tuple[str, ...] = (), templates: "TemplateFiles | None" = None
    ) -> None:
        """Join files by path; `inside` names the packages around the root, where it lies in one.

        `templates` finds and reads the templates that the project renders.
        """
        self.templates = templates
        self.modules: dict[str, Module] = {}
        for path in sorted(files):
            module = Module(path, files[path], inside)
            self.modules[module.name] = module
        for number, module in enumerate(self.modules.values(), 1):
            module.number = number
        self.packages = {module.name for module in self.modules.values() if module.is_package}
        self._folders = {prefix for name in self.modules for prefix in _prefixes(name)}
        self._roots: dict[str, tuple[str, ...]] = {}
        self._resolved: dict[tuple[str, str], Entity | None] = {}
        self._imported: dict[tuple[str, str], Entity] = {}
        self._mro: dict[Class, tuple[Class | External, ...]] = {}

    @property
    def functions(self) -> Iterator[Function]:
        for module in self.modules.values():
            yield from module.functions

    @property
    def classes(self) -> Iterator[Class]:
        for module in self.modules.values():
            yield from module.classes

    # ----------------------------------------------------------------------- names
    def lookup(self, module: Module, name: str, depth: int = 0) -> Entity | None:
        """Return what a top-level name of a module stands for, imports followed; None if unknown."""
        key = (module.name, name)
        if key in self._resolved:
            return self._resolved[key]
        binding = module.names.get(name)
        found: Entity | None = None
        if depth > DEEPEST:
            return None
        if binding is not None:
            found = self.bound(module, name, binding, depth)
        elif (submodule := f"{module.name}.{name}") in self.modules and module.is_package:
            found = self.modules[submodule]
        else:
            for star, source in module.names.items():
                if star[0] == "*":
                    target = self.imported(module, source[1], "", source[3])
                    found = self.member(target, name, depth + 1) if isinstance(target, Module) else None
                    if found is not None:
                        break
        self._resolved[key] = found
        return found

    def bound(self, module: Module, name: str, binding: Node, depth: int = 0) -> Entity | None:
        """Return what one binding of a scope stands for."""
        kind = binding[0]
        if kind == "func":
            return module.functions[binding[1]]
        if kind == "class":
            return module.classes[binding[1]]
        if kind == "import":
            return self.imported(module, binding[1], binding[2], binding[3], depth)
        return Value(module, name, binding[1], binding[2])

    def member(self, entity: Entity | None, name: str, depth: int = 0) -> Entity | None:
        """Return what `entity.name` stands for, where the entity is a module or outside the project."""
        if isinstance(entity, External):
            return External(f"{entity}.{name}")
        if isinstance(entity, Module):
            return self.lookup(entity, name, depth)
        return None

    def imported(self, module: Module, source: str, attribute: str, level: int, depth: int = 0) -> Entity | None:
        """Return what an import statement in a module binds."""
        if level:
            parts = module.name.split(".")
            keep = len(parts) - level + (1 if module.is_package else 0)
            base = ".".join([*parts[: max(keep, 0)], *([source] if source else [])])
            target: Entity | None = self.modules.get(base)
            if target is None:
                child = self.modules.get(f"{base}.{attribute}" if base else attribute)
                return child or External(f"{base}.{attribute}" if attribute else base)
        else:
            target = self.absolute(module, source)
        if not attribute:
            return target
        if isinstance(target, Module):
            found = self.lookup(target, attribute, depth + 1)
            return found or self.modules.get(f"{target.name}.{attribute}")
        if isinstance(target, External):
            # A namespace package has no file of its own, its modules do.
            return self.modules.get(f"{self._here(module, source)}.{attribute}") or External(f"{target}.{attribute}")
        return None

    def absolute(self, module: Module, source: str) -> Entity:
        """Return the module that an absolute import names, looked for from each source root above."""
        roots = self.source_roots(module)
        key = (roots[0] if roots else "", source)
        found = self._imported.get(key)
        if found is None:
            found = External(source)
            top = source.partition(".")[0]
            for root in roots:
                candidate = self.modules.get(f"{root}.{source}" if root else source)
                if candidate is not None and (top not in STDLIB or root == "" or f"{root}.{top}" in self.packages):
                    found = candidate
                    break
            self._imported[key] = found
        return found

    def _here(self, module: Module, source: str) -> str:
        for root in self.source_roots(module):
            name = f"{root}.{source}" if root else source
            if name in self._folders:
                return name
        return source

    def source_roots(self, module: Module) -> tuple[str, ...]:
        """Return the dotted folders that may be on `sys.path` for a module: the ones above its package."""
        parent = module.name if module.is_package else module.name.rpartition(".")[0]
        cached = self._roots.get(parent)
        if cached is None:
            folders = [parent, *reversed(list(_prefixes(parent))), ""]
            outside = [folder for folder in folders if folder not in self.packages]
            # The outermost first: `import email` inside a folder is not that folder's email.py.
            cached = self._roots[parent] = tuple(dict.fromkeys(reversed(outside)))
        return cached

    # --------------------------------------------------------------------- classes
    def mro(self, cls: Class) -> tuple[Class | External, ...]:
        """Return a class and its bases, nearest first; depth first, each once."""
        cached = self._mro.get(cls)
        if cached is None:
            self._line_up(cls)
            cached = self._mro[cls]
        return cached

    def _line_up(self, cls: Class) -> None:
        """Work out the line of a class and of those above it; bases first, and not by calling itself."""
        bases: dict[Class, list[Entity | None]] = {}
        done: set[Class] = set()
        waiting = [cls]
        while waiting:
            top = waiting[-1]
            if top in done:
                waiting.pop()
                continue
            found = bases.get(top)
            if found is None:
                self._mro[top] = (top,)  # a class that inherits from itself ends here
                found = bases[top] = [entity for base in top.bases for entity in self._bases(top.module, base)]
                above = [base for base in found if isinstance(base, Class) and base not in self._mro]
                waiting.extend(reversed(above))
                if above:
                    continue
            waiting.pop()
            done.add(top)
            order: dict[Class | External, None] = {top: None}
            for base in found:
                if isinstance(base, Class):
                    for item in self._mro[base]:
                        order.pop(item, None)
                        order[item] = None
                elif isinstance(base, External):
                    order[base] = None
            self._mro[top] = tuple(order)[:ANCESTORS]

    def _bases(self, module: Module, node: Node) -> list[Entity | None]:
        """Return what a written base stands for: `db.Model` also for the class that `db` was given to make it from."""
        found: list[Entity | None] = []
        value = self.lookup(module, node[2][2]) if node[0] == "attr" and node[2][0] == "name" else None
        made = value.expression if isinstance(value, Value) else None
        if isinstance(value, Value) and made is not None and made[0] == "call":
            given = [self.expression(value.module, each) for key, each in made[4] if key == "model_class"]
            found.extend([each for each in given if isinstance(each, Class)])
        found.append(self.expression(module, node))
        return found

    def expression(self, module: Module, node: Node, depth: int = 0) -> Entity | None:
        """Resolve a dotted name, a subscripted one (`Generic[T]`) or a call that makes a class."""
        if depth > DEEPEST:
            return None  # a name that stands for itself
        tag = node[0]
        if tag == "name":
            found = self.lookup(module, node[2])
            seen = 0
            while isinstance(found, Value) and found.expression is not None and seen < DEEPEST:
                if found.expression[0] == "call":  # Base = declarative_base(), a class from a factory
                    return self.expression(found.module, found.expression, depth + 1) or found
                if found.expression[0] not in ("name", "attr"):
                    break
                found, seen = self.expression(found.module, found.expression, depth + 1), seen + 1
            return found
        if tag == "attr":
            base = self.expression(module, node[2], depth + 1)
            if isinstance(base, Class):
                binding = base.names.get(node[3])
                return self.bound(base.module, node[3], binding) if binding else None
            if isinstance(base, Value) and base.expression is not None and base.expression[0] == "call":
                maker = self.expression(base.module, base.expression[2], depth + 1)
                return External(f"{maker}.{node[3]}") if isinstance(maker, External) else None
            return self.member(base, node[3])
        if tag == "sub":
            return self.expression(module, node[2], depth + 1)
        if tag == "call":
            maker = self.expression(module, node[2], depth + 1)
            return External(f"{maker}()") if isinstance(maker, External) else None
        return None

    def class_member(self, cls: Class, name: str) -> tuple[Class, Node] | External | None:
        """Return the class and the binding that an attribute of a class comes from."""
        for base in self.mro(cls):
            if isinstance(base, External):
                continue
            binding = base.names.get(name)
            if binding is not None:
                return base, binding
        return None

    def externals(self, cls: Class) -> list[External]:
        """Return the bases of a class that are outside the project."""
        return [base for base in self.mro(cls) if isinstance(base, External)]


def _prefixes(name: str) -> Iterator[str]:
    parts = name.split(".")
    for end in range(1, len(parts)):
        yield ".".join(parts[:end])
