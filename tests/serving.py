"""A web server on this machine that can misbehave, and archives like those that the sources publish."""

import hashlib
import io
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aiwave.datamodules.sources.transfer import Patience

QUICK = Patience(timeout=5, attempts=3, pause=0.001)


class Server(ThreadingHTTPServer):
    """Serves `files`, path -> bytes.

    `cuts`: after how many bytes of the body the next answers break off. `ranges`: whether it honours Range.
    `status`: what it answers instead of 200. `asked`: path and Range of every request so far.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.cuts, self.status, self.asked = {}, [], [], []
        self.ranges, self.etag = True, None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A cut connection is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append((self.path, wanted))
        body = server.files.get(self.path)
        status = server.status.pop(0) if server.status else 200 if body is not None else 404
        if status != 200:
            self.answer(status, b"")
            return
        start, stop = 0, len(body)
        if wanted and server.ranges and self.headers.get("If-Range", server.etag) == server.etag:
            first, last = wanted.removeprefix("bytes=").split("-")
            start = int(first) if first else len(body) - int(last)
            stop = int(last) + 1 if first and last else len(body)
        if start and start >= len(body):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
            return
        is_part = stop - start < len(body)
        partial = {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"} if is_part else {}
        self.answer(206 if is_part else 200, body[start:stop], partial)

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if self.server.etag and status < 300:
            self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts and body else len(body)
        self.wfile.write(body[:cut])
        if cut < len(body):
            self.close_connection = True

    def log_message(self, *args):
        """Quiet."""


@contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server(monkeypatch):
    """A server for one test, which proxies of this machine have nothing to do with."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as running:
        yield running


def tar_of(files, mode="w"):
    """A .tar of `files`, name -> bytes."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def zip_of(files, compression=zipfile.ZIP_DEFLATED):
    """A .zip of `files`, name -> bytes, with entries for their folders as zip programs write them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for folder in sorted({name.rsplit("/", 1)[0] + "/" for name in files if "/" in name}):
            archive.writestr(folder, b"")
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def md5_of(content):
    return f"md5:{hashlib.md5(content).hexdigest()}"
