# The one thing that needs root afterwards: to run something as the runtime user

check_sudoers() {
    ! wants_terminal || case $sudoers in
    Defaults*) ;;
    ?*) sudoers="Defaults:$build !requiretty
$sudoers" ;;
    esac
    text="sudoers: $sudoers"
    [ -n "$sudoers" ] || return 0
    [ "$(mode_of "/etc/sudoers.d/$name")" = -r--r----- ] && holds "/etc/sudoers.d/$name" "$sudoers"
}

# Whether sudo wants a terminal of everybody, which nobody has who deploys.
wants_terminal() {
    grep -qs '^[[:blank:]]*Defaults.*[^!]requiretty' /etc/sudoers /etc/sudoers.d/*
}

do_sudoers() {
    mkdir -p /etc/sudoers.d || return 1
    # sudo reads no file there whose name has a dot in it
    draft=/etc/sudoers.d/$name.draft
    visudo -c > /dev/null 2>&1
    before=$? # what was wrong before is not ours to mend
    rm -f "$draft" && printf '%s\n' "$sudoers" > "$draft" && chmod 440 "$draft" || return 1
    if visudo -cf "$draft" && mv -f "$draft" "/etc/sudoers.d/$name" && { visudo -c || [ $before != 0 ]; }; then
        # shellcheck disable=SC2016
        said=$(as_user "$build" 'exec sudo -n -u "$1" true' "$runtime" 2>&1) && return 0
        echo "$said"
        case $said in
        *'must have a tty'*)
            echo "sudo wants a terminal of $build: Defaults requiretty stands behind what includes /etc/sudoers.d"
            remedy='move Defaults requiretty ahead of that line of /etc/sudoers, with visudo'
            ;;
        *) echo "sudo does not let $build run something as $runtime: does /etc/sudoers include /etc/sudoers.d?" ;;
        esac
    fi
    rm -f "$draft" "/etc/sudoers.d/$name"
    return 1
}

# The path that a file of ours is about; each is written in one of these ways.
path_in() {
    sed -n 's|^ConditionPathExists=\(.*\)/\.hostout/agent$|\1|p; s|.* --path \(.*\) boot.*|\1|p
        s|^"\([^"]*\)/shared/.*|\1|p' | sed 's/%%/%/g; s/\\%/%/g; q'
}

# Whether a file may be written: one of that name may be another project's, or another stage's, since a dash in one name is
# as good as one in the other. Of a path where nothing is any more nothing is lost.
is_free() { # FILE TEXT
    other=$({ path_in < "$1"; } 2> /dev/null) own=$(printf '%s\n' "$2" | path_in)
    if [ -z "$other" ] || [ "$other" = "$own" ] || [ ! -e "$other/.hostout" ]; then return 0; fi
    project=$(project_at "$other")
    if [ -n "$project" ] && [ "$project" != "${introduction% *}" ]; then
        text="$1 is of project $(short "$project") at $other, and this is $(short "${introduction:-not known}")"
        remedy='name this stage otherwise, or the project'
        [ -n "$introduction" ] || remedy="$remedy; where it is that one, git hostout init here first"
        return 1
    fi
    if [ -n "$moved" ]; then
        text="$text, and no more what is at $other"
        return 0
    fi
    text="$1 is of a stage at $other, and this one is at $path"
    remedy='where that is another project, name this stage otherwise; where this stage moved from there, add --moved'
    return 1
}

# Where the stage is that files of ours are named after; nothing where none says it
place_of() { # NAME
    for file_of in "/etc/systemd/system/$1.service" "/etc/local.d/$1.start" "/etc/cron.d/$1" "/etc/logrotate.d/$1"; do
        place=$({ path_in < "$file_of"; } 2> /dev/null)
        [ -z "$place" ] || break
    done
    printf %s "$place"
}

# The project that root lets deploy to a path; nothing where root has not said it
project_at() { # PATH
    digest=$(printf %s "${1%/}" | sha256sum | cut -c 1-16)
    sed -n '1s/ .*//p' "/etc/git-hostout/$digest" 2> /dev/null
}

# The files of a stage of another name that are about this path
files_of_others() {
    for file in /etc/systemd/system/git-hostout-*.service /etc/local.d/git-hostout-*.start /etc/cron.d/git-hostout-* \
        /etc/logrotate.d/git-hostout-*; do
        other=${file##*/} other=${other%.service}
        case ${other%.start} in
        "$name" | git-hostout-recover-* | *~) continue ;;
        esac
        [ "$({ path_in < "$file"; } 2> /dev/null)" != "$path" ] || printf ' %s' "$file"
    done
}

# Services at the machine's start

check_boot() {
    case $(service_manager) in
    systemd)
        text="$name.service: start what is live at boot"
        is_free "/etc/systemd/system/$name.service" "$unit" || return 2
        holds "/etc/systemd/system/$name.service" "$unit" &&
            [ -e "/etc/systemd/system/multi-user.target.wants/$name.service" ]
        ;;
    openrc)
        text="/etc/local.d/$name.start: start what is live at boot"
        is_free "/etc/local.d/$name.start" "$openrc" || return 2
        holds "/etc/local.d/$name.start" "$openrc" && [ -e /etc/runlevels/default/local ]
        ;;
    cron)
        text="/etc/cron.d/$name: start what is live at boot"
        is_free "/etc/cron.d/$name" "$cron" || return 2
        holds "/etc/cron.d/$name" "$cron"
        ;;
    *) text='nothing here starts services at boot: no systemd, OpenRC or cron' ;;
    esac
}

do_boot() {
    case $(service_manager) in
    systemd)
        write "/etc/systemd/system/$name.service" "$unit" 644 && systemctl daemon-reload &&
            systemctl enable "$name.service"
        ;;
    openrc)
        mkdir -p /etc/local.d && write "/etc/local.d/$name.start" "$openrc" 755 && rc-update add local default
        ;;
    cron) write "/etc/cron.d/$name" "$cron" 644 ;;
    esac
}

# Which project is believed at this path: root's word, which nobody else can write

check_trust() {
    project=${introduction% *}
    before=$(sed -n '1s/ .*//p' "$trust" 2> /dev/null)
    [ -n "$before" ] ||
        before=$(sed -n 's/^ "project": "\([0-9a-f]*\)",\{0,1\}$/\1/p' "$path/.hostout/trust/trust.json" 2> /dev/null | head -n 1)
    text="${trust%/*}: believe project $(short "$project") at $path"
    if [ -n "$before" ] && [ "$before" != "$project" ]; then
        if [ -z "$replaces" ]; then
            text="$path belongs to project $(short "$before"), and this is $(short "$project")"
            remedy='choose another path; where the ledger of that project is lost for good, add --new-trust'
            return 2
        fi
        text="$text, no more $(short "$before")"
    fi
    [ "$(mode_of "$trust")" = -rw-r--r-- ] && [ "$(owner_of "$trust")" = root ] && holds "$trust" "$introduction"
}

# As git shortens ids
short() {
    printf '%.12s' "$1"
}

do_trust() {
    folder=${trust%/*}
    mkdir -p "$folder" && chown root: "$folder" && chmod 755 "$folder" && write "$trust" "$introduction" 644
}

check_rotate() {
    text="/etc/logrotate.d/$name: rotate logs weekly"
    is_free "/etc/logrotate.d/$name" "$rotate" || return 2
    holds "/etc/logrotate.d/$name" "$rotate"
}

do_rotate() {
    mkdir -p /etc/logrotate.d && write "/etc/logrotate.d/$name" "$rotate" 644
}
