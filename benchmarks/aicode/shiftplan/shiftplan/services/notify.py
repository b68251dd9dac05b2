"""In-app notifications, each also sent as a mail once it has been committed."""
import smtplib
from email.message import EmailMessage

from flask import current_app

from .. import util
from ..models import Notification, db


def notify(user, text, link=""):
    if user is not None and user.active:
        note = Notification(user=user, text=text, link=link, created_at=util.now())
        db.session.add(note)
        db.session.info.setdefault("new_notes", []).append(note)


def commit():
    db.session.commit()
    fresh = [note.id for note in db.session.info.pop("new_notes", [])]
    if fresh:
        deliver(fresh)


def deliver(ids=None):
    """Send pending mails (only those given, or all); what fails stays pending for `flask send-mail`."""
    config = current_app.config
    if not config["MAIL_SERVER"]:
        return 0
    wanted = db.select(Notification).filter_by(mail_state="pending").order_by(Notification.id)
    notes = db.session.scalars(wanted if ids is None else wanted.where(Notification.id.in_(ids))).all()
    sent = 0
    try:
        with smtplib.SMTP(config["MAIL_SERVER"], config["MAIL_PORT"], timeout=10) as smtp:
            if config["MAIL_PORT"] == 587:
                smtp.starttls()
            if config["MAIL_USERNAME"]:
                smtp.login(config["MAIL_USERNAME"], config["MAIL_PASSWORD"])
            for note in notes:
                mail = EmailMessage()
                mail["From"], mail["To"] = config["MAIL_FROM"], note.user.email
                mail["Subject"] = "Shiftplan: " + note.text[:80]
                mail.set_content(f"{note.text}\n\n{config['BASE_URL']}{note.link}\n")
                smtp.send_message(mail)
                note.mail_state = "sent"
                db.session.commit()
                sent += 1
    except (OSError, smtplib.SMTPException):
        current_app.logger.exception("mail could not be sent")
    return sent
