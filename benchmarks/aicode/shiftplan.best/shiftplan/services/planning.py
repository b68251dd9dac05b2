"""Weekly plans: the working rules, the automatic planner, and the search for free employees."""
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

from flask import current_app
from sqlalchemy import or_
from sqlalchemy.orm import joinedload, selectinload

from .. import util
from ..models import Employee, Shift, SwapRequest, TimeOff, WeekPlan, db, employee_location
from .notify import notify, notify_all

RECENT_WEEKS = 4
LONGEST = timedelta(hours=26)  # a slot ends within a day of its start, however the clocks change
MOST_PEOPLE = 1000  # more are not named in a query, but all are read
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


def started(low, high):
    """Bounds on the start of shifts that end after `low` and start before `high`, so that an index serves both."""
    return Shift.starts_at > low - LONGEST, Shift.starts_at < high


def load_people(shifts, *options):
    """The employees of the shifts, who are then found in the session; keep the list as long as they are needed."""
    db.session.flush()  # someone given a shift just now has no employee_id there before
    ids = {s.employee_id for s in shifts if s.employee_id}
    return db.session.scalars(db.select(Employee).where(Employee.id.in_(ids)).options(*options)).all() if ids else []


class Roster:
    """The shifts and time off of some people, or of everyone, around one week, loaded once."""

    def __init__(self, week, ignore=(), people=None, recent=True):
        self.week, (self.start, self.end) = week, util.week_bounds(week)
        self.rest = timedelta(hours=current_app.config["MIN_REST_HOURS"])
        self.most = current_app.config["MAX_WEEKLY_HOURS"] * 60
        near, high = self.start - timedelta(days=3), self.end + timedelta(days=3)
        fresh = {"populate_existing": True}
        self.shifts, self.off, self.held, self.local = defaultdict(list), defaultdict(list), set(), {}
        self.week_minutes, self.recent_minutes = defaultdict(int), defaultdict(int)
        ours, theirs = Shift.employee_id.is_not(None), []
        if people is not None and len(people) <= MOST_PEOPLE:
            ours, theirs = Shift.employee_id.in_(people), [TimeOff.employee_id.in_(people)]
        wanted = db.select(Shift).where(ours, Shift.ends_at > near, *started(near, high))
        if ignore:
            wanted = wanted.where(Shift.id.not_in(ignore))
        for shift in db.session.scalars(wanted, execution_options=fresh):
            self.add(shift.employee_id, shift)
        if recent:
            low = self.start - timedelta(weeks=RECENT_WEEKS)
            wanted = db.select(Shift.employee_id, Shift.starts_at, Shift.ends_at, Shift.break_minutes).where(
                ours, Shift.ends_at > low, *started(low, self.start))
            if ignore:
                wanted = wanted.where(Shift.id.not_in(ignore))
            for employee_id, start, end, pause in db.session.execute(wanted):
                self.recent_minutes[employee_id] += int((end - start).total_seconds() // 60) - pause
        for off in db.session.scalars(db.select(TimeOff).where(
                TimeOff.status == "approved", TimeOff.end_date >= week - timedelta(days=1),
                TimeOff.start_date <= week + timedelta(days=9), *theirs), execution_options=fresh):
            self.off[off.employee_id].append(off)

    def add(self, employee_id, shift):
        self.shifts[employee_id].append(shift)
        self.held.add((employee_id, shift))
        if self.start <= shift.starts_at < self.end:
            self.week_minutes[employee_id] += shift.minutes

    def planned(self, employee, without=None):
        inside = (employee.id, without) in self.held and self.start <= without.starts_at < self.end
        return self.week_minutes[employee.id] - (without.minutes if inside else 0)

    def times(self, slot):
        """Local start and end and the last day of the slot."""
        if slot not in self.local:
            start, end = util.to_local(slot.starts_at), util.to_local(slot.ends_at)
            self.local[slot] = start, end, (end - timedelta(seconds=1)).date()
        return self.local[slot]

    def score(self, employee, slot):
        """Low is next in line: the share of the contract this week, and half that of the weeks before."""
        contract = employee.contract_on(self.times(slot)[0].date())
        if contract is None:
            return float("inf")
        share = (self.planned(employee, slot) + slot.minutes) / contract.minutes
        return share + self.recent_minutes[employee.id] / (2 * RECENT_WEEKS * contract.minutes)

    def problems(self, employee, slot):
        found = []
        start, end, last_day = self.times(slot)
        rest = self.rest
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
        if total > self.most:
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


def rules():
    return (selectinload(Employee.skills), selectinload(Employee.locations), selectinload(Employee.contracts),
            selectinload(Employee.availability))


def staff(location_id, lock=False):
    here = db.select(employee_location.c.employee_id).where(employee_location.c.location_id == location_id)
    wanted = db.select(Employee).where(Employee.active, Employee.id.in_(here)).order_by(
        Employee.id).options(*rules(), selectinload(Employee.user))
    return db.session.scalars(wanted.with_for_update() if lock else wanted).all()


def candidates(slot):
    """The location's employees as (employee, problems), the best choice first."""
    people = staff(slot.location_id)
    roster = Roster(week_of(slot), people=[p.id for p in people])
    rows = [(person, roster.problems(person, slot)) for person in people]
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


def planned_there(locations, week):
    return WeekPlan.location_id.in_([loc.id for loc in locations]), WeekPlan.week == week


def plans_of(locations, week):
    """The plans of several locations with their shifts, by location. A Roster loaded later forgets the shifts."""
    wanted = db.select(WeekPlan).where(*planned_there(locations, week)).options(selectinload(WeekPlan.shifts))
    return {plan.location_id: plan for plan in db.session.scalars(wanted)}


def people_in(locations, week, *options):
    """The employees of the plans of several locations, who are then found in the session."""
    ids = db.select(Shift.employee_id).join(Shift.plan).where(
        Shift.employee_id.is_not(None), *planned_there(locations, week))
    return db.session.scalars(db.select(Employee).where(Employee.id.in_(ids)).options(*options)).all()


def slot(day, start, end, break_minutes):
    starts_at, ends_at = util.slot_times(day, start, end)
    minutes = int((ends_at - starts_at).total_seconds() // 60) - break_minutes
    util.refuse_if(break_minutes < 0 or minutes <= 0, "The break is longer than the shift.")
    return starts_at, ends_at


def add_shift(location, skill, day, start, end, break_minutes=0):
    starts_at, ends_at = slot(day, start, end, break_minutes)
    shift = Shift(plan=get_plan(location, util.monday(day), create=True), skill=skill, starts_at=starts_at,
                  ends_at=ends_at, break_minutes=break_minutes)
    db.session.add(shift)
    return shift


def generate_week(location, week):
    """Create the open shifts the templates ask for; those already there are not created again."""
    plan = get_plan(location, week, create=True)
    existing = Counter((s.template_id, util.to_local(s.starts_at).date()) for s in plan.shifts)
    missing = []
    for template in location.templates:
        day = week + timedelta(days=template.weekday)
        for _ in range(template.headcount - existing[template.id, day]):
            starts_at, ends_at = slot(day, template.start_time, template.end_time, template.break_minutes)
            missing.append({"plan_id": plan.id, "skill_id": template.skill_id, "template_id": template.id,
                            "starts_at": starts_at, "ends_at": ends_at, "break_minutes": template.break_minutes})
    if missing:
        db.session.execute(db.insert(Shift), missing)
        db.session.expire(plan, ["shifts"])
    return len(missing)


def active_swaps(ids):
    return db.select(SwapRequest).where(SwapRequest.status.in_(ACTIVE_SWAP), or_(
        SwapRequest.shift_id.in_(ids), SwapRequest.counter_shift_id.in_(ids)))


def swaps_by_shift(shifts):
    """The active swaps of several shifts, to hand to set_employee()."""
    found = defaultdict(list)
    for swap in db.session.scalars(active_swaps([s.id for s in shifts])) if shifts else []:
        found[swap.shift_id].append(swap)
        found[swap.counter_shift_id].append(swap)
    return found


def set_employee(shift, employee, keep_swap=None, swaps=None, batch=None):
    """Give the shift to someone (or no one), tell those concerned, and drop swaps this overtakes."""
    previous, shift.employee = shift.employee, employee
    for swap in db.session.scalars(active_swaps([shift.id])) if swaps is None else swaps[shift.id]:
        if swap is not keep_swap:
            swap.status = "cancelled"
    if shift.plan.published and previous is not employee:
        what = f"{describe(shift)} at {shift.location.name}"
        if previous:
            notify(previous.user, f"You no longer work {what}.", "/", batch)
        if employee:
            notify(employee.user, f"You work {what}.", "/", batch)


def assign(shift, employee, override=False):
    """Assign by hand. Hard conflicts refuse it unless overridden; an overlap always does."""
    if employee is not None:
        db.session.execute(db.select(Employee.id).where(Employee.id == employee.id).with_for_update())
        found = Roster(week_of(shift), people=[employee.id], recent=False).problems(employee, shift)
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
    roster, now = Roster(plan.week, people=[p.id for p in people]), util.now()
    todo = [s for s in plan.shifts if s.employee_id is None and s.starts_at > now]
    at_first = {s: {p: roster.problems(p, s) for p in people} for s in todo}
    chosen, unfilled, swaps, batch = set(), [], swaps_by_shift(todo), []

    def found(person, shift):
        """Only a shift given to the person since can have changed the first answer."""
        return roster.problems(person, shift) if person in chosen else at_first[shift][person]

    def allows(problems):
        return not any(c.hard or not allow_overtime for c in problems)

    # More shifts only ever bring more problems, so nobody becomes eligible later.
    eligible = {s: [p for p in people if allows(at_first[s][p])] for s in todo}
    for shift in sorted(todo, key=lambda s: (len(eligible[s]), s.starts_at, s.id)):
        free = [p for p in eligible[shift] if p not in chosen or allows(roster.problems(p, shift))]
        choice = min(free, key=lambda p: (roster.score(p, shift), p.id), default=None)
        if choice is None:
            codes = Counter(c.code.replace("_", " ") for p in people for c in found(p, shift))
            unfilled.append((shift, ", ".join(f"{code} ({n})" for code, n in codes.most_common()) or "no employees"))
        else:
            set_employee(shift, choice, swaps=swaps, batch=batch)
            roster.add(choice.id, shift)
            chosen.add(choice)
    notify_all(batch)
    return len(todo) - len(unfilled), unfilled


def conflicts(plan, roster=None):
    """[(shift, [Conflict])] for every shift of the plan that breaks a rule or has nobody."""
    people = load_people(plan.shifts, *rules()) if roster is None else []
    roster = roster or Roster(plan.week, people=[p.id for p in people], recent=False)
    nobody = [Conflict("open", "nobody is assigned")]
    rows = [(s, roster.problems(s.employee, s) if s.employee else nobody) for s in plan.shifts]
    return [row for row in rows if row[1]]


def publish(plan):
    plan.published, batch = True, []
    for person in load_people(plan.shifts, selectinload(Employee.user)):
        notify(person.user, f"The plan of {plan.location.name} for the week of {plan.week:%d %b} is out.",
               f"/locations/{plan.location_id}?week={plan.week}", batch)
    notify_all(batch)


def shifts_of(employee, start, end, published_only=True):
    return shifts_of_all([employee], start, end, published_only)[employee]


def shifts_of_all(people, start, end, published_only=True):
    """{employee: shifts} in one query."""
    drafts, found, by_id = [] if published_only else [~WeekPlan.published], {p: [] for p in people}, {}
    by_id.update((p.id, p) for p in people)
    who = Shift.employee_id.in_(by_id) if len(by_id) > 1 else Shift.employee_id == next(iter(by_id))
    for shift in db.session.scalars(db.select(Shift).join(Shift.plan).options(
            joinedload(Shift.plan).selectinload(WeekPlan.location)).where(
            who, Shift.ends_at > start, *started(start, end),
            or_(WeekPlan.published, *drafts)).order_by(Shift.starts_at)):
        found[by_id[shift.employee_id]].append(shift)
    return found
