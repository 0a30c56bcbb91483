"""Videos as cameras, phones and recorders write them, made by FFmpeg's own programs, and what these say of them."""

import json
import subprocess
from pathlib import Path

import numpy as np

from tests.needed_programs import needed_program
from tests.video.reading.video_files import HEIGHT, WIDTH, numbered_picture

H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "veryfast", "-crf", "18", "-g", "20", "-bf", "3"]
HEVC = ["-c:v", "libx265", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-tag:v", "hvc1"]
HEVC += ["-x265-params", "log-level=error:keyint=20:bframes=3:pools=1"]
"""Both with pictures that are coded in another order than they are shown in."""


def encode(file: Path, frames: int, *options: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """Write numbered pictures, 25 a second, as `options` say; their lower right quarter is noise, so that files are
    mostly pictures."""
    generator = np.random.default_rng(0)
    pictures = []
    for number in range(frames):
        picture = numbered_picture(number, size[1], size[0])
        quarter = picture[size[1] // 2 :, size[0] // 2 :]
        quarter[:] = generator.integers(0, 256, (*quarter.shape[:2], 1), np.uint8)
        pictures.append(picture.tobytes())
    given = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{size[0]}x{size[1]}", "-r", "25", "-i", "-"]
    _run("ffmpeg", *given, *options, str(file), given=b"".join(pictures))
    return file


def remux(source: Path, file: Path, *options: str, before: tuple[str, ...] = ()) -> Path:
    """Write the same coded pictures into another container, or with another header."""
    _run("ffmpeg", *before, "-i", str(source), "-c", "copy", *options, str(file))
    return file


def times_by_ffprobe(file: Path) -> list[float]:
    """Presentation times in seconds, from the first frame on."""
    said = _run("ffprobe", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "json", str(file))
    times = np.array([float(frame["pts_time"]) for frame in json.loads(said)["frames"]])
    return (times - times[0]).tolist()


def pictures_by_ffmpeg(file: Path, height: int, width: int) -> list[np.ndarray]:
    """The pictures as a player shows them, uint8 [height, width, 3] RGB."""
    decoded = _run("ffmpeg", "-i", str(file), "-f", "rawvideo", "-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-")
    return list(np.frombuffer(decoded, np.uint8).reshape(-1, height, width, 3))


def _run(program: str, *arguments: str, given: bytes | None = None) -> bytes:
    command = [needed_program(program), "-v", "error", *(["-y"] if program == "ffmpeg" else []), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout
