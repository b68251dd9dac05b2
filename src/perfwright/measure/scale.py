"""A whole application over growing data: started for each size on a scratch database, filled, asked everywhere."""

import fnmatch
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from perfwright.config import Settings
from perfwright.measure import growth
from perfwright.measure.application import Application
from perfwright.measure.entries import Scaled, Seen, Unreached, asked, faulty, helps
from perfwright.measure.postgres import Server
from perfwright.measure.run import Guest, GuestError
from perfwright.progress import Progress

CAPTURE = Path(__file__).parent.parent / "runtime" / "capture"
SIZES = (10, 30, 100, 300, 1_000)
STARTING, FILLING = 120.0, 300.0  # seconds
LONGEST = 20.0  # seconds that one entry point may take at one size
TOO_SLOW = 5.0  # seconds of one call, after which the entry point is not asked at larger sizes
MISSING = 12  # settings that are made up, one after the other, where the application asks for them
KEY_ERROR = re.compile(r"KeyError: ['\"](\w+)['\"]")
FIELD_REQUIRED = re.compile(r"^(\w+)\n\s+Field required", re.M)


class ApplicationError(GuestError):
    """The application could not be started or filled."""


def scale(
    guest: Callable[[], Guest],
    app: Application,
    root: Path,
    settings: Settings,
    *,
    sizes: Sequence[int] = SIZES,
    seconds: float = 120.0,
    writes: bool = False,
    commands: bool = False,
    even: bool = False,
    only: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    signs_in: str = "",
    server: Server | None = None,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Scaled:
    """Measure an application at growing sizes within `seconds`, three sizes at least.

    `guest` starts an interpreter with a scratch folder of its own; `only` has patterns of paths, as of a shell, that
    are to be asked. `signs_in` names a function of the project, `module:name`, that gives headers to send or the user.
    With `even`, no row has more children than another. With a `server` there is a database on it for
    each size, else SQLite; what `guest` starts shares its folder then. Raises ApplicationError where the application
    cannot be started.
    """
    progress = progress or Progress()
    began, until = clock(), clock() + seconds
    seen: dict[str, Seen] = {}
    rows: dict[int, Mapping[str, int]] = {}
    run = Run(
        guest, app, root, dict(headers or {}), server, commands=commands, writes=writes, even=even, signs_in=signs_in
    )
    done: list[int] = []
    stopped = "the largest size was reached"
    last = 0.0
    for n in sizes:
        left = until - clock()
        if len(done) >= growth.LEAST_COUNTED and left < last * 3:
            stopped = "the time was used up"
            break
        before = clock()
        with guest() as one:
            one.reads += [*app.places, root, CAPTURE]
            if server is not None:
                one.reach, one.fills = (server.host, server.port), server.folders
            started, filled = run.start(one, n)
            for each in started["entries"]:
                seen.setdefault(each["entry"], Seen(each["entry"], each["endpoint"]))
            rows[n] = filled["rows"]
            progress.begin(f"{n:,} rows a table", len(started["entries"]))
            began_asking, share = clock(), max(until - clock(), 0.0) / max(len(sizes) - len(done), 1)
            for index, each in in_order(started["entries"]):
                progress.step(0)
                path = each["entry"].partition(" ")[2]
                if only and not any(fnmatch.fnmatchcase(path, pattern) for pattern in only):
                    continue
                known = seen[each["entry"]]
                refused = known.status and not known.said_well
                if _is_asked(each["entry"], writes) and not (known.stopped or known.same or known.hops or refused):
                    quick = index > 0 and (clock() - began_asking) / index * len(started["entries"]) > share
                    run.visit(one, index, n, known, most=LONGEST, quick=quick)
                if len(done) >= growth.LEAST_COUNTED and clock() > until:
                    break
            done.append(n)
            tier, contained = one.tier, one.contained
        last = clock() - before
    stated = settings.size.rows
    heard = [each for each in seen.values() if each.status and not each.same and not each.forbidden]
    entries = [asked(each, stated, settings) for each in heard if each.said_well]
    entries.sort(key=lambda each: (-each.cost, each.entry))
    unreached = [
        Unreached(entry=each.entry, why=each.why, help=helps(each, signed_in=bool(filled["signed_in"])))
        for each in heard
        if not each.said_well
    ]
    unreached += [
        Unreached(entry=each.entry, why="it writes", help="ask it as well with --writes")
        for each in seen.values()
        if not _is_asked(each.entry, writes) and not only
    ]
    return Scaled(
        app=app.target, framework=started["framework"], python=started["python"], tier=tier, contained=contained,
        sizes=done, rows=rows, refused=filled["refused"], entries=entries, unreached=unreached,
        notes=[*filled["notes"], *([filled["signed_in"]] if filled["signed_in"] else []), *run.notes, *faulty(entries)],
        models=filled["models"], relations=filled["relations"], stopped=stopped, seconds=clock() - began,
    )  # fmt: skip


def in_order(entries: Sequence[Any]) -> list[tuple[int, Any]]:
    """Return entry points with their numbers: those that only read first, those that delete last."""
    ranks = {"GET": 0, "DELETE": 2}
    return sorted(enumerate(entries), key=lambda each: ranks.get(each[1]["entry"].partition(" ")[0], 1))


class Run:
    """Starts an application in one interpreter after the other, with the settings that it turned out to need."""

    def __init__(
        self,
        guest: Callable[[], Guest],
        app: Application,
        root: Path,
        headers: Mapping[str, str],
        server: Server | None,
        *,
        commands: bool,
        writes: bool,
        even: bool,
        signs_in: str,
    ) -> None:
        self.signs_in = signs_in
        self.commands, self.writes, self.even, self.server = commands, writes, even, server
        self.guest, self.app, self.root, self.headers = guest, app, root, headers
        self.passes = False  # what its code goes through is counted
        self.environment: dict[str, str] = {}
        self.notes = [f"its scratch databases are of {server.name}"] if server is not None else []

    def start(self, guest: Guest, n: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start and fill; return what the application said of both. Raises ApplicationError."""
        said = self.begin(guest)
        filled = guest.ask({"ask": "fill", **self.rows(n, said["framework"])}, FILLING)
        if "cannot" in filled:
            raise ApplicationError(
                f"{self.signs_in} signs nobody in ({_plain(str(filled['cannot']))}); give a function without arguments "
                "that returns headers by name, or a user who is in the database.",
                slug="cannot-sign-in",
            )
        why = filled.get("raised") or filled.get("ended")
        if why:
            raise ApplicationError(
                f"the tables of {self.app.target} cannot be filled ({_plain(str(why))}); report it, with the models.",
                slug="cannot-fill",
            )
        return said, filled

    def rows(self, n: int, framework: str) -> dict[str, Any]:
        """Return what is asked for where tables are filled with `n` rows."""
        return {
            "n": n, "said": dict(self.app.said), "even": self.even, "as": self.signs_in,
            "writes": self.writes or self.commands or framework == "click",
        }  # fmt: skip

    def begin(self, guest: Guest) -> dict[str, Any]:
        """Start the application; return its framework and entry points. Raises ApplicationError."""
        question = {
            "ask": "start", "framework": self.app.framework, "target": self.app.target,
            "places": [str(place) for place in self.app.places], "roots": [str(self.root)],
            "environment": self.environment, "capture": str(CAPTURE), "headers": self.headers,
            "session_names": list(self.app.session_names), "commands": self.commands,
            "modules": list(self.app.modules), "passes": self.passes,
        }  # fmt: skip
        for _ in range(MISSING):
            said = guest.ask({**question, "database": self.server.fresh() if self.server else None}, STARTING)
            missing = _missing(str(said.get("raised", "")))
            if not missing or missing in self.environment:
                break
            self.environment[missing] = _made_up(missing, on_postgres=self.server is not None)
            self.notes.append(f"{missing} was set to {self.environment[missing]!r}, since the application asks for it")
            guest.end()
        why = said.get("raised") or said.get("ended") or said.get("cannot")
        if why:
            raise ApplicationError(
                f"{self.app.target} does not start ({_plain(str(why))}); it is imported from "
                f"{self.app.places[0]} with {guest.python}: name another one with APP or --python.",
                slug="cannot-start",
            )
        return said

    def visit(self, guest: Guest, index: int, n: int, known: Seen, *, most: float, quick: bool) -> None:
        """Ask one entry point at one size, and remember what it said; `quick` where time is short: once, for counts."""
        lines = not known.said or (len(known.said) == 1 and not quick)
        said = guest.ask({"ask": "visit", "index": index, "lines": lines, "quick": quick}, most)
        if "status" not in said:
            known.stopped = str(said.get("ended") or said.get("raised") or "gave no answer")
            known.why = known.why or f"at {n:,} rows it {known.stopped}"
            known.status[n] = 0
            if "ended" in said:
                self.start(guest, n)
            return
        if said.get("same"):
            known.same = True
            return
        known.path, known.status[n], known.hops = said.get("path", ""), said["status"], tuple(said.get("hops", ()))
        known.why = said.get("why", "") or known.why
        for file, lines in said.get("ran", {}).items():
            known.ran.setdefault(file, set()).update(lines)
        if "trace" in said:
            known.said[n] = said
            if said["wall"] > TOO_SLOW:
                known.stopped = f"takes {said['wall']:.1f} s at {n:,} rows"


def _is_asked(entry: str, writes: bool) -> bool:
    return writes or entry.startswith(("GET ", "command ", "task "))


def _missing(raised: str) -> str:
    """Return the setting that an application asks its environment for and does not find."""
    found = KEY_ERROR.search(raised)
    if found is not None and found[1].isupper():
        return found[1]
    found = FIELD_REQUIRED.search(raised)
    return found[1].upper() if found is not None else ""


def _made_up(name: str, *, on_postgres: bool = False) -> str:
    """Return a value for a setting that must be there."""
    if re.search(r"DATABASE|DB_?UR[LI]|_DSN$|SQLALCHEMY", name):
        return "postgresql://perfwright@localhost/perfwright" if on_postgres else "sqlite:///perfwright.db"
    if "REDIS" in name:
        return "redis://localhost:6379/0"
    if re.search(r"UR[LI]|ENDPOINT|ORIGIN", name):
        return "http://localhost:8000"
    if re.search(r"PORT|TIMEOUT|SECONDS|MINUTES|LIMIT|SIZE|COUNT|TTL|EXPIR", name):
        return "60"
    if re.search(r"DEBUG|ENABLE|USE_|^IS_", name):
        return "0"
    if "MAIL" in name:
        return "amber@example.com"
    return "perfwright-perfwright-perfwright-perfwright"


def _plain(why: str) -> str:
    """Return a reason on one line."""
    return " ".join(why.removeprefix("CannotStartError: ").split())[:400]
