"""Every refusal has a heading in `docs/errors.md`, and every heading a refusal."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import perfwright

SOURCE = Path(perfwright.__file__).parent
DOCUMENT = Path(__file__).parent.parent / "docs" / "errors.md"


def slugs() -> Iterator[str]:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.keyword) and node.arg == "slug" and isinstance(node.value, ast.Constant):
                yield node.value.value


def headings() -> list[str]:
    return re.findall(r"^## (.+)$", DOCUMENT.read_text("utf8"), re.MULTILINE)


def test_every_slug_has_a_heading() -> None:
    assert set(slugs()) - set(headings()) == set()


def test_every_heading_is_used_once() -> None:
    assert sorted(headings()) == sorted(set(slugs()))
