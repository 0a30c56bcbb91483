"""A camera that sends H.264 over RTSP: GStreamer's server, in a process that can be killed and stopped.

Run by the system's own Python, which has GStreamer's bindings: `python3 rtsp_server.py PORT USER PASSWORD`.
"""

import base64
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

SYSTEM_PYTHON = "/usr/bin/python3"
VERSIONS = (("Gst", "1.0"), ("GstRtspServer", "1.0"))
PIPELINE = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=25/1 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 config-interval=1 )"
)
READY = "ready"
PROBE = """
import gi
for each in {}:
    gi.require_version(*each)
from gi.repository import Gst, GstRtspServer
Gst.init()
print(Gst.ElementFactory.find("x264enc") is not None)
"""


def why_not() -> str:
    """Why this machine has no such server; empty if it has one."""
    try:
        found = subprocess.run(
            [SYSTEM_PYTHON, "-c", PROBE.format(VERSIONS)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except OSError as error:
        return str(error)
    return "" if found.stdout.strip() == "True" else "no GStreamer with x264enc and its RTSP server on this machine"


class RtspServer:
    """A camera at an address of this machine, behind a name and a password."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"rtsp://user:secret@127.0.0.1:{self.port}/camera"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [SYSTEM_PYTHON, str(Path(__file__)), str(self.port), "user", "secret"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == READY

    def kill(self) -> None:
        """As when its power is cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def stall(self, stalled: bool) -> None:
        """Let it send nothing more though connections stay, or go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if stalled else signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def serve(port: str, user: str, password: str) -> None:
    """Serve until killed."""
    import gi

    for each in VERSIONS:
        gi.require_version(*each)
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init()
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service=port)
    factory = GstRtspServer.RTSPMediaFactory(launch=PIPELINE, shared=True)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)
    access, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    access.add_basic(base64.b64encode(f"{user}:{password}".encode()).decode(), token)
    server.set_auth(access)
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    print(READY, flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    serve(*sys.argv[1:])
