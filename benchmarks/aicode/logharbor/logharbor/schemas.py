from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from .clock import parse_time
from .models import LEVELS

LEVEL_ALIASES = {"warn": "warning", "err": "error", "critical": "fatal", "crit": "fatal", "panic": "fatal",
                 "information": "info", "notice": "info", "verbose": "trace"}


def _level(value: Any) -> str:
    level = str(value).strip().lower()
    level = LEVEL_ALIASES.get(level, level)
    if level not in LEVELS:
        raise ValueError(f"unknown level {str(value)[:20]!r}")
    return level


def _email(value: str) -> str:
    value = value.strip().lower()
    local, _, domain = value.rpartition("@")
    if not local or "." not in domain or any(c.isspace() or c in ",<>" for c in value):
        raise ValueError("not a mail address")
    return value


Level = Annotated[str, BeforeValidator(_level)]
Time = Annotated[datetime, BeforeValidator(parse_time)]
Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Password = Annotated[str, Field(min_length=10, max_length=200)]
FieldKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@/:-]{1,200}$")]
TeamRole = Literal["viewer", "member", "admin", "owner"]
ProjectRole = Literal["viewer", "member", "admin"]


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ExceptionIn(BaseModel):
    type: str = ""
    message: str = ""
    stack: str = Field("", validation_alias=AliasChoices("stack", "stacktrace", "stack_trace"))


class EventIn(BaseModel):
    """One ingested line. Keys not named here are kept as fields."""
    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)
    time: Time | None = Field(None, validation_alias=AliasChoices("time", "timestamp", "@timestamp", "ts"))
    level: Level = "info"
    service: str = ""
    host: str = ""
    message: str = Field(validation_alias=AliasChoices("message", "msg"))
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    duration_ms: float | None = Field(None, ge=0, allow_inf_nan=False)
    user: str | dict | None = None
    exception: ExceptionIn | None = None
    stack: str | None = Field(None, validation_alias=AliasChoices("stack", "stacktrace", "stack_trace"))
    fields: dict[str, Any] = Field(default_factory=dict)


class FieldFilter(In):
    key: FieldKey
    op: Literal["=", "!=", ">", ">=", "<", "<=", "~", "exists"]
    value: str = ""

    @model_validator(mode="after")
    def _numeric(self):
        if self.op in (">", ">=", "<", "<="):
            float(self.value)  # a ValueError here becomes a validation error
        return self


class EventFilter(In):
    text: str = Field("", max_length=500)
    levels: list[Level] = []
    min_level: Level | None = None
    services: list[str] = []
    hosts: list[str] = []
    trace_id: str | None = None
    group_id: int | None = None
    application_ids: list[int] = []
    fields: list[FieldFilter] = Field([], max_length=20)


class LoginIn(In):
    email: Email
    password: str = Field(max_length=200)


class UserIn(In):
    email: Email
    name: str = Field("", max_length=200)
    password: Password
    is_superuser: bool = False


class UserPatch(In):
    name: str | None = Field(None, max_length=200)
    password: Password | None = None
    is_active: bool | None = None


class PasswordChange(In):
    old_password: str = Field(max_length=200)
    new_password: Password


class UserOut(Out):
    id: int
    email: str
    name: str
    is_superuser: bool
    is_active: bool


class NameIn(In):
    name: Name


class TeamOut(Out):
    id: int
    name: str


class TeamMemberIn(In):
    role: TeamRole


class ProjectMemberIn(In):
    role: ProjectRole


class MemberOut(Out):
    role: str
    user: UserOut


class ProjectOut(Out):
    id: int
    team_id: int
    name: str


class ApplicationIn(In):
    name: Name
    retention_days: int | None = Field(None, ge=1, le=3650)
    archive_enabled: bool = True


class ApplicationPatch(In):
    name: Name | None = None
    retention_days: int | None = Field(None, ge=1, le=3650)
    archive_enabled: bool | None = None
    active: bool | None = None


class ApplicationOut(Out):
    id: int
    project_id: int
    name: str
    key_prefix: str
    retention_days: int
    archive_enabled: bool
    active: bool


class ApplicationKeyOut(ApplicationOut):
    api_key: str  # shown once


class GroupStateIn(In):
    state: Literal["open", "ignored", "resolved"]


class GroupOut(Out):
    id: int
    application_id: int
    fingerprint: str
    title: str
    culprit: str
    service: str
    state: str
    count: int
    affected_users: int = 0
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    regressed_at: datetime | None


class ChartConfig(In):
    filter: EventFilter = EventFilter()
    range_minutes: int = Field(60, ge=1, le=60 * 24 * 92)
    limit: int = Field(10, ge=1, le=100)
    field: FieldKey | None = None
    percentiles: list[Annotated[float, Field(gt=0, le=100)]] = Field([50, 90, 95, 99], min_length=1, max_length=10)


class ChartIn(In):
    title: Name
    kind: Literal["events_per_minute", "top_services", "top_error_groups", "percentiles"]
    config: ChartConfig = ChartConfig()
    position: int = 0

    @model_validator(mode="after")
    def _needs_field(self):
        if self.kind == "percentiles" and not self.config.field:
            raise ValueError("a percentiles chart needs config.field")
        return self


class ChartOut(Out):
    id: int
    title: str
    kind: str
    config: dict
    position: int


class DashboardOut(Out):
    id: int
    project_id: int
    name: str
    charts: list[ChartOut]


class AlertRuleIn(In):
    name: Name
    kind: Literal["threshold", "new_group", "silence"]
    filter: EventFilter = EventFilter()
    window_minutes: int = Field(5, ge=1, le=60 * 24 * 7)
    threshold: int = Field(1, ge=1)
    service: str = Field("", max_length=200)
    renotify_minutes: int = Field(0, ge=0)
    webhook_url: str = Field("", max_length=1000, pattern=r"^(https?://\S+)?$")
    emails: list[Email] = Field([], max_length=20)
    enabled: bool = True

    @model_validator(mode="after")
    def _complete(self):
        if self.kind == "silence" and not self.service:
            raise ValueError("a silence rule needs a service")
        return self


class AlertRuleOut(Out):
    id: int
    project_id: int
    name: str
    kind: str
    filter: dict
    window_minutes: int
    threshold: int
    service: str
    renotify_minutes: int
    webhook_url: str
    emails: list[str]
    enabled: bool
    state: str
    last_evaluated_at: datetime | None
    last_error: str


class DeliveryOut(Out):
    channel: str
    target: str
    status: str
    attempts: int
    error: str


class AlertEventOut(Out):
    id: int
    rule_id: int
    at: datetime
    status: str
    summary: str
    detail: dict
    deliveries: list[DeliveryOut]


class ArchiveOut(Out):
    id: int
    application_id: int
    event_count: int
    size_bytes: int
    first_ts: datetime
    last_ts: datetime
    created_at: datetime
    restored_at: datetime | None


class AuditOut(Out):
    id: int
    at: datetime
    actor: str
    action: str
    target: str
    team_id: int | None
    ip: str
    detail: dict
