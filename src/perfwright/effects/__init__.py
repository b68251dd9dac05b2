"""What each function does and costs: source summarised bottom-up, library calls read from data."""
