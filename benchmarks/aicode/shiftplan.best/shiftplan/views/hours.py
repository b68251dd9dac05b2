from flask import Blueprint, Response, g, render_template

from .. import util
from ..models import Location, TimeEntry, db
from ..services import hours
from . import allow, done, field, get_or_404, managed, own_employee, query
from .employees import person_or_403

bp = Blueprint("hours", __name__)


def this_month():
    return query("month", util.as_month, util.today().replace(day=1))


def clock_action(action):
    allow(action in ("in", "out"))
    if action == "in":
        return hours.clock_in(own_employee(), field("location_id", util.as_int, None))
    return hours.clock_out(own_employee(), field("break_minutes", util.as_int, None))


@bp.post("/clock/<action>")
def clock(action):
    entry = clock_action(action)
    return done(f"Clocked {action} at {entry.location.name}.", "dashboard.index")


@bp.get("/timesheets/<int:employee_id>")
def timesheet(employee_id):
    person, month = person_or_403(employee_id, own=True), this_month()
    return render_template("timesheet.html", person=person, month=month, following=util.next_month(month),
                           lines=hours.lines(month, util.next_month(month), person),
                           manages=g.user.manages_employee(person), locations=managed())


@bp.post("/timesheets/<int:employee_id>")
def correct(employee_id):
    person, entry_id = person_or_403(employee_id, own=False), field("entry_id", util.as_int, None)
    if entry_id:
        entry = get_or_404(TimeEntry, entry_id)
        allow(entry.employee_id == person.id)
    else:
        location_id = field("location_id", util.as_int)
        location = db.session.get(Location, location_id)
        allow(location and g.user.manages(location))
        entry = TimeEntry(employee_id=person.id, location_id=location_id)
    start = field("clock_in", util.as_moment)
    hours.save_entry(g.user, entry, start, field("clock_out", util.as_moment), field("break_minutes", util.as_int, 0))
    return done("Entry saved.", "hours.timesheet", employee_id=employee_id, month=f"{util.to_local(start):%Y-%m}")


@bp.get("/reports")
def reports():
    allow(g.user.role != "employee")
    week = query("week", util.as_week, util.monday(util.today()))
    return render_template("reports.html", week=week, report=hours.labour_report(managed(), week))


@bp.get("/payroll")
def payroll():
    allow(g.user.role == "admin")
    month = this_month()
    if query("format", str) != "csv":
        return render_template("payroll.html", month=month, rows=hours.payroll(month))
    return Response(hours.payroll_csv(month), mimetype="text/csv", headers={
        "Content-Disposition": f"attachment; filename=payroll-{month:%Y-%m}.csv"})
