"""Every line that a loop writes goes to the system, or to the disk, by itself.

A file collects what is written and hands it on in large pieces. `flush()` after each line, `buffering=1`, or a file
that is opened, appended to and closed for each line do away with that: where a write costs a tenth of a microsecond,
a flush costs two, opening and closing the file twenty, and `os.fsync`, which waits for the disk, two hundred and more.
A generator that gives a streamed response its rows one by one does the same: each is a turn of the thread pool and a
message to the server.

## Setup

```python
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp())
```

## Slow

```python
def record(path: str, line: str) -> None:
    with open(path, "a", encoding="utf8") as file:
        print(line, file=file)


def export(path: str, lines: list[str]) -> int:
    for line in lines:
        record(path, line)
    return len(lines)
```

## Fast

```python
def export(path: str, lines: list[str]) -> int:
    with open(path, "a", encoding="utf8") as file:
        for line in lines:
            print(line, file=file)
    return len(lines)
```

## Input

```python
def make(n: int) -> tuple[str, list[str]]:
    return str(FOLDER / f"{n}.txt"), [f"line {i}" for i in range(n)]
```

## When to leave it

Each line must survive a crash of the program (then a flush, or a line written to a file that is opened anew, is right)
or of the machine (then `os.fsync` is): a journal, a checkpoint. Somebody waits for each line at the other end.
"""

import re
from collections.abc import Iterator

from perfwright.effects.frame import Loop
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import called_names, text, walk
from perfwright.rules._code import goes_on_after_failure, paced, path_to
from perfwright.rules._contract import Rule
from perfwright.rules._loops import Changes, node_at
from perfwright.rules._same import Fixed, call_at, passed_on
from perfwright.rules._streamed import streamed

# Words that say that what is written must be there at once: it is kept for a crash, or somebody reads it meanwhile.
DURABLE = re.compile(
    r"journal|(^|[_./\W])wal([_./\W]|$)|checkpoint|durab|crash|recover|atomic|ledger|persist|resum|transact|safe|lock|pid"
    r"|heartbeat|progress|stream|tail|interactive|repl|sync",
    re.IGNORECASE,
)
ENDS = re.compile(
    r"std(in|out|err)|sock|pipe|wfile|conn|response|console|term|tty|serial|port|channel|proc|client", re.I
)
ASKS = ("readline", "read", "recv", "input", "get", "poll", "select", "next_message", "receive")
TO_DISK = ("os.fsync", "os.fdatasync", "os.sync")
OPENS = ("builtins.open", "pathlib.Path.open")
DEAR = ("http.request", "llm.call", "process.spawn", "model.load", "wait", "cpu")
STREAMS = ("tqdm", "track", "listen", "consume", "subscribe", "watch", "events", "messages", "queue")
FAR = 3  # calls between the loop and the file beyond which something on the way is seldom understood


def find(effects: Effects) -> Iterator[Finding]:
    told: set[Loop] = set()
    for effect in sorted(effects.repeated("flush"), key=rank):
        if effect.loop not in told and is_of_file(effect) and worth(effects, effect):
            told.update(effect.event.loops)
            yield flushed(effects, effect)
    for effect in effects.repeated("file.read", "file.write"):
        if effect.loop in told or name_of(effect) not in OPENS or not appends(effect):
            continue
        if same_file(effect) and worth(effects, effect):
            told.update(effect.event.loops)
            yield opened(effects, effect)
    if "open" in effects.function.called:
        yield from unbuffered(effects)
    if effects.function.name == "emit" and is_handler(effects):
        yield from by_record(effects)
    yield from by_item(effects)


def rank(effect: Effect) -> tuple[bool, int]:
    """Put what waits for the disk first, then what is nearer."""
    return name_of(effect) not in TO_DISK, len(effect.event.chain)


def name_of(effect: Effect) -> str:
    return effect.event.model.name if effect.event.model is not None else ""


# ------------------------------------------------------------------------------ three ways
def flushed(effects: Effects, effect: Effect) -> Finding:
    loop = effect.loop
    assert loop is not None
    to_disk = name_of(effect) in TO_DISK
    through = f" through `{effect.what}`" if len(effect.event.chain) > 1 else ""
    what = "waits for the disk" if to_disk else "hands what was written to the system"
    shown = text(node_at(effect.event.leaf[0], effect.event.leaf[1], "call"))
    call = "os.fsync()" if to_disk else "flush()"
    return effects.finding(
        RULE.name,
        effect,
        f"every pass over `{loop.over}`{through} {what}: `{shown}`",
        symbol=shown,
        cure=f"Call {call} once after the loop, or every so many lines; closing a file flushes it.",
        confidence=confidence(effects, effect),
        terms=(effects.term(effect, "flush" if to_disk else "flush.buffer"),),
    )


def opened(effects: Effects, effect: Effect) -> Finding:
    loop = effect.loop
    assert loop is not None
    through = f" through `{effect.what}`" if len(effect.event.chain) > 1 else ""
    shown = text(node_at(effect.event.leaf[0], effect.event.leaf[1], "call"))
    return effects.finding(
        RULE.name,
        effect,
        f"every pass over `{loop.over}`{through} opens the same file, appends to it and closes it: `{shown}`",
        symbol=shown,
        cure="Open it once around the loop, and pass the open file on.",
        confidence=confidence(effects, effect),
        terms=(effects.term(effect, "file.append"),),
    )


def unbuffered(effects: Effects) -> Iterator[Finding]:
    """Give the first write in a loop to each file that was opened without a buffer, or with one of a line."""
    names: dict[str, Node] = {}
    for node in walk(effects.function.body):
        if node[0] == "with":
            for context, target in node[2]:
                if target is not None and target[0] == "name" and keeps_little(context):
                    names[target[2]] = context
        elif node[0] == "assign" and keeps_little(node[3]) and node[2][0][0] == "name":
            names[node[2][0][2]] = node[3]
    for effect in effects.repeated("file.write") if names else ():
        event = effect.event
        call, loop = event.node, effect.loop
        if call is None or loop is None or len(event.chain) > 1 or call[0] != "call" or call[2][0] != "attr":
            continue
        opening = names.pop(text(call[2][2]), None)
        if opening is not None and worth(effects, effect):
            yield effects.finding(
                RULE.name,
                effect,
                f"every pass over `{loop.over}` writes to the system by itself: `{text(opening)}` keeps no more",
                symbol=text(call[2]),
                cure="Open it without `buffering`, and flush it once after the loop.",
                confidence=confidence(effects, effect),
                terms=(effects.term(effect, "flush.buffer"),),
            )


def by_record(effects: Effects) -> Iterator[Finding]:
    """Give what a handler of logging does for each record that takes longer than to write it."""
    for effect in effects.effects("flush", "file.read", "file.write"):
        to_disk = name_of(effect) in TO_DISK
        if not to_disk and not (name_of(effect) in OPENS and appends(effect)):
            continue
        if not any(speaks(link[0]) for link in effect.event.chain):
            what = "waits for the disk" if to_disk else "opens its file, appends to it and closes it"
            yield effects.finding(
                RULE.name,
                effect,
                f"for each record of the log the handler {what}: `{effect.what}`",
                symbol=effect.what,
                cure="Derive from logging.FileHandler, which keeps its file open, or write behind a MemoryHandler.",
                confidence=effects.confidence(effect),
                terms=(Term("flush" if to_disk else "file.append", ("items",)),),
            )
            return


def by_item(effects: Effects) -> Iterator[Finding]:
    """Give the generators that a response sends item by item, with a turn of the thread pool for each."""
    for event, generator, loop, given in streamed(effects):
        yield Finding(
            rule=RULE.name,
            place=effects.place(generator, given[1]),
            symbol=text(given[2]),
            message=f"every pass over `{text(loop[3])}` is sent by itself, after a turn of the thread pool for each",
            cure="Collect some hundred of them and yield their text together.",
            confidence="likely",
            chain=(
                effects.step(effects.function, event.chain[0][1], "the response is sent as it comes"),
                effects.step(generator, loop[1], "loop over rows"),
                effects.step(generator, given[1], "one piece of the response"),
            ),
            cost=Cost(terms=(Term("flush.buffer", ("rows",)),)),
        )


def is_handler(effects: Effects) -> bool:
    """Tell whether the function belongs to a handler of logging."""
    owner = effects.function.owner
    return owner is not None and any(str(base).startswith("logging.") for base in effects.project.externals(owner))


def keeps_little(node: Node) -> bool:
    """Tell whether a call opens a file for writing that hands on each write, or each line."""
    if node[0] != "call" or node[2][0] not in ("name", "attr") or node[2][-1] != "open":
        return False
    given = next((value for name, value in node[4] if name == "buffering"), None)
    if given is None and node[2][0] == "name" and len(node[3]) > 2:
        given = node[3][2]
    return given is not None and given[0] == "const" and given[2] in (0, 1)


# ------------------------------------------------------------------------------ what is meant
def worth(effects: Effects, effect: Effect) -> bool:
    """Tell whether nothing says that each line must be there at once, and that the loop does not wait for somebody."""
    loop, chain = effect.loop, effect.event.chain
    if loop is None or len(chain) > FAR + 1 or loop.kind == "while":
        return False
    if effect.event.aside or any(loop in other.event.loops for other in effects.effects(*DEAR)):
        return False  # each pass takes so long that what it found is better kept at once
    if any(speaks(link[0]) for link in chain) or any(DURABLE.search(link[2]) for link in chain[:-1]):
        return False
    leaf = node_at(chain[-1][0], chain[-1][1], "call")
    if leaf is not None:
        given = " ".join(text(part, 200) for part in (*leaf[3], leaf[2][2]) if type(part) is tuple)
        if ENDS.search(given) or DURABLE.search(given):
            return False
    if paced(loop) or not called_names(loop.body).isdisjoint(ASKS):
        return False
    return not now_and_then(path_to(loop.body, chain[0][1]))


def speaks(function: Function) -> bool:
    """Tell whether the name of a function, its class or its module, or what it says of itself, asks for durability."""
    name = f"{function.qualified} {function.module.name.rpartition('.')[2]}"
    if DURABLE.search(name):
        return True
    first = function.body[0] if function.body else None
    return bool(
        first is not None
        and first[0] == "expr"
        and first[2][0] == "const"
        and isinstance(first[2][2], str)
        and DURABLE.search(first[2][2])
    )


def now_and_then(path: tuple[Node, ...]) -> bool:
    """Tell whether a place is reached every so many passes: a test with a remainder, or of a size."""
    for outer in path:
        if outer[0] == "if" and any(
            (node[0] == "bin" and node[2] == "%") or (node[0] == "call" and node[2][-1] == "len")
            for node in walk(outer[2])
        ):
            return True
    return False


def is_of_file(effect: Effect) -> bool:
    """Tell whether what is flushed are files: a handler of logging flushes what it wrote long ago."""
    return name_of(effect).startswith(("io.", "os.", "mmap.", "gzip.", "tempfile."))


def appends(effect: Effect) -> bool:
    """Tell whether a call opens a file to add to its end."""
    leaf = node_at(effect.event.leaf[0], effect.event.leaf[1], "call")
    if leaf is None:
        return False
    positional = leaf[3][1:2] if name_of(effect) == "builtins.open" else leaf[3][:1]
    mode = next((value for name, value in leaf[4] if name == "mode"), positional[0] if positional else None)
    return bool(mode is not None and mode[0] == "const" and isinstance(mode[2], str) and "a" in mode[2])


def same_file(effect: Effect) -> bool:
    """Tell whether each pass opens the same file, as far as the code says."""
    event, loop = effect.event, effect.loop
    leaf = node_at(event.leaf[0], event.leaf[1], "call")
    if loop is None or leaf is None or event.node is None:
        return False
    path: Node = leaf[3][0] if name_of(effect) == "builtins.open" and leaf[3] else leaf[2]
    changes = Changes(loop, event.node)
    if len(event.chain) == 1:
        return not changes.touch(path)
    known = passed_on(event.node, event.chain[1][0], changes)
    for index in range(1, len(event.chain)):
        function = event.chain[index][0]
        fixed = Fixed(function, known)
        if index == len(event.chain) - 1:
            return fixed.holds(path)
        call = call_at(event.chain[index])
        if call is None:
            return False
        known = fixed.passed_on(call, event.chain[index + 1][0])
    return False


def confidence(effects: Effects, effect: Effect) -> Confidence:
    loop: Loop | None = effect.loop
    if loop is not None and any(word in loop.over.lower() for word in STREAMS):
        return "possible"  # each message stands for itself
    if loop is not None and goes_on_after_failure(path_to(loop.body, effect.event.chain[0][1])):
        return "possible"
    found = effects.confidence(effect)
    return "likely" if found == "possible" and not effect.event.doubtful and not effect.event.rare else found


RULE = Rule(
    name="flush-per-write",
    sees=("flush", "file.read", "file.write", "wait"),
    spends=("latency",),
    proof=Proof.growth("n"),
    find=find,
)
