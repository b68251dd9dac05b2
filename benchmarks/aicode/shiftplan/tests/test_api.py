import pytest

from conftest import PASSWORD


@pytest.fixture
def api(app):
    class Api:
        def __init__(self, email=None):
            self.client = app.test_client()
            if email:
                assert self.post("login", email=email, password=PASSWORD).status_code == 200

        def get(self, path):
            return self.client.get("/api/v1/" + path)

        def post(self, path, **data):
            return self.client.post("/api/v1/" + path, json=data)
    return Api


def test_login_is_needed(world, api):
    for path in ("me", "shifts", "swaps", "time-off", "timesheet", "notifications", "free"):
        reply = api().get(path)
        assert reply.status_code == 401 and "error" in reply.json
    assert api().post("login", email="ann@x.org", password="wrong").status_code == 401
    assert api().client.post("/api/v1/login", data="[]", content_type="application/json").status_code == 400


def test_me_and_logout(world, api):
    ann = api("ann@x.org")
    me = ann.get("me").json
    assert me["employee"]["name"] == "Ann" and me["clocked_in"] is None
    assert [p["name"] for p in me["colleagues"]] == ["Bob", "Cat", "Mia"]
    ann.post("logout")
    assert ann.get("me").status_code == 401


def test_shifts(world, api):
    world.shift(0, 8, 14, world.ann)
    world.shift(7, 8, 14, world.ann, published=False)
    ann = api("ann@x.org")
    shifts = ann.get("shifts?from=2030-06-01").json["shifts"]
    assert [s["starts_at"] for s in shifts] == ["2030-06-03T06:00:00Z"]
    assert len(ann.get("locations/1/week?week=2030-06-03").json["shifts"]) == 1
    assert ann.get("locations/1/week?week=2030-06-10").json["shifts"] == []
    assert ann.get(f"locations/{world.other.id}/week").status_code == 403
    assert ann.get("shifts?from=yesterday").status_code == 400


def test_clock(world, api, clock):
    ann = api("ann@x.org")
    clock(2030, 6, 3, 8)
    assert ann.post("clock/in").json["clock_out"] is None
    assert ann.post("clock/in").status_code == 409
    clock(2030, 6, 3, 12)
    assert ann.post("clock/out", break_minutes=15).json["minutes"] == 225
    sheet = ann.get("timesheet?month=2030-06").json
    assert [e["regular_minutes"] for e in sheet["entries"]] == [225]


def test_swap(world, api):
    shift = world.shift(0, 8, 14, world.ann)
    ann, bob, mia = api("ann@x.org"), api("bob@x.org"), api("mia@x.org")
    swap = ann.post("swaps", shift_id=shift.id, colleague_id=world.bob.id)
    assert swap.status_code == 201
    assert bob.get("swaps").json["swaps"][0]["status"] == "pending"
    assert api("cat@x.org").get("swaps").json["swaps"] == []
    path = f"swaps/{swap.json['id']}/"
    assert ann.post(path + "approve").status_code == 403
    assert bob.post(path + "accept").json["status"] == "accepted"
    assert mia.post(path + "approve").json["shift"]["employee"]["name"] == "Bob"


def test_time_off(world, api):
    ann, mia = api("ann@x.org"), api("mia@x.org")
    item = ann.post("time-off", kind="vacation", start_date="2030-06-04", end_date="2030-06-05")
    assert item.status_code == 201
    assert ann.post("time-off", kind="party", start_date="2030-07-04", end_date="2030-07-05").status_code == 400
    assert mia.post(f"time-off/{item.json['id']}/approve").json["status"] == "approved"
    notes = ann.get("notifications").json["notifications"]
    assert "approved" in notes[0]["text"] and not notes[0]["read"]
    assert ann.post("notifications").json["notifications"][0]["read"]


def test_free(world, api):
    world.shift(0, 8, 14, world.ann)
    path = "free?location_id=1&date=2030-06-03&start=09:00&end=12:00"
    assert sorted(p["name"] for p in api("mia@x.org").get(path).json["free"]) == ["Bob", "Cat", "Mia"]
    assert api("ann@x.org").get(path).status_code == 403
    assert api("admin@x.org").get("shifts").status_code == 403
