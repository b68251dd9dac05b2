"""Values that a condition compares a row with: known before the rows are asked for, the same for all, of which kind."""

import ast

from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._columns import KEY, KIND_OF, NUMBERS, is_enum
from perfwright.fix.source import Source, names
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class, Value

CLOCKS = ("now", "utcnow", "today", "localdate")  # no row sees another time by them
PLAIN = (  # calls that only make a value, and cannot fail where the rows' own comparison would not
    *("timedelta", "date", "datetime", "Decimal", "weekday", "isoweekday", "lower", "upper", "strip", "combine"),
    *("int", "str", "float", "len", "total_seconds", *CLOCKS),
)
MADE = {  # the kind of what a call gives
    "now": "moment", "utcnow": "moment", "combine": "moment", "datetime": "moment", "fromtimestamp": "moment",
    "today": "day", "localdate": "day", "date": "day", "fromisoformat": "day", "Decimal": "exact", "str": "text",
    "int": "whole", "len": "whole", "weekday": "whole", "isoweekday": "whole", "float": "float", "bool": "flag",
    "lower": "text", "upper": "text", "strip": "text",
}  # fmt: skip
ALIKE = ({"whole", KEY}, {"text", KEY}, {"uuid", KEY}, {"text", "enum"}, {"whole", "float"}, {"whole", "exact"})
CONSTANTS = {bool: "flag", int: "whole", float: "float", str: "text"}
DEEPEST = 6


def written(source: Source, node: ast.AST) -> str:
    """Return an expression as it is written; where it was put together, as it would be."""
    return source.text_of(node) if node in source.parents else ast.unparse(node)


class Constants:
    """What is known, in one function, when a query of it is made."""

    def __init__(self, around: Surroundings, source: Source, query: ast.expr) -> None:
        self.around, self.source, self.query = around, source, query
        self.function = source.function(query)

    def is_fixed(self, node: ast.expr, row: str) -> bool:
        """Tell whether an expression is the same for all rows, and known before the query is made."""
        if row in names(node) or any(
            isinstance(each, (ast.Await, ast.NamedExpr, ast.Lambda)) for each in ast.walk(node)
        ):
            return False
        if any(isinstance(each, ast.Call) and name_of(each) not in PLAIN for each in ast.walk(node)):
            return False
        wanted = names(node)
        bindings = [each for each in ast.walk(self.function) if isinstance(each, ast.Name)] if self.function else []
        return all(
            each.lineno < self.query.lineno or self._is_around(each)
            for each in bindings
            if each.id in wanted and not isinstance(each.ctx, ast.Load)
        )

    def _is_around(self, node: ast.Name) -> bool:
        """Tell whether a name is bound by a comprehension that the query is made in."""
        owner = next((each for each in self.source.above(node) if isinstance(each, ast.comprehension)), None)
        whole = self.source.parents.get(owner) if owner is not None else None
        return whole is not None and whole in self.source.loops(self.query)

    def fits(self, kind: str, node: ast.expr, *, ordered: bool) -> bool:
        """Tell whether SQL compares a column of a kind with a value as Python does."""
        given = self.kind(node)
        if kind == "enum" and given != "enum":
            return False  # it is looked up by the name of the member
        if not given or given == kind:
            return bool(kind) and not (ordered and kind in ("text", "enum", "flag", "uuid", KEY))
        if {kind, given} == {"text", "enum"}:
            return kind == "text" and not ordered
        return any({kind, given} == some for some in ALIKE) and (not ordered or {kind, given} <= {*NUMBERS})

    def kind(self, node: ast.AST, depth: int = 0) -> str:
        """Return the kind of a value; nothing where it is not known."""
        if depth > DEEPEST:
            return ""
        if isinstance(node, ast.Constant):
            return CONSTANTS.get(type(node.value), "")
        if isinstance(node, ast.JoinedStr):
            return "text"
        if isinstance(node, ast.BinOp):
            left = self.kind(node.left, depth + 1)
            return left if left in ("moment", "day") else ""
        if isinstance(node, ast.BoolOp):
            kinds = {self.kind(each, depth + 1) for each in node.values}
            return kinds.pop() if len(kinds) == 1 else ""
        if isinstance(node, ast.Call):
            asked = ast.unparse(node.func)
            if asked.startswith("request.") and asked.endswith(".get"):
                return "" if any(each.arg == "type" for each in node.keywords) else "text"
            if asked.endswith("datetime.fromisoformat"):
                return "moment"
            return MADE.get(name_of(node), "")
        if isinstance(node, ast.Attribute):
            owner = self.around.entity(self.source, node.value)
            return "enum" if isinstance(owner, Class) and is_enum(self.around, owner) else ""
        if isinstance(node, ast.Name):
            return self._named(node, depth)
        return ""

    def _named(self, node: ast.Name, depth: int) -> str:
        values = assigned(self.function, node.id) if self.function is not None else []
        kinds = {self.kind(each, depth + 1) for each in values or ()}
        for each in ast.walk(self.function.args) if self.function is not None else ():
            if isinstance(each, ast.arg) and each.arg == node.id:
                kinds.add(self._annotated(each.annotation))
        return kinds.pop() if len(kinds) == 1 else ""

    def _annotated(self, annotation: ast.expr | None) -> str:
        named = (
            [each for each in ast.walk(annotation) if isinstance(each, ast.Name | ast.Attribute)] if annotation else []
        )
        if len(named) != 1:
            return ""
        found = self.around.entity(self.source, named[0])
        if isinstance(found, Class):
            return "enum" if is_enum(self.around, found) else ""
        return KIND_OF.get(name_of(named[0]), "")

    def listed(self, node: ast.expr) -> list[ast.expr] | None:
        """Return the items of a collection that is written out, here or at the top of a file; None for any other."""
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return node.elts
        if (
            isinstance(node, ast.Call)
            and name_of(node) in ("frozenset", "set", "tuple", "list")
            and len(node.args) == 1
        ):
            return self.listed(node.args[0])
        if isinstance(node, ast.Name) and self.function is not None and assigned(self.function, node.id) != []:
            return None
        found = self.around.entity(self.source, node)
        source = self.around.source(found.module.path) if isinstance(found, Value) else None
        values = [
            each.value
            for each in (source.tree.body if source is not None else ())
            if isinstance(each, ast.Assign)
            and isinstance(found, Value)
            and any(isinstance(target, ast.Name) and target.id == found.name for target in each.targets)
        ]
        return self.listed(values[0]) if len(values) == 1 and not isinstance(values[0], ast.Name) else None
