"""Lays a profile and the traffic over the findings: each gets its share, and they are put in that order."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from perfwright.amdahl import Seen, Share
from perfwright.errors import InputError
from perfwright.finding import Finding, Observed, Record
from perfwright.profiles import read
from perfwright.profiles.gain import gain
from perfwright.profiles.located import Located, Sources, located
from perfwright.profiles.outline import LARGEST, outline
from perfwright.profiles.places import Places

MS = 1000


def source(root: Path, name: str) -> str:
    """Return the text of a project's file; nothing where it cannot be read, or is too long to be a program."""
    try:
        file = root / name
        return file.read_text("utf8", errors="replace") if file.stat().st_size <= LARGEST else ""
    except (OSError, ValueError):
        return ""


def lay_profile(record: Record, path: Path, root: Path, names: Sequence[str]) -> Record:
    """Return the record with the share of a profile that each finding is about, and with what is hot without one.

    Raises InputError where the profile cannot be read or has nothing of the project in it.
    """
    profile = read.read(path)
    places = Places(root, names)
    if not places.learn(profile.files):
        first = next(iter(profile.files), "")
        told = f"its first path is {first}" if first else "it tells no paths"
        raise InputError(
            f"{path} has no file of this project: {told}, and the root is {root}; give a profile of the code below it.",
            slug="foreign-profile",
        )
    over = located(profile, places, Sources(lambda name: source(root, name), outline), record.findings)
    seen = Seen(
        name=path.name,
        format=profile.format,
        of=profile.of,
        total=over.total,
        unit=profile.unit,
        matched=None if over.matched is None else min(1.0, over.matched),
    )
    findings = [with_share(finding, over, seen) for finding in record.findings]
    hot = tuple(over.hot(findings))
    summary = replace(record.summary, seen=(*record.summary.seen, seen), hot=hot)
    return in_order(replace(record, findings=tuple(findings), summary=summary))


def with_share(finding: Finding, over: Located, seen: Seen) -> Finding:
    """Return the finding with its share of a profile as evidence, where the profile was there."""
    if seen.of == "memory" and "memory_mb" not in finding.cost.predicted:
        return finding
    found = over.part(finding)
    if found is None:
        return finding
    part, at = found
    share = Share(of=seen.of, part=part, at=at, gain=gain(finding) if seen.of == "time" else None)
    ms = part * seen.total * MS if seen.unit == "seconds" else 0.0
    observed = Observed(run=seen.name, entry_point="", count=0, per={}, ms=ms, trace="", share=share)
    return replace(finding, evidence=(*finding.evidence, observed))


def in_order(record: Record) -> Record:
    """Return the record with the findings that take most first; the others stay as they were."""
    order = sorted(record.findings, key=lambda finding: tuple(-weight for weight in finding.weight))
    return replace(record, findings=tuple(order))
