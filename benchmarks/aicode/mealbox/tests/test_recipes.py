import json

import httpx
import pytest
from mealbox.services.importer import parse_ingredient

pytestmark = pytest.mark.anyio
PAGE = "http://93.184.216.34/pie"
PIE = {"@context": "https://schema.org", "@graph": [{"@type": "WebPage"}, {
    "@type": ["Recipe"], "name": "Apple &amp; pear pie", "recipeYield": ["6 servings"], "prepTime": "PT20M",
    "cookTime": "PT1H5M", "keywords": "Baking, dessert", "image": ["https://example.com/pie.jpg"],
    "recipeIngredient": ["1 1/2 cups flour, sifted", "3 apples", "½ tsp salt", "cream"],
    "recipeInstructions": [{"@type": "HowToSection", "itemListElement": [
        {"@type": "HowToStep", "text": "<p>Mix.</p>"}]}, {"@type": "HowToStep", "text": "Bake."}],
    "nutrition": {"calories": "320 kcal", "fatContent": "12,5 g"}}]}


def page_of(data):
    return f"<html><script type='application/ld+json'>{json.dumps(data)}</script></html>"


async def test_create_read_replace_delete(world):
    ann, bob = await world.household("ann"), await world.household("bob")
    made = await ann.recipe("Omelette", [("Eggs", 3), ("salt",)], steps=["Whisk", "Fry"], tags=["Quick", "quick"],
                            photos=[{"url": "https://example.com/o.jpg", "width": 10}], nutrition={"calories": 300})
    path = f"/recipes/{made['id']}"
    seen = await ann.get(path)
    assert [(i["name"], i["amount"], i["unit"]) for i in seen["ingredients"]] == [
        ("egg", 3, "piece"), ("salt", None, "piece")]
    assert (seen["steps"], seen["tags"], seen["photos"][0]["width"]) == (["Whisk", "Fry"], ["quick"], 10)
    assert seen["nutrition"]["calories"] == 300
    await bob.get(path, expect=404)
    changed = {"title": "Big omelette", "is_public": True, "ingredients": [{"name": "egg", "amount": 6}]}
    assert (await ann.put(path, changed))["title"] == "Big omelette"
    seen = await bob.get(path)
    assert (len(seen["ingredients"]), seen["steps"], seen["tags"]) == (1, [], [])
    await bob.put(path, changed, expect=403)
    await bob.delete(path, expect=403)
    await ann.delete(path)
    await ann.get(path, expect=404)


async def test_import_from_url(world):
    ann = await world.household("ann")
    world.pages[PAGE] = page_of(PIE)
    pie = await ann.post(f"{ann.home}/recipes/import-url", {"url": PAGE})
    assert (pie["title"], pie["servings"], pie["prep_minutes"], pie["cook_minutes"]) == ("Apple & pear pie", 6, 20, 65)
    assert [(i["name"], i["amount"], i["unit"], i["note"]) for i in pie["ingredients"]] == [
        ("flour", 1.5, "cup", "sifted"), ("apple", 3, "piece", ""), ("salt", 0.5, "tsp", ""),
        ("cream", None, "piece", "")]
    assert (pie["steps"], pie["tags"]) == (["Mix.", "Bake."], ["baking", "dessert"])
    assert (pie["nutrition"]["calories"], pie["nutrition"]["fat_g"]) == (320, 12.5)
    assert (pie["photos"][0]["url"], pie["source_url"]) == ("https://example.com/pie.jpg", PAGE)


async def test_import_from_url_failures(world):
    ann = await world.household("ann")
    site = "http://93.184.216.34"
    world.pages = {f"{site}/none": "<html></html>", f"{site}/no-name": page_of({"@type": "Recipe"}),
                   f"{site}/inside": httpx.Response(302, headers={"location": "http://127.0.0.1/"}),
                   f"{site}/moved": httpx.Response(301, headers={"location": "/pie"}), PAGE: page_of(PIE)}
    for url in (f"{site}/none", f"{site}/no-name", f"{site}/missing", f"{site}/inside", "http://127.0.0.1/",
                "http://10.0.0.1/x", "file:///etc/passwd", "nonsense"):
        await ann.post(f"{ann.home}/recipes/import-url", {"url": url}, expect=422)
    assert all(request.url.host == "93.184.216.34" for request in world.requests)
    assert (await ann.post(f"{ann.home}/recipes/import-url", {"url": f"{site}/moved"}))["servings"] == 6


async def test_import_from_file(world):
    ann = await world.household("ann")
    recipes = [{"title": f"Dish {i}", "tags": ["bulk"], "ingredients": [{"name": "rice", "amount": i, "unit": "g"}]}
               for i in range(30)] + [{"title": ""}, {"title": "x", "servings": 0}]
    report = await ann.post(f"{ann.home}/recipes/import-file", recipes)
    assert len(report["imported"]) == 30
    assert [f["index"] for f in report["failed"]] == [30, 31]
    assert "servings" in report["failed"][1]["errors"][0]
    assert (await ann.get("/recipes", tag="bulk", limit=5))["total"] == 30


@pytest.mark.parametrize(("line", "expected"), [
    ("200g butter", ("butter", 200, "g")), ("2 tablespoons olive oil", ("olive oil", 2, "tbsp")),
    ("2–3 carrots", ("carrots", 2, "piece")), ("1½ lbs beef (lean)", ("beef", 1.5, "lb")),
    ("salt to taste", ("salt to taste", None, "piece"))])
async def test_parse_ingredient(line, expected):
    parsed = parse_ingredient(line)
    assert (parsed["name"], parsed["amount"], parsed["unit"]) == expected


async def test_search(world):
    ann, bob = await world.household("ann"), await world.household("bob")
    await ann.recipe("Tomato pasta", [("pasta", 1), ("tomatoes", 2)], tags=["quick"], is_public=True)
    await ann.recipe("Peanut noodles", [("noodles", 1), ("peanuts", 2)], tags=["quick", "asian"], is_public=True)
    await ann.recipe("Secret pasta", [("pasta", 1)])

    async def titles(who, **params):
        return [r["title"] for r in (await who.get("/recipes", **params))["items"]]

    assert await titles(ann, q="pasta") == ["Secret pasta", "Tomato pasta"]
    assert await titles(bob, q="PASTA tomato") == ["Tomato pasta"]
    assert await titles(bob, q="100%") == []
    assert await titles(bob, tag=["quick", "Asian"]) == ["Peanut noodles"]
    assert await titles(bob, tag="quick", avoid="peanuts") == ["Tomato pasta"]
    found = await ann.get("/recipes", have=["pasta", "tomato"])
    assert [(r["title"], r["matched"]) for r in found["items"]] == [("Tomato pasta", 2), ("Secret pasta", 1)]
    page = await ann.get("/recipes", limit=1, offset=1)
    assert (page["total"], len(page["items"])) == (3, 1)


async def test_ratings_favourites_comments(world):
    ann, bob = await world.household("ann"), await world.household("bob")
    soup = await ann.recipe(is_public=True)
    path = f"/recipes/{soup['id']}"
    await ann.put(f"{path}/rating", {"stars": 2})
    await ann.put(f"{path}/rating", {"stars": 4})
    assert await bob.put(f"{path}/rating", {"stars": 5}) == {"rating": 4.5, "ratings": 2}
    await bob.put(f"{path}/rating", {"stars": 6}, expect=422)
    assert (await bob.get(path))["rating"] == 4.5
    await bob.put(f"{path}/favourite")
    await bob.put(f"{path}/favourite")
    assert [r["title"] for r in await bob.get("/favourites")] == ["Soup"]
    await bob.delete(f"{path}/favourite")
    assert await bob.get("/favourites") == []
    await bob.post(f"{path}/comments", {"text": "Lovely"}, expect=201)
    await ann.post(f"{path}/comments", {"text": "Thanks"}, expect=201)
    assert [(c["author"], c["text"]) for c in await ann.get(f"{path}/comments")] == [
        ("Ann", "Thanks"), ("Bob", "Lovely")]
    await bob.put("/recipes/999/rating", {"stars": 5}, expect=404)


async def test_recipe_cost(world):
    ann = await world.household("ann")
    bread = await ann.recipe("Bread", [("flour", 500, "g"), ("salt",), ("magic", 1)], servings=2)
    world.prices = {"flour": {"price": 2, "amount": 1, "unit": "kg", "currency": "EUR"}}
    cost = await ann.get(f"/recipes/{bread['id']}/cost")
    assert (cost["total"], cost["per_serving"], cost["unpriced"]) == (1, 0.5, ["magic"])
    world.prices = None  # the API is down
    assert (await ann.get(f"/recipes/{bread['id']}/cost"))["unpriced"] == ["flour", "magic"]
