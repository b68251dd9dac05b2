from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models import AuditEntry


def record(db: Session, actor: str, action: str, target: str = "", team_id: int | None = None, ip: str = "",
           **detail) -> None:
    """Added to the caller's transaction: the change and its trace are stored together or not at all."""
    db.add(AuditEntry(actor=actor[:254], action=action, target=target[:200], team_id=team_id, ip=ip, detail=detail))


def entries(db: Session, team_id: int | None, action: str | None, actor: str | None, before_id: int | None,
            limit: int) -> list[AuditEntry]:
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if team_id is not None:
        query = query.where(AuditEntry.team_id == team_id)
    if action:
        query = query.where(AuditEntry.action == action)
    if actor:
        query = query.where(AuditEntry.actor == actor)
    if before_id:
        query = query.where(AuditEntry.id < before_id)
    return list(db.scalars(query))
