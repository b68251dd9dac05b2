"""Says whether the libraries have what their models name: `python scripts/libraries.py [FILE...]`, or `--check`.

Each library is downloaded at a pinned version (`scripts/libraries.toml`, else `constraints.txt`), unpacked below
`.cache/libraries` and read with perfwright's own index: nothing of it is installed, imported or run. What was found
goes to `tests/golden/libraries.json`, from which `--check` and the tests tell without a network whether a file has
changed since. The standard library is read in the stubs that mypy brings, and where there is none, where it lies.
"""

import argparse
import contextlib
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perfwright.effects.library import FOLDER
from perfwright.effects.library_model import Model, ModelFile, read
from perfwright.index.lower import Node, lower
from perfwright.index.project import STDLIB, Class, External, Function, Module, Project, Value

ROOT = Path(__file__).parent.parent
STORE = ROOT / ".cache" / "libraries"
PINS = ROOT / "scripts" / "libraries.toml"
CONSTRAINTS = ROOT / "constraints.txt"
# Beside the other files that are written by a command, committed, and compared with by a test.
STAMP = ROOT / "tests" / "golden" / "libraries.json"

FARTHEST = 12  # steps from one library to another, or from a value to its type, before a name is given up
POSITIONAL, STAR, KEYWORD, DOUBLE_STAR = range(4)

# Names that are right and that cannot be read: each, and whatever is below it.
HANDED_ON = "handed on to SQLAlchemy by `__getattr__`"
MADE = "made at run time; type stubs call it that"
OPERATION = "made at run time, from the service's description in botocore"
EXCUSED = {
    "boto3.resources.base.ServiceResource": OPERATION,
    "botocore.client.BaseClient": OPERATION,
    "werkzeug.datastructures.FileStorage.read": "handed on to the stream by `__getattr__`",
    "pandas.DataFrame.append": "gone in pandas 2",
    "pandas.DataFrame.applymap": "gone in pandas 3",
    "django.db.models.QuerySet.__contains__": "Python's own `in`, which iterates",
    "django.db.models.manager.RelatedManager": MADE,
    "django.db.models.fields.related_descriptors.RelatedManager": MADE,
    "django.db.models.fields.related_descriptors.ManyRelatedManager": MADE,
    **{
        f"django.db.backends.utils.CursorWrapper.{name}": "handed on to the driver's cursor by `__getattr__`"
        for name in ("fetchone", "fetchmany", "fetchall")
    },
    **{
        f"flask_sqlalchemy.SQLAlchemy.{name}": HANDED_ON
        for name in (
            *("Column", "ForeignKey", "and_", "contains_eager", "delete", "exists", "func", "insert", "joinedload"),
            *("not_", "or_", "select", "selectinload", "subqueryload", "text", "update"),
        )
    },
}

Entity = Module | Function | Class | Value
Stamp = dict[str, Any]


class LibraryError(Exception):
    """What is wrong with a model or a pin, in one sentence."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a model says of a name that the library's source can contradict."""

    name: str
    params: tuple[str, ...]
    arguments: tuple[str, ...]
    awaited: bool


def claims(file: ModelFile) -> list[Claim]:
    """Return what a file says of each name, aliases and free names included."""
    return [_claim(file, name) for name in (*file.models, *file.aliases, *file.pure)]


def _claim(file: ModelFile, name: str) -> Claim:
    model = file.models.get(name) or Model(name=name, library=file.library, when="await")
    named = [model.fetches, model.limits, model.filters, model.orders, model.given, model.runs and model.runs.arg]
    arguments = [argument for argument in named if isinstance(argument, str) and not argument.startswith("*")]
    if model.timeout and not model.is_class:
        arguments.append(model.timeout["arg"])
    return Claim(name, model.params, tuple(arguments), model.when == "await" or model.blocking is False)


def digest(file: ModelFile) -> str:
    """Return the hash of all that a file claims: it stays the same when only texts and effects change."""
    written = json.dumps(sorted((asdict(claim) for claim in claims(file)), key=lambda claim: claim["name"]))
    return hashlib.blake2b(written.encode(), digest_size=16).hexdigest()


# ------------------------------------------------------------------------------ pins
class Pins:
    """Which packages, at which versions, a library is read from."""

    def __init__(self) -> None:
        self._own: dict[str, list[str]] = tomllib.loads(PINS.read_text("utf8"))
        lines = CONSTRAINTS.read_text("utf8").splitlines()
        pinned = (line.partition(";")[0].strip() for line in lines)
        self._shared = {_plain(line.partition("==")[0]): line for line in pinned if "==" in line}

    def requirements(self, library: str) -> list[str]:
        """Return the pinned packages of a library, its own first: `["psycopg2-binary==2.9.10"]`."""
        if library in self._own:
            return self._own[library]
        shared = self._shared.get(_plain(library))
        if shared is None:
            where = f'{PINS.relative_to(ROOT).as_posix()}, such as `{library} = ["{library}==1.0"]`'
            raise LibraryError(f"No version of {library} is pinned; add it to {where}.")
        return [shared]

    def version(self, library: str) -> str:
        """Return the version that a library is read at."""
        return self.requirements(library)[0].split()[0].partition("==")[2]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def unpacked(requirement: str) -> Path:
    """Return the folder of a package's source, after downloading its wheel if it is not there."""
    package, *options = requirement.split()
    folder = STORE / package
    if not folder.is_dir():
        aside = STORE / f".{package}"
        shutil.rmtree(aside, ignore_errors=True)
        wheel = _download(package, options, aside)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(aside, [name for name in archive.namelist() if name.endswith((".py", ".pyi"))])
        wheel.unlink()
        aside.rename(folder)
    return folder


def _download(package: str, options: list[str], folder: Path) -> Path:
    print(f"Downloading {package} ...", file=sys.stderr)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    # Wheels alone: to get a source archive, pip runs code of it.
    wanted = ["--only-binary", ":all:", "--dest", str(folder), package, *options]
    done = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
    wheel = next(folder.glob("*.whl"), None)
    if done.returncode or wheel is None:
        last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise LibraryError(f"{package} could not be downloaded: {last}")
    return wheel


# --------------------------------------------------------------------------- reading
class Shelf:
    """The source of every pinned library, each read when a name of it is first looked up."""

    def __init__(self, files: Iterable[ModelFile], pins: Pins) -> None:
        self._pins = pins
        self._libraries = {_top(file): file.library for file in files}
        self._projects: dict[str, list[Project]] = {}
        self._homes: dict[Module, Project] = {}

    def find(self, name: str, far: int = 0) -> Entity | None:
        """Return what a qualified name stands for; None where no source has it."""
        top = name.partition(".")[0]
        for project in self._of(top):
            if far <= FARTHEST and (found := self._walk(project, name, far)) is not None:
                return found
        return None

    def _of(self, top: str) -> list[Project]:
        if top not in self._projects:
            self._projects[top] = list(self._read(top))
            for project in self._projects[top]:
                self._homes.update(dict.fromkeys(project.modules.values(), project))
        return self._projects[top]

    def _read(self, top: str) -> Iterator[Project]:
        """Give the source of a top package, and the same with its type stubs in place of modules.

        Of the standard library only the second: much of it is C, and the rest makes its types as it runs.
        """
        folders = self._folders(top)
        source, stubs = _facts(folders, top, ".py"), _facts(folders, top, ".pyi")
        if source and not _in_python(top):
            yield Project(dict(source.values()))
        if stubs or _in_python(top):
            yield Project(dict({**source, **stubs}.values()))

    def _folders(self, top: str) -> list[Path]:
        if _in_python(top):
            return [Path(sysconfig.get_path("stdlib")), _typeshed()]
        library = self._libraries.get(top, top)
        try:
            return [unpacked(requirement) for requirement in self._pins.requirements(library)]
        except LibraryError:
            if top in self._libraries:
                raise
            return []  # what another library hands on, and nobody asked to read

    def _walk(self, project: Project, name: str, far: int) -> Entity | None:
        """Look a name up from its first module on, and where a name hides a module, from the next."""
        parts = name.split(".")
        for start in range(1, len(parts) + 1):
            found: Entity | None = project.modules.get(".".join(parts[:start]))
            for part in parts[start:]:
                found = self._step(found, part, far) if found is not None else None
            if found is not None:
                return found
        return None

    def _step(self, entity: Entity, part: str, far: int) -> Entity | None:
        """Return what `entity.part` stands for."""
        if far > FARTHEST:
            return None
        if isinstance(entity, Module):
            project = self._homes[entity]
            found = project.lookup(entity, part) or project.modules.get(f"{entity.name}.{part}")
            return self._handed_on(entity, part, far) if found is None else self._followed(found, far)
        found = self._member(entity, part, far) if isinstance(entity, Class) else self._typed(entity, part, far)
        if found is not None or isinstance(entity, Function):
            return found
        # A class written in two branches, or decorated by an assignment, is there more than once.
        twins = (cls for cls in entity.module.classes if cls.name == entity.name and cls is not entity)
        return next((found for cls in twins if (found := self._member(cls, part, far + 1)) is not None), None)

    def _typed(self, entity: Function | Value, part: str, far: int) -> Entity | None:
        """Return a member of what a value is, or of what a property gives."""
        for node in _types(entity):
            kind = self._homes[entity.module].expression(entity.module, node)
            if isinstance(kind, External):
                return self.find(f"{str(kind).removesuffix('()')}.{part}", far + 1)
            if kind is not None and kind is not entity:
                return self._step(kind, part, far + 1)
        return None

    def _followed(self, found: Entity | External | None, far: int) -> Entity | None:
        return self.find(found, far + 1) if isinstance(found, External) else found

    def _handed_on(self, module: Module, part: str, far: int) -> Entity | None:
        """Return what `from elsewhere import ...` brings into a module under a name, where the index does not say."""
        for name, source in module.names.items():
            if source[0] != "import" or not (name == part or name.startswith("*")):
                continue
            other = self._homes[module].imported(module, source[1], "", source[3])
            wanted = part if name.startswith("*") else source[2]
            if isinstance(other, External) and (found := self.find(f"{other}.{wanted}", far + 1)) is not None:
                return found
            if isinstance(other, Module) and other is not module and (found := self._step(other, wanted, far + 1)):
                return found
        return None

    def _member(self, cls: Class, part: str, far: int) -> Entity | None:
        """Return the member of a class: its own, a base's, or what a method sets on `self`."""
        for base in self._homes[cls.module].mro(cls):
            if isinstance(base, External):
                if (found := self.find(f"{base}.{part}", far + 1)) is not None:
                    return found
            elif part in base.names:
                project = self._homes[base.module]
                return self._followed(project.bound(base.module, f"{base.qualified}.{part}", base.names[part]), far)
            elif part in base.setters:
                return Value(base.module, part, None, None)
            elif (made := self._made(base, part, far)) is not None:
                return made
        return None

    def _made(self, cls: Class, part: str, far: int) -> Entity | None:
        """Return a member of a base class that the index does not know: handed on, or made as the library runs."""
        for node in cls.bases:
            kinds = [self._kind(cls, inner, far) for inner in _named(node)]
            for kind in (kind for kind in kinds if isinstance(kind, Class) and kind is not cls and far < FARTHEST):
                if (found := self._member(kind, part, far + 1)) is not None:
                    return found
        return None

    def _kind(self, cls: Class, node: Node, far: int) -> Entity | None:
        """Return what stands for a base of a class."""
        kind = self._homes[cls.module].expression(cls.module, node)
        if isinstance(kind, External):
            return None  # one of the classes that are gone through anyway
        return self._step(cls.module, node[2], far + 1) if kind is None and node[0] == "name" else kind


def _in_python(top: str) -> bool:
    return top in STDLIB or top == "builtins"


def _top(file: ModelFile) -> str:
    names = (*file.models, *file.aliases, *file.pure)
    return names[0].partition(".")[0] if names else ""


def _named(base: Node) -> Iterator[Node]:
    """Give the classes that a base names: itself, or what `BaseManager.from_queryset(QuerySet)` makes it of."""
    while base[0] == "sub":
        base = base[2]
    if base[0] == "call":
        yield from (base[2][2] if base[2][0] == "attr" else base[2], *base[3])
    else:
        yield base


def _types(entity: Function | Value) -> Iterator[Node]:
    """Give the expressions that may name the class of a value, or of what a property gives."""
    if isinstance(entity, Function):
        nodes = [entity.returns]
    else:
        called = entity.expression is not None and entity.expression[0] == "call"
        nodes = [entity.annotation, entity.expression[2] if entity.expression and called else entity.expression]
    yield from (node for node in nodes if node is not None and node[0] in ("name", "attr", "sub"))


def _facts(folders: Iterable[Path], top: str, ending: str) -> dict[str, tuple[str, Node]]:
    """Return the facts of a top package's files by module, each with its place in the folder that it comes from."""
    facts: dict[str, tuple[str, Node]] = {}
    for folder in folders:
        for name in _names(folder, top, ending):
            # What this Python cannot parse is a template, or a test of bad source.
            with warnings.catch_warnings(action="ignore"), contextlib.suppress(SyntaxError, ValueError, RecursionError):
                place = name.replace("-stubs", "", 1)
                module = place.removesuffix(ending).removesuffix("/__init__")
                facts[module] = (place, lower((folder / name).read_bytes()))
    return facts


def _names(folder: Path, top: str, ending: str) -> list[str]:
    found = [folder / f"{top}{ending}"]
    for inside in (top, f"{top}-stubs"):
        found += (folder / inside).rglob(f"*{ending}")
    return sorted(path.relative_to(folder).as_posix() for path in found if path.is_file())


def _typeshed() -> Path:
    spec = importlib.util.find_spec("mypy")
    if spec is None or not spec.submodule_search_locations:
        raise LibraryError(
            "mypy is not installed, whose stubs of the standard library are read; install the extra `dev`."
        )
    return Path(spec.submodule_search_locations[0]) / "typeshed" / "stdlib"


# -------------------------------------------------------------------------- checking
def wrong(claim: Claim, shelf: Shelf) -> str | None:
    """Return what is wrong with a claim, if anything is."""
    found = shelf.find(claim.name)
    if found is None:
        return "is not in it"
    function = found if isinstance(found, Function) else None
    if isinstance(found, Class):
        made = shelf.find(f"{claim.name}.__init__")
        function = made if isinstance(made, Function) else None
    if function is None or function.path.endswith(".pyi") or "overload" in str(function.decorators):
        return None  # stubs name what can only be given by position as they like
    return _unlike(claim, function, is_async=function is found and function.is_async and not function.is_generator)


def _unlike(claim: Claim, function: Function, *, is_async: bool) -> str | None:
    """Return how a function differs from what is said of it."""
    parameters = [(name, kind) for name, _, _, kind in function.parameters]
    if function.owner is not None and "staticmethod" not in str(function.decorators):
        del parameters[:1]
    takes_any = any(kind == DOUBLE_STAR for _, kind in parameters)
    positional = [name for name, kind in parameters if kind == POSITIONAL or (kind == STAR and not takes_any)]
    hands_on = takes_any and any(kind == STAR for _, kind in parameters)  # `*args, **kwargs` can be anything
    said = claim.params[: len(positional)] if hands_on else claim.params
    if tuple(positional[: len(said)]) != said:
        return f"has the positional parameters {positional}, not {list(claim.params)}"
    if not takes_any:
        for argument in claim.arguments:
            if argument not in {name for name, _ in parameters}:
                return f"has no parameter {argument}"
    return "is async" if is_async and not claim.awaited else None


def examine(file: ModelFile, shelf: Shelf, version: str) -> tuple[Stamp, list[str]]:
    """Return the stamp of a file, and a sentence for each of its names that is wrong."""
    excused, problems = {}, []
    said = claims(file)
    for claim in said:
        problem = wrong(claim, shelf)
        if problem and (reason := excuse(claim.name)):
            excused[claim.name] = reason
        elif problem:
            problems.append(f"`{claim.name}` {problem}")
    stamp = {"library": file.library, "version": version, "names": len(said), "found": len(said) - len(excused)}
    return {**stamp, "digest": digest(file), "excused": excused}, problems


def excuse(name: str) -> str | None:
    """Return why a name cannot be read, where that is known."""
    return next((EXCUSED[key] for key in EXCUSED if f"{name}.".startswith(f"{key}.")), None)


def idle(stamps: Mapping[str, Stamp]) -> list[str]:
    """Return the excuses that no name needs."""
    used = {name for stamp in stamps.values() for name in stamp["excused"]}
    return [key for key in EXCUSED if not any(f"{name}.".startswith(f"{key}.") for name in used)]


def is_stdlib(file: ModelFile) -> bool:
    """Tell whether a file models the standard library, or a part of it."""
    return file.library == "stdlib" or file.library in STDLIB


def stale(files: Mapping[str, ModelFile], stamps: Mapping[str, Stamp], pins: Pins) -> list[str]:
    """Return the files whose claims, or whose library's version, changed since they were last examined."""
    return [
        name
        for name in sorted({*files, *stamps})
        if name not in files
        or name not in stamps
        or stamps[name]["digest"] != digest(files[name])
        or (not is_stdlib(files[name]) and stamps[name]["version"] != pins.version(files[name].library))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="read nothing; exit 1 when a file changed since")
    parser.add_argument("files", nargs="*", help="examine only these files, such as redis.toml; default all")
    arguments = parser.parse_args()
    files = {path.name: read(path) for path in sorted(FOLDER.glob("*.toml"))}
    stamps: dict[str, Stamp] = json.loads(STAMP.read_text("utf8")) if STAMP.is_file() else {}
    pins = Pins()
    if arguments.check:
        if changed := stale(files, stamps, pins):
            raise LibraryError(
                f"Not compared with their libraries since they changed: {', '.join(changed)}. Run `make libraries`."
            )
        return
    shelf = Shelf(files.values(), pins)
    problems = [problem for name in arguments.files or files for problem in _examined(name, files, shelf, pins, stamps)]
    STAMP.write_text(
        json.dumps({name: stamps[name] for name in sorted(stamps) if name in files}, indent=1) + "\n", "utf8"
    )
    problems = problems or [f"{name} is found now; take it out of EXCUSED." for name in idle(stamps)]
    if problems:
        raise LibraryError("\n".join(problems))


def _examined(
    name: str, files: Mapping[str, ModelFile], shelf: Shelf, pins: Pins, stamps: dict[str, Stamp]
) -> list[str]:
    """Examine a file, keep its stamp if all is right, and return what is not."""
    if name not in files:
        return [f"{name} is no file of {FOLDER.relative_to(ROOT).as_posix()}; give names such as django.toml."]
    file = files[name]
    stamps.pop(name, None)
    try:
        version = (
            f"{sys.version_info.major}.{sys.version_info.minor}" if is_stdlib(file) else pins.version(file.library)
        )
        stamp, wrongs = examine(file, shelf, version)
    except LibraryError as error:
        return [f"{name}: {error}"]
    if wrongs:
        return [f"{name} differs from {file.library} {version}: {problem}." for problem in wrongs]
    stamps[name] = stamp
    print(f"{name}: {stamp['found']} of {stamp['names']} names found in {file.library} {version}")
    return []


if __name__ == "__main__":
    try:
        main()
    except LibraryError as error:
        sys.exit(str(error))
