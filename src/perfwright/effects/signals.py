"""Signals: a row that is saved calls the receivers of its model, a project's own signal those connected to it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from perfwright.effects.frame import Frame
from perfwright.effects.iteration import iterate
from perfwright.effects.protocols import defined
from perfwright.effects.queries import begun
from perfwright.effects.schema import DJANGO, Model, Schema
from perfwright.effects.serializers import last
from perfwright.effects.values import (
    UNKNOWN,
    ClassValue,
    Constant,
    External,
    Foreign,
    FunctionValue,
    Row,
    Rows,
    Scalar,
    Sequence,
    Value,
)
from perfwright.index.lower import Node
from perfwright.index.project import Class, Entity, Function, Module, Project
from perfwright.index.project import External as Outside
from perfwright.index.project import Value as Global
from perfwright.index.tree import walk

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

DJANGO_SIGNALS = "django.db.models.signals."
SAVED, DELETED, RELATED = ("pre_save", "post_save"), ("pre_delete", "post_delete"), ("m2m_changed",)
SENT = {
    **dict.fromkeys(("save", "asave", "create", "acreate"), SAVED),
    **dict.fromkeys(("get_or_create", "aget_or_create", "update_or_create", "aupdate_or_create"), SAVED),
    **dict.fromkeys(("delete", "adelete"), DELETED),
}
CREATES = ("create", "acreate", "get_or_create", "aget_or_create", "update_or_create", "aupdate_or_create")
CHANGES = ("add", "remove", "set", "clear", "aadd", "aremove", "aset", "aclear")  # of a relation to many
OF_MIGRATIONS = ("pre_migrate", "post_migrate")
SENDS = ("send", "send_robust", "asend", "asend_robust")
FLUSHED = {"add": "_insert", "add_all": "_insert", "delete": "_delete"}  # of a session: the listeners' names end so
CONNECTION = "sqlalchemy.engine.Connection"

Key = tuple[str, Model | None, str]  # of a signal: its name, the model that sends it, the relation that changed


class Signals:
    """Which functions of a project are called when a row is saved, deleted or related, or a signal is sent."""

    def __init__(self, project: Project, schema: Schema) -> None:
        self.project, self.schema = project, schema
        self.receivers: dict[Key, list[Function]] = {}
        self.consulted: set[Function] = set()  # functions whose bodies connect receivers
        self.labels: dict[Function, str] = {}  # what the receivers wait for
        self.senders: dict[Function, Model] = {}
        for module in project.modules.values():
            if "receiver" in module.called or "listens_for" in module.called:
                for function in module.functions:
                    for decorator in function.decorators:
                        self._decorated(function, decorator)
            if "connect" in module.called or "listen" in module.called:
                self._connected(module)
        # The names of the calls that may do more than their own work.
        self.names = frozenset((*SENT, *CHANGES, *SENDS, *FLUSHED) if self.receivers else CREATES)

    # ------------------------------------------------------------------------ connecting
    def _decorated(self, function: Function, decorator: Node) -> None:
        """Note `@receiver(post_save, sender=Order)` and `@event.listens_for(Order, "after_insert")`."""
        if decorator[0] != "call" or not decorator[3]:
            return
        entity = self.project.expression(function.module, decorator[2])
        if not isinstance(entity, Outside):
            return
        if entity.endswith(("dispatch.receiver", "dispatcher.receiver")):
            sender = dict(decorator[4]).get("sender")
            first = decorator[3][0]
            for signal in first[3] if first[0] == "coll" else (first,):
                self._connect(function.module, {}, signal, function, sender)
        elif entity == "sqlalchemy.event.listens_for" and len(decorator[3]) > 1:
            self._listen(function.module, {}, decorator[3][0], decorator[3][1], function)

    def _connected(self, module: Module) -> None:
        """Note every `post_save.connect(f, sender=Order)` of a module, in the functions that set an app up too."""
        for call in walk(module.body):
            if call[0] == "call" and call[2][0] == "attr" and call[2][3] in ("connect", "listen"):
                self._call(module, {}, call)
        for function in module.functions:
            imported: dict[str, Entity | None] = {}
            for node in walk(function.body):
                if node[0] == "import":
                    for name, source, attribute, level in node[2]:
                        imported[name] = self.project.imported(module, source, attribute, level)
                elif node[0] != "call" or node[2][0] != "attr" or node[2][3] not in ("connect", "listen"):
                    continue
                elif self._call(module, imported, node):
                    self.consulted.add(function)

    def _call(self, module: Module, imported: dict[str, Entity | None], call: Node) -> bool:
        before = sum(map(len, self.receivers.values()))
        keywords = dict(call[4])
        if call[2][3] == "connect":
            given = call[3][0] if call[3] else keywords.get("receiver")
            function = self._named(module, imported, given) if given is not None else None
            sender = call[3][1] if len(call[3]) > 1 else keywords.get("sender")
            if isinstance(function, Function):
                self._connect(module, imported, call[2][2], function, sender)
        elif len(call[3]) > 2 and str(self._named(module, imported, call[2])) == "sqlalchemy.event.listen":
            function = self._named(module, imported, call[3][2])
            if isinstance(function, Function):
                self._listen(module, imported, call[3][0], call[3][1], function)
        return sum(map(len, self.receivers.values())) > before

    def _named(self, module: Module, imported: dict[str, Entity | None], node: Node) -> Entity | None:
        """Return what a name stands for, where a function may have imported it itself."""
        if node[0] == "name" and node[2] in imported:
            return imported[node[2]]
        if node[0] == "attr":
            base = self._named(module, imported, node[2])
            if isinstance(base, Module | Outside):
                return self.project.member(base, node[3])
        return self.project.expression(module, node) if node[0] in ("name", "attr") else None

    def _signal(self, module: Module, imported: dict[str, Entity | None], node: Node) -> str:
        """Return the name of a signal: `post_save`, or the module and the name of the project's own."""
        if node[0] == "name" and node[2] not in imported:
            entity = self.project.lookup(module, node[2])
        else:
            entity = self._named(module, imported, node)
        if isinstance(entity, Outside):
            return entity.removeprefix(DJANGO_SIGNALS) if entity.startswith(DJANGO_SIGNALS) else ""
        return own_signal(entity)

    def _is_signal(self, module: Module, imported: dict[str, Entity | None], node: Node) -> bool:
        """Tell whether a name is a signal of some library: `django.contrib.auth.signals.user_logged_in`."""
        entity = self._named(module, imported, node)
        return isinstance(entity, Outside) and ".signals." in entity

    def _connect(
        self,
        module: Module,
        imported: dict[str, Entity | None],
        signal: Node,
        function: Function,
        sender: Node | None,
    ) -> None:
        name = self._signal(module, imported, signal)
        if name not in OF_MIGRATIONS and (name or self._is_signal(module, imported, signal)):
            self.labels.setdefault(function, f"signal {last(signal)}")
        if not name:
            return
        if ":" in name:
            if sender is None:  # else only what that sender sends
                self.receivers.setdefault((name, None, ""), []).append(function)
            return
        relation = ""
        if sender is not None and sender[0] == "attr" and sender[3] == "through" and sender[2][0] == "attr":
            sender, relation = sender[2][2], sender[2][3]
        model = self._model(module, imported, sender) if sender is not None else None
        if model is not None and not relation:
            self.senders.setdefault(function, model)
        if model is not None:  # a receiver of every model's signal picks the models it is meant for by itself
            self.receivers.setdefault((name, model, relation), []).append(function)

    def _listen(
        self, module: Module, imported: dict[str, Entity | None], target: Node, name: Node, function: Function
    ) -> None:
        model = self._model(module, imported, target)
        if model is not None and name[0] == "const":
            self.receivers.setdefault((str(name[2]), model, ""), []).append(function)

    def _model(self, module: Module, imported: dict[str, Entity | None], node: Node) -> Model | None:
        if node[0] == "const" and isinstance(node[2], str):
            return self.schema.named(node[2], module)
        if node[0] == "attr" and node[3] == "AUTH_USER_MODEL":
            return self.schema.named("User", module)
        if node[0] == "call" and last(node[2]) == "get_user_model":
            return self.schema.named("User", module)
        if node[0] == "call" and last(node[2]) == "get_model":
            named = [str(part[2]) for part in node[3] if part[0] == "const"]
            return self.schema.named(".".join(named), module) if named else None
        entity = self._named(module, imported, node)
        return self.schema.of(entity) if isinstance(entity, Class) else None

    # --------------------------------------------------------------------------- sending
    def called(
        self,
        interp: "Interpreter",
        frame: Frame,
        callee: External,
        name: str,
        arguments: tuple[Value, ...],
        keywords: dict[str, Value],
        node: Node,
    ) -> Value | None:
        """Do what a call of one of the names does beside its own work; a value where that is all of it."""
        bound = callee.bound
        if name in SENDS:
            self._send(interp, frame, keywords, node)
            return None
        if name in FLUSHED and isinstance(bound, Foreign):
            for given in arguments[:1]:
                self._flushed(interp, frame, given, FLUSHED[name], node)
            return None
        if name in CHANGES and isinstance(bound, Rows) and bound.relation is not None and bound.owner is not None:
            self._run(interp, frame, self._for(RELATED, bound.owner.model, bound.relation), bound.owner, node)
            return None
        if isinstance(bound, Rows) and bound.model is not None and bound.model.framework == DJANGO:
            return self._rows(interp, frame, bound, name, keywords, node)
        if isinstance(bound, Row) and name in SENT and bound.model.framework == DJANGO and not bound.model.historical:
            self._run(interp, frame, self._for(SENT[name], bound.model, ""), bound, node)
        return None

    def _rows(
        self, interp: "Interpreter", frame: Frame, rows: Rows, name: str, keywords: dict[str, Value], node: Node
    ) -> Value | None:
        """A row that is created through a manager is saved; rows that are deleted have their receivers called."""
        model = rows.model
        if model is None or model.historical or name not in SENT:
            return None
        if name in ("delete", "adelete"):
            receivers = self._for(DELETED, model, "")
            one = sum(operator == "eq" for _, _, operator in rows.filters) > 1  # two keys together: a row, or none
            if receivers and not rows.manager and not one:
                element, loop = iterate(frame, rows.copy(frame.depth), node, kind="signal")
                frame.loops.append(loop)
                self._run(interp, frame, receivers, element, node)
                frame.loops.pop()
            return None
        row = Row(model, begun(frame, model, keywords), frame.depth)
        save = defined(frame, model.cls, "save")
        if save is None or save in interp.stack:
            self._run(interp, frame, self._for(SAVED, model, ""), row, node, created=name in ("create", "acreate"))
            return None
        interp.invoke(frame, FunctionValue(save, row), (), {}, node)
        return row if name == "create" else None

    def heard(self, model: Model, name: str) -> bool:
        """Tell whether receivers are called when a method writes a row of a model."""
        return bool(self._for(SENT.get(name, ()), model, ""))

    def _for(self, names: Iterable[str], model: Model, relation: str) -> list[Function]:
        found: list[Function] = []
        for name in names:
            found += self.receivers.get((name, model, relation), ())
            if relation:
                found += self.receivers.get((name, model, ""), ())
        return found

    def _run(
        self,
        interp: "Interpreter",
        frame: Frame,
        receivers: list[Function],
        row: Value,
        node: Node,
        *,
        created: bool = False,
    ) -> None:
        for receiver in receivers:
            if receiver in interp.stack:
                continue
            given: dict[str, Value] = {"instance": row, "raw": Constant(False)}
            given["created"] = Constant(True) if created else Scalar("bool", frame.depth)
            if isinstance(row, Row):
                given["sender"] = ClassValue(row.model.cls)
            interp.invoke(frame, FunctionValue(receiver), (), given, node)

    def _send(self, interp: "Interpreter", frame: Frame, keywords: dict[str, Value], node: Node) -> None:
        """Run the receivers of the project's own signal that `node` sends."""
        holder = node[2][2] if node[2][0] == "attr" else None
        entity: Entity | None = None
        if holder is not None and holder[0] == "name":
            entity = self.project.lookup(frame.module, holder[2])
        elif holder is not None and holder[0] == "attr" and holder[2][0] == "name":
            base = self.project.lookup(frame.module, holder[2][2])
            entity = self.project.member(base, holder[3]) if isinstance(base, Module) else None
        for receiver in self.receivers.get((own_signal(entity), None, ""), ()):
            if receiver not in interp.stack:
                interp.invoke(frame, FunctionValue(receiver), (), dict(keywords), node)

    def _flushed(self, interp: "Interpreter", frame: Frame, given: Value, ending: str, node: Node) -> None:
        """Run the listeners of a mapper for each row that a session is given."""
        if isinstance(given, Sequence) and isinstance(given.element, Row):
            if self._listeners(given.element.model, ending):
                element, loop = iterate(frame, given, node[3][0], kind="signal")
                frame.loops.append(loop)
                self._flushed(interp, frame, element, ending, node)
                frame.loops.pop()
        elif isinstance(given, Row):
            for listener in self._listeners(given.model, ending):
                if listener not in interp.stack:
                    connection = Foreign(CONNECTION, frame.depth)
                    interp.invoke(frame, FunctionValue(listener), (UNKNOWN, connection, given), {}, node)

    def _listeners(self, model: Model, ending: str) -> Iterator[Function]:
        for when in ("before", "after"):
            yield from self.receivers.get((when + ending, model, ""), ())


def own_signal(entity: Entity | None) -> str:
    """Return what tells a signal that the project makes itself from all others, or nothing."""
    if not isinstance(entity, Global) or entity.expression is None or entity.expression[0] != "call":
        return ""
    return f"{entity.module.name}:{entity.name}" if last(entity.expression[2]).endswith("Signal") else ""
