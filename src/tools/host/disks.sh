# shellcheck shell=sh
disks "$1"
