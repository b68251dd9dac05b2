from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..clock import utcnow
from ..models import ErrorGroup, ErrorGroupUser

_users = (select(func.count()).where(ErrorGroupUser.group_id == ErrorGroup.id).correlate(ErrorGroup)
          .scalar_subquery())


def list_groups(db: Session, app_ids: list[int], states: list[str], text: str, sort: str, limit: int,
                offset: int) -> tuple[list[ErrorGroup], int]:
    where = [ErrorGroup.application_id.in_(app_ids)]
    if states:
        where.append(ErrorGroup.state.in_(states))
    if text:
        where.append(ErrorGroup.title.icontains(text, autoescape=True))
    order = {"last_seen": ErrorGroup.last_seen, "first_seen": ErrorGroup.first_seen, "count": ErrorGroup.count,
             "users": _users}[sort]
    rows = db.execute(select(ErrorGroup, _users).where(*where)
                      .order_by(order.desc(), ErrorGroup.id.desc()).limit(limit).offset(offset)).all()
    for group, users in rows:
        group.affected_users = users
    return [row[0] for row in rows], db.scalar(select(func.count()).select_from(ErrorGroup).where(*where))


def with_users(db: Session, group: ErrorGroup) -> ErrorGroup:
    group.affected_users = db.scalar(select(func.count()).where(ErrorGroupUser.group_id == group.id))
    return group


def set_state(db: Session, group_id: int, state: str) -> tuple[ErrorGroup, str]:
    """People choose open, ignored or resolved; only a new event makes a resolved group regressed."""
    group = db.scalars(select(ErrorGroup).where(ErrorGroup.id == group_id).with_for_update()
                       .execution_options(populate_existing=True)).one()
    before, group.state = group.state, state
    group.resolved_at = utcnow() if state == "resolved" else None
    return group, before
