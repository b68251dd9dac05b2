from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    Column, ForeignKey, Index, LargeBinary, String, Table, Text, UniqueConstraint, text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .account import User
from .base import Base, str_enum, utcnow


class Status(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


conversation_tags = Table(
    "conversation_tags",
    Base.metadata,
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Tag(Base):
    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("organisation_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(String(40))


class Participant(Base):
    __tablename__ = "participants"

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    joined_at: Mapped[datetime] = mapped_column(default=utcnow)


class ReadMarker(Base):
    """How far a user has read; an agent may read without taking part."""

    __tablename__ = "read_markers"

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    last_read_message_id: Mapped[int] = mapped_column(default=0)


class Conversation(Base):
    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_inbox", "organisation_id", "status", "last_message_at"),
        Index("ix_conversations_closed", "organisation_id", "closed_at", "created_at"),
        Index("ix_conversations_last", "organisation_id", "last_message_at", "id"),
        Index("ix_conversations_created", "organisation_id", "created_at"),
        Index("ix_conversations_rated", "organisation_id", "rated_at"),
        # The inbox of everybody and of one agent, in the order in which it is shown.
        Index(
            "ix_conversations_waiting", "organisation_id", "status", "waiting_since",
            text("last_message_at DESC"), text("id DESC"),
        ),
        Index(
            "ix_conversations_mine", "organisation_id", "status", "assignee_id", "waiting_since",
            text("last_message_at DESC"), text("id DESC"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    subject: Mapped[str] = mapped_column(String(200))
    status: Mapped[Status] = mapped_column(str_enum(Status), default=Status.OPEN)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    # The last message that the customer can see, too.
    last_message_id: Mapped[int | None]
    last_message_at: Mapped[datetime] = mapped_column(default=utcnow)
    # Set while the customer waits for an answer.
    waiting_since: Mapped[datetime | None]
    first_response_seconds: Mapped[float | None]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    rating: Mapped[int | None]
    rating_comment: Mapped[str | None] = mapped_column(String(1000))
    rated_at: Mapped[datetime | None]
    summary: Mapped[str | None] = mapped_column(Text)
    # last_message_id when the summary was made; it is stale once they differ.
    summary_message_id: Mapped[int | None]

    customer: Mapped[User] = relationship(foreign_keys=customer_id, lazy="raise")
    assignee: Mapped[User | None] = relationship(foreign_keys=assignee_id, lazy="raise")
    tags: Mapped[list[Tag]] = relationship(
        secondary=conversation_tags, order_by=Tag.name, lazy="raise"
    )
    participants: Mapped[list[User]] = relationship(
        secondary="participants", order_by=User.id, viewonly=True, lazy="raise"
    )


class Message(Base):
    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_conversation", "conversation_id", "id"),
        Index("ix_messages_sender_created", "sender_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    body: Mapped[str] = mapped_column(Text)
    is_internal: Mapped[bool] = mapped_column(default=False)
    # For an agent's reply: how long the customer had been waiting for it.
    response_seconds: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)

    sender: Mapped[User] = relationship(lazy="raise")
    conversation: Mapped[Conversation] = relationship(lazy="raise")
    attachments: Mapped[list["Attachment"]] = relationship(lazy="raise", order_by="Attachment.id")


class Attachment(Base):
    """Metadata only: the file itself lives in the client's object storage."""

    __tablename__ = "attachments"

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), index=True)
    filename: Mapped[str] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int]
    url: Mapped[str] = mapped_column(String(1000))


class ConversationEmbedding(Base):
    __tablename__ = "conversation_embeddings"

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    model: Mapped[str] = mapped_column(String(100))
    message_id: Mapped[int]
    vector: Mapped[bytes] = mapped_column(LargeBinary)  # normalised float32
