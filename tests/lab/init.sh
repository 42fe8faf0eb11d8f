#!/bin/sh
# A host's first process, from what a kernel mounts to its init: systemd, or a shell that starts sshd, or has
# OpenRC start it, and reaps.
#
# init.sh ROOT bare|cron|openrc|systemd
set -eu
root=$1 init=$2

mount -t proc proc "$root/proc"
# without root it is there only where nothing hides a part of the machine's, and nothing here needs it
mount -t sysfs sysfs "$root/sys" || [ -n "${HOSTOUT_LAB_ROOTLESS:-}" ]
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in full null random tty urandom zero; do
    : > "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0 1 2; do ln -s "/proc/self/fd/$number" "$root/dev/$(echo stdin stdout stderr | cut -d ' ' -f $((number + 1)))"; done
mount -t tmpfs -o mode=755 run "$root/run"

if [ "$init" = systemd ]; then
    if [ -d /sys/fs/cgroup/unified ]; then
        mount -t tmpfs -o mode=755 cgroup "$root/sys/fs/cgroup"
        mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
        mount -t cgroup -o none,name=systemd,xattr cgroup "$root/sys/fs/cgroup/systemd"
        mount -t cgroup2 cgroup "$root/sys/fs/cgroup/unified"
    else
        mount -t cgroup2 cgroup "$root/sys/fs/cgroup"
    fi
fi

cd "$root"
pivot_root . .
umount -l .

if [ "$init" = systemd ]; then
    exec env -i container=lab PATH="$PATH" /lib/systemd/systemd
fi
find /tmp -mindepth 1 -delete
if [ "$init" = openrc ]; then
    # as Alpine's inittab does
    for runlevel in sysinit boot default; do env -i PATH="$PATH" openrc $runlevel; done
    : > /run/booted
else
    mkdir /run/sshd
    /usr/sbin/sshd -E /run/sshd.log
    [ "$init" = bare ] || cron
fi
# a shell that waits reaps whatever was left behind by its parent
sleep infinity &
wait
