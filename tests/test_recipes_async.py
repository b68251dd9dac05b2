"""Recipes for awaits, clients and hazards: what they propose, where they propose nothing, and the judge of waiting."""

import ast
import asyncio
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfwright.finding import Cost, Finding, Place, Step, Term
from perfwright.fix import patches
from perfwright.fix.judge import waiting
from perfwright.fix.recipes._keywords import given
from perfwright.fix.source import Source
from scene import Answer, Request, service

COMMAND = (sys.executable, "-c", "from perfwright.app.main import main; main()")


def proposed(
    folder: Path, rule: str, code: str, *, symbol: str = "", cure: str = "", effect: str = "", chain: str = ""
) -> list[str]:
    """Return the files that recipes propose for a finding on the line that is marked, the best first."""
    text = textwrap.dedent(code).lstrip("\n")
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines, 1) if line.endswith("# here"))
    first = [number for number, line in enumerate(lines, 1) if line.endswith("# first")] or [at]
    text = text.replace("  # here", "").replace("  # first", "")
    (folder / "a.py").write_text(text, "utf8")
    line = text.splitlines()[at - 1]
    column = line.index(chain) + 1 if chain else 0
    steps = tuple(Step(path="a.py", line=number, function="", what="") for number in (*first, at))
    finding = Finding(
        rule=rule, place=Place(path="a.py", line=at, column=column), symbol=symbol, message="", cure=cure, chain=steps,
        cost=Cost(terms=(Term(effect),) if effect else ()),
    )  # fmt: skip
    return [each.after for each in patches.candidates(folder, finding)]


def names_of(text: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    exec(compile(text, "a.py", "exec"), made)
    return made


class Asked:
    """Answers after a while, and knows how many were asked at once and in which order."""

    def __init__(self, fails: frozenset[int] = frozenset()) -> None:
        self.order: list[int] = []
        self.under_way = self.most = 0
        self.fails = fails

    async def __call__(self, number: int) -> int:
        self.order.append(number)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.001 * (number % 3))
        self.under_way -= 1
        if number in self.fails:
            raise ValueError(number)
        return number * number


def both(tmp_path: Path, code: str, call: Callable[[dict[str, Any], Asked], Any]) -> tuple[Any, Any, Asked, Asked]:
    """Return what both versions give, and what each has asked."""
    before, after = Asked(), Asked()
    made = proposed(tmp_path, "sequential-awaits", code)
    assert len(made) == 1, made
    one = asyncio.run(call(names_of((tmp_path / "a.py").read_text("utf8")), before))
    other = asyncio.run(call(names_of(made[0]), after))
    return one, other, before, after


# ------------------------------------------------------------------------------ awaits
def test_what_a_loop_awaits_is_asked_together_and_the_rest_goes_on_in_order(tmp_path: Path) -> None:
    code = """
    async def squares(ask, numbers):
        found, last = [], None
        for number in numbers:
            answer = await ask(number)  # here
            if answer == last:
                continue
            found.append((number, answer))
            last = answer
        return found
    """
    one, other, before, after = both(tmp_path, code, lambda names, ask: names["squares"](ask, iter([3, 1, 1, 2] * 6)))

    assert one == other
    assert sorted(before.order) == sorted(after.order)
    assert (before.most, 1 < after.most <= 10) == (1, True)


def test_all_that_a_pass_asks_goes_together_and_its_parts_stay_in_order(tmp_path: Path) -> None:
    code = """
    async def pairs(ask, rows):
        found = {}
        for key, number in rows:
            first = await ask(number)
            second = await ask(first + 1)  # here
            found[key] = first + second
        return found
    """
    rows = [("a", 1), ("b", 2), ("c", 3)]
    one, other, before, after = both(tmp_path, code, lambda names, ask: names["pairs"](ask, rows))

    assert one == other
    assert (list(other), before.most, after.most) == (["a", "b", "c"], 1, 3)


@pytest.mark.parametrize(
    "code",
    [
        "async def all_of(ask, numbers):\n    return [await ask(n) for n in numbers if n > 1]  # here\n",
        "async def all_of(ask, numbers):\n    return {n: await ask(n) + 1 for n in numbers}  # here\n",
    ],
)
def test_a_comprehension_asks_together(tmp_path: Path, code: str) -> None:
    one, other, before, after = both(tmp_path, code, lambda names, ask: names["all_of"](ask, [1, 2, 3, 2]))

    assert (one, before.most) == (other, 1)
    assert after.most > 1


def test_awaits_in_a_row_are_asked_together(tmp_path: Path) -> None:
    code = """
    async def page(ask, number):
        first = await ask(number)  # first
        left, right = await both(ask, number)
        last = await ask(number + 2)  # here
        return first, left, right, last

    async def both(ask, number):
        return await ask(number), 1
    """
    one, other, before, after = both(tmp_path, code, lambda names, ask: names["page"](ask, 1))

    assert (one, before.most, after.most) == (other, 1, 3)


@pytest.mark.parametrize(
    "body",
    [
        "last = 0\n    for n in ns:\n        last = await ask(n + last)  # here\n    return last",
        "for n in ns:\n        if await ask(n):  # here\n            return n",  # left early
        "for n in ns:\n        a = await ask(n)  # here\n        if a: break\n        found.append(a)",
        "async for n in ns:\n        await ask(n)  # here",
        "for n in ns:\n        if n in seen: continue\n        a = await ask(n)  # here\n        seen.add(a)",
        "for n in ns:\n        async with lock:\n            a = await ask(n)  # here",
        "async with session.begin():\n        for n in ns:\n            a = await ask(n)  # here",
        "for n in ns:\n        a = await ask(session, n)  # here\n        found.append(a)",  # one session
        "for n in ns:\n        a = await db.fetch(n)  # here\n        found.append(a)",
        "for n in ns:\n        a = await ask(n)  # here\n        self.last = a",  # seen by others
        "for n in ns:\n        a = await ask(n)  # here\n        await tell(a)\n        ns = []",
        "for n in ns:\n        a = await ask(n, found)  # here\n        found.append(a)",  # asked with what is found
        "for n in ns:\n        a = await ask(n)  # here\n        yield a",
        "for n in ns:\n        try:\n            a = await ask(n)  # here\n        except E: continue",
        "for n in ns:\n        a = await ask(n)  # here\n    else:\n        return 1",
        "for n in ns:\n        a = await ask(n)  # here\n    return a",  # the last one is needed
        "a = await ask(ns)  # first\n    b = await ask(a)  # here\n    return b",  # needs the first
        "a = await ask(session, 1)  # first\n    b = await ask(session, 2)  # here\n    return a, b",
    ],
)
def test_what_depends_on_order_is_left_alone(tmp_path: Path, body: str) -> None:
    code = f"async def all_of(self, ask, tell, ns, session, db, lock, seen, found):\n    {body}\n"

    assert proposed(tmp_path, "sequential-awaits", code) == []


def test_of_failures_the_first_in_time_is_raised_and_nothing_is_swallowed(tmp_path: Path) -> None:
    code = """
    async def squares(ask, numbers):
        found = []
        for number in numbers:
            answer = await ask(number)  # here
            found.append(answer)
        return found
    """
    (made,) = proposed(tmp_path, "sequential-awaits", code)
    ask = Asked(frozenset((4,)))
    with pytest.raises(ValueError, match="4"):
        asyncio.run(names_of(made)["squares"](ask, [1, 4, 2, 5]))

    async def ended() -> list[int]:
        slow = Asked()
        task = asyncio.create_task(names_of(made)["squares"](slow, list(range(50))))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)
        return slow.order

    assert len(asyncio.run(ended())) <= 10  # those that wait for their turn are never asked


# ------------------------------------------------------------------------------ the event loop
@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("time.sleep(1)", "await asyncio.sleep(1)"),
        ("text = read(path, 1, mode=2)", "text = await asyncio.to_thread(read, path, 1, mode=2)"),
        ("text = read()", "text = await asyncio.to_thread(read)"),
        ("text = read(path).strip()", "text = (await asyncio.to_thread(read, path)).strip()"),
        ("return read(path) + 1", "return (await asyncio.to_thread(read, path)) + 1"),
    ],
)
def test_what_holds_the_event_loop_is_awaited_in_a_thread(tmp_path: Path, line: str, becomes: str) -> None:
    at = "time" if "time" in line else "read"
    (made,) = proposed(tmp_path, "blocking-call-in-async", f"async def f(path):\n    {line}  # here\n", chain=at)

    assert made == f"import asyncio\n\n\nasync def f(path):\n    {becomes}\n"


@pytest.mark.parametrize(
    "body",
    [
        "return [read(p) for p in path]  # here",
        "return (lambda: read(path))()  # here",
        "def inner():\n        return read(path)  # here\n    return inner()",
        "with lock:\n        return read(path)  # here",
        "with read(path) as file:  # here\n        return file",
        "state.count += read(path)  # here",
        "await read(path)  # here",
        "return session.read(path)  # here",
        "for p in path:\n        read(p)  # here",  # a thread for each
        "return list(read(path))  # here\n\ndef read(path):\n    yield path",  # nothing is done yet
    ],
)
def test_what_must_stay_in_the_event_loop_is_left_alone(tmp_path: Path, body: str) -> None:
    assert proposed(tmp_path, "blocking-call-in-async", f"async def f(path):\n    {body}\n", chain="read") == []


def test_a_property_that_asks_the_database_stays_in_the_event_loop(tmp_path: Path) -> None:
    code = """
    class Names:
        def __init__(self, store):
            self.store = store

        @property
        def known(self):
            return self.store.session.execute("select name from people").all()

    def read(path, names):
        return open(path).read(), names.known

    async def f(path, names):
        return read(path, names)  # here
    """
    assert proposed(tmp_path, "blocking-call-in-async", code, chain="read") == []
    code = code.replace("@property", "@staticmethod")

    assert proposed(tmp_path, "blocking-call-in-async", code, chain="read") != []


def test_what_is_started_for_each_item_gets_a_bound(tmp_path: Path) -> None:
    code = """
    import asyncio

    async def all_of(ask, numbers):
        tasks = [asyncio.create_task(ask(number)) for number in numbers]  # here
        return await asyncio.gather(*tasks)
    """
    (made,) = proposed(tmp_path, "unbounded-concurrency", code)
    before, after = Asked(), Asked()
    one = asyncio.run(names_of((tmp_path / "a.py").read_text("utf8"))["all_of"](before, list(range(30))))
    other = asyncio.run(names_of(made)["all_of"](after, list(range(30))))

    assert (one, before.most, after.most) == (other, 30, 10)


# ------------------------------------------------------------------------------ clients, on a real server
CLIENTS = {
    "each pass": """
        import httpx
        def fetch(address, paths):
            found = []
            for path in paths:
                with httpx.Client() as client:  # here
                    found.append(client.get(f"{address}/{path}").json())
            return found
        """,
    "a pass with more": """
        import httpx
        def fetch(address, paths):
            found = []
            for path in paths:
                if path == "2":
                    continue
                with httpx.Client() as client:  # here
                    # asked for
                    answer = client.get(f"{address}/{path}")
                found.append(answer.json())
            return found
        """,
    "a function within": """
        import asyncio
        import httpx
        def fetch(address, paths):
            return asyncio.run(fetched(address, paths))

        async def fetched(address, paths):
            async def one(path):
                async with httpx.AsyncClient() as client:  # here
                    return (await client.get(f"{address}/{path}")).json()

            found = []
            for path in paths:
                found += await asyncio.gather(one(path))
            return found
        """,
    "functions of requests": """
        import requests
        def fetch(address, paths):
            found = []
            for path in paths:
                answer = requests.get(f"{address}/{path}", timeout=5)  # here
                found.append(answer.json())
            return found
        """,
}


@pytest.mark.parametrize("name", CLIENTS)
def test_one_client_asks_the_same_over_fewer_connections(tmp_path: Path, name: str) -> None:
    at = "requests" if "requests" in name else ""
    made = proposed(tmp_path, "client-per-call", CLIENTS[name], chain=at)[0]
    before, asked_before, opened_before = counted((tmp_path / "a.py").read_text("utf8"))
    after, asked_after, opened_after = counted(made)

    assert (before, asked_before) == (after, asked_after)
    assert opened_before == len(asked_before)
    assert opened_after == 1


def counted(text: str) -> tuple[Any, list[str], int]:
    """Return what `fetch` of a file gives, what a server is asked, and how many connections are opened for it."""
    import threading

    asked: list[str] = []
    threads: set[int] = set()

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        threads.add(threading.get_ident())  # a thread for each connection
        kept.append(threading.current_thread())
        return 200, request.path

    kept: list[threading.Thread] = []
    with service(answer) as address:
        found = names_of(text)["fetch"](address, ["1", "2", "3"])
    return found, asked, len(set(map(id, kept)))


@pytest.mark.parametrize(
    "body",
    [
        "for url in urls:\n        with httpx.Client(base_url=url) as client:  # here\n            client.get('/')",
        "for url in urls:\n        with httpx.Client() as client:  # here\n            found.append(client)",
        "for url in urls:\n        with httpx.Client() as client:  # here\n            yield client.get(url)",
        "with httpx.Client() as client:  # here\n        client.get(urls)",
    ],
)
def test_a_client_that_others_keep_or_that_differs_is_left_alone(tmp_path: Path, body: str) -> None:
    code = f"import httpx\nasync def f(urls, found):\n    {body}\n"

    assert proposed(tmp_path, "client-per-call", code) == []


def test_a_pool_is_made_once_where_each_pass_takes_all_of_it(tmp_path: Path) -> None:
    code = """
    from concurrent.futures import ThreadPoolExecutor
    def f(texts):
        for words in texts:
            with ThreadPoolExecutor(4) as pool:  # here
                {}
    """
    (made,) = proposed(tmp_path, "pool-per-call", code.format("print(sum(pool.map(len, words)))"))
    assert "    with ThreadPoolExecutor(4) as pool:\n        for words in texts:\n            print(" in made
    assert proposed(tmp_path, "pool-per-call", code.format("pool.submit(print, words)")) == []


@pytest.mark.parametrize(
    ("body", "goes"),
    [
        ("path.write_text('')", True),
        ("store(path)", False),
        ("Store(path)", False),
    ],
)
def test_a_function_of_the_project_goes_to_a_thread_unless_it_uses_a_session(
    tmp_path: Path, body: str, goes: bool
) -> None:
    (tmp_path / "stores.py").write_text(
        "class Store:\n    def __init__(self, path): keep(path)\n\n\ndef store(path): keep(path)\n\n\n"
        "def keep(path): current.session.add(path)\n"
    )
    code = f"""
    from stores import Store, store
    def write(path):
        {body}
    async def f(path):
        write(path)  # here
    """
    found = proposed(tmp_path, "blocking-call-in-async", code, symbol="pathlib.Path.write_text", chain="write")

    assert ["await asyncio.to_thread(write, path)" in each for each in found] == [True] * goes


def test_the_arguments_of_a_call_stay_on_their_lines(tmp_path: Path) -> None:
    code = "async def f(path):\n    return write(  # here\n        path,\n        7,\n    )\n"
    (made,) = proposed(tmp_path, "blocking-call-in-async", code, symbol="write", chain="write")

    assert "await asyncio.to_thread(\n        write,\n        path,\n        7,\n    )" in made
    assert all(line == line.rstrip() for line in made.split("\n"))


def test_what_a_decorator_adds_to_keeps_all(tmp_path: Path) -> None:
    code = "KNOWN = []\n\n\ndef known(fn):\n    KNOWN.append(fn)  # here\n    return fn\n\n\n"
    assert proposed(tmp_path, "unbounded-growth", code + "known(f)\n", symbol="KNOWN")
    assert proposed(tmp_path, "unbounded-growth", code + "@known\ndef f(): pass\n", symbol="KNOWN") == []


# ------------------------------------------------------------------------------ suggestions
@pytest.mark.parametrize(
    ("line", "symbol", "becomes"),
    [
        ("requests.get(url)", "requests.get", "requests.get(url, timeout=(3.05, 30))"),
        ("requests.get(url, timeout=None)", "requests.get", "requests.get(url, timeout=(3.05, 30))"),
        ("session.get((url))", "requests.Session.get", "session.get((url), timeout=(3.05, 30))"),
        ("urlopen(url, data=None,)", "urllib.request.urlopen", "urlopen(url, data=None, timeout=30,)"),
    ],
)
def test_a_timeout_is_suggested(tmp_path: Path, line: str, symbol: str, becomes: str) -> None:
    made = proposed(
        tmp_path, "no-timeout", f"def f(url, session):\n    {line}  # here\n", symbol=symbol, effect="http.request",
        cure="Pass timeout=(3.05, 30): seconds to connect.", chain=line[:4],
    )  # fmt: skip

    assert made == [f"def f(url, session):\n    {becomes}\n"]


@pytest.mark.parametrize(
    ("line", "symbol", "effect"),
    [
        ("requests.get(url, **more)", "requests.get", "http.request"),
        ("more.get()", "queue.Queue.get", "wait"),
        ("more.join()", "threading.Thread.join", "wait"),
        ("requests.get(url, timeout=5)", "requests.get", "http.request"),
        ("subprocess.call(more)", "subprocess.call", "process.spawn"),
        ("subprocess.run([more, url])", "subprocess.run", "process.spawn"),
    ],
)
def test_no_timeout_is_suggested_where_somebody_has_to_decide(
    tmp_path: Path, line: str, symbol: str, effect: str
) -> None:
    made = proposed(
        tmp_path, "no-timeout", f"def f(url, more):\n    {line}  # here\n", symbol=symbol, effect=effect,
        cure="Pass timeout= in seconds, and handle its end.", chain=line[:4],
    )  # fmt: skip

    assert made == []


@pytest.mark.parametrize(
    ("loop", "pause"),
    [
        ("for _ in range(3):  # here\n        try: return ask()\n        except OSError:\n            pass", "attempt"),
        ("for n in range(3):  # here\n        try: return ask()\n        except:\n            time.sleep(2)", "(n +"),
        ("while True:  # here\n        try: return ask()\n        except OSError:\n            print(1)", "failures"),
    ],
)  # fmt: skip
def test_a_retry_waits_longer_after_each_failure(tmp_path: Path, loop: str, pause: str) -> None:
    code = f"import time\ndef f(ask):\n    {loop}\n"
    (made,) = proposed(tmp_path, "retry-without-backoff", code, cure="Wait longer after each failure.")
    slept: list[float] = []
    names = names_of(made)
    names["time"] = type("Time", (), {"sleep": slept.append})
    left = [OSError(), OSError(), None]

    def ask() -> int:
        failed = left.pop(0)
        if failed is not None:
            raise failed
        return 7

    assert f"2**{pause}" in made
    assert names["f"](ask) == 7
    assert len(slept) == 2
    assert 0 < slept[0] <= 4
    assert slept[1] > 0


@pytest.mark.parametrize(
    "loop",
    [
        "while True:  # here\n        try: return ask()\n        except OSError:\n            time.sleep(15 * 60)",
        "while True:  # here\n        try: return ask()\n        except OSError:\n            time.sleep(60)",
        "for n in range(30):  # here\n        try: return ask()\n        except OSError:\n            time.sleep(1)",
        "for n in range(5, 0, -1):  # here\n        try: return ask()\n        except OSError:\n            pass",
        "for n in range(5):  # here\n        try: ask()\n        except: print(n)\n        time.sleep(1)",
    ],
)
def test_a_pause_that_is_long_or_not_after_a_failure_stays(tmp_path: Path, loop: str) -> None:
    code = f"import time\ndef f(ask):\n    {loop}\n"

    assert proposed(tmp_path, "retry-without-backoff", code, cure="Wait longer after each failure.") == []


def test_a_pause_of_unknown_length_never_shrinks(tmp_path: Path) -> None:
    code = "import time\ndef f(ask, pause):\n    while True:  # here\n        try: return ask()\n"
    code += "        except OSError:\n            time.sleep(pause)\n"
    (made,) = proposed(tmp_path, "retry-without-backoff", code, cure="Wait longer after each failure.")

    assert "time.sleep(max(pause, min(30, pause * 2**failures) * random.uniform(0.5, 1)))" in made


def test_an_argument_of_a_call_over_several_lines_has_a_line_of_its_own() -> None:
    source = Source("a.py", "run(\n    [a],\n    text=True,\n)\n")
    call = next(each for each in ast.walk(source.tree) if isinstance(each, ast.Call))
    edit = given(source, call, "timeout", "9")

    assert edit is not None
    assert source.edited([edit]) == "run(\n    [a],\n    text=True,\n    timeout=9,\n)\n"


def test_an_endpoint_is_offered_pages_of_rows(tmp_path: Path) -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    code = """
    from fastapi import APIRouter
    from sqlalchemy import create_engine, select
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
    from sqlalchemy.pool import StaticPool

    class Base(DeclarativeBase):
        pass

    class Item(Base):
        __tablename__ = "item"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]

    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Item(id=n, name=f"item {n:03}") for n in range(1, 251))
        session.commit()
    router = APIRouter()

    @router.get("/items")
    def items():
        session = Session(engine)
        return [item.name for item in session.scalars(select(Item).order_by(ORDER))]  # here
    """
    for order, more, query in (("Item.name", "offset", "offset=200"), ("Item.id", "after", "after=200")):
        (made,) = proposed(tmp_path, "unbounded-result", code.replace("ORDER", order), chain="scalars")
        app = FastAPI()
        app.include_router(names_of(made)["router"])
        client = TestClient(app)
        assert f"{more}: " in made
        assert len(client.get("/items").json()) == 100
        assert client.get(f"/items?{query}").json() == [f"item {n:03}" for n in range(201, 251)]
        assert client.get("/items?limit=0").status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        "return len(session.scalars(select(Item).order_by(Item.name)).all())  # here",
        "return session.scalars(select(Item)).all()  # here",  # in no order
        "return session.scalars(select(Item).order_by(Item.name).limit(5)).all()  # here",
        "found = session.scalars(select(Item).order_by(Item.name)).all()  # here\n    return found, len(found)",
    ],
)
def test_rows_that_are_used_up_before_the_answer_are_not_paged(tmp_path: Path, body: str) -> None:
    code = f"from fastapi import APIRouter\n@router.get('/items')\ndef items(session):\n    {body}\n"

    assert proposed(tmp_path, "unbounded-result", code, chain="scalars") == []


# ------------------------------------------------------------------------------ the judge, and the command
@pytest.mark.slow
def test_the_judge_measures_what_calls_wait_for(tmp_path: Path) -> None:
    code = """
    import time
    from collections.abc import Awaitable, Callable

    async def squares(ask: Callable[[int], Awaitable[int]], numbers: list[int]) -> list[int]:
        found = []
        for number in numbers:
            answer = await ask(number)  # here
            found.append(answer)
        return found
    """
    made = judged(tmp_path, "sequential-awaits", code)

    assert made.repairs, made.verdict
    waits = made.verdict.waits
    assert waits is not None
    assert waits.better("elapsed")
    assert (max(waits.before["concurrency"]), max(waits.after["concurrency"])) == (1, 10)


@pytest.mark.slow
def test_the_judge_counts_requests_that_go_nowhere(tmp_path: Path) -> None:
    code = """
    import httpx

    def prices(names: list[str]) -> list[int]:
        found = []
        for name in names:
            with httpx.Client() as client:  # here
                answer = client.get("http://prices.test/price", params={"name": name})
            found.append(answer.json()["price"])
        return found
    """
    made = judged(tmp_path, "client-per-call", code)

    assert made.repairs, made.verdict
    waits = made.verdict.waits
    assert waits is not None
    assert waits.before["requests"] == waits.after["requests"] == waits.before["connections"]
    assert set(waits.after["connections"]) == {1}


def test_what_is_measured_as_no_better_is_no_repair() -> None:
    same = dict.fromkeys(waiting.MEASURED, (1.0,) * 3)
    assert not any(map(waiting.Waits(8, same, same).better, waiting.MEASURED))
    quicker = {**same, "elapsed": (0.5, 0.5, 0.9)}  # not in all rounds
    assert not waiting.Waits(8, same, quicker).better("elapsed")
    held, later = {**same, "stall": (1.0,) * 10}, {**same, "stall": (0.1,) * 9 + (0.9,)}
    assert waiting.Waits(8, held, later).better("stall")  # all but one of ten
    later["stall"] = (0.1,) * 8 + (0.9,) * 2
    assert not waiting.Waits(8, held, later).better("stall")


def judged(folder: Path, rule: str, code: str) -> patches.Judged:
    """Return the first candidate for the finding on the line that is marked, with its verdict."""
    root = folder / "project"
    root.mkdir()
    assert proposed(root, rule, code)
    place = Place(path="a.py", line=textwrap.dedent(code).lstrip("\n").split("# here")[0].count("\n") + 1, column=0)
    finding = Finding(rule=rule, place=place, symbol="", message="")
    candidate = next(patches.candidates(root, finding))
    return patches.judged(root, candidate, folder / "s", python=Path(sys.executable), contain="auto", size=200)


def test_a_suggestion_is_told_and_written_where_it_is_asked_for(tmp_path: Path) -> None:
    slow = (
        "from urllib.request import urlopen\n\n\ndef read(address: str) -> bytes:\n    return urlopen(address).read()\n"
    )
    (tmp_path / "a.py").write_text(slow, "utf8")
    fix = ("fix", "--all", "--dirty", "--size", "50", "--select", "no-timeout")
    told = run(tmp_path, *fix, "--write")
    kept = (tmp_path / "a.py").read_text("utf8")
    alone = run(tmp_path, *fix, "--suggested", "no-timeout")
    done = run(tmp_path, *fix, "--write", "--suggested", "no-*", "--format", "json")

    assert (told.returncode, kept) == (1, slow)
    assert "suggested, for it changes what the program does: it raises where it would have waited on" in told.stdout
    assert "not written: it changes what the program does; --suggested no-timeout writes it" in told.stdout
    assert "0 findings of 1 repaired." in told.stdout
    assert "1 suggestion, which --write leaves out: see --suggested." in told.stdout
    assert alone.returncode == 2
    assert "add --write" in alone.stderr
    fixed = json.loads(done.stdout)["fix"]["fixes"][0]
    assert (done.returncode, fixed["written"]) == (0, True)
    assert fixed["suggested"].startswith("it raises")
    assert "urlopen(address, timeout=30).read()" in (tmp_path / "a.py").read_text("utf8")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False)
