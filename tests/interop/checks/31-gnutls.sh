# gnutls-cli against our server. It takes the domain from the host it connects to.
"$here/server-up.sh" "$W" server
[ -f "$W/dns/zone" ] || "$here/dns-up.sh" "$W" "${DNS_PORT:-5353}"

for version in 1.2 1.3; do
  text=$(timeout 20 "$here/with-hosts.sh" "$W" gnutls-cli --starttls-proto=xmpp --x509cafile="$W/certs/ca.crt" \
    --priority "NORMAL:-VERS-ALL:+VERS-TLS$version" -p 5222 a.test </dev/null 2>&1 || true)
  expect "gnutls: TLS $version: the certificate is trusted" 'Status: The certificate is trusted' "$text"
  expect "gnutls: TLS $version: handshake" "Description: \(TLS$version" "$text"
done
