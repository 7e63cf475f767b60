#!/bin/sh
# Installs the Debian packages named that are missing, saying which. Root, or sudo. Elsewhere it only names them.
set -eu
if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "deps: this is no Debian; needed are the likes of: $*" >&2
    exit 0
fi
missing=
for p in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true) in
    *" installed") ;;
    *) missing="$missing $p" ;;
    esac
done
[ -n "$missing" ] || exit 0
echo "deps: installing$missing"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
