#!/bin/bash
# with-hosts.sh WORKDIR COMMAND...
#
# Runs COMMAND so that the "host" lines of WORKDIR/dns/zone take the place of /etc/hosts, for programs
# that resolve names through the C library. Nothing on the system changes. A statically linked program,
# or one with a resolver of its own, does not see it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# -ge 2 ] || usage "$0"
W=$(absolute "$1")
shift
nss=$(nss_wrapper)
{
  echo '127.0.0.1 localhost'
  hosts_of "$W"
} > "$W/dns/hosts"
export NSS_WRAPPER_HOSTS=$W/dns/hosts LD_PRELOAD=$nss
exec "$@"
