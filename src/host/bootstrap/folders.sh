# The stage's directory

check_folders() {
    text="$path for $build"
    others=$(files_of_others)
    if [ -n "$others" ]; then
        text="$path belongs to another stage, by$others"
        remedy="name another path for this one; where that stage is gone, or has this name now, remove its files there"
        return 2
    fi
    if { [ -e "$path" ] || [ -L "$path" ]; } && [ ! -d "$path" ]; then
        text="$path is no directory"
        remedy='name another path for the stage'
        return 2
    fi
    above=$path made=no
    while [ ! -e "$above" ]; do above=$(dirname "$above"); done
    follow
    state=$?
    cd /
    [ $state = 0 ] || return 2
    if [ -d "$path" ]; then
        owner=$(owner_of "$path")
        ! number_before > /dev/null || owner=$build # who is made before
        if [ "$owner" != "$build" ] && ! is_empty "$path"; then
            belongs_to_others
            return 2
        fi
        [ "$owner" != "$build" ] || made=yes
    elif ! { [ -d "$above" ] && probe "$above"; }; then
        text="$above cannot be written, so that $path cannot be made"
        remedy='name another path for the stage'
        return 2
    fi
    if is_noexec "$above"; then
        text="$path is on a file system that is mounted noexec: no program there can be run"
        remedy='mount it without noexec, or name another path for the stage'
        return 2
    fi
    [ -n "$runtime" ] || [ "$made" = yes ] || return 1
    [ -z "$runtime" ] && return 0
    for folder in "$path/shared" "$path/backups"; do
        [ -L "$folder" ] || continue
        text="$folder is a link"
        remedy='make it a folder there; a file system of its own can be mounted at it'
        return 2
    done
    check_way || return $?
    [ "$made" = yes ] && [ "$(mode_of "$path/shared")" = drwxr-s--- ] && [ "$(mode_of "$path/backups")" = drwxrws--- ]
}

# Whose the path is, and how it gets back to who deploys, where it was theirs: what is in it may be a whole site.
belongs_to_others() {
    from=$owner whose=$owner
    [ "$owner" != UNKNOWN ] || from=$(number_of "$path") whose="number $(number_of "$path"), who is no user there any more"
    text="$path belongs to $whose, and is not empty"
    remedy='name another path for the stage'
    ! is_of_system "$path" || return 0
    give="chown -hR --from=$from $build $path"
    if [ -z "$(home_of "$build")" ]; then
        [ "$owner" = UNKNOWN ] && give="useradd --create-home --uid $from $build" ||
            give="useradd --create-home $build && $give"
    fi
    remedy="where it is meant for this stage, give it to $build there: $give; else name another path for the stage"
}

# Whether no program can be run in a folder: the longest mount point above it says so (proc(5), mounts), the last one of
# several.
is_noexec() { # FOLDER
    folder=$(cd "$1" && pwd -P)/ awk '{ point = $2; gsub(/\\040/, " ", point); sub(/\/*$/, "/", point) }
        index(ENVIRON["folder"], point) == 1 && length(point) >= most { most = length(point); options = $4 }
        END { exit !("," options "," ~ /,noexec,/) }' /proc/mounts
}

# Goes from / down the path as far as it is there; $rest is what is not. Nobody can lead root elsewhere meanwhile: it goes by
# folders, and by links that only root may change. By other links only who deploys goes on, to what is theirs.
follow() {
    rest=$path theirs=''
    cd /
    while next_part && { [ -e "$next" ] || [ -L "$next" ]; }; do
        place=$(pwd -P)
        place=${place%/}/$next
        remedy='make it a folder there, or name another path for the stage'
        if [ -L "$next" ] && ! [ -d "$next" ]; then
            text="$place is a link to nowhere"
            return 2
        elif [ -L "$next" ] && ! only_root_may_change "$next"; then
            [ -d "$path" ] && owner=$(owner_of "$path") || owner=$(owner_of "$above")
            text="$place is a link that others may change, and leads to what belongs to $owner"
            [ "$owner" = "$build" ] && theirs=yes remedy='' && return 0
            return 2
        elif [ -L "$next" ]; then
            cd -P "./$next" || return 2
        elif ! go "$next"; then
            text="$place is no directory"
            return 2
        fi
        rest=${rest#"$next"}
    done
    remedy=''
    return 0
}

# The first name in $rest
next_part() {
    next=.
    while [ "$next" = . ]; do
        rest=${rest#"${rest%%[!/]*}"}
        next=${rest%%/*}
        [ "$next" != . ] || rest=${rest#.}
    done
    [ -n "$next" ]
}

only_root_may_change() { # LINK, in the folder one is in
    [ "$(stat -c %U "$1")" = root ] && is_roots_alone .
}

is_roots_alone() { # PATH, of no link
    [ "$(owner_of "$1")" = root ] || return 1
    case $(mode_of "$1") in
    ?????w* | ????????w*) return 1 ;;
    esac
}

# Into a folder that is one itself, and none that a link leads to.
go() { # NAME, in the folder one is in
    wanted=$(pwd -P)
    wanted=${wanted%/}/$1
    cd "./$1" && [ "$(pwd -P)" = "$wanted" ]
}

# A file system that was just made has a lost+found.
is_empty() { # FOLDER
    case $(ls -A "$1") in
    '' | lost+found) ;;
    *) return 1 ;;
    esac
}

is_of_system() { # FOLDER
    case $1/ in
    / | /bin/* | /boot/* | /dev/* | /etc/* | /lib*/* | /proc/* | /root/* | /run/* | /sbin/* | /sys/* | /usr/*) ;;
    /home/ | /media/ | /mnt/ | /opt/ | /srv/ | /tmp/ | /var/ | /var/lib/ | /var/log/ | /var/www/) ;;
    *) return 1 ;;
    esac
}

# Whether the runtime user gets to the path, or to the folder above it that is there. Of what is in the way, only the home
# of who deploys is opened, which is theirs.
check_way() {
    home=$(home_of "$build") opened=''
    if [ ! -d "${home:=/home/$build}" ]; then
        case $path/ in
        "$home"/*) text="$text, and $home open to $runtime (o+x)" ;;
        esac
    fi
    # shellcheck disable=SC2016 # the inner shell's words
    [ -z "$(home_of "$runtime")" ] || ! as_user "$runtime" 'cd "$1"' "$above" 2> /dev/null || return 0
    folder=$(cd "$above" && pwd -P) own=$(cd "$home" 2> /dev/null && pwd -P)
    if [ "$above" = "$path" ]; then
        case $(mode_of "$folder") in
        *[xt]) ;;
        *) made=no ;;
        esac
        folder=$(dirname "$folder")
    fi
    while [ "$folder" != / ]; do
        case $(mode_of "$folder") in
        *[xt]) ;;
        *)
            if [ "$folder" != "$own" ]; then
                text="$folder, on the way to $path, is closed to $runtime, whom services run as"
                remedy="let others through it there: chmod o+x $folder; or name another path for the stage"
                return 2
            fi
            opened=$folder
            text="$text, and $folder open to $runtime (o+x)"
            ;;
        esac
        folder=$(dirname "$folder")
    done
    [ -z "$opened" ] || made=no
}

do_folders() {
    (make_path) || return 1
    [ -n "$runtime" ] || return 0
    # shellcheck disable=SC2016 # the inner shell's words
    as_user "$build" '[ -z "$3" ] || chmod o+x "$3" || exit 1
        cd "$1" && mkdir -p shared backups && chgrp "$2" shared backups && chmod 2750 shared && chmod 2770 backups' \
        "$path" "$runtime" "$opened"
}

# Where it is theirs, who deploys makes it.
make_path() {
    follow || {
        echo "$text"
        return 1
    }
    if [ -n "$theirs" ] || [ "$(owner_of .)" = "$build" ]; then
        # shellcheck disable=SC2016 # the inner shell's words
        as_user "$build" 'mkdir -p "$1" && chmod 755 "$1"' "$path"
        return
    fi
    while next_part; do
        mkdir "$next" && go "$next" || return 1
        rest=${rest#"$next"}
    done
    is_empty . && chown "$build:" . && chmod 755 .
}

# Enters a folder below the path. What is there belongs to others, who may put a link into its place at any time: root
# touches nothing that one leads to.
enter() { # FOLDER
    cd "$path" || return 1
    if [ "$(owner_of .)" != "$build" ]; then
        echo "$path belongs to $(owner_of .), and not to $build"
        return 1
    fi
    place=$(pwd -P)/$1 && cd "$1" && [ "$(pwd -P)" = "$place" ] && return
    echo "$path/$1 is a link, or behind one"
    return 1
}

# What runs while its data changes hands, stopped before by whom it was started. `.hostout/halted` remembers it until it runs
# again, whatever comes in between.

is_live() {
    agent=$path/.hostout/agent
    [ -e "$agent" ] && [ -e "$path/current" ]
}

check_halt() {
    if [ -n "$halted" ] || check_data || ! is_live; then
        text="nothing is to be stopped at $path"
        return 0
    fi
    text="stop what is live at $path, until it starts again as $runtime"
    return 1
}

do_halt() {
    before=$(cat "$path/.hostout/runtime" 2> /dev/null)
    # An earlier run stopped it, and has given the line of sudoers to the new user: nobody has started it since.
    # shellcheck disable=SC2016 # the inner shell's words
    if [ ! -e "$path/.hostout/halted" ] || [ -z "$before" ] ||
        as_user "$build" 'exec sudo -n -u "$1" true' "$before" 2> /dev/null; then
        # shellcheck disable=SC2016
        as_user "$build" ': > "$4" && exec "$1" -I "$2" --path "$3" halt < /dev/null' "$python" "$agent" "$path" \
            "$path/.hostout/halted" || return 1
    fi
    halted=yes
}

check_start() {
    if [ ! -e "$path/.hostout/halted" ] && check_halt; then
        text="nothing is to be started at $path"
        return 0
    fi
    text="start what is live at $path as $runtime"
    return 1
}

do_start() {
    # shellcheck disable=SC2016 # the inner shell's words
    as_user "$build" '"$1" -I "$2" --path "$3" boot < /dev/null && rm -f "$4"' "$python" "$path/.hostout/agent" "$path" \
        "$path/.hostout/halted"
}

# Gives the folder one is in to the runtime user, and all that is in it. Others may move it about meanwhile: only what was
# opened is given, and no file of somebody else's that has another name, which may be anywhere.
give() {
    if [ -z "$(ls -A)" ]; then
        chown "$runtime:$runtime" .
        return
    fi
    interpreter=$(roots_python) || {
        echo 'there is no python3 that only root may change, which could give it away'
        return 1
    }
    "$interpreter" -I -c 'import errno, grp, os, pwd, stat, sys

giver, taker = (pwd.getpwnam(name).pw_uid for name in sys.argv[1:])
group = grp.getgrnam(sys.argv[2]).gr_gid


def give(opened):
    seen = os.fstat(opened)
    if stat.S_ISDIR(seen.st_mode) or seen.st_nlink == 1 or seen.st_uid in (giver, taker):
        os.fchown(opened, taker, group)


def fail(error):
    raise error


for _, _, names, folder in os.fwalk(".", onerror=fail):
    give(folder)
    for name in names:
        try:
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except OSError as error:
            # a link, a socket, or gone
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOENT):
                continue
            raise
        try:
            give(opened)
        finally:
            os.close(opened)' "$build" "$runtime"
}

roots_python() {
    for candidate in python3 "$python"; do
        interpreter=$(readlink -f "$(command -v "$candidate")")
        above=${interpreter:-nowhere}
        while is_roots_alone "$above"; do
            [ "$above" != / ] || {
                echo "$interpreter"
                return
            }
            above=$(dirname "$above")
        done
    done
    return 1
}

# What survives releases, given to the runtime user.

check_data() {
    text="$path/shared for $runtime"
    [ -n "$runtime" ] || return 0
    holds "$path/.hostout/runtime" "$runtime" || return 1
    # that user may have been removed, and made again with another number
    for folder in $shared; do
        case $(owner_of "$path/shared/$folder") in
        '' | "$runtime" | "$build") ;;
        *) return 1 ;;
        esac
    done
}

do_data() {
    for folder in $shared; do
        # shellcheck disable=SC2016
        as_user "$build" 'mkdir -p "$1"' "$path/shared/$folder" || return 1
        (enter "shared/$folder" && give && chmod 2770 .) || return 1
    done
    # shellcheck disable=SC2016
    as_user "$build" 'cd "$1" && find . ! -user "$2" -prune -o -exec chgrp -h "$3" {} + &&
        find . ! -user "$2" -prune -o -type f -exec chmod 640 {} +' "$path/shared" "$build" "$runtime" || return 1
    # shellcheck disable=SC2016
    (enter backups) && as_user "$build" 'cd "$1" && chgrp "$2" backups && chmod 2770 backups' "$path" "$runtime" || return 1
    (enter backups && for backup in *; do
        [ -L "$backup" ] || [ ! -d "$backup" ] || (go "$backup" && give) || exit 1
    done) || return 1
    # shellcheck disable=SC2016
    as_user "$build" 'mkdir -p "$1" && cd "$1" && rm -f runtime.new~ && printf "%s\n" "$2" > runtime.new~ &&
        chmod 644 runtime.new~ && mv -f runtime.new~ runtime' "$path/.hostout" "$runtime" || return 1
}
