#!/bin/bash
# run.sh WORKDIR [CHECK...]
#
# Runs the interoperability checks: all files in checks/, or those named (such as 30-openssl). Needs
# what install.sh installs in WORKDIR, and the examples:
#
#   cargo build --release --examples
#
# One line per check, "ok NAME" or "FAIL NAME: why", and at the end "N passed, M failed".
#
# Environment:
#   PROBE=FILE SERVER=FILE   the programs under test, default target/release/examples/{probe,server_tokio}
#   STANDIN=1                a Prosody in the place of our server: checks the checks
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/report.sh"
[ $# -ge 1 ] || usage "$0"
W=$(absolute "$1")
shift
examples=${CARGO_TARGET_DIR:-$here/../../target}/release/examples
export here W EXAMPLES=$examples PROBE=${PROBE:-$examples/probe} SERVER=${SERVER:-$examples/server_tokio}
[ $# -gt 0 ] || for f in "$here"/checks/*.sh; do set -- "$@" "$(basename "$f" .sh)"; done
trap '"$here/down.sh" "$W"; rm -f "$TALLY"' EXIT
"$here/certs.sh" "$W" a.test b.test c.test d.test j.test >/dev/null
for check in "$@"; do
  begin=$SECONDS
  # A check is a script of its own: what it breaks ends with it.
  bash -euo pipefail -c '. "$here/lib.sh"; . "$here/report.sh"; . "$0"' "$here/checks/$check.sh" >"$W/check.log" 2>&1 \
    || fail "$check" "ended early, with status $?: $(tail -5 "$W/check.log")" >>"$W/check.log"
  grep -aE '^(ok|FAIL) ' "$W/check.log" || true
  mv "$W/check.log" "$W/$check.log"
  "$here/down.sh" "$W"
  echo "   $check: $((SECONDS - begin)) s"
done
summary
