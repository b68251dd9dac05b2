"""Compares perfwright with other analysers: time and findings on the same trees, and known defects found.

    python benchmarks/compare_peers.py                  two pinned public programs
    python benchmarks/compare_peers.py PATH...          any projects, from their top folders
    python benchmarks/compare_peers.py --cases FILE --mirror DIR --kinds FILE --scorer FILE

Whole processes, one after another, each in a fresh copy of the tree with an empty home, so that nothing is kept from an
earlier run. The copy has the Python files that `perfwright check` reads: tests are left out, and what the interpreter
that runs this cannot parse. CPU seconds are user and system, children included. With `--cases`, the scorer of real
fixes runs every tool on the trees before the fixes; `--adapter NAME` is how it calls them: it prints SARIF.
"""

import argparse
import ast
import hashlib
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import peer_output
import peer_runs
from check_speed import PERFWRIGHT, copy_of, public
from peer_runs import OURS, Peer, PeerError, Run

from perfwright import config, discover
from perfwright.config import Settings

Ready = dict[str, Path | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A project to read: its copy, and the Python files in it."""

    name: str
    root: Path
    files: tuple[str, ...]
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What a tool found of the known defects: case ids, strictly (at the lines) and loosely (in the function)."""

    found: frozenset[str]
    loose: frozenset[str]
    unread: int


def prepare(project: Path, to: Path) -> Tree:
    """Copy a project with only those Python files that perfwright's check reads and that can be parsed."""
    settings_file = config.find(project)
    settings = config.read(settings_file) if settings_file else Settings()
    wanted = set(discover.find(project, [project], exclude=settings.exclude, tests=settings.tests))
    root = copy_of(project, to)
    lines = 0
    for path in root.rglob("*.py"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not (name in wanted and parses(path)):
            path.unlink()
            wanted.discard(name)
        elif path.is_file():
            lines += path.read_bytes().count(b"\n")
    return Tree(name=project.name, root=root, files=tuple(sorted(wanted)), lines=lines)


def parses(path: Path) -> bool:
    """Tell whether a file is Python that this interpreter knows: some tools stop at the first file that is not."""
    try:
        ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False
    return True


def ready(peers: Iterable[Peer], perfwright: Path, pythons: list[str]) -> Ready:
    """Return where the programs of each tool are, or the reason why it cannot run."""
    places: Ready = {}
    for peer in peers:
        try:
            places[peer.name] = perfwright.absolute().parent if peer.name == OURS else peer_runs.install(peer, pythons)
        except PeerError as error:
            places[peer.name] = str(error)
    return places


def measure(peer: Peer, programs: Path, tree: Tree, rules: Path | None, limit: int) -> Run | str:
    """Run a tool on a fresh copy of a tree; return the reason when it gives no answer."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(tree.root, Path(folder) / tree.name, symlinks=True))
        try:
            command = peer_runs.argv(peer, programs, files=tree.files, targets=["."], rules=rules)
            return peer_runs.run(peer, command, root, limit)
        except PeerError as error:
            return str(error)


def speed_rows(peers: list[Peer], places: Ready, trees: list[Tree], given: argparse.Namespace) -> Iterator[list[str]]:
    """Yield a row for each tool: CPU seconds, seconds and findings for each tree."""
    runs: dict[tuple[str, str], list[Run | str]] = {(peer.name, tree.name): [] for peer in peers for tree in trees}
    for _ in range(given.rounds):
        for tree in trees:
            for peer in peers:
                kept, programs = runs[peer.name, tree.name], places[peer.name]
                if isinstance(programs, str):
                    kept[:] = [programs]
                elif not kept or (isinstance(kept[-1], Run) and not kept[-1].over):
                    kept.append(measure(peer, programs, tree, given.rules, given.limit))
                    print(f"  {tree.name}: {peer.name}: {', '.join(cells(kept, given.limit))}", file=sys.stderr)
    for peer in peers:
        row = [f"{peer.name} {peer.version}".strip()]
        for tree in trees:
            row += cells(runs[peer.name, tree.name], given.limit)
        yield row


def cells(runs: list[Run | str], limit: int) -> list[str]:
    """Return CPU seconds, seconds and findings, as medians; or that there is no answer, and why."""
    told = [run for run in runs if isinstance(run, str)]
    if told:
        return [f"no answer: {told[0]}", "", ""]
    over = [run for run in runs if isinstance(run, Run) and run.over]
    if over:
        return [f"> {min(limit, int(over[0].cpu))}", f"> {over[0].wall:.0f}", ""]
    done = [run for run in runs if isinstance(run, Run)]
    cpu, wall = (statistics.median(getattr(run, name) for run in done) for name in ("cpu", "wall"))
    return [f"{cpu:.1f}", f"{wall:.1f}", str(len(done[-1].reports))]


def adapter(peer: Peer, programs: Path | str, targets: list[Path], rules: Path | None, limit: int) -> int:
    """Run a tool in the current folder on targets below it and print SARIF; without an answer, say why and exit 2."""
    here = Path.cwd()
    try:
        if isinstance(programs, str):
            raise PeerError(programs)
        with tempfile.TemporaryDirectory() as folder:
            below = [target.resolve().relative_to(here.resolve()) for target in targets]
            root = copied(peer, here, Path(folder) / here.name, below)
            files = sorted(
                path.relative_to(root).as_posix()
                for name in below
                for path in ([root / name] if (root / name).is_file() else (root / name).rglob("*.py"))
                if path.suffix == ".py" and parses(path)
            )
            if not files and "{files}" in peer.command:
                print(peer_output.sarif(peer.name, []))
                return 0
            names = [name.as_posix() for name in below]
            command = peer_runs.argv(peer, programs, files=files, targets=names, rules=rules)
            done = peer_runs.run(peer, command, root, limit)
            if done.over:
                raise PeerError(f"it was stopped after {done.cpu:.0f} s of CPU time.")
            print(peer_output.sarif(peer.name, [below_root(report, root) for report in done.reports]))
    except (PeerError, ValueError) as error:
        print(f"{peer.name}: {error}", file=sys.stderr)
        return 2
    return 0


def copied(peer: Peer, here: Path, to: Path, targets: list[Path]) -> Path:
    """Copy a tree, for some tools write beside what they read; for one of scope `folder` only the targets' folders."""
    if peer.scope != "folder":
        return copy_of(here, to)
    for parent in sorted({target.parent for target in targets}):
        if not (to / parent).is_dir():
            copy_of(here / parent, to / parent)
    return to


def below_root(report: peer_output.Report, root: Path) -> peer_output.Report:
    """Return a report whose paths are relative: the copy it was found in goes away."""

    def relative(spot: peer_output.Spot) -> peer_output.Spot:
        path = Path(os.path.realpath(root / spot.path))
        inside = path.is_relative_to(os.path.realpath(root))
        return replace(spot, path=path.relative_to(os.path.realpath(root)).as_posix()) if inside else spot

    return replace(report, at=relative(report.at), related=tuple(map(relative, report.related)))


def recall(peer: Peer, given: argparse.Namespace, work: Path) -> Recall | str:
    """Run the scorer of real fixes with one tool; of a pinned one, take the report of an earlier run in `work`."""
    asked = repr(peer) + given.cases.read_text("utf8") + str(given.limit)
    named = work / f"{peer.name}-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"
    kinds, told = named.with_suffix(".kinds.json"), named.with_suffix(".json")
    kinds.write_text(given.kinds.read_text("utf8") if peer.name == OURS else json.dumps(peer.kinds), "utf8")
    call = [sys.executable, str(Path(__file__).resolve()), "--adapter", peer.name, "--limit", str(given.limit)]
    call += ["--perfwright", str(given.perfwright.absolute())]
    call += [f"--rules={given.rules.absolute()}"] if given.rules else []
    command = [sys.executable, str(given.scorer), "--mirror", str(given.mirror), "--cases", str(given.cases)]
    command += ["--kinds", str(kinds), "--report", str(told), "--work", str(work / "trees")]
    command += ["--no-after", "--jobs=1", f"--timeout={given.limit * peer_runs.PATIENCE + 60}"]
    command += [f"--scope={'package' if peer.scope == 'tree' else 'file'}"]
    command += ["--tool-cmd", f"{shlex.join(call)} {{target}}"]
    if peer.name == OURS:
        told.unlink(missing_ok=True)
    code = 0 if told.is_file() else subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    try:
        report = json.loads(told.read_text("utf8"))
        rows = report["rows"]
        return Recall(
            found=frozenset(row["id"] for row in rows if row["found"]),
            loose=frozenset(row["id"] for row in rows if row["found_loose"]),
            unread=len(report["unusable"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return f"the scorer exited {code} without a report it can be read from."


def recall_rows(peers: list[Peer], places: Ready, given: argparse.Namespace) -> Iterator[list[str]]:
    """Yield a row for each tool, one for all of them but perfwright, and the cases that only others find."""
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        results: dict[str, Recall] = {}
        for peer in peers:
            place = places[peer.name]
            result = place if isinstance(place, str) else recall(peer, given, work)
            if isinstance(result, str):
                yield [peer.name, f"no answer: {result}", "", "", ""]
            else:
                results[peer.name] = result
                yield [peer.name, *counts(result), peer.scope, str(result.unread)]
    own = results.pop(OURS, Recall(found=frozenset(), loose=frozenset(), unread=0))
    union = Recall(
        found=frozenset().union(*(result.found for result in results.values())),
        loose=frozenset().union(*(result.loose for result in results.values())),
        unread=0,
    )
    yield ["all peers together", *counts(union), "", ""]
    for case in sorted((union.found - own.found) | (union.loose - own.loose)):
        by = [
            f"{name}{'' if case in result.found else ' (loosely)'}"
            for name, result in results.items()
            if case in result.found | result.loose
        ]
        ours = "found loosely" if case in own.loose and case not in own.found else "found" if case in own.found else ""
        yield [f"case {case}", ", ".join(by), ours, "", ""]


def counts(result: Recall) -> list[str]:
    return [str(len(result.found)), str(len(result.found | result.loose))]


def table(heads: list[str], rows: Iterable[list[str]]) -> None:
    """Print a Markdown table, each row when it is known."""
    print("| " + " | ".join(heads) + " |")
    print("| --- |" + " ---: |" * (len(heads) - 1))
    for row in rows:
        print("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only this tool; repeat for more")
    parser.add_argument("--rounds", type=int, default=1, help="the median is shown")
    parser.add_argument("--limit", type=int, default=300, help="CPU seconds after which a tool is stopped")
    parser.add_argument("--perfwright", type=Path, default=PERFWRIGHT, help="the program to measure")
    parser.add_argument(
        "--python", action="append", default=[], metavar="PATH", help="an interpreter for tools that need a newer one"
    )
    parser.add_argument("--rules", type=Path, metavar="DIR", help="a copy of the rules that semgrep does not ship")
    parser.add_argument("--adapter", metavar="NAME", help="run one tool on PATH..., print SARIF, and nothing else")
    parser.add_argument("--cases", type=Path, help="the real fixes to score on, instead of speed")
    parser.add_argument("--mirror", type=Path, help="the repositories of the cases")
    parser.add_argument("--kinds", type=Path, help="which rule of perfwright names which kind of defect")
    parser.add_argument("--scorer", type=Path, help="run_real_fixes.py; beside the cases by default")
    parser.add_argument("--work", type=Path, help="a folder that keeps the exported trees and the scorer's reports")
    given = parser.parse_args()
    if given.cases and not (given.mirror and given.kinds):
        parser.error("--cases needs --mirror and --kinds.")
    given.scorer = given.scorer or (given.cases.parent / "run_real_fixes.py" if given.cases else None)
    return given


def main() -> int:
    given, peers = arguments(), peer_runs.load()
    chosen = [given.adapter] if given.adapter else [OURS, *given.only] if given.only else list(peers)
    unknown = [name for name in chosen if name not in peers]
    if unknown:
        sys.exit(f"{unknown[0]} is not a tool here; use one of {', '.join(peers)}.")
    wanted = [peers[name] for name in dict.fromkeys(chosen)]
    places = ready(wanted, given.perfwright, given.python)
    if given.adapter:
        return adapter(wanted[0], places[wanted[0].name], given.paths, given.rules, given.limit)
    if given.cases:
        table(["tool", "found", "found, loosely", "it was given", "cases not read"], recall_rows(wanted, places, given))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        paths = [path.resolve() for path in given.paths] or public()
        trees = [prepare(path, Path(folder) / path.name) for path in paths]
        heads = [f"{tree.name} {head}" for tree in trees for head in ("CPU s", "s", "findings")]
        table(["tool", *heads], speed_rows(wanted, places, trees, given))
        for tree in trees:
            print(f"{tree.name}: {len(tree.files)} files, {tree.lines} lines.")
    print(f"Rounds: {given.rounds}; limit {given.limit} s; Python {sys.version.split()[0]}, {os.cpu_count()} cores.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
