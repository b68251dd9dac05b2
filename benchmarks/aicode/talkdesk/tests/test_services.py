import csv
import io
import json
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update

from seed import seed
from talkdesk.jobs.nightly import run_nightly
from talkdesk.models import Conversation, Message, WebhookDelivery, utcnow
from talkdesk.services.webhooks import BlockedTarget, sign

from .conftest import register

pytestmark = pytest.mark.anyio


async def test_suggested_reply(outside, agent, customer):
    conversation = await customer.open(body="Where is my refund?")
    await agent.say(conversation, "secret note", "notes")
    path = f"/conversations/{conversation['id']}/suggested-reply"
    answer = await agent("POST", path, {"instruction": "offer a voucher"})
    assert answer == {"suggestion": "A reply."}
    system, user = (m["content"] for m in outside.ai_requests[-1]["messages"])
    assert "Acme" in system
    assert "Customer Carl: Where is my refund?" in user and "offer a voucher" in user
    assert "secret note" not in user


async def test_summary_is_cached_until_a_new_message(outside, agent, customer):
    conversation = await customer.open()
    path = f"/conversations/{conversation['id']}/summary"
    assert await agent("POST", path) == {"summary": "A summary.", "cached": False}
    assert (await agent("POST", path))["cached"] is True
    await customer.say(conversation, "News")
    assert (await agent("POST", path))["cached"] is False
    assert len(outside.ai_requests) == 2
    assert (await customer("GET", f"/conversations/{conversation['id']}"))["summary"] is None


async def test_ai_failures(ctx, outside, agent, customer):
    conversation = await customer.open()
    path = f"/conversations/{conversation['id']}"
    outside.ai_status = 400
    await agent("POST", f"{path}/summary", expect=502)
    await agent("GET", f"{path}/similar", expect=502)
    await agent("POST", f"{path}/close", expect=200)  # embedding fails in the background
    ctx.ai.client = None
    await agent("POST", f"{path}/summary", expect=503)


async def test_similar_conversations(client, outside, agent, customer):
    closed = {}
    for subject, body in {
        "money": "refund refund please", "access": "my login fails", "post": "parcel lost",
    }.items():
        closed[subject] = await customer.open(subject, body)
        await agent("POST", f"/conversations/{closed[subject]['id']}/close")
    await customer.open("still open", "refund")
    current = await customer.open("Another", "I want a refund")
    path = f"/conversations/{current['id']}/similar"
    found = await agent("GET", f"{path}?limit=2")
    assert found[0]["conversation_id"] == closed["money"]["id"]
    assert found[0]["score"] > 0.9 > found[1]["score"]
    calls = len(outside.ai_requests)
    await agent("GET", path)
    assert len(outside.ai_requests) == calls
    stranger = await register(client, "Other")
    await stranger("GET", path, expect=404)


async def test_webhooks(ctx, outside, admin, agent, customer):
    await customer.open()
    assert await ctx.webhooks.deliver_due() == 0  # no URL yet
    await admin("PATCH", "/organisation", {"webhook_url": "https://hooks.test/in"})
    conversation = await customer.open()
    path = f"/conversations/{conversation['id']}"
    await agent("PUT", f"{path}/tags", {"tags": ["a"]})
    await agent("PUT", f"{path}/assignee", {"assignee_id": agent.id})
    await agent("POST", f"{path}/close")
    await customer("PUT", f"{path}/rating", {"rating": 5})
    assert await ctx.webhooks.deliver_due() == 6
    assert await ctx.webhooks.deliver_due() == 0
    assert [h.headers["X-Talkdesk-Event"] for h in outside.hooks] == [
        "conversation.created", "message.created", "conversation.tagged",
        "conversation.assigned", "conversation.closed", "conversation.rated",
    ]
    hook = outside.hooks[1]
    data = json.loads(hook.content)["data"]
    assert (data["conversation_id"], data["body"]) == (conversation["id"], "Hello, I need help")
    secret = (await admin("GET", "/organisation"))["webhook_secret"]
    expected = sign(secret, hook.headers["X-Talkdesk-Timestamp"], hook.content.decode())
    assert hook.headers["X-Talkdesk-Signature"] == expected


async def test_webhook_retries_then_gives_up(ctx, outside, admin, customer):
    await admin("PATCH", "/organisation", {"webhook_url": "https://hooks.test/in"})
    await customer.open()
    outside.hook_status = 500
    await ctx.webhooks.deliver_due()
    rows = await admin("GET", "/organisation/webhook-deliveries")
    assert {(r["status"], r["attempts"], r["response_code"]) for r in rows} == {("pending", 1, 500)}
    assert await ctx.webhooks.deliver_due() == 0  # not yet due again
    async with ctx.sessions() as session:
        await session.execute(update(WebhookDelivery).values(next_attempt_at=utcnow()))
        await session.commit()
    await ctx.webhooks.deliver_due()
    rows = await admin("GET", "/organisation/webhook-deliveries")
    assert {(r["status"], r["error"]) for r in rows} == {("failed", "HTTP 500")}


async def test_webhooks_do_not_reach_private_addresses(ctx):
    ctx.settings.webhook_allow_private_hosts = False
    for url in ("http://127.0.0.1/", "http://10.0.0.1/x", "http://[::1]/", "http://169.254.169.254/"):
        with pytest.raises(BlockedTarget):
            await ctx.webhooks._check_target(httpx.URL(url))


async def test_dashboard(ctx, admin, agent, customer):
    closed, waiting = await customer.open("closed"), await customer.open("waiting")
    async with ctx.sessions() as session:
        await session.execute(
            update(Conversation).values(waiting_since=utcnow() - timedelta(seconds=60))
        )
        await session.commit()
    await agent.say(closed, "Hello")
    await agent("POST", f"/conversations/{closed['id']}/close")
    await customer("PUT", f"/conversations/{closed['id']}/rating", {"rating": 4})
    overview = await agent("GET", "/dashboard/overview")
    assert overview["open_conversations"] == overview["waiting_conversations"] == 1
    assert overview["unassigned_conversations"] == 1
    assert overview["longest_wait_seconds"] >= 60
    assert overview["average_response_seconds"] == pytest.approx(60, abs=5)
    assert (overview["average_rating"], overview["ratings"]) == (4, 1)
    anna = next(a for a in await agent("GET", "/dashboard/agents") if a["name"] == "Anna")
    assert (anna["replies"], anna["closed_conversations"], anna["open_conversations"]) == (1, 1, 0)
    assert anna["average_rating"] == 4
    days = await agent("GET", "/dashboard/days")
    assert len(days) == 14
    today = days[-1]
    assert (today["opened"], today["closed"], today["open_at_end"]) == (2, 1, 1)
    assert today["average_response_seconds"] == pytest.approx(60, abs=5)
    assert days[0]["average_rating"] is None
    await agent("GET", "/dashboard/days?from=2024-02-01&to=2024-01-01", expect=400)


async def test_csv_export(client, admin, agent, customer):
    conversation = await customer.open(subject="=HYPERLINK(1)", body='Hello, "you"')
    await agent.say(conversation, "Hi")
    await agent("PUT", f"/conversations/{conversation['id']}/tags", {"tags": ["b", "a"]})
    text = await admin("GET", "/export/conversations.csv")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["subject"] == "'=HYPERLINK(1)"
    assert (row["customer_email"], row["assignee"]) == ("carl@example.com", "Anna")
    assert (row["tags"], row["messages"], row["rating"]) == ("a, b", "2", "")
    closed = await admin("GET", "/export/conversations.csv?status=closed")
    assert len(closed.splitlines()) == 1
    stranger = await register(client, "Other")
    assert len((await stranger("GET", "/export/conversations.csv")).splitlines()) == 1


async def test_nightly_job(client, ctx, outside, admin, agent, customer):
    conversation = await customer.open("Lost parcel")
    await agent("POST", f"/conversations/{conversation['id']}/close")
    await customer.open("Still open")
    await register(client, "Other")
    day = utcnow().date()
    outside.mail_broken_for = {"admin@other.com"}
    report = await run_nightly(ctx, day)
    assert (report.summarised, report.mailed, report.failed) == (1, 1, 1)
    ((to, subject, body),) = outside.mails
    assert to == "admin@acme.com" and str(day) in subject
    assert "Lost parcel" in body and "A summary." in body and "Still open: 1" in body
    outside.mail_broken_for = set()
    report = await run_nightly(ctx, day)  # again: only what failed
    assert (report.summarised, report.mailed, report.failed) == (0, 1, 0)
    assert outside.mails[-1][0] == "admin@other.com"
    assert "No conversations were closed." in outside.mails[-1][2]


async def test_nightly_job_mails_even_if_the_ai_is_down(ctx, outside, admin, agent, customer):
    conversation = await customer.open("Lost parcel")
    await agent("POST", f"/conversations/{conversation['id']}/close")
    outside.ai_status = 400
    report = await run_nightly(ctx, utcnow().date())
    assert (report.mailed, report.failed) == (1, 1)
    assert "No summary available." in outside.mails[0][2]


async def test_seed(ctx, client):
    async with ctx.sessions() as session:
        await seed(session, per_organisation=10)
        newest = (await session.scalars(select(Message.created_at))).all()
    assert max(newest) < utcnow()
    login = {"email": "ada@acme-bikes.example.com", "password": "demo-password"}
    token = (await client.post("/auth/login", json=login)).json()["access_token"]
    response = await client.get("/conversations", headers={"Authorization": f"Bearer {token}"})
    assert response.json()["total"] == 10


async def test_health(client):
    assert (await client.get("/health")).json() == {"status": "ok"}
