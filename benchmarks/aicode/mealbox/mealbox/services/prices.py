"""Cost estimates. The prices API answers GET ?names=a,b with
{"prices": [{"name", "price", "amount", "unit", "currency"}]}."""
import asyncio
import logging
from collections.abc import Iterable
from typing import NamedTuple

import httpx

from ..config import Settings
from ..models import Ingredient
from ..units import to_base

log = logging.getLogger(__name__)
BATCH = 50


class Price(NamedTuple):
    per_unit: float
    unit: str
    currency: str


async def _ask(http: httpx.AsyncClient, settings: Settings, names: list[str]) -> list[dict]:
    try:
        response = await http.get(settings.prices_url, params={"names": ",".join(names)},
                                  headers={"Authorization": f"Bearer {settings.prices_key}"})
        response.raise_for_status()
        return response.json()["prices"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        log.warning("prices API failed: %s", error)
        return []


async def prices_for(http: httpx.AsyncClient, settings: Settings,
                     ingredients: Iterable[Ingredient]) -> dict[int, Price]:
    """The price, per base unit, of each ingredient that has one."""
    by_name = {ingredient.name: ingredient for ingredient in ingredients}
    names = sorted(by_name)
    answers = await asyncio.gather(*(_ask(http, settings, names[start:start + BATCH])
                                     for start in range(0, len(names), BATCH)))
    prices = {}
    for quote in (quote for answer in answers for quote in answer):
        ingredient = by_name.get(quote.get("name"))
        if ingredient is not None and quote.get("amount") and quote.get("price") is not None:
            amount, base = to_base(float(quote["amount"]), quote.get("unit", "piece"), ingredient)
            prices[ingredient.id] = Price(float(quote["price"]) / amount, base, quote.get("currency", "EUR"))
    return prices


def estimate(lines: Iterable[tuple[Ingredient, float | None, str]], prices: dict[int, Price]) -> dict:
    items, unpriced, total = [], [], 0.0
    for ingredient, amount, unit in lines:
        if amount is None:
            continue
        amount, base = to_base(amount, unit, ingredient)
        price = prices.get(ingredient.id)
        if price is None or price.unit != base:
            unpriced.append(ingredient.name)
            continue
        total += amount * price.per_unit
        items.append({"name": ingredient.name, "cost": round(amount * price.per_unit, 2)})
    currency = next((price.currency for price in prices.values()), None)
    return {"total": round(total, 2), "currency": currency, "items": items, "unpriced": sorted(set(unpriced))}
