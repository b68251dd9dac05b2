"""Reading prices out of text, and converting between currencies."""
import logging
import re
from decimal import Decimal, InvalidOperation

import requests

from .db import days_ago, stamp

log = logging.getLogger(__name__)
CODES = ("EUR USD GBP CHF JPY CNY PLN CZK SEK NOK DKK ISK HUF RON BGN CAD AUD NZD BRL INR TRY "
         "MXN ZAR KRW SGD HKD ILS UAH THB KWD").split()
SYMBOLS = {"US$": "USD", "CA$": "CAD", "C$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD", "R$": "BRL",
           "€": "EUR", "£": "GBP", "₹": "INR", "zł": "PLN", "Kč": "CZK", "Fr.": "CHF", "SFr": "CHF",
           "₺": "TRY", "₩": "KRW", "₪": "ILS", "₴": "UAH", "Ft": "HUF"}
FAMILIES = {"$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"), "¥": ("JPY", "CNY"),
            "kr": (None, "SEK", "NOK", "DKK", "ISK")}      # first: what it means without a hint
PERCENT = re.compile(r"\s*%")
NUMBER = re.compile(r"\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)*")


def detect_currency(text: str, default: str | None = None) -> str | None:
    for code in re.findall(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", text):
        if code in CODES:
            return code
    for symbol in sorted(SYMBOLS, key=len, reverse=True):
        if symbol in text:
            return SYMBOLS[symbol]
    for symbol, family in FAMILIES.items():
        if re.search(rf"\b{symbol}\b" if symbol.isalpha() else re.escape(symbol), text):
            return default if default in family else family[0] or default
    return default


def parse_amount(text, decimal: str | None = None) -> Decimal | None:
    """The first amount in a text, or None. `decimal` says which sign a shop uses before the cents;
    without it, one separator followed by exactly three digits is read as thousands."""
    text = str(text)
    for match in NUMBER.finditer(text):
        if PERCENT.match(text, match.end()):
            continue
        number = re.sub(r"[^\d.,]", "", match.group())
        seps = [c for c in number if c in ".,"]
        if len(set(seps)) == 2:
            point = seps[-1]
        elif len(seps) == 1:
            head, tail = re.split(r"[.,]", number)
            thousands = len(tail) == 3 and head != "0" and seps[0] != decimal
            point = None if thousands else seps[0]
        else:
            point = None
        number = "".join("." if c == point else c for c in number if c == point or c not in ".,")
        try:
            amount = Decimal(number)
        except InvalidOperation:
            continue
        return amount if amount > 0 else None
    return None


class RateMissing(Exception):
    pass


class Rates:
    """Exchange rates from the API, kept in the database; old ones serve when the API is down."""

    def __init__(self, con, cfg):
        self.con, self.cfg, self.rates = con, cfg, None

    def _load(self) -> None:
        base = self.cfg.currency
        rows = self.con.execute("SELECT * FROM rates WHERE base = ?", (base,)).fetchall()
        fresh = rows and rows[0]["fetched_at"] >= days_ago(self.cfg.rates_ttl_hours / 24)
        self.rates = {r["currency"]: Decimal(r["rate"]) for r in rows}
        if not fresh and self.cfg.rates_url:
            try:
                reply = requests.get(self.cfg.rates_url.format(base=base), timeout=self.cfg.timeout,
                                     headers={"User-Agent": self.cfg.user_agent})
                reply.raise_for_status()
                new = {str(k).upper(): Decimal(str(v)) for k, v in reply.json()["rates"].items()}
                new = {k: v for k, v in new.items() if v.is_finite() and v > 0}
            except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError,
                    InvalidOperation) as exc:
                log.warning("rates API failed (%s); using %s", exc, "old rates" if rows else "none")
            else:
                with self.con:
                    self.con.execute("DELETE FROM rates WHERE base = ?", (base,))
                    self.con.executemany("INSERT INTO rates VALUES (?, ?, ?, ?)",
                                         [(base, k, str(v), stamp()) for k, v in new.items()])
                self.rates = new
        self.rates[base] = Decimal(1)

    def convert(self, amount: Decimal, source: str, target: str) -> Decimal:
        if source == target:
            return amount
        if self.rates is None:
            self._load()
        try:
            return (amount / self.rates[source] * self.rates[target]).quantize(Decimal("0.01"))
        except KeyError as exc:
            raise RateMissing(f"no exchange rate for {exc.args[0]}") from None
