#!/usr/bin/env bash
# Makes the disk that test hosts start from, unless it is there, and prints where it is: a minimal Debian with sshd,
# python3 and systemd, that has the users root and deploy. It lies outside the repository, named by this recipe's hash.
set -euo pipefail

recipe=$(sha256sum "${BASH_SOURCE[0]}" | cut -c 1-16)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/git-hostout-lab"
image="$cache/$recipe-$(id -u)"

mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
if [ -d "$image" ]; then
    touch "$image"
    echo "$image"
    exit 0
fi

echo "Building the image of the test hosts, once: about a minute" >&2
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
options=(
    --quiet --variant=minbase --format=directory
    --aptopt='Acquire::Languages "none"'
    --dpkgopt=force-unsafe-io
    --dpkgopt='path-exclude=/usr/share/doc/*'
    --dpkgopt='path-exclude=/usr/share/info/*'
    --dpkgopt='path-exclude=/usr/share/locale/*'
    --dpkgopt='path-exclude=/usr/share/man/*'
    --include=ca-certificates,cron,dbus,iproute2,openssh-server,procps,python3,python3-venv,rsync,sudo,systemd-sysv
)
mmdebstrap "${options[@]}" bookworm "$work/root" >&2

# each host makes keys of its own
rm -f "$work"/root/etc/ssh/ssh_host_*
chroot "$work/root" useradd --create-home --shell /bin/bash deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' > "$work/root/etc/sudoers.d/deploy"
echo 'PermitRootLogin yes' > "$work/root/etc/ssh/sshd_config.d/lab.conf"
# what waits for hardware, or for a network that is there before the host is
ln -s /dev/null "$work/root/etc/systemd/system/systemd-udevd.service"
rm -f "$work/root/etc/resolv.conf" "$work/root/etc/machine-id"
: > "$work/root/etc/machine-id"

# those of older recipes
find "$cache" -mindepth 1 -maxdepth 1 -type d -name "*-$(id -u)" -mtime +30 -exec rm -rf {} +
mv "$work/root" "$image"
touch "$image"
echo "$image"
