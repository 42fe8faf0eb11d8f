# Users: one builds, one runs; the second may write only what survives releases

check_group() {
    text="group $runtime"
    [ -n "$runtime" ] || return 0
    if is_powerful "$runtime"; then
        text="group $runtime has rights of root, or to what others keep secret, and services must have neither"
        remedy='name another runtime-user in hostout.toml'
        return 2
    fi
    [ -n "$(entry group "$runtime" 3)" ]
}

do_group() {
    if has groupadd; then groupadd --system "$runtime"; else addgroup -S "$runtime"; fi
}

check_build() {
    check_login "$build" || return $?
    text="user $build, who deploys"
    if [ -z "$(home_of "$build")" ]; then
        ! number_before > /dev/null || text="$text, again with the number $(number_before), which has $path"
        return 1
    fi
    if is_locked "$build"; then
        text="user $build, who deploys, locked no more"
        return 1
    fi
    if has_expired "$build"; then
        text="user $build, who deploys, whose password expires no more"
        return 1
    fi
    [ -z "$runtime" ] || is_in_group "$build" "$runtime" || {
        text="user $build, who deploys, into group $runtime"
        return 1
    }
}

# The number by which whoever deploys has the path, where root has made it for a project, and nobody has that number any more.
number_before() {
    [ -z "$(home_of "$build")" ] && [ -f "$trust" ] && [ "$(owner_of "$path")" = UNKNOWN ] && number_of "$path"
}

# A user who is there must be able to log in; one who is not needs a home.
check_login() { # USER
    home=$(home_of "$1")
    if is_root "$1"; then
        text="user $1 has root's number, 0"
        remedy='name another user in hosts of hostout.toml'
        return 2
    fi
    if [ -z "$home" ]; then
        if is_powerful "$1"; then
            text="user $1 would be made with group $1, which has rights of root, or to what others keep secret"
            remedy='name another user in hosts of hostout.toml'
            return 2
        fi
        if [ -d /home ] && ! probe /home; then
            text="/home cannot be written, so that $1 can have no home there"
            remedy='mount it for writing, or name a user who is there in hosts of hostout.toml'
            return 2
        fi
        return 0
    fi
    case $(entry passwd "$1" 7) in
    */nologin | */false | */true)
        text="user $1 is there, and may not log in: the shell is $(entry passwd "$1" 7)"
        remedy='name another user in hosts of hostout.toml'
        return 2
        ;;
    esac
    if [ -e "$home" ] && [ "$(owner_of "$home")" != "$1" ]; then
        text="the home of $1, $home, belongs to $(owner_of "$home")"
        remedy='name another user in hosts of hostout.toml, or give it back'
        return 2
    fi
    if is_locked "$1" && [ -n "$(shadow "$1" 2 | tr -d '!*')" ]; then
        text="user $1 is there, and locked by somebody"
        remedy="unlock it there: passwd -u $1; or name another user in hosts of hostout.toml"
        return 2
    fi
    if has_expired "$1"; then
        case $(shadow "$1" 2) in
        '!'* | '*'*) has chage && return 0 ;;
        esac
        text="the password of $1 has expired, so that nobody gets in as them"
        remedy="change it there: passwd $1; where only keys are used: chage -d -1 -M -1 $1"
        return 2
    fi
}

# Whether a password has to be changed before anything else, also where there is none that anybody could type.
has_expired() { # USER
    changed=$(shadow "$1" 3) most=$(shadow "$1" 5)
    [ -n "$changed" ] || return 1
    [ "$changed" = 0 ] || { [ "${most:--1}" -ge 0 ] && [ $((changed + most)) -lt $(($(date +%s) / 86400)) ]; }
}

# Whether sshd lets nobody in who is this user: without PAM it doesn't when they are locked, with a key neither. So are those
# whom `adduser -D` or useradd made, before a password is set.
is_locked() { # USER
    case $(shadow "$1" 2) in
    '!'*) ;;
    *) return 1 ;;
    esac
    settings=$(sshd_settings) || return 1
    case $settings in
    *'usepam yes'*) return 1 ;;
    esac
}

# The NUMBERth field of a user's line in shadow(5): 2 is the password, 3 when it was changed, 5 how long it is good.
shadow() { # USER NUMBER
    entry shadow "$1" "$2"
}

# root may write everywhere but where the file system says no.
probe() { # FOLDER
    [ -w "$1" ]
}

do_build() {
    if [ -z "$(home_of "$build")" ]; then
        # a group of that name is what would be made; where there is one, it is that
        own=''
        [ -z "$(entry group "$build" 3)" ] || own=yes
        number=$(number_before)
        if has useradd; then
            useradd --create-home --shell "$([ -x /bin/bash ] && echo /bin/bash || echo /bin/sh)" \
                ${number:+-u "$number"} ${own:+-g "$build"} "$build" || return 1
        else
            adduser -D -s /bin/sh ${number:+-u "$number"} ${own:+-G "$build"} "$build" || return 1
        fi
        printf '%s:*\n' "$build" | chpasswd -e || return 1 # no password, and not locked
    fi
    ! is_locked "$build" || printf '%s:*\n' "$build" | chpasswd -e || return 1
    ! has_expired "$build" || chage -d -1 -M -1 "$build" || return 1
    if [ ! -d "$(home_of "$build")" ]; then
        mkdir -p "$(home_of "$build")" && chown "$build:" "$(home_of "$build")" || return 1
    fi
    [ -z "$runtime" ] || is_in_group "$build" "$runtime" || add_to_group "$build" "$runtime"
}

add_to_group() { # USER GROUP
    if has usermod; then usermod -a -G "$2" "$1"; else addgroup "$1" "$2"; fi
}

check_runtime() {
    text="user $runtime, whom services run as"
    [ -n "$runtime" ] || return 0
    # the line of sudoers would let whoever deploys do anything as them
    if is_root "$runtime"; then
        text="user $runtime, whom services would run as, has root's number, 0"
        remedy='name another runtime-user in hostout.toml'
        return 2
    fi
    ! is_taken || return 2
    [ -n "$(home_of "$runtime")" ] || return 1
    is_in_group "$runtime" "$runtime"
}

# Whether services of another stage or project run as the runtime user: whoever deploys one could do anything to the other.
# $sharing are stages of the same project that the same user deploys, who gets no more rights by it.
is_taken() {
    sharing=''
    for file in /etc/sudoers.d/git-hostout-*; do
        other=${file##*/}
        case $other in
        "$name" | *.draft) continue ;;
        esac
        deployer=$(deployer_in "$file")
        [ -n "$deployer" ] || continue
        place=$(place_of "$other")
        if [ "$deployer" = "$build" ] && [ "$(project_at "$place")" = "${introduction% *}" ]; then
            sharing="$sharing $other"
            continue
        fi
        text="user $runtime, whom services would run as, is another one's there: $file lets $deployer do anything as them"
        [ -z "$place" ] || text="$text, for what is at $place"
        remedy="name one of its own for this stage: runtime-user = \"$(own_runtime)\"; where that other one is gone for good, \
remove $file there"
        return 0
    done
    return 1
}

# Who may do anything as the runtime user by a file of sudoers that we made
deployer_in() { # FILE
    # shellcheck disable=SC2016 # awk's words
    awk -v "line=ALL=($runtime:$runtime) NOPASSWD: ALL" '$2 " " $3 " " $4 == line { print $1; exit }' "$1" 2> /dev/null
}

# A name for this stage's alone, no longer than such names may be
own_runtime() {
    printf %s "${name#git-hostout-}" | tr '[:upper:]' '[:lower:]' | cut -c 1-28 | sed 's/-*$/-run/'
}

# Whether the runtime user is there and nothing says that it is ours: neither sudoers, nor the home that we give.
is_strange() {
    [ -n "$(home_of "$runtime")" ] && [ "$(home_of "$runtime")" != "$path/shared" ] &&
        [ -z "$(deployer_in "/etc/sudoers.d/$name")$sharing" ]
}

do_runtime() {
    if [ -z "$(home_of "$runtime")" ]; then
        if has useradd; then
            useradd --system --no-create-home --home-dir "$path/shared" --shell "$(nologin)" -g "$runtime" "$runtime"
        else
            adduser -S -D -H -h "$path/shared" -s "$(nologin)" -G "$runtime" "$runtime"
        fi || return 1
    fi
    is_in_group "$runtime" "$runtime" || add_to_group "$runtime" "$runtime"
}

nologin() {
    for shell in /usr/sbin/nologin /sbin/nologin /bin/false; do
        [ ! -x "$shell" ] || break
    done
    echo "$shell"
}

# The key with which deploys log in. What is below a home is that user's, links too: only they themselves write there, so
# that root follows no link to what is not theirs.

check_key() {
    text="key $keyname for $build"
    [ -n "$key" ] || return 0
    home=$(home_of "$build")
    [ -n "$home" ] || return 1
    for place in "$home/.ssh" "$home/.ssh/authorized_keys"; do
        [ -e "$place" ] || [ -L "$place" ] || return 1
        owner=$(owner_of "$place")
        if [ "$owner" != "$build" ]; then
            text="$place belongs to $owner, and not to $build"
            [ ! -L "$place" ] || text="$place is a link to what does not belong to $build"
            remedy="give it to $build or remove it there; the same command goes on"
            return 2
        fi
    done
    # sshd(8): options may come before type and key, and what is behind a # is no line
    # shellcheck disable=SC2016 # awk's words
    awk -v "key=$key" 'BEGIN { split(key, want, " ") }
        /^[ \t]*#/ { next }
        { for (i = 2; i <= NF; i++) if ($i == want[2] && $(i - 1) == want[1]) found = 1 }
        END { exit !found }' "$home/.ssh/authorized_keys" 2> /dev/null || return 1
}

do_key() {
    # shellcheck disable=SC2016 # the inner shell's words
    as_user "$build" 'umask 077
        cd "$1" && mkdir -p .ssh && chmod 700 .ssh && cd .ssh || exit 1
        file=authorized_keys before=""
        [ ! -e $file ] || before=$(cat $file) || exit 1
        rm -f $file.new~ && printf "%s\n" ${before:+"$before"} "$2" > $file.new~ && mv -f $file.new~ $file || exit 1
        if command -v restorecon > /dev/null; then restorecon -R .; fi' "$(home_of "$build")" "$key"
}
