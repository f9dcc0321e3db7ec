"""The programs of a container, found by name and imported by family when first used.

A program is an :data:`~course_lib.engine.interfaces.Applet`: ``async def cat(proc) -> int``.
To add one, write it in a family module and put its name in a table below. A name in a table
works for its usual options. What a real image has and this userland has not is there to say so,
with 127 as for a command that is not found.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from course_lib.engine.interfaces import Applet

_BUSYBOX: dict[str, str] = {
    "[": "testing:bracket",
    "[[": "testing:bracket",
    "addgroup": "accounts:addgroup",
    "adduser": "accounts:adduser",
    "arch": "system:arch",
    "arp": "net_config:arp",
    "arping": "net_trace:arping",
    "ash": "course_lib.engine.userland.shell.main:sh",
    "awk": "awk:awk",
    "base32": "uuencoding:base32",
    "base64": "uuencoding:base64",
    "basename": "paths:basename",
    "bc": "calculating:bc",
    "bunzip2": "compression:bunzip2",
    "bzcat": "compression:bzcat",
    "bzip2": "compression:bzip2",
    "cal": "calendars:cal",
    "cat": "cat:cat",
    "chgrp": "permissions:chgrp",
    "chmod": "permissions:chmod",
    "chown": "permissions:chown",
    "chroot": "running:chroot",
    "cksum": "digests:cksum",
    "clear": "terminals:clear",
    "cmp": "dumps:cmp",
    "comm": "sorting:comm",
    "cp": "copying:cp",
    "cpio": "cpio:cpio",
    "crc32": "digests:crc32",
    "cut": "fields:cut",
    "date": "dates:date",
    "dc": "calculating:dc",
    "dd": "dd:dd",
    "delgroup": "accounts:delgroup",
    "deluser": "accounts:deluser",
    "df": "space:df",
    "diff": "comparing:diff",
    "dirname": "paths:dirname",
    "dmesg": "system:dmesg",
    "dnsdomainname": "net_hostname:dnsdomainname",
    "dos2unix": "pieces:dos2unix",
    "du": "space:du",
    "echo": "printing:echo",
    "ed": "ed:ed",
    "egrep": "matching:egrep",
    "env": "running:env",
    "envdir": "scripts:envdir",
    "envuidgid": "scripts:envuidgid",
    "expand": "reshaping:expand",
    "expr": "expressions:expr",
    "factor": "oddments:factor",
    "fallocate": "oddments:fallocate",
    "false": "system:false",
    "fgrep": "matching:fgrep",
    "find": "finding:find",
    "fold": "reshaping:fold",
    "free": "system:free",
    "fsync": "files:fsync",
    "fuser": "whoruns:fuser",
    "getopt": "optparsing:getopt",
    "grep": "matching:grep",
    "groups": "identity:groups",
    "gunzip": "compression:gunzip",
    "gzip": "compression:gzip",
    "halt": "oddments:halt",
    "hd": "dumps:hexdump",
    "head": "lines:head",
    "hexdump": "dumps:hexdump",
    "hostid": "system:hostid",
    "hostname": "net_hostname:hostname",
    "httpd": "course_lib.engine.userland.servers.httpd:httpd",
    "id": "identity:id_",
    "ifconfig": "net_config:ifconfig",
    "install": "copying:install",
    "ip": "net_ip:ip",
    "ipcalc": "oddments:ipcalc",
    "kill": "signalling:kill",
    "killall": "processes:killall",
    "killall5": "whoruns:killall5",
    "less": "less:less",
    "link": "files:link",
    "linux32": "scripts:setarch",
    "linux64": "scripts:setarch",
    "ln": "files:ln",
    "logname": "identity:logname",
    "ls": "ls:ls",
    "lsof": "whoruns:lsof",
    "lzcat": "compression:xzcat",
    "lzma": "compression:xz",
    "md5sum": "digests:md5sum",
    "mkdir": "files:mkdir",
    "mkfifo": "files:mkfifo",
    "mknod": "files:mknod",
    "mktemp": "files:mktemp",
    "more": "paging:more",
    "mount": "mounting:mount",
    "mountpoint": "mounting:mountpoint",
    "mv": "copying:mv",
    "nc": "net_nc:nc",
    "netstat": "net_config:netstat",
    "nice": "running:nice",
    "nl": "reshaping:nl",
    "nohup": "running:nohup",
    "nologin": "accounts:nologin",
    "nproc": "system:nproc",
    "nslookup": "net_dns:nslookup",
    "od": "dumps:od",
    "paste": "fields:paste",
    "patch": "patching:patch",
    "pgrep": "processes:pgrep",
    "pidof": "processes:pidof",
    "ping": "net_ping:ping",
    "ping6": "net_ping:ping6",
    "pkill": "processes:pkill",
    "poweroff": "oddments:halt",
    "printenv": "running:printenv",
    "printf": "printing:printf",
    "ps": "processes:ps",
    "pstree": "whoruns:pstree",
    "pwd": "paths:pwd",
    "pwdx": "whoruns:pwdx",
    "readlink": "paths:readlink",
    "realpath": "paths:realpath",
    "reboot": "oddments:halt",
    "reset": "terminals:reset",
    "rev": "reshaping:rev",
    "rm": "removing:rm",
    "rmdir": "removing:rmdir",
    "route": "net_config:route",
    "run-parts": "scripts:run_parts",
    "sed": "sed:sed",
    "seq": "lines:seq",
    "setarch": "scripts:setarch",
    "setsid": "running:setsid",
    "sh": "course_lib.engine.userland.shell.main:sh",
    "sha1sum": "digests:sha1sum",
    "sha256sum": "digests:sha256sum",
    "sha384sum": "digests:sha384sum",
    "sha3sum": "digests:sha3sum",
    "sha512sum": "digests:sha512sum",
    "shred": "oddments:shred",
    "shuf": "sorting:shuf",
    "sleep": "running:sleep",
    "sort": "sorting:sort",
    "split": "pieces:split",
    "stat": "listing:stat_",
    "strings": "reshaping:strings",
    "stty": "stty:stty",
    "su": "identity:su",
    "sum": "oddments:sum_",
    "sync": "files:sync",
    "sysctl": "system:sysctl",
    "tac": "lines:tac",
    "tail": "following:tail",
    "tar": "archive:tar",
    "tee": "cat:tee",
    "telnet": "net_telnet:telnet",
    "test": "testing:test",
    "time": "running:time",
    "timeout": "limiting:timeout",
    "top": "processes:top",
    "touch": "files:touch",
    "tr": "translating:tr",
    "traceroute": "net_trace:traceroute",
    "tree": "pieces:tree",
    "true": "system:true",
    "truncate": "files:truncate",
    "ts": "oddments:ts",
    "tsort": "oddments:tsort",
    "tty": "terminals:tty",
    "umount": "mounting:umount",
    "uname": "system:uname",
    "unexpand": "reshaping:unexpand",
    "uniq": "sorting:uniq",
    "unix2dos": "pieces:unix2dos",
    "unlink": "removing:unlink",
    "unlzma": "compression:unxz",
    "unxz": "compression:unxz",
    "unzip": "unzip:unzip",
    "uptime": "system:uptime",
    "usleep": "running:usleep",
    "uudecode": "uuencoding:uudecode",
    "uuencode": "uuencoding:uuencode",
    "vi": "vi:vi",
    "watch": "running:watch",
    "wc": "lines:wc",
    "wget": "net_wget:wget",
    "which": "running:which",
    "who": "identity:who",
    "whoami": "identity:whoami",
    "xargs": "xargs:xargs",
    "xxd": "dumps:xxd",
    "xz": "compression:xz",
    "xzcat": "compression:xzcat",
    "yes": "lines:yes",
    "zcat": "compression:zcat",
}
"""Applets of BusyBox: name -> ``module:function``, the module below this package.

Images based on BusyBox have a link for each of them.
"""

_LACKING = frozenset(
    """
    acpid add-shell adjtimex ar ascii beep blkdiscard blkid blockdev bootchartd brctl chat
    chattr chpasswd chpst chrt chvt conspy crond crontab cryptpw cttyhack deallocvt depmod
    devmem dhcprelay dnsd dpkg dpkg-deb dumpkmap dumpleases eject ether-wake fakeidentd
    fatattr fbset fbsplash fdflush fdformat fdisk fgconsole findfs flock freeramdisk fsck
    fsck.minix fsfreeze fstrim ftpd ftpget ftpput getfattr getty hdparm hexedit hush hwclock
    i2cdetect i2cdump i2cget i2cset i2ctransfer ifdown ifenslave ifplugd ifup inetd init
    inotifyd insmod ionice iostat ipaddr ipcrm ipcs iplink ipneigh iproute iprule iptunnel
    kbd_mode klogd last linuxrc loadfont loadkmap logger login logread losetup lpd lpq lpr
    lsattr lsmod lspci lsscsi lsusb lzop lzopcat makedevs makemime man mdev mesg microcom
    mim mkdosfs mke2fs mkfs.ext2 mkfs.minix mkfs.vfat mkpasswd mkswap modinfo modprobe mpstat mt
    nameif nanddump nandwrite nbd-client nmeter nsenter ntpd nuke openvt partprobe passwd
    pipe_progress pivot_root pmap popmaildir powertop pscan raidautorun rdate rdev readahead
    readprofile reformime remove-shell renice resize resume rfkill rmmod rpm rpm2cpio rtcwake
    run-init runlevel runsv runsvdir rx script scriptreplay seedrng sendmail setconsole setfattr
    setfont setkeycodes setlogcons setpriv setserial setuidgid showkey slattach smemcap
    softlimit ssl_client start-stop-daemon sulogin sv svc svlogd svok swapoff swapon switch_root
    syslogd taskset tc tcpsvd telnetd tftp tftpd traceroute6 ttysize tunctl ubiattach ubidetach
    ubimkvol ubirename ubirmvol ubirsvol ubiupdatevol udhcpc udhcpc6 udhcpd udpsvd uevent
    uncompress unlzop unshare users vconfig vlock volname w wall watchdog whois zcip
    """.split()
)
"""Applets of BusyBox 1.36 (as in ``busybox`` on the Hub) and of Debian's 1.37 that are not here."""

_PROGRAMS: dict[str, str] = {
    "apk": "net_apk:apk",
    "bash": "course_lib.engine.userland.shell.main:bash",
    "busybox": "busybox:busybox",
    "catalina": "course_lib.engine.userland.servers.tomcat:catalina",
    "curl": "net_curl:curl",
    "dig": "net_dig:dig",
    "docker": "course_lib.engine.userland.docker.main:docker",
    "docker-init": "running:docker_init",
    "drill": "net_dig:drill",
    "envsubst": "course_lib.engine.userland.servers.nginx.envsubst:envsubst",
    "elasticsearch": "course_lib.engine.userland.servers.elasticsearch:elasticsearch",
    "getent-glibc": "net_getent:getent_glibc",
    "getent-musl": "net_getent:getent_musl",
    "host": "net_host:host",
    "ip-iproute2": "net_ip:ip_iproute2",
    "lacking": "busybox:lacking",
    "nginx": "course_lib.engine.userland.servers.nginx.program:nginx",
    "ping-iputils": "net_ping:ping_iputils",
    "redis-cli": "course_lib.engine.userland.servers.redis.cli:redis_cli",
    "redis-server-2.8": "course_lib.engine.userland.servers.redis.program:redis_server_2_8",
    "redis-server-3.0": "course_lib.engine.userland.servers.redis.program:redis_server_3_0",
    "redis-server-7.4": "course_lib.engine.userland.servers.redis.program:redis_server_7_4",
    "timeout-coreutils": "limiting:timeout_coreutils",
    "trainingwheels-python": "course_lib.engine.userland.servers.trainingwheels:python3",
}
"""Programs that are files of their own, in the images that bring them."""


def find(name: str) -> Applet | None:
    """The program called ``name``, or None; imports its family."""
    entry = where(name)
    if not entry:
        return None
    module, _, function = entry.partition(":")
    full = module if module.startswith("course_lib.") else f"{__name__}.{module}"
    return cast("Applet", getattr(import_module(full), function))


def where(name: str) -> str:
    """``module:function`` of a program; empty where there is none."""
    found = _BUSYBOX.get(name) or _PROGRAMS.get(name)
    return found or ("busybox:lacking" if name in _LACKING else "")


def names() -> list[str]:
    """Names of all BusyBox applets that work, sorted."""
    return sorted(_BUSYBOX)


def linked() -> list[str]:
    """What an image links to ``/bin/busybox``, sorted: also what only says that it is lacking."""
    return sorted(_LACKING.union(_BUSYBOX))
