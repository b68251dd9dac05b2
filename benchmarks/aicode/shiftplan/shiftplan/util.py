"""Time handling and input parsing. The database holds naive UTC; people see TIMEZONE."""
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask import abort, current_app, request

from .models import db

REQUIRED = object()


class Problem(Exception):
    """A rule the user has run into; shown as a message, or as JSON by the API."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.message, self.status = message, status


def refuse_if(condition, message, status=400):
    if condition:
        raise Problem(message, status)


def now():
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def to_utc(local):
    zone = ZoneInfo(current_app.config["TIMEZONE"])
    return local.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


def to_local(moment):
    zone = ZoneInfo(current_app.config["TIMEZONE"])
    return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


def today():
    return to_local(now()).date()


def monday(day):
    return day - timedelta(days=day.weekday())


def day_start(day):
    return to_utc(datetime.combine(day, time()))


def week_bounds(start):
    return day_start(start), day_start(start + timedelta(days=7))


def next_month(first):
    return (first + timedelta(days=32)).replace(day=1)


def slot_times(day, start, end):
    """UTC start and end of a slot; an end at or before the start is on the next day."""
    last = day if end > start else day + timedelta(days=1)
    return to_utc(datetime.combine(day, start)), to_utc(datetime.combine(last, end))


def checked(convert, valid):
    """A converter for field() that accepts only valid results."""
    def run(raw):
        value = convert(raw)
        if not valid(value):
            raise ValueError
        return value
    return run


as_text = checked(lambda raw: raw, lambda v: isinstance(v, str) and len(v) <= 200)
as_int = checked(int, lambda v: 0 <= v < 2 ** 31)
as_weekday = checked(int, lambda v: 0 <= v <= 6)
as_amount = checked(lambda raw: Decimal(str(raw)), lambda v: v.is_finite() and Decimal("0.01") <= v < 10000)
as_date = checked(date.fromisoformat, lambda v: 2000 <= v.year <= 2100)
as_time = checked(time.fromisoformat, lambda v: v.tzinfo is None)
as_naive = checked(datetime.fromisoformat, lambda v: v.tzinfo is None and 2000 <= v.year <= 2100)
as_moment = checked(lambda raw: to_utc(as_naive(raw)), bool)
as_week = checked(lambda raw: monday(as_date(raw)), bool)
as_month = checked(lambda raw: as_date(raw + "-01"), bool)


def payload():
    if not request.is_json:
        return request.form
    data = request.get_json(silent=True)
    if not isinstance(data, dict):
        raise Problem("A JSON object is expected.")
    return data


def field(name, convert=as_text, default=REQUIRED, source=None):
    raw = (payload() if source is None else source).get(name)
    if isinstance(raw, str):
        raw = raw.strip()
    if raw is None or raw == "":
        if default is REQUIRED:
            raise Problem(f"Please fill in: {name.replace('_', ' ')}.")
        return default
    try:
        return convert(raw)
    except (ValueError, TypeError, ArithmeticError):
        raise Problem(f"Not a valid value: {name.replace('_', ' ')}.") from None


def query(name, convert, default=None):
    return field(name, convert, default, source=request.args)


def get_or_404(model, key):
    found = db.session.get(model, key) if key is not None and 0 <= key < 2 ** 31 else None
    return found or abort(404)
