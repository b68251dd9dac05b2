import csv
import email
import gzip
import json
import smtplib
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from mailmill.db import utcnow
from mailmill.jobs.articles import similar
from mailmill.jobs.importing import Contact
from mailmill.jobs.reporting import cell
from mailmill.models import (Archive, Article, ArticleSimilarity, Campaign, Event, Job, Message, Stat, Subscriber,
                             Suppression)


def messages(app):
    return app.all(select(Message).order_by(Message.id))


def events(app, *items, name="e.jsonl"):
    file = app.config.path("events", "inbox") / name
    file.write_bytes(b"\n".join(i if isinstance(i, bytes) else json.dumps(i).encode() for i in items))
    return app.ok("process-events")


def ago(**kw):
    return (utcnow() - timedelta(**kw)).isoformat()


def test_similar_articles():
    found = similar({1: "tomatoes soil compost", 2: "tomatoes compost roses", 3: "train hotel island", 4: "ferry train"})
    assert found[1][0][0] == 2 and found[3] == [(4, found[3][0][1])] and found[2][0][1] == found[1][0][1]


def test_render_recommends_and_escapes(app):
    ids = app.add(*[Article(title=t, url=f"https://x.de/{n}", body=t, published_at=utcnow() - timedelta(days=n))
                    for n, t in enumerate(["train hotel", "roses soil", "soil compost <b>", "ferry island"])])
    assert app.ok("similar-articles")["articles"] == 4
    assert app.all(select(ArticleSimilarity))
    app.people(Contact("a@x.de", "Eve <script>\nBcc: z"), "b@x.de")
    who = app.all(select(Subscriber.id))[0]
    app.add(Event(uid="c", type="click", occurred_at=utcnow(), subscriber_id=who, article_id=ids[1]))
    app.campaign(html_template="{{ name }}|{% for a in articles %}{{ a.title }},{% endfor %}", subject="Hi {{ name }}")
    eve, other = messages(app)
    assert eve.html.startswith("Eve &lt;script&gt;") and "\n" not in eve.subject
    assert eve.html.split("|")[1].startswith("soil compost &lt;b&gt;,train hotel,")
    assert "roses" not in eve.html and other.html.startswith("reader|train hotel,roses soil,")


def test_render_again_adds_nothing_and_bad_templates_fail(app):
    app.people("a@gmail.com", "b@x.de", Contact("c@x.de", unsubscribed=True))
    campaign = app.campaign()
    assert len(messages(app)) == 2
    app.people("a+2@gmail.com")
    app.ok("build-segments")
    assert app.ok("render-campaign", campaign_id=campaign)["rendered"] == 0
    for template in ("{{ nme }}", "{% if %}", "{{ ''.__class__.__mro__ }}"):
        bad, = app.add(Campaign(name="x", subject="s", html_template=template, text_template="t", segment_id=1))
        assert app.run("render-campaign", campaign_id=bad).status == "dead"


def test_send_to_files_skipping_unsubscribed(app):
    app.people("a@x.de", "b@x.de")
    campaign = app.campaign()
    app.add(Suppression(email_norm="b@x.de", reason="unsubscribed"))
    assert app.ok("send-campaign", campaign_id=campaign) == {"sent": 1, "skipped": 1}
    file, = app.config.path("outbox").glob("*.eml")
    mail = email.message_from_bytes(file.read_bytes())
    assert mail["To"] == "a@x.de" and messages(app)[0].token in mail["List-Unsubscribe"]
    assert app.run("send-campaign", campaign_id=campaign).status == "dead"  # sent already


def test_send_by_http_retries_and_fails(app, server):
    answers, keys = {"a@x.de": [429, 200], "b@x.de": [200], "c@x.de": [422]}, []

    def answer(method, path, headers, body):
        keys.append(headers["Idempotency-Key"])
        return answers[json.loads(body)["to"][0]].pop(0), {}

    server.answer = answer
    app.config = replace(app.config, transport="http", mail_api_url=server.url)
    app.people("a@x.de", "b@x.de", "c@x.de")
    campaign = app.campaign()
    job = app.run("send-campaign", campaign_id=campaign)
    assert job.status == "queued" and job.run_at > utcnow()
    assert [m.status for m in messages(app)] == ["pending", "sent", "failed"]
    with app.db.write() as session:
        session.execute(update(Message).values(next_attempt_at=utcnow()))
    assert app.ok("send-campaign", campaign_id=campaign) == {"sent": 2, "failed": 1}
    assert len(keys) == 4 and len(set(keys)) == 3


@pytest.mark.parametrize("error, status", [
    (smtplib.SMTPRecipientsRefused({"a@x.de": (550, b"no")}), "failed"),
    (smtplib.SMTPRecipientsRefused({"a@x.de": (451, b"later")}), "pending"),
    (smtplib.SMTPServerDisconnected("gone"), "unknown"), (None, "sent")])
def test_send_by_smtp(app, monkeypatch, error, status):
    class Fake:
        def __init__(self, *_, **__):
            pass

        def noop(self):
            return 250, b""

        def send_message(self, message):
            if error:
                raise error

        def quit(self):
            pass

    monkeypatch.setattr(smtplib, "SMTP", Fake)
    app.config = replace(app.config, transport="smtp")
    app.people("a@x.de")
    app.run("send-campaign", campaign_id=app.campaign())
    assert [m.status for m in messages(app)] == [status]


def test_relay_down_blames_no_message(app, monkeypatch):
    def refuse(*_, **__):
        raise ConnectionRefusedError("down")

    monkeypatch.setattr(smtplib, "SMTP", refuse)
    app.config = replace(app.config, transport="smtp")
    app.people("a@x.de")
    assert app.run("send-campaign", campaign_id=app.campaign()).status == "dead"  # run-once has one attempt
    message, = messages(app)
    assert (message.status, message.attempts) == ("pending", 0)


def test_a_crashed_smtp_send_is_not_repeated(app):
    app.people("a@x.de")
    campaign = app.campaign()
    with app.db.write() as session:
        session.execute(update(Message).values(status="sending", claimed_at=utcnow() - timedelta(hours=1)))
    app.config = replace(app.config, transport="smtp")
    assert app.ok("send-campaign", campaign_id=campaign) == {"unknown": 1}


def test_events(app):
    app.people("a@x.de", "b@x.de", "c@x.de")
    article, = app.add(Article(title="T", url="https://x.de/1"))
    app.ok("send-campaign", campaign_id=app.campaign())
    a, b, c = [m.token for m in messages(app)]
    lines = [{"id": 1, "type": "open", "at": ago(hours=3), "token": a}, {"id": 2, "type": "open", "at": ago(hours=2), "token": a},
             {"id": 3, "type": "click", "at": ago(hours=1), "token": a, "url": "https://x.de/1?utm=2"},
             {"id": 3, "type": "click", "at": ago(hours=1), "token": a, "url": "https://x.de/1?utm=2"},
             {"id": 4, "type": "bounce", "at": ago(hours=1), "token": b},
             {"id": 5, "type": "unsubscribe", "at": ago(hours=1), "email": "C@x.de"},
             {"id": 6, "type": "open", "at": ago(hours=1), "token": "nobody"},
             b"{broken", b"[1]", b"\xff\xfe", {"type": "open", "at": "soon", "token": a},
             {"type": "dance", "at": ago(), "token": a}, {"type": "open", "at": float("nan"), "token": a}]
    result = events(app, *lines)
    assert result == {"open": 3, "click": 1, "bounce": 1, "unsubscribe": 1, "unmatched": 1, "repeated": 1,
                      "rejected": 6, "files": 1}
    again = events(app, *lines[:6])
    assert again == {"repeated": 6, "files": 1}
    first, second, third = messages(app)
    assert (first.opens, first.clicks, second.bounced_at is not None) == (2, 1, True)
    assert [s.status for s in app.all(select(Subscriber).order_by(Subscriber.id))] == ["active", "bounced", "unsubscribed"]
    assert app.all(select(Event.article_id).where(Event.type == "click")) == [article]
    assert {s.email_norm: s.reason for s in app.all(select(Suppression))} == {"b@x.de": "bounced", "c@x.de": "unsubscribed"}
    app.ok("compute-stats")
    stats = {(s.scope, s.key): s for s in app.all(select(Stat))}
    campaign = stats["campaign", "1"]
    assert (campaign.sent, campaign.opens, campaign.unique_opens, campaign.unique_clicks, campaign.bounces) == (3, 2, 1, 1, 1)
    assert stats["segment", "1"].sent == 3
    assert sum(s.opens for (scope, _), s in stats.items() if scope == "day") == 3
    assert app.ok("score-subscribers") == {"scored": 3}
    assert app.all(select(Subscriber.score).order_by(Subscriber.id))[0] > 50


def test_soft_bounces_add_up(app):
    app.people("a@x.de")
    for n in range(5):
        events(app, {"id": f"s{n}", "type": "bounce", "bounce_type": "soft", "at": ago(hours=1), "email": "a@x.de"})
    assert app.all(select(Subscriber.status)) == ["bounced"]


def test_archive_keeps_statistics_and_ignores_old_events(app):
    app.people("a@x.de")
    old = utcnow() - timedelta(days=120)
    app.add(*[Event(uid=f"o{n}", type="open", occurred_at=old) for n in range(3)],
            Event(uid="new", type="open", occurred_at=utcnow()))
    assert app.run("archive-events", keep_days=3).status == "dead"
    assert app.ok("archive-events") == {"rows": 3, "files": 1}
    archive, = app.all(select(Archive))
    with gzip.open(archive.path, "rt") as file:
        assert [json.loads(line)["uid"] for line in file] == ["o0", "o1", "o2"]
    assert app.all(select(Event.uid)) == ["new"]
    app.ok("compute-stats", days=200)
    assert app.all(select(Stat.opens).where(Stat.key == old.date().isoformat())) == [3]
    result = events(app, {"id": "late", "type": "open", "at": old.isoformat(), "email": "a@x.de"},
                    {"id": "late2", "type": "unsubscribe", "at": old.isoformat(), "email": "a@x.de"})
    assert result == {"too_old": 2, "files": 1}
    assert app.all(select(Subscriber.status)) == ["unsubscribed"]


def test_weekly_report(app):
    app.config = replace(app.config, report_to="boss@x.de, chief@x.de")
    app.people("a@x.de")
    app.ok("send-campaign", campaign_id=app.campaign(name="=cmd|<b>"))
    for old in app.config.path("outbox").glob("*.eml"):
        old.unlink()
    result = app.ok("weekly-report", day=utcnow().date().isoformat())
    assert result["mailed"] == 2
    html = open(result["html"], encoding="utf-8").read()
    assert "=cmd|&lt;b&gt;" in html and "<b>" not in html
    with open(result["csv"], newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["sent"] for r in rows if r["section"] == "campaigns"] == ["1"]
    assert any(r["name"] == "'=cmd|<b>" for r in rows) and cell(-3) == -3
    mail = email.message_from_bytes(next(app.config.path("outbox").glob("*.eml")).read_bytes())
    assert [p.get_filename() for p in mail.walk() if p.get_filename()] == [
        result["html"].rsplit("/", 1)[1], result["csv"].rsplit("/", 1)[1]]


def test_render_can_start_the_sending(app):
    app.people("a@x.de")
    campaign = app.campaign()
    app.ok("render-campaign", campaign_id=campaign, then_send=True)
    assert app.all(select(Job.payload).where(Job.name == "send-campaign")) == [{"campaign_id": campaign}]
