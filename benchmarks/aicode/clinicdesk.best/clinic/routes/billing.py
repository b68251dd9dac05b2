from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import login_required

from ..extensions import db
from ..models import Invoice, InvoiceItem
from ..services import billing

bp = Blueprint("billing", __name__, url_prefix="/invoices")


@bp.route("/")
@login_required
def index():
    if request.args.get("open"):
        invoices = billing.open_invoices()
    else:
        invoices = billing.listed().order_by(Invoice.created_at.desc(), Invoice.id).all()
    return render_template("invoices.html", invoices=invoices)


@bp.route("/<int:invoice_id>")
@login_required
def show(invoice_id):
    return render_template("invoice.html", invoice=db.get_or_404(Invoice, invoice_id))


@bp.route("/<int:invoice_id>/items", methods=["POST"])
@login_required
def add_item(invoice_id):
    invoice = db.get_or_404(Invoice, invoice_id)
    amount = round(float(request.form["amount"]) * 100)
    invoice.items.append(InvoiceItem(description=request.form["description"], amount_cents=amount))
    db.session.commit()
    return redirect(url_for("billing.show", invoice_id=invoice.id))


@bp.route("/<int:invoice_id>/payments", methods=["POST"])
@login_required
def pay(invoice_id):
    invoice = db.get_or_404(Invoice, invoice_id)
    try:
        billing.add_payment(invoice, round(float(request.form["amount"]) * 100), request.form.get("method", "cash"))
    except (billing.PaymentError, ValueError) as exc:
        flash(str(exc))
    return redirect(url_for("billing.show", invoice_id=invoice.id))
