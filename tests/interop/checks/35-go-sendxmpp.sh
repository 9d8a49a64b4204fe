# go-sendxmpp (Go's TLS) against our server: sends a message to a session of slixmpp.
"$here/server-up.sh" "$W" server
[ -f "$W/dns/zone" ] || "$here/dns-up.sh" "$W" "${DNS_PORT:-5353}"

for how in STARTTLS direct; do
  option=(-j a.test:5222)
  [ $how = STARTTLS ] || option=(-t -j a.test:5223)
  "$W/venv/bin/python" "$here/client.py" --host 127.0.0.2 --ca "$W/certs/ca.crt" --jid bob@a.test wait 5 > "$W/bob.out" 2>&1 &
  bob=$!
  sleep 2
  status=0
  # Go asks the C library, and so the zone, only when told to.
  text=$(echo "hello from go" | GODEBUG=netdns=cgo SSL_CERT_FILE=$W/certs/ca.crt timeout 20 "$here/with-hosts.sh" "$W" \
    go-sendxmpp -d -u alice@a.test -p secret "${option[@]}" bob@a.test 2>&1) || status=$?
  expect "go-sendxmpp: $how: exit status" '^0' "$status: $text"
  wait $bob || true
  expect "go-sendxmpp: $how: the message arrives" '"message": "hello from go' "$(cat "$W/bob.out")"
done
