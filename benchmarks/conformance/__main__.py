"""Compares perfwright with what other analysers' own fixtures say, and writes docs/conformance.md.

    PYTHONPATH=benchmarks python -m conformance CHECKOUTS

CHECKOUTS is a folder with checkouts of ruff, flake8-async, perflint, semgrep-rules and refurb, under those names. It
exits 1 where a difference has no verdict, a verdict no difference, or a figure is below its limit.
"""

import argparse
import importlib
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from conformance import ours, page, verdicts
from conformance.compare import Result, compare
from conformance.fixture import Fixture
from conformance.ours import Report

DOCS = Path(__file__).parent.parent.parent / "docs" / "conformance.md"


def fixtures(checkouts: Path, names: list[str]) -> Iterator[Fixture]:
    """Give the fixtures of all peers whose checkout is there."""
    for name in names:
        reader = importlib.import_module(f"conformance.readers.{name.replace('-', '_')}")
        yield from reader.read(checkouts / name)


def read_all(found: Iterator[Fixture], wanted: set[tuple[str, str]]) -> Iterator[tuple[Fixture, list[Report]]]:
    """Give the fixtures on which one of the wanted codes is tried, with what perfwright says of them."""
    known: dict[str, list[Report]] = {}
    with ours.models_at_hand():
        for fixture in found:
            if any((fixture.peer, code) in wanted for code in fixture.codes):
                if fixture.text not in known:
                    known[fixture.text] = ours.read(fixture)
                yield fixture, known[fixture.text]


def failures(result: Result, said: verdicts.Verdicts, limits: dict[str, float]) -> Iterator[str]:
    """Give what is wrong: differences that nobody judged, verdicts on nothing, figures below their limits."""
    for difference, verdict in sorted(result.differences.items()):
        if verdict is None:
            what = "missed" if difference.missed else "flagged"
            place = f"{difference.path}:{difference.line} {difference.code}"
            yield f"{difference.peer}: {place} is {what}, without a verdict."
    for peer, path, code, line in said.unused():
        yield f"{peer}: {path}:{line} {code} has a verdict and is no difference."
    if result.total.recall < limits["found"]:
        yield f"{page.percent(result.total.recall)} of what peers mark is found, of {page.percent(limits['found'])}."
    if result.total.false_alarms > limits["flagged"]:
        share = page.percent(result.total.false_alarms)
        yield f"{share} of what peers do not mark is flagged; {page.percent(limits['flagged'])} at most."


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkouts", type=Path, metavar="CHECKOUTS")
    parser.add_argument(
        "--write", type=Path, default=DOCS, metavar="PATH", help="the page; docs/conformance.md by default"
    )
    given = parser.parse_args()
    warnings.simplefilter("ignore", SyntaxWarning)  # fixtures are odd on purpose
    table = verdicts.load("codes.toml")
    names = [peer["name"] for peer in table["peer"]]
    missing = [name for name in names if not (given.checkouts / name).is_dir()]
    if missing:
        print(f"{given.checkouts} has no folder {missing[0]}; clone {', '.join(names)} into it.", file=sys.stderr)
        return 2
    codes = verdicts.read_codes(table, set(names))
    said = verdicts.read_verdicts(verdicts.load("verdicts.toml"), set(names))
    pairs = read_all(fixtures(given.checkouts, names), {(code.peer, code.name) for code in codes})
    result = compare(pairs, codes, said)
    given.write.write_text(page.page(result, table), "utf8")
    print("\n".join(page.rows(result)))
    wrong = list(failures(result, said, table["limits"]))
    for each in wrong:
        print(each, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
