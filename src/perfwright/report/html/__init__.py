"""The report as one HTML page, which opens from disk: of a check, of one function, of an application.

Same documents, same bytes: nothing of the clock, the machine or the user is in a page.
"""
