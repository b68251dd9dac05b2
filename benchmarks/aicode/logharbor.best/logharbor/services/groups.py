from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from ..clock import utcnow
from ..models import ErrorGroup

APART = 20  # applications: each has its groups in order, and a page takes the first of each


def list_groups(db: Session, app_ids: list[int], states: list[str], text: str, sort: str, limit: int,
                offset: int) -> tuple[list[ErrorGroup], int]:
    where = []
    if states:
        where.append(ErrorGroup.state.in_(states))
    if text:
        where.append(ErrorGroup.title.icontains(text, autoescape=True))
    order = {"last_seen": ErrorGroup.last_seen, "first_seen": ErrorGroup.first_seen, "count": ErrorGroup.count,
             "users": ErrorGroup.user_count}[sort]
    everywhere = [ErrorGroup.application_id.in_(app_ids), *where]
    query = select(ErrorGroup).where(*everywhere)
    if 0 < len(app_ids) <= APART:
        parts = [select(ErrorGroup.id).where(ErrorGroup.application_id == one, *where)
                 .order_by(order.desc(), ErrorGroup.id.desc()).limit(limit + offset).subquery() for one in app_ids]
        query = select(ErrorGroup).where(ErrorGroup.id.in_(union_all(*(select(part.c.id) for part in parts))))
    rows = db.scalars(query.order_by(order.desc(), ErrorGroup.id.desc()).limit(limit).offset(offset)).all()
    for group in rows:
        with_users(group)
    return list(rows), db.scalar(select(func.count()).select_from(ErrorGroup).where(*everywhere))


def with_users(group: ErrorGroup) -> ErrorGroup:
    group.affected_users = group.user_count
    return group


def set_state(db: Session, group_id: int, state: str) -> tuple[ErrorGroup, str]:
    """People choose open, ignored or resolved; only a new event makes a resolved group regressed."""
    group = db.scalars(select(ErrorGroup).where(ErrorGroup.id == group_id).with_for_update()
                       .execution_options(populate_existing=True)).one()
    before, group.state = group.state, state
    group.resolved_at = utcnow() if state == "resolved" else None
    return group, before
