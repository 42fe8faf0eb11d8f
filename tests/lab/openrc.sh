#!/bin/sh
# Makes a new host one of OpenRC, with the two services that a bootstrap meets on Alpine: `local`, which Debian leaves out,
# and `sshd`. Debian's own services go, because they need those of sysvinit.
#
# openrc.sh ROOT
set -eu
root=$1

chroot "$root" sh -c 'dpkg --force-unsafe-io --install /srv/openrc/*.deb'
rm -f "$root"/etc/init.d/* "$root"/etc/runlevels/*/*
mkdir -p "$root/etc/local.d"
cat > "$root/etc/init.d/local" << 'END'
#!/sbin/openrc-run
depend() {
    after *
}

start() {
    local file
    for file in /etc/local.d/*.start; do
        [ ! -x "$file" ] || "$file" > /dev/null 2>&1
    done
}
END
# Debian's start-stop-daemon is another one than OpenRC's, which sends signals without an end.
cat > "$root/etc/init.d/sshd" << 'END'
#!/sbin/openrc-run
command=/usr/sbin/sshd
command_args='-E /run/sshd.log'
pidfile=/run/sshd.pid
extra_started_commands=reload

start_pre() {
    mkdir -p /run/sshd
}

reload() {
    kill -HUP "$(cat "$pidfile")"
}
END
chmod 755 "$root/etc/init.d/local" "$root/etc/init.d/sshd"
chroot "$root" rc-update add sshd default
