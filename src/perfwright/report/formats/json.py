"""The whole record as JSON: the document of `finding.schema.json`, notes and possible findings too."""

import json

from perfwright.finding import Record
from perfwright.report._contract import Format, Options


def render(record: Record, _: Options) -> str:
    return json.dumps(record.to_json(), indent=2) + "\n"


FORMAT = Format(name="json", help="everything, for programs", render=render)
