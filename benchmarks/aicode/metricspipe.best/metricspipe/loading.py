"""Read the CSV exports."""
import glob
import os

import pandas as pd

COLUMN_ALIASES = {
    "user": ["user", "user_id", "uid", "visitor"],
    "timestamp": ["timestamp", "time", "ts", "event_time", "date"],
    "page": ["page", "url", "path", "page_url"],
    "referrer": ["referrer", "referer", "ref"],
    "device": ["device", "device_type"],
    "country": ["country", "country_code", "geo"],
    "revenue": ["revenue", "amount", "value"],
}


KNOWN = {alias for aliases in COLUMN_ALIASES.values() for alias in aliases}


class LoadError(Exception):
    """Raised when an input file cannot be used."""


def rename_columns(df):
    """Map the different column names of the exports to our names."""
    lookup = {column.strip().lower(): column for column in df.columns}
    renames = {}
    for name, aliases in COLUMN_ALIASES.items():
        for alias in aliases:
            if alias in lookup:
                renames[lookup[alias]] = name
                break
    return df.rename(columns=renames)


def is_known(column):
    return column.strip().lower() in KNOWN


def find_files(pattern):
    if os.path.isdir(pattern):
        return sorted(glob.glob(os.path.join(pattern, "*.csv")) + glob.glob(os.path.join(pattern, "*.csv.gz")))
    return sorted(glob.glob(pattern))


def load_events(patterns):
    """Load all event files into one data frame."""
    files = []
    for pattern in patterns:
        files.extend(find_files(pattern))
    if not files:
        raise LoadError("No input files found")
    frames = []
    for path in files:
        df = rename_columns(pd.read_csv(path, dtype=str, keep_default_na=False, usecols=is_known))
        missing = [name for name in ("user", "timestamp", "page") if name not in df.columns]
        if missing:
            raise LoadError(f"{path}: missing columns {', '.join(missing)}")
        for name in ("referrer", "device", "country", "revenue"):
            if name not in df.columns:
                df[name] = ""
        df["source_file"] = os.path.basename(path)
        frames.append(df[list(COLUMN_ALIASES) + ["source_file"]])
    return pd.concat(frames, ignore_index=True)


def load_users(path):
    """Columns: user, name, signup_date, plan, country."""
    users = pd.read_csv(path, dtype=str, keep_default_na=False)
    users = rename_columns(users)
    if "user" not in users.columns:
        raise LoadError(f"{path}: missing column user")
    users["user"] = users["user"].str.strip()
    if "signup_date" in users.columns:
        users["signup_date"] = pd.to_datetime(users["signup_date"], errors="coerce")
    return users.drop_duplicates("user", keep="last")


def load_products(path):
    """Columns: product_id, name, category, price, page."""
    products = pd.read_csv(path, dtype=str, keep_default_na=False)
    products.columns = [column.strip().lower() for column in products.columns]
    if "product_id" not in products.columns:
        raise LoadError(f"{path}: missing column product_id")
    if "price" in products.columns:
        products["price"] = pd.to_numeric(products["price"], errors="coerce")
    return products.drop_duplicates("product_id", keep="last")
