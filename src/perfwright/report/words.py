"""Numbers in a person's words: durations, counts, memory, and what a finding costs at its size."""

import re
from collections.abc import Callable, Mapping

from perfwright.finding import Cost, Finding, Term

HTTP = re.compile(r"(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|view|route|endpoint)\b", re.IGNORECASE)
PIECES = 3  # the amounts that a person takes in at once
VAST_COUNT = 1e15  # past this, digits are not read but counted
VAST_MS = 1e15  # past thirty thousand years, more digits say nothing


def count(amount: float) -> str:
    """Return a whole number with separators: `100,001`; a vast one as a power of ten."""
    if amount >= VAST_COUNT:
        mantissa, _, exponent = f"{amount:.1e}".partition("e+")
        return f"{mantissa} x 10^{exponent}" if exponent else "without end"
    return f"{round(amount):,}"


def number(amount: float, noun: str) -> str:
    """Return a count with its noun: `1 query`, `3 queries`."""
    return f"{count(amount)} {noun if amount == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of an English noun, by its ending."""
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    if noun.endswith(("ss", "x", "z", "ch", "sh", "us")):
        return f"{noun}es"
    return noun if noun.endswith("s") else f"{noun}s"


def duration(ms: float) -> str:
    """Return milliseconds as people say them: `0.4 ms`, `1.5 s`, `1 min 40 s`, `2 h 5 min`, `3 days`."""
    if ms < 999.5:
        return f"{_short(ms)} ms"
    if ms < 59_950:
        return f"{_short(ms / 1000)} s"
    if not ms < VAST_MS:
        return "longer than anybody waits"
    seconds = round(ms / 1000)
    if seconds < 3600:
        return _two(seconds // 60, "min", seconds % 60, "s")
    minutes = round(seconds / 60)
    if minutes < 1440:
        return _two(minutes // 60, "h", minutes % 60, "min")
    return number(round(minutes / 1440), "day")


def memory(kb: float) -> str:
    """Return kilobytes in the unit that keeps the number short: `512 kB`, `48.8 MB`, `1.2 GB`."""
    for unit in ("kB", "MB", "GB"):
        if kb < 999.5:
            return f"{_short(kb)} {unit}"
        kb /= 1024
    return f"{count(kb)} TB" if kb >= 1000 else f"{_short(kb)} TB"


PHRASES: dict[str, Callable[[float], str]] = {
    "queries": lambda amount: number(amount, "query"),
    "latency_ms": lambda amount: f"about {duration(amount)}",
    "stall_ms": lambda amount: f"the event loop stops for about {duration(amount)}",
    "memory_mb": lambda amount: f"about {memory(amount * 1024)} of memory",
    "response_kb": lambda amount: f"a response of about {memory(amount)}",
    "usd_per_month": lambda amount: f"about ${count(amount)} a month",
    "import_ms": lambda amount: f"about {duration(amount)} at import",
}


def predicted(amounts: Mapping[str, float]) -> list[str]:
    """Return each amount by resource as a phrase, what people feel first in front."""
    return [phrase(amounts[name]) for name, phrase in PHRASES.items() if amounts.get(name, 0.0) > 0]


def size(symbol: str, value: int) -> str:
    """Return a size as people say it: `100,000 orders`, `1,000 lines per order`."""
    owner, dot, part = symbol.rpartition(".")
    if dot and owner:
        return f"{number(value, _noun(part))} per {_noun(owner.rpartition('.')[2])}"
    return number(value, _noun(symbol))


def sizes(cost: Cost) -> str:
    """Return the sizes that were put in, joined; constants, which nobody stated, are left out."""
    named = {symbol: value for symbol, value in cost.at.items() if not symbol.isdigit()}
    if "page" in named:
        rows = named.pop("page")
        return " and ".join([f"a page of {count(rows)}", *(size(*item) for item in named.items())])
    return " and ".join(size(symbol, value) for symbol, value in named.items())


def formula(terms: tuple[Term, ...]) -> str:
    """Return the cost as an expression: `Order x db.query + items x compare`."""
    return " + ".join(dict.fromkeys(str(term) for term in terms))


def cost(finding: Finding) -> str:
    """Return what a finding costs at its size, or nothing where nothing was predicted."""
    phrases = predicted(finding.cost.predicted)[:PIECES]
    if not phrases:
        return ""
    at = sizes(finding.cost)
    times = " per request" if any(HTTP.match(entry) for entry in finding.entry_points) else " per call"
    if "import_ms" in finding.cost.predicted or "usd_per_month" in finding.cost.predicted:
        times = ""
    return f"{f'at {at}: ' if at else ''}{', '.join(phrases)}{times}"


def _noun(symbol: str) -> str:
    """Return a class or variable name as a noun in the singular: `OrderLine` gives `order line`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", symbol).lower().strip()
    if spaced.endswith("ies"):
        return f"{spaced[:-3]}y"
    if spaced.endswith("s") and not spaced.endswith(("ss", "us", "is")):
        return spaced[:-1]
    return spaced or symbol


def _short(amount: float) -> str:
    if amount >= 100 or amount == round(amount):
        return f"{amount:,.0f}"
    return f"{amount:.2g}" if amount < 9.95 else f"{amount:.1f}".removesuffix(".0")


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large} {unit} {small} {smaller}" if small else f"{large} {unit}"
