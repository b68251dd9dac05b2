#!/usr/bin/env python3
"""Say whether the rewrite of an application answers as the application does.

    python benchmarks/aicode/alike.py teamtasks [--size 100]

The driver of its truth runs on the application and on a copy with <application>.best laid over it. Every answer it gets (method,
address, status, body) and every row that is left in its databases is kept, without times and random tokens. An application without
a server has <application>.truth/commands.txt instead, whose lines are run one after the other: what they print and every file
that they write below {out} is kept. The two records are compared: the first differences are printed, and the exit status is 1 where there are any.

Where they differ the application runs again, up to four times: where it does not answer in the same order each time, as for
rows that tie, the order of lists does not count; where it does not answer the same, as for random keys and counts by the
minute, only the shape does; a column that it fills otherwise each time does not count, nor one that only the rewrite has.
Needs what the driver needs; the rest is standard library.
"""
import argparse
import difflib
import importlib.util
import json
import os
import re
import runpy
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import lay

HERE = Path(__file__).resolve().parent
VARIES = re.compile(  # times, also as Django writes them, digests, and tokens and cursors in base 64
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"
    r"|\b[A-Z][a-z]+\.? \d{1,2}, \d{4}, (noon|midnight|\d{1,2}(:\d\d)? [ap]\.m\.)|\b[0-9a-f]{16,}\b|\b[\w-]{32,}=*(\.[\w-]+)*"
)
NO_ROWS = {"django_migrations"}  # a rewrite that adds an index has a migration more
SHOWN = 60  # lines
RUNS = 4  # of the application, at most


KEYS = {"id"}


def plain(text):
    """Return a text without what differs from run to run."""
    return VARIES.sub("~", text)


def plain_value(value):
    """Return the value of a column without what differs from run to run; a number stays one."""
    return plain(value if isinstance(value, str) else repr(value)) if isinstance(value, str | bytes) else value


class Record:
    """What the driver saw: answers in their order, and the rows of each table, each as (what it is, its text)."""

    def __init__(self):
        self.seen = []

    def answer(self, method, url, status, body):
        self.seen.append((plain(f"{method} {url} -> {status}"), plain(pretty(body.decode("utf8", "replace")))))

    def rows(self, folder):
        """Keep the rows of every SQLite database below a folder, sorted: their order on disk means nothing."""
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix in (".db", ".sqlite", ".sqlite3") and path.is_file():
                self.database(path)

    def database(self, path):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name") if name not in NO_ROWS]
            for table in tables:
                columns = sorted(row[1] for row in db.execute(f'PRAGMA table_info("{table}")'))
                names = ", ".join(f'"{column}"' for column in columns)
                rows = [dict(zip(columns, map(plain_value, row), strict=True)) for row in db.execute(f'SELECT {names} FROM "{table}"')]
                self.seen.append((f"rows of {table}", "\n".join(sorted(map(json.dumps, rows)))))


def pretty(text):
    """Return JSON over several lines, in its own order; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    except ValueError:
        return text


def listen(record):
    """Record each answer that a test client of any framework gets, and the rows before a scratch folder goes."""
    for name in ("httpx", "httpx2"):
        if importlib.util.find_spec(name):
            listen_httpx(importlib.import_module(name), record)
    try:
        import werkzeug.test
    except ImportError:
        pass
    else:
        opened = werkzeug.test.Client.open

        def opens(self, *args, **more):
            response = opened(self, *args, **more)
            record.answer(response.request.method, response.request.path, response.status_code, response.get_data())
            return response

        werkzeug.test.Client.open = opens
    try:
        import django.test
    except ImportError:
        pass
    else:
        asked = django.test.Client.request

        def asks(self, **request):
            response = asked(self, **request)
            url = f"{request.get('PATH_INFO')}?{request.get('QUERY_STRING', '')}"
            body = b"" if response.streaming else response.content
            record.answer(request.get("REQUEST_METHOD"), url, response.status_code, body)
            return response

        django.test.Client.request = asks
    cleanup = tempfile.TemporaryDirectory.cleanup

    def cleaned(self):
        if Path(self.name).is_dir():
            record.rows(self.name)
        cleanup(self)

    tempfile.TemporaryDirectory.cleanup = cleaned


def listen_httpx(httpx, record):
    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def kept(response, stream):
        if not stream:
            request = response.request
            record.answer(request.method, request.url, response.status_code, response.content)
        return response

    async def sent_async(self, request, *, stream=False, **more):
        return kept(await send_async(self, request, stream=stream, **more), stream)

    def sent(self, request, *, stream=False, **more):
        return kept(send(self, request, stream=stream, **more), stream)

    httpx.Client.send, httpx.AsyncClient.send = sent, sent_async


def child(driver, folder, size, told):
    """Run the driver in this process and write what it saw."""
    record = Record()
    listen(record)
    sys.argv = [str(driver), "--one", str(size), "--application", str(folder)]
    try:
        runpy.run_path(str(driver), run_name="__main__")
    finally:
        Path(told).write_text(json.dumps(record.seen, indent=0), "utf8")


def ran(commands, folder):
    """Return what the commands of an application printed and wrote, of the copy in a folder."""
    record = []
    with tempfile.TemporaryDirectory() as out:
        for line in commands.read_text("utf8").splitlines():
            done = subprocess.run(
                [sys.executable, *line.replace("{out}", out).split()], cwd=folder, capture_output=True, text=True,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )
            record.append((f"{line} -> {done.returncode}", done.stdout.replace(out, "{out}")))
        for path in sorted(path for path in Path(out).rglob("*") if path.is_file()):
            text = path.read_text("utf8")
            record.append((f"file {path.relative_to(out)}", plain(text) if path.suffix == ".html" else text))
    return record


def seen(name, folder, size, told):
    """Return what the driver of an application saw of the copy in a folder, or what its commands did there."""
    commands = HERE / f"{name}.truth" / "commands.txt"
    if commands.is_file():
        return ran(commands, folder)
    command = [sys.executable, "-W", "ignore", __file__, name, "--child", str(folder), str(told), "--size", str(size)]
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONHASHSEED": "0"}
    )
    if done.returncode:
        raise SystemExit(f"The driver of {name} failed on {folder}: {done.stderr.strip()[-2000:]}")
    return json.loads(Path(told).read_text("utf8"))


def sorted_lists(text):
    """Return a text with the items of each list of its JSON, or its lines, in an order of our own."""

    def ordered(value):
        if isinstance(value, dict):
            return {key: ordered(each) for key, each in value.items()}
        if isinstance(value, list):
            return sorted(map(ordered, value), key=lambda each: json.dumps(each, sort_keys=True))
        return value

    try:
        return json.dumps(ordered(json.loads(text)), indent=1, ensure_ascii=False)
    except ValueError:
        return "\n".join(sorted(text.splitlines()))


def shape(text):
    """Return the keys and the types of a JSON text, or the different lines of another, without its values."""

    def shaped(value):
        if isinstance(value, dict):
            return {key: shaped(each) for key, each in value.items()}
        if isinstance(value, list):
            return sorted({json.dumps(shaped(each), sort_keys=True) for each in value})
        return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__

    try:
        return json.dumps(shaped(json.loads(text)), indent=1)
    except ValueError:
        return "\n".join(sorted(set(text.splitlines())))


def rows_of(text):
    return [json.loads(line) for line in text.splitlines()]


def steady(olds):
    """Return the columns of a table whose values are the same in all runs of the application."""

    def values(text, column):
        return sorted(json.dumps(row.get(column)) for row in rows_of(text))

    columns = (rows_of(olds[0]) or [{}])[0]
    return {column for column in columns if all(values(old, column) == values(olds[0], column) for old in olds)}


def without(text, columns):
    """Return rows with these columns only, sorted."""
    return "\n".join(sorted(json.dumps({key: row[key] for key in row if key in columns}) for row in rows_of(text)))


def comparable(head, olds, new):
    """Return both texts in the strictest form in which the application agrees with itself, and its name."""
    if head.startswith("rows of "):
        columns = steady(olds)
        old, rewritten = without(olds[0], columns), without(new, columns)
        if old == rewritten or without(olds[0], KEYS) != without(new, KEYS):
            return old, rewritten, "exact"
        # The same keys, given to the rows in another order: that of a set, or of what was done first.
        return without(olds[0], columns - KEYS), without(new, columns - KEYS), "without keys"
    for form, name in ((str, "exact"), (sorted_lists, "without order"), (shape, "shape")):
        if len({form(old) for old in olds}) == 1:
            return form(olds[0]), form(new), name
    return "", "", "not at all"


def differences(runs, after, forms):
    """Yield the lines in which the rewrite differs from all runs, and count how each answer could be compared."""
    # Requests that are under way together answer in any order.
    *runs, after = (sorted(record, key=lambda one: one[0]) for record in (*runs, after))
    heads = [[head for head, _ in record] for record in (runs[0], after)]
    if heads[0] != heads[1]:
        yield from difflib.unified_diff(*heads, "application", "rewrite", lineterm="", n=1)
        return
    for *olds, (head, new) in zip(*runs, after, strict=True):
        old, new, form = comparable(head, [old for _, old in olds], new)
        forms[form] += 1
        if old != new:
            yield f"{head} ({form})"
            yield from difflib.unified_diff(old.splitlines(), new.splitlines(), "application", "rewrite", lineterm="", n=2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("application")
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    driver = HERE / f"{options.application}.truth" / "drive.py"
    if options.child:
        child(driver, options.child[0], options.size, options.child[1])
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch) / "told.json"
        rewrite = lay.lay(options.application, Path(scratch) / options.application)
        application = HERE / options.application
        runs, after = [], seen(options.application, rewrite, options.size, told)
        found = [""]
        while found and len(runs) < RUNS:
            runs.append(seen(options.application, application, options.size, told))
            found = list(differences(runs, after, forms := Counter()))
    print(*(line[:200] for line in found[:SHOWN]), sep="\n", end="\n" if found else "")
    compared = ", ".join(f"{count} {form}" for form, count in forms.items())
    print(f"{options.application} at {options.size}: {'NOT ' if found else ''}all alike; answers, tables and files: {compared}.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
