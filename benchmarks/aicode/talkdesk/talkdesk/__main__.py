"""python -m talkdesk: creates the tables that do not exist yet."""

import asyncio

from .config import Settings
from .db import create_tables, make_engine


async def main() -> None:
    engine = make_engine(Settings.from_env().database_url)
    await create_tables(engine)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
