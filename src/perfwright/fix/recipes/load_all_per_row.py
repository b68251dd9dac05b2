"""What a loop counts, or adds up, of a relation of each of its rows is asked for in groups, before the loop.

The loop makes nothing of the relation's rows but their number, a sum of whole numbers, or whether there are any, also
by a property of the model that is a single expression; further relations are joined. Each value is asked for by one
query, grouped by the key of the row, in parts of 1,000 keys. No query of the project fetches the relation along,
nothing is changed in the function until the loop ends, and a session is at hand that is not awaited.
"""

from perfwright.fix.recipe import Recipe
from perfwright.fix.recipes._per_row import proposed

RECIPE = Recipe(rule="load-all-to-filter", improves=("queries", "rows", "memory"), propose=proposed)
