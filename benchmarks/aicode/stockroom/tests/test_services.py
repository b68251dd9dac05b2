from datetime import date
from decimal import Decimal

from django.db import IntegrityError, transaction

from core.exceptions import DomainError, InsufficientStock
from core.models import Activity
from inventory import services as inventory
from inventory.models import StockLevel, StockMovement, Stocktake
from purchasing import services as purchasing
from sales import services as sales
from sales.models import Allocation, Price

from .base import StockroomTestCase


class LedgerTests(StockroomTestCase):
    def test_adjustment_writes_level_ledger_and_feed(self):
        self.stock(10, user=self.staff)
        self.assertEqual(self.level(), (10, 0, 0))
        self.assertEqual(StockMovement.objects.get().quantity, 10)
        self.assertEqual(Activity.objects.get().actor, self.staff)

    def test_cannot_take_more_than_is_available(self):
        self.stock(3)
        with self.assertRaises(InsufficientStock):
            self.stock(-4)
        self.assertEqual(self.level(), (3, 0, 0))

    def test_ledger_is_append_only(self):
        movement = self.stock(3)
        for change in (movement.save, movement.delete, StockMovement.objects.all().delete):
            with self.assertRaises(DomainError):
                change()

    def test_database_refuses_an_inconsistent_level(self):
        self.stock(3)
        with self.assertRaises(IntegrityError), transaction.atomic():
            StockLevel.objects.update(reserved=4)

    def test_transfer_between_and_within_warehouses(self):
        self.stock(10)
        inventory.transfer(self.variant, self.a1, self.a2, 4)
        inventory.transfer(self.variant, self.a1, self.n1, 5)
        self.assertEqual([self.level(s)[0] for s in (self.a1, self.a2, self.n1)], [1, 4, 5])
        kinds = set(StockMovement.objects.values_list("kind", flat=True))
        self.assertEqual(kinds, {"adjustment", "relocation", "transfer"})


class PurchasingTests(StockroomTestCase):
    def test_partial_receipts_update_stock_cost_and_status(self):
        self.stock(10)  # at 8
        order, line = self.purchase(10, cost=14)
        purchasing.place(order)
        purchasing.receive(order, [{"line": line, "shelf": self.a1, "quantity": 4}])
        order.refresh_from_db()
        self.assertEqual(order.status, "partial")
        purchasing.receive(order, [{"line": line, "shelf": self.a2, "quantity": 6}])
        order.refresh_from_db()
        self.variant.refresh_from_db()
        self.assertEqual(order.status, "received")
        self.assertEqual((self.level()[0], self.level(self.a2)[0]), (14, 6))
        self.assertEqual(round(self.variant.average_cost, 2), Decimal("11.00"))

    def test_refused_receipts_change_nothing(self):
        order, line = self.purchase(10)
        purchasing.place(order)
        for shelf, quantities in ((self.a1, [11]), (self.n1, [1]), (self.a1, [6, 5])):
            with self.assertRaises(DomainError):
                purchasing.receive(order, [{"line": line, "shelf": shelf, "quantity": q} for q in quantities])
        self.assertFalse(StockMovement.objects.exists())
        line.refresh_from_db()
        self.assertEqual(line.received, 0)

    def test_cancel_after_part_closes_short(self):
        order, line = self.purchase(10)
        purchasing.place(order)
        purchasing.receive(order, [{"line": line, "shelf": self.a1, "quantity": 1}])
        purchasing.cancel(order)
        order.refresh_from_db()
        self.assertEqual(order.status, "closed")


class SalesTests(StockroomTestCase):
    def status(self, order):
        order.refresh_from_db()
        return order.status

    def test_reserve_pick_ship(self):
        self.stock(10)
        order = self.sale(4)
        sales.reserve(order)
        self.assertEqual(self.level(), (10, 4, 0))
        allocation = Allocation.objects.get()
        sales.pick(order, [{"allocation": allocation, "quantity": 3}])
        self.assertEqual((self.level(), self.status(order)), ((10, 4, 3), "picking"))
        sales.ship(order)
        self.assertEqual((self.level(), self.status(order)), ((7, 1, 0), "partial"))
        sales.pick(order)
        sales.ship(order)
        self.assertEqual((self.level(), self.status(order)), ((6, 0, 0), "shipped"))

    def test_reserve_is_all_or_nothing_and_spans_shelves(self):
        self.stock(3)
        self.stock(2, self.a2)
        self.stock(50, self.n1)  # another warehouse does not help
        with self.assertRaises(InsufficientStock):
            sales.reserve(self.sale(6))
        self.assertEqual(self.level(), (3, 0, 0))
        sales.reserve(self.sale(5))
        self.assertEqual((self.level(), self.level(self.a2)), ((3, 3, 0), (2, 2, 0)))

    def test_two_lines_share_the_stock(self):
        self.stock(5)
        order = self.sale(3)
        order.lines.create(variant=self.variant, quantity=3)
        with self.assertRaises(InsufficientStock):
            sales.reserve(order)

    def test_reserved_stock_cannot_be_taken(self):
        self.stock(5)
        sales.reserve(self.sale(4))
        with self.assertRaises(InsufficientStock):
            inventory.transfer(self.variant, self.a1, self.a2, 2)

    def test_overpicking_and_shipping_unpicked_are_refused(self):
        self.stock(5)
        order = self.sale(4)
        sales.reserve(order)
        with self.assertRaises(DomainError):
            sales.ship(order)
        allocation = Allocation.objects.get()
        with self.assertRaises(DomainError):
            sales.pick(order, [{"allocation": allocation, "quantity": 3}] * 2)

    def test_release_and_cancel_free_the_stock(self):
        self.stock(5)
        order = self.sale(4)
        sales.reserve(order)
        sales.pick(order)
        sales.release(order)
        self.assertEqual((self.level(), self.status(order)), ((5, 0, 0), "draft"))
        sales.reserve(order)
        sales.pick(order, [{"allocation": Allocation.objects.get(), "quantity": 1}])
        sales.ship(order)
        sales.cancel(order)
        self.assertEqual((self.level(), self.status(order)), ((4, 0, 0), "closed"))

    def test_price_list(self):
        Price.objects.create(group=self.group, variant=self.variant, price=15)
        Price.objects.create(group=self.group, variant=self.variant, price=12, min_quantity=10)
        Price.objects.create(group=self.group, variant=self.variant, price=1, valid_to=date(2020, 1, 1))
        self.assertEqual([self.sale(q).lines.get().unit_price for q in (1, 10)], [15, 12])
        self.assertEqual(Price.objects.price_for(self.variant, None), 20)


class StocktakeTests(StockroomTestCase):
    def start(self):
        stocktake = Stocktake.objects.create(warehouse=self.warehouse)
        inventory.start_stocktake(stocktake)
        return stocktake

    def count(self, stocktake, counted, shelf=None):
        inventory.count_stocktake(stocktake, [
            {"variant": self.variant, "shelf": shelf or self.a1, "counted": counted}])

    def test_count_compare_correct(self):
        self.stock(10)
        stocktake = self.start()
        self.count(stocktake, 8)
        self.count(stocktake, 1, self.a2)  # found where none was expected
        self.assertEqual([line.difference for line in stocktake.lines.all()], [-2, 1])
        self.stock(5)  # arrives after the count: not a difference
        inventory.apply_stocktake(stocktake)
        self.assertEqual((self.level()[0], self.level(self.a2)[0]), (13, 1))

    def test_picked_goods_are_not_expected_on_the_shelf(self):
        self.stock(10)
        order = self.sale(4)
        sales.reserve(order)
        sales.pick(order)
        stocktake = self.start()
        self.count(stocktake, 6)
        inventory.apply_stocktake(stocktake)
        self.assertEqual(self.level(), (10, 4, 4))

    def test_apply_needs_all_counts_and_spares_reservations(self):
        self.stock(10)
        sales.reserve(self.sale(8))
        stocktake = self.start()
        with self.assertRaises(DomainError):
            inventory.apply_stocktake(stocktake)
        self.count(stocktake, 5)
        with self.assertRaises(InsufficientStock):
            inventory.apply_stocktake(stocktake)
        self.assertEqual(self.level(), (10, 8, 0))
