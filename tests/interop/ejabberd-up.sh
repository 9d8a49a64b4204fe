#!/bin/bash
# ejabberd-up.sh WORKDIR NAME IP DOMAIN[,DOMAIN...]
# ejabberd-up.sh WORKDIR NAME stop
#
# An ejabberd (23.01) as an ordinary process with all its files in WORKDIR/NAME, on the ports of
# prosody-up.sh, with the same accounts, listening on IP and nowhere else. The Erlang VM runs without
# distribution: no epmd, no ejabberdctl. ejabberd asks dns-up.sh's server for SRV records only and the
# C library for addresses, so libnss_wrapper answers those from the zone. Running it again restarts it,
# empty.
#
# Environment:
#   S2S_AUTH=dialback   TLS required; SASL EXTERNAL with a valid certificate, else dialback (default)
#   S2S_AUTH=external   TLS required; a valid certificate or nothing
#   S2S_AUTH=optional   TLS when offered, else dialback in clear
#   S2S_AUTH=plain      no TLS on s2s
#   C2S_TLS=required    default
#   C2S_TLS=optional    SASL before TLS is offered too
#   CERT=good           kind of certificate (certs.sh). ejabberd chooses by the names in it: with a kind
#                       that does not name DOMAIN give it one DOMAIN only
#   C2S_OPTIONS=...     more options for the c2s listeners, such as
#                       'protocol_options: [no_tlsv1_3]'
#   DNS_PORT=5353
#   EXTRA_CONFIG=...    YAML text for the top level of the configuration
#
# Log: ejabberd.log at debug level; the lines "Received XML on stream" and "Send XML on stream" are the
# stream text of every connection, before TLS and inside it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# -ge 3 ] || usage "$0"
instance "$2"
W=$(absolute "$1")
I=$W/$2
stop_pids "$I/pid" "$I/mnesia"
[ "$3" != stop ] || exit 0
[ $# -eq 4 ] || usage "$0"
IP=$3
IFS=, read -r -a domains <<< "$4"
loopback "$IP"
need erl ejabberd
ebin=$(first '/usr/lib/*/ejabberd-*/ebin') || die "ejabberd is missing"
nss=$(nss_wrapper)
rm -rf "$I"
mkdir -p "$I/mnesia" "$I/certs"
: "${CERT:=good}" "${DNS_PORT:=5353}" "${EXTRA_CONFIG:=}" "${C2S_OPTIONS:=}"
dialback='  mod_s2s_dialback: {}'
case ${S2S_AUTH:=dialback} in
  dialback) s2s_tls=required ;;
  external) s2s_tls=required dialback='' ;;
  optional) s2s_tls=optional ;;
  plain) s2s_tls=false ;;
  *) die "S2S_AUTH=$S2S_AUTH?" ;;
esac
case ${C2S_TLS:=required} in
  required) c2s_tls='starttls_required: true' ;;
  optional) c2s_tls='starttls: true' ;;
  *) die "C2S_TLS=$C2S_TLS?" ;;
esac
[ -z "$C2S_OPTIONS" ] || C2S_OPTIONS=", $C2S_OPTIONS"

hosts='' certs='' users=''
for d in "${domains[@]}"; do
  c=$W/certs/$d/$CERT
  [ -f "$c.crt" ] || die "no $c.crt: run certs.sh first"
  cat "$c.crt" "$c.key" > "$I/certs/$d.pem"
  hosts+="  - \"$d\""$'\n'
  certs+="  - \"$I/certs/$d.pem\""$'\n'
  for user in alice bob; do users+="ejabberd_auth:try_register(<<\"$user\">>, <<\"$d\">>, <<\"secret\">>), "; done
done
cat > "$I/ejabberd.yml" <<Y
loglevel: debug
hide_sensitive_log_data: false
hosts:
$hosts
certfiles:
$certs
ca_file: "$W/certs/ca.crt"
s2s_cafile: "$W/certs/ca.crt"
s2s_use_starttls: $s2s_tls
s2s_timeout: 20
negotiation_timeout: 20
s2s_dns_timeout: 5
s2s_dns_retries: 1
s2s_max_retry_delay: 1
auth_method: [mnesia]
auth_password_format: plain
disable_sasl_mechanisms: ["X-OAUTH2", "DIGEST-MD5"]
listen:
  - {port: 5222, ip: "$IP", module: ejabberd_c2s, $c2s_tls$C2S_OPTIONS}
  - {port: 5223, ip: "$IP", module: ejabberd_c2s, tls: true$C2S_OPTIONS}
  - {port: 5269, ip: "$IP", module: ejabberd_s2s_in}
  - {port: 5270, ip: "$IP", module: ejabberd_s2s_in, tls: true}
acl: {local: {user_regexp: ""}}
access_rules: {local: {allow: local}}
modules:
  mod_disco: {}
  mod_ping: {}
  mod_roster: {}
  mod_version: {show_os: false}
$dialback
$EXTRA_CONFIG
Y
cat > "$I/inetrc" <<C
{lookup, [dns]}.
{resolv_conf, ""}.
{hosts_file, ""}.
{nameserver, {127,0,0,1}, $DNS_PORT}.
{timeout, 1000}.
{retry, 2}.
C
hosts_of "$W" > "$I/hosts"
cd "$I"
export HOME=$I EJABBERD_CONFIG_PATH=$I/ejabberd.yml EJABBERD_LOG_PATH=$I/ejabberd.log ERL_INETRC=$I/inetrc \
  ERL_CRASH_DUMP=$I/erl_crash.dump CONTRIB_MODULES_PATH=$I/contrib CONTRIB_MODULES_CONF_DIR=$I/contrib \
  ERL_LIBS=${ebin%/ejabberd-*}
LD_PRELOAD=$nss NSS_WRAPPER_HOSTS=$I/hosts erl -noinput -mnesia dir "\"$I/mnesia\"" +sbwt none +S 2:2 -eval "
  case application:ensure_all_started(ejabberd) of
    {ok, _} -> ${users}file:write_file(\"$I/ready\", <<>>);
    Error -> io:format(\"~p~n\", [Error]), halt(1)
  end." </dev/null >"$I/out" 2>&1 &
echo $! > "$I/pid"
for ((i = 0; i < 600; i++)); do
  if [ -f "$I/ready" ]; then
    echo "ejabberd $2: ${domains[*]} on $IP, pid $!"
    exit 0
  fi
  kill -0 $! 2>/dev/null || break
  sleep 0.05
done
tail -20 "$I/out" "$I/ejabberd.log" >&2 || true
stop_pids "$I/pid" "$I/mnesia"
die "$2 did not start"
