"""FastAPI and Starlette: asked in this process over ASGI, signed in by standing in for the dependencies that refuse."""

from __future__ import annotations

import asyncio
import enum
import inspect
import json
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from ._contract import Answer, CannotStartError, Entry, Kept, Parameter, Table
from ._sqlalchemy import Engines, Filled

LIBRARY = "starlette"
REFUSED = (401, 403)
LONGEST = 64 << 20  # bytes of a body after which an answer is cut


class Asgi(Filled):
    """A started ASGI application."""

    def __init__(self, app: Any, engines: Engines) -> None:
        super().__init__(engines)
        self.app = app
        self.framework = "fastapi" if hasattr(app, "dependency_overrides") else "starlette"
        self.headers: list[tuple[bytes, bytes]] = []
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.create(engines.made[0] if engines.made else None)
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self.loop.run_until_complete(self.start())

    async def start(self) -> None:
        """Run what the application does before its first request."""
        told: asyncio.Queue[Any] = asyncio.Queue()

        async def send(message: Any) -> None:
            await told.put(message)

        await self.said.put({"type": "lifespan.startup"})
        scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self.state = scope["state"]
        self.living = self.loop.create_task(self.app(scope, self.said.get, send))
        waiting = self.loop.create_task(told.get())
        await asyncio.wait({waiting, self.living}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        if waiting.done() and waiting.result()["type"] == "lifespan.startup.failed":
            raise CannotStartError(f"its start-up fails: {waiting.result().get('message', '')[-300:]}")
        waiting.cancel()

    def entries(self) -> Sequence[Entry]:
        """Return the routes, those of mounted applications with their prefix."""
        return list(self.routes(self.app.routes, ""))

    def routes(self, routes: Sequence[Any], prefix: str) -> Iterator[Entry]:
        """Give the routes below a prefix; what FastAPI adds to describe itself is left out."""
        for route in routes:
            route = getattr(route, "starlette_route", None) or route
            included = getattr(
                route, "effective_candidates", None
            )  # FastAPI keeps included routers whole in newer versions
            if included is not None:
                yield from self.routes(included(), prefix)
                continue
            endpoint = getattr(route, "endpoint", None)
            inner = getattr(route, "routes", None)
            path = prefix + getattr(route, "path", "")
            if endpoint is None and inner:
                yield from self.routes(inner, path)
            elif endpoint is not None and getattr(endpoint, "__module__", "").partition(".")[0] not in (
                "fastapi", "starlette",
            ):  # fmt: skip
                code = getattr(inspect.unwrap(endpoint), "__code__", None)
                for method in sorted(getattr(route, "methods", None) or ["GET"]):
                    if method not in ("HEAD", "OPTIONS"):
                        yield Entry(
                            method=method, path=path, endpoint=f"{endpoint.__module__}.{endpoint.__qualname__}",
                            file=code.co_filename if code else "", line=code.co_firstlineno if code else 0,
                            parameters=tuple(parameters(route)), options=tuple(options(route)), handle=route,
                        )  # fmt: skip

    def given(self, hook: Callable[[], Any]) -> Any:
        """Call a hook, on the application's event loop where it is asynchronous; return headers, or who asks."""
        found = hook()
        return self.told_by(self.loop.run_until_complete(found) if inspect.isawaitable(found) else found)

    def sign_in(self, tables: Sequence[Table], who: Any = None) -> str:
        """Stand in for each dependency that refuses, with the row that its annotation asks for, or with `who`."""
        if self.framework != "fastapi" or self.database is None:
            return ""
        stood_in: dict[str, None] = {}
        for entry in self.entries():
            for dependency in refusing(entry.handle):
                if dependency in self.app.dependency_overrides:
                    continue
                self.app.dependency_overrides[dependency] = self.instead_of(dependency, entry.handle, tables, who)
                stood_in[dependency.__name__ if hasattr(dependency, "__name__") else type(dependency).__name__] = None
        return f"stood in for {', '.join(stood_in)}" if stood_in else ""

    def instead_of(self, dependency: Any, route: Any, tables: Sequence[Table], who: Any = None) -> Any:
        """Return a dependency that gives `who`, else the first row of the class that another one returns, if any."""
        cls = given_class(dependency)
        mapper = getattr(cls, "__mapper__", None)
        if mapper is None and cls is None and gives_something(dependency):
            user = next((table for table in tables if table.is_user), None)
            known = self.database.mapped if self.database is not None and user is not None else ()
            mapper = next((each for each in known if user is not None and each.local_table is user.handle), None)
        if mapper is None:
            return lambda: made_up(cls)
        model, table = mapper.class_, next((t for t in tables if t.handle is mapper.local_table), None)
        key = [table.keys.get(c.name, [1])[0] for c in mapper.primary_key] if table is not None else [1]
        if who is not None and issubclass(who.cls, model):
            key = list(who.key)

        def first(session: Any = None) -> Any:
            return session.get(model, key[0] if len(key) == 1 else tuple(key))

        async def first_of_async(session: Any = None) -> Any:
            return await session.get(model, key[0] if len(key) == 1 else tuple(key))

        made, is_async = session_of(route)
        if made is None:
            from sqlalchemy.orm import Session

            engine = self.database.engine if self.database is not None else None
            return lambda: Session(engine, expire_on_commit=False).get(model, key[0])
        from fastapi import Depends

        stand_in: Any = first_of_async if is_async else first
        stand_in.__signature__ = inspect.Signature(
            [inspect.Parameter("session", inspect.Parameter.KEYWORD_ONLY, default=Depends(made))]
        )
        return stand_in

    def ask(self, entry: Entry, path: str, body: Any) -> Answer:
        """Ask over ASGI; redirects within the application are followed."""
        hops: list[str] = []
        method = entry.method
        while True:
            status, headers, start, size, error = self.loop.run_until_complete(self.asked(method, path, body))
            to = dict(list(headers)).get(b"location", b"").decode("latin1")
            if status not in (301, 302, 303, 307, 308) or not to or len(hops) > 2:
                told = tuple((name.decode("latin1"), value.decode("latin1")) for name, value in headers)
                return Answer(status=status, size=size, start=start, hops=tuple(hops), error=error, headers=told)
            path = to.partition("://")[2].partition("/")[2] if "://" in to else to
            path = path if path.startswith("/") else f"/{path}"
            hops.append(path)
            method, body = ("GET", None) if status < 307 else (method, body)

    async def asked(self, method: str, path: str, body: Any) -> tuple[int, list[tuple[bytes, bytes]], bytes, int, str]:
        """Return status, headers, the beginning and size of the body, and what was raised."""
        data = b"" if body is None else json.dumps(body).encode()
        where, _, query = path.partition("?")
        headers = [(b"host", b"testserver"), (b"accept", b"*/*"), *self.headers]
        if data:
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": unquote(where), "raw_path": where.encode(), "query_string": query.encode(), "root_path": "",
            "headers": headers, "client": ("127.0.0.1", 50000), "server": ("testserver", 80),
            "state": dict(self.state),
        }  # fmt: skip
        answer: dict[str, Any] = {"status": 500, "headers": []}
        sent, start, size = False, b"", 0
        gone = asyncio.Event()

        async def receive() -> Any:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": data, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal start, size
            if message["type"] == "http.response.start":
                answer.update(message)
            elif message["type"] == "http.response.body":
                part = message.get("body", b"")
                size += len(part)
                start = (start + part[: Kept.most])[: Kept.most]
                if not message.get("more_body") or size > LONGEST:
                    gone.set()

        error = ""
        try:
            await self.app(scope, receive, send)
        except Exception as raised:  # the user's code; the server would answer 500
            error = f"{type(raised).__name__}: {raised}"[:300]
        return int(answer["status"]), answer["headers"], start, size, error

    def body(self, entry: Entry) -> Any:
        """Return what describes the body that a route asks for, as JSON Schema; None where it takes none."""
        if not hasattr(self.app, "openapi"):
            return None
        described = self.app.openapi()
        operation = described.get("paths", {}).get(entry.path, {}).get(entry.method.lower(), {})
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        return {**content["schema"], "components": described.get("components", {})} if "schema" in content else None


def parameters(route: Any) -> Iterator[Parameter]:
    """Give the parameters of a route's path, and those of its query that it cannot do without."""
    dependant = getattr(route, "dependant", None)
    converters = getattr(route, "param_convertors", {})
    known = {}
    if dependant is not None:
        flat = flattened(dependant)
        known = {field.alias: field for each in flat for field in each.path_params}
        for each in flat:
            for field in each.query_params:
                if is_required(field):
                    kind, choices = kind_of(annotation(field))
                    yield Parameter(field.alias, kind, choices=choices, query=True)
    for name, converter in converters.items():
        kind, choices = kind_of(annotation(known[name])) if name in known else ("text", ())
        if kind == "text":
            kind = {
                "IntegerConvertor": "int",
                "FloatConvertor": "float",
                "UUIDConvertor": "uuid",
                "PathConvertor": "path",
            }.get(type(converter).__name__, "text")
        yield Parameter(name, kind, choices=choices)


def options(route: Any) -> Iterator[Parameter]:
    """Give the parameters of a route's query that it can do without."""
    dependant = getattr(route, "dependant", None)
    for each in flattened(dependant) if dependant is not None else ():
        for field in each.query_params:
            if not is_required(field):
                kind, choices = kind_of(annotation(field))
                yield Parameter(field.alias, kind, choices=choices)


def is_required(field: Any) -> bool:
    """Tell whether a route refuses to answer without a field."""
    info = getattr(field, "field_info", None)
    if info is not None and hasattr(info, "is_required"):
        return bool(info.is_required())
    return bool(getattr(field, "required", False))


def annotation(field: Any) -> Any:
    """Return the type of a field, of either major version of Pydantic."""
    return getattr(getattr(field, "field_info", None), "annotation", None) or getattr(field, "type_", str)


def kind_of(kind: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the kind of a parameter and its choices."""
    if typing.get_origin(kind) is typing.Annotated:
        return kind_of(typing.get_args(kind)[0])
    if typing.get_origin(kind) is typing.Literal:
        return "text", typing.get_args(kind)
    some = [each for each in typing.get_args(kind) if each is not type(None)]
    if some and typing.get_origin(kind) not in (list, set, tuple):
        return kind_of(some[0])
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "text", tuple(each.value for each in kind)
    name = getattr(kind, "__name__", "str")
    known = {
        "int": "int",
        "float": "float",
        "UUID": "uuid",
        "UUID4": "uuid",
        "bool": "bool",
        "date": "date",
        "datetime": "date",
    }
    return known.get(name, "text"), ()


def flattened(dependant: Any) -> list[Any]:
    """Return a dependant and all that it depends on."""
    found = [dependant]
    for each in dependant.dependencies:
        found.extend(flattened(each))
    return found


def refusing(route: Any) -> list[Any]:
    """Return the dependencies of a route that say 401 or 403, by their code, or that are security schemes."""
    dependant = getattr(route, "dependant", None)
    if dependant is None:
        return []
    calls = [each.call for each in flattened(dependant)[1:] if each.call is not None]
    return [call for call in calls if is_scheme(call) or refuses(call)]


def is_scheme(call: Any) -> bool:
    """Tell whether a dependency is one of FastAPI's security schemes."""
    return any(cls.__name__ == "SecurityBase" for cls in type(call).__mro__)


def refuses(call: Any) -> bool:
    """Tell whether a function refuses those who are not signed in: by the numbers and names in its code."""
    function = function_of(call)
    code = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
    return code is not None and says_no(code)


def says_no(code: Any) -> bool:
    """Tell whether code mentions the status 401 or 403, or an exception for those not allowed."""
    names = " ".join(code.co_names).lower()
    if any(each in REFUSED for each in code.co_consts if isinstance(each, int)):
        return True
    if any(
        word in names for word in ("401_unauthorized", "403_forbidden", "unauthorized", "forbidden", "notauthenticated")
    ):
        return True
    return any(says_no(each) for each in code.co_consts if inspect.iscode(each))


def function_of(call: Any) -> Any:
    """Return the function that runs when something is called."""
    return call if inspect.isroutine(call) else vars(type(call)).get("__call__")


def given_class(dependency: Any) -> Any:
    """Return the class that a dependency's annotation says it gives."""
    function = function_of(dependency)
    try:
        given = typing.get_type_hints(function).get("return")
    except Exception:  # evaluating annotations is running the user's code
        return None
    while given is not None and typing.get_args(given):
        some = [each for each in typing.get_args(given) if each is not type(None)]
        given = some[0] if some else None
    return given


def gives_something(dependency: Any) -> bool:
    """Tell whether a function without an annotation returns a value."""
    function = function_of(dependency)
    try:
        source = inspect.getsource(function)
        hints = typing.get_type_hints(function)
    except Exception:  # evaluating annotations is running the user's code
        return False
    return "return" not in hints and "return " in source


def made_up(cls: Any) -> Any:
    """Return something in place of a value that is no row: a token, a claim."""
    if cls is str:
        return "token"
    if cls is dict:
        return {"sub": "1", "id": 1}
    if cls is bool:
        return True
    fields = getattr(cls, "model_fields", None)
    if fields is not None:
        return cls.model_construct(**{name: 1 if field.annotation is int else "1" for name, field in fields.items()})
    return None


def session_of(route: Any) -> tuple[Any, bool]:
    """Return the dependency of a route that gives a session of the database, and whether it is asynchronous."""
    for each in flattened(route.dependant):
        call = each.call
        if call is None or not (inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call)):
            continue
        try:
            source = inspect.getsource(call).lower()
        except (OSError, TypeError):
            continue
        if "session" in source or "db" in source:
            return call, (
                "async" in str(typing.get_type_hints(call).get("return", "")).lower()
                and "asyncsession" in (str(typing.get_type_hints(call).get("return", "")).lower())
            ) or inspect.isasyncgenfunction(call)
    return None, False


def made_of(target: Any, engines: Engines) -> Asgi:
    """Start an application."""
    return Asgi(target, engines)


def is_one(target: Any) -> bool:
    """Tell whether an object is such an application."""
    return any(cls.__module__.startswith("starlette.") and cls.__name__ == "Starlette" for cls in type(target).__mro__)
