"""An endpoint that costs money or much work answers as often as anybody asks.

Hashing a password takes a tenth of a second of a core on purpose; a call of a model costs money; a mail or a message
goes to somebody. One caller in a loop is enough to use up all cores, the month's budget, or a mailbox.

## Setup

```python
# file: limits.py
import functools
import time
from collections.abc import Callable

from fastapi import HTTPException


def rate_limited(times: int) -> Callable[[Callable[..., bool]], Callable[..., bool]]:
    def around(function: Callable[..., bool]) -> Callable[..., bool]:
        asked: list[float] = []

        @functools.wraps(function)
        def inside(*args: str, **named: str) -> bool:
            now = time.monotonic()
            asked[:] = [when for when in asked if now - when < 60]
            if len(asked) >= times:
                raise HTTPException(429)
            asked.append(now)
            return function(*args, **named)

        return inside

    return around
```

## Slow

```python
import hashlib

from fastapi import APIRouter

router = APIRouter()


@router.post("/login")
def login(password: str, stored: str) -> bool:
    return hashlib.scrypt(password.encode(), salt=b"salt", n=1024, r=8, p=1).hex() == stored
```

## Fast

```python
import hashlib

from fastapi import APIRouter

from limits import rate_limited

router = APIRouter()


@router.post("/login")
@rate_limited(5)
def login(password: str, stored: str) -> bool:
    return hashlib.scrypt(password.encode(), salt=b"salt", n=1024, r=8, p=1).hex() == stored
```

## Input

```python
def make(n: int) -> tuple[str, str]:
    return f"password {n}", "00" * 64
```

## Scenario

Somebody tries thirty passwords, one after the other.

```python
import httpx
from fastapi import FastAPI
from scene import served


def scenario() -> None:
    app = FastAPI()
    app.include_router(router)
    with served(app) as address, httpx.Client(base_url=address) as client:
        guesses = [{"password": f"guess {i}", "stored": "00" * 64} for i in range(30)]
        tried = [client.post("/login", params=guess).status_code for guess in guesses].count(200)
    assert tried <= 5, f"{tried} of 30 passwords are tried in a moment"
```

## When to leave it

A proxy in front of the program limits how often it is asked, or only people who are trusted can reach it.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Finding, Proof
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Module, Project
from perfwright.index.tree import text, walk
from perfwright.rules._chosen import is_request
from perfwright.rules._contract import Rule

MODEL, HASH, MAIL, PAID = "llm.call", "cpu", "mail", "paid"
COSTS = {
    MODEL: "calls a language model",
    HASH: "hashes a password",
    MAIL: "sends a mail",
    PAID: "calls a service that is paid for",
}
HASHES = ("authenticate", "create_user", "create_superuser")  # Django's, that hash a password beside other things
PAYS = ("twilio.", "stripe.", "sendgrid.", "vonage.", "messagebird.", "botocore.client.BaseClient.send_")
ENTRIES = re.compile(r"(GET|POST|PUT|PATCH|DELETE|ROUTE|WEBSOCKET|view|websocket) |\.(list|create|update|retrieve)$")
# Names of what keeps callers from asking too often, in any library or of the project's own.
LIMITER = re.compile(
    r"rate_?limit|limiter|throttl|slow_?api|quota|captcha|lock_?out|attempts|cool_?down|(^|[._ ])axes|credits|budget"
    r"|usage_?limit|(^|_)limits?_(login|request|call|by|per|to)|too_?many|is_?locked|spend|max_?calls|debounce|honeypot",
    re.I,
)
ADDS = ("add_middleware", "Middleware", "Limiter", "before_request", "middleware")
# Endpoints that send mail to whom the caller names.
TO_ANYBODY = re.compile(
    r"reset|forgot|contact|invit|register|sign_?up|subscri|verif|confirm|resend|otp|code|share|feedback|welcome|news|magic",
    re.I,
)
ASIDE = re.compile(r"webhook|internal|health|admin|callback|(^|[/_. ])dev([/_. ]|$)|debug|test", re.I)
KNOWN = re.compile(
    r"current_?(active_)?user|login_required|logged_?in|requires?_(auth|login|user|role|perm|admin|api)|auth(enticated|oriz)"
    r"|jwt_required|token_required|permission|staff|superuser|api_?key|get_user|verify_(token|api)|is_admin|oauth2?_scheme"
    r"|auth_required|LoginRequired|UserPasses|Protected|Security\(|identity|session_user|bearer",
    re.I,
)
STRICT = re.compile(r"admin|staff|superuser|permission|requires?_role|internal", re.I)
CURES = (
    ("rest_framework", "Give the view throttle_classes = [ScopedRateThrottle] and a throttle_scope."),
    ("fastapi", 'Limit it by caller: @limiter.limit("5/minute") of slowapi, or a dependency that counts.'),
    ("starlette", 'Limit it by caller: @limiter.limit("5/minute") of slowapi.'),
    ("flask", 'Limit it by caller: @limiter.limit("5 per minute") of Flask-Limiter.'),
    ("django", 'Limit it by caller: @ratelimit(key="ip", rate="5/m") of django-ratelimit.'),
)


def find(effects: Effects) -> Iterator[Finding]:
    if not is_request(effects.entry) or not ENTRIES.search(effects.entry):
        return
    found: dict[str, Effect] = {}
    for effect in effects.effects("llm.call", "cpu", "wait", "http.request"):
        kind = kind_of(effect)
        known = found.get(kind)
        if kind and (known is None or len(effect.event.chain) < len(known.event.chain)):
            found[kind] = effect
    for kind in COSTS:
        if kind in found:
            if not limited(effects, list(found.values())):
                yield told(effects, found[kind], kind)
            return


def kind_of(effect: Effect) -> str:
    """Return which of the costs an effect is; nothing where it is none, or happens once for all requests."""
    event = effect.event
    model = event.model
    if model is None or event.once:
        return ""
    if event.effect == "llm.call":
        return MODEL
    last = model.name.rpartition(".")[2]
    if event.effect == "cpu":
        return HASH if (model.because or "").startswith("hashes slowly") or last in HASHES else ""
    if event.effect == "wait":
        mails = "mail" in model.name.lower() and last not in ("mail_admins", "mail_managers")
        return MAIL if mails or model.name in ("smtplib.SMTP.sendmail", "smtplib.SMTP.send_message") else ""
    return PAID if model.name.startswith(PAYS) else ""


def told(effects: Effects, effect: Effect, kind: str) -> Finding:
    through = f" through `{effect.through}`" if effect.through else ""
    return effects.finding(
        RULE.name,
        effect,
        f"{effects.entry} {COSTS[kind]}{through} as often as anybody asks: nothing on the way limits it",
        cure=cure(effects),
        confidence=confidence(effects, effect, kind),
    )


def cure(effects: Effects) -> str:
    imported = {top for module in effects.project.modules.values() for top in module.imports}
    return next((says for top, says in CURES if top in imported), "Limit how often one caller may ask for it.")


def confidence(effects: Effects, effect: Effect, kind: str) -> Confidence:
    """Return `likely` where anybody may call it, or anybody who is known may spend money; else `possible`."""
    function = effects.function
    if effects.confidence(effect) == "possible" or ASIDE.search(f"{effects.entry} {function.path}"):
        return "possible"
    says = protection(effects.project, function)
    if STRICT.search(says) or (kind not in (MODEL, PAID) and KNOWN.search(says)):
        return "possible"
    if kind == MAIL and not TO_ANYBODY.search(f"{effects.entry} {function.qualified}"):
        return "possible"
    if kind == HASH and is_changed(effects.function):
        return "possible"
    return "likely" if KNOWN.search(says) or is_plain(effects) else "possible"


def is_changed(function: Function) -> bool:
    """Tell whether a handler is for somebody who is logged in: it changes a password, or asks for the own user."""
    users = ("request.user", "self.request.user", "current_user")
    return any(node[0] in ("name", "attr") and text(node) in users for node in walk(function.body))


def is_plain(effects: Effects) -> bool:
    """Tell whether all that stands before a handler can be seen: it is a function, or a view of Django's own kind."""
    owner = effects.function.owner
    if owner is None:
        return True
    names = [str(base) for base in effects.project.externals(owner)]
    return not any(name.startswith("rest_framework") for name in names) or "permission_classes" in owner.names


def protection(project: Project, function: Function) -> str:
    """Return all names that may keep callers out before a handler begins: decorators, dependencies, base classes."""
    parts = [text(node, 300) for node in function.decorators]
    parts += [text(part, 300) for parameter in function.parameters for part in parameter[1:3] if part is not None]
    parts += [parameter[0] for parameter in function.parameters]
    owner = function.owner
    if owner is not None:
        parts += [str(base) if not isinstance(base, Class) else base.name for base in project.mro(owner)]
        found = owner.names.get("permission_classes")
        if found is not None and found[0] == "value" and found[1] is not None:
            parts.append("" if "AllowAny" in text(found[1], 300) else "authenticated")
    for node in walk(function.body):
        if node[0] == "call" and node[2][0] in ("name", "attr"):
            name = node[2][-1]
            if re.match(r"(require|authorize|check|ensure|verify)_", name):
                parts.append(name)
    parts += [text(value, 300) for value in of_routers(function.module)]
    return " ".join((*parts, *around(project, function)))


def around(project: Project, function: Function) -> list[str]:
    """Return the dependencies with which a program includes the router that a handler hangs on."""
    names = {f"{function.module.name.rpartition('.')[2]}.router"}
    for decorator in function.decorators:
        called = decorator[2] if decorator[0] == "call" else decorator
        if called[0] == "attr" and called[2][0] == "name":
            names.update((called[2][2], f"{function.module.name.rpartition('.')[2]}.{called[2][2]}"))
    return [says for router, says in included(project) if router in names or router == "*"]


@lru_cache(maxsize=1)
def included(project: Project) -> tuple[tuple[str, str], ...]:
    """Return the routers that a program includes with dependencies of their own, as written; `*` for all of an app."""
    found: list[tuple[str, str]] = []
    for module in project.modules.values():
        if module.called.isdisjoint(("include_router", "FastAPI")):
            continue
        for body in (module.body, *(function.body for function in module.functions)):
            for node in walk(body):
                if node[0] != "call" or str(node[2][-1]) not in ("include_router", "FastAPI"):
                    continue
                router = "*" if node[2][-1] == "FastAPI" else text(node[3][0], 100) if node[3] else ""
                found.extend([(router, text(value, 300)) for name, value in node[4] if name == "dependencies"])
    return tuple(found)


def of_routers(module: Module) -> list[Node]:
    """Return the dependencies that a module gives its routers."""
    if module.called.isdisjoint(("APIRouter", "FastAPI", "Blueprint", "Router", "NinjaAPI")):
        return []
    return [
        value
        for node in walk(module.body)
        if node[0] == "call"
        for name, value in node[4]
        if name in ("dependencies", "auth")
    ]


# --------------------------------------------------------------------------- limiters
def limited(effects: Effects, costly: list[Effect]) -> bool:
    """Tell whether anything between a caller and the work limits how often it is done."""
    function = effects.function
    if has_limiter(function) or for_all(effects.project):
        return True
    if any(LIMITER.search(says) for says in around(effects.project, function)):
        return True
    if any(has_limiter(link[0]) for effect in costly for link in effect.event.chain):
        return True
    return named_elsewhere(function)


def has_limiter(function: Function) -> bool:
    """Tell whether a function is decorated with a limiter, depends on one, or calls one."""
    parts = [text(node, 300) for node in function.decorators]
    parts += [text(part, 300) for parameter in function.parameters for part in parameter[:3] if type(part) is tuple]
    parts += [parameter[0] for parameter in function.parameters]
    if any(LIMITER.search(part) or re.search(r"\blimit(s|ed)?\(", part) for part in parts):
        return True
    if function.owner is not None:
        if any(LIMITER.search(text(node, 300)) for node in function.owner.decorators):
            return True
        for name, binding in function.owner.names.items():
            value = binding[1] if binding[0] == "value" else None
            if name.startswith("throttle") or (name == "decorators" and LIMITER.search(text(value, 300))):
                return True
    if any(LIMITER.search(name) for name in function.called):
        return True
    return any(node[0] in ("name", "attr") and LIMITER.search(str(node[-1])) for node in walk(function.body))


def named_elsewhere(function: Function) -> bool:
    """Tell whether a module limits a handler, or its router, from outside: `limiter.limit("5/minute")(api)`."""
    names = {function.name}
    for decorator in function.decorators:
        called = decorator[2] if decorator[0] == "call" else decorator
        if called[0] == "attr" and called[2][0] == "name":
            names.add(called[2][2])
    for statement in function.module.body:
        if statement[0] not in ("expr", "assign"):
            continue
        shown = text(statement[2] if statement[0] == "expr" else statement[3], 400)
        if not LIMITER.search(shown):
            continue
        if statement[0] == "expr" and any(name in shown for name in names):
            return True
        if statement[0] == "assign" and any(text(target) in names for target in statement[2]):
            return True
    return False


@lru_cache(maxsize=1)
def for_all(project: Project) -> bool:
    """Tell whether a project limits all requests: by middleware, by its settings, by a limiter with a default."""
    for module in project.modules.values():
        for name in ("MIDDLEWARE", "INSTALLED_APPS", "REST_FRAMEWORK", "THIRD_PARTY_APPS"):
            binding = module.names.get(name)
            value = binding[1] if binding is not None and binding[0] == "value" else None
            for node in walk(value) if value is not None else ():
                if node[0] == "const" and isinstance(node[2], str) and LIMITER.search(node[2]):
                    return True
                if node[0] == "const" and node[2] in ("axes", "defender"):
                    return True
        if any(LIMITER.search(cls.name) and "middleware" in cls.name.lower() for cls in module.classes):
            return True
        if not module.called.isdisjoint(ADDS) and limits_in(module):
            return True
    return False


def limits_in(module: Module) -> bool:
    """Tell whether a module adds a limiter to all that its application answers."""
    bodies = (module.body, *(function.body for function in module.functions))
    for body in bodies:
        for node in walk(body):
            if node[0] != "call":
                continue
            name = str(node[2][-1])
            if name == "Limiter" and any(key in ("default_limits", "application_limits") for key, _ in node[4]):
                return True
            if name in ("add_middleware", "Middleware", "before_request") and LIMITER.search(text(node, 300)):
                return True
    return any(
        str(text(decorator)).startswith(("app.middleware", "app.before_request", "app.before_app_request"))
        and has_limiter(function)
        for function in module.functions
        for decorator in function.decorators
    )


RULE = Rule(
    name="no-rate-limit",
    sees=("llm.call", "cpu", "wait", "http.request"),
    spends=("hazard",),
    proof=Proof("scenario", "unlimited"),
    find=find,
)
