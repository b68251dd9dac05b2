"""`perfwright check`: read, and say what will be slow."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from perfwright import baseline, report
from perfwright.app import options, project, screen
from perfwright.app.project import Project
from perfwright.errors import InputError
from perfwright.finding import SEVERITIES, Finding, Record, Unreadable
from perfwright.report import words

GROUP = "read"
FOUND = 1
NO_ANSWER = 2
TOP_ENDPOINTS = 3  # that are proposed where traffic is known and no number was given

EXAMPLES = """\b
Examples:
  perfwright check                                  everything below this folder
  perfwright check src --since main                 only what changed lines cause
  perfwright check --select "n-plus-one*" --all     one rule, its notes too
  perfwright check --format sarif --output perfwright.sarif
  perfwright check --profile shop.prof              what took the time of a run first
  perfwright check --traffic access.log             what is asked for most and costs most first

It exits 0 when nothing shown is at or over --fail-on, 1 when something is, and 2 when it could not answer:
a setting or a path is wrong, or no file could be read. A path that is missing among others is left out,
counted in the summary, and makes the status 2, because the answer is not whole.
"""


def _names(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a repeatable option, each of which may hold several, with commas."""
    return tuple(name.strip() for part in given for name in part.split(",") if name.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the arguments of one check say beyond what to read."""

    format: str
    output: Path | None
    all: bool
    top: int | None
    fail_on: str
    since: str | None
    baseline: Path | None
    write_baseline: Path | None
    save: bool
    profile: Path | None
    traffic: Path | None
    top_endpoints: int | None
    jobs: int | None
    cache: bool
    color: str

    @property
    def keep(self) -> Path | None:
        """Return the folder of the cache, where one is wanted."""
        return project.cache_folder() if self.cache else None


@click.command(epilog=EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", default="terminal", show_default=True, metavar="NAME", help=f"{', '.join(report.names())}.")
@options.output()
@click.option("--all", is_flag=True, help="Show notes too, and what is only possible.")
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Show only the N costliest findings.")
@click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, "never"]),
    default="error",
    show_default=True,
    help="Exit 1 when a finding shown is at or over this; a note is shown with --all.",
)
@click.option(
    "--select", callback=_names, multiple=True, help="Rules to use: names or patterns, with commas or repeated."
)
@click.option("--ignore", callback=_names, multiple=True, help="Rules to leave out, beside those of the settings.")
@click.option("--exclude", callback=_names, multiple=True, help="Paths to leave out, beside those of the settings.")
@click.option("--config", "settings_file", type=click.Path(path_type=Path), help="Use this settings file.")
@click.option("--since", metavar="REV", help="Show only findings that lines changed since a git revision cause.")
@click.option("--baseline", type=click.Path(path_type=Path), help="Show only findings that this file does not list.")
@click.option("--write-baseline", type=click.Path(path_type=Path), help="Accept all findings: list them in this file.")
@click.option("--save", is_flag=True, help=f"Keep the findings in {baseline.SAVED} below the root.")
@click.option(
    "--profile",
    type=click.Path(path_type=Path),
    help="Rank by share of this profile: cProfile, speedscope, collapsed stacks, pyinstrument, memray.",
)
@click.option(
    "--traffic",
    type=click.Path(path_type=Path),
    help="Rank by part of what this traffic costs: an access log, or a table of entry point and rate.",
)
@click.option(
    "--top-endpoints", type=click.IntRange(min=1), metavar="N", help="Say at which N entry points to start, and why."
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Processes that read; one a core by default.")
@click.option("--cache/--no-cache", default=True, help="Keep what was read for the next time; it is on by default.")
@click.option("--tests", is_flag=True, help="Read tests too.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@click.pass_context
def check(
    context: click.Context,
    /,
    paths: tuple[Path, ...],
    settings_file: Path | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    exclude: tuple[str, ...],
    tests: bool,
    **asked: Any,
) -> None:
    """Read Python below each PATH (default: this folder) and say what will be slow at the size you state."""
    ask = Asked(**asked)
    report.get(ask.format)  # an unknown format is refused before the work, not after it
    started = time.perf_counter()
    found = project.find(
        paths or (Path(),), settings_file=settings_file, select=select, ignore=ignore, exclude=exclude, tests=tests
    )
    for path in found.missing:
        screen.say(f"{path} does not exist; the rest is read.")
    if not found.names:
        screen.say(f"no Python files below {', '.join(map(str, paths or ('.',)))}.")
    record = _record(found, ask)
    text = _text(record, found, ask, time.perf_counter() - started)
    if ask.output:
        baseline.write_text(ask.output, text)
    else:
        click.echo(text, nl=False, color=True)
    context.exit(_status(record, found, ask))


def _record(found: Project, ask: Asked) -> Record:
    """Read, keep what is to be kept, and return the findings that are asked about."""
    from perfwright import pipeline  # heavy: all of the analysis
    from perfwright.history import changes

    changed = changes.changed_lines(found.root, ask.since) if ask.since is not None else None
    known = baseline.read_keys(ask.baseline) if ask.baseline else frozenset()
    with screen.working(f"Reading {words.number(len(found.names), 'file')}") as progress:
        record = pipeline.check(
            found.root, found.names, found.settings, jobs=ask.jobs, keep=ask.keep, progress=progress
        )
    left_out = tuple(Unreadable(path=str(path), why="It does not exist.") for path in found.missing)
    record = replace(record, summary=replace(record.summary, unreadable=(*record.summary.unreadable, *left_out)))
    record = _laid_over(record, found, ask)
    if ask.save:
        baseline.save(record, found.root / baseline.SAVED)
    if ask.write_baseline:
        baseline.write_keys(record, ask.write_baseline)
        known |= {finding.key for finding in record.findings}
        listed = words.number(len(record.findings), "finding")
        screen.say(f"{ask.write_baseline} lists {listed}; --baseline {ask.write_baseline} hides them.")
    record = baseline.new(record, known)
    if changed is not None:
        record = replace(record, findings=tuple(f for f in record.findings if changes.touches(f, changed)))
    return record


def _laid_over(record: Record, found: Project, ask: Asked) -> Record:
    """Return the record with what a profile and traffic say of its findings, where one was given."""
    if ask.profile is None and ask.traffic is None and ask.top_endpoints is None:
        return record
    from perfwright.profiles import load, overlay  # only where they are asked for

    routes = load.routes_of(found.root, found.names)
    if ask.traffic is not None:
        record = load.lay_traffic(record, ask.traffic, routes)
    if ask.profile is not None:
        record = overlay.lay_profile(record, ask.profile, found.root, found.names)
    if ask.traffic is not None or ask.top_endpoints is not None:
        record = load.start_here(record, routes, ask.top_endpoints or TOP_ENDPOINTS)
    return record


def _text(record: Record, found: Project, ask: Asked, seconds: float) -> str:
    options = report.Options(
        root=found.root,
        lines=project.lines_below(found.root),
        all=ask.all,
        top=ask.top,
        color=screen.colored(ask.color, to_file=ask.output is not None),
        width=screen.width(),
        seconds=seconds,
    )
    return report.render(record, format=ask.format, options=options)


def _status(record: Record, found: Project, ask: Asked) -> int:
    names = set(found.names)
    unread = sum(each.path in names for each in record.summary.unreadable)
    if found.names and unread >= len(found.names):
        raise InputError(
            f"none of the {unread} files could be read, so there is no answer; the first is "
            f"{record.summary.unreadable[0].path}.",
            slug="nothing-readable",
        )
    if found.missing:
        return NO_ANSWER
    return FOUND if any(_counts(finding, ask) for finding in record.findings) else 0


def _counts(finding: Finding, ask: Asked) -> bool:
    if ask.fail_on == "never" or not (ask.all or finding.shown):
        return False
    return SEVERITIES.index(finding.severity) <= SEVERITIES.index(ask.fail_on)


COMMAND = check
