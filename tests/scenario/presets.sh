#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Presets: a policy by its name, wherever weir stands; each can be enforced now, brings an agent's settings into the
# sandbox's home as private copies, and leaves logins and other tools' secrets outside. The witness is a home full of marks.
. "$(dirname "$0")/tap.sh"
need jq userns

mkdir "$T/work" "$T/home"
cd "$T/work" || exit 1
HOME=$T/home
export HOME
presets="apt claude-code codex database git iflow install npm opencode openhands pip qwen-code ssh strict web"
# Settings that an agent needs, then what no sandbox may show.
settings=".qwen/settings.json .qwen/agents/a.md .claude/settings.json .claude/skills/s/SKILL.md .codex/config.toml
	.config/opencode/opencode.json .iflow/settings.json .openhands/mcp.json"
secrets=".qwen/oauth_creds.json .qwen/.env .claude/.credentials.json .claude.json .codex/auth.json .iflow/oauth_creds.json
	.local/share/opencode/auth.json .openhands/agent_settings.json .aws/credentials .ssh/id_ed25519 .netrc .config/gh/hosts.yml"
for file in $settings $secrets; do
	mkdir -p "$HOME/$(dirname "$file")"
	echo "host:$file" >"$HOME/$file"
	chmod 600 "$HOME/$file"
done
ln -s "$HOME/.ssh/id_ed25519" "$HOME/.qwen/agents/link.md"

is "$("$WEIR" policy list | cut -d ' ' -f 1 | tr '\n' ' ' | sed 's/ $//')" "$presets" "weir policy list names them all"
unlike "$("$WEIR" policy list)" '^[a-z-]+ *$' "each with what it is for"
for preset in $presets; do
	run "$WEIR" policy check "$preset"
	is "$status$err" 0 "$preset: good"
	is "$("$WEIR" policy show "$preset")" "$("$WEIR" policy show "$TOP/policies/$preset.yaml")" "$preset: is its file"
	case $preset in apt | database | git | install | npm | pip | ssh | strict | web) continue ;; esac
	run "$WEIR" run -p "$preset" --dry-run
	is "$status$err" 0 "$preset: can be enforced here"
	run "$WEIR" run -p "$preset" -- sh -c 'cd && find . -type f -o -type l | sort && cat $(find . -type f)'
	is "$status" 0 "$preset: runs" "$err"
	like "$out" "host:.*(settings|config|opencode|mcp)[.]" "$preset: its settings are inside"
	leaked=
	for file in $secrets; do
		printf '%s\n' "$out" | grep -qF -e "host:$file" -e "./$file" && leaked="$leaked $file"
	done
	is "$leaked" "" "$preset: no secret is inside"
	unlike "$out" 'link' "$preset: nor what a link leads to"
done
is "$("$WEIR" run -p qwen-code -- sh -c 'cd && find . -type f | sort | tr "\n" " "')" "./.qwen/agents/a.md ./.qwen/settings.json " \
	"one agent's home holds nothing of another's"

run "$WEIR" run -p qwen-code -- sh -c 'cd && echo inside >.qwen/settings.json && echo inside >.qwen/new && cat .qwen/settings.json'
is "$out" inside "an agent may change its settings"
is "$(cat "$HOME/.qwen/settings.json") $(ls "$HOME/.qwen")" "host:.qwen/settings.json agents
oauth_creds.json
settings.json" "and the host's stay"
OPENAI_API_KEY=mark run "$WEIR" run -p qwen-code -- sh -c 'echo $OPENAI_API_KEY $QWEN_SANDBOX $ANTHROPIC_API_KEY'
is "$out" "mark false" "its variables are passed on"
like "$("$WEIR" run -p qwen-code --dry-run)" "copy /home/user/.qwen/settings.json from $HOME/.qwen/settings.json" "a dry run shows what is copied"

printf 'files: {home: ["s=%s/nowhere", "t=%s/home/.netrc"]}\n' "$T" "$T" >"$T/other.yaml"
run "$WEIR" run -p "$T/other.yaml" -- sh -c 'cd && ls && cat t'
is "$out" "t
host:.netrc" "a policy may take a file from elsewhere; one that does not exist is left out"
mkdir "$T/many"
(cd "$T/many" && seq 600 | xargs touch)
printf 'files: {home: ["many=%s/many"]}\n' "$T" >"$T/other.yaml"
run "$WEIR" run -p "$T/other.yaml" -- touch began
ok "$([ "$status" != 0 ] && [ ! -e began ]; echo $?)" "too many files are refused before anything runs"
like "$err" 'files.home: more than' "and told"
run env -u HOME WEIR_STORE="$WEIR_STORE" "$WEIR" run -p qwen-code -- sh -c 'cd && find . -type f'
is "$status$out" 0 "without a home nothing is taken from it" "$err"

echo 'time: 77s' >codex
like "$("$WEIR" policy show codex)" '^time: 77s' "a file in the current directory comes before a preset"
run "$WEIR" run -p nonesuch -- touch began
is "$status" 2 "an unknown name is refused"
like "$err" 'neither a file nor a preset' "and told"
run "$WEIR" run -p ../policies/strict -- touch began
is "$status" 2 "a path is no preset"

# As it is installed: bin/weir, libexec/weir, share/weir/policies.
mkdir -p "$T/prefix/bin" "$T/prefix/share/weir"
cp "$WEIR" "$T/prefix/bin/weir"
cp -r "$TOP/policies" "$T/prefix/share/weir/"
is "$("$T/prefix/bin/weir" policy show qwen-code)" "$("$WEIR" policy show qwen-code)" "an installed weir finds its own"
finish
