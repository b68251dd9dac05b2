"""Syntax that is younger than the Python which runs perfwright, said in older words: line for line.

A program for Python 3.14 is to be read by a perfwright on 3.11. `except A, B:` gets parentheses (PEP 758, 3.14), type
parameters are left out and `type X = ...` becomes an assignment (PEP 695, 3.12): none of it changes what a
call costs. What stays unreadable is named to the user as before.
"""

import re

EXCEPT = re.compile(r"^(\s*except\*?\s+)([A-Za-z_][\w.]*(?:\s*,\s*[A-Za-z_][\w.]*)+)(\s*:)", re.MULTILINE)
GENERIC = re.compile(r"^\s*(?:async\s+def|def|class)\s+\w+(?=\[)", re.MULTILINE)
ALIAS = re.compile(r"^(\s*)type\s+(\w+)(\[[^\]\n]*\])?(\s*=)(?!=)", re.MULTILINE)


def in_older_words(source: bytes) -> bytes:
    """Return a source that older versions of Python may parse; raises UnicodeDecodeError where it is not UTF-8."""
    text = source.decode("utf8")
    text = EXCEPT.sub(r"\1(\2)\3", text)
    text = ALIAS.sub(lambda found: f"{found[1]}{found[2]}{' ' * (len(found[3] or '') + 5)}{found[4]}", text)
    for found in reversed(list(GENERIC.finditer(text))):
        end = closing(text, found.end())
        if end:
            cut = text[found.end() : end]
            text = text[: found.end()] + re.sub(r"[^\n]", " ", cut).replace("\n", "\\\n") + text[end:]
    return text.encode("utf8")


def closing(text: str, start: int) -> int:
    """Return the place after the bracket that closes the one at `start`; 0 where none does."""
    depth = 0
    for place in range(start, min(len(text), start + 2000)):
        if text[place] in "[(":
            depth += 1
        elif text[place] in "])":
            depth -= 1
            if not depth:
                return place + 1
    return 0
