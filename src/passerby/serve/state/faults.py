"""What is told of faults in work that goes on beside the requests, which nobody awaits."""

from passerby.errors import PasserbyError
from passerby.printable import printable_line


def told(error: Exception) -> str:
    """An error in a line; of one that nobody foresaw the kind too."""
    return str(error) if isinstance(error, PasserbyError) else f"{type(error).__name__}: {printable_line(str(error))}"
