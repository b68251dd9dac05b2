"""Reads one profile that only native code can read, and prints it as JSON: a program, in a process of its own.

A damaged file can end the interpreter that unpacks it: then this one, not the one that asks. It imports nothing of
the rest. What it says on stderr is the reason, in words that go on from the file's name.
"""

import json
import marshal
import sys

MEMORY = 4 << 30  # bytes of address space
SECONDS = 120


def limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows, where the parent's clock is what there is
        return
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def fail(reason: str) -> None:
    sys.stderr.write(reason)
    sys.stderr.flush()
    raise SystemExit(3)


def number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        fail("has a time that is no number from 0 on; it is damaged")
    return float(value)  # type: ignore[arg-type]


def cprofile(path: str) -> object:
    """Return the functions of a cProfile dump as rows, callers by their number."""
    with open(path, "rb") as file:  # noqa: PTH123  what is not imported cannot be missing
        stats = marshal.loads(file.read())
    if type(stats) is not dict or not stats:
        fail("holds no functions; write it with `python -m cProfile -o FILE`")
    numbers: dict[object, int] = {}
    for key in stats:
        if type(key) is not tuple or [type(part) for part in key] != [str, int, str]:
            fail("has a function without file, line and name; it is damaged")
        numbers[key] = len(numbers)
    rows = []
    for key, row in stats.items():
        if type(row) is not tuple or len(row) != 5 or type(row[4]) is not dict:
            fail("has a function without its times and callers; it is damaged")
        edges = []
        for caller, edge in row[4].items():
            # Before Python 2.5 an edge was a number; `profile`, its slow twin, still writes one.
            inclusive = number(edge[3]) if type(edge) is tuple and len(edge) == 4 else 0.0
            if caller in numbers:
                edges.append([numbers[caller], inclusive])
        rows.append([*key, number(row[2]), number(row[3]), edges])
    return rows


def memray(path: str) -> object:
    """Return the stacks at a memray file's peak: names, and rows of bytes and places of names, innermost first."""
    try:
        from memray import FileReader
    except ImportError:
        fail(
            "is memray's own file, and memray is not installed beside perfwright; "
            "write it out with `memray transform csv FILE` and give that"
        )
    names: dict[tuple[str, str, int], int] = {}
    rows = []
    with FileReader(path) as reader:
        for record in reader.get_high_watermark_allocation_records(merge_threads=True):
            stack = [names.setdefault(tuple(frame), len(names)) for frame in record.stack_trace()]
            rows.append([record.size, stack])
    return [list(names), rows]


READERS = {"cprofile": cprofile, "memray": memray}


def main() -> None:
    kind, path = sys.argv[1:]
    limit()
    try:
        text = json.dumps(READERS[kind](path))
    except (MemoryError, RecursionError):
        fail("needs too much memory to be read; take a shorter one")
    except Exception as error:
        fail(f"cannot be unpacked ({type(error).__name__}); it is damaged or something else")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
