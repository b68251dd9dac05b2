"""Lists what is longer or wider than the house likes; it always exits 0, because people decide."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "scripts", "benchmarks")
FILE_LINES, FUNCTION_LINES, ARGUMENTS = 400, 50, 6

Outlier = tuple[str, int, str]


def outliers(path: Path) -> Iterator[Outlier]:
    """Yield what is long or wide in a file: place, how far over the mark in percent, and why."""
    text = path.read_text("utf8")
    place = path.relative_to(ROOT).as_posix()
    if (lines := len(text.splitlines())) > FILE_LINES:
        yield place, 100 * lines // FILE_LINES, f"{lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            where = f"{place}:{node.lineno} {node.name}"
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield where, 100 * length // FUNCTION_LINES, f"{length} lines"
            given = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            count = len([name for name in given if name not in ("self", "cls")])
            if count > ARGUMENTS:
                yield where, 100 * count // ARGUMENTS, f"{count} arguments"


def main() -> None:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    found = sorted((item for path in files for item in outliers(path)), key=lambda item: -item[1])
    for place, _, why in found:
        print(f"{place}: {why}")
    lines = sum(len(path.read_text("utf8").splitlines()) for path in files)
    print(f"{len(found)} outliers in {len(files)} files, {lines} lines, {lines // max(len(files), 1)} lines a file.")


if __name__ == "__main__":
    main()
