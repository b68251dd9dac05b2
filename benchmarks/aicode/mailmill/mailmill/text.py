"""Addresses, money, dates and words."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal

_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}")
_MONEY = re.compile(r"(?:\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?:\.\d{1,6})?")
_PLUS_DOMAINS = {"gmail.com", "outlook.com", "hotmail.com", "icloud.com", "fastmail.com", "protonmail.com"}
_WORD = re.compile(r"[^\W\d_]{3,}")
STOP_WORDS = frozenset(
    "the and for that with this from have has had was were are not but you your our they their his her its "
    "will would can could should about into over after before more most than then there here what when where "
    "which who how why all any one two new also just been being some such only other out off per via".split())


def clean_email(raw: object) -> str:
    """Lower-cased, trimmed, internationalised domain encoded. ValueError when it is no address."""
    email = str(raw or "").strip().lower()
    local, _, domain = email.rpartition("@")
    try:
        email = f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise ValueError("invalid email") from None
    if not _EMAIL.fullmatch(email) or len(email) > 254 or ".." in email or email[0] == "." or ".@" in email:
        raise ValueError("invalid email")
    return email


def normalise_email(email: str) -> str:
    """One key per mailbox: +tags dropped where the provider ignores them, and Gmail's dots."""
    local, _, domain = email.rpartition("@")
    if domain == "googlemail.com":
        domain = "gmail.com"
    if domain in _PLUS_DOMAINS:
        local = local.split("+", 1)[0] or local
    if domain == "gmail.com":
        local = local.replace(".", "")
    return f"{local}@{domain}"


def parse_cents(raw: object) -> int:
    value = str(raw).strip()
    if not _MONEY.fullmatch(value):
        raise ValueError(f"invalid amount {value[:20]!r}")
    return int((Decimal(value.replace(",", "")) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def parse_time(raw: object) -> datetime:
    """ISO 8601 or epoch seconds; without a zone it is taken as UTC."""
    try:
        if isinstance(raw, (int, float)) and not isinstance(raw, bool):
            return datetime.fromtimestamp(raw, timezone.utc)
        value = datetime.fromisoformat(str(raw).strip())
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"invalid time {str(raw)[:30]!r}") from None


def words(text: str) -> set[str]:
    return {w for w in _WORD.findall(text.lower()) if w not in STOP_WORDS}
