from datetime import timedelta

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy.orm import joinedload

from .. import util
from ..models import Employee, Location, Shift, ShiftTemplate, Skill, User, db
from ..services import notify, planning
from . import all_locations, allow, done, field, get_or_404, query, refuse_if

bp = Blueprint("locations", __name__)


def managed_or_403(location_id):
    location = get_or_404(Location, location_id)
    allow(g.user.manages(location))
    return location


def skills():
    return db.session.scalars(db.select(Skill).order_by(Skill.name)).all()


def managers(**only):
    found = db.session.scalars(db.select(User).where(User.role.in_(("admin", "manager")), User.active).filter_by(
        **only).options(joinedload(User.employee)))
    return sorted(found, key=lambda user: user.id)


@bp.get("/locations")
def index():
    return render_template("locations.html", locations=[loc for loc in all_locations() if g.user.can_see(loc)],
                           skills=skills(), managers=managers() if g.user.role == "admin" else [])


@bp.post("/locations")
@bp.post("/locations/<int:location_id>")
def save(location_id=None):
    allow(g.user.role == "admin")
    location = get_or_404(Location, location_id) if location_id else Location()
    manager_id = field("manager_id", util.as_int, None)
    refuse_if(manager_id and not managers(id=manager_id), "This is not a manager's account.")
    location.name, location.address, location.manager_id = field("name"), field("address", default=""), manager_id
    db.session.add(location)
    return done("Location saved.", "locations.index")


@bp.post("/skills")
def add_skill():
    allow(g.user.role == "admin")
    db.session.add(Skill(name=field("name")))
    return done("Skill added.", "locations.index")


def grid(plan, shifts):
    """Rows of (employee or None, seven lists of shifts); open shifts first."""
    rows = {}
    for shift in shifts:
        day = (util.to_local(shift.starts_at).date() - plan.week).days
        rows.setdefault(shift.employee, [[] for _ in range(7)])[day].append(shift)
    return sorted(rows.items(), key=lambda row: row[0].name.lower() if row[0] else "")


def visible_plan(location, week):
    """The plan, unless it is still a draft and the user does not manage the location."""
    allow(g.user.can_see(location))
    plan = planning.get_plan(location, week)
    return plan if plan and (plan.published or g.user.manages(location)) else None


@bp.get("/locations/<int:location_id>")
def week(location_id):
    location, start = get_or_404(Location, location_id), query("week", util.as_week, util.monday(util.today()))
    plan, manages = visible_plan(location, start), g.user.manages(location)
    found = planning.conflicts(plan) if plan and manages else []
    people = planning.load_people(plan.shifts) if plan else []
    return render_template(
        "week.html", location=location, week=start, plan=plan, manages=manages, skills=skills(), people=people,
        rows=grid(plan, plan.shifts) if plan else [], days=[start + timedelta(days=n) for n in range(7)],
        conflicts=found)


@bp.post("/locations/<int:location_id>/plan/<action>")
def plan_action(location_id, action):
    location, start = managed_or_403(location_id), field("week", util.as_week)
    if action == "generate":
        message = f"{planning.generate_week(location, start)} shifts created."
    elif action == "autoplan":
        plan = planning.get_plan(location, start, create=True)
        filled, unfilled = planning.autoplan(plan, bool(field("allow_overtime", default="")))
        message = "; ".join([f"{filled} shifts filled, {len(unfilled)} left open"] + [
            f"{planning.describe(shift)} {shift.skill.name}: {why}" for shift, why in unfilled])
    else:
        allow(action == "publish")
        planning.publish(planning.get_plan(location, start, create=True))
        message = "The plan is published."
    return done(message, "locations.week", location_id=location_id, week=start)


def slot_fields():
    return field("start_time", util.as_time), field("end_time", util.as_time), field("break_minutes", util.as_int, 0)


@bp.post("/locations/<int:location_id>/shifts")
def add_shift(location_id):
    location, day = managed_or_403(location_id), field("date", util.as_date)
    planning.add_shift(location, get_or_404(Skill, field("skill_id", util.as_int)), day, *slot_fields())
    return done("Shift added.", "locations.week", location_id=location_id, week=util.monday(day))


@bp.post("/locations/<int:location_id>/templates")
def add_template(location_id):
    start, end, pause = slot_fields()
    db.session.add(ShiftTemplate(
        location_id=managed_or_403(location_id).id, skill=get_or_404(Skill, field("skill_id", util.as_int)),
        name=field("name"), weekday=field("weekday", util.as_weekday), start_time=start, end_time=end,
        break_minutes=pause, headcount=min(field("headcount", util.as_int, 1), 50)))
    return done("Template added.", "locations.week", location_id=location_id)


@bp.post("/templates/<int:template_id>/delete")
def delete_template(template_id):
    template = get_or_404(ShiftTemplate, template_id)
    location = managed_or_403(template.location_id)
    db.session.delete(template)
    return done("Template deleted.", "locations.week", location_id=location.id)


@bp.route("/shifts/<int:shift_id>", methods=["GET", "POST"])
def shift(shift_id):
    item = get_or_404(Shift, shift_id)
    location, start = managed_or_403(item.location_id), item.plan.week
    if request.method == "GET":
        return render_template("shift.html", shift=item, candidates=planning.candidates(item))
    if field("action") == "delete":
        planning.remove_shift(item)
    else:
        employee_id = field("employee_id", util.as_int, None)
        planning.assign(item, get_or_404(Employee, employee_id) if employee_id else None,
                        bool(field("override", default="")))
    notify.commit()
    return redirect(url_for("locations.week", location_id=location.id, week=start))
