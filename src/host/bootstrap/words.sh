# What is said

tell() {
    line=$1
    shift
    for field; do
        line="$line	$(printf %s "$field" | tr '\t\r\n' '   ')"
    done
    printf '%s\n' "$line"
}

# What is there

has() {
    command -v "$1" > /dev/null 2>&1
}

# The NUMBERth field of a user's line in passwd(5) or shadow(5), or of a group's in group(5), wherever it is kept.
entry() { # passwd|shadow|group NAME NUMBER
    { getent "$1" "$2" || grep "^$2:" "/etc/$1"; } 2> /dev/null | head -n 1 | cut -d : -f "$3"
}

home_of() {
    entry passwd "$1" 6
}

# Whether the number, which is all that the kernel knows of a user, is root's.
is_root() { # USER
    [ "$(entry passwd "$1" 3)" = 0 ]
}

# Of what a link leads to; ls of busybox shows eight letters of a name.
owner_of() { # PATH
    stat -Lc %U "$1" 2> /dev/null
}

number_of() { # PATH
    stat -Lc %u "$1" 2> /dev/null
}

mode_of() { # PATH
    # shellcheck disable=SC2012 # ls is in POSIX, and says a mode as people read it
    ls -ld "$1" 2> /dev/null | cut -c 1-10
}

is_in_group() { # USER GROUP
    case " $(id -Gn "$1" 2> /dev/null) " in
    *" $2 "*) return 0 ;;
    esac
    return 1
}

# Whether whoever is in the group can do what only root may, or read what is kept from others: by its name, there or to come
# with a package, by its number, or by a line of sudoers.
is_powerful() { # GROUP
    case $1 in
    root | wheel | sudo | admin | adm | disk | kmem | shadow | staff | sys | tty | utmp) return 0 ;;
    docker | lxd | incus | incus-admin | libvirt | microk8s | ssl-cert | systemd-journal) return 0 ;;
    esac
    [ "$(entry group "$1" 3)" = 0 ] || grep -qs "^[[:space:]]*%$1[[:space:]]" /etc/sudoers /etc/sudoers.d/*
}

# Whether the file holds exactly this text, and a line's end.
holds() { # FILE TEXT
    [ -f "$1" ] && [ "$(cat "$1" && echo .)" = "$2
." ]
}

# Puts a text into its place, whole or not at all.
write() { # FILE TEXT MODE
    rm -f "$1.new~" && printf '%s\n' "$2" > "$1.new~" && chmod "$3" "$1.new~" && mv -f "$1.new~" "$1"
}

as_user() { # USER CODE [WORD…]
    user=$1 code=$2
    shift 2
    if has runuser; then
        runuser -u "$user" -- /bin/sh -c "$code" sh "$@"
    else
        su -s /bin/sh "$user" -c "$code" -- sh "$@"
    fi
}

service_manager() {
    if [ -d /run/systemd/system ]; then
        echo systemd
    elif has rc-update && [ -d /run/openrc ] && [ -e /etc/init.d/local ]; then # it has booted, and has the service
        echo openrc
    elif [ -d /etc/cron.d ]; then
        echo cron
    fi
}

package_manager() {
    for manager in apt-get dnf apk; do
        has "$manager" && echo "$manager" && return
    done
}
