"""`perfwright scale`: a whole application over growing data."""

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from perfwright import baseline, discover
from perfwright.app import options, project, screen
from perfwright.errors import InputError
from perfwright.finding import Record

GROUP = "measure"

EXAMPLES = """\b
Examples:
  perfwright scale                               the application of this folder
  perfwright scale shop.asgi:app                 one that is named; a Django project by its settings module
  perfwright scale ../shop --sizes 10,100,1000 --format json
  perfwright scale --database postgres            scratch databases on a PostgreSQL server of its own
  perfwright scale --format html -o scale.html   a page with a plot of each figure that grows

The application is started in its own interpreter (--python, else .venv, else the active environment), for each size
on a scratch database that perfwright creates and fills with that many rows a table: SQLite, or --database postgres.
Each GET route is asked, signed in as the first user; outbound requests are answered by perfwright. Nothing of yours is
written to.

It exits 0 when every entry point keeps its budget at the stated size, 1 when one does not, 2 when there is no answer.
"""


def _sizes(_context: click.Context, _option: click.Parameter, given: str) -> tuple[int, ...]:
    try:
        sizes = tuple(sorted({int(each.replace("_", "")) for each in given.split(",")}))
    except ValueError:
        sizes = ()
    if len(sizes) < 3 or sizes[0] < 1:
        raise click.BadParameter(f"{given!r} are no three sizes; give such as 10,100,1000.")
    return sizes


@click.command(epilog=EXAMPLES)
@click.argument("app", required=False, default=".")
@options.python("application")
@click.option("--sizes", default="10,30,100,300,1000", show_default=True, callback=_sizes, help="Rows a table.")
@click.option("--seconds", type=click.FloatRange(min=5), default=120.0, show_default=True, help="Time for all sizes.")
@click.option("--even", is_flag=True, help="Give no row more children than another, the first user neither.")
@click.option("--only", multiple=True, metavar="PATTERN", help="Ask only paths like this one, as '/api/*'.")
@options.database()
@options.writes()
@options.commands()
@options.headers()
@options.signs_in()
@options.sandbox("application")
@click.option("--save", is_flag=True, help=f"Keep the findings with what was measured in {baseline.SAVED}.")
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="Entry points to show.")
@click.option(
    "--format", "form", type=click.Choice(["terminal", "json", "html"]), default="terminal", show_default=True
)
@options.output()
@click.pass_context
def scale(context: click.Context, /, app: str, **asked: Any) -> None:
    """Start an application on growing data and say what each entry point will cost."""
    from perfwright import pipeline  # heavy: all of the analysis
    from perfwright.measure import application, joined, postgres, sandbox
    from perfwright.measure.run import Guest, interpreter
    from perfwright.measure.scale import scale as measure
    from perfwright.report import scaled as report

    there = Path(app)
    folder, given = (there, "") if there.is_dir() else (Path(), app)
    if not there.is_dir() and ("/" in app or app.endswith(".py")):
        raise InputError(
            f"{app} is no folder; give a folder, MODULE:ATTRIBUTE or a settings module.", slug="missing-path"
        )
    found = project.find([folder])
    root = folder.absolute()
    names = discover.find(root, [root], exclude=found.settings.exclude, tests=False)
    known = application.find(root, names, given)
    python = interpreter(root, asked["python"], os.environ.get("VIRTUAL_ENV"))
    contained = asked["contain"] != "off" and not sandbox.missing()
    with (
        screen.working(f"starting {known.target}") as progress,
        postgres.opened(asked["database"], contained=contained) as server,
    ):
        measured = measure(
            lambda: Guest(python, [], contain=asked["contain"], scratch=server.empty() if server else None),
            known, found.root, found.settings,
            sizes=asked["sizes"], seconds=asked["seconds"], writes=asked["writes"], only=asked["only"],
            commands=asked["commands"], even=asked["even"], headers=asked["headers"], signs_in=asked["signs_in"],
            server=server, progress=progress,
        )  # fmt: skip
        record = pipeline.check(found.root, found.names, found.settings, keep=project.cache_folder())
    verdicts = joined.judge(record.findings, measured)
    causes = {each.entry: joined.causes(each, verdicts, record.findings, measured) for each in measured.entries}
    if asked["save"]:
        baseline.save(joined.kept(record, verdicts), found.root / baseline.SAVED)
    stated = found.settings.size.rows
    if asked["form"] == "json":
        text = json.dumps(report.document(measured, verdicts, causes, stated=stated), indent=1)
    elif asked["form"] == "html":
        text = _page(report.document(measured, verdicts, causes, stated=stated), record, verdicts, found.root)
    else:
        text = report.text(measured, verdicts, causes, stated=stated, width=screen.width(), top=asked["top"])
    if asked["output"]:
        baseline.write_text(asked["output"], text + "\n")
    else:
        click.echo(text)
    context.exit(1 if any(report.over(each) for each in measured.entries) else 0)


def _page(document: dict[str, Any], record: Record, verdicts: Collection[str], root: Path) -> str:
    """Return the page, with the findings that the run says something of or that cause what is over budget."""
    from perfwright.report import Options
    from perfwright.report.choice import chosen
    from perfwright.report.html.scaled import scale as page

    causes = {key for entry in document["scale"]["entries"] for key in entry["causes"]}
    lines = project.lines_below(root)
    findings = [
        finding
        for finding in chosen(record, Options(root=root, lines=lines, all=True))
        if finding.key in causes or finding.key in verdicts
    ]
    return page(document, findings, lines).rstrip("\n")


COMMAND = scale
