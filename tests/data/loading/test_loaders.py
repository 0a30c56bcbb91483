import threading
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.cache.pixel_cache import PixelCache
from passerby.data.loading.loaders import Batch, EvalLoader, PerImageSource, TrainLoader, open_source
from passerby.data.loading.sampling import identity_balanced_batches, shuffled_batches
from passerby.data.pixels.decoding import read_image
from passerby.data.split import JUNK
from passerby.errors import DataError
from tests.data.pictures import jpeg_split, truncate

TRAIN = TrainTransform(size=(32, 16), padding=3)
TEST = TestTransform(size=(32, 16))
COUNT = 24


@pytest.fixture
def split(tmp_path):
    return jpeg_split(tmp_path / "images", [(40, 20), (28, 14)] * (COUNT // 2), identities=6)


def sampler_of(split, **changes):
    arguments = {"identities_per_batch": 2, "images_per_identity": 2, "seed": 4} | changes
    return lambda epoch: identity_balanced_batches(split.identities, epoch=epoch, **arguments)


def loader_of(split, source, sampler=None, **changes) -> TrainLoader:
    return TrainLoader(split, source, TRAIN, sampler or sampler_of(split), **{"seed": 9} | changes)


def assert_same(ours: list[Batch], theirs: list[Batch]) -> None:
    assert len(ours) == len(theirs) > 0
    for first, second in zip(ours, theirs, strict=True):
        for name in Batch._fields:
            assert torch.equal(getattr(first, name), getattr(second, name)), name


def prefetching_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "passerby-prefetch"]


# --- what a batch holds ----------------------------------------------------------------------------------------------


def test_batches_have_the_documented_types(split):
    for loader in (loader_of(split, PerImageSource(split)), EvalLoader(split, PerImageSource(split), TEST, 4)):
        for batch in loader:
            assert batch.images.dtype == torch.float32
            assert batch.images.shape == (4, 3, 32, 16)
            for column in (batch.identities, batch.cameras, batch.indices):
                assert (column.dtype, column.shape) == (torch.int64, (4,))
            np.testing.assert_array_equal(batch.identities, split.identities[batch.indices])
            np.testing.assert_array_equal(batch.cameras, split.cameras[batch.indices])


def test_images_are_the_transform_of_their_files(split):
    batches = list(EvalLoader(split, PerImageSource(split), TEST, 5))
    for batch in batches:
        expected = torch.stack([TEST(read_image(split.path(row))) for row in batch.indices.tolist()])
        assert torch.equal(batch.images, expected)
    plain = replace(TRAIN, flip=0.0, padding=0, erasing=0.0)
    batch = next(iter(TrainLoader(split, PerImageSource(split), plain, sampler_of(split), seed=0)))
    for image, row in zip(batch.images, batch.indices.tolist(), strict=True):
        torch.testing.assert_close(image, plain.chain()(read_image(split.path(row))), atol=1e-6, rtol=0)


def test_unknown_cameras_are_minus_one(split):
    split = replace(split, cameras=None, camera_names=())
    for loader in (loader_of(split, PerImageSource(split)), EvalLoader(split, PerImageSource(split), TEST, 4)):
        assert set(next(iter(loader)).cameras.tolist()) == {-1}


# --- the same samples whatever else is chosen ------------------------------------------------------------------------


def test_a_target_cache_gives_the_same_samples_as_files(split, tmp_path):
    batches = {}
    for cache in ("target", "none"):
        reduced, source = open_source(split, TRAIN, cache=cache, folder=tmp_path / "cache", show_progress=False)
        batches[cache] = list(loader_of(reduced, source))
    assert_same(batches["target"], batches["none"])


def test_a_native_cache_is_within_a_grey_level_of_files(split, tmp_path):
    _, source = open_source(split, TEST, cache="native", folder=tmp_path / "cache", show_progress=False)
    ours = list(EvalLoader(split, source, TEST, 7))
    theirs = list(EvalLoader(split, PerImageSource(split), TEST, 7))
    for first, second in zip(ours, theirs, strict=True):
        assert (first.images - second.images).abs().max() <= 1 / 127.5 + 1e-6


@pytest.mark.parametrize("changes", [{"prefetch": 0}, {"prefetch": 5}])
def test_prefetching_changes_nothing(split, changes):
    assert_same(
        list(loader_of(split, PerImageSource(split), **changes)), list(loader_of(split, PerImageSource(split, 1)))
    )


def test_processes_share_the_samples_of_one_large_batch(split):
    whole = list(loader_of(split, PerImageSource(split), sampler_of(split, identities_per_batch=4)))
    for rank in range(2):
        sampler = sampler_of(split, rank=rank, processes=2)
        part = list(loader_of(split, PerImageSource(split), sampler, rank=rank, processes=2))
        assert len(part) == len(whole)
        for ours, theirs in zip(part, whole, strict=True):
            assert torch.equal(ours.images, theirs.images[rank * 4 : rank * 4 + 4])


def test_epochs_and_seeds_differ(split):
    loader = loader_of(split, PerImageSource(split))
    first = list(loader)
    assert_same(first, list(loader))
    loader.set_epoch(1)
    other = list(loader)
    assert not torch.equal(first[0].images, other[0].images)
    fixed = [np.arange(4)]
    images = [next(iter(loader_of(split, PerImageSource(split), lambda e: fixed, seed=s))).images for s in (1, 2)]
    assert not torch.equal(*images)


def test_global_generators_are_left_alone(split):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(loader_of(split, PerImageSource(split)))
    assert torch.equal(before, torch.get_rng_state())


def test_batches_may_differ_in_length(split):
    sampler = partial(shuffled_batches, COUNT, 7, seed=0)
    loader = loader_of(split, PerImageSource(split), lambda epoch: sampler(epoch=epoch))
    assert [len(batch.images) for batch in loader] == [7, 7, 7, 3]
    assert len(loader) == 4


# --- fast-forward ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, 1, 4, 6])
def test_fast_forward_gives_what_an_uninterrupted_run_sees(split, step):
    loader = loader_of(split, PerImageSource(split))
    loader.set_epoch(2)
    whole = list(loader)
    assert len(whole) == len(loader) == 6
    loader.skip_to(step)
    assert loader.start_step == step
    rest = list(loader)
    assert len(rest) == 6 - step
    if rest:
        assert_same(rest, whole[step:])
    assert len(loader) == 6
    assert_same(list(loader), whole)  # only the next iteration is shortened


def test_fast_forward_beyond_the_epoch_is_refused(split):
    with pytest.raises(DataError, match="cannot skip to step 7: epoch 0 has 6 steps"):
        loader_of(split, PerImageSource(split)).skip_to(7)


def test_evaluation_can_go_on_from_a_row(split):
    whole = list(EvalLoader(split, PerImageSource(split), TEST, 5))
    assert torch.cat([batch.indices for batch in whole]).tolist() == list(range(COUNT))
    rest = EvalLoader(split, PerImageSource(split), TEST, 5, rows=range(10, COUNT))
    assert_same(list(rest), whole[2:])
    assert len(rest) == 3
    some = next(iter(EvalLoader(split, PerImageSource(split), TEST, 5, rows=np.array([7, 3]))))
    assert some.indices.tolist() == [7, 3]


# --- threads ---------------------------------------------------------------------------------------------------------


def interrupted(loader: TrainLoader) -> None:
    for _ in loader:
        raise KeyboardInterrupt


def test_no_thread_is_left_behind(split):
    loader = loader_of(split, PerImageSource(split))
    for _ in loader:
        assert len(prefetching_threads()) == 1
        break
    assert not prefetching_threads()
    with pytest.raises(KeyboardInterrupt):
        interrupted(loader)
    iterator = iter(loader)
    next(iterator)
    del iterator
    list(loader)
    deadline = time.monotonic() + 5
    while prefetching_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not prefetching_threads()


def test_errors_in_the_thread_reach_the_consumer(split):
    truncate(split.path(13))
    seen: list[Batch] = []
    with pytest.raises(
        DataError, match=r"^at least 1 of 24 images cannot be read \(image .*0013\.jpg .* --skip-unreadable"
    ):
        seen.extend(EvalLoader(split, PerImageSource(split), TEST, 4))
    assert len(seen) == 3  # all batches before the bad one arrived
    assert not prefetching_threads()


def test_at_most_so_many_batches_are_made_ahead(split):
    asked = []

    class Counting(PerImageSource):
        def gather(self, rows, size, interpolation):
            asked.append(len(rows))
            return super().gather(rows, size, interpolation)

    iterator = iter(EvalLoader(split, Counting(split), TEST, 1, prefetch=2))
    next(iterator)
    time.sleep(0.3)
    assert len(asked) <= 1 + 2 + 1  # given, ready, and one being handed over
    del iterator


# --- opening ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cache", ["target", "native", "none"])
def test_unreadable_rows_are_never_sampled(split, tmp_path, cache):
    """All images of identity 2 and one of identity 0 are damaged."""
    bad = [*np.flatnonzero(split.identities == 2).tolist(), 6]
    for row in bad:
        truncate(split.path(row))
    arguments = {"cache": cache, "folder": tmp_path / "cache", "skip_unreadable": True, "show_progress": False}
    reduced, source = open_source(split, TRAIN, **arguments)
    assert len(reduced) == len(source) == COUNT - 5
    assert reduced.identity_names == ("person0", "person1", "person3", "person4", "person5")
    np.testing.assert_array_equal(np.unique(reduced.identities), np.arange(5))
    for batch in loader_of(reduced, source):
        for row, image in zip(batch.indices.tolist(), batch.images, strict=True):
            assert reduced.path(row).exists()
            assert image.isfinite().all()
    plain, source = open_source(split, TEST, **arguments)  # query and gallery share labels: they stay
    assert plain.identity_names == split.identity_names
    for batch in EvalLoader(plain, source, TEST, 4):
        for row, image in zip(batch.indices.tolist(), batch.images, strict=True):
            assert (image - TEST(read_image(plain.path(row)))).abs().max() <= 1 / 127.5 + 1e-6
    forced, _ = open_source(split, TEST, relabel=True, **arguments)
    assert forced.identity_names == reduced.identity_names


def test_rows_of_a_gallery_are_kept_as_they_are(split):
    identities = split.identities.copy()
    identities[[2, 5]] = JUNK
    gallery = replace(split, identities=identities)
    reduced, source = open_source(gallery, TEST, cache="none")
    assert reduced is gallery
    assert isinstance(source, PerImageSource)
    truncate(split.path(3))
    reduced, _ = open_source(gallery, TEST, skip_unreadable=True, show_progress=False)
    np.testing.assert_array_equal(reduced.identities, np.delete(identities, 3))


@pytest.mark.parametrize("cache", ["target", "native"])
def test_opening_refuses_unreadable_images_by_name(split, tmp_path, cache):
    truncate(split.path(4))
    with pytest.raises(DataError, match=r"1 of 24 .*0004\.jpg"):
        open_source(split, TRAIN, cache=cache, folder=tmp_path / "cache", show_progress=False)


def test_checking_without_a_cache_says_how_many(split, capsys):
    truncate(split.path(4))
    open_source(split, TEST, skip_unreadable=True)
    assert "1 of 24 images cannot be read and are left out" in capsys.readouterr().err.replace("\n", " ")
    for row in range(COUNT):
        truncate(split.path(row))
    with pytest.raises(DataError, match=r"none of the 24 images can be read .*: repair or replace them$"):
        open_source(split, TEST, skip_unreadable=True, show_progress=False)


def test_default_folder_is_used(split, tmp_path, monkeypatch):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "elsewhere"))
    _, source = open_source(split, TEST, cache="target", show_progress=False)
    assert isinstance(source, PixelCache)
    assert source.location.parent == tmp_path / "elsewhere"


def test_a_source_of_another_split_is_refused(split):
    with pytest.raises(DataError, match="23 labels, but 24 images"):
        EvalLoader(split.take(np.arange(23)), PerImageSource(split), TEST, 4)
    with pytest.raises(DataError, match="batch_size"):
        EvalLoader(split, PerImageSource(split), TEST, 0)


@pytest.mark.parametrize("cache", ["target", "native"])
def test_other_devices_are_served(split, tmp_path, cache):
    """The meta device has shapes and no pixels: enough to run everything that a GPU would do."""
    _, source = open_source(split, TRAIN, cache=cache, folder=tmp_path / "cache", show_progress=False)
    for loader in (
        loader_of(split, source, device="meta"),
        EvalLoader(split, source, replace(TEST, interpolation="bicubic"), 4, device="meta"),
    ):
        batches = list(loader)
        assert len(batches) == 6
        for batch in batches:
            assert {tensor.device.type for tensor in batch} == {"meta"}
            assert batch.images.shape == (4, 3, 32, 16)


# --- a GPU, where there is one ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("cache", ["target", "native"])
def test_a_gpu_gives_the_same_samples(split, tmp_path, cache):
    _, source = open_source(split, TRAIN, cache=cache, folder=tmp_path / "cache", show_progress=False)
    on_cpu = list(loader_of(split, source))
    on_gpu = list(loader_of(split, source, device="cuda"))
    tolerance = 1e-6 if cache == "target" else 2 / 127.5 + 1e-6
    for first, second in zip(on_cpu, on_gpu, strict=True):
        assert second.images.is_cuda
        assert (first.images - second.images.cpu()).abs().max() <= tolerance
        assert torch.equal(first.identities, second.identities.cpu())
