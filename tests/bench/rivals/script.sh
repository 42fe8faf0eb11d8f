#!/bin/sh
# A deployment as a person writes it: script.sh CONFIG SOURCE PATH RELEASE HOST…, with ssh's configuration, the files, the
# site's folder on the hosts, and what the release is called. All hosts at the same time; the last line counts them.
set -eu
config=$1 source=$2 path=$3 release=$4
shift 4

deploy() {
    host=$1 new=$path/releases/$release
    on() { ssh -F "$config" "$host" "$1"; }
    on "mkdir -p $new $path/shared/var"
    rsync -a -e "ssh -F $config" "$source/" "$host:$new/"
    on "cd $new && ln -sfn $path/shared/var var && build"
    on "ln -sfn releases/$release $path/next && mv -T $path/next $path/current && restart"
    on "probe && cd $path/releases && ls -t | tail -n +6 | xargs -r rm -rf"
}

processes=
for host; do
    deploy "$host" &
    processes="$processes $!"
done
for process in $processes; do wait "$process"; done
