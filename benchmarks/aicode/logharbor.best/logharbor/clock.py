"""Time helpers. Everything inside the service is timezone-aware UTC."""
import re
from datetime import datetime, timedelta, timezone

_RELATIVE = re.compile(r"^(\d{1,6})([smhdw])$")
_SPACED = re.compile(r" \d\d:\d\d")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def utcnow() -> datetime:
    return datetime.now(timezone.utc)


def as_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


def parse_time(value) -> datetime:
    """ISO 8601 text, or an epoch number in seconds, milliseconds, microseconds or nanoseconds."""
    try:
        if isinstance(value, datetime):
            return as_utc(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            for limit, divisor in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3)):
                if abs(value) >= limit:
                    value = value / divisor
                    break
            return datetime.fromtimestamp(value, timezone.utc)
        if isinstance(value, str):
            return as_utc(datetime.fromisoformat(value.strip()))
    except (OverflowError, OSError, ValueError):
        pass
    raise ValueError(f"not a usable time: {str(value)[:60]!r}")


def parse_when(value: str, now: datetime | None = None) -> datetime:
    """A query-string time: "15m", "2h", "7d" (ago), or ISO 8601."""
    if match := _RELATIVE.match(value.strip()):
        return (now or utcnow()) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    # An unescaped "+00:00" in a URL arrives with a space in place of the plus sign.
    text = value.strip()
    if _SPACED.fullmatch(text[-6:]) and not text[-7:-6].isspace() and "T" in text[:-6].rsplit(None, 1)[-1][:-1]:
        text = f"{text[:-6]}+{text[-5:]}"
    return parse_time(text)
