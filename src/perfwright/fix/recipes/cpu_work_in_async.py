"""Long computing is awaited in a thread, with `asyncio.to_thread`.

The call stands in an `async def` itself, in no loop, function or generator within; under no lock; it changes nothing
that other tasks count with at the same time; and what belongs to one thread (connections, cursors, sessions) is left
alone.
"""

from perfwright.fix.recipe import Recipe
from perfwright.fix.recipes._threads import in_thread

RECIPE = Recipe(rule="cpu-work-in-async", improves=("stall",), propose=in_thread, allows=("await-order",))
