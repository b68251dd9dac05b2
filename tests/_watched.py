"""Runs a small program in a process of its own, with the watcher loaded in it as `perfwright scale` loads it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from perfwright.runtime import capture

FOLDER = Path(capture.__file__).parent
BOOT = """
import importlib.util, json, sys
folder, root, script = sys.argv[1:4]
spec = importlib.util.spec_from_file_location(
    "_perfwright_capture", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["_perfwright_capture"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.path.insert(0, root)
told = {}
exec(compile(script, "<script>", "exec"), {"Capture": module.Capture, "ROOT": root, "told": told})
print(json.dumps(told))
"""


def run(root: Path, script: str, python: str = sys.executable) -> dict[str, Any]:
    """Return what the script put in `told`; `ROOT` is the project's folder."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [python, "-c", BOOT, str(FOLDER), str(root), script],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def lines(trace: dict[str, Any], kind: str = "query") -> list[tuple[str, int, int, int]]:
    """Return `(path, line, count, rows)` of every group, by its innermost line."""
    return sorted(
        (*(group["site"][-1][:2] if group["site"] else ("", 0)), group["count"], group["rows"])
        for group in trace["groups"]
        if group["kind"] == kind
    )


def line_of(root: Path, path: str, text: str) -> int:
    """Return the one line of a file that contains a text."""
    found = [number for number, line in enumerate((root / path).read_text().splitlines(), 1) if text in line]
    assert len(found) == 1, (text, found)
    return found[0]
