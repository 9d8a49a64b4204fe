#!/bin/bash
# down.sh WORKDIR
#
# Stops everything that the scripts here started in WORKDIR.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { echo "down.sh WORKDIR" >&2; exit 2; }
for pid in "$1"/*/pid; do
  [ -f "$pid" ] || continue
  folder=$(dirname "$pid")
  name=$(basename "$folder")
  if [ "$name" = dns ]; then
    "$here/dns-up.sh" "$1" stop
  elif [ "$name" = dnssec ]; then
    "$here/dnssec-up.sh" "$1" stop
  elif [ -f "$folder/prosody.cfg.lua" ]; then
    "$here/prosody-up.sh" "$1" "$name" stop
  elif [ -f "$folder/ejabberd.yml" ]; then
    "$here/ejabberd-up.sh" "$1" "$name" stop
  elif [ -f "$folder/s2s.xml" ]; then
    "$here/jabberd2-up.sh" "$1" "$name" stop
  elif [ -f "$folder/federate.log" ]; then
    "$here/federate-up.sh" "$1" "$name" stop
  elif [ -f "$folder/server.log" ]; then
    "$here/server-up.sh" "$1" "$name" stop
  fi
done
