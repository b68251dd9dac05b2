"""Which of a project's files of tests may reach a function: by its name, or by what they import."""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from perfwright import discover
from perfwright.measure.recording import Suite, ranked

READ, LARGEST = 3_000, 1 << 20  # files whose imports are read, and bytes of one
FROM = re.compile(r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+(?:\(([^)]*)\)|([^\n#(]+))", re.MULTILINE)
PLAIN = re.compile(r"^[ \t]*import[ \t]+([\w., \t]+)", re.MULTILINE)


def files(suite: Suite, file: Path, function: str) -> tuple[list[str], int]:
    """Return the files of tests to run, relative to the root, the likeliest first, and how many others there are.

    The likeliest name the function, then its module; then those that import what imports the module, the nearest first.
    Files that were asked for are all to be run.
    """
    direct, indirect, others = ranked(suite, file, function)
    if suite.asked:
        return [*direct, *indirect, *others], 0
    near = importers(suite.root, discover.relative(suite.root, file)) if others else {}
    further = sorted((near[name], name) for name in others if name in near)
    return [*direct, *indirect, *(name for _, name in further)], len(others) - len(further)


def importers(root: Path, file: str) -> dict[str, int]:
    """Return the files that import a file, themselves or through others, each with how many imports lie between."""
    names = list(itertools.islice(discover.find(root, [root], tests=True), READ))
    modules = {_module(name): name for name in names}
    users: dict[str, set[str]] = {}
    for name in names:
        for each in _imported(root / name, _module(name), modules):
            users.setdefault(each, set()).add(name)
    found: dict[str, int] = {}
    level = {file}
    for depth in itertools.count(1):
        level = {user for each in level for user in users.get(each, ())} - {file, *found}
        if not level:
            return found
        found.update(dict.fromkeys(level, depth))
    return found


def _module(name: str) -> str:
    """Return what a file is imported as."""
    parts = name.removesuffix(".py").split("/")
    if parts[0] == "src":
        del parts[0]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, module: str, modules: Mapping[str, str]) -> Iterator[str]:
    """Give the files that a file imports, as far as they are the project's."""
    try:
        text = path.read_text("utf8", "replace") if path.stat().st_size < LARGEST else ""
    except OSError:
        return
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    wanted = [each.split()[0] for some in PLAIN.findall(text) for each in some.split(",") if each.split()]
    for source, inside, line in FROM.findall(text):
        dots = len(source) - len(source.lstrip("."))
        above = package.split(".")[: len(package.split(".")) - max(dots - 1, 0)] if dots else []
        base = ".".join(filter(None, [*above, source.lstrip(".")]))
        wanted += [base, *(f"{base}.{each.split()[0]}" for each in (inside or line).split(",") if each.split())]
    yield from (modules[each] for each in wanted if each in modules)
