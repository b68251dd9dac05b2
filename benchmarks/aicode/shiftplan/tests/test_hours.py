import csv
import io
from datetime import date, datetime
from decimal import Decimal

import pytest

from conftest import MONDAY
from shiftplan import util
from shiftplan.models import TimeEntry, db
from shiftplan.services import hours
from shiftplan.util import Problem

JUNE = date(2030, 6, 1)


def work(world, person, day, start, end, pause=0, month=6, location=None):
    db.session.add(TimeEntry(employee=person, location=location or world.cafe, break_minutes=pause,
                             clock_in=util.to_utc(datetime(2030, month, day, start)),
                             clock_out=util.to_utc(datetime(2030, month, day, end))))
    db.session.commit()


def test_clock_in_and_out_of_a_shift(world, clock):
    shift = world.shift(0, 8, 14, world.ann, pause=30)
    clock(2030, 6, 3, 7, 55)
    entry = hours.clock_in(world.ann)
    db.session.commit()
    assert entry.shift is shift and entry.location_id == world.cafe.id
    with pytest.raises(Problem):
        hours.clock_in(world.ann)
    clock(2030, 6, 3, 14, 0)
    hours.clock_out(world.ann)
    db.session.commit()
    assert (entry.break_minutes, entry.minutes) == (30, 335)
    with pytest.raises(Problem):
        hours.clock_out(world.ann)


def test_clock_in_without_shift(world):
    world.ann.locations.append(world.other)
    db.session.commit()
    with pytest.raises(Problem):
        hours.clock_in(world.ann)
    assert hours.clock_in(world.ann, world.other.id).location_id == world.other.id
    with pytest.raises(Problem):
        hours.clock_in(world.bob, world.other.id)


def test_the_database_allows_one_open_entry(world):
    for _ in range(2):
        db.session.add(TimeEntry(employee=world.ann, location=world.cafe, clock_in=util.now()))
    with pytest.raises(Exception, match="UNIQUE"):
        db.session.commit()
    db.session.rollback()


def test_correction(world, clock):
    clock(2030, 6, 10, 8)
    work(world, world.ann, 3, 8, 12)
    entry = db.session.scalar(db.select(TimeEntry))
    start, end = (util.to_utc(datetime(2030, 6, 3, h)) for h in (9, 13))
    hours.save_entry(world.admin, entry, start, end, 15)
    assert entry.minutes == 225 and entry.edited_by_id == world.admin.id
    with pytest.raises(Problem):
        hours.save_entry(world.admin, entry, end, start, 0)
    with pytest.raises(Problem):
        hours.save_entry(world.admin, TimeEntry(employee_id=world.ann.id, location_id=world.cafe.id), start, end, 0)


def test_overtime_within_a_week(world):
    for day in (3, 4, 5):
        work(world, world.ann, day, 8, 16)  # 24 hours, contract 20
    found = hours.lines(JUNE, date(2030, 7, 1))
    assert [(x.regular, x.overtime) for x in found] == [(480, 0), (480, 0), (240, 240)]


def test_payroll(world):
    for day in (3, 4, 5):
        work(world, world.ann, day, 8, 16)
    work(world, world.bob, 3, 8, 12)
    rows = list(csv.DictReader(io.StringIO(hours.payroll_csv(JUNE))))
    assert [r["name"] for r in rows] == ["Ann", "Bob"]
    assert (rows[0]["regular_hours"], rows[0]["overtime_hours"]) == ("20.00", "4.00")
    assert (rows[0]["regular_pay"], rows[0]["overtime_pay"], rows[0]["gross_pay"]) == ("200.00", "50.00", "250.00")
    assert rows[1]["gross_pay"] == "40.00"


def test_overtime_of_a_week_in_two_months_is_paid_once(world):
    for day in (29, 30, 31):  # Wednesday to Friday
        work(world, world.ann, day, 8, 15, month=5)
    work(world, world.ann, 1, 8, 12)  # Saturday, in June
    may, june = hours.payroll(date(2030, 5, 1)), hours.payroll(JUNE)
    assert (may[0]["regular_hours"], may[0]["overtime_hours"]) == (Decimal("20.00"), Decimal("1.00"))
    assert (june[0]["regular_hours"], june[0]["overtime_hours"]) == (Decimal("0.00"), Decimal("4.00"))


def test_payroll_notes_and_formulas(world):
    world.ann.name = "=HYPERLINK(1)"
    world.ann.contracts[0].end_date = date(2030, 1, 1)
    db.session.add(TimeEntry(employee=world.bob, location=world.cafe, clock_in=util.to_utc(datetime(2030, 6, 3, 8))))
    work(world, world.ann, 3, 8, 12)
    rows = list(csv.DictReader(io.StringIO(hours.payroll_csv(JUNE))))
    assert {r["name"]: r["note"] for r in rows} == {"'=HYPERLINK(1)": "work without contract", "Bob": "entry still open"}


def test_labour_report(world):
    world.shift(0, 8, 14, world.ann, pause=60)
    world.shift(1, 8, 14)
    work(world, world.ann, 3, 8, 14)
    for day in (4, 5):
        work(world, world.ann, day, 8, 16, location=world.other)
    harbour, market = hours.labour_report([world.cafe, world.other], MONDAY)
    assert (harbour["planned"], harbour["planned_cost"], harbour["open_shifts"]) == (300, Decimal("50.00"), 1)
    assert (harbour["worked"], harbour["overtime"], harbour["cost"]) == (360, 0, Decimal("60.00"))
    assert (market["overtime"], market["overtime_by_employee"]) == (120, {"Ann": 120})
    assert market["cost"] == Decimal("165.00")
