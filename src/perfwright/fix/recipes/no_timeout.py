"""A call that waits for another machine or a process is given a timeout, after which it raises.

Where a timeout would only make it come back with nothing, of a lock, a queue or a thread, somebody has to decide what
follows: none is given there. A program that is not named here and has the terminal may be somebody's editor or player:
it takes as long as they want.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._keywords import given, named_in
from perfwright.fix.source import Source

SECONDS = {
    "http.request": "30", "client": "30", "llm.call": "60", "connect": "10", "db.query": "30", "db.write": "30",
    "process.spawn": "300",
}  # fmt: skip
OF_REQUESTS = "(3.05, 30)"  # to connect, and between two parts of the answer
NEAR = ("threading.", "queue.", "multiprocessing.", "concurrent.", "select.", "selectors.", "asyncio.")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    name = named_in(finding.cure)
    effect = finding.cost.terms[0].effect if finding.cost.terms else ""
    if call is None or not name.endswith("timeout") or effect not in SECONDS or finding.symbol.startswith(NEAR):
        return
    if not is_the_call(source, call, finding.symbol) or has_terminal(call, finding.symbol):
        return
    seconds = OF_REQUESTS if finding.symbol.startswith("requests.") else SECONDS[effect]
    edit = given(source, call, name, seconds)
    if edit is not None:
        yield Proposal((edit,), f"it waits {seconds} seconds at most, and raises then")


def is_the_call(source: Source, call: ast.Call, symbol: str) -> bool:
    """Tell whether a call is of what a finding names."""
    called = source.text_of(call.func).rpartition(".")[2]
    return called == symbol.rpartition(".")[2] or f".{called}." in f".{symbol}."


def has_terminal(call: ast.Call, symbol: str) -> bool:
    """Tell whether a call starts a program that is not named here, with the terminal for what it reads and writes."""
    if symbol not in ("subprocess.run", "subprocess.call", "subprocess.check_call") or not call.args:
        return False
    command = call.args[0]
    program = command.elts[0] if isinstance(command, ast.List | ast.Tuple) and command.elts else command
    redirected = {"stdin", "stdout", "input", "capture_output", None} & {each.arg for each in call.keywords}
    return not isinstance(program, ast.Constant | ast.JoinedStr) and not redirected


RECIPE = Recipe(
    rule="no-timeout",
    improves=("hazard",),
    propose=propose,
    suggested="it raises where it would have waited on; who calls it has to handle that",
)
