#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual, the schema and the completion say what the program does: every command, option, setting,
# event and finding is documented, pages render without a warning, and reader and schema judge alike.
. "$(dirname "$0")/tap.sh"

pages=$(dirname "$WEIR")/man
mkman=$pages/mkman
# A page's text without roff's escapes and font changes.
text() { sed -e 's/\\f[A-Z]//g' -e 's/\\&//g' -e 's/\\//g' "$1"; }
# The first field of each row of a table, by sed and not by the C preprocessor.
rows() { sed -n "s/^$1(\"\\([^\"]*\\)\".*/\\1/p" "$TOP/tables/$2"; }
names() { sed -n "s/^$1([A-Z_]*, \\([a-z_]*\\),.*/\\1/p" "$TOP/tables/$2"; }
# Names of a list (one a line) that are not in a text.
missing() { while read -r name; do printf '%s\n' "$1" | grep -qF -- "$name" || echo "$name"; done; }

commands=$("$WEIR" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
ok "$([ -n "$commands" ]; echo $?)" "weir --help lists commands"
if [ ! -f "$pages/weir.1" ]; then
	skip "manual pages" "scdoc was not there when weir was built"
else
	for command in $commands; do
		page=$pages/weir-$command.1
		options=$("$WEIR" "$command" --help | sed -n 's/^  \(-[A-Za-z]\|  \)[, ] --\([a-z-]*\).*/--\2/p')
		is "$(echo "$options" | missing "$(text "$page" 2>&1)")" "" "weir-$command(1) has every option"
		like "$(text "$pages/weir.1")" "weir-$command" "weir(1) names weir-$command(1)"
	done
	for page in "$pages"/weir-*.1; do
		command=$(basename "$page" .1)
		like " $(echo $commands) " " ${command#weir-} " "$command(1) describes a command that exists"
	done
	is "$({ rows 'SETTING' settings.tbl && rows RULE settings.tbl && rows SPELLING settings.tbl; } |
		missing "$(text "$pages/weir-policy.5")")" "" "weir-policy(5) has every setting"
	is "$(rows EACH settings.tbl | sed 's/\*/SEVERITY/' | missing "$(text "$pages/weir-policy.5")")" "" \
		"weir-policy(5) has every setting by severity"
	is "$(sed -n 's/^FIELD("[a-z ]*", \([a-z_]*\),.*/\1/p' "$TOP/tables/fields.tbl" |
		missing "$(text "$pages/weir-events.5")")" "" "weir-events(5) has every field"
	is "$(names EVENT events.tbl | missing "$(text "$pages/weir-events.5")")" "" "weir-events(5) has every event"
	is "$(names FINDING findings.tbl | missing "$(text "$pages/weir-findings.5")")" "" "weir-findings(5) has every finding"
	if command -v groff >/dev/null; then
		for page in "$pages"/*.[1-9]; do
			is "$(groff -ww -man -K utf8 -T utf8 -z "$page" 2>&1)" "" "$(basename "$page") renders without a warning"
		done
	else
		skip "pages render without a warning" "groff is not installed"
	fi
fi

"$WEIR" completion bash >"$T/weir.bash"
run bash -n "$T/weir.bash"
is "$status $err" "0 " "the completion is bash"
run bash -c '. "$1"; COMP_WORDS=(weir ""); COMP_CWORD=1; _weir; printf "%s\n" "${COMPREPLY[@]}"' - "$T/weir.bash"
is "$(echo "$commands" | missing "$out")" "" "it completes every command"
for command in $commands; do
	options=$("$WEIR" "$command" --help | sed -n 's/^  \(-[A-Za-z]\|  \)[, ] --\([a-z-]*\).*/--\2/p')
	run bash -c '. "$1"; COMP_WORDS=(weir "$2" --); COMP_CWORD=2; _weir; printf "%s\n" "${COMPREPLY[@]}"' - "$T/weir.bash" "$command"
	is "$(echo "$options" | missing "$out")" "" "it completes every option of $command"
done

for name in policy event trajectory; do
	run sh -c '"$1" schema "$2" | jq . | cmp - "$3"' - "$mkman" $name "$TOP/doc/schema/$name.schema.json"
	is "$status$out$err" 0 "doc/schema/$name.schema.json is what the tables make (mkman schema $name | jq .)"
done
schema=$TOP/doc/schema/policy.schema.json
for file in "$TOP"/policies/*.yaml; do
	run "$WEIR" policy check "$file"
	is "$status" 0 "$(basename "$file") is a good policy" "$err"
done

# The list of dependencies is the one that the build links.
linked=$(sed -n "s/.*dependency('\([^']*\)'.*/\1/p" "$TOP/meson.build" "$TOP"/src/*/meson.build "$TOP/tests/unit/meson.build" | sed 's/-0.1$//; s/^sqlite3$/SQLite/; s/^yaml$/libyaml/; s/^libcares$/c-ares/')
is "$(echo "$linked" | missing "$(cat "$TOP/doc/dependencies.md")")" "" "doc/dependencies.md has every library that is linked"

# Each library is in the executables that its row names and in no other: nm looks for one symbol of it.
if command -v nm >/dev/null && has unsanitized; then
	while read -r library symbol; do
		row=$(grep "^| $library" "$TOP/doc/dependencies.md")
		for file in "$WEIR" "$(dirname "$WEIR")"/libexec/weir-*[a-z]; do
			[ -f "$file" ] || continue
			case $row in *"\`${file##*/}\`"*) says=yes ;; *) says=no ;; esac
			nm "$file" | grep -Eq " $symbol(@|\$)" && has=yes || has=no
			[ $says = $has ] || echo "$library in ${file##*/}: the list says $says, nm says $has"
		done
	done >"$T/links" <<END
libbpf bpf_object__load
libseccomp seccomp_init
libcap cap_set_proc
libsodium sodium_init
c-ares ares_init_options
SQLite sqlite3_open_v2
libyaml yaml_parser_parse
jansson json_load[a-z_]*
END
	is "$(cat "$T/links")" "" "doc/dependencies.md says which executable holds which library"
else
	skip "which executable holds which library" "nm is not installed, or a sanitizer changes it"
fi

# Reader and schema are two witnesses: a policy in JSON must please both or neither.
number=0
judge() { # yes|no JSON
	number=$((number + 1))
	printf '%s' "$2" >"$T/policy-$number.json"
	run "$WEIR" policy show "$T/policy-$number.json"
	[ "$status" = 0 ] && reader=yes || reader=no
	"$TOP/script/check-schema" "$schema" "$T/policy-$number.json" >/dev/null 2>&1 && checker=yes || checker=no
	is "reader $reader, schema $checker" "reader $1, schema $1" "judged alike: $2"
}
if python3 -c 'import jsonschema' 2>/dev/null; then
	judge yes '{}'
	judge yes '{"version":1,"identity":"root","compute":{"cpus":0.5,"memory":"4G","pids":64,"cpu_time":"unlimited"}}'
	judge yes '{"files":{"workspace":"w","read":["/usr"],"protect":["tests/"],"sensitive":["*.key"]},"time":"90s"}'
	judge yes '{"network":{"allow":[{"host":"*.example.org","ports":[443],"protocol":"tls"}],"phases":{"setup":"public"}}}'
	judge yes '{"on":{"high":"kill"},"notify":{"critical":{"syslog":true,"command":"/bin/page"}},"degrade":["landlock"]}'
	judge yes '{"defaultAction":"deny","egress":[{"action":"allow","target":"*.example.com"}]}'
	judge yes '{"network_mode":"allowlist","allowed_hosts":["pypi.org"]}'
	judge no '{"compute":{"memroy":"4G"}}'
	judge no '{"compute":{"memory":4}}'
	judge no '{"compute":{"memory":"4GB"}}'
	judge no '{"compute":{"pids":"64"}}'
	judge no '{"compute":{"pids":1}}'
	judge no '{"time":"30"}'
	judge no '{"background":"never"}'
	judge no '{"notify":{"high":{"syslog":"yes"}}}'
	judge no '{"on":{"hihg":"kill"}}'
	judge no '{"files":{"read":["usr"]}}'
	judge no '{"files":{"protect":["/etc"]}}'
	judge no '{"network":{"allow":[{"ports":[443]}]}}'
	judge no '{"network":{"allow":[{"host":"a.org","ports":[70000]}]}}'
	judge no '{"environment":["1A=2"]}'
	judge no '{"version":2}'
	judge no '[]'
else
	skip "reader and schema judge alike" "python3-jsonschema is not installed"
fi

# What show prints is a policy that shows the same.
"$WEIR" policy show >"$T/builtin.yaml"
run "$WEIR" policy show "$T/builtin.yaml"
is "$out" "$(cat "$T/builtin.yaml")" "weir policy show reads back its own output"
run "$WEIR" policy show "$T/none.yaml"
is "$status" 2 "a policy that is not there is wrong usage"
printf 'compute: {gpu: all}\n' >"$T/wide.yaml"
run "$WEIR" policy check "$T/wide.yaml"
is "$status" 2 "a policy that cannot be enforced is refused"
like "$err" 'wide.yaml: .*compute.gpu: all' "by the name of its key"
finish
