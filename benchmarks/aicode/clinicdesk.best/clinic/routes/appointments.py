"""Calendar, availability search and visits."""
from datetime import date, datetime, time, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from sqlalchemy.orm import joinedload, selectinload, undefer_group

from ..extensions import db
from ..models import Appointment, Doctor, Patient, VisitNote
from ..services import billing, scheduling

bp = Blueprint("appointments", __name__, url_prefix="/appointments")


@bp.route("/")
@login_required
def day():
    selected = date.fromisoformat(request.args.get("day", date.today().isoformat()))
    appointments = (
        Appointment.query.filter(Appointment.start.between(*(datetime.combine(selected, t) for t in (time.min, time.max))))
        .options(
            joinedload(Appointment.doctor, innerjoin=True),
            joinedload(Appointment.patient, innerjoin=True),
            selectinload(Appointment.invoice).options(undefer_group("sums")),
        )
        .order_by(Appointment.start, Appointment.id)
        .all()
    )
    return render_template(
        "day.html",
        day=selected,
        previous=selected - timedelta(days=1),
        next=selected + timedelta(days=1),
        appointments=appointments,
    )


@bp.route("/search")
@login_required
def search():
    from_day = date.fromisoformat(request.args["from"]) if request.args.get("from") else date.today()
    results = scheduling.search_availability(
        specialty=request.args.get("specialty") or None,
        doctor_id=request.args.get("doctor_id", type=int),
        from_day=from_day,
        days=request.args.get("days", 7, type=int),
        minutes=request.args.get("minutes", type=int),
    )
    return render_template(
        "search.html",
        results=results,
        from_day=from_day,
        doctors=Doctor.query.all(),
        patients=Patient.query.with_entities(Patient.id, Patient.name).order_by(Patient.name, Patient.id).all(),
    )


@bp.route("/book", methods=["POST"])
@login_required
def book():
    doctor = db.get_or_404(Doctor, int(request.form["doctor_id"]))
    patient = db.get_or_404(Patient, int(request.form["patient_id"]))
    start = datetime.fromisoformat(request.form["start"])
    try:
        appointment = scheduling.book(doctor, patient, start, reason=request.form.get("reason", ""))
    except scheduling.BookingError as exc:
        flash(str(exc))
        return redirect(url_for("appointments.search", doctor_id=doctor.id))
    return redirect(url_for("appointments.show", appointment_id=appointment.id))


@bp.route("/<int:appointment_id>")
@login_required
def show(appointment_id):
    return render_template("appointment.html", appointment=db.get_or_404(Appointment, appointment_id))


@bp.route("/<int:appointment_id>/status", methods=["POST"])
@login_required
def set_status(appointment_id):
    appointment = db.get_or_404(Appointment, appointment_id)
    status = request.form["status"]
    if status not in ("booked", "arrived", "done", "no_show", "cancelled"):
        flash("Unknown status")
    else:
        appointment.status = status
        db.session.commit()
        if status == "done":
            billing.create_invoice(appointment)
    return redirect(url_for("appointments.show", appointment_id=appointment.id))


@bp.route("/<int:appointment_id>/reschedule", methods=["POST"])
@login_required
def reschedule(appointment_id):
    appointment = db.get_or_404(Appointment, appointment_id)
    try:
        scheduling.reschedule(appointment, datetime.fromisoformat(request.form["start"]))
    except scheduling.BookingError as exc:
        flash(str(exc))
    return redirect(url_for("appointments.show", appointment_id=appointment.id))


@bp.route("/<int:appointment_id>/notes", methods=["POST"])
@login_required
def add_note(appointment_id):
    appointment = db.get_or_404(Appointment, appointment_id)
    if request.form.get("text", "").strip():
        db.session.add(
            VisitNote(appointment=appointment, author=current_user.username, text=request.form["text"].strip())
        )
        db.session.commit()
    return redirect(url_for("appointments.show", appointment_id=appointment.id))
