"""Every place where a byte string stands in a file is found, whatever blocks the file is read in."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerby.gallery.erasure import traces
from passerby.gallery.erasure.traces import find_traces

LETTERS = st.binary(min_size=4, max_size=9).map(lambda text: bytes(65 + byte % 2 for byte in text))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200).map(lambda text: bytes(65 + byte % 2 for byte in text)),
    wanted=st.sets(LETTERS, min_size=1, max_size=6),
    block=st.integers(1, 60),
    stride=st.integers(1, 60),
)
def test_the_first_place_of_each_string_is_that_of_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, wanted: set[bytes], block: int, stride: int
) -> None:
    monkeypatch.setattr(traces, "_BLOCK", block)
    monkeypatch.setattr(traces, "_STRIDE", stride)
    file = tmp_path / "file"
    file.write_bytes(content)
    found = find_traces([tmp_path / "missing", file], [("name", text) for text in sorted(wanted)])
    assert {text: trace.offset for text, trace in found.items()} == {
        text: content.find(text) for text in wanted if text in content
    }
    assert {(trace.file, trace.kind) for trace in found.values()} <= {(file, "name")}
