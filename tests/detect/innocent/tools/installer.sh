#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An installer as projects offer it for `curl | sh`: fetches the program, checks it, puts it in place.
set -eu
to=${PREFIX:-$HOME/.local}/bin
mkdir -p "$to"
curl -fsS https://files.test/hello -o "$to/.hello"
grep -q "it came over the gate" "$to/.hello"
printf '#!/bin/sh\ncat "%s/.hello"\n' "$to" >"$to/hello"
chmod 755 "$to/hello"
echo "installed $to/hello"
