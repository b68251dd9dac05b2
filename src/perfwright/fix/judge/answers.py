"""What two versions of an application answered, compared, but for what is never twice the same."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from perfwright.fix.judge import orders
from perfwright.fix.judge.differences import Difference

# What is compared of one call, and how it is told; what comes first says most.
SEEN = (
    ("error", "it fails otherwise"),
    ("status", "it answers with another status"),
    ("hops", "it leads elsewhere"),
    ("body", "it answers something else"),
    ("headers", "it answers with other headers"),
    ("rows", "it leaves other rows in the database"),
    ("mails", "it sends other mails"),
    ("requests", "it asks other services otherwise"),
    ("printed", "it prints something else"),
)
# Moments, identifiers and tokens: where the first version does not give the same twice, they are left out of account.
PASSING = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|\b1[5-9]\d{8}(\.\d+)?\b|(?<![\w-])[A-Za-z0-9_-]{20,}(?![\w-])|\b\d+\.\d{4,}\b"
)
# The lines of a traceback that tell where it passed: they move with the code.
FRAME = re.compile(r'^ +File "[^"\n]*", line \d+, in .*\n(?: {4,}.*\n)*', re.MULTILINE)
LONGEST = 160  # letters of a difference that are shown
NEAR = 40  # letters before the first that differs


def difference(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    control: Mapping[str, Any],
    seen: Sequence[tuple[str, str]] = SEEN,
    allowed: Sequence[str] = (),
    paged: Callable[[str, str], str] | None = None,
) -> tuple[Difference | None, list[str]]:
    """Return the first difference between what both versions did, None where there is none; and what could not be
    compared, since the first version does not do it twice (`control` is its second time). What is `allowed` is none;
    `paged` says why a body is not the first page of another, where it may be that.
    """
    loose: list[str] = []
    for name, what in seen:
        one, other, again = before[name], after[name], control[name]
        if name == "printed":
            one, other, again = (FRAME.sub("", each) for each in (one, other, again))
        why = _unlike(name, one, other, paged)
        if why is None:
            continue
        if one != again:
            one, other, again = passing(one), passing(other), passing(again)
            if one != again:
                loose.append(name)
                continue
            why = _unlike(name, one, other, paged)
            if why is None:
                continue
        if name in ("body", "printed") and "row-order" in allowed and orders.alike(one, other):
            continue
        return Difference(why or what, *told(name, one, other)), loose
    return None, loose


def _unlike(name: str, one: Any, other: Any, paged: Callable[[str, str], str] | None) -> str | None:
    """Return why a part of what two versions did differs, as far as more can be said; None where it does not."""
    if name == "body" and paged is not None:
        return paged(one, other) or None
    return None if one == other else ""


def passing(value: Any) -> Any:
    """Return a value without the moments, identifiers and tokens in its texts."""
    if isinstance(value, str):
        return PASSING.sub("…", value)
    if isinstance(value, Sequence):
        return [passing(each) for each in value]
    if isinstance(value, Mapping):
        return {name: passing(each) for name, each in value.items()}
    return value


def told(name: str, before: Any, after: Any) -> tuple[str, str]:
    """Return how a difference reads before and after."""
    if name == "body":
        return at(before, after)
    if name == "rows":
        return rows(before, after)
    return shown(before), shown(after)


def at(before: str, after: str) -> tuple[str, str]:
    """Return two texts where they begin to differ; of JSON, the first part that differs, with its way there."""
    try:
        found = part(json.loads(before), json.loads(after), "")
    except (ValueError, RecursionError):
        found = None
    if found is not None:
        way, one, other = found
        return f"{way}: {one}", f"{way}: {other}"
    same = next((place for place, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    start = max((min(len(before), len(after)) if same is None else same) - NEAR, 0)
    dots = "…" if start else ""
    return tuple(f"{dots}{shown(each[start:])}" if each else "nothing" for each in (before, after))  # type: ignore[return-value]


def part(before: Any, after: Any, way: str) -> tuple[str, str, str] | None:
    """Return the first part of two JSON values that differs: the way to it, and how it reads in both."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *[each for each in after if each not in before]]:
            if name not in before or name not in after:
                return f"{way}.{name}", *(shown(each.get(name, "missing")) for each in (before, after))  # type: ignore[return-value]
            if (found := part(before[name], after[name], f"{way}.{name}")) is not None:
                return found
        return (way or ".", shown(list(before)), shown(list(after))) if list(before) != list(after) else None
    if isinstance(before, list) and isinstance(after, list):
        for place, (one, other) in enumerate(zip(before, after, strict=False)):
            if (found := part(one, other, f"{way}[{place}]")) is not None:
                return found
        if len(before) != len(after):
            return way or ".", f"{len(before)} items", f"{len(after)} items"
        return None
    if type(before) is type(after) and before == after:
        return None
    return way or ".", shown(before), shown(after)


def rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str]:
    """Return what is left in the first table that differs."""
    for table in [*before, *[each for each in after if each not in before]]:
        one, other = before.get(table, {}), after.get(table, {})
        for what in ("added", "removed"):
            left, right = one.get(what, []), other.get(what, [])
            if left != right:
                only = [each for each in left if each not in right], [each for each in right if each not in left]
                return tuple(  # type: ignore[return-value]
                    f"{table}: rows {what} that the other version has not: {len(own)}"
                    + (f", as {shown(own[0])}" if own else "")
                    for own in only
                )
        if one.get("rows") != other.get("rows"):
            return f"{table}: {one.get('rows', 'as many')} rows", f"{table}: {other.get('rows', 'as many')} rows"
    return shown(before), shown(after)


def shown(value: Any) -> str:
    """Return a value on one line, cut where it is long."""
    text = " ".join((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
