import smtplib

import pytest

from conftest import PASSWORD
from shiftplan.models import Employee, Notification, Shift, TimeEntry, TimeOff, db
from shiftplan.services import ical, notify

PAGES = ["/", "/locations", "/locations/1?week=2030-06-03", "/swaps", "/time-off", "/notifications"]
STAFF = ["/employees", "/search", "/search?location_id=1&date=2030-06-03&start=08:00&end=12:00", "/reports",
         "/reports?week=2030-06-03", "/employees/{ann}", "/timesheets/{ann}", "/timesheets/{ann}?month=2030-06",
         "/shifts/1"]
ADMIN = ["/payroll?month=2030-06", "/payroll?month=2030-06&format=csv"]


@pytest.fixture
def busy(world, browser):
    """A world in which there is something on every page."""
    world.shift(0, 8, 14, world.ann)
    world.shift(1, 8, 14, world.bob)
    world.shift(2, 8, 14)
    ann = browser("ann@x.org")
    ann.post("/swaps", shift_id=1, colleague_id=world.bob.id, counter_shift_id=2)
    ann.post("/time-off", kind="vacation", start_date="2030-07-01", end_date="2030-07-02")
    for weekday in (0, 1):
        ann.post(f"/employees/{world.ann.id}/availability", weekday=weekday, start_time="08:00", end_time="18:00")
    ann.post("/clock/in")
    return world


@pytest.mark.parametrize("email,allowed,denied", [("admin@x.org", PAGES + STAFF + ADMIN, []),
                                                  ("mia@x.org", PAGES + STAFF, ADMIN), ("ann@x.org", PAGES, ADMIN)])
def test_pages(busy, browser, email, allowed, denied):
    user = browser(email)
    for url in allowed:
        assert user.get(url.format(ann=busy.ann.id)).status_code == 200, url
    for url in denied:
        assert user.get(url).status_code == 403, url


def test_employee_sees_only_what_is_theirs(busy, browser):
    bob = browser("bob@x.org")
    for url in STAFF:
        assert bob.get(url.format(ann=busy.ann.id)).status_code == 403, url
    assert bob.get(f"/employees/{busy.bob.id}").status_code == 200
    assert bob.get(f"/timesheets/{busy.bob.id}").status_code == 200
    assert bob.post(f"/employees/{busy.bob.id}/contracts", hours_per_week=40, hourly_rate=99,
                    start_date="2030-01-01").status_code == 403
    assert bob.get(f"/locations/{busy.other.id}").status_code == 403
    for url in ("/locations", "/skills", "/employees", "/locations/1/plan/publish", "/locations/1/shifts"):
        assert bob.post(url, name="x", week="2030-06-03", date="2030-06-03").status_code == 403, url


def test_manager_stays_within_own_locations(busy, browser):
    mia = browser("mia@x.org")
    stranger = busy.person("Zed", 20, locations=[busy.other])
    db.session.commit()
    assert mia.get(f"/employees/{stranger.id}").status_code == 403
    assert mia.post(f"/locations/{busy.other.id}/plan/generate", week="2030-06-03").status_code == 403
    assert mia.post(f"/employees/{busy.mia.id}/contracts", hours_per_week=40, hourly_rate=99,
                    start_date="2030-01-01").status_code == 403
    mia.post(f"/employees/{busy.ann.id}", name="Ann", role="admin", active="1", locations=str(busy.cafe.id))
    assert busy.ann.user.role == "employee"


def test_login(world, browser):
    visitor = browser()
    assert visitor.get("/").headers["Location"].startswith("/login")
    visitor.post("/login", email="ann@x.org", password="wrong")
    assert visitor.get("/").status_code == 302
    for target in ("//evil.example", "https://evil.example", "/\\evil.example"):
        reply = browser().post("/login?next=" + target, email="ann@x.org", password=PASSWORD)
        assert reply.headers["Location"] == "/"
    world.bob.user.active = False
    db.session.commit()
    assert browser().post("/login", email="bob@x.org", password=PASSWORD).status_code == 401


def test_csrf(world, browser):
    ann = browser("ann@x.org")
    assert ann.client.post("/clock/in", data={"csrf_token": "wrong"}).status_code == 400
    assert ann.client.post("/api/v1/clock/in", data={}).status_code == 415
    assert db.session.scalar(db.select(TimeEntry)) is None


def test_plan_from_template_to_publication(world, browser):
    mia, ann = browser("mia@x.org"), browser("ann@x.org")
    week, url = "2030-06-03", f"/locations/{world.cafe.id}"
    mia.post(url + "/templates", name="Early", weekday=0, start_time="07:00", end_time="13:00",
             skill_id=world.barista.id, headcount=4, break_minutes=30)
    for action in ("generate", "autoplan"):
        assert mia.post(f"{url}/plan/{action}", week=week).status_code == 302
    assert b"07:00" in mia.get(f"{url}?week={week}").data
    assert b"07:00" not in ann.get(f"{url}?week={week}").data  # a draft
    mia.post(url + "/plan/publish", week=week)
    assert b"07:00" in ann.get(f"{url}?week={week}").data
    assert b"is out" in ann.get("/notifications").data
    shift = db.session.scalars(db.select(Shift)).first()
    mia.post(f"/shifts/{shift.id}", action="assign", employee_id="")
    assert shift.employee_id is None
    mia.post(f"/shifts/{shift.id}", action="delete")
    assert db.session.get(Shift, shift.id) is None


def test_admin_sets_up_a_location_and_an_employee(world, browser):
    admin = browser("admin@x.org")
    admin.post("/locations", name="Station", address="Platform 1", manager_id=world.mia.user.id)
    assert b"Station" in admin.get("/locations").data
    assert admin.post("/locations", name="Station").status_code == 409
    admin.post("/employees", name="Dan", email="Dan@x.org", password=PASSWORD, role="employee",
               locations=[str(world.cafe.id)], skills=[str(world.barista.id)])
    dan = db.session.scalar(db.select(Employee).filter_by(name="Dan"))
    admin.post(f"/employees/{dan.id}/contracts", hours_per_week="20", hourly_rate="15.50", start_date="2030-01-01")
    admin.post(f"/employees/{dan.id}/contracts", hours_per_week="30", hourly_rate="16", start_date="2030-06-01")
    assert str(dan.contracts[0].end_date) == "2030-05-31"
    assert browser("dan@x.org").get("/").status_code == 200


def test_bad_input_is_refused(world, browser):
    mia = browser("mia@x.org")
    for url in ("/locations/1?week=nonsense", "/locations/1?week=0001-01-01", "/reports?week=x", "/timesheets/1?month=1",
                "/search?location_id=1"):
        assert mia.get(url).status_code == 400, url
    assert mia.get("/locations/99999999999999999999").status_code == 404
    reply = mia.post("/locations/1/shifts", date="2030-06-03", start_time="08:00", end_time="09:00", skill_id=1,
                     break_minutes=90)
    assert reply.status_code == 400 and db.session.scalar(db.select(Shift)) is None


def test_names_are_escaped(world, browser):
    world.ann.name = "<script>alert(1)</script>"
    world.shift(0, 8, 14, world.ann)
    assert b"<script>alert" not in browser("mia@x.org").get("/locations/1?week=2030-06-03").data


def test_approval_in_the_browser(busy, browser):
    bob, mia = browser("bob@x.org"), browser("mia@x.org")
    bob.post("/swaps/1/accept")
    mia.post("/swaps/1/approve")
    assert db.session.get(Shift, 1).employee is busy.bob and db.session.get(Shift, 2).employee is busy.ann
    mia.post("/time-off/1/approve")
    assert db.session.get(TimeOff, 1).status == "approved"


def test_timesheet_correction(busy, browser, clock):
    clock(2030, 6, 8, 12)
    form = {"entry_id": 1, "clock_in": "2030-06-03T08:00", "clock_out": "2030-06-03T12:00", "break_minutes": 0}
    assert browser("ann@x.org").post(f"/timesheets/{busy.ann.id}", **form).status_code == 403
    browser("mia@x.org").post(f"/timesheets/{busy.ann.id}", **form)
    assert db.session.get(TimeEntry, 1).minutes == 240


def test_calendar(world, browser):
    world.cafe.address = "Quay 3, Old Harbour; " + "ü" * 60
    world.shift(0, 8, 14, world.ann)
    world.shift(7, 8, 14, world.ann, published=False)
    reply = browser().get(f"/calendar/{world.ann.calendar_token}.ics")
    assert reply.mimetype == "text/calendar" and reply.text.count("BEGIN:VEVENT") == 1
    assert "DTSTART:20300603T060000Z\r\n" in reply.text  # 08:00 in Berlin
    assert "Quay 3\\, Old Harbour\\; " in reply.text.replace("\r\n ", "")
    assert all(len(line.encode()) <= 75 for line in reply.text.split("\r\n"))
    assert browser().get("/calendar/wrong.ics").status_code == 404
    assert ical.escape("a\nb\\") == "a\\nb\\\\"


class FakeSMTP:
    sent, broken = [], False

    def __init__(self, *args, **kwargs):
        if self.broken:
            raise OSError("no route")

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass

    def starttls(self):
        pass

    def send_message(self, mail):
        self.sent.append((mail["To"], mail["Subject"]))


def test_mail(app, world, monkeypatch):
    monkeypatch.setattr(smtplib, "SMTP", FakeSMTP)
    app.config["MAIL_SERVER"] = "mail.example"
    FakeSMTP.sent.clear()
    FakeSMTP.broken = True
    notify.notify(world.ann.user, "Hello", "/")
    notify.commit()
    assert db.session.scalar(db.select(Notification)).mail_state == "pending"
    FakeSMTP.broken = False
    assert notify.deliver() == 1
    assert notify.deliver() == 0
    assert FakeSMTP.sent == [("ann@x.org", "Shiftplan: Hello")]
