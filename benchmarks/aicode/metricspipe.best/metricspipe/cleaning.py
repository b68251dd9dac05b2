"""Cleaning and deduplication of events."""
import re
from urllib.parse import urlsplit

import pandas as pd

COUNTRIES = {
    "germany": "DE", "deutschland": "DE", "united states": "US", "usa": "US", "united kingdom": "GB",
    "uk": "GB", "france": "FR", "spain": "ES", "italy": "IT", "austria": "AT", "switzerland": "CH",
}

BOT_WORDS = ("bot", "crawler", "spider", "headless")


def parse_timestamp(value):
    """Parse ISO dates, unix seconds and unix milliseconds."""
    value = str(value).strip()
    if not value:
        return pd.NaT
    if re.fullmatch(r"\d{10}", value):
        return pd.Timestamp(int(value), unit="s", tz="UTC")
    if re.fullmatch(r"\d{13}", value):
        return pd.Timestamp(int(value), unit="ms", tz="UTC")
    return pd.to_datetime(value, utc=True, errors="coerce")


def clean_page(value):
    """Keep only the path of a URL, lower case and without trailing slash."""
    value = str(value).strip()
    if not value:
        return ""
    path = urlsplit(value).path.lower()
    path = re.sub(r"/+", "/", path)
    if len(path) > 1:
        path = path.rstrip("/")
    return path or "/"


def clean_referrer(value):
    value = str(value).strip().lower()
    if not value or value in ("-", "none", "null", "direct"):
        return "direct"
    host = urlsplit(value).netloc if "://" in value else value.split("/")[0]
    host = host.removeprefix("www.")
    return host or "direct"


def clean_device(value):
    value = str(value).strip().lower()
    if any(word in value for word in BOT_WORDS):
        return "bot"
    if any(word in value for word in ("iphone", "android", "mobile", "phone")):
        return "mobile"
    if any(word in value for word in ("ipad", "tablet")):
        return "tablet"
    if any(word in value for word in ("desktop", "windows", "mac", "linux", "pc")):
        return "desktop"
    return "unknown"


def clean_country(value):
    value = str(value).strip()
    if len(value) == 2:
        return value.upper()
    return COUNTRIES.get(value.lower(), "unknown")


def clean_revenue(value):
    """Parse numbers like "1.234,50 €", "$12.00" and "12"."""
    value = re.sub(r"[^\d,.\-]", "", str(value))
    if not value:
        return 0.0
    if "," in value and "." in value:
        if value.rfind(",") > value.rfind("."):
            value = value.replace(".", "").replace(",", ".")
        else:
            value = value.replace(",", "")
    elif "," in value:
        value = value.replace(",", ".")
    try:
        return float(value)
    except ValueError:
        return 0.0


def parse_timestamps(column):
    """Parse a column as parse_timestamp does each value."""
    text = column.astype(str).str.strip()
    seconds, millis = text.str.fullmatch(r"\d{10}"), text.str.fullmatch(r"\d{13}")
    numeric = seconds | millis
    parsed = pd.to_datetime(text.mask(numeric, ""), utc=True, errors="coerce", format="mixed").dt.as_unit("us")
    for mask, unit in ((seconds, "s"), (millis, "ms")):
        if mask.any():
            parsed[mask] = pd.to_datetime(text[mask].map(int), unit=unit, utc=True).dt.as_unit("us")
    return parsed


def clean_distinct(column, clean):
    """Clean each different value of a column once."""
    return column.map({value: clean(value) for value in column.unique()})


def clean_events(events):
    """Return the cleaned events and a dict with what was removed."""
    report = {"rows_read": len(events)}
    df = events.assign(
        user=events["user"].str.strip(),
        timestamp=parse_timestamps(events["timestamp"]),
        page=clean_distinct(events["page"], clean_page),
        referrer=clean_distinct(events["referrer"], clean_referrer),
        device=clean_distinct(events["device"], clean_device),
        country=clean_distinct(events["country"], clean_country),
        revenue=clean_distinct(events["revenue"], clean_revenue),
    )
    kept = pd.Series(True, index=df.index)
    for name, good in (
        ("without_user", df["user"] != ""),
        ("bad_timestamp", df["timestamp"].notna()),
        ("without_page", df["page"] != ""),
        ("bots", df["device"] != "bot"),
    ):
        report[name] = int((kept & ~good).sum())
        kept &= good

    df, duplicates = remove_duplicates(df[kept])
    report["duplicates"] = duplicates
    report["rows_kept"] = len(df)
    return df, report


def remove_duplicates(df, seconds=2):
    """Remove exact duplicates and repeated hits of one user on one page within some seconds."""
    before = len(df)
    df = df.drop_duplicates(["user", "timestamp", "page", "revenue"])
    df = df.sort_values(["user", "timestamp"]).reset_index(drop=True)
    hits = df.groupby(["user", "page", "revenue"], sort=False, dropna=False)["timestamp"]
    df = df[(hits.cumcount() == 0) | (hits.diff().dt.total_seconds() > seconds)].reset_index(drop=True)
    return df, before - len(df)
