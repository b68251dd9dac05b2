"""`perfwright prove`: what was predicted, measured."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perfwright import baseline, discover, report
from perfwright.app import options, project, screen
from perfwright.app.project import Project
from perfwright.errors import InputError
from perfwright.report import words
from perfwright.report.safe import safe

if TYPE_CHECKING:
    from perfwright.finding import Record
    from perfwright.measure.joined import Verdict

GROUP = "measure"
SHARE = 0.6  # of the time that the application may take
PROVED = ("certain", "likely")  # what is only possible is not measured unless asked for

EXAMPLES = f"""\b
Examples:
  perfwright prove                        the findings of this folder
  perfwright prove shop --seconds 300
  perfwright prove --format html --output proved.html
  perfwright prove --as perf.signing:admin --writes --commands

Findings that claim queries, rows or requests are measured on the whole application, as `perfwright scale` does; those
that claim a growth in time by running their function over growing input, as `perfwright bench` does. What was learned
is kept in {baseline.SAVED}: a confirmed finding is certain, a refuted one no more than possible.

It exits 0 when something could be measured, and 2 when nothing could.
"""


@click.command(epilog=EXAMPLES)
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seconds", type=click.FloatRange(min=5), default=120.0, show_default=True, help="Time to spend in all.")
@options.python("program")
@click.option("--all", "every", is_flag=True, help="Measure notes too, and what is only possible.")
@click.option(
    "--format", "form", type=click.Choice(["terminal", "json", "html"]), default="terminal", show_default=True
)
@options.output()
@options.database()
@options.writes()
@options.commands()
@options.headers()
@options.signs_in()
@options.sandbox("program")
@click.pass_context
def prove(context: click.Context, /, folder: Path, **asked: Any) -> None:
    """Measure each finding over growing data or input, and keep what was learned."""
    from perfwright import pipeline  # heavy: all of the analysis
    from perfwright.measure import joined

    found = project.find([folder])
    record = pipeline.check(found.root, found.names, found.settings, keep=project.cache_folder())
    verdicts = {each.key: each for each in _verdicts(record, found, folder.absolute(), asked)}
    if not verdicts:
        click.echo("No finding here claims what can be measured.")
        context.exit(2)
    kept = joined.kept(record, verdicts)
    baseline.save(kept, found.root / baseline.SAVED)
    text = _text(verdicts) if asked["form"] == "terminal" else _rendered(kept, found, asked["form"])
    if asked["output"]:
        baseline.write_text(asked["output"], f"{text}\n")
    else:
        click.echo(text)
    context.exit(0 if any(each.said != "not reached" for each in verdicts.values()) else 2)


def _rendered(record: "Record", found: Project, form: str) -> str:
    """Return the report of the findings, as `check` writes it."""
    options = report.Options(root=found.root, lines=project.lines_below(found.root), all=True, width=screen.width())
    return report.render(record, format=form, options=options).rstrip("\n")


def _verdicts(record: "Record", found: Project, folder: Path, asked: dict[str, Any]) -> "Iterator[Verdict]":
    from perfwright import rules
    from perfwright.measure import joined, proofs
    from perfwright.measure.run import Guest, interpreter

    python = interpreter(folder, asked["python"], os.environ.get("VIRTUAL_ENV"))
    wanted = [each for each in record.findings if asked["every"] or each.shown]
    known = rules.load()
    timed = [(each, known[each.rule].proof) for each in wanted if each.rule in known]
    timed = [(each, proof) for each, proof in timed if proofs.claims_growth(each, proof)]
    counted = [each for each in wanted if each.rule in joined.COUNTED]
    seconds = asked["seconds"]
    if counted:
        share = seconds * SHARE if timed else seconds
        yield from _by_scale(counted, found, folder, python, share, asked)
    if timed:
        with screen.working("measuring functions"), Guest(python, [folder], contain=asked["contain"]) as guest:
            yield from proofs.prove(guest, found.root, timed, seconds=seconds * (1 - SHARE) if counted else seconds)


def _by_scale(
    counted: list[Any], found: Project, folder: Path, python: Path, seconds: float, asked: dict[str, Any]
) -> "Iterator[Verdict]":
    from perfwright.measure import application, joined, postgres, sandbox
    from perfwright.measure.run import Guest, GuestError
    from perfwright.measure.scale import scale

    names = discover.find(folder, [folder], exclude=found.settings.exclude, tests=False)
    try:
        app = application.find(folder, names)
        contained = asked["contain"] != "off" and not sandbox.missing()
        with (
            screen.working(f"starting {app.target}") as progress,
            postgres.opened(asked["database"], contained=contained) as server,
        ):
            measured = scale(
                lambda: Guest(python, [], contain=asked["contain"], scratch=server.empty() if server else None),
                app, found.root, found.settings, seconds=seconds, writes=asked["writes"], commands=asked["commands"],
                headers=asked["headers"], signs_in=asked["signs_in"], server=server, progress=progress,
            )  # fmt: skip
    except (InputError, GuestError) as error:
        for finding in counted:
            yield joined.Verdict(key=finding.key, said="not reached", why=str(error))
        return
    yield from joined.judge(counted, measured).values()


def _text(verdicts: "dict[str, Verdict]") -> str:
    told = []
    for word in ("confirmed", "refuted", "not reached"):
        some = [each for each in verdicts.values() if each.said == word]
        if some:
            told.append(f"{words.number(len(some), 'finding')} {word}:")
        reasons: dict[str, list[str]] = {}
        for each in some:
            if word == "not reached":
                reasons.setdefault(each.why, []).append(each.key)
            else:
                told.append(f"  {safe(each.key)}\n      {safe(_shown(each))}")
        for why, keys in reasons.items():
            told.append(f"  {safe(why)}:")
            told += [f"      {safe(key)}" for key in keys]
    return "\n".join(told)


def _shown(verdict: "Verdict") -> str:
    if not verdict.values or verdict.grows is None:
        return f"{verdict.entry}: {verdict.why}"
    sizes = sorted(verdict.values)
    shown = sizes if len(sizes) < 6 else [sizes[0], sizes[len(sizes) // 2], sizes[-1]]
    if verdict.metric == "cpu_s":
        values = ", ".join(f"{words.duration(verdict.values[n] * 1000)} at {n:,}" for n in shown)
        return f"{verdict.entry}: {values}; n^{verdict.grows.exponent:.2f}"
    values = ", ".join(f"{verdict.values[n]:g} at {n:,}" for n in shown)
    return f"{verdict.entry}: {verdict.metric} {values}{f'; {verdict.why}' if verdict.why else ''}"


COMMAND = prove
