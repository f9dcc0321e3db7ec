"""Starts a real dockerd of a known release beside whatever else the machine runs.

``python -m tests.reference.dockerd start --release 26.1`` unpacks Debian's own package with
debootstrap into a cache folder (once), enters it in a mount namespace of its own and starts the
daemon there: nothing is installed on the machine, and no other daemon is touched. Needs root.

26.1 (from trixie) runs in the machine's network namespace, so that published ports are where
clients look for them. 20.10 (from bookworm) gets a network namespace of its own, because two
daemons would fight over the same iptables chains; its published ports answer at
:attr:`Daemon.address`. So does a second 26.1 for the tests of swarm mode (``26.1-swarm``), which
changes what a daemon is like for everybody who uses it, and a third for the tests of checks
(``26.1-checks``): the lessons' names are the same in all of them, so that on one daemon only one
test can run at a time. ``26.1-rootless`` runs as an ordinary user, in the namespaces that
rootlesskit makes; its published ports are the machine's.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# procps: `docker top` runs the ps of the machine.
PACKAGES = "docker.io,docker-cli,iptables,iproute2,ca-certificates,procps"
ROOTLESS = "rootlesskit,slirp4netns,uidmap"
MIRROR = "http://deb.debian.org/debian"
START_SECONDS = 60.0
STOP_SECONDS = 40.0


class DaemonError(Exception):
    """The daemon could not be installed, started or stopped; the message says why."""


@dataclass(frozen=True)
class Release:
    """Where Debian has a release of dockerd, and how it runs beside the others."""

    name: str
    suite: str
    packages: str
    link: tuple[str, str] | None = None
    """For a network namespace of its own: the addresses of the machine's end and of the other."""
    place: str = ""
    """What its working folder is called beyond the release's number."""
    closed: bool = False
    """Without a route out of its namespace: what looks for a registry learns at once that there
    is none, instead of waiting for an answer."""
    user: int = 0
    """Who runs it: root, or the user of a rootless Docker."""


RELEASES = {
    "26.1": Release("26.1", "trixie", f"{PACKAGES},{ROOTLESS}"),
    "20.10": Release(
        "20.10",
        "bookworm",
        PACKAGES.replace("docker-cli,", ""),
        ("10.213.20.1", "10.213.20.2"),
    ),
    "26.1-swarm": Release(
        "26.1-swarm",
        "trixie",
        f"{PACKAGES},{ROOTLESS}",
        ("10.213.26.1", "10.213.26.2"),
        "-swarm",
        closed=True,
    ),
    "26.1-checks": Release(
        "26.1-checks",
        "trixie",
        f"{PACKAGES},{ROOTLESS}",
        ("10.213.27.1", "10.213.27.2"),
        "-checks",
        closed=True,
    ),
    "26.1-rootless": Release(
        "26.1-rootless", "trixie", f"{PACKAGES},{ROOTLESS}", place="-rootless", user=64000
    ),
}


@dataclass(frozen=True)
class Daemon:
    """A dockerd of ``release`` that keeps socket, data, log and pid file in ``folder``."""

    release: Release
    folder: Path
    root: Path

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def docker_host(self) -> str:
        return f"unix://{self.socket}"

    @property
    def address(self) -> str:
        """Where its published ports are to be reached from this machine."""
        return self.release.link[1] if self.release.link else "127.0.0.1"

    def answers(self) -> bool:
        """Whether something answers ``GET /_ping`` at the socket."""
        connection = http.client.HTTPConnection("localhost", timeout=5)
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(5)
        try:
            stream.connect(str(self.socket))
            connection.sock = stream
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            stream.close()

    def pid(self) -> int | None:
        """The process ID of the running daemon."""
        try:
            pid = int((self.folder / "docker.pid").read_text())
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError):
            return None
        return pid if name == "dockerd" else None

    def start(self) -> None:
        """Starts the daemon and returns when it answers; does nothing if it does already."""
        if self.pid() and self.answers():
            return
        if os.geteuid() != 0:
            raise DaemonError("a real dockerd needs root")
        self.install()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "docker.pid").unlink(missing_ok=True)
        command = ["unshare", "--mount", "--propagation", "private"]
        if self.release.link:
            # nsenter, not `ip netns exec`: that would hide the cgroups behind a fresh /sys.
            command = ["nsenter", f"--net=/run/netns/{self._make_namespace()}", *command]
        command += ["sh", str(Path(__file__).with_name("enter.sh")), str(self.root)]
        if self.release.user:
            os.chown(self.folder, self.release.user, self.release.user)
            rootless = Path(__file__).with_name("rootless.sh")
            command += ["sh", "-c", rootless.read_text(), "rootless", str(self.release.user)]
        else:
            command.append("dockerd")
        command += ["--host", self.docker_host, "--storage-driver", "overlay2"]
        command += ["--data-root", str(self.folder / "data")]
        command += ["--exec-root", str(self.folder / "exec")]
        command += ["--pidfile", str(self.folder / "docker.pid")]
        with open(self.folder / "dockerd.log", "wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise DaemonError(f"dockerd {self.release.name} did not start: {self._log_end()}")
            time.sleep(0.1)
        # It outlives this program on purpose: no waiting, and no warning about that.
        process.returncode = 0

    def stop(self) -> None:
        """Stops the daemon and with it its containers; does nothing if it does not run."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.pid() == pid:
            if time.monotonic() > deadline:
                raise DaemonError(f"dockerd {self.release.name} (process {pid}) does not stop")
            time.sleep(0.1)

    def install(self) -> None:
        """Unpacks the release into the cache folder; does nothing where it is there already."""
        if (self.root / "usr/sbin/dockerd").exists():
            return
        if shutil.which("debootstrap") is None:
            raise DaemonError("debootstrap is missing: apt-get install debootstrap")
        parts = self.root.with_name(self.root.name + ".part")
        shutil.rmtree(parts, ignore_errors=True)
        parts.parent.mkdir(parents=True, exist_ok=True)
        options = ["--variant=minbase", f"--include={self.release.packages}"]
        done = subprocess.run(
            ["debootstrap", *options, self.release.suite, str(parts), MIRROR],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DaemonError(f"debootstrap {self.release.suite} failed: {done.stdout[-500:]}")
        parts.rename(self.root)

    def _make_namespace(self) -> str:
        """A network namespace with one link to the machine, made anew each time."""
        assert self.release.link
        here, there = self.release.link
        name = f"dockerd-{self.release.name}"
        near, far = f"dd{self.release.name}-a", f"dd{self.release.name}-b"
        linked, made = Path(f"/sys/class/net/{near}").exists(), Path(f"/run/netns/{name}").exists()
        if made and not linked:
            # Left by a run whose end of the link is gone: its other end would be in the way.
            _ip("netns", "delete", name)
        if not made or not linked:
            _ip("netns", "add", name)
        if not linked:
            _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
            _ip("address", "add", f"{here}/30", "dev", near)
            _ip("-n", name, "address", "add", f"{there}/30", "dev", far)
        _ip("link", "set", near, "up")
        _ip("-n", name, "link", "set", far, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        if not self.release.closed:
            _ip("-n", name, "route", "replace", "default", "via", here)
        return name

    def _log_end(self) -> str:
        lines = (self.folder / "dockerd.log").read_text(errors="replace").splitlines()
        return " | ".join(lines[-5:])


def find_daemon(release: str, folder: Path | None = None) -> Daemon:
    """The daemon of a release.

    :param folder: its working folder; ``/tmp/dockerd-26`` (or ``-20``) unless told.
    :raises DaemonError: for a release that Debian does not have.
    """
    if release not in RELEASES:
        raise DaemonError(f"no release {release}; there are {', '.join(RELEASES)}")
    short = release.partition(".")[0]
    cache = os.environ.get(f"COURSE_DOCKERD_{short}_ROOT", f"/var/cache/dockerd-{short}")
    place = f"/tmp/dockerd-{short}{RELEASES[release].place}"
    return Daemon(RELEASES[release], folder or Path(place), Path(cache))


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DaemonError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reference.dockerd")
    parser.add_argument("action", choices=["install", "start", "stop", "status"])
    parser.add_argument("--release", choices=list(RELEASES), default="26.1")
    parser.add_argument("--dir", type=Path, help="socket, data and log (default: /tmp/dockerd-26)")
    words = parser.parse_args()
    try:
        daemon = find_daemon(words.release, words.dir)
        if words.action == "install":
            daemon.install()
        elif words.action == "start":
            daemon.start()
            print(daemon.docker_host)
        elif words.action == "stop":
            daemon.stop()
        else:
            running = daemon.pid() is not None and daemon.answers()
            print(f"{daemon.docker_host} {'answers' if running else 'does not answer'}")
            return 0 if running else 1
    except DaemonError as error:
        print(f"dockerd: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
