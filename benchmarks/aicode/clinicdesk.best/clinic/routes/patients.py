"""Patients and their prescriptions."""
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import login_required
from sqlalchemy import or_
from sqlalchemy.orm import joinedload, selectinload, undefer_group

from ..extensions import db
from ..models import Appointment, Doctor, Drug, Patient, Prescription
from ..services import prescriptions

bp = Blueprint("patients", __name__, url_prefix="/patients")


def fill(patient, form):
    patient.name = form["name"].strip()
    patient.birth_date = date.fromisoformat(form["birth_date"]) if form.get("birth_date") else None
    patient.email = form.get("email", "")
    patient.phone = form.get("phone", "")
    patient.allergies = form.get("allergies", "")
    patient.prefers_sms = "prefers_sms" in form


def may_hold(column, q):
    """Test in the database what may hold q in lower case; it folds ASCII only, so other letters stand for any.

    The letters İ and K are those that Python folds to ASCII.
    """
    pattern = "".join("_" if not c.isascii() else f"/{c}" if c in "/%_" else c for c in q)
    return or_(column.ilike(f"%{pattern}%", escape="/"), *(column.contains(letter) for letter in "\u0130\u212a"))


@bp.route("/")
@login_required
def index():
    q = request.args.get("q", "").strip().lower()
    query = Patient.query.options(undefer_group("visits"), undefer_group("balance"))
    if q:
        query = query.filter(or_(*(may_hold(column, q) for column in (Patient.name, Patient.email, Patient.phone))))
    patients = query.order_by(Patient.name, Patient.id).all()
    if q:
        patients = [p for p in patients if q in p.name.lower() or q in p.email.lower() or q in p.phone]
    return render_template("patients.html", patients=patients, q=q)


@bp.route("/new", methods=["GET", "POST"])
@login_required
def new():
    if request.method == "POST":
        patient = Patient()
        fill(patient, request.form)
        db.session.add(patient)
        db.session.commit()
        return redirect(url_for("patients.show", patient_id=patient.id))
    return render_template("patient_form.html", patient=None)


@bp.route("/<int:patient_id>")
@login_required
def show(patient_id):
    appointments, prescribed = selectinload(Patient.appointments), selectinload(Patient.prescriptions)
    shown = [
        undefer_group("balance"),
        appointments.options(joinedload(Appointment.doctor, innerjoin=True), undefer_group("notes")),
        prescribed.options(joinedload(Prescription.drug, innerjoin=True), joinedload(Prescription.doctor, innerjoin=True)),
    ]
    patient = db.get_or_404(Patient, patient_id, options=shown)
    return render_template(
        "patient.html",
        patient=patient,
        drugs=Drug.query.with_entities(Drug.id, Drug.name).order_by(Drug.name).all(),
        doctors=Doctor.query.with_entities(Doctor.id, Doctor.name).order_by(Doctor.name).all(),
        interactions=prescriptions.interaction_report(patient),
    )


@bp.route("/<int:patient_id>/edit", methods=["GET", "POST"])
@login_required
def edit(patient_id):
    patient = db.get_or_404(Patient, patient_id)
    if request.method == "POST":
        fill(patient, request.form)
        db.session.commit()
        return redirect(url_for("patients.show", patient_id=patient.id))
    return render_template("patient_form.html", patient=patient)


@bp.route("/<int:patient_id>/prescriptions", methods=["POST"])
@login_required
def prescribe(patient_id):
    patient = db.get_or_404(Patient, patient_id)
    doctor = db.get_or_404(Doctor, int(request.form["doctor_id"]))
    drug = db.get_or_404(Drug, int(request.form["drug_id"]))
    days = int(request.form["days"]) if request.form.get("days") else None
    try:
        _, warnings = prescriptions.prescribe(
            patient, doctor, drug, request.form.get("dosage", ""), days, "override" in request.form
        )
        for warning in warnings:
            flash(f"{warning['severity']}: {warning['text']}")
    except prescriptions.InteractionError as exc:
        flash(f"Not prescribed - {exc}")
    return redirect(url_for("patients.show", patient_id=patient.id))
