import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from mailmill import queue
from mailmill.db import utcnow
from mailmill.jobs import scoring
from mailmill.jobs.importing import Contact
from mailmill.jobs.segments import compile_rules
from mailmill.models import Segment, State, Subscriber, SubscriberTag, Suppression
from mailmill.text import clean_email, normalise_email, parse_cents, parse_time
from mailmill.worker import Worker


@pytest.mark.parametrize("raw, norm", [
    (" Ann.Lee+news@GoogleMail.com ", "annlee@gmail.com"), ("a+b@example.com", "a+b@example.com"),
    ("a+b@outlook.com", "a@outlook.com"), ("x@bücher.de", "x@xn--bcher-kva.de")])
def test_normalise(raw, norm):
    assert normalise_email(clean_email(raw)) == norm


@pytest.mark.parametrize("bad", ["", None, "a", "a@b", "a b@example.com", "a@example.com\nBcc: x@y.de", "a..b@x.de", 5])
def test_bad_email(bad):
    with pytest.raises(ValueError):
        clean_email(bad)


def test_money_and_time():
    assert parse_cents("1,234.505") == 123451 and parse_cents(12) == 1200
    for bad in ("NaN", "1e9", "-3", "1.234,50", "Infinity"):
        with pytest.raises(ValueError):
            parse_cents(bad)
    assert parse_time("2024-05-01T10:00:00+02:00").hour == 8
    for bad in (float("nan"), 1e20, "soon", None, True):
        with pytest.raises(ValueError):
            parse_time(bad)


def test_import_csv(app):
    file = app.tmp / "s.csv"
    file.write_text("\ufeffEmail;Name;Country;Tags;Spent;Unsubscribed\n"
                    "Ann@Example.com;Ann Lee;de;VIP|new;12.50;\n"
                    "bob@example.com;;;;;yes\n"
                    "broken;;;;;\n"
                    "ann@example.com;;;old;;\n"
                    "cy@example.com;Cy;Germany;;;\n", encoding="utf-8")
    result = app.ok("import-csv", path=str(file))
    assert (result["created"], result["rejected"]) == (2, 2)
    assert result["problems"][0].startswith("line 4:")
    ann, bob = app.all(select(Subscriber).order_by(Subscriber.email))
    assert (ann.name, ann.country, ann.spent_cents, bob.status) == ("Ann Lee", "DE", 1250, "unsubscribed")
    assert set(app.all(select(SubscriberTag.tag))) == {"vip", "new", "old"}
    file.write_text("email,name\nbob@example.com,Bob\n")
    assert app.ok("import-csv", path=str(file))["updated"] == 1
    assert app.all(select(Subscriber).where(Subscriber.name == "Bob"))[0].status == "unsubscribed"
    file.write_bytes("email,name\na@b.de,Jörg\n".encode("latin-1"))
    assert app.run("import-csv", path=str(file)).status == "dead"


def test_import_crm_resumes_and_then_asks_for_changes(app, server):
    calls, broken = [], [True]

    def answer(method, path, headers, body):
        query = {k: v[0] for k, v in parse_qs(urlsplit(path).query).items()}
        calls.append(query)
        if query.get("cursor") == "p2" and broken.pop() if broken else False:
            return 503, {}
        number = int(query.get("cursor", "p1")[1:])
        data = [{"id": n, "email": f"u{number}{n}@example.com", "tags": ["crm"], "spent": 5} for n in range(3)]
        return 200, {"data": data + ["junk"], "next_cursor": f"p{number + 1}" if number < 3 else None}

    server.answer = answer
    job_id, _ = app.enqueue("import-crm", {"url": server.url})
    worker = Worker(app.db, app.config)
    assert worker.execute(queue.claim(app.db, "w")) == "queued"
    assert worker.execute(queue.claim(app.db, "w", job_id=job_id)) == "done"
    assert [c.get("cursor") for c in calls] == [None, "p2", "p2", "p3"]
    assert len(app.all(select(Subscriber))) == 9
    assert len(app.all(select(State))) == 1
    app.ok("import-crm", url=server.url)
    assert "updated_since" in calls[-1]


def test_crm_refusal_is_permanent(app, server):
    server.answer = lambda *_: (401, {})
    assert app.run("import-crm", url=server.url).status == "dead"


def test_clean_list(app):
    app.people(Contact("ann.lee@gmail.com", "Ann", spent_cents=100, tags={"a"}),
               Contact("annlee+x@gmail.com", country="DE", spent_cents=500, tags={"a", "b"}),
               "bob@gmail.com", "b.ob@gmail.com", "soft@example.com")
    with app.db.write() as session:
        session.scalars(select(Subscriber).where(Subscriber.email == "b.ob@gmail.com")).one().status = "unsubscribed"
        session.scalars(select(Subscriber).where(Subscriber.email == "soft@example.com")).one().soft_bounces = 5
    assert app.ok("clean-list") == {"bounced": 1, "unsubscribed": 1, "duplicates": 2}
    rows = {r.email: r for r in app.all(select(Subscriber))}
    ann = rows["ann.lee@gmail.com"]
    assert (ann.name, ann.country, ann.spent_cents, ann.status) == ("Ann", "DE", 500, "active")
    assert rows["annlee+x@gmail.com"].merged_into_id == ann.id
    assert sorted(app.all(select(SubscriberTag.tag).where(SubscriberTag.subscriber_id == ann.id))) == ["a", "b"]
    assert not any(r.status == "active" for e, r in rows.items() if "b" in e[:2])
    assert {s.email_norm for s in app.all(select(Suppression))} == {"bob@gmail.com", "soft@example.com"}
    app.people(Contact("annlee+x@gmail.com", "Ann Lee"))
    assert app.all(select(Subscriber).where(Subscriber.id == ann.id))[0].name == "Ann Lee"
    assert app.ok("clean-list")["duplicates"] == 0


def test_segments(app):
    now = utcnow()
    app.people(Contact("a@x.de", country="DE", tags={"vip", "new"}, spent_cents=5000, last_opened=now),
               Contact("b@x.de", country="AT", tags={"vip"}, spent_cents=100, last_opened=now - timedelta(days=60)),
               Contact("c@x.de"))
    def rule(field, op, value=None):
        return {"field": field, "op": op, "value": value}
    cases = [({"all": []}, "abc"), (rule("country", "in", ["de", "AT"]), "ab"),
             ({"not": rule("country", "eq", "DE")}, "bc"), (rule("tags", "has_all", ["vip", "new"]), "a"),
             ({"not": rule("tags", "has", "vip")}, "c"), (rule("spent", "gte", "50.00"), "a"),
             (rule("last_opened", "within_days", 30), "a"), (rule("last_opened", "older_than_days", 30), "b"),
             ({"any": [rule("last_opened", "never"), rule("spent", "gt", 10)]}, "ac")]
    for wanted, expected in cases:
        found = app.all(select(Subscriber.email).where(compile_rules(wanted)).order_by(Subscriber.id))
        assert "".join(e[0] for e in found) == expected, wanted
    for bad in ({}, [], rule("country", "like", "x"), rule("password", "eq", "x"), {"any": []},
                rule("last_opened", "within_days", "30"), rule("spent", "gt", "much")):
        with pytest.raises(ValueError):
            compile_rules(bad)


def test_a_bad_segment_does_not_stop_the_others(app):
    app.people("a@x.de")
    app.add(Segment(name="bad", rules={"field": "x"}), Segment(name="good", rules={"all": []}))
    job = app.run("build-segments")
    assert job.status == "dead" and "bad" in job.last_error
    assert app.all(select(Segment.size).where(Segment.name == "good")) == [1]


def test_score():
    now = utcnow()
    mails = [(now - timedelta(days=d), True, True) for d in (1, 8, 15)]
    keen = scoring.score(mails, now, now)
    lapsed = scoring.score([(at, False, False) for at, *_ in mails], now - timedelta(days=150), now)
    assert 70 < keen < 100 and 0 <= lapsed < 5 and scoring.score([], None, now) == 0
    json.dumps(keen)
