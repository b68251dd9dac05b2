"""Rows that are true to types and constraints, the same ones each time, with parents that have many children.

Of the rows of a table with k parents, every (k + 1)-th belongs to the first row of one parent, and the rest to
parents spread evenly. The first row of each table belongs to the first rows of its parents: so one user, one order, one
of everything grows with the data, and that one is asked for.
"""

from __future__ import annotations

import datetime
import decimal
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ._contract import Column, Table
from ._varied import Varied

NETWORK = ("address", "network", "hardware")
BRANCHES = 8  # children of a row of a tree
STRIDES = (7, 11, 13, 17, 19, 23)  # prime to any size that is asked for
DAYS = 60  # over which dates are spread, half of them to come
WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "juniper", "kestrel", "linden",
    "maple", "nectar", "orchid", "pine", "quartz", "river", "sable", "tundra", "umber", "violet", "willow", "zephyr",
)  # fmt: skip
FIRST = re.compile(r"admin|owner|super|staff|active|open|publish|confirm|paid|live|enabled", re.I)
FALSE = re.compile(
    r"delet|archiv|block|ban|lock|disab|cancel|remov|hidden|spam|expire|revok|suspend|draft|private|readonly|read_only"
    r"|is_used|dismiss|closed|failed|unlisted|anonym", re.I
)  # fmt: skip
LATER = re.compile(
    r"(^|_)(end|ends|until|finish\w*|expir\w*|due|to|stop|close\w*|valid_to|deadline|next)(_|$)|_end|_until", re.I
)
EARLIER = re.compile(
    r"(^|_)(start\w*|begin\w*|from|open\w*|since|creat\w*|join\w*|issued|added|published|last)(_|$)", re.I
)
UNSET = re.compile(r"delet|archiv|cancel|revok|remov|disab|block|suspend|reject|fail|error|expir", re.I)


def in_order(tables: Sequence[Table]) -> list[Table]:
    """Return tables so that each comes after those it refers to, as far as they do not refer to each other."""
    by_name = {table.name: table for table in tables}
    done: dict[str, None] = {}
    opened: set[str] = set()

    def add(table: Table) -> None:
        if table.name in done or table.name in opened:
            return
        opened.add(table.name)
        for required in (True, False):
            for column in table.columns:
                if column.refers[0] in by_name and column.nullable is not required:
                    add(by_name[column.refers[0]])
        done[table.name] = None

    for table in tables:
        add(table)
    return [by_name[name] for name in done]


class Filler:
    """Makes the rows of tables in order; remembers the keys of those that are filled."""

    def __init__(
        self,
        tables: Sequence[Table],
        said: Mapping[str, Sequence[str]],
        today: datetime.date,
        *,
        even: bool = False,
        varied: Varied | None = None,
    ) -> None:
        self.varied = varied  # rows are not all alike
        self.even = even  # no row has more children than another
        self.tables = {table.name: table for table in tables}
        self.said, self.today = said, today
        self.count = 0  # rows of the table that is being filled

    def rows(self, table: Table, count: int) -> list[dict[str, Any]]:
        """Return up to `count` rows; fewer where constraints or choices do not allow so many."""
        self.count = count
        rows: list[dict[str, Any]] = []
        taken: list[set[Any]] = [set() for _ in table.together]
        for index in range(count):
            for attempt in range(3):
                row = self.row(table, index, attempt)
                if row is None:
                    break
                if self.varied is not None:
                    for column in table.columns:
                        row[column.name] = self.varied.value(table, column, index, row[column.name])
                marks = [tuple([row.get(name) for name in names]) for names in table.together]
                if any(None not in mark and mark in seen for mark, seen in zip(marks, taken, strict=True)):
                    continue
                for mark, seen in zip(marks, taken, strict=True):
                    seen.add(mark)
                rows.append(row)
                break
        for column in table.columns:
            if column.primary or column.unique or self.is_referred(column):
                table.keys[column.name] = [row.get(column.name) for row in rows]
        return rows

    def is_referred(self, column: Column) -> bool:
        """Tell whether another table refers to a column, or a path may: by a short text."""
        return column.kind in ("int", "uuid") or (column.kind == "text" and 0 < column.size <= 255)

    def row(self, table: Table, index: int, attempt: int) -> dict[str, Any] | None:
        """Return one row, or nothing where a parent it needs has no rows (left)."""
        parents = [column for column in table.columns if column.refers[0]]
        hub = index % (len(parents) + 1) if parents and not self.even else 0
        row: dict[str, Any] = {}
        for column in table.columns:
            if column.part:
                row[column.name] = in_tree(column.part, index, self.count)
                continue
            if not column.refers[0]:
                row[column.name] = self.value(table, column, index)
                continue
            mine = column.refers[0] == table.name
            keys = row_keys(self.tables.get(column.refers[0]), column.refers[1])
            place = index
            if mine:
                place = 0 if any(each.part for each in table.columns) else (index - 1) // BRANCHES
                if index == 0 or (column.nullable and place < 0):
                    row[column.name] = None if column.nullable else self.value(table, self.key_of(table), 0)
                    continue
                parent = self.value(table, self.key_of(table, column.refers[1]), place)
                row[column.name] = parent
                continue
            if not keys:
                if not column.nullable:
                    return None
                row[column.name] = None
                continue
            alone = column.unique or column.primary
            if alone:
                if place >= len(keys):
                    return None
            elif index == 0 or (parents[hub - 1] is column and hub > 0 and attempt == 0):
                place = 0
            else:  # two parents are not met in step: else whoever has the one has the other loaded
                stride = STRIDES[parents.index(column) % len(STRIDES)]
                place = index * stride + attempt * (1 + index // max(len(keys), 1))
            row[column.name] = keys[place % len(keys)]
        return row

    def key_of(self, table: Table, name: str = "") -> Column:
        """Return the column that a table refers to itself by."""
        for column in table.columns:
            if column.name == name or (not name and column.primary):
                return column
        return next(column for column in table.columns if column.primary or column.unique)

    def value(self, table: Table, column: Column, index: int) -> Any:  # noqa: C901 - one line a kind
        """Return the value of a column in a row that is not a reference."""
        kind, name = column.kind, column.attribute or column.name
        if column.choices:
            return self.chosen(column.choices, index, table)
        if column.primary and kind == "int":
            return index + 1
        if kind == "int":
            return (
                index + 1
                if column.unique or name in ("object_id", "object_pk", "position", "order")
                else 1 + index % 97
            )
        if kind == "bool":
            if table.is_user and index == 0 and FIRST.search(name):
                return True
            if column.default is not None and not table.is_user:
                return bool(column.default)
            return not FALSE.search(name)
        if kind == "float":
            return 1.5 + index % 97
        if kind == "decimal":
            whole, places = column.digits
            most = 10 ** max(whole - places, 1) - 1 if whole else 10**6
            return decimal.Decimal(1 + index % min(97, most)).quantize(decimal.Decimal(1).scaleb(-places))
        if kind in ("datetime", "date", "time", "interval"):
            return self.moment(column, name, index)
        if kind in ("uuid", "uuid text"):
            made = uuid.uuid5(uuid.NAMESPACE_OID, f"{table.name}.{column.name}.{index}")
            return made if kind == "uuid" else str(made)
        if kind == "json":
            return column.default if isinstance(column.default, (dict, list)) else {}
        if kind == "list":
            return [self.value(table, column.item, index)] if column.item is not None else []
        if kind == "bytes":
            return b"\0" * 8
        if kind in NETWORK:
            return of_network(kind, index + 1)
        return self.text(table, column, name, index)

    def chosen(self, choices: Sequence[Any], index: int, table: Table) -> Any:
        """Return one of the choices: each in turn, for the first row what opens doors."""
        ordered = sorted(choices, key=lambda each: not FIRST.search(str(each)))
        if table.is_user and index == 0:
            strong = [each for each in choices if re.search(r"admin|owner|super", str(each), re.I)]
            return strong[0] if strong else ordered[0]
        return ordered[index % len(ordered)]

    def moment(self, column: Column, name: str, index: int) -> Any:
        """Return a time: what begins is before today, what ends after it, the rest on both sides."""
        if column.nullable and (UNSET.search(name) or index % 2):
            return None
        if column.kind == "interval":
            return datetime.timedelta(minutes=30)
        if column.kind == "time":
            return datetime.time(17 if LATER.search(name) else 8 + index % 4)
        days = index % (DAYS // 2)
        if LATER.search(name):
            days += 1
        elif EARLIER.search(name):
            days = -days
        else:
            days = index % DAYS - DAYS // 2 if index else 0
        date = self.today + datetime.timedelta(days=days)
        if column.kind == "date":
            return date
        return datetime.datetime.combine(date, datetime.time(8 + index % 10, index % 60))

    def text(self, table: Table, column: Column, name: str, index: int) -> str:  # noqa: C901 - one line a meaning
        """Return a text that suits the name of its column; the number of the row makes it its own."""
        most = column.size or 200
        said = self.said.get(name, ())
        if said and not column.unique:
            return str(self.chosen(tuple(said), index, table))[:most]
        if isinstance(column.default, str) and column.default and not column.unique:
            return column.default[:most]
        number, word = index + 1, WORDS[index % len(WORDS)]
        low = name.lower()
        if low in ("object_id", "object_pk"):
            made = str(number)
        elif "email" in low:
            made = f"{word}{number}@example.com"
        elif re.search(r"url|link|website|homepage", low):
            made = f"https://example.com/{word}/{number}"
        elif re.search(r"phone|mobile|fax", low):
            made = f"+1555{number:07d}"
        elif re.search(r"locale|language|lang$", low):
            made = "en"
        elif "currency" in low:
            made = "EUR"
        elif "country" in low:
            made = "DE"
        elif re.search(r"(^|_)tz$|time_?zone", low):
            made = "UTC"
        elif re.search(r"(^|_)ip(_|$)|ip_?address", low):
            made = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        elif re.search(r"colou?r", low):
            made = f"#{number % 0xFFFFFF:06x}"
        elif re.search(r"image|photo|avatar|file|path|document|attachment", low):
            made = f"{word}-{number}.txt"
        elif re.search(r"password|hash|digest|token|secret|key$", low):
            made = uuid.uuid5(uuid.NAMESPACE_OID, f"{table.name}.{column.name}.{index}").hex
        elif re.search(r"slug|code|username|login|handle|sku|identifier|number|ref", low):
            made = f"{word}-{number}"
        elif re.search(r"body|content|description|text|message|comment|note|summary|bio", low):
            made = " ".join(WORDS[(index + step) % len(WORDS)] for step in range(12)) + f" {number}"
        elif re.search(r"title|name|label|subject", low):
            made = f"{word.title()} {number}"
        else:
            made = f"{word} {number}"
        if len(made) <= most:
            return made
        # The number tells rows apart: it stays whole where there is room for little.
        digits = str(number) if most >= len(str(number)) else to_base(number, most)
        return (word[: max(most - len(digits), 0)] + digits)[:most]


def of_network(kind: str, number: int) -> str:
    """Return an address of a computer, a network or a card, as PostgreSQL has types for."""
    parts = [number >> 16 & 255, number >> 8 & 255, number & 255]
    if kind == "hardware":
        return "08:00:2b:" + ":".join(f"{part:02x}" for part in parts)
    return "10." + (".".join(map(str, parts)) if kind == "address" else f"{number >> 8 & 255}.{number & 255}.0/24")


def in_tree(part: str, index: int, count: int) -> Any:
    """Return what keeps a tree in order, of materialised paths or nested sets: the first row is the root of all."""
    what, _, step = part.partition(" ")
    if what == "path":
        return based(1).rjust(int(step), "0") + (based(index).rjust(int(step), "0") if index else "")
    root = not index
    return {
        "depth": 1 if root else 2, "children": count - 1 if root else 0, "left": 1 if root else 2 * index,
        "right": 2 * count if root else 2 * index + 1, "level": 0 if root else 1, "tree": 1,
    }[what]  # fmt: skip


def based(number: int) -> str:
    """Return a number to the base of 36, as paths of trees are written."""
    made = ""
    while number:
        number, rest = divmod(number, 36)
        made = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rest] + made
    return made or "0"


def row_keys(table: Table | None, column: str) -> list[Any]:
    """Return the values of a column that rows may refer to."""
    return table.keys.get(column, []) if table is not None else []


def to_base(number: int, most: int) -> str:
    """Return a number in letters and digits, as few as there is room for."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    made = ""
    while number and len(made) < most:
        number, rest = divmod(number, len(letters))
        made = letters[rest] + made
    return made or "a"
