#!/bin/bash
# certs.sh WORKDIR DOMAIN...
#
# A test PKI in WORKDIR/certs, made with the openssl command (3.0 or later):
#
#   ca.crt ca.key            the root that the tests trust
#   int.crt int.key          an intermediate under it
#   otherca.crt otherca.key  a root that nobody trusts
#   DOMAIN/KIND.crt .key     a leaf of each kind below: the chain that a server sends, and its key
#
# Existing files are kept, missing ones made.
#
# What a verifier that trusts ca.crt alone has to say about each kind:
#
#   good         yes   DNS-ID and both SRV-IDs, EKU server and client, ECDSA P-256
#   full         yes   good with an XmppAddr (not for ejabberd 23.01, which drops such peers)
#   rsa          yes   good with RSA 2048
#   ed25519      yes   good with Ed25519 (some TLS libraries do not know it)
#   dnsonly      yes   one DNS-ID
#   viaint       yes   good, issued by the intermediate, which is sent
#   wildcard     yes   *.PARENT only; for a domain of two labels that is *.TLD, refused by some
#   srvonly      yes   both SRV-IDs and nothing else
#   srvserver    s2s   the SRV-ID for servers and nothing else: no for c2s
#   xmppaddr     yes   an XmppAddr and nothing else (RFC 6120)
#   serveronly   yes   for a server; EKU serverAuth alone, so for a TLS client it is policy
#   cnonly       no    a CN without subjectAltName (RFC 9525)
#   clientonly   no    for a server: EKU clientAuth alone
#   noint        no    issued by the intermediate, which is not sent
#   wrongname    no    names wrong.example
#   subdomain    no    names sub.DOMAIN
#   expired      no    ended yesterday
#   notyet       no    begins in ten years
#   selfsigned   no    right names, signed by itself
#   otherca      no    right names, issued by otherca
#   nullname     no    DNS-ID of DOMAIN, a NUL byte, .wrong.example
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# -ge 2 ] || usage "$0"
need openssl openssl
cd "$(absolute "$1/certs")"
shift
umask 077
[ -f index.txt ] || : > index.txt
[ -f serial ] || openssl rand -hex 12 > serial
cat > ca.cnf <<'C'
[ca]
default_ca = d
[d]
new_certs_dir = .
database = index.txt
serial = serial
default_md = sha256
default_days = 3650
policy = p
unique_subject = no
string_mask = utf8only
email_in_dn = no
rand_serial = yes
[p]
commonName = optional
organizationName = optional
C
P256=(-pkeyopt ec_paramgen_curve:P-256)
CA_USE=critical,keyCertSign,cRLSign

# root NAME CN
root() {
  [ ! -f "$1.crt" ] || return 0
  openssl req -x509 -newkey ec "${P256[@]}" -nodes -days 3650 -sha256 -keyout "$1.key" -out "$1.crt" \
    -subj "/O=xmpp interop test/CN=$2" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=$CA_USE 2>/dev/null
}

intermediate() {
  [ ! -f int.crt ] || return 0
  openssl req -new -newkey ec "${P256[@]}" -nodes -keyout int.key -out int.csr \
    -subj "/O=xmpp interop test/CN=test intermediate" 2>/dev/null
  openssl x509 -req -in int.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -sha256 -out int.crt -extfile <(
    printf '%s\n' basicConstraints=critical,CA:TRUE,pathlen:0 keyUsage=$CA_USE subjectKeyIdentifier=hash authorityKeyIdentifier=keyid
  ) 2>/dev/null
  rm -f int.csr ca.srl
}

# key FILE ALGORITHM
key() {
  case $2 in
    ec) openssl genpkey -algorithm EC "${P256[@]}" -out "$1" ;;
    rsa) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1" ;;
    ed25519) openssl genpkey -algorithm ED25519 -out "$1" ;;
  esac 2>/dev/null
}

# stamp WHEN: a date as "openssl ca" reads it
stamp() { date -u -d "$1" +%Y%m%d%H%M%SZ; }

# leaf OUT ISSUER ALGORITHM CN EKU START END [SAN-LINE...]
leaf() {
  local out=$1 issuer=$2 algorithm=$3 cn=$4 eku=$5 start=$6 end=$7 sign
  shift 7
  [ ! -f "$out.crt" ] || return 0
  key "$out.key" "$algorithm"
  {
    cat ca.cnf
    printf '%s\n' '[x]' 'basicConstraints = critical,CA:FALSE' 'keyUsage = critical,digitalSignature' \
      "extendedKeyUsage = $eku" 'subjectKeyIdentifier = hash'
    [ "$issuer" = self ] || echo 'authorityKeyIdentifier = keyid'
    [ $# = 0 ] || printf '%s\n' 'subjectAltName = @n' '[n]' "$@"
  } > "$out.cnf"
  openssl req -new -key "$out.key" -subj "/O=xmpp interop test/CN=$cn" -out "$out.csr" \
    -config <(printf '[req]\ndistinguished_name=d\nutf8=yes\n[d]\n')
  if [ "$issuer" = self ]; then sign=(-selfsign -keyfile "$out.key"); else sign=(-cert "$issuer.crt" -keyfile "$issuer.key"); fi
  openssl ca -batch -config "$out.cnf" -extensions x "${sign[@]}" -in "$out.csr" -notext \
    -startdate "$start" -enddate "$end" -out "$out.crt" 2> "$out.log" || { cat "$out.log" >&2; exit 1; }
  rm -f "$out.csr" "$out.cnf" "$out.log" ./*.pem index.txt.old serial.old index.txt.attr.old
}

# nullname DOMAIN: openssl's configuration cannot hold a NUL byte, so the whole SAN is given as DER
nullname() {
  [ ! -f "$1/nullname.crt" ] || return 0
  local hex length der
  hex=$(printf '%s' "$1" | od -An -tx1 | tr -d ' \n')00$(printf '.wrong.example' | od -An -tx1 | tr -d ' \n')
  length=$((${#hex} / 2))
  [ $length -lt 126 ] || die "$1 is too long for the kind nullname"
  der=$(printf '30%02x82%02x%s' $((length + 2)) $length "$hex" | sed 's/../&:/g; s/:$//')
  key "$1/nullname.key" ec
  openssl req -new -key "$1/nullname.key" -subj "/CN=service" -out nn.csr -config <(printf '[req]\ndistinguished_name=d\n[d]\n')
  openssl x509 -req -in nn.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3000 -sha256 -out "$1/nullname.crt" -extfile <(
    printf '%s\n' basicConstraints=critical,CA:FALSE extendedKeyUsage=serverAuth,clientAuth "subjectAltName=DER:$der"
  ) 2>/dev/null
  rm -f nn.csr ca.srl
}

root ca "test root"
root otherca "untrusted root"
intermediate

BOTH=serverAuth,clientAuth
T0=$(stamp '-2 days')
T1=$(stamp '+3000 days')
XMPP_ADDR=1.3.6.1.5.5.7.8.5
DNS_SRV=1.3.6.1.5.5.7.8.7
for d in "$@"; do
  mkdir -p "$d"
  srv=("otherName.1=$DNS_SRV;IA5STRING:_xmpp-server.$d" "otherName.2=$DNS_SRV;IA5STRING:_xmpp-client.$d")
  all=("DNS.1=$d" "DNS.2=conference.$d" "${srv[@]}")
  wrong=(DNS.1=wrong.example "otherName.1=$DNS_SRV;IA5STRING:_xmpp-server.wrong.example" "otherName.2=$XMPP_ADDR;UTF8:wrong.example")
  leaf "$d/good" ca ec "$d" $BOTH "$T0" "$T1" "${all[@]}"
  leaf "$d/full" ca ec "$d" $BOTH "$T0" "$T1" "${all[@]}" "otherName.3=$XMPP_ADDR;UTF8:$d"
  leaf "$d/rsa" ca rsa "$d" $BOTH "$T0" "$T1" "${all[@]}"
  leaf "$d/ed25519" ca ed25519 "$d" $BOTH "$T0" "$T1" "${all[@]}"
  leaf "$d/dnsonly" ca ec service $BOTH "$T0" "$T1" "DNS.1=$d"
  leaf "$d/viaint" int ec "$d" $BOTH "$T0" "$T1" "${all[@]}"
  [ "$(grep -c BEGIN "$d/viaint.crt")" -gt 1 ] || cat int.crt >> "$d/viaint.crt"
  leaf "$d/noint" int ec "$d" $BOTH "$T0" "$T1" "${all[@]}"
  leaf "$d/wildcard" ca ec service $BOTH "$T0" "$T1" "DNS.1=*.${d#*.}"
  leaf "$d/srvonly" ca ec service $BOTH "$T0" "$T1" "${srv[@]}"
  leaf "$d/srvserver" ca ec service $BOTH "$T0" "$T1" "${srv[0]}"
  leaf "$d/xmppaddr" ca ec service $BOTH "$T0" "$T1" "otherName.1=$XMPP_ADDR;UTF8:$d"
  leaf "$d/cnonly" ca ec "$d" $BOTH "$T0" "$T1"
  leaf "$d/serveronly" ca ec "$d" serverAuth "$T0" "$T1" "${all[@]}"
  leaf "$d/clientonly" ca ec "$d" clientAuth "$T0" "$T1" "${all[@]}"
  leaf "$d/wrongname" ca ec wrong.example $BOTH "$T0" "$T1" "${wrong[@]}"
  leaf "$d/subdomain" ca ec service $BOTH "$T0" "$T1" "DNS.1=sub.$d"
  leaf "$d/expired" ca ec "$d" $BOTH "$(stamp '-30 days')" "$(stamp '-1 day')" "${all[@]}"
  leaf "$d/notyet" ca ec "$d" $BOTH "$(stamp '+3650 days')" "$(stamp '+4000 days')" "${all[@]}"
  leaf "$d/selfsigned" self ec "$d" $BOTH "$T0" "$T1" "${all[@]}"
  leaf "$d/otherca" otherca ec "$d" $BOTH "$T0" "$T1" "${all[@]}"
  nullname "$d"
done
echo "certs: $PWD"
