"""One message per subscriber of a campaign's segment."""

from __future__ import annotations

import secrets
from urllib.parse import quote

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from sqlalchemy import select, update

from .. import queue
from ..db import insert_ignore
from ..models import Campaign, Message, SegmentMember, Subscriber, Suppression
from ..registry import JobContext, PermanentError, job
from .articles import Recommender

BATCH = 200


@job("render-campaign")
def render_campaign(ctx: JobContext, campaign_id: int, articles: int = 3, then_send: bool = False) -> dict:
    """Can be repeated: subscribers who have their message already are left out."""
    with ctx.db.write() as session:
        started = session.execute(
            update(Campaign).where(Campaign.id == campaign_id, Campaign.status.in_(("draft", "rendering", "rendered")))
            .values(status="rendering")).rowcount
        if not started:
            raise PermanentError(f"campaign {campaign_id} does not exist or is being sent already")
        campaign = session.get_one(Campaign, campaign_id)
    try:
        plain = SandboxedEnvironment(undefined=StrictUndefined)
        subject, text = plain.from_string(campaign.subject), plain.from_string(campaign.text_template)
        html = SandboxedEnvironment(undefined=StrictUndefined, autoescape=True).from_string(campaign.html_template)
    except TemplateError as error:
        raise PermanentError(f"campaign {campaign_id}: template: {error}") from error
    with ctx.db.read() as session:
        recommender = Recommender(session)

    has_message = select(Message.id).where(Message.campaign_id == campaign_id,
                                           Message.to_norm == Subscriber.email_norm).exists()
    rendered, last_id = 0, 0
    while True:
        ctx.check()
        with ctx.db.read() as session:
            people = session.scalars(
                select(Subscriber).join(SegmentMember, SegmentMember.subscriber_id == Subscriber.id)
                .where(SegmentMember.segment_id == campaign.segment_id, Subscriber.id > last_id,
                       Subscriber.status == "active", ~has_message,
                       Subscriber.email_norm.not_in(select(Suppression.email_norm)))
                .order_by(Subscriber.id).limit(BATCH)).all()
            clicked = recommender.clicked(session, [p.id for p in people])
        if not people:
            break
        last_id, rows = people[-1].id, []
        for person in people:
            token = secrets.token_urlsafe(24)
            values = dict(
                name=person.name or "reader", first_name=(person.name.split() or ["reader"])[0], email=person.email,
                country=person.country or "", articles=recommender.pick(clicked.get(person.id, []), articles),
                campaign=campaign.name, unsubscribe_url=f"{ctx.config.unsubscribe_url}?t={quote(token)}")
            try:
                rows.append(dict(campaign_id=campaign_id, subscriber_id=person.id, token=token, to_email=person.email,
                                 to_norm=person.email_norm, subject=" ".join(subject.render(values).split()),
                                 html=html.render(values), text=text.render(values)))
            except Exception as error:  # anything a template can do wrong
                raise PermanentError(f"campaign {campaign_id}: template: {error}") from error
        with ctx.db.write() as session:
            rendered += len(insert_ignore(session, Message, rows, returning=Message.id))
    with ctx.db.write() as session:
        session.execute(update(Campaign).where(Campaign.id == campaign_id, Campaign.status == "rendering")
                        .values(status="rendered"))
        if then_send:
            queue.enqueue(session, "send-campaign", {"campaign_id": campaign_id}, priority=5,
                          unique_key=f"send:{campaign_id}")
    return {"rendered": rendered}
