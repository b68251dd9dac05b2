"""The templates of a project: found by name below `templates` and `jinja2` folders, read when they are rendered."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from perfwright.config import path_matches
from perfwright.discover import LARGEST, SKIPPED, is_test
from perfwright.index.lower import Node
from perfwright.index.project import Module
from perfwright.index.sources import digest
from perfwright.index.template_tokens import DJANGO, JINJA, TooDeepError
from perfwright.index.templates import BODY, MACRO, lower

FOLDERS = ("templates", "jinja2")
OF_JINJA = (".jinja", ".jinja2", ".j2")  # endings of files that only Jinja reads
ONLY_JINJA = re.compile(rb"\{%[-+]? *(?:set|macro|import|from|do)\s|\{\{[-+]?[^{}|\"']*\w\(")
MOST = 20_000  # folders that are looked through


class Template:
    """One template: its file as a module, and what stands in it.

    `name` is how others ask for it, `parents` the names of what it extends, `units` its body (under "") and its
    blocks by name. The macros are the module's functions.
    """

    __slots__ = ("dialect", "libraries", "module", "name", "parents", "units")

    def __init__(self, path: str, name: str, dialect: str, facts: Node) -> None:
        digest, lines, parents, libraries, units, names = facts
        self.name, self.dialect = name, dialect
        self.parents: tuple[str, ...] | None = parents
        self.libraries: tuple[str, ...] = libraries
        macros = tuple([function_facts(unit) for unit in units if unit[0] == MACRO])
        self.module = Module(path, (digest, lines, macros, (), names, (), (), ()))
        self.module.name = path  # two templates may differ in their ending alone
        self.units: dict[str, Node] = {}
        for unit in units:
            if unit[0] != MACRO:
                self.units["" if unit[0] == BODY else unit[1]] = unit

    @property
    def path(self) -> str:
        return self.module.path

    def __repr__(self) -> str:
        return f"Template({self.path})"


def function_facts(unit: Node) -> Node:
    """Return a macro as the facts of a function."""
    kind, name, line, end, body, _, _, _, parameters = unit
    return (name, f"{kind} {name}", line, end, (), parameters, None, 0, (*body, ("settle", line << 12)), -1, -1)


class TemplateFiles:
    """Finds templates below a root. Nothing is read before it is asked for; what cannot be read is named then."""

    def __init__(self, root: Path, exclude: tuple[str, ...] = (), *, tests: bool = False) -> None:
        self.root, self.exclude, self.tests = root, exclude, tests
        self.unreadable: dict[str, str] = {}  # why, by path
        self.read: dict[str, Template] = {}  # by path
        self._names: dict[str, list[str]] | None = None
        self._loaded: dict[tuple[str, str], Template | None] = {}
        self._found: dict[tuple[str, str, str], list[str]] = {}

    def find(self, name: str, near: str, dialect: str, without: tuple[str, ...] = ()) -> Template | None:
        """Return the template with a name that is nearest to a path; `without` are paths it may not be."""
        key = (name, near.rpartition("/")[0], dialect)
        found = self._found.get(key)
        if found is None:
            ranked = sorted([distance(path, key[1], dialect) for path in self.names.get(name, ())])
            found = self._found[key] = [rank[3] for rank in ranked]
        for path in found:
            if path not in without:
                return self._load(path, name, dialect)
        return None

    @property
    def names(self) -> dict[str, list[str]]:
        """Return the paths of every file below a template folder, by name."""
        if self._names is None:
            self._names = {}
            for name, path in self._walk():
                self._names.setdefault(name, []).append(path)
        return self._names

    @property
    def asked(self) -> bool:
        """Tell whether a template was looked for."""
        return self._names is not None

    def listed(self) -> str:
        """Return a hash of what `names` lists."""
        return digest(repr(sorted(self.names.items())).encode("utf8", "surrogatepass"))

    def _load(self, path: str, name: str, asked: str) -> Template | None:
        key = (path, asked)
        if key not in self._loaded:
            self._loaded[key] = None
            dialect, facts = self._facts(path, asked)
            if isinstance(facts, str):
                self.unreadable[path] = facts
            else:
                self.read[path] = self._loaded[key] = Template(path, name, dialect, facts)
        return self._loaded[key]

    def _facts(self, path: str, asked: str) -> tuple[str, Node | str]:
        """Return the language of a template and its facts, or one sentence that says why there are none."""
        try:
            with (self.root / path).open("rb") as handle:
                source = handle.read(LARGEST + 1)
        except OSError as error:
            return asked, f"It cannot be read ({error.strerror or error}); check that it exists and may be read."
        if len(source) > LARGEST:
            return asked, f"It is larger than {LARGEST >> 20} MiB and looks generated; exclude it or split it."
        try:
            dialect = dialect_of(path, source, asked)
            return dialect, lower(source, dialect)
        except UnicodeDecodeError:
            return asked, "It is not text in UTF-8; save it as UTF-8."
        except TooDeepError as error:
            return asked, f"It is no template that can be followed ({error}); split it or exclude it."

    def _walk(self) -> Iterator[tuple[str, str]]:
        """Give the name and the path of every file below a template folder."""
        folders: list[tuple[str, tuple[str, ...]]] = [("", ())]  # with the names so far, one a folder around
        seen = 0
        while folders and seen < MOST:
            prefix, inside = folders.pop()
            seen += 1
            try:
                with os.scandir(self.root / prefix) as entries:
                    held = sorted(entries, key=lambda entry: entry.name)
            except OSError:
                continue  # it may not be read, or it has just gone
            if prefix and any(entry.name == "pyvenv.cfg" for entry in held):
                continue
            for entry in held:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if not self._skipped(entry.name, path):
                        below = tuple([f"{name}{entry.name}/" for name in inside])
                        folders.append((f"{path}/", (*below, "") if entry.name in FOLDERS else below))
                elif inside and _is_plain(entry) and not self._excluded(path):
                    for name in inside:
                        yield name + entry.name, path

    def _skipped(self, name: str, path: str) -> bool:
        return name in SKIPPED or self._excluded(path) or (not self.tests and is_test(f"{path}/"))

    def _excluded(self, path: str) -> bool:
        return any(path_matches(path, pattern) for pattern in self.exclude)


def distance(path: str, near: str, dialect: str) -> tuple[bool, int, int, str]:
    """Return what a template is taken by: its folder is the dialect's own, it is near, its path is short."""
    parts = path.split("/")
    shared = 0
    for one, other in zip(parts, near.split("/"), strict=False):
        if one != other:
            break
        shared += 1
    return ("jinja2" in parts) != (dialect == JINJA), -shared, len(parts), path


def dialect_of(path: str, source: bytes, asked: str) -> str:
    """Return the language of a template: Jinja where its place or its text say so, else that of who renders it.

    Django can render both: which engine takes a template is in settings that may be anywhere.
    """
    if asked == DJANGO and (path.endswith(OF_JINJA) or "jinja2" in path.split("/")):
        return JINJA
    if asked == DJANGO and b"{% load " not in source and ONLY_JINJA.search(source):
        return JINJA
    return asked


def _is_plain(entry: "os.DirEntry[str]") -> bool:
    # Opening a pipe or a device that is named like a template would wait for ever.
    try:
        return entry.is_file(follow_symlinks=False) or stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return False
