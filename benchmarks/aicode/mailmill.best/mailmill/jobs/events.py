"""Bounce, open, click and unsubscribe events that arrive as files of JSON lines.

{"id": "e1", "type": "open", "at": "2024-05-01T10:00:00Z", "token": "..."}
Types: delivered open click (url) bounce (bounce_type hard|soft) complaint unsubscribe.
Without a token an `email` is accepted. Without an id the line's hash is used.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..db import insert_ignore, utcnow
from ..models import Article, Event, Message, State, Subscriber, Suppression
from ..registry import JobContext, PermanentError, job
from ..text import clean_email, normalise_email, parse_time

BATCH = 500
TYPES = {"delivered", "open", "click", "bounce", "complaint", "unsubscribe"}
ARCHIVE_CUTOFF = "archive-cutoff"
OF_MESSAGE = ("opens", "clicks", "first_opened_at", "first_clicked_at", "bounced_at", "unsubscribed_at")
OF_PERSON = ("soft_bounces", "last_opened_at", "status")


def archive_cutoff(session: Session) -> datetime | None:
    """Events before this moment are in the archive, and so are not taken in again."""
    state = session.get(State, ARCHIVE_CUTOFF)
    return parse_time(state.value) if state else None


def parse_line(line: bytes) -> dict[str, Any]:
    raw = json.loads(line)
    if not isinstance(raw, dict):
        raise ValueError("not an object")
    if raw.get("type") not in TYPES:
        raise ValueError("unknown type")
    at = parse_time(raw.get("at"))
    if at > utcnow() + timedelta(days=1):
        raise ValueError("time is in the future")
    token, email = raw.get("token"), raw.get("email")
    if not token and not email:
        raise ValueError("neither token nor email")
    uid = f"id:{raw['id']}" if raw.get("id") else "sha:" + hashlib.sha256(line.strip()).hexdigest()
    if len(uid) > 255:
        raise ValueError("id too long")
    return dict(uid=uid, type=raw["type"], at=at, token=str(token)[:64] if token else None,
                norm=normalise_email(clean_email(email)) if email else None,
                url=str(raw.get("url") or "")[:500], hard=raw.get("bounce_type", "hard") != "soft")


def _rows(session: Session, model: Any, key: str, names: tuple[str, ...], *where: Any, descending: bool = False) -> dict:
    """The columns that events change, without the letters; locked, by `key`."""
    columns = [model.id, getattr(model, key), *(getattr(model, name) for name in names)]
    return {row._mapping[key]: SimpleNamespace(**row._mapping, before=tuple(row[2:])) for row in session.execute(
        select(*columns).where(*where).order_by(model.id.desc() if descending else model.id).with_for_update())}


def _write(session: Session, model: Any, rows: Any, names: tuple[str, ...]) -> None:
    """One batch: the same columns for every row that changed."""
    changed = [{"id": r.id} | {n: getattr(r, n) for n in names} for r in rows
               if tuple(getattr(r, n) for n in names) != r.before[-len(names):]]
    if changed:
        session.execute(update(model), changed)


def _apply(item: dict, message: Any, person: Any, config, counted: bool) -> str | None:
    """Update message and subscriber; returns the reason when the address must be suppressed."""
    kind, at, reason = item["type"], item["at"], None

    def first(current):
        return at if current is None else min(current, at)

    if message is not None and counted:
        if kind in ("open", "click"):  # whoever clicked has opened, even if images are off
            message.first_opened_at = first(message.first_opened_at)
            message.opens += kind == "open"
        if kind == "click":
            message.first_clicked_at = first(message.first_clicked_at)
            message.clicks += 1
        if kind == "bounce":
            message.bounced_at = first(message.bounced_at)
        if kind in ("unsubscribe", "complaint"):
            message.unsubscribed_at = first(message.unsubscribed_at)
    if kind in ("unsubscribe", "complaint"):
        reason = "unsubscribed"
    elif kind == "bounce" and item["hard"]:
        reason = "bounced"
    if person is not None:
        if kind in ("open", "click") and counted:
            person.soft_bounces = 0
            if person.last_opened_at is None or at > person.last_opened_at:
                person.last_opened_at = at
        elif kind == "bounce" and not item["hard"] and counted:
            person.soft_bounces += 1
            if person.soft_bounces >= config.soft_bounce_limit:
                reason = "bounced"
        if reason and person.status == "active":
            person.status = reason
    return reason


def store(ctx: JobContext, batch: list[dict]) -> Counter:
    tally: Counter = Counter()
    with ctx.db.write() as session:
        cutoff = archive_cutoff(session)
        # rows are locked in the order of their ids, so two workers cannot deadlock
        tokens = {i["token"] for i in batch if i["token"]}
        messages = _rows(session, Message, "token", ("to_norm", *OF_MESSAGE), Message.token.in_(tokens))
        norms = {i["norm"] for i in batch if i["norm"]} | {m.to_norm for m in messages.values()}
        people = _rows(session, Subscriber, "email_norm", OF_PERSON, Subscriber.email_norm.in_(norms),
                       Subscriber.status != "duplicate", descending=True)
        urls = {i["url"] for i in batch if i["url"]} | {i["url"].split("?")[0] for i in batch if i["url"]}
        articles = dict(session.execute(select(Article.url, Article.id).where(Article.url.in_(urls))).all())
        suppress: dict[str, str] = {}
        rows, linked = [], {}
        for item in batch:
            message = messages.get(item["token"])
            norm = message.to_norm if message else item["norm"]
            person = people.get(norm)
            if message is None and person is None:
                tally["unmatched"] += 1
            if cutoff and item["at"] < cutoff:  # too old to count, but "no more mail" still holds
                tally["too_old"] += 1
                if (reason := _apply(item, message, person, ctx.config, False)) and norm:
                    suppress[norm] = reason
                continue
            if item["uid"] in linked:
                continue
            linked[item["uid"]] = (item, message, person, norm)
            rows.append(dict(
                uid=item["uid"], type=item["type"], occurred_at=item["at"],
                message_id=message.id if message else None, subscriber_id=person.id if person else None,
                article_id=articles.get(item["url"]) or articles.get(item["url"].split("?")[0]),
                data={k: item[k] for k in ("url", "hard", "token") if item[k]}))
        # only events that are really new are counted
        for uid in insert_ignore(session, Event, rows, returning=Event.uid):
            item, message, person, norm = linked[uid]
            tally[item["type"]] += 1
            if (reason := _apply(item, message, person, ctx.config, True)) and norm:
                suppress[norm] = reason
        _write(session, Message, messages.values(), OF_MESSAGE)
        _write(session, Subscriber, people.values(), OF_PERSON)
        insert_ignore(session, Suppression, [dict(email_norm=n, reason=r) for n, r in sorted(suppress.items())])
    tally["repeated"] = len(batch) - sum(tally[t] for t in TYPES) - tally["too_old"]
    return tally


def process_file(ctx: JobContext, path: Path) -> Counter:
    tally: Counter = Counter()
    batch: list[dict] = []
    rejects: list[bytes] = []
    with open(path, "rb") as file:
        for line in file:
            if not line.strip():
                continue
            try:
                batch.append(parse_line(line))
            except (ValueError, RecursionError):
                rejects.append(line.rstrip(b"\r\n") + b"\n")
                continue
            if len(batch) >= BATCH:
                ctx.check()
                tally += store(ctx, batch)
                batch = []
    if batch:
        tally += store(ctx, batch)
    stamp = utcnow().strftime("%Y%m%dT%H%M%S%f")
    if rejects:
        (ctx.config.path("events", "rejected") / f"{stamp}-{path.name}").write_bytes(b"".join(rejects))
        tally["rejected"] = len(rejects)
    os.replace(path, ctx.config.path("events", "processed") / f"{stamp}-{path.name}")
    return tally


@job("process-events")
def process_events(ctx: JobContext, path: str = "") -> dict:
    """A file, or every *.jsonl of a directory (default: data/events/inbox)."""
    source = Path(path) if path else ctx.config.path("events", "inbox")
    if not source.exists():
        raise PermanentError(f"{source}: no such file or directory")
    files = sorted(source.glob("*.jsonl")) if source.is_dir() else [source]
    total: Counter = Counter()
    for file in files:
        ctx.check()
        try:
            total += process_file(ctx, file)
        except FileNotFoundError:  # another worker was faster
            ctx.log.warning("%s has gone", file)
            continue
        total["files"] += 1
    return dict(total)
