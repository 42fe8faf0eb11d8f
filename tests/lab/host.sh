#!/bin/sh
# Power on: gives a host its disk and its cable, then starts its first process. To be run in namespaces of its own
# (mount, net, uts, ipc) that lie in those of its lab, whose first process is 1 here.
#
# host.sh IMAGE DISK SEED LAB NAME ADDRESS MAC INIT
#   IMAGE    a Debian's root folder, never written to
#   DISK     what the host changes in it; it is kept while the host is off
#   SEED     files that a new disk starts with, and `passwords`, lines for chpasswd(8)
#   INIT     bare, cron, openrc or systemd
set -eu
image=$1 disk=$2 seed=$3 lab=$4 name=$5 address=$6 mac=$7 init=$8
scripts=$(dirname "$0")
root=$disk/root

new=false
[ -d "$disk/upper" ] || new=true
mkdir -p "$disk/upper" "$disk/work" "$root"
mount -t overlay -o "${HOSTOUT_LAB_ROOTLESS:+userxattr,}lowerdir=$image,upperdir=$disk/upper,workdir=$disk/work" "$name" "$root"
if $new; then
    cp -R "$seed/root/." "$root/"
    chroot "$root" chpasswd --crypt-method SHA256 < "$seed/passwords"
    chroot "$root" chown -R deploy: /home/deploy
    # a machine without systemd has no systemctl either
    [ "$init" = systemd ] || rm -f "$root/bin/systemctl"
    [ "$init" != openrc ] || sh "$scripts/openrc.sh" "$root"
fi

hostname "$name"
ip link set dev lo up
ip link add name eth0 address "$mac" type veth peer name "$name" netns 1
ip address add "$address/24" dev eth0
ip link set dev eth0 up
nsenter --target 1 --net ip link set dev "$name" master switch up

if [ "$init" != systemd ]; then
    exec unshare --pid --fork --kill-child=KILL sh "$scripts/init.sh" "$root" "$init"
fi
for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [ -e "$hierarchy/cgroup.procs" ] || continue
    mkdir -p "$hierarchy/$lab-$name"
    echo $$ > "$hierarchy/$lab-$name/cgroup.procs"
done
exec unshare --cgroup --pid --fork --kill-child=KILL sh "$scripts/init.sh" "$root" "$init"
