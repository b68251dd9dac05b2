"""What the README shows is true: its settings are accepted, its links lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

import _cases
from perfwright import config

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|#)(?P<path>[^)#\s]+)")


def test_settings_in_the_readme_are_accepted() -> None:
    blocks = [block for section in _cases.sections((ROOT / "README.md").read_text("utf8")) for block in section.blocks]
    (toml,) = (block.code for block in blocks if block.language == "toml")

    settings = config.parse(tomllib.loads(toml)["tool"]["perfwright"], folder=ROOT)

    assert settings.size_stated


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    links = [match["path"] for match in LINK.finditer(page.read_text("utf8"))]

    assert [link for link in links if not (page.parent / link).exists()] == []
