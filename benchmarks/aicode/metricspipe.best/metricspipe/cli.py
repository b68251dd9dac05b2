"""Command line interface."""
import click

from . import cohorts, funnels, loading, metrics, pipeline

DEFAULT_STEPS = "/,/product/*,/cart,/checkout,/thanks"


def show(frame, limit=30):
    click.echo(frame.head(limit).to_string(index=False))


@click.group()
def main():
    """Analyse CSV exports of web events."""


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--out", "out_dir", default="reports", show_default=True)
@click.option("--users", "users_path", type=click.Path(exists=True))
@click.option("--products", "products_path", type=click.Path(exists=True))
@click.option("--funnel", "steps", default=DEFAULT_STEPS, show_default=True)
@click.option("--period", type=click.Choice(["day", "week", "month"]), default="week")
@click.option("--timeout", default=30, help="Session timeout in minutes")
@click.option("--threshold", default=3.0, help="Anomaly threshold in standard deviations")
@click.option("--title", default="Web report")
def run(files, out_dir, users_path, products_path, steps, period, timeout, threshold, title):
    """Compute everything and write CSV and HTML reports."""
    try:
        paths = pipeline.run_all(
            files, out_dir, funnels.parse_steps(steps), users_path, products_path, period, timeout,
            threshold, title, click.echo,
        )
    except loading.LoadError as exc:
        raise click.ClickException(str(exc))
    for path in paths:
        click.echo(path)


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--out", default="events_clean.csv")
def clean(files, out):
    """Only clean and deduplicate."""
    events, _, report = pipeline.prepare(files, with_sessions=False)
    events.to_csv(out, index=False)
    for key, value in report.items():
        click.echo(f"{key:15} {value}")


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--steps", default=DEFAULT_STEPS)
@click.option("--by", type=click.Choice(["user", "session"]), default="user")
def funnel(files, steps, by):
    """Print a funnel."""
    events, _, _ = pipeline.prepare(files, with_sessions=False)
    show(funnels.compute_funnel(events, funnels.parse_steps(steps), by))


@main.command("cohorts")
@click.argument("files", nargs=-1, required=True)
@click.option("--period", type=click.Choice(["day", "week", "month"]), default="week")
def cohorts_command(files, period):
    """Print the retention cohorts."""
    events, _, _ = pipeline.prepare(files, with_sessions=False)
    show(cohorts.compute_cohorts(events, period))


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--threshold", default=3.0)
def anomalies(files, threshold):
    """Print the anomalies per day."""
    events, sessions, _ = pipeline.prepare(files)
    show(metrics.find_anomalies(metrics.daily_metrics(events, sessions), threshold=threshold))


if __name__ == "__main__":
    main()
