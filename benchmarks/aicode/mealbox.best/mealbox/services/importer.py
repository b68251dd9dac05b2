"""Recipes from web pages: fetches the page and reads the schema.org Recipe in its JSON-LD."""
import asyncio
import ipaddress
import json
import re
import socket
from html import unescape

import httpx

from ..schemas import RecipeIn
from ..units import BASE, canonical_unit

FRACTIONS = {"½": .5, "⅓": 1 / 3, "⅔": 2 / 3, "¼": .25, "¾": .75, "⅛": .125, "⅜": .375, "⅝": .625, "⅞": .875}
AMOUNT = re.compile(r"^\s*(\d+\s+\d+/\d+|\d+/\d+|\d+(?:[.,]\d+)?)?\s*([½⅓⅔¼¾⅛⅜⅝⅞])?(?:\s*[-–]\s*[\d.,/½¼¾]+)?\s*")
SCRIPT, JSON_LD, END = (re.compile(text, re.I) for text in ("<script", r"application/ld\+json", "</script>"))
NUTRITION = {"calories": "calories", "protein_g": "proteinContent", "fat_g": "fatContent",
             "carbs_g": "carbohydrateContent"}
DURATION = re.compile(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:[\d.]+S)?)?$")


class ImportFailed(Exception):
    pass


async def _check_public(url: httpx.URL) -> None:
    """Refuses addresses inside our own network."""
    if url.scheme not in ("http", "https") or not url.host:
        raise ImportFailed("Only http and https addresses can be imported")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        raise ImportFailed("The address does not resolve") from None
    if not all(ipaddress.ip_address(info[4][0]).is_global for info in found):
        raise ImportFailed("The address is not a public one")


async def fetch_page(http: httpx.AsyncClient, address: str, max_bytes: int) -> str:
    try:
        url = httpx.URL(address)
        for _ in range(4):
            await _check_public(url)
            async with http.stream("GET", url, headers={"Accept": "text/html"}, follow_redirects=False) as response:
                if response.has_redirect_location:
                    url = url.join(response.headers["location"])
                    continue
                response.raise_for_status()
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > max_bytes:
                        raise ImportFailed("The page is too large")
                return body.decode(response.encoding or "utf-8", errors="replace")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ImportFailed(f"The page could not be read: {error}") from error
    raise ImportFailed("Too many redirects")


def _as_list(value) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def _blocks(html: str):
    """What stands in the JSON-LD scripts; each character is looked at a constant number of times."""
    start = SCRIPT.search(html)
    while start:
        end = html.find(">", start.end())
        if end < 0:
            return
        if JSON_LD.search(html, start.end(), end):
            close = END.search(html, end + 1)
            if not close:
                return
            yield html[end + 1:close.start()]
            end = close.end()
        start = SCRIPT.search(html, end)


def _text(value) -> str:
    text = str(value or "")
    last = text.rfind(">") + 1  # behind it no tag ends
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text[:last]) + text[last:]).split())


def _number(value) -> float | None:
    match = re.search(r"\d+(?:[.,]\d+)?", str(value or ""))
    return float(match[0].replace(",", ".")) if match else None


def _minutes(value) -> int:
    match = DURATION.match(str(value or ""))
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    return days * 1440 + hours * 60 + minutes


def _find_recipe(node) -> dict | None:
    if isinstance(node, list):
        return next((found for item in node if (found := _find_recipe(item))), None)
    if isinstance(node, dict):
        return node if "Recipe" in _as_list(node.get("@type")) else _find_recipe(node.get("@graph"))
    return None


def _steps(node) -> list[str]:
    steps = []
    for item in _as_list(node):
        if isinstance(item, dict):
            steps += _steps(item["itemListElement"]) if "itemListElement" in item else [
                _text(item.get("text") or item.get("name"))]
        else:
            steps += [_text(line) for line in str(item).splitlines()]
    return [step for step in steps if step]


def parse_ingredient(line: str) -> dict:
    """'1 1/2 cups plain flour, sifted' -> amount 1.5, unit cup, name plain flour, note sifted."""
    line = _text(line)
    match = AMOUNT.match(line)
    number, fraction = match.groups()
    amount = None
    if number or fraction:
        amount = FRACTIONS.get(fraction, 0.0)
        for part in (number or "").split():
            top, _, bottom = part.replace(",", ".").partition("/")
            amount += float(top) / (float(bottom or 1) or 1)
        line = line[match.end():]
    unit = "piece"
    first, _, rest = line.partition(" ")
    if amount is not None and rest and canonical_unit(first) in BASE:
        unit, line = canonical_unit(first), rest
    if ")" in line:
        last = line.rindex(")") + 1
        line = re.sub(r"\s*\(([^)]*)\)", r", \1", line[:last], count=1) + line[last:]
    name, _, note = line.partition(",")
    return {"name": (name.strip() or line)[:100], "amount": amount and round(amount, 3), "unit": unit,
            "note": note.strip(" ,")[:200]}


def parse_page(html: str, url: str) -> RecipeIn:
    data = None
    for block in _blocks(html):
        try:
            data = data or _find_recipe(json.loads(block, strict=False))
        except ValueError:
            continue
    if data is None:
        raise ImportFailed("The page has no schema.org recipe")
    nutrition = data.get("nutrition") if isinstance(data.get("nutrition"), dict) else {}
    photos = [i if isinstance(i, dict) else {"url": str(i)} for i in _as_list(data.get("image"))]
    keywords = data.get("keywords")
    tags = (keywords.split(",") if isinstance(keywords, str) else _as_list(keywords)) + _as_list(
        data.get("recipeCategory")) + _as_list(data.get("recipeCuisine"))
    servings = next((n for n in map(_number, _as_list(data.get("recipeYield"))) if n), 4)
    return RecipeIn(
        title=_text(data.get("name"))[:200], description=_text(data.get("description"))[:5000],
        servings=servings, prep_minutes=_minutes(data.get("prepTime")), cook_minutes=_minutes(data.get("cookTime")),
        source_url=url, ingredients=[parse_ingredient(line) for line in _as_list(data.get("recipeIngredient"))],
        steps=_steps(data.get("recipeInstructions")), tags=[_text(tag)[:50] for tag in tags][:30],
        photos=[{"url": p["url"], "width": _number(p.get("width")), "height": _number(p.get("height")),
                 "caption": _text(p.get("caption"))[:200]} for p in photos if isinstance(p.get("url"), str)][:20],
        nutrition={ours: _number(nutrition.get(theirs)) for ours, theirs in NUTRITION.items()})
