"""Availability search and booking."""
from bisect import bisect_left
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from itertools import accumulate

from sqlalchemy import select, update
from sqlalchemy.orm import selectinload

from ..extensions import db
from ..models import Appointment, Doctor

BLOCKING = ("booked", "arrived", "done")
DAY = timedelta(days=1)  # no appointment is longer: it lies within the working hours of a day


class BookingError(Exception):
    """Raised when an appointment cannot be booked."""


class Busy:
    """The appointments of somebody, in order, to be asked often."""

    def __init__(self, appointments=()):
        appointments = sorted(appointments)
        self.starts = [start for start, _ in appointments]
        # The latest end of all appointments up to each one.
        self.ends = list(accumulate((start + timedelta(minutes=minutes) for start, minutes in appointments), max))

    def is_free(self, start, end):
        before = bisect_left(self.starts, end)
        return not before or self.ends[before - 1] <= start


def blocking(*columns, start, end):
    """Select the appointments that can reach into a time."""
    return select(*columns, Appointment.start, Appointment.minutes).where(
        Appointment.status.in_(BLOCKING),
        Appointment.start > max(start, datetime.min + DAY) - DAY,
        Appointment.start < end,
    )


def is_free(doctor, start, minutes, ignore_id=None):
    end = start + timedelta(minutes=minutes)
    query = blocking(start=start, end=end).where(Appointment.doctor_id == doctor.id)
    if ignore_id is not None:
        query = query.where(Appointment.id != ignore_id)
    return Busy(map(tuple, db.session.execute(query))).is_free(start, end)


def works_at(doctor, start, minutes):
    end = start + timedelta(minutes=minutes)
    for hours in doctor.working_hours:
        if hours.weekday == start.weekday():
            opens = datetime.combine(start.date(), hours.start)
            closes = datetime.combine(start.date(), hours.end)
            if opens <= start and end <= closes:
                return True
    return False


def free_slots(doctor, day, minutes=None, busy=None):
    """Return the start times of all free slots of a doctor on a day."""
    minutes = minutes or doctor.slot_minutes
    slots = []
    now = datetime.now()
    if busy is None:
        busy = busy_times([doctor], day, day)[doctor.id]
    for hours in sorted(doctor.working_hours, key=lambda h: h.start):
        if hours.weekday != day.weekday():
            continue
        start = datetime.combine(day, hours.start)
        closes = datetime.combine(day, hours.end)
        while start + timedelta(minutes=minutes) <= closes:
            if start > now and busy.is_free(start, start + timedelta(minutes=minutes)):
                slots.append(start)
            start += timedelta(minutes=doctor.slot_minutes)
    return slots


def busy_times(doctors, first, last):
    """Return when each of these doctors is busy from the first to the last day."""
    # A slot in the past is not free, so what was before it does not matter.
    start = max(datetime.combine(first, time.min), datetime.now())
    query = blocking(Appointment.doctor_id, start=start, end=datetime.combine(last, time.max))
    appointments = defaultdict(list)
    for doctor_id, *appointment in db.session.execute(query.where(Appointment.doctor_id.in_([d.id for d in doctors]))):
        appointments[doctor_id].append(tuple(appointment))
    return {doctor.id: Busy(appointments[doctor.id]) for doctor in doctors}


def search_availability(specialty=None, doctor_id=None, from_day=None, days=7, minutes=None):
    """Return free slots of all matching doctors, grouped by day."""
    from_day = from_day or date.today()
    query = Doctor.query.options(selectinload(Doctor.working_hours))
    if specialty:
        query = query.filter(Doctor.specialty.ilike(specialty))
    if doctor_id:
        query = query.filter(Doctor.id == doctor_id)
    if days < 1:
        return []
    doctors = query.all()
    busy = busy_times(doctors, from_day, from_day + timedelta(days=days - 1))
    results = []
    for offset in range(days):
        day = from_day + timedelta(days=offset)
        for doctor in doctors:
            slots = free_slots(doctor, day, minutes, busy[doctor.id])
            if slots:
                results.append({"day": day, "doctor": doctor, "slots": slots})
    return results


def lock(doctor):
    """Make others wait who book this doctor, until the end of the transaction."""
    own = update(Doctor).where(Doctor.id == doctor.id).values(slot_minutes=Doctor.slot_minutes)
    db.session.execute(own, execution_options={"synchronize_session": False})


def book(doctor, patient, start, minutes=None, reason=""):
    minutes = minutes or doctor.slot_minutes
    if start < datetime.now():
        raise BookingError("The appointment is in the past")
    if not works_at(doctor, start, minutes):
        raise BookingError(f"{doctor.name} does not work at this time")
    lock(doctor)
    if not is_free(doctor, start, minutes):
        raise BookingError(f"{doctor.name} is not free at this time")
    end = start + timedelta(minutes=minutes)
    others = db.session.execute(blocking(start=start, end=end).where(Appointment.patient_id == patient.id))
    if not Busy(map(tuple, others)).is_free(start, end):
        raise BookingError("The patient already has an appointment at this time")
    appointment = Appointment(doctor=doctor, patient=patient, start=start, minutes=minutes, reason=reason)
    db.session.add(appointment)
    db.session.commit()
    return appointment


def reschedule(appointment, start):
    if not works_at(appointment.doctor, start, appointment.minutes):
        raise BookingError("The doctor does not work at this time")
    lock(appointment.doctor)
    if not is_free(appointment.doctor, start, appointment.minutes, ignore_id=appointment.id):
        raise BookingError("The doctor is not free at this time")
    appointment.start = start
    appointment.reminder_sent = False
    db.session.commit()
