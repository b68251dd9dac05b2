"""The nightly job: python -m talkdesk.jobs.nightly [--day 2024-05-31] [--dry-run]

Summarises closed conversations and mails each organisation's admins a digest of the day
(yesterday in UTC, unless told). It can be run again: what was done is not done twice.
"""

import argparse
import asyncio
import logging
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import or_, select

from ..config import Settings
from ..context import Context, build_context
from ..errors import AppError
from ..models import (
    Conversation, ConversationEmbedding, DigestDelivery, Organisation, Role, Status, User, utcnow,
)
from ..services import insights, stats
from ..services.mail import MailError

log = logging.getLogger(__name__)
MAX_PER_RUN = 500
MAX_LISTED = 100
AT_ONCE = 8  # conversations at the AI service


@dataclass
class Report:
    summarised: int = 0
    mailed: int = 0
    failed: int = 0


async def summarise_closed(ctx: Context, organisation_id: int, report: Report) -> None:
    if not ctx.ai.enabled:
        log.warning("AI is not configured: digests go out without new summaries")
        return
    async with ctx.sessions() as session:
        ids = await session.scalars(
            select(Conversation.id)
            .outerjoin(
                ConversationEmbedding, ConversationEmbedding.conversation_id == Conversation.id
            )
            .where(
                Conversation.organisation_id == organisation_id,
                Conversation.status == Status.CLOSED,
                or_(
                    Conversation.summary_message_id.is_(None),
                    Conversation.summary_message_id != Conversation.last_message_id,
                    ConversationEmbedding.message_id.is_(None),
                    ConversationEmbedding.message_id != Conversation.last_message_id,
                ),
            )
            .order_by(Conversation.closed_at.desc())
            .limit(MAX_PER_RUN)
        )
        ids = ids.all()
    some = asyncio.Semaphore(AT_ONCE)

    async def one(conversation_id: int) -> None:
        transcripts: dict[int, str] = {}
        async with some:
            try:
                _, cached = await insights.summarise(ctx, conversation_id, transcripts)
                report.summarised += not cached
                await insights.embedding(ctx, conversation_id, transcripts)
            except AppError as error:
                report.failed += 1
                log.error("conversation %s: %s", conversation_id, error.detail)

    await asyncio.gather(*map(one, ids))


async def build_digest(ctx: Context, organisation: Organisation, day: date) -> tuple[str, str]:
    start, end = stats.bounds(day, day)
    async with ctx.sessions() as session:
        numbers = (await stats.per_day(session, organisation.id, day, day))[0]
        rows = await session.scalars(
            select(Conversation)
            .where(
                Conversation.organisation_id == organisation.id,
                Conversation.closed_at >= start,
                Conversation.closed_at < end,
            )
            .order_by(Conversation.closed_at)
            .limit(MAX_LISTED)
        )
        closed = rows.all()

    def shown(value: float | None, unit: str = "") -> str:
        return "-" if value is None else f"{value:.1f}{unit}"

    wait = numbers.average_response_seconds
    lines = [
        f"{organisation.name}, {day:%A %d %B %Y} (UTC)",
        "",
        f"Opened: {numbers.opened}   Closed: {numbers.closed}   Still open: {numbers.open_at_end}",
        f"Replies: {numbers.replies}   "
        f"Average response time: {shown(wait / 60 if wait is not None else None, ' min')}",
        f"Satisfaction: {shown(numbers.average_rating)} from {numbers.ratings} ratings",
        "",
        "Closed conversations" if closed else "No conversations were closed.",
    ]
    for c in closed:
        rating = f" (rated {c.rating}/5)" if c.rating else ""
        lines += ["", f"#{c.id} {c.subject}{rating}", c.summary or "No summary available."]
    if numbers.closed > len(closed):
        lines += ["", f"... and {numbers.closed - len(closed)} more."]
    return f"{organisation.name}: support digest for {day}", "\n".join(lines)


async def mail_digest(
    ctx: Context, organisation: Organisation, day: date, report: Report, dry_run: bool
) -> None:
    subject, body = await build_digest(ctx, organisation, day)
    if dry_run:
        print(f"{subject}\n\n{body}\n")
        return
    async with ctx.sessions() as session:
        already = select(DigestDelivery.id).where(
            DigestDelivery.user_id == User.id, DigestDelivery.day == day
        )
        admins = await session.scalars(
            select(User).where(
                User.organisation_id == organisation.id,
                User.role == Role.ADMIN,
                User.is_active,
                ~already.exists(),
            )
        )
        waiting = admins.all()
        await session.commit()  # no transaction is open while mail is sent
        for admin in waiting:
            try:
                await ctx.mailer.send(admin.email, subject, body)
            except MailError as error:
                report.failed += 1
                log.error("digest to user %s: %s", admin.id, error)
                continue
            session.add(DigestDelivery(user_id=admin.id, day=day))
            await session.commit()
            report.mailed += 1


async def run_nightly(ctx: Context, day: date | None = None, dry_run: bool = False) -> Report:
    day = day or utcnow().date() - timedelta(days=1)
    report = Report()
    async with ctx.sessions() as session:
        organisations = (await session.scalars(select(Organisation))).all()
    for organisation in organisations:
        try:
            if not dry_run:
                await summarise_closed(ctx, organisation.id, report)
            await mail_digest(ctx, organisation, day, report, dry_run)
        except Exception:
            report.failed += 1
            log.exception("organisation %s failed; going on with the next", organisation.id)
    return report


async def _main(day: date | None, dry_run: bool) -> int:
    ctx = build_context(Settings.from_env())
    try:
        report = await run_nightly(ctx, day, dry_run)
    finally:
        await ctx.close()
    log.info("%s", report)
    return 1 if report.failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--day", type=date.fromisoformat)
    parser.add_argument("--dry-run", action="store_true", help="print the digests, mail nothing")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    raise SystemExit(asyncio.run(_main(arguments.day, arguments.dry_run)))
