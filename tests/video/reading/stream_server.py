"""A camera on this machine that sends JPEG pictures over HTTP, and stalls, hangs up or is gone when told."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self

import cv2

from tests.video.reading.video_files import numbered_picture

Mood = Literal["sends", "stalls", "hangs up", "refuses"]


class StreamServer:
    """Sends pictures at a rate, `mood` permitting, to whoever connects."""

    def __init__(self, rate: float = 25.0, frames_a_connection: int | None = None) -> None:
        self.mood: Mood = "sends"
        self.rate = rate
        self.frames_a_connection = frames_a_connection
        self.connections = 0
        pictures = [cv2.imencode(".jpg", numbered_picture(number))[1].tobytes() for number in range(50)]
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.connections += 1
                if server.mood == "refuses":
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    for sent in range(server.frames_a_connection or 10**9):
                        while server.mood == "stalls":
                            time.sleep(0.05)
                        if server.mood != "sends":
                            return
                        picture = pictures[sent % len(pictures)]
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                        self.wfile.write(head.encode() + picture + b"\r\n")
                        time.sleep(1 / server.rate)
                except OSError:
                    return  # the reader is gone

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://user:secret@127.0.0.1:{self._server.server_port}/camera.mjpg?token=hidden"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.mood = "hangs up"
        self._server.shutdown()
        self._server.server_close()
