"""HTML: one page that opens from disk, for a person who has time to look."""

from perfwright.report._contract import Format
from perfwright.report.html.checked import check

FORMAT = Format(name="html", help="a page that opens from disk", render=check)
