import re

from flask import Blueprint, g, redirect, render_template, request, session, url_for

from ..security import log_in
from . import done, field, refuse_if

bp = Blueprint("auth", __name__)


@bp.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        log_in(field("email"), field("password"))
        target = request.args.get("next", "")  # followed only within this site
        return redirect(target if re.match(r"/(?![/\\])", target) else url_for("dashboard.index"))
    return render_template("login.html")


@bp.post("/logout")
def logout():
    session.clear()
    return redirect(url_for("auth.login"))


def new_password(user, password):
    refuse_if(len(password) < 10, "A password needs at least 10 characters.")
    user.set_password(password)


@bp.post("/password")
def password():
    refuse_if(not g.user.check_password(field("old_password")), "The old password is wrong.")
    new_password(g.user, field("new_password"))
    return done("Password changed.", "dashboard.notifications")
