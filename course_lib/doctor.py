"""What this machine has for the course, what is missing, and the one command that mends it.

Looks without changing anything: no engine is started, no image pulled.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from course_lib import clients, connect, daemons
from course_lib.catalog import Catalog, course
from course_lib.contexts import current_context
from course_lib.embedded import EmbeddedEngine
from course_lib.engine_probe import Answer, ask
from course_lib.errors import CourseError
from course_lib.images import read_image_table, with_tag
from course_lib.lesson_state import port_free

if TYPE_CHECKING:
    from docker import DockerClient

State = Literal["ok", "note", "missing"]
DISTRIBUTION = "docker-networking-volumes-course"
NEEDED = {
    "jupyterlab": "shows the lessons",
    "nbgrader": "grades",
    "jupyter-server-proxy": "shows published pages inline",
    "ipykernel": "runs the cells",
    "docker": "the Docker SDK",
    "matplotlib": "draws the diagrams",
    "grandalf": "lays the diagrams out",
}
DISK_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``mend`` is the command for what is missing."""

    name: str
    state: State
    found: str
    mend: str = ""

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "state": self.state, "found": self.found, "mend": self.mend}


def examine(environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Look at everything. Never raises for what it finds."""
    try:
        catalog: Catalog | None = course()
        lessons = Finding("lessons", "ok", f"{sum(1 for _ in course().lessons())} lessons")
    except CourseError as error:
        catalog = None
        lessons = Finding("lessons", "missing", error.message, _pip(DISTRIBUTION))
    findings = [_python(), lessons, *_packages(), *_extensions(), _kernel()]
    findings.append(_client(environ))
    embedded = EmbeddedEngine.at(environ=environ)
    findings.append(_embedded(embedded))
    findings.append(_daemon(environ))
    findings += _in_use(environ, catalog)
    if catalog is not None:
        findings.append(_ports(catalog))
    findings.append(_disk(embedded.state))
    return findings


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    state: State = "ok" if sys.version_info >= (3, 11) else "missing"
    mend = "" if state == "ok" else "install Python 3.11 or newer"
    return Finding("Python", state, f"{version} ({sys.prefix})", mend)


def _packages() -> Iterator[Finding]:
    for name, purpose in NEEDED.items():
        try:
            yield Finding(name, "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "missing", f"not installed; it {purpose}", _pip(name))


def _extensions() -> Iterator[Finding]:
    """The server extensions, by the configuration that their packages put into the environment."""
    try:
        from jupyter_server.extension.config import ExtensionConfigManager
        from jupyter_server.extension.serverextension import _get_config_dir
    except ImportError:
        return
    enabled: dict[str, bool] = {}
    for layer in ("system", "sys-prefix", "user"):
        folder = _get_config_dir(user=layer == "user", sys_prefix=layer == "sys-prefix")
        manager: Any = ExtensionConfigManager(read_config_path=[str(Path(folder))])
        enabled.update(manager.get_jpserver_extensions())
    for name, module in (
        ("extension nbgrader", "nbgrader.server_extensions.validate_assignment"),
        ("extension server-proxy", "jupyter_server_proxy"),
    ):
        if enabled.get(module):
            yield Finding(name, "ok", "enabled")
        else:
            mend = f"jupyter server extension enable --sys-prefix {module}"
            yield Finding(name, "missing", "not enabled", mend)


def _kernel() -> Finding:
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Finding("kernel python3", "missing", "jupyter_client is missing", _pip("ipykernel"))
    try:
        found = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        mend = f"{sys.executable} -m ipykernel install --sys-prefix"
        return Finding("kernel python3", "missing", "no such kernel", mend)
    return Finding("kernel python3", "ok", str(found.resource_dir))


def _client(environ: Mapping[str, str]) -> Finding:
    client = clients.find(environ)
    mend = clients.mending_command(environ)
    if client is None:
        return Finding("docker command", "missing", "there is none", mend)
    version = client.version()
    if not version:
        return Finding("docker command", "missing", f"{client.path} does not run", mend)
    where = "unpacked for the course, " if client.private else ""
    return Finding("docker command", "ok", f"{version} ({where}{client.path})")


def _embedded(engine: EmbeddedEngine) -> Finding:
    status = engine.status()
    if status.running:
        text = f"{status.version} (API {status.api_version}) at {status.docker_host}"
        return Finding("embedded engine", "ok", text)
    return Finding("embedded engine", "ok", "not running; starts when a lesson needs it")


def _daemon(environ: Mapping[str, str]) -> Finding:
    try:
        address = current_context(environ)
    except CourseError as error:
        return Finding("Docker", "note", str(error))
    found = ask(address)
    host = address["DOCKER_HOST"]
    if isinstance(found, Answer):
        return Finding("Docker", "ok", f"{found.version} (API {found.api_version}) at {host}")
    if found.reason == "denied":
        mend = "sudo usermod -aG docker $USER, then log in again"
        return Finding("Docker", "note", f"no permission to use {host}", mend)
    return Finding("Docker", "note", f"no daemon at {host}; the embedded engine needs none")


def _in_use(environ: Mapping[str, str], catalog: Catalog | None) -> Iterator[Finding]:
    """The engine that a lesson would use now, and its images, as far as it runs."""
    word = environ.get(connect.VARIABLE, "")
    host = environ.get("DOCKER_HOST", "")
    if not host and word in ("", "auto", "embedded") and connect.remembered(environ) != "docker":
        engine = EmbeddedEngine.at(environ=environ)
        if not engine.status().running:
            yield Finding("engine in use", "ok", "the embedded one")
            return
    known = EmbeddedEngine.recorded(host, environ) if host else None
    if known is not None and not known.status().running:
        yield Finding("engine in use", "ok", f"the embedded one at {host}, not running now")
        return
    try:
        engine_in_use = connect.connect(environ=environ)
    except CourseError as error:
        yield Finding("engine in use", "missing", error.message, error.hint)
        return
    text = f"{engine_in_use.label} at {engine_in_use.host}, {engine_in_use.why}"
    yield Finding("engine in use", "ok", text)
    client = engine_in_use.client(timeout=20)
    try:
        if engine_in_use.kind == "docker":
            yield from _kind_of(engine_in_use, client)
        if catalog is not None:
            yield _images(client, catalog, environ)
    finally:
        client.close()


def _kind_of(engine: connect.Engine, client: DockerClient) -> Iterator[Finding]:
    """Which kind of Docker it is, and what is different there for the lessons."""
    try:
        daemon = daemons.examine(engine.host, engine.product, client.info())
    except Exception as error:  # the SDK lets requests' errors through
        yield Finding("kind of Docker", "note", f"cannot be told: {error}")
        return
    yield Finding("kind of Docker", "ok", daemon.kind)
    for difference in daemon.differences:
        mend = "course lab --engine embedded, for the lesson about it" if difference.missing else ""
        yield Finding(f"  {difference.topic}", "note", difference.text, mend)


def _images(client: DockerClient, catalog: Catalog, environ: Mapping[str, str]) -> Finding:
    try:
        table = read_image_table(environ)
    except CourseError as error:
        return Finding("images", "missing", error.message, error.hint)
    needed = {table.get(name).reference for lesson in catalog.lessons() for name in lesson.images}
    try:
        found = [tag for image in client.api.images() for tag in image.get("RepoTags") or []]
    except Exception as error:  # the SDK lets requests' errors through
        return Finding("images", "note", f"cannot be listed: {error}")
    absent = sorted(needed - set(map(with_tag, found)))
    if not absent:
        return Finding("images", "ok", f"all {len(needed)} are there")
    listed = ", ".join(name.removesuffix(":latest") for name in absent)
    return Finding("images", "note", f"pulled when a lesson needs them: {listed}")


def _ports(catalog: Catalog) -> Finding:
    ports = sorted({port for lesson in catalog.lessons() for port in lesson.ports})
    taken = [str(port) for port in ports if not port_free(port)]
    if taken:
        text = f"taken: {', '.join(taken)} (fine where a lesson's own container has them)"
        return Finding("ports of lessons", "note", text)
    return Finding("ports of lessons", "ok", f"free: {', '.join(map(str, ports))}")


def _disk(state: Path) -> Finding:
    folder = next(path for path in (state, *state.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free / 1024**3:.1f} GiB free at {folder}"
    if free < DISK_BYTES:
        return Finding("disk", "missing", text, f"free some space at {folder}")
    if not os.access(folder, os.W_OK):
        return Finding("disk", "missing", f"{folder} cannot be written", "choose another HOME")
    return Finding("disk", "ok", text)


def _pip(name: str) -> str:
    return f"{sys.executable} -m pip install {name}"
