"""A column that rows are looked up by, or sorted by, gets an index.

The column is declared by one call (or by an annotation alone) that says nothing of an index yet; an index of several
columns goes to those of the table. In a script of SQL the index is made after the table. Columns that hold long texts
or truth values are left alone, as are searches inside of text and orders by what is computed: an index of columns does
not serve them.
"""

import ast
import re
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._calls import name_of, with_argument
from perfwright.fix.source import Edit, Source
from perfwright.index.project import Class

MAKES = ("mapped_column", "Column", "Field")
SAYS = ("index", "db_index", "unique")
LEFT = (  # columns whose index would be large, or would not tell rows apart
    *("TextField", "JSONField", "BinaryField", "Text", "JSON", "JSONB", "LargeBinary"),
    *("BooleanField", "NullBooleanField", "Boolean", "bool"),
)
ROOTS, MADE = {"DeclarativeBase", "DeclarativeBaseNoMeta"}, {"Model", "Base", "SQLModel"}  # what models are of
MIGRATED = {
    True: "`python manage.py makemigrations` writes the migration",
    False: "`alembic revision --autogenerate` writes the migration, where there is Alembic",
}
SEVERAL = re.compile(r"Add (?:models\.)?(Index\(.*\)) to ")
STATEMENT = re.compile(r"CREATE INDEX (\w+) ON (\w+) \(([\w, ]+)\)")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    owner, _, column = finding.symbol.partition(".")
    if finding.place.function != owner or not column.isidentifier():
        return
    if (made := STATEMENT.match(finding.cure)) is not None:
        yield from in_script(source, finding, made)
        return
    declared = declaration(source, finding, column)
    if declared is None:
        return
    if (several := SEVERAL.match(finding.cure)) is not None:
        yield from of_several(source, declared, owner, several[1])
        return
    yield from of_one(source, declared, column)
    call = getattr(declared, "value", None)
    if isinstance(call, ast.Call) and name_of(call) not in MAKES and "index=True" in finding.cure:  # a helper's column
        yield from of_several(source, declared, owner, f'Index("ix_{owner.lower()}_{column}", "{column}")')


def declaration(source: Source, finding: Finding, column: str) -> ast.stmt | ast.Call | None:
    """Return the statement of a class that declares a column, or the call in a table that makes it."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AnnAssign | ast.Assign) and node.lineno == finding.place.line:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id == column and isinstance(source.parents[node], ast.ClassDef):
                return node
        if isinstance(node, ast.Call) and name_of(node) == "Column" and node.args:
            first = node.args[0]
            above = source.parents[node]
            if isinstance(first, ast.Constant) and first.value == column and name_of(above) == "Table":
                named = above.args[0] if isinstance(above, ast.Call) and above.args else None
                if isinstance(named, ast.Constant) and named.value == finding.place.function:
                    return node
    return None


def of_one(source: Source, declared: ast.stmt | ast.Call, column: str) -> Iterator[Proposal]:
    """Give the proposal that says at a column that it has an index."""
    if isinstance(declared, ast.AnnAssign) and declared.value is None:
        if any(isinstance(each, ast.Name | ast.Attribute) and name_of(each) in LEFT for each in ast.walk(declared)):
            return
        if not (isinstance(declared.annotation, ast.Subscript) and name_of(declared.annotation.value) == "Mapped"):
            return
        made, imports = source.imported("sqlalchemy.orm", "mapped_column")
        _, end = source.span(declared)
        yield Proposal(
            (Edit(end, end, f" = {made}(index=True)"), *imports), said(f"`{column}` has an index", django=False)
        )
        return
    call = declared if isinstance(declared, ast.Call) else getattr(declared, "value", None)
    if not isinstance(call, ast.Call) or any(each.arg in (*SAYS, None) for each in call.keywords):
        return
    django = name_of(call).endswith("Field") and name_of(call) != "Field"
    kinds = [name_of(each) for each in ast.walk(declared) if isinstance(each, ast.Name | ast.Attribute)]
    if (name_of(call) not in MAKES and not django) or any(kind in LEFT for kind in kinds):
        return
    index = "db_index=True" if django else "index=True"
    yield Proposal((with_argument(source, call, index),), said(f"`{column}` has an index", django=django))


def said(what: str, *, django: bool) -> str:
    """Return what a patch does, and what else there is to do."""
    return f"{what}; {MIGRATED[django]}"


def of_several(source: Source, declared: ast.stmt | ast.Call, table: str, index: str) -> Iterator[Proposal]:
    """Give the proposal that adds an index of several columns to a table."""
    owner = source.parents.get(declared)
    if not isinstance(owner, ast.ClassDef) or owner.name != table:
        return  # what several tables inherit would give each of them an index of the same name
    names = ", ".join(re.findall(r'"(\w+)"', index.partition(",")[2] if "fields=" not in index else index))
    says = said(f"an index of `{owner.name}` has {names} together", django="fields=" in index)
    if "fields=" in index:
        value = getattr(declared, "value", None)
        prefix = (
            source.text_of(value.func.value)
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)
            else ""
        )
        if prefix:
            yield from in_meta(source, owner, f"{prefix}.{index}", says)
        return
    name, imports = source.imported("sqlalchemy", "Index")
    made = f"{name}{index.removeprefix('Index')}"
    held = bound_in(owner, "__table_args__")
    if held is not None:
        value = held.value
        if isinstance(value, ast.Tuple) and value.elts:
            yield Proposal((added(source, value, made), *imports), says)
        return
    named = bound_in(owner, "__tablename__")
    first = next((each for each in owner.body if isinstance(each, ast.Assign | ast.AnnAssign)), None)
    text = f"__table_args__ = ({made},)"
    if named is not None and source.is_alone(named):
        yield Proposal((source.after(named, text), *imports), says)
    elif first is not None and source.is_alone(first) and not inherits(source, owner):
        yield Proposal((source.before(first, text), *imports), says)


def inherits(source: Source, owner: ast.ClassDef) -> bool:
    """Tell whether the rows of a class may lie in the table of another one, which it inherits from."""
    around = surroundings.around(source.root) if source.root is not None else None
    models = around.schema.by_class.values() if around is not None else ()
    own = next((each for each in models if each.name == owner.name and each.cls.module.path == source.path), None)
    if around is None or own is None:
        return True

    def bases(cls: Class) -> set[str]:
        file = around.source(cls.module.path)
        found = (each for each in ast.walk(file.tree) if isinstance(each, ast.ClassDef)) if file is not None else ()
        return {name_of(base) for each in found if each.name == cls.name for base in each.bases}

    def has_table(cls: Class) -> bool:  # neither the root of all models nor a mix-in
        roots = [each for each in around.project.mro(cls)[1:] if isinstance(each, Class) and ROOTS & bases(each)]
        return bool(roots) or bool(MADE & bases(cls))

    return any(has_table(each) for each in around.project.mro(own.cls)[1:] if isinstance(each, Class))


def in_meta(source: Source, owner: ast.ClassDef, index: str, says: str) -> Iterator[Proposal]:
    """Give the proposal that adds an index to the Meta of a Django model."""
    meta = next((each for each in owner.body if isinstance(each, ast.ClassDef) and each.name == "Meta"), None)
    if meta is None:
        fields = [each for each in owner.body if isinstance(each, ast.Assign | ast.AnnAssign)]
        if fields and source.is_alone(fields[-1]):
            yield Proposal((source.after(fields[-1], "", "class Meta:", f"    indexes = [{index}]"),), says)
        return
    held = bound_in(meta, "indexes")
    if held is None:
        yield Proposal((source.after(meta.body[-1], f"indexes = [{index}]"),), says)
    elif isinstance(held.value, ast.List | ast.Tuple) and held.value.elts:
        yield Proposal((added(source, held.value, index),), says)


def bound_in(owner: ast.ClassDef, name: str) -> ast.Assign | None:
    for each in owner.body:
        if isinstance(each, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in each.targets):
            return each
    return None


def added(source: Source, held: ast.Tuple | ast.List, text: str) -> Edit:
    """Return the edit that adds an item to a tuple or a list, before a dict of options at its end."""
    last = held.elts[-1]
    start, end = source.span(last)
    line = source.text.rfind("\n", 0, start) + 1
    before = source.text[line:start]
    if isinstance(last, ast.Dict):
        return Edit(start, start, f"{text}, " if before.strip() else f"{text},\n{before}")
    if not before.strip():
        return Edit(end, end, f",\n{before}{text}")
    return Edit(end, end, f", {text}")


def in_script(source: Source, finding: Finding, made: re.Match[str]) -> Iterator[Proposal]:
    """Give the proposal that makes an index in a script of SQL, after the table."""
    start = source.starts[finding.place.line - 1]
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or node.lineno == node.end_lineno:
            continue
        first, last = source.span(node)
        end = source.text.find(";", start)
        if not (first <= start < last and start < end < last) or node.value.count(";") < 2:
            continue
        known = " IF NOT EXISTS" if re.search(r"CREATE TABLE IF NOT EXISTS", node.value, re.IGNORECASE) else ""
        table = source.text.rfind("CREATE TABLE", first, end)
        if table < 0 or not re.match(rf"CREATE TABLE (IF NOT EXISTS )?{re.escape(made[2])}\b", source.text[table:end]):
            return
        line = source.text.rfind("\n", 0, table) + 1
        indent = source.text[line:table] if not source.text[line:table].strip() else ""
        text = f"\n{indent}CREATE INDEX{known} {made[1]} ON {made[2]} ({made[3]});"
        yield Proposal((Edit(end + 1, end + 1, text),), f"an index of `{made[2]}` has {made[3]}")
        return


RECIPE = Recipe(
    rule="filter-on-unindexed-column",
    improves=("time", "steps"),
    propose=propose,
    allows=("row-order", "float-order"),
    suggested="the schema gets an index: existing databases want a migration (Alembic, makemigrations), and each write "
    "keeps the index up to date",
)
