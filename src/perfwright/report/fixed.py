"""Patches of findings, with their verdicts, as text and as JSON."""

import textwrap
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from perfwright import __version__
from perfwright.report import judged, words
from perfwright.report.safe import safe

if TYPE_CHECKING:
    from perfwright.fix.judge.verdict import Verdict
    from perfwright.fix.patches import Judged

TITLE = 72  # characters of a line of a commit's message
NONE: Mapping[str, str] = MappingProxyType({})


def why(made: "Judged") -> str:
    """Return why a patch is no repair."""
    verdict = made.verdict
    if verdict.word != "same":
        said = {"refused": "the patch is refused", "differs": "the patch differs"}.get(verdict.word, verdict.word)
        return f"{said}: {verdict.reason}"
    pace, held = verdict.speed, verdict.memory
    improves = made.candidate.recipe.improves
    if "bytes" in improves and verdict.counts:
        return "the patch is the same, and fetches no fewer bytes"
    if "memory" in improves and "time" not in improves and (held is None or held.verdict != "less"):
        needs = "more memory" if held is not None and held.verdict == "more" else "no less memory"
        return f"the patch is the same, and needs {needs}"
    if "queries" in improves and verdict.counts:
        return "the patch is the same, and makes no fewer queries"
    return "it is not faster" if pace is None else f"the patch is the same, and {pace.verdict}"


def seen(verdict: "Verdict") -> str:
    """Return what the judge saw of a suggestion, in one line."""
    if verdict.word == "same":
        return f"the judge: {judged.summary(verdict)}"
    if verdict.word == "not shown":
        return f"the judge could not compare it: {verdict.reason}"
    shown = verdict.counterexample or {"call": "", "before": "", "after": ""}
    return f"the judge: {verdict.reason}; {shown['call']}: before {shown['before']}; after {shown['after']}"


def message(made: "Judged") -> str:
    """Return the message of the commit of a patch: what it does, why, and what its verdict rests on."""
    candidate, verdict = made.candidate, made.verdict
    finding = candidate.finding
    does = safe(f"{candidate.function}: {candidate.says}")
    told = [textwrap.shorten(does, TITLE, placeholder=" …")]
    if told[0] != does:
        told += ["", does]
    where = f"{finding.rule}, {finding.place.path}:{finding.place.line}"
    told += ["", *_wrapped(f"Why: {safe(finding.message)} ({safe(where)}).")]
    if candidate.recipe.suggested:
        told += _wrapped(f"It changes what the program does: {candidate.recipe.suggested}.")
    told += ["", *_wrapped(f"Verdict: {verdict.word}{f', {safe(verdict.reason)}' if verdict.reason else ''}.")]
    told += [line for each in judged.evidence(verdict) for line in _wrapped(f"- {each}")]
    return "\n".join([*told, "", f"Seed: {verdict.seed}", f"Judged-by: perfwright {__version__}", ""])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, TITLE, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def document(
    repaired: Sequence["Judged"],
    left: Sequence[tuple[str, str]],
    written: Mapping[str, str],
    commits: Mapping[str, str] = NONE,
) -> dict[str, Any]:
    """Return the JSON of all patches, under the key of its document."""
    fixes = [
        {
            "finding": each.finding.to_json(),
            "says": each.candidate.says,
            "suggested": each.candidate.recipe.suggested,
            "diff": each.candidate.diff,
            "written": written.get(each.candidate.finding.key) == "",
            "not_written": written.get(each.candidate.finding.key, ""),
            "commit": commits.get(each.candidate.finding.key, ""),
            **judged.document(each.verdict),
        }
        for each in repaired
    ]
    return {"fix": {"fixes": fixes, "left": [{"key": key, "why": reason} for key, reason in left]}}


def text(
    repaired: Sequence["Judged"],
    left: Sequence[tuple[str, str]],
    written: Mapping[str, str],
    count: int,
    commits: Mapping[str, str] = NONE,
    changed: Collection[str] = (),
) -> str:
    """Return all patches as people read them; `changed` are those whose file a hook changed before it was committed."""
    told: list[str] = []
    for each in sorted(repaired, key=lambda each: not each.repairs):
        finding = each.candidate.finding
        told.append(f"{safe(finding.place.path)}:{finding.place.line}  {finding.rule}: {safe(finding.message)}")
        told.append(f"  {safe(each.candidate.says)}")
        if each.repairs:
            told.append(f"  {judged.summary(each.verdict)}")
        else:
            told.append(f"  suggested, for it changes what the program does: {each.candidate.recipe.suggested}")
            told.append(f"  {safe(seen(each.verdict))}")
        told += [f"    {safe(line)}" for line in each.candidate.diff.splitlines()]
        if (reason := written.get(finding.key)) is not None:
            commit = commits.get(finding.key)
            done = f"committed as {commit[:12]}" if commit else "written"
            told.append(f"  not written: {safe(reason)}" if reason else f"  {done}")
            if finding.key in changed:
                told.append("  a hook changed the file after it was judged: look at the commit")
        told.append("")
    repairs = sum(each.repairs for each in repaired)
    told.append(f"{words.number(repairs, 'finding')} of {count} repaired.")
    if suggestions := len(repaired) - repairs:
        told.append(f"{words.number(suggestions, 'suggestion')}, which --write leaves out: see --suggested.")
    for reason, number in Counter(reason for _, reason in left).most_common():
        told.append(f"  {number}  {safe(reason)}")
    return "\n".join(told)
