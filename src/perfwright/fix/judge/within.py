"""Two versions of a function judged within their application: where they cannot be called alone, as what a framework
calls, or what queries through a session that only a request has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path

from perfwright import discover
from perfwright.errors import InputError
from perfwright.fix.judge.served import Served
from perfwright.fix.judge.sides import Version
from perfwright.fix.judge.tests import ProjectTests
from perfwright.fix.judge.verdict import Verdict
from perfwright.fix.source import Source
from perfwright.measure import application
from perfwright.measure.run import Choice

LARGEST = 4 << 20  # bytes of a file that is compared


def judge(
    first: Version,
    second: Version,
    python: Path,
    contain: Choice,
    *,
    allowed: Sequence[str] = (),
    tests: ProjectTests | None = None,
) -> Verdict | None:
    """Return the verdict on a function of one name in one file of two trees, from what the application answers in both.

    None where the trees are one, the file or the function has another name, or no application holds it.
    """
    root, there = first.root.resolve(), second.root.resolve()
    path = file_of(first)
    if root == there or not path or path != file_of(second) or first.function != second.function:
        return None
    app = _holding(root, path)
    if app is None:
        return None
    changed = dict(_changed(root, there))
    if not changed:
        return None
    try:
        lines = lines_of(root, changed, [(path, first.function)])
    except SyntaxError:
        return None
    with Served(root, app, python, contain) as served:
        found = served.judge(there, lines, changed, allowed=allowed, counts=True)
    found = replace(found, allowed=tuple(allowed))
    return tests.confirmed(found, root, there) if tests is not None else found


def file_of(version: Version) -> str:
    """Return the file of a version's module, relative to its root; nothing where it is not below that."""
    root = version.root.resolve()
    named = version.module
    parts = Path(*named.split("."))
    some = [Path(named)] if named.endswith(".py") else [parts.with_suffix(".py"), parts / "__init__.py"]
    for path in (place.resolve() / each for place in version.places for each in some):
        if path.is_file() and path.resolve().is_relative_to(root):
            return discover.relative(root, path.resolve())
    return ""


def _holding(root: Path, path: str) -> application.Application | None:
    """Return the application that a file belongs to: the nearest one above it."""
    folder = (root / path).parent
    while True:
        names = discover.find(folder, [folder], exclude=(), tests=False)
        try:
            return application.find(folder, names)
        except InputError:
            if folder == root:
                return None
            folder = folder.parent


def _changed(root: Path, there: Path) -> Iterable[tuple[str, tuple[str, str]]]:
    """Give the files of Python that are not the same in two trees, with the text of each."""
    for name in discover.find(root, [root], exclude=(), tests=False):
        old, new = root / name, there / name
        if name.endswith(".py") and new.is_file() and max(old.stat().st_size, new.stat().st_size) <= LARGEST:
            texts = old.read_bytes(), new.read_bytes()
            if texts[0] != texts[1]:
                before, after = (each.decode("utf8", "surrogateescape") for each in texts)
                yield name, (before, after)


def lines_of(
    root: Path,
    changed: Mapping[str, tuple[str, str]],
    functions: Iterable[tuple[str, str]] = (),
    places: Iterable[tuple[str, int]] = (),
) -> dict[str, set[int]]:
    """Return the lines that have to run, by file: of the functions that are named, of those at some places, and of
    those that are changed. Raises SyntaxError."""
    sources = {path: Source(path, before) for path, (before, _) in changed.items()}
    found: dict[str, set[int]] = {}

    def add(path: str, function: str = "", line: int = 0) -> None:
        if path not in sources:
            sources[path] = Source(path, (root / path).read_text("utf8", "surrogateescape"))
        name = function or sources[path].function_at(line)
        found.setdefault(path, set()).update(sources[path].lines_of(name) if name else ())

    for path, (before, after) in changed.items():
        for tag, start, end, _, _ in SequenceMatcher(
            None, before.splitlines(), after.splitlines(), False
        ).get_opcodes():
            for line in range(start + 1, max(end, start + 1) + 1) if tag != "equal" else ():
                add(path, line=line)
    for path, function in functions:
        add(path, function)
    for path, line in places:
        add(path, line=line)
    return {path: some for path, some in found.items() if some}
