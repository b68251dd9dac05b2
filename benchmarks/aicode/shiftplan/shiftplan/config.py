import os
import re


def database_url():
    url = os.environ.get("DATABASE_URL", "sqlite:///shiftplan.db")
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


class Config:
    SQLALCHEMY_DATABASE_URI = database_url()
    SECRET_KEY = os.environ.get("SECRET_KEY")
    PRODUCTION = os.environ.get("SHIFTPLAN_ENV") == "production"
    SESSION_COOKIE_SECURE = PRODUCTION
    SESSION_COOKIE_SAMESITE = "Lax"
    MAX_CONTENT_LENGTH = 1024 * 1024
    TIMEZONE = os.environ.get("SHIFTPLAN_TIMEZONE", "Europe/Berlin")
    BASE_URL = os.environ.get("SHIFTPLAN_BASE_URL", "http://localhost:5000")
    MAIL_SERVER = os.environ.get("MAIL_SERVER", "")
    MAIL_PORT = int(os.environ.get("MAIL_PORT", "587"))
    MAIL_USERNAME = os.environ.get("MAIL_USERNAME", "")
    MAIL_PASSWORD = os.environ.get("MAIL_PASSWORD", "")
    MAIL_FROM = os.environ.get("MAIL_FROM", "shiftplan@localhost")
    MIN_REST_HOURS = 11
    MAX_WEEKLY_HOURS = 48
    OVERTIME_FACTOR = "1.25"
