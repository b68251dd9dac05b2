"""Reminders through the HTTP gateway."""
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import requests
from flask import current_app
from sqlalchemy import insert, update
from sqlalchemy.orm import joinedload

from ..extensions import db
from ..models import Appointment, MessageLog

logger = logging.getLogger(__name__)
AT_ONCE = 8  # requests under way at the gateway
BATCH = 50  # messages logged, and appointments marked, in one transaction


def message_to(patient, subject, text):
    """Return the channel and the payload of a message."""
    use_sms = bool(patient.phone) and (patient.prefers_sms or not patient.email)
    payload = {"to": patient.phone if use_sms else patient.email, "text": text}
    if not use_sms:
        payload["subject"] = subject
    return "sms" if use_sms else "email", payload


def post(gateway, key, channel, payload):
    """Send one message; return the error, or nothing."""
    try:
        response = requests.post(
            f"{gateway}/{channel}", json=payload, headers={"Authorization": f"Bearer {key}"}, timeout=10
        )
        response.raise_for_status()
    except requests.RequestException as exc:
        return exc
    return None


def log_of(patient_id, channel, payload, error):
    """Return the columns of the log entry of a message."""
    if error is not None:
        logger.warning("Could not send a message to patient %s: %s", patient_id, error)
    return {
        "patient_id": patient_id, "channel": channel, "text": payload["text"],
        "ok": error is None, "error": "" if error is None else str(error)[:300],
    }


def send_message(patient, subject, text):
    """Send an e-mail or SMS and log it."""
    patient_id, (channel, payload) = patient.id, message_to(patient, subject, text)
    db.session.commit()  # nothing is read or written while the gateway answers
    error = post(current_app.config["GATEWAY_URL"], current_app.config["GATEWAY_KEY"], channel, payload)
    db.session.execute(insert(MessageLog), [log_of(patient_id, channel, payload, error)])
    db.session.commit()
    return error is None


def due_messages(hours):
    """Return the appointment, the patient, the channel and the payload of each reminder that is due."""
    now = datetime.now()
    due = Appointment.query.filter(
        Appointment.status == "booked",
        Appointment.reminder_sent.is_(False),
        Appointment.start > now,
        Appointment.start <= now + timedelta(hours=hours),
    ).options(joinedload(Appointment.patient, innerjoin=True), joinedload(Appointment.doctor, innerjoin=True))
    clinic, messages = current_app.config["CLINIC_NAME"], []
    for appointment in due.order_by(Appointment.id):
        patient = appointment.patient
        text = (
            f"Dear {patient.name}, we expect you on {appointment.start:%d.%m.%Y at %H:%M} "
            f"for your visit with {appointment.doctor.name}. {clinic}"
        )
        messages.append((appointment.id, patient.id, *message_to(patient, "Your appointment", text)))
    return messages


def send_reminders(hours=24):
    """Remind the patients of all appointments in the next hours."""
    messages = due_messages(hours)
    if not messages:
        return 0
    db.session.commit()  # nothing is read or written while the gateway answers
    gateway, key, sent = current_app.config["GATEWAY_URL"], current_app.config["GATEWAY_KEY"], 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(messages), BATCH):
            batch = messages[start:start + BATCH]
            sent += send_batch(pool, gateway, key, batch)
    return sent


def send_batch(pool, gateway, key, messages):
    """Send messages, log them and mark the appointments; return how many the gateway took."""
    answers = [pool.submit(post, gateway, key, channel, payload) for _, _, channel, payload in messages]
    logs, reminded = [], []
    for answer, (appointment_id, patient_id, channel, payload) in zip(answers, messages, strict=True):
        if answer.exception() is None:
            logs.append(log_of(patient_id, channel, payload, answer.result()))
            if answer.result() is None:
                reminded.append(appointment_id)
    if logs:
        db.session.execute(insert(MessageLog), logs)
    done = update(Appointment).where(Appointment.id.in_(reminded)).values(reminder_sent=True)
    db.session.execute(done, execution_options={"synchronize_session": False})
    db.session.commit()
    for answer in answers:
        answer.result()  # what went wrong otherwise is raised, after what was sent has been marked
    return len(reminded)
