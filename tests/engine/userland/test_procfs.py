"""What ``/proc`` and the programs that read it show."""

from __future__ import annotations

import pytest

from course_lib.engine.interfaces import ProcessSpec
from course_lib.engine.userland.files import NullFile
from course_lib.engine.userland.procfs import ProcFs
from tests.engine.conftest import settle
from tests.engine.userland.conftest import Box


async def test_processes_are_directories_with_their_files(box: Box) -> None:
    machine = box.machine
    spec = ProcessSpec(("sleep", "1000"), ("PATH=/bin", "A=b"), "/root")
    process = await machine.start(spec, NullFile(), NullFile(), NullFile())
    await settle()
    proc = ProcFs(machine)
    assert "1" in (proc.listdir("") or [])
    assert proc.read("1/cmdline") == b"sleep\x001000\x00"
    assert b"A=b\x00" in (proc.read("1/environ") or b"")
    assert b"Name:\tsleep\n" in (proc.read("1/status") or b"")
    assert proc.readlink("1/cwd") == "/root"
    assert (proc.read("1/stat") or b"").startswith(b"1 (sleep) S 0 1 1 ")
    assert proc.listdir("1/fd") == ["0", "1", "2"]
    assert proc.read("2/cmdline") is None
    assert proc.listdir("2") is None
    process.kill(9)
    await process.wait()
    assert proc.listdir("1") is None


@pytest.mark.parametrize(
    "name", ["cpuinfo", "loadavg", "meminfo", "mounts", "stat", "uptime", "version"]
)
async def test_files_of_the_machine_are_there(box: Box, name: str) -> None:
    code, out, err = await box.run("cat", f"/proc/{name}")
    assert (code, err) == (0, "")
    assert out.endswith("\n")


async def test_self_is_whoever_looks(box: Box) -> None:
    script = "readlink /proc/self; cat /proc/self/comm; cat /proc/$$/comm; ls /proc/self/fd"
    code, out, _ = await box.run("sh", "-c", f"{script}; :")
    assert code == 0
    assert out.splitlines()[1:3] == ["cat", "sh"]
    assert out.splitlines()[3:6] == ["0", "1", "2"]


async def test_kernel_parameters_are_read_only(box: Box) -> None:
    assert (await box.run("sysctl", "kernel.hostname"))[1] == "kernel.hostname = box\n"
    assert (await box.run("sysctl", "-n", "kernel.ostype"))[1] == "Linux\n"
    code, _, err = await box.run("sysctl", "kernel.hostname=x")
    assert code == 1
    assert "Read-only file system" in err
    assert (await box.run("sysctl", "no.such"))[0] == 1
