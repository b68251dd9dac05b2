"""Demo data: python seed.py (uses LOGHARBOR_DATABASE_URL; refuses to run twice)."""
import json
import random
import uuid
from datetime import timedelta

from sqlalchemy import select

from logharbor.clock import utcnow
from logharbor.db import SessionLocal, create_schema, init_engine
from logharbor.models import AlertRule, Application, Chart, Dashboard, Project, Team, TeamMember, User
from logharbor.schemas import ChartConfig, EventFilter
from logharbor.security import hash_password, hash_token, new_api_key
from logharbor.services.ingest import ingest_lines
from logharbor.settings import get_settings

EMAIL, PASSWORD = "demo@example.com", "demo-password"
STACK = """Traceback (most recent call last):
  File "/srv/shop/{file}.py", line {line}, in {func}
    {func}()
{error}"""
ERRORS = [("checkout", "charge_card", "TimeoutError: card gateway did not answer"),
          ("cart", "add_item", "KeyError: 'sku'"), ("search", "run_query", "ValueError: empty query")]


def make_events(rng: random.Random, requests: int):
    now = utcnow()
    for _ in range(requests):
        end, trace = now - timedelta(seconds=rng.uniform(0, 6 * 3600)), uuid.UUID(int=rng.getrandbits(128)).hex
        total = rng.lognormvariate(4.5, 0.6)
        user, failed = f"user-{rng.randint(1, 60)}", rng.random() < 0.06
        common = {"trace_id": trace, "user": user, "host": f"web-{rng.randint(1, 3)}"}
        yield {**common, "time": (end - timedelta(milliseconds=total * 0.2)).isoformat(), "level": "debug",
               "service": "db", "message": "query done", "span_id": trace[:8] + "b", "parent_span_id": trace[:8] + "a",
               "duration_ms": round(total * 0.5, 2), "fields": {"rows": rng.randint(0, 500)}}
        if failed:
            file, func, error = rng.choice(ERRORS)
            yield {**common, "time": end.isoformat(), "level": "error", "service": "web", "message": "request failed",
                   "span_id": trace[:8] + "a",
                   "stack": STACK.format(file=file, line=rng.randint(10, 90), func=func, error=error)}
        yield {**common, "time": end.isoformat(), "level": "warning" if total > 250 else "info", "service": "web",
               "message": "request finished", "span_id": trace[:8] + "a", "duration_ms": round(total, 2),
               "fields": {"http": {"status": 500 if failed else 200, "path": rng.choice(["/", "/cart", "/checkout"])}}}


def main() -> None:
    settings = get_settings()
    create_schema(init_engine(settings.database_url))
    with SessionLocal() as db:
        if db.scalar(select(User).where(User.email == EMAIL)):
            raise SystemExit("the demo data is there already")
        key = new_api_key()
        user = User(email=EMAIL, name="Demo", password_hash=hash_password(PASSWORD), is_superuser=True)
        team = Team(name="Demo team")
        db.add_all([user, team])
        db.flush()
        project = Project(team_id=team.id, name="Shop")
        db.add_all([project, TeamMember(team_id=team.id, user_id=user.id, role="owner")])
        db.flush()
        app = Application(project_id=project.id, name="shop-web", key_prefix=key[:10], key_hash=hash_token(key),
                          retention_days=settings.default_retention_days)
        board = Dashboard(project_id=project.id, name="Overview")
        db.add_all([app, board])
        charts = [("Events", "events_per_minute", ChartConfig(range_minutes=360)),
                  ("Services", "top_services", ChartConfig(range_minutes=360)),
                  ("Errors", "top_error_groups", ChartConfig(range_minutes=360)),
                  ("Request time", "percentiles", ChartConfig(range_minutes=360, field="duration_ms",
                                                              filter=EventFilter(services=["web"])))]
        board.charts = [Chart(title=t, kind=k, config=c.model_dump(), position=i)
                        for i, (t, k, c) in enumerate(charts)]
        db.add_all([
            AlertRule(project_id=project.id, name="Many errors", kind="threshold", window_minutes=5, threshold=20,
                      filter=EventFilter(min_level="error").model_dump(), emails=[EMAIL]),
            AlertRule(project_id=project.id, name="New error", kind="new_group", emails=[EMAIL]),
            AlertRule(project_id=project.id, name="Web is silent", kind="silence", service="web", window_minutes=15,
                      emails=[EMAIL])])
        db.commit()
        lines = [json.dumps(event) for event in make_events(random.Random(7), 2000)]
        result = ingest_lines(db, app, "\n".join(lines).encode(), len(lines))
    print(f"{result['accepted']} events; log in as {EMAIL} / {PASSWORD}; API key of shop-web: {key}")


if __name__ == "__main__":
    main()
