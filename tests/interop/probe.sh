# Sourced by the checks of our own client: runs the probe example against a server for a.test at
# 127.0.0.2 and compares its exit status and what an operator can read in its output.

# probe NAME STATUS PATTERN OPTION...
probe() {
  local name=$1 status=$2 pattern=$3
  shift 3
  expect_status "$name" "$status" "$pattern" "$PROBE" a.test --ca "$W/certs/ca.crt" "$@"
}

# verdict KIND: what must come out for this kind of certificate. 0 is encrypted and authenticated, 3 is
# encrypted, but refused because of the certificate; then the output has to name the reason.
verdict() {
  status=3
  case $1 in
    good) status=0 pattern='authenticated' ;;
    selfsigned) pattern='self-?signed' ;;
    expired) pattern='expired' ;;
    wrongname) pattern='wrong\.example' ;;
    otherca) pattern='unknown (issuer|ca)|unknownissuer|(not trusted|untrusted)' ;;
  esac
}

# matrix SERVER: probes both c2s ports of the server that is up with the certificate of each kind.
# start KIND VERSION must have been defined: it brings the server up.
matrix() {
  local server=$1 version kind status pattern
  for version in 1.2 1.3; do
    for kind in good selfsigned expired wrongname otherca; do
      start "$kind" "$version"
      verdict "$kind"
      probe "$server: TLS $version: $kind: STARTTLS" "$status" "$pattern" --connect 127.0.0.2:5222
      probe "$server: TLS $version: $kind: direct TLS" "$status" "$pattern" --connect 127.0.0.2:5223 --direct-tls
    done
    start good "$version"
    probe "$server: TLS $version is reported" 0 "TLS ?v?${version/./[._]}" --connect 127.0.0.2:5222
  done
}

# s2s SERVER: the same for the s2s ports, with one good and one bad certificate.
s2s() {
  local server=$1 kind status pattern
  for kind in good wrongname; do
    start $kind 1.3
    verdict $kind
    probe "$server: s2s: $kind: STARTTLS" "$status" "$pattern" --s2s --connect 127.0.0.2:5269
    probe "$server: s2s: $kind: direct TLS" "$status" "$pattern" --s2s --connect 127.0.0.2:5270 --direct-tls
  done
}
