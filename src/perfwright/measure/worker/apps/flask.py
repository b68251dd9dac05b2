"""Flask: asked through its own test client; Flask-Login and sessions are signed in."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ._contract import Answer, Entry, Kept, Parameter, Table
from ._paths import options
from ._sqlalchemy import Engines, Filled

LIBRARY = "flask"
KINDS = {"IntegerConverter": "int", "FloatConverter": "float", "UUIDConverter": "uuid", "PathConverter": "path"}


def settle(scratch: Path) -> None:
    """Give an application without an instance folder one in the scratch folder: it may make files there."""
    try:
        from flask import Flask as Framework
    except ImportError:
        return
    real: Any = Framework
    find = real.auto_find_instance_path

    def found(app: Any) -> str:
        there: str = find(app)
        return there if Path(there).is_dir() else str(scratch / "instance")

    real.auto_find_instance_path = found


class Flask(Filled):
    """A started Flask application."""

    framework = "flask"

    def __init__(self, app: Any, engines: Engines, session_names: Sequence[str]) -> None:
        super().__init__(engines)
        self.app = app
        self.session: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.session_names = session_names
        app.config["WTF_CSRF_ENABLED"] = False
        app.config["PROPAGATE_EXCEPTIONS"] = False
        with app.app_context():
            extension = app.extensions.get("sqlalchemy")
            engine = getattr(extension, "engine", None) if extension is not None else None
            engine = engine if engine is not None else (engines.made[0] if engines.made else None)
            self.create(engine)

    def entries(self) -> Sequence[Entry]:
        """Return the rules of the map, but those for files that never change."""
        found = []
        for rule in self.app.url_map.iter_rules():
            view = self.app.view_functions.get(rule.endpoint)
            if view is None or rule.endpoint == "static" or rule.endpoint.endswith(".static"):
                continue
            function = inspect.unwrap(getattr(view, "view_class", view))
            code = getattr(function, "__code__", None)
            parameters = tuple(
                Parameter(
                    name, KINDS.get(type(converter).__name__, "text"), choices=tuple(getattr(converter, "items", ()))
                )
                for name, converter in rule._converters.items()
            )
            path = re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule.rule)
            entry = Entry(
                method="", path=path, endpoint=rule.endpoint, file=code.co_filename if code else "",
                line=code.co_firstlineno if code else 0, parameters=parameters, options=tuple(options(function)),
            )  # fmt: skip
            found += [replace(entry, method=each) for each in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
        return found

    def given(self, hook: Callable[[], Any]) -> Any:
        """Call a hook in the context of the application; return headers by name, or who asks."""
        with self.app.app_context():
            return self.told_by(hook())

    def sign_in(self, tables: Sequence[Table], who: Any = None) -> str:
        """Put the key of a user into the session, where Flask-Login or the program looks for it."""
        user = next((table for table in tables if table.is_user), None)
        if who is not None:
            key, named = who.key[0], who.cls.__name__
        elif user is None:
            return ""
        else:
            key = next((user.keys[c.name][0] for c in user.columns if c.primary and user.keys.get(c.name)), None)
            named = user.name
        if key is None:
            return ""
        if hasattr(self.app, "login_manager"):
            self.session = {"_user_id": str(key), "_fresh": True}
            return f"signed in as the first row of {named}"
        names = [name for name in self.session_names if re.search(r"user|account|customer|uid|logged|member", name)]
        if names:
            self.session = {name: True if "logged" in name else key for name in names}
            return f"session: {', '.join(names)} of the first row of {named}"
        return ""

    def ask(self, entry: Entry, path: str, body: Any) -> Answer:
        """Ask through the test client; redirects within the application are followed."""
        client = self.app.test_client()
        if self.session:
            with client.session_transaction() as session:
                session.update(self.session)
        given: Mapping[str, Any] = {"json": body} if body is not None else {}
        response = client.open(path, method=entry.method, headers=self.headers, follow_redirects=True, **given)
        hops = tuple(each.request.path for each in response.history[1:]) if response.history else ()
        if response.history:
            hops = (*hops, response.request.path)
        data = response.get_data()
        headers = tuple(response.headers.items())
        return Answer(status=response.status_code, size=len(data), start=data[: Kept.most], hops=hops, headers=headers)

    def body(self, _entry: Entry) -> Any:
        """Return nothing: Flask does not say what a body looks like."""
        return None


def made_of(target: Any, engines: Engines, session_names: Sequence[str] = ()) -> Flask:
    """Start an application."""
    return Flask(target, engines, session_names)


def is_one(target: Any) -> bool:
    """Tell whether an object is a Flask application."""
    return any(cls.__module__.startswith("flask.") and cls.__name__ == "Flask" for cls in type(target).__mro__)
