"""An index of features finds what it says it finds, is right under filters, and holds nothing of who was erased."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.cli import main
from passerby.errors import GalleryError
from passerby.gallery.gallery import Gallery, open_gallery, restore_gallery
from passerby.gallery.nearest import building
from passerby.gallery.nearest.recall import choose_probes
from passerby.gallery.records import Feature, NewTracklet
from passerby.gallery.search import Filters
from tests.gallery.people import MODEL, MORNING, made_up, unit

pytest.importorskip("faiss", reason="passerby[faiss] is not installed")

FILE = "features-1.lists"


def of_people(count: int, *, people: int = 12, seed: int = 0) -> list[NewTracklet]:
    """Tracklets of people who are told apart more easily than those of other tests."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(100 + people).standard_normal((people, MODEL.dim))
    chosen = centres[generator.integers(people, size=count)]
    features = unit(chosen + 0.25 * generator.standard_normal(chosen.shape))
    given = zip(made_up(count, seed=seed), features, strict=True)
    return [replace(each, features={MODEL: Feature(feature)}) for each, feature in given]


class People(list[NewTracklet]):
    """Shown in short where a test fails."""

    def __repr__(self) -> str:
        return f"{len(self)} tracklets"


@pytest.fixture(scope="module")
def tracklets() -> list[NewTracklet]:
    return People(of_people(600))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "gallery"


@pytest.fixture
def gallery(folder: Path, tracklets: list[NewTracklet]) -> Iterator[Gallery]:
    with open_gallery(folder, create=True, actor="tester") as opened:
        opened.add(tracklets)
        opened.index_features(least=500, floor=0.9)
        yield opened


def vectors(tracklets: list[NewTracklet]) -> np.ndarray:
    return np.stack([each.features[MODEL].vector for each in tracklets]).astype(np.float16).astype(np.float64)


def others(tracklets: list[NewTracklet], place: int) -> list[str]:
    """Keys of all other tracklets, those most alike first."""
    features = vectors(tracklets)
    alike = features @ features[place]
    return [tracklets[each].key for each in np.argsort(-alike, kind="stable") if each != place]


def arrays_of(file: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name != "about.json"]
        return {name: np.load(BytesIO(archive.read(name))) for name in names}


def check_means(file: Path, tracklets: list[NewTracklet]) -> None:
    """Nothing but the features of tracklets that are in a list has gone into its centroid."""
    arrays, features = arrays_of(file), vectors(tracklets)
    for number, centroid in enumerate(arrays["centroids"]):
        members = arrays["tracklets"][arrays["lists"] == number] - 1
        expected = features[members].mean(0) if len(members) else np.zeros(MODEL.dim)
        np.testing.assert_allclose(centroid.astype(np.float64), expected, atol=1e-3)


def test_the_recall_that_is_published_is_what_searches_find(gallery: Gallery, tracklets: list[NewTracklet]) -> None:
    (told,) = gallery.feature_indexes()
    assert (told.features, told.indexed, told.note) == (600, 600, None)
    assert told.queries == 500
    assert told.recall_at_10 is not None
    assert told.compared is not None
    assert told.compared < 0.5
    assert told.up_to >= 20
    found = dict.fromkeys((10, 19), 0)
    queries = np.random.default_rng(5).permutation(600)[:150]
    for place in queries:
        nearest = others(tracklets, place)
        for count in found:  # the query is one of the gallery's and found besides
            hits = gallery.search(tracklets[place].features[MODEL].vector, count=count + 1)
            assert not hits.exact
            assert hits.recall == told.recall_at_10
            assert hits[0].tracklet.key == tracklets[place].key
            found[count] += len({hit.tracklet.key for hit in hits} & set(nearest[:count]))
    assert found[10] / 1_500 == pytest.approx(told.recall_at_10, abs=0.02)  # of other queries
    assert found[19] / 2_850 == pytest.approx(told.recall[20], abs=0.02)
    assert gallery.log()[-1].detail == {"found": 20, "approximate": 1}


@settings(max_examples=40, deadline=None)
@given(
    cameras=st.none() | st.sets(st.sampled_from(["cam0", "cam1", "cam2"]), min_size=1),
    since=st.none() | st.integers(0, 6_000),
    min_height=st.sampled_from([0.0, 100.0, 199.0]),
    count=st.integers(1, 150),
    place=st.integers(0, 599),
)
def test_a_search_with_a_filter_or_for_many_finds_what_a_loop_finds(
    indexed: Gallery,
    tracklets: list[NewTracklet],
    cameras: set[str] | None,
    since: int | None,
    min_height: float,
    count: int,
    place: int,
) -> None:
    begin = None if since is None else MORNING + timedelta(seconds=since)
    filters = Filters(cameras=None if cameras is None else sorted(cameras), since=begin, min_height=min_height)
    filtered = filters != Filters()
    hits = indexed.search(vectors(tracklets)[place].astype(np.float32), filters=filters, count=count)
    passing = {
        each.key
        for each in tracklets
        if (cameras is None or each.camera in cameras)
        and (begin is None or (each.taken_to is not None and each.taken_to >= begin))
        and each.height >= min_height
    }
    nearest = [key for key in [tracklets[place].key, *others(tracklets, place)] if key in passing]
    if filtered or count > indexed.feature_indexes()[0].up_to:
        assert hits.exact
    if hits.exact:
        assert [hit.tracklet.key for hit in hits] == nearest[:count]
    assert len(hits) == min(count, len(passing))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, tracklets: list[NewTracklet]) -> Iterator[Gallery]:
    with open_gallery(tmp_path_factory.mktemp("indexed"), create=True) as opened:
        opened.add(tracklets)
        opened.index_features(least=500, floor=0.9)
        yield opened


def test_a_sentence_and_one_who_asks_for_it_compare_all(indexed: Gallery, tracklets: list[NewTracklet]) -> None:
    query = tracklets[3].features[MODEL].vector
    assert not indexed.search(query).exact
    assert indexed.search(query, exact=True).exact
    assert indexed.search(query, sentence=True).exact


def test_tracklets_added_later_are_found_and_join_the_lists_when_asked(
    gallery: Gallery, folder: Path, tracklets: list[NewTracklet]
) -> None:
    later = of_people(50, seed=1)
    gallery.add(later)
    for each in later:
        hits = gallery.search(each.features[MODEL].vector, count=1)
        assert not hits.exact
        assert hits[0].tracklet.key == each.key
    before = arrays_of(folder / FILE)["centroids"]
    assert gallery.feature_indexes()[0].indexed == 600
    assert gallery.index_features().indexed == 650
    assert (arrays_of(folder / FILE)["centroids"] == before).all()
    assert gallery.search(later[7].features[MODEL].vector, count=1)[0].tracklet.key == later[7].key
    gallery.add(of_people(400, seed=2))
    assert gallery.index_features().indexed == 1050  # grown by half: made anew
    assert len(arrays_of(folder / FILE)["centroids"]) > len(before)


def test_who_is_erased_is_out_of_the_lists_and_of_what_was_computed_from_them(
    gallery: Gallery, folder: Path, tracklets: list[NewTracklet]
) -> None:
    check_means(folder / FILE, tracklets)
    erased = [1, 2, 3, *range(100, 140), 600]
    gallery.erase(erased)
    arrays = arrays_of(folder / FILE)
    assert arrays["tracklets"].tolist() == [number for number in range(1, 601) if number not in erased]
    check_means(folder / FILE, tracklets)
    hits = gallery.search(tracklets[1].features[MODEL].vector, count=10)
    assert not hits.exact
    assert not {hit.tracklet.number for hit in hits} & set(erased)


def test_a_list_of_one_tracklet_is_its_feature_and_is_zeros_when_that_is_erased(folder: Path) -> None:
    alone = made_up(1, seed=9)[0]
    generator = np.random.default_rng(3)
    direction = generator.standard_normal(MODEL.dim)
    away = replace(alone, features={MODEL: Feature(unit(direction))})
    crowd = [
        replace(each, features={MODEL: Feature(unit(1e-3 * generator.standard_normal(MODEL.dim) - direction))})
        for each in made_up(8)
    ]
    with open_gallery(folder, create=True) as gallery:
        gallery.add([*crowd, away])
        gallery.index_features(least=1)
        kept = away.features[MODEL].vector.astype("<f2").tobytes()
        assert kept in (folder / FILE).read_bytes()
        gallery.erase([9])
        assert kept not in (folder / FILE).read_bytes()


def test_an_erasure_that_was_cut_off_is_finished_in_the_index_too(
    folder: Path, gallery: Gallery, tracklets: list[NewTracklet], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("passerby.gallery.erasure.cleaning.forget_erased", killed)
        with pytest.raises(KeyboardInterrupt):
            gallery.erase([5])
    assert 5 in arrays_of(folder / FILE)["tracklets"]
    assert gallery.search(tracklets[7].features[MODEL].vector).exact  # the file does not fit any more
    with open_gallery(folder) as opened:
        assert 5 not in arrays_of(folder / FILE)["tracklets"]
        check_means(folder / FILE, tracklets)
        assert not opened.search(tracklets[7].features[MODEL].vector).exact


def test_who_is_erased_while_the_index_is_made_does_not_come_into_it(
    folder: Path, tracklets: list[NewTracklet], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_gallery(folder, create=True) as gallery, open_gallery(folder) as other:
        gallery.add(tracklets)

        def measured_while_another_erases(*arguments: object, **named: object) -> object:
            other.erase([5, 77])
            return choose_probes(*arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(building, "choose_probes", measured_while_another_erases)
        assert gallery.index_features(least=500, floor=0.9).indexed == 598
        assert not {5, 77} & set(arrays_of(folder / FILE)["tracklets"].tolist())
        check_means(folder / FILE, tracklets)
        assert not gallery.search(tracklets[4].features[MODEL].vector, count=3).exact


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[: len(content) // 2], "is damaged"),
        (lambda content: content[:1000] + bytes([content[1000] ^ 1]) + content[1001:], "is damaged"),
        (lambda content: b"", "is damaged"),
    ],
)
def test_a_damaged_index_is_told_of_not_used_and_made_anew(
    gallery: Gallery, folder: Path, tracklets: list[NewTracklet], damage: object, message: str
) -> None:
    assert callable(damage)
    (folder / FILE).write_bytes(damage((folder / FILE).read_bytes()))
    hits = gallery.search(tracklets[0].features[MODEL].vector, count=3)
    assert hits.exact
    assert [hit.tracklet.key for hit in hits] == [tracklets[0].key, *others(tracklets, 0)][:3]
    assert hits.note is not None
    assert message in hits.note
    assert "passerby gallery index-features" in hits.note
    assert gallery.feature_indexes()[0].note == hits.note
    assert [each.message for each in gallery.verify() if "index-features" in each.message]
    gallery.index_features()
    assert not gallery.search(tracklets[0].features[MODEL].vector, count=3).exact


def test_an_index_of_another_gallery_is_not_used(
    gallery: Gallery, folder: Path, tmp_path: Path, tracklets: list[NewTracklet]
) -> None:
    with open_gallery(tmp_path / "another", create=True) as another:
        another.add(tracklets)
        (tmp_path / "another" / FILE).write_bytes((folder / FILE).read_bytes())
        hits = another.search(tracklets[0].features[MODEL].vector)
        assert hits.exact
        assert "belongs to another gallery" in str(hits.note)


def test_an_index_that_finds_too_little_is_not_used_and_the_result_says_so(folder: Path) -> None:
    scattered = made_up(600, people=600)
    with open_gallery(folder, create=True) as gallery:
        gallery.add(scattered)
        told = gallery.index_features(least=500, floor=0.99)
        assert told.recall_at_10 is not None
        assert told.recall_at_10 < 0.99
        assert told.up_to == 0
        hits = gallery.search(scattered[0].features[MODEL].vector, count=5)
        assert hits.exact
        assert f"finds {told.recall_at_10:.3f} of the ten most alike" in str(hits.note)
        gallery.index_features(floor=0.2)
        assert not gallery.search(scattered[0].features[MODEL].vector, count=5).exact


def test_small_galleries_have_none(folder: Path, tracklets: list[NewTracklet]) -> None:
    with open_gallery(folder, create=True) as gallery:
        gallery.add(tracklets)
        with pytest.raises(GalleryError, match="has 600 features of this model, and below 1,000,000 a search"):
            gallery.index_features()
        with pytest.raises(GalleryError, match="least recall is a share"):
            gallery.index_features(floor=1.5)
        gallery.index_features(least=600)
        gallery.erase([1])
        assert "the index of features is for 600 and more" in str(
            gallery.search(tracklets[1].features[MODEL].vector).note
        )
        assert gallery.drop_index()
        assert not gallery.drop_index()
        assert not (folder / FILE).exists()
        assert gallery.search(tracklets[1].features[MODEL].vector).note is None


def test_the_files_of_indexes_are_part_of_a_gallery_but_what_others_leave_is_not(
    gallery: Gallery, folder: Path, tmp_path: Path
) -> None:
    (folder / "features-old.lists").write_bytes(b"")
    assert [each.message.partition(":")[0] for each in gallery.verify() if each.kind == "file"] == [
        str(folder / "features-old.lists")
    ]
    gallery.backup(tmp_path / "backup")
    assert not (tmp_path / "backup" / FILE).exists()


def test_a_backup_is_not_restored_beside_the_index_of_a_gallery_that_is_gone(
    gallery: Gallery, folder: Path, tmp_path: Path
) -> None:
    gallery.backup(tmp_path / "backup")
    lost = tmp_path / "lost"
    lost.mkdir()
    (lost / FILE).write_bytes((folder / FILE).read_bytes())
    with pytest.raises(GalleryError, match=rf"{FILE}: is left of a gallery that is not there any more"):
        restore_gallery(tmp_path / "backup", lost)


def test_a_restored_gallery_is_searched_by_its_index_only_if_that_fits(
    gallery: Gallery, folder: Path, tmp_path: Path, tracklets: list[NewTracklet]
) -> None:
    query = tracklets[0].features[MODEL].vector
    gallery.backup(tmp_path / "backup")
    gallery.erase([7])
    gallery.add(of_people(30, seed=3))
    gallery.index_features()
    gallery.close()
    restore_gallery(tmp_path / "backup", folder)
    with open_gallery(folder) as restored:
        assert len(restored) == 599
        assert not restored.search(query, count=3).exact
        assert (arrays_of(folder / FILE)["tracklets"] <= 600).all()


def test_the_commands_make_an_index_and_tell_of_it(
    folder: Path, tracklets: list[NewTracklet], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_gallery(folder, create=True) as opened:
        opened.add(tracklets)

    def run(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["passerby", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out = capsys.readouterr()
        assert ended.value.code == 0, out.err
        return out.out

    made = json.loads(run("gallery", "index-features", str(folder), "--from", "500", "--floor", "0.9", "--json"))
    assert made["indexed"] == 600
    stats = json.loads(run("gallery", "stats", str(folder), "--json"))
    assert stats["indexes"] == [made]
    assert "Index of 600 of 600 features of made-up: finds" in run("gallery", "stats", str(folder))
    assert "of the ten most alike are found" in run("search", str(folder), "--tracklet", "3", "--top", "3")
    assert "ten most alike" not in run("search", str(folder), "--tracklet", "3", "--top", "3", "--exact")
    assert "removed" in run("gallery", "index-features", str(folder), "--remove")
    assert json.loads(run("gallery", "index-features", str(folder), "--remove", "--json")) == {"removed": False}
