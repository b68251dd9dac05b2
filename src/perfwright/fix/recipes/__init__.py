"""The recipes: a folder, of which each file is one."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from perfwright.fix.recipe import Recipe


@cache
def load() -> dict[str, tuple[Recipe, ...]]:
    """Return the recipes, by the rule whose findings they repair."""
    found: dict[str, tuple[Recipe, ...]] = {}
    for module in modules():
        recipe: Recipe = module.RECIPE
        found[recipe.rule] = (*found.get(recipe.rule, ()), recipe)
    return found


def modules() -> Iterator[ModuleType]:
    """Give the module of each recipe: its docstring says what is repaired, how, and where it is not tried."""
    for entry in pkgutil.iter_modules(__path__):
        if not entry.name.startswith("_"):
            yield importlib.import_module(f"{__name__}.{entry.name}")
