"""Which file and name an import or a dotted name of a file means, by the names of the project's files alone."""

import ast
from collections.abc import Collection, Mapping

Target = tuple[str, str]  # a file of the project, and a name in it


class Modules:
    """The project's files as modules."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = frozenset(names)
        self.by_module: dict[str, list[str]] = {}
        for name in sorted(names):
            module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            split = module.split(".")
            for start in range(len(split)):  # it may be imported from any folder above it
                self.by_module.setdefault(".".join(split[start:]), []).append(name)

    def file(self, module: str) -> str | None:
        """Return the file of a module by its dotted name, the shortest path of those that end so."""
        return min(self.by_module.get(module, ()), key=len, default=None)

    def imported(self, path: str, tree: ast.Module) -> dict[str, tuple[str, str]]:
        """Return what the imports of a file bind: by name, a module and a name in it, which may be a module too."""
        names: dict[str, tuple[str, str]] = {}
        folder = path.split("/")[:-1]
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    names[alias.asname or alias.name.partition(".")[0]] = (alias.name, "")
            elif isinstance(node, ast.ImportFrom):
                base = folder[: len(folder) - node.level + 1] if node.level else []
                module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
                for alias in node.names:
                    names[alias.asname or alias.name] = (module, alias.name)
        return names

    def target(self, path: str, names: Mapping[str, tuple[str, str]], expression: str) -> Target | None:
        """Return the file and the name that a dotted name in a file means; None where it leads out of the project."""
        head, _, rest = expression.partition(".")
        if head not in names:
            return (path, expression) if head and not rest else None
        module, name = names[head]
        inner = self.file(f"{module}.{name}".strip(".")) if name else self.file(module)
        if inner is not None and rest and "." not in rest:
            return inner, rest
        if not name and rest:  # import shop.orders; shop.orders.router
            module, _, rest = f"{module}.{rest}".rpartition(".")
            found = self.file(module)
            return (found, rest) if found else None
        found = self.file(module) if not rest else None
        return (found, name) if found else None


def dotted(node: ast.AST) -> str:
    """Return a name with its attributes as it is written; nothing where it is something else."""
    after: list[str] = []
    while isinstance(node, ast.Attribute):
        after.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(after)]) if isinstance(node, ast.Name) else ""


def constant(node: ast.AST | None) -> str | None:
    """Return a text that is written out; None where it is something else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the argument of a call by its name."""
    return next((each.value for each in call.keywords if each.arg == name), None)
