"""Arrays, columns and frames as trees, and made again from them; no library is loaded before it is needed."""

import contextlib
import importlib
from collections.abc import Callable
from typing import Any

Tree = Any
Write = Callable[[Any, int], Tree]
LIBRARIES = ("numpy", "pandas")
INSIDE = 2  # depth of what a table holds


def library(kind: type) -> str:
    """Return the library that a class is of, where its values are tables or parts of them; else nothing."""
    name = kind.__module__.partition(".")[0]
    return name if name in LIBRARIES else ""


def single(value: Any, write: Write) -> Tree | None:
    """Return the tree of one number, time or index, which nobody can change; None for what is none."""
    kind = type(value)
    if library(kind) == "numpy":
        is_one = hasattr(value, "dtype") and not hasattr(value, "sort") and getattr(value, "shape", None) == ()
        return ["np", -1, kind.__name__, str(value.dtype), [], write(value.tolist(), INSIDE)] if is_one else None
    if kind.__name__ in ("Timestamp", "Timedelta"):
        zone = getattr(value, "tz", None)
        return ["pd", -1, kind.__name__, value.isoformat(), value.unit, None if zone is None else str(zone)]
    if kind.__name__ == "Period":
        return ["pd", -1, "Period", str(value), value.freqstr]
    if kind.__name__ in ("NaTType", "NAType"):
        return ["pd", -1, kind.__name__]
    return _index(value, write) if kind.__name__.endswith("Index") and hasattr(value, "names") else None


def table(value: Any, number: int, write: Write, owners: dict[int, int]) -> Tree | None:
    """Return the tree of an array, a column or a frame; None for what is none.

    `owners` gets the number of the first array of each memory: of two that share theirs one changes with the other.
    """
    kind = type(value).__name__
    if library(type(value)) == "numpy":
        if not hasattr(value, "tolist") or not hasattr(value, "dtype"):
            return None
        owner = value
        while isinstance(getattr(owner, "base", None), type(owner)):
            owner = owner.base
        first = owners.setdefault(id(owner), number)
        return ["np", number, kind, str(value.dtype), list(value.shape), write(value.tolist(), INSIDE), first]
    if kind == "DataFrame":
        every = [value.iloc[:, place] for place in range(value.shape[1])]
        columns = [[write(name, INSIDE), *_typed(each, write)] for name, each in zip(value.columns, every, strict=True)]
        labels = _index(value.columns, write)
        return ["df", number, columns, _index(value.index, write), [labels[3], labels[5]]]
    if kind == "Series":
        return ["sr", number, write(value.name, INSIDE), *_typed(value, write), _index(value.index, write)]
    if kind.endswith("Array") and hasattr(value, "tolist"):
        return ["pd", -1, "array", *_typed(value, write)]
    return None


def _typed(values: Any, write: Write) -> list[Tree]:
    """Return the type of some values and their trees; of categories also those that there are."""
    kind: Tree = str(values.dtype)
    if kind == "category":
        dtype = values.dtype
        kind = ["category", [write(each, INSIDE) for each in dtype.categories.tolist()], bool(dtype.ordered)]
    return [kind, [write(each, INSIDE) for each in values.tolist()]]


def _index(index: Any, write: Write) -> Tree:
    """Return the tree of an index; a range is as good as the same numbers."""
    names = [write(each, INSIDE) for each in index.names]
    if getattr(index, "nlevels", 1) > 1:
        return ["pd", -1, "Index", "", [write(each, INSIDE) for each in index.tolist()], names]
    return ["pd", -1, "Index", *_typed(index, write), names]


def made(tree: Tree, make: Callable[[Tree], Any]) -> Any:
    """Return the value of a tree."""
    if tree[0] == "np":
        numpy = importlib.import_module("numpy")
        array = numpy.array(make(tree[5]), dtype=tree[3])
        return array.reshape(tree[4]) if tree[2] == "ndarray" else array[()]
    pandas = importlib.import_module("pandas")
    if tree[0] == "sr":
        return _column(pandas, tree[3], tree[4], make, index=_made_index(pandas, tree[5], make), name=make(tree[2]))
    if tree[0] == "df":
        index = _made_index(pandas, tree[3], make)
        columns = {
            place: _column(pandas, dtype, items, make, index=index) for place, (_, dtype, items) in enumerate(tree[2])
        }
        frame = pandas.DataFrame(columns, index=index)
        dtype, names = tree[4]
        frame.columns = _made_index(pandas, ["pd", -1, "Index", dtype, [name for name, _, _ in tree[2]], names], make)
        return frame
    return _made_single(pandas, tree, make)


def _made_single(pandas: Any, tree: Tree, make: Callable[[Tree], Any]) -> Any:
    kind = tree[2]
    if kind == "Timestamp":
        value = pandas.Timestamp(tree[3]).as_unit(tree[4])
        return value if tree[5] is None else value.tz_convert(tree[5])
    if kind == "Timedelta":
        return pandas.Timedelta(tree[3]).as_unit(tree[4])
    if kind == "Period":
        return pandas.Period(tree[3], tree[4])
    if kind == "Index":
        return _made_index(pandas, tree, make)
    if kind == "array":
        return _column(pandas, tree[3], tree[4], make).array
    return pandas.NaT if kind == "NaTType" else pandas.NA


def _made_index(pandas: Any, tree: Tree, make: Callable[[Tree], Any]) -> Any:
    dtype, items, names = tree[3:]
    values = [make(each) for each in items]
    if len(names) > 1:
        return pandas.MultiIndex.from_tuples(values, names=[make(each) for each in names])
    if dtype == "int64" and values == list(range(len(values))):
        return pandas.RangeIndex(len(values), name=make(names[0]))
    return pandas.Index(values, dtype=_made_type(pandas, dtype, make), name=make(names[0]))


def _column(pandas: Any, dtype: Tree, items: Tree, make: Callable[[Tree], Any], **options: Any) -> Any:
    values: Any = None
    if isinstance(dtype, str) and dtype.startswith("datetime64") and all(map(_is_moment, items)):
        moments = [each[3] if each[2] == "Timestamp" else None for each in items]
        with contextlib.suppress(ValueError):  # out of the bounds of some versions
            # One by one, that takes longer than what is judged.
            values = pandas.to_datetime(moments, format="ISO8601", utc="," in dtype)
    if values is None:
        values = [make(each) for each in items]
    return pandas.Series(values, dtype=_made_type(pandas, dtype, make), **options)


def _is_moment(tree: Tree) -> bool:
    return isinstance(tree, list) and tree[0] == "pd" and tree[2] in ("Timestamp", "NaTType")


def _made_type(pandas: Any, dtype: Tree, make: Callable[[Tree], Any]) -> Any:
    if isinstance(dtype, str):
        return dtype
    return pandas.CategoricalDtype([make(each) for each in dtype[1]], ordered=dtype[2])


# ------------------------------------------------------------------------------ changed in place
def change(value: Any) -> bool:
    """Change what an array, a column or a frame holds, in place, and tell whether anything was."""
    kind = type(value)
    if library(kind) == "numpy" and kind.__name__ == "ndarray" and value.ndim and len(value):
        value[...] = value[::-1].copy()
        return True
    if library(kind) == "pandas" and kind.__name__ in ("DataFrame", "Series") and len(value):
        value.iloc[0] = value.iloc[-1]
        return True
    return False
