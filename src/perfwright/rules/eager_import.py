"""A heavy library is loaded whenever the program starts, though only a few of its functions ever use it.

Importing pandas, scipy or a client of a cloud takes between a tenth of a second and several seconds. A command line
pays that for every command, and for `--help` and completion as well; a package for everyone who imports a part of it.
An import inside the function that needs it is paid for by those who call it, once: afterwards it is a look-up in
`sys.modules`, a fraction of a microsecond.

How long libraries take is a table of measured times, and stands for an order of magnitude: `python -X importtime`
shows those of a real machine.

## Slow

```python
import argparse

import pandas


def count(numbers: list[int]) -> float:
    return float(len(numbers))


def median(numbers: list[int]) -> float:
    return float(pandas.Series([0, *numbers]).median())


def main(arguments: list[str]) -> float:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("count", "median"):
        commands.add_parser(name).add_argument("numbers", type=int, nargs="*")
    options = parser.parse_args(arguments)
    chosen = {"count": count, "median": median}[options.command]
    return chosen(options.numbers)
```

## Fast

```python
import argparse


def count(numbers: list[int]) -> float:
    return float(len(numbers))


def median(numbers: list[int]) -> float:
    import pandas

    return float(pandas.Series([0, *numbers]).median())


def main(arguments: list[str]) -> float:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("count", "median"):
        commands.add_parser(name).add_argument("numbers", type=int, nargs="*")
    options = parser.parse_args(arguments)
    chosen = {"count": count, "median": median}[options.command]
    return chosen(options.numbers)
```

## Input

```python
def make(n: int) -> list[str]:
    return ["median", *map(str, range(n))]
```

## Scenario

The program counts two numbers, which takes nothing of pandas.

```python
import json
import subprocess
import sys


def scenario() -> None:
    program = "import json, sys, example; example.main(['count', '1', '2']); print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd="run", capture_output=True, check=True)
    loaded = json.loads(done.stdout)
    assert "pandas" not in loaded, f"{len(loaded):,} modules are loaded to count two numbers"
```

## When to leave it

The program runs for days and starts seldom, or nearly everything that it does needs the library.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Place, Proof, Step, Term
from perfwright.index.lower import line_of
from perfwright.index.project import Function, Module, Project
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._import_times import TIMES
from perfwright.rules._imports import Imports, Top, cost, heavy, imports

FRAMEWORKS = ("FastAPI", "Flask", "Starlette", "Litestar", "Quart", "Sanic", "APIFlask")
OF_COMMANDS = ("click", "typer", "asyncclick", "rich_click")
LEAST = 100  # milliseconds below which nobody would notice
LONG = 1_000  # milliseconds that matter also to a server, which starts seldom
FEW = 4  # one function in so many uses the library
HEAVY = frozenset([name.partition(".")[0] for name, each in TIMES.items() if each.milliseconds >= LEAST])
SHARED = 2  # modules that import a library, above which it belongs to the whole program
AT_START = re.compile(r"^_*(create_app|make_app|build_app|lifespan|on_?startup|startup|ready|configure|bootstrap)(_|$)")
Way = tuple[tuple[Module, Top], ...]


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index != 0:
        return
    known = starts(effects.project)
    module = function.module
    if module in known.commands:
        yield from of_a_command_line(known, module)
    for tops in known.seldom.get(module, {}).values():
        finding = of_a_module(effects, known, module, tops)
        if finding is not None:
            yield finding


def settle(finding: Finding) -> Finding:
    """An import belongs to the program, not to the entry points of a function beside it."""
    return replace(finding, entry_points=())


class Starts:
    """What a project loads when it starts: its command lines, and where it imports heavy libraries otherwise.

    `commands` are the modules with commands, each with the way from the one that brings them together; `seldom` the
    imports of libraries in modules that an application or a package loads, where few modules import them.
    """

    def __init__(self, project: Project) -> None:
        self.imports = imports(project)
        self.commands: dict[Module, Way] = {}
        self.seldom: dict[Module, dict[str, list[Top]]] = {}  # by the package that is imported
        self.loaded: dict[Module, Way] = {}  # by servers, packages, and by command lines whatever they are asked for
        self.by_commands: set[Module] = set()
        self.servers: set[Module] = set()
        packages, servers = [], []
        if all(module.imports.isdisjoint(HEAVY) for module in project.modules.values()):
            return
        for module in project.modules.values():
            if has_commands(module):
                self._follow(module)
            elif is_server(module):
                servers.append(module)
            elif module.is_package and is_outermost(project, module):
                packages.append(module)
        self._look_for_seldom(servers, packages)

    def _follow(self, root: Module) -> None:
        """Note a module with commands, and those with commands whose names it needs while it is loaded."""
        waiting: list[tuple[Module, Way]] = [(root, ())]
        while waiting:
            module, way = waiting.pop()
            if module in self.commands:
                continue
            self.commands[module] = way
            for top in self.imports.tops(module):
                target = self.imports.target(module, top)
                if top.name in self.imports.needed(module) and isinstance(target, Module) and commands_of(target):
                    waiting.append((target, (*way, (module, top))))

    def _look_for_seldom(self, servers: list[Module], packages: list[Module]) -> None:
        loaded = self.loaded
        for root in (*packages, *servers):
            for module, way in self.imports.loaded_by(root).items():
                if module not in loaded or len(way) < len(loaded[module]):
                    loaded[module] = way
                if root in servers:
                    self.servers.add(module)
        self._look_below_commands()
        importers: dict[str, list[tuple[Module, Top]]] = {}
        brought: set[str] = set()
        for module in loaded:
            for top, library in self.imports.libraries(module):
                importers.setdefault(library.partition(".")[0], []).append((module, top))
                others = {name.partition(".")[0] for name in TIMES[library].brings}
                brought |= others - {library.partition(".")[0]}
        for package, found in importers.items():
            modules = {module for module, _ in found}
            at_once = any(top.optional or top.name in self.imports.needed(module) for module, top in found)
            if at_once or len(modules) > SHARED or package in brought:
                continue
            for module, top in found:
                if module not in self.commands:
                    self.seldom.setdefault(module, {}).setdefault(package, []).append(top)

    def _look_below_commands(self) -> None:
        """Note what command lines load whatever they are asked for: what they need at their own tops."""
        for command, way in list(self.commands.items()):
            for top in self.imports.tops(command):
                target = self.imports.target(command, top)
                if top.name not in self.imports.needed(command) or not isinstance(target, Module):
                    continue
                for module, inner in self.imports.loaded_by(target).items():
                    if module not in self.loaded:
                        self.loaded[module] = (*way, (command, top), *inner)
                        self.by_commands.add(module)


@lru_cache(maxsize=1)
def starts(project: Project) -> Starts:
    """Return what a project loads when it starts."""
    return Starts(project)


def has_commands(module: Module) -> bool:
    """Tell whether a module is a command line that offers several commands."""
    if "add_subparsers" in module.called:
        return "ArgumentParser" in module.called
    written = commands_of(module)
    return len(written) > 1 and any(name.endswith("command") for name in written)


def commands_of(module: Module) -> list[str]:
    """Return the decorators by which functions of a module become commands, or groups of them."""
    if module.imports.isdisjoint(OF_COMMANDS):
        return []
    decorators = [text(node[2] if node[0] == "call" else node) for each in module.functions for node in each.decorators]
    # Flask's own are left out: the application is there already.
    return [name for name in decorators if name.endswith(("command", "group")) and ".cli." not in name]


def is_server(module: Module) -> bool:
    """Tell whether a module makes a web application, or is one of those that Django loads when it starts."""
    if "urlpatterns" in module.names:
        return True
    return not module.called.isdisjoint(FRAMEWORKS) and not module.imports.isdisjoint(
        ("fastapi", "flask", "starlette", "litestar", "quart", "sanic", "apiflask")
    )


def is_outermost(project: Project, module: Module) -> bool:
    return module.name.rpartition(".")[0] not in project.packages


# ------------------------------------------------------------------------------ command lines
def of_a_command_line(known: Starts, module: Module) -> Iterator[Finding]:
    """Give the statements of a command line that load heavy libraries which only its commands use."""
    needed = known.imports.needed(module)
    loaded = {library for top, library in known.imports.libraries(module) if top.name in needed}
    for package in known.imports.packages(module):  # they are loaded first, whatever the command line does
        loaded |= libraries_of(known.imports, package).keys()
    statements: dict[int, list[Top]] = {}
    for top in known.imports.tops(module):
        if top.name in needed:
            loaded |= libraries_of(known.imports, known.imports.target(module, top)).keys()
        elif not top.optional and users(module, top.name):
            statements.setdefault(top.position, []).append(top)
    loaded.update(*[TIMES[library].brings for library in loaded])
    reached = {position: reached_by(known.imports, module, tops) for position, tops in statements.items()}
    for position, tops in statements.items():
        fresh = {library: way for library, way in reached[position].items() if library not in loaded}
        loaded |= fresh.keys()
        milliseconds = cost(set(fresh))
        if milliseconds < LEAST:
            continue
        names = sorted(fresh, key=lambda library: (-cost({library}), library))
        shown = ", ".join([f"`{name}`" for name in dict.fromkeys([name.partition(".")[0] for name in names])])
        direct = not fresh[names[0]]
        what = "Import it in the commands that use it" if direct else "Import the modules in the commands that use them"
        others = [line_of(other) for other, found in reached.items() if other != position and names[0] in found]
        yield told(
            module,
            position,
            names[0],
            message=f"every start of the command line loads {shown}, also for `--help`: about {milliseconds} ms"
            + (f"; so does line {', '.join(map(str, sorted(others)))}" if others else ""),
            cure=f"{what}: `{written_of(tops)}` at the top of the function.",
            milliseconds=milliseconds,
            confidence="likely",
            way=(*known.commands[module], (module, tops[0]), *fresh[names[0]]),
        )


def reached_by(known: Imports, module: Module, tops: list[Top]) -> dict[str, Way]:
    """Return the heavy libraries that a statement loads, each with the shortest way from it."""
    found: dict[str, Way] = {}
    for top in tops:
        for library, way in libraries_of(known, known.target(module, top)).items():
            if library not in found or len(way) < len(found[library]):
                found[library] = way
    return found


def written_of(tops: list[Top]) -> str:
    first = tops[0].written
    return first if len(tops) == 1 else f"{first}, ..."


def libraries_of(known: Imports, target: Module | str) -> dict[str, Way]:
    """Return the heavy libraries that loading something loads, each with the imports that lead there."""
    if isinstance(target, str):
        library = heavy(target)
        return {library: ()} if library else {}
    found: dict[str, Way] = {}
    for module, way in known.loaded_by(target).items():
        for top, library in known.libraries(module):
            if top.optional:
                continue
            found.setdefault(library, (*way, (module, top)))
    return found


# ------------------------------------------------------------------------------ applications and packages
def of_a_module(effects: Effects, known: Starts, module: Module, tops: list[Top]) -> Finding | None:
    """Return what to say of a heavy library that few functions of a module use, but that every start loads."""
    libraries = {heavy(target) for top in tops if isinstance(target := known.imports.target(module, top), str)}
    using = list(dict.fromkeys([function for top in tops for function in users(module, top.name)]))
    functions = [function for function in module.functions if function.outer < 0]
    needed = known.imports.needed(module)
    milliseconds = cost(libraries)
    if not using or len(using) * FEW > len(functions) or milliseconds < LEAST:
        return None
    if any(function.name in needed or AT_START.search(function.name) for function in using):
        return None
    server = module in known.servers
    if server and any(function in effects.program.labels for function in using):
        return None  # whoever serves requests needs it soon
    shown = " and ".join(f"`{function.qualified}`" for function in using[:2]) + (" and others" if using[2:] else "")
    verb = "uses" if len(using) == 1 else "use"
    way = known.loaded[module]
    start = (
        "every start of the command line"
        if module in known.by_commands
        else f"whoever imports `{(way[0][0] if way else module).name}`"
    )
    start = "every start of the application" if server else start
    library = max(libraries, key=lambda name: cost({name}))
    return told(
        module,
        tops[0].position,
        library,
        message=f"{start} loads `{library.partition('.')[0]}`, about {milliseconds} ms, which only {shown} {verb}",
        cure=f"Move `{written_of(tops)}` into {shown}.",
        milliseconds=milliseconds,
        confidence="likely" if not server or milliseconds >= LONG else "possible",
        way=(*way, (module, tops[0])),
    )


def users(module: Module, name: str) -> list[Function]:
    """Return the outermost functions of a module that read a name, or have one inside that does."""
    found: dict[Function, None] = {}
    for function in module.functions:
        if any(node[0] == "name" and node[2] == name for node in walk(function.body)):
            outer = function
            while outer.outer >= 0:
                outer = module.functions[outer.outer]
            found[outer] = None
        elif function.outer >= 0 and name in names_in((function.decorators, function.parameters)):
            found[module.functions[function.outer]] = None
    return list(found)


def told(
    module: Module,
    position: int,
    library: str,
    *,
    message: str,
    cure: str,
    milliseconds: int,
    confidence: Confidence,
    way: Way,
) -> Finding:
    return Finding(
        rule=RULE.name,
        place=Place(path=module.path, line=line_of(position)),
        symbol=library,
        message=message,
        cure=cure,
        confidence=confidence,
        chain=tuple(
            [
                Step(path=each.path, line=line_of(top.position), function="<module>", what=top.written)
                for each, top in way
            ]
        ),
        cost=Cost(terms=(Term("import", (str(milliseconds),)),)),
    )


RULE = Rule(
    name="eager-import",
    sees=("def",),
    spends=("import",),
    proof=Proof("scenario", "imported"),
    find=find,
    settle=settle,
)
