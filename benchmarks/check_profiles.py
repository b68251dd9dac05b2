"""Are findings ranked by share of a profile times gain, and are Amdahl's ceilings right?

Seeds `examples/shop`, runs it under load below each profiler and behind a server that writes an access log, keeps the
files in `.cache/profiles`, checks the shop with each, and works the same numbers out by hand: with `pstats`, with
memray's own reader, from the raw samples and lines, and with code objects rather than the syntax tree.
"""

import argparse
import json
import os
import pstats
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import CodeType
from typing import Any

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
SHOP = EXAMPLES / "shop"
LOAD = HERE / "_shop_load.py"
CACHE = HERE.parent / ".cache" / "profiles"
TOLERANCE = 0.01
Stacks = list[tuple[list[tuple[str, int]], float]]  # files and lines, with what they weigh
# The shop's addresses, written down by hand from its routers: what a request runs first.
HANDLERS = {
    r"GET /products/\d+/related": ("routers/catalog.py", "related_products"),
    r"GET /products/\d+/reviews": ("routers/reviews.py", "list_reviews"),
    r"GET /products": ("routers/catalog.py", "list_products"),
    r"GET /categories/tree": ("routers/catalog.py", "tree"),
    r"GET /categories": ("routers/catalog.py", "list_categories"),
    r"GET /admin/orders": ("routers/admin.py", "list_orders"),
    r"GET /admin/orders\.csv": ("routers/admin.py", "export_orders"),
    r"GET /admin/revenue": ("routers/admin.py", "revenue_by_category"),
    r"GET /admin/dashboard": ("routers/admin.py", "dashboard"),
    r"GET /orders": ("routers/orders.py", "list_orders"),
    r"GET /cart": ("routers/carts.py", "show_cart"),
}


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(EXAMPLES),
        "PYTHONDONTWRITEBYTECODE": "1",
        "STORE_DATABASE_URL": f"sqlite:///{CACHE / 'shop.db'}",
        "STORE_ADMIN_TOKEN": "benchmark",
    }


def run(*command: object) -> None:
    subprocess.run([str(each) for each in command], env=environment(), cwd=CACHE, check=True, stdout=subprocess.DEVNULL)


def record(rounds: int) -> list[Path]:
    """Write a file with each profiler that is installed; returns them."""
    python, load = sys.executable, (LOAD, "--rounds", rounds)
    seeding = "import sys; sys.path.insert(0, sys.argv[1]); import _shop_load; _shop_load.seed(120, 150)"
    run(python, "-c", seeding, HERE)
    py_spy = shutil.which("py-spy", path=f"{Path(python).parent}:{os.environ.get('PATH', '')}")
    ways: list[tuple[str, tuple[object, ...]]] = [("shop.prof", (python, "-m", "cProfile", "-o", "shop.prof", *load))]
    if py_spy:
        for kind, name in (("speedscope", "py-spy.speedscope.json"), ("raw", "py-spy.txt")):
            ways.append(
                (name, (py_spy, "record", "-r", 200, "-f", kind, "-o", name, "--full-filenames", "--", python, *load))
            )
    ways.append(("shop.pyisession", (python, "-m", "pyinstrument", "-r", "session", "-o", "shop.pyisession", *load)))
    ways.append(("memray.bin", (python, "-m", "memray", "run", "-f", "-o", "memray.bin", *load)))
    written = []
    for name, command in ways:
        try:
            run(*command)
            written.append(CACHE / name)
        except subprocess.CalledProcessError as error:
            print(f"! {name} could not be recorded (status {error.returncode}); it is left out")
    return [*written, access_log(load)]


def access_log(load: tuple[object, ...]) -> Path:
    """Write the access log of a server under the same load."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = CACHE / "access.log"
    with path.open("wb") as log:
        command = [sys.executable, "-m", "uvicorn", "shop.main:app", "--port", str(port)]
        server = subprocess.Popen(command, env=environment(), cwd=CACHE, stdout=log, stderr=subprocess.STDOUT)
        try:
            for _ in range(100):
                with socket.socket() as asked:
                    if asked.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            run(sys.executable, *load, "--address", f"http://127.0.0.1:{port}")
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    return path


def check(option: str, path: Path) -> Any:
    """Return the record of the shop with a profile or a log."""
    program = "from perfwright.app.main import main; main()"
    command = [
        sys.executable,
        "-c",
        program,
        "check",
        str(SHOP),
        "--format",
        "json",
        "--fail-on",
        "never",
        option,
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


# ------------------------------------------------------------------------------ by hand
def codes(path: str) -> Iterator[CodeType]:
    """Give the code objects of a file of the shop, as the compiler makes them."""
    waiting = [compile((SHOP / path).read_text(), path, "exec")]
    while waiting:
        code = waiting.pop()
        yield code
        waiting.extend(each for each in code.co_consts if isinstance(each, CodeType))


def innermost(path: str, line: int) -> list[CodeType]:
    """Return the functions that run a line, the innermost first; no bodies of modules and classes."""
    running = [
        code
        for code in codes(path)
        if code.co_flags & 2 and code.co_firstlineno <= line <= max(each for *_, each in code.co_lines() if each)
    ]
    return sorted(running, key=lambda code: -code.co_firstlineno)


def leaf(finding: Any) -> Any:
    """Return the last step of a chain that runs in a function other than the finding's; None where there is none."""
    place = innermost(finding["place"]["path"], finding["place"]["line"])
    for step in reversed(finding["chain"]):
        inner = innermost(step["path"], step["line"])
        if inner:
            own = step["path"] == finding["place"]["path"] and inner[0] in place
            return None if own else step
        return None
    return None


def by_calls(path: Path) -> Callable[[Any, str], float]:
    """Return what works out shares from a cProfile dump."""
    stats: Any = pstats.Stats(str(path))
    shop = {key: row for key, row in stats.stats.items() if f"{SHOP}/" in key[0]}

    def rows(name: str, code: CodeType) -> dict[Any, Any]:
        return {key: row for key, row in shop.items() if key == (f"{SHOP}/{name}", code.co_firstlineno, code.co_name)}

    def share(finding: Any, at: str) -> float:
        place = finding["place"]
        inner = innermost(place["path"], place["line"])
        if at == "function" or not finding["chain"]:
            found = next(hit for code in inner if (hit := rows(place["path"], code)))
            return sum(row[3] for row in found.values()) / stats.total_tt
        step = finding["chain"][-1]
        ends = rows(step["path"], innermost(step["path"], step["line"])[0])
        if not inner or any(not innermost(each["path"], each["line"]) for each in finding["chain"]):
            return sum(row[3] for row in ends.values()) / stats.total_tt
        outer = min((code for code in inner if "<" not in code.co_name), key=lambda code: code.co_firstlineno)
        last = max(each for *_, each in outer.co_lines() if each)
        edges = [
            edge[3]
            for row in ends.values()
            for caller, edge in row[4].items()
            if caller[0] == f"{SHOP}/{place['path']}" and outer.co_firstlineno <= caller[1] <= last
        ]
        return sum(edges) / stats.total_tt

    return share


def by_stacks(stacks: Stacks) -> Callable[[Any, str], float]:
    """Return what works out shares from stacks with lines."""
    whole = sum(weight for _, weight in stacks)

    def share(finding: Any, at: str) -> float:
        place, step = finding["place"], finding["chain"][-1] if finding["chain"] else None
        inner = innermost(place["path"], place["line"])
        lines = {(place["path"], line) for line in range(place["line"], place["end_line"] + 1)}
        if step is not None and leaf(finding) is None and innermost(step["path"], step["line"]):
            lines.add((step["path"], step["line"]))
        ends = {(step["path"], step["line"])} if step else set()
        through_class = bool(inner) and any(not innermost(each["path"], each["line"]) for each in finding["chain"])
        if not inner:
            ends |= {(each["path"], each["line"]) for each in finding["also"]}

        def counts(stack: list[tuple[str, int]]) -> bool:
            if at == "line":
                return not lines.isdisjoint(stack)
            if through_class or not inner:
                return not ends.isdisjoint(stack)
            return not lines.isdisjoint(stack) and not ends.isdisjoint(stack)

        return sum(weight for stack, weight in stacks if counts(stack)) / whole

    return share


def stacks_of(path: Path) -> Stacks:
    """Return the stacks of a file, only the lines of the shop, read as plainly as can be."""
    prefix = f"{SHOP}/"
    found: Stacks = []
    if path.suffix == ".bin":
        from memray import FileReader

        for each in FileReader(path).get_high_watermark_allocation_records(merge_threads=True):
            told = [(file, line) for _, file, line in each.stack_trace()]
            found.append((told, each.size))
    elif path.suffix == ".txt":
        for text in path.read_text().splitlines():
            names, _, count = text.rpartition(" ")
            told = [(file, int(line)) for file, line in re.findall(r"\(([^()]*):(\d+)\)", names)]
            found.append((told, int(count)))
    elif path.suffix == ".pyisession":
        for frames, seconds in json.loads(path.read_text())["frame_records"]:
            told = [(frame.split("\0")[1], int((re.findall("\x01l(\\d+)", frame) or ["0"])[0])) for frame in frames]
            found.append((told, seconds))
    else:
        document = json.loads(path.read_text())
        frames = [(frame["file"], frame["line"]) for frame in document["shared"]["frames"]]
        for profile in document["profiles"]:
            for sample, weight in zip(profile["samples"], profile["weights"], strict=True):
                found.append(([frames[each] for each in sample], weight))
    return [
        ([(file.removeprefix(prefix), line) for file, line in stack if file.startswith(prefix)], weight)
        for stack, weight in found
    ]


def by_log(path: Path, findings: list[Any]) -> Callable[[Any, str], float]:
    """Return what works out parts of what traffic costs from an access log and the costs that are predicted."""
    asked: Counter[tuple[str, str]] = Counter()
    requests = 0
    for method, target in re.findall(r'"([A-Z]+) ([^ ?"]+)[^ "]* HTTP', path.read_text()):
        requests += 1
        for pattern, handler in HANDLERS.items():
            if re.fullmatch(pattern, f"{method} {target}"):
                asked[handler] += 1

    def cost(finding: Any) -> float:
        amounts = finding["cost"]["predicted"]
        per = max(amounts.get("latency_ms", 0.0), amounts.get("stall_ms", 0.0))
        return per * sum(asked[handler] for handler in handlers(finding)) / requests

    whole = sum(map(cost, findings))
    return lambda finding, _: cost(finding) / whole


def handlers(finding: Any) -> set[tuple[str, str]]:
    """Return the handlers that lead to a finding: those its evidence names, by the table above."""
    [seen] = [each for each in finding["evidence"] if "share" in each]
    found = set()
    for name in seen["per"]:
        plain = re.sub(r"\{\w+\}", "1", name)
        found |= {handler for pattern, handler in HANDLERS.items() if re.fullmatch(pattern, plain)}
    return found


def gain(finding: Any) -> float:
    """Return the gain by hand: of n queries in k terms k are left; 1 where the form after the cure is not known."""
    queries = finding["cost"]["predicted"].get("queries")
    once = finding["rule"] in ("n-plus-one-query", "query-per-item-write", "commit-per-item", "repeated-query")
    return 1 - len(finding["cost"]["terms"]) / queries if once and queries else 1.0


def judge(path: Path, found: Any, share: Callable[[Any, str], float]) -> tuple[int, int]:
    """Print the ranking beside the one by hand; returns how many findings were compared, and how many are wrong."""
    order, wrong = [], 0
    seen = found["summary"]["seen"][0]
    print(f"\n{path.name}: {seen['format']}, {seen['total']:,.3g} {seen['unit']}")
    for finding in found["findings"]:
        said = next((each["share"] for each in finding["evidence"] if "share" in each), None)
        if said is None:
            continue
        part = share(finding, said["at"])
        weight, ceiling = part * gain(finding), 1 / (1 - part)
        bad = abs(said["ceiling"] - ceiling) > TOLERANCE * ceiling or abs(said["weight"] - weight) > 0.001
        order.append(weight)
        wrong += bad
        if len(order) <= 8 or bad:
            place = finding["place"]
            where = f"{place['path']}:{place['line']}"
            told = f"{finding['rule']:<28}{where:<26}{said['at']:<12}{said['part']:>7.2%}{part:>9.2%}"
            print(f"{'! ' if bad else '  '}{told}{said['ceiling']:>8.3f}{ceiling:>8.3f}")
    swapped = sum(one < other - 1e-6 for one, other in pairwise(order))
    hot = len(found["summary"]["hot"])
    print(f"  {len(order)} findings, {wrong} wrong, {swapped} out of order; {hot} hot places without one")
    return len(order), wrong + swapped


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6, help="How much load: about a second each.")
    parser.add_argument("--again", action="store_true", help="Take the files that are there.")
    given = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    if given.again:
        paths = sorted(path for path in CACHE.iterdir() if path.suffix != ".db")
    else:
        for path in CACHE.iterdir():
            path.unlink()
        paths = record(given.rounds)
    print("rule, place, looked up, share, by hand, ceiling, by hand")
    compared = wrong = 0
    for path in paths:
        found = check("--traffic" if path.suffix == ".log" else "--profile", path)
        if path.suffix == ".log":
            share = by_log(path, [each for each in found["findings"] if any("share" in e for e in each["evidence"])])
        else:
            share = by_calls(path) if path.suffix == ".prof" else by_stacks(stacks_of(path))
        counted, bad = judge(path, found, share)
        compared, wrong = compared + counted, wrong + bad
    print(f"\n{len(paths)} files, {compared} shares compared, {wrong} wrong or out of order")
    raise SystemExit(1 if wrong or not compared else 0)


if __name__ == "__main__":
    main()
