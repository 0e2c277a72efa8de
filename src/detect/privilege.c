// SPDX-License-Identifier: Apache-2.0
/* Privileged operations, refused or (worse) allowed. The table says how bad each is; the few
 * special cases below it are what ordinary tools do all day: a debugger that asks to be traced, a
 * sanitizer that traces its own process, a compiler that switches off address randomisation, a C
 * library that looks for clone3. They are known by what they ask for, never by their name.
 *
 * Until its first exec a call's process runs weir's own launcher, which enters namespaces and drops
 * privileges; those operations, and only while nothing else was executed, are weir's. */
#include <errno.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "base/text_escape.h"
#include "detect/detection.h"

#define NONE (-1)
#define PERSONALITY_QUERY 0xffffffffu
#define TARGET_WIDTH 60

struct weight {
	int refused, allowed; /* enum severity, or NONE */
	const char *attack;   /* NULL: the row's */
};

static const struct weight weights[PRIVILEGE_OP_COUNT] = {
	[PRIVILEGE_SETUID] = { SEVERITY_LOW, NONE, "T1548" },
	[PRIVILEGE_SETGID] = { SEVERITY_LOW, NONE, "T1548" },
	[PRIVILEGE_SETGROUPS] = { SEVERITY_LOW, NONE, "T1548" },
	[PRIVILEGE_CAPSET] = { SEVERITY_LOW, NONE, "T1548" },
	[PRIVILEGE_PTRACE] = { SEVERITY_MEDIUM, SEVERITY_HIGH, "T1055.008" },
	[PRIVILEGE_MOUNT] = { SEVERITY_MEDIUM, SEVERITY_CRITICAL, NULL },
	[PRIVILEGE_NAMESPACE] = { SEVERITY_MEDIUM, SEVERITY_HIGH, NULL },
	[PRIVILEGE_BPF] = { SEVERITY_MEDIUM, SEVERITY_CRITICAL, "T1014" },
	[PRIVILEGE_MODULE] = { SEVERITY_HIGH, SEVERITY_CRITICAL, "T1547.006" },
	[PRIVILEGE_KEYCTL] = { SEVERITY_MEDIUM, SEVERITY_HIGH, "T1555" },
	[PRIVILEGE_IO_URING] = { SEVERITY_LOW, SEVERITY_MEDIUM, NULL },
	[PRIVILEGE_PERF] = { SEVERITY_LOW, SEVERITY_MEDIUM, NULL },
	[PRIVILEGE_PROC_MEMORY] = { NONE, NONE, NULL }, /* sensitive_read's */
	[PRIVILEGE_KEXEC] = { SEVERITY_HIGH, SEVERITY_CRITICAL, NULL },
	[PRIVILEGE_USERFAULTFD] = { SEVERITY_LOW, SEVERITY_MEDIUM, NULL },
	[PRIVILEGE_CHROOT] = { SEVERITY_MEDIUM, SEVERITY_HIGH, NULL },
	[PRIVILEGE_PERSONALITY] = { SEVERITY_LOW, NONE, NULL },
	[PRIVILEGE_REBOOT] = { SEVERITY_HIGH, SEVERITY_CRITICAL, "T1529" },
	[PRIVILEGE_CLOCK] = { SEVERITY_MEDIUM, SEVERITY_HIGH, "T1070.006" },
	[PRIVILEGE_HANDLE] = { SEVERITY_HIGH, SEVERITY_CRITICAL, NULL },
	[PRIVILEGE_HOSTNAME] = { SEVERITY_LOW, SEVERITY_LOW, NULL },
	[PRIVILEGE_SWAP] = { SEVERITY_MEDIUM, SEVERITY_HIGH, NULL },
	[PRIVILEGE_OTHER] = { SEVERITY_LOW, NONE, NULL },
};

/* What the launcher does between clone and exec. */
static bool is_launcher(const struct detection *d, const struct event_view *e)
{
	const uint32_t own = 1u << PRIVILEGE_SETUID | 1u << PRIVILEGE_SETGID |
			     1u << PRIVILEGE_SETGROUPS | 1u << PRIVILEGE_CAPSET |
			     1u << PRIVILEGE_MOUNT | 1u << PRIVILEGE_NAMESPACE |
			     1u << PRIVILEGE_CHROOT | 1u << PRIVILEGE_HOSTNAME;
	const struct process *p = detection_process(d, e->h);

	return p && p->exec_seq == 0 && (own & 1u << e->privilege->op);
}

/* Tracing within one call is debugging. A process that asks its parent to trace it, or that traces
 * its own parent (how a leak checker looks at the program it is part of), is no stranger's either.
 */
static int ptrace_severity(const struct detection *d, const struct event_view *e)
{
	const struct event_privilege *p = e->privilege;
	const struct process *target = detection_target(d, e);
	bool stranger = !target || target->call != e->h->call;

	if (p->result == -ESRCH || p->result == -ECHILD)
		return NONE;
	if (p->arguments[0] != PTRACE_ATTACH && p->arguments[0] != PTRACE_SEIZE)
		return p->result < 0 ? SEVERITY_LOW : NONE;
	if (p->result < 0)
		return stranger ? SEVERITY_MEDIUM : SEVERITY_LOW;
	return stranger ? SEVERITY_HIGH : NONE;
}

static bool wants_root(const struct event_privilege *p)
{
	size_t count = p->syscall == SYS_setresuid ? 3 : p->syscall == SYS_setreuid ? 2 : 1;

	for (size_t i = 0; i < count; i++)
		if ((uint32_t)p->arguments[i] == 0)
			return true;
	return false;
}

static int severity_of(const struct detection *d, const struct event_view *e)
{
	const struct event_privilege *p = e->privilege;
	const struct weight *weight = &weights[p->op];
	bool refused = p->result < 0;

	switch ((enum privilege_op)p->op) {
	case PRIVILEGE_PTRACE:
		return ptrace_severity(d, e);
	case PRIVILEGE_SETUID:
		return refused && wants_root(p) ? SEVERITY_MEDIUM
		       : refused		? weight->refused
						: weight->allowed;
	case PRIVILEGE_PERSONALITY:
		if ((uint32_t)p->arguments[0] == PERSONALITY_QUERY ||
		    !(p->arguments[0] & ~(uint64_t)(PER_MASK | ADDR_NO_RANDOMIZE)))
			return NONE;
		break;
	case PRIVILEGE_NAMESPACE:
		/* The C library takes ENOSYS as "use clone". */
		if (p->syscall == SYS_clone3 && p->result == -ENOSYS)
			return NONE;
		break;
	case PRIVILEGE_HANDLE:
		/* Making a handle is harmless, opening one is not. */
		if (p->syscall == SYS_name_to_handle_at)
			return NONE;
		break;
	default:
		break;
	}
	return refused ? weight->refused : weight->allowed;
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	const struct event_privilege *p = e->privilege;
	int severity = severity_of(d, e);
	cleanup_buf struct buf text = { 0 };
	struct finding f;

	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	if (severity == NONE || is_launcher(d, e) || (e->h->flags & EVENT_ENTERING))
		return;
	finding_begin(d, FINDING_PRIVILEGE, e, &f);
	f.severity = (enum severity)severity;
	f.verdict = p->result < 0 ? VERDICT_BLOCKED : VERDICT_OBSERVED;
	if (weights[p->op].attack)
		finding_technique(&f, weights[p->op].attack);
	buf_printf(&text, "privileged operation %s", privilege_op_name((enum privilege_op)p->op));
	if (e->text[0].size) {
		buf_add_text(&text, " on ");
		text_escape_cut(&text, e->text[0].data, e->text[0].size, TARGET_WIDTH);
	} else if (p->target_pid) {
		buf_printf(&text, " on process %u", p->target_pid);
	}
	buf_add_text(&text, p->result < 0 ? " was refused" : " was allowed");
	finding_say_program(d, e->h, &text);
	finding_say(&f, &text);
	detection_report_again(d, &f, (uint64_t)p->op << 1 | (p->result < 0));
}

const struct detector privilege_detector = {
	.kind = FINDING_PRIVILEGE,
	.wants = 1u << EVENT_PRIVILEGE,
	.on_event = on_event,
};
