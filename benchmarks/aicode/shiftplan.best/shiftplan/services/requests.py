"""Swap and time-off requests with their approval."""
from datetime import timedelta

from sqlalchemy import or_
from sqlalchemy.orm import joinedload, selectinload

from .. import util
from ..models import Employee, Location, Shift, SwapRequest, TimeOff, User, WeekPlan, db, employee_location
from ..security import allow
from . import planning
from .notify import notify, notify_all

KINDS = ("vacation", "sick", "unpaid")


def managers_of(locations):
    return {loc.manager for loc in locations if loc.manager} or set(
        db.session.scalars(db.select(User).filter_by(role="admin", active=True)))


def parties(swap):
    """(who takes it, the shift, who gives it) for each shift that changes hands."""
    moves = [(swap.colleague, swap.shift, swap.owner)]
    return moves + ([(swap.owner, swap.counter_shift, swap.colleague)] if swap.counter_shift else [])


def check_swap(swap):
    moves = parties(swap)
    moving = [shift.id for _, shift, _ in moves]
    for taker, shift, giver in moves:
        db.session.refresh(shift, with_for_update={"of": Shift})
        if shift.employee_id != giver.id or not shift.plan.published or shift.starts_at <= util.now():
            raise util.Problem("One of the shifts can no longer be swapped.", 409)
        roster = planning.Roster(planning.week_of(shift), ignore=moving, people=[taker.id], recent=False)
        hard = [c for c in roster.problems(taker, shift) if c.hard]
        util.refuse_if(hard, f"{taker.name} " + "; ".join(c.message for c in hard) + ".", 409)


def create_swap(owner, shift, colleague, counter=None):
    allow(shift.employee_id == owner.id)
    if colleague.id == owner.id or (counter and counter.employee_id != colleague.id):
        raise util.Problem("Choose a colleague, and one of that colleague's shifts in return.")
    ids = [s.id for s in (shift, counter) if s]
    util.refuse_if(db.session.scalar(planning.active_swaps(ids)), "There is already a request for this shift.", 409)
    swap = SwapRequest(shift=shift, counter_shift=counter, owner=owner, colleague=colleague, status="pending")
    check_swap(swap)
    db.session.add(swap)
    notify(colleague.user, f"{owner.name} asks you to take {planning.describe(shift)}.", "/swaps")
    return swap


def may_decide_swap(user, swap):
    return (user.employee_id not in (swap.owner_id, swap.colleague_id) or user.role == "admin") and all(
        user.manages(shift.location) for _, shift, _ in parties(swap))


def act_on_swap(user, swap, action):
    """accept or decline by the colleague; cancel by the owner; approve or reject by the manager."""
    rules = {"accept": ("pending", swap.colleague_id == user.employee_id, "accepted"),
             "decline": ("pending", swap.colleague_id == user.employee_id, "declined"),
             "cancel": (swap.status, swap.owner_id == user.employee_id, "cancelled"),
             "approve": ("accepted", may_decide_swap(user, swap), "approved"),
             "reject": ("accepted", may_decide_swap(user, swap), "rejected")}
    needed, allowed, result = rules.get(action) or allow(False)
    allow(allowed)
    possible = swap.status == needed and swap.status in planning.ACTIVE_SWAP
    util.refuse_if(not possible, f"This request is {swap.status}.", 409)
    if action in ("accept", "approve"):
        db.session.execute(db.select(Employee.id).where(Employee.id.in_([swap.owner_id, swap.colleague_id]))
                           .order_by(Employee.id).with_for_update())
        check_swap(swap)
    swap.status = result
    if action == "approve":
        for taker, shift, _ in parties(swap):
            planning.set_employee(shift, taker, keep_swap=swap)
    if action == "accept":
        for manager in managers_of([shift.location for _, shift, _ in parties(swap)]):
            notify(manager, f"{swap.owner.name} and {swap.colleague.name} ask to swap a shift.", "/swaps")
    for person in (swap.owner, swap.colleague):
        if person.user is not user:
            notify(person.user, f"Swap of {planning.describe(swap.shift)}: {result}.", "/swaps")


def create_time_off(employee, kind, start, end, note=""):
    refused = end < start or end - start > timedelta(days=366)
    util.refuse_if(refused, "The last day must come after the first, within a year.")
    util.refuse_if(db.session.scalar(db.select(TimeOff.id).where(
        TimeOff.employee_id == employee.id, TimeOff.status.in_(("pending", "approved")),
        TimeOff.start_date <= end, TimeOff.end_date >= start)), "There is already a request for these days.", 409)
    item = TimeOff(employee=employee, kind=kind, start_date=start, end_date=end, note=note, status="pending")
    db.session.add(item)
    for manager in managers_of(employee.locations):
        notify(manager, f"{employee.name} asks for time off ({start} to {end}).", "/time-off")
    return item


def act_on_time_off(user, item, action):
    """approve or decline by the manager; cancel by the employee. Approval opens the shifts it covers."""
    results = {"approve": "approved", "decline": "declined", "cancel": "cancelled"}
    allow(action in results)
    allow(item.employee_id == user.employee_id if action == "cancel" else user.manages_employee(item.employee))
    upcoming = item.status == "approved" and item.start_date > util.today()
    possible = item.status == "pending" or (action == "cancel" and upcoming)
    util.refuse_if(not possible, f"This request is {item.status}.", 409)
    item.status, opened = results[action], 0
    if action == "approve":
        start, end = util.day_start(item.start_date), util.day_start(item.end_date + timedelta(days=1))
        now = util.now()
        covered = planning.shifts_of(item.employee, max(start, now), end, published_only=False)
        swaps, batch = planning.swaps_by_shift(covered), []
        for shift in covered:
            if shift.starts_at > now:
                planning.set_employee(shift, None, swaps=swaps, batch=batch)
                notify(shift.location.manager, f"{planning.describe(shift)} at {shift.location.name} is open again.",
                       f"/locations/{shift.location_id}?week={shift.plan.week}", batch)
                opened += 1
        notify_all(batch)
    if action != "cancel":
        notify(item.employee.user, f"Your time off from {item.start_date} is {item.status}.", "/time-off")
    return opened


def managed_ids(user):
    return db.select(Location.id).where(Location.manager_id == user.id)


def may_see_swaps(user):
    """Conditions: own swaps, and those of shifts at the locations the user manages."""
    if user.role == "admin":
        return []
    own = [or_(SwapRequest.owner_id == user.employee_id, SwapRequest.colleague_id == user.employee_id)]
    if user.role == "manager":
        here = WeekPlan.location_id.in_(managed_ids(user))
        own += [SwapRequest.shift.has(Shift.plan.has(here)), SwapRequest.counter_shift.has(Shift.plan.has(here))]
    return [or_(*own)]


def may_see_time_off(user):
    if user.role == "admin":
        return []
    own = [TimeOff.employee_id == user.employee_id]
    if user.role == "manager":
        own.append(TimeOff.employee_id.in_(db.select(employee_location.c.employee_id).where(
            employee_location.c.location_id.in_(managed_ids(user)))))
    return [or_(*own)]


def waiting(user):
    """How many swaps and absences the user can see that wait for a decision."""
    return (db.session.scalar(db.select(db.func.count(SwapRequest.id)).where(
                SwapRequest.status.in_(planning.ACTIVE_SWAP), *may_see_swaps(user))),
            db.session.scalar(db.select(db.func.count(TimeOff.id)).where(
                TimeOff.status == "pending", *may_see_time_off(user))))


def visible_swaps(user):
    def whole(shift):
        return selectinload(shift).options(joinedload(Shift.plan).joinedload(WeekPlan.location),
                                           selectinload(Shift.employee))

    return db.session.scalars(db.select(SwapRequest).join(SwapRequest.shift).where(*may_see_swaps(user)).order_by(
        Shift.starts_at.desc(), SwapRequest.id).options(
        whole(SwapRequest.shift), whole(SwapRequest.counter_shift), selectinload(SwapRequest.owner),
        selectinload(SwapRequest.colleague))).all()


def visible_time_off(user):
    people = selectinload(TimeOff.employee)
    if user.role == "manager":
        people = people.selectinload(Employee.locations)
    return db.session.scalars(db.select(TimeOff).where(*may_see_time_off(user)).order_by(
        TimeOff.start_date.desc(), TimeOff.id.desc()).options(people)).all()
