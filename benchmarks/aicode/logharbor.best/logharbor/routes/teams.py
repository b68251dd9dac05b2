from fastapi import APIRouter, HTTPException
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from ..deps import Context, Ctx
from ..models import ROLES, Application, Project, ProjectMember, Team, TeamMember, User
from ..schemas import (ApplicationIn, ApplicationKeyOut, ApplicationOut, ApplicationPatch, Email, MemberOut, NameIn,
                       ProjectMemberIn, ProjectOut, TeamMemberIn, TeamOut)
from ..security import hash_token, new_api_key
from ..settings import get_settings

router = APIRouter(tags=["teams and projects"])


def _user_by_email(ctx: Context, email: str) -> User:
    user = ctx.db.scalar(select(User).where(User.email == email))
    if user is None:
        raise HTTPException(404, "no such user")
    return user


def _guard_owners(ctx: Context, team_id: int, member: TeamMember | None, new_role: str | None) -> None:
    """Only owners make or unmake owners, and a team keeps at least one."""
    was_owner = member is not None and member.role == "owner"
    if (was_owner or new_role == "owner") and ctx.team_rank(team_id) < ROLES["owner"]:
        raise HTTPException(403, "this needs the owner role")
    if was_owner and new_role != "owner":
        owners = ctx.db.scalar(select(func.count()).select_from(TeamMember).where(
            TeamMember.team_id == team_id, TeamMember.role == "owner"))
        if owners == 1:
            raise HTTPException(409, "a team needs an owner")


@router.get("/teams", response_model=list[TeamOut])
def list_teams(ctx: Ctx):
    query = select(Team).order_by(Team.name)
    if not ctx.user.is_superuser:
        query = query.join(TeamMember).where(TeamMember.user_id == ctx.user.id)
    return ctx.db.scalars(query).all()


@router.post("/teams", response_model=TeamOut, status_code=201)
def create_team(body: NameIn, ctx: Ctx):
    team = Team(name=body.name)
    ctx.db.add(team)
    ctx.db.flush()
    ctx.db.add(TeamMember(team_id=team.id, user_id=ctx.user.id, role="owner"))
    ctx.audit("team.create", f"team:{team.id}", team.id, name=team.name)
    ctx.db.commit()
    return team


@router.get("/teams/{team_id}/members", response_model=list[MemberOut])
def team_members(team_id: int, ctx: Ctx):
    ctx.team(team_id)
    return ctx.db.scalars(select(TeamMember).where(TeamMember.team_id == team_id).order_by(TeamMember.user_id)
                          .options(joinedload(TeamMember.user))).all()


@router.put("/teams/{team_id}/members/{email}", response_model=MemberOut)
def set_team_member(team_id: int, email: Email, body: TeamMemberIn, ctx: Ctx):
    ctx.team(team_id, "admin")
    user = _user_by_email(ctx, email)
    member = ctx.db.get(TeamMember, (team_id, user.id))
    _guard_owners(ctx, team_id, member, body.role)
    before = member.role if member else None
    if member is None:
        member = TeamMember(team_id=team_id, user_id=user.id)
        ctx.db.add(member)
    member.role = body.role
    ctx.audit("team.member.set", f"user:{user.id}", team_id, email=email, before=before, after=body.role)
    ctx.db.commit()
    return member


@router.delete("/teams/{team_id}/members/{email}", status_code=204)
def remove_team_member(team_id: int, email: Email, ctx: Ctx):
    ctx.team(team_id, "admin")
    user = _user_by_email(ctx, email)
    member = ctx.db.get(TeamMember, (team_id, user.id))
    if member is None:
        raise HTTPException(404, "not a member")
    _guard_owners(ctx, team_id, member, None)
    ctx.db.delete(member)
    ctx.audit("team.member.remove", f"user:{user.id}", team_id, email=email, before=member.role)
    ctx.db.commit()


@router.get("/projects", response_model=list[ProjectOut])
def list_projects(ctx: Ctx):
    return ctx.projects()


@router.post("/teams/{team_id}/projects", response_model=ProjectOut, status_code=201)
def create_project(team_id: int, body: NameIn, ctx: Ctx):
    ctx.team(team_id, "admin")
    project = Project(team_id=team_id, name=body.name)
    ctx.db.add(project)
    ctx.db.flush()
    ctx.audit("project.create", f"project:{project.id}", team_id, name=project.name)
    ctx.db.commit()
    return project


@router.get("/projects/{project_id}/members", response_model=list[MemberOut])
def project_members(project_id: int, ctx: Ctx):
    ctx.project(project_id)
    return ctx.db.scalars(select(ProjectMember).where(ProjectMember.project_id == project_id)
                          .order_by(ProjectMember.user_id).options(joinedload(ProjectMember.user))).all()


@router.put("/projects/{project_id}/members/{email}", response_model=MemberOut)
def set_project_member(project_id: int, email: Email, body: ProjectMemberIn, ctx: Ctx):
    project = ctx.project(project_id, "admin")
    user = _user_by_email(ctx, email)
    member = ctx.db.merge(ProjectMember(project_id=project_id, user_id=user.id, role=body.role))
    ctx.audit("project.member.set", f"project:{project_id}", project.team_id, email=email, role=body.role)
    ctx.db.commit()
    return member


@router.delete("/projects/{project_id}/members/{email}", status_code=204)
def remove_project_member(project_id: int, email: Email, ctx: Ctx):
    project = ctx.project(project_id, "admin")
    member = ctx.db.get(ProjectMember, (project_id, _user_by_email(ctx, email).id))
    if member is None:
        raise HTTPException(404, "not a member")
    ctx.db.delete(member)
    ctx.audit("project.member.remove", f"project:{project_id}", project.team_id, email=email)
    ctx.db.commit()


@router.get("/projects/{project_id}/applications", response_model=list[ApplicationOut])
def list_applications(project_id: int, ctx: Ctx):
    ctx.project(project_id)
    return ctx.db.scalars(select(Application).where(Application.project_id == project_id)
                          .order_by(Application.name)).all()


def _set_key(app: Application) -> str:
    key = new_api_key()
    app.key_prefix, app.key_hash = key[:10], hash_token(key)
    return key


def _with_key(app: Application, key: str) -> ApplicationKeyOut:
    return ApplicationKeyOut(**ApplicationOut.model_validate(app).model_dump(), api_key=key)


@router.post("/projects/{project_id}/applications", response_model=ApplicationKeyOut, status_code=201)
def create_application(project_id: int, body: ApplicationIn, ctx: Ctx):
    project = ctx.project(project_id, "admin")
    app = Application(project_id=project_id, name=body.name, archive_enabled=body.archive_enabled, active=True,
                      retention_days=body.retention_days or get_settings().default_retention_days)
    key = _set_key(app)
    ctx.db.add(app)
    ctx.db.flush()
    ctx.audit("application.create", f"application:{app.id}", project.team_id, name=app.name)
    ctx.db.commit()
    return _with_key(app, key)


@router.patch("/applications/{app_id}", response_model=ApplicationOut)
def update_application(app_id: int, body: ApplicationPatch, ctx: Ctx):
    app = ctx.application(app_id, "admin")
    changes = body.model_dump(exclude_none=True)
    before = {key: getattr(app, key) for key in changes}
    for key, value in changes.items():
        setattr(app, key, value)
    ctx.audit("application.update", f"application:{app.id}", app.project.team_id, before=before, after=changes)
    ctx.db.commit()
    return app


@router.post("/applications/{app_id}/rotate-key", response_model=ApplicationKeyOut)
def rotate_key(app_id: int, ctx: Ctx):
    app = ctx.application(app_id, "admin")
    key = _set_key(app)
    ctx.audit("application.rotate_key", f"application:{app.id}", app.project.team_id, prefix=app.key_prefix)
    ctx.db.commit()
    return _with_key(app, key)
