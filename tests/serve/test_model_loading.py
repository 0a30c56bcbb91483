"""A model that does not load at first, for a reason that nobody foresaw, is tried again and told of once."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from passerby.serve.state.loading import load_model
from passerby.serve.state.service import Service


def test_an_unforeseen_fault_is_told_once_and_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    tries = 0
    searcher = SimpleNamespace(loaded=False)

    def check(_: object) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise RuntimeError("the disk\x1b[31m went away")
        searcher.loaded = True

    searcher.check = check

    async def run(work, *given):  # type: ignore[no-untyped-def]
        return work(*given)

    asyncio.run(load_model(cast(Service, SimpleNamespace(searcher=searcher, gallery=None, run=run)), pause=0))
    said = capsys.readouterr().err
    assert tries == 3
    assert said.count("the model is not loaded: RuntimeError: the disk") == 1
    assert "\x1b" not in said
