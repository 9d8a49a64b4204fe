#!/usr/bin/env bash
# benches/peers/instructions.sh [CHUNK [PARSER...]]
#
# Instructions per byte by valgrind, which no other load on the machine changes.
set -euo pipefail
cd "$(dirname "$0")"
chunk=${1:-4096}
shift || true
[ $# -gt 0 ] || set -- decode read own rxml quick-xml expat tokio-xmpp
cargo build --release --quiet
count() {
  valgrind --tool=callgrind --callgrind-out-file="${OUT:-/dev/null}" target/release/xmpp-tls-bench-peers one "$1" "$chunk" 2>&1 |
    sed -n 's/.*Collected : //p; s/^\([0-9]*\) bytes.*/\1/p' | tr '\n' ' '
}
read -r bytes base <<<"$(count none)"
for parser in "$@"; do
  read -r _ total <<<"$(count "$parser")"
  awk -v p="$parser" -v c="$chunk" -v n="$bytes" -v i="$((total - base))" 'BEGIN { printf "%-12s %6d %7.1f\n", p, c, i / n }'
done
