"""Weekly plans: the working rules, the automatic planner, and the search for free employees."""
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

from flask import current_app
from sqlalchemy import or_
from sqlalchemy.orm import selectinload

from .. import util
from ..models import Employee, Shift, SwapRequest, TimeOff, WeekPlan, db
from .notify import notify

RECENT_WEEKS = 4
ACTIVE_SWAP = ("pending", "accepted")


@dataclass(frozen=True)
class Conflict:
    code: str
    message: str
    hard: bool = True  # soft: a person may decide to accept it


def describe(shift):
    return f"{util.to_local(shift.starts_at):%a %d %b %H:%M}–{util.to_local(shift.ends_at):%H:%M}"


def week_of(slot):
    return util.monday(util.to_local(slot.starts_at).date())


class Roster:
    """Everyone's shifts and time off around one week, loaded once."""

    def __init__(self, week, ignore=()):
        self.week, (self.start, self.end) = week, util.week_bounds(week)
        low, high = self.start - timedelta(weeks=RECENT_WEEKS), self.end + timedelta(days=3)
        fresh = {"populate_existing": True}
        self.shifts, self.off = defaultdict(list), defaultdict(list)
        for shift in db.session.scalars(db.select(Shift).where(
                Shift.employee_id.is_not(None), Shift.ends_at > low, Shift.starts_at < high,
                Shift.id.not_in(ignore)), execution_options=fresh):
            self.shifts[shift.employee_id].append(shift)
        for off in db.session.scalars(db.select(TimeOff).where(
                TimeOff.status == "approved", TimeOff.end_date >= week - timedelta(days=1),
                TimeOff.start_date <= week + timedelta(days=9)), execution_options=fresh):
            self.off[off.employee_id].append(off)

    def planned(self, employee, without=None):
        return sum(s.minutes for s in self.shifts[employee.id]
                   if self.start <= s.starts_at < self.end and s is not without)

    def score(self, employee, slot):
        """Low is next in line: the share of the contract this week, and half that of the weeks before."""
        contract = employee.contract_on(util.to_local(slot.starts_at).date())
        if contract is None:
            return float("inf")
        share = (self.planned(employee, slot) + slot.minutes) / contract.minutes
        recent = sum(s.minutes for s in self.shifts[employee.id] if s.starts_at < self.start)
        return share + recent / (2 * RECENT_WEEKS * contract.minutes)

    def problems(self, employee, slot):
        found = []
        start, end = util.to_local(slot.starts_at), util.to_local(slot.ends_at)
        last_day = (end - timedelta(seconds=1)).date()
        rest = timedelta(hours=current_app.config["MIN_REST_HOURS"])
        if not employee.active:
            found.append(Conflict("inactive", "is no longer employed"))
        if slot.location_id not in [loc.id for loc in employee.locations]:
            found.append(Conflict("location", "does not work at this location"))
        if slot.skill_id is not None and slot.skill_id not in [skill.id for skill in employee.skills]:
            found.append(Conflict("skill", "lacks the skill"))
        if any(off.start_date <= last_day and off.end_date >= start.date() for off in self.off[employee.id]):
            found.append(Conflict("time_off", "has time off"))
        if not self.is_available(employee, start, end):
            found.append(Conflict("availability", "is not available at this time"))
        for other in self.shifts[employee.id]:
            if other is slot:
                continue
            if other.starts_at < slot.ends_at and slot.starts_at < other.ends_at:
                found.append(Conflict("overlap", f"already works {describe(other)}"))
            elif other.starts_at < slot.ends_at + rest and slot.starts_at < other.ends_at + rest:
                found.append(Conflict("rest", f"rests too little before or after {describe(other)}"))
        contract = employee.contract_on(start.date())
        total = self.planned(employee, slot) + slot.minutes
        if contract is None:
            found.append(Conflict("contract", "has no contract on this day"))
        elif total > contract.minutes:
            found.append(Conflict("hours", f"would have {total / 60:g} of {contract.hours_per_week:g} hours", False))
        if total > current_app.config["MAX_WEEKLY_HOURS"] * 60:
            found.append(Conflict("max_hours", "would exceed the weekly maximum"))
        return found

    @staticmethod
    def is_available(employee, start, end):
        """No availability entered at all means no restriction."""
        if not employee.availability:
            return True
        days = [start.date() + timedelta(days=n) for n in range(-1, (end.date() - start.date()).days + 1)]
        for day, item in product(days, employee.availability):
            if item.weekday != day.weekday():
                continue
            low, high = datetime.combine(day, item.start_time), datetime.combine(day, item.end_time)
            if low <= start < (high := high if high > low else high + timedelta(days=1)):
                start = high
        return start >= end


def staff(location_id, lock=False):
    wanted = db.select(Employee).where(Employee.active, Employee.locations.any(id=location_id)).order_by(
        Employee.id).options(selectinload(Employee.skills), selectinload(Employee.locations),
                             selectinload(Employee.contracts), selectinload(Employee.availability))
    return db.session.scalars(wanted.with_for_update() if lock else wanted).all()


def candidates(slot):
    """The location's employees as (employee, problems), the best choice first."""
    roster = Roster(week_of(slot))
    rows = [(person, roster.problems(person, slot)) for person in staff(slot.location_id)]
    return sorted(rows, key=lambda row: (any(c.hard for c in row[1]), len(row[1]), roster.score(row[0], slot)))


def find_free(slot):
    return [(person, found) for person, found in candidates(slot) if not any(c.hard for c in found)]


def get_plan(location, week, create=False):
    plan = db.session.scalar(db.select(WeekPlan).filter_by(location_id=location.id, week=week))
    if plan is None and create:
        plan = WeekPlan(location=location, week=week)
        db.session.add(plan)
        db.session.flush()
    return plan


def add_shift(location, skill, day, start, end, break_minutes=0, template=None):
    starts_at, ends_at = util.slot_times(day, start, end)
    shift = Shift(plan=get_plan(location, util.monday(day), create=True), skill=skill, starts_at=starts_at,
                  ends_at=ends_at, break_minutes=break_minutes, template_id=template.id if template else None)
    util.refuse_if(break_minutes < 0 or shift.minutes <= 0, "The break is longer than the shift.")
    db.session.add(shift)
    return shift


def generate_week(location, week):
    """Create the open shifts the templates ask for; those already there are not created again."""
    plan = get_plan(location, week, create=True)
    existing = Counter((s.template_id, util.to_local(s.starts_at).date()) for s in plan.shifts)
    created = 0
    for template in location.templates:
        day = week + timedelta(days=template.weekday)
        for _ in range(template.headcount - existing[template.id, day]):
            add_shift(location, template.skill, day, template.start_time, template.end_time,
                      template.break_minutes, template)
            created += 1
    return created


def active_swaps(ids):
    return db.select(SwapRequest).where(SwapRequest.status.in_(ACTIVE_SWAP), or_(
        SwapRequest.shift_id.in_(ids), SwapRequest.counter_shift_id.in_(ids)))


def set_employee(shift, employee, keep_swap=None):
    """Give the shift to someone (or no one), tell those concerned, and drop swaps this overtakes."""
    previous, shift.employee = shift.employee, employee
    for swap in db.session.scalars(active_swaps([shift.id])):
        if swap is not keep_swap:
            swap.status = "cancelled"
    if shift.plan.published and previous is not employee:
        what = f"{describe(shift)} at {shift.location.name}"
        if previous:
            notify(previous.user, f"You no longer work {what}.", "/")
        if employee:
            notify(employee.user, f"You work {what}.", "/")


def assign(shift, employee, override=False):
    """Assign by hand. Hard conflicts refuse it unless overridden; an overlap always does."""
    if employee is not None:
        db.session.execute(db.select(Employee.id).where(Employee.id == employee.id).with_for_update())
        found = Roster(week_of(shift)).problems(employee, shift)
        blocking = [c for c in found if c.code == "overlap" or (c.hard and not override)]
        util.refuse_if(blocking, f"{employee.name} " + "; ".join(c.message for c in blocking) + ".", 409)
    set_employee(shift, employee)


def remove_shift(shift):
    set_employee(shift, None)
    db.session.delete(shift)


def autoplan(plan, allow_overtime=False):
    """Fill the open shifts, those with the fewest candidates first, each with the person the least
    used so far. Returns the number filled and [(shift, reasons)] for those left open."""
    people = staff(plan.location_id, lock=True)
    roster = Roster(plan.week)

    def eligible(shift):
        return [p for p in people if not any(c.hard or not allow_overtime for c in roster.problems(p, shift))]

    todo = [s for s in plan.shifts if s.employee_id is None and s.starts_at > util.now()]
    unfilled = []
    for shift in sorted(todo, key=lambda s: (len(eligible(s)), s.starts_at, s.id)):
        choice = min(eligible(shift), key=lambda p: (roster.score(p, shift), p.id), default=None)
        if choice is None:
            codes = Counter(c.code.replace("_", " ") for p in people for c in roster.problems(p, shift))
            unfilled.append((shift, ", ".join(f"{code} ({n})" for code, n in codes.most_common()) or "no employees"))
        else:
            set_employee(shift, choice)
            roster.shifts[choice.id].append(shift)
    return len(todo) - len(unfilled), unfilled


def conflicts(plan):
    """[(shift, [Conflict])] for every shift of the plan that breaks a rule or has nobody."""
    roster, nobody = Roster(plan.week), [Conflict("open", "nobody is assigned")]
    rows = [(s, roster.problems(s.employee, s) if s.employee else nobody) for s in plan.shifts]
    return [row for row in rows if row[1]]


def publish(plan):
    plan.published = True
    for person in {s.employee for s in plan.shifts if s.employee}:
        notify(person.user, f"The plan of {plan.location.name} for the week of {plan.week:%d %b} is out.",
               f"/locations/{plan.location_id}?week={plan.week}")


def shifts_of(employee, start, end, published_only=True):
    drafts = [] if published_only else [~WeekPlan.published]
    return db.session.scalars(db.select(Shift).join(Shift.plan).where(
        Shift.employee_id == employee.id, Shift.ends_at > start, Shift.starts_at < end,
        or_(WeekPlan.published, *drafts)).order_by(Shift.starts_at)).all()
