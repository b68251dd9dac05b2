import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException, Query
from pydantic import ValidationError
from sqlalchemy import delete, select
from sqlalchemy.orm import joinedload, load_only

from ..db import dialect_insert, utcnow
from ..deps import CurrentUser, Member, Paging, Services, Session
from ..models import Activity, Comment, Favourite, Membership, Rating, Recipe
from ..schemas import RecipeIn, RecipeOut, RecipeSummary
from ..services import importer
from ..services.prices import estimate, prices_for
from ..services.recipes import (FULL, SUMMARY, insert_recipes, log_for_user, rating_of, save_recipes, search_query,
                                visible_recipe)

router = APIRouter(tags=["recipes"])
PageUrl = Annotated[str, Body(embed=True, max_length=500)]
CommentText = Annotated[str, Body(embed=True, min_length=1, max_length=2000)]
Words = Annotated[list[str], Query(default_factory=list, max_length=20)]


async def recipe_full(recipe_id: int, user: CurrentUser, session: Session) -> Recipe:
    if recipe := await visible_recipe(session, recipe_id, user.id, *FULL):
        return recipe
    raise HTTPException(404, "No such recipe")


Full = Annotated[Recipe, Depends(recipe_full)]


async def recipe_seen(recipe_id: int, user: CurrentUser, session: Session) -> Recipe:
    """The recipe alone, without its parts and its text."""
    if recipe := await visible_recipe(session, recipe_id, user.id, load_only(Recipe.household_id, Recipe.servings)):
        return recipe
    raise HTTPException(404, "No such recipe")


Seen = Annotated[Recipe, Depends(recipe_seen)]


async def recipe_costed(recipe_id: int, user: CurrentUser, session: Session) -> Recipe:
    if recipe := await visible_recipe(session, recipe_id, user.id, load_only(Recipe.servings), FULL[0]):
        return recipe
    raise HTTPException(404, "No such recipe")


async def recipe_mine(recipe: Full, user: CurrentUser, session: Session) -> Recipe:
    if await session.get(Membership, (recipe.household_id, user.id)) is None:
        raise HTTPException(403, "This recipe belongs to another household")
    return recipe


Mine = Annotated[Recipe, Depends(recipe_mine)]


async def _create(session: Session, member: Member, data: list[RecipeIn]) -> list[Recipe]:
    recipes = await save_recipes(session, data, member.household_id, member.user_id)
    session.add_all(Activity(household_id=member.household_id, user_id=member.user_id, recipe_id=recipe.id,
                             kind="added") for recipe in recipes)
    await session.commit()
    return recipes


@router.post("/households/{household_id}/recipes", status_code=201, response_model=RecipeOut)
async def create_recipe(data: RecipeIn, member: Member, session: Session):
    return RecipeOut.of((await _create(session, member, [data]))[0])


@router.post("/households/{household_id}/recipes/import-url", status_code=201, response_model=RecipeOut)
async def import_url(url: PageUrl, member: Member, session: Session, services: Services):
    await session.commit()  # gives the connection back for the time that the page takes
    try:
        page = await importer.fetch_page(services.http, url, services.settings.import_max_bytes)
        recipe = await asyncio.to_thread(importer.parse_page, page, url)
    except (importer.ImportFailed, ValidationError) as error:
        detail = "The recipe on the page is not usable" if isinstance(error, ValidationError) else str(error)
        raise HTTPException(422, detail) from error
    return RecipeOut.of((await _create(session, member, [recipe]))[0])


def _validate(data: list[dict[str, Any]]) -> tuple[list[RecipeIn], list[dict]]:
    good, failed = [], []
    for index, item in enumerate(data):
        try:
            good.append(RecipeIn.model_validate(item))
        except ValidationError as error:
            failed.append({"index": index, "errors": [
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]})
    return good, failed


@router.post("/households/{household_id}/recipes/import-file")
async def import_file(data: list[dict[str, Any]], member: Member, session: Session, services: Services):
    """The body is the JSON file: a list of recipes. Bad ones are reported, the good ones imported."""
    if len(data) > services.settings.import_max_recipes:
        raise HTTPException(413, "Too many recipes at a time")
    await session.commit()
    good, failed = await asyncio.to_thread(_validate, data)
    ids = await insert_recipes(session, good, member.household_id, member.user_id)
    await session.commit()
    return {"imported": ids, "failed": failed}


@router.get("/recipes")
async def search(user: CurrentUser, session: Session, page: Paging, tag: Words, have: Words, avoid: Words,
                 q: Annotated[str, Query(max_length=200)] = ""):
    rows, count = search_query(user.id, q, tag, have, avoid)
    found = await session.execute(rows.limit(page.limit).offset(page.offset))
    return {"total": await session.scalar(count), "items": [
        RecipeSummary.of(recipe, rating=average and round(float(average), 2), ratings=ratings or 0, matched=matched)
        for recipe, average, ratings, matched in found]}


@router.get("/recipes/{recipe_id}", response_model=RecipeOut)
async def read_recipe(recipe: Full, session: Session):
    return RecipeOut.of(recipe, *await rating_of(session, recipe.id))


@router.put("/recipes/{recipe_id}", response_model=RecipeOut)
async def replace_recipe(data: RecipeIn, recipe: Mine, user: CurrentUser, session: Session):
    await save_recipes(session, [data], recipe.household_id, user.id, existing=recipe)
    await session.commit()
    return RecipeOut.of(recipe, *await rating_of(session, recipe.id))


@router.delete("/recipes/{recipe_id}", status_code=204)
async def delete_recipe(recipe: Seen, user: CurrentUser, session: Session):
    await recipe_mine(recipe, user, session)
    await session.execute(delete(Recipe).where(Recipe.id == recipe.id))
    await session.commit()


@router.get("/recipes/{recipe_id}/cost")
async def recipe_cost(recipe: Annotated[Recipe, Depends(recipe_costed)], session: Session, services: Services):
    await session.commit()  # gives the connection back for the time that the prices take
    prices = await prices_for(services.http, services.settings, [line.ingredient for line in recipe.ingredients])
    cost = estimate(((line.ingredient, line.amount, line.unit) for line in recipe.ingredients), prices)
    return cost | {"per_serving": round(cost["total"] / recipe.servings, 2)}


@router.put("/recipes/{recipe_id}/rating")
async def rate(stars: Annotated[int, Body(embed=True, ge=1, le=5)], recipe: Seen, user: CurrentUser, session: Session):
    values = {"stars": stars, "created_at": utcnow()}
    await session.execute(dialect_insert(session, Rating)
                          .values(recipe_id=recipe.id, user_id=user.id, **values)
                          .on_conflict_do_update(index_elements=["recipe_id", "user_id"], set_=values))
    await log_for_user(session, user.id, recipe, "rated", f"{stars} stars")
    await session.commit()
    average, count = await rating_of(session, recipe.id)
    return {"rating": average, "ratings": count}


@router.put("/recipes/{recipe_id}/favourite", status_code=204)
async def add_favourite(recipe: Seen, user: CurrentUser, session: Session):
    if await session.get(Favourite, (recipe.id, user.id)) is None:
        session.add(Favourite(recipe_id=recipe.id, user_id=user.id))
        await log_for_user(session, user.id, recipe, "favourite")
        await session.commit()


@router.delete("/recipes/{recipe_id}/favourite", status_code=204)
async def remove_favourite(recipe_id: int, user: CurrentUser, session: Session):
    await session.execute(delete(Favourite).where(Favourite.recipe_id == recipe_id, Favourite.user_id == user.id))
    await session.commit()


@router.get("/favourites", response_model=list[RecipeSummary])
async def favourites(user: CurrentUser, session: Session, page: Paging):
    rows = await session.scalars(
        select(Recipe).join(Favourite, Favourite.recipe_id == Recipe.id)
        .where(Favourite.user_id == user.id).options(*SUMMARY).order_by(Favourite.created_at.desc(), Recipe.id)
        .limit(page.limit).offset(page.offset))
    return [RecipeSummary.of(recipe) for recipe in rows]


@router.post("/recipes/{recipe_id}/comments", status_code=201)
async def add_comment(text: CommentText, recipe: Seen, user: CurrentUser, session: Session):
    comment = Comment(recipe_id=recipe.id, user_id=user.id, text=text)
    session.add(comment)
    await log_for_user(session, user.id, recipe, "commented", text[:200])
    await session.commit()
    return {"id": comment.id, "author": user.name, "text": comment.text, "created_at": comment.created_at}


@router.get("/recipes/{recipe_id}/comments")
async def comments(recipe: Seen, session: Session, page: Paging):
    rows = await session.scalars(
        select(Comment).where(Comment.recipe_id == recipe.id).options(joinedload(Comment.user))
        .order_by(Comment.id.desc()).limit(page.limit).offset(page.offset))
    return [{"id": c.id, "author": c.user.name, "text": c.text, "created_at": c.created_at} for c in rows]
