"""Scores perfwright on an example: what it finds of the labelled defects, and what it says where all is well.

    python scripts/score.py                     examples/shop
    python scripts/score.py examples/shop_django --all

Without --all only the defects count that today's rules are about. The format of the truth is described
in examples/README.md.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perfwright import rules

ROOT = Path(__file__).parent.parent
PERFWRIGHT = Path(sys.executable).with_name("perfwright")
NO_ANSWER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Defects found and missed, findings on sites labelled fine, findings through two functions or more."""

    found: list[str]
    missed: list[str]
    on_fine: list[str]
    through: int
    shown: int

    @property
    def recall(self) -> float:
        return len(self.found) / max(1, len(self.found) + len(self.missed))


def shown_findings(app: Path) -> list[dict[str, Any]]:
    """Return the findings that a person sees by default."""
    command = [PERFWRIGHT, "check", ".", "--format", "json"]
    run = subprocess.run(command, cwd=app, capture_output=True, text=True, check=False)
    if run.returncode >= NO_ANSWER:
        sys.exit(f"perfwright gave no answer: {run.stderr.strip()}")
    findings = json.loads(run.stdout)["findings"]
    return [f for f in findings if f["severity"] != "note" and f["confidence"] != "possible"]


def touches(finding: dict[str, Any], entry: dict[str, Any], names: list[str]) -> bool:
    """Tell whether a finding of one of the rules overlaps a region of an entry."""
    if finding["rule"] not in names:
        return False
    place = finding["place"]
    regions = [(entry["file"], *entry["lines"]), *(tuple(region) for region in entry.get("related", []))]
    return any(place["path"] == f and place["line"] <= high and low <= place["end_line"] for f, low, high in regions)


def score(app: Path, *, everything: bool = False) -> Score:
    """Score the default output on one example."""
    truth = json.loads(app.with_name(f"{app.name}.truth").joinpath("answers.json").read_text("utf8"))
    findings = shown_findings(app)
    wanted = [
        defect
        for defect in truth["defects"]
        if everything or (defect["impact"] != "low" and {defect["rule"], *defect["also"]} & set(rules.load()))
    ]
    hit = {d["id"]: any(touches(f, d, [d["rule"], *d["also"]]) for f in findings) for d in wanted}
    labelled = [f for f in findings if any(touches(f, d, [d["rule"], *d["also"]]) for d in truth["defects"])]
    fine = [f["key"] for f in findings if f not in labelled and any(touches(f, s, s["rules"]) for s in truth["fine"])]
    through = sum(len({(step["path"], step["function"]) for step in f["chain"]}) > 1 for f in findings)
    return Score(
        found=[name for name, found in hit.items() if found],
        missed=[name for name, found in hit.items() if not found],
        on_fine=fine,
        through=through,
        shown=len(findings),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("app", nargs="?", type=Path, default=ROOT / "examples" / "shop")
    parser.add_argument("--all", action="store_true", help="count defects of every rule and impact")
    options = parser.parse_args()
    result = score(options.app.resolve(), everything=options.all)
    count = len(result.found) + len(result.missed)
    print(f"found {len(result.found)} of {count} ({result.recall:.0%}), missed: {', '.join(result.missed) or 'none'}")
    print(f"findings shown: {result.shown}, with a chain over two or more functions: {result.through}")
    print(f"on sites labelled fine: {', '.join(result.on_fine) or 'none'}")


if __name__ == "__main__":
    main()
