"""Session login, CSRF protection and role checks."""
import hmac
import secrets

from flask import abort, g, redirect, request, session, url_for

from .models import User, db
from .util import Problem

PUBLIC = {"auth.login", "api.login", "calendar.feed", "static"}


def csrf_token():
    return session.setdefault("csrf", secrets.token_urlsafe(24))


def log_in(email, password):
    user = db.session.scalar(db.select(User).filter_by(email=email.lower()))
    if user is None or not user.check_password(password) or not user.active:
        raise Problem("Wrong e-mail address or password.", 401)
    session.clear()
    session["uid"] = user.id
    return user


def before_request():
    uid = session.get("uid")
    user = db.session.get(User, uid) if uid else None
    g.user = user if user and user.active else None
    if request.endpoint is None:
        return None
    is_api = request.path.startswith("/api/")
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        # Another site's form cannot send JSON, so the API needs no token.
        if is_api and not request.is_json:
            raise Problem("Please send JSON.", 415)
        sent = request.form.get("csrf_token", "")
        if not is_api and not hmac.compare_digest(sent.encode(), csrf_token().encode()):
            raise Problem("The form has expired, please try again.")
    if g.user is None and request.endpoint not in PUBLIC:
        if is_api:
            raise Problem("Please log in.", 401)
        return redirect(url_for("auth.login", next=request.full_path if request.method == "GET" else None))
    return None


def allow(condition):
    if not condition:
        abort(403)


def own_employee():
    if g.user.employee is None:
        raise Problem("Your account has no employee record.", 403)
    return g.user.employee


