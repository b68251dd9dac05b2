import gzip
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy import select

from logharbor.clock import parse_time, parse_when
from logharbor.models import LogEvent
from logharbor.services import notify, search
from logharbor.services.fingerprint import identify
from logharbor.services.ingest import TooLarge, flatten, gunzip
from logharbor.schemas import EventFilter
from logharbor.settings import Settings

PY = """Traceback (most recent call last):
  File "/srv/{release}/app/views.py", line {line}, in checkout
    charge()
  File "/usr/lib/python3.11/site-packages/http/client.py", line {line}, in send
    raise {error}
{error}: order {line} failed"""
JAVA = """java.lang.IllegalStateException: order {n}
\tat com.shop.Cart.add(Cart.java:{n})
\tat java.base/java.lang.Thread.run(Thread.java:8{n})"""
JS = """TypeError: x is undefined
    at checkout (https://shop.example/static/main.{hash}.js:{n}:12)
    at async /srv/app/server.js:{n}:3"""


def test_fingerprint_ignores_what_moves_and_keeps_what_matters():
    def fp(stack):
        return identify("m", stack).fingerprint
    first = identify("m", PY.format(release="r1", line=10, error="ValueError"))
    assert first.fingerprint == fp(PY.format(release="r2", line=99, error="ValueError"))
    assert first.fingerprint != fp(PY.format(release="r1", line=10, error="KeyError"))
    assert first.fingerprint != fp(PY.format(release="r1", line=10, error="ValueError").replace("checkout", "refund"))
    assert first.title == "ValueError: order 10 failed" and first.culprit == "app/views.py in checkout"
    java = identify("m", JAVA.format(n=1))
    assert java.fingerprint == fp(JAVA.format(n=2)) and java.culprit == "Cart.java in com.shop.Cart.add"
    assert fp(JS.format(hash="3f2a9c1b", n=1)) == fp(JS.format(hash="99aabbcc", n=7))
    assert identify("user 12 not found", "").fingerprint == identify("user 7 not found", "").fingerprint
    assert identify("user 12 not found", "").fingerprint != identify("disk full", "").fingerprint


def test_times():
    expected = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
    for value in ("2024-05-01T12:00:00Z", "2024-05-01T14:00:00+02:00", "2024-05-01 12:00", 1714564800, 1714564800000,
                  1714564800 * 10**9):
        assert parse_time(value) == expected
    assert parse_when("2024-05-01T14:00:00 02:00") == expected
    assert parse_when("90m", expected) == expected - timedelta(minutes=90)
    for bad in ("yesterday", 1e40, True, None):
        with pytest.raises(ValueError):
            parse_time(bad)


def test_flatten_and_gunzip():
    assert flatten({"http": {"status": 200}, 'a"b': "x\x00", "n": float("nan"), "e": {}}) == {
        "http.status": 200, "a_b": "x", "n": "nan", "e": {}}
    with pytest.raises(TooLarge):
        gunzip(gzip.compress(b"0" * 100_000), 1000)
    with pytest.raises(ValueError):
        gunzip(gzip.compress(b"hello" * 100)[:-9], 1000)


def test_webhooks_to_private_addresses_are_refused():
    for url in ("http://127.0.0.1/x", "http://169.254.169.254/latest", "http://[::1]:80/", "ftp://example.com/"):
        with pytest.raises(ValueError):
            notify.check_url(url, Settings())


def test_field_filters_compile_for_postgresql(monkeypatch):
    monkeypatch.setattr(search, "dialect_name", lambda db: "postgresql")
    flt = EventFilter(text="a -b", fields=[search.parse_field(f) for f in ("status>=500", "region!=eu", "x=1", "y")])
    sql = str(select(LogEvent).where(*search.conditions(None, [1], flt)).compile(dialect=postgresql.dialect()))
    assert "jsonb_typeof" in sql and "ILIKE" in sql and "json_extract" not in sql
