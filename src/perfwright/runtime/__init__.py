"""What a running program does: watched inside its own interpreter, judged outside it."""
