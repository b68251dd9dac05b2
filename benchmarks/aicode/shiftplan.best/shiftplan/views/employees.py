from datetime import timedelta

from flask import Blueprint, g, render_template, request
from sqlalchemy.orm import selectinload

from .. import util
from ..models import ROLES, Availability, Contract, Employee, Skill, User, db, employee_location
from ..services import planning
from . import allow, done, field, get_or_404, managed, refuse_if
from .auth import new_password
from .locations import skills

bp = Blueprint("employees", __name__, url_prefix="/employees")


def person_or_403(employee_id, own):
    """An employee the user manages or, where `own` is set, the user's own record."""
    person = get_or_404(Employee, employee_id)
    allow((own and person.id == g.user.employee_id) or g.user.manages_employee(person))
    return person


@bp.get("")
def index():
    allow(g.user.role != "employee")
    wanted, locations = db.select(Employee).order_by(Employee.active.desc(), Employee.name), managed()
    if g.user.role != "admin":
        wanted = wanted.where(Employee.id.in_(db.select(employee_location.c.employee_id).where(
            employee_location.c.location_id.in_([loc.id for loc in locations]))))
    people = db.session.scalars(wanted.options(
        selectinload(Employee.locations), selectinload(Employee.skills), selectinload(Employee.contracts)))
    return render_template("employees.html", people=people.all(), locations=locations, skills=skills(), roles=ROLES,
                           person=None)


@bp.post("")
@bp.post("/<int:employee_id>")
def save(employee_id=None):
    allow(g.user.role != "employee")
    person = person_or_403(employee_id, own=False) if employee_id else Employee(user=User(role="employee"), active=True)
    admin, mine, chosen = g.user.role == "admin", managed(), set(request.form.getlist("locations"))
    wanted = set(request.form.getlist("skills"))
    person.skills = [s for s in db.session.scalars(db.select(Skill)) if str(s.id) in wanted]
    kept = [loc for loc in person.locations if loc not in mine]
    person.locations = kept + [loc for loc in mine if str(loc.id) in chosen]
    refuse_if(not person.locations, "Choose at least one location.")
    person.name, person.phone = field("name"), field("phone", default="")[:40]
    if admin or not employee_id:
        person.user.email = field("email").lower()
        refuse_if("@" not in person.user.email, "Not a valid e-mail address.")
        password = field("password", default=None)
        if password or not employee_id:
            new_password(person.user, password or "")
    if admin:
        person.user.role = field("role", util.checked(str, ROLES.__contains__), person.user.role)
    if employee_id:
        person.active = person.user.active = bool(field("active", default=""))
    db.session.add(person)
    db.session.flush()
    return done("Employee saved.", "employees.show", employee_id=person.id)


@bp.get("/<int:employee_id>")
def show(employee_id):
    person, now = person_or_403(employee_id, own=True), util.now()
    manages = g.user.manages_employee(person)
    return render_template(
        "employee.html", person=person, manages=manages, skills=skills(), roles=ROLES,
        locations=managed(),
        shifts=planning.shifts_of(person, now, now + timedelta(days=28), published_only=not manages))


@bp.post("/<int:employee_id>/contracts")
def add_contract(employee_id):
    person, start = person_or_403(employee_id, own=False), field("start_date", util.as_date)
    end, last = field("end_date", util.as_date, None), person.contracts[-1] if person.contracts else None
    refuse_if((end and end < start) or (last and start <= last.start_date), "These dates do not fit.")
    if last and (last.end_date is None or last.end_date >= start):
        last.end_date = start - timedelta(days=1)
    person.contracts.append(Contract(start_date=start, end_date=end, hourly_rate=field("hourly_rate", util.as_amount),
                                     hours_per_week=field("hours_per_week", util.as_amount)))
    return done("Contract added.", "employees.show", employee_id=employee_id)


@bp.post("/<int:employee_id>/availability")
def availability(employee_id):
    person, remove = person_or_403(employee_id, own=True), field("remove", util.as_int, None)
    if remove:
        person.availability = [item for item in person.availability if item.id != remove]
    else:
        person.availability.append(Availability(weekday=field("weekday", util.as_weekday), start_time=field(
            "start_time", util.as_time), end_time=field("end_time", util.as_time)))
    return done("Availability saved.", "employees.show", employee_id=employee_id)
