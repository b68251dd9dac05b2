"""Settings, read once from MAILMILL_* environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Config:
    database_url: str = "sqlite:///mailmill.db"
    data_dir: str = "data"

    # worker
    threads: int = 4
    poll_seconds: float = 1.0
    heartbeat_seconds: float = 10.0
    lock_timeout_seconds: float = 60.0
    shutdown_grace_seconds: float = 30.0

    # CRM
    crm_url: str = ""
    crm_token: str = ""

    # sending
    transport: str = "file"  # file | smtp | http
    mail_from: str = "Newsletter <news@example.com>"
    send_per_minute: int = 600
    smtp_host: str = "localhost"
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_starttls: bool = False
    mail_api_url: str = ""
    mail_api_token: str = ""
    unsubscribe_url: str = "https://example.com/unsubscribe"

    # policies
    soft_bounce_limit: int = 5
    stats_days: int = 35
    report_to: str = ""  # comma separated
    alert_to: str = ""

    @classmethod
    def from_env(cls, env: dict[str, str] | None = None) -> "Config":
        source = os.environ if env is None else env
        values = {}
        for field in fields(cls):
            raw = source.get(f"MAILMILL_{field.name.upper()}")
            if raw is None:
                continue
            kind = type(field.default)
            if kind is bool:
                values[field.name] = raw.strip().lower() in ("1", "true", "yes", "on")
            else:
                values[field.name] = kind(raw)
        return cls(**values)

    def path(self, *parts: str) -> Path:
        """A directory below data_dir, created when missing."""
        directory = Path(self.data_dir, *parts)
        directory.mkdir(parents=True, exist_ok=True)
        return directory


def addresses(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
