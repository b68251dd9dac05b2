"""Funnel analysis."""
import fnmatch

import numpy as np
import pandas as pd


def parse_steps(text):
    """Parse "/,/product/*,/cart,/checkout" into a list of patterns."""
    return [step.strip().lower() for step in text.split(",") if step.strip()]


def steps_reached(pages, steps):
    """Return how many steps were reached in the right order."""
    position = 0
    for page in pages:
        if position < len(steps) and fnmatch.fnmatch(page, steps[position]):
            position += 1
    return position


def count_reached(who, pages, steps):
    """Return how many reach each step; each one's events are in their order, as prepare() leaves them."""
    who, people = pd.factorize(who)
    pages, names = pd.factorize(pages)
    place = np.arange(len(who))
    last = np.full(len(people), -1)  # where each one is, in the events; at the end where they never got further
    counts = []
    for step in steps:
        matches = np.array([fnmatch.fnmatch(name, step) for name in names], dtype=bool)
        rows = place[matches[pages] & (place > last[who])]
        last = np.full(len(people), len(who))
        np.minimum.at(last, who[rows], rows)
        counts.append(int((last < len(who)).sum()))
    return counts


def compute_funnel(events, steps, by="user"):
    """Count the users (or sessions) that reach every step."""
    column = "user" if by == "user" else "session_id"
    counts = count_reached(events[column], events["page"], steps)
    rows = []
    previous = None
    for i, step in enumerate(steps):
        count, first = counts[i], counts[0]
        rows.append(
            {
                "step": i + 1,
                "page": step,
                "count": count,
                "from_previous": round(count / previous, 4) if previous else (1.0 if i == 0 else 0.0),
                "from_start": round(count / first, 4) if first else 0.0,
                "dropped": (previous - count) if previous is not None else 0,
            }
        )
        previous = count
    return pd.DataFrame(rows)


def funnel_by(events, steps, column):
    """Compute the funnel for every value of a column."""
    frames = []
    for value in events[column].unique():
        frame = compute_funnel(events[events[column] == value], steps)
        frame.insert(0, column, value)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
