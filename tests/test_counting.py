"""Lines are counted alike by both means, `sys.monitoring` and a trace."""

import json
import runpy
import subprocess
from pathlib import Path

import pytest
from growth import functions

from perfwright.measure import run
from perfwright.measure.worker import counting

FOUND = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "test_all.py"))["found"]
SCRIPT = """
import importlib.util, json, sys
folder, growth = sys.argv[1:]
spec = importlib.util.spec_from_file_location("_worker", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["_worker"] = worker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)
from _worker import counting, marks, timing
from _worker.target import Target
sys.modules["perfwright"] = marks
sys.path.insert(0, growth)
import functions
differ, total = [], 0
for name in functions.CLASSES:
    target = Target(functions, name)
    def call():
        positional, named = target.call(12, "random")
        return tuple(map(timing.counted, positional)), named
    counting.lines(target.function, call(), 10**6)
    monitored = counting.lines(target.function, call(), 10**6)
    free, counting.free_tool = counting.free_tool, lambda: None
    traced = counting.lines(target.function, call(), 10**6)
    counting.free_tool = free
    total += sum(traced[0].values())
    differ += [name] if monitored != traced else []
print(json.dumps({"differ": differ, "total": total, "monitors": counting.free_tool() is not None}))
"""


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_both_means_count_the_same(version: str) -> None:
    python = FOUND(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    command = [python, "-c", SCRIPT, str(run.WORKER), str(Path(functions.__file__).parent)]
    said = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    assert said["monitors"]
    assert said["total"] > 1000
    assert said["differ"] == []


def test_counting_ends_where_it_is_told_to() -> None:
    def spins(times: int) -> int:
        found = 0
        for _ in range(times):
            found += 1
        return found

    assert counting.lines(spins, ((10,), {}), 100)[1]
    counts, whole = counting.lines(spins, ((1000,), {}), 100)
    assert not whole
    assert sum(counts.values()) == 101
