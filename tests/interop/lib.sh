# Sourced by the scripts here: what all of them need to start and stop processes.

die() { echo "${0##*/}: $*" >&2; exit 1; }

# usage FILE: prints the usage lines (those starting with "# name.sh") of a script and ends
usage() { grep "^# ${1##*/} " "$1" | cut -c3- >&2; exit 2; }

# need COMMAND PACKAGE
need() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null || die "$1 is missing: Debian package $2 (see install.sh)"; }

# absolute DIR: makes it and prints its absolute path
absolute() { mkdir -p "$1" && (cd "$1" && pwd); }

# instance NAME: a name for a folder of its own
instance() {
  case $1 in certs | dns | dnssec | venv | *[!a-z0-9]* | '') die "$1: a name has small letters and digits only, and is not certs, dns, dnssec or venv" ;; esac
}

# loopback IP: nothing here ever listens anywhere else
loopback() { case $1 in 127.*) ;; *) die "$1 is not a loopback address" ;; esac }

open_port() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# await_port IP PORT PID: waits up to 10 seconds, as long as PID lives
await_port() {
  local i
  for ((i = 0; i < 200; i++)); do
    open_port "$1" "$2" && return 0
    kill -0 "$3" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

# stop_pids FILE MARK: ends the processes whose ids are in FILE. An id may have been given to somebody
# else meanwhile: only a process with MARK in its command line is ours.
stop_pids() {
  [ -f "$1" ] || return 0
  local pid i
  while read -r pid; do
    { tr '\0' ' ' < "/proc/$pid/cmdline"; } 2>/dev/null | grep -qF -- "$2" || continue
    kill "$pid" 2>/dev/null || true
    for ((i = 0; i < 200; i++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.05
    done
    kill -9 "$pid" 2>/dev/null || true
  done < "$1"
  rm -f "$1"
}

# hosts_of WORKDIR: the "host" lines of the zone in the format of /etc/hosts
hosts_of() { awk '$1 == "host" { print $3, $2 }' "$1/dns/zone"; }

# first PATTERN: the first file or folder that matches
first() {
  local matches
  mapfile -t matches < <(compgen -G "$1")
  [ ${#matches[@]} -gt 0 ] && echo "${matches[0]}"
}

# nss_wrapper: the library that answers getaddrinfo from a file
nss_wrapper() { first '/usr/lib/*/libnss_wrapper.so' || die "libnss_wrapper is missing: Debian package libnss-wrapper"; }
