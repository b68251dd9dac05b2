"""Documents made by hand, as commands would print them, and the pages of them: what the tests of pages are given."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from perfwright import report
from perfwright.finding import Growth, Measured, Observed, Patch, Record, Step
from perfwright.report import Options
from perfwright.report.html.benched import bench
from perfwright.report.html.scaled import scale
from records import N_PLUS_ONE, NOTE, POSSIBLE, SCAN, SIX, SOURCES, STALL, UNREADABLE, record

OPTIONS = Options(root=Path("/srv/shop"), lines=lambda path: SOURCES.get(path, "").split("\n"))
HOSTILE = (
    '</script></style><script>hit=1</script><img src=x onerror=hit=1>" onmouseover="hit=1\' javascript:hit=1'
    "\x1b[31m\u202ered\u2066\r\n\x00\u2028<!-- ]]>&lt;&#60;"
)
MEASURED = Measured(
    by="scale",
    metric="queries",
    values={"10": 11, "100": 101, "1000": 1001},
    growth=Growth(exponent=1.0, low=1.0, high=1.0, klass="n"),
)
SEEN = Observed(run="pytest", entry_point="GET /orders", count=51, per={"Order": 50}, ms=12.4, trace="")
PROVED = replace(N_PLUS_ONE, evidence=(*N_PLUS_ONE.evidence, SEEN, MEASURED), patch=Patch(diff="-old <b>\n+new\n same"))
LINEAR = {"exponent": 1.0, "low": 0.97, "high": 1.02, "class": "n"}
SIZES = [8 * 2**step for step in range(9)]
BENCH: Any = {
    "bench": {
        "target": "shop.pricing:total",
        "growth": {"exponent": 2.0, "low": 2.0, "high": 2.0, "class": "n^2"},
        "memory": LINEAR,
        "points": [
            {
                "n": n,
                "cpu_s": n * n * 1e-8,
                "wall_s": n * n * 1e-8,
                "peak_bytes": n * 8,
                "lines": n * n if n < 999 else None,
            }
            for n in SIZES
        ],
        "why": "",
        "hot": [{"line": "shop/prices.py:3", "exponent": 1.97}],
    }
}
SCALE: Any = {
    "version": 1,
    "tool": {"name": "perfwright", "version": "0.1.0"},
    "scale": {
        "app": "shop.asgi:app", "framework": "fastapi", "python": "3.11.7", "tier": "guard", "sizes": [10, 100, 1000],
        "stated": 100_000, "notes": ["signed in as the first user"], "refused": {"odd": "CHECK failed"},
        "stopped": "the time was used up",
        "rows": {"10": {"orders": 10}, "100": {"orders": 100}, "1000": {"orders": 1000}},
        "entries": [
            {"entry": "GET /health", "status": {"10": 200}, "metrics": {
                "queries": {"values": {"10": 0, "100": 0, "1000": 0}, "at_stated": 0, "budget": 20,
                            "growth": {"exponent": 0.0, "class": "1"}}},
             "over": [], "lines": [], "causes": []},
            {"entry": "GET /orders", "status": {"10": 200, "100": 200, "1000": 500}, "metrics": {
                "queries": {"values": {"10": 21, "100": 201, "1000": 2001}, "growth": LINEAR,
                            "at_stated": 2_000_001, "budget": 20},
                "wall_ms": {"values": {"10": 2.5, "100": 24.0, "1000": 251.0}, "growth": LINEAR,
                            "at_stated": 251_000.0, "budget": 200}},
             "over": ["queries", "wall_ms"],
             "lines": [{"metric": "queries", "path": "shop/views.py", "line": 5, "function": "order_list",
                        "site": [["shop/asgi.py", 1, "view"], ["shop/views.py", 5, "order_list"]],
                        "statement": "SELECT 1", "values": {"10": 10, "100": 100}},
                       {"metric": "queries", "path": "", "line": 0, "function": "", "site": [],
                        "statement": "SELECT 2", "values": {"10": 10, "100": 100}},
                       {"metric": "queries", "path": "shop/views.py", "line": 4, "function": "order_list",
                        "statement": "SELECT 3", "values": {"10": 1, "100": 1}}],
             "causes": [N_PLUS_ONE.key, "gone@x::y#z"]},
        ],
        "unreached": [{"entry": "POST /pay", "why": "403: log in first", "help": "log in with --as"},
                      {"entry": "POST /orders", "why": "it writes", "help": "ask it with --writes"}],
        "verdicts": [{"key": N_PLUS_ONE.key, "said": "confirmed", "entry": "GET /orders", "why": "",
                      "values": {"10": 10}},
                     {"key": SCAN.key, "said": "refuted", "entry": "GET /orders", "why": "its lines ran", "values": {}},
                     {"key": "gone@x::y#z", "said": "not reached", "entry": "", "why": "never ran", "values": {}}],
        "refuted": [SCAN.key], "confirmed": [N_PLUS_ONE.key],
    },
}  # fmt: skip


def page(made: Record, **changes: Any) -> str:
    return report.render(made, format="html", options=replace(OPTIONS, **changes))


def hostile(value: Any, text: str) -> Any:
    """Return a document with a text put into every string that analysed code could have chosen."""
    if isinstance(value, dict):
        return {
            key: part if key in ("class", "metric", "growth") else hostile(part, text) for key, part in value.items()
        }
    if isinstance(value, list):
        return [hostile(part, text) for part in value]
    return f"{value}{text}" if isinstance(value, str) and value not in ("queries", "wall_ms") else value


def spoilt(text: str) -> Record:
    step = Step(path=text, line=1, function=text, what=text)
    finding = replace(
        PROVED, rule=text, symbol=text, message=text, cure=text, chain=(step, step), also=(step,), entry_points=(text,),
        place=replace(STALL.place, path=text, function=text), patch=Patch(diff=text.replace("\n", " ")),
        evidence=(replace(SEEN, run=text, entry_point=text, per={text: 2}), replace(MEASURED, by=text, metric=text)),
        cost=replace(N_PLUS_ONE.cost, at={text: 5}),
    )  # fmt: skip
    return record(finding, unreadable=(replace(UNREADABLE, path=text, why=text),))


def every() -> dict[str, str]:
    """Return a page of each kind, by its name."""
    made = record(PROVED, *SIX[1:], NOTE, POSSIBLE, stated=False, unreadable=(UNREADABLE,))
    return {
        "check": page(made, all=True),
        "nothing": page(record()),
        "bench": bench(BENCH, "0.1.0", OPTIONS.lines),
        "scale": scale(SCALE, [PROVED, SCAN], OPTIONS.lines),
    }
