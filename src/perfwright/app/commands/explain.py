"""`perfwright explain`: what a rule means, from its page."""

import click

from perfwright.app import screen
from perfwright.app.project import rule_named

GROUP = "read"

EXAMPLES = """\b
Examples:
  perfwright explain                      list the rules
  perfwright explain n-plus-one-query     read one rule's page
"""


@click.command(epilog=EXAMPLES)
@click.argument("rule", required=False)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def explain(rule: str | None, color: str) -> None:
    """Say why something is slow, what is fast instead, and when to leave it."""
    from perfwright import rules

    styled = screen.colored(color, to_file=False)
    if rule is None:
        pages = {name: rules.page(name).splitlines()[0] for name in rules.load()}
        longest = max(map(len, pages))
        for name, first in pages.items():
            click.echo(f"{click.style(name.ljust(longest), bold=True)}  {first}", color=styled)
    else:
        name = rule_named(rule)
        _page(rules.page(name) + measured(name), styled=styled)


def measured(name: str) -> str:
    """Return what measuring the page has shown, as a section of it; empty where it was not, or showed otherwise."""
    from perfwright import rules
    from perfwright.report import proved

    known = rules.proofs().get(name)
    sentence = proved.sentence(known) if known is not None and not known.wrong else ""
    return f"\n## Measured\n\n{sentence}. On {known.machine}.\n" if known and sentence else ""


def _page(page: str, *, styled: bool) -> None:
    if not styled:
        click.echo(page, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(force_terminal=True, width=min(screen.width(), screen.WIDTH_OF_A_PIPE)).print(Markdown(page))


COMMAND = explain
