"""While a service runs, what becomes too old goes."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from passerby.errors import GalleryError
from passerby.gallery.gallery import open_gallery
from passerby.serve.state.retention import retain_daily
from passerby.serve.state.service import Service


def test_what_becomes_too_old_goes_and_what_hinders_it_is_told(
    gallery: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service = Service(gallery)
    with open_gallery(gallery) as other:
        count = len(other)
        other.hold(tracklet=1, reason="case 7")
        other.retain(1e5)  # days: nothing is as old
        monkeypatch.setattr("passerby.gallery.retention.now", lambda: 2**62)  # everything is

    async def run(*, until_told: str) -> str:
        task = asyncio.create_task(retain_daily(service, pause=0.01))
        told = ""
        while until_told not in told:
            await asyncio.sleep(0.01)
            told += capsys.readouterr().err
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return told

    with monkeypatch.context() as hindered:
        hindered.setattr("passerby.gallery.keeping.erase", refuses)
        assert "what is too old could not be erased: the disk is full" in asyncio.run(run(until_told="full"))
        hindered.setattr("passerby.gallery.keeping.erase", breaks)
        assert asyncio.run(run(until_told="gone\n")).count("erased: OSError: the folder is gone\n") > 0
    assert f"erased {count - 1:,} tracklets" in asyncio.run(run(until_told="erased"))
    assert [each.number for each in service.gallery.get([1])] == [1]
    assert len(service.gallery) == 1
    service.close()


def refuses(*_: object) -> None:
    raise GalleryError("the disk is full")


def breaks(*_: object) -> None:
    raise OSError("the folder is gone")
