"""What an assistant is told: the function, what it calls, what is slow, what was measured, and what has to hold."""

from collections.abc import Sequence

from perfwright import rules
from perfwright.config import Settings
from perfwright.finding import Finding
from perfwright.fix.ai.bodies import Function
from perfwright.fix.ai.definitions import Part
from perfwright.fix.ai.redaction import Redaction
from perfwright.fix.source import Source
from perfwright.rules._contract import Rule

WANTED = 3  # candidates of one answer
LONGEST = 2_000  # letters of a value in a counter-example
PAGE = 2_500  # letters of an example of the rule

SYSTEM = f"""\
You make a Python function cheaper without changing what it does. You are given the function, what is slow in it and
what has to hold. Answer with up to {WANTED} different candidates, the one you trust most first; each in a fenced code
block of its own that holds the whole function, under its name, with its parameters as they are.

A candidate may bring imports of the standard library's modules that compute, plain helper functions of new names, and
constants of new names, at the top of its block. It may not change other code, add a dependency, a decorator or a class,
keep anything from call to call, use threads, the clock, files or the insides of Python where the function does not yet,
nor treat some inputs otherwise to look fast: each candidate is run beside the function on hundreds of inputs, and
timed.

The same means: the same values of the same types in the same order; the same arguments afterwards; the same errors with
the same text; the same output, logging and calls of what was given, in the same order; generators stay generators, and
ask for no more than before. Odd inputs count: empty ones, equal items that are not one object, items that cannot be
hashed, NaN, iterators that can be walked once, subclasses.

Texts such as HIDDEN_SECRET_1 stand for what is not shown. Keep them where they are."""

COUNTS = {
    "db.query": "no query per item", "db.write": "no write per item", "db.commit": "no commit per item",
    "http.request": "no request per item", "llm.call": "no model call per item",
    "process.spawn": "no process per item", "file.read": "no file read per item", "client": "no client per call",
}  # fmt: skip
SPENDS = {
    "latency": "O(n log n) or better in the size of what it is given",
    "memory": "streams: holds no more at once than what it gives needs",
    "response": "gives no more than is asked for",
    "stall": "never stops the event loop: nothing in it blocks, and no long computation runs between two awaits",
    "money": "asks and sends no more than it needs",
    "hazard": "is free of the hazard that is named above",
}


def first(
    finding: Finding,
    source: Source,
    function: Function,
    parts: Sequence[Part],
    profile: str,
    demands: Sequence[str],
    redaction: Redaction,
) -> str:
    """Return the first question about a finding, without secrets."""
    start = min([function.lineno, *[each.lineno for each in function.decorator_list]])
    text = source.text[source.starts[start - 1] : source.starts[function.end_lineno or start]].rstrip()
    name = source.qualified(function)
    for each in (source.text, *[part.text for part in parts]):
        redaction.code(each)  # a secret that is known by its name in one place is hidden in all
    told = [f"# The function `{name}`", f"{source.path}, from line {start}:", _block(redaction.code(text))]
    if parts:
        told.append("# What it uses")
        told += [f"{each.path}, line {each.line}:\n\n{_block(redaction.code(each.text))}" for each in parts]
    told += ["# What is slow", *map(redaction.text, _finding(finding, source))]
    if example := _example(finding.rule):
        told += ["Such a defect and its cure, in another program:", example]
    if profile:
        told += ["# What was measured", redaction.text(profile)]
    told += ["# What has to hold", "\n".join(f"- {each}" for each in demands)]
    told.append(f"Give up to {WANTED} candidates for `{name}`, each whole, in a code block of its own.")
    return "\n\n".join(told)


def again(said: Sequence[str], function: str) -> str:
    """Return the question after candidates of which none is a repair."""
    told = ["None of them can be taken:", "\n".join(f"- {each}" for each in said)]
    told.append(f"Give up to {WANTED} new candidates for `{function}` that hold what was asked for, each whole.")
    return "\n\n".join(told)


def shortened(text: str) -> str:
    """Return a value as it is shown in a counter-example."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text):,} letters)"


def _finding(finding: Finding, source: Source) -> list[str]:
    told = [f"{finding.rule}, line {finding.place.line}: {finding.message}."]
    if finding.cure:
        told.append(f"A cure that is known: {finding.cure}")
    lines = source.text.split("\n")
    chain: list[str] = []
    for step in finding.chain:
        code = lines[step.line - 1].strip() if step.path == source.path and step.line <= len(lines) else ""
        chain.append(
            f"{len(chain) + 1}. {step.path}:{step.line} in {step.function}: {step.what}" + f"  `{code}`" * bool(code)
        )
    if chain:
        told.append("The chain that leads to it:\n\n" + "\n".join(chain))
    if finding.cost.terms:
        terms = " + ".join(dict.fromkeys(map(str, finding.cost.terms)))
        amounts = ", ".join(f"{name} {amount:,.4g}" for name, amount in finding.cost.predicted.items() if amount)
        told.append(f"It costs {terms}" + (f"; predicted at the size below: {amounts}" if amounts else "") + ".")
    if finding.entry_points:
        told.append(f"It is reached from {', '.join(finding.entry_points[:5])}.")
    return told


def demands(finding: Finding, settings: Settings, improves: Sequence[str], at: int) -> list[str]:
    """Return what a rewrite has to hold: the size it is for, and what it may spend there."""
    sizes = {name: size for name, size in finding.cost.at.items() if not name.isdigit()}
    if not sizes:
        size = settings.size_at(finding.place.path)
        sizes = {"rows": size.rows, "items": size.items}
    stated = "" if settings.size_stated else " (nobody stated a size: this is the default)"
    told = ["runs on " + ", ".join(f"{size:,} {name}" for name, size in sizes.items()) + stated]
    rule: Rule | None = rules.load().get(finding.rule)
    spends = rule.spends if rule is not None else ()
    effects = dict.fromkeys(each.effect for each in finding.cost.terms)
    told += [COUNTS[each] for each in effects if each in COUNTS]
    told += [SPENDS[each] for each in spends if each in SPENDS]
    better = f"takes measurably less at size {at:,}: {' or '.join(improves)}; and no more of the others"
    return [*told, "does the same as now for every input", better]


def _example(rule: str) -> str:
    """Return the slow and the fast form of a rule's page."""
    if rule not in rules.load():
        return ""
    page = rules.page(rule)
    start, end = page.find("## Slow"), page.find("## Input")
    found = page[start:end].strip() if 0 <= start < end else ""
    return found.replace("## ", "") if len(found) <= PAGE else ""


def _block(code: str) -> str:
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}python\n{code}\n{fence}"
