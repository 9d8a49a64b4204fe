# The client examples against a Prosody and against our own server. They trust the system's anchors, which
# are those of SSL_CERT_FILE, and connect to the domain's own address.
"$here/dns-up.sh" "$W" "${DNS_PORT:-5353}"

clients() {
  local example
  for example in client_tokio client_blocking; do
    SSL_CERT_FILE=$W/certs/ca.crt SSL_CERT_DIR=/nonexistent expect_status "$example against $1" 0 'PLAIN' \
      "$here/with-hosts.sh" "$W" "$EXAMPLES/$example" a.test
    SSL_CERT_FILE=$W/certs/otherca.crt SSL_CERT_DIR=/nonexistent expect_status "$example against $1: another CA" 1 'issuer|trust' \
      "$here/with-hosts.sh" "$W" "$EXAMPLES/$example" a.test
  done
}
"$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
clients prosody
"$here/prosody-up.sh" "$W" peer stop
"$here/server-up.sh" "$W" server
clients "our server"
