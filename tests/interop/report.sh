# Sourced by the checks: one line per check, and a count at the end.
#
# TALLY is a file with one letter per check, so that the count survives subshells and scripts that call
# scripts. Only the outermost prints the count.

if [ -z "${TALLY:-}" ]; then
  TALLY=$(mktemp)
  export TALLY
  outermost=1
fi

ok() { echo "ok $1"; echo p >> "$TALLY"; }

# fail NAME WHY
fail() { echo "FAIL $1: $(tail -c 600 <<< "$2" | tr '\n\r\t' '   ' | tr -s ' ')"; echo f >> "$TALLY"; }

# expect NAME PATTERN TEXT: TEXT must match the extended regular expression, letter case aside
expect() { if grep -qaiE -- "$2" <<< "$3"; then ok "$1"; else fail "$1" "no /$2/ in: $3"; fi; }

# expect_status NAME STATUS PATTERN COMMAND...: the exit status and a pattern in the output, both streams
expect_status() {
  local name=$1 status=$2 pattern=$3 text got=0
  shift 3
  text=$(timeout 30 "$@" 2>&1 </dev/null) || got=$?
  if [ "$got" != "$status" ]; then
    fail "$name" "exit status $got, not $status: $text"
  else
    expect "$name" "$pattern" "$text"
  fi
}

passed() { grep -c p "$TALLY" || true; }
failed() { grep -c f "$TALLY" || true; }

# summary: the closing line; fails if a check failed or none ran
summary() {
  [ -z "${outermost:-}" ] || echo "$(passed) passed, $(failed) failed"
  [ "$(failed)" = 0 ] && [ "$(passed)" != 0 ]
}
