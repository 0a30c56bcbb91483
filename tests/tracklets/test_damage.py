"""What may go wrong from outside while tracklets are denoised: strange and changing files, full disks, kills."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from passerby import atomic_files
from passerby.errors import DataError
from passerby.tracklets import DenoisingOptions, calibrate_table, denoise_table, pipeline, score_table
from passerby.tracklets.engines import in_files
from passerby.tracklets.tables import write_tracklets
from passerby.tracklets.thresholds import calibrated_table
from passerby.workflows.denoise import denoise
from tests.tracklets.problems import drawn
from tests.tracklets.test_pipeline import check, embedding, small_pieces, table_of  # noqa: F401 - a fixture

TIGHT = DenoisingOptions(sigma_discrimination=0.9, max_component=2)
"""Refused at level 3, which leaves the work of levels 1 and 2 behind."""

LOOSE = DenoisingOptions(sigma_discrimination=0.9, oversize="keep")


@pytest.fixture
def problem():
    return drawn(11, people=10, videos=12, per_video=5, switched=0.15, noise=0.15)


@pytest.fixture
def table(problem, tmp_path):
    """A table, its features in an array beside it."""
    pq.write_table(table_of(problem), tmp_path / "in.parquet")
    np.save(tmp_path / "features.npy", problem.features)
    return tmp_path / "in.parquet"


@pytest.fixture(autouse=True)
def no_hanging():
    """Whoever opens a FIFO waits for ever."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it hangs"))
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def refused(message, work, *arguments, **choices):
    """The error, which is one short line and advises nothing dangerous."""
    with pytest.raises(DataError, match=message) as caught:
        work(*arguments, **choices)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 600
    assert "pickle.load" not in text
    assert "allow_pickle" not in text
    return text


def run(table, features=None, **choices):
    return denoise_table(table, table.with_name("ids.parquet"), features=features, **choices)


# What is given


@pytest.mark.parametrize("again", ["crops/00003.jpg", "./crops/00003.jpg", "crops//x/../00003.jpg", "ABSOLUTE"])
def test_an_image_named_twice_is_refused_at_the_start(problem, tmp_path, again):
    paths = [f"crops/{row:05d}.jpg" for row in range(len(problem.features))]
    paths[7] = str(tmp_path.resolve() / paths[3]) if again == "ABSOLUTE" else again
    given = table_of(problem, embedding=embedding(problem.features))
    pq.write_table(given.set_column(0, "path", [paths]), tmp_path / "in.parquet")
    refused("names images more than once: crops/00003.jpg", run, tmp_path / "in.parquet")
    refused("names images more than once: crops/00003.jpg", calibrate_table, tmp_path / "in.parquet")
    assert [entry.name for entry in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0])
@pytest.mark.parametrize("kind", ["column", "table", "array"])
def test_a_feature_without_direction_is_refused_with_its_image(tmp_path, kind, value):
    problem = drawn(1, people=30, videos=20, per_video=8, length=(5, 12), width=32, noise=0.07)
    features = problem.features.copy()
    features[41] = value
    given = table_of(problem, **({"embedding": embedding(features)} if kind == "column" else {}))
    pq.write_table(given, tmp_path / "in.parquet")
    beside = {"column": None, "table": tmp_path / "f.parquet", "array": tmp_path / "f.npy"}[kind]
    if kind == "table":
        shown = pa.table({"path": given["path"], "embedding": embedding(features)})
        pq.write_table(shown.take(np.random.default_rng(0).permutation(len(features))), beside)
    elif kind == "array":
        np.save(beside, features)
    message = r"feature of crops/00041.jpg \(row 42 of .*in.parquet\) .* is zero, NaN or infinite"
    refused(message, run, tmp_path / "in.parquet", beside)
    refused(message, calibrate_table, tmp_path / "in.parquet", features=beside)


def header(shape, descr="<f4", order=False):
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


N = 1000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header(f"({N}, 8)", "|O") + b"cos\nsystem\n", "holds Python objects, not numbers"),
        (header(f"({N}, 8)", "<U4") + bytes(N * 8 * 16), "holds text, not numbers"),
        (header(f"({N}, 8)", "|S4") + bytes(N * 8 * 4), "holds text, not numbers"),
        (header(f"({N}, 8)", "<M8[s]") + bytes(N * 8 * 8), "not numbers"),
        (header(f"({N}, 8)", "<c8") + bytes(N * 8 * 8), "not numbers"),
        (header(f"({N}, 8)", "<i8") + bytes(N * 8 * 8), "has shape .* needs floats of shape"),
        (header("(1000000000000, 1000000000)"), "is not a whole array"),
        (header("(1000000000000, 0)"), "has shape .* needs floats of shape"),
        (header(f"({N}, 8)") + bytes(100), "is not a whole array: .* 32,000|is not a whole array"),
        (header(f"({N}, 8)") + bytes(N * 8 * 4 + 1), "is not a whole array"),
        (header("(-1, 8)"), "which is not one of rows"),
        (header("()") + bytes(4), "which is not one of rows"),
        (header(f"({N},)") + bytes(N * 4), "has shape .* needs floats of shape"),
        (header(f"({N}, 8)", order=True) + bytes(N * 8 * 4), "is stored by columns"),
        (header("'rows'"), "is not an array that np.save wrote"),
        (header("(" * 4000), "is not an array that np.save wrote"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "is not an array that np.save wrote"),
        (b"\x93NUMPY\x03\x00" + bytes(100), "is not an array that np.save wrote"),
        (b"\x80\x04cos\nsystem\n(S'touch hacked'\ntR.", "is not an array that np.save wrote"),
        (b"PK\x03\x04 an npz", "is not an array that np.save wrote"),
        (b"", "is not an array that np.save wrote"),
    ],
)
def test_what_is_no_array_of_features_is_refused(table, content, message):
    features = table.with_name("features.npy")
    features.write_bytes(content)
    refused(message, run, table, features)
    refused(message, calibrate_table, table, features=features)
    assert not list(table.parent.rglob("hacked"))


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["0.1 0.2"] * 50),
        pa.array([b"\0\0\0\0"] * 50),
        pa.array([0.5] * 50),
        pa.array([["a", "b"]] * 50),
        pa.array([[[0.5], [0.5]]] * 50),
        pa.array([[1, 2]] * 50),
        pa.array([{"x": 0.5}] * 50),
        pa.array([[("a", 0.5)]] * 50, pa.map_(pa.string(), pa.float32())),
        pa.array([[True, False]] * 50),
        pa.nulls(50),
        pa.array(["a"] * 50).dictionary_encode(),
        pa.array([[]] * 50, pa.list_(pa.float32())),
        pa.array([None] * 50, pa.list_(pa.float32())),
        pa.array([[0.5, 0.5]] * 49 + [None], pa.list_(pa.float32())),
        pa.array([[0.5, 0.5]] * 49 + [None], pa.list_(pa.float32(), 2)),
        pa.array([[0.5, 0.5]] * 49 + [[0.5, None]], pa.list_(pa.float32())),
        pa.array([[0.5, 0.5]] * 49 + [[0.5]], pa.list_(pa.float32())),
    ],
    ids=lambda column: str(column.type),
)
def test_a_column_of_something_else_is_refused(tmp_path, column):
    names = [str(row) for row in range(50)]
    given = pa.table({"path": names, "video": ["v"] * 50, "track": names, "embedding": column})
    pq.write_table(given, tmp_path / "in.parquet")
    message = "column 'embedding' of table .* (holds|claims)|the feature of 49|embeddings of table .* cannot be read"
    refused(message, run, tmp_path / "in.parquet")


def test_vectors_that_claim_to_be_endless_are_refused_before_they_are_read(tmp_path):
    values = pa.DictionaryArray.from_arrays(pa.array(np.zeros(70_000 * 4, np.int32)), pa.array([0.5], pa.float32()))
    vectors = pa.FixedSizeListArray.from_arrays(values.cast(pa.float32()), 70_000)
    names = ["a", "b", "c", "d"]
    pq.write_table(
        pa.table({"path": names, "video": names, "track": names, "embedding": vectors}), tmp_path / "t.parquet"
    )
    refused("claims 280,000 values in 4 rows", run, tmp_path / "t.parquet")


@pytest.mark.parametrize("content", [b"no Parquet", b"PAR1" + bytes(100) + b"PAR1"])
def test_features_that_are_no_table_are_refused(table, content):
    features = table.with_name("f.parquet")
    features.write_bytes(content)
    refused("cannot be read", run, table, features)


@pytest.fixture(params=["fifo", "zero", "folder"])
def strange(request, tmp_path):
    """Makes what is not a file under a name."""

    def make(name):
        place = tmp_path / name
        if request.param == "fifo":
            os.mkfifo(place)
        elif request.param == "zero":
            place.symlink_to("/dev/zero")
        else:
            place.mkdir()
        return place

    return make


def test_what_is_not_a_file_is_refused_at_once(table, strange, tmp_path):
    refused("is not a table on disk", run, strange("t.parquet"))
    refused("is not a table on disk", calibrate_table, strange("t.csv"))
    refused("is not a table on disk", score_table, strange("ids.parquet"))
    refused("are not on disk", denoise_table, table, tmp_path / "o.parquet", features=strange("f.npy"))
    refused("is not a file", write_tracklets, "luperson-nl", strange("keys.pkl"), tmp_path / "o.parquet")
    refused("is not a file", write_tracklets, "luperson-nl", strange("keys.txt"), tmp_path / "o.parquet")
    refused("is not a file", write_tracklets, "cion-al", strange("annos.json"), tmp_path / "o.parquet")


def test_a_sparse_file_of_keys_is_not_read(tmp_path):
    with (tmp_path / "keys.txt").open("wb") as opened:
        opened.truncate(1 << 40)
    refused("at most 1,024 MiB", write_tracklets, "luperson-nl", tmp_path / "keys.txt", tmp_path / "o.parquet")


@pytest.mark.parametrize("name", ["folder.parquet", "a" * 250 + ".parquet", "file/ids.parquet", "ids.npy"])
def test_what_cannot_be_written_is_refused_before_the_work(table, tmp_path, monkeypatch, name):
    (tmp_path / "folder.parquet").mkdir()
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(pipeline, "open_tracklets", lambda *_: pytest.fail("it has begun"))
    refused("is a folder|is too long|cannot be a folder|must end in", denoise_table, table, tmp_path / name)


# What happens meanwhile


def on_piece(monkeypatch, then):
    """Do something after the third piece."""
    save = in_files.save_result

    def save_and(folder, step, piece, result):
        save(folder, step, piece, result)
        if (step, piece) == ("levels-1-2", 2):
            then()

    monkeypatch.setattr(in_files, "save_result", save_and)


def rewritten(file):
    with file.open("rb+") as opened:
        opened.seek(-4, os.SEEK_END)
        opened.write(b"\0\0\x80\x3f")


@pytest.mark.parametrize("changed", ["features.npy", "in.parquet"])
def test_what_changes_meanwhile_is_noticed(problem, table, monkeypatch, small_pieces, changed):  # noqa: F811
    features, file = table.with_name("features.npy"), table.with_name(changed)
    with monkeypatch.context() as patch:
        on_piece(patch, lambda: rewritten(file) if changed == "features.npy" else os.utime(file))
        refused(f"{changed} was changed while it was read", run, table, features)
    assert not table.with_name("ids.parquet").exists()
    found = run(table, features)
    check(found, found.out, problem._replace(features=np.load(features)))


def test_what_changes_while_thresholds_are_proposed_is_noticed(tmp_path, monkeypatch):
    problem = drawn(1, people=30, videos=20, per_video=8, length=(5, 12), width=32, noise=0.07)
    pq.write_table(table_of(problem), tmp_path / "in.parquet")
    np.save(tmp_path / "features.npy", problem.features)
    work = calibrated_table.calibrate_sample
    monkeypatch.setattr(
        calibrated_table, "calibrate_sample", lambda *_: (work(*_), rewritten(tmp_path / "features.npy"))[0]
    )
    message = "features.npy was changed while it was read"
    refused(message, calibrate_table, tmp_path / "in.parquet", features=tmp_path / "features.npy")


CUT_SHORT = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    from passerby.errors import DataError
    from passerby.tracklets import arrangement, denoise_table, pipeline
    from passerby.tracklets.engines import in_files
    folder, victim = Path(sys.argv[1]), sys.argv[2]
    plain, save = arrangement.arrange, in_files.save_result
    pipeline.arrange = lambda *columns: plain(*columns, chunk_rows=30)
    def save_and_cut(work, step, piece, result):
        save(work, step, piece, result)
        file = folder / victim
        if file.exists() and file.stat().st_size:
            os.truncate(file, 0)
    in_files.save_result = save_and_cut
    try:
        denoise_table(folder / "in.parquet", folder / "ids.parquet", features=folder / "features.npy")
    except DataError as error:
        print(error)
        sys.exit(1)
""")


@pytest.mark.parametrize("victim", ["features.npy", ".ids.parquet.work/arrays/centroids.npy"])
def test_a_file_cut_short_while_it_is_read_ends_with_a_word(table, victim):
    done = subprocess.run(
        [sys.executable, "-c", CUT_SHORT, str(table.parent), victim], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr  # -7 where the system ended it
    assert done.stdout.count("\n") == 1
    assert "was cut short while it was read" in done.stdout


FULL_DISK = textwrap.dedent("""
    import sys
    import numpy as np
    import pyarrow.parquet as pq
    from passerby.cli import main
    from tests.tracklets.problems import drawn
    from tests.tracklets.test_pipeline import embedding, table_of
    problem = drawn(1, people=30, videos=40, per_video=8, length=(5, 12), width=200, noise=0.07)
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), sys.argv[1] + "/in.parquet")
    sys.argv = ["passerby", "denoise", *sys.argv[3:], sys.argv[1] + "/in.parquet", *sys.argv[2].split()]
    main()
""")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no small disk can be made here")
@pytest.mark.parametrize(("command", "kibibytes"), [("run", 1000), ("run", 2900), ("calibrate", 1000)])
def test_a_full_disk_ends_with_a_word(tmp_path, kibibytes, command):
    """On a disk of its own, which holds less than the work: nothing is written through a map."""
    small = tmp_path / "small"
    small.mkdir()
    mount = f"mount -t tmpfs -o size={kibibytes}k small {small}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be made here")
    options = f"-o {small}/ids.parquet" if command == "run" else ""
    python = f"TMPDIR={small} {sys.executable} -c '{FULL_DISK}' {tmp_path} '{options}' {command}"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path.cwd())])}
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{mount} && {python}"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 1, done.stderr  # -7 or 135 where a map was written into a hole
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


# What is left behind


def test_a_link_in_place_of_the_work_is_not_followed(table, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    work = table.with_name(".ids.parquet.work")
    work.symlink_to(tmp_path / "precious")
    run(table, table.with_name("features.npy"))
    assert (tmp_path / "precious" / "file").read_text() == "mine"
    assert not work.is_symlink()
    refused("links chain", run, table, table.with_name("features.npy"), options=TIGHT)
    shutil.rmtree(work / "levels-1-2")
    (work / "levels-1-2").symlink_to(tmp_path / "precious")
    (work / "level-3").rename(work / "moved")
    (work / "level-3").write_text("no folder")
    run(table, table.with_name("features.npy"), options=LOOSE)
    assert [entry.name for entry in (tmp_path / "precious").iterdir()] == ["file"]


def damaged(file, how):
    if how == "cut":
        os.truncate(file, file.stat().st_size // 2)
    elif how == "emptied":
        file.write_bytes(b"")
    elif how == "text":
        file.write_text("no archive")
    elif how == "pickle":
        file.write_bytes(b"\x80\x04cos\nsystem\n(S'touch hacked'\ntR.")
    elif how == "bit":
        content = bytearray(file.read_bytes())
        with zipfile.ZipFile(file) as archive:
            begin, size = archive.getinfo("target.npy").header_offset, archive.getinfo("target.npy").file_size
        name, extra = np.frombuffer(content[begin + 26 : begin + 30], "<u2").tolist()
        content[begin + 30 + name + extra + size - 8] ^= 1  # the last sample's tracklet
        file.write_bytes(content)
    elif how == "another":
        other = next(each for each in sorted(file.parent.iterdir()) if each != file)
        shutil.copy(other, file)
    elif how == "fifo":
        file.unlink()
        os.mkfifo(file)


@pytest.mark.parametrize("how", ["cut", "emptied", "text", "pickle", "bit", "another", "fifo"])
def test_damaged_work_is_set_aside_and_done_again(problem, table, small_pieces, capsys, how):  # noqa: F811
    features = table.with_name("features.npy")
    expected = run(table, features, options=LOOSE).out.read_bytes()
    refused("links chain", run, table, features, options=TIGHT)
    work = table.with_name(".ids.parquet.work")
    files = [file for file in sorted(work.rglob("*")) if file.is_file() and "levels-1-2" in file.parts]
    assert len(files) > 3
    for file in files:
        damaged(file, how)
    capsys.readouterr()
    assert run(table, features, options=LOOSE).out.read_bytes() == expected
    said = capsys.readouterr().err
    if how != "fifo":
        assert said.count("was damaged") == len(files) - (how == "another")  # the first two were exchanged, and back
        assert ".npz.damaged; it is done again" in said
    assert not work.exists()


@pytest.mark.parametrize("how", ["cut", "emptied", "text"])
def test_other_damaged_files_of_the_work_do_not_count(problem, tmp_path, small_pieces, how):  # noqa: F811
    table = tmp_path / "in.parquet"
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), table)
    expected = run(table, options=LOOSE).out.read_bytes()
    refused("links chain", run, table, options=TIGHT)
    work = table.with_name(".ids.parquet.work")
    files = [file for file in work.rglob("*") if file.is_file() and "levels-1-2" not in file.parts]
    assert {"source.json", "features.npy", "options.json", "arrangement.npz"} <= {file.name for file in files}
    for file in files:
        damaged(file, how)
    assert run(table, options=LOOSE).out.read_bytes() == expected


@pytest.fixture
def dead_process():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_kill_left_is_swept(table, tmp_path, dead_process):
    work = table.with_name(".ids.parquet.work")
    work.mkdir()
    mine = f"{atomic_files._machine()}-{dead_process}"
    stale = [
        tmp_path / f".ids-report.html.{mine}-0000aaaa.partial",
        tmp_path / f".keys.parquet.{mine}-0000aaaa.partial",
        work / ".table.parquet.0000aaaa-1-0000aaaa.partial",
    ]
    other = tmp_path / f".other.html.{mine}-0000aaaa.partial"
    for file in (*stale, other):
        file.write_bytes(b"half")
    denoise(table, table.with_name("ids.parquet"), features=table.with_name("features.npy"))
    (tmp_path / "keys.txt").write_text("00001_000012_0000345_01")
    write_tracklets("luperson-nl", tmp_path / "keys.txt", tmp_path / "keys.parquet")
    assert not any(file.exists() for file in stale)
    assert other.exists()
    assert not work.exists()


def test_calibration_leaves_nothing_in_the_folder_for_temporary_files(tmp_path, monkeypatch):
    problem = drawn(1, people=30, videos=20, per_video=8, length=(5, 12), width=32, noise=0.07)
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), tmp_path / "in.parquet")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    seen = []
    monkeypatch.setattr(
        "passerby.tracklets.thresholds.calibrated_table.calibrate_sample",
        lambda *_: seen.append(list((tmp_path / "tmp").iterdir())),
    )
    calibrate_table(tmp_path / "in.parquet")
    assert seen == [[]]  # a kill here would leave nothing
