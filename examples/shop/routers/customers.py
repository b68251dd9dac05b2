from fastapi import APIRouter, HTTPException
from sqlalchemy import delete, select

from ..models import AuthToken, Customer
from ..schemas import CustomerIn, CustomerOut, CustomerPatch, Login, Token
from ..security import Db, Me, hash_password, issue_token, verify_password

router = APIRouter(prefix="/customers", tags=["customers"])


@router.post("", response_model=CustomerOut, status_code=201)
def register(data: CustomerIn, db: Db):
    email = data.email.lower()
    if db.scalar(select(Customer).where(Customer.email == email)):
        raise HTTPException(409, "Email is already registered")
    customer = Customer(
        email=email,
        name=data.name,
        address=data.address,
        password_hash=hash_password(data.password),
    )
    db.add(customer)
    db.commit()
    return customer


@router.post("/login", response_model=Token)
def login(data: Login, db: Db):
    customer = db.scalar(select(Customer).where(Customer.email == data.email.lower()))
    if customer is None or not verify_password(data.password, customer.password_hash):
        raise HTTPException(401, "Wrong email or password")
    return {"token": issue_token(db, customer)}


@router.post("/logout", status_code=204)
def logout(db: Db, me: Me):
    db.execute(delete(AuthToken).where(AuthToken.customer_id == me.id))
    db.commit()


@router.get("/me", response_model=CustomerOut)
def get_me(me: Me):
    return me


@router.patch("/me", response_model=CustomerOut)
def update_me(data: CustomerPatch, db: Db, me: Me):
    for field, value in data.model_dump(exclude_unset=True).items():
        setattr(me, field, value)
    db.commit()
    return me
