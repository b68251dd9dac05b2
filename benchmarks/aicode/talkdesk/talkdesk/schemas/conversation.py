from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints

from ..models import Status
from .account import UserRef

Body = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
TagName = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=40)
]


class AttachmentIn(BaseModel):
    filename: str = Field(min_length=1, max_length=255)
    content_type: str = Field(min_length=1, max_length=100)
    size_bytes: int = Field(ge=0, le=2_000_000_000)
    url: Annotated[HttpUrl, Field(max_length=1000)]


class AttachmentOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    filename: str
    content_type: str
    size_bytes: int
    url: str


class MessageCreate(BaseModel):
    body: Body
    attachments: list[AttachmentIn] = Field(default=[], max_length=10)


class ConversationCreate(MessageCreate):
    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    customer_id: int | None = Field(None, description="required when an agent opens it")


class MessageOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    conversation_id: int
    sender: UserRef
    body: str
    is_internal: bool
    created_at: datetime
    attachments: list[AttachmentOut]


class LastMessage(BaseModel):
    id: int
    sender_id: int
    preview: str
    created_at: datetime


class ConversationOut(BaseModel):
    id: int
    subject: str
    status: Status
    customer: UserRef
    assignee: UserRef | None
    participants: list[UserRef]
    tags: list[str]
    last_message: LastMessage | None
    unread_count: int
    waiting_since: datetime | None
    waiting_seconds: int | None
    created_at: datetime
    closed_at: datetime | None
    rating: int | None
    rating_comment: str | None
    summary: str | None


class ConversationPage(BaseModel):
    total: int
    items: list[ConversationOut]


class InboxCounts(BaseModel):
    mine: int
    unassigned: int
    all_open: int
    unread_conversations: int
    unread_messages: int


class Inbox(BaseModel):
    counts: InboxCounts
    items: list[ConversationOut]


class SearchHit(BaseModel):
    conversation_id: int
    subject: str
    status: Status
    message: MessageOut


class SearchPage(BaseModel):
    total: int
    items: list[SearchHit]


class ReadUpTo(BaseModel):
    message_id: int | None = Field(None, description="default: the newest message")


class Assign(BaseModel):
    assignee_id: int | None


class TagsIn(BaseModel):
    tags: list[TagName] = Field(max_length=20)


class Rating(BaseModel):
    rating: int = Field(ge=1, le=5)
    comment: str | None = Field(None, max_length=1000)


class SuggestionIn(BaseModel):
    instruction: str | None = Field(None, max_length=500, description="e.g. 'offer a refund'")


class SuggestionOut(BaseModel):
    suggestion: str


class SummaryOut(BaseModel):
    summary: str
    cached: bool


class SimilarOut(BaseModel):
    conversation_id: int
    subject: str
    summary: str | None
    closed_at: datetime | None
    score: float


class TagOut(BaseModel):
    id: int
    name: str
    conversations: int
