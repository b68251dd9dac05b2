"""HTML read as strictly as a person would wish it: what the tests of pages ask of it."""

import base64
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "wbr"}
LOADS = {"src", "srcset", "action", "formaction", "data", "poster", "background", "ping", "xlink:href"}


@dataclass
class Element:
    """One element: its attributes, and the text directly in it."""

    name: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Read:
    """A page that was read: its elements in their order, and what is wrong with it."""

    elements: list[Element] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def named(self, name: str, class_: str = "") -> list[Element]:
        """Return the elements of a name, and of a class where one is given."""
        return [
            element
            for element in self.elements
            if element.name == name and (not class_ or class_ in (element.attributes.get("class") or "").split())
        ]

    @property
    def names(self) -> Counter[str]:
        """Return how often each element stands in the page; a possible line break does not count."""
        return Counter(element.name for element in self.elements if element.name != "wbr")

    @property
    def text(self) -> str:
        """Return all text that people read."""
        return "".join(element.text for element in self.elements if element.name not in ("style", "script"))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read = Read()
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        if len(element.attributes) < len(attrs):
            self.read.wrong.append(f"<{tag}> has an attribute twice")
        self.read.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1].name != tag:
            inside = self.open[-1].name if self.open else "nothing"
            self.read.wrong.append(f"</{tag}> ends in <{inside}>, line {self.getpos()[0]}")
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1].text += data
        elif data.strip():
            self.read.wrong.append(f"text outside of all elements: {data[:40]!r}")

    def handle_comment(self, data: str) -> None:
        self.read.wrong.append(f"a comment: {data[:40]!r}")


def part(markup: str) -> Read:
    """Return a piece of a page, with what is wrong with its tags."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    reader.read.wrong.extend(f"<{element.name}> is never closed" for element in reader.open)
    return reader.read


def read(page: str) -> Read:
    """Return a page with all that is wrong with it: tags, ids, links, what it would load or run."""
    found = part(page)
    ids = Counter(element.attributes["id"] for element in found.elements if "id" in element.attributes)
    found.wrong.extend(f"the id {name} stands {count} times" for name, count in ids.items() if count > 1)
    for element in found.elements:
        for name, value in element.attributes.items():
            if name in LOADS or name.startswith("on") or name == "style":
                found.wrong.append(f"<{element.name} {name}={value!r}>")
            if name == "href" and not (value or "").startswith("#"):
                found.wrong.append(f"a link to {value!r}")
            if (name == "href" and (value or "")[1:] not in ids) or (name == "aria-labelledby" and value not in ids):
                found.wrong.append(f"{value!r} leads nowhere")
    found.wrong.extend(
        f"<{name}>" for name in ("link", "img", "iframe", "object", "embed", "base") if found.named(name)
    )
    found.wrong.extend(_policy(page, found))
    return found


def _policy(page: str, found: Read) -> list[str]:
    """Return what the policy of the page does not name, or names too widely."""
    policies = [one.attributes["content"] or "" for one in found.named("meta") if "http-equiv" in one.attributes]
    wrong = [] if len(policies) == 1 else [f"{len(policies)} policies"]
    said = " ".join(policies)
    if "default-src 'none'" not in said or "unsafe" in said or "http" in said:
        wrong.append(f"the policy {said!r}")
    for name in ("style", "script"):
        for inside in re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
            if f"{name}-src 'sha256-{digest}'" not in said:
                wrong.append(f"<{name}> is not the one that the policy names")
    return wrong
