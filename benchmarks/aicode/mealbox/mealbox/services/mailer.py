import asyncio
import smtplib
from datetime import date
from email.message import EmailMessage

from ..config import Settings
from ..models import PlanEntry


class Mailer:
    def __init__(self, settings: Settings):
        self.settings = settings

    def _send(self, messages: list[EmailMessage]) -> None:
        with smtplib.SMTP(self.settings.smtp_host, int(self.settings.smtp_port), timeout=20) as smtp:
            if self.settings.smtp_user:
                smtp.starttls()
                smtp.login(self.settings.smtp_user, self.settings.smtp_password)
            for message in messages:
                smtp.send_message(message)

    async def send(self, messages: list[EmailMessage]) -> None:
        await asyncio.to_thread(self._send, messages)


def weekly_plan_mail(household: str, week: date, entries: list[PlanEntry], to: str, sender: str) -> EmailMessage:
    lines = [f"The meal plan of {household} for the week of {week:%d %B %Y}", ""]
    day = None
    for entry in entries:
        if entry.day != day:
            day = entry.day
            lines += ["", f"{day:%A}"]
        lines.append(f"  {entry.meal}: {entry.recipe.title} ({entry.servings:g} servings)")
    if not entries:
        lines.append("Nothing is planned yet.")
    message = EmailMessage()
    message["Subject"] = f"Your meal plan, week of {week:%d %B}"
    message["From"], message["To"] = sender, to
    message.set_content("\n".join(lines))
    return message
