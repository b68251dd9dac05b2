"""Values at which code that looks the same parts ways: the ends of each type, and items that are hard to tell apart."""

from math import inf, nan

from perfwright.fix.judge.trees import Tree, of

HUGE, EXACT = 10**30, (1 << 53) + 1
POWERS = (1000, 125, 10**15 - 1, 1 << 49, EXACT * EXACT)  # whose roots and logarithms floats miss

INTS = [of(each) for each in (0, 1, -1, 2, 3, 10, 255, 256, -7, 1 << 31, EXACT, *POWERS, 1 << 64, -HUGE)]
FLOATS = [of(each) for each in (0.0, -0.0, nan, inf, -inf, 0.1, 1.0, -1.5, 2.5, 1e16, 5e-324, 1.7e308, 1e-9)]
TEXTS: list[Tree] = [
    *("", " ", "a", "A", "ab", "0", "1", "-1", "1.0", "a" * 40, "aa", "aaa", "None", "nan"),
    *("ß", "ẞ", "SS", "İ", "ı", "ﬁ", "é", "e\u0301", "½", "٣", "²", "\u212a", "Σ", "ς", "😀", "\ud800", "\x00"),
    *(
        "12",
        "12\n",
        "\n",
        "a\n",
        "１２",
        "a b",
        " a ",
        "a\nb",
        "a\r\nb",
        "a\x1cb",
        "a\u2028b",
        "a\u2003b",
        "a,b",
        "a,,b",
        ",",
    ),
    *("%s", "{}", "\\", "'", '"', "<b>"),
]
BYTES = [of(each) for each in (b"", b"a", b"A", b"\x00", b"\xff", b"a\nb", b"a\r\nb", b" a ")]
SCALARS: dict[str, list[Tree]] = {
    "int": INTS, "float": FLOATS, "str": TEXTS, "bytes": BYTES, "bool": [True, False], "none": [None],
}  # fmt: skip
OTHERS: tuple[object, ...] = (True, False, None, [], [1], (), {})
PLAIN = [*INTS[:6], *FLOATS[:6], *TEXTS[:6], True, False, None]
ANY = [*PLAIN, *map(of, OTHERS[3:])]
# Items of one kind: what is no container is the first of them, where nobody says what arguments are.
KINDS: tuple[list[object], ...] = (
    [1, 2, 1],
    [1.5, 2.5],
    ["a", "b"],
    [[1], [2, 3]],
    [{"a": 1}, {"a": 2}],
    [(1, 2), (3, 4)],
)
FAMILIES = [of(each) for each in KINDS]
CONTENTS = (b"", b"\n", b"a", b"b\na\n\nb\na", b"a\r\nb\rc\n", "ä\x0b\u2028b\x1c\n".encode(), b"\xff\n", b"\x00", b"{}")

# What whole containers are filled with, one after the other.
NUMBERS = ((1, 1, 1), (0,), (3, 1, 2, 1, 3), (-1, 1, 0), (EXACT, 1 << 52, 1), (5, 4, 3, 2, 1), (True, 1, False, 0))
SUMS = ((0.1,) * 10, (1e16, 1.0, -1e16), (nan, 1.0, nan), (0.0, -0.0), (-0.0,), (-0.0, -0.0), (inf, -inf))
TIES = ((1.0, nan, 0.5), (2.0, 2, 1.0, 1), (0.5, 1.5, 2.5), (-0.5, -1.5))
WORDS = (
    ("a", "A", "b", "B"), ("b", "a", "b", "a"), ("aa", "b", "cc", "d"), ("10", "9", "2", "1"), ("", "", "a"),
    ("ß", "SS", "ss", "ẞ"), ("é", "e\u0301"), ("1", "٣", "½", "²"), ("İ", "i", "ı", "I"), ("ﬁ", "fi", "Σ", "σ", "ς"),
    ("12", "12\n", "1 2", "１２", ""), ("", "a"), ("a", "", "b"),
    ("a b", "a\x1cb", "a\u2003b", "a\tb"), ("x\ny", "x\r\ny", "x\x0by", "x\u2028y"),
)  # fmt: skip
MIXED: tuple[tuple[object, ...], ...] = (
    (1, True, 1.0, 0, False, -0.0), ("a", "b", "a"), (0.1,) * 10, (nan, nan), (None, None), (1, "1"), ((1,), (1,)),
    (1e16, 1.0, -1e16), ([1], [1], [2]), ({"a": 1}, {"a": 1}), (2.5, 3, True), (2, 1, 2),
)  # fmt: skip
FILLS: dict[str, list[list[Tree]]] = {
    kind: [[of(each) for each in fill] for fill in fills]
    for kind, fills in {
        "int": NUMBERS, "float": (*SUMS, *TIES), "str": WORDS, "any": MIXED,
        "bytes": ((b"a", b"A", b""),), "bool": ((True, False, True),),
    }.items()
}  # fmt: skip

# Moments, days and decimal numbers, by the name of their type: equal and yet written otherwise, at ends, in no order.
DATA: dict[str, tuple[tuple[str, ...], ...]] = {
    "datetime": (
        ("2024-03-31T12:00:00+01:00", "2024-03-31T11:00:00+00:00", "2024-03-31T13:00:00+02:00"),
        ("2024-03-01T00:00:00", "2024-02-29T23:59:59.999999", "2024-03-01T00:00:00"),
        ("2024-01-01T23:30:00-05:00", "2024-01-02T04:30:00+00:00", "2024-01-01T00:30:00+09:00"),
        ("2024-03-30T12:00:00", "2024-03-31T02:30:00", "2024-10-26T12:00:00", "2024-10-27T02:30:00"),
        ("2024-03-09T12:00:00", "2024-03-10T02:30:00", "2024-11-02T12:00:00", "2024-11-03T01:30:00"),
        ("0001-01-01T00:00:00", "9999-12-31T23:59:59"),
    ),
    "date": (
        ("2024-02-29", "2023-12-31", "2024-02-29"), ("2024-02-29", "2023-02-28", "2025-03-01"),
        ("2024-12-30", "2025-01-01"), ("0001-01-01", "9999-12-31"),
    ),
    "Decimal": (
        ("1.10", "1.1", "1"), ("0", "-0", "0.00"), ("1E+3", "1000", "-2.5"), ("0.5", "1.5", "2.5"), ("NaN", "1"),
        ("12345678901234567890.123456789", "0.0000000001"),
    ),
}  # fmt: skip
