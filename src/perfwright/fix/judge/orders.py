"""Texts that an application answers, compared but for the order of what they list: items, elements, lines."""

import json
from html.parser import HTMLParser
from typing import Any

# Elements that hold nothing, and are not closed.
EMPTY = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)


def alike(before: str, after: str) -> bool:
    """Tell whether two texts hold the same, as often, in whatever order."""
    return bool(known(before) == known(after))


def known(text: str) -> Any:
    """Return what a text holds, without its order: of JSON, of a page, or else of its lines."""
    try:
        return sorted_lists(json.loads(text))
    except (ValueError, RecursionError):
        pass
    if not text.lstrip().startswith("<"):
        return sorted(text.splitlines())
    page = Page()
    page.feed(text)
    page.close()
    return page.told()


def sorted_lists(value: Any) -> Any:
    """Return a value of JSON as text, its lists sorted."""
    if isinstance(value, dict):
        return json.dumps([[name, sorted_lists(each)] for name, each in value.items()])
    if isinstance(value, list):
        return json.dumps(["list", *sorted(map(sorted_lists, value))])
    return json.dumps(value)


class Page(HTMLParser):
    """A page as elements within elements, what each holds being sorted."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, list[str]]] = [("", [])]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        self.open.append((f"{tag} {attrs}", []))
        if tag in EMPTY:
            self.end()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element that holds nothing."""
        self.open[-1][1].append(f"{tag} {attrs}")

    def handle_endtag(self, tag: str) -> None:
        """End an element, and those within that nobody closed; one that is not open is left out."""
        if any(name.partition(" ")[0] == tag for name, _ in self.open):
            while not self.end().startswith(f"{tag} "):
                pass

    def handle_data(self, data: str) -> None:
        """Take text."""
        if text := " ".join(data.split()):
            self.open[-1][1].append(text)

    def end(self) -> str:
        """End the innermost element; return what it is."""
        name, held = self.open.pop()
        self.open[-1][1].append(json.dumps([name, *sorted(held)]))
        return name

    def told(self) -> list[str]:
        """Return all that was in the page."""
        while len(self.open) > 1:
            self.end()
        return sorted(self.open[0][1])
