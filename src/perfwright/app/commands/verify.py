"""`perfwright verify`: does a rewrite behave the same, and is it faster?"""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfwright import baseline
from perfwright.app import options, screen
from perfwright.errors import InputError
from perfwright.report import judged

if TYPE_CHECKING:
    from perfwright.measure.run import Choice

GROUP = "repair"
STATUS = {"same": 0, "differs": 1, "refused": 1, "not shown": 2}

EXAMPLES = """\b
Examples:
  perfwright verify shop.pricing:total@main shop.pricing:total    this function as it was, and as it is
  perfwright verify shop/pricing.py:total draft/pricing.py:total  two files
  perfwright verify shop.pricing:total faster.patch               as it is, and with a patch
  perfwright verify old.py:total new.py:total --allow float-order --size 100000
  perfwright verify old.py:total new.py:total --format json --evidence total.json
  perfwright verify --replay total.json

Both versions run in your project's interpreter, each in a process of its own, contained as `bench` contains what it
runs. Inputs are made as `bench` makes them, then changed: the ends of each type, equal, shared and aliased parts, other
containers, what the code itself compares with; the sizes that are timed are compared as well. Of each call is compared:
what it gives or raises, its arguments afterwards, and which objects are one; what it prints, logs and warns of; its
calls of what it was given, and their order; the steps of generators; the state of its module, of random numbers and of
the environment, and the files it leaves. Each is called again after its result, and then its arguments, were changed.

\b
  same        no difference was found; how many inputs, and at which sizes, is told
  differs     the smallest input that was found to show it is told
  not shown   too little could be compared
  refused     it looks at its measurement or at the clock, or keeps a cache that nobody asked for

It exits 0 for `same`, 1 for `differs` and `refused`, and 2 for `not shown`.
"""


@click.command(epilog=EXAMPLES)
@click.argument("before", metavar="[BEFORE", required=False, default="")
@click.argument("after", metavar="AFTER]", required=False, default="")
@options.python("functions")
@click.option("--allow", multiple=True, metavar="NAME", help="A difference that is allowed; `--allow help` lists them.")
@click.option("--size", type=click.IntRange(min=1), help="The size at which it has to be faster.  [default: 100000]")
@options.tests()
@click.option("--evidence", type=click.Path(path_type=Path), help="Write what the verdict rests on to this file.")
@click.option("--replay", type=click.Path(path_type=Path), help="Judge again what such a file tells of.")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)
@options.output()
@options.sandbox("functions")
@click.pass_context
def verify(
    context: click.Context,
    /,
    before: str,
    after: str,
    python: Path | None,
    allow: tuple[str, ...],
    size: int | None,
    tests: tuple[Path, ...],
    untested: bool,
    evidence: Path | None,
    replay: Path | None,
    form: str,
    output: Path | None,
    contain: "Choice",
) -> None:
    """Judge a rewrite: does it behave the same, and is it faster?"""
    from perfwright.fix.judge import evidences, versions, within
    from perfwright.fix.judge.differences import ALLOWANCES
    from perfwright.fix.judge.judging import judge
    from perfwright.fix.judge.sides import Sides
    from perfwright.fix.judge.tests import ProjectTests
    from perfwright.fix.judge.verdict import Verdict
    from perfwright.measure.recording import Suite
    from perfwright.measure.run import GuestError, interpreter

    if allow == ("help",):
        click.echo("\n".join(f"{name:15} {what}" for name, what in ALLOWANCES.items()))
        context.exit(0)
    root = Path.cwd()
    told = evidences.read(replay) if replay is not None else None
    if told is not None:
        before, after, allow, size = told.before, told.after, told.allowed, told.size
    if not before or not after:
        raise InputError("Two versions are needed; give BEFORE and AFTER, or --replay FILE.", slug="no-function")
    unknown = [name for name in allow if name not in ALLOWANCES]
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is no difference that can be allowed; give one of {', '.join(ALLOWANCES)}.",
            slug="unknown-allowance",
        )
    chosen = interpreter(root, python, os.environ.get("VIRTUAL_ENV"))
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="perfwright-"))
        stack.enter_context(screen.working("judging"))
        first, second = versions.versions(before, after, root, Path(scratch))
        ran = None if untested else stack.enter_context(ProjectTests(Suite(first.root, tests), chosen, contain))
        with Sides(first, second, chosen, contain) as sides:
            try:
                found = judge(sides, allowed=allow, size=size, seed=told.seed if told else None, tests=ran, parts=True)
                failed = None
            except GuestError as error:  # it cannot be loaded alone
                found, failed = Verdict("not shown", str(error)), error
            if found.word == "not shown":
                served = within.judge(first, second, chosen, contain, allowed=allow, tests=ran)
                if served is None and failed is not None:
                    raise failed
                found = served or found
            hashes = evidences.hashes(sides)
    document = judged.document(found)
    if told is not None:
        document["verify"]["replayed"] = evidences.compared(told, found.word, hashes)
    if evidence is not None:
        baseline.write_text(evidence, evidences.written(before, after, size, document, found.args, hashes))
    text = json.dumps(document, indent=2) if form == "json" else judged.text(before, after, found)
    if told is not None and form != "json":
        text += f"\n{document['verify']['replayed']}"
    if output:
        baseline.write_text(output, f"{text}\n")
    else:
        click.echo(text)
    context.exit(STATUS[found.word])


COMMAND = verify
