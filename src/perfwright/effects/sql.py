"""Tables and queries that are written as SQL: `CREATE TABLE` in the project's texts, and what a query looks up by.

Only what SQL says plainly is read: tables, joins on columns, subqueries, and conditions that AND joins. Text that is
put together from values is left alone.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfwright.effects.frame import Frame
from perfwright.effects.observations import Lookup
from perfwright.effects.orders import ASC
from perfwright.effects.schema import SQL, Column, Model
from perfwright.effects.where import note
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Class, Function, Module
from perfwright.index.tree import walk

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

NAME = r"[\"`\[]?(?:\w+\.)?(\w+)[\"`\]]?"
TABLE = re.compile(rf"create\s+(?:temp\w*\s+)?table\s+(?:if\s+not\s+exists\s+)?{NAME}\s*\(", re.I)
INDEX = re.compile(
    rf"create\s+(unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?{NAME}\s+on\s+{NAME}"
    r"\s*(?:using\s+(\w+)\s*)?\(([^;]*)\)(?:(\s*where)\b([^;]*))?",
    re.I,
)
KEY = re.compile(r"^\s*(?:constraint\s+\S+\s+)?(primary\s+key|unique)(?:\s+key|\s+index)?\s*\w*\s*\(([^)]*)\)", re.I)
OTHER = re.compile(r"^\s*(constraint|foreign|check|exclude|like|key|index|fulltext)\b", re.I)
POINTS = re.compile(rf"\breferences\s+{NAME}", re.I)
ON_DELETE = re.compile(r"\bon\s+delete\s+(cascade|set)", re.I)
DELETE = re.compile(rf"^\s*delete\s+from\s+{NAME}", re.I)
STATEMENT = re.compile(
    r"^\s*(?:select\b.*?\bfrom\s+|delete\s+from\s+|update\s+)(?P<of>.*?)(?P<rest>$|;|\b(?:where|set|order|group|limit)\b.*)",
    re.I | re.S,
)
JOIN = re.compile(r"\s*(?:(?:,|\b(?:natural|left|right|full|inner|outer|cross|join)\b)\s*)+", re.I)
PART = re.compile(rf"^{NAME}(?:\s+(?:as\s+)?(?!on\b|using\b)(\w+))?\s*(?:on\b(.*))?$", re.I | re.S)
PAIR = re.compile(r"^\W*(\w+)\.(\w+)\s*=\s*(\w+)\.(\w+)\W*$")
WHERE = re.compile(r"\bwhere\b(.*?)(?:\border\s+by\b|\bgroup\s+by\b|\blimit\b|\breturning\b|;|$)", re.I | re.S)
ORDER = re.compile(r"\border\s+by\b(.*?)(?:\blimit\b|;|$)", re.I | re.S)
LIMIT = re.compile(r"\blimit\s+(\d+|\S+)", re.I)
CONDITION = re.compile(
    r"^\s*\(?\s*(?:(\w+)\.)?[\"`]?(\w+)[\"`]?\s*(=|==|in\b|<=|>=|<|>|between\b|like\b|ilike\b|is\b)(.*)", re.I | re.S
)
OPERATORS = {"=": "eq", "==": "eq", "in": "in", "is": "flag", "like": "text", "ilike": "text"}
COMMENT = re.compile(r"--[^\n]*")
MAKES = re.compile(r"create\s+(temp\w*\s+|unique\s+)?(table|index)\s", re.I)
TRUTH = re.compile(r"\s*([01]|true|false)\s*\)*\s*$", re.I)
# Of most rows it is true; the few others are what somebody waits for.
WAITS = re.compile(r"(^|_)(read|seen|opened|processed|sent|delivered|handled|acknowledged|resolved|done|exported)$")
INSIDE = re.compile(r"\(([^()]*)\)")
WHOLE = re.compile(r"\s*(select|delete|update)\s", re.I)
MOST_INSIDE = 20  # statements of one text, and texts of one name
MOST = 400  # tables of one project


class Tables:
    """The tables that a project makes by SQL of its own, by name."""

    def __init__(self, interp: "Interpreter") -> None:
        self.by_name: dict[str, Model] = {}
        self.others: dict[str, Model] = {}  # those that are made elsewhere, and only asked here
        self.pointing: dict[str, list[tuple[Model, Column]]] = {}  # keys that a deleted row is looked for by
        waiting: list[str] = []
        for module, function, node in written(interp):
            if function is not None:
                interp.consulted.add(function)
            for found in TABLE.finditer(node[2]):
                if len(self.by_name) < MOST:
                    self._table(module, node, found)
            waiting.append(node[2])
        for text in waiting:
            for index in INDEX.finditer(text):
                self._index(index)

    def _table(self, module: Module, node: Node, found: re.Match[str]) -> None:
        name, said = found.group(1), node[2]
        if name.lower() in self.by_name:
            return
        cls = Class(module, (name, name, line_of(node[1]), line_of(node[1]), (), (), (), {}, {}, -1))
        table = Model(cls, SQL)
        table.table = name
        for begin, part in parts(said, found.end()):
            key = KEY.match(part)
            if key is not None:
                self._key(table, key.group(2))
                continue
            words = part.split()
            if len(words) < 2 or OTHER.match(part):
                continue
            rest = part.lower()
            unique = "primary key" in rest or re.search(r"\bunique\b", rest) is not None
            line = line_of(node[1]) + said.count("\n", 0, begin + len(part) - len(part.lstrip()))
            column = Column(words[0].strip('"`[]'), words[1].strip(","), line, module, unique, unique)
            points = POINTS.search(part)
            if points is not None:
                column.target = points.group(1)
                if ON_DELETE.search(part):
                    self.pointing.setdefault(points.group(1).lower(), []).append((table, column))
            table.columns[column.name] = column
        if table.columns:
            self.by_name[name.lower()] = table

    def _index(self, found: re.Match[str]) -> None:
        table = self.by_name.get(found.group(3).lower())
        for name in re.findall(r"\w+", found.group(7) or ""):
            column = table.columns.get(name) if table is not None else None
            if column is not None:
                column.indexed = True  # a partial index holds just the rows that are looked for
        if table is not None and found.group(6) is None and (found.group(4) or "btree").lower() in ("btree", "hash"):
            self._key(table, found.group(5).partition(")")[0])

    def _key(self, table: Model, said: str) -> None:
        names = tuple([each.split()[0].strip('"`') for each in said.split(",") if each.strip()])
        first = table.columns.get(names[0]) if names else None
        if first is not None:
            first.indexed = True
        table.indexes.append(names)


def written(interp: "Interpreter") -> Iterator[tuple[Module, Function | None, Node]]:
    """Give the texts of a project that make tables and indexes, with the function that holds them."""
    for module in interp.project.modules.values():
        bodies: list[tuple[Function | None, Node]] = [(None, module.body)]
        if not module.called.isdisjoint(("execute", "executescript")):
            bodies += [(function, function.body) for function in module.functions]
        for function, body in bodies:
            for node in walk(body):
                if node[0] == "const" and isinstance(node[2], str) and MAKES.search(node[2]):
                    yield module, function, node


def parts(said: str, begin: int) -> Iterator[tuple[int, str]]:
    """Give what stands between the commas of a `CREATE TABLE (...)`, with where each begins."""
    depth, at = 1, begin
    for place in range(begin, len(said)):
        sign = said[place]
        depth += (sign == "(") - (sign == ")")
        if depth == 0 or (sign == "," and depth == 1):
            yield at, COMMENT.sub(lambda found: " " * len(found.group()), said[at:place])
            at = place + 1
        if depth == 0:
            return


def asked(frame: Frame, node: Node) -> None:
    """Note which columns a query that is written as SQL looks up by, and the queries inside it."""
    for said, position in texts_of(frame, node[3][0]) if node[3] else ():
        if len(said) >= 4_000:
            continue
        for number, part in enumerate(selects(said)):
            statement(frame, part, position, inner=number > 0)


def selects(said: str) -> list[str]:
    """Return a statement and those in parentheses inside it, each without what its own parentheses hold."""
    found = [plain(said)]
    while True:
        shorter = INSIDE.sub(" ? ", said)
        if shorter == said:
            return found[:MOST_INSIDE]
        found.extend(part.group(1) for part in INSIDE.finditer(said) if re.match(r"\s*select\b", part.group(1), re.I))
        said = shorter


class From:
    """The tables that a statement reads, by the names it gives them; the first is the one it is about."""

    __slots__ = ("by_name", "first", "joins")

    def __init__(self, tables: Tables, said: str) -> None:
        self.by_name: dict[str, Model] = {}
        self.first: Model | None = None
        self.joins: list[tuple[tuple[Model, str], tuple[Model, str]]] = []
        conditions: list[str] = []
        for part in JOIN.split(said.strip()):
            found = PART.match(part.strip())
            table = tables.by_name.get(found.group(1).lower()) if found is not None else None
            if found is None or table is None:
                self.first = None
                return
            self.first = self.first or table
            self.by_name[(found.group(2) or found.group(1)).lower()] = table
            conditions.append(found.group(3) or "")
        for condition in conditions:
            for each in re.split(r"\band\b", condition, flags=re.I):
                self.join(each)

    def join(self, said: str) -> bool:
        """Note a pair of columns that a condition puts together; False where it is none."""
        found = PAIR.match(said)
        if found is None:
            return False
        one, other = self.column(found.group(1), found.group(2)), self.column(found.group(3), found.group(4))
        if one is not None and other is not None:
            self.joins.append((one, other))
        return True

    def column(self, table: str | None, name: str) -> tuple[Model, str] | None:
        """Return the column of a name, with or without its table's."""
        if table:
            model = self.by_name.get(table.lower())
            return (model, name) if model is not None and name in model.columns else None
        holders = [model for model in self.by_name.values() if name in model.columns]
        return (holders[0], name) if len(holders) == 1 else None


def statement(frame: Frame, said: str, position: int, *, inner: bool) -> None:
    """Note which columns one statement looks up by."""
    tables = frame.interp.tables
    removed = DELETE.match(said) if not inner else None
    table = tables.by_name.get(removed.group(1).lower()) if removed is not None else None
    for child, column in tables.pointing.get(table.name.lower(), ()) if table is not None else ():
        what = f"{child.name}: its rows of a deleted {table.name if table is not None else ''}"
        look_up(frame, child, position, what, ((child, column.name, "eq"),))
    found = STATEMENT.match(said)
    source = From(tables, found.group("of")) if found is not None else None
    if found is None or source is None or source.first is None:
        return
    rest = found.group("rest")
    shown = f"{source.first.name}: {' '.join(said.split())[:60]}"
    conditions = list(filters(frame, source, rest, position, shown))
    ordered = ORDER.search(rest)
    names = [part.split()[:2] for part in ordered.group(1).split(",") if part.strip()] if ordered else []
    orders = []
    for name, *way in names:
        of, _, last = name.rpartition(".")
        known = source.column(of, last)
        if known is None:
            break
        orders.append((*known, "desc" if way and way[0].lower() == "desc" else ASC))
    limited = LIMIT.search(rest)
    if conditions or source.joins or (orders and limited):
        lookup = look_up(frame, source.first, position, shown, tuple(conditions), tuple(orders))
        lookup.limited, lookup.inner, lookup.joins = limited is not None, inner, tuple(source.joins)
        lookup.page = limited is not None and limited.group(1) != "1"


def look_up(
    frame: Frame, table: Model, position: int, shown: str,
    conditions: tuple[tuple[Model, str, str], ...], orders: tuple[tuple[Model, str, str], ...] = (),
) -> Lookup:  # fmt: skip
    lookup = Lookup(frame.function, position, table, conditions, orders)
    lookup.what = shown
    frame.lookups.append(lookup)
    return lookup


def filters(frame: Frame, source: From, rest: str, position: int, shown: str) -> Iterator[tuple[Model, str, str]]:
    """Give the conditions of a statement; one that cannot be read has no column."""
    where = WHERE.search(rest)
    if where is None or source.first is None:
        return
    said = re.sub(r"\bbetween\b\s*\S+\s+and\b", "between ", where.group(1), flags=re.I)
    if re.search(r"\bor\b", said, re.I):
        yield source.first, "", "other"
        return
    for part in re.split(r"\band\b", said, flags=re.I):
        if source.join(part):
            continue
        found = CONDITION.match(part)
        column = source.column(found.group(1), found.group(2)) if found is not None else None
        if found is None or column is None:
            yield source.first, "", "other"
            continue
        operator = OPERATORS.get(found.group(3).lower(), "range")
        if operator == "eq" and TRUTH.match(found.group(4)) and not (WAITS.search(column[1]) and "0" in found.group(4)):
            operator = "flag"
        if operator == "text" and re.match(r"\s*'%", found.group(4)):
            note(frame, column, "text", position, shown)
        yield *column, operator


def texts_of(frame: Frame, node: Node) -> list[tuple[str, int]]:
    """Return the text of a query where it is written down, or the texts that a name of the function may stand for."""
    said = text_of(frame, node)
    if said is not None:
        return [(said, node[1])]
    function = frame.function
    if node[0] != "name" or any(node[2] == parameter[0] for parameter in function.parameters):
        return []
    if any(each[0] == "aug" and each[2][:3:2] == ("name", node[2]) for each in walk(function.body)):
        return []  # it is put together
    joined = [inner for each in walk(function.body) if each[0] in ("bin", "fstr") for inner in walk(each[2:])]
    parts = {id(each) for each in joined}
    return [
        (each[2], each[1])
        for each in walk(function.body)
        if each[0] == "const" and isinstance(each[2], str) and id(each) not in parts and WHOLE.match(each[2])
    ][:MOST_INSIDE]


def text_of(frame: Frame, node: Node) -> str | None:
    """Return the text of a query where it is written down, in one or several parts."""
    if node[0] == "bin" and node[2] == "+":
        first, second = text_of(frame, node[3]), text_of(frame, node[4])
        return first + second if first is not None and second is not None else None
    if node[0] == "name":
        node = frame.interp.constant_node(frame, node) or node
    return node[2] if node[0] == "const" and isinstance(node[2], str) else None


def plain(said: str) -> str:
    """Return a statement without what stands in parentheses."""
    while True:
        shorter = re.sub(r"\([^()]*\)", " ? ", said)
        if shorter == said:
            return said
        said = shorter
