"""A whole file is read into memory to be hashed, which needs a piece of it at a time.

The memory of the process grows by the largest file that somebody uploads, once for each of them that is hashed at the
same time. So it is with all rows of a table that become one text: the list and the text are both there before the first
byte is written.

## Slow

```python
import hashlib
from pathlib import Path


def fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
```

## Fast

```python
import hashlib
from pathlib import Path


def fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
```

## Input

```python
import tempfile
from pathlib import Path


def make(n: int) -> Path:
    path = Path(tempfile.mkdtemp(), "upload")
    path.write_bytes(bytes(n))
    return path
```

## When to leave it

The files are small by nature, such as settings, or the content is needed whole for something else.
"""

from collections.abc import Iterator
from dataclasses import replace

from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Sequence
from perfwright.finding import Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import text
from perfwright.rules._chosen import is_request
from perfwright.rules._contract import Rule

DUMPS = ("json.dumps", "pickle.dumps", "marshal.dumps", "yaml.dump", "orjson.dumps", "ujson.dumps", "msgpack.packb")
READS = ("read", "getvalue", "read_bytes")


def find(effects: Effects) -> Iterator[Finding]:
    for effect in effects.effects("serialize"):
        event = effect.event
        if event.model is not None and event.model.name in DUMPS:
            yield from dumped(effects, effect)
        if event.model is None or not event.model.name.startswith("hashlib."):
            continue
        read = whole(event.node)
        if read is None:
            continue
        function = event.model.name.rpartition(".")[2]
        yield effects.finding(
            RULE.name,
            effect,
            f"all of a file is in memory to be hashed: `{text(read)}`",
            symbol=text(read),
            cure=cure(function, effect),
            confidence="likely",
            terms=(Term("load", ("rows",)),),
        )


def dumped(effects: Effects, effect: Effect) -> Iterator[Finding]:
    """Give a list of all rows of a query that becomes one text."""
    rows, event = effect.event.detail, effect.event
    if len(event.chain) > 1 or event.loops or not isinstance(rows, Sequence) or not rows.known:
        return
    load = rows.load or rows.source
    if load is None or load.limited or load.filtered or load.few or load.grouped or load.relation or load.owned:
        return
    if rows.size.constant is not None or rows.size.symbol in ("items", "page"):
        return
    shown = text(event.node)
    yield effects.finding(
        RULE.name,
        effect,
        f"all rows of a query are held as a list, and then as one text: `{shown}`",
        symbol=event.symbol,
        cure="Write row by row as they come from the query: a line of JSON each, or the commas between them by hand.",
        confidence="likely",
        terms=(Term("hold", (rows.size.symbol,)),),
    )


def settle(finding: Finding) -> Finding:
    """An answer of all rows is told by other rules; here it is what a program writes."""
    answers = any(is_request(entry) for entry in finding.entry_points)
    return replace(finding, confidence="possible") if answers and "one text" in finding.message else finding


def whole(call: Node | None) -> Node | None:
    """Return the argument that reads all there is: `file.read()` without a size."""
    if call is None or call[0] != "call":
        return None
    for argument in (*call[3], *(value for _, value in call[4])):
        if argument[0] == "call" and argument[2][0] == "attr" and argument[2][3] in READS and not argument[3]:
            return argument  # type: ignore[no-any-return]
    return None


def cure(function: str, effect: Effect) -> str:
    if effect.through:
        return f'Pass the file on, and hash it with hashlib.file_digest(file, "{function}"), a buffer at a time.'
    return f'Use hashlib.file_digest(file, "{function}"), which reads a buffer at a time.'


RULE = Rule(
    name="read-all-into-memory",
    sees=("serialize",),
    spends=("memory",),
    proof=Proof.peak("n"),
    find=find,
    settle=settle,
)
