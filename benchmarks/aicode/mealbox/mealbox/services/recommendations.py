from sqlalchemy import func, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from ..models import Favourite, Membership, Rating, Recipe
from ..schemas import RecipeSummary
from .recipes import visible_to

NEIGHBOURS = 25


def _likes():
    """(household, recipe) for everything a member rated four or five stars or made a favourite."""
    rated = select(Membership.household_id, Rating.recipe_id).join(
        Rating, Rating.user_id == Membership.user_id).where(Rating.stars >= 4)
    favourites = select(Membership.household_id, Favourite.recipe_id).join(
        Favourite, Favourite.user_id == Membership.user_id)
    return union(rated, favourites).cte("likes")


async def recommend(session: AsyncSession, household_id: int, user_id: int, limit: int) -> list[dict]:
    """Recipes liked by the households whose likes overlap most (Jaccard) with this one's."""
    likes = _likes()
    mine = select(likes.c.recipe_id).where(likes.c.household_id == household_id)
    own_count = await session.scalar(select(func.count()).select_from(mine.subquery()))
    shared = (select(likes.c.household_id, func.count().label("shared"))
              .where(likes.c.recipe_id.in_(mine), likes.c.household_id != household_id)
              .group_by(likes.c.household_id).subquery())
    totals = select(likes.c.household_id, func.count().label("total")).group_by(likes.c.household_id).subquery()
    similarity = shared.c.shared * 1.0 / (own_count + totals.c.total - shared.c.shared)
    rows = await session.execute(
        select(shared.c.household_id, similarity.label("similarity"))
        .join(totals, totals.c.household_id == shared.c.household_id)
        .order_by(similarity.desc(), shared.c.household_id).limit(NEIGHBOURS))
    weight = {row.household_id: float(row.similarity) for row in rows}
    if not weight:
        return []
    scores: dict[int, float] = {}
    for other, recipe_id in await session.execute(
            select(likes.c.household_id, likes.c.recipe_id)
            .join(Recipe, Recipe.id == likes.c.recipe_id)
            .where(likes.c.household_id.in_(weight), likes.c.recipe_id.not_in(mine), visible_to(user_id))):
        scores[recipe_id] = scores.get(recipe_id, 0) + weight[other]
    best = sorted(scores, key=lambda recipe_id: (-scores[recipe_id], recipe_id))[:limit]
    recipes = {recipe.id: recipe for recipe in await session.scalars(
        select(Recipe).where(Recipe.id.in_(best)).options(selectinload(Recipe.tags)))}
    return [{"score": round(scores[i], 3), "recipe": RecipeSummary.of(recipes[i])} for i in best]
