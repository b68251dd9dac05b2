"""iCalendar (RFC 5545) for one employee's published shifts."""
from .. import util


def escape(text):
    return (text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
            .replace("\r\n", "\\n").replace("\n", "\\n"))


def fold(line):
    """Lines may hold 75 octets; a continuation starts with a space."""
    parts, current, size = [], "", 0
    for char in line:
        width = len(char.encode())
        if size + width > 75:
            parts.append(current)
            current, size = " ", 1
        current, size = current + char, size + width
    return "\r\n".join(parts + [current])


def calendar(employee, shifts):
    stamp, now = "%Y%m%dT%H%M%SZ", util.now()
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//shiftplan//EN", "CALSCALE:GREGORIAN",
             "X-WR-CALNAME:" + escape("Shifts of " + employee.name)]
    for shift in shifts:
        place = ", ".join(filter(None, [shift.location.name, shift.location.address]))
        lines += ["BEGIN:VEVENT", f"UID:shift-{shift.id}@shiftplan", f"DTSTAMP:{now:{stamp}}",
                  f"DTSTART:{shift.starts_at:{stamp}}", f"DTEND:{shift.ends_at:{stamp}}",
                  "SUMMARY:" + escape(f"{shift.skill.name} at {shift.location.name}"),
                  "LOCATION:" + escape(place), "END:VEVENT"]
    return "\r\n".join(fold(line) for line in lines + ["END:VCALENDAR"]) + "\r\n"
