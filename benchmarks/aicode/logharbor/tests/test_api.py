import csv
import gzip
import io
import json
import threading
from datetime import timedelta

from logharbor.clock import utcnow

STACK = 'Traceback (most recent call last):\n  File "/srv/app/cart.py", line 5, in add\n    x()\nKeyError: \'sku\''


def ago(**kwargs):
    return (utcnow() - timedelta(**kwargs)).isoformat()


def error(**extra):
    return {"level": "error", "service": "web", "message": "request failed", "stack": STACK, **extra}


def messages(world, **params):
    return [e["message"] for e in world.ann("GET", f"/projects/{world.project}/events", params=params)["events"]]


def test_ingest_reports_bad_lines(world):
    result = world.ingest({"message": "ok"}, "not json", {"level": "loud", "message": "x"}, "",
                          {"message": "future", "time": (utcnow() + timedelta(days=3)).isoformat()})
    assert (result["accepted"], result["rejected"]) == (1, 3)
    assert [e["line"] for e in result["errors"]] == [2, 3, 5]
    world.ingest("nope", status=422)
    world.ingest({"message": "x"}, status=401, key="wrong")
    world.env.set("MAX_BODY_BYTES", "50")
    world.ingest({"message": "x" * 100}, status=413)


def test_ingest_gzip_key_rotation_and_disabling(world):
    def post(key):
        return world.client.post("/api/v1/ingest", content=gzip.compress(b'{"msg": "zipped"}\n'),
                                 headers={"X-Api-Key": key, "Content-Encoding": "gzip"}).status_code
    assert post(world.app["api_key"]) == 202 and messages(world) == ["zipped"]
    new = world.ann("POST", f"/applications/{world.app['id']}/rotate-key")["api_key"]
    assert post(world.app["api_key"]) == 401 and post(new) == 202
    world.ann("PATCH", f"/applications/{world.app['id']}", json={"active": False})
    assert post(new) == 401


def test_concurrent_batches_count_every_event(world):
    threads = [threading.Thread(target=lambda: [world.ingest(*[error(user=f"u{i}") for i in range(5)])
                                                for _ in range(5)]) for _ in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    group, = world.ann("GET", f"/projects/{world.project}/groups")["groups"]
    assert group["count"] == 100 and group["affected_users"] == 5
    assert world.ann("GET", "/usage")[0]["events"] == 100


def test_search_filters(world):
    world.ingest({"message": "Cart opened", "time": ago(minutes=5), "service": "web", "status": 200, "ok": True},
                 {"message": "card 100% declined", "time": ago(minutes=4), "level": "warn", "service": "pay",
                  "fields": {"http": {"status": 502}, "region": "eu", "status": "n/a"}},
                 {"message": "old", "time": ago(days=2), "level": "error", "status": 500.0, "host": "h1"})
    assert messages(world) == ["card 100% declined", "Cart opened", "old"]
    assert messages(world, q="cart") == ["Cart opened"]
    assert messages(world, q='"0% decl" -cart') == ["card 100% declined"]
    assert messages(world, q="0_ d") == []  # no wildcards from outside
    assert messages(world, **{"from": "1h", "to": "270s"}) == ["Cart opened"]
    assert messages(world, min_level="warning", service=["pay"]) == ["card 100% declined"]
    assert messages(world, host="h1") == ["old"]
    for field, expected in {"status>=200": ["Cart opened", "old"], "status=500": ["old"], "ok=true": ["Cart opened"],
                            "http.status>500": ["card 100% declined"], "region!=eu": ["Cart opened", "old"],
                            "region~E": ["card 100% declined"], "http.status": ["card 100% declined"]}.items():
        assert messages(world, field=field) == expected, field
    for bad in ({"field": "status>=x"}, {"level": "loud"}, {"from": "soon"}, {"cursor": "zz"}, {"field": 'a"b=1'}):
        world.ann("GET", f"/projects/{world.project}/events", 422, params=bad)


def test_paging_is_stable_while_events_arrive(world):
    same = ago(minutes=1)
    world.ingest(*[{"message": str(i), "time": same} for i in range(25)])
    seen, cursor = [], None
    while True:
        params = {"limit": 10, "with_total": True, **({"cursor": cursor} if cursor else {})}
        page = world.ann("GET", f"/projects/{world.project}/events", params=params)
        seen += [int(e["message"]) for e in page["events"]]
        world.ingest({"message": "99"})
        if not (cursor := page["next_cursor"]):
            break
    assert seen == list(range(24, -1, -1)) and page["total"] == 27


def test_group_states(world):
    world.ingest(error(user="a", time=ago(minutes=9)), error(user={"id": 7}, time=ago(minutes=3)))
    group, = world.ann("GET", f"/projects/{world.project}/groups")["groups"]
    assert (group["title"], group["count"], group["affected_users"]) == ("KeyError: 'sku'", 2, 2)
    assert group["first_seen"] < group["last_seen"]
    path = f"/groups/{group['id']}"
    world.ann("PATCH", path, 422, json={"state": "regressed"})
    assert world.ann("PATCH", path, json={"state": "resolved"})["state"] == "resolved"
    world.ingest(error(time=ago(minutes=1)))  # happened before it was resolved
    assert world.ann("GET", path)["state"] == "resolved"
    world.ingest(error())
    got = world.ann("GET", path)
    assert got["state"] == "regressed" and got["count"] == 4 and len(got["latest_events"]) == 4
    world.ann("PATCH", path, json={"state": "ignored"})
    world.ingest(error())
    assert world.ann("GET", path)["state"] == "ignored"


def test_live_tail_sends_new_matching_events_once(world):
    world.ingest({"message": "before"})
    timer = threading.Timer(0.15, lambda: world.ingest({"message": "hot", "level": "error"}, {"message": "dull"}))
    timer.start()
    text = world.ann("GET", f"/projects/{world.project}/tail", params={"level": "error"})
    timer.join()
    data = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert [d["message"] for d in data] == ["hot"]
    answer = world.client.get(f"/api/v1/projects/{world.project}/tail",
                              headers={**world.ann.headers, "Last-Event-ID": str(data[0]["id"])})
    assert '"dull"' in answer.text and '"hot"' not in answer.text
    world.env.set("TAIL_MAX_CLIENTS", "0")
    world.ann("GET", f"/projects/{world.project}/tail", 503)


def test_export(world):
    world.ingest({"message": '=HYPERLINK("x")', "fields": {"a": 1}}, {"message": 'comma, "quote"\nline'})
    path = f"/projects/{world.project}/export"
    rows = list(csv.DictReader(io.StringIO(world.ann("GET", path, params={"format": "csv"}), newline="")))
    assert {r["message"] for r in rows} == {'\'=HYPERLINK("x")', 'comma, "quote"\nline'}
    assert [e["message"] for e in world.ann("GET", path, params={"q": "comma"})] == ['comma, "quote"\nline']
    assert world.ann("GET", path, params={"q": "nothing"}) == []


def test_dashboards(world):
    world.ingest(*[{"message": "r", "service": "web", "time": ago(minutes=3), "size": n} for n in range(1, 101)],
                 {"message": "r", "service": "db", "size": "big"}, error(user="u"))
    board = world.ann("POST", f"/projects/{world.project}/dashboards", 201, json={"name": "Main"})["id"]
    for kind, config in (("events_per_minute", {}), ("top_services", {"limit": 1}), ("top_error_groups", {}),
                         ("percentiles", {"field": "size", "percentiles": [50, 99.9]})):
        world.ann("POST", f"/dashboards/{board}/charts", 201, json={"title": kind, "kind": kind, "config": config})
    world.ann("POST", f"/dashboards/{board}/charts", 422, json={"title": "x", "kind": "percentiles"})
    minute, services, groups, size = [c["data"] for c in world.ann("GET", f"/dashboards/{board}/data")["charts"]]
    assert sum(minute["series"]["info"]) == 101 and sum(minute["series"]["error"]) == 1
    assert len(minute["series"]["info"]) == len(minute["times"]) in (60, 61)
    assert services["rows"] == [{"service": "web", "count": 101}]
    assert groups["rows"][0]["affected_users"] == 1
    assert size["count"] == 100 and size["percentiles"] == {"p50": 50, "p99.9": 100}
    wide = world.ann("GET", f"/dashboards/{board}/data", params={"from": "30d"})["charts"][0]["data"]
    assert wide["step_minutes"] > 1 and sum(wide["series"]["info"]) == 101
    world.ann("DELETE", f"/dashboards/{board}", 204)


def test_trace_tree(world):
    end = utcnow()

    def span(name, parent, finish, length, **extra):
        return {"message": name, "trace_id": "t1", "span_id": name, "parent_span_id": parent, "duration_ms": length,
                "time": (end - timedelta(milliseconds=100 - finish)).isoformat(), "service": name, **extra}
    world.ingest(span("root", None, 100, 100), span("db", "root", 50, 40), span("cache", "root", 60, 30),
                 span("lost", "gone", 90, 5), span("x", "y", 80, 1), span("y", "x", 80, 1),
                 {"message": "loose", "trace_id": "t1", "level": "error", "time": end.isoformat()})
    trace = world.ann("GET", "/traces/t1")
    roots = {r["span_id"]: r for r in trace["roots"]}
    assert trace["duration_ms"] == 100 and trace["errors"] == 1 and len(trace["loose_events"]) == 1
    assert [c["span_id"] for c in roots["root"]["children"]] == ["db", "cache"]
    assert roots["root"]["self_ms"] == 50 and roots["root"]["children"][0]["offset_ms"] == 10
    assert roots["lost"]["parent_missing"] and len(roots) == 3  # a loop of parents is shown once
    world.eve("GET", "/traces/t1", 404)


def test_roles(world):
    p, t = world.project, world.team
    for path in (f"/projects/{p}/events", f"/projects/{p}/tail", f"/projects/{p}/export", f"/projects/{p}/groups",
                 f"/projects/{p}/alert-rules", f"/applications/{world.app['id']}/archives", f"/teams/{t}/members",
                 f"/usage?team_id={t}", f"/audit?team_id={t}"):
        world.eve("GET", path, 404)
    assert world.client.get(f"/api/v1/projects/{p}/events").status_code == 401
    world.ann("PUT", f"/teams/{t}/members/bob@example.com", json={"role": "viewer"})
    world.bob("GET", f"/projects/{p}/events")
    world.bob("POST", f"/projects/{p}/dashboards", 403, json={"name": "x"})
    world.ann("PUT", f"/projects/{p}/members/bob@example.com", json={"role": "member"})
    world.bob("POST", f"/projects/{p}/dashboards", 201, json={"name": "x"})
    world.bob("POST", f"/applications/{world.app['id']}/rotate-key", 403)
    world.ann("PUT", f"/teams/{t}/members/bob@example.com", json={"role": "admin"})
    world.bob("PUT", f"/teams/{t}/members/bob@example.com", 403, json={"role": "owner"})
    world.bob("DELETE", f"/teams/{t}/members/ann@example.com", 403)
    world.ann("DELETE", f"/teams/{t}/members/ann@example.com", 409)
    world.ann("POST", "/users", 403, json={"email": "new@example.com", "password": "long enough pw"})
    world.ann("POST", f"/teams/{t}/projects", 409, json={"name": "Shop"})


def test_login_limit_logout_and_deactivation(world):
    bad = {"email": "bob@example.com", "password": "wrong"}
    codes = [world.client.post("/api/v1/auth/login", json=bad).status_code for _ in range(11)]
    assert codes == [401] * 10 + [429]
    world.ann("POST", "/auth/logout", 204)
    world.ann("GET", "/me", 401)
    eve = world.eve("GET", "/me")
    world.root("PATCH", f"/users/{eve['id']}", json={"is_active": False})
    world.eve("GET", "/me", 401)


def test_usage_and_audit(world):
    world.ingest({"message": "a"}, {"message": "b"}, "bad")
    report, = world.ann("GET", "/usage", params={"team_id": world.team})
    assert (report["events"], report["rejected"]) == (2, 1) and report["bytes"] > 20
    assert report["applications"][0]["application"] == "web"
    assert world.ann("GET", "/usage", params={"month": "2020-12"})[0]["events"] == 0
    world.ann("GET", "/usage", 422, params={"month": "2020-13"})
    actions = [e["action"] for e in world.ann("GET", "/audit", params={"team_id": world.team})]
    assert actions == ["application.create", "project.create", "team.create"]
    world.ann("GET", "/audit", 403)
    assert "login" in {e["action"] for e in world.root("GET", "/audit")}
