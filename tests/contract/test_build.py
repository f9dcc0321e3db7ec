"""Builds: what is in the images, the cache, networks, contexts, and what is left behind."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import threading
from typing import Any

import pytest

from tests.contract.builds import build, cli_build, finish, lines, post, tar, tar_of
from tests.contract.eventstream import events
from tests.contract.harness import Bench, until
from tests.contract.rawhttp import open_socket, target


def content(bench: Bench, image: str, *command: str) -> str:
    """What a program in a fresh container of an image prints."""
    assert image
    return bench.output(*command, image=image)


# --- what comes out --------------------------------------------------------------------------


def test_copied_files(bench: Bench) -> None:
    files = {"a.txt": "one\n", "b.txt": "two\n", "dir/d.txt": "d\n", "dir/sub/s.txt": "s\n"}
    built = build(
        bench,
        "FROM alpine\n"
        "COPY a.txt b.txt /ab/\n"
        "COPY dir /copied\n"
        "COPY a.txt /new/deep/name\n"
        "COPY *.txt /glob/\n"
        "COPY --chown=1000:1001 dir /own\n"
        "WORKDIR /w\n"
        "COPY a.txt rel/\n"
        "COPY b.txt .\n",
        files,
    )
    script = "cd /; find ab copied new glob own w | sort | xargs stat -c '%n %F %u:%g'"
    assert content(bench, built.image, "sh", "-c", script).splitlines() == [
        "ab directory 0:0",
        "ab/a.txt regular file 0:0",
        "ab/b.txt regular file 0:0",
        "copied directory 0:0",
        "copied/d.txt regular file 0:0",
        "copied/sub directory 0:0",
        "copied/sub/s.txt regular file 0:0",
        "glob directory 0:0",
        "glob/a.txt regular file 0:0",
        "glob/b.txt regular file 0:0",
        "new directory 0:0",
        "new/deep directory 0:0",
        "new/deep/name regular file 0:0",
        "own directory 1000:1001",
        "own/d.txt regular file 1000:1001",
        "own/sub directory 1000:1001",
        "own/sub/s.txt regular file 1000:1001",
        "w directory 0:0",
        "w/b.txt regular file 0:0",
        "w/rel directory 0:0",
        "w/rel/a.txt regular file 0:0",
    ]


def test_added_archives_are_unpacked_and_copied_ones_are_not(bench: Bench) -> None:
    archive = tar({"intar": "tar\n"})
    files: dict[str, str | bytes] = {
        "t.tar": archive,
        "t.tgz": gzip.compress(archive),
        "plain.gz": gzip.compress(b"text"),
    }
    built = build(
        bench,
        "FROM alpine\nADD t.tar /t/\nADD t.tgz /z\nADD plain.gz /p/\nCOPY t.tar /c/\n",
        files,
    )
    script = "cat /t/intar /z/intar; zcat /p/plain.gz; ls /c /t /z /p"
    found = content(bench, built.image, "sh", "-c", script)
    assert found.split() == ("tar tar text/c: t.tar /p: plain.gz /t: intar /z: intar".split())


def test_links_modes_and_what_a_step_removes(bench: Bench) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "target"
    script = tarfile.TarInfo("script")
    script.mode = 0o750
    dockerfile = (
        b"FROM alpine\nCOPY . /ctx/\nRUN rm /ctx/gone; mkdir /ctx/d; ln /ctx/script /ctx/hard\n"
        b"RUN rm -r /ctx/d && mkdir /ctx/d && touch /ctx/d/new && chmod 1777 /ctx/d\n"
    )
    body = tar_of(
        (tarfile.TarInfo("Dockerfile"), dockerfile),
        (tarfile.TarInfo("target"), b"x"),
        (link, b""),
        (script, b"#!/bin/sh\n"),
        (tarfile.TarInfo("gone"), b""),
    )
    built = finish(bench, post(bench, body, nocache="1"))
    found = content(
        bench,
        built.image,
        "sh",
        "-c",
        "cd /ctx; ls | tr '\\n' ' '; readlink link; stat -c %a:%h script; stat -c %a d; ls d",
    )
    assert found.split() == ("Dockerfile d hard link script target target 750:2 1777 new".split())


def test_stages(bench: Bench) -> None:
    built = build(
        bench,
        "FROM busybox AS maker\n"
        "RUN echo made > /made; chown 5:6 /made\n"
        "FROM alpine\n"
        "COPY --from=maker /made /from-name\n"
        "COPY --from=0 /made /from-number\n"
        "COPY --from=busybox /etc/passwd /from-image\n"
        "COPY --from=maker --chown=7:8 /made /own\n",
    )
    script = "cat /from-name /from-number; head -n 1 /from-image; stat -c %u:%g /from-name /own"
    assert content(bench, built.image, "sh", "-c", script).split()[:2] == ["made", "made"]
    owners = content(bench, built.image, "stat", "-c", "%u:%g", "/from-name", "/own")
    assert owners.split() == ["5:6", "7:8"]


def test_changes_below_a_declared_volume_are_lost(bench: Bench) -> None:
    built = build(
        bench,
        "FROM alpine\n"
        "RUN mkdir /vol && echo before > /vol/kept\n"
        "VOLUME /vol\n"
        "RUN cat /vol/kept; echo after > /vol/kept; echo new > /vol/new; cat /vol/new\n"
        "RUN ls /vol\n",
    )
    assert "\nbefore\nnew\n" in built.text
    assert "\nkept\n" in built.text
    assert "\nkept\nnew\n" not in built.text
    assert content(bench, built.image, "cat", "/vol/kept") == "before\n"
    assert content(bench, built.image, "ls", "/vol") == "kept\n"


def test_declared_volume_becomes_a_volume(bench: Bench) -> None:
    built = build(bench, "FROM alpine\nVOLUME /uploads /not/there\n")
    container = bench.create(image=built.image, command=["true"])
    mounts = bench.inspect(container)["Mounts"]
    assert sorted(mount["Destination"] for mount in mounts) == ["/not/there", "/uploads"]
    assert {mount["Type"] for mount in mounts} == {"volume"}


def test_onbuild(bench: Bench) -> None:
    name = bench.image_name()
    first = build(
        bench,
        "FROM alpine\nONBUILD COPY a.txt /trigger\nONBUILD RUN cat /trigger\n",
        {"a.txt": "first\n"},
        t=name,
    )
    assert "Executing" not in first.text
    second = build(bench, f"FROM {name}\nRUN echo own\n", {"a.txt": "second\n"})
    assert "# Executing 2 build triggers\n" in second.text
    assert "\nsecond\n" in second.text
    config = bench.raw.get(f"/images/{second.image}/json").json()["Config"]
    assert config["OnBuild"] is None


def test_from_scratch(bench: Bench) -> None:
    built = build(bench, "FROM scratch\nCOPY a.txt /\nLABEL a=b\n", {"a.txt": "x"})
    image = bench.raw.get(f"/images/{built.image}/json").json()
    assert len(image["RootFS"]["Layers"]) == 1
    assert image["Size"] == 1
    assert image["Parent"]


def test_several_tags(bench: Bench) -> None:
    one, two = bench.image_name("one"), bench.image_name("two:2")
    built = build(bench, "FROM alpine\nLABEL a=b\n", t=(one, two, one))
    assert built.text.endswith(f"Successfully tagged {one}:latest\nSuccessfully tagged {two}\n")
    tags = bench.raw.get(f"/images/{built.image}/json").json()["RepoTags"]
    assert sorted(tags) == [f"{one}:latest", two]


def test_quiet(bench: Bench) -> None:
    answer = post(bench, tar({"Dockerfile": "FROM alpine\nLABEL q=1\n"}), q="1", nocache="1")
    (line,) = lines(answer)
    image = line["stream"].strip()
    assert image.startswith("sha256:")
    bench.adopt_image(image)
    assert bench.raw.get(f"/images/{image}/json").json()["Config"]["Labels"] == {"q": "1"}


# --- networks --------------------------------------------------------------------------------


def test_without_a_network_there_is_only_the_loopback(bench: Bench) -> None:
    built = build(
        bench, "FROM alpine\nRUN ip -o link | cut -d: -f2 > /interfaces\n", networkmode="none"
    )
    assert content(bench, built.image, "cat", "/interfaces").split() == ["lo"]


def test_on_a_network_of_the_users_own(bench: Bench) -> None:
    network = bench.network("net")
    bench.serve("mirror", network, "from the mirror")
    built = build(
        bench,
        f"FROM alpine\nRUN wget -q -O /fetched.html http://{bench.name('mirror')}/\n",
        networkmode=network,
    )
    assert content(bench, built.image, "cat", "/fetched.html") == "from the mirror\n"


def test_in_the_network_of_a_container(bench: Bench) -> None:
    bench.serve("web", "bridge", "shared stack")
    built = build(
        bench,
        "FROM alpine\nRUN wget -q -O /fetched.html http://127.0.0.1/\n",
        networkmode=f"container:{bench.name('web')}",
    )
    assert content(bench, built.image, "cat", "/fetched.html") == "shared stack\n"


def test_added_hosts(bench: Bench) -> None:
    built = build(
        bench,
        "FROM alpine\nRUN grep -w added /etc/hosts > /found\n",
        extrahosts=("added:1.2.3.4", "other:1.2.3.5"),
    )
    assert content(bench, built.image, "cat", "/found").split() == ["1.2.3.4", "added"]


# --- the cache -------------------------------------------------------------------------------


def test_cache(bench: Bench) -> None:
    head = f"FROM alpine\nLABEL test={bench.prefix}\n"
    tail = "COPY a.txt /\nRUN cat /a.txt > /b\n"
    first = build(bench, head + tail, {"a.txt": "1"}, nocache="0")
    assert "Using cache" not in first.text
    again = build(bench, head + tail, {"a.txt": "1"}, nocache="0")
    assert again.text.count(" ---> Using cache\n") == 3
    assert again.image == first.image
    changed = build(bench, head + tail, {"a.txt": "2"}, nocache="0")
    assert changed.text.count(" ---> Using cache\n") == 1
    assert content(bench, changed.image, "cat", "/b") == "2"
    other = build(bench, head + "ENV x=y\n" + tail, {"a.txt": "1"}, nocache="0")
    assert other.text.count(" ---> Using cache\n") == 1
    without = build(bench, head + tail, {"a.txt": "1"}, nocache="1")
    assert "Using cache" not in without.text


def test_cache_goes_by_what_is_copied_not_by_its_time(bench: Bench) -> None:
    dockerfile = f"FROM alpine\nLABEL test={bench.prefix}\nCOPY d /d\n".encode()

    def once(mtime: int, mode: int) -> str:
        info = tarfile.TarInfo("d/f")
        info.mtime, info.mode = mtime, mode
        body = tar_of((tarfile.TarInfo("Dockerfile"), dockerfile), (info, b"x"))
        return finish(bench, post(bench, body)).text

    once(1, 0o644)
    assert once(1_000_000, 0o644).count("Using cache") == 2
    assert once(1, 0o755).count("Using cache") == 1


def test_arguments_are_part_of_what_is_cached(bench: Bench) -> None:
    dockerfile = f"FROM alpine\nLABEL test={bench.prefix}\nARG V\nRUN echo $V > /v\n"

    def once(value: str) -> tuple[int, str]:
        built = build(bench, dockerfile, nocache="0", buildargs={"V": value})
        return built.text.count("Using cache"), content(bench, built.image, "cat", "/v")

    assert once("1") == (0, "1\n")
    assert once("1") == (3, "1\n")
    assert once("2") == (2, "2\n")


def test_an_image_named_as_cache(bench: Bench) -> None:
    dockerfile = f"FROM alpine\nLABEL test={bench.prefix}\nRUN echo x > /x\n"
    name = bench.image_name()
    first = build(bench, dockerfile, nocache="0", t=name)
    again = build(bench, dockerfile, nocache="0", cachefrom=[name, "no-such-image"])
    assert again.image == first.image


# --- what is left behind ---------------------------------------------------------------------


def containers_of(bench: Bench, marker: str) -> list[tuple[str, str]]:
    rows = bench.raw.get("/containers/json", params={"all": "1"}).json()
    return [(row["State"], row["Command"]) for row in rows if marker in row["Command"]]


@pytest.mark.parametrize(
    ("params", "left"),
    [({}, 1), ({"rm": "1"}, 1), ({"forcerm": "1"}, 0), ({"rm": "0"}, 2)],
    ids=["default", "rm", "forcerm", "keep"],
)
def test_containers_that_a_failed_build_leaves(
    bench: Bench, params: dict[str, Any], left: int
) -> None:
    marker = bench.prefix
    built = build(bench, f"FROM alpine\nRUN true {marker}\nRUN false {marker}\n", **params)
    assert built.code == 1
    found = containers_of(bench, marker)
    assert len(found) == left
    assert {state for state, _ in found} <= {"exited"}


def test_a_good_build_leaves_no_container_and_no_volume(bench: Bench) -> None:
    marker = bench.prefix
    before = {row["Name"] for row in bench.raw.get("/volumes").json()["Volumes"] or ()}
    built = build(
        bench, f"FROM alpine\nVOLUME /v\nRUN echo {marker} > /v/{marker}\nENV a={marker}\n"
    )
    assert built.image
    assert containers_of(bench, marker) == []
    for row in bench.raw.get("/volumes").json()["Volumes"] or ():
        if row["Name"] not in before:  # of another test on this engine
            assert marker not in json.dumps(row)


def test_steps_are_images_of_their_own(bench: Bench) -> None:
    name = bench.image_name()
    built = build(bench, "FROM alpine\nENV a=b\nRUN true\n", t=name)
    steps = bench.raw.get(f"/images/{name}/history").json()
    assert [step["Id"] == "<missing>" for step in steps[:3]] == [False, False, False]
    assert steps[0]["Tags"] == [f"{name}:latest"]
    middle = steps[1]["Id"]
    parent = bench.raw.get(f"/images/{built.image}/json").json()["Parent"]
    assert parent == middle
    listed = {row["Id"] for row in bench.raw.get("/images/json").json()}
    everything = {row["Id"] for row in bench.raw.get("/images/json", params={"all": "1"}).json()}
    assert middle not in listed
    assert {middle, built.image} <= everything
    removed = bench.raw.delete(f"/images/{name}").json()
    deleted = [line["Deleted"] for line in removed if "Deleted" in line]
    assert built.image in deleted
    assert middle in deleted


def test_events_of_a_build(bench: Bench) -> None:
    dockerfile = f"FROM alpine\nLABEL test={bench.prefix}\nRUN true\n"
    with events(bench.engine, filters={"label": [f"test={bench.prefix}"]}) as stream:
        build(bench, dockerfile, t=bench.image_name())
        stream.until("tag")
    assert [(event["Type"], event["Action"]) for event in stream.seen] == [
        ("container", action) for action in "create destroy create attach start die destroy".split()
    ] + [("image", "tag")]


def test_a_client_that_leaves_ends_the_build(bench: Bench) -> None:
    marker = bench.prefix
    body = tar({"Dockerfile": f"FROM alpine\nRUN echo {marker}; sleep 1000\nRUN true\n"})
    head = (
        f"POST {target('/build', {'nocache': '1'})} HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/x-tar\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with open_socket(bench.engine.socket) as stream:
        stream.sendall(head.encode() + body)
        received = b""
        while f"{marker}\\n".encode() not in received:
            received += stream.recv(65536)
        assert containers_of(bench, f"echo {marker}") != []
    until(lambda: containers_of(bench, f"echo {marker}") == [])


def test_two_builds_at_a_time(bench: Bench) -> None:
    results: list[Any] = []

    def one(number: int) -> None:
        text = f"FROM alpine\nRUN echo number-{number} > /n\nRUN cat /n\n"
        results.append((number, build(bench, text)))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, built in results:
        assert f"\nnumber-{number}\n" in built.text
    assert len({built.image for _, built in results}) == 3


# --- contexts --------------------------------------------------------------------------------


def test_another_dockerfile(bench: Bench) -> None:
    body = tar({"Dockerfile": "nonsense", "sub/File": "FROM alpine\nLABEL a=b\n"})
    assert finish(bench, post(bench, body, dockerfile="sub/File", nocache="1")).image


def test_dockerfile_in_small_letters(bench: Bench) -> None:
    answer = post(bench, tar({"dockerfile": "FROM alpine\nLABEL a=b\n"}), nocache="1")
    assert finish(bench, answer).image


@pytest.mark.parametrize("pack", [gzip.compress, None], ids=["gzip", "bzip2"])
def test_compressed_context(bench: Bench, pack: Any) -> None:
    import bz2

    body = (pack or bz2.compress)(tar({"Dockerfile": "FROM alpine\nLABEL a=b\n"}))
    assert finish(bench, post(bench, body, nocache="1")).image


def test_files_that_dockerignore_names_twice(bench: Bench) -> None:
    files = {".dockerignore": "# a comment\n*\n!a.txt\nDockerfile\n", "a.txt": "x"}
    built = build(bench, "FROM alpine\nCOPY . /ctx/\n", files)
    assert content(bench, built.image, "ls", "-A", "/ctx") == "a.txt\n"


BROKEN: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "garbage": (b"garbage", {}),
    "much garbage": (b"garbage!" * 200, {}),
    "zeros": (bytes(5000), {}),
    "cut": (tar({"Dockerfile": "FROM alpine\n" * 100})[:700], {}),
    "cut in a header": (tar({"Dockerfile": "FROM alpine\n", "b": "x"})[:1100], {}),
    "cut gzip": (gzip.compress(tar({"Dockerfile": "FROM alpine\n"}))[:60], {}),
    "no such file": (tar({"a": "x"}), {"dockerfile": "nope"}),
    "outside": (tar({"a": "x"}), {"dockerfile": "../../etc/passwd"}),
    "tag": (tar({"Dockerfile": "FROM alpine\n"}), {"t": "BAD"}),
    "digest": (tar({"Dockerfile": "FROM alpine\n"}), {"t": "a@sha256:" + "0" * 64}),
    "arguments": (tar({"Dockerfile": "FROM alpine\n"}), {"buildargs": "x"}),
    "argument": (tar({"Dockerfile": "FROM alpine\n"}), {"buildargs": '{"A":1}'}),
    "labels": (tar({"Dockerfile": "FROM alpine\n"}), {"labels": "x"}),
    "squash": (tar({"Dockerfile": "FROM alpine\n"}), {"squash": "1"}),
    "version": (tar({"Dockerfile": "FROM alpine\n"}), {"version": "3"}),
    "shm": (tar({"Dockerfile": "FROM alpine\n"}), {"shmsize": "x"}),
    "remote": (tar({"Dockerfile": "FROM alpine\n"}), {"remote": "nonsense"}),
    "session": (tar({"Dockerfile": "FROM alpine\n"}), {"remote": "client-session"}),
}
ANSWERS = {
    "nothing": (500, "Cannot locate specified Dockerfile: Dockerfile"),
    "garbage": (500, "unexpected EOF"),
    "much garbage": (500, "archive/tar: invalid tar header"),
    "zeros": (500, "Cannot locate specified Dockerfile: Dockerfile"),
    "cut": (500, "unexpected EOF"),
    "cut in a header": (500, "unexpected EOF"),
    "cut gzip": (500, "unexpected EOF"),
    "no such file": (500, "Cannot locate specified Dockerfile: nope"),
    "outside": (500, "forbidden path outside the build context: ../../etc/passwd ()"),
    "tag": (500, "invalid reference format: repository name (library/BAD) must be lowercase"),
    "digest": (500, "build tag cannot contain a digest"),
    "arguments": (
        400,
        "error reading build args: invalid character 'x' looking for beginning of value",
    ),
    "argument": (
        400,
        "error reading build args: json: cannot unmarshal number into Go value of type string",
    ),
    "labels": (400, "error reading labels: invalid character 'x' looking for beginning of value"),
    "squash": (400, "squash is only supported with experimental mode"),
    "version": (400, 'invalid version "3"'),
    "shm": (500, 'strconv.ParseInt: parsing "x": invalid syntax'),
    "remote": (500, "remoteURL (nonsense) could not be recognized as URL"),
    "session": (
        400,
        "experimental session with v1 builder is no longer supported, use builder version v2 "
        "(BuildKit) instead",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_refused(bench: Bench, name: str) -> None:
    body, params = BROKEN[name]
    answer = post(bench, body, **params)
    assert (answer.status, answer.message) == ANSWERS[name]


def test_members_that_lead_out_of_the_context_stay_in_it(bench: Bench) -> None:
    dockerfile = b"FROM alpine\nCOPY . /ctx/\n"
    body = tar_of(
        (tarfile.TarInfo("Dockerfile"), dockerfile),
        (tarfile.TarInfo("/absolute"), b"1"),
        (tarfile.TarInfo("../../escaping"), b"2"),
    )
    built = finish(bench, post(bench, body, nocache="1"))
    found = content(bench, built.image, "ls", "/ctx")
    assert found.split() == ["Dockerfile", "absolute", "escaping"]


def test_links_out_of_the_context_lead_nowhere(bench: Bench) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    body = tar_of((tarfile.TarInfo("Dockerfile"), b"FROM alpine\nCOPY link /x\n"), (link, b""))
    built = finish(bench, post(bench, body, nocache="1"))
    assert built.text.endswith(
        "ERROR COPY failed: file not found in build context or excluded by .dockerignore: stat "
        "link: file does not exist"
    )


# --- by the clients --------------------------------------------------------------------------


def test_by_the_sdk(bench: Bench) -> None:
    name = bench.image_name()
    file = io.BytesIO(f"FROM alpine\nLABEL test={bench.prefix}\n".encode())
    image, log = bench.sdk.images.build(fileobj=file, tag=name, rm=True)
    assert image.tags == [f"{name}:latest"]
    text = "".join(line.get("stream", "") for line in log)
    assert "Step 1/2 : FROM alpine" in text
    assert image.attrs["Config"]["Labels"] == {"test": bench.prefix}


@pytest.mark.usefixtures("docker_command")
def test_by_the_command(bench: Bench) -> None:
    name = bench.image_name()
    files = {"a.txt": "x", "b.txt": "y", ".dockerignore": "b.txt\n"}
    dockerfile = "FROM alpine\nCOPY . /ctx/\nRUN ls /ctx\n"
    result = cli_build(bench, dockerfile, "--no-cache", "-t", name, files=files)
    assert result.code == 0, result.err
    assert "Step 3/3 : RUN ls /ctx\n" in result.out
    assert "\nDockerfile\na.txt\n" in result.out
    assert result.out.endswith(f"Successfully tagged {name}:latest\n")


@pytest.mark.usefixtures("docker_command")
def test_command_ends_with_the_code_of_the_program(bench: Bench) -> None:
    result = cli_build(bench, "FROM alpine\nRUN exit 5\n", "--no-cache", "--force-rm")
    assert result.code == 5
    assert result.err.endswith("The command '/bin/sh -c exit 5' returned a non-zero code: 5\n")


@pytest.mark.usefixtures("docker_command")
def test_dockerfile_on_standard_input(bench: Bench) -> None:
    dockerfile = f"FROM alpine\nLABEL test={bench.prefix}\n"
    result = bench.cli("build", "-q", "-", stdin=dockerfile, env={"DOCKER_BUILDKIT": "0"})
    assert result.code == 0, result.err
    bench.adopt_image(result.out.strip())
    labels = bench.raw.get(f"/images/{result.out.strip()}/json").json()["Config"]["Labels"]
    assert labels == {"test": bench.prefix}


def test_prune_and_cancel(bench: Bench) -> None:
    pruned = bench.raw.post("/build/prune")
    assert (pruned.status, pruned.json()) == (
        200,
        {"CachesDeleted": None, "SpaceReclaimed": 0},
    )
    answer = bench.raw.post("/build/prune", params={"keep-storage": "x"})
    assert (answer.status, answer.message) == (
        400,
        "keep-storage is in bytes and expects an integer, got x: "
        'strconv.Atoi: parsing "x": invalid syntax',
    )
    answer = bench.raw.post("/build/cancel")
    assert (answer.status, answer.message) == (400, "build ID not provided")
    assert bench.raw.post("/build/cancel", params={"id": "x"}).status == 200


def test_old_clients_see_what_the_step_was_made_of(bench: Bench) -> None:
    built = build(bench, "FROM alpine\nCMD x\nRUN true\n")
    old = bench.raw.get(f"/images/{built.image}/json", version="v1.44").json()
    assert old["ContainerConfig"]["Cmd"] == ["/bin/sh", "-c", "true"]
    assert old["Config"]["Cmd"] == ["/bin/sh", "-c", "x"]
    assert len(old["Container"]) == 64
    new = bench.raw.get(f"/images/{built.image}/json").json()
    assert "ContainerConfig" not in new


def test_much_output(bench: Bench) -> None:
    """Three megabytes: more than anybody holds back for a client."""
    script = "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo the-end"
    built = build(bench, f"FROM alpine\nRUN {script}\n")
    assert "x" * 3_000_000 in built.text
    assert "\nthe-end\n" in built.text
