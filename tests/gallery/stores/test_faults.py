"""Full, read-only and damaged disks end with one line, and nothing that was acknowledged is lost."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from passerby.errors import GalleryError
from passerby.gallery.gallery import open_gallery
from tests.gallery.erasure.test_erasing import with_pictures
from tests.gallery.people import MODEL, made_up

ADD_UNTIL_FULL = """
import sys
from dataclasses import replace
from pathlib import Path
from passerby.errors import GalleryError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.records import Crop
from tests.gallery.people import made_up
folder = Path(sys.argv[1])
filler = folder / "filler"
filler.write_bytes(bytes(1_500_000))
def some(seed):
    return [replace(each, crops=[Crop(0, bytes(range(256)) * 40)]) for each in made_up(5, seed=seed)]
with open_gallery(folder / "gallery", create=True) as gallery:
    done, message = 0, None
    while message is None:
        try:
            gallery.add(some(done))
            done += 1
        except GalleryError as error:
            message = str(error)
    try:
        gallery.backup(folder / "backup")
    except GalleryError as error:
        backup = str(error)
    left = sorted(each.name for each in folder.iterdir())
    assert len(gallery) == 5 * done, (len(gallery), done)
    try:
        gallery.erase([1])
        erased = 1
    except GalleryError as error:
        assert "disk is full" in str(error), error
        erased = len(gallery) - 5 * done
        assert erased == 0, "an erasure that is refused takes nothing"
    filler.unlink()
with open_gallery(folder / "gallery") as gallery:
    assert len(gallery) == 5 * done - erased
    if not erased:
        gallery.erase([1])
    assert len(gallery.receipts()) == 1
    gallery.add(made_up(1, seed=99))
    assert not [each for each in gallery.verify() if each.kind != "picture"]
print(done, message, backup, left, sep="\\n")
"""


def unshared(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script where it may mount disks; skips where nobody may."""
    if (
        shutil.which("unshare") is None
        or subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "small", "/mnt"], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("no small disk can be made here")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path.cwd())])}
    command = ["unshare", "-rm", "sh", "-ec", script, "sh", sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_full_disk_is_told_and_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    script = f'mount -t tmpfs -o size=3000k small {tmp_path}; "$1" -c "$2" {tmp_path}'
    done = unshared(script, ADD_UNTIL_FULL)
    assert done.returncode == 0, done.stderr
    count, message, backup, left = done.stdout.splitlines()
    assert int(count) > 3
    assert message.endswith("the disk is full: nothing of this was stored; make room and repeat it")
    assert "full" in backup or "No space left" in backup
    assert left == "['filler', 'gallery']"


def _add_up_to_a_limit(folder: str) -> None:
    with open_gallery(folder) as gallery:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        for seed in range(1_000):
            gallery.add(with_pictures(made_up(5, seed=seed)) if not seed else made_up(50, seed=seed))


def test_a_disk_that_cannot_be_written_is_told_and_what_was_there_stays(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        gallery.add(made_up(20, seed=7))
    script = "import sys; from tests.gallery.stores.test_faults import _add_up_to_a_limit as add; add(sys.argv[1])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path.cwd())])}
    command = [sys.executable, "-c", script, str(tmp_path / "gallery")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stderr.splitlines()[-1].startswith("passerby.errors.StoreError:")
    assert "cannot be read or written" in done.stderr
    with open_gallery(tmp_path / "gallery") as gallery:
        assert len(gallery) >= 25
        assert {each.kind for each in gallery.verify()} == {"picture"}


def test_a_read_only_folder_is_told_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    with open_gallery(folder, create=True) as gallery:
        gallery.add(made_up(5))
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    add = "from passerby.gallery.gallery import open_gallery; from tests.gallery.people import made_up; import sys\n"
    add += "with open_gallery(sys.argv[1]) as gallery:\n    gallery.add(made_up(9))"
    script = f'mount --bind {folder} {folder}; mount -o remount,ro,bind {folder}; "$1" -c "$2" {folder}'
    done = unshared(script, add)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("passerby.errors.StoreError:")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_truncated_file_is_told_in_one_line(tmp_path: Path, share: float) -> None:
    with open_gallery(tmp_path, create=True) as gallery:
        gallery.add(with_pictures(made_up(40)))
    file = tmp_path / "gallery.sqlite"
    content = file.read_bytes()
    cut = content[: int(share * len(content))]
    file.write_bytes(cut)
    messages, opened = [], False
    try:
        with open_gallery(tmp_path) as gallery:
            opened = True
            messages += [each.message for each in gallery.verify() if each.kind != "picture"]
            gallery.search(made_up(1)[0].features[MODEL].vector)
            for number in range(1, 41):
                gallery.crops(number)
    except GalleryError as error:
        messages.append(str(error))
    assert messages
    assert not [message for message in messages if "\n" in message]
    assert opened or file.read_bytes() == cut
