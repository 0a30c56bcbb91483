"""Clients that send too much or too slowly, over real connections."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.servers import ask, serving, until


@pytest.fixture(scope="module")
def address(drawn: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A service that is impatient."""
    patience = ["--set", "seconds_for_headers=1", "--set", "seconds_between_bytes=1", "--set", "connections=20"]
    with serving(drawn[0], "--model", str(drawn[1]), *patience) as (found, _):
        host, port = found.removeprefix("http://").split(":")
        yield host, int(port)


def alive(address: tuple[str, int]) -> bool:
    return ask(f"http://{address[0]}:{address[1]}/healthz")[0] == 200


def rest(connection: socket.socket) -> bytes:
    """What is answered until the connection is closed."""
    said = b""
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionError:
            return said
        if not part:
            return said
        said += part


def test_headers_that_are_too_large_are_refused(address: tuple[str, int]) -> None:
    start = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    for size in (20_000, 60_000, 10_000_000):
        with socket.create_connection(address, timeout=10) as connection:
            try:
                connection.sendall(start + b"X-Much: " + b"a" * size + b"\r\n\r\n")
            except ConnectionError:  # it has hung up in the middle
                continue
            assert rest(connection).split(b" ")[1:2] in ([b"400"], [b"431"], []), size
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(start + b"".join(b"X-%d: a\r\n" % number for number in range(5_000)) + b"\r\n")
        assert rest(connection).split(b" ")[1] in (b"400", b"431")
    assert alive(address)


def test_whoever_takes_for_ever_to_say_what_they_want_is_hung_up_on(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as silent, socket.create_connection(address, timeout=20) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /heal")  # the second one never ends
        assert rest(slow).count(b"HTTP/1.1 200") == 1
        assert rest(silent) == b""
    assert alive(address)


def test_a_body_that_does_not_come_is_not_waited_for(address: tuple[str, int]) -> None:
    head = b"POST /v1/videos?name=a.mp4 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(head + b"\0\0\0\x18ftypisom")
        assert b" 408 " in rest(connection).split(b"\r\n")[0]
    assert alive(address)


def test_a_request_that_two_readers_would_read_differently_is_refused(address: tuple[str, int]) -> None:
    for head in (
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Host: localhost\r\n",
        b"Bad Header: 1\r\n",
    ):
        with socket.create_connection(address, timeout=20) as connection:
            connection.sendall(b"POST /v1/undo HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n")
            assert b" 400 " in rest(connection).split(b"\r\n")[0] or b" 501 " in rest(connection), head
    assert alive(address)


def test_more_connections_than_there_may_be_are_told_that_it_is_busy(address: tuple[str, int]) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    opened = [socket.create_connection(address, timeout=20) for _ in range(30)]
    try:
        opened[-1].sendall(head)
        assert b" 503 " in opened[-1].recv(65_536).split(b"\r\n")[0]
    finally:
        for connection in opened:
            connection.close()
    until(lambda: alive(address))  # when it has seen that they are gone


def test_ctrl_c_ends_it_in_order(drawn: tuple[Path, Path], gallery: Path) -> None:
    with serving(gallery, "--model", str(drawn[1])) as (found, process):
        assert ask(f"{found}/healthz")[0] == 200
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 0


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n")
        assert b" 413 " in rest(connection).split(b"\r\n")[0]
    assert alive(address)
