"""Password hashing, tokens and permission checks."""
import hashlib
import hmac
import os
import secrets

from fastapi import Depends, Header, HTTPException
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from .database import get_db
from .models import Board, Card, Membership, TaskList, User

ROLE_ORDER = ["viewer", "member", "admin", "owner"]
AT_ONCE = 1000


def hash_password(password: str) -> str:
    salt = os.urandom(16)
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 200_000)
    return salt.hex() + "$" + digest.hex()


def verify_password(password: str, stored: str) -> bool:
    salt, digest = stored.split("$")
    check = hashlib.pbkdf2_hmac("sha256", password.encode(), bytes.fromhex(salt), 200_000)
    return hmac.compare_digest(check.hex(), digest)


def new_token() -> str:
    return secrets.token_hex(24)


def current_user(authorization: str = Header(default=""), db: Session = Depends(get_db)) -> User:
    token = authorization.removeprefix("Bearer ").strip()
    user = db.scalar(select(User).where(User.token == token)) if token else None
    if user is None:
        raise HTTPException(401, "Not logged in")
    return user


def require_role(db: Session, user: User, workspace_id: int, role: str = "viewer") -> Membership:
    membership = db.scalar(
        select(Membership).where(Membership.workspace_id == workspace_id, Membership.user_id == user.id)
    )
    if membership is None:
        raise HTTPException(404, "Workspace not found")
    if ROLE_ORDER.index(membership.role) < ROLE_ORDER.index(role):
        raise HTTPException(403, f"You need the role {role}")
    return membership


def get_board(db: Session, user: User, board_id: int, role: str = "viewer") -> Board:
    board = db.get(Board, board_id)
    if board is None:
        raise HTTPException(404, "Board not found")
    require_role(db, user, board.workspace_id, role)
    return board


def get_list(db: Session, user: User, list_id: int, role: str = "viewer") -> TaskList:
    task_list = db.get(TaskList, list_id)
    if task_list is None:
        raise HTTPException(404, "List not found")
    require_role(db, user, task_list.board.workspace_id, role)
    return task_list


def get_card(db: Session, user: User, card_id: int, role: str = "viewer") -> Card:
    card = db.get(Card, card_id)
    if card is None:
        raise HTTPException(404, "Card not found")
    require_role(db, user, card.task_list.board.workspace_id, role)
    return card


def get_cards(db: Session, user: User, card_ids: list[int], role: str = "viewer"):
    """Yield the cards in the order asked for, as get_card would; the first that may not be had ends it."""
    allowed = set()
    for start in range(0, len(card_ids), AT_ONCE):
        some = card_ids[start : start + AT_ONCE]
        query = select(Card).where(Card.id.in_(some)).options(
            joinedload(Card.task_list).joinedload(TaskList.board),
            selectinload(Card.assignees),
            selectinload(Card.labels),
        )
        found = {card.id: card for card in db.scalars(query)}
        for card_id in some:
            card = found.get(card_id)
            if card is None:
                raise HTTPException(404, "Card not found")
            workspace_id = card.task_list.board.workspace_id
            if workspace_id not in allowed:
                require_role(db, user, workspace_id, role)
                allowed.add(workspace_id)
            yield card
