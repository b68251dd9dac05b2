"""What the wheel compiles can be compiled: mypyc accepts less than Python does."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOWER = """
import sys
from mypyc.build import mypyc_build
from mypyc.options import CompilerOptions
mypyc_build(sys.argv[1:], CompilerOptions())
"""


def test_the_compiled_rooms_can_be_compiled(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT))
    try:
        from setup import compiled
    finally:
        sys.path.remove(str(ROOT))
    (tmp_path / "src").symlink_to(ROOT / "src")

    done = subprocess.run(
        [sys.executable, "-c", LOWER, *compiled()], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
