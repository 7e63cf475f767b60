# shellcheck shell=sh
# Read by the examples before they begin: the commands are found, and the directory is the one that the first argument names, else a
# temporary one that is removed in the end. `here` is that of the examples.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PATH=$(cd "${BIN:-$here/../build/bin}" && pwd):$PATH
if [ $# -gt 0 ]; then
    cd "$1"
else
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    cd "$dir"
fi
export LC_ALL=C
