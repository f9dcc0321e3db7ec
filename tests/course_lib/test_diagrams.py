from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from course_lib.contents import Contents, Item
from course_lib.diagrams import describe, draw, lettering, palette
from course_lib.diagrams.layout import lay_out
from course_lib.diagrams.scene import build_scene
from course_lib.diagrams.shapes import Area, Drawing, Label, Line
from course_lib.diagrams.storage import build_storage_scene
from course_lib.diagrams.text import rows, shortened, wrapped
from course_lib.topology import (
    Container,
    Interface,
    Mount,
    Network,
    PublishedPort,
    Subnet,
    Topology,
    Volume,
)

ENGINE = "embedded engine 26.1.5"


def network(name: str, number: int = 17, *, internal: bool = False) -> Network:
    subnet = Subnet(f"172.{number}.0.0/16", f"172.{number}.0.1")
    return Network(f"net-{name}", name, "bridge", (subnet,), internal)


def container(name: str, *networks: str, **more: object) -> Container:
    state = str(more.pop("state", "running"))
    aliases = more.pop("aliases", ())
    interfaces = tuple(
        Interface(on, f"172.17.0.{len(name)}" if state == "running" else "", aliases=aliases)  # type: ignore[arg-type]
        for on in networks
    )
    published = tuple(PublishedPort(80, "tcp", port) for port in more.pop("ports", ()))  # type: ignore[attr-defined]
    return Container(
        f"id-{name}", name, str(more.pop("image", "nginx")), state, 0, interfaces=interfaces,
        ports=published, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def topology(*containers: Container, networks: tuple[str, ...] = ()) -> Topology:
    nets = tuple(network(name, 18 + i) for i, name in enumerate(networks))
    return Topology((network("bridge"), *nets), containers, engine=ENGINE)


MODES = Topology(
    (network("bridge"), network("dev", 18, internal=True)),
    (
        container("app", "dev", ports=(8080,)),
        Container("id-side", "sidecar", "alpine", mode="container", shares="id-app"),
        Container("id-vault", "vault", "alpine", mode="none"),
        Container("id-host", "hostview", "alpine", mode="host"),
        Container("id-lost", "lost", "alpine", "exited", 1),
        container("db", "dev", aliases=("es",), mounts=(
            Mount("volume", "data", "/data"), Mount("bind", "/home/ann/site", "/site", True),
            Mount("tmpfs", "", "/scratch"), Mount("volume", "f" * 64, "/a"),
            Mount("volume", "x", "/x"),
        )),
    ),
    (Volume("data"), Volume("f" * 64)),
    ENGINE,
)  # fmt: skip

SCENES = {
    "empty": topology(),
    "nothing at all": Topology(),
    "one": topology(container("web", "bridge", ports=(32768,))),
    "two": topology(container("web", "bridge"), container("site", "bridge", ports=(8080, 8888))),
    "two networks": topology(
        container("es", "dev"),
        container("between", "dev", "prod", aliases=("gw",)),
        container("stopped", "prod", state="exited"),
        networks=("dev", "prod"),
    ),
    "thirty": topology(
        *(container(f"worker-{i}", "bridge", ports=(32768 + i,) * (i % 3 == 0)) for i in range(30))
    ),
    "thirty on three": topology(
        *(
            container(f"box-{i}", *(["bridge"], ["dev"], ["dev", "prod"])[i % 3], ports=(i + 1,))
            for i in range(30)
        ),
        networks=("dev", "prod"),
    ),
    "a chain": topology(
        *(container(f"hop-{i}", f"n{i}", f"n{i + 1}") for i in range(5)),
        networks=tuple(f"n{i}" for i in range(6)),
    ),
    "on everything": topology(container("hub", "a", "b", "c", "d"), networks=("a", "b", "c", "d")),
    "long": Topology(
        (network("bridge"), network("a-very-long-network-name-of-the-payments-team", 30)),
        (
            container("x" * 63, "bridge", image="registry.example.com:5000/team/image:2026.11.23"),
            container("a_long-name.with-breaks-in-it", "bridge", aliases=("a" * 60, "b", "c", "d")),
        ),
        (Volume("v" * 200),),
        ENGINE,
    ),
    "modes": MODES,
    "ports of those below": topology(
        container("lb", "front", "back", ports=(80, 443)),
        *(container(f"web{i}", "front", "back", ports=(8081 + i,)) for i in range(4)),
        container("db", "back"),
        networks=("front", "back"),
    ),
    "many ports and long ones": topology(
        container("many", "bridge", ports=tuple(range(8000, 8012))),
        replace(
            container("long", "bridge"),
            ports=(
                PublishedPort(80, "tcp", 8080, "2001:db8:1234:5678:9abc:def0:1234:5678"),
                PublishedPort(53, "udp", 53, "192.168.178.22"),
            ),
        ),
    ),
}


FEW = Contents((Item("notes.md", 12_345), Item("sub", 3, True)))
MANY = Contents(tuple(Item(f"log-{n:02}-of-a-service-with-a-long-name.txt", n) for n in range(17)))


def keeping(name: str, *mounts: Mount, **more: object) -> Container:
    return container(name, "bridge", image="alpine", mounts=mounts, **more)


def on(volume: str, target: str = "/data", read_only: bool = False) -> Mount:
    return Mount("volume", volume, target, read_only)


def stored(*containers: Container, **contents: Contents) -> Topology:
    names = {m.source for c in containers for m in c.mounts if m.kind == "volume"}
    volumes = tuple(Volume(name) for name in sorted({*names, *contents}))
    seen = {("volume", name): found for name, found in contents.items()}
    return Topology((network("bridge"),), containers, volumes, ENGINE, seen)


MEMORY = Mount("tmpfs", "", "/scratch")
SITE = "/home/ann/docker-course/volumes/site"
KINDS = stored(
    keeping(
        "mixed", on("state", "/state"), Mount("bind", SITE, "/usr/share/nginx/html", True),
        MEMORY, on("state", "/again", True), ports=(8080,),
    ),
    keeping("plain"),
    keeping("stopped", on("a" * 64, "/usr/local/tomcat/webapps"), state="exited"),
    state=FEW, spare=Contents(),
)  # fmt: skip

STORAGE_SCENES = {
    "no volumes": stored(),
    "one volume": stored(keeping("web", on("data")), data=FEW),
    "kinds": KINDS,
    "shared by three": stored(
        keeping("webapp", on("logs"), on("webapps", "/webapps"), ports=(8080,)),
        keeping("reader", on("logs", "/data", True)),
        keeping("other", on("logs")),
        logs=MANY,
    ),
    "thirty on one": stored(
        *(keeping(f"worker-{i}", on("shared", "/data", i % 3 > 0)) for i in range(30)), shared=MANY
    ),
    "thirty of their own": stored(*(keeping(f"db-{i}", on(f"{i:064x}")) for i in range(30))),
    "thirty on all": stored(
        *(keeping(f"box-{i}", on(f"v{i % 6}"), on("logs", "/log")) for i in range(30)), logs=MANY
    ),
    "long paths": stored(keeping("x" * 63, on("v" * 120, "/a" * 60), on("w", "/b"))),
}


def measure(text: str, size: float, bold: bool) -> float:
    """A font whose letters are all alike, wider than most."""
    return len(text) * size * (0.66 if bold else 0.6)


@pytest.fixture(params=[*SCENES, *STORAGE_SCENES], ids=lambda name: name.replace(" ", "-"))
def drawing(request: pytest.FixtureRequest) -> Drawing:
    if request.param in SCENES:
        return lay_out(build_scene(SCENES[request.param]), measure)
    return lay_out(build_storage_scene(STORAGE_SCENES[request.param]), measure)


ROLES = ("container", "bar", "interface", "volume", "port")


def pairs(areas: list[Area]) -> Iterator[tuple[Area, Area]]:
    for number, one in enumerate(areas):
        for other in areas[number + 1 :]:
            yield one, other


@pytest.mark.parametrize("role", ROLES)
def test_things_of_a_kind_never_overlap(drawing: Drawing, role: str) -> None:
    for one, other in pairs(drawing.areas(role)):
        # Strips and boxes share an edge; half a pixel of it is no overlap.
        shrunk = Area(one.x + 0.5, one.y + 0.5, one.w - 1, one.h - 1)
        assert not shrunk.overlaps(other), (one, other)


def test_containers_overlap_no_bars(drawing: Drawing) -> None:
    for box in drawing.areas("container"):
        for bar in drawing.areas("bar"):
            assert not box.overlaps(bar), (box, bar)


def test_texts_do_not_cover_each_other(drawing: Drawing) -> None:
    extents = []
    for label in drawing.shapes:
        if isinstance(label, Label):
            # Letters are about three quarters of their size high.
            width = measure(label.text, label.size, label.bold) * 0.8
            left = label.x - {"left": 0.0, "center": width / 2, "right": width}[label.align]
            extents.append(Area(left, label.y - label.size * 0.4, width, label.size * 0.8))
    for one, other in pairs(extents):
        assert not one.overlaps(other), (one, other)


def test_everything_lies_on_the_sheet_and_within_the_host(drawing: Drawing) -> None:
    [host] = drawing.areas("host")
    for role in ROLES[:4]:
        for area in drawing.areas(role):
            assert host.x < area.x, area
            assert area.right < host.right, area
            assert host.y < area.y, area
            assert area.bottom < host.bottom, area
    assert host.x > 0
    assert host.right < drawing.width
    assert host.bottom < drawing.height
    assert all(area.y > 0 for area in drawing.areas("port"))


def test_texts_fit_into_their_boxes(drawing: Drawing) -> None:
    boxes = [*drawing.areas("container"), *drawing.areas("bar")]
    for label in drawing.shapes:
        if not isinstance(label, Label) or label.align != "left":
            continue
        holder = next(
            (
                b
                for b in [*boxes, *drawing.areas("bar")]
                if b.x < label.x < b.right and b.y < label.y < b.bottom
            ),
            None,
        )
        if holder:
            assert label.x + measure(label.text, label.size, label.bold) <= holder.right, label


def test_every_interface_has_a_wire_that_ends_on_its_bar(drawing: Drawing) -> None:
    bars = {bar.key: bar for bar in drawing.areas("bar")}
    ends = [shape.points for shape in drawing.shapes if isinstance(shape, Line) and not shape.arrow]
    for strip in drawing.areas("interface"):
        bar = bars[strip.key]
        wires = [
            points
            for points in ends
            if strip.x <= points[0][0] <= strip.right and strip.y <= points[0][1] <= strip.bottom
        ]
        assert len(wires) == 1, strip
        x, y = wires[0][-1]
        assert bar.x <= x <= bar.right
        assert bar.y <= y <= bar.bottom


@pytest.mark.parametrize("name", ["one", "two", "thirty", "thirty on three", "two networks"])
def test_usual_scenes_fit_a_notebook_without_shrinking(name: str) -> None:
    assert lay_out(build_scene(SCENES[name]), measure).width <= palette.WIDTH


def test_thirty_containers_wrap_into_rows() -> None:
    boxes = lay_out(build_scene(SCENES["thirty"]), measure).areas("container")
    assert len(boxes) == 30
    assert len({round(box.y) for box in boxes}) == 6


def test_published_ports_sit_on_the_hosts_edge_where_the_way_is_free() -> None:
    drawing = lay_out(build_scene(SCENES["two"]), measure)
    [host] = drawing.areas("host")
    ports = drawing.areas("port")
    assert [port.key for port in ports] == ["localhost:8888 → 80", "localhost:8080 → 80"]
    assert ports[0].y < host.y < ports[0].bottom
    [arrow] = [shape for shape in drawing.shapes if isinstance(shape, Line) and shape.arrow]
    [site] = [box for box in drawing.areas("container") if box.key == "id-site"]
    assert arrow.points[-1] == (site.middle, site.y)


def test_published_ports_cover_no_wires(drawing: Drawing) -> None:
    wires = [s for s in drawing.shapes if isinstance(s, Line) and not s.arrow and len(s.points) > 1]
    for port in drawing.areas("port"):
        inner = Area(port.x + 1, port.y + 1, port.w - 2, port.h - 2)
        for wire in wires:
            for (x0, y0), (x1, y1) in pairwise(wire.points):
                part = Area(min(x0, x1), min(y0, y1), abs(x1 - x0) + 0.1, abs(y1 - y0) + 0.1)
                assert not part.overlaps(inner), (port, wire)


def test_published_ports_fit_into_their_pills() -> None:
    drawing = lay_out(build_scene(SCENES["many ports and long ones"]), measure)
    pills = drawing.areas("port")
    assert [pill.key for pill in pills][:2] == ["and 7 more", "localhost:8004 → 80"]
    texts = {(s.x, s.y): s for s in drawing.shapes if isinstance(s, Label)}
    for pill in pills:
        label = texts[pill.middle, pill.y + pill.h / 2]
        assert measure(label.text, label.size, label.bold) < pill.w
    assert any(pill.key.startswith("[2001:db8:") for pill in pills)


def test_published_ports_of_many_sit_on_their_containers() -> None:
    drawing = lay_out(build_scene(SCENES["thirty"]), measure)
    assert not [shape for shape in drawing.shapes if isinstance(shape, Line) and shape.arrow]
    for port in drawing.areas("port"):
        assert any(abs(port.bottom - box.y) < 2 for box in drawing.areas("container"))


def test_stopped_containers_differ_in_outline_sign_and_word() -> None:
    drawing = lay_out(build_scene(SCENES["two networks"]), measure)
    outlines = {box.key: box.outline for box in drawing.areas("container")}
    assert outlines == {"id-es": "solid", "id-between": "solid", "id-stopped": "dashed"}
    assert "exited (0)" in drawing.labels()
    assert "no address" in drawing.labels()
    assert palette.STOPPED_SIGN in drawing.labels()


def test_a_shared_stack_is_drawn_as_one() -> None:
    drawing = lay_out(build_scene(MODES), measure)
    [stack] = drawing.areas("stack")
    inside = {box.key for box in drawing.areas("container") if stack.overlaps(box)}
    assert inside == {"id-app", "id-side"}
    assert "one shared network stack" in drawing.labels()


@pytest.mark.parametrize(("now", "since"), [(MODES, Topology()), (Topology(), MODES)])
def test_what_happened_to_a_shared_stack_covers_no_caption(now: Topology, since: Topology) -> None:
    drawing = lay_out(build_scene(now, since), measure)
    [caption] = [
        shape
        for shape in drawing.shapes
        if isinstance(shape, Label) and shape.text == "one shared network stack"
    ]
    bottom = caption.y + caption.size * 0.4
    first = min(badge.y for box in drawing.areas("stack") for badge in drawing.areas("badge")
                if badge.y > box.y - 8 and badge.x < box.right < badge.right)  # fmt: skip
    assert bottom < first


def test_host_none_and_lost_containers_have_their_own_bars() -> None:
    drawing = lay_out(build_scene(MODES), measure)
    assert [bar.key for bar in drawing.areas("bar")] == ["dev", "host", "none", ""]
    assert {"the host's interfaces", "lo only", "on no network"} <= set(drawing.labels())
    assert "driver bridge, internal" in drawing.labels()


def test_the_default_network_is_shown_where_somebody_is_or_was_on_it_or_nothing_else_is() -> None:
    def bars(now: Topology, since: Topology | None = None) -> list[str]:
        return [bar.key for bar in build_scene(now, since).bars]

    on_dev, alone = container("es", "dev"), container("web", "bridge")
    assert bars(topology()) == ["bridge"]
    assert bars(topology(networks=("dev",))) == ["dev"]
    assert bars(topology(on_dev, alone, networks=("dev",))) == ["bridge", "dev"]
    gone = topology(on_dev, networks=("dev",))
    assert bars(gone) == ["dev"]
    assert bars(gone, topology(on_dev, alone, networks=("dev",))) == ["bridge", "dev"]
    # A network keeps its colour, whoever comes and goes on another.
    [dev] = build_scene(gone).bars
    assert dev.colour == palette.network_colour(1)


def test_what_was_in_a_picture_before_keeps_its_colour() -> None:
    def colours(*names: str, before: Mapping[str, str] = {}) -> Mapping[str, str]:
        now = topology(container("web", *names), networks=names)
        return draw(now, colours=before).colours

    first = colours("prod")
    second = colours("dev", "prod", before=first)
    assert second["prod"] == first["prod"] != second["dev"]
    third = colours("a", "b", "dev", before={**first, **second})
    assert third["dev"] == second["dev"]
    assert len(set(third.values())) == 3
    # What came when another was away may have its colour now.
    both = colours("dev", "prod", before=dict.fromkeys(("dev", "prod"), palette.PORT))
    assert both["dev"] == palette.PORT != both["prod"]


def test_mounts_and_volumes_are_shown() -> None:
    drawing = lay_out(build_scene(MODES), measure)
    assert [mount.form for mount in drawing.areas("mount")] == [
        "cylinder", "folder", "box", "cylinder",
    ]  # fmt: skip
    assert "and 1 more mounts" in drawing.labels()
    assert [volume.key for volume in drawing.areas("volume")] == ["data", "f" * 12]


def test_a_picture_of_networks_leaves_out_volumes_that_no_container_uses() -> None:
    db = container("db", "dev", mounts=(Mount("volume", "used", "/data"),))
    now = Topology((network("dev"),), (db,), (Volume("spare"), Volume("used")), ENGINE)
    assert [store.name for store in build_scene(now).stores] == ["used"]
    # What went is told all the same.
    gone = build_scene(replace(now, volumes=now.volumes[1:]), now)
    assert [(store.name, store.mark) for store in gone.stores] == [
        ("used", None),
        ("spare", "removed"),
    ]
    # As it was: the container beside it is shown with its mount as well.
    gone = build_scene(Topology(now.networks, engine=ENGINE), now)
    assert [(store.name, store.detail) for store in gone.stores] == [
        ("spare", "in no container"),
        ("used", "in db"),
    ]


def test_aliases_name_their_network_where_there_are_several() -> None:
    drawing = lay_out(build_scene(SCENES["two networks"]), measure)
    assert {area.key for area in drawing.areas("alias")} == {"gw on dev", "gw on prod"}


# --- what is kept where ---


def test_a_mount_is_a_strip_that_says_where_and_whether_it_can_be_written() -> None:
    drawing = lay_out(build_storage_scene(KINDS), measure)
    [strip] = [a for a in drawing.areas("interface") if a.key == f"bind:{SITE}"]
    inside = [
        s.text
        for s in drawing.shapes
        if isinstance(s, Label) and strip.x < s.x < strip.right and strip.y < s.y < strip.bottom
    ]
    assert "".join(inside) == "/usr/share/nginx/htmlread-only"


def test_each_kind_of_store_has_its_form_and_says_what_it_is() -> None:
    drawing = lay_out(build_storage_scene(KINDS), measure)
    forms = {bar.key.partition(":")[0]: bar.form for bar in drawing.areas("bar")}
    assert forms == {"volume": "cylinder", "bind": "folder", "tmpfs": "box", "": "box"}
    assert {
        "volume", "anonymous volume", "path of the host", "in memory", "nothing mounted",
        "in no container, empty",
    } <= set(drawing.labels())  # fmt: skip


def test_the_first_names_are_shown_and_the_rest_is_counted() -> None:
    labels = lay_out(build_storage_scene(STORAGE_SCENES["shared by three"]), measure).labels()
    assert len([label for label in labels if label.startswith("log-0")]) == 5
    assert "and 12 more" in labels
    assert {"notes.md", "12 kB", "sub/", "3 files"} <= set(
        lay_out(build_storage_scene(KINDS), measure).labels()
    )


def test_a_network_whose_wires_became_words_does_not_look_empty() -> None:
    names = tuple(f"n{number}" for number in range(30))
    hub = container("hub", *names)
    drawing = lay_out(build_scene(topology(hub, networks=names)), measure)
    assert drawing.width <= palette.WIDTH
    # On the first it stands, with its wire.
    assert len([label for label in drawing.labels() if label.endswith(" hub")]) == 29
    crowd = [container(f"c{number}", *names) for number in range(5)]
    labels = lay_out(build_scene(topology(*crowd, networks=names)), measure).labels()
    assert labels.count("and 2 more") == 29


def test_wires_that_would_be_too_long_become_words() -> None:
    drawing = lay_out(build_storage_scene(STORAGE_SCENES["thirty on all"]), measure)
    assert drawing.width <= palette.WIDTH
    assert len(drawing.areas("container")) == 30
    # The bars stand in the order of the names: logs is the first of each.
    assert sorted(also.key for also in drawing.areas("also")) == sorted(
        f"v{i % 6}: /data" for i in range(30)
    )


@pytest.mark.parametrize(
    "name", ["one volume", "kinds", "shared by three", "thirty on one", "thirty of their own"]
)
def test_storage_fits_a_notebook_without_shrinking(name: str) -> None:
    scene = build_storage_scene(STORAGE_SCENES[name])
    assert lay_out(scene, measure).width <= palette.WIDTH


def test_storage_in_words() -> None:
    assert describe(KINDS, view="volumes").splitlines() == [
        "host (embedded engine 26.1.5)",
        "  aaaaaaaaaaaa (anonymous volume):",
        "    stopped from alpine, exited (0), at /usr/local/tomcat/webapps",
        "  spare (volume, in no container, empty)",
        "  state (volume) with notes.md (12 kB), sub/ (3 files):",
        "    mixed from alpine, at /state, at /again, read-only, published localhost:8080 → 80",
        f"  site (path of the host, {SITE}):",
        "    mixed from alpine, at /usr/share/nginx/html, read-only, published localhost:8080 → 80",
        "  tmpfs (in memory, mixed's alone, gone when it stops):",
        "    mixed from alpine, at /scratch, published localhost:8080 → 80",
        "  nothing mounted:",
        "    plain from alpine",
    ]


def test_changes_of_storage_are_marked() -> None:
    before = stored(keeping("old", on("data")), data=FEW, gone=FEW)
    after = stored(keeping("web", on("data")), data=Contents(), fresh=Contents())
    drawing = lay_out(build_storage_scene(after, before), measure)
    assert sorted(badge.key for badge in drawing.areas("badge")) == [
        "changed", "new", "new", "removed", "removed",
    ]  # fmt: skip


def test_memory_comes_and_goes_with_its_container() -> None:
    before, after = (stored(keeping(name, MEMORY)) for name in ("old", "fresh"))
    assert describe(after, view="volumes", since=before).splitlines()[1:] == [
        "  tmpfs (in memory, fresh's alone, gone when it stops) [new]:",
        "    fresh from alpine, at /scratch [new]",
        "  tmpfs (in memory, old's alone, gone when it stops) [removed]:",
        "    old from alpine, at /scratch [removed]",
    ]
    stopped = stored(keeping("old", MEMORY, state="exited"))
    assert "stops):" in describe(stopped, view="volumes", since=before)


def test_a_file_of_the_host_says_how_large_it_is_and_not_what_it_is_called_inside() -> None:
    path = "/home/ann/motd.txt"
    scene = stored(keeping("motd", Mount("bind", path, "/etc/motd")))
    seen = {("bind", path): Contents((Item("motd", 17),), kind="file")}
    assert describe(replace(scene, contents=seen), view="volumes").splitlines()[1:] == [
        f"  motd.txt (file of the host, 17 B, {path}):",
        "    motd from alpine, at /etc/motd",
    ]


# --- changes ---

BEFORE = topology(
    container("es", "dev"), container("roamer", "dev"), container("gone", "dev"),
    networks=("dev",),
)  # fmt: skip
AFTER = Topology(
    (network("bridge"), network("dev", 18), network("extra", 19)),
    (
        container("es", "dev", state="exited"),
        container("roamer", "dev", "extra"),
        container("fresh", "bridge", mounts=(Mount("volume", "v", "/v"),)),
    ),
    (Volume("v"),),
    ENGINE,
)


def test_changes_are_marked_with_words() -> None:
    drawing = lay_out(build_scene(AFTER, BEFORE), measure)
    badges = [badge.key for badge in drawing.areas("badge")]
    assert sorted(badges) == ["changed", "changed", "new", "new", "new", "removed"]
    gone = next(box for box in drawing.areas("container") if box.key == "id-gone")
    assert gone.outline == "dotted"


def test_a_new_and_a_lost_interface_are_marked() -> None:
    scene = build_scene(AFTER, BEFORE)
    [roamer] = [stack for stack in scene.stacks if stack.key == "id-roamer"]
    assert [(wire.bar, wire.mark) for wire in roamer.wires] == [("dev", None), ("extra", "new")]
    back = build_scene(BEFORE, AFTER)
    [roamer] = [stack for stack in back.stacks if stack.key == "id-roamer"]
    assert [(wire.bar, wire.mark) for wire in roamer.wires] == [("dev", None), ("extra", "removed")]


def test_who_went_has_no_live_wire_to_the_host_either() -> None:
    before = topology(Container("id-host", "hostview", "alpine", mode="host"))
    drawing = lay_out(build_scene(topology(), before), measure)
    assert [strip.outline for strip in drawing.areas("interface")] == ["dotted"]
    struck = [s.text for s in drawing.shapes if isinstance(s, Label) and s.struck]
    assert struck == ["hostview", "the host's interfaces"]


def test_a_container_made_anew_under_its_name_is_shown_once() -> None:
    again = Container("id-2", "es", "nginx", interfaces=(Interface("dev", "172.17.0.2"),))
    scene = build_scene(topology(again, networks=("dev",)), BEFORE)
    assert [
        (s.boxes[0].name, s.boxes[0].mark) for s in scene.stacks if s.boxes[0].name == "es"
    ] == [("es", "new")]


def test_nothing_is_marked_where_nothing_changed() -> None:
    assert lay_out(build_scene(AFTER, AFTER), measure).areas("badge") == []


# --- words ---


def test_description_says_what_the_picture_shows() -> None:
    assert describe(MODES).splitlines() == [
        "host (embedded engine 26.1.5)",
        "  network dev (driver bridge, internal, 172.18.0.0/16, gateway 172.18.0.1):",
        "    app from nginx, at 172.17.0.3, published localhost:8080 → 80",
        "      sidecar from alpine, in the same stack",
        "    db from nginx, at 172.17.0.2, alias es, data at /data, /home/ann/site at /site "
        f"(read-only), tmpfs at /scratch, {'f' * 12} at /a, x at /x",
        "  the host's network stack: the host's own interfaces and ports:",
        "    hostview from alpine",
        "  no network: only lo: nothing in, nothing out:",
        "    vault from alpine",
        "  on no network:",
        "    lost from alpine, exited (1)",
        "  volumes",
        "    data: in db",
        "    ffffffffffff: anonymous, in db",
    ]


def test_description_tells_changes() -> None:
    text = describe(AFTER, BEFORE)
    assert "network extra (driver bridge, 172.19.0.0/16, gateway 172.19.0.1) [new]:" in text
    assert "gone from nginx, at 172.17.0.4 [removed]" in text
    assert "es from nginx, exited (0) [changed]" in text


def test_description_tells_which_network_a_container_left() -> None:
    stays = topology(container("web", "bridge"), networks=("dev",))
    was = topology(container("web", "bridge", "dev"), networks=("dev",))
    lines = [line.strip() for line in describe(stays, was).splitlines() if "web" in line]
    assert len(lines) == 2
    assert any(line.endswith("left dev [changed]") for line in lines)
    assert any("was at" in line and line.endswith("also on bridge [left]") for line in lines)


# --- texts ---


def test_shortened_keeps_both_ends() -> None:
    assert shortened("prod-es-1", 200, 10, measure) == "prod-es-1"
    cut = shortened("a-very-long-name-1", 60, 10, measure)
    assert measure(cut, 10, False) <= 60
    assert cut.startswith("a-v")
    assert cut.endswith("-1")


def test_wrapped_breaks_at_good_places() -> None:
    assert wrapped("customer-portal-frontend", 100, 10, measure) == ["customer-portal-", "frontend"]
    assert wrapped(f"echo.1.{'x' * 25}", 100, 10, measure)[0] == "echo.1."
    lines = wrapped("x" * 63, 60, 10, measure)
    assert len(lines) == 2
    assert all(measure(line, 10, False) <= 60 for line in lines)
    assert wrapped("", 60, 10, measure) == []


def test_rows_fill_from_left_to_right() -> None:
    assert rows([("a", 40), ("b", 40), ("c", 40)], 90, 5) == [["a", "b"], ["c"]]
    assert rows([("wide", 500)], 90, 5) == [["wide"]]


# --- pictures ---


@pytest.mark.parametrize("name", ["empty", "two networks", "modes"])
def test_picture_is_svg_with_a_text_alternative(name: str) -> None:
    picture = draw(SCENES[name])
    root = ElementTree.fromstring(picture.svg)
    assert root.tag.endswith("svg")
    html = picture.exhibit().html
    assert 'alt="host (embedded engine 26.1.5)' in html
    assert picture.exhibit().text == describe(SCENES[name])


def test_a_narrow_notebook_scrolls_a_picture_rather_than_make_its_letters_too_small() -> None:
    picture = draw(SCENES["thirty"])
    least = re.search(r"min-width:(\d+)px", picture.exhibit().html)
    assert least
    smallest = min(s.size for s in picture.drawing.shapes if isinstance(s, Label))
    assert smallest * int(least[1]) / picture.drawing.width >= 7.4
    assert "overflow-x:auto" in picture.exhibit().html


def test_the_same_topology_gives_the_same_bytes() -> None:
    assert draw(MODES).svg == draw(MODES).svg


def test_names_with_markup_are_text_and_nothing_else() -> None:
    odd = topology(Container("id", 'a"><script>$x^2$', "<b>"))
    html = draw(odd).exhibit().html
    assert "<script>" not in html


def test_png_is_twice_as_large_for_sharp_screens() -> None:
    picture = draw(SCENES["one"])
    png = picture.png()
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == round(picture.drawing.width * 2)


def test_save_goes_by_the_name(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    picture = draw(SCENES["one"])
    picture.save(folder / "x.svg")
    picture.save(folder / "x.png")
    assert (folder / "x.svg").read_bytes() == picture.svg
    assert (folder / "x.png").read_bytes().startswith(b"\x89PNG")


def test_network_made_anew_under_its_name_is_shown_once() -> None:
    before = topology(container("es", "dev"), networks=("dev",))
    anew = Network("net-later", "dev", "bridge", (Subnet("172.30.0.0/16", "172.30.0.1"),))
    after = Topology((network("bridge"), anew), before.containers, engine=ENGINE)
    picture = draw(after, since=before)
    assert picture.words.count("network dev ") == 1
    assert "172.30.0.0/16" in picture.words


@pytest.mark.parametrize(("bold", "name"), [(False, "DejaVuSans"), (True, "DejaVuSans-Bold")])
def test_letters_are_as_wide_as_matplotlib_sets_them(bold: bool, name: str) -> None:
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    face = FT2Font(f"{get_data_path()}/fonts/ttf/{name}.ttf")
    face.set_size(200.0, 72)
    for letter in "aMi1.-\N{CHECK MARK}\N{MIDDLE DOT}":
        theirs = face.load_char(ord(letter)).linearHoriAdvance / 65536
        assert lettering.measure(letter, 200.0, bold) == pytest.approx(theirs, rel=1e-4)


def test_usual_letters_are_read_before_a_picture_needs_them() -> None:
    lettering.load()
    read = lettering.outline.cache_info().misses
    assert lettering.outline("g", True)
    assert lettering.outline.cache_info().misses == read


def test_a_letter_is_an_outline_of_its_own() -> None:
    assert lettering.outline("l", False).startswith("M")
    assert lettering.outline("i", False).count("M") == 2  # a stem and a dot
    assert lettering.outline("l", False) != lettering.outline("l", True)
    # Letters that the font has not are its sign for that.
    one, other = (
        lettering.outline(letter, False)
        for letter in "\N{HANGUL SYLLABLE GAG}\N{CJK UNIFIED IDEOGRAPH-4E00}"
    )
    assert one == other


def test_letters_that_the_font_has_not_are_left_to_whoever_looks() -> None:
    # A file may be called anything, also what no encoding has.
    name = "a\N{CJK UNIFIED IDEOGRAPH-65E5}<\N{HORSE}\x07\udc80"
    data = Contents((Item(name, 5),))
    picture = draw(stored(keeping("web", on("data")), data=data), view="volumes")
    svg = ElementTree.fromstring(picture.svg)
    texts = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["\N{CJK UNIFIED IDEOGRAPH-65E5}", "\N{HORSE}"]
    # Chinese letters are as wide as they are high.
    assert lettering.measure("\N{CJK UNIFIED IDEOGRAPH-65E5}", 11, False) == 11


def test_a_lesson_draws_without_loading_matplotlib_or_numpy() -> None:
    code = (
        "import sys; from course_lib import diagrams, topology;"
        "diagrams.draw(topology.Topology()).svg;"
        "print({'matplotlib', 'numpy'} & sys.modules.keys())"
    )
    said = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60)
    assert said == "set()\n"
