"""Pulling, finding, naming and removing images."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from course_lib.engine.clock import rfc3339_nano
from course_lib.engine.errdefs import Conflict, InvalidParameter, NotFound
from course_lib.engine.events import Events
from course_lib.engine.filters import Filters, InvalidFilter
from course_lib.engine.fs import ContainerFs, DirLayer
from course_lib.engine.image.model import HistoryEntry, Image, ImageConfig, Layer, new_image
from course_lib.engine.image.remove import ImageUser, Removed
from course_lib.engine.image.store import ImageStore
from tests.engine.conftest import ManualClock
from tests.engine.image.conftest import lines


def events_of(events: Events) -> list[tuple[str, str, str]]:
    return [
        (event.action, event.actor_id, event.attributes.get("name", ""))
        for event in events.past(Filters(), 0)
        if event.type == "image"
    ]


async def pull(images: ImageStore, *names: str) -> None:
    for name in names:
        repository, _, tag = name.partition(":")
        await lines(images.pull(repository, tag or "latest"))


def built(images: ImageStore, parent: str = "", name: str = "", created_ns: int = 5) -> Image:
    """An image as a build makes one."""
    image = new_image(
        created_ns,
        ImageConfig(labels={"made": name or "here"}),
        (HistoryEntry(created_ns, f"RUN {created_ns}"),),
        (),
        parent=parent,
    )
    images.add(image)
    if name:
        images.tag(image.id, name)
    return image


async def test_pull_says_what_dockerd_says(images: ImageStore, events: Events) -> None:
    told = await lines(images.pull("base", "latest"))
    image = images.get("base")
    layer = image.chain_ids[0].removeprefix("sha256:")[:12]
    assert [(line.status, line.id) for line in told if line.status != "Downloading"] == [
        ("Pulling from library/base", "latest"),
        ("Pulling fs layer", layer),
        ("Verifying Checksum", layer),
        ("Download complete", layer),
        ("Extracting", layer),
        ("Pull complete", layer),
        (f"Digest: {images.digests(image.id)[0].partition('@')[2]}", ""),
        ("Status: Downloaded newer image for base:latest", ""),
    ]
    downloading = [line for line in told if line.status == "Downloading"]
    assert downloading[-1].current == downloading[-1].total == 800_000
    assert downloading[-1].progress == f"[{'=' * 50}>]  800kB/800kB".replace(">]", "]")
    again = await lines(images.pull("base", "latest"))
    assert [line.status for line in again][-1] == "Status: Image is up to date for base:latest"
    assert len(again) == 3
    assert events_of(events) == [("pull", "base:latest", "base")] * 2


async def test_pull_shares_layers_that_are_there(images: ImageStore) -> None:
    await pull(images, "base")
    told = await lines(images.pull("team/derived", "latest"))
    assert [line.status for line in told].count("Already exists") == 1
    assert [line.status for line in told].count("Pull complete") == 2
    assert told[0].status == "Pulling from team/derived"


async def test_pull_without_tag_means_all_tags(images: ImageStore) -> None:
    await lines(images.pull("base"))
    assert images.tags(images.get("base").id) == ["base:1", "base:latest"]


async def test_pull_by_digest(images: ImageStore) -> None:
    await pull(images, "base")
    digest = images.digests(images.get("base").id)[0]
    images.remove("base")
    told = await lines(images.pull(digest))
    assert told[-1].status == f"Status: Downloaded newer image for {digest}"
    image = images.get(digest)
    assert images.tags(image.id) == []
    assert images.digests(image.id) == [digest]


@pytest.mark.parametrize(
    ("name", "tag", "kind", "message"),
    [
        (
            "ghost",
            "latest",
            NotFound,
            "pull access denied for ghost, repository does not exist or may require "
            "'docker login': denied: requested access to the resource is denied",
        ),
        ("quay.io/base", "", NotFound, "pull access denied for quay.io/base, "),
        (
            "base",
            "9",
            NotFound,
            "manifest for base:9 not found: manifest unknown: manifest unknown",
        ),
        ("base", "b:ad", InvalidParameter, "invalid tag format"),
        ("BASE", "", InvalidParameter, "invalid reference format"),
        (
            "base@sha256:" + "a" * 64,
            "",
            NotFound,
            f"manifest for base@sha256:{'a' * 64} not found: manifest unknown: manifest unknown",
        ),
    ],
)
async def test_pull_refuses_before_the_first_line(
    images: ImageStore, name: str, tag: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        await anext(images.pull(name, tag))
    assert str(caught.value).startswith(message)
    if kind is NotFound:
        assert "embedded engine" in str(caught.value)
    assert images.list() == []


async def test_pull_other_platform(images: ImageStore) -> None:
    await lines(images.pull("base", "latest", "linux/amd64"))
    with pytest.raises(NotFound, match="no matching manifest for linux/arm64"):
        await lines(images.pull("base", "latest", "linux/arm64"))


async def test_images_survive_a_restart(new_store: Callable[[], ImageStore]) -> None:
    first = new_store()
    await pull(first, "team/derived")
    first.tag("team/derived", "mine", "1")
    again = new_store()
    before, after = first.get("mine:1"), again.get("mine:1")
    assert after == before
    assert again.tags(after.id) == ["mine:1", "team/derived:latest"]
    assert again.last_tagged_ns(after.id) == first.last_tagged_ns(before.id) > 0


async def test_identities_follow_from_the_content(
    images: ImageStore, folder: Path, new_store: Callable[[], ImageStore]
) -> None:
    await pull(images, "base", "team/derived")
    base, derived = images.get("base"), images.get("team/derived")
    assert base.id.startswith("sha256:")
    assert len(base.id) == 71
    assert derived.diff_ids[0] == base.diff_ids[0]
    assert derived.chain_ids[0] == base.diff_ids[0]
    assert len(set(derived.diff_ids)) == 3
    assert derived.size == 2_001_010
    assert base.author == "somebody"
    assert rfc3339_nano(base.created_ns) == "2024-01-01T00:00:00Z"


async def test_get_by_every_name(images: ImageStore) -> None:
    await pull(images, "base")
    image = images.get("base")
    digits = image.id.removeprefix("sha256:")
    for name in (
        "base:latest",
        "library/base",
        "docker.io/library/base:latest",
        image.id,
        digits,
        digits[:12],
        digits[:4],
        f"sha256:{digits[:8]}",
        images.digests(image.id)[0],
    ):
        assert images.get(name) is image


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ghost", "No such image: ghost:latest"),
        ("ghost:1", "No such image: ghost:1"),
        ("team/ghost", "No such image: team/ghost:latest"),
        ("docker.io/library/ghost", "No such image: ghost:latest"),
        ("sha256:" + "f" * 64, "No such image: sha256:" + "f" * 64),
        ("f" * 64, "No such image: sha256:" + "f" * 64),
    ],
)
async def test_get_nothing(images: ImageStore, name: str, message: str) -> None:
    await pull(images, "base")
    with pytest.raises(NotFound) as caught:
        images.get(name)
    assert str(caught.value) == message


def test_get_refuses_what_is_no_name(images: ImageStore) -> None:
    with pytest.raises(InvalidParameter):
        images.get("A B")


async def test_rootfs_joins_the_layers(
    images: ImageStore, tmp_path: Path, clock: ManualClock
) -> None:
    await pull(images, "team/derived")
    rootfs = images.rootfs(images.get("team/derived"), tmp_path / "upper")
    fs = ContainerFs(rootfs, clock=clock)
    assert fs.read_bytes("/usr/sbin/server") == b"#!embedded server\n"
    assert fs.read_bytes("/etc/base") == b"base"
    assert fs.read_bytes("/etc/derived") == b"derived"
    assert (fs.stat("/data").uid, fs.stat("/data").gid) == (999, 1000)
    assert stat.S_IMODE(fs.stat("/etc/shadow").mode) == 0o640
    assert fs.stat("/etc/shadow").gid == 42
    assert stat.S_IMODE(fs.stat("/start.sh").mode) == 0o755
    assert fs.readlink("/bin/cat") == "/bin/busybox"
    assert sorted(fs.listdir("/usr/bin")) == ["ls", "ping"]
    assert fs.read_bytes("/etc/text") == b"hello\n"
    assert fs.rootfs.changes() == []


async def test_history_newest_first(images: ImageStore) -> None:
    await pull(images, "team/derived")
    items = images.history("team/derived")
    assert [(item.created_by, item.size) for item in items] == [
        ("EXPOSE map[80/tcp:{}]", 0),
        ("RUN tidy", 10),
        ("RUN install", 1000),
        ('CMD ["sh"]', 0),
        ("ADD base / # buildkit", 2_000_000),
    ]
    assert items[0].id == images.get("team/derived").id
    assert items[0].tags == ("team/derived:latest",)
    assert {item.id for item in items[1:]} == {"<missing>"}


async def test_tag_and_its_refusals(images: ImageStore, events: Events) -> None:
    await pull(images, "base")
    image = images.get("base")
    images.tag("base", "other")
    images.tag("base", "registry:5000/x", "v1")
    images.tag("base", "a:b", "c")
    assert images.tags(image.id) == ["a:c", "base:latest", "other:latest", "registry:5000/x:v1"]
    assert events_of(events)[1] == ("tag", image.id, "other:latest")
    with pytest.raises(InvalidParameter, match="refusing to create a tag with a digest reference"):
        images.tag("base", "x@sha256:" + "a" * 64)
    with pytest.raises(InvalidParameter, match="refusing to create an ambiguous tag"):
        images.tag("base", "sha256", "abc")
    with pytest.raises(NotFound, match="No such image: nosuch:latest"):
        images.tag("nosuch", "x")
    with pytest.raises(InvalidParameter, match="invalid tag format"):
        images.tag("base", "x", "b:ad")
    assert len(images.tags(image.id)) == 4


async def test_tag_moves(images: ImageStore) -> None:
    await pull(images, "base", "team/derived")
    images.tag("base", "mine")
    images.tag("team/derived", "mine")
    assert images.get("mine").id == images.get("team/derived").id
    assert "mine:latest" not in images.tags(images.get("base").id)


async def test_list_filters(images: ImageStore) -> None:
    await pull(images, "base", "team/derived")
    base, derived = images.get("base"), images.get("team/derived")
    dangling = built(images)
    new = built(images, name="new", created_ns=derived.created_ns + 1)

    def ids(**filters: str) -> list[str]:
        return [image.id for image in images.list(Filters({k: [v] for k, v in filters.items()}))]

    assert ids() == [new.id, derived.id, base.id, dangling.id]
    assert ids(dangling="true") == [dangling.id]
    assert dangling.id not in ids(dangling="false")
    assert ids(label="a=b") == [base.id]
    assert ids(label="made") == [new.id, dangling.id]
    assert ids(before="team/derived") == [base.id, dangling.id]
    assert ids(since="base") == [new.id, derived.id]
    assert ids(reference="base") == [base.id]
    assert ids(reference="ba*:la*") == [base.id]
    assert ids(reference="*") == [new.id, base.id]
    assert ids(reference="*/*") == [derived.id]
    with pytest.raises(InvalidFilter, match="invalid filter 'foo'"):
        ids(foo="x")
    with pytest.raises(InvalidFilter, match=r"invalid filter 'dangling=\[x\]'"):
        ids(dangling="x")
    with pytest.raises(NotFound, match="No such image: ghost:latest"):
        ids(before="ghost")


def test_list_leaves_out_intermediate_images(images: ImageStore) -> None:
    parent = built(images, created_ns=1)
    child = built(images, parent.id, "child", 2)
    assert [image.id for image in images.list()] == [child.id]
    assert {image.id for image in images.list(all=True)} == {parent.id, child.id}
    assert [item.id for item in images.history("child")] == [child.id]


# --- removing ----------------------------------------------------------------------------


async def test_remove_last_name_deletes_the_image(images: ImageStore, events: Events) -> None:
    await pull(images, "base")
    image = images.get("base")
    digest = images.digests(image.id)[0]
    assert images.remove("base") == [
        Removed(untagged="base:latest"),
        Removed(untagged=digest),
        Removed(deleted=image.id),
        Removed(deleted=image.chain_ids[0]),
    ]
    assert images.list() == []
    assert [event[0] for event in events_of(events)] == ["pull", "untag", "untag", "delete"]
    with pytest.raises(NotFound, match="No such image: base:latest"):
        images.remove("base")


async def test_remove_one_of_several_names_only_untags(images: ImageStore) -> None:
    await pull(images, "base")
    images.tag("base", "other")
    assert images.remove("other") == [Removed(untagged="other:latest")]
    assert images.tags(images.get("base").id) == ["base:latest"]


async def test_remove_keeps_layers_that_others_have(images: ImageStore) -> None:
    await pull(images, "base", "team/derived")
    derived = images.get("team/derived")
    removed = images.remove("team/derived")
    gone = [entry.deleted for entry in removed if entry.deleted]
    assert gone == [derived.id, derived.chain_ids[2], derived.chain_ids[1]]


async def test_remove_in_use_by_name(images: ImageStore) -> None:
    await pull(images, "base")
    image = images.get("base")
    user = ImageUser("c" * 64, image.id, running=False)
    with pytest.raises(Conflict) as caught:
        images.remove("base", users=[user])
    short = image.id.removeprefix("sha256:")[:12]
    assert str(caught.value) == (
        'conflict: unable to remove repository reference "base" (must force) - container '
        f"cccccccccccc is using its referenced image {short}"
    )
    images.tag("base", "other")
    images.remove("other", users=[user])
    assert images.remove("base", force=True, users=[user])[-1].deleted  # a stopped one: forced
    assert images.list() == []


async def test_remove_forced_by_name_while_running_leaves_it_dangling(images: ImageStore) -> None:
    await pull(images, "base")
    image = images.get("base")
    user = ImageUser("c" * 64, image.id, running=True)
    removed = images.remove("base", force=True, users=[user])
    assert all(entry.untagged for entry in removed)
    assert images.get(image.id) is image
    assert images.tags(image.id) == []


async def test_remove_by_id(images: ImageStore) -> None:
    await pull(images, "base")
    image = images.get("base")
    short = image.id.removeprefix("sha256:")[:12]
    images.tag("base", "other")
    with pytest.raises(Conflict) as caught:
        images.remove(short)
    assert str(caught.value) == (
        f"conflict: unable to delete {short} (must be forced) - image is referenced in multiple "
        "repositories"
    )
    images.remove("other")
    for running, force, words in (
        (True, True, "(cannot be forced) - image is being used by running container cccccccccccc"),
        (False, False, "(must be forced) - image is being used by stopped container cccccccccccc"),
    ):
        user = ImageUser("c" * 64, image.id, running)
        with pytest.raises(Conflict) as caught:
            images.remove(short, force=force, users=[user])
        assert str(caught.value) == f"conflict: unable to delete {short} {words}"
    removed = images.remove(short, force=True, users=[user])
    assert removed[-1].deleted == image.chain_ids[0]


def test_remove_prunes_parents_that_nothing_needs(images: ImageStore) -> None:
    grandparent = built(images, created_ns=1)
    parent = built(images, grandparent.id, created_ns=2)
    child = built(images, parent.id, "child", 3)
    with pytest.raises(Conflict, match="image has dependent child images"):
        images.remove(parent.id, force=True)
    deleted = [entry.deleted for entry in images.remove("child") if entry.deleted]
    assert deleted == [child.id, parent.id, grandparent.id]
    kept = built(images, created_ns=1)
    built(images, kept.id, "child", 3)
    images.remove("child", prune=False)
    assert images.get(kept.id) == kept


async def test_prune_dangling_and_unused(images: ImageStore, clock: ManualClock) -> None:
    await pull(images, "base", "team/derived")
    dangling = built(images)
    removed, space = images.prune()
    assert [entry.deleted for entry in removed if entry.deleted] == [dangling.id]
    assert space == 0
    base = images.get("base")
    nothing = Filters({"dangling": ["false"], "until": ["2020-01-01"]})
    assert images.prune(nothing) == ([], 0)
    user = ImageUser("c" * 64, base.id, running=False)
    removed, space = images.prune(Filters({"dangling": ["false"]}), [user])
    assert [image.id for image in images.list()] == [base.id]
    assert space == 1010
    with pytest.raises(InvalidFilter):
        images.prune(Filters({"foo": ["x"]}))


def test_layers_on_disk_go_with_their_image(
    images: ImageStore, tmp_path: Path, clock: ManualClock
) -> None:
    layer = Layer("sha256:" + "a" * 64, 10, "disk")
    path = images.layers.path(layer)
    (path / "etc").mkdir(parents=True)
    (path / "etc/x").write_text("1")
    image = new_image(1, ImageConfig(), (), (layer,))
    images.add(image)
    fs = ContainerFs(images.rootfs(image, tmp_path / "upper"), clock=clock)
    assert fs.read_bytes("/etc/x") == b"1"
    assert isinstance(fs.rootfs.layers[1], DirLayer)
    images.remove(image.id)
    assert not path.exists()


async def test_names_shown_are_those_that_a_reference_filter_finds(images: ImageStore) -> None:
    await pull(images, "base")
    images.tag("base", "other", "1")
    image = images.get("base")
    filters = Filters({"reference": ["other"]})
    assert images.list(filters) == [image]
    assert images.tags(image.id, filters) == ["other:1"]
    assert images.digests(image.id, filters) == []
    assert images.tags(image.id, Filters()) == ["base:latest", "other:1"]


async def test_shared_size_counts_layers_that_others_have(images: ImageStore) -> None:
    await pull(images, "base")
    assert images.shared_size(images.get("base").id) == 0
    await pull(images, "team/derived")
    assert images.shared_size(images.get("team/derived").id) == 2_000_000
