"""Reads the Markdown that rules are tested by, makes it a small project, and checks that project.

A rule's page (its docstring) and its cases (`tests/rules/<rule>.md`) are prose with fenced blocks under
headings; the blocks under one heading are one project:

- the first block is `example.py`; a block whose first line says `# file: shop/models.py` (in the comment
  syntax of its language) starts that file; a Python block without it goes on with the file above it;
- a block of another language counts only when it names a file (`perfwright.toml` is then the settings);
- a line that ends with `# finding: some-rule` is where that finding is expected; commas part several.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perfwright import config, discover, pipeline
from perfwright.config import Settings
from perfwright.finding import Finding

MAIN = "example.py"
HEADING = re.compile(r"#{1,6} +(?P<title>.+?) *#*$")
FENCE = re.compile(r"(?P<mark>`{3,})(?P<language>\w*)")
FILE = re.compile(r"(?:#|//|--|<!--|\{#|/\*) *file: *(?P<name>[\w./-]+)")
MARK = re.compile(r"# *finding: *(?P<rules>[a-z0-9-]+(?: *, *[a-z0-9-]+)*) *$")

Expected = Counter[tuple[str, int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block; `file` is the name on its first line, or empty."""

    language: str
    file: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with the blocks under it, up to the next heading."""

    title: str
    line: int
    blocks: tuple[Block, ...]
    prose: str

    @property
    def files(self) -> dict[str, str]:
        """Return the files of this section's project by name."""
        return files_of(self.blocks)

    @property
    def expected(self) -> Expected:
        """Count the findings that the lines promise, by file, line and rule."""
        return Counter(
            (name, number, rule.strip())
            for name, text in self.files.items()
            for number, line in enumerate(text.splitlines(), 1)
            if (mark := MARK.search(line))
            for rule in mark["rules"].split(",")
        )


def sections(text: str) -> list[Section]:
    """Part a Markdown text at its headings; what stands above the first one is left out."""
    found: list[Section] = []
    title, start, blocks, prose = "", 0, list[Block](), list[str]()
    lines = enumerate(text.splitlines(), 1)

    def close() -> None:
        if title:
            found.append(Section(title=title, line=start, blocks=tuple(blocks), prose="\n".join(prose).strip()))

    for number, line in lines:
        if fence := FENCE.match(line):
            blocks.append(_block(fence["language"], list(_until(fence["mark"], lines))))
        elif heading := HEADING.match(line):
            close()
            title, start, blocks, prose = heading["title"], number, [], []
        else:
            prose.append(line)
    close()
    return found


def files_of(blocks: tuple[Block, ...]) -> dict[str, str]:
    """Return what the blocks write, by file name."""
    files: dict[str, str] = {}
    current = MAIN
    for block in blocks:
        if block.file or block.language == "python":
            current = block.file or current
            files[current] = files.get(current, "") + block.code
    return files


def write(root: Path, files: dict[str, str]) -> None:
    """Write the files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")


def findings(root: Path, files: dict[str, str]) -> list[Finding]:
    """Check a project as a user would; what is only possible is left out."""
    write(root, files)
    settings = config.read(root / "perfwright.toml") if "perfwright.toml" in files else Settings()
    names = discover.find(root, [root], exclude=settings.exclude, tests=settings.tests)
    record = pipeline.check(root, names, settings, jobs=1)
    assert not record.summary.unreadable, record.summary.unreadable
    return [finding for finding in record.findings if finding.confidence != "possible"]


def found(items: list[Finding]) -> Expected:
    """Count findings by file, line and rule, as `Section.expected` does."""
    return Counter((item.place.path, item.place.line, item.rule) for item in items)


def difference(expected: Expected, items: list[Finding], files: dict[str, str]) -> str:
    """Say in lines what is missing and what nobody asked for; empty when all is as expected."""
    messages = {(item.place.path, item.place.line, item.rule): item.message for item in items}
    actual = found(items)
    lines = [_at(files, key, "missing") for key in (expected - actual).elements()]
    for key in (actual - expected).elements():
        lines += [_at(files, key, "not expected"), f"        {messages[key]}"]
    return "\n".join(lines)


def _block(language: str, lines: list[str]) -> Block:
    file = FILE.match(lines[0].strip()) if lines else None
    return Block(language=language, file=file["name"] if file else "", code="\n".join(lines) + "\n")


def _until(mark: str, lines: Iterator[tuple[int, str]]) -> Iterator[str]:
    for _, line in lines:
        if line.strip() == mark:
            return
        yield line


def _at(files: dict[str, str], key: tuple[str, int, str], what: str) -> str:
    path, number, rule = key
    lines = files.get(path, "").splitlines()
    code = lines[number - 1].strip() if number <= len(lines) else "(no such line)"
    return f"{what}: {rule} at {path}:{number}\n        {code}"


@dataclass(frozen=True, slots=True)
class Page:
    """A rule's docstring by its sections."""

    sections: dict[str, Section]

    @classmethod
    def of(cls, text: str) -> "Page":
        return cls({section.title: section for section in sections(text)})

    @property
    def shared(self) -> dict[str, str]:
        """Return the files of Setup: both forms have them, and they are analysed too."""
        setup = self.sections.get("Setup")
        return files_of(tuple(block for block in setup.blocks if block.file)) if setup else {}

    @property
    def prepare(self) -> str:
        """Return the code of Setup that only runs."""
        setup = self.sections.get("Setup")
        return "\n".join(block.code for block in setup.blocks if not block.file) if setup else ""

    def files(self, form: str) -> dict[str, str]:
        return self.shared | self.sections[form].files

    def for_run(self) -> str:
        """Return the document that `_run_page.py` takes."""
        return json.dumps(
            {
                "setup": self.shared,
                "prepare": self.prepare,
                "slow": self.sections["Slow"].files,
                "fast": self.sections["Fast"].files,
                "input": self.code("Input"),
                "scenario": self.code("Scenario"),
            }
        )

    def code(self, title: str) -> str:
        """Return the code of a section; none where the page does not have it."""
        return "\n".join(block.code for block in self.sections[title].blocks) if title in self.sections else ""
