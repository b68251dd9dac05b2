"""Workspaces, members, boards, lists and labels."""
from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .. import auth, schemas
from ..database import get_db
from ..models import Activity, Board, Card, Label, Membership, TaskList, User, Workspace
from ..services import activity
from ..services.cards import card_summaries
from ..services.reports import weekly_report

router = APIRouter(tags=["workspaces"])


@router.post("/workspaces", status_code=201)
def create_workspace(
    data: schemas.NameIn, user: User = Depends(auth.current_user), db: Session = Depends(get_db)
):
    workspace = Workspace(name=data.name)
    workspace.memberships.append(Membership(user_id=user.id, role="owner"))
    db.add(workspace)
    db.flush()
    activity.log(db, user, workspace.id, "workspace_created", data.name)
    db.commit()
    return {"id": workspace.id, "name": workspace.name}


@router.get("/workspaces")
def list_workspaces(user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    mine = select(Membership.workspace_id).where(Membership.user_id == user.id)
    members = counts(db, select(Membership.workspace_id, func.count()).where(Membership.workspace_id.in_(mine)))
    boards = counts(db, select(Board.workspace_id, func.count()).where(Board.workspace_id.in_(mine)))
    open_cards = counts(
        db,
        select(Board.workspace_id, func.count(Card.id))
        .join(TaskList, TaskList.board_id == Board.id)
        .join(Card, Card.list_id == TaskList.id)
        .where(Board.workspace_id.in_(mine), Card.archived.is_(False), Card.completed_at.is_(None)),
    )
    return [
        {
            "id": workspace_id,
            "name": name,
            "role": role,
            "members": members.get(workspace_id, 0),
            "boards": boards.get(workspace_id, 0),
            "open_cards": open_cards.get(workspace_id, 0),
        }
        for workspace_id, name, role in db.execute(
            select(Workspace.id, Workspace.name, Membership.role)
            .join(Membership, Membership.workspace_id == Workspace.id)
            .where(Membership.user_id == user.id)
            .order_by(Membership.id)
        )
    ]


def counts(db: Session, query) -> dict[int, int]:
    """Return the counts of a query by its first column."""
    return {key: count for key, count in db.execute(query.group_by(query.selected_columns[0]))}


@router.get("/workspaces/{workspace_id}/members")
def list_members(workspace_id: int, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    auth.require_role(db, user, workspace_id)
    return [
        {"user_id": user_id, "name": name, "email": email, "role": role}
        for user_id, name, email, role in db.execute(
            select(User.id, User.name, User.email, Membership.role)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.workspace_id == workspace_id)
            .order_by(Membership.id)
        )
    ]


@router.post("/workspaces/{workspace_id}/members", status_code=201)
def add_member(
    workspace_id: int,
    data: schemas.MemberIn,
    user: User = Depends(auth.current_user),
    db: Session = Depends(get_db),
):
    workspace = auth.require_role(db, user, workspace_id, "admin").workspace
    if data.role == "owner":
        raise HTTPException(400, "There can be only one owner")
    invited = db.scalar(select(User).where(User.email == data.email))
    if invited is None:
        raise HTTPException(404, "No user with this e-mail")
    if db.scalar(
        select(Membership.id).where(Membership.workspace_id == workspace_id, Membership.user_id == invited.id)
    ):
        raise HTTPException(400, "Already a member")
    db.add(Membership(workspace_id=workspace_id, user_id=invited.id, role=data.role))
    activity.log(db, user, workspace_id, "member_added", invited.name)
    activity.notify(db, invited.id, f"{user.name} added you to {workspace.name}")
    db.commit()
    return {"user_id": invited.id, "name": invited.name, "role": data.role}


@router.put("/workspaces/{workspace_id}/members/{user_id}")
def change_role(
    workspace_id: int,
    user_id: int,
    data: schemas.RoleIn,
    user: User = Depends(auth.current_user),
    db: Session = Depends(get_db),
):
    auth.require_role(db, user, workspace_id, "admin")
    membership = db.scalar(
        select(Membership).where(Membership.workspace_id == workspace_id, Membership.user_id == user_id)
    )
    if membership is None:
        raise HTTPException(404, "Member not found")
    if "owner" in (membership.role, data.role):
        raise HTTPException(400, "The owner cannot be changed")
    membership.role = data.role
    activity.log(db, user, workspace_id, "role_changed", f"{membership.user.name} is now {data.role}")
    db.commit()
    return {"user_id": user_id, "role": membership.role}


@router.delete("/workspaces/{workspace_id}/members/{user_id}", status_code=204)
def remove_member(
    workspace_id: int, user_id: int, user: User = Depends(auth.current_user), db: Session = Depends(get_db)
):
    auth.require_role(db, user, workspace_id, "admin")
    membership = db.scalar(
        select(Membership).where(Membership.workspace_id == workspace_id, Membership.user_id == user_id)
    )
    if membership is not None:
        if membership.role == "owner":
            raise HTTPException(400, "The owner cannot be removed")
        db.delete(membership)
    db.commit()


@router.get("/workspaces/{workspace_id}/activity")
def feed(
    workspace_id: int,
    limit: int = 50,
    offset: int = 0,
    board_id: int | None = None,
    user: User = Depends(auth.current_user),
    db: Session = Depends(get_db),
):
    auth.require_role(db, user, workspace_id)
    query = select(Activity).where(Activity.workspace_id == workspace_id)
    if board_id:
        query = query.where(Activity.board_id == board_id)
    return activity.activities_out(db, query.order_by(Activity.id.desc()).limit(limit).offset(offset))


@router.get("/workspaces/{workspace_id}/report")
def report(workspace_id: int, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    workspace = auth.require_role(db, user, workspace_id).workspace
    return weekly_report(db, workspace)


@router.post("/workspaces/{workspace_id}/boards", status_code=201)
def create_board(
    workspace_id: int,
    data: schemas.NameIn,
    user: User = Depends(auth.current_user),
    db: Session = Depends(get_db),
):
    auth.require_role(db, user, workspace_id, "member")
    board = Board(workspace_id=workspace_id, name=data.name)
    for i, name in enumerate(["To do", "Doing", "Done"]):
        board.lists.append(TaskList(name=name, position=(i + 1) * 1024, is_done=name == "Done"))
    db.add(board)
    db.flush()
    activity.log(db, user, workspace_id, "board_created", data.name, board.id)
    db.commit()
    return {"id": board.id, "name": board.name, "lists": [{"id": l.id, "name": l.name} for l in board.lists]}


@router.get("/workspaces/{workspace_id}/boards")
def list_boards(workspace_id: int, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    auth.require_role(db, user, workspace_id)
    cards = counts(
        db,
        select(TaskList.board_id, func.count(Card.id))
        .join(Board, Board.id == TaskList.board_id)
        .join(Card, Card.list_id == TaskList.id)
        .where(Board.workspace_id == workspace_id),
    )
    return [
        {
            "id": board.id,
            "name": board.name,
            "archived": board.archived,
            "cards": cards.get(board.id, 0),
        }
        for board in db.scalars(select(Board).where(Board.workspace_id == workspace_id).order_by(Board.id))
    ]


@router.get("/boards/{board_id}")
def show_board(board_id: int, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    board = auth.get_board(db, user, board_id)
    shown = (
        select(Card)
        .join(TaskList, TaskList.id == Card.list_id)
        .where(TaskList.board_id == board_id, Card.archived.is_(False))
    )
    found = list(db.scalars(shown.order_by(Card.position, Card.id)))
    cards: dict[int, list[dict]] = {}
    for summary in card_summaries(db, found, shown.with_only_columns(Card.id)):
        cards.setdefault(summary["list_id"], []).append(summary)
    return {
        "id": board.id,
        "name": board.name,
        "labels": [{"id": l.id, "name": l.name, "color": l.color} for l in board.labels],
        "lists": [
            {
                "id": task_list.id,
                "name": task_list.name,
                "is_done": task_list.is_done,
                "cards": cards.get(task_list.id, []),
            }
            for task_list in board.lists
        ],
    }


@router.delete("/boards/{board_id}", status_code=204)
def archive_board(board_id: int, user: User = Depends(auth.current_user), db: Session = Depends(get_db)):
    board = auth.get_board(db, user, board_id, "admin")
    board.archived = True
    activity.log(db, user, board.workspace_id, "board_archived", board.name, board.id)
    db.commit()


@router.post("/boards/{board_id}/lists", status_code=201)
def create_list(
    board_id: int, data: schemas.ListIn, user: User = Depends(auth.current_user), db: Session = Depends(get_db)
):
    board = auth.get_board(db, user, board_id, "member")
    position = max([l.position for l in board.lists], default=0) + 1024
    task_list = TaskList(board_id=board.id, name=data.name, is_done=data.is_done, position=position)
    db.add(task_list)
    db.commit()
    return {"id": task_list.id, "name": task_list.name}


@router.post("/boards/{board_id}/labels", status_code=201)
def create_label(
    board_id: int, data: schemas.LabelIn, user: User = Depends(auth.current_user), db: Session = Depends(get_db)
):
    board = auth.get_board(db, user, board_id, "member")
    label = Label(board_id=board.id, name=data.name, color=data.color)
    db.add(label)
    db.commit()
    return {"id": label.id, "name": label.name, "color": label.color}
