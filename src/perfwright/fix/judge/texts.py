"""Texts made of what two sources name: between words, beside each other, overlapping, in other cases."""

import itertools
from collections.abc import Iterator, Sequence

MOST, LONGEST = 6, 20  # texts of the sources that are used, and their letters
BREAKS = ("\x0c", "\u2028", "\x1c", "\r\n", "\r", "\n", "  ", " ", "\t", "\xa0")


def composed(named: Sequence[str]) -> Iterator[str]:
    """Give texts in which those that the sources name matter, those that tell most first."""
    some = [each for each in named if each and len(each) <= LONGEST][:MOST]
    for each in some:
        yield from (
            f"a{each}b{each}c",
            f"{each}a",
            f"a{each}",
            f"a{each}{each}b",
            f"{each}\n",
            f"a{each}b",
            f"{each}a{each}",
        )
    for one, other in itertools.permutations(some, 2):
        yield f"a{one}b{other}c{one}d"
        for part in some:  # what is left of one makes another
            if other != part and other.startswith(part):
                yield one + other[len(part) :]
    for each in some:
        if each.strip() and each.isprintable():
            yield from (f"{each} a{stop}{each} b" for stop in BREAKS)
            yield from (each.upper(), each.lower(), each.title(), each[:-1], f" {each} ")
