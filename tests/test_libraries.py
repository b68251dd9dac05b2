"""The library models: what the loader refuses, how names are found, and that every shipped claim is true."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest

from perfwright.effects.library import FOLDER, Effect, Libraries, Memo, Runs, Type, load
from perfwright.effects.library_model import EFFECT_NAMES, FILE_KEYS, HEADS, KEYS, Model, parse_type, read
from perfwright.errors import LibraryModelError

HEAD = 'library = "ours"\nimport = "ours"\n'
SHIPPED = sorted(FOLDER.glob("*.toml"))
NAMES = Path(__file__).parent / "_library_names.py"
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "library-models.md"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LIBRARIES = script("libraries")
STAMPS = json.loads(LIBRARIES.STAMP.read_text("utf8"))

# Names that the source has, and that an import does not show.
UNHELD = (
    *("django.contrib.gis.db.models", "django.contrib.postgres"),  # need GDAL, and a driver
    *("flask.request", "flask.globals.request", "flask.current_app", "flask.globals.current_app"),  # need a request
    *("flask.g", "flask.session"),
    *("openai.OpenAI.beta.chat", "openai.AsyncOpenAI.beta.chat"),  # behind a cached property
    "threading.Lock",  # a function until Python 3.13
)
SINCE = {"itertools.batched": (3, 12), "pathlib.Path.walk": (3, 12), "os.process_cpu_count": (3, 13)}


@pytest.fixture(scope="module")
def shipped() -> Libraries:
    return load()


def ours(folder: Path, text: str, *, head: str = HEAD) -> Path:
    path = folder / "ours.toml"
    path.write_text(head + text, "utf8")
    return path


def test_a_model_says_what_its_table_says(tmp_path: Path) -> None:
    path = ours(
        tmp_path,
        """
        ["ours.fetch"]
        does = ["db.query", "load(rows)"]
        returns = "Coroutine[Dict[Scalar, Row[table]]]"
        when = "await"
        params = ["table", "keys"]
        runs = { arg = "keep", where = "here", times = "per keys" }
        memo = { bound = 10, key = ["table"] }
        fetches = "with_"
        limits = "at_most"
        filters = "**kwargs"
        orders = "*args"
        given = "table"
        timeout = { arg = "timeout", default = "none" }
        because = "asks the archive"
        source = "https://ours.example/fetch"
        """,
    )

    assert load([path]).get("ours.fetch") == Model(
        name="ours.fetch",
        library="ours",
        does=(Effect("db.query"), Effect("load", "rows")),
        returns=Type("Coroutine", (Type("Dict", (Type("Scalar"), Type("Row", (Type("table"),)))),)),
        when="await",
        blocking=False,
        params=("table", "keys"),
        runs=Runs("keep", "here", "per keys"),
        memo=Memo(10, ("table",)),
        fetches="with_",
        limits="at_most",
        filters="**kwargs",
        orders="*args",
        given="table",
        timeout={"arg": "timeout", "default": "none"},
        because="asks the archive",
        source="https://ours.example/fetch",
    )


@pytest.mark.parametrize(
    ("table", "key", "slug"),
    [
        ('does = ["db.select"]', "does", "unknown-effect"),
        ('does = ["scan"]', "does", "unknown-effect"),
        ('does = ["wait(self)"]', "does", "unknown-effect"),
        ('does = "wait"', "does", "broken-library-model"),
        ("costs = 3", "costs", "broken-library-model"),
        ('returns = "Lines"', "returns", "broken-library-model"),
        ('returns = "List[Scalar"', "returns", "broken-library-model"),
        ('returns = "Dict[Scalar]"', "returns", "broken-library-model"),
        ('when = "later"', "when", "broken-library-model"),
        ('blocking = "yes"', "blocking", "broken-library-model"),
        ("class = 1", "class", "broken-library-model"),
        ("base = 1", "base", "broken-library-model"),
        ('runs = { arg = "f", where = "elsewhere", times = "once" }', "runs", "broken-library-model"),
        ('runs = { arg = "f", where = "here", times = "often" }', "runs", "broken-library-model"),
        ('runs = { arg = "f" }', "runs", "broken-library-model"),
        ('memo = { bound = true, key = ["args"] }', "memo", "broken-library-model"),
        ('memo = { bound = "none", key = "args" }', "memo", "broken-library-model"),
        ("limits = 0", "limits", "broken-library-model"),
        ('filters = "a b"', "filters", "broken-library-model"),
        ('params = ["*args"]', "params", "broken-library-model"),
        ('timeout = { arg = "timeout", default = 3 }', "timeout", "broken-library-model"),
        ('because = ""', "because", "broken-library-model"),
    ],
)
def test_a_refusal_names_the_file_the_entry_and_the_key(tmp_path: Path, table: str, key: str, slug: str) -> None:
    path = ours(tmp_path, f'["ours.fetch"]\n{table}\n')

    with pytest.raises(LibraryModelError) as refusal:
        load([path])

    assert refusal.value.slug == slug
    assert str(refusal.value).startswith(f"ours.toml: 'ours.fetch' says {key} = ")
    assert str(refusal.value).count("\n") == 0


@pytest.mark.parametrize(
    ("head", "body", "named"),
    [
        ('import = "ours"\n', "", "library"),
        ('library = "ours"\n', "", "import"),
        (HEAD, 'alias = ["a"]\n', "alias"),
        (HEAD, 'pure = "ours.x"\n', "pure"),
        (HEAD, 'versionen = ">=2"\n', "versionen"),
        (HEAD, "[fetch]\n", "fetch"),
        (HEAD, '["theirs.fetch"]\n', "theirs.fetch"),
        (HEAD, "not TOML", "line 3"),
    ],
)
def test_a_broken_file_is_refused_by_what_is_wrong_with_it(tmp_path: Path, head: str, body: str, named: str) -> None:
    path = ours(tmp_path, body, head=head)

    with pytest.raises(LibraryModelError, match=rf"ours\.toml.*{named}") as refusal:
        load([path])

    assert refusal.value.slug == "broken-library-model"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LibraryModelError, match=r"missing\.toml cannot be read"):
        load([tmp_path / "missing.toml"])


def test_a_folder_gives_all_its_files_and_the_later_one_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    ours(first, '["ours.fetch"]\ndoes = ["wait"]\n["ours.send"]\n')
    later = ours(second, '["ours.fetch"]\ndoes = ["http.request"]\n')

    libraries = load([first, later])

    fetch = libraries.get("ours.fetch")
    assert fetch is not None
    assert fetch.does == (Effect("http.request"),)
    assert libraries.get("ours.send") is not None
    assert libraries.knows("ours")


def test_a_project_overrides_a_shipped_model_under_any_of_its_names(tmp_path: Path) -> None:
    path = ours(
        tmp_path,
        '["django.db.models.base.Model.save"]\ndoes = ["db.query", "db.write"]\n',
        head='library = "ours"\nimport = "django"\n',
    )

    save = load([path]).get("django.db.models.Model.save")

    assert save is not None
    assert save.does == (Effect("db.query"), Effect("db.write"))


def test_another_spelling_of_a_class_finds_its_methods(shipped: Libraries) -> None:
    assert shipped.canonical("django.db.models.base.Model.save") == "django.db.models.Model.save"
    assert shipped.get("django.db.models.base.Model.save") is shipped.get("django.db.models.Model.save") is not None
    assert shipped.is_class("sqlalchemy.orm.session.Session")


def test_an_alias_may_lead_to_another_library(shipped: Libraries) -> None:
    assert shipped.canonical("fastapi.concurrency.run_in_threadpool") == "starlette.concurrency.run_in_threadpool"
    assert shipped.get("flask_sqlalchemy.SQLAlchemy.select") is shipped.get("sqlalchemy.select") is not None


def test_a_class_has_the_methods_of_its_bases(shipped: Libraries) -> None:
    manager = "django.db.models.manager.RelatedManager"

    assert shipped.method(manager, "filter") is shipped.get("django.db.models.QuerySet.filter") is not None
    assert shipped.is_subclass(manager, "django.db.models.query.QuerySet")
    assert not shipped.is_subclass("django.db.models.QuerySet", manager)


def test_an_attribute_has_the_methods_of_what_it_holds(shipped: Libraries) -> None:
    create = shipped.get("openai.OpenAI.chat.completions.create")

    assert create is shipped.get("openai.resources.chat.completions.Completions.create")
    assert create is not None
    assert create.does == (Effect("llm.call"),)


def test_a_free_name_is_known_and_costs_nothing(shipped: Libraries) -> None:
    known = shipped.get("os.path.join")

    assert known is not None
    assert known.does == ()
    assert shipped.get("os.path.exists") != known


def test_what_no_file_names_is_not_known(shipped: Libraries) -> None:
    assert shipped.get("numberless.array") is None
    assert shipped.method("django.db.models.QuerySet", "frobnicate") is None
    assert not shipped.knows("numberless")
    assert not shipped.knows("")
    assert not shipped.is_class("os.path")


def test_aliases_and_bases_in_a_circle_end(tmp_path: Path) -> None:
    path = ours(
        tmp_path,
        '["ours.A"]\nbase = "ours.B"\n["ours.B"]\nbase = "ours.A"\n[alias]\n"ours.x" = "ours.y"\n"ours.y" = "ours.x"\n',
    )

    libraries = load([path])

    assert libraries.method("ours.A", "run") is None
    assert libraries.get("ours.x") is None


def test_a_package_is_read_when_it_is_first_asked_for(tmp_path: Path) -> None:
    path = ours(tmp_path, "not TOML")
    libraries = Libraries([path])
    assert libraries.knows("ours")

    with pytest.raises(LibraryModelError):
        libraries.get("ours.fetch")


@pytest.mark.parametrize("text", ["self", "Rows[M, sqlalchemy.Select]", "Dict[Scalar, List[Row[entity]]]"])
def test_a_type_reads_as_it_is_written(text: str) -> None:
    assert str(parse_type(text)) == text


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_file_leads_only_to_what_is_modelled(path: Path, shipped: Libraries) -> None:
    file = read(path)

    for name, model in file.models.items():
        assert shipped.canonical(name) == name
        assert model.source, f"{name} has no source"
        for cls in (*_classes(model.returns), *filter(None, [model.base])):
            assert shipped.is_class(cls), f"{name} names {cls}, which is no class"
        for other in (model.async_twin, model.bulk, model.instead):
            if other and "." in other and "[" not in other:
                assert shipped.get(other), f"{name} names {other}, which is not modelled"
        if model.when == "await":
            assert model.returns is not None, f"{name} is awaited for nothing"
            assert model.returns.head == "Coroutine", f"{name} is awaited and gives no coroutine"
    for other in file.aliases:
        assert shipped.canonical(other) != other


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_file_names_what_the_library_has(path: Path) -> None:
    said = [claim for claim in LIBRARIES.claims(read(path)) if held(claim.name)]
    if any(importlib.util.find_spec(claim.name.partition(".")[0]) is None for claim in said):
        assert path.name in STAMPS, f"{path.name} was never compared with its library: run `make libraries`"
        return

    claims = json.dumps([asdict(claim) for claim in said])
    ran = subprocess.run(
        [sys.executable, str(NAMES)], input=claims, capture_output=True, text=True, timeout=120, check=False
    )

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == []


def held(name: str) -> bool:
    """Tell whether a name can be looked up in the library as it is installed here."""
    excused = LIBRARIES.excuse(name) or any(f"{name}.".startswith(f"{unheld}.") for unheld in UNHELD)
    return not excused and SINCE.get(name, (3, 0)) <= sys.version_info


def test_every_shipped_file_was_compared_with_its_library_since_its_names_changed() -> None:
    files = {path.name: read(path) for path in SHIPPED}

    changed = LIBRARIES.stale(files, STAMPS, LIBRARIES.Pins())

    assert not changed, f"{', '.join(changed)} changed since: run `make libraries`"
    assert LIBRARIES.idle(STAMPS) == []


def test_a_change_to_a_name_or_a_parameter_makes_a_stamp_old_and_a_change_to_a_text_does_not(tmp_path: Path) -> None:
    before = LIBRARIES.digest(read(ours(tmp_path, '["ours.fetch"]\nparams = ["key"]\n')))

    assert LIBRARIES.digest(read(ours(tmp_path, '["ours.fetch"]\nparams = ["key"]\nbecause = "it is far"\n'))) == before
    assert LIBRARIES.digest(read(ours(tmp_path, '["ours.fetch"]\nparams = ["keys"]\n'))) != before
    assert LIBRARIES.digest(read(ours(tmp_path, '["ours.fetched"]\nparams = ["key"]\n'))) != before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("os.path.exists", None),  # imported under another name, from a module that has it from a third
        ("collections.deque.clear", None),  # of a base class
        ("json.JSONDecoder.decode", None),
        ("subprocess.Popen.returncode", None),  # no method
        ("json.frobnicate", "is not in it"),
        ("subprocess.Popen.frobnicate", "is not in it"),
    ],
)
def test_a_name_is_looked_up_without_an_import(name: str, said: str | None) -> None:
    shelf = LIBRARIES.Shelf([], LIBRARIES.Pins())

    assert LIBRARIES.wrong(LIBRARIES.Claim(name, (), (), False), shelf) == said


def test_the_page_explains_every_word_and_its_example_loads(tmp_path: Path) -> None:
    page = PAGE.read_text("utf8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    path = ours(tmp_path, example, head="")

    fetch = load([path]).get("archive.client.Client.fetch")

    assert fetch is not None
    assert fetch.bulk == "archive.Client.fetch_many"
    for word in (*KEYS, *FILE_KEYS, *EFFECT_NAMES, *HEADS):
        assert f"`{word}" in page or f"`[{word}]" in page, f"{word} is not explained in {PAGE.name}"


def _classes(returned: Type | None) -> list[str]:
    if returned is None:
        return []
    return [*([returned.head] if "." in returned.head else []), *(c for arg in returned.args for c in _classes(arg))]
