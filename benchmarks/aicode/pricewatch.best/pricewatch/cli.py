"""The command line."""
import logging
import re
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from . import __version__, alerts as alerting, db, matching, reports, transfer
from .config import ConfigError, Rules, load_config
from .crawler import Crawler
from .extract import normal_ean
from .money import CODES, Rates

FORMATS = click.Choice(["table", "json", "csv", "html"])


class App:
    def __init__(self, config):
        self.cfg = load_config(config)
        self.con = db.connect(self.cfg.database)
        self.rates = Rates(self.con, self.cfg)


def write(text, output: str | None) -> None:
    """A text, or an iterator of its pieces."""
    pieces = [text] if isinstance(text, str) else text
    if output:
        with Path(output).open("w", encoding="utf-8") as file:
            file.writelines(pieces)
        click.echo(f"written: {output}", err=True)
    else:
        for piece in pieces:
            click.echo(piece, nl=False)


def find_product(con, text: str):
    """A product by number, EAN or part of its name."""
    ean = normal_ean(text)
    rows = con.execute("SELECT * FROM products WHERE ean = ?", (ean,)).fetchall() if ean else []
    if not rows and text.isdigit():
        rows = con.execute("SELECT * FROM products WHERE id = ?", (int(text),)).fetchall()
    if not rows:
        rows = con.execute("SELECT * FROM products WHERE instr(lower(name), lower(?))", (text,)).fetchall()
    if not rows:
        raise click.ClickException(f"no product like {text!r} (crawl or match first?)")
    if len(rows) > 1:
        some = "\n".join(f"  {r['id']}  {r['name']}" for r in rows[:10])
        raise click.ClickException(f"{text!r} fits {len(rows)} products, give the number:\n{some}")
    return rows[0]


def currency_option(_ctx, _param, value):
    if value and value.upper() not in CODES:
        raise click.BadParameter(f"unknown currency {value}")
    return value.upper() if value else None


@click.group()
@click.option("-c", "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              envvar="PRICEWATCH_CONFIG", help="Settings file (default: ./pricewatch.yaml).")
@click.option("-v", "--verbose", count=True)
@click.version_option(__version__)
@click.pass_context
def cli(ctx, config, verbose):
    """Watch product prices in several shops."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        ctx.obj = App(config)
    except (ConfigError, TypeError) as exc:
        raise click.ClickException(str(exc)) from exc
    ctx.call_on_close(ctx.obj.con.close)


@cli.group("import")
def import_():
    """Add shops and pages."""


def _report_import(result):
    for error in result["errors"]:
        click.echo(error, err=True)
    click.echo(f"{result['added']} pages added, {result['known']} known already")
    if result["errors"] and not result["added"] + result["known"]:
        raise click.exceptions.Exit(1)


@import_.command("csv")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@click.pass_obj
def import_csv(app, file):
    """Pages from a CSV with the columns shop, url [, name, ean, base_url]."""
    try:
        _report_import(transfer.import_csv(app.con, file))
    except (ValueError, UnicodeDecodeError) as exc:
        raise click.ClickException(str(exc)) from exc


@import_.command("sitemap")
@click.argument("shop")
@click.argument("url")
@click.option("--include", help="Only addresses that this regular expression finds.")
@click.option("--limit", type=click.IntRange(1))
@click.pass_obj
def import_sitemap(app, shop, url, include, limit):
    """Pages of SHOP from the sitemap at URL (or the front page: finds the sitemap itself)."""
    try:
        _report_import(transfer.import_sitemap(app.con, app.cfg, shop, url, include, limit))
    except (ValueError, re.error) as exc:
        raise click.ClickException(str(exc)) from exc


@cli.command()
@click.argument("what", type=click.Choice(list(transfer.EXPORTS)))
@click.option("-f", "--format", "kind", type=click.Choice(["csv", "json"]), default="csv")
@click.option("-o", "--output", type=click.Path(dir_okay=False))
@click.pass_obj
def export(app, what, kind, output):
    """Write what is stored as CSV or JSON."""
    write(transfer.export(app.con, what, kind), output)


@cli.command()
@click.option("--shop", help="Only this shop (default: all).")
@click.option("--async", "use_async", is_flag=True, help="Crawl several shops at once, with httpx.")
@click.option("--limit", type=click.IntRange(1), help="At most so many pages.")
@click.option("--thumbs/--no-thumbs", default=True)
@click.option("--send/--no-send", default=False, help="Send the alerts afterwards.")
@click.pass_obj
def crawl(app, shop, use_async, limit, thumbs, send):
    """Download the pages, store prices, match products, queue alerts."""
    if shop and not app.con.execute("SELECT 1 FROM shops WHERE name = ?", (shop,)).fetchone():
        raise click.ClickException(f"no shop {shop!r}")
    try:
        crawler = Crawler(app.con, app.cfg, Rules.load(app.cfg.rules_file), thumbs)
    except ConfigError as exc:
        raise click.ClickException(str(exc)) from exc
    pages = crawler.pages(shop, limit)
    result = (crawler.run_async if use_async else crawler.run)(pages)
    for name, s in sorted(result.items()):
        click.echo(f"{name}: {s['ok']} ok, {s['failed']} failed, {s['skipped']} skipped, {s['changes']} changes")
    matching.match(app.con, app.cfg.match_threshold)
    click.echo(f"{alerting.queue(app.con, app.rates)} alerts queued")
    if send:
        click.echo("alerts: {sent} sent, {failed} failed".format(**alerting.send(app.con, app.cfg)))
    if pages and not any(s["ok"] for s in result.values()):
        raise click.exceptions.Exit(1)


@cli.group()
def watch():
    """Who wants to hear about which product."""


@watch.command("add")
@click.argument("product")
@click.option("--email")
@click.option("--webhook")
@click.option("--below", help="Alert when the price reaches this amount.")
@click.option("--currency", callback=currency_option, help="Of --below (default: report currency).")
@click.option("--drop", type=click.FloatRange(0, 100), help="Alert when it falls by so many per cent.")
@click.option("--in-stock", is_flag=True, help="Alert when it can be bought again.")
@click.pass_obj
def watch_add(app, product, email, webhook, below, currency, drop, in_stock):
    """Watch PRODUCT (number, EAN or part of the name). Without conditions: any fall in price."""
    if not email and not webhook:
        raise click.UsageError("give --email or --webhook")
    if email and not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+", email):
        raise click.BadParameter(f"not a mail address: {email}")
    if webhook:
        try:
            db.clean_url(webhook)
        except ValueError as exc:
            raise click.BadParameter(str(exc)) from exc
    amount = None
    if below is not None:
        try:
            amount = Decimal(below)
        except InvalidOperation:
            amount = Decimal(0)
        if not amount.is_finite() or amount <= 0:
            raise click.BadParameter(f"not an amount: {below}")
        amount = str(amount)
    row = find_product(app.con, product)
    with app.con:
        cur = app.con.execute(
            "INSERT INTO watches (product_id, email, webhook, below, currency, drop_pct, in_stock, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (row["id"], email, webhook, amount, currency or app.cfg.currency,
                                               drop, in_stock, db.stamp()))
    click.echo(f"watch {cur.lastrowid}: {row['name']}")


@watch.command("list")
@click.option("-f", "--format", "kind", type=FORMATS, default="table")
@click.pass_obj
def watch_list(app, kind):
    rows = app.con.execute("SELECT w.id, r.name AS product, w.email, w.webhook, w.below, w.currency, w.drop_pct, "
                           "w.in_stock FROM watches w JOIN products r ON r.id = w.product_id ORDER BY w.id")
    write(reports.render([dict(r) for r in rows], kind, "Watches"), None)


@watch.command("remove")
@click.argument("number", type=int)
@click.pass_obj
def watch_remove(app, number):
    with app.con:
        if not app.con.execute("DELETE FROM watches WHERE id = ?", (number,)).rowcount:
            raise click.ClickException(f"no watch {number}")
    click.echo("removed")


@cli.group()
def alerts():
    """The outbox."""


@alerts.command("list")
@click.option("--status", type=click.Choice(["pending", "sent", "failed"]))
@click.option("-f", "--format", "kind", type=FORMATS, default="table")
@click.pass_obj
def alerts_list(app, status, kind):
    rows = app.con.execute(
        "SELECT a.id, a.status, a.channel, coalesce(CASE a.channel WHEN 'email' THEN w.email END, w.webhook) AS target, "
        "json_extract(a.payload, '$.product') AS product, json_extract(a.payload, '$.reason') AS reason, a.attempts, "
        "a.error, a.created_at FROM alerts a JOIN watches w ON w.id = a.watch_id "
        f"{'WHERE a.status = ?' if status else ''} ORDER BY a.id", (status,) if status else ())
    write(reports.render([dict(r) for r in rows], kind, "Alerts"), None)


@alerts.command("send")
@click.option("--retry-failed", is_flag=True, help="Try those again that were given up.")
@click.pass_obj
def alerts_send(app, retry_failed):
    """Queue alerts for new changes and deliver all that are pending."""
    if retry_failed:
        with app.con:
            app.con.execute("UPDATE alerts SET status = 'pending', attempts = 0 WHERE status = 'failed'")
    alerting.queue(app.con, app.rates)
    result = alerting.send(app.con, app.cfg)
    click.echo("{sent} sent, {failed} failed".format(**result))
    if result["failed"]:
        raise click.exceptions.Exit(1)


@cli.command()
@click.option("--threshold", type=click.FloatRange(0.5, 1), help="Name similarity needed.")
@click.option("--link", nargs=2, type=int, metavar="PAGE PRODUCT", help="Tie a page to a product by hand.")
@click.option("--unlink", type=int, metavar="PAGE", help="Give a page a product of its own.")
@click.pass_obj
def match(app, threshold, link, unlink):
    """Find the same product in different shops, by EAN and by name."""
    try:
        if link:
            matching.link(app.con, *link)
        if unlink:
            matching.link(app.con, unlink, None)
    except LookupError as exc:
        raise click.ClickException(str(exc)) from exc
    result = matching.match(app.con, threshold or app.cfg.match_threshold)
    click.echo("{products} products, {matched} of them in several shops".format(**result))


@cli.group()
def report():
    """Cheapest shops, price drops, history, shop statistics, duplicates."""


def report_options(command):
    command = click.option("-o", "--output", type=click.Path(dir_okay=False))(command)
    command = click.option("-f", "--format", "kind", type=FORMATS, default="table")(command)
    return click.option("--currency", callback=currency_option)(command)


@report.command("cheapest")
@click.option("--max-age", default=7.0, help="Ignore prices not seen for so many days.")
@click.option("--any-stock", is_flag=True, help="Also shops where it is sold out.")
@report_options
@click.pass_obj
def report_cheapest(app, max_age, any_stock, currency, kind, output):
    rows = reports.cheapest(app.con, app.rates, currency or app.cfg.currency, max_age, any_stock)
    write(reports.render(rows, kind, "Cheapest shop per product"), output)


@report.command("drops")
@click.option("--days", default=7.0)
@click.option("--min-pct", default=0.0)
@report_options
@click.pass_obj
def report_drops(app, days, min_pct, currency, kind, output):
    rows = reports.drops(app.con, app.rates, days, min_pct)
    if currency:
        rows = [r for r in rows if r["currency"] == currency]
    write(reports.render(rows, kind, f"Price drops of the last {days:g} days"), output)


@report.command("history")
@click.argument("product")
@report_options
@click.pass_obj
def report_history(app, product, currency, kind, output):
    row = find_product(app.con, product)
    data = reports.history(app.con, app.rates, row["id"], currency or app.cfg.currency)
    write(reports.render_history(data, kind), output)


@report.command("shops")
@report_options
@click.pass_obj
def report_shops(app, currency, kind, output):
    rows = reports.shops(app.con, app.rates, currency or app.cfg.currency)
    write(reports.render(rows, kind, "Shops"), output)


@report.command("duplicates")
@report_options
@click.pass_obj
def report_duplicates(app, currency, kind, output):
    write(reports.render(reports.duplicates(app.con), kind, "Duplicates within a shop"), output)


@cli.command("clean-up")
@click.option("--raw-days", default=30.0, help="Keep raw pages so long.")
@click.option("--price-days", default=730.0, help="Keep prices and changes so long.")
@click.option("--alert-days", default=90.0, help="Keep sent alerts so long.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.pass_obj
def clean_up(app, raw_days, price_days, alert_days, dry_run):
    """Remove old data."""
    counts = transfer.clean_up(app.con, app.cfg, raw_days, price_days, alert_days, dry_run)
    click.echo(("would remove: " if dry_run else "removed: ") + ", ".join(f"{v} {k}" for k, v in counts.items()))


def main():
    cli(prog_name="pricewatch")
