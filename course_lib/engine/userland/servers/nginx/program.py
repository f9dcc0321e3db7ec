"""The ``nginx`` command and its master process."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from course_lib.engine.interfaces import Listener, Process
from course_lib.engine.userland import signals, users
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.servers.nginx import config
from course_lib.engine.userland.servers.nginx.config import ConfigError
from course_lib.engine.userland.servers.nginx.logs import Logs
from course_lib.engine.userland.servers.nginx.model import Configuration, compile_configuration
from course_lib.engine.userland.servers.nginx.proxy import Proxy
from course_lib.engine.userland.servers.nginx.variables import compile_log, compile_template
from course_lib.engine.userland.servers.nginx.worker import Worker

VERSION = "1.27.3"
DEFAULT_CONFIG = "/etc/nginx/nginx.conf"

USAGE = f"""nginx version: nginx/{VERSION}
Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: /etc/nginx/)
  -e filename   : set error log file (default: /var/log/nginx/error.log)
  -c filename   : set configuration file (default: {DEFAULT_CONFIG})
  -g directives : set global directives out of configuration file

"""

_BIND_TRIES = 5
_BIND_PAUSE = 0.5
_COMMANDS = {
    "stop": signals.SIGTERM, "quit": signals.SIGQUIT, "reopen": signals.NUMBERS["USR1"],
    "reload": signals.SIGHUP,
}  # fmt: skip


@dataclass(slots=True)
class _Arguments:
    config: str = DEFAULT_CONFIG
    globals: str = ""
    test: bool = False
    dump: bool = False
    quiet: bool = False
    show: str = ""
    signal: str = ""


class _BadOption(Exception):
    pass


def _arguments(words: list[str]) -> _Arguments:
    result = _Arguments()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            raise _BadOption(f'invalid option: "{word}"')
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in "scepg":
                if not letters and not rest:
                    raise _BadOption(f'option "-{letter}" requires parameter')
                value = letters or rest.pop(0)
                letters = ""
                if letter == "s":
                    if value not in _COMMANDS:
                        raise _BadOption(f'invalid option: "-s {value}"')
                    result.signal = value
                elif letter == "c":
                    result.config = value if value.startswith("/") else f"/etc/nginx/{value}"
                elif letter == "g":
                    result.globals = value
            elif letter in "?hvV":
                result.show = letter
            elif letter in "tT":
                result.test, result.dump = True, letter == "T"
            elif letter == "q":
                result.quiet = True
            else:
                raise _BadOption(f'invalid option: "{letter}"')
    return result


async def nginx(proc: Process) -> int:
    """Run the server, or what ``-t``, ``-s``, ``-v`` ask for."""
    try:
        arguments = _arguments(proc.argv[1:])
    except _BadOption as error:
        await proc.err(f"nginx: {error}\n")
        return 1
    if arguments.show:
        if arguments.show in "?h":
            await proc.err(USAGE)
        else:
            more = "" if arguments.show == "v" else "TLS SNI support disabled\n"
            await proc.err(f"nginx version: nginx/{VERSION}\n{more}")
        return 0
    master = Master(proc, arguments)
    try:
        try:
            if arguments.signal:
                return await master.send(arguments.signal)
            if arguments.test:
                return await master.test()
        finally:
            master.close()  # the one who waits for the end of its output waits for this too
        return await master.start()
    except ConfigError as error:
        await master.emergency(str(error))
        if arguments.test:
            await proc.err(f"nginx: configuration file {arguments.config} test failed\n")
        return 1


class Master:
    """Reads the configuration, opens the sockets, keeps a worker running, obeys signals."""

    def __init__(self, proc: Process, arguments: _Arguments) -> None:
        self._proc = proc
        self._arguments = arguments
        self._logs = Logs(proc)
        self._target = ("/var/log/nginx/error.log", "error")
        self._listeners: dict[tuple[str, int], Listener] = {}
        self._signals: asyncio.Queue[int] = asyncio.Queue()
        self._worker: ContainerProcess | None = None

    async def emergency(self, message: str) -> None:
        """Say on standard error and in the error log why nothing comes of it."""
        await self._proc.err(f"nginx: [emerg] {message}\n")
        await self._logs.error(self._target, "emerg", message)

    def close(self) -> None:
        """Close the logs; they are opened again when something is said."""
        self._logs.close()

    async def _notice(self, message: str, level: str = "notice") -> None:
        await self._logs.error(self._target, level, message)

    # --- configuration -----------------------------------------------------------------------

    async def _read(self) -> tuple[Configuration, Proxy]:
        files = config.collect(self._proc.fs, self._arguments.config, self._arguments.globals)
        configuration = compile_configuration(config.parse(files))
        _check_variables(configuration)
        self._identity(configuration)
        proxy = Proxy(self._proc)
        await proxy.resolve(configuration)
        logs = Logs(self._proc)
        try:
            logs.open_all(configuration)
        finally:
            logs.close()
        return configuration, proxy

    def _identity(self, configuration: Configuration) -> users.Credentials | None:
        """Who the workers are: the user of the configuration, with the user's own group.

        :raises ConfigError: there is no such user or group.
        """
        directive = configuration.user
        if directive is None or self._proc.uid != 0:
            return None  # only root can become another
        fs, name, group = self._proc.machine.fs, directive.args[0], directive.args[-1]
        user = users.user_by_name(fs, name)
        if user is None:
            raise directive.error(f'getpwnam("{name}") failed')
        found = users.group_by_name(fs, group)
        if found is None:
            raise directive.error(f'getgrnam("{group}") failed')
        further = tuple(each.gid for each in users.groups(fs) if name in each.members)
        return users.Credentials(user.uid, found.gid, further, user.home)

    async def test(self) -> int:
        """``nginx -t``."""
        files = config.collect(self._proc.fs, self._arguments.config, self._arguments.globals)
        await self._read()
        if not self._arguments.quiet:
            name = self._arguments.config
            await self._proc.err(
                f"nginx: the configuration file {name} syntax is ok\n"
                f"nginx: configuration file {name} test is successful\n"
            )
        if self._arguments.dump:
            for path, text in files:
                if path != "-g":
                    await self._proc.out(f"# configuration file {path}:\n{text}\n")
        return 0

    async def send(self, command: str) -> int:
        """``nginx -s``: signal the master that the PID file names."""
        configuration, _ = await self._read()
        self._target = configuration.error_log
        await self._notice("signal process started")
        try:
            text = self._proc.fs.read_bytes(configuration.pid).decode()
        except OSError as error:
            await self._proc.err(
                f'nginx: [error] open() "{configuration.pid}" failed '
                f"({error.errno}: {error.strerror})\n"
            )
            return 1
        pid = int(text) if text.strip().isdigit() else 0
        if not pid:
            await self._proc.err(
                f'nginx: [error] invalid PID number "{text.strip()}" in "{configuration.pid}"\n'
            )
            return 1
        signum = _COMMANDS[command]
        try:
            self._proc.machine.signal(pid, signum)
        except OSError:
            await self._proc.err(
                f"nginx: [alert] kill({pid}, {signum}) failed (3: No such process)\n"
            )
            return 1
        return 0

    # --- sockets -----------------------------------------------------------------------------

    async def _bind(self, configuration: Configuration) -> bool:
        wanted = {
            (address, port)
            for server in configuration.servers
            for address, port, _ in server.listens
        }
        wildcards = {port for address, port in wanted if address == "0.0.0.0"}
        wanted = {(a, p) for a, p in wanted if p not in wildcards or a in {"0.0.0.0", "::"}}
        for key in list(self._listeners):
            if key not in wanted:
                self._listeners.pop(key).close()
        for attempt in range(_BIND_TRIES):
            failed = False
            for address, port in sorted(wanted - set(self._listeners)):
                try:
                    listener = self._proc.net.listen(address, port, owner=self._proc.pid)
                except OSError as error:
                    if address == "::" and error.errno in {
                        errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EINVAL,
                    }:  # fmt: skip
                        wanted.discard((address, port))  # nothing speaks IPv6 here
                        continue
                    shown = f"[{address}]" if ":" in address else address
                    reason = f"({error.errno}: {error.strerror})"
                    await self.emergency(f"bind() to {shown}:{port} failed {reason}")
                    if error.errno != errno.EADDRINUSE:
                        return False
                    failed = True
                    continue
                self._listeners[address, port] = listener
            if not failed:
                return True
            if attempt < _BIND_TRIES - 1:
                await self._notice("try again to bind() after 500ms")
                await self._proc.sleep(_BIND_PAUSE)
        await self.emergency("still could not bind()")
        return False

    # --- running -----------------------------------------------------------------------------

    async def start(self) -> int:
        """Serve until a signal ends it; in the background unless told otherwise."""
        configuration, proxy = await self._read()
        self._target = configuration.error_log
        if not await self._bind(configuration):
            return 1
        if configuration.daemon:
            master = cast(ContainerProcess, self._proc)
            # Sockets go with the process that opened them, so the one that stays opens them anew.
            self._close_all()

            async def background(child: Process) -> int:
                self._proc = child
                self._logs = Logs(child)
                if not await self._bind(configuration):
                    return 1
                return await self._run(configuration, proxy)

            master.fork(background, new_group=True)
            return 0
        return await self._run(configuration, proxy)

    def _watch(self) -> None:
        for name in ("QUIT", "TERM", "INT", "HUP", "USR1"):
            self._proc.on_signal(signals.NUMBERS[name], self._signals.put_nowait)

    async def _run(self, configuration: Configuration, proxy: Proxy) -> int:
        proc = self._proc
        words = " ".join(proc.argv)
        proc.argv[:] = [f"nginx: master process {words}"]
        self._watch()
        await self._notice('using the "epoll" event method')
        await self._notice(f"nginx/{VERSION}")
        await self._notice("start worker processes")
        proc.fs.write_bytes(configuration.pid, f"{proc.pid}\n".encode())
        await self._start_worker(configuration, proxy)
        try:
            return await self._obey(configuration, proxy)
        finally:
            self._close_all()
            self._logs.close()

    def _close_all(self) -> None:
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()

    async def _start_worker(self, configuration: Configuration, proxy: Proxy) -> None:
        listeners = list(self._listeners.values())

        async def work(process: Process) -> int:
            child = cast(ContainerProcess, process)
            child.argv[:] = ["nginx: worker process"]
            logs = Logs(child, child.fs)
            identity = self._identity(configuration)
            if identity is not None:
                child.uid, child.gid, child.groups = identity.uid, identity.gid, identity.groups
            return await Worker(child, configuration, listeners, proxy, VERSION, logs).run()

        worker = cast(ContainerProcess, self._proc).fork(work)
        self._worker = worker
        await self._notice(f"start worker process {worker.pid}")
        self._proc.thread(lambda: self._mourn(worker))

    async def _mourn(self, worker: ContainerProcess) -> None:
        """Note a worker's end; one that was not asked to end is replaced."""
        code = await worker.wait()
        await self._notice(f"signal 17 (SIGCHLD) received from {worker.pid}")
        if code > 128:
            await self._notice(
                f"worker process {worker.pid} exited on signal {code - 128}", "alert"
            )
        else:
            await self._notice(f"worker process {worker.pid} exited with code {code}")
        if worker is self._worker:
            self._signals.put_nowait(0)

    async def _obey(self, configuration: Configuration, proxy: Proxy) -> int:
        while True:
            signum = await self._signals.get()
            if signum == 0:
                await self._start_worker(configuration, proxy)
                continue
            name = signals.name_of(signum)
            if signum == signals.SIGHUP:
                await self._notice(f"signal {signum} (SIGHUP) received, reconfiguring")
                configuration, proxy = await self._reload(configuration, proxy)
            elif signum == signals.NUMBERS["USR1"]:
                await self._notice(f"signal {signum} (SIGUSR1) received, reopening logs")
                self._logs.close()
                if self._worker is not None:
                    self._worker.kill(signum)
            else:
                graceful = signum == signals.SIGQUIT
                what = "shutting down" if graceful else "exiting"
                await self._notice(f"signal {signum} (SIG{name}) received, {what}")
                worker, self._worker = self._worker, None
                if worker is not None:
                    worker.kill(signals.SIGQUIT if graceful else signals.SIGTERM)
                    await worker.wait()
                self._remove(configuration.pid)
                await self._notice("exit")
                return 0

    def _remove(self, path: str) -> None:
        try:
            self._proc.fs.unlink(path)
        except OSError:
            return

    async def _reload(self, old: Configuration, old_proxy: Proxy) -> tuple[Configuration, Proxy]:
        """Take the new configuration, or keep the old one if it is of no use."""
        await self._notice("reconfiguring")
        try:
            configuration, proxy = await self._read()
        except ConfigError as error:
            await self._notice(str(error), "emerg")
            return old, old_proxy
        kept = dict(self._listeners)
        if not await self._bind(configuration):
            self._listeners = kept
            return old, old_proxy
        self._target = configuration.error_log
        await self._notice("start worker processes")
        worker = self._worker
        await self._start_worker(configuration, proxy)
        if worker is not None:
            worker.kill(signals.SIGQUIT)
        return configuration, proxy


def _check_variables(configuration: Configuration) -> None:
    """Refuse templates with variables that there are not.

    :raises ConfigError: ``unknown "foo" variable``.
    """

    def check(compiler: Callable[[str], object], template: str) -> None:
        try:
            compiler(template)
        except KeyError as error:
            raise ConfigError(f'unknown "{error.args[0]}" variable') from None

    for server in configuration.servers:
        for settings in (server.settings, *(loc.settings for loc in server.locations)):
            for log in settings.access_logs:
                check(compile_log, log.format)
            for _, value, _ in settings.headers:
                check(compile_template, value)
            for _, value in settings.proxy_headers:
                check(compile_template, value)
            for template in settings.try_files:
                check(compile_template, template)
            if settings.returns is not None:
                check(compile_template, settings.returns[1])
