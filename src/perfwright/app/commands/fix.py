"""`perfwright fix`: patches for findings, each judged."""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfwright import baseline
from perfwright.app import options, project, screen
from perfwright.errors import InputError
from perfwright.report import fixed

if TYPE_CHECKING:
    from perfwright.fix.patches import Judged
    from perfwright.measure.run import Choice

GROUP = "repair"

EXAMPLES = """\b
Examples:
  perfwright fix                              the findings of this folder that a recipe knows
  perfwright fix shop --select sort-in-loop
  perfwright fix --write                      apply what is judged the same, and better
  perfwright fix --write --suggested no-timeout    and the suggestions of a rule
  perfwright fix --format json --output fixes.json

Each patch is judged before it is shown, as `perfwright verify` judges: the function that it changes does the same for
all inputs that are tried, and is better in what the patch is for. What is not shown to be the same is not a repair; it
is counted, with the reason. `--write` changes a file only where git has it unchanged, or with --dirty.

Some cures change what the program does: a timeout, a limit, a page. Those are suggestions, shown after the repairs with
what changes and what the judge saw of it; --write leaves them out, unless --suggested names their rule.

It exits 0 when a finding was repaired or a suggestion written, and 1 when none was.
"""


@click.command(epilog=EXAMPLES)
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--select", multiple=True, metavar="RULE", help="Rules whose findings are repaired: names or patterns.")
@click.option("--all", "every", is_flag=True, help="Repair notes too, and what is only possible.")
@click.option("--write", is_flag=True, help="Apply the patches that repair.")
@click.option("--suggested", multiple=True, metavar="RULE", help="Apply suggestions too, of these rules: see below.")
@click.option("--dirty", is_flag=True, help="Write also to files that git does not have, or that were changed.")
@click.option("--size", type=click.IntRange(min=1), help="The size at which it has to be better.  [default: 100000]")
@options.python("functions")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)
@options.output()
@options.sandbox("functions")
@click.pass_context
def fix(
    context: click.Context,
    /,
    folder: Path,
    select: tuple[str, ...],
    every: bool,
    write: bool,
    suggested: tuple[str, ...],
    dirty: bool,
    size: int | None,
    python: Path | None,
    form: str,
    output: Path | None,
    contain: "Choice",
) -> None:
    """Make patches for findings, and judge each of them."""
    if suggested and not write:
        raise InputError("--suggested says what --write may apply; add --write.", slug="suggested-alone")
    from perfwright import pipeline  # heavy: all of the analysis
    from perfwright.fix import patches, recipes, writing
    from perfwright.fix.judge.served import Served
    from perfwright.measure import application
    from perfwright.measure.run import interpreter

    found = project.find([folder], select=tuple(word for each in select for word in each.split(",")))
    record = pipeline.check(found.root, found.names, found.settings, keep=project.cache_folder())
    chosen = interpreter(folder, python, os.environ.get("VIRTUAL_ENV"))
    known = recipes.load()
    wanted = [each for each in record.findings if each.rule in known and (every or each.shown)]
    repaired: list[Judged] = []
    left: list[tuple[str, str]] = []
    served = None
    with contextlib.suppress(InputError):  # there is no application
        served = Served(found.root, application.find(found.root, found.names), chosen, contain)
    with contextlib.ExitStack() as stack, screen.working("judging patches") as progress:
        if served is not None:
            stack.enter_context(served)
        if progress is not None:
            progress.begin("judging patches", len(wanted))
        for finding in wanted:
            why = "no recipe fits it"
            for candidate in patches.candidates(found.root, finding):
                with tempfile.TemporaryDirectory(prefix="perfwright-") as scratch:
                    made = patches.judged(
                        found.root,
                        candidate,
                        Path(scratch).resolve(),
                        python=chosen,
                        contain=contain,
                        size=size,
                        served=served,
                    )
                if made.repairs or made.suggests:
                    repaired.append(made)
                    break
                why = fixed.why(made)
            else:
                left.append((finding.key, why))
            if progress is not None:
                progress.step(0)
    named = [word for each in suggested for word in each.split(",")]
    written = writing.write(found.root, repaired, dirty=dirty, suggested=named) if write else {}
    document = fixed.document(repaired, left, written)
    text = json.dumps(document, indent=2) if form == "json" else fixed.text(repaired, left, written, len(wanted))
    if output:
        baseline.write_text(output, f"{text}\n")
    else:
        click.echo(text)
    context.exit(0 if any(made.repairs for made in repaired) or "" in written.values() else 1)


COMMAND = fix
