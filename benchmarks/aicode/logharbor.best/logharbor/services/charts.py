import math
from datetime import datetime, timedelta, timezone

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from ..models import ErrorGroup, LogEvent
from ..schemas import ChartConfig
from .search import conditions, field_number

MAX_POINTS = 1500


def events_per_minute(db: Session, app_ids, config: ChartConfig, start, end) -> dict:
    first, last = int(start.timestamp() // 60), math.ceil(end.timestamp() / 60)
    step = max(1, math.ceil((last - first) / MAX_POINTS))
    first -= first % step
    bucket = LogEvent.minute - LogEvent.minute % literal_column(str(step))
    rows = db.execute(
        select(bucket, LogEvent.level, func.count())
        .where(LogEvent.minute >= first, LogEvent.minute < last, *conditions(db, app_ids, config.filter))
        .group_by(bucket, LogEvent.level)).all()
    minutes = list(range(first, last, step))
    series: dict[str, list[int]] = {}
    for minute, level, count in rows:
        if level not in series:
            series[level] = [0] * len(minutes)
        series[level][(minute - first) // step] = count
    return {"step_minutes": step, "series": series,
            "times": [datetime.fromtimestamp(m * 60, timezone.utc).isoformat() for m in minutes]}


def top_services(db: Session, app_ids, config: ChartConfig, start, end) -> dict:
    count = func.count()
    rows = db.execute(select(LogEvent.service, count).where(*conditions(db, app_ids, config.filter, start, end))
                      .group_by(LogEvent.service).order_by(count.desc(), LogEvent.service).limit(config.limit)).all()
    return {"rows": [{"service": service, "count": n} for service, n in rows]}


def top_error_groups(db: Session, app_ids, config: ChartConfig, start, end) -> dict:
    counts = (select(LogEvent.group_id, func.count().label("n"), func.count(LogEvent.user_key.distinct()).label("users"))
              .where(LogEvent.group_id.is_not(None), *conditions(db, app_ids, config.filter, start, end))
              .group_by(LogEvent.group_id).subquery())
    rows = db.execute(select(ErrorGroup, counts.c.n, counts.c.users).join(counts, counts.c.group_id == ErrorGroup.id)
                      .order_by(counts.c.n.desc(), ErrorGroup.id).limit(config.limit)).all()
    return {"rows": [{"group_id": g.id, "title": g.title, "state": g.state, "count": n, "affected_users": users}
                     for g, n, users in rows]}


def percentiles(db: Session, app_ids, config: ChartConfig, start, end) -> dict:
    """Nearest rank: exact, and the same on both databases."""
    value = field_number(db, config.field)
    values = (select(value.label("v"))
              .where(value.is_not(None), *conditions(db, app_ids, config.filter, start, end)).subquery())
    n, low, high, mean = db.execute(
        select(func.count(), func.min(values.c.v), func.max(values.c.v), func.avg(values.c.v)).select_from(values)).one()
    places = {f"p{p:g}": max(1, math.ceil(p / 100 * n)) for p in config.percentiles} if n else {}
    ranked = select(values.c.v, func.row_number().over(order_by=values.c.v).label("place")).subquery()
    found = dict(db.execute(select(ranked.c.place, ranked.c.v).where(ranked.c.place.in_(set(places.values()))))
                 .all()) if places else {}
    result = {name: found[place] for name, place in places.items()}
    return {"field": config.field, "count": n, "min": low, "max": high, "mean": mean, "percentiles": result}


KINDS = {"events_per_minute": events_per_minute, "top_services": top_services,
         "top_error_groups": top_error_groups, "percentiles": percentiles}


def chart_data(db: Session, kind: str, config: ChartConfig, app_ids: list[int], end: datetime,
               start: datetime | None = None) -> dict:
    start = start or end - timedelta(minutes=config.range_minutes)
    return {"from": start.isoformat(), "to": end.isoformat(), **KINDS[kind](db, app_ids, config, start, end)}
