"""`perfwright fix`: patches for findings, each judged."""

import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perfwright import baseline, discover, report
from perfwright.app import assistant, options, project, screen
from perfwright.errors import InputError
from perfwright.report import fixed, judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfwright.finding import Finding, Record
    from perfwright.fix.patches import Judged
    from perfwright.fix.repairing import Repairs
    from perfwright.fix.writing import Writer
    from perfwright.measure.run import Choice
    from perfwright.progress import Progress

GROUP = "repair"

EXAMPLES = """\b
Examples:
  perfwright fix                              the findings of this folder that a recipe knows
  perfwright fix shop --select sort-in-loop
  perfwright fix --write                      apply what is judged the same, and better
  perfwright fix --write --suggested no-timeout    and the suggestions of a rule
  perfwright fix --commit                     one commit a patch, its evidence in the message
  perfwright fix --format json --output fixes.json
  perfwright fix --ai --show-prompt           what your own model would be asked; nothing is sent

Each patch is judged before it is shown, as `perfwright verify` judges: the function that it changes does the same for
all inputs that are tried, and is better in what the patch is for. What is not shown to be the same is not a repair; it
is counted, with the reason. The project's tests that reach the function are run on both sides. `--write` changes a
file only where git has it unchanged, or with --dirty; what is left in that file is then judged as the file is now.
`--commit` commits each file with your git and its hooks, and puts it back where these refuse.

Some cures change what the program does: a timeout, a limit, a page. Those are suggestions, shown after the repairs with
what changes and what the judge saw of it; --write leaves them out, unless --suggested names their rule.

`--ai` asks a model for what no recipe repairs, at PERFWRIGHT_AI_URL with PERFWRIGHT_AI_MODEL and PERFWRIGHT_AI_KEY, or
by --ai-command; its answers are judged in the same way. Secrets in code are hidden. Without --ai nothing is sent.

It exits 0 when a finding was repaired or a suggestion written, and 1 when none was.
"""


@click.command(epilog=EXAMPLES)
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--select", multiple=True, metavar="RULE", help="Rules whose findings are repaired: names or patterns.")
@click.option("--all", "every", is_flag=True, help="Repair notes too, and what is only possible.")
@click.option("--write", is_flag=True, help="Apply the patches that repair.")
@click.option("--commit", is_flag=True, help="Apply them, and make one commit of each on the current branch.")
@click.option("--suggested", multiple=True, metavar="RULE", help="Apply suggestions too, of these rules: see below.")
@click.option("--dirty", is_flag=True, help="Write also to files that git does not have, or that were changed.")
@click.option("--size", type=click.IntRange(min=1), help="The size at which it has to be better.  [default: 100000]")
@options.tests()
@click.option(
    "--evidence",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each patch and its verdict to this folder.",
)
@options.python("functions")
@click.option(
    "--format", "form", type=click.Choice(["terminal", "json", "sarif"]), default="terminal", show_default=True
)
@options.output()
@options.sandbox("functions")
@assistant.options
@click.pass_context
def fix(
    context: click.Context,
    /,
    folder: Path,
    select: tuple[str, ...],
    every: bool,
    write: bool,
    commit: bool,
    suggested: tuple[str, ...],
    dirty: bool,
    size: int | None,
    tests: tuple[Path, ...],
    untested: bool,
    evidence: Path | None,
    python: Path | None,
    form: str,
    output: Path | None,
    contain: "Choice",
    **ai: Any,
) -> None:
    """Make patches for findings, and judge each of them."""
    write = write or commit
    if suggested and not write:
        raise InputError("--suggested says what --write may apply; add --write.", slug="suggested-alone")
    from perfwright import pipeline  # heavy: all of the analysis
    from perfwright.fix import commits, recipes, repairing, writing
    from perfwright.fix import evidence as evidences
    from perfwright.fix.judge.served import Served
    from perfwright.measure import application
    from perfwright.measure.recording import Suite
    from perfwright.measure.run import interpreter

    asks = assistant.chosen(ai)
    contain = assistant.contained(contain) if asks is not None else contain
    found = project.find([folder], select=tuple(word for each in select for word in each.split(",")))
    if commit:
        commits.ready(found.root)
    chosen = interpreter(folder, python, os.environ.get("VIRTUAL_ENV"))
    known = recipes.load()

    def checked() -> "Record":
        record = pipeline.check(found.root, found.names, found.settings, keep=project.cache_folder())
        some = [each for each in record.findings if (asks or each.rule in known) and (every or each.shown)]
        return replace(record, findings=tuple(some))

    record, repairs, interrupted = checked(), repairing.Repairs(), False
    named = [word for each in suggested for word in each.split(",")]
    writer = writing.Writer(found.root, dirty, named, fixed.message if commit else None)
    served = None
    with contextlib.suppress(InputError):  # there is no application
        below = folder.absolute()
        names = discover.find(below, [below], exclude=found.settings.exclude, tests=False)
        served = Served(found.root, application.find(below, names), chosen, contain)
    suite = None if untested else Suite(found.root, tests)
    repairer = repairing.Repairer(found.root, chosen, contain, size, suite, served, fixed.why)
    best = repairer.best if asks is None else asks.best(repairer, found, record)

    def keep(made: "Judged") -> bool:
        """Keep the evidence of a patch and apply it, as far as is asked for; tell whether its file is another one."""
        if evidence is not None:
            for path, text in evidences.files(found.root, evidence, made, size, judged.document(made.verdict)):
                baseline.write_text(path, text)
        is_other = write and writer.write(made)
        if is_other and served is not None:
            served.forget()
        return is_other

    with contextlib.ExitStack() as stack, screen.working("judging patches") as progress:
        if served is not None:
            stack.enter_context(served)
        work = repairing.repair(record.findings, repairs, best=best, write=keep, again=lambda: checked().findings)
        try:
            _seen(work, len(record.findings), progress)
        except KeyboardInterrupt:  # what was done stays, so it is told
            interrupted = True
    text = _told(form, record, repairs, writer, found.root, asks)
    if output:
        baseline.write_text(output, f"{text}\n")
    else:
        click.echo(text)
    if interrupted:
        raise click.Abort
    shown = asks is not None and asks.end()
    done = shown or any(made.repairs for made in repairs.repaired) or "" in writer.said.values()
    context.exit(0 if done else 1)


def _seen(work: "Iterator[Finding]", count: int, progress: "Progress | None") -> None:
    """Go through all findings, and show how far that has come."""
    if progress is not None:
        progress.begin("judging patches", count)
    for _ in work:
        if progress is not None:
            progress.step(0)


def _told(
    form: str, record: "Record", repairs: "Repairs", writer: "Writer", root: Path, asks: assistant.Asks | None
) -> str:
    """Return what came of all findings, in the form that is asked for."""
    repaired = repairs.repaired
    if form == "sarif":
        patched = replace(record, findings=tuple(each.finding for each in repaired if each.repairs))
        options = report.Options(root=root, lines=project.lines_below(root), all=True)
        return report.render(patched, format="sarif", options=options).rstrip("\n")
    if form == "json":
        document = fixed.document(repaired, repairs.left, writer.said, writer.commits)
        document["fix"] |= asks.document() if asks is not None else {}
        return json.dumps(document, indent=2)
    count = len(record.findings)
    text = fixed.text(repaired, repairs.left, writer.said, count, writer.commits, writer.changed)
    return text if asks is None else asks.told(text)


COMMAND = fix
