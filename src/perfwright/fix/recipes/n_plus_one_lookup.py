"""A row that each pass of a loop looks up by its key is found in a dict of all of them, asked for before the loop.

The loop is over a list that can be gone through twice, the key is a foreign key of the item or a number by annotation,
and the loop neither ends the transaction, takes its session anew, sets the key nor makes such rows: `session.get(Model,
item.model_id)`, a `select` or `query` for that one row, or Django's `Model.objects.filter(pk=item.model_id).first()`.
What raises where there is no row is left alone.
"""

from perfwright.fix.recipe import Recipe
from perfwright.fix.recipes._lookups import looked_up

RECIPE = Recipe(rule="n-plus-one-query", improves=("queries",), propose=looked_up)
