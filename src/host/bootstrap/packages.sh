# Packages: an interpreter that can make a venv, sudo, logrotate, and what compiled wheels link

check_packages() {
    manager=$(package_manager)
    missing='' who=nobody
    [ -z "$build" ] || [ -z "$(home_of "$build")" ] || who=$build
    case $manager in
    apt-get) venv=python3-venv ;;
    *) venv=python3 ;;
    esac
    if has "$python"; then
        version=$(their_python -V 2>&1) || {
            text="$python does not run as $who: $version"
            remedy='let others read and run it, or name another python of the stage'
            return 2
        }
        if ! their_python -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
            text="its $python is too old: $version; 3.9 is the least"
            remedy='install a newer one there, and name it as python of the stage'
            return 2
        fi
        their_python -c 'import venv, ensurepip' 2> /dev/null || missing="$missing $venv"
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
        text="$version with venv is there"
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

# The stage's python, which may be anybody's, is run by $who: who deploys, or nobody as long as there is no such
# user.
their_python() { # WORD…
    # shellcheck disable=SC2016 # the inner shell's words
    as_user "$who" 'exec "$@"' "$python" "$@"
}

do_packages() {
    manager=$(package_manager) waited=0
    wait_for_lock || return 1
    case $manager in
    apt-get)
        update_lists
        sources=/etc/apt/sources.list
        # a list of words
        # shellcheck disable=SC2086
        told apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends $missing && return
        ;;
    dnf)
        # it may pass over mirrors that don't answer, and then know no package
        sources=/etc/yum.repos.d
        # shellcheck disable=SC2086
        told dnf -q -y --setopt=install_weak_deps=False install $missing && return
        ;;
    apk)
        # a new machine has no list of packages
        told apk --quiet --wait 600 update
        sources=/etc/apk/repositories
        # shellcheck disable=SC2086
        told apk --quiet --wait 600 add $missing && return
        ;;
    esac
    cat "$scratch/told"
    # why a package is not to be had is the reason, and so comes last
    grep -h '^[EW]: \|^Err:\|^ERROR: \|^WARNING: ' "$scratch/before" 2> /dev/null | tail -n 2
    case $(cat "$scratch/told" "$scratch/before" 2> /dev/null) in
    *'dpkg was interrupted'*) remedy='dpkg was cut off there before; as root there: dpkg --configure -a' ;;
    *'ailed to fetch'* | *'nable to fetch'* | *'nable to locate'* | *'installation candidate'* | *'not available'* | \
        *'ailed to download'* | *'annot download'* | *'nable to find'* | *'o match'* | *'nothing provides'* | \
        *'enabled repositories'* | *'o such package'* | *'nable to select'* | *'emporary error'* | *': fetching '*)
        remedy="is a package mirror reachable from there? see $sources"
        ;;
    esac
    return 1
}

# Runs a command and keeps what it says, beside what the one before it said.
told() { # WORD…
    [ ! -e "$scratch/told" ] || mv "$scratch/told" "$scratch/before"
    "$@" < /dev/null > "$scratch/told" 2>&1
}

# apt waits for nobody who updates its lists, as a machine does by itself in its first minutes. One mirror of several may be
# away, which is no failure.
update_lists() {
    until told apt-get -q update; do
        case $(cat "$scratch/told") in
        *'lists/lock'*) ;;
        *) return ;;
        esac
        sleep 1
        waited=$((waited + 1))
        if [ "$waited" -ge "$patience" ]; then return; fi
        wait_for_lock || return
    done
}

has_library() { # SONAME
    { has ldconfig && ldconfig -p 2> /dev/null | grep -qF "	$1 "; } && return 0
    for folder in /lib /usr/lib /usr/local/lib /lib/*-linux-gnu /usr/lib/*-linux-gnu /lib64 /usr/lib64; do
        [ -e "$folder/$1" ] && return 0
    done
    return 1
}

# dnf and apk know which package has a library; Debian's are named after it (Debian Policy 8.1), but for some, and the one
# that Ubuntu names otherwise has another version there.
package_of() { # SONAME
    case $(package_manager) in
    dnf) echo "$1()(64bit)" ;;
    apk) echo "so:$1" ;;
    *)
        stem=${1%%.so*} version=${1##*.so.}
        case $stem.$version in
        libjpeg.62) echo libjpeg62-turbo ;;
        libjpeg.*) echo "libjpeg-turbo$version" ;;
        libxslt.1 | libexslt.0) echo libxslt1.1 ;;
        libxml2.2) echo libxml2 ;;
        libz.1) echo zlib1g ;;
        libcrypto.*) echo "libssl$version" ;;
        libgcc_s.1) echo libgcc-s1 ;;
        *)
            case $stem in
            *[0-9]) echo "$stem-$version" ;;
            *) echo "$stem$version" ;;
            esac
            ;;
        esac
        ;;
    esac
}

# Says who holds the lock of packages, as unattended-upgrades does in a machine's first minutes, and waits for them. rpm
# waits for nobody where there is no terminal.
wait_for_lock() {
    last=''
    while held=$(lock_holder) && [ -n "$held" ]; do
        [ "$last" = "$held" ] || tell wait "$held" >&3
        last=$held
        if [ "$waited" -ge "$patience" ]; then
            echo "$held, still after $patience s"
            return 1
        fi
        sleep 2
        waited=$((waited + 2))
    done
    [ -z "$last" ] || tell begin packages "$text" >&3 # it waits no more
}

lock_holder() {
    case $manager in
    apt-get)
        holder_of dpkg /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock
        holder_of "apt's lists" /var/lib/apt/lists/lock
        ;;
    apk) holder_of apk /run/apk/db.lock /lib/apk/db/lock ;; # the first one since apk 3
    dnf)
        # who wrote itself into a lock of dnf's holds it as long as it lives
        for file in /var/cache/dnf/*_lock.pid /var/lib/dnf/*_lock.pid; do
            process=/proc/$(cat "$file" 2> /dev/null)
            if [ -e "$process/comm" ]; then
                holding rpm "$process"
                return
            fi
        done
        holder_of rpm "$(rpm --eval '%{_dbpath}')/.rpm.lock"
        ;;
    esac | head -n 1
}

# By its open files: whoever opens one of these lock files locks it.
holder_of() { # WHAT FILE…
    what=$1
    shift
    for process in /proc/[0-9]*; do
        for opened in "$process"/fd/*; do
            for file; do
                # shellcheck disable=SC3013 # -ef is in dash and busybox, and in POSIX since 2024
                if [ "$opened" -ef "$file" ]; then
                    holding "$what" "$process"
                    return
                fi
            done
        done
    done
}

holding() { # WHAT PROCESS, in /proc
    echo "$(cat "$2/comm") (process ${2#/proc/}) holds the lock of $1"
}
