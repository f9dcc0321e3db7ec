"""What each stand-in is made of: a Dockerfile and the tree that its ``ADD`` takes.

Ports, volumes, commands and users are those of the real images; the programs are Debian's
where Debian has them, small ones of our own (``programs/``) where it has not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.images.debian import PackageStore
from tests.images.old_redis import build_redis
from tests.images.tree import Tree

PROGRAMS = Path(__file__).parent / "programs"

_PASSWD = """\
root:x:0:0:root:/root:/bin/{shell}
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
_GROUP = "root:x:0:\ndaemon:x:1:\nbin:x:2:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n"
# busybox-static of Debian has more than these images have; what would surprise goes.
_NOT_IN_ALPINE = frozenset(
    ("httpd", "dpkg", "dpkg-deb", "rpm", "rpm2cpio", "tftp", "ftpget", "ftpput", "svc", "svok")
)
_PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"


@dataclass(frozen=True)
class Recipe:
    """One image. ``base`` names another recipe that FROM takes; None starts from scratch."""

    name: str
    tags: tuple[str, ...]
    base: str | None
    dockerfile: str
    tree: Callable[[], Tree]


def recipes(packages: PackageStore, sources: Path) -> dict[str, Recipe]:
    """All recipes by name, bases before what is made of them. Trees are built when asked for."""
    debian = cache(lambda: _debian(packages))

    def over_debian(*names: str) -> Tree:
        """What ``names`` add to the Debian base."""
        tree = packages.tree(*names)
        base = debian().entries
        return Tree({path: e for path, e in tree.entries.items() if base.get(path) != e})

    def python(*programs: str) -> Tree:
        tree = over_debian("python3-minimal", "libpython3-stdlib")
        for program in programs:
            tree.file(f"opt/{program}", (PROGRAMS / program).read_bytes(), 0o755)
        return tree

    def redis(version: str) -> Callable[[], Tree]:
        return lambda: _redis(Tree(), build_redis(version, sources))

    made = [
        Recipe("debian", (), None, _PATH + 'ADD tree.tar /\nCMD ["bash"]\n', debian),
        Recipe(
            "alpine",
            ("alpine:latest",),
            None,
            "ADD tree.tar /\n" + _PATH + 'CMD ["/bin/sh"]\n',
            lambda: _busybox(packages, alpine=True),
        ),
        Recipe(
            "busybox",
            ("busybox:latest",),
            None,
            "ADD tree.tar /\n" + _PATH + 'CMD ["sh"]\n',
            lambda: _busybox(packages, alpine=False),
        ),
        Recipe(
            "nginx",
            ("nginx:latest",),
            "debian",
            "ADD tree.tar /\n"
            'ENTRYPOINT ["/docker-entrypoint.sh"]\nEXPOSE 80\nSTOPSIGNAL SIGQUIT\n'
            'CMD ["nginx", "-g", "daemon off;"]\n',
            lambda: _nginx(over_debian("nginx-light", "curl", "hostname")),
        ),
        Recipe(
            "centos",
            ("centos:latest",),
            "debian",
            'ADD tree.tar /\nCMD ["/bin/bash"]\n',
            lambda: _centos(over_debian("curl", "iputils-ping", "hostname")),
        ),
        Recipe(
            "dnstools",
            ("course-test/dnstools:latest",),
            "debian",
            "ADD tree.tar /\n",
            lambda: over_debian("bind9-dnsutils", "bind9-host", "ldnsutils", "libc-bin"),
        ),
        Recipe(
            "redis",
            ("redis:latest",),
            "debian",
            _REDIS_DOCKERFILE,
            lambda: _redis(over_debian("redis-server", "redis-tools"), None),
        ),
        Recipe(
            "redis-3.0",
            ("redis:3.0",),
            "debian",
            _REDIS_DOCKERFILE,
            redis("3.0"),
        ),
        Recipe(
            "redis-2.8",
            ("redis:2.8",),
            "debian",
            _REDIS_DOCKERFILE,
            redis("2.8"),
        ),
        Recipe(
            "python",
            (),
            "debian",
            "ADD tree.tar /\n"
            'RUN ["python3", "-c", "import http.server, json, random, signal, uuid, logging"]\n',
            python,
        ),
        Recipe(
            "elasticsearch",
            ("elasticsearch:2",),
            "python",
            "ENV ELASTICSEARCH_VERSION=2.4.6\nADD tree.tar /\n"
            "VOLUME /usr/share/elasticsearch/data\nEXPOSE 9200 9300\n"
            'ENTRYPOINT ["/docker-entrypoint.sh"]\nCMD ["elasticsearch"]\n',
            _elasticsearch,
        ),
        Recipe(
            "tomcat",
            ("tomcat:latest",),
            "python",
            "ENV CATALINA_HOME=/usr/local/tomcat\n"
            "ENV PATH=/usr/local/tomcat/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
            ":/sbin:/bin\nADD tree.tar /\nWORKDIR /usr/local/tomcat\nEXPOSE 8080\n"
            'CMD ["catalina.sh", "run"]\n',
            _tomcat,
        ),
        Recipe(
            "trainingwheels",
            ("ahmedgabercod/trainingwheels:latest",),
            "python",
            'ADD tree.tar /\nWORKDIR /src\nEXPOSE 5000\nCMD ["python3", "trainingwheels.py"]\n',
            _trainingwheels,
        ),
        Recipe(
            "docker",
            ("docker:latest",),
            "debian",
            'ADD tree.tar /\nENTRYPOINT ["docker-entrypoint.sh"]\nCMD ["sh"]\n',
            lambda: _docker_cli(over_debian("docker-cli")),
        ),
        Recipe(
            "datavol",
            ("training/datavol:latest",),
            "busybox",
            "ADD tree.tar /\nVOLUME /var/webapp\nSTOPSIGNAL SIGKILL\n"
            'CMD ["httpd", "-f", "-h", "/var/webapp"]\n',
            _datavol,
        ),
    ]
    return {recipe.name: recipe for recipe in made}


_REDIS_DOCKERFILE = (
    'ADD tree.tar /\nVOLUME /data\nWORKDIR /data\nENTRYPOINT ["docker-entrypoint.sh"]\n'
    'EXPOSE 6379\nCMD ["redis-server"]\n'
)


def _accounts(tree: Tree, shell: str, extra: str = "", group: str = "") -> None:
    tree.file("etc/passwd", _PASSWD.format(shell=shell) + extra)
    tree.file("etc/group", _GROUP + group)
    tree.file("etc/shadow", "root:*::0:::::\n", 0o640)


def _common_directories(tree: Tree) -> None:
    for name in ("dev", "etc", "home", "mnt", "proc", "run", "sys", "var", "usr/local/bin"):
        tree.directory(name)
    tree.directory("root", 0o700)
    tree.directory("tmp", 0o1777)
    tree.directory("var/tmp", 0o1777)


def _debian(packages: PackageStore) -> Tree:
    tree = packages.tree(
        "base-files", "bash", "coreutils", "dash", "debianutils", "findutils", "grep", "gzip",
        "mawk", "sed", "tar", "hostname",
    )  # fmt: skip
    _common_directories(tree)
    _accounts(tree, "bash")
    tree.merge_usr()
    tree.link("usr/bin/sh", "dash")
    tree.link("usr/bin/awk", "mawk")
    tree.file("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    return tree


def _busybox(packages: PackageStore, *, alpine: bool) -> Tree:
    binary = packages.tree("busybox-static").entries["usr/bin/busybox"].data
    assert binary is not None
    tree = Tree()
    _common_directories(tree)
    tree.file("bin/busybox", binary, 0o755)
    for path in packages.busybox_applets():
        if path not in tree.entries and not (alpine and path.rpartition("/")[2] in _NOT_IN_ALPINE):
            tree.link(path, "/bin/busybox")
    _accounts(tree, "ash" if alpine else "sh")
    if alpine:
        tree.file("etc/group", _GROUP.replace("nogroup", "nobody"))
        tree.file("etc/alpine-release", "3.20.3\n")
        tree.file("etc/os-release", (PROGRAMS / "alpine-os-release").read_bytes())
        tree.file("etc/nsswitch.conf", "hosts: files dns\n")
    return tree


def _nginx(tree: Tree) -> Tree:
    entries = tree.entries
    for path in [p for p in entries if p.startswith(("etc/nginx/", "usr/share/nginx/modules"))]:
        if path != "etc/nginx/mime.types":
            del entries[path]
    entries["etc/nginx/mime.types"] = tree.entries["etc/nginx/mime.types"]
    tree.file("etc/nginx/nginx.conf", (PROGRAMS / "nginx.conf").read_bytes())
    tree.file("etc/nginx/conf.d/default.conf", (PROGRAMS / "nginx-default.conf").read_bytes())
    tree.file("usr/share/nginx/html/index.html", (PROGRAMS / "nginx-index.html").read_bytes())
    tree.file("usr/share/nginx/html/50x.html", "<h1>An error occurred.</h1>\n")
    _entrypoint(tree, "docker-entrypoint.sh")
    for name in ("body", "proxy", "fastcgi", "scgi", "uwsgi"):
        tree.directory(f"var/lib/nginx/{name}")
    tree.link("var/log/nginx/access.log", "/dev/stdout")
    tree.link("var/log/nginx/error.log", "/dev/stderr")
    _accounts(tree, "bash", "nginx:x:101:101:nginx:/nonexistent:/bin/false\n", "nginx:x:101:\n")
    return tree


def _centos(tree: Tree) -> Tree:
    tree.file("etc/centos-release", "CentOS Linux release 8.4.2105\n")
    tree.link("etc/redhat-release", "centos-release")
    tree.link("etc/os-release", "../usr/lib/os-release")
    tree.file("usr/lib/os-release", (PROGRAMS / "centos-os-release").read_bytes())
    tree.link("usr/bin/sh", "bash")
    return tree


def _redis(tree: Tree, binaries: dict[str, bytes] | None) -> Tree:
    tree.entries.pop("etc/redis/redis.conf", None)
    for name, data in (binaries or {}).items():
        tree.file(f"usr/local/bin/{name}", data, 0o755)
    script = (PROGRAMS / "redis-entrypoint.sh").read_bytes()
    tree.file("usr/local/bin/docker-entrypoint.sh", script, 0o755)
    tree.directory("data", uid=999)
    _accounts(tree, "bash", "redis:x:999:999::/data:/bin/sh\n", "redis:x:999:\n")
    return tree


def _elasticsearch() -> Tree:
    tree = Tree()
    tree.file(
        "usr/share/elasticsearch/bin/elasticsearch",
        (PROGRAMS / "elasticsearch.py").read_bytes(),
        0o755,
    )
    tree.link("usr/local/bin/elasticsearch", "/usr/share/elasticsearch/bin/elasticsearch")
    tree.directory("usr/share/elasticsearch/data")
    _entrypoint(tree, "docker-entrypoint.sh")
    return tree


def _tomcat() -> Tree:
    tree = Tree()
    tree.file("usr/local/tomcat/bin/catalina.sh", (PROGRAMS / "tomcat.py").read_bytes(), 0o755)
    tree.directory("usr/local/tomcat/logs")
    tree.file(
        "usr/local/tomcat/webapps/ROOT/index.html", (PROGRAMS / "tomcat-index.html").read_bytes()
    )
    return tree


def _trainingwheels() -> Tree:
    tree = Tree()
    tree.file("src/trainingwheels.py", (PROGRAMS / "trainingwheels.py").read_bytes(), 0o755)
    return tree


def _datavol() -> Tree:
    tree = Tree()
    tree.file("var/webapp/index.html", "<h1>Data volume</h1>\n")
    return tree


def _docker_cli(tree: Tree) -> Tree:
    script = (PROGRAMS / "docker-entrypoint.sh").read_bytes()
    tree.file("usr/local/bin/docker-entrypoint.sh", script, 0o755)
    return tree


def _entrypoint(tree: Tree, name: str) -> None:
    tree.file(name, '#!/bin/sh\nset -e\nexec "$@"\n', 0o755)
