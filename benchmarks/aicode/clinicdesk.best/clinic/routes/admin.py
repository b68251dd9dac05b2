from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for

from ..services import reminders, reports
from .auth import admin_required

bp = Blueprint("admin", __name__, url_prefix="/admin")


def all_reports(days):
    counts = reports.count_since(days)
    return {
        "no_shows": reports.no_shows(days, counts),
        "revenue": reports.revenue_per_doctor(days),
        "busiest": reports.busiest_hours(days, counts),
    }


@bp.route("/reports")
@admin_required
def report_page():
    days = request.args.get("days", 90, type=int)
    return render_template("reports.html", days=days, **all_reports(days))


@bp.route("/reports.json")
@admin_required
def report_json():
    return jsonify(all_reports(request.args.get("days", 90, type=int)))


@bp.route("/reminders", methods=["POST"])
@admin_required
def send_reminders():
    flash(f"{reminders.send_reminders()} reminders sent")
    return redirect(url_for("admin.report_page"))
