"""Run all steps."""
import os

import pandas as pd

from . import cleaning, cohorts, funnels, loading, metrics, reports, sessions


def prepare(patterns, timeout=30, with_sessions=True):
    """Load, clean and sessionize events; the table of sessions only where it is wanted."""
    events, report = cleaning.clean_events(loading.load_events(patterns))
    if events.empty:
        raise loading.LoadError("No usable events left after cleaning")
    events = sessions.assign_sessions(events, timeout)
    return events, sessions.build_sessions(events) if with_sessions else None, report


def run_all(patterns, out_dir, steps, users_path=None, products_path=None, period="week", timeout=30,
            threshold=3.0, title="Web report", log=print):
    os.makedirs(out_dir, exist_ok=True)
    log("Loading and cleaning ...")
    events, session_df, report = prepare(patterns, timeout)
    log(f"{report['rows_kept']} of {report['rows_read']} rows kept")
    daily = metrics.daily_metrics(events, session_df)
    frames = {
        "cleaning": pd.DataFrame(report.items(), columns=["what", "rows"]),
        "daily": daily,
        "anomalies": metrics.find_anomalies(daily, threshold=threshold),
        "funnel": funnels.compute_funnel(events, steps),
        "funnel_by_device": funnels.funnel_by(events, steps, "device"),
        "cohorts": cohorts.compute_cohorts(events, period),
        "session_summary": sessions.session_summary(session_df),
        "top_pages": metrics.top_pages(events, session_df),
        "revenue_per_country": metrics.revenue_per_country(events),
    }
    if users_path:
        frames["plans"] = metrics.join_users(events, loading.load_users(users_path))
    if products_path:
        frames["products"] = metrics.join_products(events, loading.load_products(products_path))
    log("Writing reports ...")
    paths = reports.write_csv({**frames, "sessions": session_df, "events_clean": events}, out_dir)
    paths.append(reports.write_html(frames, reports.make_kpis(events, session_df), out_dir, title))
    return paths
