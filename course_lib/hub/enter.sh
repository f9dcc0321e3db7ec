#!/bin/sh
# The first process of a person's world of processes. It is root's, so nobody in there ends it,
# and with its end the kernel ends all others. It makes the world's own /tmp, starts the server as
# its person, and in the end lets what the server leaves (the engine, terminals) end in order.
#
#   enter.sh USER HOME PROCESSES BYTES INDEX COURSE COMMAND…
#
# COURSE is where the course itself lies, should that be in a folder of which everybody gets their
# own: it stays to be seen there. Empty where it lies elsewhere. No file gets larger than BYTES: where
# the file system has no quotas, that much is left of the limit.
set -u
user=$1 home=$2 processes=$3 bytes=$4 index=$5 course=$6
shift 6

if [ -n "$course" ]; then
    mount -t tmpfs -o mode=700 tmpfs /mnt && mkdir /mnt/course || exit 3
    mount --bind "$course" /mnt/course || exit 3
fi
for folder in /tmp /var/tmp /dev/shm; do
    mount -t tmpfs -o size=512m,mode=1777,nosuid,nodev tmpfs "$folder" || exit 3
done
if [ -n "$course" ]; then
    mkdir -p "$course" && mount --bind /mnt/course "$course" || exit 3
    umount -R /mnt || exit 3
fi
install -d -m 700 -o "$user" -g "$(id -g "$user")" /tmp/run || exit 3
cd "$home" || exit 3

prlimit --nproc="$processes" --fsize="$bytes" --core=0 -- \
    setpriv --reuid="$user" --regid="$user" --init-groups --bounding-set=-all --inh-caps=-all \
    --no-new-privs -- /bin/sh -c '
    exec >"$HOME/.server.log" 2>&1
    mkdir -p "$HOME/docker-course"
    [ -e "$HOME/docker-course/index.ipynb" ] || cp "$0" "$HOME/docker-course/index.ipynb"
    cd "$HOME/docker-course" || exit
    exec "$@"' "$index" "$@" &
server=$!

# A signal ends the wait, so it waits again; the server has its own way of ending in order.
trap 'kill -TERM $server 2>/dev/null' TERM INT HUP
wait $server
code=$?
while kill -0 $server 2>/dev/null; do
    wait $server
    code=$?
done

trap '' TERM INT HUP
kill -TERM -1 2>/dev/null
left=100
while [ $left -gt 0 ] && kill -0 -1 2>/dev/null; do
    sleep 0.1
    left=$((left - 1))
done
exit $code
