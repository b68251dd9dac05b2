"""The weekly report: an HTML page and a CSV file, mailed to MAILMILL_REPORT_TO."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

from jinja2 import Environment, PackageLoader
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from ..config import addresses
from ..db import utcnow
from ..models import Article, Campaign, Event, Message, Segment, Stat, Subscriber
from ..registry import JobContext, PermanentError, job
from ..transports import Mail, make_transport
from . import statistics

FIELDS = ("sent", "failed", "unique_opens", "unique_clicks", "bounces", "unsubscribes")


def cell(value: object) -> object:
    """Spreadsheets run cells that look like formulas; names come from outside."""
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def line(label: str, stat: Stat | None) -> dict:
    values = {name: getattr(stat, name) if stat else 0 for name in FIELDS}
    sent = values["sent"]
    return {"label": label, **values, "open_rate": round(100 * values["unique_opens"] / sent, 1) if sent else None}


def gather(session: Session, monday: date) -> dict:
    start, end = statistics.midnight(monday), statistics.midnight(monday + timedelta(days=7))
    def day_lines(first: date) -> list[dict]:
        days = [(first + timedelta(days=n)).isoformat() for n in range(7)]
        return [line(day, stats.get(("day", day))) for day in days]

    def total(lines: list[dict]) -> dict:
        return {name: sum(entry[name] for entry in lines) for name in FIELDS}

    campaigns = session.execute(
        select(Campaign.id, Campaign.name, Campaign.segment_id).where(Campaign.id.in_(
            select(Message.campaign_id).where(Message.sent_at >= start, Message.sent_at < end)))
        .order_by(Campaign.id)).all()
    segments = session.execute(select(Segment.id, Segment.name)
                               .where(Segment.id.in_({c.segment_id for c in campaigns})).order_by(Segment.name)).all()
    wanted = {"day": [(monday + timedelta(days=n)).isoformat() for n in range(-7, 7)],
              "campaign": [str(c.id) for c in campaigns], "segment": [str(s.id) for s in segments]}
    stats = {(s.scope, s.key): s for s in session.scalars(select(Stat).where(
        or_(*(and_(Stat.scope == scope, Stat.key.in_(keys)) for scope, keys in wanted.items()))))}
    clicks = func.count(Event.id)
    days = day_lines(monday)
    return {
        "monday": monday, "sunday": monday + timedelta(days=6), "days": days, "total": total(days),
        "previous": total(day_lines(monday - timedelta(days=7))),
        "campaigns": [line(c.name, stats.get(("campaign", str(c.id)))) for c in campaigns],
        "segments": [line(s.name, stats.get(("segment", str(s.id)))) for s in segments],
        "articles": session.execute(
            select(Article.title, Article.url, clicks).join(Event, Event.article_id == Article.id)
            .where(Event.type == "click", Event.occurred_at >= start, Event.occurred_at < end)
            .group_by(Article.id, Article.title, Article.url).order_by(clicks.desc(), Article.id).limit(10)).all(),
        "new_subscribers": session.scalar(select(func.count()).select_from(Subscriber).where(
            Subscriber.created_at >= start, Subscriber.created_at < end, Subscriber.status != "duplicate")),
        "active": session.scalar(select(func.count()).select_from(Subscriber).where(Subscriber.status == "active")),
    }


def to_csv(data: dict) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["section", "name", *FIELDS, "open_rate"])
    for section in ("days", "campaigns", "segments"):
        for entry in data[section]:
            writer.writerow([section, cell(entry["label"]), *(entry[f] for f in FIELDS), entry["open_rate"]])
    return out.getvalue()


@job("weekly-report")
def weekly_report(ctx: JobContext, day: str = "", mail: bool = True) -> dict:
    """The week that `day` (YYYY-MM-DD) is in; by default the last complete one."""
    try:
        chosen = date.fromisoformat(day) if day else utcnow().date() - timedelta(days=7)
    except ValueError:
        raise PermanentError(f"not a date: {day!r}") from None
    monday = chosen - timedelta(days=chosen.weekday())
    if "monday" in ctx.progress:  # a retry after midnight must not change the week
        monday = date.fromisoformat(ctx.progress["monday"])
    else:
        ctx.save_progress(monday=monday.isoformat())
    statistics.compute_stats(ctx)
    # the days of both weeks that were not counted just now
    first, last = monday - timedelta(days=7), monday + timedelta(days=6)
    today = utcnow().date()
    counted = today - timedelta(days=ctx.config.stats_days - 1)
    with ctx.db.write() as session:
        statistics.compute_days(session, first, min(last, counted - timedelta(days=1)))
        statistics.compute_days(session, max(first, today), last)
    with ctx.db.read() as session:
        data = gather(session, monday)
    html = Environment(loader=PackageLoader("mailmill"), autoescape=True).get_template("report.html").render(data)
    table = to_csv(data)
    year, week, _ = monday.isocalendar()
    name = f"report-{year}-W{week:02d}"
    folder = ctx.config.path("reports")
    (folder / f"{name}.html").write_text(html, encoding="utf-8")
    (folder / f"{name}.csv").write_text(table, encoding="utf-8", newline="")
    mailed = list(ctx.progress.get("mailed", []))
    receivers = addresses(ctx.config.report_to) if mail else []
    attachments = [(f"{name}.html", "text/html", html.encode()), (f"{name}.csv", "text/csv", table.encode())]
    if receivers:
        with make_transport(ctx.config) as transport:
            for number, to in enumerate(receivers):
                if to in mailed:
                    continue
                ctx.check()
                transport.send(Mail(to, f"Newsletter report {year} week {week}", html,
                                    f"Report for {monday} to {data['sunday']}; see the attached files.\n",
                                    f"{name}-{ctx.job_id}-{number}", attachments=attachments))
                mailed.append(to)
                ctx.save_progress(mailed=mailed)
    return {"html": str(folder / f"{name}.html"), "csv": str(folder / f"{name}.csv"), "mailed": len(mailed)}
