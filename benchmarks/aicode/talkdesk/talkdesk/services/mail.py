import asyncio
import smtplib
from email.message import EmailMessage

from ..config import Settings


class MailError(Exception):
    pass


class Mailer:
    def __init__(self, settings: Settings):
        self.settings = settings

    async def send(self, to: str, subject: str, body: str) -> None:
        if not self.settings.smtp_host:
            raise MailError("TALKDESK_SMTP_HOST is not set")
        message = EmailMessage()
        message["From"] = self.settings.mail_from
        message["To"] = to
        message["Subject"] = " ".join(subject.split())
        message.set_content(body)
        try:
            await asyncio.to_thread(self._send, message)
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(str(error)) from error

    def _send(self, message: EmailMessage) -> None:
        s = self.settings
        with smtplib.SMTP(s.smtp_host, s.smtp_port, timeout=30) as smtp:
            if s.smtp_starttls:
                smtp.starttls()
            if s.smtp_user:
                smtp.login(s.smtp_user, s.smtp_password)
            smtp.send_message(message)
