"""Cards and everything on them."""
from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy.orm import Session

from .. import auth, schemas
from ..database import get_db
from ..models import Attachment, Checklist, ChecklistItem, Comment, User
from ..services import activity
from ..services import cards as service

router = APIRouter(tags=["cards"])


@router.post("/lists/{list_id}/cards", status_code=201)
def create_card(
    list_id: int, data: schemas.CardIn, user: User = Depends(auth.current_user), db: Session = Depends(get_db)
):
    task_list = auth.get_list(db, user, list_id, "member")
    card = service.create_card(db, user, task_list, data)
    db.commit()
    return service.card_detail(db, card)


@router.get("/cards/{card_id}")
def show_card(card_id: int, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    return service.card_detail(db, auth.get_card(db, user, card_id))


@router.patch("/cards/{card_id}")
def update_card(
    card_id: int, data: schemas.CardUpdate, user: User = Depends(auth.current_user), db: Session = Depends(get_db)
):
    card = auth.get_card(db, user, card_id, "member")
    changes = data.model_dump(exclude_unset=True)
    if "label_ids" in changes:
        service.set_labels(db, card, card.task_list.board, changes.pop("label_ids"))
    if "assignee_ids" in changes:
        service.set_assignees(db, user, card, card.task_list.board, changes.pop("assignee_ids"))
    for key, value in changes.items():
        if key == "due_date" and value is not None:
            value = value.replace(tzinfo=None)
        setattr(card, key, value)
    activity.log_card(db, user, card, "card_updated", ", ".join(data.model_fields_set))
    db.commit()
    return service.card_detail(db, card)


@router.delete("/cards/{card_id}", status_code=204)
def archive_card(card_id: int, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    card = auth.get_card(db, user, card_id, "member")
    card.archived = True
    activity.log_card(db, user, card, "card_archived")
    db.commit()


@router.post("/cards/{card_id}/move")
def move_card(
    card_id: int, data: schemas.CardMove, user: User = Depends(auth.current_user), db: Session = Depends(get_db)
):
    card = auth.get_card(db, user, card_id, "member")
    target = auth.get_list(db, user, data.list_id, "member")
    service.move_card(db, user, card, target, data.position)
    db.commit()
    return service.card_summary(db, card)


@router.post("/cards/{card_id}/copy", status_code=201)
def copy_card(card_id: int, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    card = service.copy_card(db, user, auth.get_card(db, user, card_id, "member"))
    db.commit()
    return service.card_summary(db, card)


@router.post("/bulk/cards/move")
def bulk_move(data: schemas.BulkIn, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    """Move many cards to one list."""
    if data.list_id is None:
        raise HTTPException(400, "list_id is required")
    target = auth.get_list(db, user, data.list_id, "member")
    service.move_cards(db, user, auth.get_cards(db, user, data.card_ids, "member"), target)
    db.commit()
    return {"moved": len(data.card_ids)}


@router.post("/bulk/cards/archive")
def bulk_archive(data: schemas.BulkIn, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    archived = []
    for card in auth.get_cards(db, user, data.card_ids, "member"):
        if not card.archived:
            card.archived = True
            archived.append((card, ""))
    activity.log_cards(db, user, "card_archived", archived)
    db.commit()
    return {"archived": len(archived)}


@router.post("/cards/{card_id}/comments", status_code=201)
def add_comment(
    card_id: int, data: schemas.TextIn, user: User = Depends(auth.current_user), db: Session = Depends(get_db)
):
    card = auth.get_card(db, user, card_id, "member")
    comment = Comment(card_id=card.id, user_id=user.id, text=data.text)
    db.add(comment)
    activity.log_card(db, user, card, "comment_added", data.text[:100])
    activity.notify_assignees(db, user, [(card, f"{user.name} commented on '{card.title}'")])
    activity.notify_mentions(db, user, card, data.text)
    db.commit()
    return {"id": comment.id, "text": comment.text, "user": user.name}


@router.post("/cards/{card_id}/checklists", status_code=201)
def add_checklist(
    card_id: int, data: schemas.ChecklistIn, user: User = Depends(auth.current_user), db: Session = Depends(get_db)
):
    card = auth.get_card(db, user, card_id, "member")
    checklist = Checklist(card_id=card.id, title=data.title)
    checklist.items = [ChecklistItem(text=text) for text in data.items]
    db.add(checklist)
    db.commit()
    db.refresh(card)
    return service.card_detail(db, card)


@router.post("/checklist-items/{item_id}/toggle")
def toggle_item(item_id: int, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    item = db.get(ChecklistItem, item_id)
    if item is None:
        raise HTTPException(404, "Item not found")
    card = auth.get_card(db, user, item.checklist.card_id, "member")
    item.done = not item.done
    db.commit()
    return {"id": item.id, "done": item.done, "progress": service.checklist_progress(db, card)}


@router.post("/cards/{card_id}/attachments", status_code=201)
def add_attachment(
    card_id: int, data: schemas.AttachmentIn, user: User = Depends(auth.current_user), db: Session = Depends(get_db)
):
    card = auth.get_card(db, user, card_id, "member")
    attachment = Attachment(card_id=card.id, user_id=user.id, **data.model_dump())
    db.add(attachment)
    activity.log_card(db, user, card, "attachment_added", data.filename)
    db.commit()
    return {"id": attachment.id, "filename": attachment.filename}
