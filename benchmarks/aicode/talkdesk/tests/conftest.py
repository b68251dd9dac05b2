import json
from dataclasses import dataclass, field

import httpx
import pytest

from talkdesk.config import Settings
from talkdesk.context import build_context
from talkdesk.db import create_tables
from talkdesk.main import create_app
from talkdesk.services.mail import Mailer, MailError

TOPICS = ["refund", "login", "parcel"]


@dataclass
class Outside:
    """Stands in for the AI service, the webhook receiver and the mail server."""

    ai_requests: list[dict] = field(default_factory=list)
    ai_status: int = 200
    hooks: list[httpx.Request] = field(default_factory=list)
    hook_status: int = 200
    mails: list[tuple[str, str, str]] = field(default_factory=list)
    mail_broken_for: set[str] = field(default_factory=set)

    def ai(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.ai_requests.append(body)
        if self.ai_status != 200:
            return httpx.Response(self.ai_status, json={"error": {"message": "broken"}})
        if request.url.path.endswith("/embeddings"):
            text = body["input"].lower()
            vector = [float(text.count(topic)) for topic in TOPICS] + [0.1]
            data = [{"object": "embedding", "index": 0, "embedding": vector}]
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            answer = {"object": "list", "data": data, "model": body["model"], "usage": usage}
            return httpx.Response(200, json=answer)
        text = "A summary." if "Summarise" in body["messages"][0]["content"] else "A reply."
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": text},
        }
        answer = {
            "id": "1", "object": "chat.completion", "created": 1, "model": body["model"],
            "choices": [choice],
        }
        return httpx.Response(200, json=answer)

    def hook(self, request: httpx.Request) -> httpx.Response:
        self.hooks.append(request)
        return httpx.Response(self.hook_status)


class StubMailer(Mailer):
    def __init__(self, outside: Outside):
        self.outside = outside

    async def send(self, to: str, subject: str, body: str) -> None:
        if to in self.outside.mail_broken_for:
            raise MailError("no")
        self.outside.mails.append((to, subject, body))


class Person:
    """A logged-in user: calls the API and checks the status code."""

    def __init__(self, client: httpx.AsyncClient, token: dict):
        self.client = client
        self.id = token["user"]["id"]
        self.headers = {"Authorization": f"Bearer {token['access_token']}"}

    async def __call__(self, method: str, path: str, json=None, expect: int | None = None):
        response = await self.client.request(method, path, json=json, headers=self.headers)
        if expect is None:
            assert response.is_success, (response.status_code, response.text)
        else:
            assert response.status_code == expect, (response.status_code, response.text)
        if response.content and "json" in response.headers.get("content-type", ""):
            return response.json()
        return response.text

    async def open(self, subject: str = "Broken wheel", body: str = "Hello, I need help", **more):
        data = {"subject": subject, "body": body, **more}
        return await self("POST", "/conversations", data, expect=201)

    async def say(self, conversation: dict, body: str, where: str = "messages"):
        path = f"/conversations/{conversation['id']}/{where}"
        return await self("POST", path, {"body": body}, expect=201)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def outside():
    return Outside()


@pytest.fixture
async def ctx(tmp_path, outside):
    settings = Settings(
        database_url=f"sqlite+aiosqlite:///{tmp_path}/test.db",
        secret_key="x" * 40,
        ai_api_key="test",
        ai_base_url="http://ai.test/v1",
        webhook_allow_private_hosts=True,
        webhook_max_attempts=2,
    )
    ctx = build_context(
        settings,
        ai_http=httpx.AsyncClient(transport=httpx.MockTransport(outside.ai)),
        webhook_http=httpx.AsyncClient(transport=httpx.MockTransport(outside.hook)),
        mailer=StubMailer(outside),
    )
    await create_tables(ctx.engine)
    yield ctx
    await ctx.close()


@pytest.fixture
async def client(ctx):
    transport = httpx.ASGITransport(app=create_app(ctx))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def register(client, name: str) -> Person:
    slug = name.lower()
    data = {
        "organisation_name": name, "name": f"{name} Admin",
        "email": f"admin@{slug}.com", "password": "password1",
    }
    response = await client.post("/auth/organisations", json=data)
    assert response.status_code == 201, response.text
    return Person(client, response.json())


async def sign_up(client, organisation: str, email: str, name: str = "Carl") -> Person:
    data = {"organisation": organisation, "name": name, "email": email, "password": "password1"}
    response = await client.post("/auth/signup", json=data)
    assert response.status_code == 201, response.text
    return Person(client, response.json())


@pytest.fixture
async def admin(client):
    return await register(client, "Acme")


@pytest.fixture
async def agent(client, admin):
    data = {"name": "Anna", "email": "anna@acme.com", "password": "password1"}
    await admin("POST", "/users", data, expect=201)
    response = await client.post("/auth/login", json=data)
    return Person(client, response.json())


@pytest.fixture
async def customer(client, admin):
    return await sign_up(client, "acme", "carl@example.com")
