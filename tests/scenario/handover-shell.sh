#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The state of a shell as a hand-over: what an earlier call set in it and a later one can see or use makes an edge,
# what it can neither see nor use makes none. That the state worked is seen in what the later call printed, and
# that its twin without the state is another in the same.
. "$(dirname "$0")/../replay/lib_trajectory.sh"
need root cgroup2 bpf cc

cat >"$T/evil.c" <<'END'
#include <unistd.h>
__attribute__((constructor)) static void loaded(void) { write(1, "preloaded\n", 10); }
END
cc -shared -fPIC -o "$T/evil.so" "$T/evil.c" || exit 1
printf 'version: 1\nshell: session\n' >"$T/session.yaml"

# What is said of call N's beginning: from, what, one a line.
begun() { "$WEIR" events -f json | jq -r "select(.kind == \"handover\" and .call == $1 and .edge == \"state\") | \"\(.from): \(.path)\""; }
# The calls behind the programs that call N executed.
behind() { "$WEIR" events -f json | jq -r "select(.kind == \"exec\" and .call == $1) | .via[]? | \"\(.call) \(.kind)\"" | sort -u | tr '\n' ' '; }
# Files that no call wrote.
plant() {
	begin
	cp "$T/evil.so" "$T/work/evil.so"
	mkdir -p "$T/work/bin" "$T/work/sub"
	printf '#!/bin/sh\necho planted\n' >"$T/work/bin/date"
	echo 'echo from ENV' >"$T/work/env.sh"
	echo echo >"$T/work/code"
	echo here >"$T/work/sub/where"
	echo top >"$T/work/where"
	chmod -R a+rX "$T/work"
	chmod a+x "$T/work/bin/date"
}

# A call that sets something, one that acts through it: what the second printed, and the names in the edge.
edge() { # first second output names
	plant
	sh_call "$1"
	sh_call "$2"
	replay
	is "$(output 2)" "$3" "$1 | $2: the state worked"
	is "$(begun 2)" "1: $4" "and is said: $4"
	case $(behind 2) in
	*'1 state '* | '') ok 0 "and stands behind what the call executes" ;;
	*) ok 1 "and stands behind what the call executes" "$(behind 2)" ;;
	esac
}
edge 'git() { echo mine; }' '/bin/true; git status' mine 'function git'
edge 'alias ll="/bin/echo mine"' 'll' mine 'alias ll'
edge 'f() { /bin/echo "$W"; }; alias g=f; W=inner' 'g' inner 'W, alias g, function f'
edge 'export WHO=me' '/bin/sh -c "echo \$WHO"' me WHO
edge 'WHO=me' '/bin/echo "$WHO"' me WHO
edge 'WHO=me' 'x=WHO; /bin/echo "${!x}"' me WHO
edge 'WHO=me' 'eval "$(cat code) \$WH""O"' me WHO
edge 'f() { echo mine; }; export -f f' 'bash -c f' mine 'function f'
edge 'PATH=/work/bin:$PATH' 'date' planted PATH
edge 'export LD_PRELOAD=/work/evil.so' '/bin/echo hi' 'preloaded
hi' LD_PRELOAD
edge 'export BASH_ENV=/work/env.sh' 'bash -c "echo hi"' 'from ENV
hi' BASH_ENV
edge 'export ENV=/work/env.sh' 'sh -i -c "echo hi" 2>/dev/null' 'from ENV
hi' ENV
edge 'set -e' '/bin/false; echo never' '' 'option errexit'
edge 'shopt -s nullglob' '/bin/echo /nothing*' '' 'option nullglob'
edge 'IFS=:' 'x=a:b; /bin/echo $x' 'a b' IFS
edge 'command_not_found_handle() { /bin/echo "instead of $1"; }' 'no-such-command' 'instead of no-such-command' 'function command_not_found_handle'
edge 'umask 077' '/bin/true >new; stat -c %a new' 600 umask
edge 'cd sub' '/bin/cat where' here directory
edge 'cd sub; cd ..' 'cd - >/dev/null; /bin/cat where' here OLDPWD
edge 'unset HOME' '/bin/echo ${HOME-none}' none HOME
edge 'date() { echo mine; }; cd sub; PATH=/work/bin:$PATH' 'd\ate' mine 'directory, PATH, function date'
edge 'date() { echo mine; }' 'x=da; ${x}te' mine 'function date'
# what a call pretends in the descriptor where the state goes is what the next one gets
edge 'printf "%s\n" "cd -- /work" "PATH=/work/bin:\$PATH" "{ :" "}" "# end of state" >&253; exec 253>&-' 'date' planted state
edge 'x="a[\$(/bin/echo mine >&2)]"; declare -i x' '/bin/true' '' state
edge 'builtin() { command builtin "$@"; }' '/bin/true' '' 'function builtin'

# The same second calls, of which the first is no cause; and what is set and not looked at.
innocent() { # first second output
	plant
	sh_call "$1"
	sh_call "$2"
	replay
	is "$(output 2)" "$3" "$1 | $2: nothing of it is seen"
	is "$(begun 2)$(behind 2)" "" "and there is no edge"
}
innocent 'FOO=1; git() { :; }; alias x=y' '/bin/cat FOO 2>/dev/null; /bin/echo git.txt' 'git.txt'
innocent '(export WHO=me; cd sub; PATH=/work/bin); umask 022' '/bin/echo ${WHO-none}; /bin/cat where' 'none
top'
innocent 'for i in 1 2; do n=$i; done' 'for i in a b; do /bin/echo $i; done' 'a
b'
innocent 'cd sub' 'cd /work && /bin/cat where' top
innocent 'cd sub' 'echo hi' hi
innocent 'cd sub; cd /work; OLDPWD=$PWD; export X=1; unset X; set -e; set +e' '/bin/cat where' top
innocent 'trap "/bin/echo mine" EXIT DEBUG' '/bin/true' ''
innocent 'hash -p /work/bin/date date; BASH_CMDS[ls]=/work/bin/date; RANDOM=5; : $RANDOM' 'date +%%; /bin/echo $BASHPID >/dev/null' %
innocent 'exec sleep 0' '/bin/echo hi' hi

# Whose it is: the call that set it last; a chain brings those before it along.
plant
sh_call 'export A=1'
sh_call 'export B=$A'
sh_call 'unset A; unset B'
sh_call '/bin/true'
sh_call 'export A=1'
sh_call 'export A=2'
sh_call '/bin/true'
replay
is "$(begun 3 | tr '\n' ' ')" "1: A 2: B " "each of two calls stands behind what both set"
is "$(begun 4)$(behind 4)" "" "what is as in a clean shell again is nobody's"
is "$(begun 7)" "6: A" "the last call that set it"
is "$(behind 7)" "5 state 6 state " "and with it the one whose state that one began with"
plant
sh_call 'echo "export Y=1" >planted; chmod 644 planted'
sh_call '. ./planted'
sh_call '/bin/true'
replay
like "$(behind 3)" '1 read 2 state' "what a shell had taken over comes along with the state that it leaves"

# Side by side: each begins with what the step began with.
plant
sh_call 'export A=1'
sh_call 'export B=1; sleep 0.2; /bin/true'
beside 'sleep 0.1; /bin/true'
sh_call '/bin/true'
replay
is "$(behind 3)" "1 state " "a call beside another takes nothing from it"
is "$(begun 4)" "1: A
2: B" "the next one has what the last of them left"

# More calls than one list holds: the nearest, and that there are others.
plant
for i in $(seq 1 70); do sh_call "export V$i=1"; done
sh_call '/bin/echo here'
replay
is "$(output 71)" here "seventy calls set something: the next one runs"
is "$(begun 71 | sed -n '1p;$p' | tr '\n' ' ')" "8: V8 70: V70 " "and has the last of them as edges"
like "$("$WEIR" events -f json | jq -r 'select(.kind == "handover" and .call == 71 and .edge == "unknown") | "\(.from) \(.path)"')" \
	'^null earlier calls' "and one that says there are more"

# What a shell hands on is out of reach of other calls.
plant
sh_call '(for i in $(seq 1 60); do for f in /proc/[0-9]*/fd/253; do { echo x >>"$f" && echo "$f" >>reached; } 2>>refused; done; sleep 0.02; done) >/dev/null 2>&1 & sleep 0.1'
sh_call 'export A=1; sleep 0.5'
sh_call '/bin/true'
replay
is "$(cat "$T/work/reached" 2>/dev/null)" "" "a process of another call cannot write into a state"
like "$(cat "$T/work/refused")" 'Permission denied' "because the kernel refuses it"
is "$(begun 3)" "2: A" "which arrives as it was left"

# What a call changed is told as its effect, bounded.
plant
sh_call 'cd sub; export A="a b"; f() { echo hi; }; alias x=y; set -u; umask 027; unset HOME'
sh_call 'unset A; f() { echo ho; }; cd /work'
sh_call 'for i in $(seq 1 400); do declare V$i=1; done'
replay
changes() { "$WEIR" events -f json --call "$1" --kind state | jq -r '"\(.change) \(.part) \(.name)"' | sort | tr '\n' ';'; }
is "$(changes 1)" "added alias x;added function f;added option nounset;added variable A;changed directory directory;changed umask umask;removed variable HOME;" \
	"what the call changed"
is "$(changes 2)" "changed directory directory;changed function f;removed variable A;" "what the next one changed of that"
is "$("$WEIR" events -f json --call 1 --kind state | jq -r 'select(.name == "A") | .is')" '"a b"' "with its value"
is "$("$WEIR" events -f json --call 3 --kind state | wc -l)" 257 "a flood of changes is cut"
like "$("$WEIR" events -f json --call 3 --kind state | jq -r .name | tail -n 1)" '^14[0-9] more$' "and the rest counted"
like "$("$WEIR" report)" 'changed the shell: directory, A, umask, option nounset, alias x, function f|changed the shell: directory, A, HOME' "the report says so"
is "$("$WEIR" report -f json | jq -r '.calls[2].shell')" "directory, A, function f" "in JSON too"

# Large and odd states.
plant
sh_call 'for i in $(seq 1 3000); do eval "f$i() { :; }"; done; x=$(printf "\001\377\n"); export x'
sh_call '/bin/true'
sh_call 'f77; /bin/true'
sh_call 'big=$(head -c 2000000 /dev/zero | tr "\0" a); export big'
sh_call 'echo ${#big}'
replay
is "$(begun 2)" "1: x" "three thousand functions, none called"
is "$(begun 3)" "1: x, function f77" "one called"
is "$(output 5)" 0 "a state over the maximum is not carried on"

# A shell of one's own in its place: the run's own PATH says which bash starts a call.
plant
sh_call 'mkdir -p bin; printf "#!/bin/sh\necho planted\n" >bin/bash; chmod +x bin/bash; export PATH=/work/bin:$PATH; export BASH=/work/bin/bash SHELL=/work/bin/bash'
sh_call 'readlink /proc/$$/exe'
sh_call 'bash -c "echo real"'
replay
is "$(output 2)" /usr/bin/bash "a planted bash does not start the next call"
is "$(output 3)" planted "it starts where the call itself asks for it"
like "$(behind 3)" '1 executed.*1 state' "with both edges"

# weir's own file tools: what they wrote is their call's.
plant
call write_file '{"path":"tool.sh","content":"/bin/echo from the tool\n"}'
call str_replace '{"path":"where","old_str":"top","new_str":"changed"}'
sh_call 'sh tool.sh'
sh_call 'cat where'
replay
is "$(output 3)$(behind 3)" "from the tool1 read " "a script from write_file"
like "$("$WEIR" events -f json --call 4 --kind handover | jq -r '"\(.from) \(.edge)"')" '^2 read$' "a file from str_replace"

# A living shell: the calls before it in the same shell, and what can be seen of it from outside.
plant
sh_call 'f() { /bin/echo mine; }; cd sub; umask 027; trap "" USR1; exec 5<where; ulimit -n 64'
sh_call '/bin/true'
sh_call 'f; exec 5<&-'
replay -p "$T/session.yaml"
is "$(output 3)" mine "session: the shell lives"
is "$(behind 3)" "1 session 2 session " "session: all that worked in it stand behind the next, however far back"
is "$(changes 1)" "added descriptor 5;added signal USR1;changed directory directory;changed limit Max open files;changed umask umask;" \
	"session: what a call left in it, as /proc shows it"
is "$(changes 2)$(changes 3)" "removed descriptor 5;" "session: and what it left as it was"
finish
