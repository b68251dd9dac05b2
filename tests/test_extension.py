"""A rule, a library model and an output format are each one file, with its cases: shown by adding one of each.

The package and its tests are copied, one new file is dropped in, and nothing else is edited.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import perfwright

TESTS = Path(__file__).parent
ROOT = TESTS.parent
WHOLE = ("src", "tests", "docs", "scripts", "benchmarks", "examples", "changelog.d", ".importlinter", "Makefile")
KNOW_RULES = ("report", "errors", "readme", "public_api", "case_machinery", "rule_curves", "check_command")
SAY_SOMETHING_OF_RULES = "(sarif or heading or links or golden or rule or explain or curve) and not interrupted"
ENOUGH = 60
MAIN = "import sys; from perfwright.app.main import main; sys.argv[0] = 'perfwright'; main()"

RULE = '''"""A loop sleeps once per item, where once would do.

## Slow

```python
import time


def doubled(items: list[int]) -> list[int]:
    result = []
    for item in items:
        time.sleep(0)
        result.append(item * 2)
    return result
```

## Fast

```python
import time


def doubled(items: list[int]) -> list[int]:
    time.sleep(0)
    return [item * 2 for item in items]
```

## Input

```python
def make(n: int) -> list[int]:
    return list(range(n))
```

## When to leave it

The pause is what the other side asks for.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof
from perfwright.rules._contract import Rule


def find(effects: Effects) -> Iterator[Finding]:
    for effect in effects.repeated("wait"):
        function, position, what = effect.event.chain[0]
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, position),
            symbol=effect.event.symbol,
            message=f"each pass sleeps: `{what}`",
            confidence="certain",
            chain=effects.chain(effect),
            cost=Cost(terms=(effects.term(effect),)),
        )


RULE = Rule(name="sleep-per-item", sees=("wait",), spends=("latency",), proof=Proof.growth("n"), find=find)
'''

RULE_CASES = """# sleep-per-item

## A sleep behind a helper is found where the helper is called

```python
import time


def pause():
    time.sleep(1)


def send(letters):
    for letter in letters:
        pause()  # finding: sleep-per-item
```

## One sleep is quiet

```python
import time


def send(letters):
    time.sleep(1)
```
"""

MODEL = """library = "acme"
versions = ">=1"
import = "acme"
source = "https://acme.example/docs"

["acme.fetch"]
does = ["http.request"]
params = ["key"]
source = "https://acme.example/docs/fetch"
"""

FORMAT = '''"""One line a finding, for grep."""

from perfwright.finding import Record
from perfwright.report._contract import Format, Options


def render(record: Record, _: Options) -> str:
    return "".join(f"{item.place.path}:{item.place.line}: {item.rule}\\n" for item in record.findings)


FORMAT = Format(name="lines", help="a line a finding", render=render)
'''

USES_ACME = """import acme


async def show(key):
    return acme.fetch(key)
"""

SLEEPS = """import time


def send(letters):
    for letter in letters:
        time.sleep(1)
"""


USES_SLEEP = """import time


async def show():
    time.sleep(1)
"""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of perfwright and its tests that may be added to."""

    root: Path

    def add(self, name: str, text: str) -> None:
        path = self.root / name
        assert not path.exists(), f"{name} is to be a new file"
        path.write_text(text, "utf8")

    def files(self) -> dict[str, str]:
        """Return a hash of each file by its name."""
        return {
            path.relative_to(self.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.root.rglob("*")
            if path.is_file() and "cache" not in path.relative_to(self.root).as_posix()
        }

    def run(self, *arguments: str, folder: Path | None = None) -> str:
        """Run Python on the copy and return what it printed."""
        environment = os.environ | {"PYTHONPATH": str(self.root / "src"), "COLUMNS": "200"}
        command = [sys.executable, "-B", *arguments]
        done = subprocess.run(
            command, cwd=folder or self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr

    def perfwright(self, *arguments: str, folder: Path | None = None) -> str:
        return self.run("-c", MAIN, *arguments, folder=folder)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(perfwright.__file__).parent, tmp_path / "copy" / "src" / "perfwright", ignore=ignore)
    shutil.copytree(TESTS, tmp_path / "copy" / "tests", ignore=ignore)
    return Copy(tmp_path / "copy")


@pytest.fixture
def whole(tmp_path: Path) -> Copy:
    """Return a copy of all that is written by hand, and of what is generated."""
    root = tmp_path / "whole"
    root.mkdir()
    for name in (*WHOLE, "pyproject.toml", *(path.name for path in ROOT.glob("*.md"))):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        else:
            shutil.copy(ROOT / name, root / name)
    return Copy(root)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_a_rule_is_one_file(copy: Copy, project: Path) -> None:
    (project / "app.py").write_text(SLEEPS, "utf8")
    before = copy.perfwright("check", "--format", "json", ".", folder=project)

    copy.add("src/perfwright/rules/sleep_per_item.py", RULE)

    assert "sleep-per-item" not in before
    assert '"rule": "sleep-per-item"' in copy.perfwright("check", "--format", "json", ".", folder=project)
    assert "sleeps once per item" in copy.perfwright("explain", "sleep-per-item")


def test_a_rule_is_tested_by_its_page_and_its_case_file(copy: Copy) -> None:
    copy.add("src/perfwright/rules/sleep_per_item.py", RULE)
    copy.add("tests/rules/sleep-per-item.md", RULE_CASES)

    # Its page's five tests, and one for each heading of its case file.
    tests = ("-m", "pytest", "-p", "no:cacheprovider", "tests/test_rule_pages.py", "-k", "sleep-per-item")
    assert "7 passed" in copy.run(*tests)


def test_a_rule_changes_two_files_and_the_generated_docs(whole: Copy) -> None:
    before = whole.files()

    whole.add("src/perfwright/rules/sleep_per_item.py", RULE)
    whole.add("tests/rules/sleep-per-item.md", RULE_CASES)
    whole.run("scripts/docs.py")
    golden = whole.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--golden")

    after = whole.files()
    assert " passed" in golden
    assert " failed" not in golden
    assert {name for name, text in after.items() if before.get(name) != text} == {
        "src/perfwright/rules/sleep_per_item.py",
        "tests/rules/sleep-per-item.md",
        "docs/rules/sleep-per-item.md",
        "docs/rules/README.md",
        "docs/proofs.md",
    }
    assert before.keys() <= after.keys()
    assert whole.run("scripts/docs.py", "--check") == ""


@pytest.mark.slow
def test_with_another_rule_all_that_knows_rules_stays_green(whole: Copy) -> None:
    whole.add("src/perfwright/rules/sleep_per_item.py", RULE)
    whole.add("tests/rules/sleep-per-item.md", RULE_CASES)
    whole.run("scripts/docs.py")

    files = ["tests/test_rule_pages.py::test_cases_are_of_a_rule", *(f"tests/test_{name}.py" for name in KNOW_RULES)]
    said = whole.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", SAY_SOMETHING_OF_RULES)
    contracts = whole.run("-c", "from importlinter.cli import lint_imports_command as c; c(['--no-cache'])")

    assert "failed" not in said, said
    assert "error" not in said, said
    assert int(said.rpartition(" passed")[0].split()[-1]) >= ENOUGH
    assert "4 kept, 0 broken" in contracts


def test_a_library_model_is_one_file(copy: Copy, project: Path) -> None:
    (project / "app.py").write_text(USES_ACME, "utf8")
    before = copy.perfwright("check", "--format", "json", ".", folder=project)

    copy.add("src/perfwright/effects/libraries/acme.toml", MODEL)

    assert '"rule": "blocking-call-in-async"' not in before
    assert '"rule": "blocking-call-in-async"' in copy.perfwright("check", "--format", "json", ".", folder=project)


def test_an_output_format_is_one_file(copy: Copy, project: Path) -> None:
    (project / "app.py").write_text(USES_SLEEP, "utf8")
    before = copy.perfwright("check", "--format", "lines", ".", folder=project)

    copy.add("src/perfwright/report/formats/lines.py", FORMAT)

    assert "is not an output format" in before or "Invalid value" in before
    assert "app.py:5: blocking-call-in-async\n" in copy.perfwright("check", "--format", "lines", ".", folder=project)
