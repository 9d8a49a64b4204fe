#!/usr/bin/env bash
# fuzz/run.sh SECONDS [TARGET...]
#
# Runs fuzz targets, all of them unless told otherwise, each for so many seconds. Needs cargo-fuzz
# ("cargo install cargo-fuzz --locked") and a C++ compiler; a stable toolchain will do.
#
# Inputs start from fuzz/seeds/TARGET, which is kept, and what is found new goes to fuzz/corpus/TARGET. An
# input that makes a target fail is left in fuzz/artifacts/TARGET: put it into a test.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ ${1:-} =~ ^[0-9]+$ ]] || { sed -n 's/^# \(fuzz\/run.sh.*\)/\1/p' "$0" >&2; exit 2; }
seconds=$1
shift
export RUSTC_BOOTSTRAP=1 # sanitizers are unstable options
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
[ $# = 0 ] || targets=("$@")
cargo fuzz build
passed=0 failed=0
for target in "${targets[@]}"; do
  corpus=fuzz/corpus/$target seeds=fuzz/seeds/$target log=fuzz/corpus/$target.log
  mkdir -p "$corpus" "$seeds"
  if cargo fuzz run "$target" "$corpus" "$seeds" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -max_len=20000 -dict=fuzz/xmpp.dict -print_final_stats=1 >"$log" 2>&1; then
    echo "ok fuzz $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
    passed=$((passed + 1))
  else
    tail -40 "$log"
    echo "FAIL fuzz $target: the input is in fuzz/artifacts/$target"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
