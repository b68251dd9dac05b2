"""HTML from plain text: what is not `Markup` is escaped, so text of analysed code stays text."""

import re
from collections.abc import Iterable
from functools import lru_cache
from html import escape

from perfwright.report.safe import safe

MOST = 2_000  # characters of one text: a name or a message; what is longer was not written for a reader
CODE = re.compile(r"`([^`]+)`")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


@lru_cache(8192)  # names, paths and words come again and again
def text(value: str, most: int = MOST) -> Markup:
    """Return plain text as HTML, in content and in attributes alike; cut with a mark where it is too long."""
    if len(value) > most:
        value = f"{value[:most]}…"
    return Markup(escape(safe(value)))


def prose(value: str) -> Markup:
    """Return a sentence as HTML, with a capital first, and with what stands between backticks as code."""
    value = f"{value[:1].upper()}{value[1:]}"
    return Markup(CODE.sub(r"<code>\1</code>", text(value)))


def tag(name: str, /, *children: str, **attributes: str | bool | None) -> Markup:
    """Return an element; `class_` is `class`, `aria_label` is `aria-label`, None and False are left out."""
    inside = "".join(child if isinstance(child, Markup) else text(child) for child in children)
    return Markup(f"<{name}{_attributes(attributes)}>{inside}</{name}>")


def void(name: str, /, **attributes: str | bool | None) -> Markup:
    """Return an element that has no content and no end tag, such as `input`."""
    return Markup(f"<{name}{_attributes(attributes)}>")


def joined(parts: Iterable[str], between: str = "") -> Markup:
    """Return parts one after another, with our own `between`; parts that are not HTML are escaped."""
    return Markup(between.join(part if isinstance(part, Markup) else text(part) for part in parts))


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], *, numbers: bool = False, caption: str = "") -> Markup:
    """Return a table that scrolls by itself where it is wide; each row's first cell is its head.

    `numbers` aligns all but the first column to the right.
    """
    top = tag("tr", *(tag("th", head, scope="col") for head in heads))
    body = [tag("tr", *_cells(row)) for row in rows]
    parts = [tag("thead", top), tag("tbody", *body)]
    if caption:
        parts.insert(0, tag("caption", caption))
    # A box that scrolls must be reachable by keyboard.
    return tag(
        "div", tag("table", *parts, class_="numbers" if numbers else None), class_="wide", tabindex="0",
        role="group", aria_label=caption or "table",
    )  # fmt: skip


def _cells(row: Iterable[str]) -> Iterable[Markup]:
    for place, cell in enumerate(row):
        yield tag("td", cell) if place else tag("th", cell, scope="row")


def _attributes(given: dict[str, str | bool | None]) -> str:
    if not given:
        return ""
    parts = []
    for name, value in given.items():
        if value is None or value is False:
            continue
        said = name.rstrip("_").replace("_", "-")
        parts.append(f" {said}" if value is True else f' {said}="{value if type(value) is Markup else text(value)}"')
    return "".join(parts)
