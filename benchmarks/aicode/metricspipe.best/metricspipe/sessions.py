"""Build sessions from events."""
import pandas as pd


def assign_sessions(events, timeout_minutes=30):
    """Add a session_id column; a session ends after some minutes without activity."""
    events = events.sort_values(["user", "timestamp"]).reset_index(drop=True)
    timeout = pd.Timedelta(minutes=timeout_minutes)
    begins = (events["user"] != events["user"].shift()) | (events["timestamp"].diff() > timeout)
    names = [f"S{number:08d}" for number in range(1, int(begins.sum()) + 1)]
    events["session_id"] = [names[number] for number in begins.cumsum() - 1]
    return events


def build_sessions(events):
    """Return one row per session, of events as assign_sessions leaves them: sorted by user and time."""
    sessions = events.groupby("session_id").agg(
        user=("user", "first"),
        start=("timestamp", "first"),
        end=("timestamp", "last"),
        events=("page", "size"),
        pages=("page", "nunique"),
        entry_page=("page", "first"),
        exit_page=("page", "last"),
        referrer=("referrer", "first"),
        device=("device", "first"),
        country=("country", "first"),
        revenue=("revenue", "sum"),
    ).reset_index()
    sessions.insert(4, "duration_seconds", (sessions["end"] - sessions["start"]).dt.total_seconds())
    sessions["bounce"] = sessions["events"] == 1
    return sessions


def session_summary(sessions):
    """Return key numbers per device and referrer."""
    frames = []
    sessions = sessions.assign(converted=sessions["revenue"] > 0)
    for column in ("device", "referrer"):
        frame = sessions.groupby(column).agg(
            sessions=("user", "size"),
            users=("user", "nunique"),
            bounce_rate=("bounce", "mean"),
            avg_duration_seconds=("duration_seconds", "mean"),
            avg_events=("events", "mean"),
            conversion_rate=("converted", "mean"),
            revenue=("revenue", "sum"),
        ).round({"bounce_rate": 4, "avg_duration_seconds": 1, "avg_events": 2, "conversion_rate": 4, "revenue": 2})
        frame = frame.reset_index(names="value")
        frame.insert(0, "dimension", column)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True).sort_values(["dimension", "sessions"], ascending=[True, False])
