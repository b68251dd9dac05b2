"""From noticed changes to alerts in an outbox, and from there to mail and webhooks."""
import hashlib
import hmac
import json
import logging
import os
import smtplib
import ssl
from collections import defaultdict
from decimal import Decimal
from email.message import EmailMessage

import requests

from .db import stamp
from .money import RateMissing

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 5
BATCH = 1000


def reason(watch, change, rates) -> str | None:
    """Why this change is worth an alert to this watcher, or None."""
    if change["kind"] == "availability":
        return "back in stock" if watch["in_stock"] and change["new"] == "in_stock" else None
    new = Decimal(change["new"])
    old = Decimal(change["old"]) if change["old"] else None
    if watch["below"]:
        target, currency = Decimal(watch["below"]), watch["currency"]
        reached = rates.convert(new, change["new_currency"], currency) <= target
        if reached and (old is None or rates.convert(old, change["old_currency"], currency) > target):
            return f"at or below {target} {currency}"
    if old is None or (watch["below"] and watch["drop_pct"] is None):
        return None
    old = rates.convert(old, change["old_currency"], change["new_currency"])
    drop = float((old - new) / old * 100)
    if drop > 0 and drop >= (watch["drop_pct"] or 0) and (watch["drop_pct"] is not None or not watch["in_stock"]):
        return f"down {drop:.1f} %"
    return None


def queue(con, rates) -> int:
    """Put alerts for all new changes into the outbox; returns how many."""
    count, alerts, done = 0, [], []
    changes = con.execute(
        "SELECT c.*, p.product_id, p.url, p.name, s.name AS shop, r.name AS product FROM changes c "
        "JOIN pages p ON p.id = c.page_id JOIN shops s ON s.id = p.shop_id "
        "LEFT JOIN products r ON r.id = p.product_id WHERE c.processed = 0 ORDER BY c.id").fetchall()
    watches = defaultdict(list)
    if changes:
        for watch in con.execute("SELECT * FROM watches WHERE product_id IN (SELECT p.product_id FROM changes c JOIN pages p "
                                 "ON p.id = c.page_id WHERE c.processed = 0) ORDER BY id"):
            watches[watch["product_id"]].append(watch)
    for change in changes:
        rows, payloads = [], {}
        try:
            if change["kind"] in ("price", "new", "availability"):
                for watch in watches[change["product_id"]]:
                    if watch["created_at"] <= change["at"]:
                        new = _alerts(watch, change, rates, payloads)
                        rows += new
                        count += len(new)
        except RateMissing as exc:
            log.warning("change %d waits: %s", change["id"], exc)
            continue
        alerts += rows
        done.append((change["id"],))
        if len(alerts) + len(done) >= BATCH:
            _write(con, alerts, done)
            alerts, done = [], []
    _write(con, alerts, done)
    return count


def _write(con, alerts, done) -> None:
    if done:
        with con:
            con.executemany("INSERT OR IGNORE INTO alerts (watch_id, change_id, channel, payload, created_at) "
                            "VALUES (?, ?, ?, ?, ?)", alerts)
            con.executemany("UPDATE changes SET processed = 1 WHERE id = ?", done)


def _alerts(watch, change, rates, payloads: dict) -> list[tuple]:
    """The rows of the outbox for one watch; `payloads` keeps the text for each reason."""
    why = reason(watch, change, rates)
    if why is None:
        return []
    if why not in payloads:
        payloads[why] = json.dumps({
            "event": change["kind"], "reason": why, "product": change["product"] or change["name"],
            "product_id": change["product_id"], "shop": change["shop"], "url": change["url"], "old": change["old"],
            "old_currency": change["old_currency"], "new": change["new"], "currency": change["new_currency"],
            "at": change["at"]}, ensure_ascii=False)
    return [(watch["id"], change["id"], channel, payloads[why], stamp()) for channel in ("email", "webhook") if watch[channel]]


class _Mailer:
    """One connection for all mails of a run, opened with the first and again after a failure."""

    def __init__(self, cfg):
        self.smtp, self.server, self.context = cfg.smtp, None, None

    def _open(self):
        smtp = self.smtp
        use_ssl, timeout = smtp.get("ssl", False), float(smtp.get("timeout", 20))
        port = int(smtp.get("port", 465 if use_ssl else 587))
        starttls = smtp.get("starttls", not use_ssl)
        if self.context is None and (use_ssl or starttls):
            self.context = ssl.create_default_context()
        server = (smtplib.SMTP_SSL(smtp["host"], port, timeout=timeout, context=self.context) if use_ssl
                  else smtplib.SMTP(smtp["host"], port, timeout=timeout))
        try:
            if starttls:
                server.starttls(context=self.context)
            if smtp.get("user"):
                server.login(smtp["user"], os.environ.get(smtp.get("password_env", "PRICEWATCH_SMTP_PASSWORD"), ""))
        except BaseException:
            server.close()
            raise
        return server

    def send(self, message) -> None:
        if self.server is not None:
            try:
                alive = self.server.noop()[0] == 250
            except (OSError, smtplib.SMTPException):
                alive = False
            if not alive:
                self.close()
        self.server = self.server or self._open()
        try:
            self.server.send_message(message)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        server, self.server = self.server, None
        if server is not None:
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()


def _mail(cfg, mailer, address: str, payloads: list[dict]) -> None:
    smtp = cfg.smtp
    if not smtp.get("host"):
        raise RuntimeError("no smtp host in the settings")
    message = EmailMessage()
    title = " ".join(str(payloads[0]["product"]).split())[:80]
    message["Subject"] = (f"Price alert: {title}" if len(payloads) == 1
                          else f"Price alerts: {title} and {len(payloads) - 1} more")
    message["From"], message["To"] = smtp.get("from", "pricewatch@localhost"), address
    blocks = []
    for p in payloads:
        old = f"{p['old']} {p['old_currency'] or ''}".strip() if p["old"] else "-"
        new = f"{p['new']} {p['currency'] or ''}".strip()
        blocks.append(f"{p['product']}\n  {p['shop']}: {old} -> {new}  ({p['reason']})\n  {p['url']}\n")
    message.set_content("\n".join(blocks))
    mailer.send(message)


def _post(cfg, session, url: str, payload: str) -> None:
    body = payload.encode()
    headers = {"Content-Type": "application/json", "User-Agent": cfg.user_agent}
    secret = os.environ.get(cfg.webhook.get("secret_env", "PRICEWATCH_WEBHOOK_SECRET"))
    if secret:
        headers["X-Pricewatch-Signature"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    session.cookies.clear()         # as if each alert were posted on its own
    reply = session.post(url, data=body, headers=headers, timeout=float(cfg.webhook.get("timeout", 15)),
                         allow_redirects=False)
    if not 200 <= reply.status_code < 300:
        raise RuntimeError(f"webhook answered HTTP {reply.status_code}")


def send(con, cfg) -> dict:
    """Deliver what is in the outbox: one mail per address, one request per webhook alert."""
    rows = con.execute("SELECT a.*, w.email, w.webhook FROM alerts a JOIN watches w ON w.id = a.watch_id "
                       "WHERE a.status = 'pending' ORDER BY a.id").fetchall()
    batches, result = defaultdict(list), {"sent": 0, "failed": 0}
    for row in rows:
        key = ("email", row["email"]) if row["channel"] == "email" else ("webhook", row["id"])
        batches[key].append(row)
    mailer = _Mailer(cfg)
    try:
        with requests.Session() as session:
            for (channel, address), batch in batches.items():
                ids = [r["id"] for r in batch]
                marks = ",".join("?" * len(ids))
                try:
                    if channel == "email":
                        _mail(cfg, mailer, address, [json.loads(r["payload"]) for r in batch])
                    else:
                        _post(cfg, session, batch[0]["webhook"], batch[0]["payload"])
                except (OSError, smtplib.SMTPException, requests.RequestException, RuntimeError, ValueError) as exc:
                    log.warning("%s alert failed: %s", channel, exc)
                    result["failed"] += len(ids)
                    with con:
                        con.execute(f"UPDATE alerts SET attempts = attempts + 1, error = ?, status = CASE WHEN "
                                    f"attempts + 1 >= ? THEN 'failed' ELSE 'pending' END WHERE id IN ({marks})",
                                    (str(exc)[:300], MAX_ATTEMPTS, *ids))
                else:
                    result["sent"] += len(ids)
                    with con:
                        con.execute(f"UPDATE alerts SET status = 'sent', attempts = attempts + 1, error = NULL, "
                                    f"sent_at = ? WHERE id IN ({marks})", (stamp(), *ids))
    finally:
        mailer.close()
    return result
