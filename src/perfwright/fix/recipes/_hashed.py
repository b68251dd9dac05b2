"""Whether annotations, or what is done with it, say that what is looked up, or looked in, is of a kind that no set
takes."""

import ast

from perfwright.fix.recipes._calls import name_of
from perfwright.fix.source import Source

UNHASHED = frozenset((
    "dict", "list", "set", "bytearray", "Dict", "List", "Set", "defaultdict", "Counter", "deque", "DataFrame",
    "ndarray",
))  # fmt: skip
COMPARED = frozenset(("dataclass", "BaseModel", "SQLModel", "define", "attrs"))  # make what is compared by its parts
ASIDE = ("Optional", "Annotated", "Union")


def is_unhashed(source: Source, held: ast.expr, wanted: ast.expr) -> bool:
    """Tell whether an annotation says that the items of what is searched, or what is looked for, cannot be hashed."""
    function = source.function(held)
    written = (
        {each.arg: each.annotation for each in ast.walk(function) if isinstance(each, ast.arg)} if function else {}
    )
    for each in ast.walk(function) if function is not None else ():
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            written[each.target.id] = each.annotation
    loops = [each for each in ast.walk(function) if isinstance(each, ast.For | ast.comprehension)] if function else []
    over = [each.iter for each in loops if ast.unparse(each.target) == ast.unparse(wanted)]
    kinds = {name for each in (held, *over) for name in items_of(written.get(ast.unparse(each)))}
    kinds |= kinds_of(written.get(ast.unparse(wanted)))
    classes = [each for each in source.tree.body if isinstance(each, ast.ClassDef) and each.name in kinds]
    return bool(kinds & UNHASHED) or any(map(is_compared, classes))


def is_keyed(source: Source, held: ast.expr, wanted: ast.expr) -> bool:
    """Tell whether an item of what is searched, or what is looked for, is asked for a part by a text, as dictionaries
    are."""
    function = source.function(held)
    inner = [*ast.walk(function)] if function is not None else []
    loops = [each for each in inner if isinstance(each, ast.For | ast.comprehension)]
    items = {ast.unparse(wanted), *[ast.unparse(each.target) for each in loops if same(each.iter, held)]}
    return any(
        isinstance(each, ast.Subscript)
        and isinstance(each.slice, ast.Constant)
        and isinstance(each.slice.value, str)
        and ast.unparse(each.value) in items
        for each in inner
    )


def same(one: ast.expr, other: ast.expr) -> bool:
    return ast.unparse(one) == ast.unparse(other)


def kinds_of(annotation: ast.expr | None) -> set[str]:
    """Return the names of the types that an annotation allows, with those of the parts of a tuple."""
    if isinstance(annotation, ast.BinOp):
        return kinds_of(annotation.left) | kinds_of(annotation.right)
    if isinstance(annotation, ast.Tuple):
        return {name for each in annotation.elts for name in kinds_of(each)}
    if isinstance(annotation, ast.Subscript):
        name = name_of(annotation.value)
        inner = kinds_of(annotation.slice) if name in (*ASIDE, "tuple", "Tuple") else set[str]()
        return inner if name in ASIDE else {name, *inner}
    return {name_of(annotation)} if annotation is not None else set()


def items_of(annotation: ast.expr | None) -> set[str]:
    """Return the names of the types of what a collection holds, by its annotation."""
    if isinstance(annotation, ast.BinOp):
        return items_of(annotation.left) | items_of(annotation.right)
    if not isinstance(annotation, ast.Subscript):
        return set()
    is_aside = name_of(annotation.value) in ASIDE
    parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    return {name for each in parts for name in (items_of(each) if is_aside else kinds_of(each))}


def is_compared(cls: ast.ClassDef) -> bool:
    """Tell whether objects of a class are compared by what they hold, and cannot be hashed for that."""
    methods = {each.name for each in cls.body if isinstance(each, ast.FunctionDef)}
    if "__hash__" in methods:
        return False
    said = [*cls.decorator_list, *cls.bases]
    written = " ".join(map(ast.unparse, (*said, *cls.keywords, *cls.body)))
    kept = any(word in written for word in ("frozen", "hash=", "eq=False"))
    return "__eq__" in methods or (not kept and bool({name_of(each) for each in said} & COMPARED))
