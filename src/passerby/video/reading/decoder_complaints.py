"""What the video decoder complains about on the standard error stream, the only place where it tells of damage."""

import os
import re
import sys
import tempfile

_LINE = re.compile(rb"^\[[\w,:. -]+ @ 0x[0-9a-f]+\] (.*)$", re.MULTILINE)  # [h264 @ 0x55d0] error while decoding MB 3 4
_MOST_KEPT = 1 << 20


class DecoderComplaints:
    """Catches what this process writes to its standard error stream, and tells decoders' errors from it.

    For processes that do nothing but decode: whatever else is written there is lost.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("ab+", buffering=0)  # noqa: SIM115 - as long as the process
        sys.stderr.flush()
        os.dup2(self._file.fileno(), 2)
        self._seen = 0
        self.last = ""

    def any_new(self) -> bool:
        """Whether a decoder complained since the last call; `last` then says of what."""
        size = os.fstat(self._file.fileno()).st_size
        if size == self._seen:
            return False
        text = os.pread(self._file.fileno(), _MOST_KEPT, self._seen)
        self._seen = size
        if size > _MOST_KEPT:
            os.ftruncate(self._file.fileno(), 0)
            self._seen = 0
        lines = _LINE.findall(text)
        if lines:
            self.last = lines[-1].decode("utf-8", "replace").strip()
        return bool(lines)
