"""Summaries, suggestions and similar conversations.

No database connection is held while the AI service is working. Internal notes are never sent.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from ..models import Conversation, ConversationEmbedding, Message, Organisation, Status
from ..schemas.conversation import SimilarOut

if TYPE_CHECKING:
    from ..context import Context

log = logging.getLogger(__name__)
MAX_CANDIDATES = 5000


async def _get(ctx: "Context", conversation_id: int) -> Conversation:
    async with ctx.sessions() as session:
        return await session.get_one(Conversation, conversation_id)


async def _load(ctx: "Context", conversation_id: int) -> tuple[Conversation, str]:
    """The conversation and its transcript, cut at the front if it is long."""
    conversation = await _get(ctx, conversation_id)
    return conversation, await _transcript(ctx, conversation)


async def _transcript(ctx: "Context", conversation: Conversation) -> str:
    async with ctx.sessions() as session:
        rows = await session.scalars(
            select(Message)
            .where(
                Message.conversation_id == conversation.id,
                Message.is_internal.is_(False),
                Message.id <= conversation.last_message_id,
            )
            .options(selectinload(Message.sender))
            .order_by(Message.id.desc())
            .limit(200)
        )
        lines = [
            f"{'Agent' if m.sender.is_agent else 'Customer'} {m.sender.name}: {m.body}"
            for m in reversed(rows.all())
        ]
    text = "\n".join(lines)[-ctx.settings.ai_max_transcript_chars :]
    return f"Subject: {conversation.subject}\n{text}"


async def suggest_reply(ctx: "Context", conversation_id: int, instruction: str | None) -> str:
    conversation, transcript = await _load(ctx, conversation_id)
    async with ctx.sessions() as session:
        organisation = await session.get_one(Organisation, conversation.organisation_id)
    return await ctx.ai.suggest_reply(organisation.name, transcript, instruction)


async def summarise(
    ctx: "Context", conversation_id: int, transcripts: dict[int, str] | None = None
) -> tuple[str, bool]:
    """The summary, and whether a stored one was still current.

    `transcripts` keeps what was loaded for who needs it next.
    """
    conversation = await _get(ctx, conversation_id)
    if conversation.summary and conversation.summary_message_id == conversation.last_message_id:
        return conversation.summary, True
    transcript = await _transcript(ctx, conversation)
    if transcripts is not None:
        transcripts[conversation_id] = transcript
    summary = await ctx.ai.summarise(transcript)
    async with ctx.sessions() as session:
        row = await session.get_one(Conversation, conversation_id)
        row.summary, row.summary_message_id = summary, conversation.last_message_id
        await session.commit()
    return summary, False


async def embedding(
    ctx: "Context", conversation_id: int, transcripts: dict[int, str] | None = None
) -> np.ndarray:
    model = ctx.settings.ai_embedding_model
    async with ctx.sessions() as session:
        conversation = await session.get_one(Conversation, conversation_id)
        stored = await session.get(ConversationEmbedding, conversation_id)
    if stored and stored.model == model and stored.message_id == conversation.last_message_id:
        return np.frombuffer(stored.vector, dtype=np.float32)
    transcript = (transcripts or {}).pop(conversation_id, None)
    if transcript is None:
        transcript = await _transcript(ctx, conversation)
    vector = np.asarray(await ctx.ai.embed(transcript), dtype=np.float32)
    vector = vector / (np.linalg.norm(vector) or 1.0)
    async with ctx.sessions() as session:
        await session.merge(
            ConversationEmbedding(
                conversation_id=conversation_id,
                model=model,
                message_id=conversation.last_message_id,
                vector=vector.tobytes(),
            )
        )
        await session.commit()
    return vector


async def index_closed(ctx: "Context", conversation_id: int) -> None:
    """Runs in the background after closing; the nightly job fills what failed here."""
    if not ctx.ai.enabled:
        return
    try:
        await embedding(ctx, conversation_id)
    except Exception:
        log.exception("could not embed conversation %s", conversation_id)


def _best(rows, vector: np.ndarray, limit: int) -> dict[int, float]:
    """The ids and scores of the nearest, the best first."""
    rows = [r for r in rows if len(r.vector) == vector.nbytes]
    if not rows:
        return {}
    matrix = np.frombuffer(b"".join(r.vector for r in rows), dtype=np.float32).reshape(len(rows), -1)
    scores = matrix @ vector
    return {rows[i].id: float(scores[i]) for i in np.argsort(-scores)[:limit]}


async def similar(
    ctx: "Context", organisation_id: int, conversation_id: int, limit: int
) -> list[SimilarOut]:
    vector = await embedding(ctx, conversation_id)
    async with ctx.sessions() as session:
        rows = (
            await session.execute(
                select(Conversation.id, ConversationEmbedding.vector)
                .join(
                    ConversationEmbedding, ConversationEmbedding.conversation_id == Conversation.id
                )
                .where(
                    Conversation.organisation_id == organisation_id,
                    Conversation.status == Status.CLOSED,
                    Conversation.id != conversation_id,
                    ConversationEmbedding.model == ctx.settings.ai_embedding_model,
                )
                .order_by(Conversation.closed_at.desc())
                .limit(MAX_CANDIDATES)
            )
        ).all()
    best = await asyncio.to_thread(_best, rows, vector, limit)  # the event loop goes on
    if not best:
        return []
    async with ctx.sessions() as session:
        found = await session.scalars(select(Conversation).where(Conversation.id.in_(best)))
        by_id = {c.id: c for c in found}
    return [
        SimilarOut(
            conversation_id=i,
            subject=by_id[i].subject,
            summary=by_id[i].summary,
            closed_at=by_id[i].closed_at,
            score=round(score, 4),
        )
        for i, score in best.items()
    ]
