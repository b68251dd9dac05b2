"""Runs the Slow and Fast of one rule page and says whether they give the same: one process a page.

It is started as `python _run_page.py FOLDER` and reads `FOLDER/page.json`:
`{"setup": {file: code}, "prepare": code, "slow": {file: code}, "fast": {file: code}, "input": code, "scenario": code}`.
It prints one JSON document, `{"slow": {n: repr}, "fast": {n: repr}, "differs": [n, ...]}`, and fails with a
traceback where something does not run.

- The last public `def` at the top of the last file that has one is what is called.
- `prepare` runs first, and its names are there in the main file; then the main file; then `input`, which
  sees the names of both, so `make(n)` can fill the tables of the models that the page defines.
- A page that uses Django finds it set up: each top folder or file is an app, its tables are made.
- A coroutine is run, an iterator is read to its end, and arguments that can change are compared too.
"""

import ast
import asyncio
import dataclasses
import importlib
import inspect
import json
import shutil
import sys
import types
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

SIZES = (0, 1, 7)
SCENARIO = "scenario.py"
ENGINES = "django.db.backends"
DEEPEST = 12  # of a result's objects: a model that points at itself must end
Names = dict[str, Any]


def main(folder: Path) -> None:
    results = {}
    for form in ("slow", "fast"):
        function, make = load_form(folder, form)
        results[form] = {}
        for n in SIZES:
            empty_tables()
            results[form][n] = call(function, make, n)
    print(
        json.dumps(
            {
                **{form: {n: repr(value) for n, value in results[form].items()} for form in results},
                "differs": [n for n in SIZES if not same(results["slow"][n], results["fast"][n])],
            }
        )
    )


def load_form(folder: Path, form: str) -> tuple[Callable[..., Any], Callable[[int], Any]]:
    """Load one of the two forms of the page in a folder; return its function, and what makes an input of a size."""
    page = read(folder)
    names = load_names(folder, page, form)
    _, function_name = public_function(page[form])
    return names[function_name], names["make"]


def load_scenario(folder: Path, form: str) -> Callable[[], Any]:
    """Load one of the two forms of the page in a folder; return the scenario that it is to play."""
    page = read(folder)
    names = load_names(folder, page, form)
    _write(folder, {SCENARIO: page["scenario"]})
    run_code(folder / SCENARIO, names)
    scenario: Callable[[], Any] = names["scenario"]
    return scenario


def read(folder: Path) -> Names:
    return dict(json.loads((folder / "page.json").read_text("utf8")))


def uses_django(page: Names) -> bool:
    return "django" in page["prepare"] or any(
        "django" in code for part in ("setup", "slow", "fast") for code in page[part].values()
    )


def load_names(folder: Path, page: Names, form: str) -> Names:
    """Load one of the two forms of a page; return the names of its main file and of Input."""
    place = folder / "run"
    names: Names = {"__name__": "setup"}
    if uses_django(page) and "django" not in sys.modules:
        start_django(folder, rest="rest_framework" in json.dumps(page))
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
    forget(place)
    shutil.rmtree(place, ignore_errors=True)
    _write(place, page["setup"] | page[form])
    # Files, so that a traceback shows the lines.
    _write(folder, {"setup.py": page["prepare"], "input.py": page["input"]})
    run_code(folder / "setup.py", names)
    claim_apps({Path(name).parts[0].removesuffix(".py") for name in page["setup"] | page[form] if name.endswith(".py")})
    # Shared models live in Setup's files: without an import of theirs their tables would be missing.
    for name in page["setup"]:
        importlib.import_module(_module_of(name))
    home, _ = public_function(page[form])
    space = load(place, home, {key: value for key, value in names.items() if not key.startswith("__")})
    make_tables()
    inputs = dict(space)
    run_code(folder / "input.py", inputs)
    return inputs


def public_function(files: dict[str, str]) -> tuple[str, str]:
    """Return the file and the name of the function a page is about."""
    for name in reversed(files):
        if not name.endswith(".py"):
            continue
        for node in reversed(ast.parse(files[name]).body):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                return name, node.name
    raise SystemExit("No public function at the top level: give Slow and Fast one `def` without a leading underscore.")


def load(place: Path, name: str, names: Names) -> Names:
    """Run a file as a module that finds Setup's names in it, and return its names."""
    module = types.ModuleType(_module_of(name))
    module.__file__ = str(place / name)
    vars(module).update(names)
    sys.modules[module.__name__] = module
    run_code(place / name, vars(module))
    return vars(module)


def call(function: Callable[..., Any], make: Callable[[int], Any], n: int) -> Any:
    """Return what the function gives for `make(n)`, and its arguments afterwards where they can change."""
    made = make(n)
    args = made if isinstance(made, tuple) else (made,)
    result = asyncio.run(_finish(function, args)) if _is_async(function) else function(*args)
    if isinstance(result, Iterator):
        result = list(result)
    return plain(result), [plain(arg) for arg in args if isinstance(arg, list | dict | set | bytearray | deque)]


def same(left: Any, right: Any) -> bool:
    return bool(left == right)


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value as data that two loadings of the same class agree on."""
    if depth > DEEPEST or value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return value if depth <= DEEPEST else "..."
    if isinstance(value, Mapping):
        return {plain(key, depth + 1): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Set):
        return frozenset(plain(item, depth + 1) for item in value)
    if isinstance(value, tuple):
        return tuple(plain(item, depth + 1) for item in value)
    if hasattr(value, "status_code"):
        body = value.data if hasattr(value, "data") else getattr(value, "content", None)
        return value.status_code, plain(body, depth + 1)
    if hasattr(value, "_meta") and hasattr(value, "pk"):
        return type(value).__name__, value.pk
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return type(value).__name__, {item.name: plain(getattr(value, item.name), depth + 1) for item in fields}
    if hasattr(value, "to_dict"):  # a frame or a series
        return plain(value.to_dict(), depth + 1)
    if isinstance(value, Iterable) and not isinstance(value, type):
        return [plain(item, depth + 1) for item in value]
    if type(value).__eq__ is object.__eq__ and hasattr(value, "__dict__"):
        public = {key: item for key, item in vars(value).items() if not key.startswith("_")}
        return type(value).__name__, plain(public, depth + 1)
    return value


def run_code(path: Path, names: Names) -> None:
    exec(compile(path.read_text("utf8"), str(path), "exec", dont_inherit=True), names)


def forget(place: Path) -> None:
    """Drop the modules that came from the page, and the Django models with them."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(place)):
            del sys.modules[name]
    importlib.invalidate_caches()
    if "django" in sys.modules:
        from django.apps import apps
        from django.db import connection

        with connection.schema_editor() as editor:
            for model in reversed(_models_of_page()):
                editor.delete_model(model)
        for label in [label for label, config in apps.app_configs.items() if getattr(config, "of_page", False)]:
            del apps.app_configs[label]
            apps.all_models.pop(label, None)
        apps.clear_cache()


def start_django(folder: Path, *, rest: bool, database: Names | None = None) -> None:
    """Set Django up with a database: one in the page's own folder where none is given."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    own = ["django.contrib.contenttypes", "django.contrib.auth"]
    settings.configure(
        INSTALLED_APPS=[*own, "rest_framework"] if rest else own,
        DATABASES={"default": database or {"ENGINE": f"{ENGINES}.sqlite3", "NAME": str(folder / "page.sqlite3")}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="page",
        USE_TZ=True,
        ROOT_URLCONF="example",
    )
    django.setup()
    call_command("migrate", verbosity=0, run_syncdb=True)


def claim_apps(labels: set[str]) -> None:
    """Make each top folder or file of the page a Django app, so that its models need no `app_label`."""
    if "django" not in sys.modules:
        return
    from django.apps import AppConfig, apps

    for label in labels - set(apps.app_configs):
        module = types.ModuleType(label)
        module.__path__ = ["."]
        config = AppConfig(label, module)
        config.apps, config.models, config.of_page = apps, apps.all_models[label], True
        apps.app_configs[label] = config
    apps.clear_cache()


def make_tables() -> None:
    if "django" not in sys.modules:
        return
    from django.db import connection

    with connection.schema_editor() as editor:
        for model in _models_of_page():
            editor.create_model(model)


def empty_tables() -> None:
    """Empty every table and start its keys at 1 again, so that both forms see the same rows."""
    if "django" not in sys.modules:
        return
    from django.core.management import call_command

    call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)


def _models_of_page() -> list[Any]:
    from django.apps import apps

    own = [label for label, config in apps.app_configs.items() if getattr(config, "of_page", False)]
    return [model for label in own for model in apps.all_models[label].values() if not model._meta.auto_created]


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


async def _finish(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    result = function(*args)
    if isinstance(result, AsyncIterator):
        return [item async for item in result]
    result = await result
    return [item async for item in result] if isinstance(result, AsyncIterator) else result


def _module_of(name: str) -> str:
    return name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
