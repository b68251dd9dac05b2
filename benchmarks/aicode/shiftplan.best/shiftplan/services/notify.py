"""In-app notifications, each also sent as a mail once it has been committed."""
import smtplib
from email.message import EmailMessage

from flask import current_app

from .. import util
from ..models import Notification, User, db

BATCH = 50  # mails marked as sent at a time


def notify(user, text, link="", batch=None):
    """Given a list as `batch`, the notification waits there for notify_all()."""
    if user is None or not user.active:
        return
    if batch is not None:
        batch.append({"user_id": user.id, "text": text, "link": link, "created_at": util.now()})
        return
    note = Notification(user=user, text=text, link=link, created_at=util.now())
    db.session.add(note)
    db.session.info.setdefault("new_notes", []).append(note)


def notify_all(batch):
    """Write the notifications of a batch with one INSERT."""
    if batch:
        written = db.session.scalars(db.insert(Notification).returning(Notification.id), batch)
        db.session.info.setdefault("new_ids", []).extend(written)


def commit():
    db.session.flush()
    fresh = [note.id for note in db.session.info.pop("new_notes", [])] + db.session.info.pop("new_ids", [])
    db.session.commit()
    if fresh:
        deliver(fresh)


def deliver(ids=None):
    """Send pending mails (only those given, or all); what fails stays pending for `flask send-mail`."""
    config = current_app.config
    if not config["MAIL_SERVER"]:
        return 0
    wanted = db.select(Notification.id, Notification.text, Notification.link, User.email).join(
        Notification.user).where(Notification.mail_state == "pending").order_by(Notification.id)
    notes = db.session.execute(wanted if ids is None else wanted.where(Notification.id.in_(ids))).all()
    db.session.commit()  # no transaction waits for the mail server
    sent, marked = [], 0
    try:
        with smtplib.SMTP(config["MAIL_SERVER"], config["MAIL_PORT"], timeout=10) as smtp:
            if config["MAIL_PORT"] == 587:
                smtp.starttls()
            if config["MAIL_USERNAME"]:
                smtp.login(config["MAIL_USERNAME"], config["MAIL_PASSWORD"])
            for note in notes:
                mail = EmailMessage()
                mail["From"], mail["To"] = config["MAIL_FROM"], note.email
                mail["Subject"] = "Shiftplan: " + note.text[:80]
                mail.set_content(f"{note.text}\n\n{config['BASE_URL']}{note.link}\n")
                smtp.send_message(mail)
                sent.append(note.id)
                if len(sent) - marked == BATCH:
                    marked = mark(sent, marked)
    except (OSError, smtplib.SMTPException):
        current_app.logger.exception("mail could not be sent")
    finally:
        mark(sent, marked)
    return len(sent)


def mark(sent, marked):
    if marked < len(sent):
        db.session.execute(db.update(Notification).where(Notification.id.in_(sent[marked:])).values(mail_state="sent"),
                           execution_options={"synchronize_session": False})
        db.session.commit()
    return len(sent)
