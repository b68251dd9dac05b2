"""`python -m perfwright`: the command line."""

from perfwright.app.main import main

main()
