# The stage's directory

check_folders() {
    text="$path for $build"
    if [ -e "$path" ] && [ ! -d "$path" ]; then
        text="$path is no directory"
        remedy='name another path for the stage'
        return 2
    fi
    if [ -d "$path" ]; then
        owner=$(owner_of "$path")
        if [ "$owner" != "$build" ] && [ -n "$(ls -A "$path")" ]; then
            text="$path belongs to $owner, and is not empty"
            remedy='name another path for the stage, or empty it'
            return 2
        fi
        [ "$owner" = "$build" ] || return 1
    else
        above=$path
        while [ ! -e "$above" ]; do above=$(dirname "$above"); done
        if ! { [ -d "$above" ] && probe "$above"; }; then
            text="$above cannot be written, so that $path cannot be made"
            remedy='name another path for the stage'
            return 2
        fi
        return 1
    fi
    [ -z "$runtime" ] && return 0
    [ "$(mode_of "$path/shared")" = drwxr-s--- ] && [ "$(mode_of "$path/backups")" = drwxrws--- ]
}

do_folders() {
    mkdir -p "$path" && chown "$build:" "$path" && chmod 755 "$path" || return 1
    [ -n "$runtime" ] || return 0
    mkdir -p "$path/shared" "$path/backups" || return 1
    chown "$build:$runtime" "$path/shared" "$path/backups" && chmod 2750 "$path/shared" && chmod 2770 "$path/backups"
}

# What survives releases, given to the runtime user. What runs is stopped before, by whom it was started, and runs on
# afterwards as the other user.

check_data() {
    text="$path/shared for $runtime"
    [ -n "$runtime" ] || return 0
    holds "$path/.hostout/runtime" "$runtime"
}

do_data() {
    agent=$path/.hostout/agent
    runs=false
    if [ -e "$agent" ] && [ -e "$path/current" ]; then
        runs=true
        # shellcheck disable=SC2016 # the inner shell's words
        as_user "$build" 'exec "$0" -I "$1" --path "$2" halt < /dev/null' "$python" "$agent" "$path" || return 1
    fi
    for folder in $shared; do
        mkdir -p "$path/shared/$folder" || return 1
        chown -R "$runtime:$runtime" "$path/shared/$folder" && chmod 2770 "$path/shared/$folder" || return 1
    done
    chgrp -R "$runtime" "$path/shared" || return 1
    find "$path/shared" -user "$build" -type f -exec chmod 640 {} + || return 1
    for backup in "$path"/backups/*; do
        [ ! -d "$backup" ] || chown -R "$runtime:$runtime" "$backup" || return 1
    done
    mkdir -p "$path/.hostout" && chown "$build:" "$path/.hostout" || return 1
    write "$path/.hostout/runtime" "$runtime" 644 && chown "$build:" "$path/.hostout/runtime" || return 1
    if $runs; then
        # shellcheck disable=SC2016
        as_user "$build" 'exec "$0" -I "$1" --path "$2" boot < /dev/null' "$python" "$agent" "$path" || return 1
    fi
}
