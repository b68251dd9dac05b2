"""Scores perfwright and every peer that runs here on applications whose defects were measured: a row for each tool.

    python benchmarks/score_peers.py                      perfwright and all tools of peers.toml
    python benchmarks/score_peers.py ruff djch            perfwright and these
    python benchmarks/score_peers.py --peers none         perfwright alone: nothing is installed
    python benchmarks/score_peers.py --missed             and what perfwright missed, and said on fine sites

Each tool gets a copy of each application, without its truth. `peers.toml` says which rules of the catalogue a tool's
rule could mean; a finding counts where it touches the lines of a defect and may mean its rule. `--write` puts the
tables into docs/aicode.md, which says what the columns are. What keeps a tool from an answer is told in its row.
"""

import argparse
import json
import platform
import shlex
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peer_runs
from aicode import score
from check_speed import PERFWRIGHT
from peer_runs import OURS, Peer, PeerError

HERE = Path(__file__).parent
APPLICATIONS = HERE / "aicode"
PAGE = HERE.parent / "docs" / "aicode.md"
BEGIN, END = "<!-- Written by `make aicode` from here on -->", "<!-- to here -->"
GRAVE = ("high", "medium")
APART = ("duplicates", "either", "tests", "unlabelled")

Defect = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Ids of the defects that a tool found in one application, by its rules and in any words; its findings, counted."""

    found: frozenset[str]
    touched: frozenset[str]
    counts: Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A tool's score on each application, or why there is none."""

    tool: str
    scored: dict[str, Scored] = field(default_factory=dict)
    wrong: str = ""


def row(peer: Peer, apps: Sequence[tuple[Path, dict[str, Any]]], given: Namespace) -> Row:
    """Run a tool on every application; what keeps it from an answer is told in the row."""
    name = ", ".join(package.replace("==", " ") for package in peer.packages) or peer.name
    try:
        options = settings(peer, given)
        scored = {}
        for app, answers in apps:
            print(f"  {app.name}: {name}", file=sys.stderr)
            findings, _ = score.findings_for(app, options)
            scored[app.name] = one(findings, answers, options)
            if peer.name == OURS and given.missed:
                told(app.name, findings, answers, options)
    except (PeerError, score.Stop) as error:
        return Row(tool=name, wrong=str(error))
    return Row(tool=name, scored=scored)


def settings(peer: Peer, given: Namespace) -> Namespace:
    """Return the scorer's options for a tool, after installing it; raise PeerError where it cannot run."""
    if peer.name == OURS:
        words, kinds = [str(given.perfwright.absolute()), "check", "--no-cache", "--format=sarif", "."], None
    else:
        peer_runs.install(peer, given.python)
        peer_runs.rule_options(peer, given.rules)
        words = [sys.executable, str(HERE / "compare_peers.py"), "--adapter", peer.name, f"--limit={given.limit}"]
        words += [f"--rules={given.rules.absolute()}"] if given.rules else []
        words += [f"--python={python}" for python in given.python]
        words, kinds = [*words, "."], peer.names
    return Namespace(
        tool_cmd=shlex.join(words),
        timeout=given.limit * peer_runs.PATIENCE + 60,
        levels={"error", "warning", "note"},
        max_span=40,
        kinds=kinds,
        loose=False,
        chain=False,
    )


def one(findings: list[score.Finding], answers: dict[str, Any], options: Namespace) -> Scored:
    """Score the findings in one application."""
    strict = score.score_app(answers, findings, options)
    loose = score.score_app(answers, findings, Namespace(**{**vars(options), "loose": True, "chain": True}))
    counts = Counter({name: len(group) for name, group in strict["groups"].items()})
    counts.update(matched=strict["matched"], duplicates=strict["duplicates"], findings=len(findings))
    return Scored(
        found=frozenset(strict["found"]), touched=frozenset(strict["found"]) | frozenset(loose["found"]), counts=counts
    )


def told(name: str, findings: list[score.Finding], answers: dict[str, Any], options: Namespace) -> None:
    """Print what is missed in an application and which findings no defect accounts for."""
    result = score.score_app(answers, findings, options)
    missed = [defect for defect in answers["defects"] if defect["id"] not in result["found"]]
    print(f"\n== {name}")
    score.print_lists(name, missed, result["groups"], answers)


def tables(rows: Sequence[Row], apps: dict[str, list[Defect]]) -> Iterator[str]:
    """Yield the lines of the three tables: each tool in all, by application, by kind of defect."""
    answered = [each for each in rows if not each.wrong]
    everything = [(name, defect) for name, defects in apps.items() for defect in defects]
    measured = [(name, defect) for name, defect in everything if defect["measured"]]
    grave = [(name, defect) for name, defect in measured if defect["impact"] in GRAVE]
    yield from lined(
        ["tool", "high and medium", "all measured", "all", "in any words", "precision", "findings", *APART],
        (overall(each, grave, measured, everything) for each in rows),
    )
    yield from ("", "Measured defects of high and medium impact, by application:", "")
    heads = [f"{name} ({sum(app == name for app, _ in grave)})" for name in apps]
    cells = ([each.tool, *(str(found(each, part(grave, name))) for name in apps)] for each in answered)
    yield from lined(["tool", *heads], cells)
    yield from (
        "",
        "Measured defects by kind, of any impact, and the tools that find one; what no tool finds is the last:",
        "",
    )
    finders = [each for each in answered if found(each, measured)]
    yield from lined(["kind", "measured", *(each.tool.split()[0] for each in finders)], kinds(finders, measured))


def overall(
    each: Row,
    grave: Sequence[tuple[str, Defect]],
    measured: Sequence[tuple[str, Defect]],
    everything: Sequence[tuple[str, Defect]],
) -> list[str]:
    if each.wrong:
        return [each.tool, f"no answer: {each.wrong}", *[""] * (6 + len(APART))]
    counts: Counter[str] = sum((scored.counts for scored in each.scored.values()), Counter())
    judged = counts["matched"] + counts["fine"]
    return [
        each.tool,
        *(share(found(each, some), len(some)) for some in (grave, measured, everything)),
        share(sum(defect["id"] in each.scored[name].touched for name, defect in grave), len(grave)),
        share(counts["matched"], judged),
        *(str(counts[name]) for name in ("findings", *APART)),
    ]


def kinds(rows: Sequence[Row], defects: Sequence[tuple[str, Defect]]) -> Iterator[list[str]]:
    """Yield a row for each kind of defect, those that most tools find first."""
    named: dict[str, list[tuple[str, Defect]]] = {}
    for name, defect in defects:
        named.setdefault(defect["rule"], []).append((name, defect))
    counted = {kind: [found(each, some) for each in rows] for kind, some in named.items()}
    for kind in sorted(named, key=lambda kind: (not any(counted[kind]), -len(named[kind]), kind)):
        yield [kind, str(len(named[kind])), *(str(count or "") for count in counted[kind])]


def found(each: Row, defects: Iterable[tuple[str, Defect]]) -> int:
    return sum(defect["id"] in each.scored[name].found for name, defect in defects)


def part(defects: Iterable[tuple[str, Defect]], app: str) -> list[tuple[str, Defect]]:
    return [(name, defect) for name, defect in defects if name == app]


def share(some: int, of: int) -> str:
    return f"{some}/{of} ({100 * some / of:.0f}%)" if of else "-"


def lined(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table."""
    yield "| " + " | ".join(heads) + " |"
    yield "| --- |" + " ---: |" * (len(heads) - 1)
    for cells in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def write(lines: Sequence[str], page: Path = PAGE) -> None:
    """Put the tables between the two marks of the page."""
    before, begin, rest = page.read_text("utf8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{page.name} has no {(END if begin else BEGIN)!r}; put both marks where the tables belong.")
    page.write_text("\n".join([before + BEGIN, "", *lines, "", END + after]), "utf8")


def saved(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the rows as JSON."""
    return {
        each.tool: {"wrong": each.wrong}
        if each.wrong
        else {
            name: {"found": sorted(scored.found), "touched": sorted(scored.touched), **scored.counts}
            for name, scored in each.scored.items()
        }
        for each in rows
    }


def arguments(peers: Iterable[str]) -> Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="TOOL", help="only these beside perfwright")
    parser.add_argument("--peers", metavar="NAMES", help="the same with commas; `all`, the default, or `none`")
    parser.add_argument("--apps", type=Path, default=APPLICATIONS, help="the folder of applications and truths")
    parser.add_argument("--app", action="append", metavar="NAME", help="only this application; repeat for more")
    parser.add_argument("--perfwright", type=Path, default=PERFWRIGHT, help="the program to score")
    parser.add_argument("--python", action="append", default=[], metavar="PATH", help="an interpreter for newer tools")
    parser.add_argument("--rules", type=Path, metavar="DIR", help="a copy of the rules that semgrep does not ship")
    parser.add_argument("--limit", type=int, default=300, help="CPU seconds after which a tool is stopped")
    parser.add_argument("--missed", action="store_true", help="list what perfwright missed or said of fine sites")
    parser.add_argument("--report", type=Path, help="write every row as JSON")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/aicode.md")
    given = parser.parse_args()
    known = [name for name in peers if name != OURS]
    asked = [*given.names, *(name for name in (given.peers or "").split(",") if name)]
    given.names = known if asked in ([], ["all"]) else [] if asked == ["none"] else asked
    unknown = [name for name in given.names if name not in known]
    if unknown:
        parser.error(f"{unknown[0]} is not a tool here; use all, none, or some of {', '.join(known)}.")
    return given


def main() -> int:
    peers = peer_runs.load()
    given = arguments(peers)
    try:
        apps = score.load_apps([given.apps], given.app)
    except score.Stop as stop:
        print(f"score_peers: {stop}", file=sys.stderr)
        return 2
    rows = [row(peers[name], apps, given) for name in (OURS, *given.names)]
    named = {app.name: answers["defects"] for app, answers in apps}
    lines = list(tables(rows, named))
    print("", *lines, sep="\n")
    if given.report:
        given.report.parent.mkdir(parents=True, exist_ok=True)
        given.report.write_text(json.dumps(saved(rows), indent=1), "utf8")
    if given.write:
        defects = sum(map(len, named.values()))
        write([*lines, "", f"{len(apps)} applications, {defects} defects; Python {platform.python_version()}."])
    return 2 if rows[0].wrong else 0


if __name__ == "__main__":
    sys.exit(main())
