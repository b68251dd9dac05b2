"""Invoices and payments."""
from sqlalchemy.orm import joinedload, undefer_group

from ..extensions import db
from ..models import Invoice, InvoiceItem, Payment


class PaymentError(Exception):
    pass


def create_invoice(appointment, extras=None):
    """Create the invoice of a visit."""
    if appointment.invoice:
        return appointment.invoice
    invoice = Invoice(patient=appointment.patient, appointment=appointment)
    invoice.items.append(
        InvoiceItem(description=f"Consultation {appointment.doctor.name}", amount_cents=appointment.doctor.fee_cents)
    )
    for description, amount_cents in extras or []:
        invoice.items.append(InvoiceItem(description=description, amount_cents=amount_cents))
    db.session.add(invoice)
    db.session.commit()
    return invoice


def add_payment(invoice, amount_cents, method="cash"):
    if amount_cents <= 0:
        raise PaymentError("The amount must be positive")
    if amount_cents > invoice.open_cents:
        raise PaymentError("The amount is larger than the open amount")
    payment = Payment(invoice=invoice, amount_cents=amount_cents, method=method)
    db.session.add(payment)
    db.session.commit()
    return payment


def listed():
    """Select invoices with what a list shows of them."""
    return Invoice.query.options(joinedload(Invoice.patient, innerjoin=True), undefer_group("sums"))


def open_invoices():
    unpaid = listed().filter(Invoice.total_cents > Invoice.paid_cents)
    return unpaid.order_by(Invoice.created_at, Invoice.id).all()
