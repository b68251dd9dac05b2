"""Command line: logharbor ingest | alerts | prune | restore | init-db | create-user | serve"""
import argparse
import getpass
import gzip
import json
import os
import sys

import httpx
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from .db import SessionLocal, create_schema, init_engine
from .models import Application, Archive, User
from .schemas import UserIn
from .security import hash_password, hash_token
from .services import audit
from .services.alerts import evaluate_all
from .services.ingest import ingest_lines
from .services.retention import RestoreError, prune_all, restore_archive
from .settings import get_settings


def _batches(handle, size: int):
    batch = []
    for line in handle:
        batch.append(line if line.endswith(b"\n") else line + b"\n")
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _sender(args):
    """A function which stores one batch: over HTTP with --url, else straight into the database."""
    if args.url:
        client = httpx.Client(timeout=60, headers={"X-Api-Key": args.api_key, "Content-Encoding": "gzip"})

        def send(body: bytes) -> dict:
            response = client.post(args.url.rstrip("/") + "/api/v1/ingest", content=gzip.compress(body))
            if response.status_code not in (202, 422):
                raise SystemExit(f"server answered {response.status_code}: {response.text[:200]}")
            return response.json()
        return send
    with SessionLocal() as db:
        app = db.scalar(select(Application).where(Application.key_hash == hash_token(args.api_key), Application.active))
    if app is None:
        raise SystemExit("unknown API key")

    def store(body: bytes) -> dict:
        with SessionLocal() as db:
            return ingest_lines(db, app, body, args.batch)
    return store


def cmd_ingest(args) -> int:
    if not args.api_key:
        raise SystemExit("give --api-key or set LOGHARBOR_API_KEY")
    send, accepted, rejected, offset = _sender(args), 0, 0, 0
    if args.file == "-":
        handle = sys.stdin.buffer
    else:
        handle = gzip.open(args.file, "rb") if args.file.endswith(".gz") else open(args.file, "rb")
    with handle:
        for batch in _batches(handle, args.batch):
            result = send(b"".join(batch))
            accepted, rejected = accepted + result["accepted"], rejected + result["rejected"]
            for error in result["errors"]:
                print(f"line {offset + error['line']}: {error['error']}", file=sys.stderr)
            offset += len(batch)
    print(f"accepted {accepted}, rejected {rejected}")
    return 1 if rejected else 0


def cmd_alerts(args) -> int:
    print(json.dumps(evaluate_all(get_settings(), force=True)))
    return 0


def cmd_prune(args) -> int:
    results = prune_all(get_settings(), args.app_id)
    for result in results:
        print(json.dumps(result))
    return 1 if any("error" in r for r in results) else 0


def cmd_restore(args) -> int:
    with SessionLocal() as db:
        archive = db.get(Archive, args.archive_id)
        if archive is None:
            raise SystemExit("no such archive")
        team_id = db.get(Application, archive.application_id).project.team_id
        try:
            count = restore_archive(db, archive, get_settings())
        except RestoreError as exc:
            raise SystemExit(str(exc)) from exc
        audit.record(db, "cli", "archive.restore", f"archive:{archive.id}", team_id, events=count)
        db.commit()
    print(f"restored {count} events")
    return 0


def cmd_init_db(args) -> int:
    print("tables are in place")  # main() has created them
    return 0


def cmd_create_user(args) -> int:
    password = args.password or getpass.getpass("Password (10 characters or more): ")
    try:
        data = TypeAdapter(UserIn).validate_python({"email": args.email, "name": args.name, "password": password,
                                                    "is_superuser": args.superuser})
    except ValidationError as exc:
        raise SystemExit("; ".join(f"{e['loc'][0]}: {e['msg']}" for e in exc.errors())) from exc
    with SessionLocal() as db:
        db.add(User(email=data.email, name=data.name, password_hash=hash_password(password),
                    is_superuser=data.is_superuser))
        audit.record(db, "cli", "user.create", data.email, superuser=data.is_superuser)
        try:
            db.commit()
        except IntegrityError as exc:
            raise SystemExit("this user exists already") from exc
    print(f"created {data.email}")
    return 0


def cmd_serve(args) -> int:
    import uvicorn
    uvicorn.run("logharbor.main:create_app", factory=True, host=args.host, port=args.port, workers=args.workers,
                timeout_graceful_shutdown=5)
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="logharbor", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name, function, text):
        command = commands.add_parser(name, help=text)
        command.set_defaults(function=function)
        return command

    p = add("ingest", cmd_ingest, "send a file of JSON lines (.gz too; - for standard input)")
    p.add_argument("file")
    p.add_argument("--api-key", default=os.environ.get("LOGHARBOR_API_KEY"))
    p.add_argument("--url", help="server to send to; without it, write to the database directly")
    p.add_argument("--batch", type=int, default=1000)
    add("alerts", cmd_alerts, "evaluate every alert rule once and send what is pending")
    p = add("prune", cmd_prune, "archive and delete events past their retention")
    p.add_argument("--app-id", type=int)
    p = add("restore", cmd_restore, "bring the events of an archive back for a while")
    p.add_argument("archive_id", type=int)
    add("init-db", cmd_init_db, "create the tables")
    p = add("create-user", cmd_create_user, "create a user")
    p.add_argument("email")
    p.add_argument("--name", default="")
    p.add_argument("--password", help="asked for if left out")
    p.add_argument("--superuser", action="store_true")
    p = add("serve", cmd_serve, "run the web service")
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=8000)
    p.add_argument("--workers", type=int, default=1)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    needs_database = args.function is not cmd_serve and not getattr(args, "url", None)
    engine = init_engine(get_settings().database_url) if needs_database else None
    try:
        if engine:
            create_schema(engine)
        return args.function(args)
    finally:
        if engine:
            engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
