"""Similar articles by shared words, and recommendations made from them."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from itertools import chain, islice
from typing import Iterable

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from ..db import chunks
from ..models import Article, ArticleSimilarity, Event
from ..registry import JobContext, job
from ..text import words


LATEST = 20  # clicks that recommendations are made from


def similar(texts: dict[int, str], top: int = 5, check=lambda: None) -> dict[int, list[tuple[int, float]]]:
    """Cosine of the shared words, rare words counting more."""
    bags = {key: words(text) for key, text in texts.items()}
    frequency = Counter(word for bag in bags.values() for word in bag)
    total = len(bags)
    # words found in most articles say nothing and would make the index quadratic
    rarity = {word: math.log(1 + total / n) ** 2 for word, n in frequency.items()}
    weight = {word: rarity[word] for word, n in frequency.items() if n > 1 and (n <= total * 0.5 or total < 10)}
    keys = list(bags)
    shared = {key: bag & weight.keys() for key, bag in bags.items()}
    index = defaultdict(list)  # word -> positions of its articles
    for position, key in enumerate(keys):
        for word in shared[key]:
            index[word].append(position)
    length = {key: math.sqrt(sum(rarity[w] for w in bag)) for key, bag in bags.items()}
    result = {}
    for position, key in enumerate(keys):
        check()
        scores = [0.0] * total
        for word in shared[key]:
            value = weight[word]
            for other in index[word]:
                scores[other] += value
        scores[position] = 0.0
        own = length[key]
        found = heapq.nsmallest(top, ((-(s / (own * length[o])), o) for o, s in zip(keys, scores) if s))
        result[key] = [(other, round(-score, 6)) for score, other in found]
    return result


@job("similar-articles")
def similar_articles(ctx: JobContext, top: int = 5, newest: int = 3000) -> dict:
    with ctx.db.read() as session:
        rows = session.execute(select(Article.id, Article.title, Article.body)
                               .order_by(Article.published_at.desc(), Article.id.desc()).limit(newest)).all()
    found = similar({i: f"{title} {body}" for i, title, body in rows}, top, ctx.check)
    pairs = [dict(article_id=a, similar_id=b, score=s) for a, list_ in found.items() for b, s in list_]
    with ctx.db.write() as session:
        session.execute(delete(ArticleSimilarity))
        for part in chunks(pairs, 1000):
            session.execute(insert(ArticleSimilarity), part)
    return {"articles": len(rows), "pairs": len(pairs)}


class Recommender:
    """Articles similar to those a reader clicked, filled up with the newest."""

    def __init__(self, session: Session, newest: int = 3000):
        rows = session.execute(select(Article.id, Article.title, Article.url)
                               .order_by(Article.published_at.desc(), Article.id.desc()).limit(newest)).all()
        self.articles = {i: {"title": title, "url": url} for i, title, url in rows}
        self.newest = list(self.articles)
        self.similar: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for a, b, score in session.execute(select(ArticleSimilarity.article_id, ArticleSimilarity.similar_id,
                                                  ArticleSimilarity.score)):
            self.similar[a].append((b, score))

    @staticmethod
    def clicked(session: Session, subscribers: Iterable[int]) -> dict[int, list[int]]:
        """The latest clicks of each, newest first, and after them what else they clicked, once each."""
        clicks = (Event.type == "click", Event.article_id.is_not(None), Event.subscriber_id.in_(list(subscribers)))
        number = func.row_number().over(partition_by=Event.subscriber_id, order_by=Event.occurred_at.desc()).label("number")
        latest = select(Event.subscriber_id, Event.article_id, number).where(*clicks).subquery()
        result = defaultdict(list)
        for who, article in session.execute(select(latest.c.subscriber_id, latest.c.article_id)
                                            .where(latest.c.number <= LATEST)
                                            .order_by(latest.c.subscriber_id, latest.c.number)):
            result[who].append(article)
        recent = {who: set(found) for who, found in result.items() if len(found) == LATEST}
        if recent:
            for who, article in session.execute(select(Event.subscriber_id, Event.article_id).distinct().where(
                    Event.type == "click", Event.article_id.is_not(None), Event.subscriber_id.in_(list(recent)))):
                if article not in recent[who]:
                    result[who].append(article)
        return result

    def pick(self, clicked: list[int], count: int = 3) -> list[dict]:
        scores: dict[int, float] = defaultdict(float)
        for position, article in enumerate(clicked[:LATEST]):
            for other, score in self.similar.get(article, ()):
                scores[other] += score / (1 + position)
        seen = set(clicked)
        best = [i for i in sorted(scores, key=lambda i: (-scores[i], i)) if i not in seen and i in self.articles]
        rest = (i for i in self.newest if i not in seen and i not in scores)
        return [self.articles[i] for i in islice(chain(best, rest), max(count, 0))]
