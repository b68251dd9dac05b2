"""Demo data:            python seed.py
The first admin only:  python seed.py --admin you@example.com"""
import argparse
import getpass
from datetime import date, time, timedelta

from shiftplan import create_app, util
from shiftplan.models import (Availability, Contract, Employee, Location, ShiftTemplate, Skill, TimeEntry, User, db)
from shiftplan.services import notify, planning

PASSWORD = "shiftplan-demo"


def account(email, role, password, employee=None):
    user = User(email=email.lower(), role=role, employee=employee)
    user.set_password(password)
    db.session.add(user)
    return user


def demo():
    barista, service, kitchen = skills = [Skill(name=n) for n in ("Barista", "Service", "Kitchen")]
    db.session.add_all(skills)
    account("admin@example.com", "admin", PASSWORD)
    places = [Location(name="Café Harbour", address="Quay 3"), Location(name="Café Market", address="Market Square 12")]
    people = [("Ada Brandt", 40, skills), ("Ben Okafor", 40, skills), ("Cem Yildiz", 30, [barista, service]),
              ("Dina Rossi", 30, [barista, service]), ("Eva Novak", 20, [service, kitchen]),
              ("Finn Larsen", 20, [service]), ("Gia Tran", 30, [kitchen]), ("Hugo Meyer", 20, [barista])]
    employees = []
    for number, (name, hours, knows) in enumerate(people):
        person = Employee(name=name, phone=f"555-010{number}", skills=list(knows),
                          locations=places if number > 1 else [places[number]])
        person.contracts.append(Contract(hours_per_week=hours, hourly_rate=20 if number < 2 else 14,
                                         start_date=date(util.today().year - 1, 1, 1)))
        if number > 4:  # the part-timers
            person.availability = [Availability(weekday=d, start_time=time(7), end_time=time(20)) for d in (0, 2, 4, 5)]
        user = account(name.split()[0].lower() + "@example.com", "manager" if number < 2 else "employee", PASSWORD, person)
        if number < 2:
            places[number].manager = user
        employees.append(person)
        db.session.add(person)
    db.session.add_all(places)
    db.session.flush()
    for place in places:
        for weekday in range(6):
            for name, start, end, skill in (("Early", time(7), time(13), barista), ("Late", time(12), time(18), service),
                                            ("Lunch", time(10), time(15), kitchen)):
                place.templates.append(ShiftTemplate(name=name, weekday=weekday, start_time=start, end_time=end,
                                                     skill=skill, break_minutes=30))
    db.session.flush()
    this_week = util.monday(util.today())
    for week in (this_week, this_week + timedelta(days=7)):
        for place in places:
            planning.generate_week(place, week)
            db.session.flush()
            plan = planning.get_plan(place, week)
            db.session.refresh(plan)
            planning.autoplan(plan)
            planning.publish(plan)
    for days in range(7, 11):  # some hours worked last week
        for person in employees[:4]:
            start, end = util.slot_times(util.today() - timedelta(days=days), time(8), time(16, 30))
            db.session.add(TimeEntry(employee=person, location=person.locations[0], clock_in=start, clock_out=end,
                                     break_minutes=30))
    notify.commit()
    print(f"Done. Log in as admin@, ada@ (manager) or cem@example.com with the password {PASSWORD}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--admin", metavar="EMAIL")
    email = parser.parse_args().admin
    app = create_app()
    with app.app_context():
        db.create_all()
        if email:
            account(email, "admin", getpass.getpass())
            db.session.commit()
        elif app.config["PRODUCTION"]:
            raise SystemExit("No demo data in production.")
        elif db.session.scalar(db.select(User.id).limit(1)):
            raise SystemExit("The database is not empty.")
        else:
            demo()


if __name__ == "__main__":
    main()
