"""SQL without its values: what a statement is, what it does and to which tables. Text in, text out, in linear time."""

import re
from typing import NamedTuple

LONGEST = 20_000  # characters of a statement that are read
TOLD = 2_000  # characters of one that are kept
CONTROL = {
    *(
        "ABORT",
        "BEGIN",
        "CHECKPOINT",
        "COMMIT",
        "DEALLOCATE",
        "DISCARD",
        "END",
        "LISTEN",
        "NOTIFY",
        "PRAGMA",
        "RELEASE",
    ),
    *("RESET", "ROLLBACK", "SAVEPOINT", "SET", "SHOW", "START", "UNLISTEN", "USE"),
}
WRITES = {"COPY", "DELETE", "INSERT", "MERGE", "REPLACE", "TRUNCATE", "UPDATE", "UPSERT"}
MAIN = {"DELETE", "INSERT", "MERGE", "REPLACE", "SELECT", "UPDATE", "VALUES"}
PARTS = re.compile(
    r"""
      (?P<string>[eEnNxXbB]?'[^'\\]*(?:(?:''|\\.)[^'\\]*)*'?)
    | (?P<dollar>\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<kept>"[^"]*"?|`[^`]*`?|%\(\w+\)s|[:@]\w+|\$\d+|\?\d+|[^\W\d][\w$]*|::)
    | (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)
    | (?P<space>(?:\s|--[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/)?)+)
    """,
    re.VERBOSE | re.DOTALL,
)
VALUE = r"(?:\?\d*|%s|%\(\w+\)s|:\w+|@\w+|\$\d+|NULL|TRUE|FALSE)(?:::\w+(?:\[\])?)?"
LIST = re.compile(rf"\bIN ?\( ?-?{VALUE}(?: ?, ?-?{VALUE})* ?,? ?(?:\)|\Z)", re.IGNORECASE)
ROW = r"\((?:[^()]|\([^()]*\))*"
ROWS = re.compile(rf"\bVALUES ?{ROW}(?:\)(?: ?, ?(?:{ROW})?\)?)*|\Z)", re.IGNORECASE)
WORDS = re.compile(r'"[^"]*"|`[^`]*`|\[[^\]\d]\w*\]|[^\W\d][\w$]*|[(),.;]')
SKIPPED = {"IGNORE", "LATERAL", "ONLY", "OR", "TABLE"}
NOT_UPDATE = {"DO", "FOR", "KEY", "NO", "ON"}


class Statement(NamedTuple):
    """A statement without its values."""

    text: str
    verb: str
    tables: tuple[str, ...]
    is_control: bool
    is_write: bool


def normal(sql: str) -> Statement:
    """Return a statement with its literals and lists of values collapsed."""
    text = PARTS.sub(_collapsed, sql[:LONGEST]).strip().rstrip(";").rstrip()
    text = ROWS.sub("VALUES (...)", LIST.sub("IN (...)", text))
    verb, tables = described(text)
    return Statement(text[:TOLD], verb, tables, verb in CONTROL, verb in WRITES)


def _collapsed(part: "re.Match[str]") -> str:
    kind = part.lastgroup
    if kind == "kept":
        return part.group()
    return " " if kind == "space" else "?"


def described(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the verb of a statement and its tables, in the order of their names' first use."""
    words = WORDS.findall(text)
    verb, local = "", set[str]()
    tables: dict[str, None] = {}
    levels = [False]  # per open parenthesis: is it a statement of its own? `EXTRACT(year FROM day)` is none
    place = 0
    while place < len(words):
        word = words[place]
        upper, before = word.upper(), words[place - 1].upper() if place else ""
        place += 1
        if word == "(":
            levels.append(False)
        elif word == ")":
            if len(levels) > 1:
                levels.pop()
        elif upper == "AS" and words[place : place + 1] == ["("] and verb in ("WITH", ""):
            local.add(_bare(words[place - 2]) if place > 1 else "")
        elif upper in MAIN or not verb:
            levels[-1] = levels[-1] or upper in MAIN
            if (not verb or (verb == "WITH" and len(levels) == 1)) and word[0] not in '",.;`[':
                verb = upper
        if _names_table(upper, before, verb, levels[-1]):
            place = _names(words, place, tables, is_list=upper in ("FROM", "USING"))
    return verb, tuple(name for name in tables if name not in local)


def _names_table(word: str, before: str, verb: str, in_statement: bool) -> bool:
    if word == "FROM":
        return in_statement and before != "DISTINCT"
    if word == "UPDATE":
        return before not in NOT_UPDATE
    if word == "TABLE":
        return before in ("CREATE", "ALTER", "DROP", "TRUNCATE", "TEMPORARY", "TEMP")
    return word in ("JOIN", "INTO") or (word == "USING" and verb in ("DELETE", "MERGE"))


def _names(words: list[str], place: int, tables: dict[str, None], *, is_list: bool) -> int:
    """Read the names at a place, one or a list of them; return the place after."""
    while place < len(words):
        start = place
        while place < len(words) and words[place].upper() in SKIPPED:
            place += 1
        if place >= len(words) or words[place] in ("(", ")", ",", ";", "."):
            return place
        name = _bare(words[place])
        place += 1
        while place + 1 < len(words) and words[place] == ".":
            name, place = f"{name}.{_bare(words[place + 1])}", place + 2
        called = words[place : place + 1] == ["("] and words[start - 1].upper() in ("FROM", "JOIN", ",")
        if name and name.upper() not in ("SELECT", "SET", "IF") and not called:
            tables.setdefault(name)
        if not is_list:
            return place
        ahead = place + (words[place : place + 1] in (["AS"], ["as"]))
        if words[ahead : ahead + 1] != [","]:
            ahead += 1  # an alias
        if words[ahead : ahead + 1] != [","]:
            return place
        place = ahead + 1
    return place


def _bare(word: str) -> str:
    return word[1:-1] if word[:1] in ('"', "`", "[") else word
