"""The page around a report: head, what was asked, sections, how to read it."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from perfwright.report.html.markup import Markup, joined, tag, text, void

Section = tuple[str, str, Markup]  # its id, its heading, what it holds; one that holds nothing is left out


def page(
    *, title: str, kind: str, verdict: Markup, facts: Sequence[tuple[str, str]], sections: Sequence[Section]
) -> str:
    """Return the whole document. It loads nothing: its style and script are in it, named by their hash."""
    style, script = _asset("style.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    held = [section for section in sections if section[2]]
    head = joined(
        [
            Markup('<meta charset="utf-8">'),
            void("meta", http_equiv="Content-Security-Policy", content=Markup(policy)),
            void("meta", name="viewport", content="width=device-width, initial-scale=1"),
            void("meta", name="color-scheme", content="light dark"),
            void("meta", name="referrer", content="no-referrer"),
            tag("title", f"{title} · perfwright {kind}"),
            Markup(f"<style>{style}</style>"),
        ],
        "\n",
    )
    links = [tag("a", name, href=f"#{where}") for where, name, _ in held]
    body = joined(
        [
            tag("a", "Skip to the report", class_="skip", href="#main"),
            tag(
                "header",
                tag("p", tag("span", "perfwright", class_="brand"), f" {kind}", class_="kind"),
                tag("h1", title),
                verdict,
                tag("dl", *(tag("div", tag("dt", name), tag("dd", said)) for name, said in facts), class_="facts"),
            ),
            tag("nav", *links, aria_label="Sections") if len(links) > 1 else Markup(),
            tag("main", *(_section(*section) for section in held), id="main"),
            Markup(f"<script>{script}</script>"),
        ],
        "\n",
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def verdict(words: str, worst: str, rest: str = "") -> Markup:
    """Return the line that a reader sees first, in the colour of the worst that was found."""
    return tag("p", tag("strong", words), f" {rest}" if rest else "", class_=f"verdict {worst}")


def count_of(words: str, much: str) -> Markup:
    """Return a large number with its label."""
    return tag("span", tag("b", much), " ", text(words))


def _section(where: str, name: str, inside: Markup) -> Markup:
    return tag("section", tag("h2", name, id=f"{where}-heading"), inside, id=where, aria_labelledby=f"{where}-heading")


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf8")


def _hash(inside: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode('utf8')).digest()).decode('ascii')}'"
