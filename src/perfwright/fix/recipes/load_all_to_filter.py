"""What is done with all rows of a query in Python is asked of the database.

- The conditions of a comprehension, or those that the body of a loop begins with or is, on columns of the row go into
  the query; what SQL says otherwise than Python (a property, a function, the order of text) stays where it is.
- The number of rows, the sum, least or greatest of a column that is never NULL, the first row, or whether there is one,
  is asked for instead of the rows, under the same conditions. A sum may be of what whole numbers come to together.
- Several values of the same rows, made in comprehensions or in a loop that adds up, are asked for in one row, of one
  query; values of what relations lead to, one after the other, in one query that joins them.
- The number of rows, or a sum, for each value of a column is asked for in groups, in the order of the first of each;
  the column may be of a row that each of them belongs to.
- What a property or a method of the model returns is put in its place, where it is a single expression.
- Rows that all get the same values are changed in one statement, where nothing else is done as they change.
- So are the rows of a relation, where the function has a session that they can be asked for with, or the row has.

The query is written in the same function, gives whole rows of one model, is neither limited nor grouped, and its rows
are used for nothing else; nothing is changed before that the query would not see.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace

from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._aggregates import aggregated
from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import method_of, name_of, placed
from perfwright.fix.recipes._columns import KEY, NUMBERS, ORDERED, column_of, kind_of, may_be_null
from perfwright.fix.recipes._conditions import Conditions, present
from perfwright.fix.recipes._groups import grouped
from perfwright.fix.recipes._inlined import inlined, inlined_parts
from perfwright.fix.recipes._joined import guarded, is_free, joined, negated
from perfwright.fix.recipes._lacking import is_guarded, may_lack
from perfwright.fix.recipes._narrowed import Queryset, Rows
from perfwright.fix.recipes._passes import changes_others, is_changed, untested
from perfwright.fix.recipes._queried import asked_of
from perfwright.fix.recipes._quiet import is_kept_between, is_quiet_between
from perfwright.fix.recipes._related import related
from perfwright.fix.recipes._relation_rows import Related
from perfwright.fix.recipes._row_uses import Reduction, Use, reduction, used
from perfwright.fix.recipes._updates import loop_of, updated
from perfwright.fix.source import COMPREHENSIONS, Edit, Source, names
from perfwright.fix.surroundings import Surroundings, also_from

SAYS = {
    "count": "the database counts the rows",
    "exists": "the database stops at the first row",
    "first": "the database gives the one row that is used",
    "sum": "the database adds `{}`",
    "min": "the database finds the least `{}`",
    "max": "the database finds the greatest `{}`",
    "top": "the database orders the rows by `{}`, and gives those that are used",
    "best": "the database orders the rows by `{}`, and gives the first",
    "columns": "the database gives only `{}` of each row",
}
EXTREME = ("whole", "moment", "day", "clock", "float")  # kinds whose least and greatest are asked for


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    around = surroundings.around(source.root) if source.root is not None else None
    own = around.source(source.path) if around is not None else None
    if around is None or own is None:
        return
    for node in placed(own, finding.place):
        rows = named(own, node)
        if rows is not None and (changes := loop_of(own, rows)) is not None:
            found = asked_of(around, own, changes[0])
            edits = updated(around, found[0], found[1], found[2][0], *changes) if found is not None else None
            if found is not None and edits is not None and is_free(own, [("sqlalchemy", "update")]):
                more = [edit for module, some in found[0].imports.items() for edit in also_from(own, module, some)]
                yield Proposal((*edits, *more, *found[2][1]), "one statement changes all rows", source=own)
            return
        if isinstance(rows, ast.Attribute) and (proposal := joined(around, own, rows, finding)) is not None:
            yield proposal
            return
        use = used(own, rows) if rows is not None else None
        several = use is None or isinstance(rows, ast.Attribute) or goes_on(own, use)
        if several and rows is not None and (proposal := aggregated(around, own, rows)) is not None:
            yield proposal
        if use is None:
            continue
        found = asked_of(around, own, use) or related(around, own, use, finding)
        if found is None:
            continue
        asked, model, written, query = found
        conditions = Conditions(around, own, query, model, written[0])
        if (made := grouped(conditions, asked, use, written[1])) is not None:
            yield made
            return
        yield from proposals(conditions, asked, use, written[1])
        return


def goes_on(source: Source, use: Use) -> bool:
    """Tell whether rows are gone through by statements, or put into a list of some: more than one value may be made."""
    return isinstance(use.node, ast.For) or isinstance(source.parents[use.node], ast.Assign)


def named(source: Source, node: ast.expr) -> ast.expr | None:
    """Return what gives the rows that a place is about: what the name there stands for, or what is sorted there."""
    if isinstance(node, ast.Call) and name_of(node) in ("sorted", "min", "max") and len(node.args) == 1:
        node = node.args[0]
    function = source.function(node)
    if isinstance(node, ast.Name) and function is not None:
        values = assigned(function, node.id)
        return values[0] if values is not None and len(values) == 1 else None
    return node


def proposals(conditions: Conditions, asked: Rows, use: Use, imports: list[Edit]) -> Iterator[Proposal]:
    """Give the proposals for a use of rows: that asks for a value, else that puts conditions into the query."""
    source = conditions.source
    for wanted in dict.fromkeys((reduction(source, use), None)):
        conditions.imports.clear()
        asked.imports = {module: [*some] for module, some in asked.kept.items()} if isinstance(asked, Related) else {}
        edits = valued(conditions, asked, use, wanted) if wanted is not None else narrowed(conditions, asked, use)
        if edits and isinstance(asked, Related) and asked.is_guarded:
            edits = guarded(asked, use, edits)
        if edits and is_free(
            source, [*conditions.imports, *((module, name) for module, some in asked.imports.items() for name in some)]
        ):
            says = "the database leaves out the rows that are not wanted"
            if wanted is not None:
                says = SAYS[wanted.kind].format(wanted.column.attr if wanted.column is not None else "")
            yield Proposal((*edits, *conditions.edits(asked.imports), *imports), says, source=source)


def valued(conditions: Conditions, asked: Rows, use: Use, wanted: Reduction) -> list[Edit] | None:
    """Return the edits that ask for a value instead of rows."""
    if not is_quiet_between(conditions.around, conditions.source, use):
        return None
    tests = inlined_parts(conditions.around, conditions.source, conditions.model, wanted.wanted, use.row)
    value = wanted.value
    if wanted.kind == "sum" and wanted.column is not None and not column_of(conditions.model, wanted.column, use.row):
        value, wanted = wanted.column, replace(wanted, column=None)
    if value is not None:
        value = inlined(conditions.around, conditions.source, conditions.model, value, use.row)
    use, wanted = replace(use, wanted=tests), replace(wanted, wanted=tests, value=value)
    said, whole = conditions.said(list(tests), use.row)
    if (
        not whole
        or is_changed(conditions.source, use, [wanted.column, wanted.value])
        or not is_adding(conditions, use, wanted, asked.key)
    ):
        return None
    source = conditions.source
    over = asked.over
    if use.held is not None:
        if not source.is_alone(use.held):
            return None
        asked.over = use.held.value
    column = wanted.column.attr if wanted.column is not None else term_of(conditions, use, wanted)
    column += ".desc()" if wanted.kind in ("top", "best") and wanted.negated else ""
    kept = wanted.kind == "sum" or is_whole(conditions, use, wanted)
    text = asked.value(wanted.kind, said, column, wanted.default if kept else "None")
    asked.over = over
    if text is None:
        return None
    if not kept and wanted.default != "None":
        return first_asked(source, use, wanted, text)
    if wanted.kind == "exists":
        text = negated(text) if wanted.negated else text
        above = source.parents[wanted.whole]
        text = f"({text})" if " is " in text and isinstance(above, ast.UnaryOp | ast.Compare) else text
    return [source.replace(wanted.whole, text), *([source.removed(use.held)] if use.held is not None else [])]


def is_adding(conditions: Conditions, use: Use, wanted: Reduction, key: str) -> bool:
    """Tell whether SQL makes of a column what Python does: of whole numbers the sum, and of none that is NULL."""
    if wanted.value is not None:
        return bool(term_of(conditions, use, wanted))
    if wanted.column is None:
        return wanted.kind not in ("sum", "min", "max", "columns", "top", "best")
    column = column_of(conditions.model, wanted.column, use.row)
    if column is None:
        return False
    kind = kind_of(conditions.around, column)
    if wanted.kind == "columns":
        return bool(kind) and kind != KEY
    sure = {name for part in wanted.wanted for name in present(part.test, use.row, holds=part.holds)}
    if wanted.column.attr not in sure and may_be_null(conditions.around, conditions.model, column):
        return False
    if wanted.kind in ("top", "best"):
        return kind in ORDERED and bool(key)
    if wanted.kind == "sum":
        return kind == "whole"
    return kind in EXTREME and (wanted.default == "None" or (kind in NUMBERS and wanted.default.isdigit()))


def first_asked(source: Source, use: Use, wanted: Reduction, text: str) -> list[Edit] | None:
    """Return the edits that ask for a value before the statement that uses it, and take the default where it is none:
    of a float, SQL would make another number of it."""
    place, statement = wanted.whole, source.statement(wanted.whole)
    within = list(source.above(place))[: [*source.above(place)].index(statement)]
    perhaps = any(isinstance(each, (*COMPREHENSIONS, ast.IfExp, ast.BoolOp, ast.Lambda)) for each in within)
    plain = isinstance(statement, ast.Assign | ast.AugAssign | ast.Return | ast.Expr) and source.begins(statement)
    if perhaps or not plain or use.held is not None or statement.lineno != place.lineno:
        return None
    name = source.fresh("found", "least" if wanted.kind == "min" else "greatest")
    said = source.replace(place, f"({wanted.default} if {name} is None else {name})")
    lines = f"{name} = {text}".replace(f"\n{source.indent(statement)}", "\n").split("\n")
    return [source.before(statement, *lines), said]


def is_whole(conditions: Conditions, use: Use, wanted: Reduction) -> bool:
    """Tell whether a value is that of a column of whole numbers."""
    column = column_of(conditions.model, wanted.column, use.row) if wanted.column is not None else None
    return column is not None and kind_of(conditions.around, column) == "whole"


def term_of(conditions: Conditions, use: Use, wanted: Reduction) -> str:
    """Return what is counted of several columns of a row; nothing where that is not known."""
    if wanted.value is None:
        return ""
    sure = {name for part in wanted.wanted for name in present(part.test, use.row, holds=part.holds)}
    return (conditions.term(wanted.value, use.row, sure) or "") if use.row in names(wanted.value) else ""


def narrowed(conditions: Conditions, asked: Rows, use: Use) -> list[Edit] | None:
    """Return the edits that put conditions into the query, and take them away from where they stand."""
    source = conditions.source
    if not use.wanted:
        return None
    use = replace(use, wanted=inlined_parts(conditions.around, source, conditions.model, use.wanted, use.row))
    said, whole = conditions.said(list(use.wanted), use.row)
    if not said or is_changed(source, use) or changes_others(conditions.around, use):
        return None
    if not is_kept_between(conditions.around, source, use) or may_fail(conditions.around, source, use):
        return None
    edits = asked.narrowed(said)
    if whole and is_no_more(use, asked):
        assert isinstance(use.node, ast.expr)
        start, end = source.span(use.node)
        old, new = (source.indent_at(each.lineno) for each in (use.over, use.node))
        edits = [Edit(each.start, each.end, each.text.replace(f"\n{old}", f"\n{new}")) for each in edits]
        edits += [Edit(start, source.span(use.over)[0], ""), Edit(source.span(use.over)[1], end, "")]
    elif whole and isinstance(use.node, COMPREHENSIONS):
        edits.append(Edit(source.span(use.over)[1], source.span(use.tests[-1])[1], ""))
    elif whole and isinstance(use.node, ast.For):
        edits += untested(source, use)
    return edits


def may_fail(around: Surroundings, source: Source, use: Use) -> bool:
    """Tell whether rows with a name are tested only where something else holds, and else could not be asked for."""
    if use.held is None or not any(may_lack(around, source, part.test, use.row) for part in use.wanted):
        return False
    above = source.parents[use.held]
    blocks = [getattr(above, name, []) for name in ("body", "orelse", "finalbody")]
    block = next((some for some in blocks if use.held in some), [])
    return is_guarded(source, use.over, ast.unparse(use.over), block, use.held)


def is_no_more(use: Use, asked: Rows) -> bool:
    """Tell whether a comprehension is no more than the list of rows that it goes through."""
    node = use.node
    if not isinstance(node, ast.ListComp) or len(node.generators) != 1 or use.held is not None:
        return False
    listed = isinstance(asked, Related) or (method_of(use.over) == "all" and not isinstance(asked, Queryset))
    return listed and isinstance(node.elt, ast.Name) and node.elt.id == use.row


RECIPE = Recipe(rule="load-all-to-filter", improves=("rows", "memory"), propose=propose)
