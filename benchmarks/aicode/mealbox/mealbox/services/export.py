import io
import json
import zipfile

from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from ..models import (Activity, Comment, CookLog, Favourite, Friendship, Household, Membership, PantryItem, PlanEntry,
                      Rating, Recipe)
from ..schemas import HouseholdOut, RecipeOut
from .recipes import FULL


def _row(record) -> dict:
    return {column.key: getattr(record, column.key) for column in inspect(type(record)).column_attrs}


async def collect(session: AsyncSession, household_id: int) -> dict[str, object]:
    """Everything the household has, as file name -> what goes in it."""
    async def rows(model, where, *options):
        return list(await session.scalars(select(model).where(where).options(*options)))

    members = await rows(Membership, Membership.household_id == household_id, joinedload(Membership.user))
    people = [member.user_id for member in members]
    household = HouseholdOut.model_validate(await session.get(Household, household_id))
    recipes = await rows(Recipe, Recipe.household_id == household_id, *FULL)
    plan = await rows(PlanEntry, PlanEntry.household_id == household_id, joinedload(PlanEntry.recipe),
                      selectinload(PlanEntry.eaters))
    pantry = await rows(PantryItem, PantryItem.household_id == household_id, joinedload(PantryItem.ingredient))
    files: dict[str, object] = {
        "household": household.model_dump(exclude={"invite_code"}),
        "members": [_row(m) | {"name": m.user.name, "email": m.user.email} for m in members],
        "recipes": [RecipeOut.of(recipe).model_dump(exclude={"rating", "ratings"}) for recipe in recipes],
        "plan_entries": [_row(e) | {"title": e.recipe.title, "eaters": [user.id for user in e.eaters]} for e in plan],
        "pantry_items": [_row(item) | {"name": item.ingredient.name} for item in pantry]}
    for model in (Rating, Favourite, Comment):
        files[model.__tablename__] = [_row(record) for record in await rows(model, model.user_id.in_(people))]
    for model in (CookLog, Activity, Friendship):
        files[model.__tablename__] = [_row(r) for r in await rows(model, model.household_id == household_id)]
    return files


def make_zip(files: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.json", json.dumps(content, default=str, ensure_ascii=False, indent=2))
    return buffer.getvalue()
