from fastapi import APIRouter, HTTPException
from sqlalchemy import select

from ..deps import Ctx
from ..models import Archive
from ..schemas import ArchiveOut
from ..services.retention import RestoreError, restore_archive
from ..settings import get_settings

router = APIRouter(tags=["retention"])


@router.get("/applications/{app_id}/archives", response_model=list[ArchiveOut])
def list_archives(app_id: int, ctx: Ctx):
    ctx.application(app_id)
    return ctx.db.scalars(select(Archive).where(Archive.application_id == app_id)
                          .order_by(Archive.first_ts.desc())).all()


@router.post("/archives/{archive_id}/restore")
def restore(archive_id: int, ctx: Ctx):
    archive = ctx.db.get(Archive, archive_id)
    if archive is None:
        raise HTTPException(404, "no such archive")
    app = ctx.application(archive.application_id, "admin", "archive")
    settings = get_settings()
    try:
        count = restore_archive(ctx.db, archive, settings)
    except RestoreError as exc:
        raise HTTPException(409, str(exc)) from exc
    ctx.audit("archive.restore", f"archive:{archive_id}", app.project.team_id, events=count)
    ctx.db.commit()
    return {"restored": count, "kept_days": settings.restore_keep_days}
