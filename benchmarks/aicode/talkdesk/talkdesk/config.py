import os

from pydantic import BaseModel, Field

ENV_PREFIX = "TALKDESK_"


class Settings(BaseModel):
    """Every field can be set with an environment variable, e.g. TALKDESK_SMTP_HOST."""

    database_url: str = "postgresql+asyncpg://talkdesk:talkdesk@localhost:5432/talkdesk"
    secret_key: str = Field(min_length=32)
    token_hours: int = 12

    ai_api_key: str = ""
    ai_base_url: str = "https://api.openai.com/v1"
    ai_chat_model: str = "gpt-4o-mini"
    ai_embedding_model: str = "text-embedding-3-small"
    ai_timeout_seconds: float = 30
    ai_max_transcript_chars: int = 12_000

    webhook_timeout_seconds: float = 10
    webhook_poll_seconds: float = 2
    webhook_max_attempts: int = 6
    webhook_allow_private_hosts: bool = False

    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_starttls: bool = True
    mail_from: str = "talkdesk@example.com"

    @classmethod
    def from_env(cls) -> "Settings":
        names = {name: ENV_PREFIX + name.upper() for name in cls.model_fields}
        return cls.model_validate({n: os.environ[v] for n, v in names.items() if v in os.environ})
