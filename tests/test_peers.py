"""What other analysers print is read right, and output that is not theirs is refused in a sentence."""

import json
import sys
from pathlib import Path

import compare_peers
import peer_output
import peer_runs
import pytest
from peer_output import OutputError, Report, Spot
from peer_runs import Peer, PeerError, Run

# What each tool printed for a small program of ours, shortened.
LINES = {
    "djch": (
        "shop/views.py:10:22: [N+1] order.customer \nPotential N+1 query: accessing `order.customer` inside loop\n\n\n"
        "Total N+1 warnings: 1\n",
        [("N+1", "shop/views.py", 10)],
    ),
    "pylint": (
        "************* Module shop.models\n"
        "shop/models.py:13:5: W1518 'lru_cache(maxsize=None)' or 'cache' will keep all method args alive, 'self' too\n"
        "\n-----------------------------------\nYour code has been rated at 9.64/10\n\n",
        [("W1518", "shop/models.py", 13)],
    ),
    "flake8-async": (
        "shop/api.py:21:5: ASYNC251 Blocking sync call `time.sleep(...)` in async function. Use `asyncio.sleep`.\n"
        "shop/api.py:27:10: ASYNC230 Sync call open in async function,  use a library such as aiofiles or anyio.\n",
        [("ASYNC251", "shop/api.py", 21), ("ASYNC230", "shop/api.py", 27)],
    ),
    "mitol-drf-lint": (
        "shop/serializers.py:14:38: ORM001 Django ORM manager access (.objects) inside serializer method\n",
        [("ORM001", "shop/serializers.py", 14)],
    ),
}
BLOCKPATH = {
    "version": 1,
    "findings": [
        {
            "code": "BLK001",
            "callee": "time.sleep",
            "depth": 2,
            "witness": [
                {"qualname": "shop.api.price", "path": "shop/api.py", "line": 22, "col": 11},
                {"qualname": "shop.api.deeper", "path": "shop/api.py", "line": 15, "col": 4},
            ],
        }
    ],
    "unparsed": [],
}
REPOWISE = {
    "kpis": {"file_count": 1},
    "findings": [
        {
            "biomarker_type": "lazy_load_in_loop",
            "file_path": "views.py",
            "function_name": "names",
            "details": {"orm": "django", "symbol_line": 2},
        },
        {"biomarker_type": "low_cohesion", "file_path": "views.py", "function_name": None, "details": {}},
    ],
}
HYDROID = {
    "runs": [
        {
            "results": [
                {
                    "ruleId": "blocking-call",
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": "shop/api.py"},
                                "region": {"startColumn": 12, "startLine": 22},
                            }
                        }
                    ],
                    "codeFlows": [
                        {
                            "threadFlows": [
                                {
                                    "locations": [
                                        {
                                            "location": {
                                                "physicalLocation": {
                                                    "artifactLocation": {"uri": "shop/api.py"},
                                                    "region": {"startColumn": 5, "startLine": 15},
                                                }
                                            }
                                        }
                                    ]
                                }
                            ]
                        }
                    ],
                }
            ],
            "tool": {"driver": {"name": "hydroid", "version": "0.5.0"}},
        }
    ],
    "version": "2.1.0",
}


def at(path: str, line: int, end: int | None = None) -> Spot:
    return Spot(path=path, line=line, end=end or line)


def peer(*command: str, **changed: object) -> Peer:
    values: dict[str, object] = {
        "name": "ours",
        "packages": ("ours==1",),
        "command": command,
        "format": "lines",
        "scope": "tree",
        "answers": frozenset((0, 1)),
        **changed,
    }
    return Peer(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", LINES)
def test_lines_are_read(name: str) -> None:
    text, expected = LINES[name]

    found = peer_output.read(text, "lines", Path())

    assert [(report.rule, report.at.path, report.at.line) for report in found] == expected


def test_a_chain_of_calls_is_reported_at_its_entry_and_names_the_rest() -> None:
    expected = [Report(rule="BLK001", at=at("shop/api.py", 22), related=(at("shop/api.py", 15),))]

    assert peer_output.read(json.dumps(BLOCKPATH), "blockpath", Path()) == expected


def test_the_steps_of_a_code_flow_are_related_places() -> None:
    expected = [Report(rule="blocking-call", at=at("shop/api.py", 22), related=(at("shop/api.py", 15),))]

    assert peer_output.read(json.dumps(HYDROID), "sarif", Path()) == expected


def test_a_marker_of_a_function_means_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "views.py").write_text(
        "\ndef names(rows):\n    for row in rows:\n        print(row.customer)\n", "utf8"
    )

    found = peer_output.read(json.dumps(REPOWISE), "repowise", tmp_path)

    assert found == [Report(rule="lazy_load_in_loop", at=at("views.py", 2, 4))]


def test_what_is_written_as_sarif_reads_back_the_same() -> None:
    reports = [Report(rule="R1", at=at("a.py", 3, 5), related=(at("b.py", 7),))]

    assert peer_output.read(peer_output.sarif("ours", reports), "sarif", Path()) == reports


@pytest.mark.parametrize("form", ["sarif", "blockpath", "repowise"])
@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "Traceback (most recent call last):",
            "{",
            "[" * 100_000,
            '{"runs": 3, "findings": 3}',
            "\x00",
            "9" * 5_000,
        ),
        '{"runs": [{"results": {"a": 1}}], "findings": [{"witness": 1, "details": {"symbol_line": 1}}]}',
        '{"runs": [{"results": [{"locations": "x"}]}], "findings": [{"witness": [{}], "details": {"symbol_line": 1}}]}',
    ],
    ids=["nothing", "traceback", "cut", "deep", "no list", "nul", "long number", "no rule", "no place"],
)
def test_output_of_another_kind_is_refused_in_a_sentence(form: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"^[^\n]+\.$"):
        peer_output.read(text, form, tmp_path)


def test_lines_that_are_not_findings_are_passed_over() -> None:
    assert peer_output.read("error: nothing\n::\n12:3: x\na.py:x:1: W1 y\n\x1b[31m\n", "lines", Path()) == []


def test_only_the_rules_about_speed_are_kept() -> None:
    reports = [Report(rule=rule, at=at("a.py", 1)) for rule in ("io_in_loop", "low_cohesion")]

    assert [report.rule for report in peer_output.keep(reports, ["*_in_loop"])] == ["io_in_loop"]
    assert peer_output.keep(reports, []) == reports


def test_every_peer_is_pinned_and_its_output_can_be_read() -> None:
    for name, tool in peer_runs.load().items():
        assert tool.format in peer_output.FORMATS, name
        assert tool.scope in ("file", "folder", "tree"), name
        assert all("==" in package for package in tool.packages), name
        assert name == peer_runs.OURS or tool.kinds, name


def test_placeholders_become_arguments(tmp_path: Path) -> None:
    (tmp_path / "speed.yaml").write_text("rules: []\n", "utf8")
    rules = peer_runs.Rules(option="--config", files="*.yaml", source="ours")
    tool = peer("tool", "{rules}", "--as={{path}}", "{files}", "{targets}", rules=rules)

    words = peer_runs.argv(tool, Path("/bin"), files=["a.py", "b.py"], targets=["."], rules=tmp_path)

    assert words == ["/bin/tool", f"--config={tmp_path}/speed.yaml", "--as={path}", "a.py", "b.py", "."]


def test_missing_rules_are_told() -> None:
    tool = peer("tool", "{rules}", rules=peer_runs.Rules(option="--config", files="*.yaml", source="our rules"))

    with pytest.raises(PeerError, match="a copy of our rules"):
        peer_runs.argv(tool, Path("/bin"), files=[], targets=[], rules=None)


def test_an_interpreter_that_is_too_old_is_not_taken() -> None:
    assert peer_runs.interpreter("3.11") == sys.executable
    with pytest.raises(PeerError, match=r"it needs Python 9\.9 or later, and none is here; name one with --python\."):
        peer_runs.interpreter("9.9")


def test_a_run_gives_the_findings_and_the_time(tmp_path: Path) -> None:
    done = peer_runs.run(peer(), [sys.executable, "-c", "print('a.py:1:2: W1 slow')"], tmp_path, 30)

    assert [report.at for report in done.reports] == [at("a.py", 1)]
    assert done.cpu > 0
    assert not done.over


def test_a_run_that_fails_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match=r"^it exited 3: such tree$"):
        peer_runs.run(
            peer(),
            [sys.executable, "-c", "import sys; print('no\\nsuch tree', file=sys.stderr); sys.exit(3)"],
            tmp_path,
            30,
        )


def test_a_run_over_the_limit_is_stopped(tmp_path: Path) -> None:
    done = peer_runs.run(peer(), [sys.executable, "-c", "while True: pass"], tmp_path, 1)

    assert done.over
    assert done.cpu > 0


def test_a_tree_is_copied_without_tests_and_without_what_cannot_be_parsed(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    (project / "tests").mkdir(parents=True)
    for name, text in {"a.py": "x = 1\n", "b.py": "def f(:\n", "tests/test_a.py": "x = 1\n", "page.html": "x"}.items():
        (project / name).write_text(text, "utf8")

    tree = compare_peers.prepare(project, tmp_path / "copy")

    assert (tree.files, tree.lines) == (("a.py",), 1)
    assert sorted(path.name for path in tree.root.rglob("*") if path.is_file()) == ["a.py", "page.html"]


def test_a_cell_has_the_median_or_says_why_there_is_none() -> None:
    runs: list[Run | str] = [Run(cpu=cpu, wall=2 * cpu) for cpu in (3.0, 1.0, 2.0)]

    assert compare_peers.cells(runs, 60) == ["2.0", "4.0", "0"]
    assert compare_peers.cells([Run(cpu=60.2, wall=90.0, over=True)], 60) == ["> 60", "> 90", ""]
    assert compare_peers.cells(["it needs Python 3.12."], 60) == ["no answer: it needs Python 3.12.", "", ""]


@pytest.mark.parametrize(("scope", "seen"), [("tree", ["a/m.py", "b/m.py"]), ("folder", ["a/m.py"])])
def test_an_adapter_prints_sarif_with_relative_paths(
    scope: str, seen: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tree, programs = tmp_path / "tree", tmp_path / "bin"
    for folder in (tree / "a", tree / "b", programs):
        folder.mkdir(parents=True)
    for name in ("a/m.py", "b/m.py"):
        (tree / name).write_text("x = 1\n", "utf8")
    tool = programs / "tool"
    tool.write_text(
        f"#!{sys.executable}\n"
        "from pathlib import Path\n"
        "for path in sorted(Path.cwd().rglob('*.py')):\n"
        "    print(f'{path}:1:1: W1 slow')\n",
        "utf8",
    )
    tool.chmod(0o755)
    monkeypatch.chdir(tree)

    code = compare_peers.adapter(peer("tool", scope=scope), programs, [Path("a/m.py")], None, 30)

    found = peer_output.read(capsys.readouterr().out, "sarif", tree)
    assert (code, [report.at.path for report in found]) == (0, seen)


def test_an_adapter_without_an_answer_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert compare_peers.adapter(peer("tool"), tmp_path, [Path()], None, 30) == 2
    assert capsys.readouterr().err == "ours: it cannot be started (No such file or directory).\n"
