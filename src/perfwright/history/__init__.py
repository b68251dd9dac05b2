"""What git knows of the analysed program: the lines that changed."""
