"""`mtmm-video weights`: what it prints, and that trouble is one line and exit code 1."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mtmm_video.flows.commands import weights as command
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.weights import manifest as weights_manifest
from mtmm_video.pipeline.weights import resolution
from mtmm_video.pipeline.weights.weight import Origin, RawFile, Weight, WeightSource

CONTENT = b"network"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    (tmp_path / "net.bin").write_bytes(CONTENT)
    origin = Origin(url=(tmp_path / "net.bin").as_uri())
    file = RawFile("net.bin", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), (origin,))
    manifest = {"net": Weight("net", "a test network", "MIT", "net.bin", (WeightSource("this disk", (file,)),))}
    monkeypatch.setattr(resolution, "MANIFEST", manifest)
    monkeypatch.setattr(weights_manifest, "MANIFEST", manifest)
    monkeypatch.setenv("MTMM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("MTMM_WEIGHTS_DIR", raising=False)
    app = typer.Typer()
    command.register(app)
    return app


def test_list_fetch_list_verify(app: typer.Typer, tmp_path: Path) -> None:
    run = CliRunner().invoke
    before = run(app, ["weights", "list"])
    assert "net" in before.output
    assert "absent" in before.output
    fetched = run(app, ["weights", "fetch"])
    assert fetched.exit_code == 0, fetched.output
    path = tmp_path / "cache" / "weights" / "net" / "net.bin"
    assert str(path) in fetched.output
    assert path.read_bytes() == CONTENT
    after = run(app, ["weights", "list"])
    assert "ready" in after.output
    assert "from this disk" in after.output
    assert run(app, ["weights", "verify", "net"]).exit_code == 0


def test_what_is_fetched_by_name_is_left_alone_without_a_name(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = dataclasses.replace(weights_manifest.MANIFEST["net"], by_name=True)
    for module in (resolution, weights_manifest):
        monkeypatch.setattr(module, "MANIFEST", {"net": weight})
    run = CliRunner().invoke
    assert run(app, ["weights", "fetch"]).exit_code == 0
    assert not (tmp_path / "cache" / "weights" / "net").exists()
    assert run(app, ["weights", "verify"]).exit_code == 0
    assert run(app, ["weights", "fetch", "net"]).exit_code == 0
    assert (tmp_path / "cache" / "weights" / "net" / "net.bin").is_file()


def test_verify_fails_on_a_damaged_file(app: typer.Typer, tmp_path: Path) -> None:
    run = CliRunner().invoke
    run(app, ["weights", "fetch"])
    (tmp_path / "cache" / "weights" / "net" / "net.bin").write_bytes(b"netw0rk")
    assert isinstance(run(app, ["weights", "verify"]).exception, WeightsError)
    assert isinstance(run(app, ["weights", "fetch", "no-such-net"]).exception, WeightsError)
