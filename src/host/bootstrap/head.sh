# Makes a bare server a host of a stage: POSIX sh, for dash and busybox, because there may be no python yet.
# In parts, which `bootstrap.rs` joins in this order: head, words, packages, users, folders, services, harden, main.
#
#   check STEPS NAME=VALUE…   says of each step whether it is done; changes nothing
#   apply STEPS NAME=VALUE…   does the steps that are not done, in their order
#
# It runs as root, as the input of `sh -s -- VERB`: a line that sets the other words comes before it (`Wanted::script`), so
# that no login shell has to read them. It is given data and never code: users, the path, and the texts of files as they are written
# (`Wanted` in bootstrap.rs says what each is). What it says are lines of fields, a tab between them:
#
#   script begins                     before which a login shell may have said anything
#   fact NAME VALUE
#   step NAME have|todo|no TEXT [REMEDY]      in `check`; `no` = it must not be done
#   begin NAME TEXT, done NAME, fail NAME TEXT [REMEDY], wait TEXT      in `apply`
#   end ok|failed
#
# A step is a function check_STEP, which returns 0 when it is done, 1 when it is to be done and 2 when it must not be, with
# what is (to be) done in $text; and a function do_STEP. Every step can be cut off anywhere, and is done again.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
DEBIAN_FRONTEND=noninteractive
export PATH LC_ALL DEBIAN_FRONTEND
umask 022

verb=$1
steps=$2
shift 2
build='' runtime='' path='' python=python3 key='' shared='' name='' unit='' openrc='' cron='' sudoers='' rotate='' by=''
libraries='' patience=900 keyname='' trust='' introduction='' replaces='' moved='' admin=''
for word; do
    value=${word#*=}
    case $word in
    build=*) build=$value ;;
    runtime=*) runtime=$value ;;
    path=*) path=$value ;;
    python=*) python=$value ;;
    key=*) key=$value ;;
    shared=*) shared=$value ;;
    name=*) name=$value ;;
    unit=*) unit=$value ;;
    openrc=*) openrc=$value ;;
    cron=*) cron=$value ;;
    sudoers=*) sudoers=$value ;;
    rotate=*) rotate=$value ;;
    libraries=*) libraries=$value ;;
    by=*) by=$value ;;
    keyname=*) keyname=$value ;;
    trust=*) trust=$value ;;
    introduction=*) introduction=$value ;;
    replaces=*) replaces=$value ;;
    moved=*) moved=$value ;;
    admin=*) admin=$value ;;
    patience=*) patience=$value ;; # seconds, for the lock of dpkg or rpm
    esac
done
text='' remedy='' missing='' halted=''
