"""Small copies of the public benchmarks' layouts, made of images of a few pixels. No file has another's content."""

from io import BytesIO
from pathlib import Path

from PIL import Image

_buffer = BytesIO()
Image.new("RGB", (4, 8), (90, 120, 150)).save(_buffer, "JPEG")
PIXELS = _buffer.getvalue()

MARKET = {
    "bounding_box_train": [
        "0002_c1s1_000451_03.jpg",
        "0002_c2s1_000551_01.jpg.jpg",
        "0007_c3s1_000776_01.jpg",
        "0010_c6s2_000801_01.jpg",
    ],
    "query": ["0001_c1s1_001051_00.jpg", "0003_c5s1_001051_00.jpg"],
    "bounding_box_test": [
        "-1_c1s1_000401_03.jpg",
        "0000_c1s1_000151_01.jpg",
        "0001_c2s1_001051_00.jpg",
        "0003_c5s1_002051_00.jpg",
        "0003_c4s1_002051_00.jpg",
    ],
}

DUKE = {
    "bounding_box_train": ["0001_c2_f0046182.jpg", "0001_c8_f0046302.jpg", "0005_c1_f0046302.jpg"],
    "query": ["0002_c1_f0044158.jpg"],
    "bounding_box_test": ["0002_c7_f0044278.jpg", "7139_c3_f0044278.jpg"],
}


def write_images(root: Path, names: list[str]) -> None:
    """An image per name; the name is appended to the file, which decoders do not mind, to make its content unique."""
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(PIXELS + name.encode())


def write_tree(root: Path, tree: dict[str, list[str]]) -> Path:
    """A folder of images for each key."""
    for folder, names in tree.items():
        write_images(root, [f"{folder}/{name}" for name in names])
    return root


def write_msmt17(root: Path, version: int = 1) -> Path:
    """MSMT17 as V1 or V2 lay it out: identity 0 is one person in train and another in test."""
    train, test = ("train", "test") if version == 1 else ("mask_train_v2", "mask_test_v2")
    lists = {
        "train": (train, ["0000/0000_000_01_0303morning_0015_0.jpg 0", "0000/0000_001_15_0303noon_0015_1.jpg 0"]),
        "val": (train, ["0001/0001_000_02_0303morning_0015_0.jpg 1"]),
        "query": (test, ["0000/0000_000_03_0113morning_0015_0.jpg 0"]),
        "gallery": (test, ["0001/0001_000_03_0113noon_0015_0.jpg 1", "0000/0000_001_04_0113noon_0015_0.jpg 0"]),
    }
    for name, (folder, lines) in lists.items():
        write_images(root / folder, [line.split(" ")[0] for line in lines])
        (root / f"list_{name}.txt").write_text("\n".join(lines) + "\n")
    return root
