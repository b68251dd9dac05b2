"""Admin reports."""
from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import extract, func, select

from ..extensions import db
from ..models import Appointment, Doctor, Invoice, Patient


def count_since(days):
    """Count the appointments of a period by doctor, status, weekday (Sunday is 0) and hour, with the first id of each."""
    now = datetime.now()
    by = (
        Appointment.doctor_id,
        Appointment.status,
        extract("dow", Appointment.start).label("weekday"),
        extract("hour", Appointment.start).label("hour"),
    )
    query = select(*by, func.count().label("visits"), func.min(Appointment.id).label("first")).group_by(*by)
    return db.session.execute(
        query.where(Appointment.start >= now - timedelta(days=days), Appointment.start <= now)
    ).all()


def no_shows(days=90, counts=None):
    visits, missed = Counter(), Counter()
    for row in count_since(days) if counts is None else counts:
        visits[row.doctor_id] += row.visits
        if row.status == "no_show":
            missed[row.doctor_id] += row.visits
    doctors = []
    for doctor in Doctor.query.all():
        mine, count = visits[doctor.id], missed[doctor.id]
        doctors.append({"doctor": doctor.name, "visits": mine, "no_shows": count, "rate": round(count / mine, 3) if mine else 0})
    all_visits, all_missed = visits.total(), missed.total()
    worst = db.session.execute(
        select(Patient.name, func.count().label("missed"))
        .join(Appointment, Appointment.patient_id == Patient.id)
        .where(Appointment.status == "no_show")
        .group_by(Patient.id, Patient.name)
        .order_by(func.count().desc(), Patient.id)
        .limit(10)
    )
    return {
        "visits": all_visits,
        "no_shows": all_missed,
        "rate": round(all_missed / all_visits, 3) if all_visits else 0,
        "doctors": doctors,
        "patients": [{"name": row.name, "count": row.missed} for row in worst],
    }


def revenue_per_doctor(days=90):
    since = datetime.now() - timedelta(days=days)
    # A visit has one invoice; where it was made twice, the first counts.
    same = Invoice.__table__.alias()
    first = select(func.min(same.c.id)).where(same.c.appointment_id == Appointment.id).scalar_subquery()
    sums = {
        doctor_id: sums
        for doctor_id, *sums in db.session.execute(
            select(
                Appointment.doctor_id,
                func.count(),
                func.sum(Invoice.total_cents),
                func.sum(Invoice.paid_cents),
            )
            .join(Invoice, Invoice.appointment_id == Appointment.id)
            .where(Appointment.start >= since, Invoice.id == first)
            .group_by(Appointment.doctor_id)
        )
    }
    rows = []
    for doctor in Doctor.query.all():
        visits, billed, paid = sums.get(doctor.id, (0, 0, 0))
        rows.append(
            {"doctor": doctor.name, "visits": visits, "billed": billed, "paid": paid, "open": billed - paid}
        )
    return sorted(rows, key=lambda r: r["billed"], reverse=True)


def busiest_hours(days=90, counts=None):
    names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    hours, cells, first = Counter(), Counter(), {}
    for row in count_since(days) if counts is None else counts:
        if row.status != "cancelled":
            hours[row.hour] += row.visits
            cells[(row.weekday - 1) % 7, row.hour] += row.visits
            first[row.hour] = min(row.first, first.get(row.hour, row.first))
    grid = []
    for weekday in range(7):
        grid.append({"day": names[weekday], "hours": [cells[(weekday, hour)] for hour in range(7, 20)]})
    # Of hours with the same count, the one that was booked first comes first.
    return {"hours": sorted(hours.items(), key=lambda item: (-item[1], first[item[0]])), "grid": grid}
