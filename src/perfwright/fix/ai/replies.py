"""What an assistant answers, and the candidates in it: the blocks of code that define the function."""

import re
from dataclasses import dataclass

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n`]*\n(.*?)^ {0,3}\1[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
MOST = 5  # candidates of one answer


@dataclass(frozen=True, slots=True)
class Answer:
    """The text of an answer, and the tokens that it took; None where nobody says."""

    text: str
    tokens_in: int | None = None
    tokens_out: int | None = None


def blocks(text: str, function: str) -> list[str]:
    """Return the blocks of code that define a function, each once and no more than are judged; the whole text where it
    has no blocks and defines it."""
    text = text.replace("\r\n", "\n")
    defines = re.compile(rf"^[ \t]*(?:async[ \t]+)?def[ \t]+{re.escape(function)}\b", re.MULTILINE)
    some = [found[2] for found in FENCE.finditer(text)] or [text]
    return list(dict.fromkeys(each for each in some if defines.search(each)))[:MOST]
