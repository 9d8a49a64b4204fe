# The peers work with each other on this machine.
"$here/selftest.sh" "$W"
