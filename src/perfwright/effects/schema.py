"""The models of a project: tables, columns, indexes and relations, as Django or SQLAlchemy see them."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from perfwright.index.lower import POSITIONAL, Node, line_of
from perfwright.index.project import Class, External, Function, Module, Project, Value
from perfwright.index.tree import text, walk

DOTTED = re.compile(r"[A-Za-z_][\w.]*")
DJANGO, SQLALCHEMY, SQL = "django", "sqlalchemy", "sql"
DJANGO_BASES = (
    "django.db.models.Model",
    "django.db.models.base.Model",
    "django.contrib.auth.models.AbstractUser",
    "django.contrib.auth.models.AbstractBaseUser",
    "django.contrib.gis.db.models.Model",
    "mptt.models.MPTTModel",
    "treebeard.mp_tree.MP_Node",
    "model_utils.models.TimeStampedModel",
)
TO_ONE = ("ForeignKey", "OneToOneField", "TreeForeignKey", "ParentalKey", "OneToOneRel")
TO_MANY = ("ManyToManyField", "ParentalManyToManyField", "GenericRelation", "TaggableManager", "TagField")
INDEXED = ("SlugField", "AutoField", "BigAutoField", "OneToOneField", "ForeignKey", "ParentalKey", "TreeForeignKey")
FLAGS = ("BooleanField", "NullBooleanField", "Boolean", "bool")
INDEXES = ("Index", "UniqueConstraint", "BTreeIndex", "HashIndex", "BrinIndex", "GinIndex", "GistIndex")
MAKES_COLUMNS = ("Column", "mapped_column", "Field")
RAISES = ("raise", "raise_on_sql", "noload")
EAGER = ("joined", "selectin", "subquery", "immediate", "joined_inner")


class Column:
    """One column: `indexed` when a look-up by it can use an index (primary key, unique and so on)."""

    __slots__ = ("indexed", "is_flag", "line", "module", "name", "optional", "target", "type", "unique")

    def __init__(self, name: str, kind: str, line: int, module: Module, indexed: bool, unique: bool = False) -> None:
        self.name, self.type, self.line, self.module, self.indexed = name, kind, line, module, indexed
        self.unique = unique  # no two rows have the same in it
        self.is_flag = kind in FLAGS
        self.optional = False  # NULL in many rows
        self.target = ""  # what a foreign key points to, as written: "users.id"


class Relation:
    """A way from one model to another; `inverse` is the name of the way back."""

    __slots__ = (
        "column",
        "dynamic",
        "eager",
        "generic",
        "inverse",
        "line",
        "many",
        "name",
        "owned",
        "secondary",
        "target",
        "through",
    )

    def __init__(self, name: str, target: "Model | None", *, many: bool, line: int = 0) -> None:
        self.name, self.target, self.many, self.line = name, target, many, line
        self.inverse: str | None = None
        self.eager = False
        self.dynamic = False
        self.column: Column | None = None  # the column that a look-up along this relation filters by
        self.through = False
        self.secondary: Node | None = None  # SQLAlchemy's table between the two, as it is written
        self.generic = False  # to a row of any model: Django's GenericForeignKey
        self.owned = False  # the other side lives and dies with this one: its few parts


class Model:
    """A class that stands for a table."""

    __slots__ = (
        "abstract",
        "always",
        "cls",
        "columns",
        "descending",
        "framework",
        "historical",
        "indexes",
        "managers",
        "name",
        "ordering",
        "relations",
        "table",
        "uniques",
    )

    def __init__(self, cls: Class, framework: str) -> None:
        self.cls, self.framework, self.name = cls, framework, cls.name
        self.columns: dict[str, Column] = {}
        self.relations: dict[str, Relation] = {}
        self.managers: dict[str, Node] = {}
        self.always: frozenset[str] = frozenset()  # relations that every query fetches along
        self.indexes: list[tuple[str, ...]] = []  # the columns of each index, constraint and key, in their order
        self.descending: dict[tuple[str, ...], frozenset[str]] = {}  # of an index, the columns that it has backwards
        self.ordering: Node | None = None  # what Django orders every query by that says nothing else
        self.uniques: list[frozenset[str]] = []  # columns that no two rows have the same in, taken together
        self.abstract = False
        self.table = ""
        self.historical = False  # as a migration sees it: the columns, none of the project's methods

    def __repr__(self) -> str:
        return f"Model({self.name})"

    def column(self, name: str) -> Column | None:
        """Return a column by its name; `customer_id` is the column of `customer`."""
        found = self.columns.get(name)
        if found is None and name.endswith("_id"):
            found = self.columns.get(name[:-3])
        return found

    def turns(self, equal: frozenset[str], wanted: tuple[tuple[str, bool], ...]) -> bool:
        """Tell whether an index has the columns of an order in their turn, but not in their directions.

        `wanted` says of each column whether it descends. An index is read forwards or backwards as a whole.
        """
        matching = False
        for columns in self.indexes:
            rest = list(columns)
            while rest and rest[0] in equal:
                del rest[0]
            if len(rest) < 2 or len(wanted) < 2 or rest[0] != wanted[0][0] or rest[1] != wanted[1][0]:
                continue
            backwards = self.descending.get(columns, frozenset())
            if (wanted[0][1] == (rest[0] in backwards)) == (wanted[1][1] == (rest[1] in backwards)):
                return False
            matching = True
        return matching

    def serves(self, equal: frozenset[str], wanted: tuple[str, ...]) -> bool:
        """Tell whether an index gives the rows with some columns' values in the order of others.

        The key's own order is served too, and so is an index that begins with what is wanted: the rows are walked in
        its order, and those that do not fit are passed over.
        """
        if not wanted or wanted[0] in ("id", "pk"):
            return True
        found = self.column(wanted[0])
        if found is None or found.indexed or found.unique:
            return True
        for columns in self.indexes:
            rest = list(columns)
            while rest and rest[0] in equal:
                del rest[0]
            if rest and rest[0] == found.name:
                return True
        return False


class Own:
    """What the class of a model says itself, before it gets what it inherits."""

    __slots__ = ("columns", "indexes", "managers", "ordering", "relations", "uniques")

    def __init__(self, model: Model) -> None:
        self.indexes, self.ordering = list(model.indexes), model.ordering
        self.columns, self.managers = dict(model.columns), dict(model.managers)
        self.uniques, self.relations = list(model.uniques), dict(model.relations)


class Schema:
    """All models of a project, by class and by name."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.by_class: dict[Class, Model] = {}
        self.by_name: dict[str, list[Model]] = {}
        self.is_django = False  # one of them is Django's
        self._tables: dict[int, Model] = {}  # those that no class stands for, by the call that makes them
        self._historical: dict[Class, Model] = {}
        self._fields: dict[Class, bool] = {}  # the classes that hold a field of Django's themselves
        for cls in project.classes:
            framework = self._framework(cls)
            if framework:
                model = self.by_class[cls] = Model(cls, framework)
                self.is_django = self.is_django or framework == DJANGO
                self.by_name.setdefault(cls.name, []).append(model)
        self.by_snake: dict[str, list[Model]] = {}
        self.frameworks = {model.framework for model in self.by_class.values()}
        for model in self.by_class.values():
            if model.framework == DJANGO:
                self._django(model)
            else:
                self._sqlalchemy(model)
        own = {model: Own(model) for model in self.by_class.values()}
        for model in list(self.by_class.values()):
            self._inherit(model, own)
            if not model.abstract:
                self.by_snake.setdefault(_snake(model.name), []).append(model)
        self._link()

    def of(self, cls: Class) -> Model | None:
        """Return the model that a class is, or None."""
        return self.by_class.get(cls)

    def between(self, model: Model, relation: Relation) -> tuple[Model, Column] | None:
        """Return the table between two models, and its column that following a relation from the first looks up by."""
        if relation.secondary is None or relation.target is model:
            return None
        holders = (model, relation.target) if relation.target is not None else (model,)
        for holder in holders:  # it is written where the relation is, or where its way back is
            table = self._table(holder, relation.secondary)
            for column in table.columns.values() if table is not None else ():
                if table is not None and column.target.partition(".")[0] == model.table:
                    return table, column
        return None

    def _table(self, model: Model, written: Node) -> Model | None:
        """Return a table that is no class: `Table("card_assignees", metadata, Column(...), ...)`."""
        entity = self.project.lookup(model.cls.module, written[2]) if written[0] == "name" else None
        made = entity.expression if isinstance(entity, Value) else None
        if made is None or _called(made) != "Table" or not made[3] or not isinstance(entity, Value):
            return None
        return self._made_table(entity, made)

    def table_at(self, module: Module, node: Node) -> Model | None:
        """Return the table that is no class and whose columns `song_artists.c` names."""
        if node[0] != "attr" or node[3] not in ("c", "columns") or node[2][0] != "name":
            return None
        entity = self.project.lookup(module, node[2][2])
        made = entity.expression if isinstance(entity, Value) else None
        if made is None or _called(made) != "Table" or not made[3] or not isinstance(entity, Value):
            return None
        return self._made_table(entity, made)

    def _made_table(self, entity: Value, made: Node) -> Model:
        known = self._tables.get(id(made))
        if known is None:
            line = line_of(made[1])
            cls = Class(entity.module, (entity.name, entity.name, line, line, (), (), (), {}, {}, -1))
            known = self._tables[id(made)] = Model(cls, SQLALCHEMY)
            known.name = known.table = str(made[3][0][2]) if made[3][0][0] == "const" else entity.name
            for argument in made[3][1:]:
                if _called(argument) == "Column" and argument[3] and argument[3][0][0] == "const":
                    name = str(argument[3][0][2])
                    column = _sqlalchemy_column(name, argument, None, cls)
                    column.module = entity.module
                    first = not any(each.type == "primary" for each in known.columns.values())
                    column.indexed = column.indexed or (column.type == "primary" and first)
                    known.columns[name] = column
            for columns in _sqlalchemy_indexes(made[3]):
                self._add_index(known, columns)
        return known

    def historical(self, name: str) -> Model | None:
        """Return the model that `apps.get_model` gives a migration: columns and relations, no methods."""
        live = self.named(name)
        if live is None:
            return None
        known = self._historical.get(live.cls)
        if known is None:
            known = self._historical[live.cls] = Model(live.cls, live.framework)
            known.columns, known.relations, known.historical = live.columns, live.relations, True
        return known

    def named(self, name: str, near: Module | None = None) -> Model | None:
        """Return the model with a name (`Order`, `shop.Order`), the nearest to a module where several."""
        app, _, last = name.rpartition(".")
        found = [model for model in self.by_name.get(last, ()) if not model.abstract] or self.by_name.get(last, [])
        if app and len(found) > 1:
            found = [m for m in found if f".{app}." in f".{m.cls.module.name}."] or found
        if near is not None and len(found) > 1:
            found = sorted(found, key=lambda m: -_shared(m.cls.module.name, near.name))
        return found[0] if found else None

    # -------------------------------------------------------------------- recognising
    def _framework(self, cls: Class) -> str:
        mro = self.project.mro(cls)
        names = [str(base) for base in mro if isinstance(base, External)]
        if any(name in DJANGO_BASES for name in names):
            return DJANGO
        if any(name.startswith(("sqlalchemy.", "flask_sqlalchemy.", "sqlmodel.")) for name in names) and (
            "__tablename__" in cls.names
            or any(n.endswith(("SQLAlchemy.Model", "SQLModel")) for n in names)
            or self._has_columns(cls)
        ):
            return SQLALCHEMY
        for base in mro:
            if isinstance(base, External):
                continue
            if "__tablename__" in base.names and self._has_columns(base):
                return SQLALCHEMY
            if self._has_django_field(base):
                if any(name.startswith("django.") and "forms" in name for name in names):
                    return ""
                return DJANGO
        return ""

    def _has_django_field(self, cls: Class) -> bool:
        """Tell whether a class itself holds a field of a Django model."""
        known = self._fields.get(cls)
        if known is None:
            known = False
            for binding in cls.names.values():
                if binding[0] == "value" and binding[1] is not None and self._is_django_field(cls, binding[1]):
                    known = True
                    break
            self._fields[cls] = known
        return known

    def _is_django_field(self, cls: Class, node: Node) -> bool:
        if node[0] != "call":
            return False
        name = self.project.expression(cls.module, node[2])
        return isinstance(name, External) and name.startswith(("django.db.models.", "django.contrib.postgres.fields"))

    def _has_columns(self, cls: Class) -> bool:
        return any(
            binding[0] == "value" and binding[1] is not None and _called(binding[1]) in ("Column", "mapped_column")
            for binding in cls.names.values()
        )

    # -------------------------------------------------------------------------- Django
    def _django(self, model: Model) -> None:
        cls = model.cls
        meta = self._meta(cls)
        model.abstract = _is_true(meta.get("abstract"))
        for name, binding in cls.names.items():
            if binding[0] != "value" or binding[1] is None or binding[1][0] != "call":
                continue
            call, kind = binding[1], _called(binding[1])
            keywords = {key: value for key, value in call[4] if key}
            line = line_of(call[1])
            if kind in TO_ONE:
                indexed = not _is_false(keywords.get("db_index"))
                unique = kind.startswith("OneToOne") or _is_true(keywords.get("unique"))
                column = Column(name, kind, line, cls.module, indexed or unique, unique)
                model.columns[name] = column
                self._django_relation(model, name, call, keywords, many=False)
            elif kind in TO_MANY:
                self._django_relation(model, name, call, keywords, many=True)
            elif kind == "GenericForeignKey":
                model.relations[name] = Relation(name, None, many=False, line=line)
                model.relations[name].generic = True
            elif kind.endswith("Field"):
                unique = kind.endswith("AutoField") or any(_is_true(keywords.get(k)) for k in ("unique", "primary_key"))
                indexed = unique or kind in INDEXED or _is_true(keywords.get("db_index"))
                column = model.columns[name] = Column(name, kind, line, cls.module, indexed, unique)
                column.optional = _is_true(keywords.get("null"))
            elif kind.endswith("Manager") or "objects" in name or kind in ("as_manager", "from_queryset"):
                model.managers[name] = call
        model.columns.setdefault("id", Column("id", "AutoField", cls.line, cls.module, True, True))
        model.columns.setdefault("pk", Column("pk", "AutoField", cls.line, cls.module, True, True))
        model.ordering = meta.get("ordering")
        for columns in _django_indexes(meta):
            self._add_index(model, columns)
        model.uniques.extend(_django_uniques(meta))

    def _add_index(self, model: Model, columns: tuple[str, ...]) -> None:
        """Note an index over some columns, the first of which it serves alone."""
        known = [model.column(name.lstrip("-")) for name in columns]
        if known and known[0] is not None:
            known[0].indexed = True
        index = tuple([column.name if column is not None else "" for column in known])
        model.indexes.append(index)
        backwards = frozenset(name[1:] for name in columns if name.startswith("-"))
        if backwards:
            model.descending[index] = backwards

    def _meta(self, cls: Class) -> dict[str, Node]:
        binding = cls.names.get("Meta")
        if not binding or binding[0] != "class":
            return {}
        inner = cls.module.classes[binding[1]]
        return {name: part[1] for name, part in inner.names.items() if part[0] == "value" and part[1] is not None}

    def _django_relation(self, model: Model, name: str, call: Node, keywords: dict[str, Node], *, many: bool) -> None:
        target = call[3][0] if call[3] else keywords.get("to")
        relation = Relation(name, None, many=many, line=line_of(call[1]))
        relation.through = many
        related = keywords.get("related_name")
        kind = _called(call)
        if related is not None and related[0] == "const" and isinstance(related[2], str):
            relation.inverse = related[2].replace("%(class)s", model.name.lower())
        elif kind not in ("GenericRelation", "TaggableManager"):
            relation.inverse = model.name.lower() + ("" if kind == "OneToOneField" else "_set")
        relation.column = model.columns.get(name)
        relation.target = self._target(model, target)
        model.relations[name] = relation

    def _target(self, model: Model, node: Node | None) -> Model | None:
        if node is None:
            return None
        if node[0] == "const" and isinstance(node[2], str):
            return model if node[2] == "self" else self.named(node[2], model.cls.module)
        if node[0] == "attr" and node[3] == "AUTH_USER_MODEL":
            return self.named("User", model.cls.module)
        entity = self.project.expression(model.cls.module, node)
        return self.by_class.get(entity) if isinstance(entity, Class) else None

    # ---------------------------------------------------------------------- SQLAlchemy
    def _sqlalchemy(self, model: Model) -> None:
        cls = model.cls
        table = cls.names.get("__tablename__")
        if table and table[0] == "value" and table[1] and table[1][0] == "const":
            model.table = str(table[1][2])
        else:
            model.table = _snake(cls.name)
        keys = 0
        for name, (expression, annotation) in self._declared(cls).items():
            kind = _called(expression) if expression else ""
            made = self._made(cls, expression) if _is_mapped(annotation) else None
            if expression is not None and kind in ("relationship", "dynamic_loader"):
                self._relationship(model, name, expression, annotation)
            elif made is not None:
                self._relationship(model, name, made, annotation)
            elif kind in ("Column", "mapped_column", "Field") or _is_mapped(annotation):
                column = _sqlalchemy_column(name, expression, annotation, cls)
                if column.type == "primary":
                    keys += 1
                    column.indexed = column.indexed or keys == 1
                model.columns[name] = column
        primary = [column for column in model.columns.values() if column.type == "primary"]
        for column in primary:
            column.unique = len(primary) == 1
        if len(primary) > 1:
            model.uniques.append(frozenset(column.name for column in primary))
            model.indexes.append(tuple([column.name for column in primary]))
        arguments = cls.names.get("__table_args__")
        if arguments and arguments[0] == "value" and arguments[1]:
            for columns in _sqlalchemy_indexes(arguments[1]):
                self._add_index(model, columns)
            model.uniques.extend(_sqlalchemy_uniques(arguments[1]))

    def _declared(self, cls: Class) -> dict[str, tuple[Node | None, Node | None]]:
        """Return what a mapped class and its mixins bind each name to, and its annotation; the nearest counts."""
        found: dict[str, tuple[Node | None, Node | None]] = {}
        for base in self.project.mro(cls):
            if not isinstance(base, Class) or (base is not cls and base in self.by_class):
                continue
            for name, binding in base.names.items():
                if name in found:
                    continue
                if binding[0] == "value":
                    found[name] = self._unfolded(base.module, binding[1]), binding[2]
                elif binding[0] == "func":
                    made = _declared_attribute(base.module.functions[binding[1]])
                    if made is not None:
                        found[name] = made, None
        return found

    def _unfolded(self, module: Module, node: Node | None) -> Node | None:
        """Return the column that a helper of the project makes: `fk("users.id")` with `index=True` inside."""
        if node is None or node[0] != "call" or _called(node) in MAKES_COLUMNS:
            return node
        helper = self.project.expression(module, node[2])
        last = helper.body[-1] if isinstance(helper, Function) and helper.body else None
        made = last[2] if last is not None and last[0] == "return" else None
        if made is None or _called(made) not in MAKES_COLUMNS or not isinstance(helper, Function):
            return node
        names = [parameter[0] for parameter in helper.parameters if parameter[3] == POSITIONAL]
        given = dict(zip(names, node[3], strict=False))
        further = list(node[3][len(names) :])
        more = []
        for key, value in node[4]:
            if key in {parameter[0] for parameter in helper.parameters}:
                given[key] = value
            else:
                more.append((key, value))
        _, position, function, arguments, keywords = made
        plain = [_given(each, given) for each in arguments if each[0] != "star"]
        kept = [(key, _given(value, given)) for key, value in keywords if key]
        return ("call", node[1] or position, function, (*plain, *further), (*kept, *more))

    def _made(self, cls: Class, expression: Node | None) -> Node | None:
        """Return the `relationship(...)` that a function of the project gives: `children("position")`."""
        if expression is None or expression[0] != "call" or expression[2][0] not in ("name", "attr"):
            return None
        maker = self.project.expression(cls.module, expression[2])
        last = maker.body[-1] if isinstance(maker, Function) and maker.body else None
        given: Node | None = last[2] if last is not None and last[0] == "return" else None
        return given if _called(given) == "relationship" else None

    def _relationship(self, model: Model, name: str, call: Node, annotation: Node | None) -> None:
        keywords = {key: value for key, value in call[4] if key}
        target_node = call[3][0] if call[3] else keywords.get("argument")
        many: bool | None = None
        if annotation is not None:
            inner = annotation[3] if annotation[0] == "sub" else annotation
            many = inner[0] == "sub" and _last(inner[2]) in ("list", "List", "set", "Set", "Sequence", "Collection")
            if target_node is None:
                target_node = next((n for n in _leaves(inner) if self._sa_target(model, n) is not None), None)
        relation = Relation(name, self._sa_target(model, target_node), many=bool(many), line=line_of(call[1]))
        if many is None:
            relation.many = not _is_false(keywords.get("uselist"))
            relation.through = "secondary" in keywords
            if relation.many and not relation.through and relation.target is not None:
                relation.many = not self._points_to(model, relation.target) or relation.target is model
        relation.secondary = keywords.get("secondary")
        relation.through = relation.secondary is not None
        cascade = keywords.get("cascade")
        relation.owned = cascade is not None and "delete-orphan" in str(cascade[2])
        lazy = keywords.get("lazy")
        relation.eager = lazy is not None and lazy[0] == "const" and (lazy[2] is False or lazy[2] in EAGER)
        # Reading one that raises where it was not fetched is no query: whoever reads it has fetched it.
        relation.eager = relation.eager or (lazy is not None and lazy[0] == "const" and lazy[2] in RAISES)
        relation.dynamic = lazy is not None and lazy[0] == "const" and lazy[2] in ("dynamic", "write_only")
        back = keywords.get("back_populates")
        if back is not None and back[0] == "const":
            relation.inverse = str(back[2])
        backref = keywords.get("backref")
        if backref is not None and backref[0] == "call" and backref[3]:
            backref = backref[3][0]
        if backref is not None and backref[0] == "const":
            relation.inverse = str(backref[2])
        model.relations[name] = relation

    def _sa_target(self, model: Model, node: Node | None) -> Model | None:
        if node is None:
            return None
        if node[0] == "lambda":
            node = node[3]
        if node[0] == "const" and isinstance(node[2], str):
            found = (self.named(name, model.cls.module) for name in DOTTED.findall(node[2]))
            return next((target for target in found if target is not None), None)  # "Category | None"
        entity = self.project.expression(model.cls.module, node)
        if isinstance(entity, Class):
            return self.by_class.get(entity)
        return self.named(_last(node), model.cls.module) if node[0] in ("name", "attr") else None

    def _points_to(self, model: Model, target: Model) -> bool:
        """Tell whether a model has a foreign key to another (then the relation is to one)."""
        for name, (expression, _) in self._declared(model.cls).items():
            if expression is not None:
                pointed = _foreign_key(expression)
                if pointed and pointed.partition(".")[0] in (self._table_of(target), target.name) and name:
                    return True
        return False

    def _table_of(self, model: Model) -> str:
        table = model.cls.names.get("__tablename__")
        if table and table[0] == "value" and table[1] and table[1][0] == "const":
            return str(table[1][2])
        return _snake(model.name)

    # --------------------------------------------------------------------------- linking
    def _inherit(self, model: Model, own: dict[Model, "Own"]) -> None:
        for base in self.project.mro(model.cls)[1:]:
            parent = self.by_class.get(base) if isinstance(base, Class) else None
            if parent is None:
                continue
            names = own[parent]
            for name, column in names.columns.items():
                model.columns.setdefault(name, column)
            for name, manager in names.managers.items():
                model.managers.setdefault(name, manager)
            model.uniques.extend(names.uniques)
            model.indexes.extend(names.indexes)
            if model.ordering is None and "Meta" not in model.cls.names:
                model.ordering = names.ordering
            for name, relation in names.relations.items():
                if name not in model.relations:
                    copy = Relation(name, relation.target, many=relation.many, line=relation.line)
                    copy.column, copy.inverse, copy.eager = relation.column, relation.inverse, relation.eager
                    copy.through, copy.dynamic = relation.through, relation.dynamic
                    copy.generic, copy.owned = relation.generic, relation.owned
                    copy.secondary = relation.secondary
                    if copy.inverse and parent.framework == DJANGO:
                        copy.inverse = copy.inverse.replace(f"{parent.name.lower()}_set", f"{model.name.lower()}_set")
                    model.relations[name] = copy

    def _link(self) -> None:
        by_table = {model.table: model for model in self.by_class.values() if model.table}
        for model in list(self.by_class.values()):
            for relation in list(model.relations.values()):
                target = relation.target
                if target is None or model.abstract:
                    continue
                if model.framework == SQLALCHEMY and relation.column is None:
                    relation.column = self._key_column(model, relation, by_table)
                if relation.inverse and relation.inverse not in target.relations:
                    one_to_one = model.framework == DJANGO and relation.inverse == model.name.lower()
                    many = relation.through or (not relation.many and not one_to_one)
                    back = Relation(relation.inverse, model, many=many, line=relation.line)
                    back.inverse, back.through = relation.name, relation.through
                    back.column, back.secondary = relation.column, relation.secondary
                    target.relations[relation.inverse] = back
                    if model.framework == SQLALCHEMY and back.column is None:
                        back.column = self._key_column(target, back, by_table)
        for model in self.by_class.values():
            model.always = frozenset(name for name, relation in model.relations.items() if relation.eager)

    def _key_column(self, model: Model, relation: Relation, by_table: dict[str, Model]) -> Column | None:
        """Return the foreign key that a look-up along a relation to many filters by."""
        target = relation.target
        if target is None or relation.through:
            return None
        holder, pointed = (target, model) if relation.many else (model, target)
        for column in holder.columns.values():
            if column.target and by_table.get(column.target.partition(".")[0]) is pointed:
                return column
        if not relation.many:  # to one without a key here: the key is on the other side
            for column in target.columns.values():
                if column.target and by_table.get(column.target.partition(".")[0]) is model:
                    return column
        return None


def _given(node: Any, given: dict[str, Node]) -> Any:
    """Return an expression with the arguments of a call in the places of the parameters."""
    if type(node) is not tuple:
        return node
    if len(node) == 3 and node[0] == "name" and node[2] in given:
        return given[node[2]]
    return tuple([_given(part, given) for part in node])


def _declared_attribute(function: Function) -> Node | None:
    """Return what a `@declared_attr` gives: the column or relation of each class that has the mixin."""
    if not any("declared_attr" in text(decorator) for decorator in function.decorators):
        return None
    last = function.body[-1] if function.body else None
    given = last[2] if last is not None and last[0] == "return" else None
    return given if _called(given) in ("relationship", "Column", "mapped_column") else None


def _shared(left: str, right: str) -> int:
    count = 0
    for one, other in zip(left.split("."), right.split("."), strict=False):
        if one != other:
            break
        count += 1
    return count


def _called(node: Node | None) -> str:
    """Return the last name of what a call calls: `ForeignKey` of `models.ForeignKey(...)`."""
    if node is None or node[0] != "call":
        return ""
    return _last(node[2])


def _last(node: Node) -> str:
    if node[0] == "name":
        return str(node[2])
    return str(node[3]) if node[0] == "attr" else ""


def _is_true(node: Node | None) -> bool:
    return node is not None and node[0] == "const" and node[2] is True


def _is_false(node: Node | None) -> bool:
    return node is not None and node[0] == "const" and node[2] is False


def _is_mapped(annotation: Node | None) -> bool:
    return annotation is not None and annotation[0] == "sub" and _last(annotation[2]) in ("Mapped", "MappedColumn")


def _leaves(node: Node) -> Iterator[Node]:
    for inner in walk(node):
        if inner[0] in ("name", "attr") or (inner[0] == "const" and isinstance(inner[2], str)):
            yield inner


def _strings(node: Any) -> list[str]:
    return [inner[2] for inner in walk(node) if inner[0] == "const" and isinstance(inner[2], str)]


def _django_indexes(meta: dict[str, Node]) -> Iterable[tuple[str, ...]]:
    """Give the columns of each index and constraint that a model's Meta declares."""
    for key in ("unique_together", "index_together"):
        node = meta.get(key)
        if node is None or node[0] != "coll":
            continue
        for group in [item for item in node[3] if item[0] == "coll"] or [node]:
            yield tuple(_strings(group))
    for key in ("indexes", "constraints"):
        for call in walk(meta.get(key)):
            if call[0] != "call" or _called(call) not in INDEXES:
                continue
            fields = dict(call[4]).get("fields")
            columns = _strings(fields) if fields is not None else []
            if _called(call) == "GinIndex":
                yield from [(column,) for column in columns]
            elif columns:
                yield tuple(columns)
            for part in walk(dict(call[4]).get("condition")):  # of a partial index
                named = [key for key, _ in part[4] if key] if part[0] == "call" else []
                yield from [(*columns, str(name).partition("__")[0]) for name in named]
            for argument in call[3]:  # Index(F("a"), ...), Index(Lower("name"), ...)
                yield tuple(_strings(argument)[:1])


def _sqlalchemy_indexes(node: Node) -> Iterable[tuple[str, ...]]:
    """Give the columns of each index and constraint in `__table_args__`."""
    for call in walk(node):
        kind = _called(call) if call[0] == "call" else ""
        if kind in ("Index", "UniqueConstraint", "PrimaryKeyConstraint"):
            columns = [_column_name(argument) for argument in call[3]]
            backwards = ["-" if _is_backwards(argument) else "" for argument in call[3]]
            columns = [sign + name for sign, name in zip(backwards, columns, strict=True)]
            own = columns[1:] if kind == "Index" else columns
            yield tuple(own)
            for key, value in call[4]:  # a partial index holds just the rows that are looked for
                if key and key.endswith("_where"):
                    yield from [(*own, name) for name in _words(value)]


def _django_uniques(meta: dict[str, Node]) -> Iterable[frozenset[str]]:
    """Give the columns of each unique constraint that a model's Meta declares."""
    node = meta.get("unique_together")
    if node is not None and node[0] == "coll":
        for group in [item for item in node[3] if item[0] == "coll"] or [node]:
            yield frozenset(_strings(group))
    for call in walk(meta.get("constraints")):
        if call[0] == "call" and _called(call) == "UniqueConstraint":
            fields = dict(call[4]).get("fields")
            yield frozenset(_strings(fields) if fields is not None else _strings(call[3]))


def _sqlalchemy_uniques(node: Node) -> Iterable[frozenset[str]]:
    """Give the columns of each unique constraint in `__table_args__`."""
    for call in walk(node):
        kind = _called(call) if call[0] == "call" else ""
        if kind in ("UniqueConstraint", "PrimaryKeyConstraint"):
            yield frozenset(_column_name(argument) for argument in call[3])
        elif kind == "Index" and _is_true(dict(call[4]).get("unique")):
            yield frozenset(_column_name(argument) for argument in call[3][1:])


def _words(node: Node) -> list[str]:
    """Return the names in the condition of a partial index, as text or as columns."""
    names = [str(part[3]) for part in walk(node) if part[0] == "attr"]
    return [*names, *(word for said in _strings(node) for word in re.findall(r"\w+", said))]


def _is_backwards(node: Node) -> bool:
    """Tell whether an index has a column descending: `Job.priority.desc()`, `text("priority DESC")`."""
    if node[0] != "call":
        return False
    said = node[3][0] if node[3] else None
    is_text = said is not None and said[0] == "const" and isinstance(said[2], str)
    return _last(node[2]) == "desc" or (is_text and said is not None and said[2].lower().endswith(" desc"))


def _column_name(node: Node) -> str:
    if node[0] == "const":
        return str(node[2]).partition(" ")[0]
    if node[0] == "call":
        return _column_name(node[2][2]) if node[2][0] == "attr" else (_column_name(node[3][0]) if node[3] else "")
    return _last(node)


def _foreign_key(node: Node) -> str:
    for call in walk(node):
        if call[0] == "call" and _called(call) == "ForeignKey" and call[3]:
            target = call[3][0]
            return str(target[2]) if target[0] == "const" else text(target)
        if call[0] == "call" and _called(call) == "Field":
            key = dict(call[4]).get("foreign_key")
            if key is not None and key[0] == "const":
                return str(key[2])
    return ""


def _sqlalchemy_column(name: str, expression: Node | None, annotation: Node | None, cls: Class) -> Column:
    keywords = {key: value for key, value in expression[4] if key} if expression and expression[0] == "call" else {}
    primary = _is_true(keywords.get("primary_key"))
    indexed = any(_is_true(keywords.get(key)) for key in ("index", "unique"))
    kind = "primary" if primary else ""
    if not kind and expression is not None and expression[0] == "call":
        kind = next((_last(a[2]) if a[0] == "call" else _last(a) for a in expression[3] if a[0] != "const"), "")
    if kind in ("", "ForeignKey") and annotation is not None and annotation[0] == "sub":
        kind = _last(annotation[3]) or kind
    line = line_of(expression[1]) if expression else line_of(annotation[1]) if annotation else cls.line
    column = Column(name, kind, line, cls.module, indexed, _is_true(keywords.get("unique")))
    column.target = _foreign_key(expression) if expression else ""
    return column


def _snake(name: str) -> str:
    """Return the table name that Flask-SQLAlchemy gives a class: `InvoiceItem` is `invoice_item`."""
    return "".join(
        f"_{c.lower()}" if c.isupper() and i and not name[i - 1].isupper() else c.lower() for i, c in enumerate(name)
    )
