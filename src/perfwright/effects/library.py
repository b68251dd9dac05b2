"""What a library's calls cost, found by qualified name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from perfwright.effects.library_model import FILE_KEYS, Effect, Memo, Model, ModelFile, Runs, Type, read, text_of

__all__ = ["FILE_KEYS", "FOLDER", "Effect", "Libraries", "Memo", "Model", "Runs", "Type", "load"]

FOLDER = Path(__file__).parent / "libraries"

_IMPORT = re.compile(r'^import *= *"([^"]*)"', re.MULTILINE)


class Libraries:
    """The models of every library, found by qualified name; a file is parsed when its package is first asked for."""

    def __init__(self, shipped: Iterable[Path], own: Iterable[Path] = ()) -> None:
        self._closed: dict[str, list[Path]] = {}
        self._models: dict[str, Model] = {}
        self._aliases: dict[str, str] = {}
        self._pure: dict[str, str] = {}  # package or class whose every name is free -> library
        self._classes: set[str] = set()
        self._tops: set[str] = set()
        self._found: dict[str, Model | None] = {}
        self._canonical: dict[str, str] = {}
        for path in shipped:
            header = _IMPORT.search(text_of(path))
            self._closed.setdefault(header[1] if header else "", []).append(path)
        self._tops.update(self._closed)
        self._open("")
        for path in own:
            self._shelve(read(path))
            self._found.clear()
            self._canonical.clear()

    def get(self, name: str) -> Model | None:
        """Return the model of a qualified name: its own, or the one its class inherits."""
        try:
            return self._found[name]
        except KeyError:
            found = self._found[name] = self._find(self.canonical(name))
            return found

    def canonical(self, name: str) -> str:
        """Return the name that the models use for a name, aliases of the name and of its prefixes followed."""
        try:
            return self._canonical[name]
        except KeyError:
            self._open(name.partition(".")[0])
            resolved = self._canonical[name] = self._follow(name)
            return resolved

    def method(self, cls: str, name: str) -> Model | None:
        """Return the model of a class's method or attribute: its own, or the nearest base's."""
        return self.get(f"{cls}.{name}")

    def is_class(self, name: str) -> bool:
        """Tell whether a name is a modelled class."""
        return self.canonical(name) in self._classes

    def is_subclass(self, cls: str, base: str) -> bool:
        """Tell whether a class is the other one or inherits from it."""
        return self.canonical(base) in self._line(self.canonical(cls))

    def knows(self, top: str) -> bool:
        """Tell whether a top package is modelled."""
        return top in self._tops and top != ""

    def _open(self, top: str) -> None:
        for path in self._closed.pop(top, ()):
            self._shelve(read(path))

    def _shelve(self, file: ModelFile) -> None:
        self._aliases.update(file.aliases)
        self._tops.update(name.partition(".")[0] for name in (*file.aliases, *file.models, *file.pure))
        self._pure.update((self.canonical(name), file.library) for name in file.pure)
        for name, model in file.models.items():
            name = self.canonical(name)
            self._models[name] = model
            parent, _, _ = name.rpartition(".")
            if model.is_class:
                self._classes.add(name)
            if parent.rpartition(".")[2][:1].isupper():
                self._classes.add(parent)
        self._canonical.clear()

    def _follow(self, name: str) -> str:
        seen = {name}
        while True:
            for prefix, rest in _prefixes(name):
                if prefix in self._models and not rest:
                    return name
                if prefix in self._aliases:
                    name = self._aliases[prefix] + rest
                    break
            else:
                return name
            if name in seen:
                return name
            seen.add(name)
            self._open(name.partition(".")[0])

    def _find(self, name: str) -> Model | None:
        if name in self._models:
            return self._models[name]
        parent, _, last = name.rpartition(".")
        if not parent:
            return None
        line = self._line(parent)
        for base in line[1:]:
            if found := self._models.get(self.canonical(f"{base}.{last}")):
                return found
        if (holder := self.get(parent)) and holder.attribute and (cls := _class_of(holder.returns)):
            return self.get(f"{cls}.{last}")
        for base in line:
            for prefix, _ in _prefixes(f"{base}.{last}"):
                if prefix in self._pure:
                    return Model(name=name, library=self._pure[prefix])
        return None

    def _line(self, cls: str) -> list[str]:
        line = [cls]
        while (model := self._models.get(line[-1])) and model.base:
            base = self.canonical(model.base)
            if base in line:
                break
            line.append(base)
        return line


def load(extra: Sequence[Path] = ()) -> Libraries:
    """Return the shipped models with a project's own, folders or files, which override them in order."""
    return Libraries(sorted(FOLDER.glob("*.toml")), [path for place in extra for path in _files(place)])


def _files(place: Path) -> list[Path]:
    return sorted(place.glob("*.toml")) if place.is_dir() else [place]


def _prefixes(name: str) -> Iterator[tuple[str, str]]:
    """Yield a name and each of its prefixes, longest first, with what is cut off."""
    end = len(name)
    while end > 0:
        yield name[:end], name[end:]
        end = name.rfind(".", 0, end)


def _class_of(returned: Type | None) -> str | None:
    """Return the library class whose methods a value of the type has, where the type says so."""
    if returned is None:
        return None
    if returned.head == "Rows" and len(returned.args) == 2:
        return returned.args[1].head
    return returned.head if "." in returned.head else None
