"""Django: its database settings led to a scratch one, tables made without migrations, asked through its test client."""

from __future__ import annotations

import asyncio
import datetime
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import _postgres
from ._contract import Answer, CannotStartError, Column, Entry, Kept, Parameter, Table
from ._paths import options

LIBRARY = "django"
FILLED = ("contenttypes", "sessions", "sites", "migrations")  # apps whose tables Django fills, or that stay empty
KINDS = {
    "AutoField": "int", "BigAutoField": "int", "SmallAutoField": "int", "IntegerField": "int", "BigIntegerField": "int",
    "SmallIntegerField": "int", "PositiveIntegerField": "int", "PositiveSmallIntegerField": "int",
    "PositiveBigIntegerField": "int", "BooleanField": "bool", "NullBooleanField": "bool", "FloatField": "float",
    "DecimalField": "decimal", "DateTimeField": "datetime", "DateField": "date", "TimeField": "time",
    "DurationField": "interval", "UUIDField": "uuid", "JSONField": "json", "BinaryField": "bytes", "ArrayField": "list",
    "HStoreField": "json", "GenericIPAddressField": "address",
}  # fmt: skip


class NoMigrations:
    """Says of each app that it has no migrations: its tables are made from its models."""

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> None:
        return None


class Django:
    """A started Django project."""

    framework = "django"

    def __init__(self, scratch: Path, database: _postgres.Place | None = None) -> None:
        import django
        from django.conf import settings

        self.notes: list[str] = []
        self.headers: dict[str, str] = {}
        self.user: Any = None
        self.database = database
        try:
            self.settle(settings, scratch)
            django.setup()
        except Exception as error:
            raise CannotStartError(f"its settings do not load ({type(error).__name__}: {error})") from error
        from django.core.management import call_command
        from django.test.utils import get_runner  # noqa: F401 - proves that the test client can be used

        call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
        self.described: list[Table] | None = None

    def settle(self, settings: Any, scratch: Path) -> None:
        """Lead databases, mail, caches and files to the scratch folder."""
        given = dict(settings.DATABASES) or {"default": {}}
        is_spatial = any("gis" in str(each.get("ENGINE")) for each in given.values())
        settings.DATABASES = {
            name: {
                **self.place(name, scratch, is_spatial=is_spatial), "TEST": {},
                "ATOMIC_REQUESTS": bool(each.get("ATOMIC_REQUESTS", False)),
            }
            for name, each in given.items()
        }  # fmt: skip
        if is_spatial and self.database is None:
            self.notes.append("its database needs PostGIS or SpatiaLite")
        settings.MIGRATION_MODULES = NoMigrations()
        settings.DATABASE_ROUTERS = []
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        settings.CACHES = {
            name: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": name}
            for name in (settings.CACHES or {"default": {}})
        }
        settings.MEDIA_ROOT = str(scratch / "media")
        settings.ALLOWED_HOSTS = ["*"]
        settings.SECURE_SSL_REDIRECT = False
        settings.DEBUG = False
        settings.COMPRESS_ENABLED = settings.COMPRESS_OFFLINE = False  # what a deployment prepares is not there
        settings.CELERY_TASK_ALWAYS_EAGER = settings.CELERY_ALWAYS_EAGER = True
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        if "django.contrib.staticfiles" in settings.INSTALLED_APPS:
            settings.STORAGES = {
                **getattr(settings, "STORAGES", {}),
                "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
            }

    def place(self, name: str, scratch: Path, *, is_spatial: bool) -> dict[str, Any]:
        """Return the settings of a scratch database."""
        if self.database is None:
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(scratch / f"{name}.sqlite3")}
        engine = "django.contrib.gis.db.backends.postgis" if is_spatial else "django.db.backends.postgresql"
        return {
            "ENGINE": engine, "NAME": self.database.name, "HOST": self.database.host, "PORT": str(self.database.port),
            "USER": self.database.user, "PASSWORD": self.database.password,
        }  # fmt: skip

    def tables(self) -> Sequence[Table]:
        """Return the tables of all models, also those between two models."""
        if self.described is None:
            from django.apps import apps
            from django.contrib.auth import get_user_model
            from django.core.exceptions import ImproperlyConfigured

            try:
                user = get_user_model()
            except ImproperlyConfigured:  # without django.contrib.auth
                user = None
            self.described = []
            for model in apps.get_models(include_auto_created=True):
                meta = model._meta
                if meta.proxy or not meta.managed or meta.swapped:
                    continue
                table = described(model, user)
                if meta.app_label in FILLED or meta.model_name == "permission":
                    rows = list(model._base_manager.values())
                    table.keys = {c.name: [row.get(c.attribute) for row in rows] for c in table.columns}
                    table.handle = None
                self.described.append(table)
        return self.described

    def insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows below the models, whose `save` may do anything."""
        from django.db import connections, router, transaction

        if not rows:
            return
        model = table.handle
        alias = router.db_for_write(model)
        connection = connections[alias]
        fields = [each for each in model._meta.local_concrete_fields if not getattr(each, "generated", False)]
        quote = connection.ops.quote_name
        names = ", ".join(quote(field.column) for field in fields)
        marks = ", ".join(["%s"] * len(fields))
        values = [[prepared(field, row.get(field.column), connection) for field in fields] for row in rows]
        with transaction.atomic(using=alias), connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})", values)

    def filled(self) -> None:
        """Set what makes keys past those that are there."""
        if self.database is not None:
            from django.db import connection

            with connection.cursor() as cursor:
                for statement in _postgres.FILLED:
                    cursor.execute(statement)

    def relations(self) -> dict[str, str]:
        """Return, for `Model.attribute` of each relation, the table that it leads to."""
        from django.apps import apps

        found = {}
        for model in apps.get_models():
            for field in model._meta.get_fields():
                if field.is_relation and field.related_model is not None and not isinstance(field.related_model, str):
                    name = field.get_accessor_name() if field.auto_created and not field.concrete else field.name
                    found[f"{model.__name__}.{name}"] = field.related_model._meta.db_table
        return found

    def close(self) -> None:
        """Close the connections."""
        from django.db import connections

        connections.close_all()

    def entries(self) -> Sequence[Entry]:
        """Return what the URL patterns lead to, by method where the view says which it takes."""
        from django.urls import get_resolver

        found: dict[str, Entry] = {}
        for path, parameters, callback in patterns(get_resolver().url_patterns, ""):
            for method in methods(callback):
                function = view_function(callback, method)
                code = getattr(function, "__code__", None)
                entry = Entry(
                    method=method, path=path, endpoint=f"{function.__module__}.{function.__qualname__}",
                    file=code.co_filename if code else source_of(callback), line=code.co_firstlineno if code else 0,
                    parameters=tuple(with_tables(parameters, callback)), options=tuple(options(function)),
                    handle=callback,
                )  # fmt: skip
                found.setdefault(entry.name, entry)
        return list(found.values())

    def given(self, hook: Callable[[], Any]) -> Any:
        """Call a hook; return headers by name, or the user who asks."""
        found = hook()
        found = asyncio.run(found) if inspect.iscoroutine(found) else found
        if not isinstance(found, Mapping) and not hasattr(found, "is_authenticated"):
            raise CannotStartError(f"it gives {type(found).__name__}, neither headers by name nor a user")
        return found

    def sign_in(self, _tables: Sequence[Table], who: Any = None) -> str:
        """Remember who is asked as: the first user, if nobody is named."""
        from django.contrib.auth import get_user_model
        from django.core.exceptions import ImproperlyConfigured

        self.user = who
        if who is None:
            try:
                model = get_user_model()
            except ImproperlyConfigured:  # without django.contrib.auth there is nobody to sign in
                return ""
            try:
                self.user = model._base_manager.order_by("pk").first()
            except Exception as error:  # the database's, or of a field of the program's own
                self.notes.append(f"nobody is signed in ({type(error).__name__}: {error})")
        return f"signed in as the first {type(self.user).__name__}" if self.user is not None else ""

    def ask(self, entry: Entry, path: str, body: Any) -> Answer:
        """Ask through the test client, signed in; redirects within the application are followed."""
        client = self.client()
        given = {"data": body, "content_type": "application/json"} if body is not None else {}
        response = getattr(client, entry.method.lower())(path, follow=True, headers=self.headers or None, **given)
        data = b"".join(response.streaming_content) if response.streaming else response.content
        hops = tuple(str(where) for where, _ in getattr(response, "redirect_chain", ()))
        raised = getattr(response, "exc_info", None)
        error = f"{type(raised[1]).__name__}: {raised[1]}"[:300] if raised else ""
        return Answer(
            status=response.status_code, size=len(data), start=data[: Kept.most], hops=hops, error=error,
            headers=tuple(response.items()),
        )  # fmt: skip

    def client(self) -> Any:
        """Return a client that is signed in, for sessions and for REST framework's authentication."""
        from django.core.exceptions import ImproperlyConfigured

        try:
            from rest_framework.test import APIClient as Client

            client = Client(raise_request_exception=False)
        except (ImportError, RuntimeError, ImproperlyConfigured):  # not installed, or not one of the project's apps
            from django.test import Client

            client = Client(raise_request_exception=False)
        if self.user is not None:
            from django.conf import settings

            if any("sessions.middleware" in each for each in settings.MIDDLEWARE):
                client.force_login(self.user, backend=settings.AUTHENTICATION_BACKENDS[0])
            if hasattr(client, "force_authenticate"):
                client.handler._force_user = self.user
        return client

    def body(self, entry: Entry) -> Any:
        """Return the fields of a REST framework serializer as JSON Schema; None where there is none."""
        view = getattr(entry.handle, "cls", None)
        serializer = getattr(view, "serializer_class", None)
        if serializer is None:
            return None
        names = {
            "IntegerField": "integer", "FloatField": "number", "DecimalField": "number", "BooleanField": "boolean",
            "ListField": "array", "DictField": "object", "PrimaryKeyRelatedField": "integer",
        }  # fmt: skip
        fields = {
            name: {"type": names.get(type(field).__name__, "string"), "format": type(field).__name__}
            for name, field in serializer().fields.items()
            if not field.read_only and field.required
        }
        return {"type": "object", "properties": fields, "required": list(fields)}


def described(model: Any, user: Any) -> Table:
    """Return what the filler needs to know of a model's table."""
    meta = model._meta
    columns = []
    parts = parts_of_tree(model)
    for field in meta.local_concrete_fields:
        kinds: tuple[int, ...] = ()
        related = field.remote_field.model._meta if field.is_relation and field.remote_field is not None else None
        target = field.target_field if related is not None else None
        kind = kind_of(target if target is not None else field)
        default = field.default if isinstance(field.default, (str, int, float, bool)) else None
        if (
            related is not None
            and related.label == "contenttypes.ContentType"
            and (kinds := specific(model, field.name))
        ):
            related, target, kind = None, None, "int"
        choices = tuple(value for value, _ in field.flatchoices if value not in ("", None)) if field.choices else ()
        choices = kinds or choices or _postgres.pair_of(type(field).__name__)
        base = getattr(field, "base_field", None)
        item = Column(name="", kind=kind_of(base), size=base.max_length or 0) if base is not None else None
        columns.append(
            Column(
                name=field.column, kind=kind, size=getattr(field, "max_length", None) or 0,
                digits=(getattr(field, "max_digits", None) or 0, getattr(field, "decimal_places", None) or 0),
                nullable=field.null, unique=field.unique, primary=field.primary_key, choices=choices, default=default,
                refers=(related.db_table, target.column) if related is not None and target is not None else ("", ""),
                attribute=field.attname, part=parts.get(field.name, ""), item=item,
            )
        )  # fmt: skip
    column_of = {field.name: field.column for field in meta.local_concrete_fields}
    together = [[column_of[name] for name in each if name in column_of] for each in meta.unique_together]
    for constraint in meta.constraints:
        names = getattr(constraint, "fields", None)
        if names and type(constraint).__name__ == "UniqueConstraint":
            if len(names) > 1:
                together.append([column_of[name] for name in names if name in column_of])
            else:
                columns = [alone(each) if each.name == column_of.get(names[0]) else each for each in columns]
    return Table(
        name=meta.db_table, columns=columns, together=together, model=model.__name__,
        is_user=user is not None and model is user, handle=model,
    )  # fmt: skip


def parts_of_tree(model: Any) -> dict[str, str]:
    """Return the fields that keep a tree of django-treebeard or django-mptt in order, with what each is."""
    names = {field.name for field in model._meta.local_concrete_fields}
    if hasattr(model, "steplen") and {"path", "depth", "numchild"} <= names:
        return {"path": f"path {model.steplen}", "depth": "depth", "numchild": "children"}
    mptt = getattr(model, "_mptt_meta", None)
    if mptt is not None and mptt.left_attr in names:
        return {mptt.left_attr: "left", mptt.right_attr: "right", mptt.level_attr: "level", mptt.tree_id_attr: "tree"}
    return {}


def specific(model: Any, name: str) -> tuple[int, ...]:
    """Return the content types that a field of a model may name, where the models say so.

    Of a generic relation, those of the models that declare its other side; of a model that knows which model each of
    its rows is in full, those that derive from it.
    """
    from django.apps import apps
    from django.contrib.contenttypes.models import ContentType

    owners = [
        each
        for each in apps.get_models()
        for field in each._meta.private_fields
        if type(field).__name__ == "GenericRelation" and field.related_model is model
    ]
    generic = any(hasattr(each, "fk_field") for each in model._meta.private_fields)
    if not owners and not generic and (hasattr(model, "specific") or hasattr(model, "get_real_instance")):
        owners = [model]
    if not name.startswith("base"):
        owners = [next((each for each in apps.get_models() if owner in each._meta.parents), owner) for owner in owners]
    return tuple(ContentType.objects.get_for_model(each, for_concrete_model=False).pk for each in owners[:1])


def alone(column: Column) -> Column:
    """Return a column whose values may not repeat."""
    return Column(**{**column.__dict__, "unique": True})


def kind_of(field: Any) -> str:
    """Return the kind of a field by its class or one that it derives from."""
    while field.is_relation and field.remote_field is not None:
        field = field.target_field
    for cls in type(field).__mro__:
        if cls.__name__ in KINDS:
            return KINDS[cls.__name__]
    return "text"


def prepared(field: Any, value: Any, connection: Any) -> Any:
    """Return a value as the database takes it."""
    from django.conf import settings
    from django.utils import timezone

    if isinstance(value, datetime.datetime) and settings.USE_TZ and timezone.is_naive(value):
        value = timezone.make_aware(value, _postgres.UTC)
    return field.get_db_prep_save(value, connection)


def patterns(found: Sequence[Any], prefix: str) -> Iterator[tuple[str, list[Parameter], Any]]:
    """Give the paths of URL patterns with parameters in braces, and what they lead to."""
    for pattern in found:
        text, parameters = written(pattern.pattern)
        path = prefix + text
        if hasattr(pattern, "url_patterns"):
            for inner, more, callback in patterns(pattern.url_patterns, path):
                yield inner, [*parameters, *more], callback
        elif pattern.callback is not None:
            yield "/" + path.lstrip("/"), parameters, pattern.callback


def written(pattern: Any) -> tuple[str, list[Parameter]]:
    """Return a pattern as a path with parameters in braces; of a regular expression what can be told."""
    route = getattr(pattern, "_route", None)
    if route is not None:
        converters = getattr(pattern, "converters", {})
        kinds = {"IntConverter": "int", "UUIDConverter": "uuid", "PathConverter": "path"}
        parameters = [Parameter(name, kinds.get(type(each).__name__, "text")) for name, each in converters.items()]
        return re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", str(route)), parameters
    text = str(getattr(pattern, "_regex", pattern)).lstrip("^").rstrip("$")
    if text.endswith(("\\Z", "\\z")):
        text = text[:-2]
    parameters, made, place, unnamed = [], "", 0, 0
    while place < len(text):
        if text.startswith("(?P<", place) or text[place] == "(":
            end = closing(text, place)
            inside = text[place : end + 1]
            name = inside[4:].partition(">")[0] if inside.startswith("(?P<") else ""
            if inside.startswith("(?:") or (not name and inside.startswith("(?")):
                made += "" if text[end + 1 : end + 2] == "?" else inside[3:-1].partition("|")[0]
                place = end + (2 if text[end + 1 : end + 2] == "?" else 1)
                continue
            unnamed += not name
            name = name or f"arg{unnamed}"
            is_number = re.fullmatch(r"\((\?P<\w+>)?(\\d|\[0-9\])[+*]?(\{[^}]*\})?\)", inside) is not None
            parameters.append(Parameter(name, "int" if is_number else "text", choices=alternatives(inside)))
            made += "{" + name + "}"
            place = end + 1
        else:
            made += text[place]
            place += 1
    made = re.sub(r"\\([./\-])", r"\1", made)
    return re.sub(r"[/.]\?$", lambda found: found[0][0], made).replace("^", "").replace("$", ""), parameters


def alternatives(group: str) -> tuple[str, ...]:
    """Return the words that a group of a regular expression may be, where it lists them."""
    inside = re.sub(r"^\((\?P<\w+>)?", "", group)[:-1]
    return tuple(inside.split("|")) if re.fullmatch(r"[\w-]+(\|[\w-]+)+", inside) else ()


def closing(text: str, place: int) -> int:
    """Return where the bracket that opens at a place closes."""
    depth, inside = 0, False
    for index in range(place, len(text)):
        letter = text[index]
        if letter == "\\" or (text[index - 1] == "\\" and index > place):
            continue
        inside = (inside or letter == "[") and letter != "]"
        if not inside:
            depth += (letter == "(") - (letter == ")")
            if depth == 0:
                return index
    return len(text) - 1


def methods(callback: Any) -> list[str]:
    """Return the methods that a view answers."""
    actions = getattr(callback, "actions", None)
    if actions:
        return sorted(each.upper() for each in actions if each != "head")
    cls = getattr(callback, "view_class", None) or getattr(callback, "cls", None)
    if cls is not None:
        names = ("get", "post", "put", "patch", "delete")
        return [name.upper() for name in names if hasattr(cls, name)] or ["GET"]
    for cell in getattr(callback, "__closure__", None) or ():
        given = cell.cell_contents
        if (
            isinstance(given, (list, tuple))
            and given
            and all(str(each) in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD") for each in given)
        ):
            return [str(each) for each in given if each != "HEAD"]
    return ["GET"]


def view_function(callback: Any, method: str) -> Any:
    """Return the function of the user's that answers a method."""
    cls = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    actions = getattr(callback, "actions", None) or {}
    if cls is not None:
        found = getattr(cls, actions.get(method.lower(), method.lower()), None)
        if found is not None:
            return inspect.unwrap(found)
    function = inspect.unwrap(callback)
    return function if hasattr(function, "__qualname__") else type(function)


def source_of(callback: Any) -> str:
    """Return the file of a view that is no function."""
    try:
        return inspect.getsourcefile(getattr(callback, "cls", None) or getattr(callback, "view_class", callback)) or ""
    except TypeError:
        return ""


def with_tables(parameters: Sequence[Parameter], callback: Any) -> Iterator[Parameter]:
    """Give parameters, the key of a view's own object with the table that it is looked up in."""
    cls = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    model = getattr(cls, "model", None) or getattr(getattr(cls, "queryset", None), "model", None)
    initkwargs = getattr(callback, "initkwargs", None) or getattr(callback, "view_initkwargs", None) or {}
    admin = getattr(getattr(callback, "model_admin", None), "model", None)
    model = model or getattr(initkwargs.get("queryset"), "model", None) or initkwargs.get("model") or admin
    if model is None and cls is not None:
        serializer = getattr(cls, "serializer_class", None)
        model = getattr(getattr(serializer, "Meta", None), "model", None)
    own = getattr(cls, "lookup_url_kwarg", None) or getattr(cls, "lookup_field", None)
    names = {own, "pk", "slug", "object_id", getattr(cls, "pk_url_kwarg", None), getattr(cls, "slug_url_kwarg", None)}
    for each in parameters:
        table = model._meta.db_table if model is not None and each.name in names and hasattr(model, "_meta") else ""
        yield Parameter(each.name, each.kind, table, each.choices)


def settings_module(named: str) -> None:
    """Say which settings are to be used."""
    os.environ["DJANGO_SETTINGS_MODULE"] = named


def made_of(named: str, scratch: Path, database: _postgres.Place | None = None) -> Django:
    """Start a project by the name of its settings."""
    settings_module(named)
    try:
        importlib.import_module("django")
    except ImportError as error:
        raise CannotStartError(f"Django is not installed in {sys.prefix}") from error
    return Django(scratch, database)
