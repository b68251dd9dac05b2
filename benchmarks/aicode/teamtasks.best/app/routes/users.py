"""Accounts, notifications and my tasks."""
from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from .. import auth, schemas
from ..database import get_db
from ..models import Notification, User
from ..services import cards as card_service

router = APIRouter(tags=["users"])


@router.post("/register", status_code=201)
def register(data: schemas.Register, db: Session = Depends(get_db)):
    if db.scalar(select(User).where(User.email == data.email)):
        raise HTTPException(400, "E-mail already registered")
    user = User(
        name=data.name,
        email=data.email,
        password_hash=auth.hash_password(data.password),
        token=auth.new_token(),
    )
    db.add(user)
    db.commit()
    return {"id": user.id, "name": user.name, "token": user.token}


@router.post("/login")
def login(data: schemas.Login, db: Session = Depends(get_db)):
    user = db.scalar(select(User).where(User.email == data.email))
    if user is None or not auth.verify_password(data.password, user.password_hash):
        raise HTTPException(401, "Wrong e-mail or password")
    user.token = auth.new_token()
    db.commit()
    return {"id": user.id, "name": user.name, "token": user.token}


@router.get("/me/tasks")
def my_tasks(user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    return card_service.my_tasks(db, user)


@router.get("/me/notifications")
def notifications(unread: bool = False, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    query = select(Notification).where(Notification.user_id == user.id).order_by(Notification.id.desc())
    if unread:
        query = query.where(Notification.read.is_(False))
    return [
        {"id": n.id, "message": n.message, "card_id": n.card_id, "read": n.read, "created_at": n.created_at}
        for n in db.scalars(query).all()
    ]


@router.post("/me/notifications/read-all")
def read_all(user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    marked = db.execute(
        update(Notification)
        .where(Notification.user_id == user.id, Notification.read.is_(False))
        .values(read=True)
        .execution_options(synchronize_session=False)
    ).rowcount
    db.commit()
    return {"marked": marked}


@router.get("/search")
def search(
    q: str = "",
    label: str | None = None,
    assignee_id: int | None = None,
    board_id: int | None = None,
    include_archived: bool = False,
    limit: int = 50,
    user: User = Depends(auth.current_user),
    db: Session = Depends(get_db),
):
    found = card_service.search(db, user, q, label, assignee_id, board_id, include_archived)
    cards = card_service.cards_by_id(db, found[:limit])
    return {"count": len(found), "results": card_service.card_summaries(db, cards)}
