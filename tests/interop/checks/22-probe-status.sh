# The exit statuses of the probe that need no peer.
. "$here/probe.sh"

probe "probe: nobody listens" 5 'refused|unreachable|connect' --connect 127.0.0.9:5222
probe "probe: unknown option" 2 "invalid option '--no-such-option'" --no-such-option
expect_status "probe: without arguments it shows itself" 0 'refused|does not match|not valid' "$PROBE"

"$here/prosody-up.sh" "$W" peer 127.0.0.2 a.test
json=$("$PROBE" a.test --ca "$W/certs/ca.crt" --connect 127.0.0.2:5222 --json) || true
expect "probe: --json is JSON with the TLS version in it" 'tls' "$(jq -c . <<< "$json" 2>&1)"
