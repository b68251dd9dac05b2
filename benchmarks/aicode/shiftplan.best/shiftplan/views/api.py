"""JSON API of the mobile app. Times are UTC (ISO 8601 with Z); errors are {"error": message}."""
from datetime import timedelta

from flask import Blueprint, g, request, session

from .. import util
from ..models import Location, SwapRequest, TimeOff
from ..security import log_in
from ..services import hours, notify, planning
from ..services import requests as service
from . import allow, field, get_or_404, own_employee, query
from .dashboard import mark_read, recent_notes, requested_slot
from .hours import clock_action, this_month
from .locations import visible_plan
from .requests import colleagues, new_swap, new_time_off

bp = Blueprint("api", __name__, url_prefix="/api/v1")


def iso(moment):
    return moment.isoformat() + "Z" if moment else None


def saved(to_json, item, status=200):
    notify.commit()
    return to_json(item), status


def name_json(item):
    return {"id": item.id, "name": item.name}


def shift_json(shift):
    return shift and {"id": shift.id, "location": name_json(shift.location), "skill": shift.skill.name,
                      "starts_at": iso(shift.starts_at), "ends_at": iso(shift.ends_at),
                      "break_minutes": shift.break_minutes,
                      "employee": name_json(shift.employee) if shift.employee else None}


def entry_json(entry):
    return {"id": entry.id, "location_id": entry.location_id, "shift_id": entry.shift_id, "minutes": entry.minutes,
            "clock_in": iso(entry.clock_in), "clock_out": iso(entry.clock_out), "break_minutes": entry.break_minutes}


def swap_json(swap):
    return {"id": swap.id, "status": swap.status, "shift": shift_json(swap.shift), "owner": name_json(swap.owner),
            "colleague": name_json(swap.colleague), "counter_shift": shift_json(swap.counter_shift)}


def off_json(item):
    return {"id": item.id, "status": item.status, "kind": item.kind, "employee": name_json(item.employee),
            "start_date": item.start_date.isoformat(), "end_date": item.end_date.isoformat(), "note": item.note}


@bp.post("/login")
def login():
    g.user = log_in(field("email"), field("password"))
    return me()


@bp.post("/logout")
def logout():
    session.clear()
    return {}


@bp.get("/me")
def me():
    data, person = {"email": g.user.email, "role": g.user.role}, g.user.employee
    if person:
        entry = hours.open_entry(person)
        data |= {"employee": name_json(person), "skills": [skill.name for skill in person.skills],
                 "locations": [name_json(loc) for loc in person.locations],
                 "colleagues": [name_json(p) for p in colleagues(person)], "clocked_in": entry and entry_json(entry)}
    return data


@bp.get("/shifts")
def shifts():
    first = query("from", util.as_date, util.today())
    last = query("to", util.as_date, first + timedelta(days=27))
    found = planning.shifts_of(own_employee(), util.day_start(first), util.day_start(last + timedelta(days=1)))
    return {"shifts": [shift_json(s) for s in found]}


@bp.get("/locations/<int:location_id>/week")
def week(location_id):
    start = query("week", util.as_week, util.monday(util.today()))
    plan = visible_plan(get_or_404(Location, location_id), start)
    people = planning.load_people(plan.shifts) if plan else []
    shifts = [shift_json(s) for s in plan.shifts] if plan else []
    del people  # held so that each shift finds its own in the session
    return {"week": start.isoformat(), "published": bool(plan and plan.published), "shifts": shifts}


@bp.post("/clock/<action>")
def clock(action):
    return saved(entry_json, clock_action(action))


@bp.get("/timesheet")
def timesheet():
    month = this_month()
    return {"month": f"{month:%Y-%m}", "entries": [
        {**entry_json(line.entry), "regular_minutes": line.regular, "overtime_minutes": line.overtime}
        for line in hours.lines(month, util.next_month(month), own_employee())]}


@bp.route("/time-off", methods=["GET", "POST"])
def time_off():
    if request.method == "POST":
        return saved(off_json, new_time_off(), 201)
    return {"time_off": [off_json(i) for i in service.visible_time_off(g.user)]}


@bp.post("/time-off/<int:item_id>/<action>")
def time_off_action(item_id, action):
    item = get_or_404(TimeOff, item_id)
    service.act_on_time_off(g.user, item, action)
    return saved(off_json, item)


@bp.route("/swaps", methods=["GET", "POST"])
def swaps():
    if request.method == "POST":
        return saved(swap_json, new_swap(), 201)
    return {"swaps": [swap_json(s) for s in service.visible_swaps(g.user)]}


@bp.post("/swaps/<int:swap_id>/<action>")
def swap_action(swap_id, action):
    swap = get_or_404(SwapRequest, swap_id)
    service.act_on_swap(g.user, swap, action)
    return saved(swap_json, swap)


@bp.route("/notifications", methods=["GET", "POST"])
def notifications():
    """A POST marks them as read."""
    if request.method == "POST":
        mark_read()
        notify.commit()
    return {"notifications": [{"id": n.id, "text": n.text, "link": n.link, "created_at": iso(n.created_at),
                               "read": n.read} for n in recent_notes()]}


@bp.get("/free")
def free():
    allow(g.user.role != "employee")
    return {"free": [{**name_json(person), "warnings": [c.message for c in found]}
                     for person, found in planning.find_free(requested_slot())]}
