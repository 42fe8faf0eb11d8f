# Packages: an interpreter that can make a venv, sudo, logrotate, and what compiled wheels link

check_packages() {
    manager=$(package_manager)
    missing=''
    case $manager in
    apt-get) venv=python3-venv ;;
    *) venv=python3 ;;
    esac
    if has "$python"; then
        if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
            text="its $python is too old: $("$python" -V 2>&1); 3.9 is the least"
            remedy='install a newer one there, and name it as python of the stage'
            return 2
        fi
        "$python" -c 'import venv, ensurepip' 2> /dev/null || missing="$missing $venv"
    elif [ "$python" = python3 ]; then
        missing="$missing python3"
        [ "$manager" = apt-get ] && missing="$missing python3-venv"
    else
        text="there is no $python"
        remedy='install it there, or leave python of the stage out'
        return 2
    fi
    if [ -n "$sudoers" ]; then
        { has sudo && has visudo; } || missing="$missing sudo"
    fi
    has logrotate || missing="$missing logrotate"
    for library in $libraries; do
        has_library "$library" || missing="$missing $(package_of "$library")"
    done
    missing=${missing# }
    if [ -z "$missing" ]; then
        text="$("$python" -V 2>&1) with venv is there"
        return 0
    fi
    if [ -z "$manager" ]; then
        text="$missing: missing, and there is no apt-get, dnf or apk"
        remedy="install $missing there by its own means"
        return 2
    fi
    text="$manager installs $missing"
    return 1
}

do_packages() {
    case $(package_manager) in
    apt-get)
        wait_for_dpkg || return 1
        # one mirror of several may be away
        apt-get -q update < /dev/null
        remedy='is a package mirror reachable from there? see /etc/apt/sources.list'
        # a list of words
        # shellcheck disable=SC2086
        apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends $missing < /dev/null
        ;;
    dnf)
        # shellcheck disable=SC2086
        dnf -q -y install $missing < /dev/null
        ;;
    apk)
        # shellcheck disable=SC2086
        apk --quiet add $missing < /dev/null
        ;;
    esac
}

has_library() { # SONAME
    { has ldconfig && ldconfig -p 2> /dev/null | grep -qF "	$1 "; } && return 0
    for folder in /lib /usr/lib /usr/local/lib /lib/*-linux-gnu /usr/lib/*-linux-gnu /lib64 /usr/lib64; do
        [ -e "$folder/$1" ] && return 0
    done
    return 1
}

# dnf and apk know which package has a library; Debian's are named after it (Debian Policy 8.1).
package_of() { # SONAME
    case $(package_manager) in
    dnf) echo "$1()(64bit)" ;;
    apk) echo "so:$1" ;;
    *)
        stem=${1%%.so*} version=${1##*.so.}
        case $stem in
        libjpeg) echo libjpeg62-turbo ;;
        libxml2 | libexpat) echo "$stem" | sed 's/libexpat/libexpat1/' ;;
        *[0-9]) echo "$stem-$version" ;;
        *) echo "$stem$version" ;;
        esac
        ;;
    esac
}

# Says who holds dpkg's lock, as unattended-upgrades does in a machine's first minutes, and waits for them.
wait_for_dpkg() {
    waited=0 told=''
    while holder=$(holder_of /var/lib/dpkg/lock-frontend) && [ -n "$holder" ]; do
        [ "$told" = "$holder" ] || tell wait "$holder holds the lock of dpkg" >&3
        told=$holder
        if [ "$waited" -ge "$patience" ]; then
            echo "$holder held the lock of dpkg for $patience s"
            return 1
        fi
        sleep 2
        waited=$((waited + 2))
    done
}

# By its open files: whoever opens a lock file of dpkg's locks it.
holder_of() { # FILE
    for process in /proc/[0-9]*; do
        for opened in "$process"/fd/*; do
            # shellcheck disable=SC3013 # -ef is in dash and busybox, and in POSIX since 2024
            if [ "$opened" -ef "$1" ]; then
                echo "$(cat "$process/comm") (process ${process#/proc/})"
                return
            fi
        done
    done
}
