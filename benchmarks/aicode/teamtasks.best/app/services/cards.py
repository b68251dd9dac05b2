"""Logic for cards."""
from datetime import datetime

from fastapi import HTTPException
from sqlalchemy import Integer, case, cast, func, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from ..models import (
    Attachment, Board, Card, Checklist, ChecklistItem, Comment, Label, Membership, TaskList, User, card_assignees,
    card_labels,
)
from . import activity


def checklist_progress(db: Session, card: Card) -> dict:
    return progress_of(db, [card.id]).get(card.id, {"done": 0, "total": 0})


def progress_of(db: Session, which) -> dict[int, dict]:
    """Return the progress of each card that has items; `which` is a list of card ids or a query of them."""
    done = func.sum(cast(ChecklistItem.done, Integer))
    rows = db.execute(
        select(Checklist.card_id, done, func.count())
        .join(ChecklistItem, ChecklistItem.checklist_id == Checklist.id)
        .where(Checklist.card_id.in_(which))
        .group_by(Checklist.card_id)
    )
    return {card_id: {"done": int(done), "total": total} for card_id, done, total in rows}


def count_of(db: Session, model, which) -> dict[int, int]:
    """Return how many rows of a model each card has."""
    rows = db.execute(select(model.card_id, func.count()).where(model.card_id.in_(which)).group_by(model.card_id))
    return {key: count for key, count in rows}


def card_summaries(db: Session, cards: list[Card], which=None) -> list[dict]:
    """Return the summaries of cards with a fixed number of queries.

    `which` is a query of their ids where there may be very many.
    """
    if not cards:
        return []
    which = [card.id for card in cards] if which is None else which
    lists = {
        row.id: row
        for row in db.execute(
            select(TaskList.id, TaskList.name, TaskList.board_id, Board.name.label("board"))
            .join(Board, Board.id == TaskList.board_id)
            .where(TaskList.id.in_({card.list_id for card in cards}))
        )
    }
    labels: dict[int, list[dict]] = {}
    for card_id, label_id, name, color in db.execute(
        select(card_labels.c.card_id, Label.id, Label.name, Label.color)
        .join(Label, Label.id == card_labels.c.label_id)
        .where(card_labels.c.card_id.in_(which))
        .order_by(Label.id)
    ):
        labels.setdefault(card_id, []).append({"id": label_id, "name": name, "color": color})
    assignees: dict[int, list[dict]] = {}
    for card_id, user_id, name in db.execute(
        select(card_assignees.c.card_id, User.id, User.name)
        .join(User, User.id == card_assignees.c.user_id)
        .where(card_assignees.c.card_id.in_(which))
        .order_by(User.id)
    ):
        assignees.setdefault(card_id, []).append({"id": user_id, "name": name})
    comments = count_of(db, Comment, which)
    attachments = count_of(db, Attachment, which)
    progress = progress_of(db, which)
    return [
        {
            "id": card.id,
            "title": card.title,
            "list_id": card.list_id,
            "list": lists[card.list_id].name,
            "board_id": lists[card.list_id].board_id,
            "board": lists[card.list_id].board,
            "position": card.position,
            "due_date": card.due_date.isoformat() if card.due_date else None,
            "archived": card.archived,
            "completed": card.completed_at is not None,
            "labels": labels.get(card.id, []),
            "assignees": assignees.get(card.id, []),
            "comment_count": comments.get(card.id, 0),
            "attachment_count": attachments.get(card.id, 0),
            "checklist": progress.get(card.id, {"done": 0, "total": 0}),
        }
        for card in cards
    ]


def card_summary(db: Session, card: Card) -> dict:
    """Return the summary of one card, whose labels and assignees may just have been set, in that order."""
    return {
        "id": card.id,
        "title": card.title,
        "list_id": card.list_id,
        "list": card.task_list.name,
        "board_id": card.task_list.board_id,
        "board": card.task_list.board.name,
        "position": card.position,
        "due_date": card.due_date.isoformat() if card.due_date else None,
        "archived": card.archived,
        "completed": card.completed_at is not None,
        "labels": [{"id": l.id, "name": l.name, "color": l.color} for l in card.labels],
        "assignees": [{"id": u.id, "name": u.name} for u in card.assignees],
        "comment_count": count_of(db, Comment, [card.id]).get(card.id, 0),
        "attachment_count": count_of(db, Attachment, [card.id]).get(card.id, 0),
        "checklist": checklist_progress(db, card),
    }


def card_detail(db: Session, card: Card) -> dict:
    data = card_summary(db, card)
    items: dict[int, list[dict]] = {}
    for checklist_id, item_id, text, done in db.execute(
        select(ChecklistItem.checklist_id, ChecklistItem.id, ChecklistItem.text, ChecklistItem.done)
        .join(Checklist, Checklist.id == ChecklistItem.checklist_id)
        .where(Checklist.card_id == card.id)
        .order_by(ChecklistItem.id)
    ):
        items.setdefault(checklist_id, []).append({"id": item_id, "text": text, "done": done})
    comments = db.execute(
        select(Comment.id, User.name, Comment.text, Comment.created_at)
        .join(User, User.id == Comment.user_id)
        .where(Comment.card_id == card.id)
        .order_by(Comment.created_at, Comment.id)
    )
    data["description"] = card.description
    data["created_at"] = card.created_at.isoformat()
    data["comments"] = [
        {"id": comment_id, "user": user, "text": text, "created_at": created_at.isoformat()}
        for comment_id, user, text, created_at in comments
    ]
    data["checklists"] = [
        {
            "id": c.id,
            "title": c.title,
            "items": items.get(c.id, []),
        }
        for c in card.checklists
    ]
    data["attachments"] = [
        {"id": a.id, "filename": a.filename, "url": a.url, "size": a.size, "content_type": a.content_type}
        for a in card.attachments
    ]
    return data


def next_position(db: Session, list_id: int) -> float:
    last = db.scalar(select(func.max(Card.position)).where(Card.list_id == list_id))
    return (last or 0) + 1024


def set_labels(db: Session, card: Card, board: Board, label_ids: list[int]):
    known = {label.id: label for label in db.scalars(select(Label).where(Label.board_id == board.id))} if label_ids else {}
    labels = []
    for label_id in label_ids:
        if label_id not in known:
            raise HTTPException(400, f"Label {label_id} does not belong to this board")
        labels.append(known[label_id])
    card.labels = labels


def set_assignees(db: Session, actor: User, card: Card, board: Board, user_ids: list[int]):
    before = {user.id for user in card.assignees}
    members = {
        user.id: user
        for user in db.scalars(
            select(User)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.workspace_id == board.workspace_id, User.id.in_(user_ids))
        )
    } if user_ids else {}
    assignees, told = [], []
    for user_id in user_ids:
        if user_id not in members:
            raise HTTPException(400, f"User {user_id} is not a member of this workspace")
        assignees.append(members[user_id])
        if user_id not in before and user_id != actor.id:
            told.append((user_id, f"{actor.name} assigned you to '{card.title}'", card))
    activity.notify_all(db, told)
    card.assignees = assignees


def create_card(db: Session, user: User, task_list: TaskList, data) -> Card:
    card = Card(
        task_list=task_list,
        title=data.title,
        description=data.description,
        due_date=data.due_date.replace(tzinfo=None) if data.due_date else None,
        position=next_position(db, task_list.id),
        created_by=user.id,
    )
    db.add(card)
    db.flush()
    set_labels(db, card, task_list.board, data.label_ids)
    set_assignees(db, user, card, task_list.board, data.assignee_ids)
    activity.log_card(db, user, card, "card_created")
    return card


def move_card(db: Session, user: User, card: Card, target: TaskList, position: float | None = None):
    """Move a card to another list and mark it completed when the list is a done list."""
    move_cards(db, user, [card], target, position)


def move_cards(db: Session, user: User, cards, target: TaskList, position: float | None = None) -> None:
    """Move cards to the end of a list, one after the other, or one card to a position."""
    after = None
    moved, told = [], []
    for card in cards:
        check_move(card, target)
        if position is None:
            after = next_position(db, target.id) if after is None else after + 1024
        source = place_card(card, target, after if position is None else position)
        if source.id != target.id:
            moved.append((card, f"{source.name} -> {target.name}"))
            told.append((card, f"{user.name} moved '{card.title}' to {target.name}"))
    activity.log_cards(db, user, "card_moved", moved)
    activity.notify_assignees(db, user, told)


def check_move(card: Card, target: TaskList) -> None:
    if target.board.workspace_id != card.task_list.board.workspace_id:
        raise HTTPException(400, "Cards can only be moved inside a workspace")


def place_card(card: Card, target: TaskList, position: float) -> TaskList:
    """Put a card into a list; return the list it was in."""
    source = card.task_list
    if source.board_id != target.board_id:
        card.labels = []
    card.position = position
    card.task_list = target
    card.list_id = target.id
    if target.is_done and card.completed_at is None:
        card.completed_at = datetime.utcnow()
    elif not target.is_done:
        card.completed_at = None
    for name in ("list_id", "position", "completed_at"):  # the same columns for each card: one statement for all
        flag_modified(card, name)
    return source


def copy_card(db: Session, user: User, card: Card) -> Card:
    copy = Card(
        task_list=card.task_list,
        title=f"{card.title} (copy)",
        description=card.description,
        due_date=card.due_date,
        position=next_position(db, card.list_id),
        created_by=user.id,
    )
    copy.labels = list(card.labels)
    copy.assignees = list(card.assignees)
    db.add(copy)
    db.flush()
    activity.log_card(db, user, copy, "card_created")
    return copy


def search(db: Session, user: User, query: str, label=None, assignee_id=None, board_id=None,
           include_archived=False) -> list[int]:
    """Search title, description and comments of all cards the user can see; return the ids, best first."""
    words = query.lower().split()
    title = func.lower(Card.title)
    found = (
        select(Card.id)
        .join(TaskList, TaskList.id == Card.list_id)
        .join(Board, Board.id == TaskList.board_id)
        .join(Membership, Membership.workspace_id == Board.workspace_id)
        .where(Membership.user_id == user.id)
    )
    if board_id:
        found = found.where(Board.id == board_id)
    if not include_archived:
        found = found.where(Card.archived.is_(False))
    if label:
        named = select(card_labels.c.card_id).join(Label, Label.id == card_labels.c.label_id)
        named = named.where(card_labels.c.card_id == Card.id, func.lower(Label.name) == label.lower())
        found = found.where(named.exists())
    if assignee_id:
        assigned = select(card_assignees.c.card_id)
        assigned = assigned.where(card_assignees.c.card_id == Card.id, card_assignees.c.user_id == assignee_id)
        found = found.where(assigned.exists())
    score = literal(0)
    for word in words:
        in_title = title.contains(word, autoescape=True)
        in_comment = select(Comment.id).where(
            Comment.card_id == Card.id, func.lower(Comment.text).contains(word, autoescape=True)
        )
        in_description = func.lower(Card.description).contains(word, autoescape=True)
        found = found.where(in_title | in_description | in_comment.exists())
        score = score + case((in_title, 3), else_=1)
    order = (Membership.id, Board.id, TaskList.position, TaskList.id, Card.position, Card.id)
    return list(db.scalars(found.order_by(score.desc(), *order)))


def cards_by_id(db: Session, card_ids: list[int]) -> list[Card]:
    """Return cards in the order of their ids in the list."""
    found = {card.id: card for card in db.scalars(select(Card).where(Card.id.in_(card_ids)))} if card_ids else {}
    return [found[card_id] for card_id in card_ids if card_id in found]


def my_tasks(db: Session, user: User) -> dict:
    """Group the user's open cards by due date."""
    now = datetime.utcnow()
    groups = {"overdue": [], "today": [], "this_week": [], "later": [], "no_date": []}
    mine = (
        select(Card)
        .join(card_assignees, card_assignees.c.card_id == Card.id)
        .where(card_assignees.c.user_id == user.id, Card.archived.is_(False), Card.completed_at.is_(None))
    )
    cards = list(db.scalars(mine.order_by(Card.due_date.is_(None), Card.due_date, Card.id)))
    for card, summary in zip(cards, card_summaries(db, cards, mine.with_only_columns(Card.id))):
        if card.due_date is None:
            key = "no_date"
        elif card.due_date < now:
            key = "overdue"
        elif card.due_date.date() == now.date():
            key = "today"
        elif (card.due_date - now).days < 7:
            key = "this_week"
        else:
            key = "later"
        groups[key].append(summary)
    return groups
