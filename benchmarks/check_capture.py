"""What watching adds to a query: Django, SQLAlchemy and sqlite3, and OpenTelemetry's instrumentation beside it.

CPU time of a query that is found by its key, called below 15 frames as a request's are; each way in a process of its
own, several times in turn, the least of each. OpenTelemetry's column is there where its packages are installed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "src" / "perfwright" / "runtime" / "capture"
LIBRARIES = ("django", "sqlalchemy", "sqlite3")
WAYS = ("plain", "installed", "recording", "opentelemetry")
BELOW = 15  # frames of others between the program and what runs it


def queries(library: str) -> Callable[[int], Any]:
    """Return what runs one query of a library."""
    if library == "sqlite3":
        import sqlite3

        connection = sqlite3.connect(":memory:")
        connection.execute("create table t (a integer primary key, b text)")
        connection.executemany("insert into t values (?, ?)", [(i, str(i)) for i in range(100)])
        return lambda i: connection.cursor().execute("select b from t where a = ?", (i % 100,)).fetchone()
    if library == "sqlalchemy":
        from sqlalchemy import create_engine, text

        engine = create_engine("sqlite://")
        opened = engine.connect()
        opened.execute(text("create table t (a integer primary key, b text)"))
        opened.execute(text("insert into t values (:a, :b)"), [{"a": i, "b": str(i)} for i in range(100)])
        statement = text("select b from t where a = :a")
        return lambda i: opened.execute(statement, {"a": i % 100}).fetchone()
    from django.contrib.auth.models import Group
    from django.core.management import call_command
    from django.db import connection as default

    call_command("migrate", verbosity=0)
    Group.objects.bulk_create([Group(name=str(i)) for i in range(100)])

    def ask(i: int) -> Any:
        with default.cursor() as cursor:
            cursor.execute("select name from auth_group where id = %s", (i % 100,))
            return cursor.fetchone()

    return ask


def start(library: str) -> None:
    """Import a library, as a program does before it is watched."""
    if library == "django":
        import django
        from django.conf import settings

        settings.configure(
            INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        )
        django.setup()
    else:
        __import__(library)


def watch(way: str, library: str) -> Any:
    """Put a watcher in; return the recording to be in."""
    if way in ("installed", "recording"):
        import importlib.util

        spec = importlib.util.spec_from_file_location(
            "_perfwright_capture", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["_perfwright_capture"] = module
        spec.loader.exec_module(module)
        capture = module.Capture([str(Path(__file__).parent)])
        capture.install()
        return capture.recording() if way == "recording" else None
    if way == "opentelemetry":
        import importlib

        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
        from opentelemetry.trace import set_tracer_provider

        provider = TracerProvider()
        provider.add_span_processor(SpanProcessor())  # takes spans, and keeps none
        set_tracer_provider(provider)
        name = "sqlite3" if library == "django" else library  # Django's own makes spans of requests alone
        module = importlib.import_module(f"opentelemetry.instrumentation.{name}")
        kind = next(value for key, value in vars(module).items() if key.lower() == f"{name}instrumentor")
        kind().instrument()
    return None


def below(frames: int, function: Callable[[], Any]) -> Any:
    """Call a function under frames that are not the program's."""
    names: dict[str, Any] = {}
    exec(compile("def go(n, f):\n    return go(n - 1, f) if n else f()\n", "<others>", "exec"), names)
    return names["go"](frames, function)


def measure(library: str, way: str, count: int) -> float:
    """Return the microseconds of CPU of one query."""
    start(library)
    recording = watch(way, library)
    ask = queries(library)

    def many(size: int) -> float:
        before = time.process_time()
        for number in range(size):
            ask(number)
        return time.process_time() - before

    def go() -> float:
        many(count // 10)
        return min(many(count) for _ in range(3)) / count * 1e6

    if recording is None:
        return float(below(BELOW, go))
    with recording as trace:
        found = float(below(BELOW, go))
    counted = trace.to_json()
    assert counted["faults"] == 0, counted
    assert sum(group["count"] for group in counted["groups"][:2]) == count // 10 + 3 * count, counted["groups"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("LIBRARY", "WAY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(*given.one, given.count)))
        return
    print(f"{'us of CPU a query':<20}{''.join(f'{way:>15}' for way in WAYS)}{'adds':>9}{'ratio':>9}")
    for library in LIBRARIES:
        least: dict[str, float] = {}
        for _ in range(given.runs):
            for way in WAYS:
                command = [sys.executable, __file__, "--count", str(given.count), "--one", library, way]
                with tempfile.TemporaryDirectory() as folder:
                    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
                if done.returncode == 0:
                    least[way] = min(least.get(way, float("inf")), json.loads(done.stdout.splitlines()[-1]))
                elif way != "opentelemetry":
                    sys.exit(done.stderr)
        adds, beside = least["recording"] - least["plain"], least.get("opentelemetry", 0.0) - least["plain"]
        row = "".join(f"{least[way]:>15.1f}" if way in least else f"{'not installed':>15}" for way in WAYS)
        print(f"{library:<20}{row}{adds:>9.1f}{f'{adds / beside:.2f}' if beside > 0 else '-':>9}", flush=True)
    print("ratio: what watching adds, of what OpenTelemetry adds")


if __name__ == "__main__":
    main()
