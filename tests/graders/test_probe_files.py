"""Reading files of containers, volumes and images without running anything, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graders import probe_files
from graders.probe import Probe
from tests.contract.harness import Bench, Engine

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(engine: Engine) -> Iterator[Bench]:
    made = Bench(engine)
    yield made
    made.clean()


@pytest.fixture
def probe(engine: Engine) -> Probe:
    return Probe(engine.sdk, {}, Path(), published_host=engine.address)


def test_files_of_a_running_container(bench: Bench, probe: Probe) -> None:
    bench.run("c", host={"Binds": [f"{bench.name('vol')}:/data"]})
    script = "echo hi > /top.txt; echo in > /data/in.txt; ln -s data/in.txt /link; ln -s /x /none"
    assert bench.sh(bench.name("c"), script).code == 0
    files = probe.files(probe.container(bench.name("c")))
    assert files.read("/top.txt").text == "hi\n"
    assert files.read("/data/in.txt").text == "in\n"
    assert files.read("/link").text == "in\n"
    assert files.read("/data").kind == "directory"
    for path in ("/none", "/no/such", "/top.txt/below"):
        assert files.read(path).kind == "missing"
    assert set(files.tree("/data") or {}) == {"in.txt"}
    assert files.tree("/no/such") is None
    bench.sdk.api.remove_container(bench.name("c"), force=True)
    volume = probe.volume(bench.name("vol"))
    assert volume.exists
    assert not volume.anonymous
    with probe.files_of_volume(volume) as kept:
        assert kept.read("/volume/in.txt").text == "in\n"
    bench.sdk.api.remove_volume(volume.name)
    assert not probe.volume(volume.name).exists


def test_files_of_a_container_that_never_ran(bench: Bench, probe: Probe) -> None:
    bench.create("c")
    assert probe.files(probe.container(bench.name("c"))).read("/bin/busybox").is_file


def test_files_of_an_image(probe: Probe) -> None:
    with probe.files_of_image(probe.image("nginx")) as files:
        assert "nginx" in files.read("/usr/share/nginx/html/index.html").text
    assert not probe.image("no-such-image:1").exists


def test_what_is_too_large_is_not_read(
    bench: Bench, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_files, "MAX_BYTES", 100_000)
    bench.run("c")
    script = "mkdir /d; head -c 300000 /dev/zero > /d/big"
    assert bench.sh(bench.name("c"), script).code == 0
    files = probe.files(probe.container(bench.name("c")))
    assert files.read("/d/big").kind == "huge"
    assert [seen.kind for seen in (files.tree("/d") or {}).values()] == ["huge"]


def test_mounts_are_told_apart(bench: Bench, probe: Probe, tmp_path: Path) -> None:
    mounts = [
        {"Type": "tmpfs", "Target": "/one", "TmpfsOptions": {"SizeBytes": 1_000_000}},
        {"Type": "bind", "Source": str(tmp_path), "Target": "/two", "ReadOnly": True},
        {"Type": "volume", "Target": "/three"},
    ]
    host = {"Mounts": mounts, "Tmpfs": {"/four": "size=64k,mode=700"}, "ReadonlyRootfs": True}
    bench.run("c", host=host)
    view = probe.container(bench.name("c"))
    seen = {m.target: (m.type, m.read_only, m.size) for m in view.mounts}
    assert seen == {
        "/one": ("tmpfs", False, 1_000_000),
        "/two": ("bind", True, None),
        "/three": ("volume", False, None),
        "/four": ("tmpfs", False, 65536),
    }
    assert view.read_only_root
    (volume,) = [m.name for m in view.mounts if m.type == "volume"]
    assert probe.volume(volume).anonymous


def test_interfaces_names_and_talk_from_inside(bench: Bench, probe: Probe) -> None:
    network = bench.network()
    bench.serve("web", network, "hello")
    bench.on("none", "alone")
    view = probe.container(bench.name("web"))
    (address,) = view.addresses[network]
    with probe.inside_container(view) as inside:
        assert inside.interfaces() == {"lo": inside.interfaces()["lo"], "eth0": {address}}
        assert inside.has_default_route()
        answer = inside.say("127.0.0.1", 80, "GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        assert answer.startswith("HTTP/1.1 200")
    with probe.inside_network(probe.network(network)) as inside:
        assert inside.names_of(address) == {f"{bench.name('web')}.{network}"}
    with probe.inside_container(probe.container(bench.name("alone"))) as inside:
        assert set(inside.interfaces()) == {"lo"}
        assert not inside.has_default_route()
    with probe.inside_host() as inside:
        assert "lo" in inside.interfaces()


def test_run_in_is_the_containers_own_word(bench: Bench, probe: Probe) -> None:
    bench.run("c")
    view = probe.container(bench.name("c"))
    assert probe.run_in(view, "sh", "-c", "echo said; exit 3") == (3, "said\n")
    assert probe.run_in(view, "no-such-program")[0] in (126, 127)
