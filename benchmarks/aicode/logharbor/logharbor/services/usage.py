from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..models import Application, Project, Team, UsageDaily


def month_range(month: str) -> tuple[date, date]:
    first = date.fromisoformat(f"{month}-01")
    return first, date(first.year + first.month // 12, first.month % 12 + 1, 1)


def usage_report(db: Session, team_ids: list[int], month: str) -> list[dict]:
    """What each team sent in a month, counted by the day of arrival; restores do not count."""
    first, after = month_range(month)
    rows = db.execute(
        select(Team.id, Team.name, Project.name, Application.name, func.sum(UsageDaily.events),
               func.sum(UsageDaily.bytes), func.sum(UsageDaily.rejected))
        .join(Project, Project.team_id == Team.id).join(Application, Application.project_id == Project.id)
        .join(UsageDaily, UsageDaily.application_id == Application.id)
        .where(Team.id.in_(team_ids), UsageDaily.day >= first, UsageDaily.day < after)
        .group_by(Team.id, Team.name, Project.name, Application.name)
        .order_by(Team.name, Project.name, Application.name)).all()
    names = dict(db.execute(select(Team.id, Team.name).where(Team.id.in_(team_ids)).order_by(Team.name)).all())
    report = {i: {"team_id": i, "team": name, "month": month, "events": 0, "bytes": 0, "rejected": 0,
                  "applications": []} for i, name in names.items()}
    for team_id, _, project, application, *numbers in rows:
        counts = dict(zip(("events", "bytes", "rejected"), map(int, numbers)))
        for key, value in counts.items():
            report[team_id][key] += value
        report[team_id]["applications"].append({"project": project, "application": application, **counts})
    return list(report.values())
