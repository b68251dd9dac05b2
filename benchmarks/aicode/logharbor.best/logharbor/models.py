from datetime import date, datetime

from sqlalchemy import DDL, Date, ForeignKey, Index, String, Text, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .clock import utcnow
from .db import Base, BigId, JsonType, UTCDateTime

LEVELS = ("trace", "debug", "info", "warning", "error", "fatal")
ROLES = {"viewer": 1, "member": 2, "admin": 3, "owner": 4}


def _created():
    return mapped_column(UTCDateTime, default=utcnow)


def _when():
    return mapped_column(UTCDateTime, nullable=True, default=None)


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    password_hash: Mapped[str] = mapped_column(String(300))
    is_superuser: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = _created()


class UserToken(Base):
    __tablename__ = "user_tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Team(Base):
    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime] = _created()


class TeamMember(Base):
    __tablename__ = "team_members"
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20))
    user: Mapped[User] = relationship()


class Project(Base):
    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("team_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"))
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = _created()
    team: Mapped[Team] = relationship()


class ProjectMember(Base):
    """A role on one project, on top of whatever the team gives."""
    __tablename__ = "project_members"
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20))
    user: Mapped[User] = relationship()


class Application(Base):
    __tablename__ = "applications"
    __table_args__ = (UniqueConstraint("project_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(200))
    key_prefix: Mapped[str] = mapped_column(String(12))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    retention_days: Mapped[int]
    archive_enabled: Mapped[bool] = mapped_column(default=True)
    active: Mapped[bool] = mapped_column(default=True)
    prune_lock_until: Mapped[datetime | None] = _when()
    created_at: Mapped[datetime] = _created()
    project: Mapped[Project] = relationship()


class ErrorGroup(Base):
    __tablename__ = "error_groups"
    __table_args__ = (  # a page of groups in each of its orders, and those made since a rule was armed
        UniqueConstraint("application_id", "fingerprint"),
        Index("ix_groups_app_last", "application_id", "last_seen", "id"),
        Index("ix_groups_app_first", "application_id", "first_seen", "id"),
        Index("ix_groups_app_count", "application_id", "count", "id"),
        Index("ix_groups_app_users", "application_id", "user_count", "id"),
        Index("ix_groups_app_created", "application_id", "created_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("applications.id"))
    fingerprint: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(300))
    culprit: Mapped[str] = mapped_column(String(300), default="")
    service: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(20), default="open")
    count: Mapped[int] = mapped_column(default=0)
    user_count: Mapped[int] = mapped_column(default=0, server_default="0")  # a trigger on ErrorGroupUser keeps it
    first_seen: Mapped[datetime] = mapped_column(UTCDateTime)
    last_seen: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    resolved_at: Mapped[datetime | None] = _when()
    regressed_at: Mapped[datetime | None] = _when()
    created_at: Mapped[datetime] = _created()


class ErrorGroupUser(Base):
    __tablename__ = "error_group_users"
    group_id: Mapped[int] = mapped_column(ForeignKey("error_groups.id"), primary_key=True)
    user_key: Mapped[str] = mapped_column(String(200), primary_key=True)


_COUNT = "UPDATE error_groups SET user_count = user_count + 1 WHERE id = NEW.group_id;"
for dialect, statement in (
    ("sqlite", f"CREATE TRIGGER error_group_users_counted AFTER INSERT ON error_group_users BEGIN {_COUNT} END"),
    ("postgresql", f"CREATE FUNCTION count_error_group_user() RETURNS trigger AS $$ BEGIN {_COUNT} RETURN NULL; END $$ LANGUAGE plpgsql"),
    ("postgresql", "CREATE TRIGGER error_group_users_counted AFTER INSERT ON error_group_users "
                   "FOR EACH ROW EXECUTE FUNCTION count_error_group_user()"),
):
    event.listen(ErrorGroupUser.__table__, "after_create", DDL(statement).execute_if(dialect=dialect))


class Archive(Base):
    __tablename__ = "archives"
    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("applications.id"), index=True)
    path: Mapped[str] = mapped_column(String(500))
    sha256: Mapped[str] = mapped_column(String(64))
    event_count: Mapped[int]
    size_bytes: Mapped[int]
    first_ts: Mapped[datetime] = mapped_column(UTCDateTime)
    last_ts: Mapped[datetime] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = _created()
    restored_at: Mapped[datetime | None] = _when()


class LogEvent(Base):
    __tablename__ = "log_events"
    __table_args__ = (
        Index("ix_events_app_ts", "application_id", "ts", "id"),
        Index("ix_events_app_service", "application_id", "service", "received_at"),
        Index("ix_events_app_service_ts", "application_id", "service", "ts", "id"),
        Index("ix_events_app_level_ts", "application_id", "level", "ts", "id"),
        Index("ix_events_app_host_ts", "application_id", "host", "ts", "id"),
        Index("ix_events_app_minute", "application_id", "minute"),
        Index("ix_events_group", "group_id", "ts"),
        Index("ix_events_group_level", "group_id", "level"),
        {"sqlite_autoincrement": True},  # the live tail relies on ids never being reused
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("applications.id"))
    ts: Mapped[datetime] = mapped_column(UTCDateTime)
    minute: Mapped[int]  # ts as whole minutes since the epoch: portable time buckets
    received_at: Mapped[datetime] = mapped_column(UTCDateTime)
    level: Mapped[str] = mapped_column(String(10))
    service: Mapped[str] = mapped_column(String(200), default="")
    host: Mapped[str] = mapped_column(String(200), default="")
    message: Mapped[str] = mapped_column(Text)
    trace_id: Mapped[str | None] = mapped_column(String(64), index=True)
    span_id: Mapped[str | None] = mapped_column(String(64))
    parent_span_id: Mapped[str | None] = mapped_column(String(64))
    duration_ms: Mapped[float | None]
    user_key: Mapped[str | None] = mapped_column(String(200))
    stack: Mapped[str | None] = mapped_column(Text)
    fields: Mapped[dict] = mapped_column(JsonType, default=dict)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("error_groups.id"))
    archive_id: Mapped[int | None] = mapped_column(ForeignKey("archives.id"), index=True)
    keep_until: Mapped[datetime | None] = _when()


class Dashboard(Base):
    __tablename__ = "dashboards"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = _created()
    charts: Mapped[list["Chart"]] = relationship(order_by="Chart.position, Chart.id", cascade="all, delete-orphan")


class Chart(Base):
    __tablename__ = "charts"
    id: Mapped[int] = mapped_column(primary_key=True)
    dashboard_id: Mapped[int] = mapped_column(ForeignKey("dashboards.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(30))
    config: Mapped[dict] = mapped_column(JsonType, default=dict)
    position: Mapped[int] = mapped_column(default=0)


class AlertRule(Base):
    __tablename__ = "alert_rules"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    filter: Mapped[dict] = mapped_column(JsonType, default=dict)
    window_minutes: Mapped[int] = mapped_column(default=5)
    threshold: Mapped[int] = mapped_column(default=1)
    service: Mapped[str] = mapped_column(String(200), default="")
    renotify_minutes: Mapped[int] = mapped_column(default=0)
    webhook_url: Mapped[str] = mapped_column(String(1000), default="")
    emails: Mapped[list] = mapped_column(JsonType, default=list)
    enabled: Mapped[bool] = mapped_column(default=True)
    state: Mapped[str] = mapped_column(String(10), default="ok")
    armed_at: Mapped[datetime] = _created()  # set again when the rule is re-enabled
    last_evaluated_at: Mapped[datetime | None] = _when()
    last_notified_at: Mapped[datetime | None] = _when()
    last_error: Mapped[str] = mapped_column(String(500), default="")


class AlertRuleGroup(Base):
    """Error groups a new-group rule has already reported."""
    __tablename__ = "alert_rule_groups"
    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rules.id", ondelete="CASCADE"), primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("error_groups.id"), primary_key=True)


class AlertEvent(Base):
    __tablename__ = "alert_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rules.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    status: Mapped[str] = mapped_column(String(10))  # firing, resolved
    summary: Mapped[str] = mapped_column(String(500))
    detail: Mapped[dict] = mapped_column(JsonType, default=dict)
    rule: Mapped[AlertRule] = relationship()
    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="event")


class Delivery(Base):
    """Outbox of notifications, so that a failed webhook or mail is tried again."""
    __tablename__ = "deliveries"
    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("alert_events.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str] = mapped_column(String(10))
    target: Mapped[str] = mapped_column(String(1000))
    status: Mapped[str] = mapped_column(String(10), default="pending", index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UTCDateTime)
    error: Mapped[str] = mapped_column(String(500), default="")
    event: Mapped[AlertEvent] = relationship(back_populates="deliveries")


class UsageDaily(Base):
    __tablename__ = "usage_daily"
    application_id: Mapped[int] = mapped_column(ForeignKey("applications.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    events: Mapped[int] = mapped_column(BigId, default=0)
    bytes: Mapped[int] = mapped_column(BigId, default=0)
    rejected: Mapped[int] = mapped_column(BigId, default=0)


class AuditEntry(Base):
    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_action", "action", "id"), Index("ix_audit_actor", "actor", "id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, index=True)
    actor: Mapped[str] = mapped_column(String(254))
    action: Mapped[str] = mapped_column(String(60))
    target: Mapped[str] = mapped_column(String(200), default="")
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"), index=True)
    ip: Mapped[str] = mapped_column(String(60), default="")
    detail: Mapped[dict] = mapped_column(JsonType, default=dict)
