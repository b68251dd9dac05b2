import pytest
from sqlalchemy import select

from talkdesk.models import User

from .conftest import Person, register, sign_up

pytestmark = pytest.mark.anyio


async def test_login_and_me(client, agent, ctx):
    login = {"email": "ANNA@acme.com ", "password": "password1"}
    response = await client.post("/auth/login", json=login)
    me = await Person(client, response.json())("GET", "/auth/me")
    assert (me["name"], me["role"]) == ("Anna", "agent")
    wrong = await client.post("/auth/login", json={**login, "password": "password2"})
    unknown = await client.post("/auth/login", json={**login, "email": "no@acme.com"})
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.json() == unknown.json()
    async with ctx.sessions() as session:
        hashes = (await session.scalars(select(User.password_hash))).all()
    assert all(h.startswith("scrypt$") and "password1" not in h for h in hashes)
    assert len(set(hashes)) == len(hashes)


async def test_bad_tokens_are_refused(client, agent):
    assert (await client.get("/inbox")).status_code == 401
    agent.headers["Authorization"] += "x"
    await agent("GET", "/inbox", expect=401)


async def test_password_change_ends_old_sessions(client, agent):
    data = {"current_password": "password1", "new_password": "password2"}
    token = await agent("POST", "/auth/password", data)
    await agent("GET", "/auth/me", expect=401)
    await Person(client, token)("GET", "/auth/me", expect=200)


async def test_same_email_in_two_organisations(client, admin):
    await register(client, "Other")
    await sign_up(client, "acme", "x@example.com")
    await sign_up(client, "other", "x@example.com")
    login = {"email": "x@example.com", "password": "password1"}
    assert (await client.post("/auth/login", json=login)).status_code == 400
    response = await client.post("/auth/login", json={**login, "organisation": "other"})
    assert response.status_code == 200
    again = {"organisation": "acme", "name": "X", **login}
    assert (await client.post("/auth/signup", json=again)).status_code == 409


async def test_roles(agent, customer, admin):
    new = {"name": "N", "email": "n@acme.com", "password": "password1"}
    await agent("POST", "/users", new, expect=403)
    await customer("GET", "/users", expect=403)
    await customer("GET", "/inbox", expect=403)
    await agent("GET", "/organisation", expect=403)
    await agent("GET", "/export/conversations.csv", expect=403)
    await admin("PATCH", f"/users/{customer.id}", {"role": "admin"}, expect=400)
    await admin("PATCH", f"/users/{admin.id}", {"is_active": False}, expect=400)
    assert len(await admin("GET", "/users?role=agent")) == 1


async def test_deactivated_agent_loses_access_and_conversations(admin, agent, customer):
    conversation = await customer.open()
    await agent.say(conversation, "On it")
    await admin("PATCH", f"/users/{agent.id}", {"is_active": False})
    await agent("GET", "/inbox", expect=401)
    shown = await admin("GET", f"/conversations/{conversation['id']}")
    assert shown["assignee"] is None


async def test_invalid_input(client):
    data = {"organisation_name": "A", "name": "A", "email": "not-an-email", "password": "short"}
    response = await client.post("/auth/organisations", json=data)
    assert {e["loc"][-1] for e in response.json()["detail"]} == {"email", "password"}
