"""Whether an expression gives a frame of its own, which nothing else has."""

from itertools import pairwise

from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import External, Function, Module
from perfwright.index.tree import names_in, walk
from perfwright.rules._frames import assigned_to
from perfwright.rules._uses import is_closed_over, trails, use

OF_FRAMES = frozenset(  # methods and attributes that say that something is a frame
    (
        *("groupby", "merge", "loc", "iloc", "sort_values", "dropna", "fillna", "reset_index", "drop_duplicates"),
        *("columns", "to_csv", "query", "set_index", "pivot_table", "resample", "rolling", "iterrows", "itertuples"),
        *("astype", "to_parquet", "assign", "melt", "isna", "notna", "describe", "to_excel", "rename", "agg"),
    )
)
NEW_FRAMES = ("read_", "concat", "merge", "DataFrame", "json_normalize", "pivot_table")  # functions of pandas


def gives_new(effects: Effects, module: Module, made: Node, depth: int = 0) -> bool:
    """Tell whether an expression gives something that nobody else has."""
    node = made[2] if made[0] == "await" else made
    if node[0] != "call" or node[2][0] not in ("name", "attr"):
        return False
    entity = effects.project.expression(module, node[2])
    if isinstance(entity, External):
        name = effects.libraries.canonical(entity)
        return name.startswith("pandas.") and name.removeprefix("pandas.").startswith(NEW_FRAMES)
    if entity is None and node[2][0] == "attr":
        return node[2][3] in OF_FRAMES or node[2][3] == "copy"
    if not isinstance(entity, Function) or depth > 2 or entity.is_generator or entity.decorators:
        return False
    effects.program.interpreter.consulted.add(entity)
    given = [node[2] for node in walk(entity.body) if node[0] == "return" and node[2] is not None]
    return bool(given) and all(is_new(effects, entity, value, depth) for value in given)


def is_new(effects: Effects, function: Function, value: Node, depth: int) -> bool:
    """Tell whether what a function returns is its own: a local name that nothing else keeps, or made on the spot."""
    if value[0] == "coll" and value[3]:
        return is_new(effects, function, value[3][0], depth)
    if value[0] == "call":
        chained = value[2][0] == "attr" and (value[2][3] in OF_FRAMES or value[2][3] == "copy")
        return chained or gives_new(effects, function.module, value, depth + 1)
    if value[0] != "name" or is_closed_over(function, value[2]):
        return False
    made = assigned_to(function.body, value[2])
    if not made:
        return False
    if any(parameter[0] == value[2] for parameter in function.parameters) and not made_before(effects, function, value):
        return False
    if not all(is_new(effects, function, each, depth) for each in made if each[0] == "call"):
        return False
    own = all(each[0] == "call" or value[2] in names_in(each) for each in made)
    return own and not any(kept(trail) for trail in trails(function.body, value[2]))


def made_before(effects: Effects, function: Function, value: Node) -> bool:
    """Tell whether a parameter was bound to a frame of the function's own before a place: `frame = frame.copy()`."""
    for statement in function.body:
        if statement[1] >= value[1]:
            return False
        if statement[0] == "assign" and any(target[:3:2] == ("name", value[2]) for target in statement[2]):
            return gives_new(effects, function.module, statement[3], 1)
    return False


def kept(trail: tuple[Node, ...]) -> bool:
    """Tell whether a frame itself is put somewhere or handed on, not only returned or asked for something new."""
    if use(trail).kind != "handed" or any(step[0] == "return" for step in trail):
        return False
    return not any(outer[0] == "call" and inner is outer[2] for outer, inner in pairwise(trail))
