"""Arguments, files, exit codes: the only room that a person or a script talks to."""
