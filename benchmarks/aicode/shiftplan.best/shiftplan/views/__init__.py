from flask import flash, g, redirect, url_for

from ..models import Location, db
from ..security import allow, own_employee  # noqa: F401 (for the modules of this package)
from ..services import notify
from ..util import field, get_or_404, query, refuse_if  # noqa: F401


def done(message, endpoint, **values):
    notify.commit()
    flash(message)
    return redirect(url_for(endpoint, **values))


def all_locations():
    return db.session.scalars(db.select(Location).order_by(Location.name)).all()


def managed():
    """The locations of which g.user.manages() is true."""
    if g.user.role == "admin":
        return all_locations()
    if g.user.role != "manager":
        return []
    return db.session.scalars(db.select(Location).filter_by(manager_id=g.user.id).order_by(Location.name)).all()
