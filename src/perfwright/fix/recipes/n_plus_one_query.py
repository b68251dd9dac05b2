"""A relation that each pass of a loop asks for is fetched with the rows that the loop goes through.

The query of these rows is found (through names, helpers and templates), it gives whole rows of one model, and the
lines of the finding name one way of relations from them to what is asked for. A to-one relation is joined, others are
asked for by a second query, as are those of rows that are locked, grouped or made different. A helper that gives one
row and that others call, too, is left alone, as is a function that calls itself, and what is asked anew of the
database whatever was fetched: `order.items.filter(...)`.
"""

from perfwright.fix.recipe import Recipe
from perfwright.fix.recipes._eager import proposed

RECIPE = Recipe(rule="n-plus-one-query", improves=("queries",), propose=proposed)
