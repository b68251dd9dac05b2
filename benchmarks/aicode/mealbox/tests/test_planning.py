from datetime import date, timedelta

import pytest

from .conftest import MONDAY

pytestmark = pytest.mark.anyio


async def test_plan(world):
    ann, bob, eve = await world.household("ann"), await world.person("bob"), await world.household("eve")
    await bob.post("/households/join", {"invite_code": ann.invite})
    soup, secret = await ann.recipe(), await eve.recipe("Secret")
    dinner = await ann.plan(soup)
    assert (dinner["servings"], dinner["eaters"]) == (2, [])
    lunch = await ann.plan(soup, meal="lunch", eaters=[bob.id])
    assert (lunch["servings"], lunch["eaters"]) == (1, [bob.id])
    await ann.plan(soup, MONDAY + timedelta(days=7))
    await ann.post(f"{ann.home}/plan", {"recipe_id": secret["id"], "day": str(MONDAY)}, expect=404)
    await ann.post(f"{ann.home}/plan", {"recipe_id": soup["id"], "day": str(MONDAY), "eaters": [eve.id]}, expect=422)
    week = await bob.get(f"{ann.home}/plan", week=str(MONDAY + timedelta(days=3)))
    assert [entry["meal"] for entry in week] == ["lunch", "dinner"]
    assert (await ann.post(f"{ann.home}/plan/{dinner['id']}/cooked"))["cooked"]
    await ann.post(f"{ann.home}/plan/{dinner['id']}/cooked", expect=409)
    await eve.delete(f"{eve.home}/plan/{lunch['id']}", expect=404)
    await ann.delete(f"{ann.home}/plan/{lunch['id']}")
    assert len(await ann.get(f"{ann.home}/plan", week=str(MONDAY))) == 1


async def test_shopping_list(world):
    ann = await world.household("ann")
    bread = await ann.recipe("Bread", [("flour", 1, "kg"), ("milk", 2, "dl"), ("salt",)], servings=2)
    cake = await ann.recipe("Cake", [("flour", 1, "cup"), ("eggs", 4), ("onions", 2)], servings=4)
    await ann.plan(bread, servings=4)
    await ann.plan(cake, servings=2)
    yesterday = str(date.today() - timedelta(days=1))
    await ann.post(f"{ann.home}/pantry", [
        {"name": "Flour", "amount": 500, "unit": "grams"}, {"name": "egg", "amount": 12},
        {"name": "milk", "amount": 5, "unit": "l", "best_before": yesterday}])
    week = await ann.get(f"{ann.home}/shopping-list", week=str(MONDAY))
    items = {aisle["aisle"]: [(i["name"], i["amount"], i["unit"]) for i in aisle["items"]] for aisle in week["aisles"]}
    assert items == {"baking": [("flour", 1.56, "kg")], "dairy": [("milk", 400, "ml")],
                     "oils and spices": [("salt", None, "")], "produce": [("onion", 110, "g")]}
    world.prices = {"flour": {"price": 1, "amount": 1, "unit": "kg"},
                    "onion": {"price": 0.5, "amount": 1, "unit": "piece"}}
    cost = await ann.get(f"{ann.home}/shopping-list/cost", week=str(MONDAY))
    assert (cost["total"], cost["currency"], cost["unpriced"]) == (2.06, "EUR", ["milk"])
    assert len(world.requests) == 1


async def test_pantry(world):
    ann, eve = await world.household("ann"), await world.household("eve")
    soon, later = (str(date.today() + timedelta(days=days)) for days in (2, 50))
    items = await ann.post(f"{ann.home}/pantry", [{"name": "rice", "amount": 1, "unit": "kg", "best_before": later},
                                                  {"name": "salt", "amount": 1, "unit": "pack"},
                                                  {"name": "milk", "amount": 1, "unit": "l", "best_before": soon}])
    assert [i["name"] for i in await ann.get(f"{ann.home}/pantry")] == ["milk", "rice", "salt"]
    assert [i["name"] for i in await ann.get(f"{ann.home}/pantry", expiring_within=7)] == ["milk"]
    await eve.delete(f"{eve.home}/pantry/{items[0]['id']}", expect=404)
    await ann.delete(f"{ann.home}/pantry/{items[0]['id']}")
    assert len(await ann.get(f"{ann.home}/pantry")) == 2


async def test_what_can_i_cook(world):
    ann = await world.household("ann")
    await ann.recipe("Porridge", [("oats", 100, "g"), ("milk", 2, "dl")])
    await ann.recipe("Toast", [("bread", 2, "slices")])
    await ann.recipe("Feast", [("milk", 10, "l"), ("bread", 1, "slice")])
    await ann.recipe("Banquet", [("lobster", 1), ("caviar", 1)])
    await ann.post(f"{ann.home}/pantry", [
        {"name": "oats", "amount": 1, "unit": "cup"}, {"name": "bread", "amount": 5, "unit": "slice"},
        {"name": "milk", "amount": 1, "unit": "l", "best_before": str(date.today() + timedelta(days=1))}])
    # a cup of oats is 96 g, so the porridge is just short
    assert [r["title"] for r in await ann.get(f"{ann.home}/what-can-i-cook")] == ["Toast"]
    await ann.post(f"{ann.home}/pantry", [{"name": "oat", "amount": 10, "unit": "g"}])
    found = await ann.get(f"{ann.home}/what-can-i-cook", max_missing=1)
    assert [(r["title"], r["missing"], r["uses_up"]) for r in found] == [
        ("Porridge", [], ["milk"]), ("Toast", [], []), ("Feast", ["milk"], [])]


async def test_nutrition(world):
    ann, bob = await world.household("ann"), await world.person("bob")
    await bob.post("/households/join", {"invite_code": ann.invite})
    await ann.call("PATCH", f"{ann.home}/members/{bob.id}", json={"portion": 2})
    soup = await ann.recipe(nutrition={"calories": 300, "protein_g": 10})
    await ann.plan(soup)
    await ann.plan(soup, meal="lunch", eaters=[ann.id])
    await ann.plan(await ann.recipe("Mystery"), MONDAY + timedelta(days=1))
    first, second = await ann.get(f"{ann.home}/nutrition", start=str(MONDAY), days=2)
    assert [(m["name"], m["calories"], m["protein_g"]) for m in first["members"]] == [
        ("Ann", 600, 20), ("Bob", 600, 20)]
    assert (second["without_data"], second["members"][0]["calories"]) == (["Mystery"], 0)


async def test_email(world):
    ann, bob = await world.household("ann"), await world.person("bob")
    await bob.post("/households/join", {"invite_code": ann.invite})
    await ann.plan(await ann.recipe("Lentil soup"))
    assert await ann.post(f"{ann.home}/plan/email", week=str(MONDAY), expect=202) == {"recipients": 2}
    assert sorted(mail["To"] for mail in world.mailer.sent) == ["ann@example.com", "bob@example.com"]
    assert "dinner: Lentil soup (2 servings)" in world.mailer.sent[0].get_content()
