# Makes ROOT the root directory of this mount namespace and runs a command there.
# Usage: unshare -m sh enter.sh ROOT COMMAND…
# A chroot would not do: runc pivots too, and needs a root that is a mount point.
set -eu
root=$1
shift
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
# Folders of the machine, at their own paths: what tests bind-mount has to be there.
for path in /*/ /var/tmp/; do
    path=${path%/}
    case $path in
        /bin | /boot | /dev | /etc | /lib* | /lost+found | /proc | /run | /sbin | /sys | /usr | /var)
            continue ;;
    esac
    [ -L "$path" ] && continue
    mkdir -p ".$path"
    mount --bind "$path" ".$path"
done
cp /etc/resolv.conf etc/resolv.conf 2>/dev/null || true
mkdir -p .before
pivot_root . .before
umount -l /.before
exec "$@"
