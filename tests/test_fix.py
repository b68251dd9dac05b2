"""Recipes, and `perfwright fix`, on real files and with the real judge."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from perfwright import rules
from perfwright.finding import Finding, Place
from perfwright.fix import patches, recipes
from perfwright.fix.source import Edit, Source, UnplacedError, changed

COMMAND = (sys.executable, "-c", "from perfwright.app.main import main; main()")
SLOW = '''from shop.util import norm


def common(left: list[int], right: list[int]) -> list[int]:
    # those of both
    return [norm(item) for item in left if item in right]


def unique(rows):
    seen = []
    for row in rows:
        if row not in seen:
            seen.append(row)
    return seen
'''  # fmt: skip


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("", "utf8")
    (tmp_path / "shop" / "util.py").write_text("def norm(x):\n    return x + 1\n", "utf8")
    (tmp_path / "shop" / "calc.py").write_text(SLOW, "utf8")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    return tmp_path


def test_what_is_the_same_is_repaired_and_what_is_not_is_told(shop: Path) -> None:
    done = run(shop, "fix", "--all", "--write", "--size", "2000", "--format", "json")
    said = json.loads(done.stdout)["fix"]

    assert done.returncode == 0, done.stderr
    assert [each["finding"]["place"]["function"] for each in said["fixes"]] == ["common"]
    fixed = said["fixes"][0]
    assert (fixed["verify"]["verdict"], fixed["verify"]["speed"]["verdict"]) == ("same", "faster")
    assert fixed["written"]
    assert "+    right_set = set(right)\n" in fixed["diff"]
    # Rows of any kind: those that cannot be hashed are found once, and raise with a set.
    assert [(each["key"].partition("::")[2], each["why"][:17]) for each in said["left"]] == [
        ("unique#seen", "the patch differs")
    ]
    text = (shop / "shop" / "calc.py").read_text("utf8")
    assert (
        "# those of both\n    right_set = set(right)\n    return [norm(item) for item in left if item in right_set]"
        in text
    )
    assert run(shop, "fix", "--select", "nested-scan").returncode == 1


def test_a_file_with_changes_of_its_own_is_not_written(shop: Path) -> None:
    path = shop / "shop" / "calc.py"
    path.write_text(SLOW + "\n", "utf8")
    done = run(shop, "fix", "--select", "membership-in-list", "--all", "--write", "--size", "500")

    assert "not written: shop/calc.py has changes that are not committed; commit it, or use --dirty" in done.stdout
    assert path.read_text("utf8") == SLOW + "\n"


@pytest.mark.parametrize("rule", sorted(recipes.load()))
def test_a_recipe_repairs_the_slow_form_of_its_rule_s_page(rule: str, tmp_path: Path) -> None:
    """What the patched page does, `make recipes` judges."""
    slow = re.search(r"^## Slow\n.*?```python\n(.*?)```", rules.page(rule), re.MULTILINE | re.DOTALL)
    assert slow is not None
    for name, text in re.findall(r"```python\n# file: (\S+)\n(.*?)```", rules.page(rule), re.DOTALL):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf8")
    (tmp_path / "slow.py").write_text(slow[1], "utf8")
    done = run(tmp_path, "check", "--no-cache", "--all", "--select", rule, "--format", "json", ".")
    found = [Finding.from_json(each) for each in json.loads(done.stdout)["findings"]]
    made = [each for finding in found for each in patches.candidates(tmp_path, finding)]

    assert made, rule
    for each in made:
        ast.parse(each.after)
        assert each.function or each.recipe.suggested
        here = [line[1:].strip() for line in each.diff.splitlines() if line.startswith("+")]
        kept = [line for line in each.diff.splitlines() if line.startswith("-") and line.strip(" -a/slow.py")]
        kept = [line for line in kept if line[1:].strip() not in here]  # not only moved to the side
        assert len(kept) <= 3  # no more is changed than has to be


# ------------------------------------------------------------------------------ parts
def test_edits_leave_all_else_as_it_is() -> None:
    source = Source("a.py", 'x = "äöü" + f(1)  # why\nif x:\n\ty = 2\n')
    call = source.at(Place(path="a.py", line=1, column=13), ast.Call)
    assert call is not None
    assert source.text_of(call) == "f(1)"
    inner = source.tree.body[1]
    assert isinstance(inner, ast.If)
    edits = [source.replace(call, "g"), source.before(inner.body[0], "z = 1"), source.after(inner.body[0], "z = 3")]
    assert source.edited(edits) == 'x = "äöü" + g  # why\nif x:\n\tz = 1\n\ty = 2\n\tz = 3\n'
    with pytest.raises(ValueError, match="two edits"):
        source.edited([Edit(0, 5, ""), Edit(3, 8, "")])


def test_what_stands_in_a_text_has_a_place_where_it_stands_there_once() -> None:
    source = Source("a.py", 'def f(x):\n    return f"{x.pop(0)} and more"\n')
    call = next(each for each in ast.walk(source.tree) if isinstance(each, ast.Call))
    assert source.edited([source.replace(call, "x.popleft()")]).endswith('f"{x.popleft()} and more"\n')

    twice = Source("a.py", 'def f(x):\n    return f"x.pop(0): {x.pop(0)}"\n')
    call = next(each for each in ast.walk(twice.tree) if isinstance(each, ast.Call))
    if sys.version_info < (3, 12):
        with pytest.raises(UnplacedError):
            twice.span(call)


def test_an_import_is_added_once_and_below_the_docstring() -> None:
    assert Source("a.py", "import collections\n").imported("collections", "deque") == ("collections.deque", [])
    assert Source("a.py", "from collections import deque as d\n").imported("collections", "deque") == ("d", [])
    source = Source("a.py", '"""What."""\n\nx = 1\n')
    name, edits = source.imported("collections", "deque")
    assert name == "deque"
    assert source.edited(edits) == '"""What."""\n\nfrom collections import deque\n\nx = 1\n'


def test_what_a_loop_changes_is_known() -> None:
    loop = ast.parse("for x in y:\n    a.append(x)\n    b[x] = 1\n    c += 1\n    d.e.f = 2\n    del g[x]\n")
    assert {"a", "b", "c", "d.e", "g"} <= changed(loop)
