"""The whole record as JSON: the document of `finding.schema.json`, notes and possible findings too, one a line."""

import json

from perfwright.finding import Record
from perfwright.report._contract import Format, Options


def render(record: Record, _: Options) -> str:
    parts = []
    for name, value in record.to_json().items():
        said = json.dumps(value)
        if isinstance(value, list) and value:
            said = "[\n    " + ",\n    ".join(map(json.dumps, value)) + "\n  ]"
        parts.append(f'  "{name}": {said}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


FORMAT = Format(name="json", help="everything, for programs", render=render)
