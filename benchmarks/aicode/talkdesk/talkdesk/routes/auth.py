from fastapi import APIRouter

from ..deps import ContextDep, SessionDep, UserDep
from ..models import Role
from ..schemas.account import (
    CustomerSignup, Login, OrganisationCreate, PasswordChange, Token, UserOut,
)
from ..services import auth

router = APIRouter(prefix="/auth", tags=["auth"])


def _token(ctx, user) -> Token:
    return Token(
        access_token=auth.make_token(ctx.settings, user), user=UserOut.model_validate(user)
    )


@router.post("/organisations", status_code=201)
async def register_organisation(
    data: OrganisationCreate, ctx: ContextDep, session: SessionDep
) -> Token:
    organisation = await auth.create_organisation(session, data.organisation_name)
    user = await auth.create_user(
        session, organisation.id, data.name, data.email, data.password, Role.ADMIN
    )
    await session.commit()
    return _token(ctx, user)


@router.post("/signup", status_code=201)
async def sign_up_customer(data: CustomerSignup, ctx: ContextDep, session: SessionDep) -> Token:
    organisation = await auth.organisation_by_slug(session, data.organisation)
    user = await auth.create_user(
        session, organisation.id, data.name, data.email, data.password, Role.CUSTOMER
    )
    await session.commit()
    return _token(ctx, user)


@router.post("/login")
async def log_in(data: Login, ctx: ContextDep, session: SessionDep) -> Token:
    user = await auth.login(session, data.email, data.password, data.organisation)
    return _token(ctx, user)


@router.get("/me")
async def me(user: UserDep) -> UserOut:
    return UserOut.model_validate(user)


@router.post("/password")
async def change_password(
    data: PasswordChange, user: UserDep, ctx: ContextDep, session: SessionDep
) -> Token:
    """Ends all other sessions; the answer has a new token."""
    await auth.change_password(session, user, data.current_password, data.new_password)
    await session.commit()
    return _token(ctx, user)
