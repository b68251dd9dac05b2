"""Clocking, time sheets, payroll and the cost reports. Minutes are whole, money is Decimal."""
import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from flask import current_app
from sqlalchemy.orm import selectinload

from .. import util
from ..models import Employee, TimeEntry, db
from . import planning

CLOCK_IN_EARLY = timedelta(hours=1)
MINUTES_PER_WEEK = 7 * 24 * 60
BATCH = 500  # people of the payroll at a time


def cents(amount):
    return Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_UP)


def open_entry(employee):
    return db.session.scalar(db.select(TimeEntry).filter_by(employee_id=employee.id, clock_out=None))


def clock_in(employee, location_id=None):
    """Start work, on the current shift if there is one, else at the location given."""
    now = util.now()
    util.refuse_if(open_entry(employee), "You are already clocked in.", 409)
    near = planning.shifts_of(employee, now, now + CLOCK_IN_EARLY)
    shift = next((s for s in near if location_id in (None, s.location_id)), None)
    if shift:
        location_id = shift.location_id
    elif location_id is None and len(employee.locations) == 1:
        location_id = employee.locations[0].id
    known = shift or location_id in [loc.id for loc in employee.locations]
    util.refuse_if(not known, "You have no shift now; choose one of your locations.")
    entry = TimeEntry(employee=employee, location_id=location_id, shift=shift, clock_in=now)
    db.session.add(entry)
    db.session.flush()
    return entry


def clock_out(employee, break_minutes=None):
    """Stop work; without a break given, a planned one is taken off."""
    entry = open_entry(employee)
    util.refuse_if(entry is None, "You are not clocked in.", 409)
    now = util.now()
    worked = int((now - entry.clock_in).total_seconds() // 60)
    if break_minutes is None:
        break_minutes = min(entry.shift.break_minutes if entry.shift else 0, worked)
    util.refuse_if(break_minutes > worked, "The break is longer than the time worked.")
    entry.clock_out, entry.break_minutes = now, break_minutes
    return entry


def save_entry(editor, entry, start, end, break_minutes):
    """A correction by the manager."""
    if not start < end <= util.now() or end - start > timedelta(hours=24):
        raise util.Problem("The end must come after the start, within 24 hours, and not in the future.")
    util.refuse_if(break_minutes * 60 >= (end - start).total_seconds(), "The break is longer than the time worked.")
    overlapping = db.select(TimeEntry.id).where(
        TimeEntry.employee_id == entry.employee_id, TimeEntry.id != (entry.id or 0), TimeEntry.clock_in < end,
        db.or_(TimeEntry.clock_out.is_(None), TimeEntry.clock_out > start))
    util.refuse_if(db.session.scalar(overlapping.limit(1)), "This overlaps another entry.", 409)
    entry.clock_in, entry.clock_out, entry.break_minutes = start, end, break_minutes
    entry.edited_by_id = editor.id
    db.session.add(entry)


@dataclass
class Line:
    entry: TimeEntry
    regular: int
    overtime: int
    regular_pay: Decimal
    overtime_pay: Decimal


def started(first, after):
    return (TimeEntry.clock_in >= util.day_start(util.monday(first)), TimeEntry.clock_in < util.day_start(after))


def lines(first, after, employee=None, people=None):
    """Entries that start from day `first` until before day `after`, split into regular hours and overtime.

    Overtime is what exceeds the contract within a week (Monday to Sunday, all locations together). It falls
    on the entry that passes the limit, so a week across two months counts once in each month's payroll."""
    wanted = db.select(TimeEntry).where(*started(first, after)).options(
        selectinload(TimeEntry.employee).selectinload(Employee.contracts))
    if employee:
        wanted = wanted.where(TimeEntry.employee_id == employee.id)
    if people is not None:
        wanted = wanted.where(TimeEntry.employee_id.in_(people))
    result, used, factor = [], defaultdict(int), Decimal(current_app.config["OVERTIME_FACTOR"])
    for entry in db.session.scalars(wanted.order_by(TimeEntry.clock_in)):
        day = util.to_local(entry.clock_in).date()
        contract = entry.employee.contract_on(day)
        key = entry.employee_id, util.monday(day)
        rate, limit = (contract.hourly_rate, contract.minutes) if contract else (Decimal(0), MINUTES_PER_WEEK)
        regular = min(entry.minutes, max(0, limit - used[key]))
        overtime = entry.minutes - regular
        used[key] += entry.minutes
        if day >= first:
            result.append(Line(entry, regular, overtime, rate * regular / 60, rate * factor * overtime / 60))
    return result


def payroll(month):
    after = util.next_month(month)
    people = db.session.execute(db.select(Employee.id, Employee.name).where(Employee.id.in_(
        db.select(TimeEntry.employee_id).where(*started(month, after)))).order_by(Employee.name, Employee.id)).all()
    return [row for n in range(0, len(people), BATCH) for row in payroll_of(people[n:n + BATCH], month, after)]


def payroll_of(people, month, after):
    rows, theirs = [], defaultdict(list)
    for line in lines(month, after, people=[person.id for person in people]):
        theirs[line.entry.employee_id].append(line)
    for person in people:
        mine = theirs[person.id]
        if not mine:
            continue
        notes = ["entry still open"] * any(x.entry.clock_out is None for x in mine)
        notes += ["work without contract"] * any(x.regular and not x.regular_pay for x in mine)
        pays = [cents(sum(x.regular_pay for x in mine)), cents(sum(x.overtime_pay for x in mine))]
        rows.append({"employee_id": person.id, "name": person.name,
                     "regular_hours": cents(Decimal(sum(x.regular for x in mine)) / 60),
                     "overtime_hours": cents(Decimal(sum(x.overtime for x in mine)) / 60),
                     "regular_pay": pays[0], "overtime_pay": pays[1], "gross_pay": sum(pays), "note": "; ".join(notes)})
    return rows


def payroll_csv(month):
    out = io.StringIO()
    columns = ["month", "employee_id", "name", "regular_hours", "overtime_hours", "regular_pay", "overtime_pay",
               "gross_pay", "note"]
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    for row in payroll(month):
        if row["name"][0] in "=+-@\t\r":  # not to be taken for a formula by a spreadsheet
            row["name"] = "'" + row["name"]
        writer.writerow({"month": f"{month:%Y-%m}", **row})
    return out.getvalue()


def labour_report(locations, week):
    """Planned and actual hours and cost of each location in a week, with the overtime by employee."""
    after, ids = week + timedelta(days=7), [location.id for location in locations]
    here = db.select(TimeEntry.employee_id).where(TimeEntry.location_id.in_(ids), *started(week, after))
    worked, report = defaultdict(list), []
    for line in lines(week, after, people=here):
        worked[line.entry.location_id].append(line)
    plans = planning.plans_of(locations, week)
    people = planning.people_in(locations, week, selectinload(Employee.contracts))
    for location in locations:
        plan = plans.get(location.id)
        shifts = plan.shifts if plan else []
        planned_cost = Decimal(0)
        for shift in shifts:
            contract = shift.employee and shift.employee.contract_on(util.to_local(shift.starts_at).date())
            planned_cost += contract.hourly_rate * shift.minutes / 60 if contract else 0
        mine = worked[location.id]
        overtime = defaultdict(int)
        for line in mine:
            overtime[line.entry.employee.name] += line.overtime
        report.append({"location": location, "open_shifts": sum(s.employee_id is None for s in shifts),
                       "planned": sum(s.minutes for s in shifts if s.employee_id), "planned_cost": cents(planned_cost),
                       "worked": sum(x.entry.minutes for x in mine), "overtime": sum(x.overtime for x in mine),
                       "cost": cents(sum(x.regular_pay + x.overtime_pay for x in mine)),
                       "overtime_by_employee": {name: n for name, n in sorted(overtime.items()) if n}})
    del people  # held so that each shift finds its own in the session
    return report
