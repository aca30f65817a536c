# shellcheck shell=sh
# What stands before this has looked; the words are run as they were given.
exec "$@"
