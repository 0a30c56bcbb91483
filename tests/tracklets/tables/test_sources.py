import json
import pickle

import numpy as np
import pyarrow.parquet as pq
import pytest

from passerby.errors import DataError
from passerby.tracklets.tables import annotations
from passerby.tracklets.tables.sources import write_tracklets


def files(root, names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def read(kind, source, tmp_path, **choices):
    out = tmp_path / "out" / "tracklets.parquet"
    rows = write_tracklets(kind, source, out, **choices)
    table = pq.read_table(out)
    assert table.num_rows == rows
    return table.to_pylist()


def test_market_is_cut_by_camera_sequence_and_gap(tmp_path):
    root = files(
        tmp_path / "market",
        [
            "bounding_box_train/0002_c1s1_000451_03.jpg",
            "bounding_box_train/0002_c1s1_000551_01.jpg",
            "bounding_box_train/0002_c1s1_000652_01.jpg",
            "bounding_box_train/0002_c1s2_000700_01.jpg",
            "query/0003_c2s1_000001_00.jpg",
            "bounding_box_test/-1_c1s1_000401_03.jpg",
            "bounding_box_test/-1_c1s1_000402_03.jpg.jpg",
            "bounding_box_test/0000_c1s1_000403_03.jpg",
            "gt_bbox/0002_c1s1_000501_00.jpg",
            "gt_query/0003_c2s1_000001_00_good.jpg",
        ],
    )
    rows = read("market1501", root, tmp_path, gap=100)
    found = {row["path"].rpartition("/")[2][:15]: row for row in rows}
    assert found["0002_c1s1_00045"]["video"] == "c1s1"
    assert found["0002_c1s1_00045"]["track"] == found["0002_c1s1_00055"]["track"] == "0002_0"
    assert found["0002_c1s1_00065"]["track"] == "0002_1"
    assert found["0002_c1s2_00070"]["video"] == "c1s2"
    assert found["0002_c1s2_00070"]["track"] == "0002_0"
    nobody = [row for row in rows if row["true_identity"] == "-1"]
    assert len(nobody) == len({row["track"] for row in nobody}) == 3
    assert len(rows) == 8  # gt_bbox shows images of the other folders again
    assert rows[0]["path"].startswith("../market/")
    assert len(read("market1501", root / "bounding_box_train", tmp_path, gap=100)) == 4
    assert [row["frame"] for row in rows if row["video"] == "c1s2"] == [700]


def test_msmt17_keeps_its_halves_apart(tmp_path):
    root = files(
        tmp_path / "MSMT17_V2",
        [
            "mask_train_v2/0000/0000_000_01_0303morning_0015_0.jpg",
            "mask_train_v2/0000/0000_001_01_0303morning_0020_1.jpg",
            "mask_test_v2/0000/0000_000_01_0303morning_0016_0.jpg",
        ],
    )
    rows = read("msmt17", root, tmp_path)
    assert {row["true_identity"] for row in rows} == {"train-0000", "test-0000"}
    assert {row["video"] for row in rows} == {"01_0303morning"}
    assert [row["track"] for row in rows] == ["test-0000_0", "train-0000_0", "train-0000_0"]


def test_mars_has_tracklets_of_its_own(tmp_path):
    root = files(
        tmp_path / "mars",
        [
            "bbox_train/0001/0001C1T0001F002.jpg",
            "bbox_train/0001/0001C1T0001F001.jpg",
            "bbox_train/0001/0001C1T0002F001.jpg",
            "bbox_test/00-1/00-1C2T0003F001.jpg",
            "bbox_test/0000/0000C2T0003F001.jpg",
        ],
    )
    rows = read("mars", root, tmp_path)
    assert [row["track"] for row in rows] == ["00-1T0003", "0000T0003", "0001T0001", "0001T0001", "0001T0002"]
    assert [row["path"][-8:] for row in rows[2:4]] == ["F001.jpg", "F002.jpg"]
    assert [row["true_identity"] for row in rows] == ["-1", "-1", "0001", "0001", "0001"]
    assert "frame" not in rows[0]


KEYS = ["00002_000001_0000007_00", "00001_000012_0000345_01", "00001_000012_0000300_00", "00001_000003_0000001_00"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("keys.pkl", pickle.dumps({"keys": [key.encode() for key in KEYS], "pids": [1, 12, 12, 3]})),
        ("keys.pkl", pickle.dumps({"keys": KEYS, "pids": [1, 12, 12, 3]}, protocol=2)),
        ("keys.txt", "\n".join(KEYS).encode()),
    ],
)
def test_luperson_nl_keys(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    rows = read("luperson-nl", tmp_path / name, tmp_path)
    assert [row["path"] for row in rows] == [KEYS[3], KEYS[2], KEYS[1], KEYS[0]]
    assert [(row["video"], row["track"], row["frame"]) for row in rows][1] == ("00001", "000012", 300)


class Mean:
    def __reduce__(self):
        return (print, ("a pickle ran code",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({"keys": [Mean()]}), "refers to builtins.print"),
        (pickle.dumps(np.array(KEYS)), "refers to numpy"),
        (b"no pickle", "is not a pickle of keys"),
        (pickle.dumps({"pids": []}), "is not a pickle of keys"),
        (pickle.dumps({"keys": ["1_2"]}), "key '1_2' is not like"),
        (pickle.dumps({"keys": []}), "names no keys"),
        (pickle.dumps([[KEYS[0]]]), "not a list of text"),
        (pickle.dumps([b"\xff"]), "is not a pickle of keys"),
        (pickle.dumps([KEYS[0], KEYS[0]]), "names images more than once: .*00002_000001_0000007_00"),
        (pickle.dumps([f"00001_{'9' * 30}_0000345_01"]), "is not like"),
        (pickle.dumps([f"00001_000012_{'9' * 5000}_01"]), "is not like"),
        (b"\x80\x04Nr" + b"\xff\xff\xff\x7f" + b".", "not a list of text"),  # remembers two thousand million objects
        (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x3f" + b"abc", "is not a pickle of keys"),  # bytes without end
        (b"\x80\x04\x95" + b"\xff" * 7 + b"\x3f" + b"abc", "is not a pickle of keys"),  # a frame without end
        (b"\x80\x04X\xff", "is not a pickle of keys"),
        (b"\x80\x04]" + b"\x85" * 100_000 + b".", "not a list of text"),  # tuples in tuples
        (b"I" + b"9" * 10_000 + b"\n.", "is not a pickle of keys"),
    ],
)
def test_pickles_run_no_code(tmp_path, capsys, content, message):
    (tmp_path / "keys.pkl").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read("luperson-nl", tmp_path / "keys.pkl", tmp_path)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == [".tracklets.parquet.lock"]
    assert "ran code" not in capsys.readouterr().out


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_annotations_are_read_object_by_object(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(annotations, "_PIECE", piece)
    monkeypatch.setattr(annotations, "_ROWS", 2)
    people = [
        {"id": 7, "file_path": "Part1/7/1.jpg", "captions": ["A man, [tall] {so}.", "two"], "attributes": [1, [2]]},
        {"id": 7, "file_path": "Part1/7/2.jpg", "captions": []},
        {"id": 8, "file_path": "Part1/8/10.jpg"},
    ]
    (tmp_path / "annos.json").write_text("\n " + json.dumps(people, indent=1) + "\n")
    rows = read("synth-pedes", tmp_path / "annos.json", tmp_path)
    assert [row["path"] for row in rows] == [f"../{each['file_path']}" for each in people]
    assert [row["caption"] for row in rows] == ["A man, [tall] {so}.", None, None]
    assert [(row["video"], row["track"], row["frame"]) for row in rows] == [
        ("7", "7", 1),
        ("7", "7", 2),
        ("8", "8", 10),
    ]
    rows = read("cion-al", tmp_path / "annos.json", tmp_path)
    assert [row["identity"] for row in rows] == ["7", "7", "8"]


def test_a_broken_list_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("passerby.tracklets.tables.annotations._PIECE", 64)
    monkeypatch.setattr("passerby.tracklets.tables.annotations._LONGEST", 4096)
    good = '{"id": 1, "file_path": "a.jpg"},' * 100
    text = f'[{good}{{"id": 2, "file_path": oops}},{good * 10}'
    (tmp_path / "annos.json").write_bytes(text.encode() + b"\xff" * 100)  # which reading to the end would find
    with pytest.raises(DataError, match=f"not valid JSON: Expecting value at character {text.index('oops'):,}"):
        read("cion-al", tmp_path / "annos.json", tmp_path)
    (tmp_path / "annos.json").write_bytes(b'[{"id": 1, "file_path": "\xff.jpg"}]')
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read("cion-al", tmp_path / "annos.json", tmp_path)
    name = "b" * 3000
    good = "".join(f'{{"id": 1, "file_path": "{number}.jpg"}},' for number in range(100))
    (tmp_path / "annos.json").write_text(f'[{good}{{"id": 2, "file_path": "{name}"}}]')
    rows = read("cion-al", tmp_path / "annos.json", tmp_path)
    assert [row["path"] for row in rows[99:]] == ["../99.jpg", f"../{name}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": 1}', "is not a JSON list"),
        ('[{"id": 1, "file_path": "a"}, {"id"', "is cut off"),
        ('[{"id": 1}]', "every object needs a file_path"),
        ('[{"id": "x", "file_path": "a"}]', "whole number id"),
        ("[1]", "something other than objects"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"id": 1, "file_path": ' + '{"a":' * 100_000, "nested too deeply"),
        ('[{"id": ' + "9" * 10_000 + ', "file_path": "a"}]', "whole number id"),
        ('[{"id": 1e999, "file_path": "a"}]', "whole number id"),
        ('[{"id": true, "file_path": "a"}]', "whole number id"),
        ('[{"id": 1, "file_path": ["a"]}]', "every object needs a file_path"),
        ('[{"id": 1, "file_path": "\\ud800"}]', "every object needs a file_path"),
        ('[{"id": 1, "file_path": "a", "captions": 5}]', "not a list of sentences"),
        ('[{"id": 1, "file_path": "a", "captions": [5]}]', "not a list of sentences"),
        ('[{"id": 1, "file_path": "a"}, {"id": 1, "file_path": "./a"}]', "names images more than once: .*a; keep one"),
        ('[{"id": 1, "file_path": "a", "more": "' + "b" * (5 << 20), "cut off or not valid JSON"),
        ("[]", "names no images"),
    ],
)
def test_says_what_is_wrong_with_annotations(tmp_path, text, message):
    (tmp_path / "annos.json").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read("synth-pedes", tmp_path / "annos.json", tmp_path)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_numbers_and_captions_that_no_column_holds(tmp_path):
    content = {"id": 1, "file_path": f"{'9' * 40}.jpg", "captions": ["\ud800 man"]}
    (tmp_path / "annos.json").write_text(json.dumps([content]))
    (row,) = read("synth-pedes", tmp_path / "annos.json", tmp_path)
    assert row["caption"] == "? man"
    assert row["frame"] == int("9" * 18)


def test_says_what_is_wrong_with_folders(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read("market1501", tmp_path / "none", tmp_path)
    files(tmp_path / "odd", ["a/strange.jpg"])
    with pytest.raises(DataError, match="1 images not named like 0001C1T0001F001"):
        read("mars", tmp_path / "odd", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        read("msmt17", tmp_path / "empty", tmp_path)
