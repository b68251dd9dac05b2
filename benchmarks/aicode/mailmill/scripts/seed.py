"""Fill the development database: subscribers, articles, a segment and a campaign.

    python scripts/seed.py [--subscribers 500]
"""

from __future__ import annotations

import argparse
import random
import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import func, select  # noqa: E402

from mailmill.config import Config  # noqa: E402
from mailmill.db import Database, insert_ignore, utcnow  # noqa: E402
from mailmill.jobs.importing import Contact, save_contacts  # noqa: E402
from mailmill.models import Article, Campaign, Segment  # noqa: E402

TOPICS = {"garden": "tomatoes soil compost seeds roses watering pruning greenhouse",
          "kitchen": "bread flour oven tomatoes soup basil butter recipe",
          "travel": "train mountains hotel island ferry hiking passport harbour"}
HTML = """<h1>Hello {{ first_name }}</h1><p>This week for you:</p><ul>
{% for a in articles %}<li><a href="{{ a.url }}">{{ a.title }}</a></li>{% endfor %}</ul>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>"""
TEXT = """Hello {{ first_name }},
{% for a in articles %}
- {{ a.title }}: {{ a.url }}{% endfor %}

Unsubscribe: {{ unsubscribe_url }}
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--subscribers", type=int, default=500)
    args = parser.parse_args()
    rng = random.Random(7)
    db = Database(Config.from_env().database_url)
    db.create_all()
    now = utcnow()
    people = [Contact(f"reader{i}@example.com", f"Reader {i}", rng.choice(["DE", "AT", "FR", "US"]),
                      set(rng.sample(["vip", "trial", "garden", "travel"], rng.randint(0, 2))), rng.randint(0, 30000),
                      now - timedelta(days=rng.randint(0, 200)) if rng.random() < 0.8 else None)
              for i in range(args.subscribers)]
    articles = []
    for number in range(30):
        topic = rng.choice(list(TOPICS))
        body = rng.sample(TOPICS[topic].split(), 5)
        articles.append(dict(title=f"{topic.title()}: {body[0]} and {body[1]}", url=f"https://example.com/a/{number}",
                             body=" ".join(body), published_at=now - timedelta(days=number)))
    with db.write() as session:
        for start in range(0, len(people), 500):
            save_contacts(session, people[start:start + 500], "seed")
        insert_ignore(session, Article, articles)
        insert_ignore(session, Segment, [dict(name="german-speaking, active", rules={"all": [
            {"field": "country", "op": "in", "value": ["DE", "AT"]},
            {"field": "last_opened", "op": "within_days", "value": 90}]})])
        segment_id = session.scalar(select(Segment.id).where(Segment.name == "german-speaking, active"))
        if not session.scalar(select(func.count()).select_from(Campaign)):
            session.add(Campaign(name="Weekly letter", subject="{{ first_name }}, your weekly letter",
                                 html_template=HTML, text_template=TEXT, segment_id=segment_id))
    print(f"seeded {len(people)} subscribers, {len(articles)} articles, 1 segment, 1 campaign")


if __name__ == "__main__":
    main()
