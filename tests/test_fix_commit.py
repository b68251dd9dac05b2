"""`perfwright fix` that writes, commits and keeps evidence: with a real git, real hooks and real interrupts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from perfwright import __version__
from perfwright.errors import InputError
from perfwright.finding import Finding, Patch, Place, Step
from perfwright.fix import commits, repairing, writing
from perfwright.fix.judge.verdict import Verdict
from perfwright.fix.patches import Candidate, Judged
from perfwright.fix.recipe import Recipe
from perfwright.report import fixed
from perfwright.report.formats import sarif

COMMAND = (sys.executable, "-c", "from perfwright.app.main import main; main()")
SLOW = """def common(left: list[int], right: list[int]) -> list[int]:
    # those of both
    return [item for item in left if item in right]


def shared(left: list[int], right: list[int]) -> list[int]:
    found = []
    for item in left:
        if item in right:
            found.append(item)
    return found
"""
RECIPE = Recipe("membership-in-list", ("time",), lambda *_: iter(()))


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a file of two findings, and another file that is staged; nobody's settings."""
    for name, value in {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}.items():
        monkeypatch.setenv(name, value)
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "calc.py").write_text(SLOW, "utf8")
    git(folder, "init", "-q", "-b", "work")
    git(folder, "config", "user.name", "Ann")
    git(folder, "config", "user.email", "ann@example.org")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    (folder / "staged.txt").write_text("mine", "utf8")
    git(folder, "add", "staged.txt")
    return folder


def hook(folder: Path, text: str) -> None:
    path = folder / ".git" / "hooks" / "pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", "utf8")
    path.chmod(0o755)


def judged(text: str = SLOW, after: str = SLOW.replace("# those", "# all"), line: int = 3) -> Judged:
    place = Place(path="calc.py", line=line, column=1, function="common")
    finding = Finding(rule="membership-in-list", place=place, symbol="right", message="every pass scans `right`")
    candidate = Candidate(
        finding, RECIPE, "a set of `right` is looked up in", "common", text, after, "calc.py", "calc.py"
    )
    return Judged(candidate, Verdict("same", "", inputs=412, sizes=(16, 500), seed=7, source="from the annotations"))


@pytest.mark.slow
def test_each_patch_of_a_file_becomes_a_commit_that_tells_why_and_can_be_judged_again(shop: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "fix", "--all", "--commit", "--select", "membership-in-list", "--size", "500", "--evidence", "seen",
         "--format", "json"],
        cwd=shop, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    fixes = json.loads(done.stdout)["fix"]["fixes"]

    assert [each["commit"] for each in fixes] == git(shop, "log", "--format=%H", "--reverse").split()[1:]
    assert len(fixes) == 2
    message = git(shop, "show", "--format=%B", "--no-patch", "HEAD~1")
    assert message.startswith("common: a set of `right`, made once before the loop, is looked up in\n\nWhy: every pass")
    assert "\n\nVerdict: same.\n- " in message
    assert f"\nSeed: {fixes[0]['verify']['seed']}\n" in message
    assert git(shop, "show", "--format=", "--name-only", "HEAD", "HEAD~1").split() == ["calc.py", "calc.py"]
    assert git(shop, "status", "--porcelain") == "A  staged.txt\n?? seen/\n"
    assert "if item in right_set" in (shop / "calc.py").read_text("utf8")

    kept = next(path for path in sorted((shop / "seen").glob("*.json")) if "shared" in path.name)
    again = subprocess.run(
        [*COMMAND, "verify", "--replay", str(kept.relative_to(shop)), "--format", "json"],
        cwd=shop, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.stdout, again.stderr
    assert json.loads(again.stdout)["verify"]["replayed"].endswith("is 'same' again; the sources are the same.")


def test_a_hook_that_refuses_is_heard_and_the_file_put_back(shop: Path) -> None:
    hook(shop, "echo no lint, no commit >&2; exit 1")
    writer = writing.Writer(shop, dirty=False, message=fixed.message)
    made = judged()

    assert not writer.write(made)
    assert writer.said[made.finding.key] == "git refused the commit: no lint, no commit"
    assert (shop / "calc.py").read_text("utf8") == SLOW
    assert git(shop, "status", "--porcelain") == "A  staged.txt\n"


def test_a_file_that_a_hook_changes_is_told(shop: Path) -> None:
    hook(shop, "echo '# formatted' >> calc.py; git add calc.py")
    writer = writing.Writer(shop, dirty=False, message=fixed.message)
    made = judged()

    assert writer.write(made)
    assert writer.changed == {made.finding.key}
    told = fixed.text([made], [], writer.said, 1, writer.commits, writer.changed)
    assert f"  committed as {git(shop, 'rev-parse', 'HEAD')[:12]}\n  a hook changed the file" in told


def test_an_interrupt_leaves_the_file_whole_and_no_commit(shop: Path) -> None:
    hook(shop, "touch begun; sleep 60")
    process = subprocess.Popen(
        [*COMMAND, "fix", "--all", "--commit", "--select", "membership-in-list", "--size", "200"],
        cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    until = time.monotonic() + 120
    while not (shop / "begun").exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "1 finding of 2 repaired." in said
    assert (shop / "calc.py").read_text("utf8") == SLOW
    assert git(shop, "log", "--format=%s") == "first\n"


def test_several_patches_of_one_file_are_written_and_a_file_of_ones_own_is_not(shop: Path) -> None:
    one = SLOW.replace("# those", "# all")
    other = one.replace("found", "seen")
    writer = writing.Writer(shop, dirty=False)
    second = judged(one, other, line=9)

    assert writer.write(judged(SLOW, one))
    assert writer.write(second)
    assert (shop / "calc.py").read_text("utf8") == other
    (shop / "calc.py").write_text(f"{other}# mine\n", "utf8")
    assert not writer.write(judged(other, SLOW))
    assert writer.said[second.finding.key] == "calc.py has changes that are not committed; commit it, or use --dirty"


def test_a_commit_with_changes_of_ones_own_needs_dirty(shop: Path) -> None:
    mine = f"{SLOW}# mine\n"
    (shop / "calc.py").write_text(mine, "utf8")
    made = judged(mine, mine.replace("# those", "# all"))
    refused, asked = (writing.Writer(shop, dirty=dirty, message=fixed.message) for dirty in (False, True))

    assert not refused.write(made)
    assert "use --dirty" in refused.said[made.finding.key]
    assert asked.write(made)
    assert git(shop, "status", "--porcelain") == "A  staged.txt\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["checkout", "-q", "--detach"], "HEAD is detached, on no branch"),
        (["config", "--unset", "user.email"], "Git does not know whose commits these are"),
    ],
)
def test_where_no_commit_can_be_made_is_said_before_anything_is_judged(
    shop: Path, words: list[str], sentence: str
) -> None:
    git(shop, *words)
    done = subprocess.run([*COMMAND, "fix", "--commit"], cwd=shop, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith(f"perfwright: {sentence}")
    assert done.stderr.count("\n") == 2


def test_what_is_in_progress_is_named(shop: Path) -> None:
    git(shop, "checkout", "-q", "-b", "other")
    (shop / "calc.py").write_text("other\n", "utf8")
    git(shop, "commit", "-qm", "other", "--", "calc.py")
    git(shop, "checkout", "-q", "work")
    (shop / "calc.py").write_text("mine\n", "utf8")
    git(shop, "commit", "-qm", "mine", "--", "calc.py")
    git(shop, "commit", "-qm", "staged")
    commits.ready(shop)
    subprocess.run(["git", "rebase", "-q", "other"], cwd=shop, capture_output=True, check=False)
    with pytest.raises(InputError, match="A rebase is in progress"):
        commits.ready(shop)
    git(shop, "rebase", "--abort")
    subprocess.run(["git", "merge", "-q", "other"], cwd=shop, capture_output=True, check=False)
    with pytest.raises(InputError, match="A merge is in progress"):
        commits.ready(shop)


def test_no_repository_and_no_git_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(InputError, match="is not in a git repository; use --write alone"):
        commits.ready(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="git cannot be started"):
        commits.ready(tmp_path)


# ------------------------------------------------------------------------------ parts
def test_the_message_of_a_commit_is_whole() -> None:
    made = judged()
    assert fixed.message(made).splitlines() == [
        "common: a set of `right` is looked up in",
        "",
        "Why: every pass scans `right` (membership-in-list, calc.py:3).",
        "",
        "Verdict: same.",
        "- 412 inputs compared, at sizes up to 500; made from the annotations",
        "",
        "Seed: 7",
        f"Judged-by: perfwright {__version__}",
    ]


def test_what_moved_is_found_again_and_what_is_gone_is_left() -> None:
    def finding(function: str, line: int, ordinal: int = 1, path: str = "calc.py", through: int = 0) -> Finding:
        place = Place(path=path, line=line, column=1, function=function)
        chain = (Step(path="calc.py", line=through, function="", what="the query"),) if through else ()
        return Finding(rule="nested-scan", place=place, symbol="x", message="", ordinal=ordinal, chain=chain)

    page = finding("e", 2, path="page.html", through=20)
    queue = [finding("a", 3), finding("b", 9, 2), finding("c", 12), finding("d", 1, path="other.py"), page]
    moved = finding("e", 2, path="page.html", through=22)
    now = [[finding("a", 5), finding("b", 7), moved], [finding("b", 6), moved], [moved]]
    seen: list[tuple[str, int]] = []

    def best(each: Finding) -> Judged | str:
        seen.append((each.place.function, each.chain[0].line if each.chain else each.place.line))
        return Judged(Candidate(each, RECIPE, "", "", "", "", each.place.path, ""), Verdict("same", ""))

    repairs = repairing.Repairs()
    for _ in repairing.repair(
        [finding("first", 1), *queue], repairs, best=best, write=lambda _: True, again=lambda: now.pop(0) if now else []
    ):
        pass

    assert seen == [("first", 1), ("a", 5), ("b", 6), ("d", 1), ("e", 22)]
    assert repairs.left == [("nested-scan@calc.py::c#x", repairing.GONE)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (SLOW, SLOW.replace("# those", "# all").replace("    return found\n", "    return list(found)\n")),
        (SLOW, f"import heapq\n{SLOW}"),
        (SLOW, SLOW.replace("    # those of both\n", "")),
        ("a = 1", "a = 2"),
    ],
)
def test_the_fixes_of_sarif_make_the_patched_file(before: str, after: str) -> None:
    change = sarif._fixes(Patch(diff=judged(before, after).candidate.diff))[0]["artifactChanges"][0]
    assert change["artifactLocation"]["uri"] == "calc.py"
    lines: list[Any] = before.splitlines(keepends=True)
    for each in reversed(change["replacements"]):
        region = each["deletedRegion"]
        lines[region["startLine"] - 1 : region["endLine"] - 1] = [each["insertedContent"]["text"]]

    assert "".join(lines) == after
