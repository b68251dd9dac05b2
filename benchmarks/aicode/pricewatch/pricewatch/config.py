"""Settings and per-shop rules, both read from YAML or JSON (JSON is valid YAML)."""
from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml


class ConfigError(Exception):
    pass


@dataclass
class Config:
    data_dir: Path = Path("data")
    rules_file: Path = Path("rules.yaml")
    user_agent: str = "pricewatch/1.0"
    delay: float = 1.0              # seconds between two requests to one host
    timeout: float = 20.0           # per connect/read; a whole download may take 3x this
    retries: int = 3
    backoff: float = 1.0            # first retry wait, doubles each time
    max_wait: float = 60.0          # a longer Retry-After means: give up for this run
    max_bytes: int = 5_000_000
    concurrency: int = 8            # only for crawl --async
    currency: str = "EUR"           # reports are in this currency
    rates_url: str = "https://api.frankfurter.dev/v1/latest?base={base}"
    rates_ttl_hours: float = 12.0
    match_threshold: float = 0.82
    smtp: dict = field(default_factory=dict)
    webhook: dict = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.data_dir / "pricewatch.db"


def _read(path: Path) -> dict:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as exc:
        raise ConfigError(f"cannot read {path}: {exc}") from exc
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected a mapping at the top")
    return data


def load_config(path: Path | None) -> Config:
    """Read the settings file; relative paths in it are relative to the file."""
    explicit = path is not None
    path = Path(path or "pricewatch.yaml")
    if not path.exists() and not explicit:
        return Config()
    data = _read(path)
    unknown = set(data) - {f.name for f in fields(Config)}
    if unknown:
        raise ConfigError(f"{path}: unknown settings: {', '.join(sorted(map(str, unknown)))}")
    cfg = Config(**data)
    base = path.resolve().parent
    cfg.data_dir, cfg.rules_file = base / cfg.data_dir, base / cfg.rules_file
    cfg.currency = cfg.currency.upper()
    return cfg


class Rules:
    """Extraction rules: a `default` entry merged with the one of each shop."""

    def __init__(self, data: dict | None = None):
        data = data or {}
        self.default = data.get("default") or {}
        self.shops = data.get("shops") or {}

    @classmethod
    def load(cls, path: Path) -> "Rules":
        return cls(_read(path)) if Path(path).exists() else cls()

    def for_shop(self, name: str) -> dict:
        own = self.shops.get(name) or {}
        merged = {**self.default, **own}
        merged["fields"] = {**(self.default.get("fields") or {}), **(own.get("fields") or {})}
        return merged
