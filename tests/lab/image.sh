#!/usr/bin/env bash
# Makes the disk that test hosts start from, unless it is there, and prints where it is: a minimal Debian with sshd,
# python3 and systemd, that has the users root and deploy. It lies outside the repository, named by this recipe's hash.
# Without root (rootless.py) it lies in memory, and is kept as an archive: outside its namespaces, nobody could remove files
# of its users.
# HOSTOUT_LAB_SUITE=trixie makes it Debian 13: `bare` passes there, but for the case whose compiled wheels want python 3.11.
set -euo pipefail

[ "$(id -u)" = 0 ] || exec python3 "$(dirname "$0")/rootless.py" bash "$0"
memory="${HOSTOUT_LAB_ROOTLESS:-}"
recipe=$(sha256sum "${BASH_SOURCE[0]}" | cut -c 1-16)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/git-hostout-lab"
suite="${HOSTOUT_LAB_SUITE:-bookworm}"
image="$cache/$recipe-$suite-$(id -u)"
archive="$cache/$recipe-$suite.tar"
[ -z "$memory" ] || image="$memory/image"

mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
if [ -d "$image" ]; then
    touch "$image"
    echo "$image"
    exit 0
fi
work=$(mktemp -d "${memory:-$cache}/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
if [ -n "$memory" ] && [ -e "$archive" ]; then
    touch "$archive"
    mkdir "$work/root"
    tar --extract --numeric-owner --preserve-permissions --file "$archive" --directory "$work/root"
    mv "$work/root" "$image"
    echo "$image"
    exit 0
fi

echo "Building the image of the test hosts, once: about a minute" >&2
# libpq5 and what it wants, which a host may have to get too
more="libpq5 libldap-2.5-0"
small="busybox insserv libeinfo1 librc1 openrc"
[ "$suite" = bookworm ] || { more="libpq5 libldap2"; small="busybox insserv libeinfo1 librc1t64 openrc"; }
options=(
    --quiet --variant=minbase --format=directory
    --aptopt='Acquire::Languages "none"'
    --dpkgopt=force-unsafe-io
    --dpkgopt='path-exclude=/usr/share/doc/*'
    --dpkgopt='path-exclude=/usr/share/info/*'
    --dpkgopt='path-exclude=/usr/share/locale/*'
    --dpkgopt='path-exclude=/usr/share/man/*'
    --include=ca-certificates,cron,dbus,iproute2,logrotate,openssh-server,procps,python3,python3-venv,rsync,sudo,systemd-sysv
    # what a bare host is made ready with, as a mirror that it can reach: it has no way to another
    --customize-hook='mkdir "$1/srv/mirror"; cd "$1/srv/mirror"; APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq download '"$more"' $(
        chroot "$1" dpkg-query --show --showformat "\${Package}\n" | grep -E "^(cron|libpopt|libpython3|logrotate|media-types|python3|sudo)"
    )'
    # what makes a host one of another family: its init and its small tools; its package manager, and what packs for that
    --customize-hook='set -e; mkdir -p "$1/srv/openrc" "$1/srv/dnf/partial"; export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
        apt-get -qq --yes --no-install-recommends --download-only -o Dir::Cache::Archives="$1/srv/dnf" \
            install createrepo-c dnf rpm
        cd "$1/srv/openrc"; apt-get -qq download '"$small"'
        # nothing there is signed
        cd "$1/srv/dnf"; rm -rf partial lock dirmngr* gnupg* gpg* pinentry*'
)
mmdebstrap "${options[@]}" "$suite" "$work/root" >&2

(
    cd "$work/root/srv/mirror"
    for deb in *.deb; do
        dpkg-deb --field "$deb"
        printf 'Filename: ./%s\nSize: %s\n' "$deb" "$(stat --format=%s "$deb")"
        printf 'SHA256: %s\n\n' "$(sha256sum "$deb" | cut -d ' ' -f 1)"
    done > Packages
)

# each host makes keys of its own
rm -f "$work"/root/etc/ssh/ssh_host_*
chroot "$work/root" useradd --create-home --shell /bin/bash deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' > "$work/root/etc/sudoers.d/deploy"
chmod 440 "$work/root/etc/sudoers.d/deploy"
echo 'PermitRootLogin yes' > "$work/root/etc/ssh/sshd_config.d/lab.conf"
# what waits for hardware, or for a network that is there before the host is
ln -s /dev/null "$work/root/etc/systemd/system/systemd-udevd.service"
rm -f "$work/root/etc/resolv.conf" "$work/root/etc/machine-id"
: > "$work/root/etc/machine-id"

# those of older recipes
find "$cache" -mindepth 1 -maxdepth 1 -type d -name "*-$(id -u)" -mtime +30 -exec rm -rf {} +
find "$cache" -mindepth 1 -maxdepth 1 -type f -name "*.tar*" -mtime +30 -delete
if [ -n "$memory" ]; then
    tar --create --numeric-owner --file "$archive.new" --directory "$work/root" .
    mv "$archive.new" "$archive"
fi
mv "$work/root" "$image"
touch "$image"
echo "$image"
