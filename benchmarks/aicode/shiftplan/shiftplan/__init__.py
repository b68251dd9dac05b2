from datetime import timedelta
from urllib.parse import urlsplit

import click
from flask import Flask, flash, g, jsonify, redirect, render_template, request
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException

from . import security, util
from .config import Config
from .models import Notification, db
from .services import notify


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object(Config)
    app.config.update(config or {})
    if not app.config["SECRET_KEY"]:
        if app.config["PRODUCTION"] or app.config["SQLALCHEMY_DATABASE_URI"].startswith("postgresql"):
            raise RuntimeError("Set SECRET_KEY in production.")
        app.config["SECRET_KEY"] = "development only"
    db.init_app(app)
    app.before_request(security.before_request)
    from .views import api, auth, calendar, dashboard, employees, hours, locations, requests
    for module in (auth, dashboard, locations, employees, requests, hours, calendar, api):
        app.register_blueprint(module.bp)
    register_templating(app)
    register_errors(app)
    register_commands(app)
    return app


def register_templating(app):
    app.jinja_env.globals.update(
        csrf_token=security.csrf_token, timedelta=timedelta, today=util.today,
        WEEKDAYS=["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"])
    app.jinja_env.filters["local"] = lambda m, fmt="%a %d %b %H:%M": util.to_local(m).strftime(fmt) if m else "–"
    app.jinja_env.filters["hours"] = lambda minutes: f"{minutes // 60}:{minutes % 60:02}"

    @app.context_processor
    def unread():
        user = g.get("user")
        count = db.session.scalar(db.select(db.func.count(Notification.id)).filter_by(
            user_id=user.id, read=False)) if user else 0
        return {"user": user, "unread": count}


def register_errors(app):
    def respond(message, status):
        if request.path.startswith("/api/"):
            return jsonify(error=message), status
        return render_template("error.html", message=message), status

    @app.errorhandler(util.Problem)
    def problem(error):
        db.session.rollback()
        back = urlsplit(request.referrer or "")
        if request.path.startswith("/api/") or request.method == "GET" or back.netloc != request.host:
            return respond(error.message, error.status)
        flash(error.message, "error")
        return redirect(back.path + ("?" + back.query if back.query else ""))

    @app.errorhandler(IntegrityError)
    def duplicate(_error):
        return problem(util.Problem("This already exists, or is still in use.", 409))

    @app.errorhandler(HTTPException)
    def http_error(error):
        return respond(error.description, error.code) if (error.code or 0) >= 400 else error


def register_commands(app):
    @app.cli.command("init-db")
    def init_db():
        """Create the tables."""
        db.create_all()

    @app.cli.command("send-mail")
    def send_mail():
        """Send the mails that could not be sent before."""
        click.echo(f"{notify.deliver()} sent")
