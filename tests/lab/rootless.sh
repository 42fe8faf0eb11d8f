#!/bin/sh
# The first process of a lab without root (rootless.py): makes its namespaces fit for hosts, then runs COMMAND, and reaps
# whatever is left behind there. Where the kernel doesn't allow what hosts need, it ends before that.
#
# rootless.sh COMMAND...
set -eu
here=$(dirname "$0")

# the machine's /run belongs to a root whom nobody here is
mount -t tmpfs -o mode=755 run /run
ip link set dev lo up

# The image lies there, and labs' folders. Scripts mount in another way where this is set.
export HOSTOUT_LAB_ROOTLESS=/run/lab
trial=$HOSTOUT_LAB_ROOTLESS/trial
mkdir -p "$trial/lower/folder" "$trial/upper" "$trial/work" "$trial/root"
mount -t overlay -o "userxattr,lowerdir=$trial/lower,upperdir=$trial/upper,workdir=$trial/work" trial "$trial/root"
# to take the place of a removed one, a folder needs an attribute, which older kernels don't keep in memory
rmdir "$trial/root/folder"
mkdir "$trial/root/folder"
umount "$trial/root"
rm -rf "$trial"

# root of here has a home, and an account that isn't locked, which an sshd on loopback asks for
awk -F : -v OFS=: -v home="$HOME" '$3 == 0 { $6 = home } 1' /etc/passwd > "$HOSTOUT_LAB_ROOTLESS/passwd"
echo 'root:*:::::::' > "$HOSTOUT_LAB_ROOTLESS/shadow"
for file in passwd shadow; do mount --bind "$HOSTOUT_LAB_ROOTLESS/$file" "/etc/$file"; done

port=$(python3 "$here/rootless.py")
exec 9>&-
http_proxy=http://127.0.0.1:$port no_proxy=127.0.0.1,localhost
export http_proxy no_proxy HTTP_PROXY="$http_proxy" https_proxy="$http_proxy" HTTPS_PROXY="$http_proxy" NO_PROXY="$no_proxy"
unset ALL_PROXY all_proxy

# not in place of this shell, which reaps
"$@"
exit $?
