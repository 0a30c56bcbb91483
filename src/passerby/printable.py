"""Text from files and users that cannot command a terminal or a spreadsheet."""

import re
import unicodedata

_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, tab and new line apart
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # change the direction of what follows
    "\u2028\u2029\ud800-\udfff]"  # line separators; bytes that are no UTF-8
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    """The text with control characters and those that change its direction shown as escapes, such as `\\x1b`."""
    return _HARMFUL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def printable_line(text: str) -> str:
    """`printable` text that stays on its line: tabs and new lines are shown as escapes too."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def guarded_cell(text: str) -> str:
    """A cell of a CSV file that a spreadsheet takes for text, not for a formula: with an apostrophe where needed."""
    return f"'{text}" if unicodedata.normalize("NFKC", text).startswith(_FORMULA) else text
