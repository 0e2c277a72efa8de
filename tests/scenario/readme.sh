#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The commands that README.md shows work as they stand there. Its own store, so that nobody's is touched.
. "$(dirname "$0")/tap.sh"
mkdir "$T/tmp"
TMPDIR=$T/tmp
export TMPDIR
"$TOP/script/check-readme" >"$T/tap" 2>&1
status=$?
cat "$T/tap"
exit $status
