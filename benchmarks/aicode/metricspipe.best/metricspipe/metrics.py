"""Top pages, revenue, joins and anomalies."""
import re

import pandas as pd


def top_pages(events, sessions, limit=50):
    pages = events.groupby("page").agg(views=("user", "size"), users=("user", "nunique"))
    entries = sessions.groupby("entry_page")["bounce"]
    pages["entries"] = entries.size().reindex(pages.index, fill_value=0)
    pages["exits"] = sessions.groupby("exit_page").size().reindex(pages.index, fill_value=0)
    pages["bounce_rate"] = entries.mean().round(4).reindex(pages.index, fill_value=0.0)
    pages["revenue"] = events.groupby("page")["revenue"].sum().round(2)
    return pages.reset_index().sort_values("views", ascending=False).head(limit).reset_index(drop=True)


def revenue_per_country(events):
    df = events.groupby("country").agg(
        users=("user", "nunique"), events=("page", "size"), revenue=("revenue", "sum")
    )
    df["orders"] = events[events["revenue"] > 0].groupby("country").size()
    df["orders"] = df["orders"].fillna(0).astype(int)
    df["revenue_per_user"] = (df["revenue"] / df["users"]).round(2)
    df["share"] = (df["revenue"] / df["revenue"].sum()).fillna(0).round(4)
    df["revenue"] = df["revenue"].round(2)
    return df.sort_values("revenue", ascending=False).reset_index()


def daily_metrics(events, sessions):
    daily = events.groupby(events["timestamp"].dt.normalize()).agg(
        events=("page", "size"), users=("user", "nunique"), revenue=("revenue", "sum")
    )
    daily["sessions"] = sessions.groupby(sessions["start"].dt.normalize()).size()
    daily.index = daily.index.date
    daily = daily.reindex(pd.date_range(daily.index.min(), daily.index.max()).date, fill_value=0)
    daily.index.name = "date"
    return daily.fillna(0).reset_index()


def find_anomalies(daily, window=7, threshold=3.0):
    """Compare every day with the days before it and report large deviations."""
    rows = []
    for metric in ("events", "users", "sessions", "revenue"):
        for i in range(window, len(daily)):
            history = daily[metric].iloc[i - window : i]
            mean, std = history.mean(), history.std()
            value = daily[metric].iloc[i]
            if std == 0:
                score = 0.0 if value == mean else float("inf")
            else:
                score = (value - mean) / std
            if abs(score) >= threshold:
                rows.append(
                    {
                        "date": daily["date"].iloc[i],
                        "metric": metric,
                        "value": round(float(value), 2),
                        "expected": round(float(mean), 2),
                        "score": round(float(score), 2),
                        "direction": "up" if score > 0 else "down",
                    }
                )
    return pd.DataFrame(rows, columns=["date", "metric", "value", "expected", "score", "direction"])


def product_from_page(page):
    match = re.search(r"/products?/([^/]+)", page)
    return match.group(1) if match else ""


def join_users(events, users):
    """Revenue and activity per plan of the users file."""
    known = [name for name in ("user", "plan") if name in users.columns]
    merged = events[["user", "revenue"]].merge(users[known], on="user", how="left")
    if "plan" not in merged.columns:
        merged["plan"] = "unknown"
    merged["plan"] = merged["plan"].fillna("unregistered").replace("", "unknown")
    rows = []
    for plan, group in merged.groupby("plan"):
        rows.append(
            {
                "plan": plan,
                "users": group["user"].nunique(),
                "events": len(group),
                "revenue": round(group["revenue"].sum(), 2),
                "revenue_per_user": round(group["revenue"].sum() / group["user"].nunique(), 2),
            }
        )
    return pd.DataFrame(rows).sort_values("revenue", ascending=False)


def join_products(events, products):
    """Views, buyers and revenue per product."""
    named = events["page"].map({page: product_from_page(page) for page in events["page"].unique()})
    df = events.loc[named != "", ["user", "revenue"]]
    named = named[named != ""]
    found = df.groupby(named).agg(views=("user", "size"), viewers=("user", "nunique"), revenue=("revenue", "sum"))
    bought = df["revenue"] > 0
    found["buyers"] = df[bought].groupby(named[bought])["user"].nunique().reindex(found.index, fill_value=0)
    numbers = found.to_dict("index")
    nothing = {"views": 0, "viewers": 0, "buyers": 0, "revenue": 0.0}
    rows = []
    for product in products.to_dict("records"):
        seen = numbers.get(product["product_id"].lower(), nothing)
        rows.append(
            {
                "product_id": product["product_id"],
                "name": product.get("name", ""),
                "category": product.get("category", ""),
                "views": seen["views"],
                "viewers": seen["viewers"],
                "buyers": seen["buyers"],
                "conversion": round(seen["buyers"] / seen["viewers"], 4) if seen["viewers"] else 0.0,
                "revenue": round(seen["revenue"], 2),
            }
        )
    return pd.DataFrame(rows).sort_values("revenue", ascending=False)
