"""Pages and figures on pictures that the tests draw: a plain colour per person."""

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from passerby.data.split import Split
from passerby.errors import EvaluationError
from passerby.metrics import Verification, rank
from passerby.report.html.charts import Line, cmc_chart, precision_chart, roc_chart
from passerby.report.html.thumbnail import thumbnail
from passerby.report.ranking.figure import rank_list_figure, save_figure
from passerby.report.ranking.page import ShownQueries, write_rank_lists
from passerby.report.ranking.rank_list import RankedSplits, rank_lists, worst_median_best

NAMES = ("ann", "b<o>b", "cleo", "dan")
CAMERAS = ("door", "hall")


def drawn(root: Path, folder: str, identities: list[int], cameras: list[int]) -> Split:
    paths = []
    for number, (identity, camera) in enumerate(zip(identities, cameras, strict=True)):
        path = f"{folder}/{number}_c{camera}.png"
        (root / folder).mkdir(exist_ok=True)
        Image.new("RGB", (32, 64), (60 * identity + 20, 200 - 40 * identity, 30 * camera)).save(root / path)
        paths.append(path)
    columns = [np.array(column, dtype=np.int64) for column in (identities, cameras)]
    return Split(root, pa.array(paths), columns[0], NAMES, columns[1], CAMERAS)


@pytest.fixture
def world(tmp_path):
    """Four people: the first two are found at once, the third late, the fourth only in the query's own camera."""
    query = drawn(tmp_path, "query", [0, 1, 2, 3], [0, 0, 0, 0])
    gallery = drawn(tmp_path, "gallery", [0, 0, 1, 2, 2, 3, 1], [0, 1, 1, 1, 0, 0, 1])
    query_features = np.eye(4, dtype=np.float32)
    gallery_features = np.eye(4, dtype=np.float32)[gallery.identities] + np.float32(0.1)
    gallery_features[3] = [1, 1, 0.05, 1]  # the third person's only admissible picture looks like everybody else
    return query, gallery, query_features, gallery_features


def ranked(world, *, cameras=True, **options):
    query, gallery, query_features, gallery_features = world
    columns = (query.cameras, gallery.cameras) if cameras else ()
    return rank(query_features, gallery_features, query.identities, gallery.identities, *columns, **options)


class Page(HTMLParser):
    """What a browser would see: tags in balance, text, and addresses of what is loaded."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.classes: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.addresses += [found[name] for name in ("src", "href") if name in found]
        self.classes += (found.get("class") or "").split()
        if tag not in ("meta", "img", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_page_stands_alone_and_shows_figures_and_lists(world, tmp_path):
    result = ranked(world)
    page = write_rank_lists(
        tmp_path / "new" / "page.html", RankedSplits(*world, result), title="Four <people>", shown=ShownQueries(top=5)
    )
    assert page == tmp_path / "new" / "page.html"
    seen = Page(page.read_text("utf-8"))
    assert seen.addresses
    assert all(address.startswith("data:image/jpeg;base64,") for address in seen.addresses)
    assert "<script" not in page.read_text("utf-8")
    assert not re.search(r"url\(|@import|https?://", page.read_text("utf-8"))
    for words in ("Four <people>", f"{100 * result.mAP:.1f}", f"{100 * result.mINP:.1f}", "rank-5", "id b<o>b"):
        assert words in seen.text
    assert f"Images are in {tmp_path}." in seen.text
    assert "3 valid queries of 4; 1 have no match in the gallery" in seen.text
    assert "own person and camera are left out" in seen.text
    assert not list(tmp_path.glob("new/*.partial"))


def test_right_and_wrong_are_told_apart_without_colour(world, tmp_path):
    page = write_rank_lists(
        tmp_path / "page.html",
        RankedSplits(*world, ranked(world)),
        shown=ShownQueries(chosen=[2], per_section=1, top=6),
    )
    seen = Page(page.read_text("utf-8"))
    assert seen.classes.count("right") == seen.text.count("✓") - 5  # one in the key of each section
    assert seen.classes.count("wrong") == seen.text.count("✗") - 5
    assert seen.classes.count("right") > 0


def test_what_the_ranking_leaves_out_is_shown_where_it_would_come(world):
    gallery = world[1]
    identities = gallery.identities.copy()
    identities[6] = -1
    marked = (world[0], replace(gallery, identities=identities), *world[2:])
    (shown,) = rank_lists(RankedSplits(*marked, ranked(marked)), rows=[1], top=3, show_left_out=True)
    assert [(each.kind, each.place) for each in shown.listed][:2] == [("right", 1), ("junk", 0)]
    assert shown.listed[1].picture.identity == "junk"
    assert [each.place for each in shown.listed if each.place] == [1, 2, 3]
    (plain,) = rank_lists(RankedSplits(*marked, ranked(marked)), rows=[1], top=3)
    assert [each for each in shown.listed if each.place] == list(plain.listed)
    (own_camera,) = rank_lists(RankedSplits(*world, ranked(world)), rows=[0], top=3, show_left_out=True)
    assert {(each.picture.identity, each.picture.camera) for each in own_camera.listed if not each.place} == {
        ("ann", "door")
    }


def test_many_copies_in_the_own_camera_do_not_hide_the_ranking(tmp_path):
    query = drawn(tmp_path, "query", [0], [0])
    gallery = drawn(tmp_path, "gallery", [0] * 30 + [0, 1, 2], [0] * 30 + [1, 1, 1])
    angles = np.concatenate([np.linspace(0.01, 0.2, 30), [0.5, 0.6, 0.1005]])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    world = (query, gallery, np.array([[1, 0]], dtype=np.float32), features)
    (shown,) = rank_lists(RankedSplits(*world, ranked(world)), rows=[0], top=3, show_left_out=True)
    (plain,) = rank_lists(RankedSplits(*world, ranked(world)), rows=[0], top=3)
    assert [each for each in shown.listed if each.place] == list(plain.listed)
    assert [each.place for each in plain.listed] == [1, 2, 3]
    assert [each.picture.name for each in shown.listed if not each.place] == [f"gallery/{n}_c0.png" for n in range(3)]
    assert [each.place for each in shown.listed] == [0, 0, 0, 1, 2, 3]
    scores = [each.score for each in shown.listed]
    assert scores == sorted(scores, reverse=True)
    np.testing.assert_allclose(scores[3:], np.cos([0.1005, 0.5, 0.6]), atol=1e-6)
    (all_of_it,) = rank_lists(RankedSplits(*world, ranked(world)), rows=[0], top=40, show_left_out=True)
    assert len(all_of_it.listed) == 33, "a short gallery is shown as far as it goes"
    assert [each.place for each in all_of_it.listed if each.place] == [1, 2, 3]


def test_the_page_says_when_there_is_no_camera_rule(world, tmp_path):
    page = write_rank_lists(tmp_path / "page.html", RankedSplits(*world, ranked(world, cameras=False)))
    assert "Cameras are unknown or not used" in Page(page.read_text("utf-8")).text


def test_missing_and_broken_pictures_are_named(world, tmp_path):
    gallery = world[1]
    gallery.path(2).unlink()
    gallery.path(6).write_bytes(gallery.path(6).read_bytes()[:40])
    page = write_rank_lists(tmp_path / "page.html", RankedSplits(*world, ranked(world)), shown=ShownQueries(top=7))
    text = Page(page.read_text("utf-8")).text
    assert "cannot be read: gallery/2_c1.png" in text
    assert "cannot be read: gallery/6_c1.png" in text
    assert "2 of 10 pictures shown here could not be read" in text  # 3 valid queries and the gallery
    rank_list_figure(RankedSplits(*world, ranked(world))).savefig(tmp_path / "figure.png")


def test_lists_follow_the_ranking(world):
    result = ranked(world)
    lists = rank_lists(RankedSplits(*world, result), rows=[2, 0], top=10)
    assert [shown.row for shown in lists] == [2, 0]
    assert [shown.query.identity for shown in lists] == ["cleo", "ann"]
    for shown in lists:
        places = [listed.place for listed in shown.listed if listed.right]
        assert places[0] == shown.first_match
        precision = np.mean([(n + 1) / place for n, place in enumerate(places)])
        assert shown.average_precision == pytest.approx(precision)
        assert len(shown.listed) == 6  # all but the query's own person and camera
        assert all((x.picture.identity, x.picture.camera) != (shown.query.identity, "door") for x in shown.listed)


def test_lists_of_euclidean_distances_rise(world):
    (shown,) = rank_lists(RankedSplits(*world, ranked(world, metric="euclidean")), rows=[1])
    scores = [listed.score for listed in shown.listed]
    assert scores == sorted(scores)
    expected = np.linalg.norm(world[2][1] - world[3][2])
    assert scores[0] == pytest.approx(expected, rel=1e-6)


def test_a_query_without_a_match_can_be_shown(world, tmp_path):
    page = write_rank_lists(tmp_path / "page.html", RankedSplits(*world, ranked(world)), shown=ShownQueries(chosen=[3]))
    assert "no match exists" in Page(page.read_text("utf-8")).text


def test_worst_median_and_best_prefer_different_people():
    features = np.eye(6, dtype=np.float32)
    identities = np.array([0, 0, 0, 1, 1, 2])
    split = Split(Path(), pa.array([str(n) for n in range(6)]), identities, NAMES)
    result = replace(
        rank(features, features, identities, identities),
        average_precision=np.array([0.1, 0.2, 0.3, 0.4, 0.9, np.nan]),
        valid=np.array([True] * 5 + [False]),
    )
    worst, median, best = worst_median_best(split, result, 2)
    assert worst == [0, 3]
    assert median == [2, 3]
    assert best == [4, 2]
    assert worst_median_best(split, result, 99)[0] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("rows", "message"), [([4], "from 0 to 3, but row 4"), ([0, -1], "from 0 to 3, but row -1")])
def test_rows_out_of_range_are_refused(world, rows, message):
    with pytest.raises(EvaluationError, match=message):
        rank_lists(RankedSplits(*world, ranked(world)), rows=rows)


def test_a_result_of_other_queries_is_refused(world):
    query, gallery, query_features, gallery_features = world
    half = query.take(np.arange(2))
    with pytest.raises(EvaluationError, match="of 4 queries and the split has 2"):
        rank_lists(RankedSplits(half, gallery, query_features[:2], gallery_features, ranked(world)), rows=[0])
    with pytest.raises(EvaluationError, match="3 query features for 4"):
        rank_lists(RankedSplits(query, gallery, query_features[:3], gallery_features, ranked(world)), rows=[0])


def test_the_figure_has_a_tile_per_picture(world, tmp_path):
    figure = rank_list_figure(RankedSplits(*world, ranked(world)), rows=[0, 2], top=3)
    assert len(figure.axes) == 2 * (1 + 3)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "AP 100 %"
    assert titles[1].startswith("✓")
    assert titles[5].startswith("✗")
    save_figure(figure, tmp_path / "lists.png")
    with Image.open(tmp_path / "lists.png") as picture:
        assert picture.width > 300
        assert picture.mode == "P", "of few colours"
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        whole, small = (np.asarray(each.convert("RGB")).astype(int) for each in (Image.open(drawn), picture))
    assert np.abs(whole - small).mean() < 3


def test_charts_draw_what_they_are_given():
    chart = cmc_chart(np.array([0.5, 0.75, 1.0]))
    points = re.search(r'polyline class="line[^"]*" points="([^"]+)"', chart)
    assert points is not None
    heights = [float(point.split(",")[1]) for point in points.group(1).split()]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.11)
    assert "rank-1: 50.00 %" in chart
    assert Page(cmc_chart(np.array([1.0]))).text
    bars = precision_chart(np.array([0.0, 0.01, 1.0, np.nan]), bins=4)
    assert re.findall(r": (\d) queries", bars) == ["2", "0", "0", "1"]


@pytest.mark.filterwarnings("error")
def test_the_curve_of_equal_scores_is_drawn_without_a_warning():
    far, tar = Verification.of(np.ones(4), np.ones(9)).roc()
    assert "at 0.1: 0.0 %" in roc_chart([Line("", far, tar)])


@pytest.mark.parametrize(("queries", "marks"), [(19, ["0", "10", "20"]), (20, ["0", "10", "20"]), (1, ["0", "1", "2"])])
def test_the_middle_of_the_axis_of_precisions_is_half_its_end(queries, marks):
    bars = precision_chart(np.full(queries, 0.5))
    heights = {
        words: float(y) for y, words in re.findall(r'<text class="tick end"[^>]* y="([\d.]+)"[^>]*>([^<]+)<', bars)
    }
    assert list(heights) == marks
    low, middle, high = (heights[mark] for mark in marks)
    assert middle == pytest.approx((low + high) / 2, abs=0.11)


def test_thumbnails_are_upright_and_small(tmp_path):
    wide = Image.new("RGB", (400, 100), "red")
    exif = wide.getexif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    wide.save(tmp_path / "turned.jpg", exif=exif)
    small = thumbnail(tmp_path / "turned.jpg")
    assert small is not None
    assert small.size == (48, 192)
    Image.new("L", (10, 10)).save(tmp_path / "grey.png")
    grey = thumbnail(tmp_path / "grey.png")
    assert grey is not None
    assert grey.mode == "RGB"
    assert thumbnail(tmp_path / "none.png") is None


def test_a_result_of_given_distances_has_no_lists(world):
    query, gallery, *features = world
    result = replace(ranked(world), metric="given")
    with pytest.raises(EvaluationError, match="rank the features for rank lists"):
        rank_lists(RankedSplits(query, gallery, *features, result), [0])


@pytest.mark.parametrize("genuine", [3, 400])
@pytest.mark.parametrize("impostors", [50, 20_000])
def test_every_dot_of_a_roc_lies_on_its_curve(genuine: int, impostors: int) -> None:
    generator = np.random.default_rng(genuine + impostors)
    far, tar = Verification.of(
        np.sort(generator.normal(1, 1, genuine)).astype(np.float32), np.sort(generator.normal(0, 1, impostors))
    ).roc(64)
    drawn = roc_chart([Line("", far, tar)])
    (curve,) = re.findall(r'<polyline class="line [^"]*" points="([^"]*)"', drawn)
    corners = [tuple(map(float, point.split(","))) for point in curve.split()]
    dots = [(float(x), float(y)) for x, y in re.findall(r'<circle[^>]* cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    assert dots
    assert corners[0][0] <= min(x for x, _ in dots) + 0.1
    for x, y in dots:
        assert any(
            min(x1, x2) - 0.11 <= x <= max(x1, x2) + 0.11 and min(y1, y2) - 0.11 <= y <= max(y1, y2) + 0.11
            for (x1, y1), (x2, y2) in pairwise(corners)
        ), f"the dot at {x}, {y} is off the curve"
