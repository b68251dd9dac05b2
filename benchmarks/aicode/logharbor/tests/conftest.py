import json
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from logharbor.db import SessionLocal
from logharbor.main import create_app
from logharbor.models import User
from logharbor.security import hash_password
from logharbor.settings import get_settings

PASSWORD = "correct horse battery"


@pytest.fixture
def env(tmp_path, monkeypatch):
    for key, value in {"DATABASE_URL": f"sqlite:///{tmp_path}/test.db", "ARCHIVE_DIR": str(tmp_path / "archives"),
                       "ALERT_THREAD": "0", "TAIL_MAX_SECONDS": "0.5", "TAIL_POLL_SECONDS": "0.05"}.items():
        monkeypatch.setenv("LOGHARBOR_" + key, value)
    get_settings.cache_clear()
    yield SimpleNamespace(path=tmp_path, set=lambda k, v: (monkeypatch.setenv("LOGHARBOR_" + k, v),
                                                          get_settings.cache_clear()))
    get_settings.cache_clear()


class Api:
    def __init__(self, client):
        self.client, self.headers = client, {}

    def login(self, email):
        answer = self.client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.headers = {"Authorization": "Bearer " + answer.json()["token"]}
        return self

    def __call__(self, method, path, status=200, **kwargs):
        answer = self.client.request(method, "/api/v1" + path, headers=self.headers, **kwargs)
        assert answer.status_code == status, answer.text
        is_json = answer.content and "json" in answer.headers.get("content-type", "")
        return answer.json() if is_json else answer.text


@pytest.fixture
def world(env):
    """A superuser, a team owner "ann", an outsider "eve", and a project with one application."""
    with TestClient(create_app()) as client:
        with SessionLocal() as db:
            db.add(User(email="root@example.com", password_hash=hash_password(PASSWORD), is_superuser=True))
            db.commit()
        root = Api(client).login("root@example.com")
        for name in ("ann", "eve", "bob"):
            root("POST", "/users", 201, json={"email": f"{name}@example.com", "password": PASSWORD})
        ann, eve, bob = (Api(client).login(f"{name}@example.com") for name in ("ann", "eve", "bob"))
        team = ann("POST", "/teams", 201, json={"name": "Harbor"})["id"]
        project = ann("POST", f"/teams/{team}/projects", 201, json={"name": "Shop"})["id"]
        app = ann("POST", f"/projects/{project}/applications", 201, json={"name": "web"})

        def ingest(*events, status=202, key=app["api_key"], **headers):
            body = "\n".join(e if isinstance(e, str) else json.dumps(e) for e in events)
            answer = client.post("/api/v1/ingest", content=body, headers={"X-Api-Key": key, **headers})
            assert answer.status_code == status, answer.text
            return answer.json()

        yield SimpleNamespace(client=client, root=root, ann=ann, eve=eve, bob=bob, team=team, project=project,
                              app=app, ingest=ingest, env=env)
