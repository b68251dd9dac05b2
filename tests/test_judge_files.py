"""Functions that are given the names of files, judged: each call finds its files as they were."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, RootModel

from perfwright.fix.judge.judging import judge
from perfwright.fix.judge.sides import Sides, Version
from perfwright.measure.worker import validated
from perfwright.measure.worker.trees import Scribe

BUILDER = """
import tempfile
from pathlib import Path

import perfwright


@perfwright.inputs("f")
def inputs(n):
    path = Path(tempfile.mkdtemp(), "lines")
    path.write_text("b\\na\\n" * n, "utf8")
    return (str(path),)
"""
READS = "def f(path: str):\n    with open(path) as file:\n        return list(file)\n"
SPLITS = "def f(path: str):\n    with open(path) as file:\n        return file.read().splitlines(True)\n"
APPENDS = """
def f(path: str):
    with open(path, "r+") as file:
        text = file.read()
        file.write("c")
    return text
"""
REOPENS = """
def f(path: str):
    with open(path) as file:
        text = file.read()
    with open(path, "a") as file:
        file.write("c")
    return text
"""
FORGETS = "from pathlib import Path\ndef f(path: str):\n    return Path(path).read_text()\n"
RESOLVES = "from pathlib import Path\ndef f(path: str):\n    return str(Path(path).resolve().parent)\n"
REALLY = "import os\ndef f(path: str):\n    return os.path.dirname(os.path.realpath(path))\n"


def verify(folder: Path, before: str, after: str) -> dict[str, Any]:
    (folder / "before.py").write_text(before + BUILDER, "utf8")
    (folder / "after.py").write_text(after, "utf8")
    command = "from perfwright.app.main import main; main()"
    words = ["verify", "before.py:f", "after.py:f", "--size", "100", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-c", command, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)["verify"]
    return said


@pytest.mark.parametrize(
    ("before", "after", "verdict", "what"),
    [
        (READS, READS, "same", ""),
        (READS, SPLITS, "differs", "it gives something else"),  # a vertical tab ends a line of text, not one of a file
        (APPENDS, REOPENS, "same", ""),
        (APPENDS, FORGETS, "differs", "it leaves other files"),
        (RESOLVES, REALLY, "same", ""),  # where the folder lies is not seen
    ],
    ids=["read", "split", "append", "forget", "resolve"],
)
def test_a_call_finds_its_files_as_they_were(tmp_path: Path, before: str, after: str, verdict: str, what: str) -> None:
    said = verify(tmp_path, before, after)

    assert said["verdict"] == verdict, said
    if verdict == "same":
        assert said["inputs"] > 20
        assert said["sizes"]
    else:
        assert said["reason"] == what
        assert ", where tmp" in said["counterexample"]["call"]
        assert "/lines holds" in said["counterexample"]["call"]


def test_an_ordered_dictionary_keeps_its_order(tmp_path: Path) -> None:
    builder = """
from collections import OrderedDict
import perfwright


@perfwright.inputs("f")
def inputs(n):
    made = OrderedDict((i, i) for i in range(n))
    made.move_to_end(0)
    return (made,)
"""
    (tmp_path / "before.py").write_text("def f(d):\n    return list(d)[-1] if d else None\n" + builder, "utf8")
    (tmp_path / "after.py").write_text("def f(d):\n    return max(d) if d else None\n", "utf8")
    done = subprocess.run(
        [sys.executable, "-c", "from perfwright.app.main import main; main()", "verify", "before.py:f", "after.py:f",
         "--format", "json"], cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = json.loads(done.stdout)["verify"]

    assert said["verdict"] == "differs"
    assert "OrderedDict({" in said["counterexample"]["call"]


def test_where_a_project_lies_is_no_difference(tmp_path: Path) -> None:
    place = "from pathlib import Path\n\nHERE = Path(__file__).resolve().parent\n"
    text = (
        "from pathlib import Path\n\nimport place\n\n\n"
        "class Kept:\n    def __init__(self): self.at = str(Path(__file__).parent)\n\n\n"
        "KEPT = Kept()\n\n\ndef f(x: int) -> tuple[str, str, int]:\n    return KEPT.at, str(place.HERE / 'a'), x + {}\n"
    )
    for folder, more in (("one", 1), ("two", 1), ("linked", 1), ("other", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text(text.format(more), "utf8")
        if folder == "linked":
            (tmp_path / folder / "place.py").symlink_to(tmp_path / "one" / "place.py")
        else:
            (tmp_path / folder / "place.py").write_text(place, "utf8")

    def word(other: str) -> str:
        roots = tmp_path / "one", tmp_path / other
        first, second = (Version(str(root / "a.py"), "f", root, "a.py") for root in roots)
        with Sides(first, second, Path(sys.executable), "auto", reads=[tmp_path]) as sides:
            return judge(sides).word

    assert [*map(word, ("two", "linked", "other"))] == ["same", "same", "differs"]


def test_what_a_proxy_keeps_of_what_it_stands_for_is_no_state_of_its_own() -> None:
    class Wrapped:
        def __init__(self) -> None:
            self.debug, self.hosts = False, ["a"]

    class Proxy:
        def __init__(self) -> None:
            self._wrapped = Wrapped()

        def __getattr__(self, name: str) -> object:
            self.__dict__[name] = found = getattr(self._wrapped, name)
            return found

    def told(proxy: Proxy) -> object:
        return Scribe("code").write(proxy)

    asked, changed = Proxy(), Proxy()
    assert asked.hosts == ["a"]
    assert changed.debug is False
    changed.__dict__["debug"] = True

    assert told(asked) == told(Proxy())
    assert told(changed) != told(Proxy())


def test_an_object_is_one_that_its_model_would_take() -> None:
    class Line(BaseModel):
        name: str
        count: int = Field(ge=0, alias="number")

    class Names(RootModel[list[str]]):
        pass

    fits = Line(name="a", number=1)
    validated.check(fits)  # called otherwise than its field
    validated.check(Names(["a"]))
    validated.check(Path())
    wrong = Line(name="a", number=1)
    wrong.__dict__["name"] = 7
    with pytest.raises(ValueError, match="Line is like that: string_type"):
        validated.check(wrong)
