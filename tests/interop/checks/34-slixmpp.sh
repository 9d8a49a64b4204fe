# slixmpp against our server: a login, a ping, a message between two sessions.
"$here/server-up.sh" "$W" server

client() { timeout 40 "$W/venv/bin/python" "$here/client.py" --host 127.0.0.2 --ca "$W/certs/ca.crt" "$@" 2>&1; }

for how in STARTTLS direct; do
  option=(--jid alice@a.test)
  [ $how = STARTTLS ] || option+=(--direct)
  text=$(client "${option[@]}" ping a.test || true)
  expect "slixmpp: $how: session inside TLS" '"session": "alice@a\.test.*"tls": "TLSv1\.[23]"' "$text"
  expect "slixmpp: $how: ping" '"pong": "a\.test"' "$text"
done
client --jid bob@a.test wait 5 > "$W/bob.out" &
bob=$!
sleep 2
client --jid alice@a.test send bob@a.test "hello bob" > /dev/null || true
wait $bob || true
expect "slixmpp: a message reaches the other session" '"message": "hello bob"' "$(cat "$W/bob.out")"
expect "slixmpp: a wrong password is refused" 'authentication failed' "$(client --jid alice@a.test --password wrong ping a.test || true)"
