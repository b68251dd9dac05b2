"""Subscribers from CSV files and from the CRM."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Iterable, Iterator, Mapping

import requests
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..db import insert_ignore, upsert, utcnow
from ..models import State, Subscriber, SubscriberTag, Suppression
from ..registry import JobContext, PermanentError, RetryLater, job
from ..text import clean_email, normalise_email, parse_cents, parse_time

BATCH = 500
FIELDS = ("name", "country", "spent_cents", "last_opened_at", "status")
TRUE = {"1", "true", "yes", "y", "unsubscribed"}


@dataclass
class Contact:
    email: str
    name: str = ""
    country: str | None = None
    tags: set[str] = field(default_factory=set)
    spent_cents: int | None = None
    last_opened: datetime | None = None
    unsubscribed: bool = False


def parse_contact(raw: Mapping[str, Any]) -> Contact:
    """ValueError when the row cannot be used."""
    def get(name: str) -> str:
        value = raw.get(name)
        return "" if value is None else str(value).strip()

    contact = Contact(clean_email(raw.get("email")), name=" ".join(get("name").split())[:255])
    country = get("country").upper()
    if country:
        if not (len(country) == 2 and country.isascii() and country.isalpha()):
            raise ValueError(f"country must be a two-letter code, not {country[:20]!r}")
        contact.country = country
    tags = raw.get("tags")
    parts = tags if isinstance(tags, list) else get("tags").replace("|", ";").split(";")
    contact.tags = {str(t).strip().lower()[:64] for t in parts if str(t).strip()}
    if get("spent"):
        contact.spent_cents = parse_cents(get("spent"))
    if get("last_opened"):
        contact.last_opened = parse_time(get("last_opened"))
    contact.unsubscribed = get("unsubscribed").lower() in TRUE
    return contact


def save_contacts(session: Session, contacts: Iterable[Contact], source: str) -> tuple[int, int]:
    """Insert or update; returns (created, updated). Nobody is ever re-subscribed here."""
    merged: dict[str, Contact] = {}
    for contact in contacts:
        if earlier := merged.get(contact.email):
            contact.tags |= earlier.tags
            contact.unsubscribed |= earlier.unsubscribed
            contact.name = contact.name or earlier.name
            contact.country = contact.country or earlier.country
            contact.spent_cents = earlier.spent_cents if contact.spent_cents is None else contact.spent_cents
            contact.last_opened = contact.last_opened or earlier.last_opened
        merged[contact.email] = contact
    if not merged:
        return 0, 0
    emails = sorted(merged)
    norms = {email: normalise_email(email) for email in emails}
    insert_ignore(session, Suppression, [
        dict(email_norm=norm, reason="unsubscribed")
        for norm in sorted({norms[c.email] for c in merged.values() if c.unsubscribed})])
    suppressed = dict(session.execute(select(Suppression.email_norm, Suppression.reason)
                                      .where(Suppression.email_norm.in_(set(norms.values())))).all())
    # new rows are complete at once
    created = insert_ignore(session, Subscriber, [
        dict(email=email, email_norm=norms[email], source=source[:32], name=contact.name, country=contact.country,
             spent_cents=contact.spent_cents or 0, last_opened_at=contact.last_opened,
             status=suppressed.get(norms[email], "active"))
        for email, contact in ((email, merged[email]) for email in emails)],
        returning=Subscriber.email)
    columns = [Subscriber.id, Subscriber.email, Subscriber.merged_into_id, Subscriber.email_norm,
               *(getattr(Subscriber, name) for name in FIELDS)]
    rows = session.execute(select(*columns).where(Subscriber.email.in_(emails))
                           .order_by(Subscriber.id).with_for_update()).all()
    known = {row.id: row for row in rows}
    if elsewhere := {row.merged_into_id for row in rows if row.merged_into_id} - known.keys():
        known |= {row.id: row for row in session.execute(select(*columns).where(Subscriber.id.in_(elsewhere)))}
    targets = {number: {name: getattr(row, name) for name in FIELDS} for number, row in known.items()}
    tags = set()
    for row in rows:
        contact = merged[row.email]
        # a merged duplicate passes its news on to the row that was kept
        number = row.merged_into_id or row.id
        target, norm = targets[number], known[number].email_norm
        target["name"] = contact.name or target["name"]
        target["country"] = contact.country or target["country"]
        if contact.spent_cents is not None:
            target["spent_cents"] = contact.spent_cents
        if contact.last_opened and (not target["last_opened_at"] or contact.last_opened > target["last_opened_at"]):
            target["last_opened_at"] = contact.last_opened
        if target["status"] == "active" and norm in suppressed:
            target["status"] = suppressed[norm]
        tags |= {(number, tag) for tag in contact.tags}
    changed = [{"id": number, **target} for number, target in targets.items()
               if any(getattr(known[number], name) != target[name] for name in FIELDS)]
    if changed:  # the same columns for all, so that they go as one batch
        session.execute(update(Subscriber), changed)
    insert_ignore(session, SubscriberTag, [dict(subscriber_id=i, tag=t) for i, t in sorted(tags)])
    return len(created), len(merged) - len(created)


class Tally:
    def __init__(self, ctx: JobContext, source: str):
        self.ctx, self.source = ctx, source
        self.batch: list[Contact] = []
        self.result: dict[str, Any] = {"created": 0, "updated": 0, "rejected": 0, "problems": []}

    def add(self, raw: Mapping[str, Any], where: str) -> None:
        try:
            self.batch.append(parse_contact(raw))
        except ValueError as error:
            self.result["rejected"] += 1
            if len(self.result["problems"]) < 20:
                self.result["problems"].append(f"{where}: {error}")
        if len(self.batch) >= BATCH:
            self.flush()

    def flush(self) -> None:
        self.ctx.check()
        with self.ctx.db.write() as session:
            created, updated = save_contacts(session, self.batch, self.source)
        self.result["created"] += created
        self.result["updated"] += updated
        self.batch = []


@job("import-csv", max_attempts=3)
def import_csv(ctx: JobContext, path: str, encoding: str = "utf-8-sig") -> dict:
    """Columns: email, and optionally name, country, tags, spent, last_opened, unsubscribed."""
    tally = Tally(ctx, "csv")
    try:
        with open(path, newline="", encoding=encoding) as file:
            header = file.readline()
            delimiter = max(",;\t", key=header.count)
            names = [n.strip().lower() for n in next(csv.reader([header], delimiter=delimiter), [])]
            if "email" not in names:
                raise PermanentError(f"{path}: no column 'email'")
            reader = csv.DictReader(file, fieldnames=names, delimiter=delimiter)
            for row in reader:
                tally.add(row, f"line {reader.line_num + 1}")
    except FileNotFoundError:
        raise PermanentError(f"{path}: no such file") from None
    except (UnicodeError, LookupError, csv.Error) as error:
        raise PermanentError(f"{path}: {error} (is encoding={encoding} right?)") from None
    tally.flush()
    return tally.result


def crm_pages(ctx: JobContext, base: str, since: str | None) -> Iterator[tuple[list, str | None]]:
    """Yields (contacts, cursor of the next page), starting from the saved cursor."""
    cursor, seen = ctx.progress.get("cursor"), set()
    with requests.Session() as http:
        http.headers.update({"Authorization": f"Bearer {ctx.config.crm_token}", "Accept": "application/json"})
        while True:
            params = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            params |= {"updated_since": since} if since else {}
            answer = http.get(f"{base.rstrip('/')}/contacts", params=params, timeout=(5, 30))
            if answer.status_code == 429:
                wait = answer.headers.get("Retry-After", "")
                raise RetryLater("CRM: too many requests", float(wait) if wait.isdigit() else 60.0, count=True)
            if 400 <= answer.status_code < 500:
                raise PermanentError(f"CRM: {answer.status_code} {answer.text[:200]}")
            answer.raise_for_status()
            page = answer.json()
            if not isinstance(page, dict) or not isinstance(page.get("data"), list):
                raise ValueError("CRM: page without a 'data' list")
            cursor = page.get("next_cursor") or None
            yield page["data"], cursor
            if cursor is None:
                return
            if cursor in seen:
                raise PermanentError("CRM: the cursor repeats, giving up")
            seen.add(cursor)


@job("import-crm", max_attempts=8)
def import_crm(ctx: JobContext, url: str = "", full: bool = False) -> dict:
    """Contacts changed since the last complete run, page by page; a retry goes on where it stopped."""
    base = url or ctx.config.crm_url
    if not base:
        raise PermanentError("no CRM address: set MAILMILL_CRM_URL")
    state_key = f"crm-since:{base}"[:255]
    if "started" not in ctx.progress:
        with ctx.db.read() as session:
            state = session.get(State, state_key)
        since = None if full or state is None else state.value
        ctx.save_progress(started=utcnow().isoformat(), since=since)
    tally = Tally(ctx, "crm")
    for contacts, cursor in crm_pages(ctx, base, ctx.progress["since"]):
        for raw in contacts:
            if isinstance(raw, dict):
                tally.add(raw, f"contact {raw.get('id')}")
            else:
                tally.result["rejected"] += 1
        tally.flush()
        ctx.save_progress(cursor=cursor)
    # a few minutes of overlap, so clocks that differ lose nothing
    since = parse_time(ctx.progress["started"]) - timedelta(minutes=5)
    with ctx.db.write() as session:
        upsert(session, State, [dict(key=state_key, value=since.isoformat())], ["key"])
    return tally.result
