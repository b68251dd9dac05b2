"""Who is calling, and what they may touch."""
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import ValidationError
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from .clock import parse_when, utcnow
from .db import SessionLocal
from .models import ROLES, Application, Project, ProjectMember, Team, TeamMember, User, UserToken
from .schemas import EventFilter
from .security import hash_token
from .services import audit
from .services.ingest import TooLarge, gunzip
from .services.search import parse_field
from .settings import get_settings


def get_db():
    with SessionLocal() as db:
        yield db


DB = Annotated[Session, Depends(get_db)]
_bearer = HTTPBearer(auto_error=False)


def client_ip(request: Request) -> str:
    return request.client.host if request.client else ""


@dataclass
class Context:
    db: Session
    user: User
    token: UserToken
    ip: str

    def audit(self, action: str, target: str = "", team_id: int | None = None, **detail) -> None:
        audit.record(self.db, self.user.email, action, target, team_id, self.ip, **detail)

    def superuser(self) -> None:
        if not self.user.is_superuser:
            raise HTTPException(403, "superusers only")

    def team_rank(self, team_id: int) -> int:
        if self.user.is_superuser:
            return ROLES["owner"]
        member = self.db.get(TeamMember, (team_id, self.user.id))
        return ROLES[member.role] if member else 0

    def project_rank(self, project: Project) -> int:
        member = self.db.get(ProjectMember, (project.id, self.user.id))
        return max(self.team_rank(project.team_id), ROLES[member.role] if member else 0)

    def _check(self, found, rank: int, need: str, what: str):
        if found is None or rank == 0:
            raise HTTPException(404, f"no such {what}")  # the same answer, so ids cannot be probed
        if rank < ROLES[need]:
            raise HTTPException(403, f"this needs the {need} role")
        return found

    def team(self, team_id: int, need: str = "viewer") -> Team:
        return self._check(self.db.get(Team, team_id), self.team_rank(team_id), need, "team")

    def project(self, project_id: int, need: str = "viewer", what: str = "project") -> Project:
        project = self.db.get(Project, project_id)
        return self._check(project, self.project_rank(project) if project else 0, need, what)

    def application(self, app_id: int, need: str = "viewer", what: str = "application") -> Application:
        app = self.db.get(Application, app_id)
        if app is None:
            raise HTTPException(404, f"no such {what}")
        self.project(app.project_id, need, what)
        return app

    def readable(self) -> list:
        """The conditions on a project that the caller can read."""
        if self.user.is_superuser:
            return []
        return [or_(
            Project.team_id.in_(select(TeamMember.team_id).where(TeamMember.user_id == self.user.id)),
            Project.id.in_(select(ProjectMember.project_id).where(ProjectMember.user_id == self.user.id)))]

    def projects(self) -> list[Project]:
        return list(self.db.scalars(select(Project).where(*self.readable()).order_by(Project.id)))

    def readable_app_ids(self):
        """A query of the ids of all applications that the caller can read."""
        return select(Application.id).join(Project).where(*self.readable())

    def app_ids(self, *project_ids: int) -> list[int]:
        return list(self.db.scalars(select(Application.id).where(Application.project_id.in_(project_ids))))


def get_context(request: Request, db: DB,
                credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Context:
    if credentials:
        row = db.execute(select(UserToken, User).join(User, User.id == UserToken.user_id).where(
            UserToken.token_hash == hash_token(credentials.credentials), UserToken.expires_at > utcnow(),
            User.is_active)).first()
        if row:
            return Context(db=db, user=row[1], token=row[0], ip=client_ip(request))
    raise HTTPException(401, "log in first", headers={"WWW-Authenticate": "Bearer"})


Ctx = Annotated[Context, Depends(get_context)]


def get_ingest_app(db: DB, x_api_key: Annotated[str | None, Header()] = None) -> Application:
    app = db.scalar(select(Application).where(Application.key_hash == hash_token(x_api_key or ""), Application.active))
    if app is None:
        raise HTTPException(401, "unknown API key (header X-Api-Key)")
    db.commit()  # the connection goes back into the pool while the client sends the body
    return app


IngestApp = Annotated[Application, Depends(get_ingest_app)]


async def raw_body(request: Request, _app: IngestApp) -> bytes:
    """The one asynchronous function: a sync handler cannot read an unparsed body itself.
    It comes after the key check and stops reading at the limit."""
    limit, data = get_settings().max_body_bytes, bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise HTTPException(413, f"body is larger than {limit} bytes")
    return bytes(data)


def batch_body(request: Request, data: Annotated[bytes, Depends(raw_body)]) -> bytes:
    if request.headers.get("content-encoding", "").lower() != "gzip":
        return data
    try:
        return gunzip(data, get_settings().max_body_bytes)
    except TooLarge as exc:
        raise HTTPException(413, str(exc)) from exc
    except ValueError as exc:
        raise HTTPException(400, str(exc)) from exc


def event_filter(
    q: str = "",
    level: Annotated[list[str], Query()] = [],
    min_level: str | None = None,
    service: Annotated[list[str], Query()] = [],
    host: Annotated[list[str], Query()] = [],
    trace_id: str | None = None,
    group_id: int | None = None,
    application_id: Annotated[list[int], Query()] = [],
    field: Annotated[list[str], Query(description="status>=500, region!=eu, path~checkout, or a bare name")] = [],
) -> EventFilter:
    try:
        return EventFilter(text=q, levels=level, min_level=min_level, services=service, hosts=host, trace_id=trace_id,
                           group_id=group_id, application_ids=application_id, fields=[parse_field(f) for f in field])
    except ValidationError as exc:
        raise HTTPException(422, [{"loc": e["loc"], "msg": e["msg"]} for e in exc.errors()]) from exc


def time_range(start: Annotated[str | None, Query(alias="from", description="ISO 8601, or 15m, 2h, 7d ago")] = None,
               end: Annotated[str | None, Query(alias="to")] = None):
    try:
        start, end = (parse_when(value) if value else None for value in (start, end))
    except (ValueError, OverflowError) as exc:
        raise HTTPException(422, str(exc)) from exc
    if start and end and start >= end:
        raise HTTPException(422, "from must be before to")
    return start, end


Filter = Annotated[EventFilter, Depends(event_filter)]
Range = Annotated[tuple, Depends(time_range)]
Limit = Annotated[int, Query(ge=1, le=1000)]
