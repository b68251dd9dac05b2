"""Ways to send a message: SMTP relay, HTTP mail API, or .eml files for development."""

from __future__ import annotations

import base64
import re
import smtplib
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, parseaddr

import requests

from .config import Config


class TemporaryFailure(Exception):
    """This message may succeed later."""


class PermanentFailure(Exception):
    """This message will never be accepted."""


class UnknownOutcome(Exception):
    """The line broke after we handed the message over; it may or may not have been sent."""


class TransportDown(Exception):
    """Nothing can be sent at the moment; no message is to blame."""


@dataclass
class Mail:
    to: str
    subject: str
    html: str
    text: str
    token: str
    headers: dict[str, str] = field(default_factory=dict)
    attachments: list[tuple[str, str, bytes]] = field(default_factory=list)  # name, type, content


def build(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = sender, mail.to
    message["Subject"] = " ".join(mail.subject.split())  # a header must stay on one line
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{mail.token}@{parseaddr(sender)[1].rpartition('@')[2] or 'localhost'}>"
    for name, value in mail.headers.items():
        message[name] = value
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    for name, kind, content in mail.attachments:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return message


class Transport:
    idempotent = False  # may the same mail be offered twice without being delivered twice?

    def __init__(self, config: Config):
        self.config = config

    def send(self, mail: Mail) -> None:
        raise NotImplementedError

    def close(self) -> None:
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class FileTransport(Transport):
    idempotent = True

    def send(self, mail: Mail) -> None:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", mail.token) + ".eml"
        (self.config.path("outbox") / name).write_bytes(bytes(build(mail, self.config.mail_from)))


class SmtpTransport(Transport):
    _smtp: smtplib.SMTP | None = None

    def _connection(self) -> smtplib.SMTP:
        if self._smtp is not None:
            try:
                if self._smtp.noop()[0] == 250:
                    return self._smtp
            except (smtplib.SMTPException, OSError):
                pass
            self.close()
        config = self.config
        try:
            smtp = smtplib.SMTP(config.smtp_host, config.smtp_port, timeout=30)
            try:
                if config.smtp_starttls:
                    smtp.starttls()
                if config.smtp_user:
                    smtp.login(config.smtp_user, config.smtp_password)
            except BaseException:
                smtp.close()
                raise
        except (smtplib.SMTPException, OSError) as error:
            raise TransportDown(f"SMTP relay: {error}") from error
        self._smtp = smtp
        return smtp

    def send(self, mail: Mail) -> None:
        message = build(mail, self.config.mail_from)
        smtp = self._connection()
        try:
            smtp.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = next(iter(error.recipients.values()))
            raise (TemporaryFailure if code < 500 else PermanentFailure)(f"{code} {reason!r}") from error
        except smtplib.SMTPSenderRefused as error:
            raise TransportDown(str(error)) from error
        except smtplib.SMTPResponseException as error:
            kind = TemporaryFailure if error.smtp_code < 500 else PermanentFailure
            raise kind(f"{error.smtp_code} {error.smtp_error!r}") from error
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise UnknownOutcome(str(error)) from error

    def close(self) -> None:
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (smtplib.SMTPException, OSError):
                pass
            self._smtp = None


class HttpTransport(Transport):
    idempotent = True  # by the Idempotency-Key header

    def __init__(self, config: Config):
        super().__init__(config)
        if not config.mail_api_url:
            raise TransportDown("MAILMILL_MAIL_API_URL is not set")
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {config.mail_api_token}"

    def send(self, mail: Mail) -> None:
        body = {"from": self.config.mail_from, "to": [mail.to], "subject": " ".join(mail.subject.split()),
                "html": mail.html, "text": mail.text, "headers": mail.headers,
                "metadata": {"token": mail.token},
                "attachments": [{"name": n, "type": t, "content": base64.b64encode(c).decode()}
                                for n, t, c in mail.attachments]}
        try:
            answer = self._http.post(self.config.mail_api_url, json=body, timeout=(5, 30),
                                     headers={"Idempotency-Key": mail.token}, allow_redirects=False)
        except requests.ReadTimeout as error:
            raise UnknownOutcome(str(error)) from error
        except requests.RequestException as error:
            raise TransportDown(f"mail API: {error}") from error
        if answer.status_code in (401, 403):
            raise TransportDown(f"mail API refuses our token: {answer.status_code}")
        if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
            raise TemporaryFailure(f"mail API: {answer.status_code}")
        if not answer.ok or answer.is_redirect:
            raise PermanentFailure(f"mail API: {answer.status_code} {answer.text[:200]}")

    def close(self) -> None:
        self._http.close()


def make_transport(config: Config) -> Transport:
    kinds = {"file": FileTransport, "smtp": SmtpTransport, "http": HttpTransport}
    if config.transport not in kinds:
        raise ValueError(f"MAILMILL_TRANSPORT must be one of {', '.join(kinds)}")
    return kinds[config.transport](config)
