# Logging in by keys only: after it was proved that a key logs in

ours=/etc/ssh/sshd_config.d/00-git-hostout.conf
# of each keyword sshd takes the first value outside of blocks, and before it the first one in a block that matches
keys_only='PasswordAuthentication no
KbdInteractiveAuthentication no
Match all
    PasswordAuthentication no
    KbdInteractiveAuthentication no'

check_harden() {
    text='sshd takes keys only, no passwords'
    takes_passwords
    taken=$?
    if [ $taken = 2 ]; then
        text="sshd's settings cannot be read"
        remedy='leave --hardening out, and see to it by hand'
        return 2
    fi
    for block in $(blocks_with_passwords); do
        if [ "${block%/*}" = "${ours%/*}" ] && expr "${block##*/}" \< "${ours##*/}" > /dev/null; then
            text="$block lets passwords in, and counts more than what would be written"
            remedy='take that line out there, or leave --hardening out'
            return 2
        fi
        text="$text, also where $block lets them in"
        holds "$ours" "$keys_only" || taken=0
    done
    [ $taken = 1 ]
}

# Whether sshd takes passwords: of somebody, and of those who are root or become it, or deploy; 2 where it doesn't say.
takes_passwords() {
    settings=$(sshd_settings) || return 2
    for user in root "$admin" "$build"; do
        [ -z "$user" ] || settings="$settings $(sshd_settings -C "user=$user,host=there,addr=192.0.2.1")" || return 2
    done
    case $settings in
    *'passwordauthentication yes'* | *'kbdinteractiveauthentication yes'*) return 0 ;;
    esac
    return 1
}

# FILE:LINE of what lets passwords in for some users or addresses, in the order in which sshd reads it; the block of a file ends
# with it.
blocks_with_passwords() {
    for file in /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config; do
        [ ! -f "$file" ] || awk '{ sub(/=/, " "); key = tolower($1) }
            key == "match" { block = 1 }
            block && tolower($2) ~ /^"?yes"?$/ &&
                key ~ /^(password|kbdinteractive|challengeresponse)authentication$/ { print FILENAME ":" FNR }' "$file"
    done
}

sshd_settings() { # [-C WHO]
    for sshd in /usr/sbin/sshd /usr/local/sbin/sshd; do
        [ ! -x "$sshd" ] || exec_sshd=$sshd
    done
    mkdir -p /run/sshd && "${exec_sshd:-sshd}" -T "$@" 2> /dev/null
}

do_harden() {
    mkdir -p "${ours%/*}" && write "$ours" "$keys_only" 644 || return 1
    if check_harden; then
        reload_sshd && return
        rm -f "$ours" # else it would look as if sshd went by it
        return 1
    fi
    rm -f "$ours"
    echo "/etc/ssh/sshd_config does not include sshd_config.d, or says otherwise before"
    return 1
}

reload_sshd() {
    case $(service_manager) in
    systemd) systemctl reload ssh 2> /dev/null || systemctl reload sshd 2> /dev/null || hang_up_sshd ;;
    openrc) rc-service sshd reload 2> /dev/null || hang_up_sshd ;; # somebody else may have started it
    *) hang_up_sshd ;;
    esac
}

hang_up_sshd() {
    kill -HUP "$(cat /run/sshd.pid /var/run/sshd.pid 2> /dev/null | head -n 1)"
}
