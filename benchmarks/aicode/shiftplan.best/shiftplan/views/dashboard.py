from datetime import timedelta

from flask import Blueprint, g, render_template, request
from sqlalchemy.orm import selectinload

from .. import util
from ..models import Location, Notification, Shift, Skill, TimeEntry, WeekPlan, db
from ..services import hours, planning
from ..services.requests import waiting
from . import allow, done, managed, query

bp = Blueprint("dashboard", __name__)


@bp.get("/")
def index():
    person, rows, week = g.user.employee, [], util.monday(util.today())
    locations, present = managed(), {}
    if locations:
        people = planning.people_in(locations, week, *planning.rules())
        roster = planning.Roster(week, people=[p.id for p in people], recent=False)
        plans = planning.plans_of(locations, week)
        for entry in db.session.scalars(db.select(TimeEntry).where(
                TimeEntry.location_id.in_([loc.id for loc in locations]), TimeEntry.clock_out.is_(None)).order_by(
                TimeEntry.id).options(selectinload(TimeEntry.employee))):
            present.setdefault(entry.location_id, []).append(entry)
    for location in locations:
        plan = plans.get(location.id)
        found = planning.conflicts(plan, roster) if plan else []
        opened = sum(shift.employee_id is None for shift, _ in found)
        rows.append((location, plan, opened, len(found) - opened, present.get(location.id, [])))
    people = None  # held so far so that each shift finds its own in the session
    now, (swaps, time_off) = util.now(), waiting(g.user)
    return render_template(
        "dashboard.html", rows=rows, person=person, entry=person and hours.open_entry(person),
        shifts=planning.shifts_of(person, now, now + timedelta(days=14)) if person else [],
        swaps=swaps, time_off=time_off)


@bp.route("/notifications", methods=["GET", "POST"])
def notifications():
    if request.method == "POST":
        mark_read()
        return done("All marked as read.", "dashboard.notifications")
    return render_template("notifications.html", notes=recent_notes())


def recent_notes():
    return db.session.scalars(db.select(Notification).filter_by(user_id=g.user.id)
                              .order_by(Notification.id.desc()).limit(100)).all()


def mark_read():
    db.session.execute(db.update(Notification).filter_by(user_id=g.user.id, read=False).values(read=True))


def requested_slot():
    """The slot of a search, from the query string, as a shift that is never saved."""
    location = util.get_or_404(Location, query("location_id", util.as_int, util.REQUIRED))
    allow(g.user.manages(location))
    start, end = util.slot_times(*(query(name, convert, util.REQUIRED) for name, convert in (
        ("date", util.as_date), ("start", util.as_time), ("end", util.as_time))))
    return Shift(plan=WeekPlan(location_id=location.id), skill_id=query("skill_id", util.as_int), starts_at=start,
                 ends_at=end, break_minutes=0)


@bp.get("/search")
def search():
    allow(g.user.role != "employee")
    slot = requested_slot() if request.args.get("location_id") else None
    return render_template("search.html", slot=slot, free=planning.find_free(slot) if slot else [],
                           locations=managed(), skills=db.session.scalars(db.select(Skill).order_by(Skill.name)).all())
