import gzip
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sqlalchemy import func, select, update

from logharbor.cli import main
from logharbor.clock import utcnow
from logharbor.db import SessionLocal
from logharbor.models import AlertRule, Delivery, LogEvent
from logharbor.services import alerts, notify
from logharbor.services.retention import prune_all
from logharbor.settings import get_settings
from test_api import STACK, ago, error, messages


@pytest.fixture
def hook(world):
    """A real web server which notes what it is sent, and answers with `status`."""
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.seen.append((json.loads(body), self.headers))
            self.send_response(server.status)
            self.end_headers()

        def log_message(self, *args):
            pass
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.status = [], 200
    server.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    world.env.set("WEBHOOK_ALLOW_PRIVATE", "1")
    world.env.set("WEBHOOK_SECRET", "s3cret")
    yield server
    server.shutdown()


def rule(world, **values):
    return world.ann("POST", f"/projects/{world.project}/alert-rules", 201, json={"name": "R", **values})["id"]


def run(**kwargs):
    return alerts.evaluate_all(get_settings(), force=True, **kwargs)


def test_threshold_fires_once_and_resolves(world, hook, monkeypatch):
    mails = []
    monkeypatch.setattr(notify, "send_mail", lambda to, payload, settings: mails.append((to, payload["status"])))
    rule(world, kind="threshold", threshold=3, filter={"min_level": "error"}, webhook_url=hook.url,
         emails=["ops@example.com"])
    world.ingest(error(), error(), {"message": "fine"})
    assert run()["fired"] == []
    world.ingest(error())
    assert len(run()["fired"]) == 1 and run()["fired"] == []
    payload, headers = hook.seen[0]
    assert payload["status"] == "firing" and payload["detail"]["count"] == 3
    assert headers["X-Logharbor-Signature"].startswith("sha256=")
    run(now=utcnow() + timedelta(minutes=6))
    events = world.ann("GET", f"/projects/{world.project}/alert-events")
    assert [e["status"] for e in events] == ["resolved", "firing"]
    assert mails == [("ops@example.com", "firing"), ("ops@example.com", "resolved")]


def test_new_group_and_silence(world, hook):
    world.ingest(error())  # older than the rule: not new
    rule(world, kind="new_group", webhook_url=hook.url)
    silent = rule(world, kind="silence", service="cron", window_minutes=10, webhook_url=hook.url)
    assert run()["fired"] == []
    world.ingest(error(stack=STACK.replace("add", "remove")), {"message": "tick", "service": "cron"})
    assert len(run()["fired"]) == 1 and run()["fired"] == []
    assert hook.seen[0][0]["detail"]["total"] == 1
    assert run(now=utcnow() + timedelta(minutes=11))["fired"] == [silent]
    world.ingest({"message": "tick", "service": "cron"})
    run()
    assert hook.seen[-1][0]["status"] == "resolved"
    world.ann("DELETE", f"/alert-rules/{silent}", 204)


def test_a_rule_is_claimed_once_a_minute_and_a_bad_rule_does_not_stop_the_rest(world):
    bad, good = rule(world, kind="threshold"), rule(world, kind="threshold")
    with SessionLocal() as db:
        db.execute(update(AlertRule).where(AlertRule.id == bad).values(filter={"nonsense": 1}))
        db.commit()
    world.ingest(error())
    result = alerts.evaluate_all(get_settings())
    assert result["fired"] == [good] and alerts.evaluate_all(get_settings())["evaluated"] == 0
    rules = {r["id"]: r for r in world.ann("GET", f"/projects/{world.project}/alert-rules")}
    assert "nonsense" in rules[bad]["last_error"] and rules[good]["last_error"] == ""


def test_failed_webhook_is_tried_again(world, hook):
    rule(world, kind="threshold", webhook_url=hook.url)
    world.ingest(error())
    hook.status = 500
    assert run()["sent"] == 0 and notify.deliver_pending(get_settings()) == 0 and len(hook.seen) == 1
    hook.status = 200
    with SessionLocal() as db:
        db.execute(update(Delivery).values(next_attempt_at=utcnow()))
        db.commit()
    assert notify.deliver_pending(get_settings()) == 1
    delivery = world.ann("GET", f"/projects/{world.project}/alert-events")[0]["deliveries"][0]
    assert (delivery["status"], delivery["attempts"]) == ("sent", 2)


def test_mail(monkeypatch, world):
    sent = []

    class Smtp:
        def __init__(self, *args, **kwargs): pass
        def __enter__(self): return self
        def __exit__(self, *args): pass
        def starttls(self): pass
        def send_message(self, message): sent.append(message)
    monkeypatch.setattr(notify.smtplib, "SMTP", Smtp)
    world.env.set("SMTP_HOST", "mail.example.com")
    rule(world, name="Line\nbreak", kind="threshold", emails=["ops@example.com"])
    world.ingest(error())
    assert run()["sent"] == 1
    assert sent[0]["To"] == "ops@example.com" and sent[0]["Subject"] == "[logharbor] firing: Line break"


def test_background_thread_evaluates(world):
    world.env.set("ALERT_INTERVAL_SECONDS", "0.05")
    rule(world, kind="threshold")
    world.ingest(error())
    thread = alerts.AlertThread(get_settings())
    thread.start()
    for _ in range(100):
        if world.ann("GET", f"/projects/{world.project}/alert-events"):
            break
        thread.stopping.wait(0.05)
    thread.stop()
    assert not thread.is_alive() and len(world.ann("GET", f"/projects/{world.project}/alert-events")) == 1


def test_prune_archive_restore(world):
    world.env.set("PRUNE_CHUNK", "4")
    app, path = world.app["id"], f"/applications/{world.app['id']}"
    world.ingest(*[error(time=ago(days=40 + n), user="u", size=n) for n in range(6)], {"message": "young"})
    before = world.ann("GET", f"/projects/{world.project}/events", params={"q": "failed"})["events"]
    result, = prune_all(get_settings())
    assert result == {"application_id": app, "archived": 6, "deleted": 6, "archives": 2}
    assert messages(world) == ["young"] and prune_all(get_settings())[0]["deleted"] == 0
    archives = world.ann("GET", path + "/archives")
    files = sorted((world.env.path / "archives").rglob("*.jsonl.gz"))
    assert [a["event_count"] for a in archives] == [2, 4] and len(files) == 2
    assert sum(len(gzip.open(f).read().splitlines()) for f in files) == 6
    for archive in archives:
        world.ann("POST", f"/archives/{archive['id']}/restore")
    world.ann("POST", f"/archives/{archives[0]['id']}/restore", 409)
    after = world.ann("GET", f"/projects/{world.project}/events", params={"q": "failed"})["events"]
    assert [{**e, "id": 0} for e in before] == [{**e, "id": 0} for e in after]
    group, = world.ann("GET", f"/projects/{world.project}/groups")["groups"]
    assert group["count"] == 6 and world.ann("GET", "/usage")[0]["events"] == 7
    assert prune_all(get_settings())[0]["deleted"] == 0  # kept for a while
    later = prune_all(get_settings(), now=utcnow() + timedelta(days=8))[0]
    assert later["deleted"] == 6 and later["archived"] == 0  # not archived twice
    files[0].write_bytes(files[0].read_bytes() + b"x")
    codes = [world.client.post(f"/api/v1/archives/{a['id']}/restore", headers=world.ann.headers).status_code
             for a in archives]
    assert sorted(codes) == [200, 409]


def test_failed_prune_loses_nothing(world, monkeypatch):
    world.ingest(error(time=ago(days=40)))
    monkeypatch.setattr("logharbor.services.retention.delete", lambda *a: 1 / 0)
    assert "error" in prune_all(get_settings())[0]
    assert messages(world) == ["request failed"] and not list((world.env.path / "archives").rglob("*.gz"))
    monkeypatch.undo()


def test_command_line(env, world, capsys, tmp_path):
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(b'{"message": "m%d", "time": "2020-01-01"}\n' % n for n in range(5))
                                   + b"broken\n" + b'{"message": "last", "level": "error"}'))
    assert main(["ingest", str(path), "--api-key", world.app["api_key"], "--batch", "3"]) == 1
    out = capsys.readouterr()
    assert "accepted 6, rejected 1" in out.out and "line 6:" in out.err
    rule(world, kind="threshold")
    assert main(["alerts"]) == 0 and json.loads(capsys.readouterr().out)["fired"]
    assert main(["prune"]) == 0 and json.loads(capsys.readouterr().out)["archived"] == 5
    assert main(["restore", "1"]) == 0
    assert main(["create-user", "cli@example.com", "--password", "long enough pw"]) == 0
    with pytest.raises(SystemExit):
        main(["create-user", "cli@example.com", "--password", "long enough pw"])
    with pytest.raises(SystemExit):
        main(["ingest", str(path), "--api-key", "wrong"])
    with SessionLocal() as db:
        assert db.scalar(select(func.count()).select_from(LogEvent)) == 6
