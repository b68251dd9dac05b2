import secrets

from fastapi import APIRouter
from sqlalchemy import or_, select

from ..deps import AdminDep, AgentDep, Limit, Offset, SessionDep
from ..models import Organisation, Role, User, WebhookDelivery
from ..schemas.account import (
    OrganisationOut, OrganisationUpdate, UserCreate, UserOut, UserUpdate, WebhookDeliveryOut,
)
from ..services import auth

router = APIRouter()


@router.get("/users", tags=["users"])
async def list_users(
    agent: AgentDep,
    session: SessionDep,
    role: Role | None = None,
    q: str | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> list[UserOut]:
    query = select(User).where(User.organisation_id == agent.organisation_id)
    if role:
        query = query.where(User.role == role)
    if q:
        query = query.where(
            or_(User.name.icontains(q, autoescape=True), User.email.icontains(q, autoescape=True))
        )
    rows = await session.scalars(query.order_by(User.name, User.id).limit(limit).offset(offset))
    return [UserOut.model_validate(u) for u in rows]


@router.post("/users", status_code=201, tags=["users"])
async def create_user(data: UserCreate, admin: AdminDep, session: SessionDep) -> UserOut:
    user = await auth.create_user(session, admin.organisation_id, **data.model_dump())
    await session.commit()
    return UserOut.model_validate(user)


@router.patch("/users/{user_id}", tags=["users"])
async def update_user(
    user_id: int, data: UserUpdate, admin: AdminDep, session: SessionDep
) -> UserOut:
    changes = data.model_dump(exclude_none=True)
    user = await auth.update_user(session, admin, user_id, changes)
    await session.commit()
    return UserOut.model_validate(user)


@router.get("/organisation", tags=["organisation"])
async def get_organisation(admin: AdminDep, session: SessionDep) -> OrganisationOut:
    organisation = await session.get_one(Organisation, admin.organisation_id)
    return OrganisationOut.model_validate(organisation)


@router.patch("/organisation", tags=["organisation"])
async def update_organisation(
    data: OrganisationUpdate, admin: AdminDep, session: SessionDep
) -> OrganisationOut:
    organisation = await session.get_one(Organisation, admin.organisation_id)
    if data.name:
        organisation.name = data.name
    if "webhook_url" in data.model_fields_set:
        organisation.webhook_url = str(data.webhook_url) if data.webhook_url else None
    await session.commit()
    return OrganisationOut.model_validate(organisation)


@router.post("/organisation/webhook-secret", tags=["organisation"])
async def rotate_webhook_secret(admin: AdminDep, session: SessionDep) -> OrganisationOut:
    organisation = await session.get_one(Organisation, admin.organisation_id)
    organisation.webhook_secret = secrets.token_hex(24)
    await session.commit()
    return OrganisationOut.model_validate(organisation)


@router.get("/organisation/webhook-deliveries", tags=["organisation"])
async def webhook_deliveries(
    admin: AdminDep, session: SessionDep, limit: Limit = 50
) -> list[WebhookDeliveryOut]:
    rows = await session.scalars(
        select(WebhookDelivery)
        .where(WebhookDelivery.organisation_id == admin.organisation_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
    )
    return [WebhookDeliveryOut.model_validate(d) for d in rows]
