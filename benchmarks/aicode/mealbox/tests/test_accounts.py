import pytest

pytestmark = pytest.mark.anyio


async def test_register_login_logout(world):
    ann = await world.person("ann")
    assert await ann.get("/households") == []
    again = {"email": "ANN@example.com", "password": "correct horse", "name": "Ann"}
    assert (await world.client.post("/auth/register", json=again)).status_code == 409
    for email in ("ann@example.com", "nobody@example.com"):
        wrong = await world.client.post("/auth/login", json={"email": email, "password": "wrong horse"})
        assert wrong.status_code == 401
    await ann.post("/auth/logout")
    await ann.get("/households", expect=401)
    assert (await world.client.get("/households")).status_code == 401


async def test_members(world):
    ann, bob, eve = await world.household("ann"), await world.person("bob"), await world.person("eve")
    await bob.post("/households/join", {"invite_code": "nonsense"}, expect=404)
    await bob.post("/households/join", {"invite_code": ann.invite})
    await bob.post("/households/join", {"invite_code": ann.invite})
    await ann.call("PATCH", f"{ann.home}/members/{bob.id}", json={"portion": 1.5})
    members = await bob.get(f"{ann.home}/members")
    assert [(m["name"], m["role"], m["portion"]) for m in members] == [("Ann", "owner", 1), ("Bob", "member", 1.5)]
    await eve.get(f"{ann.home}/members", expect=404)
    await bob.delete(f"{ann.home}/members/{ann.id}", expect=403)
    await ann.delete(f"{ann.home}/members/{ann.id}", expect=403)
    await bob.delete(f"{ann.home}/members/{bob.id}")
    await bob.get(f"{ann.home}/members", expect=404)


async def test_friends_and_feed(world):
    ann, bob = await world.household("ann"), await world.household("bob")
    await ann.recipe("Secret stew")
    soup = await ann.recipe("Soup", is_public=True)
    await bob.put(f"{bob.home}/friends/{ann.home_id}")
    assert await bob.get(f"{bob.home}/feed") == []
    asked = await ann.get(f"{ann.home}/friends")
    assert [(f["household_id"], f["we_agreed"], f["they_agreed"]) for f in asked] == [(bob.home_id, False, True)]
    await ann.put(f"{ann.home}/friends/{bob.home_id}")
    await ann.put(f"{ann.home}/friends/{bob.home_id}")
    await ann.put(f"{ann.home}/friends/999", expect=404)
    await ann.put(f"/recipes/{soup['id']}/rating", {"stars": 5})
    feed = await bob.get(f"{bob.home}/feed")
    assert [(a["kind"], a["recipe"], a["user"]) for a in feed] == [("rated", "Soup", "Ann"), ("added", "Soup", "Ann")]
    assert [a["kind"] for a in await bob.get(f"{bob.home}/feed", before_id=feed[0]["id"])] == ["added"]
    assert await ann.get(f"{ann.home}/feed") == []
