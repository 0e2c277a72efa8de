#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Real programs through the gate, each under the preset of policies/ that is meant for it, with the test world's names in
# it. What is allowed works; the nearest that is not (another host, port, protocol, name in the handshake) fails at once,
# with an error that the program itself words. The witness is the test world: what never came to its servers.
. "$(dirname "$0")/tap.sh"
. "$TOP/tests/scenario/lib_world.sh"
need cgroup2 bpf python3 curl git ssh nc jq

world_up
mkdir -p "$T/work" "$T/home/.ssh"
cd "$T/work" || exit 1
who=
curl="curl -sS -m 10 --cacert /work/ca.pem"
hello="/usr/bin/python3 lib_hello.py"
ssh="ssh -F none -i /work/id -o UserKnownHostsFile=/work/known_hosts"
HOME=$T/home
export HOME
cp "$WORLD_CA" ca.pem
cp "$WORLD_KNOWN" "$HOME/.ssh/known_hosts"
cp "$WORLD_KNOWN" known_hosts
install -m 600 "$WORLD_KEY" id
printf '[http]\n\tsslCAInfo = /work/ca.pem\n' >"$HOME/.gitconfig"

# preset NAME [FROM TO]...: the preset with other hosts, and the world's resolver
preset() {
	preset_file=$T/$1.yaml
	sed "s/^network:/&\n  resolver: [\"$WORLD_RESOLVER\"]/" "$TOP/policies/$1.yaml" >"$preset_file"
	shift
	while [ $# -gt 1 ]; do
		sed -i "s/host: $1,/host: $2,/" "$preset_file"
		shift 2
	done
	! grep -q 'host: .*example[.]org' "$preset_file"
	ok $? "$(basename "$preset_file"): no host of its own is left" "$(cat "$preset_file")"
}
# weir CMD... and gated CMD... as whom the part is for: root, or an ordinary user with a store of its own
weir() { world $as "$WEIR" "$@"; }
gated() { weir run -p "$preset_file" -- "$@"; }
# What the program itself wrote.
said() { printf '%s\n' "$out" "$err" | grep -v '^weir: ' | grep .; }

# passes NAME WHAT-IT-SAYS CMD...
passes() {
	passes_name=$1$who passes_says=$2
	shift 2
	run gated "$@"
	is "$status" 0 "$passes_name" "$(said)" && like "$(said)" "$passes_says" "$passes_name: with what was asked for"
}
# refused NAME WHAT-IT-SAYS DESTINATION CMD...: DESTINATION is what no line of accept.log may end with ("-": any)
refused() {
	refused_name=$1$who refused_says=$2 refused_at=$3
	shift 3
	[ "$refused_at" = - ] && refused_at='[0-9]'
	refused_before=$(log_count accept.log "tcp .* $refused_at\$")
	refused_start=$(date +%s%N)
	run gated "$@"
	refused_ms=$((($(date +%s%N) - refused_start) / 1000000))
	[ "$status" -ne 0 ] && [ $refused_ms -lt 6000 ] # pip alone takes two seconds to start on a busy machine
	ok $? "$refused_name: fails at once" "status $status after $refused_ms ms
$(said)"
	like "$(said)" "$refused_says" "$refused_name: its error says so"
	sleep 0.05
	is "$(log_count accept.log "tcp .* $refused_at\$")" "$refused_before" "$refused_name: nothing came there"
}
# Why the gate cut the last run's flows, as its record has it.
cut_because() { like "$(weir events -f json 2>/dev/null | jq -r 'select(.kind == "flow" and .state == "cut") | .reason')" "$1" "$2"; }

git_clients() {
	preset git github.com git.test
	passes "git over https" "" git clone -q https://git.test/git/project.git https
	is "$(cat https/README)" "it came over the gate" "git over https: the file is there"
	refused "git, another host" "Could not resolve host" - git ls-remote https://evil.test/git/project.git
	refused "git, another port" "Failed to connect|Couldn't connect" "198.51.100.30 8443" git ls-remote https://git.test:8443/git/project.git
	refused "git, another protocol" "Could not read from remote|remote end hung up|reset by peer" "198.51.100.30 443" git ls-remote git://git.test:443/project.git
	cut_because "another protocol" "git, another protocol: the record says why"
	GIT_SSH_COMMAND="ssh -F none -i /work/id"
	export GIT_SSH_COMMAND
	run gated env GIT_SSH_COMMAND="$GIT_SSH_COMMAND" git clone -q "ssh://root@git.test$WORLD/git/project.git" ssh
	is "$status $(cat ssh/README)" "0 it came over the gate" "git over ssh" "$(said)"
	refused "git over ssh, another host" "Could not resolve hostname" - env GIT_SSH_COMMAND="$GIT_SSH_COMMAND" git ls-remote "ssh://root@evil.test$WORLD/git/project.git"
	refused "git over ssh to 443" "reset|closed" "198.51.100.30 443" env GIT_SSH_COMMAND="$GIT_SSH_COMMAND" git ls-remote "ssh://root@git.test:443$WORLD/git/project.git"
	cut_because "another protocol" "git over ssh to 443: the record says why"
	# an address that was looked up elsewhere is no way around the name
	refused "git, by address" "Failed to connect|Couldn't connect" "198.51.100.30 443" git ls-remote https://198.51.100.30/git/project.git
}

packages() {
	preset pip index.example.org pypi.test
	pip="/usr/bin/python3 -m pip --no-cache-dir --disable-pip-version-check --cert /work/ca.pem --retries 0"
	if /usr/bin/python3 -m pip --version >/dev/null 2>&1; then
		passes "pip" "Successfully installed weirdemo" $pip install --target site --index-url https://pypi.test/simple weirdemo
		is "$(PYTHONPATH=site /usr/bin/python3 -c 'import weirdemo; print(weirdemo.WORD)')" "it came over the gate" "pip: the module is there"
		refused "pip, another index" "resolve|resolution|No matching distribution" - $pip install --target other --index-url https://evil.test/simple weirdemo
	else
		skip "pip" "there is no pip for /usr/bin/python3"
	fi
	preset npm registry.example.org npm.test
	npm="env HOME=/tmp npm --cafile /work/ca.pem --no-audit --no-fund --no-update-notifier --fetch-retries 0"
	if [ -x /usr/bin/npm ]; then
		passes "npm" "added 1 package" $npm install --prefix /work/node --registry https://npm.test weir-demo
		is "$(cd node && node -p 'require("weir-demo")')" "it came over the gate" "npm: the module is there"
		refused "npm, another registry" "ENOTFOUND|EAI_AGAIN" - $npm install --prefix /work/other --registry https://evil.test weir-demo
	else
		skip "npm" "there is no npm in /usr/bin"
	fi
	preset apt mirror.example.org apt.test
	for name in apt evil; do echo "deb [trusted=yes] http://$name.test stable main" >$name.list; done
	apt="apt-get -qq -o Dir::Etc::SourceParts=/dev/null -o Acquire::Languages=none -o Acquire::Retries=0"
	if command -v apt-get >/dev/null; then
		passes "apt" "it came over the gate" sh -c "
			apt='$apt -o Dir::Etc::SourceList=/work/apt.list'
			\$apt update && \$apt install -y weir-demo >&2 && cat /usr/share/weir-demo"
		refused "apt, another mirror" "resolve|resolving" - sh -c "$apt -o Dir::Etc::SourceList=/work/evil.list update 2>&1 | tee /tmp/said; ! grep -q resolv /tmp/said"
	else
		skip "apt" "there is no apt here"
	fi
}

# site HOST: the preset for a web site, and what is below wild.test
site() { preset web example.org "$1" '"\*.example.org"' '"*.wild.test"'; }

web() {
	site files.test
	passes "curl, https" "it came over the gate" $curl https://files.test/hello
	passes "curl, http" "it came over the gate" $curl http://files.test/hello
	passes "curl, IPv6" "it came over the gate" $curl -6 https://files.test/hello
	passes "curl, a name below" "net a.wild.test" $curl https://a.wild.test/
	refused "curl, another host" "Could not resolve host" - $curl https://evil.test/
	refused "curl, another port" "Failed to connect|Couldn't connect|not permitted" "198.51.100.10 8443" $curl https://files.test:8443/hello
	refused "curl, http to 443" "reset by peer|Empty reply" "198.51.100.10 443" $curl http://files.test:443/hello
	refused "curl, TLS to 80" "reset by peer|SSL" "198.51.100.10 80" $curl https://files.test:80/hello
	refused "curl, another name in the handshake" "reset by peer|SSL" "198.51.100.10 443" $curl --connect-to evil.test:443:files.test:443 https://evil.test/hello
	cut_because "names another host" "curl, another name in the handshake: the record says why"
	refused "curl, another Host" "reset by peer|Empty reply" "198.51.100.10 80" $curl -H 'Host: evil.test' http://files.test/hello
	refused "curl, an allowed name at another's address" "reset by peer|SSL" "198.51.100.10 443" $curl --connect-to files.test:443:a.wild.test:443 https://files.test/hello
	refused "curl, no name in the handshake" "reset by peer|SSL" "198.51.100.10 443" sh -c "openssl s_client -connect files.test:443 -noservername </dev/null"
	refused "curl, a tunnel" "reset by peer|Proxy CONNECT|Recv failure" "198.51.100.10 80" $curl -p -x http://files.test:80 http://files.test/hello
	refused "curl, through it as a proxy" "reset by peer|Recv failure" "198.51.100.10 80" $curl -x http://files.test:80 http://evil.test/
	passes "wget" "it came over the gate" wget -q -T 10 -t 1 -O - --ca-certificate /work/ca.pem https://files.test/hello
	refused "wget, another host" "unable to resolve" - wget -T 10 -t 1 -O - http://evil.test/
	passes "a WebSocket" "^True" /usr/bin/python3 lib_websocket.py files.test 80
	is "$(said | tr '\n' ' ')" "HTTP/1.1 101 Switching Protocols True True True " "a WebSocket: every word comes back"
	refused "a WebSocket, another Host" "Connection reset" "198.51.100.10 80" /usr/bin/python3 lib_websocket.py files.test 80 evil.test
	run gated sh -c "$curl https://files.test/bytes/104857600 | sha256sum"
	is "$out" "20492a4d0d84f8beb1767f6616229f85d44c2827b64bdbfb260ee12fa1109e0e  -" "100 MB are what was sent" "$err"
}

# The session of an allowed name, taken up again under another one: only the handshake's name counts.
resumption() {
	site files.test
	client="openssl s_client -connect files.test:443 -CAfile ca.pem"
	passes "TLS, a session is made" "Verify return code: 0" sh -c "(sleep 0.3; echo Q) | $client -servername files.test -sess_out session"
	passes "TLS, taken up again" "^Reused" sh -c "(sleep 0.3; echo Q) | $client -servername files.test -sess_in session"
	refused "TLS, taken up under another name" "errno=104|reset" "198.51.100.10 443" sh -c "$client -servername evil.test -sess_in session </dev/null"
}

# However the first message comes, it is read whole before anything of it passes.
handshakes() {
	site files.test
	passes "a handshake" "^TLSv1" $hello whole files.test 443
	passes "a handshake byte by byte" "^TLSv1" $hello bytes files.test 443
	refused "a handshake byte by byte, another name" "Connection reset" "198.51.100.10 443" $hello bytes files.test 443 evil.test
	passes "a handshake in many records" "^TLSv1" $hello records files.test 443
	refused "a handshake in many records, another name" "Connection reset" "198.51.100.10 443" $hello records files.test 443 evil.test
	passes "a handshake of more than 16 KiB" "^TLSv1[^ ]* (1[6-9]|2[0-9])...$" $hello large files.test 443
	refused "a handshake of more than 16 KiB, another name" "Connection reset" "198.51.100.10 443" $hello large files.test 443 evil.test
	slow_start=$(date +%s)
	run gated $hello half files.test 443
	slow=$(($(date +%s) - slow_start))
	[ "$status" -ne 0 ] && [ $slow -ge 9 ] && [ $slow -le 14 ]
	ok $? "half a handshake is cut after ten seconds" "status $status after $slow s
$(said)"
	cut_because "not complete in time" "half a handshake: the record says why"
}

# An HTTP/2 server: the world's speak HTTP/1.1.
http2() {
	[ -x /usr/bin/node ] || {
		skip "HTTP/2" "there is no /usr/bin/node"
		return
	}
	cat >"$T/h2.js" <<-'JS'
		const h2 = require('http2'), fs = require('fs'), dir = process.env.WORLD
		const say = (request, answer) => answer.end('HTTP/' + request.httpVersion + ' ' + request.authority + '\n')
		h2.createSecureServer({ key: fs.readFileSync(dir + '/server.key'), cert: fs.readFileSync(dir + '/server.pem') }, say).listen(9443, '::')
		h2.createServer(say).listen(9080, '::', () => fs.writeFileSync(process.argv[2], ''))
	JS
	outside node "$T/h2.js" "$T/h2.ready" &
	h2_pid=$!
	eventually 5 test -e "$T/h2.ready"
	site h2.test
	sed -i 's/ports: .443./ports: [9443]/; s/ports: .80./ports: [9080]/' "$preset_file"
	passes "curl, HTTP/2" "^HTTP/2.0 h2.test:9443" $curl --http2 https://h2.test:9443/
	passes "curl, HTTP/2 with prior knowledge" "^HTTP/2.0 h2.test:9080" $curl --http2-prior-knowledge http://h2.test:9080/
	refused "curl, HTTP/2 with another authority" "HTTP/2|reset|Recv failure" - $curl --http2-prior-knowledge -H 'Host: evil.test' http://h2.test:9080/
	cut_because "names another host" "curl, HTTP/2 with another authority: the record says why"
	passes "node, fetch" "^HTTP" node -e 'process.env.NODE_TLS_REJECT_UNAUTHORIZED = 0
		const s = require("http2").connect("https://h2.test:9443", { ca: require("fs").readFileSync("ca.pem") })
		s.request({ ":path": "/" }).on("data", (d) => console.log(String(d))).on("end", () => s.close()).end()'
	kill $h2_pid
	wait $h2_pid 2>/dev/null
}

database() {
	bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
	[ -x "$bin/postgres" ] && command -v psql >/dev/null || {
		skip "psql" "there is no PostgreSQL here (script/deps test)"
		return
	}
	install -d -o 65534 -g 65534 "$T/pg"
	as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups env -C $T/pg"
	$as_nobody "$bin/initdb" -D "$T/pg/data" -U weir -A trust -N >"$T/initdb" 2>&1
	echo "host all all all trust" >>"$T/pg/data/pg_hba.conf"
	outside $as_nobody "$bin/postgres" -D "$T/pg/data" -k "$T/pg" -h '*' -c fsync=off >"$T/postgres" 2>&1 &
	pg_pid=$!
	eventually 10 outside "$bin/pg_isready" -q -h 127.0.0.1
	preset database db.example.org db.test
	psql="psql -w -At"
	passes "psql" "^42" $psql "host=db.test user=weir dbname=postgres" -c "select 6*7"
	passes "psql, a large answer" "^100000" sh -c "$psql 'host=db.test user=weir dbname=postgres' -c 'select repeat(chr(97), 100) from generate_series(1, 100000)' | wc -l"
	refused "psql, another host" "could not translate host name" - $psql "host=evil.test user=weir dbname=postgres" -c "select 1"
	refused "psql, another port" "not permitted|refused" "198.51.100.40 80" $psql "host=db.test port=80 user=weir dbname=postgres" -c "select 1"
	refused "ssh to the database's port" "reset|closed" - ssh -F none -o BatchMode=yes -p 5432 root@db.test true
	kill $pg_pid
	wait $pg_pid 2>/dev/null
}

shells() {
	preset ssh host.example.org git.test
	passes "ssh" "^it runs there" $ssh root@git.test "echo it runs there"
	cat >talk.py <<-'PY'
		import os, pty, signal, sys
		signal.alarm(20)
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp(sys.argv[1], sys.argv[1:])
		seen = b""
		def until(word):
		    global seen
		    while word not in seen:
		        seen += os.read(fd, 4096)
		until(b"# ")
		os.write(fd, b"tty; read word; echo got-$word\n")
		until(b"/dev/pts/")
		os.write(fd, b"typed\n")
		until(b"got-typed")
		os.write(fd, b"exit 5\n")
		try:
		    while data := os.read(fd, 4096):
		        seen += data
		except OSError:
		    pass
		print(seen.decode())
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	PY
	run gated /usr/bin/python3 talk.py $ssh -tt root@git.test
	is "$status" 5 "ssh with a shell on a terminal ends as the shell did" "$(said)"
	like "$out" "got-typed" "ssh with a shell on a terminal: what was typed came there, and the answer back"
	refused "ssh, another host" "Could not resolve hostname" - $ssh root@evil.test true
	refused "ssh, another port" "not permitted|refused" "198.51.100.30 443" $ssh -p 443 root@git.test true
	refused "https to the port of ssh" "reset by peer|SSL" "198.51.100.30 22" $curl https://git.test:22/
}

# Servers that speak first, and miners: neither is one of the presets' programs.
others() {
	preset_file=$T/others.yaml
	cat >"$preset_file" <<-END
		network:
		  resolver: ["$WORLD_RESOLVER"]
		  allow:
		    - {host: files.test, ports: [25], protocol: smtp}
		    - {host: git.test, ports: [25], protocol: ftp}
		    - {host: git.test, ports: [22], protocol: ssh}
		    - {host: db.test, ports: [22], protocol: mysql}
		    - {host: pool.test, ports: [3333], protocol: stratum}
		    - {host: evil.test, ports: [3333], protocol: http}
	END
	job='{"id": 1, "method": "mining.subscribe", "params": ["miner/1"]}'
	passes "smtp" "^220 mail.test" sh -c 'sleep 0.5 | nc -w 2 files.test 25'
	passes "ssh, the server first" "^SSH-2.0-OpenSSH" sh -c 'sleep 1 | nc -w 2 git.test 22'
	run gated sh -c 'sleep 0.5 | nc -w 2 git.test 25'
	is "$(said)" "" "smtp where ftp is allowed: nothing of the greeting comes in"
	cut_because "another protocol" "smtp where ftp is allowed: the record says why"
	run gated sh -c 'sleep 0.5 | nc -w 2 db.test 22'
	is "$(said)" "" "ssh where mysql is allowed: nothing of the greeting comes in"
	passes "a miner" '"result"' sh -c "(echo '$job'; sleep 0.5) | nc -w 2 pool.test 3333"
	run gated sh -c "(echo '$job'; sleep 0.5) | nc -w 2 evil.test 3333"
	is "$(said)$(log_count accept.log 'tcp .* 198[.]51[.]100[.]66 3333$')" 0 "a miner where http is allowed: nothing came there"
	run gated sh -c '(printf "POST / HTTP/1.1\r\nHost: pool.test\r\n\r\n"; sleep 0.5) | nc -w 2 pool.test 3333'
	is "$(said)" "" "http where stratum is allowed: no answer"
}

# A rule that says no protocol: port 53 is DNS's all the same, and a name holds for what names one.
bare_rules() {
	preset_file=$T/bare.yaml
	cat >"$preset_file" <<-END
		network:
		  resolver: ["$WORLD_RESOLVER"]
		  allow:
		    - {host: 198.51.100.10, ports: [53]}
		    - {host: files.test}
	END
	passes "DNS over TCP to an allowed address" "198.51.100.10" /usr/bin/python3 lib_lookup.py --tcp 198.51.100.10 files.test A
	refused "a request to port 53" "reset by peer|Empty reply" "198.51.100.10 53" $curl http://198.51.100.10:53/
	cut_because "53" "a request to port 53: the record says why"
	refused "TLS to port 53" "reset by peer|SSL" "198.51.100.10 53" $curl -k https://198.51.100.10:53/
	refused "ssh to port 53" "reset|closed" "198.51.100.10 53" $ssh -p 53 root@198.51.100.10 true
	passes "curl, any port" "it came over the gate" $curl https://files.test:8443/hello
	refused "curl, another name, any port" "reset by peer|SSL" "198.51.100.10 8443" $curl --connect-to evil.test:8443:files.test:8443 https://evil.test:8443/
	passes "a server that speaks first" "220 mail.test" sh -c 'sleep 1 | nc -w 2 files.test 25'
	# where the server may be the first to speak, it is reached before the client has said anything
	passes "a handshake after a silence" "^TLSv1" $hello late files.test 8443
	run gated $hello late files.test 8443 evil.test
	like "$(said)" "Connection reset" "a handshake after a silence, another name: no answer"
	cut_because "names another host" "a handshake after a silence: the record says why"
	is "$(log_count http.log " evil[.]test ")" 0 "no server was ever asked for evil.test"
}

# A client that must speak first, and says nothing for a minute: beside the other parts.
silence_begin() {
	site files.test
	cp "$preset_file" "$T/silence.yaml"
	(
		silence_start=$(date +%s)
		weir run -n silence -p "$T/silence.yaml" -- nc -d files.test 443 </dev/null >/dev/null 2>&1
		echo $(($(date +%s) - silence_start)) >"$T/silence"
	) &
	silence_pid=$!
}
silence_over() {
	wait $silence_pid
	silence=$(cat "$T/silence")
	[ "$silence" -ge 59 ] && [ "$silence" -le 75 ]
	ok $? "a client that must speak first and says nothing is cut after a minute" "after $silence s"
}

cp "$TOP/tests/scenario/lib_lookup.py" "$TOP/tests/scenario/lib_websocket.py" "$TOP/tests/scenario/lib_hello.py" .
as="env WEIR_STORE=$T/store"
silence_begin
for part in ${CLIENTS:-git_clients packages web handshakes resumption http2 database shells others bare_rules}; do $part; done

silence_over
rm -rf https ssh
chown -R 65534:65534 "$T/work" "$T/home"
as="setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=$HOME WEIR_STORE=$T/home/store"
who=" (ordinary user)"
for part in ${CLIENTS_USER:-git_clients web bare_rules}; do $part; done
finish
