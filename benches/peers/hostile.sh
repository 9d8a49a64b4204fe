#!/usr/bin/env bash
# benches/peers/hostile.sh [FAMILY...]
#
# Hostile input at N, 4N and 16N, in chunks of 64 and 4096 bytes, all limits lifted: instructions per
# byte by valgrind, which must stay within 1.3 times those at N.
set -euo pipefail
cd "$(dirname "$0")"
base=${BASE:-60000}
cargo build --release --quiet
program=target/release/xmpp-tls-bench-peers
[ $# -gt 0 ] || mapfile -t families < <($program families)
[ $# = 0 ] || families=("$@")
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null $program "$@" 2>&1 |
    sed -n 's/.*Collected : //p; s/^\([0-9]*\) bytes.*/\1/p' | tr '\n' ' '
}
passed=0 failed=0
for family in "${families[@]}"; do
  for chunk in 64 4096; do
    line="$family in $chunk:" worst=$(
      for times in 1 4 16; do
        read -r bytes made <<<"$(count hostile "$family" $((base * times)) 0)"
        read -r _ total <<<"$(count hostile "$family" $((base * times)) "$chunk")"
        awk -v n="$bytes" -v i="$((total - made))" 'BEGIN { printf "%.2f ", i / n }'
      done
    )
    if awk -v w="$worst" 'BEGIN { split(w, c, " "); exit !(c[2] <= 1.3 * c[1] && c[3] <= 1.3 * c[1]) }'; then
      echo "ok $line $worst"
      passed=$((passed + 1))
    else
      echo "FAIL $line $worst"
      failed=$((failed + 1))
    fi
  done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
