from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints

from ..models import DeliveryStatus, Role

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s,<>]+@[^@\s,<>]+\.[^@\s,<>]+$"
    ),
]
Password = Annotated[str, Field(min_length=8, max_length=128)]


class OrganisationCreate(BaseModel):
    organisation_name: Name
    name: Name
    email: Email
    password: Password


class CustomerSignup(BaseModel):
    organisation: str = Field(description="slug of the organisation")
    name: Name
    email: Email
    password: Password


class Login(BaseModel):
    email: Email
    password: str = Field(max_length=128)
    organisation: str | None = Field(None, description="slug; only needed if ambiguous")


class PasswordChange(BaseModel):
    current_password: str = Field(max_length=128)
    new_password: Password


class UserCreate(BaseModel):
    name: Name
    email: Email
    password: Password
    role: Role = Role.AGENT


class UserUpdate(BaseModel):
    name: Name | None = None
    role: Role | None = None
    is_active: bool | None = None


class UserRef(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    name: str
    role: Role


class UserOut(UserRef):
    email: str
    is_active: bool
    organisation_id: int
    created_at: datetime


class Token(BaseModel):
    access_token: str
    token_type: str = "bearer"
    user: UserOut


class OrganisationUpdate(BaseModel):
    name: Name | None = None
    webhook_url: HttpUrl | None = None


class OrganisationOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    name: str
    slug: str
    webhook_url: str | None
    webhook_secret: str
    created_at: datetime


class WebhookDeliveryOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    event: str
    status: DeliveryStatus
    attempts: int
    response_code: int | None
    error: str | None
    created_at: datetime
