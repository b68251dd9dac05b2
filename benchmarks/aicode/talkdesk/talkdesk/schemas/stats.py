from datetime import date

from pydantic import BaseModel


class Overview(BaseModel):
    open_conversations: int
    waiting_conversations: int
    unassigned_conversations: int
    longest_wait_seconds: int | None
    average_first_response_seconds: float | None
    average_response_seconds: float | None
    average_rating: float | None
    ratings: int


class AgentStats(BaseModel):
    agent_id: int
    name: str
    open_conversations: int = 0
    replies: int = 0
    average_response_seconds: float | None = None
    closed_conversations: int = 0
    average_rating: float | None = None
    ratings: int = 0


class DayStats(BaseModel):
    day: date
    opened: int = 0
    closed: int = 0
    open_at_end: int = 0
    replies: int = 0
    average_response_seconds: float | None = None
    average_rating: float | None = None
    ratings: int = 0
