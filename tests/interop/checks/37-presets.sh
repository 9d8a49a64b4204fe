# sslscan against our server under each preset: the suites are exactly those that the manual lists for a server with
# this key, and all of them are forward secret.
[ -f "$W/dns/zone" ] || "$here/dns-up.sh" "$W" "${DNS_PORT:-5353}"
manual=$here/../../src/manual/defaults.rs
key=$(openssl x509 -in "$W/certs/a.test/good.crt" -noout -text | grep -q 'id-ecPublicKey' && echo ECDSA || echo RSA)
other=$([ "$key" = RSA ] && echo ECDSA || echo RSA)

# documented COLUMN: the names of the rows that say yes there, without suites for the other kind of key
documented() {
  awk -F' *[|] *' -v column="$1" '/^\/\/! \| 0x[0-9a-f]+ \| `TLS_/ && $column == "yes" { gsub("`", "", $3); print $3 }' "$manual" |
    grep -v "_${other}_" | sort
}
for preset in default:5 modern:4; do
  policy=${preset%:*}
  POLICY=$policy "$here/server-up.sh" "$W" server
  text=$(timeout 60 "$here/with-hosts.sh" "$W" sslscan --no-colour --starttls-xmpp a.test:5222 2>&1 || true)
  # sslscan has the names of OpenSSL, the manual those of IANA
  scanned=$(awk 'NR == FNR { iana[$3] = $1; next } $1 == "Preferred" || $1 == "Accepted" { print iana[$5] ? iana[$5] : $5 }' \
    <(openssl ciphers -stdname 'ALL:COMPLEMENTOFALL') - <<<"$text" | sort -u)
  if [ -n "$scanned" ] && [ "$scanned" = "$(documented "${preset#*:}")" ]; then
    ok "sslscan: exactly the suites of $policy"
  else
    fail "sslscan: exactly the suites of $policy" "$(diff <(documented "${preset#*:}") <(echo "$scanned") | tr '\n' ' ')"
  fi
  if grep -qvE '^(TLS_ECDHE_|TLS_(AES|CHACHA20)_)' <<<"$scanned"; then
    fail "sslscan: $policy is forward secret" "$scanned"
  else
    ok "sslscan: $policy is forward secret"
  fi
  "$here/server-up.sh" "$W" server stop
done
