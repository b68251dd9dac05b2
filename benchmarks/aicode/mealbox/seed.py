"""Fills the database with a little of everything: python seed.py"""
import asyncio
from datetime import date, timedelta

from mealbox.config import Settings
from mealbox.db import create_tables, make_engine, make_sessionmaker
from mealbox.models import (Activity, CookLog, Favourite, Friendship, Household, Membership, PantryItem, PlanEntry,
                            Rating, User)
from mealbox.schemas import RecipeIn
from mealbox.security import hash_password
from mealbox.services.kitchen import monday
from mealbox.services.recipes import ensure_ingredients, save_recipes
from sqlalchemy import select

PASSWORD = "mealbox-demo"
PEOPLE = {"Baker": ["ann", "bob"], "Cook": ["cleo", "dan"], "Garden": ["eve"]}
RECIPES = [
    {"title": "Tomato pasta", "tags": ["quick", "vegetarian"], "servings": 4, "prep_minutes": 10, "cook_minutes": 15,
     "ingredients": [{"name": "pasta", "amount": 400, "unit": "g"}, {"name": "tomatoes", "amount": 6},
                     {"name": "garlic", "amount": 2, "unit": "clove"},
                     {"name": "olive oil", "amount": 2, "unit": "tbsp"},
                     {"name": "salt"}],
     "steps": ["Cook the pasta.", "Fry the garlic, add the tomatoes.", "Mix."],
     "photos": [{"url": "https://example.com/pasta.jpg", "width": 800, "height": 600}],
     "nutrition": {"calories": 450, "protein_g": 14, "fat_g": 9, "carbs_g": 78}},
    {"title": "Pancakes", "tags": ["breakfast", "vegetarian"], "servings": 4, "prep_minutes": 5, "cook_minutes": 20,
     "ingredients": [{"name": "flour", "amount": 2, "unit": "cups"}, {"name": "milk", "amount": 0.5, "unit": "l"},
                     {"name": "eggs", "amount": 3}, {"name": "butter", "amount": 2, "unit": "tbsp"}],
     "steps": ["Whisk.", "Rest for ten minutes.", "Fry."],
     "nutrition": {"calories": 380, "protein_g": 13, "fat_g": 12, "carbs_g": 54}},
    {"title": "Chicken curry", "tags": ["dinner"], "servings": 4, "prep_minutes": 15, "cook_minutes": 35,
     "ingredients": [{"name": "chicken", "amount": 600, "unit": "g"}, {"name": "onions", "amount": 2},
                     {"name": "curry powder", "amount": 2, "unit": "tbsp"},
                     {"name": "rice", "amount": 300, "unit": "g"},
                     {"name": "coconut milk", "amount": 400, "unit": "ml"}],
     "steps": ["Fry the onions.", "Add chicken and curry.", "Simmer in coconut milk.", "Serve with rice."],
     "nutrition": {"calories": 620, "protein_g": 40, "fat_g": 24, "carbs_g": 62}},
    {"title": "Lentil soup", "tags": ["soup", "vegan", "quick"], "servings": 6, "prep_minutes": 10, "cook_minutes": 30,
     "ingredients": [{"name": "lentils", "amount": 300, "unit": "g"}, {"name": "carrots", "amount": 3},
                     {"name": "onion", "amount": 1}, {"name": "cumin", "amount": 1, "unit": "tsp"}],
     "steps": ["Chop.", "Simmer for half an hour."],
     "nutrition": {"calories": 260, "protein_g": 16, "fat_g": 3, "carbs_g": 42}},
]


async def seed(settings: Settings) -> None:
    engine = make_engine(settings.database_url)
    await create_tables(engine)
    today, password_hash = date.today(), await hash_password(PASSWORD)
    async with make_sessionmaker(engine)() as session:
        if await session.scalar(select(User.id).limit(1)):
            print("The database has users already; nothing done.")
            return
        session.add(User(email="admin@example.com", name="Admin", password_hash=password_hash, is_admin=True))
        households, users = [], []
        for name, people in PEOPLE.items():
            household = Household(name=f"The {name}s", invite_code=f"join-{name.lower()}")
            family = [User(email=f"{p}@example.com", name=p.title(), password_hash=password_hash) for p in people]
            session.add_all([household, *family])
            await session.flush()
            session.add_all(Membership(household_id=household.id, user_id=user.id,
                                       role="owner" if user is family[0] else "member") for user in family)
            households.append(household)
            users.append(family[0])
        baker, cook, garden = (h.id for h in households)
        recipes = await save_recipes(session, [RecipeIn(**r, is_public=True) for r in RECIPES], baker, users[0].id)
        pasta, pancakes, curry, soup = recipes
        session.add_all(Friendship(household_id=a, friend_id=b) for a, b in ((baker, cook), (cook, baker)))
        session.add_all(Rating(recipe_id=r.id, user_id=u.id, stars=s) for u, r, s in (
            (users[0], pasta, 5), (users[1], pasta, 4), (users[1], curry, 5), (users[2], pasta, 5),
            (users[2], soup, 5)))
        session.add(Favourite(recipe_id=pancakes.id, user_id=users[1].id))
        for i, recipe in enumerate(recipes):
            session.add(PlanEntry(household_id=baker, recipe_id=recipe.id, day=monday(today) + timedelta(days=i),
                                  meal="dinner", servings=2))
            day = today - timedelta(days=5 * i)
            for household_id in (baker, cook)[:1 + i % 2]:
                session.add(CookLog(household_id=household_id, recipe_id=recipe.id, cooked_on=day, week=monday(day),
                                    servings=4))
                session.add(Activity(household_id=household_id, recipe_id=recipe.id, kind="cooked"))
        stock = {"flour": (1, "kg", 90), "milk": (1, "l", 4), "egg": (6, "piece", 9), "butter": (250, "g", 20),
                 "pasta": (200, "g", 300)}
        ingredients = await ensure_ingredients(session, stock)
        session.add_all(PantryItem(household_id=baker, ingredient_id=ingredients[name].id, amount=amount, unit=unit,
                                   best_before=today + timedelta(days=days))
                        for name, (amount, unit, days) in stock.items())
        await session.commit()
    await engine.dispose()
    print(f"Seeded. Log in as ann@example.com or admin@example.com, password {PASSWORD}")


if __name__ == "__main__":
    asyncio.run(seed(Settings()))
