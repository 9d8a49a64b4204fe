# @xmpp/client (Node's TLS) against our server: a login and a ping.
"$here/server-up.sh" "$W" server
[ -f "$W/dns/zone" ] || "$here/dns-up.sh" "$W" "${DNS_PORT:-5353}"

for service in xmpp://a.test:5222 xmpps://a.test:5223; do
  text=$(NODE_EXTRA_CA_CERTS=$W/certs/ca.crt timeout 30 "$here/with-hosts.sh" "$W" \
    node "$here/client_node.mjs" "$W/node_modules" $service a.test alice secret 2>&1 || true)
  expect "@xmpp/client: ${service%%:*}: ping" '"pong":"a\.test"' "$text"
  expect "@xmpp/client: ${service%%:*}: inside TLS" '"tls":"TLSv1\.[23]"' "$text"
done
