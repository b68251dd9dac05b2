from datetime import date, datetime, time

import pytest

from shiftplan import create_app, util
from shiftplan.models import Contract, Employee, Location, Skill, User, db
from shiftplan.services import planning

MONDAY = date(2030, 6, 3)
PASSWORD = "correct horse"


@pytest.fixture
def app(monkeypatch):
    monkeypatch.setattr("shiftplan.models.generate_password_hash", lambda p: "plain:" + p)
    monkeypatch.setattr("shiftplan.models.check_password_hash", lambda h, p: h == "plain:" + p)
    app = create_app({"TESTING": True, "SECRET_KEY": "test", "SQLALCHEMY_DATABASE_URI": "sqlite://",
                      "TIMEZONE": "Europe/Berlin", "MAIL_SERVER": "", "PRODUCTION": False})
    with app.app_context():
        db.create_all()
        yield app
        db.session.remove()


@pytest.fixture
def clock(monkeypatch):
    """Set the time: clock(2030, 6, 3, 8) is local."""
    def set_clock(*args):
        moment = util.to_utc(datetime(*args))
        monkeypatch.setattr(util, "now", lambda: moment)
    return set_clock


class World:
    """A café with a manager and three baristas."""

    def __init__(self):
        self.barista, self.kitchen = Skill(name="Barista"), Skill(name="Kitchen")
        self.cafe, self.other = Location(name="Harbour"), Location(name="Market")
        db.session.add_all([self.barista, self.kitchen, self.cafe, self.other])
        self.admin = self.account("admin@x.org", "admin")
        self.mia = self.person("Mia", 40)
        self.mia.user.role = "manager"
        self.cafe.manager = self.mia.user
        self.ann, self.bob, self.cat = (self.person(n, 20) for n in ("Ann", "Bob", "Cat"))
        db.session.commit()

    def account(self, email, role, employee=None):
        user = User(email=email, role=role, employee=employee)
        user.set_password(PASSWORD)
        db.session.add(user)
        return user

    def person(self, name, hours, skills=None, locations=None):
        person = Employee(name=name, skills=skills if skills is not None else [self.barista],
                          locations=locations if locations is not None else [self.cafe])
        person.contracts.append(Contract(hours_per_week=hours, hourly_rate=10, start_date=date(2020, 1, 1)))
        self.account(name.lower() + "@x.org", "employee", person)
        db.session.flush()
        return person

    def shift(self, day, start, end, person=None, skill=None, pause=0, location=None, published=True):
        """day counts from MONDAY; start and end are hours."""
        from datetime import timedelta
        shift = planning.add_shift(location or self.cafe, skill or self.barista, MONDAY + timedelta(days=day),
                                   time(start), time(end), pause)
        shift.employee, shift.plan.published = person, published
        db.session.commit()
        return shift


@pytest.fixture
def world(app, clock):
    clock(2030, 6, 1, 12)  # the Saturday before
    return World()


class Browser:
    def __init__(self, app, email=None):
        self.client = app.test_client()
        if email:
            assert self.post("/login", email=email, password=PASSWORD).status_code == 302

    def get(self, url):
        return self.client.get(url)

    def post(self, url, **form):
        self.client.get("/login")
        with self.client.session_transaction() as session:
            form["csrf_token"] = session["csrf"]
        return self.client.post(url, data=form)


@pytest.fixture
def browser(app):
    return lambda email=None: Browser(app, email)
