"""Commits in loops: which there are, so that two rules do not report one call twice."""

from collections.abc import Iterator

from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence
from perfwright.rules._code import goes_on_after_failure, path_to

BLOCKS = ("atomic", "begin", "transaction", "in_transaction", "__enter__", "__aenter__", "connection", "start")
SAVEPOINTS = ("begin_nested", "savepoint", "savepoint_commit", "savepoint_rollback")
BACK = ("rollback", "abort_transaction", "cancel", *SAVEPOINTS)
STREAMS = ("listen", "consume", "subscribe", "stream", "watch", "events", "messages", "poll", "queue", "fetch_message")


def called(effect: Effect) -> str:
    """Return the name of the method that commits or writes."""
    if effect.event.model is not None:
        return effect.event.model.name.rpartition(".")[2]
    return effect.event.chain[-1][2].partition("(")[0].rpartition(".")[2]


def committed(effects: Effects) -> Iterator[tuple[Effect, Confidence]]:
    """Give the commits that a loop of the function repeats, one a call, and how sure it is that they are too many."""
    written = {effect.event.chain[0][1] for effect in effects.repeated("db.write")}
    for group in effects.repeated_at("db.commit"):
        ends = [effect for effect in group if called(effect) not in BACK]
        explicit = [effect for effect in ends if called(effect) not in BLOCKS]
        if not ends or ends[0].loop is None:
            continue
        effect = (explicit or ends)[0]
        if not explicit and not _writes_in(effects, effect, written):
            continue
        yield effect, confidence(effects, effect)


def _writes_in(effects: Effects, effect: Effect, written: set[int]) -> bool:
    """Tell whether a transaction of one pass is a commit of its own, and a write in it is not reported already."""
    event = effect.event
    if any(held.kind == "transaction" for held in event.held):
        return False  # a savepoint in the transaction around it
    position = event.chain[0][1]
    if len(event.chain) > 1:  # Django would commit each write anyway; elsewhere what is added is not seen as a write
        return event.model is not None and event.model.library != "django" and position not in written
    return any(
        other.event.effect == "db.write" and any(held.position == position for held in other.event.held)
        for other in effects.repeated("db.write")
    )


def confidence(effects: Effects, effect: Effect) -> Confidence:
    loop = effect.loop
    path = path_to(loop.body, effect.event.chain[0][1]) if loop is not None else ()
    if goes_on_after_failure(path) or (loop is not None and any(word in loop.over.lower() for word in STREAMS)):
        return "possible"  # each item stands for itself: it is kept whatever becomes of the next
    return effects.confidence(effect)
