# sslscan against our server: which versions it speaks.
"$here/server-up.sh" "$W" server
[ -f "$W/dns/zone" ] || "$here/dns-up.sh" "$W" "${DNS_PORT:-5353}"

text=$(timeout 60 "$here/with-hosts.sh" "$W" sslscan --no-colour --starttls-xmpp a.test:5222 2>&1 || true)
for version in TLSv1.2 TLSv1.3; do expect "sslscan: $version" "$version +enabled" "$text"; done
for version in SSLv2 SSLv3 TLSv1.0 TLSv1.1; do expect "sslscan: no $version" "$version +disabled" "$text"; done
expect "sslscan: it sees the certificate" 'Altnames:.*DNS:a\.test' "$text"
