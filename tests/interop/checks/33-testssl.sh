# testssl.sh against our server: versions, and its list of ciphers.
"$here/server-up.sh" "$W" server

text=$(timeout 120 testssl --quiet --color 0 --warnings off -p -s -f -S --ip 127.0.0.2 -t xmpp --xmpphost a.test a.test:5222 2>&1 || true)
expect "testssl: TLS 1.3" 'TLS 1\.3 +offered \(OK\)' "$text"
expect "testssl: TLS 1.2" 'TLS 1\.2 +offered \(OK\)' "$text"
for version in SSLv2 SSLv3 'TLS 1 ' 'TLS 1\.1'; do expect "testssl: no $version" "$version +not offered" "$text"; done
expect "testssl: no NULL ciphers" 'NULL ciphers \(no encryption\) +not offered \(OK\)' "$text"
expect "testssl: forward secrecy" 'PFS is offered \(OK\)|FS is offered \(OK\)' "$text"
