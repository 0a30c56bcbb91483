"""Market-1501 (Zheng et al., ICCV 2015), and every other set laid out like it.

    Market-1501-v15.09.15/
        bounding_box_train/  0002_c1s1_000451_03.jpg ...   identity, camera and sequence, frame, detection
        query/
        bounding_box_test/   the gallery
        gt_bbox/             optional: boxes drawn by hand, of which multi-query evaluation takes those of the queries'
                             people in the queries' cameras

Identity `-1` is junk (detections that overlap a person too little) and is dropped. Identity `0000` are distractors:
they stay in the gallery, match no query, and count as errors where they rank high. Some files end in `.jpg.jpg`.
"""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from passerby.data.benchmarks.public_benchmark import Counts, Images, Parts, PublicBenchmark, PublishedCounts, numbered
from passerby.data.image_files import examples, image_files, sub_folders
from passerby.errors import DataError

CONTENTS = {"train": ("bounding_box_train",), "query": ("query",), "gallery": ("bounding_box_test",)}
"""The sub-folders of the Market layout, by split."""

_NAME = re.compile(r"(-?\d+)_c(\d+)")


def read_market_layout(folder: Path, paths: Mapping[str, str], *, dropped: frozenset[int] = frozenset({-1})) -> Parts:
    """The splits of a folder in Market layout, without the identities in `dropped`; `train` may be missing.

    Identities and cameras are numbers: `c1` and `c01` are one camera, `1` and `0001` one person.

    Raises:
        DataError: a sub-folder without images, or file names without identity and camera.
    """
    read = partial(_read_images, folder, dropped=dropped)
    train = read(paths["train"]) if "train" in paths else None
    query = read(paths["query"])
    return _spelled_alike(Parts(train, query, read(paths["gallery"]), _multi_query_images(folder, query)))


def _spelled_alike(parts: Parts) -> Parts:
    """The same with one spelling, the longest, for every identity."""
    given = [images for images in parts if images is not None]
    names = {name for images in given for name in images.identities}
    spelling = {int(name): name for name in sorted(names, key=len)}
    if len(spelling) < len(names):
        for images in given:
            images.identities[:] = [spelling[int(name)] for name in images.identities]
    return parts


def _multi_query_images(folder: Path, query: Images) -> Images | None:
    """Images in `gt_bbox` of the identity and camera of a query, without the queries themselves; None if none."""
    part = "gt_bbox"
    if not (folder / part).is_dir():
        return None
    assert query.cameras is not None
    asked = {(int(identity), camera) for identity, camera in zip(query.identities, query.cameras, strict=True)}
    own = {path.rsplit("/", 1)[-1] for path in query.paths}
    images = Images([], [], cameras := [])
    for name in image_files(folder / part):
        match = _NAME.match(name)
        if match is not None and (int(match[1]), str(int(match[2]))) in asked and name not in own:
            images.paths.append(f"{part}/{name}")
            images.identities.append(match[1])
            cameras.append(str(int(match[2])))
    return images if images.paths else None


def _read_images(folder: Path, part: str, *, dropped: frozenset[int]) -> Images:
    """The images of one sub-folder, sorted by name; identity and camera are read from the names."""
    images = Images([], [], cameras := [])
    strange = []
    for name in image_files(folder / part):
        match = _NAME.match(name)
        if match is None:
            strange.append(name)
        elif int(match[1]) not in dropped:
            images.paths.append(f"{part}/{name}")
            images.identities.append(match[1])
            cameras.append(str(int(match[2])))
    if strange:
        raise DataError(
            f"{folder / part} holds {len(strange):,} images whose names give no identity and camera as "
            f"0002_c1s1_000451_03.jpg does: {examples(strange)}; rename or remove them"
        )
    if not images.paths:
        folders = sub_folders(folder / part)
        if folders:
            raise DataError(
                f"{folder / part} holds folders ({examples(folders)}), but its images must lie in it directly and be "
                "named like 0002_c1s1_000451_03.jpg; where they are a folder for each identity, call the three "
                "train, query and gallery and name the folder that holds them"
            )
        raise DataError(f"{folder / part} holds no images; unpack the whole archive")
    return images


MARKET1501 = PublicBenchmark(
    name="market1501",
    title="Market-1501",
    folders=("Market-1501-v15.09.15", "Market-1501", "Market1501"),
    contents=CONTENTS,
    read=read_market_layout,
    cameras=numbered(6),
    camera_network="market1501",
    counts=PublishedCounts(
        Counts(12936, 751, 6),
        Counts(3368, 750, 6),
        Counts(15913, 751, 6),
        camera_classes=(652, 541, 694, 241, 576, 558),
    ),
    obtain="the authors' page (Liang Zheng, Market-1501); unpack Market-1501-v15.09.15.zip",
    terms="research only, no redistribution",
)

MARKET1501_DEV = PublicBenchmark(
    name="market1501-dev",
    title="market1501-dev, cut from the training half of Market-1501",
    folders=(),
    contents=CONTENTS,
    read=read_market_layout,
    cameras=numbered(6),
    camera_network="market1501",
    counts=PublishedCounts(
        Counts(10652, 600, 6),
        Counts(669, 151, 6),
        Counts(1615, 149, 6),
        camera_classes=(518, 433, 546, 205, 461, 430),
    ),
    obtain="the first 600 identities of Market-1501's training half train; of the other 151 the first image of each "
    "identity and camera is a query, the rest are the gallery (two identities have no more than that)",
    terms="research only, no redistribution",
)

MARKET_LAYOUT = PublicBenchmark(
    name="market-layout",
    title="any folder laid out like Market-1501",
    folders=(),
    contents=CONTENTS,
    optional=frozenset({"train"}),
    read=read_market_layout,
    counts=None,
    obtain="your own images, or a synthetic world",
    terms="those of the images",
)
