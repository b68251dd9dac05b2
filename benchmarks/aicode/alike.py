#!/usr/bin/env python3
"""Say whether the rewrite of an application answers as the application does.

    python benchmarks/aicode/alike.py teamtasks [--size 100]

The driver of its truth runs on the application and on a copy with <application>.best laid over it. Every answer it gets (method,
address, status, body) and every row that is left in its databases is kept, without times and random tokens, and the two
records are compared: the first differences are printed, and the exit status is 1 where there are any. The application
runs twice: where it does not answer in the same order both times, as for rows that tie, the order of lists does not count.
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
from pathlib import Path

import lay

HERE = Path(__file__).resolve().parent
VARIES = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?|\b[0-9a-f]{16,}\b|\b[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}\b"
)
SHOWN = 60  # lines


def plain(text):
    """Return a text without what differs from run to run."""
    return VARIES.sub("~", text)


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
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
            for table in tables:
                columns = sorted(row[1] for row in db.execute(f'PRAGMA table_info("{table}")'))
                names = ", ".join(f'"{column}"' for column in columns)
                rows = [dict(zip(columns, row, strict=True)) for row in db.execute(f'SELECT {names} FROM "{table}"')]
                self.seen.append((f"rows of {table}", "\n".join(sorted(plain(json.dumps(row, default=repr)) for row in rows))))


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


def seen(name, folder, size, told):
    """Return what the driver of an application saw of the copy in a folder."""
    command = [sys.executable, "-W", "ignore", __file__, name, "--child", str(folder), str(told), "--size", str(size)]
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONHASHSEED": "0"}
    )
    if done.returncode:
        raise SystemExit(f"The driver of {name} failed on {folder}: {done.stderr.strip()[-2000:]}")
    return json.loads(Path(told).read_text("utf8"))


def sorted_lists(text):
    """Return a JSON text with the items of each list in an order of our own."""

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


def differences(before, again, after):
    """Yield the lines that differ, of what the application answers alike in two runs and of what it merely reorders."""
    heads = [[head for head, _ in record] for record in (before, after)]
    if heads[0] != heads[1]:
        yield from difflib.unified_diff(*heads, "application", "rewrite", lineterm="", n=1)
        return
    for (head, old), (_, other), (_, new) in zip(before, again, after, strict=True):
        if old != other:
            old, new = sorted_lists(old), sorted_lists(new)
        if old != new:
            yield head
            yield from list(difflib.unified_diff(old.splitlines(), new.splitlines(), "application", "rewrite", lineterm="", n=2))


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
        folders = (HERE / options.application, HERE / options.application, rewrite)
        before, again, after = (seen(options.application, folder, options.size, told) for folder in folders)
    found = list(differences(before, again, after))
    print(*found[:SHOWN], sep="\n", end="\n" if found else "")
    answers = sum(not head.startswith("rows of ") for head, _ in before)
    loose = sum(old != other for (_, old), (_, other) in zip(before, again))
    print(
        f"{options.application} at {options.size}: {answers} answers and the rows of {len(before) - answers} tables, "
        f"{'NOT ' if found else ''}all alike; {loose} of them without their order."
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
