from datetime import timedelta

from flask import Blueprint, Response, abort

from .. import util
from ..models import Employee, db
from ..services import ical, planning

bp = Blueprint("calendar", __name__)


@bp.get("/calendar/<token>.ics")
def feed(token):
    """Calendar programs cannot log in, so the secret address is the key."""
    person = db.session.scalar(db.select(Employee).filter_by(calendar_token=token, active=True)) or abort(404)
    now = util.now()
    shifts = planning.shifts_of(person, now - timedelta(days=60), now + timedelta(days=180))
    return Response(ical.calendar(person, shifts), mimetype="text/calendar")
