"""What a student of a hub tries, to get at what is another's; nothing of it works."""

from __future__ import annotations

from tests.deploy import lesson_one
from tests.deploy.hub_class import RunningClass
from tests.deploy.person import Kernel, Person, text_of

# (A server that was started a moment ago may not listen yet.)
LOOK = (
    "!curl -s --retry 60 --retry-delay 1 --retry-all-errors localhost:8765;"
    " echo $DOCKER_HOST; ss -Hltn; ps -eo user="
)


async def try_to_cross(klass: RunningClass) -> None:
    """One student tries to reach another, and the hub's own parts."""
    thief, victim = klass.students[:2]
    async with klass.person(thief) as ours, klass.person(victim) as theirs:
        for student in (ours, theirs):
            await student.log_in()
            await student.start_server()
        async with Kernel(theirs, "theirs.ipynb") as their, Kernel(ours, "ours.ipynb") as kernel:
            await publish_the_same_port(victim, their, kernel)
            await leave_and_look(victim, their, kernel)
            await try_socket(their, kernel)
            await pass_limits(klass, kernel)
            await try_files(klass, victim, kernel)
            await try_ports(klass, kernel)
            await try_hub(klass, victim, kernel)
            # One's own port, where nobody listens (9 is the port of "discard").
            said = text_of(await kernel.run("from course_lib import lab\nlab.open(9)"))
            assert "nothing answers on port 9: no container publishes it" in said
        await try_proxy(klass, victim, ours)
        _, page = await ours.ask("proxy/9/")
        assert "Nothing answers on this port" in page


async def publish_the_same_port(victim: str, theirs: Kernel, ours: Kernel) -> None:
    """Each sees the own page, and nothing of the other."""
    publish = "docker rm -f page >/dev/null 2>&1; docker run -d --name page -p 8765:80 nginx"
    secret = f"docker exec page sh -c 'echo of-{victim} > /usr/share/nginx/html/index.html'"
    seen = text_of(await theirs.run(f"!{publish} && {secret}\n{LOOK}"))
    assert f"of-{victim}" in seen
    mine = text_of(await ours.run(f"!{publish}\n{LOOK}"))
    assert "Welcome to nginx" in mine
    assert victim not in mine


LEAVE = """\
import pathlib, socket, subprocess
door = socket.socket(socket.AF_UNIX)
door.bind("\\0of-{victim}")
door.listen()
for folder in ("/tmp", "/var/tmp", "/dev/shm"):
    pathlib.Path(folder, "of-{victim}").touch()
subprocess.run(["ipcmk", "--shmem", "4096"], check=True, capture_output=True)
"""

FIND = """\
import pathlib, socket, subprocess
found = [str(f) for folder in ("/tmp", "/var/tmp", "/dev/shm")
         for f in pathlib.Path(folder).glob("of-{victim}")]
try:
    socket.socket(socket.AF_UNIX).connect("\\0of-{victim}")
    found.append("abstract socket")
except OSError:
    pass
listed = subprocess.run(["ipcs", "--shmems"], check=True, capture_output=True, text=True).stdout
found += ["shared memory"] * (len(listed.split("\\n0x")) > 1)
print(found)
"""


async def leave_and_look(victim: str, theirs: Kernel, ours: Kernel) -> None:
    """What has a name for all: temporary files, abstract sockets, shared memory."""
    find = FIND.format(victim=victim)
    left = text_of(await theirs.run(LEAVE.format(victim=victim) + find))
    names = [f"{folder}/of-{victim}" for folder in ("/tmp", "/var/tmp", "/dev/shm")]
    assert left.strip() == str([*names, "abstract socket", "shared memory"])
    assert text_of(await ours.run(find)).strip() == "[]"


async def try_socket(theirs: Kernel, ours: Kernel) -> None:
    """The victim's engine: its socket where the victim has it, and by way of its processes."""
    look = "!echo $DOCKER_HOST; pgrep --full '[c]ourse_lib.engine'"
    victims = text_of(await theirs.run(look)).split()
    host, process = victims[0], victims[-1]
    assert process.isdigit()
    for path in (host, f"unix:///proc/{process}/root{host.removeprefix('unix://')}"):
        found = text_of(await ours.run(f"!docker -H {path} ps --quiet 2>&1 || echo refused"))
        assert found.split()[-1:] == ["refused"], (path, found)


FILL = "kept = [bytes([1]) * (1 << 26) for _ in range(32)]"
CROWD = """\
import threading
end, count = threading.Event(), 0
try:
    for _ in range({processes}):
        threading.Thread(target=end.wait).start()
        count += 1
except RuntimeError:
    pass
end.set()
print(count)
"""


LARGE = "open('large', 'wb').truncate({bytes} + 1)"


async def pass_limits(klass: RunningClass, ours: Kernel) -> None:
    """Two gigabytes, as many threads as a person may have processes, a large file: refused."""
    processes, bytes_ = klass.hub.klass.processes, klass.hub.klass.disk_mb << 20
    codes = [FILL, LARGE.format(bytes=bytes_), CROWD.format(processes=processes)]
    found = await ours.run(
        "import subprocess, sys\n"
        f"for code in {codes!r}:\n"
        "    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)\n"
        "    print(done.stdout or done.returncode)"
    )
    filled, large, threads = text_of(found).split()
    assert int(filled) != 0
    assert int(large) != 0
    assert 0 < int(threads) < processes


async def try_files(klass: RunningClass, victim: str, kernel: Kernel) -> None:
    """Homes, exchange, the class's own files, control groups, privileges."""
    folder, home = klass.hub.folder, klass.hub.home(victim)
    exchange = klass.hub.exchange / klass.course
    for what in (
        f"ls {home}",
        f"cat {home}/docker-course/index.ipynb",
        f"touch {home}/mine",
        f"ls {klass.hub.homes}",
        f"cat {folder}/passwords.csv",
        f"cat {folder}/students.csv",
        f"ls {folder}/state",
        f"ls {klass.hub.course_directory}",
        f"ls {exchange}/inbound",
        f"ls {exchange}/feedback",
        f"touch {exchange}/outbound/mine",
        f"touch {exchange}/outbound/{lesson_one.NOTEBOOK.parent}/mine",
        f"mv {exchange} {exchange}-gone",
        f"echo >> {folder}/class.toml",
        "ls /sys/fs/cgroup/*/mine || mkdir /sys/fs/cgroup/mine /sys/fs/cgroup/memory/mine",
        r"grep -q '^NoNewPrivs:.0$\|^Cap[A-Za-z]*:.*[1-9a-f]' /proc/self/status",
    ):
        tried = f"!({what}) >/dev/null 2>&1 && echo reached || echo refused"
        found = text_of(await kernel.run(tried))
        assert found.split() == ["refused"], (what, found)


async def try_ports(klass: RunningClass, kernel: Kernel) -> None:
    """The hub's other parts, where they listen outside of the students' networks."""
    for port in (klass.hub.klass.proxy_port, klass.hub.klass.grader_port, klass.hub.klass.port):
        code = f"import socket; print(socket.socket().connect_ex(('127.0.0.1', {port})))"
        assert int(text_of(await kernel.run(code))) != 0, port


async def try_proxy(klass: RunningClass, victim: str, ours: Person) -> None:
    """With one's own log-in."""
    host, port = "127.0.0.1", klass.hub.klass.grader_port
    for path in (
        *("lab", "api/contents/index.ipynb", "files/index.ipynb", "api/kernels", "api/terminals"),
        *("proxy/8765/", "proxy/absolute/8765/", f"proxy/{host}:8765/", "terminals/websocket/1"),
    ):
        status, found = await ours.ask(path, of=victim)
        assert status in (403, 404), (path, status, found)
    # By the own server, which proxies to the own network alone.
    for path in (f"proxy/{host}:{port}/", f"proxy/absolute/{port}/", "proxy/192.0.2.1:80/"):
        status, found = await ours.ask(path)
        assert status >= 400, (path, status, found)
    for path in ("formgrader", "lab", "api/contents"):
        status, found = await ours.ask(path, of=f"/services/{klass.course}/")
        assert status in (403, 404), (path, status, found)


async def try_hub(klass: RunningClass, victim: str, kernel: Kernel) -> None:
    """The hub's API with the token that a student's programs have, and with none of its."""
    thief = klass.students[0]
    ask = (
        "import os, urllib.request, urllib.error\n"
        "def ask(path, token=os.environ['JUPYTERHUB_API_TOKEN'], method='GET'):\n"
        "    request = urllib.request.Request(os.environ['JUPYTERHUB_API_URL'] + path,\n"
        "        headers={'Authorization': 'token ' + token}, method=method)\n"
        "    try:\n"
        "        return urllib.request.urlopen(request).status\n"
        "    except urllib.error.HTTPError as error:\n"
        "        return error.code\n"
        f"print(ask('/users/{thief}'), ask('/users/{victim}'), ask('/users'),\n"
        f"      ask('/users/{victim}/server', method='DELETE'),\n"
        f"      ask('/users/{thief}', token='0123456789abcdef'))"
    )
    codes = [int(word) for word in text_of(await kernel.run(ask)).split()]
    assert codes[0] == 200
    assert all(code in (403, 404) for code in codes[1:]), codes
