# shellcheck shell=sh
# The new content is standard input as it is.
put() { cat; }
