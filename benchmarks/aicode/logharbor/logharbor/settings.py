"""Settings, read once from LOGHARBOR_* environment variables."""
import os
from dataclasses import dataclass, fields
from functools import lru_cache


@dataclass(frozen=True)
class Settings:
    database_url: str = "sqlite:///logharbor.db"
    archive_dir: str = "archives"
    base_url: str = "http://localhost:8000"
    token_hours: int = 24 * 7
    max_body_bytes: int = 20 * 1024 * 1024
    max_batch_lines: int = 10_000
    max_export_rows: int = 100_000
    default_retention_days: int = 30
    restore_keep_days: int = 7
    prune_chunk: int = 20_000
    tail_poll_seconds: float = 1.0
    tail_max_seconds: float = 900.0
    tail_max_clients: int = 20
    alert_thread: bool = True
    alert_interval_seconds: float = 60.0
    delivery_max_attempts: int = 6
    webhook_secret: str = ""
    webhook_allow_private: bool = False
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_starttls: bool = True
    mail_from: str = "logharbor@localhost"


@lru_cache
def get_settings() -> Settings:
    values = {}
    for f in fields(Settings):
        raw = os.environ.get("LOGHARBOR_" + f.name.upper())
        if raw is None:
            continue
        if f.type is bool:
            values[f.name] = raw.strip().lower() in ("1", "true", "yes", "on")
        else:
            values[f.name] = f.type(raw)
    return Settings(**values)
