# Runs rootless Docker as a user, in the root directory that enter.sh has made.
# Usage: sh -c "$(cat rootless.sh)" rootless UID ARGUMENTS…
# The root directory is shared by several daemons: nothing here is written into it.
set -eu
user=$1
shift
mkdir -p /run/rootless "/run/user/$user"
chown "$user:$user" "/run/user/$user"
for file in passwd group; do
    cp "/etc/$file" "/run/rootless/$file"
done
echo "student:x:$user:$user::/run/user/$user:/bin/sh" >>/run/rootless/passwd
echo "student:x:$user:" >>/run/rootless/group
echo "student:300000:65536" >/run/rootless/subuid
cp /run/rootless/subuid /run/rootless/subgid
for file in passwd group subuid subgid; do
    mount --bind "/run/rootless/$file" "/etc/$file"
done
# Open to everybody, as udev makes it elsewhere.
mknod -m 666 /run/rootless/tun c 10 200
mount --bind /run/rootless/tun /dev/net/tun
exec setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin USER=student \
    HOME="/run/user/$user" XDG_RUNTIME_DIR="/run/user/$user" \
    sh /usr/share/docker.io/contrib/dockerd-rootless.sh "$@"
