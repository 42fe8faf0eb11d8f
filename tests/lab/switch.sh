#!/bin/sh
# The first process of a lab: it holds the hosts' disks, and the switch that their cables go to. It ends with its
# standard input, which is to say with the process that started it, and everything in its namespaces ends with it.
#
# switch.sh FOLDER/disks LAB      FOLDER: the lab's own; the disks are mounted there, seen by this lab alone; LAB: its name
set -eu
disks=$1 lab=$2

mount -t tmpfs -o mode=755 "$lab" "$disks"
ip link set dev lo up
ip link add name switch type bridge
ip link set dev switch up
echo ready
cat > /dev/null

# Who started it may have been killed, and can't put its keys away then.
umount --lazy "$disks"
rm -rf "${disks%/disks}"

# Control groups of systemd hosts outlive their processes, and nothing else does: from the leaves up, once they are empty.
kill -KILL -1 2> /dev/null || true
for group in /sys/fs/cgroup/"$lab"-* /sys/fs/cgroup/*/"$lab"-*; do
    while [ -d "$group" ] && ! find "$group" -depth -type d -exec rmdir {} + 2> /dev/null; do
        sleep 0.05
    done
done
