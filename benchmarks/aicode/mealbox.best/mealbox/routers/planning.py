from collections import defaultdict
from datetime import date, timedelta

from fastapi import APIRouter, BackgroundTasks, HTTPException, Query
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from ..deps import Member, Services, Session
from ..models import Activity, CookLog, Household, PantryItem, PlanEntry
from ..schemas import Nutrition, PantryIn, PlanIn
from ..services import kitchen
from ..services.mailer import weekly_plan_mail
from ..services.prices import estimate, prices_for
from ..services.recipes import ensure_ingredients, visible_recipe

router = APIRouter(prefix="/households/{household_id}", tags=["planning"])


def plan_out(entry: PlanEntry) -> dict:
    return {"id": entry.id, "day": entry.day, "meal": entry.meal, "recipe_id": entry.recipe_id,
            "title": entry.recipe.title, "servings": entry.servings, "cooked": entry.cooked,
            "eaters": sorted(user.id for user in entry.eaters)}


def pantry_out(item: PantryItem) -> dict:
    return {"id": item.id, "name": item.ingredient.name, "amount": item.amount, "unit": item.unit,
            "best_before": item.best_before}


@router.post("/plan", status_code=201)
async def add_to_plan(data: PlanIn, member: Member, session: Session):
    """Without eaters, everyone in the household eats; without servings, as much is cooked as they eat."""
    recipe = await visible_recipe(session, data.recipe_id, member.user_id)
    if recipe is None:
        raise HTTPException(404, "No such recipe")
    people = {m.user_id: m for m in await kitchen.household_people(session, member.household_id)}
    if set(data.eaters) - people.keys():
        raise HTTPException(422, "Everyone who eats must be a member of the household")
    eating = [people[user_id] for user_id in set(data.eaters) or people]
    entry = PlanEntry(household_id=member.household_id, day=data.day, meal=data.meal, recipe=recipe,
                      servings=data.servings or sum(m.portion for m in eating),
                      eaters=[m.user for m in eating] if data.eaters else [])
    session.add(entry)
    await session.commit()
    return plan_out(entry)


@router.get("/plan")
async def read_plan(week: date, member: Member, session: Session):
    return [plan_out(e) for e in await kitchen.planned(session, member.household_id, kitchen.monday(week))]


@router.delete("/plan/{entry_id}", status_code=204)
async def remove_from_plan(entry_id: int, member: Member, session: Session):
    entry = await session.get(PlanEntry, entry_id)
    if entry is None or entry.household_id != member.household_id:
        raise HTTPException(404, "Not in the plan")
    await session.delete(entry)
    await session.commit()


@router.post("/plan/{entry_id}/cooked")
async def cooked(entry_id: int, member: Member, session: Session):
    entry = await session.scalar(
        select(PlanEntry).where(PlanEntry.id == entry_id, PlanEntry.household_id == member.household_id)
        .with_for_update(of=PlanEntry)
        .options(selectinload(PlanEntry.eaters), selectinload(PlanEntry.recipe)))
    if entry is None:
        raise HTTPException(404, "Not in the plan")
    if entry.cooked:
        raise HTTPException(409, "Already cooked")
    today, entry.cooked = date.today(), True
    session.add_all([
        CookLog(household_id=entry.household_id, recipe_id=entry.recipe_id, cooked_on=today,
                week=kitchen.monday(today), servings=entry.servings),
        Activity(household_id=entry.household_id, user_id=member.user_id, recipe_id=entry.recipe_id, kind="cooked")])
    await session.commit()
    return plan_out(entry)


@router.post("/plan/email", status_code=202)
async def email_plan(week: date, member: Member, session: Session, services: Services, background: BackgroundTasks):
    """Sends the week's plan to every member."""
    household = await session.get(Household, member.household_id)
    start, sender = kitchen.monday(week), services.settings.mail_from
    entries = await kitchen.planned(session, member.household_id, start)
    messages = [weekly_plan_mail(household.name, start, entries, m.user.email, sender)
                for m in await kitchen.household_people(session, member.household_id)]
    await session.commit()  # background tasks run before the session is closed
    background.add_task(services.mailer.send, messages)
    return {"recipients": len(messages)}


@router.get("/shopping-list")
async def shopping_list(week: date, member: Member, session: Session):
    lines = await kitchen.shopping_list(session, member.household_id, week, date.today())
    return {"week": kitchen.monday(week), "aisles": kitchen.by_aisle(lines)}


@router.get("/shopping-list/cost")
async def shopping_cost(week: date, member: Member, session: Session, services: Services):
    lines = await kitchen.shopping_list(session, member.household_id, week, date.today())
    await session.commit()  # gives the connection back for the time that the prices take
    prices = await prices_for(services.http, services.settings, [line["ingredient"] for line in lines])
    return estimate(((line["ingredient"], line["amount"], line["unit"]) for line in lines), prices)


@router.get("/nutrition")
async def nutrition(start: date, member: Member, session: Session, days: int = Query(7, ge=1, le=31)):
    """What each member eats per day by the plan: nutrition per serving times the member's portion."""
    people = await kitchen.household_people(session, member.household_id)
    entries = await kitchen.planned(session, member.household_id, start, days)
    sums: dict[tuple[date, int], dict[str, float]] = defaultdict(lambda: dict.fromkeys(Nutrition.model_fields, 0.0))
    unknown: dict[date, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.recipe.calories is None:
            unknown[entry.day].add(entry.recipe.title)
        eaters = {user.id for user in entry.eaters}
        for person in people:
            if not eaters or person.user_id in eaters:
                for name in Nutrition.model_fields:
                    sums[entry.day, person.user_id][name] += (getattr(entry.recipe, name) or 0) * person.portion
    return [{"day": day, "without_data": sorted(unknown[day]), "members": [
        {"user_id": p.user_id, "name": p.user.name} | {k: round(v, 1) for k, v in sums[day, p.user_id].items()}
        for p in people]} for day in (start + timedelta(days=i) for i in range(days))]


@router.get("/pantry")
async def read_pantry(member: Member, session: Session, expiring_within: int | None = Query(None, ge=0, le=365)):
    query = select(PantryItem).where(PantryItem.household_id == member.household_id)
    if expiring_within is not None:
        query = query.where(PantryItem.best_before <= date.today() + timedelta(days=expiring_within))
    items = await session.scalars(query.options(joinedload(PantryItem.ingredient)).order_by(
        PantryItem.best_before.is_(None), PantryItem.best_before, PantryItem.id))
    return [pantry_out(item) for item in items]


@router.post("/pantry", status_code=201)
async def add_to_pantry(data: list[PantryIn], member: Member, session: Session):
    ingredients = await ensure_ingredients(session, (line.name for line in data))
    items = [PantryItem(household_id=member.household_id, ingredient=ingredients[line.name], amount=line.amount,
                        unit=line.unit, best_before=line.best_before) for line in data]
    session.add_all(items)
    await session.commit()
    return [pantry_out(item) for item in items]


@router.delete("/pantry/{item_id}", status_code=204)
async def remove_from_pantry(item_id: int, member: Member, session: Session):
    item = await session.get(PantryItem, item_id)
    if item is None or item.household_id != member.household_id:
        raise HTTPException(404, "Not in the pantry")
    await session.delete(item)
    await session.commit()


@router.get("/what-can-i-cook")
async def what_can_i_cook(member: Member, session: Session, max_missing: int = Query(0, ge=0, le=10),
                          limit: int = Query(20, ge=1, le=100)):
    return await kitchen.cookable(session, member.household_id, member.user_id, max_missing, date.today(), limit)
