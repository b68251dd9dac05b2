"""Running a project's own code on growing input, in its own interpreter, and saying how it grows."""
