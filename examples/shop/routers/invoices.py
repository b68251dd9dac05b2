from fastapi import APIRouter, HTTPException
from fastapi.responses import PlainTextResponse
from sqlalchemy import select

from ..models import Invoice, Order
from ..schemas import InvoiceOut
from ..security import Db, Me
from ..services import render_invoice

router = APIRouter(prefix="/invoices", tags=["invoices"])


def my_invoice(db: Db, me: Me, number: str) -> Invoice:
    invoice = db.scalar(select(Invoice).where(Invoice.number == number))
    if invoice is None or invoice.order.customer_id != me.id:
        raise HTTPException(404, "No such invoice")
    return invoice


@router.get("", response_model=list[InvoiceOut])
def list_invoices(db: Db, me: Me, unpaid: bool = False):
    query = select(Invoice).join(Order).where(Order.customer_id == me.id).order_by(Invoice.number)
    if unpaid:
        query = query.where(Invoice.paid_at.is_(None))
    return db.scalars(query).all()


@router.get("/{number}", response_model=InvoiceOut)
def get_invoice(number: str, db: Db, me: Me):
    return my_invoice(db, me, number)


@router.get("/{number}/text", response_class=PlainTextResponse)
def invoice_text(number: str, db: Db, me: Me):
    return render_invoice(my_invoice(db, me, number))
