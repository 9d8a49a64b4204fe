#!/usr/bin/env bash
# benches/instructions.sh [SUBJECT...]
#
# Counts the instructions of one run of each subject of benches/starttls.rs, both sides together, under
# valgrind: what 11 runs take less what one takes, by 10. Starting up and making certificates cancel out.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is missing" >&2; exit 2; }
[ $# -gt 0 ] || set -- exchange handshake session session-direct
binary=$(cargo bench --bench starttls --no-run --message-format=json |
  sed -n 's/.*"name":"starttls".*"executable":"\([^"]*\)".*/\1/p' | tail -1)
instructions() { # SUBJECT COUNT
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" --only "$1" "$2" 2>&1 |
    sed -n 's/.*Collected : *//p'
}
for subject; do
  printf '%-16s %12d instructions\n' "$subject" \
    $((($(instructions "$subject" 11) - $(instructions "$subject" 1)) / 10))
done
