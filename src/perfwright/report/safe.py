"""Text from analysed code, made harmless to print: it may hold what moves a cursor or hides a line."""

import unicodedata

# Controls, invisible and direction-changing characters, halves of pairs, private use, line separators.
HOSTILE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe(text: str) -> str:
    """Return the text on one line, with each hostile character spelled out: `\\x1b`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(character) for character in text)


def _spelled(character: str) -> str:
    if character == "\t":
        return "    "
    if unicodedata.category(character) in HOSTILE:
        return character.encode("unicode_escape").decode("ascii")
    return character
