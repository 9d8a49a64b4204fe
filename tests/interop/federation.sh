# Sourced by the checks of federation: our server for b.test at 127.0.0.3, and a peer's user.
"$here/dns-up.sh" "$W" >/dev/null

# as USER@DOMAIN HOST ACTION...: what a user of the peer's sees
as() {
  local jid=$1 host=$2
  shift 2
  timeout 40 "$W/venv/bin/python" "$here/client.py" --jid "$jid" --host "$host" --insecure --timeout 20 "$@" 2>&1 | tail -1 || true
}

# order NAME LINE: our server of that name does it
order() { printf '%s\n' "$2" > "$W/$1/orders"; }

# logged CHECK NAME PATTERN [SECONDS]: our server of that name has said so, or will
logged() {
  local i
  for ((i = 0; i < ${4:-20} * 10; i++)); do
    if grep -qaE -- "$3" "$W/$2/federate.log"; then ok "$1"; return; fi
    sleep 0.1
  done
  fail "$1" "no /$3/ in: $(tail -5 "$W/$2/federate.log")"
}

# both_ways CHECK NAME DOMAIN HOST BY [TO_IT]: a peer at HOST that serves DOMAIN, and our server NAME for b.test: a
# ping from each to the other, a message there and back, and by what each proved itself; TO_IT: by what we did
both_ways() {
  local check=$1 name=$2 domain=$3 host=$4 by=$5 to_it=${6:-$5}
  expect "$check: a ping to us" '"pong": "b\.test"' "$(as "alice@$domain" "$host" ping b.test)"
  expect "$check: a message there and back" '"message": "hello there".*echo@b\.test' "$(as "alice@$domain" "$host" echo echo@b.test 'hello there')"
  order "$name" "ping $domain"
  logged "$check: our ping" "$name" "$domain says pong"
  logged "$check: the peer proved itself by $by" "$name" "authenticated $domain to b\.test, by $by"
  logged "$check: we proved ourselves by $to_it" "$name" "accepted b\.test to $domain, by $to_it"
}
