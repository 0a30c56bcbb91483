"""H.264 and HEVC as cameras and phones write it, held against FFmpeg's own programs."""

from pathlib import Path

import numpy as np
import pytest

from passerby.errors import DataError
from passerby.video.frame import Frame
from passerby.video.reading import SourceSummary, check_damage, open_source
from tests.video.reading.ffmpeg_files import H264, HEVC, encode, pictures_by_ffmpeg, remux, times_by_ffprobe
from tests.video.reading.video_files import HEIGHT, WIDTH, flip_bits, number_shown

CODECS = {"h264": H264, "hevc": HEVC}
CONTAINERS = {
    "mp4": [],
    "mov": [],
    "mkv": [],
    "ts": [],
    "fragmented.mp4": ["-movflags", "frag_keyframe+empty_moov+default_base_moof"],
}


def read(file: Path) -> tuple[list[Frame], SourceSummary]:
    with open_source(file) as source:
        return list(source), source.summary


def times(frames: list[Frame]) -> list[float]:
    return [frame.time for frame in frames]


def numbers(frames: list[Frame]) -> list[int]:
    return [number_shown(frame.image) for frame in frames]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two hundred numbered pictures in each codec."""
    folder = tmp_path_factory.mktemp("films")
    return {name: encode(folder / f"{name}.mp4", 200, *options) for name, options in CODECS.items()}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("codec", CODECS)
def test_coded_frames_come_in_the_order_and_at_the_times_of_their_showing(
    films: dict[str, Path], tmp_path: Path, codec: str, container: str
) -> None:
    file = remux(films[codec], tmp_path / f"film.{container}", *CONTAINERS[container])
    frames, summary = read(file)
    assert numbers(frames) == list(range(200))
    assert times(frames) == pytest.approx(times_by_ffprobe(file), abs=2e-6)
    assert (summary.damaged_share, summary.repaired_times, summary.discontinuities) == (0.0, 0, 0)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("codec", CODECS)
def test_times_of_a_variable_rate_are_the_containers(tmp_path: Path, codec: str, container: str) -> None:
    uneven = "settb=1/90000,setpts='(N*0.04+0.03*sin(N)+0.5*floor(N/20))/TB'"
    options = ["-vf", uneven, "-fps_mode", "passthrough", "-enc_time_base", "1/90000", *CODECS[codec]]
    file = encode(tmp_path / f"uneven.{container}", 60, *options)
    frames, summary = read(file)
    assert numbers(frames) == list(range(60))
    assert times(frames) == pytest.approx(times_by_ffprobe(file), abs=2e-6)
    assert np.ptp(np.diff(times(frames))) > 0.4
    assert summary.repaired_times == 0


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize(("codec", "container"), [("h264", "mp4"), ("hevc", "mov")])
def test_phone_videos_are_as_upright_as_in_a_player(
    films: dict[str, Path], tmp_path: Path, codec: str, container: str, degrees: int
) -> None:
    turned = remux(films[codec], tmp_path / f"turned.{container}", "-metadata:s:v:0", f"rotate={degrees}")
    height, width = (HEIGHT, WIDTH) if degrees == 180 else (WIDTH, HEIGHT)
    frames, _ = read(turned)
    shown = pictures_by_ffmpeg(turned, height, width)
    assert len(frames) == len(shown) == 200
    for frame, picture in zip(frames[::20], shown[::20], strict=True):
        assert np.abs(frame.image.astype(int) - picture).mean() < 4
    assert not np.allclose(frames[100].image, np.rot90(frames[100].image, 2), atol=50)


@pytest.mark.parametrize("size", [(131, 97), (129, 64)])
def test_odd_sizes_and_ten_bits_are_read(tmp_path: Path, size: tuple[int, int]) -> None:
    odd = encode(tmp_path / "odd.mp4", 10, "-c:v", "libx264", "-pix_fmt", "yuv444p", size=size)
    deep = encode(tmp_path / "deep.mp4", 10, *HEVC, "-pix_fmt", "yuv420p10le")
    for file, shape in ((odd, (size[1], size[0], 3)), (deep, (HEIGHT, WIDTH, 3))):
        frames, _ = read(file)
        assert {frame.image.shape for frame in frames} == {shape}
        assert numbers(frames) == list(range(10))


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_of_two_video_tracks_and_sound_one_video_is_read(
    films: dict[str, Path], tmp_path: Path, container: str
) -> None:
    others = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=9", "-f", "lavfi", "-i", "sine=d=12")
    mapped = ["-map", "2:v", "-map", "0:v", "-map", "1:a", "-c:v:1", "libx264", "-c:a", "aac"]
    frames, summary = read(remux(films["h264"], tmp_path / f"both.{container}", *mapped, before=others))
    assert numbers(frames) == list(range(200))
    assert summary.frames_missing == 0


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_a_video_that_begins_after_its_sound_lacks_nothing(
    films: dict[str, Path], tmp_path: Path, container: str
) -> None:
    sound = ("-f", "lavfi", "-i", "sine=d=12", "-itsoffset", "3")
    file = remux(
        films["h264"], tmp_path / f"late.{container}", "-map", "1:v", "-map", "0:a", "-c:a", "aac", before=sound
    )
    frames, summary = read(file)
    assert times(frames) == pytest.approx(times_by_ffprobe(file), abs=2e-6)
    assert (len(frames), summary.frames_missing) == (200, 0)


def test_what_an_edit_list_leaves_out_is_left_out(films: dict[str, Path], tmp_path: Path) -> None:
    file = remux(films["h264"], tmp_path / "cut.mp4", before=("-ss", "0.5"))
    frames, summary = read(file)
    assert numbers(frames) == list(range(13, 200))
    assert times(frames) == pytest.approx(times_by_ffprobe(file), abs=2e-6)
    assert summary.damaged_share == 0.0


@pytest.mark.parametrize(
    ("container", "options"), [("mp4", ["-movflags", "+faststart"]), ("mkv", []), ("fragmented.mp4", None)]
)
@pytest.mark.parametrize("codec", CODECS)
def test_files_that_are_cut_off_are_read_as_far_as_they_go(
    films: dict[str, Path], tmp_path: Path, codec: str, container: str, options: list[str] | None
) -> None:
    whole = remux(
        films[codec], tmp_path / f"whole.{container}", *(CONTAINERS[container] if options is None else options)
    )
    cut = tmp_path / f"cut.{container}"
    content = whole.read_bytes()
    cut.write_bytes(content[: int(len(content) * 0.7)])
    frames, summary = read(cut)
    assert times(frames) == pytest.approx(times_by_ffprobe(cut), abs=2e-6)
    assert numbers(frames)[:-3] == list(range(len(frames)))[:-3]
    assert 20 < len(frames) < 190
    assert summary.frames_read + summary.frames_missing == pytest.approx(200 if options is not None else 170, abs=31)
    with pytest.raises(DataError, match="of its frames are damaged or missing"):
        check_damage(summary, limit=0.0)


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_without_its_index_is_refused_in_one_line(films: dict[str, Path], tmp_path: Path, codec: str) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(films[codec].read_bytes()[:10_000])
    with pytest.raises(DataError, match=r"^[^\n]*cut.mp4 cannot be read as a video \(moov atom not found\)[^\n]*$"):
        open_source(cut)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("codec", CODECS)
def test_flipped_bits_are_read_over(films: dict[str, Path], tmp_path: Path, codec: str, container: str) -> None:
    front = ["-movflags", "+faststart"] if container == "mp4" else []
    whole = remux(films[codec], tmp_path / f"whole.{container}", *front)
    frames, summary = read(flip_bits(whole, tmp_path / f"flipped.{container}", 40, 0.6, 0.8))
    assert number_shown(frames[-1].image) > 190
    assert all(np.diff(times(frames)) > 0)
    assert summary.frames_read + summary.frames_missing >= 195
    assert summary.damaged_share < 0.5
    assert summary.repaired_times < 20
    if codec == "h264":  # HEVC's decoder notices less
        assert summary.damaged_share > 0
        assert frames[-1].time == pytest.approx(7.96, abs=0.1)


@pytest.mark.parametrize("codec", CODECS)
def test_streams_of_pictures_without_time_stamps_get_the_usual_step(
    films: dict[str, Path], tmp_path: Path, codec: str
) -> None:
    frames, summary = read(remux(films[codec], tmp_path / f"bare.{codec}"))
    zeros = remux(films[codec], tmp_path / "zeros.mkv", "-bsf:v", "setts=pts=0:dts=0")
    again, _ = read(zeros)
    for each in (frames, again):
        assert numbers(each) == list(range(200))
        assert times(each) == pytest.approx([number / 25 for number in range(200)])
    assert summary.repaired_times == 199


def test_a_second_recording_in_one_file_is_a_discontinuity(films: dict[str, Path], tmp_path: Path) -> None:
    one = remux(films["h264"], tmp_path / "one.ts").read_bytes()
    (tmp_path / "two.ts").write_bytes(one + one)
    frames, summary = read(tmp_path / "two.ts")
    assert numbers(frames) == [*range(200), *range(200)]
    assert [frame.number for frame in frames if frame.discontinuity] == [201]  # a zero alone may be a missing stamp
    assert times(frames) == pytest.approx([number / 25 for number in range(400)])
    assert (summary.discontinuities, summary.repaired_times) == (1, 2)


def test_a_clock_that_wraps_around_goes_on(films: dict[str, Path], tmp_path: Path) -> None:
    wrapping = ["-output_ts_offset", f"{2**33 / 90000 - 3}", "-muxdelay", "0"]
    frames, summary = read(remux(films["h264"], tmp_path / "wraps.ts", *wrapping))
    assert times(frames) == pytest.approx([number / 25 for number in range(200)], abs=2e-5)
    assert (summary.repaired_times, summary.discontinuities) == (0, 0)


INTERLACED = ["-flags", "+ilme+ildct", "-x264-params", "tff=1", *H264]


@pytest.mark.parametrize("container", ["mp4", "ts"])
def test_interlaced_pictures_are_right_or_refused(tmp_path: Path, container: str) -> None:
    file = encode(tmp_path / f"fields.{container}", 20, *INTERLACED)
    refused, frames = "", []
    try:
        frames, _ = read(file)
    except DataError as error:  # OpenCV 4.13 and 4.14
        refused = str(error)
    if refused:
        assert "its frames are interlaced, which OpenCV" in refused
        assert "\n" not in refused
    else:
        assert numbers(frames) == list(range(20))


def test_interlaced_pictures_after_others_are_right_or_damaged(films: dict[str, Path], tmp_path: Path) -> None:
    fields = encode(tmp_path / "fields.ts", 20, *INTERLACED).read_bytes()
    mixed = tmp_path / "mixed.ts"
    mixed.write_bytes(remux(films["h264"], tmp_path / "whole.ts").read_bytes() + fields)
    frames, summary = read(mixed)
    assert numbers(frames) == [*range(200), *range(20)][: len(frames)]
    assert len(frames) + summary.frames_damaged == 220
