import io
import json
import zipfile

import pytest
from mealbox.config import Settings
from mealbox.units import canonical_unit, clean_name
from seed import PASSWORD, seed

from .conftest import MONDAY

pytestmark = pytest.mark.anyio


async def test_recommendations(world):
    ann, bob, eve = [await world.household(name) for name in ("ann", "bob", "eve")]
    soup, pie, stew, cake = [await ann.recipe(t, is_public=True) for t in ("Soup", "Pie", "Stew", "Cake")]
    secret = await bob.recipe("Secret")
    assert await ann.get(f"{ann.home}/recommendations") == []

    async def like(who, *recipes):
        for recipe in recipes:
            await who.put(f"/recipes/{recipe['id']}/rating", {"stars": 5})

    await like(ann, soup, pie)
    await like(bob, soup, pie, stew, secret)
    await like(eve, soup)
    await eve.put(f"/recipes/{cake['id']}/favourite")
    found = await ann.get(f"{ann.home}/recommendations")
    # bob shares 2 of the 4 liked by either, eve 1 of 3
    assert [(r["recipe"]["title"], r["score"]) for r in found] == [("Stew", 0.5), ("Cake", 0.333)]


async def test_admin_statistics(world):
    ann, bob, admin = await world.household("ann"), await world.household("bob"), await world.person("root", admin=True)
    soup, pie = await ann.recipe("Soup", is_public=True), await ann.recipe("Pie", is_public=True)
    for who, recipe in ((ann, soup), (ann, pie), (bob, soup)):
        entry = await who.plan(recipe)
        await who.post(f"{who.home}/plan/{entry['id']}/cooked")
    await world.household("idle")
    assert await admin.get("/admin/most-cooked", limit=1) == [
        {"id": soup["id"], "title": "Soup", "times": 2, "households": 2}]
    week, = await admin.get("/admin/trends")
    assert (week["week"], week["meals"], week["households"]) == (str(MONDAY), 3, 2)
    assert [(r["title"], r["times"]) for r in week["top"]] == [("Soup", 2), ("Pie", 1)]
    active = await admin.get("/admin/active-households")
    assert (active["active"], active["total"]) == (2, 3)
    assert [(h["name"], h["actions"]) for h in active["households"]] == [("ann's", 4), ("bob's", 1)]
    await ann.get("/admin/most-cooked", expect=403)


async def test_export(world):
    ann, eve = await world.household("ann"), await world.household("eve")
    soup = await ann.recipe("Soup", [("lentils", 200, "g")])
    await eve.recipe("Not ours")
    await ann.plan(soup)
    await ann.put(f"/recipes/{soup['id']}/rating", {"stars": 4})
    await ann.post(f"{ann.home}/pantry", [{"name": "rice", "amount": 1, "unit": "kg"}])
    response = await ann.get(f"{ann.home}/export")
    assert response.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(response.content))
    files = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    assert {"household.json", "members.json", "recipes.json", "plan_entries.json", "pantry_items.json",
            "ratings.json", "favourites.json", "comments.json", "cook_logs.json", "activities.json",
            "friendships.json"} == set(files)
    assert [r["title"] for r in files["recipes.json"]] == ["Soup"]
    assert files["recipes.json"][0]["ingredients"][0]["name"] == "lentil"
    assert (files["plan_entries.json"][0]["title"], files["pantry_items.json"][0]["name"]) == ("Soup", "rice")
    assert files["ratings.json"][0]["stars"] == 4
    assert "password" not in json.dumps(files)
    await eve.get(f"{ann.home}/export", expect=404)


async def test_seed(world):
    settings = Settings(database_url=world.app.state.outside.settings.database_url)
    await seed(settings)
    await seed(settings)
    login = await world.client.post("/auth/login", json={"email": "ann@example.com", "password": PASSWORD})
    headers = {"Authorization": f"Bearer {login.json()['token']}"}
    assert (await world.client.get("/recipes", headers=headers)).json()["total"] == 4
    found = (await world.client.get("/households/1/recommendations", headers=headers)).json()
    assert {r["recipe"]["title"] for r in found} == {"Pancakes", "Chicken curry", "Lentil soup"}


async def test_names_and_units():
    assert [clean_name(n) for n in ("Red  Onions", "Tomatoes", "berries", "hummus", "peas")] == [
        "red onion", "tomato", "berry", "hummus", "pea"]
    assert [canonical_unit(u) for u in ("Grams", "tbsp.", "cups", "litres", "", "bunches", "smidgen")] == [
        "g", "tbsp", "cup", "l", "piece", "bunch", "smidgen"]
