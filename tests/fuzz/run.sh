#!/usr/bin/env bash
# run.sh RUSTFLAGS SECONDS [TARGET...]: fuzzes each target so long; finds go to target/fuzz/<target>/
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
flags=$1 seconds=$2
shift 2
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS=$flags cargo build --release --locked --manifest-path tests/fuzz/libfuzzer/Cargo.toml \
    --target "$host" --target-dir target/libfuzzer
if [ $# = 0 ]; then
    set -- $(ls tests/fuzz/corpus)
fi
for target; do
    found=target/fuzz/$target
    mkdir -p "$found/corpus"
    echo "== $target, $seconds s"
    HOSTOUT_FUZZ=$target "target/libfuzzer/$host/release/fuzz" -max_total_time="$seconds" -rss_limit_mb=3000 \
        -malloc_limit_mb=2000 -timeout=20 -verbosity=0 -print_final_stats=1 -artifact_prefix="$found/" \
        "$found/corpus" "tests/fuzz/corpus/$target"
done
