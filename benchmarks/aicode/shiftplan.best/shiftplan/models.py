import secrets
import sqlite3
from datetime import date, datetime, time
from decimal import Decimal

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, ForeignKey, Index, Numeric, String, Table, UniqueConstraint, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash


class Base(DeclarativeBase):
    id: Mapped[int] = mapped_column(primary_key=True)


db = SQLAlchemy(model_class=Base)
ROLES = ("admin", "manager", "employee")


@event.listens_for(Engine, "connect")
def enforce_foreign_keys(connection, _record):
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA foreign_keys=ON")


def fk(target, **kw):
    return mapped_column(ForeignKey(target, **kw), index=True)


def link(*names):
    columns = [Column(name + "_id", ForeignKey(name + ".id"), primary_key=True, index=position > 0)
               for position, name in enumerate(names)]
    return Table("_".join(names), Base.metadata, *columns)


employee_skill, employee_location = link("employee", "skill"), link("employee", "location")


class Skill(db.Model):
    name: Mapped[str] = mapped_column(String(80), unique=True)


class Employee(db.Model):
    __table_args__ = (Index("employee_list", "active", "name"), Index("employee_name", "name"))
    name: Mapped[str] = mapped_column(String(120))
    phone: Mapped[str] = mapped_column(String(40), default="")
    active: Mapped[bool] = mapped_column(default=True)
    calendar_token: Mapped[str] = mapped_column(String(64), unique=True, default=lambda: secrets.token_urlsafe(24))
    skills = relationship("Skill", secondary=employee_skill, order_by="Skill.name")
    locations = relationship("Location", secondary=employee_location, order_by="Location.name",
                             back_populates="employees")
    contracts = relationship("Contract", order_by="Contract.start_date")
    availability = relationship("Availability", order_by="Availability.weekday, Availability.start_time",
                                cascade="all, delete-orphan")
    user = relationship("User", back_populates="employee", uselist=False)

    def contract_on(self, day):
        valid = [c for c in self.contracts if c.start_date <= day and (c.end_date is None or day <= c.end_date)]
        return valid[-1] if valid else None


class User(db.Model):
    __tablename__ = "account"
    email: Mapped[str] = mapped_column(String(200), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20), default="employee", index=True)
    active: Mapped[bool] = mapped_column(default=True)
    employee_id: Mapped[int | None] = mapped_column(ForeignKey("employee.id"), unique=True)
    employee = relationship("Employee", back_populates="user")

    @property
    def name(self):
        return self.employee.name if self.employee else self.email

    def set_password(self, password):
        self.password_hash = generate_password_hash(password)

    def check_password(self, password):
        return check_password_hash(self.password_hash, password)

    def manages(self, location):
        return self.role == "admin" or (self.role == "manager" and location.manager_id == self.id)

    def manages_employee(self, employee, own=False):
        """Managers act on people at their locations, and on themselves only where own is set."""
        if self.role == "admin":
            return True
        return (own or employee.id != self.employee_id) and any(self.manages(loc) for loc in employee.locations)

    def can_see(self, location):
        return self.manages(location) or (self.employee is not None and location in self.employee.locations)


class Location(db.Model):
    name: Mapped[str] = mapped_column(String(120), unique=True)
    address: Mapped[str] = mapped_column(String(200), default="")
    manager_id: Mapped[int | None] = fk("account.id")
    manager = relationship("User")
    employees = relationship("Employee", secondary=employee_location, order_by="Employee.name",
                             back_populates="locations")
    templates = relationship("ShiftTemplate", order_by="ShiftTemplate.weekday, ShiftTemplate.start_time")


class Contract(db.Model):
    employee_id: Mapped[int] = fk("employee.id")
    hours_per_week: Mapped[Decimal] = mapped_column(Numeric(6, 2))
    hourly_rate: Mapped[Decimal] = mapped_column(Numeric(8, 2))
    start_date: Mapped[date]
    end_date: Mapped[date | None]

    @property
    def minutes(self):
        return int(self.hours_per_week * 60)


class Availability(db.Model):
    employee_id: Mapped[int] = fk("employee.id")
    weekday: Mapped[int]
    start_time: Mapped[time]
    end_time: Mapped[time]


class ShiftTemplate(db.Model):
    location_id: Mapped[int] = fk("location.id")
    skill_id: Mapped[int] = fk("skill.id")
    name: Mapped[str] = mapped_column(String(80))
    weekday: Mapped[int]
    start_time: Mapped[time]
    end_time: Mapped[time]
    headcount: Mapped[int] = mapped_column(default=1)
    break_minutes: Mapped[int] = mapped_column(default=0)
    skill = relationship("Skill")


class WeekPlan(db.Model):
    __table_args__ = (UniqueConstraint("location_id", "week"),)
    location_id: Mapped[int] = fk("location.id")
    week: Mapped[date]  # the Monday
    published: Mapped[bool] = mapped_column(default=False)
    location = relationship("Location")
    shifts = relationship("Shift", order_by="Shift.starts_at, Shift.id", back_populates="plan")


class Shift(db.Model):
    __table_args__ = (Index("shift_of_employee", "employee_id", "starts_at"),)
    plan_id: Mapped[int] = fk("week_plan.id")
    skill_id: Mapped[int] = fk("skill.id")
    template_id: Mapped[int | None] = fk("shift_template.id", ondelete="SET NULL")
    employee_id: Mapped[int | None] = fk("employee.id")
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    break_minutes: Mapped[int] = mapped_column(default=0)
    plan = relationship("WeekPlan", back_populates="shifts", lazy="joined")
    skill = relationship("Skill", lazy="joined")
    employee = relationship("Employee")

    @property
    def location_id(self):
        return self.plan.location_id

    @property
    def location(self):
        return self.plan.location

    @property
    def minutes(self):
        return int((self.ends_at - self.starts_at).total_seconds() // 60) - self.break_minutes


class TimeOff(db.Model):
    __table_args__ = (Index("time_off_status", "status", "employee_id"),)
    employee_id: Mapped[int] = fk("employee.id")
    kind: Mapped[str] = mapped_column(String(20))
    start_date: Mapped[date] = mapped_column(index=True)
    end_date: Mapped[date]  # inclusive
    note: Mapped[str] = mapped_column(String(200), default="")
    status: Mapped[str] = mapped_column(String(20), default="pending")
    employee = relationship("Employee")


class SwapRequest(db.Model):
    """The owner gives `shift` to the colleague, optionally for `counter_shift` in return."""
    shift_id: Mapped[int] = fk("shift.id", ondelete="CASCADE")
    counter_shift_id: Mapped[int | None] = fk("shift.id", ondelete="CASCADE")
    owner_id: Mapped[int] = fk("employee.id")
    colleague_id: Mapped[int] = fk("employee.id")
    status: Mapped[str] = mapped_column(String(20), default="pending", index=True)
    shift = relationship("Shift", foreign_keys=[shift_id])
    counter_shift = relationship("Shift", foreign_keys=[counter_shift_id])
    owner = relationship("Employee", foreign_keys=[owner_id])
    colleague = relationship("Employee", foreign_keys=[colleague_id])


class TimeEntry(db.Model):
    # At most one running entry per employee, held by the database.
    __table_args__ = (Index("one_open_entry", "employee_id", unique=True, sqlite_where=text("clock_out IS NULL"),
                            postgresql_where=text("clock_out IS NULL")),
                      Index("open_at_location", "location_id", sqlite_where=text("clock_out IS NULL"),
                            postgresql_where=text("clock_out IS NULL")),
                      Index("entry_of_employee", "employee_id", "clock_in"))
    employee_id: Mapped[int] = fk("employee.id")
    location_id: Mapped[int] = fk("location.id")
    shift_id: Mapped[int | None] = fk("shift.id", ondelete="SET NULL")
    clock_in: Mapped[datetime] = mapped_column(index=True)
    clock_out: Mapped[datetime | None]
    break_minutes: Mapped[int] = mapped_column(default=0)
    edited_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    employee = relationship("Employee")
    location = relationship("Location")
    shift = relationship("Shift")

    @property
    def minutes(self):
        if self.clock_out is None:
            return 0
        return max(0, int((self.clock_out - self.clock_in).total_seconds() // 60) - self.break_minutes)


class Notification(db.Model):
    __table_args__ = (Index("unread_notification", "user_id", "read"),)
    user_id: Mapped[int] = fk("account.id")
    text: Mapped[str] = mapped_column(String(300))
    link: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    read: Mapped[bool] = mapped_column(default=False)
    mail_state: Mapped[str] = mapped_column(String(20), default="pending", index=True)
    user = relationship("User")
