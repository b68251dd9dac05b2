"""talkdesk: the backend of a support chat product."""
