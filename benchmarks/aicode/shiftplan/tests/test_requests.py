from datetime import timedelta

import pytest
from werkzeug.exceptions import Forbidden

from conftest import MONDAY
from shiftplan.models import Notification, SwapRequest, db
from shiftplan.services import planning
from shiftplan.services import requests as service
from shiftplan.util import Problem


def texts(user):
    return [n.text for n in db.session.scalars(db.select(Notification).filter_by(user_id=user.id))]


def test_swap_is_accepted_and_approved(world):
    shift = world.shift(0, 8, 14, world.ann)
    swap = service.create_swap(world.ann, shift, world.bob)
    db.session.commit()
    service.act_on_swap(world.bob.user, swap, "accept")
    assert shift.employee is world.ann  # not before the manager agrees
    service.act_on_swap(world.mia.user, swap, "approve")
    db.session.commit()
    assert shift.employee is world.bob and swap.status == "approved"
    assert any("asks you" in t for t in texts(world.bob.user))
    assert any("ask to swap" in t for t in texts(world.mia.user))
    assert any("approved" in t for t in texts(world.ann.user))


def test_exchange(world):
    mine, yours = world.shift(0, 8, 14, world.ann), world.shift(0, 16, 22, world.bob)
    swap = service.create_swap(world.ann, mine, world.bob, yours)
    db.session.commit()
    service.act_on_swap(world.bob.user, swap, "accept")
    service.act_on_swap(world.mia.user, swap, "approve")
    db.session.commit()
    assert (mine.employee, yours.employee) == (world.bob, world.ann)


def test_swap_rights(world):
    swap = service.create_swap(world.ann, world.shift(0, 8, 14, world.ann), world.bob)
    db.session.commit()
    for user, action in ((world.ann.user, "accept"), (world.cat.user, "accept"), (world.bob.user, "cancel"),
                         (world.bob.user, "approve"), (world.mia.user, "accept"), (world.mia.user, "nonsense")):
        with pytest.raises(Forbidden):
            service.act_on_swap(user, swap, action)
    with pytest.raises(Problem):
        service.act_on_swap(world.mia.user, swap, "approve")  # not yet accepted
    with pytest.raises(Forbidden):
        service.create_swap(world.bob, swap.shift, world.cat)  # not Bob's shift


def test_manager_does_not_approve_own_swap(world):
    swap = service.create_swap(world.ann, world.shift(0, 8, 14, world.ann), world.mia)
    db.session.commit()
    service.act_on_swap(world.mia.user, swap, "accept")
    with pytest.raises(Forbidden):
        service.act_on_swap(world.mia.user, swap, "approve")
    service.act_on_swap(world.admin, swap, "approve")


def test_swap_obeys_the_rules(world):
    shift = world.shift(0, 8, 14, world.ann)
    world.shift(0, 12, 18, world.bob)
    with pytest.raises(Problem, match="already works"):
        service.create_swap(world.ann, shift, world.bob)
    service.create_swap(world.ann, shift, world.cat)
    db.session.commit()
    with pytest.raises(Problem, match="already a request"):
        service.create_swap(world.ann, shift, world.cat)


def test_reassignment_cancels_the_swap(world):
    shift = world.shift(0, 8, 14, world.ann)
    swap = service.create_swap(world.ann, shift, world.bob)
    db.session.commit()
    planning.assign(shift, world.cat)
    assert swap.status == "cancelled"


def test_removing_a_shift_removes_its_swaps(world):
    shift = world.shift(0, 8, 14, world.ann)
    service.create_swap(world.ann, shift, world.bob)
    db.session.commit()
    planning.remove_shift(shift)
    db.session.commit()
    assert db.session.scalars(db.select(SwapRequest)).all() == []


def test_time_off_opens_shifts(world):
    inside, after = world.shift(1, 8, 14, world.ann), world.shift(2, 8, 14, world.ann)
    item = service.create_time_off(world.ann, "vacation", MONDAY, MONDAY + timedelta(days=1))
    db.session.commit()
    assert service.act_on_time_off(world.mia.user, item, "approve") == 1
    db.session.commit()
    assert inside.employee is None and after.employee is world.ann
    assert any("open again" in t for t in texts(world.mia.user))


def test_time_off_rights_and_checks(world):
    item = service.create_time_off(world.mia, "vacation", MONDAY, MONDAY)
    db.session.commit()
    for user in (world.ann.user, world.mia.user):
        with pytest.raises(Forbidden):
            service.act_on_time_off(user, item, "approve")
    with pytest.raises(Problem):
        service.create_time_off(world.mia, "sick", MONDAY, MONDAY)
    with pytest.raises(Problem):
        service.create_time_off(world.ann, "sick", MONDAY, MONDAY - timedelta(days=1))
    service.act_on_time_off(world.mia.user, item, "cancel")
    assert item.status == "cancelled"
