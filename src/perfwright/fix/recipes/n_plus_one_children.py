"""Rows that are counted, or asked for, of each item of a loop are so by one query before the loop, by the item's key.

The loop is over a list, or over what a query gives at once; the other conditions do not depend on the item, and nothing
is written in the loop, or in what it calls, that would be asked for. Keys go into one `IN`, so the loop must not be
over more items than the database takes as parameters: 32,766 of SQLite, 65,535 of PostgreSQL.
"""

from perfwright.fix.recipe import Recipe
from perfwright.fix.recipes._children import per_item

RECIPE = Recipe(rule="n-plus-one-query", improves=("queries",), propose=per_item)
