#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two real agents from the npm registry do real work in a real repository, headless and full-screen, with a scripted
# model behind a carried socket: each of their shell calls is a call of the run, parallel ones too. The witness is
# the mark that each shell call leaves (tests/agents/task.py), the model server's log, and the repository afterwards.
. "$(dirname "$0")/tap.sh"
need jq python3 git make cc root cgroup2 bpf unsanitized
agents=$TOP/tests/agents
commands=$("$agents/install.sh") || skip_all "$commands"
installed=$(cd "$commands/../.." && pwd)

mkdir -p "$T/model" "$T/home/.qwen" "$T/home/.pi/agent"
HOME=$T/home
export HOME
python3 "$agents/task.py" "$T/model"
python3 "$agents/model_server.py" "$T/model" &
server=$!
trap 'kill $server 2>/dev/null; tap_end' EXIT
eventually 10 test -s "$T/model/port" || { ok 1 "the model server stands"; finish; }
port=$(cat "$T/model/port")

base=http://127.0.0.1:8000/v1
OPENAI_API_KEY=none OPENAI_BASE_URL=$base
export OPENAI_API_KEY OPENAI_BASE_URL
jq -n '{privacy: {usageStatisticsEnabled: false}, general: {enableAutoUpdate: false},
	hooks: {PreToolUse: [{matcher: "*", hooks: [{type: "command", command: "/run/weir/hook"},
		{type: "command", command: "cat >>/work/.qwen/told"}]}],
		PostToolUse: [{matcher: "*", hooks: [{type: "command", command: "/run/weir/hook"}]}]}}' >"$T/home/.qwen/settings.json"
jq -n --arg base $base '{providers: {tests: {baseUrl: $base, api: "openai-completions", apiKey: "none",
	compat: {supportsDeveloperRole: false, supportsReasoningEffort: false},
	models: [{id: "pi-headless"}, {id: "pi-screen"}]}}}' >"$T/home/.pi/agent/models.json"
# The presets, and the directory where this test's agents are.
with_agents() { sed "s|^  read:\$|&\n    - $installed|"; }
"$WEIR" policy show qwen-code | sed 's/OPENAI_BASE_URL/&\n  - OPENAI_MODEL/' | awk '!seen[$0]++ || !/OPENAI_MODEL/' | with_agents >"$T/qwen.yaml"
printf 'files: {home: [.pi/agent/models.json]}\nenvironment: [PI_OFFLINE=1]\n' >"$T/bare.yaml"
"$WEIR" policy show "$T/bare.yaml" | with_agents >"$T/pi.yaml"

project() {
	mkdir -p "$1/tools" "$1/.qwen"
	(
		cd "$1" || exit 1
		git init -q -b main
		printf 'mkdir -p marks && echo "$$" >"marks/$1"\n' >tools/mark
		printf 'int add(int a, int b)\n{\n\treturn a - b;\n}\n' >add.c
		printf '#include <stdio.h>\nint add(int, int);\nint main(void)\n{\n\tint good = add(2, 2) == 4;\n\tputs(good ? "all is well" : "add is wrong");\n\treturn !good;\n}\n' >test.c
		printf 'test: test.c add.c # says "add is wrong" or "all is well"\n\t$(CC) -o sum test.c add.c\n\t./sum\n' >Makefile
		printf 'marks/\nsum\n.qwen/\n' >.gitignore
		git add . && git -c user.name=t -c user.email=t@localhost commit -qm begin
	)
}
agent_arguments() { # agent mode
	case $1-$2 in
	qwen-headless) echo "$commands/qwen --auth-type openai -y -p repair" ;;
	qwen-screen) echo "$commands/qwen --auth-type openai -y -i repair" ;;
	pi-headless) echo "$commands/pi --no-session --model tests/pi-headless -p repair" ;;
	pi-screen) echo "$commands/pi --no-session --model tests/pi-screen repair" ;;
	esac
}

for agent in qwen pi; do
	for mode in headless screen; do
		name=$agent-$mode
		project "$T/$name"
		cd "$T/$name" || exit 1
		OPENAI_MODEL=$name
		export OPENAI_MODEL
		set -- "$WEIR" run --agent -n "$name" -p "$T/$agent.yaml" --carry "8000=127.0.0.1:$port" -- $(agent_arguments $agent $mode)
		if [ $mode = headless ]; then
			run timeout 120 "$@"
			like "$out" "The sum is right now" "$name: the agent says what it did" || echo "$err" | head -n 20
		else
			run python3 "$agents/drive.py" "$T/model/log" "$name" 5 '/quit\r' "$T/$name.screen" -- "$@"
			like "$(tr -d '\r' <"$T/$name.screen" | sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g')" "sum is right now" "$name: its screen shows what it did"
			is "$(sed -e "1,/\x1b\[?25l/d" -e "/sum is right/q" "$T/$name.screen" | grep -c "weir:  ")" 0 "$name: and weir's lines do not disturb it"
		fi
		is "$status" 0 "$name: the agent works"
		is "$(jq -r --arg m "$name" 'select(.model == $m) | .error // empty' "$T/model/log")" "" "$name: the model got the results that it expected"
		is "$(jq -r --arg m "$name" 'select(.model == $m) | .turn // empty' "$T/model/log" | sort -u | tr '\n' ' ')" "0 1 2 3 4 5 " "$name: every turn was played"
		like "$(git log --oneline)" 'fix add' "$name: the repair is committed"
		ok "$(make -s test >/dev/null 2>&1; echo $?)" "$name: and right"
		is "$(ls marks | tr '\n' ' ')" "1 2 3 4 5 " "$name: every shell call ran"
		"$WEIR" events "$name" -f json >"$T/events"
		"$WEIR" report "$name" -f json >"$T/report"
		# qwen runs its shell calls one after another, and tells its hooks; pi runs them side by side
		case $agent in
		pi) set -- parallel ;;
		qwen) set -- "$T/$name/.qwen/told" ;;
		esac
		is "$(python3 "$agents/judge.py" "$T/events" "$T/report" "$@")" "" \
			"$name: each shell call is a call of the run"
		ok "$(jq -s 'any(.kind == "connect" and .port == 8000 and .basis == "exact")' "$T/events" | grep -qx true; echo $?)" \
			"$name: its connections to the model are events"
	done
done
finish
