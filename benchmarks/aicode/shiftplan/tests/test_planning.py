from datetime import date, time, timedelta

from conftest import MONDAY
from shiftplan import util
from shiftplan.models import Availability, Shift, ShiftTemplate, TimeOff, db
from shiftplan.services import planning
from shiftplan.util import Problem

import pytest


def codes(person, shift):
    return {c.code for c in planning.Roster(planning.week_of(shift)).problems(person, shift)}


def plan_of(world, week=MONDAY):
    plan = planning.get_plan(world.cafe, week)
    db.session.refresh(plan)
    return plan


def test_no_problem(world):
    assert codes(world.ann, world.shift(0, 8, 14)) == set()


def test_skill_and_location(world):
    shift = world.shift(0, 8, 14, skill=world.kitchen, location=world.other)
    assert codes(world.ann, shift) == {"skill", "location"}


def test_rest_and_overlap(world):
    world.shift(0, 14, 22, world.ann)
    assert codes(world.ann, world.shift(1, 8, 12)) == {"rest"}  # 10 hours
    assert codes(world.ann, world.shift(1, 9, 12)) == set()  # 11 hours
    assert codes(world.ann, world.shift(0, 20, 23)) == {"overlap"}


def test_rest_across_the_week_boundary(world):
    world.shift(6, 16, 23, world.ann)
    assert "rest" in codes(world.ann, world.shift(7, 7, 12))


def test_weekly_hours_are_soft_and_maximum_is_hard(world):
    for day in range(3):
        world.shift(day, 8, 15, world.ann)
    shift = world.shift(4, 8, 15)
    found = planning.Roster(MONDAY).problems(world.ann, shift)
    assert [(c.code, c.hard) for c in found] == [("hours", False)]
    for day in (3, 5):
        world.shift(day, 8, 22, world.ann)
    assert "max_hours" in codes(world.ann, shift)


def test_time_off(world):
    off = TimeOff(employee=world.ann, kind="vacation", start_date=MONDAY, end_date=MONDAY, status="approved")
    db.session.add(off)
    db.session.commit()
    assert codes(world.ann, world.shift(0, 8, 14)) == {"time_off"}
    assert codes(world.ann, world.shift(1, 8, 14)) == set()
    off.status = "pending"
    db.session.commit()
    assert codes(world.ann, world.shift(0, 8, 14)) == set()


def test_availability(world):
    world.ann.availability = [Availability(weekday=0, start_time=time(8), end_time=time(12)),
                              Availability(weekday=0, start_time=time(12), end_time=time(16)),
                              Availability(weekday=4, start_time=time(18), end_time=time(2))]
    db.session.commit()
    assert codes(world.ann, world.shift(0, 9, 15)) == set()  # two adjoining windows
    assert codes(world.ann, world.shift(0, 7, 12)) == {"availability"}
    assert codes(world.ann, world.shift(1, 9, 12)) == {"availability"}
    assert codes(world.ann, world.shift(4, 20, 2)) == set()  # past midnight
    assert codes(world.ann, world.shift(4, 20, 3)) == {"availability"}


def test_contract_must_be_valid(world):
    world.ann.contracts[0].end_date = date(2030, 6, 1)
    db.session.commit()
    assert codes(world.ann, world.shift(0, 8, 12)) == {"contract"}


def test_templates_are_filled_once(world):
    world.cafe.templates.append(ShiftTemplate(name="Early", weekday=2, start_time=time(7), end_time=time(13),
                                              headcount=2, skill=world.barista))
    db.session.commit()
    assert planning.generate_week(world.cafe, MONDAY) == 2
    db.session.commit()
    db.session.expire_all()
    assert planning.generate_week(world.cafe, MONDAY) == 0
    shift = db.session.scalars(db.select(Shift)).first()
    assert util.to_local(shift.starts_at).isoformat() == "2030-06-05T07:00:00"


def test_times_follow_daylight_saving(world):
    start, end = util.slot_times(date(2030, 3, 30), time(22), time(6))  # the clocks go forward
    assert end - start == timedelta(hours=7)


def test_autoplan_is_fair(world):
    for day in range(6):
        world.shift(day, 8, 12)
    world.mia.active = False
    db.session.commit()
    filled, unfilled = planning.autoplan(plan_of(world))
    assert (filled, unfilled) == (6, [])
    counts = [len(planning.shifts_of(p, *util.week_bounds(MONDAY))) for p in (world.ann, world.bob, world.cat)]
    assert counts == [2, 2, 2]


def test_autoplan_looks_at_the_weeks_before(world):
    world.shift(-6, 8, 16, world.ann)
    world.shift(-5, 8, 16, world.bob)
    world.mia.active = False
    shift = world.shift(0, 8, 12)
    planning.autoplan(plan_of(world))
    assert shift.employee is world.cat


def test_autoplan_reports_what_stays_open(world):
    shift = world.shift(0, 8, 14, skill=world.kitchen)
    filled, unfilled = planning.autoplan(plan_of(world))
    assert filled == 0 and unfilled == [(shift, "skill (4)")]
    assert [[c.code for c in found] for _, found in planning.conflicts(plan_of(world))] == [["open"]]


def test_autoplan_overtime_only_when_allowed(world):
    for person in (world.mia, world.bob, world.cat):
        person.active = False
    for day in range(4):
        world.shift(day, 8, 15)
    assert planning.autoplan(plan_of(world))[0] == 2
    assert planning.autoplan(plan_of(world), allow_overtime=True)[0] == 2


def test_autoplan_breaks_no_rule(world):
    for day in range(7):
        for start, end in ((6, 12), (12, 18), (18, 23)):
            world.shift(day, start, end)
    planning.autoplan(plan_of(world))
    db.session.commit()
    found = {c.code for _, problems in planning.conflicts(plan_of(world)) for c in problems}
    assert found <= {"open"}


def test_assign(world):
    world.shift(0, 8, 14, world.ann)
    clash, foreign = world.shift(0, 10, 16), world.shift(2, 8, 12, skill=world.kitchen)
    with pytest.raises(Problem):
        planning.assign(clash, world.ann, override=True)
    with pytest.raises(Problem):
        planning.assign(foreign, world.ann)
    planning.assign(foreign, world.ann, override=True)
    assert foreign.employee is world.ann


def test_find_free(world):
    world.shift(0, 8, 14, world.ann)
    free = [p.name for p, _ in planning.find_free(world.shift(0, 9, 12))]
    assert sorted(free) == ["Bob", "Cat", "Mia"]
