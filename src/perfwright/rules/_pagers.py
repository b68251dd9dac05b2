"""The paginators of REST framework's views: which class pages a list, and where that is said."""

from perfwright.effects.summary import Effects
from perfwright.effects.values import Rows
from perfwright.finding import Place
from perfwright.index.lower import line_of
from perfwright.index.project import Class, Entity, External, Module


class Pager:
    """A paginator: its name, its own class where the project has one, its bases outside the project, and its place.

    The one that the settings name pages all lists that say nothing else.
    """

    __slots__ = ("bases", "cls", "is_default", "name", "place")

    def __init__(self, name: str, cls: Class | None, bases: tuple[str, ...], place: Place, is_default: bool) -> None:
        self.name, self.cls, self.bases, self.place, self.is_default = name, cls, bases, place, is_default

    def is_a(self, *names: str) -> bool:
        return any(base.endswith(names) for base in self.bases)


def paged(effects: Effects) -> tuple[Class, Rows] | None:
    """Return the view and the rows of which a function gives one page, where it is REST framework that pages them."""
    function = effects.function
    cls = function.owner
    if function.index < 0 and cls is None and function.name == "list":
        cls = next((each for each in function.module.classes if each.qualified == function.qualified), None)
    elif cls is None or "paginate_queryset" not in function.called:
        return None
    rows = next((e.rows for e in effects.effects("db.query") if e.rows is not None and e.rows.limited), None)
    return (cls, rows) if cls is not None and rows is not None and rows.model is not None else None


def pager(effects: Effects, cls: Class) -> Pager | None:
    """Return the paginator of a view: its own, else that of the settings."""
    project = effects.project
    found = project.class_member(cls, "pagination_class")
    if isinstance(found, tuple):
        owner, binding = found
        node = binding[1] if binding[0] == "value" else None
        if node is None or node[0] == "const":
            return None
        entity = project.expression(owner.module, node)
        place: Place | None = Place(path=owner.module.path, line=line_of(node[1]), function=owner.name)
    else:
        entity, place = default(effects)
    if isinstance(entity, Class):
        place = Place(path=entity.module.path, line=entity.line, function=entity.name)
        bases = tuple([str(base) for base in project.externals(entity)])
        return Pager(entity.name, entity, bases, place, not isinstance(found, tuple))
    if isinstance(entity, External) and place is not None:
        return Pager(str(entity).rpartition(".")[2], None, (str(entity),), place, not isinstance(found, tuple))
    return None


def default(effects: Effects) -> tuple[Entity | None, Place | None]:
    """Return what the settings name as REST framework's paginator, and where."""
    for module in effects.project.modules.values():
        binding = module.names.get("REST_FRAMEWORK")
        if binding is None or binding[0] != "value" or binding[1] is None or binding[1][0] != "dict":
            continue
        for key, value in zip(binding[1][2], binding[1][3], strict=True):
            if key is not None and key[-1] == "DEFAULT_PAGINATION_CLASS" and value[0] == "const" and value[2]:
                path, _, name = str(value[2]).rpartition(".")
                place = effects.project.absolute(module, path)
                entity = effects.project.member(place, name) if isinstance(place, Module) else External(str(value[2]))
                return entity, Place(path=module.path, line=line_of(value[1]), function="")
    return None, None
