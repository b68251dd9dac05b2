from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Select, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from ..db import dialect_insert
from ..models import Activity, Ingredient, Membership, Photo, Rating, Recipe, RecipeIngredient, Step, Tag
from ..schemas import RECIPE_FIELDS, Nutrition, RecipeIn
from ..units import clean_name, known_facts

FULL = (selectinload(Recipe.ingredients).joinedload(RecipeIngredient.ingredient), selectinload(Recipe.steps),
        selectinload(Recipe.photos), selectinload(Recipe.tags))
CHUNK = 1000


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


def visible_to(user_id: int) -> ColumnElement[bool]:
    mine = select(Membership.household_id).where(Membership.user_id == user_id)
    return or_(Recipe.is_public, Recipe.household_id.in_(mine))


async def visible_recipe(session: AsyncSession, recipe_id: int, user_id: int, *options) -> Recipe | None:
    return await session.scalar(select(Recipe).where(Recipe.id == recipe_id, visible_to(user_id)).options(*options))


async def rating_of(session: AsyncSession, recipe_id: int) -> tuple[float | None, int]:
    average, count = (await session.execute(
        select(func.avg(Rating.stars), func.count()).where(Rating.recipe_id == recipe_id))).one()
    return (round(float(average), 2) if count else None), count


def contains_ingredient(name: str) -> ColumnElement[bool]:
    return Recipe.ingredients.any(
        RecipeIngredient.ingredient.has(Ingredient.name.icontains(clean_name(name), autoescape=True)))


def search_query(user_id: int, q: str, tags: list[str], have: list[str], avoid: list[str]) -> tuple[Select, Select]:
    """Returns (rows of recipe, average, count, matched; the total)."""
    where = [visible_to(user_id)]
    for word in q.split():
        where.append(or_(Recipe.title.icontains(word, autoescape=True),
                         Recipe.description.icontains(word, autoescape=True),
                         Recipe.tags.any(Tag.name == word.lower()), contains_ingredient(word)))
    for tag in tags:
        where.append(Recipe.tags.any(Tag.name == tag.strip().lower()))
    for name in avoid:
        where.append(~contains_ingredient(name))
    matched = sum((case((contains_ingredient(name), 1), else_=0) for name in have), start=literal(0))
    if have:
        where.append(or_(*(contains_ingredient(name) for name in have)))
    stars = (select(Rating.recipe_id, func.avg(Rating.stars).label("average"), func.count().label("count"))
             .group_by(Rating.recipe_id).subquery())
    rows = (select(Recipe, stars.c.average, stars.c.count, matched.label("matched"))
            .outerjoin(stars, stars.c.recipe_id == Recipe.id).where(*where).options(selectinload(Recipe.tags))
            .order_by(matched.desc(), func.coalesce(stars.c.average, 0).desc(), Recipe.id.desc()))
    return rows, select(func.count()).select_from(Recipe).where(*where)


async def log_for_user(session: AsyncSession, user_id: int, recipe: Recipe, kind: str, detail: str = "") -> None:
    """Puts what a person did into the activity of each of their households; does not commit."""
    households = await session.scalars(select(Membership.household_id).where(Membership.user_id == user_id))
    session.add_all(Activity(household_id=h, user_id=user_id, recipe_id=recipe.id, kind=kind, detail=detail)
                    for h in households)
