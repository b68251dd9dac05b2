"""`perfwright bench` on real functions in a real interpreter, its worst guests too."""

import ast
import itertools
import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from perfwright.measure import growth, run
from perfwright.measure.run import Guest
from perfwright.measure.sweep import sweep

CODE = """
import ctypes, os, socket, sys, time
from dataclasses import dataclass
import perfwright

@dataclass
class Line:
    price: float
    name: str

class Cart:
    def __init__(self, lines: list[Line]):
        self.lines = lines
    def total(self) -> float:
        return sum(line.price for line in self.lines)

def dedupe(items: list[int]) -> list[int]:
    seen = []
    for item in items:
        if item not in seen:
            seen.append(item)
    return seen

def loud(items: list[int]) -> None:
    print(sys.stdin.read(), "noise" * len(items))

async def waits(items: list[int]) -> None:
    time.sleep(0)

def dawdles(items: list[int]) -> None:
    time.sleep(0.1)

def steps(items: list[int]) -> None:
    if len(items) > 100:
        time.sleep(0.1)

def sleeps(items: list[int]) -> None:
    time.sleep(0.002 + len(items) * 1e-5)

def keeps_rows(items: list[int]) -> None:
    import sqlite3
    database = sqlite3.connect(":memory:")
    database.execute("create table t (text text)")
    database.executemany("insert into t values (?)", (("x" * 2000,) for _ in items))

def spins(items: list[int]) -> None:
    until = time.perf_counter() + 0.002
    while time.perf_counter() < until:
        pass

def starts_slowly(items: list[int]) -> None:
    if not hasattr(time, "started_by_the_test"):
        time.started_by_the_test = time.sleep(0.05)

def refuses(items: list[int]) -> None:
    if len(items) > 40:
        raise ValueError("too many")

def drains(items: list[int]):
    while items:
        yield items.pop()

def unknown(thing): raise TypeError("none of these")
def misspelt(items: "lst[int]"): raise TypeError("none of these")
def raises(items: list[int]): raise ValueError("never")
def hangs(items: list[int]):
    while True: pass
def leaves(items: list[int]): os._exit(3)
def crashes(items: list[int]): ctypes.string_at(0)
def connects(items: list[int]): socket.create_connection(("192.0.2.1", 9), 1)
def hoards(items: list[int]): return bytearray(100 << 30)

def needs_help(orders, *, limit): return orders[:limit]

@perfwright.inputs(needs_help)
def help_it(n):
    return {"orders": list(range(n)), "limit": 5}
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "guest_code.py"
    path.write_text(CODE, "utf8")
    return path


def bench(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "perfwright.app.main", "bench", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode in (0, 1), done.stderr
    return dict(json.loads(done.stdout)["bench"])


def test_a_quadratic_function_is_told(code: Path) -> None:
    found = document(bench(f"{code.name}:dedupe", "--seconds", "2", "--format", "json", cwd=code.parent))

    assert found["target"] == "guest_code.py:dedupe"
    assert found["points"][0]["n"] == 8
    assert found["points"][0]["lines"] > 8
    assert found["growth"]["class"] in ("n^2", "cannot tell")  # a busy machine may hide it, never change it


@pytest.mark.parametrize("name", ["Cart.total", "loud", "waits", "drains", "needs_help"])
def test_functions_of_every_kind_are_called(code: Path, name: str) -> None:
    with Guest(Path(sys.executable), []) as guest:
        found = sweep(guest, str(code), name, seconds=1)

    assert not found.failed
    assert len(found.samples) >= growth.LEAST_POINTS
    assert found.mutates == (name == "drains")


@pytest.mark.parametrize(("name", "sizes"), [("dedupe", 6), ("refuses", 6), ("steps", 6), ("dawdles", 1)])
def test_what_a_fit_needs_is_measured_however_late_unless_calls_are_long(code: Path, name: str, sizes: int) -> None:
    clock = itertools.count(0, 1000)  # each look at it finds all time used up

    with Guest(Path(sys.executable), []) as guest:
        found = sweep(guest, str(code), name, seconds=1, clock=lambda: float(next(clock)))

    assert not found.failed
    assert len(found.samples) == sizes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts how often a thread waits")
@pytest.mark.parametrize("name", ["sleeps", "spins"])
def test_what_waits_is_told_from_what_a_busy_machine_keeps_waiting(code: Path, name: str) -> None:
    with Guest(Path(sys.executable), []) as guest:
        guest.load(str(code), name)
        said = guest.ask({"ask": "time", "n": 8, "fresh": False, "within": 5}, 5)

    assert (said["waits"] >= 1) == (name == "sleeps")


def test_a_slow_first_call_is_not_taken_for_steep_growth(code: Path) -> None:
    with Guest(Path(sys.executable), []) as guest:
        found = sweep(guest, str(code), "starts_slowly", seconds=1)

    assert [sample.n for sample in found.samples[:2]] == [8, 16]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("unknown", "TypeError: none of these"),
        ("misspelt", "TypeError: none of these"),
        ("raises", "ValueError: never"),
        ("hangs", "took over"),
        ("leaves", "exited with status 3"),
        ("crashes", "SIGSEGV"),
        ("connects", "without a network"),
        ("hoards", "MemoryError"),
    ],
)
def test_what_cannot_be_measured_says_why_and_the_next_one_goes_on(code: Path, name: str, why: str) -> None:
    with Guest(Path(sys.executable), []) as guest:
        assert why in sweep(guest, str(code), name, seconds=1).failed
        assert sweep(guest, str(code), "dedupe", seconds=1).samples


@pytest.mark.parametrize(
    ("target", "slug"),
    [
        ("dedupe", "no-function"),
        ("nowhere.py:dedupe", "missing-path"),
        ("guest_code:nothing", "cannot-load"),
        ("guest_code:unknown", "cannot-call"),
    ],
)
def test_a_target_that_cannot_be_run_is_one_sentence(code: Path, target: str, slug: str) -> None:
    done = bench(target, "--seconds", "1", cwd=code.parent)

    assert done.returncode == 2
    assert slug in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_memory_that_a_library_holds_is_counted_by_memray(code: Path) -> None:
    pytest.importorskip("memray")  # it is not for Windows
    found = document(bench(f"{code.name}:keeps_rows", "--format", "json", cwd=code.parent))

    assert found["memory_by"] == "memray"
    largest = max(point["n"] for point in found["points"] if point["peak_bytes"])
    assert {p["n"]: p["peak_bytes"] for p in found["points"]}[largest] > 2000 * largest


def test_an_interpreter_without_perfwright_runs_the_function(code: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "other", with_pip=False, symlinks=True)
    python = run.interpreter(tmp_path / "nowhere", None, str(tmp_path / "other"))

    assert python.is_relative_to(tmp_path)
    with Guest(python, []) as guest:
        assert sweep(guest, str(code), "needs_help", seconds=1).samples


def test_no_interpreter_is_one_sentence(code: Path) -> None:
    done = bench(f"{code.name}:dedupe", "--python", "/nowhere/python", cwd=code.parent)

    assert done.returncode == 2
    assert "does not start" in done.stderr


def test_the_worker_imports_nothing_but_the_standard_library() -> None:
    for path in run.WORKER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf8"), feature_version=(3, 10))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names, path


def test_nothing_is_left_behind(code: Path) -> None:
    with Guest(Path(sys.executable), []) as guest:
        sweep(guest, str(code), "dedupe", seconds=1)
        process, scratch = guest.process, guest.scratch

    assert process is not None
    assert process.poll() is not None
    assert not scratch.exists()
