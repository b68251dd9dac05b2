"""Units of measure, and what is known of common ingredients (aisle, density, weight of a piece)."""
import re

BASE = {  # unit: (base unit, factor)
    "mg": ("g", 0.001), "g": ("g", 1), "kg": ("g", 1000), "oz": ("g", 28.35), "lb": ("g", 453.6),
    "ml": ("ml", 1), "cl": ("ml", 10), "dl": ("ml", 100), "l": ("ml", 1000),
    "tsp": ("ml", 5), "tbsp": ("ml", 15), "cup": ("ml", 240), "pint": ("ml", 473),
    "piece": ("piece", 1), "dozen": ("piece", 12),
    "clove": ("clove", 1), "slice": ("slice", 1), "can": ("can", 1), "bunch": ("bunch", 1),
    "pinch": ("pinch", 1), "pack": ("pack", 1),
}
ALIASES = {
    "": "piece", "pc": "piece", "pcs": "piece", "gram": "g", "gr": "g", "kilogram": "kg", "kilo": "kg",
    "ounce": "oz", "pound": "lb", "lbs": "lb", "milliliter": "ml", "millilitre": "ml", "liter": "l",
    "litre": "l", "deciliter": "dl", "teaspoon": "tsp", "tablespoon": "tbsp", "tbs": "tbsp", "package": "pack",
    "tin": "can",
}
AISLES = {
    "produce": "onion garlic tomato potato carrot pepper lettuce spinach apple banana lemon lime herb basil "
               "parsley mushroom courgette zucchini avocado cabbage berry ginger cucumber broccoli",
    "dairy": "milk butter cream cheese yoghurt yogurt egg parmesan mozzarella feta",
    "meat and fish": "chicken beef pork lamb bacon ham sausage salmon tuna cod prawn fish mince turkey",
    "bakery": "bread bun tortilla pita roll bagel",
    "baking": "flour sugar yeast cocoa chocolate vanilla honey",
    "dry goods": "rice pasta spaghetti noodle lentil bean chickpea oat couscous quinoa",
    "oils and spices": "oil vinegar salt cumin paprika curry cinnamon oregano soy stock spice",
    "frozen": "frozen pea",
}
AISLE_OF = {word: aisle for aisle, words in AISLES.items() for word in words.split()}
GRAMS_PER_ML = {"flour": 0.53, "sugar": 0.85, "butter": 0.96, "rice": 0.83, "honey": 1.42, "oat": 0.4, "salt": 1.2}
GRAMS_PER_PIECE = {"onion": 110, "carrot": 70, "potato": 170, "tomato": 120, "apple": 180, "banana": 120}


def canonical_unit(unit: str | None) -> str:
    unit = (unit or "").strip().lower().rstrip(".")
    for candidate in (unit, unit.removesuffix("s"), unit.removesuffix("es")):
        candidate = ALIASES.get(candidate, candidate)
        if candidate in BASE:
            return candidate
    return unit


def clean_name(name: str) -> str:
    """Lower case, single spaces, last word in the singular: 'Red  Onions' -> 'red onion'."""
    name = " ".join(name.lower().split())
    if name.endswith("oes"):
        return name[:-2]
    if name.endswith(("rries", "ndies")):
        return name[:-3] + "y"
    if len(name) > 3 and name.endswith("s") and not name.endswith(("ss", "us", "is")):
        return name[:-1]
    return name


def known_facts(name: str) -> dict:
    """Aisle, density and piece weight for a new ingredient, from the words in its name."""
    aisle = next((AISLE_OF[w] for w in map(clean_name, re.findall(r"[a-z]+", name)) if w in AISLE_OF), "other")
    return {"aisle": aisle, "grams_per_ml": GRAMS_PER_ML.get(name), "grams_per_piece": GRAMS_PER_PIECE.get(name)}


def to_base(amount: float, unit: str, ingredient) -> tuple[float, str]:
    """Amount in the one unit this ingredient is added up in; grams wherever they can be had."""
    base, factor = BASE.get(canonical_unit(unit), (unit, 1))
    amount *= factor
    if base == "ml" and ingredient.grams_per_ml:
        return amount * ingredient.grams_per_ml, "g"
    if base == "piece" and ingredient.grams_per_piece:
        return amount * ingredient.grams_per_piece, "g"
    return amount, base


def readable(amount: float, base: str) -> tuple[float, str]:
    if base in ("g", "ml") and amount >= 1000:
        return round(amount / 1000, 2), {"g": "kg", "ml": "l"}[base]
    return round(amount, 2), base
