"""Retention cohorts."""
import pandas as pd


def period_start(timestamp, period):
    day = timestamp.tz_localize(None).normalize()
    if period == "week":
        return day - pd.Timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    return day


def period_index(start, current, period):
    if period == "week":
        return (current - start).days // 7
    if period == "month":
        return (current.year - start.year) * 12 + current.month - start.month
    return (current - start).days


def period_starts(timestamps, period):
    """Return the start of the period of each timestamp, as period_start does for one."""
    days = timestamps.dt.tz_localize(None).dt.normalize()
    if period == "week":
        return days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    if period == "month":
        return days - pd.to_timedelta(days.dt.day - 1, unit="D")
    return days


def period_indexes(starts, currents, period):
    """Return the number of periods between two columns, as period_index does for two values."""
    if period == "month":
        return (currents.dt.year - starts.dt.year) * 12 + currents.dt.month - starts.dt.month
    days = (currents - starts).dt.days
    return days // 7 if period == "week" else days


def compute_cohorts(events, period="week", max_periods=12):
    """Return a table with the share of users of each cohort active in the later periods."""
    df = pd.DataFrame({"user": events["user"], "period": period_starts(events["timestamp"], period)})
    df["cohort"] = df.groupby("user")["period"].transform("min")
    df["index"] = period_indexes(df["cohort"], df["period"], period)

    last_period = df["period"].max()
    sizes = df.groupby("cohort")["user"].nunique().to_dict()
    active = df.groupby(["cohort", "index"])["user"].nunique().to_dict()
    rows = []
    for cohort, size in sizes.items():
        row = {"cohort": cohort.date().isoformat(), "users": size}
        reached = period_index(cohort, last_period, period)
        for index in range(max_periods + 1):
            row[f"p{index}"] = None if index > reached else round(active.get((cohort, index), 0) / size, 4)
        rows.append(row)
    return pd.DataFrame(rows)
