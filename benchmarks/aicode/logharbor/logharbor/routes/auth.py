from datetime import timedelta

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy import delete, func, select

from ..clock import utcnow
from ..deps import DB, Ctx, client_ip
from ..models import AuditEntry, User, UserToken
from ..schemas import LoginIn, PasswordChange, UserIn, UserOut, UserPatch
from ..security import DUMMY_HASH, hash_password, hash_token, new_token, verify_password
from ..services import audit
from ..settings import get_settings

router = APIRouter(tags=["users"])
MAX_FAILURES = 10


@router.post("/auth/login")
def login(body: LoginIn, request: Request, db: DB):
    ip = client_ip(request)
    failures = db.scalar(select(func.count()).select_from(AuditEntry).where(
        AuditEntry.action == "login.failed", AuditEntry.actor == body.email, AuditEntry.ip == ip,
        AuditEntry.at > utcnow() - timedelta(minutes=15)))
    if failures >= MAX_FAILURES:
        raise HTTPException(429, "too many failed logins; try again later")
    user = db.scalar(select(User).where(User.email == body.email))
    good = verify_password(body.password, user.password_hash if user else DUMMY_HASH)
    if not (good and user and user.is_active):
        audit.record(db, body.email, "login.failed", ip=ip)
        db.commit()
        raise HTTPException(401, "wrong mail address or password")
    token, expires = new_token(), utcnow() + timedelta(hours=get_settings().token_hours)
    db.execute(delete(UserToken).where(UserToken.user_id == user.id, UserToken.expires_at < utcnow()))
    db.add(UserToken(user_id=user.id, token_hash=hash_token(token), expires_at=expires))
    audit.record(db, user.email, "login", ip=ip)
    db.commit()
    return {"token": token, "expires_at": expires}


@router.post("/auth/logout", status_code=204)
def logout(ctx: Ctx):
    ctx.db.delete(ctx.token)
    ctx.db.commit()


@router.get("/me", response_model=UserOut)
def me(ctx: Ctx):
    return ctx.user


@router.post("/me/password", status_code=204)
def change_password(body: PasswordChange, ctx: Ctx):
    if not verify_password(body.old_password, ctx.user.password_hash):
        raise HTTPException(403, "wrong password")
    ctx.user.password_hash = hash_password(body.new_password)
    ctx.db.execute(delete(UserToken).where(UserToken.user_id == ctx.user.id, UserToken.id != ctx.token.id))
    ctx.audit("user.password", f"user:{ctx.user.id}")
    ctx.db.commit()


@router.get("/users", response_model=list[UserOut])
def list_users(ctx: Ctx):
    ctx.superuser()
    return ctx.db.scalars(select(User).order_by(User.email)).all()


@router.post("/users", response_model=UserOut, status_code=201)
def create_user(body: UserIn, ctx: Ctx):
    ctx.superuser()
    user = User(email=body.email, name=body.name, password_hash=hash_password(body.password),
                is_superuser=body.is_superuser)
    ctx.db.add(user)
    ctx.db.flush()
    ctx.audit("user.create", f"user:{user.id}", email=user.email, superuser=user.is_superuser)
    ctx.db.commit()
    return user


@router.patch("/users/{user_id}", response_model=UserOut)
def update_user(user_id: int, body: UserPatch, ctx: Ctx):
    ctx.superuser()
    user = ctx.db.get(User, user_id)
    if user is None:
        raise HTTPException(404, "no such user")
    changes = body.model_dump(exclude_none=True)
    password = changes.pop("password", None)
    for key, value in changes.items():
        setattr(user, key, value)
    if password:
        user.password_hash = hash_password(password)
    if password or not user.is_active:
        ctx.db.execute(delete(UserToken).where(UserToken.user_id == user.id))
    ctx.audit("user.update", f"user:{user.id}", password_set=bool(password), **changes)
    ctx.db.commit()
    return user
