#!/bin/bash
# install.sh WORKDIR
#
# Installs what the interoperability tests need, as root on Debian 12: servers and tools by apt-get, and
# into WORKDIR a Python environment with slixmpp (WORKDIR/venv) and @xmpp/client (WORKDIR/node_modules).
# What is there already stays as it is, so running it again costs about a second.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# -eq 1 ] || usage "$0"
W=$(absolute "$1")
export PATH=$PATH:/usr/sbin:/sbin DEBIAN_FRONTEND=noninteractive

missing=()
for package in prosody lua-unbound ejabberd jabberd2 dnsmasq-base bind9 bind9-utils libnss-wrapper openssl sslscan gnutls-bin testssl.sh \
  go-sendxmpp jq python3-venv ca-certificates; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
# Node may have come from elsewhere, with npm in it.
command -v npm >/dev/null || missing+=(nodejs npm)
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  # The packages of servers start them; the tests start their own, so none of them shall.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod +x $policy
    trap 'rm -f $policy' EXIT
  fi
  apt-get update -q >"$W/apt.log" 2>&1 || { tail -20 "$W/apt.log" >&2; exit 1; }
  apt-get install -y -q --no-install-recommends "${missing[@]}" >>"$W/apt.log" 2>&1 || { tail -40 "$W/apt.log" >&2; exit 1; }
fi

if ! "$W/venv/bin/python" -c 'import slixmpp' 2>/dev/null; then
  /usr/bin/python3 -m venv --clear "$W/venv"
  "$W/venv/bin/pip" install -q --disable-pip-version-check 'slixmpp>=1.10,<2'
fi

if [ ! -d "$W/node_modules/@xmpp/client" ]; then
  # It asks for Node 20, but with the global that client_node.mjs adds it works with Debian's 18.
  (cd "$W" && npm install --silent --no-audit --no-fund --no-save --prefix "$W" "@xmpp/client@0.14")
fi
echo "interop tools: ready in $W"
