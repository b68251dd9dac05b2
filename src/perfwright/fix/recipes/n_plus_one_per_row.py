"""What a loop counts, or adds up, of a relation that each pass asks for is asked for in groups, before the loop.

As for `load-all-to-filter`, nothing else is made of the relation's rows, and each value is asked for by one query.
"""

from perfwright.fix.recipe import Recipe
from perfwright.fix.recipes._per_row import proposed

RECIPE = Recipe(rule="n-plus-one-query", improves=("queries",), propose=proposed)
