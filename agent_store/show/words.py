"""Numbers and texts as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

# Letters of the id of a session that are shown: enough for `report explain`.
ID_LETTERS = 8
_SMALLEST_SHOWN = 0.01
_SMALLEST_SHARE = 0.0005
_THOUSAND = 1000
_EIGHTHS = " ▏▎▍▌▋▊▉"


def dollars(amount: float | None) -> str:
    """$1,234.56; a dash where nothing was priced."""
    if amount is None:
        return "–"
    if 0 < abs(amount) < _SMALLEST_SHOWN:
        return "<$0.01" if amount > 0 else ">-$0.01"
    return f"-${-amount:,.2f}" if amount < 0 else f"${abs(amount):,.2f}"


def short_number(number: int | None) -> str:
    """41.2M, 3.4k, 812."""
    if number is None:
        return "–"
    value = float(number)
    for unit in ("", "k", "M", "B"):
        if abs(value) < _THOUSAND or unit == "B":
            return f"{value:,.0f}" if unit == "" else f"{value:,.1f}{unit}"
        value /= _THOUSAND
    return f"{number:,}"


def bytes_in_words(count: int | None) -> str:
    """218.4 MB."""
    value = float(count or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if value < _THOUSAND or unit == "GB":
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= _THOUSAND
    return str(count)


def percent(part: float | None) -> str:
    """97.3 %; what is there is never shown as nothing."""
    if part is not None and 0 < part < _SMALLEST_SHARE:
        return "<0.1 %"
    return "–" if part is None else f"{100 * part + 0.0:.1f} %"


def bar(value: float, largest: float, width: int) -> str:
    """A bar of eighth blocks."""
    if largest <= 0 or value <= 0:
        return ""
    eighths = max(1, round(value / largest * width * 8))
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago a UTC time was: 3 minutes ago."""
    if moment is None:
        return "at an unknown time"
    current = now or datetime.now(UTC).replace(tzinfo=None)
    seconds = max(0, int((current - moment).total_seconds()))
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def cost_cell(cost_usd: float | None, unpriced_count: int | None) -> str:
    """$12.50*: an asterisk where something in it has no price."""
    if cost_usd is None and unpriced_count:
        return "no price"
    return dollars(cost_usd) + ("*" if unpriced_count else "")


def how_many(title: str, shown: int, count: int) -> str:
    """A title with how much of it is shown: Per model, the 15 most expensive of 40."""
    return title if shown >= count else f"{title}, the {shown:,} most expensive of {count:,}"


def one_line(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())
