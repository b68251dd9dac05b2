"""What is planned, what is in the pantry, and what follows from the two."""
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from ..models import (Ingredient, Membership, PantryItem, PlanEntry, Recipe, RecipeIngredient, Tag, User,
                      recipe_tags)
from ..units import readable, to_base
from .recipes import visible_to

MEALS = {"breakfast": 0, "lunch": 1, "dinner": 2, "snack": 3}
PLANNED = (Recipe.title, Recipe.calories, Recipe.protein_g, Recipe.fat_g, Recipe.carbs_g)
Key = tuple[int, str]  # ingredient id, base unit


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


async def household_people(session: AsyncSession, household_id: int) -> list[Membership]:
    return list(await session.scalars(select(Membership).where(Membership.household_id == household_id)
                                      .options(joinedload(Membership.user)).order_by(Membership.user_id)))


def _between(household_id: int, start: date, days: int):
    return (PlanEntry.household_id == household_id, PlanEntry.day >= start,
            PlanEntry.day < start + timedelta(days=days))


async def planned(session: AsyncSession, household_id: int, start: date, days: int = 7) -> list[PlanEntry]:
    entries = await session.scalars(select(PlanEntry).where(*_between(household_id, start, days)).options(
        joinedload(PlanEntry.recipe, innerjoin=True).load_only(*PLANNED),
        selectinload(PlanEntry.eaters).load_only(User.id)))
    return sorted(entries, key=lambda entry: (entry.day, MEALS[entry.meal], entry.id))


def _fresh(household_id: int, today: date):
    return (PantryItem.household_id == household_id,
            or_(PantryItem.best_before.is_(None), PantryItem.best_before >= today))


async def fresh_pantry(session: AsyncSession, household_id: int, today: date) -> list[PantryItem]:
    return list(await session.scalars(
        select(PantryItem).where(*_fresh(household_id, today)).options(joinedload(PantryItem.ingredient))
        .order_by(PantryItem.best_before.is_(None), PantryItem.best_before, PantryItem.id)))


def stock_of(items: Iterable[PantryItem]) -> dict[Key, float]:
    stock: dict[Key, float] = defaultdict(float)
    for item in items:
        amount, base = to_base(item.amount, item.unit, item.ingredient)
        stock[item.ingredient_id, base] += amount
    return stock


async def shopping_list(session: AsyncSession, household_id: int, week: date, today: date) -> list[dict]:
    """What the week's uncooked meals need beyond the pantry: one line per ingredient and unit."""
    rows = await session.execute(
        select(Ingredient, RecipeIngredient.amount, RecipeIngredient.unit, PlanEntry.servings / Recipe.servings)
        .select_from(PlanEntry).join(Recipe, Recipe.id == PlanEntry.recipe_id)
        .join(RecipeIngredient, RecipeIngredient.recipe_id == Recipe.id)
        .join(Ingredient, Ingredient.id == RecipeIngredient.ingredient_id)
        .where(*_between(household_id, monday(week), 7), ~PlanEntry.cooked))
    needs: dict[Key, float] = defaultdict(float)
    to_taste: set[int] = set()
    ingredients: dict[int, Ingredient] = {}
    for ingredient, amount, unit, factor in rows:
        ingredients[ingredient.id] = ingredient
        if amount is None:
            to_taste.add(ingredient.id)
        else:
            amount, base = to_base(amount * factor, unit, ingredient)
            needs[ingredient.id, base] += amount
    stock = stock_of(await fresh_pantry(session, household_id, today))
    at_home, lines = {ingredient_id for ingredient_id, _ in stock}, []
    for (ingredient_id, base), amount in needs.items():
        short = amount - stock.get((ingredient_id, base), 0)
        if short > 0.001:
            lines.append({"ingredient": ingredients[ingredient_id], "amount": short, "unit": base})
    to_taste -= at_home | {ingredient_id for ingredient_id, _ in needs}
    lines += [{"ingredient": ingredients[i], "amount": None, "unit": ""} for i in to_taste]
    return sorted(lines, key=lambda line: (line["ingredient"].aisle, line["ingredient"].name))


def by_aisle(lines: list[dict]) -> list[dict]:
    aisles: dict[str, list[dict]] = defaultdict(list)
    for line in lines:
        amount, unit = (None, "") if line["amount"] is None else readable(line["amount"], line["unit"])
        aisles[line["ingredient"].aisle].append(
            {"ingredient_id": line["ingredient"].id, "name": line["ingredient"].name, "amount": amount, "unit": unit})
    return [{"aisle": aisle, "items": items} for aisle, items in aisles.items()]


async def cookable(session: AsyncSession, household_id: int, user_id: int, max_missing: int, today: date,
                   limit: int) -> list[dict]:
    """Recipes the pantry covers but for max_missing ingredients; what must be used up soon comes first."""
    items = await fresh_pantry(session, household_id, today)
    stock = stock_of(items)
    soon = {i.ingredient_id for i in items if i.best_before and i.best_before <= today + timedelta(days=3)}
    at_home = select(PantryItem.ingredient_id).where(*_fresh(household_id, today))
    present = (select(RecipeIngredient.recipe_id, func.count().label("lines"))
               .where(RecipeIngredient.ingredient_id.in_(at_home)).group_by(RecipeIngredient.recipe_id).subquery())
    absent = Recipe.line_count - func.coalesce(present.c.lines, 0)
    candidates = (select(Recipe.id).outerjoin(present, present.c.recipe_id == Recipe.id)
                  .where(visible_to(user_id), Recipe.line_count > 0, absent <= max_missing)
                  .order_by(absent, Recipe.id.desc()).limit(300))
    at_home_ids = {ingredient_id for ingredient_id, _ in stock}
    titles = {i: title for i, title in await session.execute(
        select(Recipe.id, Recipe.title).where(Recipe.id.in_(candidates)).order_by(Recipe.id))}
    names: dict[int, dict[int, str]] = {i: {} for i in titles}
    needs: dict[int, dict[Key, float]] = {i: defaultdict(float) for i in titles}
    for recipe_id, amount, unit, ingredient in await session.execute(
            select(RecipeIngredient.recipe_id, RecipeIngredient.amount, RecipeIngredient.unit, Ingredient)
            .join(Ingredient, Ingredient.id == RecipeIngredient.ingredient_id)
            .where(RecipeIngredient.recipe_id.in_(titles)).order_by(RecipeIngredient.recipe_id,
                                                                    RecipeIngredient.position)):
        names[recipe_id][ingredient.id] = ingredient.name
        if amount is not None:
            amount, base = to_base(amount, unit, ingredient)
            needs[recipe_id][ingredient.id, base] += amount
    found = []
    for recipe_id, title in titles.items():
        used = names[recipe_id]
        missing = (used.keys() - at_home_ids) | {
            key[0] for key, amount in needs[recipe_id].items() if stock.get(key, 0) < amount - 0.001}
        if len(missing) <= max_missing:
            found.append({"recipe_id": recipe_id, "title": title, "tags": [],
                          "missing": sorted(used[i] for i in missing),
                          "uses_up": sorted(used[i] for i in soon & used.keys() - missing)})
    found.sort(key=lambda row: (len(row["missing"]), -len(row["uses_up"]), row["title"]))
    best = {row["recipe_id"]: row for row in found[:limit]}
    for recipe_id, name in await session.execute(
            select(recipe_tags.c.recipe_id, Tag.name).join(Tag, Tag.id == recipe_tags.c.tag_id)
            .where(recipe_tags.c.recipe_id.in_(best)).order_by(Tag.name)):
        best[recipe_id]["tags"].append(name)
    return list(best.values())
