"""Activity feed and notifications."""
import re

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from ..models import Activity, Card, Membership, Notification, User


def log(db: Session, user: User, workspace_id: int, action: str, detail: str = "", board_id=None, card_id=None):
    db.add(
        Activity(
            workspace_id=workspace_id,
            board_id=board_id,
            card_id=card_id,
            user_id=user.id,
            action=action,
            detail=detail,
        )
    )


def log_card(db: Session, user: User, card: Card, action: str, detail: str = ""):
    board = card.task_list.board
    log(db, user, board.workspace_id, action, detail or card.title, board.id, card.id)


def log_cards(db: Session, user: User, action: str, cards: list[tuple[Card, str]]):
    """Log the same action on many cards, each with its detail, in one statement."""
    rows = [
        {
            "workspace_id": card.task_list.board.workspace_id,
            "board_id": card.task_list.board_id,
            "card_id": card.id,
            "user_id": user.id,
            "action": action,
            "detail": detail or card.title,
        }
        for card, detail in cards
    ]
    if rows:
        db.execute(insert(Activity), rows)


def notify(db: Session, user_id: int, message: str, card: Card | None = None):
    notify_all(db, [(user_id, message, card)])


def notify_all(db: Session, messages: list[tuple[int, str, Card | None]]):
    """Send messages to users in one statement."""
    rows = [
        {"user_id": user_id, "card_id": card.id if card else None, "message": message}
        for user_id, message, card in messages
    ]
    if rows:
        db.execute(insert(Notification), rows)


def notify_assignees(db: Session, actor: User, cards: list[tuple[Card, str]]):
    """Tell the assignees of each card its message."""
    notify_all(
        db,
        [
            (assignee.id, message, card)
            for card, message in cards
            for assignee in card.assignees
            if assignee.id != actor.id
        ],
    )


def notify_mentions(db: Session, actor: User, card: Card, text: str):
    """Notify workspace members which are mentioned as @name in a comment."""
    names = [name.lower() for name in re.findall(r"@(\w+)", text)]
    if not names:
        return
    workspace_id = card.task_list.board.workspace_id
    handle = func.replace(func.lower(User.name), " ", "")
    mentioned: dict[str, list[int]] = {}
    for user_id, name in db.execute(
        select(User.id, handle)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.workspace_id == workspace_id, User.id != actor.id, handle.in_(names))
        .order_by(Membership.id)
    ):
        mentioned.setdefault(name, []).append(user_id)
    message = f"{actor.name} mentioned you on '{card.title}'"
    notify_all(db, [(user_id, message, card) for name in names for user_id in mentioned.get(name, [])])


def activities_out(db: Session, query) -> list[dict]:
    """Return the activities of a query, with the name of the user and the title of the card and no more of them."""
    rows = db.execute(
        query.join(User, User.id == Activity.user_id)
        .outerjoin(Card, Card.id == Activity.card_id)
        .add_columns(User.name, Card.title)
    )
    return [
        {
            "id": activity.id,
            "user": user,
            "action": activity.action,
            "detail": activity.detail,
            "card_id": activity.card_id,
            "card": title,
            "board_id": activity.board_id,
            "created_at": activity.created_at.isoformat(),
        }
        for activity, user, title in rows
    ]
