"""Fills a database with demo data: python seed.py [--reset]

--reset drops all talkdesk tables first.
"""

import argparse
import asyncio
import random
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from talkdesk.config import Settings
from talkdesk.db import create_tables, make_engine, make_sessions
from talkdesk.models import Organisation, Role, utcnow
from talkdesk.services import auth, conversations

PASSWORD = "demo-password"
ORGANISATIONS = {
    "Acme Bikes": ["Ada Admin", "Ben Weber", "Chloe Martin"],
    "Northwind Tea": ["Nora Boss", "Omar Haddad"],
}
CUSTOMERS = ["Dana Lee", "Eli Novak", "Fatima Khan", "George Brown", "Hana Sato", "Ivan Petrov"]
STORIES = [
    ("Refund for order {n}", ["billing", "refund"], [
        "Hello, my order {n} arrived broken. Can I get a refund?",
        "I am sorry to hear that. Could you send us a photo of the damage?",
        "Sure, here it is. The box was open as well.",
        "Thank you. The refund is on its way; it takes three to five days.",
    ]),
    ("Where is my parcel {n}?", ["shipping"], [
        "The tracking for parcel {n} has not moved for a week.",
        "Let me ask the carrier. I will be back today.",
        "Thanks, I am waiting.",
        "They found it: delivery is tomorrow before noon.",
    ]),
    ("I cannot log in", ["account"], [
        "I cannot log in; the reset mail never arrives.",
        "I have sent a new link just now. Please look in the spam folder, too.",
        "It was there. It works now, thank you!",
        "Great, have a nice day.",
    ]),
    ("Question about invoice {n}", ["billing"], [
        "Invoice {n} has the wrong address. Can you correct it?",
        "Of course. What should the address be?",
        "12 Harbour Street, Bristol.",
        "Done, the corrected invoice is in your mailbox.",
    ]),
]


async def seed_conversation(session: AsyncSession, rng, agents, customer, days_ago: int) -> None:
    subject, tags, script = rng.choice(STORIES)
    number = rng.randint(1000, 9999)
    agent = rng.choice(agents)
    now = utcnow()
    # Everything has to lie in the past, so a story starts some hours before now.
    at = now - timedelta(days=days_ago, hours=rng.uniform(5, 9))
    finished = days_ago > 1 or rng.random() < 0.4
    texts = script if finished else script[: rng.randint(1, 3)]
    conversation = await conversations.open_conversation(
        session, customer, subject.format(n=number), texts[0].format(n=number), at=at
    )
    for i, text in enumerate(texts[1:], start=1):
        at += timedelta(minutes=rng.uniform(2, 70))
        sender = agent if i % 2 else customer
        await conversations.post_message(session, sender, conversation.id, text, at=at)
    await conversations.set_tags(session, agent, conversation.id, tags)
    if rng.random() < 0.3:
        await conversations.post_message(
            session, agent, conversation.id, "Note: second contact this month.", internal=True, at=at
        )
    if finished:
        at += timedelta(minutes=rng.uniform(1, 40))
        await conversations.close(session, agent, conversation.id, at=at)
        if rng.random() < 0.7:
            rating = rng.choice([2, 3, 4, 4, 5, 5, 5])
            await conversations.rate(session, customer, conversation.id, rating, at=at)


async def seed(session: AsyncSession, per_organisation: int = 40) -> None:
    rng = random.Random(7)
    for name, staff in ORGANISATIONS.items():
        organisation = await auth.create_organisation(session, name)

        async def add(person: str, role: Role):
            email = f"{person.split()[0].lower()}@{organisation.slug}.example.com"
            return await auth.create_user(session, organisation.id, person, email, PASSWORD, role)

        agents = [await add(p, Role.AGENT if i else Role.ADMIN) for i, p in enumerate(staff)]
        customers = [await add(p, Role.CUSTOMER) for p in CUSTOMERS]
        for i in range(per_organisation):
            days_ago = 13 - i * 14 // per_organisation
            await seed_conversation(session, rng, agents, rng.choice(customers), days_ago)
    await session.commit()


async def main(reset: bool) -> None:
    engine = make_engine(Settings.from_env().database_url)
    await create_tables(engine, reset=reset)
    async with make_sessions(engine)() as session:
        if await session.scalar(select(Organisation.id).limit(1)):
            raise SystemExit("the database is not empty; use --reset to start over")
        await seed(session)
    await engine.dispose()
    print(f"Done. Log in as ada@acme-bikes.example.com with the password {PASSWORD!r}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reset", action="store_true")
    asyncio.run(main(parser.parse_args().reset))
