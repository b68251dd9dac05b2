"""Weekly report of a workspace."""
from datetime import datetime, timedelta

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import Session

from ..models import Activity, Board, Card, Membership, TaskList, User, Workspace, card_assignees


def by_board(db: Session, workspace: Workspace, *conditions) -> dict[int, int]:
    """Return how many cards of each board meet the conditions."""
    rows = db.execute(
        select(TaskList.board_id, func.count(Card.id))
        .join(Board, Board.id == TaskList.board_id)
        .join(Card, Card.list_id == TaskList.id)
        .where(Board.workspace_id == workspace.id, *conditions)
        .group_by(TaskList.board_id)
    )
    return {key: count for key, count in rows}


def by_assignee(db: Session, workspace: Workspace, end: datetime, *conditions) -> dict[int, tuple[int, int]]:
    """Return how many cards that meet the conditions each user has, and how many of them were due by the end."""
    due = func.coalesce(func.sum(cast(Card.due_date < end, Integer)), 0)
    rows = db.execute(
        select(card_assignees.c.user_id, func.count(), due)
        .join(Card, Card.id == card_assignees.c.card_id)
        .join(TaskList, TaskList.id == Card.list_id)
        .join(Board, Board.id == TaskList.board_id)
        .where(Board.workspace_id == workspace.id, *conditions)
        .group_by(card_assignees.c.user_id)
    )
    return {user_id: (count, int(due)) for user_id, count, due in rows}


def weekly_report(db: Session, workspace: Workspace, end: datetime | None = None) -> dict:
    end = end or datetime.utcnow()
    start = end - timedelta(days=7)
    was_created = Card.created_at.between(start, end)
    was_completed = Card.completed_at.between(start, end)
    is_open = (Card.completed_at.is_(None), Card.archived.is_(False))

    created = by_board(db, workspace, was_created)
    open_cards = by_board(db, workspace, *is_open)
    completed: dict[int, list[float]] = {}
    for board_id, begun, done in db.execute(
        select(TaskList.board_id, Card.created_at, Card.completed_at)
        .join(Board, Board.id == TaskList.board_id)
        .join(Card, Card.list_id == TaskList.id)
        .where(Board.workspace_id == workspace.id, was_completed)
        .order_by(Board.id, TaskList.position, TaskList.id, Card.position, Card.id)
    ):
        completed.setdefault(board_id, []).append((done - begun).total_seconds() / 3600)
    hours = [each for board in completed.values() for each in board]
    overdue = db.execute(
        select(Card.id, Card.title, Card.due_date)
        .join(TaskList, TaskList.id == Card.list_id)
        .join(Board, Board.id == TaskList.board_id)
        .where(Board.workspace_id == workspace.id, Card.due_date < end, *is_open)
        .order_by(Board.id, TaskList.position, TaskList.id, Card.position, Card.id)
    ).all()

    actions: dict[str, int] = {}
    acted: dict[int, int] = {}
    for user_id, action, count in db.execute(
        select(Activity.user_id, Activity.action, func.count())
        .where(Activity.workspace_id == workspace.id, Activity.created_at.between(start, end))
        .group_by(Activity.user_id, Activity.action)
        .order_by(func.min(Activity.id))
    ):
        actions[action] = actions.get(action, 0) + count
        acted[user_id] = acted.get(user_id, 0) + count

    done_by = by_assignee(db, workspace, end, was_completed)
    open_of = by_assignee(db, workspace, end, *is_open)
    members = [
        {
            "user": name,
            "completed": done_by.get(user_id, (0, 0))[0],
            "open": open_of.get(user_id, (0, 0))[0],
            "overdue": open_of.get(user_id, (0, 0))[1],
            "actions": acted.get(user_id, 0),
        }
        for user_id, name in db.execute(
            select(User.id, User.name)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.workspace_id == workspace.id)
            .order_by(Membership.id)
        )
    ]
    boards = [
        {
            "board": name,
            "created": created.get(board_id, 0),
            "completed": len(completed.get(board_id, [])),
            "open": open_cards.get(board_id, 0),
        }
        for board_id, name in db.execute(
            select(Board.id, Board.name).where(Board.workspace_id == workspace.id).order_by(Board.id)
        )
    ]

    return {
        "workspace": workspace.name,
        "from": start.isoformat(),
        "to": end.isoformat(),
        "created": sum(created.values()),
        "completed": len(hours),
        "overdue": [{"id": c.id, "title": c.title, "due_date": c.due_date.isoformat()} for c in overdue],
        "average_hours_to_complete": round(sum(hours) / len(hours), 1) if hours else None,
        "actions": actions,
        "members": sorted(members, key=lambda m: m["completed"], reverse=True),
        "boards": boards,
    }
