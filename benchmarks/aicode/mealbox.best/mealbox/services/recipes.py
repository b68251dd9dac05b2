from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Select, func, insert, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only, selectinload

from ..db import dialect_insert, utcnow
from ..models import Activity, Ingredient, Membership, Photo, Recipe, RecipeIngredient, Step, Tag, recipe_tags
from ..schemas import RECIPE_FIELDS, Nutrition, RecipeIn
from ..units import clean_name, known_facts

FULL = (selectinload(Recipe.ingredients).joinedload(RecipeIngredient.ingredient), selectinload(Recipe.steps),
        selectinload(Recipe.photos), selectinload(Recipe.tags))
SUMMARY = (load_only(Recipe.title, Recipe.prep_minutes, Recipe.cook_minutes, Recipe.servings),
           selectinload(Recipe.tags))
CHUNK = 1000
BATCH = 50


async def _ensure(session: AsyncSession, model, names: Iterable[str], facts=lambda name: {}) -> dict:
    """The rows of a name table (ingredients, tags) for these names, made where they do not exist yet."""
    names = sorted(set(names))
    rows = {}
    for start in range(0, len(names), CHUNK):
        chunk = names[start:start + CHUNK]
        query = select(model).where(model.name.in_(chunk))
        found = {row.name: row for row in await session.scalars(query)}
        missing = [name for name in chunk if name not in found]
        if missing:
            await session.execute(dialect_insert(session, model).on_conflict_do_nothing(index_elements=["name"]),
                                  [{"name": name, **facts(name)} for name in missing])
            found = {row.name: row for row in await session.scalars(query)}
        rows.update(found)
    return rows


async def ensure_ingredients(session: AsyncSession, names: Iterable[str]) -> dict[str, Ingredient]:
    return await _ensure(session, Ingredient, names, known_facts)


def _fill(recipe: Recipe, data: RecipeIn, ingredients: dict[str, Ingredient], tags: dict[str, Tag]) -> None:
    for name in RECIPE_FIELDS:
        setattr(recipe, name, getattr(data, name))
    for name in Nutrition.model_fields:
        setattr(recipe, name, getattr(data.nutrition, name))
    recipe.ingredients = [
        RecipeIngredient(ingredient=ingredients[line.name], position=i, amount=line.amount, unit=line.unit,
                         note=line.note) for i, line in enumerate(data.ingredients)]
    recipe.steps = [Step(position=i, text=text) for i, text in enumerate(data.steps)]
    recipe.photos = [Photo(**photo.model_dump()) for photo in data.photos]
    recipe.tags = [tags[name] for name in sorted(set(data.tags)) if name]


async def save_recipes(session: AsyncSession, data: Sequence[RecipeIn], household_id: int, author_id: int,
                       existing: Recipe | None = None) -> list[Recipe]:
    """Creates the recipes (or overwrites the one given) with all that belongs to them; does not commit."""
    ingredients = await ensure_ingredients(session, (line.name for item in data for line in item.ingredients))
    tags = await _ensure(session, Tag, (tag for item in data for tag in item.tags if tag))
    recipes = []
    for item in data:
        recipe = existing or Recipe(household_id=household_id, author_id=author_id)
        _fill(recipe, item, ingredients, tags)
        recipes.append(recipe)
    session.add_all(recipes)
    await session.flush()
    return recipes


async def insert_recipes(session: AsyncSession, data: Sequence[RecipeIn], household_id: int,
                         author_id: int) -> list[int]:
    """Like save_recipes for many new ones, but by table and without objects; returns the ids."""
    ingredients = await ensure_ingredients(session, (line.name for item in data for line in item.ingredients))
    tags = await _ensure(session, Tag, (tag for item in data for tag in item.tags if tag))
    now, ids = utcnow(), []
    for start in range(0, len(data), BATCH):
        batch = data[start:start + BATCH]
        made = list(await session.scalars(
            insert(Recipe.__table__).returning(Recipe.__table__.c.id, sort_by_parameter_order=True),
            [{"household_id": household_id, "author_id": author_id, "created_at": now}
             | {name: getattr(item, name) for name in RECIPE_FIELDS}
             | {name: getattr(item.nutrition, name) for name in Nutrition.model_fields} for item in batch]))
        ids += made
        for table, rows in (
                (RecipeIngredient.__table__, [
                    {"recipe_id": i, "ingredient_id": ingredients[line.name].id, "position": k, "amount": line.amount,
                     "unit": line.unit, "note": line.note}
                    for i, item in zip(made, batch) for k, line in enumerate(item.ingredients)]),
                (Step.__table__, [{"recipe_id": i, "position": k, "text": text}
                                  for i, item in zip(made, batch) for k, text in enumerate(item.steps)]),
                (Photo.__table__, [{"recipe_id": i} | photo.model_dump()
                                   for i, item in zip(made, batch) for photo in item.photos]),
                (recipe_tags, [{"recipe_id": i, "tag_id": tags[name].id}
                               for i, item in zip(made, batch) for name in sorted(set(item.tags)) if name]),
                (Activity.__table__, [{"household_id": household_id, "user_id": author_id, "recipe_id": i,
                                       "kind": "added", "created_at": now} for i in made])):
            if rows:
                await session.execute(insert(table), rows)
    return ids


def visible_to(user_id: int) -> ColumnElement[bool]:
    mine = select(Membership.household_id).where(Membership.user_id == user_id)
    return or_(Recipe.is_public, Recipe.household_id.in_(mine))


async def visible_recipe(session: AsyncSession, recipe_id: int, user_id: int, *options) -> Recipe | None:
    return await session.scalar(select(Recipe).where(Recipe.id == recipe_id, visible_to(user_id)).options(*options))


async def rating_of(session: AsyncSession, recipe_id: int) -> tuple[float | None, int]:
    average, count = (await session.execute(
        select(Recipe.rating_average, Recipe.rating_count).where(Recipe.id == recipe_id))).one()
    return (round(float(average), 2) if count else None), count


def with_ingredient(name: str) -> Select:
    """The ids of the recipes that have it: the ingredients are searched once, their lines are looked up."""
    found = select(Ingredient.id).where(Ingredient.name.icontains(clean_name(name), autoescape=True))
    return select(RecipeIngredient.recipe_id).where(RecipeIngredient.ingredient_id.in_(found))


def with_tag(name: str) -> Select:
    return select(recipe_tags.c.recipe_id).where(
        recipe_tags.c.tag_id.in_(select(Tag.id).where(Tag.name == name.lower())))


def search_query(user_id: int, q: str, tags: list[str], have: list[str], avoid: list[str]) -> tuple[Select, Select]:
    """Returns (rows of recipe, average, count, matched; the total)."""
    where = [visible_to(user_id)]
    for word in q.split():
        where.append(or_(Recipe.title.icontains(word, autoescape=True),
                         Recipe.description.icontains(word, autoescape=True),
                         Recipe.id.in_(with_tag(word)), Recipe.id.in_(with_ingredient(word))))
    for tag in tags:
        where.append(Recipe.id.in_(with_tag(tag.strip())))
    for name in avoid:
        where.append(Recipe.id.not_in(with_ingredient(name)))
    average = func.nullif(Recipe.rating_average, 0)
    order = (Recipe.rating_average.desc(), Recipe.id.desc())
    if not have:
        rows = select(Recipe, average, Recipe.rating_count, literal(0)).where(*where)
        total = select(func.count()).select_from(Recipe).where(*where)
    else:
        hits = union_all(*(with_ingredient(name).distinct() for name in have)).subquery()
        matched = (select(hits.c.recipe_id, func.count().label("matched")).group_by(hits.c.recipe_id).subquery())
        rows = (select(Recipe, average, Recipe.rating_count, matched.c.matched)
                .join(matched, matched.c.recipe_id == Recipe.id).where(*where))
        total = (select(func.count()).select_from(Recipe)
                 .where(*where, or_(*(Recipe.id.in_(with_ingredient(name)) for name in have))))
        order = (matched.c.matched.desc(), *order)
    return rows.options(*SUMMARY).order_by(*order), total


async def log_for_user(session: AsyncSession, user_id: int, recipe: Recipe, kind: str, detail: str = "") -> None:
    """Puts what a person did into the activity of each of their households; does not commit."""
    households = await session.scalars(select(Membership.household_id).where(Membership.user_id == user_id))
    session.add_all(Activity(household_id=h, user_id=user_id, recipe_id=recipe.id, kind=kind, detail=detail)
                    for h in households)
