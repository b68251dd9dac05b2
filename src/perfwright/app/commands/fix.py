"""`perfwright fix`: patches for findings, each judged."""

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perfwright import baseline
from perfwright.app import assistant, options, project, screen
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
  perfwright fix --format json --output fixes.json
  perfwright fix --ai --show-prompt           what your own model would be asked; nothing is sent

Each patch is judged before it is shown, as `perfwright verify` judges: the function that it changes does the same for
all inputs that are tried, and is better in what the patch is for. What is not shown to be the same is not a repair; it
is counted, with the reason. `--write` changes a file only where git has it unchanged, or with --dirty.

`--ai` asks a model for what no recipe repairs, at PERFWRIGHT_AI_URL with PERFWRIGHT_AI_MODEL and PERFWRIGHT_AI_KEY, or
by --ai-command; its answers are judged in the same way. Secrets in code are hidden. Without --ai nothing is sent.

It exits 0 when a finding was repaired, and 1 when none was.
"""


@click.command(epilog=EXAMPLES)
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--select", multiple=True, metavar="RULE", help="Rules whose findings are repaired: names or patterns.")
@click.option("--all", "every", is_flag=True, help="Repair notes too, and what is only possible.")
@click.option("--write", is_flag=True, help="Apply the patches that repair.")
@click.option("--dirty", is_flag=True, help="Write also to files that git does not have, or that were changed.")
@click.option("--size", type=click.IntRange(min=1), help="The size at which it has to be better.  [default: 100000]")
@options.python("functions")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)
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
    dirty: bool,
    size: int | None,
    python: Path | None,
    form: str,
    output: Path | None,
    contain: "Choice",
    **ai: Any,
) -> None:
    """Make patches for findings, and judge each of them."""
    from perfwright import pipeline  # heavy: all of the analysis
    from perfwright.fix import patches, recipes, writing
    from perfwright.measure.run import interpreter

    asks = assistant.chosen(ai)
    found = project.find([folder], select=tuple(word for each in select for word in each.split(",")))
    record = pipeline.check(found.root, found.names, found.settings, keep=project.cache_folder())
    chosen = interpreter(folder, python, os.environ.get("VIRTUAL_ENV"))
    known = recipes.load()
    wanted = [each for each in record.findings if (asks or each.rule in known) and (every or each.shown)]
    repaired: list[Judged] = []
    left: list[tuple[str, str]] = []
    with screen.working("judging patches") as progress:
        if progress is not None:
            progress.begin("judging patches", len(wanted))
        for finding in wanted:
            why = "no recipe fits it"
            for candidate in patches.candidates(found.root, finding):
                with tempfile.TemporaryDirectory(prefix="perfwright-") as scratch:
                    made = patches.judged(
                        found.root, candidate, Path(scratch).resolve(), python=chosen, contain=contain, size=size
                    )
                if made.repairs:
                    repaired.append(made)
                    break
                why = fixed.why(made)
            else:
                left.append((finding.key, why))
            if progress is not None:
                progress.step(0)
    if asks is not None:
        left = asks.rewrite(found, record, repaired, left, python=chosen, contain=contain, size=size)
    written = writing.write(found.root, repaired, dirty=dirty) if write else {}
    document = fixed.document(repaired, left, written)
    if asks is not None:
        document["fix"] |= asks.document()
    text = json.dumps(document, indent=2) if form == "json" else fixed.text(repaired, left, written, len(wanted))
    if asks is not None and form != "json":
        text = asks.told(text)
    if output:
        baseline.write_text(output, f"{text}\n")
    else:
        click.echo(text)
    shown = asks is not None and asks.end()
    context.exit(0 if repaired or shown else 1)


COMMAND = fix
