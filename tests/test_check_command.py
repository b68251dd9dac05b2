"""`perfwright check` and `explain` as a shell sees them: what is printed where, and the exit status."""

import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from perfwright import baseline, report, rules
from perfwright.finding import Record

COMMAND = (sys.executable, "-c", "from perfwright.app.main import main; main()")
SCHEMA = json.loads(files("perfwright").joinpath("finding.schema.json").read_text())

SLOW = """import time


async def show(key):
    time.sleep(1)
    return key
"""
FAST = "def show(key):\n    return key\n"
STATED = "[tool.perfwright.size]\nrows = 1_000\n"


@dataclass(frozen=True, slots=True)
class Done:
    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Shop:
    """A project in a folder of its own, and a shell in it."""

    folder: Path

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, *arguments: str, folder: str = ".", **environment: str) -> Done:
        plain = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=self.folder / folder, env=plain | environment, capture_output=True, check=False
        )
        result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in result.err, result.err
        return result

    def record(self, *arguments: str) -> Record:
        data = json.loads(self.run("check", "--format", "json", *arguments).out)
        jsonschema.validate(data, SCHEMA)
        return Record.from_json(data)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "shop")
    made.write("pyproject.toml", STATED)
    made.write("app.py", SLOW)
    return made


def test_a_finding_is_shown_and_fails(shop: Shop) -> None:
    done = shop.run("check")

    assert done.status == 1
    assert "blocking-call-in-async" in done.out
    assert "> 5 |     time.sleep(1)" in done.out
    assert "app.py:5" in done.out
    assert done.err == ""


def test_nothing_found_is_no_failure(shop: Shop) -> None:
    shop.write("app.py", FAST)

    done = shop.run("check")

    assert done.status == 0
    assert "Nothing was found." in done.out


def test_without_stated_sizes_nothing_is_more_than_a_warning(shop: Shop) -> None:
    shop.write("pyproject.toml", "[tool.perfwright]\n")

    done = shop.run("check")

    assert done.status == 0
    assert "The size is assumed, not stated" in done.out
    assert shop.run("check", "--fail-on", "warning").status == 1


def test_never_failing_is_a_choice(shop: Shop) -> None:
    assert shop.run("check", "--fail-on", "never").status == 0


def test_json_is_the_record_of_the_schema(shop: Shop) -> None:
    record = shop.record()

    assert [finding.rule for finding in record.findings] == ["blocking-call-in-async"]
    assert record.size_stated


def test_sarif_is_one_document(shop: Shop) -> None:
    log = json.loads(shop.run("check", "--format", "sarif").out)

    assert log["runs"][0]["results"][0]["ruleId"] == "blocking-call-in-async"


def test_output_goes_to_a_file(shop: Shop) -> None:
    done = shop.run("check", "--format", "json", "--output", "out/report.json")

    assert (done.status, done.out) == (1, "")
    assert json.loads((shop.folder / "out/report.json").read_text())["version"] == 1


def test_an_unwritable_output_is_one_sentence(shop: Shop) -> None:
    done = shop.run("check", "--output", "app.py/report.txt")

    assert done.status == 2
    assert "app.py/report.txt cannot be written" in done.err
    assert done.err.endswith("docs: errors.md#unwritable-file\n")


def test_paths_are_relative_to_the_folder_of_the_settings(shop: Shop) -> None:
    shop.write("deep/down/app.py", SLOW)

    done = shop.run("check", "--format", "json", ".", folder="deep/down")

    assert json.loads(done.out)["findings"][0]["place"]["path"] == "deep/down/app.py"


def test_without_settings_paths_are_relative_to_the_current_folder(shop: Shop) -> None:
    (shop.folder / "pyproject.toml").unlink()
    shop.write("deep/down/app.py", SLOW)

    record = shop.record("deep/down")

    assert [finding.place.path for finding in record.findings] == ["deep/down/app.py"]


def test_named_settings_are_used(shop: Shop) -> None:
    shop.write("ci.toml", 'ignore = ["blocking-call-in-async"]\n')

    assert shop.run("check", "--config", "ci.toml").status == 0


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--select", "blocking-*"], True),
        (["--select", "n-plus-one-query,blocking-call-in-async"], True),
        (["--select", "n-plus-one-query", "--select", "nested-scan"], False),
        (["--ignore", "blocking-call-in-async"], False),
        (["--ignore", "*async"], False),
        (["--exclude", "app.py"], False),
        (["--exclude", "legacy/**"], True),
    ],
)
def test_rules_and_paths_can_be_chosen(shop: Shop, arguments: list[str], found: bool) -> None:
    shop.write("other.py", FAST)

    assert (shop.run("check", *arguments).status == 1) is found


def test_tests_are_read_when_asked_for(shop: Shop) -> None:
    shop.write("tests/test_app.py", SLOW)

    assert len(shop.record().findings) == 1
    assert len(shop.record("--tests").findings) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence", "slug"),
    [
        (["check", "--select", "n-plus-on-query"], "did you mean 'n-plus-one-query'?", "unknown-rule"),
        (["check", "--ignore", "xyz-*"], "'xyz-*' matches no rule", "unknown-rule"),
        (["check", "--format", "xml"], "'xml' is not an output format", "unknown-format"),
        (["check", "nowhere"], "nowhere does not exist", "missing-path"),
        (["check", "--config", "nowhere.toml"], "nowhere.toml does not exist", "missing-path"),
        (["check", "--baseline", "nowhere.json"], "nowhere.json does not exist", "missing-path"),
        (["check", "--baseline", "app.py"], "app.py is not JSON", "unreadable-file"),
        (["explain", "n-plus-one-qery"], "did you mean 'n-plus-one-query'?", "unknown-rule"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    shop: Shop, arguments: list[str], sentence: str, slug: str
) -> None:
    done = shop.run(*arguments)

    assert (done.status, done.out) == (2, "")
    assert sentence in done.err
    assert done.err.count("\n") == 2
    assert done.err.endswith(f"docs: errors.md#{slug}\n")


def test_a_broken_setting_is_refused_by_its_key(shop: Shop) -> None:
    shop.write("pyproject.toml", '[tool.perfwright]\nignore = ["no-such-rule"]\n')
    unknown = shop.run("check")
    shop.write("pyproject.toml", "[tool.perfwright]\nslect = []\n")
    misspelt = shop.run("check")

    assert (unknown.status, misspelt.status) == (2, 2)
    assert "'no-such-rule' is not a rule" in unknown.err
    assert "pyproject.toml: 'slect' is not a setting" in misspelt.err


def test_a_wrong_option_is_refused(shop: Shop) -> None:
    assert shop.run("check", "--frm", "json").status == 2
    assert shop.run("chek").status == 2


def test_a_missing_path_among_others_leaves_the_answer_incomplete(shop: Shop) -> None:
    done = shop.run("check", "app.py", "nowhere.py")

    assert done.status == 2
    assert "blocking-call-in-async" in done.out
    assert "left out nowhere.py: It does not exist." in done.out
    assert done.err == "perfwright: nowhere.py does not exist; the rest is read.\n"


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_read(shop: Shop) -> None:
    shop.write("broken.py", "def (:\n")

    done = shop.run("check")

    assert done.status == 1
    assert "left out broken.py: " in done.out
    assert "1 left out" in done.out


def test_no_readable_file_is_no_answer(shop: Shop) -> None:
    shop.write("app.py", "def (:\n")
    shop.write("other.py", b"\xff\xfe\x00")

    done = shop.run("check")

    assert done.status == 2
    assert "none of the 2 files could be read" in done.err


def test_an_empty_folder_is_said_and_is_no_failure(shop: Shop) -> None:
    (shop.folder / "empty").mkdir()

    done = shop.run("check", "empty")

    assert done.status == 0
    assert done.err == "perfwright: no Python files below empty.\n"


def test_a_baseline_hides_what_was_there(shop: Shop) -> None:
    wrote = shop.run("check", "--write-baseline", "perf.json")
    again = shop.run("check", "--baseline", "perf.json")
    shop.write("other.py", SLOW)
    later = shop.run("check", "--baseline", "perf.json")

    assert (wrote.status, again.status, later.status) == (0, 0, 1)
    assert "perf.json lists 1 finding" in wrote.err
    assert "other.py:5" in later.out
    assert "app.py:5" not in later.out


def test_findings_are_saved_whole(shop: Shop) -> None:
    shop.run("check", "--save")

    saved = baseline.read(shop.folder / baseline.SAVED)

    assert saved == shop.record()
    assert (shop.folder / ".perfwright/.gitignore").read_text() == "*\n"


def test_since_shows_what_changed_lines_cause(shop: Shop) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *arguments], cwd=shop.folder, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    shop.write("other.py", SLOW)

    done = shop.run("check", "--since", "main")
    unknown = shop.run("check", "--since", "nowhere")

    assert "other.py:5" in done.out
    assert "app.py:5" not in done.out
    assert (unknown.status, unknown.out) == (2, "")
    assert "'nowhere' is not a revision" in unknown.err


def test_colour_is_for_people(shop: Shop) -> None:
    assert "\x1b" not in shop.run("check").out
    assert "\x1b" in shop.run("check", "--color", "always").out
    assert "\x1b" in shop.run("check", FORCE_COLOR="1").out
    assert "\x1b" not in shop.run("check", FORCE_COLOR="1", NO_COLOR="1").out
    assert "\x1b" not in shop.run("check", "--format", "json", "--color", "always").out


def test_a_hostile_name_does_not_reach_the_terminal(shop: Shop) -> None:
    shop.write("a\x1b[2J.py", SLOW)
    shop.write("b\x1b]0;x\x07.py", "def (:\n")

    done = shop.run("check", ".", "c\x1b[31m.py")

    assert "\x1b" not in done.out + done.err
    assert "\\x1b[2J.py" in done.out


def test_a_narrow_encoding_spells_out_what_it_has_no_letter_for(shop: Shop) -> None:
    shop.write("app.py", SLOW.replace("time.sleep(1)", "time.sleep(1)  # é"))

    assert shop.run("check", PYTHONIOENCODING="ascii", PYTHONUTF8="0").status == 1


def test_a_reader_that_leaves_early_is_no_fault(shop: Shop) -> None:
    process = subprocess.Popen(
        [*COMMAND, "check", "--format", "json"], cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_progress_is_shown_on_a_terminal(shop: Shop) -> None:
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [*COMMAND, "check"],
            cwd=shop.folder,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm"},
            check=False,
        )
        assert b"Reading 1 file" in os.read(ours, 4096)
    finally:
        os.close(ours)
        os.close(theirs)


def test_explain_prints_the_page_of_a_rule(shop: Shop) -> None:
    page, _, measured = shop.run("explain", "n-plus-one-query").out.partition("\n## Measured\n\n")

    assert page == rules.page("n-plus-one-query")
    assert re.fullmatch(
        r"Queries at n = [\d,]+: Slow [\d,]+ \(.*, Fast 1 \(n\^0\.0\), .* times less\. On .*\.\n", measured
    )
    assert "\x1b" in shop.run("explain", "n-plus-one-query", "--color", "always").out


def test_explain_lists_the_rules(shop: Shop) -> None:
    lines = shop.run("explain").out.splitlines()

    assert [line.split()[0] for line in lines] == list(rules.load())
    assert all(rules.page(line.split()[0]).startswith(line.split(maxsplit=1)[1]) for line in lines)


@pytest.mark.parametrize("command", [[], ["check"], ["explain"]])
def test_help_has_an_example(shop: Shop, command: list[str]) -> None:
    done = shop.run(*command, "--help")

    assert done.status == 0
    assert f"  perfwright {' '.join(command)}".rstrip() in done.out
    assert "Examples:" in done.out


def test_help_names_the_formats_and_groups_the_commands(shop: Shop) -> None:
    assert ", ".join(report.names()) in shop.run("check", "--help").out
    assert "\nRead:\n  check " in shop.run("--help").out
    assert "\nRepair:\n  fix " in shop.run("--help").out
    assert "Guard:" not in shop.run("--help").out


def test_starting_loads_nothing_heavy() -> None:
    script = "import sys; from perfwright.app.main import run; run(['--help'])\n"
    script += "sys.exit(len({'rich', 'perfwright.pipeline', 'perfwright.rules'} & {*sys.modules}))"

    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0
