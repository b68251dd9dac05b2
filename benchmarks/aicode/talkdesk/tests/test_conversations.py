from datetime import timedelta

import pytest

from talkdesk.models import Conversation, utcnow

from .conftest import register, sign_up

pytestmark = pytest.mark.anyio


async def test_conversation_shows_participants_last_message_and_waiting_time(
    ctx, agent, customer
):
    conversation = await customer.open()
    path = f"/conversations/{conversation['id']}"
    async with ctx.sessions() as session:
        row = await session.get_one(Conversation, conversation["id"])
        row.waiting_since = utcnow() - timedelta(seconds=90)
        await session.commit()
    await customer.say(conversation, "Is anybody there?")
    shown = await agent("GET", path)
    assert 90 <= shown["waiting_seconds"] < 100
    assert shown["last_message"]["preview"] == "Is anybody there?"
    await agent.say(conversation, "Yes, hello!")
    shown = await agent("GET", path)
    assert shown["waiting_seconds"] is None
    assert [p["name"] for p in shown["participants"]] == ["Anna", "Carl"]
    assert shown["assignee"]["id"] == agent.id
    assert shown["last_message"]["sender_id"] == agent.id


async def test_attachments(agent, customer):
    file = {
        "filename": "wheel.jpg", "content_type": "image/jpeg", "size_bytes": 10,
        "url": "https://files.example.com/wheel.jpg",
    }
    conversation = await customer.open(attachments=[file])
    messages = await agent("GET", f"/conversations/{conversation['id']}/messages")
    attachment = messages[0]["attachments"][0]
    assert {k: attachment[k] for k in file} == file
    bad = {"body": "x", "attachments": [{**file, "url": "javascript:alert(1)"}]}
    await customer("POST", f"/conversations/{conversation['id']}/messages", bad, expect=422)


async def test_unread_counts(admin, agent, customer):
    conversation = await customer.open()
    path = f"/conversations/{conversation['id']}"
    second = await customer.say(conversation, "Second")
    inbox = await agent("GET", "/inbox?box=unassigned")
    assert inbox["counts"] == {
        "mine": 0, "unassigned": 1, "all_open": 1, "unread_conversations": 1, "unread_messages": 2,
    }
    assert inbox["items"][0]["unread_count"] == 2
    read = await agent("POST", f"{path}/read", {"message_id": second["id"] - 1})
    assert read["unread_count"] == 1
    await agent.say(conversation, "Hello")  # answering reads everything before it
    assert (await agent("GET", path))["unread_count"] == 0
    assert (await agent("GET", "/inbox"))["counts"]["mine"] == 1
    assert (await customer("GET", path))["unread_count"] == 1
    assert (await admin("GET", path))["unread_count"] == 3
    assert (await customer("POST", f"{path}/read", {}))["unread_count"] == 0


async def test_inbox_puts_the_longest_waiting_first(agent, customer):
    first, second, third = [await customer.open(subject=s) for s in ("1", "2", "3")]
    await agent.say(first, "Answered")
    items = (await agent("GET", "/inbox?box=all"))["items"]
    assert [c["id"] for c in items] == [second["id"], third["id"], first["id"]]


async def test_notes_are_hidden_from_customers(agent, customer):
    conversation = await customer.open()
    path = f"/conversations/{conversation['id']}"
    await agent.say(conversation, "Careful with this one", "notes")
    shown = await customer("GET", path)
    assert shown["unread_count"] == 0
    assert shown["last_message"]["preview"] == "Hello, I need help"
    assert shown["waiting_seconds"] is not None
    assert len(await customer("GET", f"{path}/messages")) == 1
    assert [m["is_internal"] for m in await agent("GET", f"{path}/messages")] == [False, True]
    await customer("POST", f"{path}/notes", {"body": "x"}, expect=403)


async def test_message_pages(agent, customer):
    conversation = await customer.open(body="0")
    path = f"/conversations/{conversation['id']}/messages"
    for i in range(1, 5):
        await customer.say(conversation, str(i))
    page = await agent("GET", f"{path}?limit=2")
    assert [m["body"] for m in page] == ["3", "4"]
    page = await agent("GET", f"{path}?limit=2&before_id={page[0]['id']}")
    assert [m["body"] for m in page] == ["1", "2"]


async def test_search(client, agent, customer):
    conversation = await customer.open(body="My Wheel is 100% broken")
    await customer.say(conversation, "The saddle is fine")
    found = await agent("GET", "/search/messages?q=broken wheel")
    assert [h["message"]["body"] for h in found["items"]] == ["My Wheel is 100% broken"]
    assert found["items"][0]["subject"] == "Broken wheel"
    assert (await agent("GET", "/search/messages?q=0%25"))["total"] == 1
    assert (await agent("GET", "/search/messages?q=%25%25"))["total"] == 0
    stranger = await register(client, "Other")
    assert (await stranger("GET", "/search/messages?q=wheel"))["total"] == 0


async def test_tags(admin, agent, customer):
    conversation = await customer.open()
    path = f"/conversations/{conversation['id']}"
    shown = await agent("PUT", f"{path}/tags", {"tags": ["Billing", "urgent", "billing "]})
    assert shown["tags"] == ["billing", "urgent"]
    assert (await agent("PUT", f"{path}/tags", {"tags": ["billing"]}))["tags"] == ["billing"]
    assert (await agent("GET", "/conversations?tag=billing"))["total"] == 1
    assert (await agent("GET", "/conversations?tag=urgent"))["total"] == 0
    tags = await agent("GET", "/tags")
    assert [(t["name"], t["conversations"]) for t in tags] == [("billing", 1), ("urgent", 0)]
    assert (await customer("GET", path))["tags"] == []
    await admin("DELETE", f"/tags/{tags[0]['id']}", expect=204)
    assert (await agent("GET", path))["tags"] == []


async def test_assign(client, admin, agent, customer):
    conversation = await customer.open()
    path = f"/conversations/{conversation['id']}/assignee"
    shown = await agent("PUT", path, {"assignee_id": admin.id})
    assert shown["assignee"]["id"] == admin.id
    assert (await admin("GET", "/conversations?assignee=me"))["total"] == 1
    assert (await agent("GET", "/conversations?assignee=none"))["total"] == 0
    stranger = await register(client, "Other")
    for wrong in (customer.id, stranger.id, 999):
        await agent("PUT", path, {"assignee_id": wrong}, expect=400)
    assert (await agent("PUT", path, {"assignee_id": None}))["assignee"] is None


async def test_close_rate_and_reopen(agent, customer):
    conversation = await customer.open()
    path = f"/conversations/{conversation['id']}"
    await customer("PUT", f"{path}/rating", {"rating": 5}, expect=409)
    assert (await agent("POST", f"{path}/close"))["status"] == "closed"
    await agent("POST", f"{path}/close", expect=409)
    await agent("POST", f"{path}/messages", {"body": "One more thing"}, expect=409)
    await agent("PUT", f"{path}/rating", {"rating": 5}, expect=403)
    await customer("PUT", f"{path}/rating", {"rating": 6}, expect=422)
    rated = await customer("PUT", f"{path}/rating", {"rating": 4, "comment": "Good"})
    assert (rated["rating"], rated["rating_comment"]) == (4, "Good")
    await customer.say(conversation, "It broke again")
    shown = await agent("GET", path)
    assert (shown["status"], shown["closed_at"]) == ("open", None)
    assert shown["waiting_seconds"] is not None


async def test_nobody_sees_the_conversations_of_others(client, agent, customer):
    conversation = await customer.open()
    path = f"/conversations/{conversation['id']}"
    stranger = await register(client, "Other")
    other_customer = await sign_up(client, "acme", "dora@example.com", "Dora")
    for person in (stranger, other_customer):
        await person("GET", path, expect=404)
        await person("GET", f"{path}/messages", expect=404)
        await person("POST", f"{path}/messages", {"body": "x"}, expect=404)
        assert (await person("GET", "/conversations"))["total"] == 0
    for action in ("close", "summary", "reopen"):
        await stranger("POST", f"{path}/{action}", expect=404)
        await customer("POST", f"{path}/{action}", expect=403)


async def test_agent_opens_for_a_customer(agent, customer):
    conversation = await agent.open(customer_id=customer.id)
    assert conversation["assignee"]["id"] == agent.id
    assert conversation["waiting_since"] is None
    assert (await customer("GET", "/conversations"))["items"][0]["unread_count"] == 1
    await agent("POST", "/conversations", {"subject": "x", "body": "y"}, expect=400)
