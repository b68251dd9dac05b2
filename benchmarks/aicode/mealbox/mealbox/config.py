import os
from dataclasses import dataclass, field


def _env(name: str, default: str):
    return field(default_factory=lambda: os.getenv(f"MEALBOX_{name}", default))


@dataclass(frozen=True)
class Settings:
    database_url: str = _env("DATABASE_URL", "sqlite+aiosqlite:///./mealbox.db")
    prices_url: str = _env("PRICES_URL", "https://prices.example.com/v1/prices")
    prices_key: str = _env("PRICES_KEY", "")
    smtp_host: str = _env("SMTP_HOST", "localhost")
    smtp_port: str = _env("SMTP_PORT", "25")
    smtp_user: str = _env("SMTP_USER", "")
    smtp_password: str = _env("SMTP_PASSWORD", "")
    mail_from: str = _env("MAIL_FROM", "mealbox@example.com")
    token_days: int = 30
    import_max_bytes: int = 3_000_000
    import_max_recipes: int = 1000
