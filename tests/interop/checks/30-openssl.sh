# openssl s_client against our server, up to the features after TLS.
"$here/server-up.sh" "$W" server

header="<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a.test' version='1.0'>"

# s_client OPTION...: handshake, a stream header, and what comes back within a second
s_client() {
  { printf '%s' "$header"; sleep 1; } | timeout 20 openssl s_client -servername a.test -CAfile "$W/certs/ca.crt" \
    -verify_return_error -verify_hostname a.test "$@" 2>&1
}

for version in 1.2 1.3; do
  text=$(s_client -tls${version/./_} -starttls xmpp -xmpphost a.test -connect 127.0.0.2:5222 || true)
  expect "openssl: TLS $version: STARTTLS: the certificate verifies" 'Verification: OK' "$text"
  expect "openssl: TLS $version: STARTTLS: protocol" "New, TLSv$version" "$text"
  expect "openssl: TLS $version: STARTTLS: features after TLS" '<mechanism>PLAIN</mechanism>' "$text"
  text=$(s_client -tls${version/./_} -alpn xmpp-client -connect 127.0.0.2:5223 || true)
  expect "openssl: TLS $version: direct TLS: features" '<mechanism>PLAIN</mechanism>' "$text"
  # Prosody takes any offer and chooses nothing
  [ "${STANDIN:-}" = 1 ] || expect "openssl: TLS $version: direct TLS: ALPN" 'ALPN protocol: xmpp-client' "$text"
done
for version in 1 1_1; do
  text=$(s_client -tls$version -cipher ALL:@SECLEVEL=0 -starttls xmpp -xmpphost a.test -connect 127.0.0.2:5222 || true)
  expect "openssl: TLS ${version/_/.} is refused" 'Cipher is \(NONE\)' "$text"
done
