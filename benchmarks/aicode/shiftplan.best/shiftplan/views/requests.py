from datetime import timedelta

from flask import Blueprint, g, render_template, request

from .. import util
from ..models import Employee, Shift, SwapRequest, TimeOff, db, employee_location
from ..services import planning
from ..services import requests as service
from . import done, field, get_or_404, own_employee

bp = Blueprint("requests", __name__)


def colleagues(person):
    there = db.select(employee_location.c.employee_id).where(
        employee_location.c.location_id.in_([loc.id for loc in person.locations]))
    found = db.session.scalars(db.select(Employee).where(Employee.id.in_(there), Employee.active,
                                                         Employee.id != person.id))
    return sorted(found, key=lambda other: other.name)


def new_swap():
    counter_id = field("counter_shift_id", util.as_int, None)
    return service.create_swap(own_employee(), get_or_404(Shift, field("shift_id", util.as_int)),
                               get_or_404(Employee, field("colleague_id", util.as_int)),
                               get_or_404(Shift, counter_id) if counter_id else None)


def new_time_off():
    kind = field("kind", util.checked(str, service.KINDS.__contains__))
    return service.create_time_off(own_employee(), kind, field("start_date", util.as_date),
                                   field("end_date", util.as_date), field("note", default=""))


@bp.route("/swaps", methods=["GET", "POST"])
def swaps():
    if request.method == "POST":
        new_swap()
        return done("Your colleague has been asked.", "requests.swaps")
    person, now = g.user.employee, util.now()
    others = colleagues(person) if person else []
    ahead = planning.shifts_of_all([person, *others], now, now + timedelta(days=28)) if person else {}
    return render_template("swaps.html", swaps=service.visible_swaps(g.user), person=person, others=others,
                           ahead=ahead, may_decide=service.may_decide_swap)


@bp.post("/swaps/<int:swap_id>/<action>")
def swap_action(swap_id, action):
    swap = get_or_404(SwapRequest, swap_id)
    service.act_on_swap(g.user, swap, action)
    return done(f"The request is {swap.status}.", "requests.swaps")


@bp.route("/time-off", methods=["GET", "POST"])
def time_off():
    if request.method == "POST":
        new_time_off()
        return done("Your request has been sent.", "requests.time_off")
    return render_template("time_off.html", items=service.visible_time_off(g.user), kinds=service.KINDS)


@bp.post("/time-off/<int:item_id>/<action>")
def time_off_action(item_id, action):
    item = get_or_404(TimeOff, item_id)
    opened = service.act_on_time_off(g.user, item, action)
    return done(f"The request is {item.status}; {opened} shifts are open again.", "requests.time_off")
