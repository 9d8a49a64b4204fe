# Our client session against a real ejabberd.
. "$here/probe.sh"

start() {
  local options='protocol_options: [no_sslv3, no_tlsv1, no_tlsv1_1, no_tlsv1_3]'
  [ "$2" = 1.2 ] || options='protocol_options: [no_sslv3, no_tlsv1, no_tlsv1_1, no_tlsv1_2]'
  CERT=$1 C2S_OPTIONS=$options "$here/ejabberd-up.sh" "$W" peer 127.0.0.2 a.test
}
"$here/dns-up.sh" "$W" "${DNS_PORT:-5353}"
matrix ejabberd
s2s ejabberd
