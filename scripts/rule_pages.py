"""The pages of the rules, their index, their curves and the table of proofs: all from what is committed."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from perfwright import rules
from perfwright.report import proved
from perfwright.rules import Measured
from perfwright.rules._contract import Rule

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
sys.path.append(str(ROOT / "benchmarks"))

import rule_curves  # noqa: E402

WRITTEN = "<!-- Written by `make docs` from {source}: edit that. -->\n"
GROUPS = {
    "growth": (
        "Time",
        "What takes more time than it need, the more so with size: CPU time, or wall time where it waits.",
    ),
    "count": ("Queries, requests and calls", "What is asked for, opened or loaded more often than it need be."),
    "stall": ("Stops of the event loop", "What keeps everybody else waiting."),
    "peak": ("Memory", "What holds more memory than it need, or never lets it go."),
    "scenario": ("Hazards", "Races, hangs and overload: what goes wrong in a run of Slow, and not in one of Fast."),
}
INDEX = """\
Each page shows code that is slow and code that is not, and both are tests: the first must give exactly this
finding, the second none, and both the same result unless the page says what differs. `make prove` measures both;
[the table of proofs](../proofs.md) has all figures. `perfwright explain RULE` prints the page.
"""
PROOFS = """\
Slow and Fast of every rule's page, measured by `make prove` over growing input. A rule's kind of proof says which
figure counts: `growth` CPU time, or wall time where Slow waits; `count` queries, commits, requests, clients, loads or
calls; `stall` the longest stop of the event loop; `peak` memory held at once, or left behind; `scenario` runs that went
wrong. Slow must behave as the page says, and Fast must be better. `benchmarks/prove_rules.py` says what that means.
"""


def rule_pages() -> Iterator[tuple[Path, str]]:
    """Yield a page for each rule, its curve where it has one, the list of them, and the table of what was measured."""
    loaded, measured = rules.load(), rules.proofs()
    for name, rule in loaded.items():
        each = measured.get(name)
        drawn = rule_curves.svg(each) if each is not None else ""
        if drawn:
            yield DOCS / "rules" / f"{name}.svg", drawn
        yield DOCS / "rules" / f"{name}.md", rule_page(rule, each, drawn=bool(drawn))
    yield DOCS / "rules" / "README.md", index(loaded, measured)
    yield DOCS / "proofs.md", proofs(loaded, measured)


def rule_page(rule: Rule, measured: Measured | None, *, drawn: bool) -> str:
    source = f"`src/perfwright/rules/{rule.name.replace('-', '_')}.py`"
    head, _, rest = rules.page(rule.name).strip().partition("\n")
    facts = f"It spends {' and '.join(rule.spends)}; its proof is {rule.proof.kind} ({rule.proof.expects})."
    parts = [f"# {rule.name}\n", WRITTEN.format(source=source), head, rest, "", "## Measured", ""]
    if drawn:
        parts += [f"![Slow and Fast over growing n, each axis by powers of ten]({rule.name}.svg)", ""]
    parts += [*figures(measured), "", "## Facts", "", facts, ""]
    return "\n".join(parts)


def figures(measured: Measured | None) -> Iterator[str]:
    """Yield what was measured, in sentences."""
    if measured is None:
        yield "Not yet: `make prove` measures it."
        return
    sentence = proved.sentence(measured)
    if sentence:
        yield f"{sentence}."
    if measured.wrong:
        yield f"Not proved: {measured.wrong}."
    if sentence:
        yield f"Measured on {measured.machine}. [All rules](../proofs.md)."


def index(loaded: Mapping[str, Rule], measured: Mapping[str, Measured]) -> str:
    """Return the list of the rules, by what their proof is."""
    parts = ["# Rules\n", WRITTEN.format(source="the docstrings in `src/perfwright/rules/`"), INDEX]
    for kind, (title, about) in GROUPS.items():
        parts += [f"## {title}\n", f"{about}\n", "| rule | what it finds | spends | Slow to Fast |"]
        parts += ["| --- | --- | --- | ---: |"]
        for name, rule in sorted(loaded.items()):
            if rule.proof.kind == kind:
                headline = rules.page(name).strip().splitlines()[0]
                parts += [
                    f"| [{name}]({name}.md) | {headline} | {', '.join(rule.spends)} | {ratio(measured.get(name))} |"
                ]
        parts += [""]
    return "\n".join(parts)


def ratio(measured: Measured | None) -> str:
    if measured is None or measured.wrong:
        return ""
    if measured.kind == "scenario":
        slow, fast = proved.went_wrong(measured)
        return f"{slow}; Fast {fast}"
    if measured.largest is None:
        return ""
    n, slow, fast = measured.largest
    return f"{proved.times(slow, fast)} at n = {n:,}"


def proofs(loaded: Mapping[str, Rule], measured: Mapping[str, Measured]) -> str:
    """Return the table of what was measured, with the machines."""
    rows = {name: measured.get(name) for name in loaded}
    machines = sorted({each.machine for each in rows.values() if each is not None})
    parts = ["# Proofs\n", WRITTEN.format(source="`src/perfwright/rules/proofs.json`"), PROOFS]
    parts += [f"Measured on {'; '.join(machines)}.\n"] if machines else []
    return "\n".join([*parts, *proved.table(rows), ""])
