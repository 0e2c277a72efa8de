#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the agents of package.json, as package-lock.json pins them, into DIR (default: a cache of the user's,
# because a path below /work cannot be shown in a sandbox), and prints the directory of their commands. Nothing to do where they are there already; where they cannot be
# had, says why and fails.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/weir-tests/agents}
command -v npm >/dev/null || { echo "npm is not installed"; exit 1; }
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' 2>/dev/null || { echo "node 20 is needed"; exit 1; }
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if ! cmp -s "$here/package-lock.json" "$dir/installed"; then
	npm ping --fetch-retries=0 --fetch-timeout=10000 >/dev/null 2>&1 || { echo "no npm registry can be reached"; exit 1; }
	cp "$here/package.json" "$here/package-lock.json" "$dir/"
	# Not npm ci: it refuses a lock whose optional packages for other systems a registry lacks. Versions and
	# digests are the lock's all the same. A package's own scripts are run by nobody.
	(cd "$dir" && timeout 300 npm install --no-save --ignore-scripts --no-audit --no-fund >npm.log 2>&1) || {
		echo "npm cannot install the agents: $(grep -m 1 -i 'npm error' "$dir/npm.log" || tail -n 1 "$dir/npm.log")"
		exit 1
	}
	cp "$here/package-lock.json" "$dir/installed"
fi
echo "$dir/node_modules/.bin"
