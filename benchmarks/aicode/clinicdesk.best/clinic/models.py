"""Database models."""
from datetime import datetime, timedelta

from flask_login import UserMixin
from sqlalchemy import func, select
from sqlalchemy.orm import column_property
from werkzeug.security import check_password_hash, generate_password_hash

from .extensions import db, login_manager


class User(UserMixin, db.Model):
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(80), unique=True, nullable=False)
    password_hash = db.Column(db.String(200), nullable=False)
    role = db.Column(db.String(20), default="reception")
    doctor_id = db.Column(db.Integer, db.ForeignKey("doctor.id"))

    def set_password(self, password):
        self.password_hash = generate_password_hash(password)

    def check_password(self, password):
        return check_password_hash(self.password_hash, password)


@login_manager.user_loader
def load_user(user_id):
    return db.session.get(User, int(user_id))


class Doctor(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(120), nullable=False)
    specialty = db.Column(db.String(80), default="General")
    fee_cents = db.Column(db.Integer, default=8000)
    slot_minutes = db.Column(db.Integer, default=30)

    working_hours = db.relationship("WorkingHours", backref="doctor", cascade="all, delete-orphan")
    appointments = db.relationship("Appointment", backref="doctor", lazy="select")


class WorkingHours(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    doctor_id = db.Column(db.Integer, db.ForeignKey("doctor.id"), nullable=False, index=True)
    weekday = db.Column(db.Integer, nullable=False)
    start = db.Column(db.Time, nullable=False)
    end = db.Column(db.Time, nullable=False)


class Patient(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(120), nullable=False, index=True)
    birth_date = db.Column(db.Date)
    email = db.Column(db.String(200), default="")
    phone = db.Column(db.String(50), default="")
    allergies = db.Column(db.Text, default="")
    prefers_sms = db.Column(db.Boolean, default=False)
    created_at = db.Column(db.DateTime, default=datetime.utcnow)

    appointments = db.relationship("Appointment", backref="patient", order_by="(Appointment.start.desc(), Appointment.id)")
    prescriptions = db.relationship("Prescription", backref="patient")
    invoices = db.relationship("Invoice", backref="patient")

    @property
    def active_drugs(self):
        today = datetime.utcnow().date()
        return db.session.scalars(
            select(Drug)
            .join(Prescription, Prescription.drug_id == Drug.id)
            .where(Prescription.patient_id == self.id)
            .where(Prescription.end_date.is_(None) | (Prescription.end_date >= today))
            .order_by(Prescription.id)
        ).all()


class Appointment(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    doctor_id = db.Column(db.Integer, db.ForeignKey("doctor.id"), nullable=False)
    patient_id = db.Column(db.Integer, db.ForeignKey("patient.id"), nullable=False)
    start = db.Column(db.DateTime, nullable=False)
    minutes = db.Column(db.Integer, default=30)
    reason = db.Column(db.String(200), default="")
    status = db.Column(db.String(20), default="booked")
    reminder_sent = db.Column(db.Boolean, default=False)

    __table_args__ = (
        db.Index("appointment_doctor", "doctor_id", "start"),
        db.Index("appointment_patient", "patient_id", start.desc()),
        db.Index("appointment_start", "start"),
        db.Index("appointment_status", "status", "start"),
    )

    notes = db.relationship("VisitNote", backref="appointment", cascade="all, delete-orphan")
    invoice = db.relationship("Invoice", backref="appointment", uselist=False)

    @property
    def end(self):
        return self.start + timedelta(minutes=self.minutes)


class VisitNote(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    appointment_id = db.Column(db.Integer, db.ForeignKey("appointment.id"), nullable=False, index=True)
    author = db.Column(db.String(80))
    text = db.Column(db.Text, nullable=False)
    created_at = db.Column(db.DateTime, default=datetime.utcnow)


class Drug(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(120), unique=True, nullable=False)
    drug_class = db.Column(db.String(80), default="")


class Interaction(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    drug_a_id = db.Column(db.Integer, db.ForeignKey("drug.id"), nullable=False, index=True)
    drug_b_id = db.Column(db.Integer, db.ForeignKey("drug.id"), nullable=False, index=True)
    severity = db.Column(db.String(20), default="moderate")
    description = db.Column(db.String(300), default="")


class Prescription(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    patient_id = db.Column(db.Integer, db.ForeignKey("patient.id"), nullable=False, index=True)
    doctor_id = db.Column(db.Integer, db.ForeignKey("doctor.id"), nullable=False)
    drug_id = db.Column(db.Integer, db.ForeignKey("drug.id"), nullable=False)
    dosage = db.Column(db.String(120), default="")
    start_date = db.Column(db.Date, nullable=False)
    end_date = db.Column(db.Date)

    drug = db.relationship("Drug")
    doctor = db.relationship("Doctor")


class Invoice(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    patient_id = db.Column(db.Integer, db.ForeignKey("patient.id"), nullable=False, index=True)
    appointment_id = db.Column(db.Integer, db.ForeignKey("appointment.id"), index=True)
    created_at = db.Column(db.DateTime, default=datetime.utcnow, index=True)

    items = db.relationship("InvoiceItem", backref="invoice", cascade="all, delete-orphan")
    payments = db.relationship("Payment", backref="invoice", cascade="all, delete-orphan")

    @property
    def open_cents(self):
        return self.total_cents - self.paid_cents

    @property
    def status(self):
        if self.open_cents <= 0:
            return "paid"
        return "partial" if self.paid_cents else "open"


class InvoiceItem(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    invoice_id = db.Column(db.Integer, db.ForeignKey("invoice.id"), nullable=False, index=True)
    description = db.Column(db.String(200), nullable=False)
    amount_cents = db.Column(db.Integer, nullable=False)
    quantity = db.Column(db.Integer, default=1)


class Payment(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    invoice_id = db.Column(db.Integer, db.ForeignKey("invoice.id"), nullable=False, index=True)
    amount_cents = db.Column(db.Integer, nullable=False)
    method = db.Column(db.String(20), default="cash")
    paid_at = db.Column(db.DateTime, default=datetime.utcnow)


class MessageLog(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    patient_id = db.Column(db.Integer, db.ForeignKey("patient.id"))
    channel = db.Column(db.String(10))
    text = db.Column(db.Text)
    ok = db.Column(db.Boolean, default=False)
    error = db.Column(db.String(300), default="")
    created_at = db.Column(db.DateTime, default=datetime.utcnow)


# Sums and counts that the database makes when they are asked for; undefer them where many rows show them.


def computed(query, *tables, group):
    return column_property(query.correlate_except(*tables).scalar_subquery(), deferred=True, group=group)


def total_of(amount):
    return select(func.coalesce(func.sum(amount), 0))


ITEM, PAYMENT = InvoiceItem.amount_cents * InvoiceItem.quantity, Payment.amount_cents
Invoice.total_cents = computed(total_of(ITEM).where(InvoiceItem.invoice_id == Invoice.id), InvoiceItem, group="sums")
Invoice.paid_cents = computed(total_of(PAYMENT).where(Payment.invoice_id == Invoice.id), Payment, group="sums")
Appointment.note_count = computed(
    select(func.count(VisitNote.id)).where(VisitNote.appointment_id == Appointment.id), VisitNote, group="notes"
)
Patient.billed_cents = computed(
    total_of(ITEM).select_from(InvoiceItem).join(Invoice, Invoice.id == InvoiceItem.invoice_id).where(Invoice.patient_id == Patient.id),
    InvoiceItem, Invoice, group="balance",
)
Patient.paid_cents = computed(
    total_of(PAYMENT).select_from(Payment).join(Invoice, Invoice.id == Payment.invoice_id).where(Invoice.patient_id == Patient.id),
    Payment, Invoice, group="balance",
)
Patient.balance_cents = property(lambda self: self.billed_cents - self.paid_cents)
VISITS = select(func.count(Appointment.id)).where(Appointment.patient_id == Patient.id)
Patient.visit_count = computed(VISITS, Appointment, group="visits")
Patient.no_show_count = computed(VISITS.where(Appointment.status == "no_show"), Appointment, group="visits")
Patient.last_doctor = computed(
    select(Doctor.name)
    .join(Appointment, Appointment.doctor_id == Doctor.id)
    .where(Appointment.patient_id == Patient.id)
    .order_by(Appointment.start.desc(), Appointment.id)
    .limit(1),
    Doctor, Appointment, group="visits",
)
