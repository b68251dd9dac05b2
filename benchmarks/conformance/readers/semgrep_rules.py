"""semgrep-rules: a comment above a line says that a rule marks it (`ruleid:`), or must not (`ok:`)."""

import re
from collections.abc import Iterator
from pathlib import Path

from conformance.fixture import Fixture, Mark, Span, matched, matches, parsable

SAYS = re.compile(r"^\s*#\s*(?P<what>ruleid|ok)\s*:\s*(?P<codes>[\w.,\- ]+?)\s*$")
COMMENT = re.compile(r"^\s*(#|$)")


def read(checkout: Path) -> Iterator[Fixture]:
    """Give every fixture below the folders of rules for Python; lines without a comment are neither good nor bad."""
    for path in sorted((*checkout.glob("python/**/*.py"), *checkout.glob("ai/python/**/*.py"))):
        if path.name.endswith(".fixed.py"):
            continue
        text = parsable(path.read_text("utf8"))
        starts = matches(text)
        bad: set[Mark] = set()
        good: dict[str, set[Span]] = {}
        for what, code, line in said(text.splitlines()):
            if what == "ruleid":
                bad.add(Mark(matched(starts, line), code))
            else:
                good.setdefault(code, set()).add(matched(starts, line))
        for code in sorted({mark.code for mark in bad} | set(good)):
            own = tuple(sorted(mark for mark in bad if mark.code == code))
            yield Fixture(
                peer="semgrep-rules",
                path=path.relative_to(checkout).as_posix(),
                text=text,
                codes=frozenset({code}),
                bad=own,
                good=tuple(sorted(good.get(code, set()) - {mark.span for mark in bad})),
            )


def said(lines: list[str]) -> Iterator[tuple[str, str, int]]:
    """Give what is said, of which rule, and the line it is said of: the next that is neither comment nor empty."""
    for number, line in enumerate(lines, 1):
        says = SAYS.match(line)
        if not says:
            continue
        following = next((at for at in range(number, len(lines)) if not COMMENT.match(lines[at])), None)
        if following is not None:
            for code in says["codes"].split(","):
                yield says["what"], code.strip().rpartition(".")[2], following + 1
