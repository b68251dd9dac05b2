"""The recipes: a folder, of which each file is one."""

import importlib
import pkgutil
from functools import cache

from perfwright.fix.recipe import Recipe


@cache
def load() -> dict[str, tuple[Recipe, ...]]:
    """Return the recipes, by the rule whose findings they repair."""
    found: dict[str, tuple[Recipe, ...]] = {}
    for entry in pkgutil.iter_modules(__path__):
        if not entry.name.startswith("_"):
            recipe: Recipe = importlib.import_module(f"{__name__}.{entry.name}").RECIPE
            found[recipe.rule] = (*found.get(recipe.rule, ()), recipe)
    return found
