# What is asked for

tell_facts() {
    # shellcheck disable=SC1091
    tell fact system "$(. /etc/os-release 2> /dev/null && echo "${PRETTY_NAME:-$ID}")"
    tell fact memory "$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)"
    tell fact services "$(service_manager)"
    powers=''
    for group in $(id -Gn "${runtime:-nobody}" 2> /dev/null); do
        ! is_powerful "$group" || powers="$powers $group"
    done
    [ -z "$powers" ] || tell fact powers "${powers# }"
    if [ -n "$runtime" ] && ! is_taken; then
        [ -z "$sharing" ] || tell fact sharing "${sharing# }"
        ! is_strange || tell fact strange "$runtime"
    fi
}

check_all() {
    tell_facts
    for step in $steps; do
        remedy='' text=''
        "check_$step"
        case $? in
        0) tell step "$step" have "$text" ;;
        1) tell step "$step" todo "$text" ;;
        *) tell step "$step" no "$text" "$remedy" ;;
        esac
    done
    tell end ok
}

do_all() {
    for step in $steps; do
        remedy='' text=''
        "check_$step"
        state=$?
        if [ $state = 2 ]; then
            tell fail "$step" "$text" "$remedy"
            tell end failed
            exit 1
        fi
        [ $state = 1 ] || continue
        tell begin "$step" "$text"
        # what it prints is told when it fails; its children don't keep our lock
        "do_$step" > "$scratch/said" 2>&1 9>&-
        state=$?
        said=$(tail -n 5 "$scratch/said")
        if [ $state = 0 ]; then
            # what was done may not have helped: a python from the newest package, too old all the same
            "check_$step"
            case $? in
            0)
                tell 'done' "$step"
                continue
                ;;
            1) said=${said:-still to be done: $text} ;;
            *) said=$text ;;
            esac
        fi
        tell fail "$step" "$said" "$remedy"
        tell end failed
        exit 1
    done
    tell end ok
}

# One at a time: the lock goes with whoever holds it, killed or not.
with_lock() {
    folder=/run
    [ -d "$folder" ] || folder=/var/run
    lock=$folder/git-hostout-bootstrap.lock
    exec 9>> "$lock"
    if ! flock -n 9; then
        tell wait "$(cat "$lock") bootstraps this host"
        flock 9
    fi
    printf '%s\n' "$by" > "$lock"
    "$@"
}

main() {
    exec 3>&1
    echo # ends what a login shell may have said
    tell script begins
    case $verb in
    check) check_all ;;
    apply)
        scratch=$(mktemp -d) || exit 1
        trap 'rm -rf "$scratch"' EXIT
        with_lock do_all
        ;;
    esac
}

# This script may come by standard input: nobody else reads from it, and nothing is done before all of it is there.
main < /dev/null
