#!/bin/sh
# `./make TARGET` is `make TARGET`, also where there is no make yet, as on a bare Debian: what building needs, make among
# it, is installed first.
set -eu
cd "$(dirname "$0")"
command -v make >/dev/null 2>&1 || .ci/setup run
exec make "$@"
