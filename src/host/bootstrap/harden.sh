# Logging in by keys only: after it was proved that a key logs in

check_harden() {
    text='sshd takes keys only, no passwords'
    settings=$(sshd_settings) || {
        text="sshd's settings cannot be read"
        remedy='leave --hardening out, and see to it by hand'
        return 2
    }
    case $settings in
    *'passwordauthentication yes'* | *'kbdinteractiveauthentication yes'*) return 1 ;;
    esac
}

sshd_settings() {
    for sshd in /usr/sbin/sshd /usr/local/sbin/sshd; do
        [ ! -x "$sshd" ] || exec_sshd=$sshd
    done
    mkdir -p /run/sshd && "${exec_sshd:-sshd}" -T 2> /dev/null
}

do_harden() {
    mkdir -p /etc/ssh/sshd_config.d || return 1
    # the first value that is set wins
    file=/etc/ssh/sshd_config.d/00-git-hostout.conf
    write "$file" 'PasswordAuthentication no
KbdInteractiveAuthentication no' 644 || return 1
    if check_harden; then
        reload_sshd && return
        rm -f "$file" # else it would look as if sshd went by it
        return 1
    fi
    rm -f "$file"
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
