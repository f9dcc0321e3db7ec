"""``docker save`` and ``docker load``: images as archives."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from typing import Any

import pytest

from tests.contract.builds import TAR, Files, build, lines, tar, tar_of, untar
from tests.contract.harness import Bench
from tests.contract.rawhttp import Response


def saved(bench: Bench, *names: str) -> bytes:
    answer = bench.raw.get("/images/get", params={"names": tuple(names)})
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/x-tar"
    return answer.body


def load(bench: Bench, body: bytes, **params: Any) -> list[dict[str, Any]]:
    """``POST /images/load``; what it brought goes when the test ends."""
    params.setdefault("quiet", "1")
    answer = bench.raw.post("/images/load", body, params=params, headers=TAR)
    assert answer.status == 200
    said = lines(answer)
    for line in said:
        for words in line.get("stream", "").splitlines():
            bench.adopt_image(words.rpartition(": ")[2])
    return said


def text(said: list[dict[str, Any]]) -> str:
    return "".join(line.get("stream", "") for line in said)


def error(said: list[dict[str, Any]]) -> str:
    message = said[-1]["errorDetail"]["message"]
    assert message == said[-1]["error"]
    assert isinstance(message, str)
    return message


def layer(files: Files) -> bytes:
    return tar(files)


def archive(
    *layers: bytes,
    config: dict[str, Any] | None = None,
    tags: list[str] | None = None,
    **wrong: Any,
) -> bytes:
    """An archive as ``docker save`` writes it, with layers of one's own."""
    digests = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in layers]
    document = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2024-01-02T03:04:05.678Z",
        "config": config or {},
        "rootfs": {"type": "layers", "diff_ids": wrong.get("diff_ids", digests)},
        "history": [{"created_by": f"step {number}"} for number in range(len(layers))],
        "custom": "kept",
    }
    raw = wrong.get("raw", json.dumps(document, indent=1).encode())
    manifest = [
        {
            "Config": "config.json",
            "RepoTags": tags,
            "Layers": [f"{number}/layer.tar" for number in range(len(layers))],
        }
    ]
    files: dict[str, str | bytes] = {
        "config.json": raw,
        "manifest.json": wrong.get("manifest", json.dumps(manifest)),
    }
    for number, data in enumerate(layers):
        files[f"{number}/layer.tar"] = data
    for name in wrong.get("without", ()):
        del files[name]
    return tar(files)


def test_there_and_back(bench: Bench) -> None:
    name = bench.image_name("one:1")
    built = build(
        bench,
        "FROM alpine\nRUN echo made > /made; rm /etc/issue; chown 5:6 /made; ln /made /hard\n"
        "ENV a=b\nCMD cat /made\n",
        t=name,
    )
    before = bench.raw.get(f"/images/{name}/json").json()
    history = bench.raw.get(f"/images/{name}/history").json()
    data = saved(bench, name)
    assert bench.raw.delete(f"/images/{name}").status == 200
    assert bench.raw.get(f"/images/{built.image}/json").status == 404
    assert text(load(bench, data)) == f"Loaded image: {name}\n"
    after = bench.raw.get(f"/images/{name}/json").json()
    for volatile in ("Parent", "Metadata", "GraphDriver"):
        del before[volatile], after[volatile]
    assert after == before
    again = bench.raw.get(f"/images/{name}/history").json()
    assert [(row["CreatedBy"], row["Size"]) for row in again] == [
        (row["CreatedBy"], row["Size"]) for row in history
    ]
    script = "exec 2>&1; cat /hard; stat -c %u:%g:%h /made; ls /etc/issue"
    output = bench.output("sh", "-c", script, image=name)
    assert output.splitlines()[:2] == ["made", "5:6:2"]
    assert "No such file" in output


def test_what_an_archive_holds(bench: Bench) -> None:
    one, two = bench.image_name("one:1"), bench.image_name("one:2")
    build(bench, "FROM alpine\nLABEL a=b\n", t=(one, two))
    found = untar(saved(bench, bench.name("one")))
    assert {"manifest.json", "index.json", "oci-layout", "repositories", "blobs/sha256"} <= set(
        found
    )
    (entry,) = json.loads(found["manifest.json"] or b"")
    assert sorted(entry["RepoTags"]) == [one, two]
    image = bench.raw.get(f"/images/{one}/json").json()
    assert entry["Config"] == f"blobs/sha256/{image['Id'].removeprefix('sha256:')}"
    config = found[entry["Config"]] or b""
    assert f"sha256:{hashlib.sha256(config).hexdigest()}" == image["Id"]
    document = json.loads(config)
    assert document["rootfs"]["diff_ids"] == image["RootFS"]["Layers"]
    assert document["config"]["Labels"] == {"a": "b"}
    for path, diff_id in zip(entry["Layers"], image["RootFS"]["Layers"], strict=True):
        data = found[path] or b""
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == diff_id
        assert path == f"blobs/sha256/{diff_id.removeprefix('sha256:')}"
        with tarfile.open(fileobj=io.BytesIO(data)) as members:
            assert members.getnames() is not None
    index = json.loads(found["index.json"] or b"")
    assert len(index["manifests"]) == 2
    repositories = json.loads(found["repositories"] or b"")
    assert set(repositories[bench.name("one")]) == {"1", "2"}


def test_several_images_by_name_and_by_id(bench: Bench) -> None:
    one, two = bench.image_name("one:1"), bench.image_name("two:1")
    first = build(bench, "FROM alpine\nLABEL a=1\n", t=one)
    second = build(bench, "FROM alpine\nLABEL a=2\n", t=two)
    found = untar(saved(bench, one, second.image))
    entries = json.loads(found["manifest.json"] or b"")
    tags = {entry["Config"].rpartition("/")[2]: entry["RepoTags"] for entry in entries}
    assert tags == {
        first.image.removeprefix("sha256:"): [one],
        second.image.removeprefix("sha256:"): None,
    }


def test_a_pulled_image(bench: Bench) -> None:
    data = saved(bench, "alpine:latest")
    assert text(load(bench_without_cleaning(bench), data)) == "Loaded image: alpine:latest\n"
    assert bench.output("echo", "fine") == "fine\n"


def bench_without_cleaning(bench: Bench) -> Bench:
    """Loading what was there already brings nothing that has to go."""
    return Bench(bench.engine)


def test_what_is_not_there(bench: Bench) -> None:
    for path, params in (
        ("/images/no-such-image/get", {}),
        ("/images/get", {"names": "no-such-image"}),
    ):
        answer = bench.raw.get(path, params=params)
        assert (answer.status, answer.message) == (404, "No such image: no-such-image")
    answer = bench.raw.get("/images/no-such-image:9/get")
    assert (answer.status, answer.message) == (404, "reference does not exist")


def test_a_layer_with_extended_attributes_keeps_its_bytes(bench: Bench) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as layer:
        member = tarfile.TarInfo("data")
        member.pax_headers = {"SCHILY.xattr.user.colour": "blue"}
        layer.addfile(member)
    name = bench.image_name("painted:1")
    load(bench, archive(buffer.getvalue(), tags=[name]))
    digest = f"sha256:{hashlib.sha256(buffer.getvalue()).hexdigest()}"
    assert digest in bench.raw.get(f"/images/{name}/json").json()["RootFS"]["Layers"]
    assert buffer.getvalue() in untar(saved(bench, name)).values()


# --- archives of others ----------------------------------------------------------------------


def test_an_archive_made_elsewhere(bench: Bench) -> None:
    name = bench.image_name("made:1")
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "data"
    owned = tarfile.TarInfo("data")
    owned.uid, owned.gid, owned.mode, owned.uname = 7, 8, 0o640, "somebody"
    lower = tar_of((link, b""), (owned, b"1"), (tarfile.TarInfo("gone"), b""))
    upper = layer({".wh.gone": "", "new": "22"})
    data = archive(lower, upper, config={"Env": ["a=b"]}, tags=[name])
    assert text(load(bench, data)) == f"Loaded image: {name}\n"
    image = bench.raw.get(f"/images/{name}/json").json()
    raw = untar(data)["config.json"] or b""
    assert image["Id"] == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert image["Created"] == "2024-01-02T03:04:05.678Z"
    assert image["Size"] == 7
    assert image["Config"]["Env"] == ["a=b"]
    history = bench.raw.get(f"/images/{name}/history").json()
    assert [(row["CreatedBy"], row["Size"]) for row in history] == [("step 1", 2), ("step 0", 5)]
    built = build(
        bench,
        f"FROM alpine\nCOPY --from={name} / /all/\n"
        "RUN cd /all; ls; readlink link; stat -c %u:%g:%a data\n",
    )
    assert "\ndata\nlink\nnew\ndata\n7:8:640\n" in built.text
    back = untar(saved(bench, name))
    (entry,) = json.loads(back["manifest.json"] or b"")
    assert back[entry["Config"]] == raw
    assert [back[path] for path in entry["Layers"]] == [lower, upper]


def test_compressed_archive_and_layer(bench: Bench) -> None:
    name = bench.image_name("made:1")
    plain = layer({"a": bench.prefix})
    digest = f"sha256:{hashlib.sha256(plain).hexdigest()}"
    data = archive(gzip.compress(plain), tags=[name], diff_ids=[digest])
    assert text(load(bench, gzip.compress(data))) == f"Loaded image: {name}\n"
    assert bench.raw.get(f"/images/{name}/json").json()["RootFS"]["Layers"] == [digest]


def test_an_image_without_names(bench: Bench) -> None:
    data = archive(layer({"a": bench.prefix}))
    raw = untar(data)["config.json"] or b""
    image = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert text(load(bench, data)) == f"Loaded image ID: {image}\n"


def test_a_name_that_moves(bench: Bench) -> None:
    name = bench.image_name("made:1")
    old = build(bench, "FROM alpine\nLABEL a=1\n", t=name).image
    said = text(load(bench, archive(layer({"a": bench.prefix}), tags=[name])))
    assert said == (
        f"The image {name} already exists, renaming the old one with ID {old} to empty string\n"
        f"Loaded image: {name}\n"
    )


def test_progress_for_those_who_want_it(bench: Bench) -> None:
    name = bench.image_name("made:1")
    said = load(bench, archive(layer({"a": bench.prefix}), tags=[name]), quiet="0")
    progress = [line for line in said if line.get("status") == "Loading layer"]
    assert progress
    assert set(progress[0]) == {"status", "progressDetail", "progress", "id"}
    assert progress[-1]["progressDetail"]["current"] == progress[-1]["progressDetail"]["total"]
    assert text(said) == f"Loaded image: {name}\n"


BROKEN: dict[str, tuple[bytes, str]] = {
    "garbage": (b"garbage", "unexpected EOF"),
    "cut": (archive(layer({"a": "x" * 5000}))[:3000], "unexpected EOF"),
    "null": (
        archive(layer({"a": "x"}), manifest="null"),
        "invalid manifest, manifest cannot be null (but can be [])",
    ),
    "layers": (
        archive(layer({"a": "x"}), diff_ids=[]),
        "invalid manifest, layers length mismatch: expected 1, got 0",
    ),
    "rootfs": (archive(layer({"a": "x"}), raw=b"{}"), "invalid image JSON, no RootFS key"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_archives(bench: Bench, name: str) -> None:
    data, message = BROKEN[name]
    assert error(load(bench, data)) == message


def test_another_digest(bench: Bench) -> None:
    data, other = layer({"a": "x"}), f"sha256:{'0' * 64}"
    real = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert error(load(bench, archive(data, diff_ids=[other]))) == (
        f'invalid diffID for layer 0: expected "{other}", got "{real}"'
    )


@pytest.mark.parametrize("name", ["manifest", "config", "layer"])
def test_what_is_missing_or_no_json(bench: Bench, name: str) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "manifest": {"manifest": "{"},
        "config": {"raw": b"{"},
        "layer": {"without": ["0/layer.tar"]},
    }
    said = load(bench, archive(layer({"a": bench.prefix}), **wrong[name]))
    assert "error" in said[-1]
    assert text(said) == ""


def test_members_that_lead_out_stay_inside(bench: Bench) -> None:
    name = bench.image_name("made:1")
    data = tar_of((tarfile.TarInfo("../../up"), b"1"), (tarfile.TarInfo("/abs"), b"2"))
    load(bench, archive(data, tags=[name]))
    built = build(bench, f"FROM alpine\nCOPY --from={name} / /all/\nRUN ls /all\n")
    assert "\nabs\nup\n" in built.text


# --- what only the embedded engine refuses ---------------------------------------------------

ELF = b"\x7fELF\x02\x01\x01" + bytes(64)


def foreign(bench: Bench, *members: tuple[tarfile.TarInfo, bytes], **config: Any) -> str:
    said = load(bench, archive(tar_of(*members), config=config, tags=[bench.image_name("f:1")]))
    return text(said) or error(said)


def executable(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode = 0o755
    return info


def test_programs_of_real_machines_are_refused(bench: Bench) -> None:
    if bench.engine.name != "embedded":
        pytest.skip("dockerd runs them")
    reason = (
        "the image would run {}, a program for a real machine (ELF): the embedded engine runs its "
        "own programs only, so it does not take the image"
    )
    said = foreign(bench, (executable("hello"), ELF), Cmd=["/hello"])
    assert said == reason.format("/hello")
    said = foreign(bench, (executable("bin/sh"), ELF), Env=["PATH=/bin"])
    assert said == reason.format("/bin/sh")
    script = (executable("run"), b"#!/bin/interpreter\n")
    said = foreign(bench, script, (executable("bin/interpreter"), ELF), Entrypoint=["/run"])
    assert said == reason.format("/bin/interpreter")
    assert bench.raw.get(f"/images/{bench.name('f:1')}/json").status == 404
    answer = bench.raw.post(
        "/images/create",
        tar_of((executable("bin/sh"), ELF)),
        params={"fromSrc": "-"},
        headers=TAR,
    )
    assert (answer.status, answer.message) == (400, reason.format("/bin/sh"))


def test_programs_among_the_data_are_fine(bench: Bench) -> None:
    said = foreign(bench, (executable("lib/some.so"), ELF), (executable("run"), b"#!/bin/sh\n"))
    assert said == f"Loaded image: {bench.name('f:1')}\n"


def test_an_archive_that_grows_without_end_is_refused(bench: Bench) -> None:
    if bench.engine.name != "embedded":
        pytest.skip("dockerd unpacks it")
    bomb = gzip.compress(bytes(80 << 20), 9)
    answer: Response = bench.raw.post("/images/create", bomb, params={"fromSrc": "-"}, headers=TAR)
    assert answer.status in (400, 500)
    assert "refused by the embedded engine" in answer.message


def test_oci_layout(bench: Bench) -> None:
    if bench.engine.name != "embedded":
        pytest.skip("dockerd of 26.1 wants a manifest.json too")
    name = bench.image_name("oci:1")
    build(bench, "FROM scratch\nCOPY a /a\n", {"a": "x"}, t=name)
    members = {
        path: data or b""
        for path, data in untar(saved(bench, name)).items()
        if data is not None and path not in {"manifest.json", "repositories"}
    }
    bench.raw.delete(f"/images/{name}")
    assert text(load(bench, tar(members))) == f"Loaded image: {name}\n"
    assert bench.raw.get(f"/images/{name}/json").json()["Size"] == 1


@pytest.mark.usefixtures("docker_command")
def test_by_the_command(bench: Bench, tmp_path: Any) -> None:
    name = bench.image_name("one:1")
    build(bench, "FROM alpine\nCMD echo hello\n", t=name)
    file = tmp_path / "image.tar"
    assert bench.cli("save", "-o", str(file), name).code == 0
    assert bench.cli("rmi", name).code == 0
    done = bench.cli("load", "-i", str(file))
    assert done.out == f"Loaded image: {name}\n"
    assert bench.cli("run", "--rm", name).out == "hello\n"
    assert bench.cli("load", "-q", "-i", str(file)).out == f"Loaded image: {name}\n"


def test_by_the_sdk(bench: Bench) -> None:
    name = bench.image_name("one:1")
    build(bench, "FROM alpine\nLABEL a=b\n", t=name)
    data = b"".join(bench.sdk.images.get(name).save(named=True))
    bench.sdk.images.remove(name)
    (image,) = bench.sdk.images.load(data)
    assert image.tags == [name]
