"""What is kept from one check to the next: it changes how long a check takes, never what it says."""

import json
import marshal
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from perfwright import config, discover, pipeline
from perfwright.finding import Record
from perfwright.index.cache import Cache
from perfwright.index.lower import lower
from perfwright.index.read import pack
from perfwright.resume import inside_functions

EXAMPLES = Path(__file__).parents[1] / "examples"
MAIN = "import sys; from perfwright.app.main import main; sys.argv[0] = 'perfwright'; main()"
SLOW = "\n\ndef added(names: list[str]) -> None:\n    for name in names:\n        open(name).read()\n"


@pytest.fixture(params=["shop", "shop_django"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / request.param, tmp_path / "project"))


def check(root: Path, keep: Path | None) -> Record:
    source = config.find(root)
    settings = config.read(source) if source is not None else config.Settings()
    return pipeline.check(root, discover.find(root, [root]), settings, jobs=1, keep=keep)


def entries(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.rglob("*") if path.is_file()}


def functions_of(path: Path) -> list[tuple[int, str]]:
    """Return the first line of each function's body, with its indentation."""
    import ast

    tree = ast.parse(path.read_text("utf8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(node.body[-1].lineno, " " * node.body[-1].col_offset) for node in found]


def test_the_second_answer_is_the_first(shop: Path, tmp_path: Path) -> None:
    first = check(shop, tmp_path / "kept")

    assert check(shop, tmp_path / "kept") == first
    assert first == check(shop, None)


def test_an_edit_of_any_function_is_answered_as_by_a_fresh_check(shop: Path, tmp_path: Path) -> None:
    check(shop, tmp_path / "kept")
    sources = [path for path in sorted(shop.rglob("*.py")) if functions_of(path)]
    for path in sources[:: max(1, len(sources) // 6)]:
        line, indent = functions_of(path)[0]
        lines = path.read_text("utf8").splitlines()
        lines.insert(line - 1, f"{indent}import time; time.sleep(1)")
        path.write_text("\n".join(lines) + "\n", "utf8")

        assert check(shop, tmp_path / "kept") == check(shop, None), path


def test_a_new_function_and_a_removed_file_are_noticed(shop: Path, tmp_path: Path) -> None:
    check(shop, tmp_path / "kept")
    changed = next(path for path in sorted(shop.rglob("*.py")) if functions_of(path))
    changed.write_text(changed.read_text("utf8") + SLOW, "utf8")
    assert check(shop, tmp_path / "kept") == check(shop, None)

    changed.unlink()

    assert check(shop, tmp_path / "kept") == check(shop, None)


def test_other_settings_are_another_answer(shop: Path, tmp_path: Path) -> None:
    before = check(shop, tmp_path / "kept")
    (shop / "perfwright.toml").write_text('select = ["n-plus-one-query"]\n', "utf8")

    after = check(shop, tmp_path / "kept")

    assert after == check(shop, None)
    assert after != before


@pytest.mark.parametrize("damage", [b"", b"perfwright", b"\x00" * 5000])
def test_what_is_broken_counts_as_not_kept(shop: Path, tmp_path: Path, damage: bytes) -> None:
    fresh = check(shop, tmp_path / "kept")
    for path in entries(tmp_path / "kept").values():
        path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2] + damage)

    assert check(shop, tmp_path / "kept") == fresh


def test_what_another_version_kept_is_not_used(tmp_path: Path) -> None:
    ours, theirs = Cache(tmp_path, tmp_path), Cache(tmp_path, tmp_path)
    theirs._identity = bytes(16)
    theirs.keep("facts", {"a": b"b"})

    assert ours.load("facts") is None
    assert theirs.load("facts") == {"a": b"b"}


def test_a_run_that_ends_while_it_writes_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path, tmp_path)
    cache.keep("facts", {"a": b"b"})

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.keep("facts", {"a": b"c"})

    assert list(entries(tmp_path)) == ["facts"]
    assert cache.load("facts") == {"a": b"b"}


def test_a_folder_that_cannot_be_written_changes_nothing(shop: Path, tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("not a folder", "utf8")

    assert check(shop, place) == check(shop, None)


def test_runs_at_once_agree(shop: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PERFWRIGHT_CACHE": str(tmp_path / "kept")}
    command = [sys.executable, "-c", MAIN, "check", "--format", "json", "--fail-on", "never", str(shop)]
    runs = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    said = {run.communicate()[0] for run in runs}

    assert len(said) == 1
    assert json.loads(said.pop())["findings"]
    assert not [name for name in entries(tmp_path / "kept") if name.startswith(".")]


def test_no_cache_keeps_nothing(shop: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PERFWRIGHT_CACHE": str(tmp_path / "kept")}
    command = [sys.executable, "-c", MAIN, "check", "--no-cache", "--fail-on", "never", str(shop)]

    subprocess.run(command, env=environment, check=True, capture_output=True)

    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("edit", "inside"),
    [
        (("return 1", "x = 2\n        return x"), True),
        (("class A", "\n\nclass A"), True),
        (("def f(self)", "def f(self, y=1)"), False),
        (("class A", "class B"), False),
        (("LIMIT = 5", "LIMIT = 6"), False),
        (("self.n = 3", "self.n = 'three'"), False),
    ],
)
def test_what_is_an_edit_inside_functions(edit: tuple[str, str], inside: bool) -> None:
    before = (
        "LIMIT = 5\n\n\nclass A:\n    def __init__(self):\n        self.n = 3\n\n    def f(self):\n        return 1\n"
    )
    old, new = (marshal.loads(pack(lower(text.encode()))) for text in (before, before.replace(*edit)))
    consulted = {("a.py", "A.__init__", old[2][0][2])}

    assert inside_functions(old, new, path="a.py", consulted=consulted, has_models=False) is inside
