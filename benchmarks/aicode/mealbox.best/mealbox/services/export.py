import asyncio
import json
import time
import zipfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import IO

from sqlalchemy import Select, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from ..models import (Activity, Comment, CookLog, Favourite, Friendship, Household, Ingredient, Membership, PantryItem,
                      PlanEntry, Rating, Recipe, plan_eaters)
from ..schemas import HouseholdOut, RecipeOut
from .recipes import FULL

PAGE = 100


def _fields(model) -> list:
    return [getattr(model, column.key) for column in inspect(model).column_attrs]


def _dump(record) -> str:
    return json.dumps(record, default=str, ensure_ascii=False, indent=2)


def _recipe(recipe: Recipe) -> dict:
    return RecipeOut.of(recipe).model_dump(exclude={"rating", "ratings"})


async def _pages(session: AsyncSession, query: Select) -> AsyncIterator[list]:
    result = await session.stream(query.execution_options(yield_per=PAGE))
    async for page in result.partitions():
        yield page


class Archive:
    """A ZIP file of JSON files that are written page by page, in a thread."""

    def __init__(self, file: IO[bytes]):
        self.zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)

    def _open(self, name: str) -> IO[bytes]:
        info = zipfile.ZipInfo(f"{name}.json", time.localtime()[:6])
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
        return self.zip.open(info, "w", force_zip64=True)

    def add(self, name: str, content) -> None:
        with self._open(name) as file:
            file.write(_dump(content).encode())

    async def add_pages(self, name: str, pages: AsyncIterator[list], record: Callable = dict) -> None:
        def write(page: list, before: str) -> None:
            file.write((before + ",\n  ".join(_dump(record(row)).replace("\n", "\n  ") for row in page)).encode())

        with self._open(name) as file:
            before = "[\n  "
            async for page in pages:
                await asyncio.to_thread(write, page, before)
                before = ",\n  "
            file.write(b"[]" if before == "[\n  " else b"\n]")

    def close(self) -> None:
        self.zip.close()


async def _plan(session: AsyncSession, household_id: int) -> AsyncIterator[list[dict]]:
    query = (select(*_fields(PlanEntry), Recipe.title).outerjoin(Recipe, Recipe.id == PlanEntry.recipe_id)
             .where(PlanEntry.household_id == household_id))
    async for page in _pages(session, query):
        eaters: dict[int, list[int]] = defaultdict(list)
        for entry_id, user_id in await session.execute(
                select(plan_eaters.c.entry_id, plan_eaters.c.user_id)
                .where(plan_eaters.c.entry_id.in_([row.id for row in page])).order_by(plan_eaters.c.user_id)):
            eaters[entry_id].append(user_id)
        yield [dict(row._mapping) | {"eaters": eaters[row.id]} for row in page]


async def write_export(session: AsyncSession, household_id: int, file: IO[bytes]) -> None:
    """Everything the household has, as a ZIP file of JSON files."""
    archive, home = Archive(file), household_id
    members = list(await session.scalars(select(Membership).where(Membership.household_id == home)
                                         .options(joinedload(Membership.user))))
    people = [member.user_id for member in members]
    household = HouseholdOut.model_validate(await session.get(Household, home))
    archive.add("household", household.model_dump(exclude={"invite_code"}))
    keys = [field.key for field in _fields(Membership)]
    archive.add("members", [{key: getattr(m, key) for key in keys} | {"name": m.user.name, "email": m.user.email}
                            for m in members])
    recipes = _pages(session, select(Recipe).where(Recipe.household_id == home).options(*FULL))
    await archive.add_pages("recipes", recipes, lambda row: _recipe(row[0]))
    await archive.add_pages("plan_entries", _plan(session, home))

    def plain(model, where, *order) -> AsyncIterator[list]:
        return _pages(session, select(*_fields(model)).where(where).order_by(*order))

    pantry = (select(*_fields(PantryItem), Ingredient.name)
              .outerjoin(Ingredient, Ingredient.id == PantryItem.ingredient_id).where(PantryItem.household_id == home)
              .order_by(PantryItem.id))
    await archive.add_pages("pantry_items", _pages(session, pantry), lambda row: dict(row._mapping))
    for model in (Rating, Favourite, Comment):
        order = (model.user_id, model.id if hasattr(model, "id") else model.recipe_id)
        await archive.add_pages(model.__tablename__, plain(model, model.user_id.in_(people), *order),
                                lambda row: dict(row._mapping))
    for model in (CookLog, Activity, Friendship):
        await archive.add_pages(model.__tablename__, plain(model, model.household_id == home),
                                lambda row: dict(row._mapping))
    await asyncio.to_thread(archive.close)
