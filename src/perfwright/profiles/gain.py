"""How much of what a finding costs its cure takes away, at the stated size: from the terms before and after."""

from perfwright.finding import Finding, Term

# One effect per item, which the cure does once for all of them.
ONCE = (
    "n-plus-one-query",
    "query-per-item-write",
    "commit-per-item",
    "repeated-query",
    "client-per-call",
    "invariant-in-loop",
    "frame-built-in-loop",
)
# Two sizes that multiply, which the cure goes through one after the other.
ONE_AFTER_THE_OTHER = (
    "membership-in-list",
    "nested-scan",
    "repeated-slice",
    "string-built-in-loop",
)


def gain(finding: Finding) -> float | None:
    """Return the fraction (0 to 1) of its cost that the cure takes away; None where the cure's form is not known."""
    terms = [term for term in finding.cost.terms if term.sizes]
    if not terms or len(terms) < len(finding.cost.terms):
        return None
    if finding.rule in ONCE:
        before = finding.cost.predicted.get("queries") or sum(_times(finding, term) for term in terms)
        after: float = len(terms)
    elif finding.rule in ONE_AFTER_THE_OTHER and all(len(term.sizes) > 1 for term in terms):
        before = sum(_times(finding, term) for term in terms)
        after = sum(_sizes(finding, term) for term in terms)
    else:
        return None
    return max(0.0, 1 - after / before) if before > 0 else None


def _times(finding: Finding, term: Term) -> float:
    times = 1.0
    for symbol in term.sizes:
        times *= finding.cost.at.get(symbol, 1)
    return times


def _sizes(finding: Finding, term: Term) -> float:
    return sum(finding.cost.at.get(symbol, 1) for symbol in term.sizes)
