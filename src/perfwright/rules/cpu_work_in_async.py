"""Long computing stands in async code: the whole event loop stands still until it is done.

Nothing is waited for, so nothing else gets its turn: one password hashed or one image resized in a coroutine keeps
every other request from being served for tens of milliseconds.

## Slow

```python
import asyncio
import hashlib


def digest(password: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 100_000).hex()


async def register(password: str) -> str:
    hashed = digest(password)
    await asyncio.sleep(0)
    return hashed
```

## Fast

```python
import asyncio
import hashlib


def digest(password: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 100_000).hex()


async def register(password: str) -> str:
    hashed = await asyncio.to_thread(digest, password)
    await asyncio.sleep(0)
    return hashed
```

## Input

```python
def make(n: int) -> str:
    return "x" * n
```

## When to leave it

The program has one task only, or what is worked on is small whatever a user sends.
"""

import re
from collections.abc import Iterator

from perfwright.effects.frame import Loop
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Foreign, Load, Rows, Sequence, Size
from perfwright.finding import Confidence, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._loops import node_at
from perfwright.rules._outside import origins

DOES = {
    "bcrypt": "hashes a password",
    "passlib": "hashes a password",
    "argon2": "hashes a password",
    "werkzeug": "hashes a password",
    "hashlib": "hashes a password",
    "django": "hashes a password",
    "PIL": "works on an image",
    "pandas": "works on a frame",
    "polars": "works on a frame",
    "numpy": "works on an array",
    "torch": "runs a model",
    "transformers": "runs a model",
    "sentence_transformers": "runs a model",
    "gzip": "compresses",
    "bz2": "compresses",
    "lzma": "compresses",
    "zlib": "compresses",
}
# These leave the interpreter to others while they work, so that a thread is enough; other code needs a process.
IN_C = tuple(DOES)
SMALL = ("numpy", "gzip", "zlib", "bz2", "lzma")  # quick on what is small, and often it is
SLOWEST = ("gzip", "bz2", "lzma")  # of those: 2 to 45 ms for 100 KB
DOUBTFUL = ("difflib", "gc")
STARTUP = re.compile(r"lifespan|startup|shutdown|cleanup|^(main|setup|init_db|initialize)$")
EXPORTS = re.compile(r"export|dump|backup|archive|download|reindex", re.IGNORECASE)
MANY = 1_000  # items of a known number from which on they are many
DEEP = "10"  # values of one item that are checked or dumped
FRAMES = ("pandas.", "polars.", "numpy.")


def find(effects: Effects) -> Iterator[Finding]:
    if not effects.function.is_async:
        return
    work: dict[str, list[Effect]] = {}
    for effect in effects.effects("cpu"):
        model = effect.event.model
        if model is not None and effect.event.blocking and not effect.event.once:
            work.setdefault(DOES.get(library_of(effect), "computes"), []).append(effect)
    for does, group in work.items():
        yield computes(effects, does, group)
    told = set()
    for effect in effects.effects("serialize", "sort"):
        size = unbounded(effect)
        if size is not None and not yields(effect):
            told.add(effect.event.chain[0][1])
            yield works_on_all(effects, effect, size)
    each = [effect for effect in effects.effects("serialize") if effect.event.chain[0][1] not in told]
    yield from works_on_each(effects, [effect for effect in each if is_many(effects, effect)])
    yield from stacks(effects)


def library_of(effect: Effect) -> str:
    model = effect.event.model
    return model.name.partition(".")[0] if model is not None else ""


def computes(effects: Effects, does: str, group: list[Effect], sure: Confidence | None = None) -> Finding:
    """Return one finding for all work of one kind in a function: it is moved away as a whole."""
    group.sort(key=lambda effect: (len(effect.event.chain) > 1, effect.event.chain[0][1]))
    effect = group[0]
    places = {each.event.chain[0][1] for each in group}
    more = f", and {len(places) - 1} more after it" if len(places) > 1 else ""
    return effects.finding(
        RULE.name,
        effect,
        f"the event loop stands still while `{effect.what}` {does}{more}",
        cure=cure(library_of(effect)),
        symbol=does,
        confidence=sure or confidence(effect, library_of(effect)),
        terms=tuple(Term("cpu", tuple(str(loop.size) for loop in each.event.loops)) for each in group[:8]),
    )


def confidence(effect: Effect, library: str) -> Confidence:
    small = library in SMALL and not effect.loop and not packs_whole(effect, library)
    if STARTUP.search(effect.function.name) or library in DOUBTFUL or small:
        return "possible"
    return "certain" if len(effect.event.chain) == 1 and effect.event.certain else "likely"


def packs_whole(effect: Effect, library: str) -> bool:
    """Tell whether a helper compresses bytes that it is given, at the highest level: a page, a file, an answer."""
    function, position, _ = effect.event.chain[-1]
    call = node_at(function, position, "call")
    if library not in SLOWEST or call is None or not call[3] or call[3][0][0] != "name":
        return False
    given = call[3][0][2]
    return any(name == given and text(annotation) == "bytes" for name, annotation, _, _ in function.parameters)


def cure(library: str) -> str:
    if library in IN_C:
        return "Run it in a thread: await asyncio.to_thread(...)."
    return "Run it in a process: await loop.run_in_executor(ProcessPoolExecutor(), ...)."


def works_on_all(effects: Effects, effect: Effect, size: Size) -> Finding:
    """Return the finding for work in proportion to a table or a file."""
    does = "sorts" if effect.event.effect == "sort" else "turns into text or back"
    sizes = (*(str(loop.size) for loop in effect.event.loops), str(size))
    return effects.finding(
        RULE.name,
        effect,
        f"the event loop stands still while `{effect.what}` {does} all of `{effect.event.symbol}`",
        cure="Run it in a process, or let the database or the file format do less: a page, fewer columns.",
        confidence="possible" if STARTUP.search(effect.function.name) else "likely",
        terms=(Term(effect.event.effect, sizes),),
    )


# ------------------------------------------------------------------------------ item by item
def works_on_each(effects: Effects, group: list[Effect]) -> Iterator[Finding]:
    """Give one finding for all loops of a function that check, parse or dump each of many."""
    if not group:
        return
    group.sort(key=lambda effect: (confidence_of_each(effects, effect) == "possible", effect.event.chain[0][1]))
    effect, loop = group[0], group[0].loop
    assert loop is not None
    places = {each.event.chain[0][1] for each in group}
    more = f", and {len(places) - 1} more after it" if len(places) > 1 else ""
    yield effects.finding(
        RULE.name,
        effect,
        f"the event loop stands still while `{effect.what}` works on each of `{loop.over}`{more}",
        cure="Do all of it in a thread, a page at a time (await asyncio.to_thread(...)), or in a job after the answer.",
        symbol=f"each of {loop.over}",
        confidence=confidence_of_each(effects, effect),
        terms=tuple(Term("serialize", (str(loop.size), DEEP)) for each in group[:8] if (loop := each.loop) is not None),
    )


def is_many(effects: Effects, effect: Effect) -> bool:
    """Tell whether a loop that never waits goes through a table, or through a list that a request brings."""
    return effect.loop is not None and goes_on(effect) and is_long(effects, effect.loop)


def goes_on(effect: Effect) -> bool:
    """Tell whether work is done on the event loop, in a loop that does not wait."""
    event = effect.event
    if event.aside or event.once or event.rare or any(link[0].is_async for link in event.chain[1:]):
        return False
    return not yields(effect)


def is_long(effects: Effects, loop: Loop) -> bool:
    if loop.size.constant is not None:
        return loop.size.constant >= MANY
    if loop.size.symbol not in ("items", "page"):
        return "." not in loop.size.symbol
    return is_brought(effects, loop)


def is_brought(effects: Effects, loop: Loop) -> bool:
    """Tell whether a loop goes through a list that a request brings, of any length."""
    over = next((each for each in iterables(effects.function.body) if each[1] == loop.position), None)
    return over is not None and any(is_of_list(*begun.places[0]) for begun in origins(effects, over))


def is_of_list(function: Function, node: Node) -> bool:
    """Tell whether a name is a parameter that is declared as a list, of any length."""
    return node[0] == "name" and any(
        name == node[2] and is_list(annotation, default) for name, annotation, default, _ in function.parameters
    )


def iterables(body: tuple[Node, ...]) -> Iterator[Node]:
    """Give what the loops and comprehensions of a function go through."""
    for node in walk(body):
        if node[0] == "for":
            yield node[3]
        elif node[0] == "comp":
            for generator in node[4]:
                yield generator[1]


def is_list(annotation: Node | None, default: Node | None) -> bool:
    """Tell whether a parameter is declared as a list, of any length."""
    if annotation is None or annotation[0] != "sub" or text(annotation[2]).rpartition(".")[2].lower() != "list":
        return False
    return not any(
        name == "max_length" for node in walk((annotation, default)) if node[0] == "call" for name, _ in node[4]
    )


def confidence_of_each(effects: Effects, effect: Effect) -> Confidence:
    """Return how sure it is that there are many: what belongs to one owner often is little, but not in an export."""
    loop = effect.loop
    assert loop is not None
    if STARTUP.search(effect.function.name) or not loop.sure:
        return "possible"
    if loop.size.symbol == "items" or loop.size.constant is not None:
        return "likely"
    names = (effects.entry, effect.function.name, effect.function.module.name.rpartition(".")[2])
    load = getattr(loop.iterated, "load", None) or getattr(loop.iterated, "source", None)
    whole = isinstance(load, Load) and not load.filtered and not load.limited
    return "likely" if whole or any(EXPORTS.search(name) for name in names) else "possible"


def stacks(effects: Effects) -> Iterator[Finding]:
    """Give the arrays that are made of many rows: what is done with them takes as long again."""
    for effect in effects.effects("copy"):
        model, value = effect.event.model, effect.event.detail
        if model is None or library_of(effect) != "numpy" or not isinstance(value, Sequence) or not goes_on(effect):
            continue
        size = value.size
        if (size.constant or 0) >= MANY or (size.constant is None and size.symbol not in ("items", "page")):
            yield computes(effects, DOES["numpy"], [effect], "likely")


def unbounded(effect: Effect) -> Size | None:
    """Return the size of what is worked on here: a whole table or file; None where it may be small."""
    event, value = effect.event, effect.event.detail
    if event.aside or event.once or any(link[0].is_async for link in event.chain[1:]):
        return None
    if isinstance(value, Rows):
        return value.how_many if value.limited is None and not value.relation else None
    if isinstance(value, Sequence):
        known = (
            value.size.constant is None and value.size.symbol not in ("items", "page") and "." not in str(value.size)
        )
        return value.size if known else None
    if isinstance(value, Foreign) and value.name.startswith(FRAMES):
        return Size("rows") if value.size is None else value.size
    return None


def yields(effect: Effect) -> bool:
    """Tell whether the loop around it waits on each pass: others have their turn then."""
    loop = effect.loop
    return loop is not None and any(node[0] == "await" for node in walk(loop.body))


RULE = Rule(
    name="cpu-work-in-async",
    sees=("cpu", "serialize", "sort", "copy"),
    spends=("stall",),
    proof=Proof.stall(),
    find=find,
)
