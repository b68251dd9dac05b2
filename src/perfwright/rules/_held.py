"""What a function waits for: in a loop, or while it holds a lock or a transaction."""

from collections.abc import Iterator

from perfwright.effects.frame import Held
from perfwright.effects.summary import Effect, Effects

LATER = "Batches."  # a provider's batch interface answers within a day
WHAT = {
    "http.request": "an HTTP request",
    "llm.call": "a call of a language model",
    "wait": "a wait",
    "process.spawn": "another process",
    "connect": "a connection",
    "db.query": "a query",
    "db.write": "a write to the database",
    "db.commit": "a commit",
    "file.read": "a read from disk",
    "file.write": "a write to disk",
}


def across(effects: Effects, kind: str, *names: str) -> Iterator[tuple[Held, list[Effect]]]:
    """Give what the function itself holds, with what it waits for meanwhile: one effect a call, the dearest."""
    found: dict[int, tuple[Held, dict[int, Effect]]] = {}
    for effect in effects.effects(*names):
        event = effect.event
        if kind in event.sheltered or not waits(effect):
            continue
        held = [each for each in event.held if each.kind == kind]
        if not held:
            continue
        _, calls = found.setdefault(held[-1].position, (held[-1], {}))
        known = calls.get(event.chain[0][1])
        if known is None or names.index(event.effect) < names.index(known.event.effect):
            calls[event.chain[0][1]] = effect
    for held_here, by_call in found.values():
        yield held_here, list(by_call.values())


def waits(effect: Effect) -> bool:
    """Tell whether the function goes on only when an effect is over: not one of a task or a thread of its own."""
    event = effect.event
    if event.awaited:
        return True
    if event.aside or (event.model is not None and not event.model.blocking):
        return False
    return not any(link[0].is_async for link in event.chain[1:])


def batch(effect: Effect) -> str:
    """Return the form of a call that takes many items and answers at once, or nothing."""
    bulk = effect.event.model.bulk if effect.event.model is not None else None
    if not bulk or LATER in bulk:
        return ""
    return bulk if "[" in bulk else bulk.rpartition(".")[2]


def what(effect: Effect) -> str:
    """Name what is waited for: `an HTTP request`, a mail."""
    name = effect.event.model.name if effect.event.model is not None else ""
    if effect.event.effect in ("wait", "connect") and ("mail" in name.lower() or name.startswith("smtplib.")):
        return "a mail"
    if name.endswith(".sleep"):
        return "a sleep"
    return WHAT[effect.event.effect]
