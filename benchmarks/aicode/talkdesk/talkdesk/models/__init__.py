from .account import Organisation, Role, User
from .base import Base, utcnow
from .conversation import (
    Attachment,
    Conversation,
    ConversationEmbedding,
    Message,
    Participant,
    ReadMarker,
    Status,
    Tag,
    conversation_tags,
)
from .delivery import DeliveryStatus, DigestDelivery, WebhookDelivery

__all__ = [
    "Attachment", "Base", "Conversation", "ConversationEmbedding", "DeliveryStatus",
    "DigestDelivery", "Message", "Organisation", "Participant", "ReadMarker", "Role", "Status",
    "Tag", "User", "WebhookDelivery", "conversation_tags", "utcnow",
]
