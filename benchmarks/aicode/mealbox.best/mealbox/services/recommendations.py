from sqlalchemy import func, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from ..models import Favourite, Membership, Rating, Recipe
from ..schemas import RecipeSummary
from .recipes import SUMMARY, visible_to

NEIGHBOURS = 25


def _likes(rated_by, favoured_by):
    """(household, recipe) for what a member rated four or five stars or made a favourite, where the conditions hold."""
    rated = select(Membership.household_id, Rating.recipe_id).join(
        Rating, Rating.user_id == Membership.user_id).where(Rating.stars >= 4, rated_by)
    favourites = select(Membership.household_id, Favourite.recipe_id).join(
        Favourite, Favourite.user_id == Membership.user_id).where(favoured_by)
    return union(rated, favourites)


def _likes_of(households):
    return _likes(*2 * [Membership.household_id.in_(households)])


async def recommend(session: AsyncSession, household_id: int, user_id: int, limit: int) -> list[dict]:
    """Recipes liked by the households whose likes overlap most (Jaccard) with this one's."""
    own = _likes_of([household_id]).subquery()
    mine = list(await session.scalars(select(own.c.recipe_id)))
    if not mine:
        return []
    same = _likes(Rating.recipe_id.in_(mine), Favourite.recipe_id.in_(mine)).subquery()
    shared = (select(same.c.household_id, func.count().label("shared"))
              .where(same.c.household_id != household_id).group_by(same.c.household_id).cte("shared"))
    theirs = _likes_of(select(shared.c.household_id)).subquery()
    totals = select(theirs.c.household_id, func.count().label("total")).group_by(theirs.c.household_id).subquery()
    similarity = shared.c.shared * 1.0 / (len(mine) + totals.c.total - shared.c.shared)
    rows = await session.execute(
        select(shared.c.household_id, similarity.label("similarity"))
        .join(totals, totals.c.household_id == shared.c.household_id)
        .order_by(similarity.desc(), shared.c.household_id).limit(NEIGHBOURS))
    weight = {row.household_id: float(row.similarity) for row in rows}
    if not weight:
        return []
    scores: dict[int, float] = {}
    likes = _likes_of(list(weight)).subquery()
    for other, recipe_id in await session.execute(
            select(likes.c.household_id, likes.c.recipe_id)
            .join(Recipe, Recipe.id == likes.c.recipe_id)
            .where(likes.c.recipe_id.not_in(mine), visible_to(user_id)).order_by(likes.c.household_id)):
        scores[recipe_id] = scores.get(recipe_id, 0) + weight[other]
    best = sorted(scores, key=lambda recipe_id: (-scores[recipe_id], recipe_id))[:limit]
    recipes = {recipe.id: recipe for recipe in await session.scalars(
        select(Recipe).where(Recipe.id.in_(best)).options(*SUMMARY))}
    return [{"score": round(scores[i], 3), "recipe": RecipeSummary.of(recipes[i])} for i in best]
