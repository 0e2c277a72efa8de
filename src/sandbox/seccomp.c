// SPDX-License-Identifier: Apache-2.0
/* Barrier seccomp: the allow-list of seccomp.tbl as a search tree over ranges of call numbers, with
 * a few calls judged by their arguments. Arguments are compared by their low 32 bits, as the kernel
 * takes these calls' int parameters (CVE-2019-7303 came of comparing 64). Foreign architectures and
 * x32 are killed. */
#include "sandbox/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sandbox/barrier.h"
#include "sandbox/kernel.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "the call numbers of this architecture have not been looked at"
#endif

#define NUMBERS 512 /* calls above do not exist for a sandbox */
#define LEAVES_MAX NUMBERS
#define RETURN_ERRNO(e) (SECCOMP_RET_ERRNO | (e))
#define NAMESPACE_FLAGS                                                                \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

enum verdict {
	UNKNOWN, /* ENOSYS */
	ALLOW,
	REFUSE,
	NOTIFY,
	SOCKET, /* from here on the arguments decide */
	SOCKETPAIR,
	CLONE,
	UNSHARE,
	IOCTL,
	PERSONALITY,
	MKNOD,
	MKNODAT,
	SECCOMP,
	SENDTO,
	VERDICT_COUNT
};

struct range {
	uint32_t first; /* up to the next range's first */
	enum verdict verdict;
};

struct program {
	struct sock_filter *code;
	uint32_t size, room;
	struct range ranges[LEAVES_MAX];
	uint32_t range_count;
	/* leaves that jump to the code of their verdict, which comes behind the tree */
	struct {
		uint32_t at;
		enum verdict verdict;
	} jumps[64];
	uint32_t jump_count;
	int error;
};

static uint32_t emit(struct program *p, uint16_t code, uint32_t k)
{
	if (p->size == p->room) {
		p->error = -ENOBUFS;
		return 0;
	}
	p->code[p->size] = (struct sock_filter){ .code = code, .k = k };
	return p->size++;
}

static void emit_return(struct program *p, uint32_t value)
{
	emit(p, BPF_RET | BPF_K, value);
}

/* A conditional jump: over `skip` instructions when the condition holds, else none. */
static void emit_skip(struct program *p, uint16_t condition, uint32_t k, uint8_t skip)
{
	p->code[emit(p, BPF_JMP | BPF_K | condition, k)].jt = skip;
}

static void load(struct program *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static void load_argument(struct program *p, int index)
{
	size_t offset = offsetof(struct seccomp_data, args) + (size_t)index * sizeof(uint64_t);

	load(p, offset + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0));
}

/* Goes on when the accumulator is one of the values, else fails the call with error. */
static void only(struct program *p, int error, const uint32_t *values, uint8_t count)
{
	for (uint8_t i = 0; i < count; i++)
		emit_skip(p, BPF_JEQ, values[i], (uint8_t)(count - i));
	emit_return(p, RETURN_ERRNO((uint32_t)error));
}

#define ONLY(p, error, ...)                               \
	only(p, error, (const uint32_t[]){ __VA_ARGS__ }, \
	     sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void refuse_value(struct program *p, uint32_t value)
{
	p->code[emit(p, BPF_JMP | BPF_K | BPF_JEQ, value)].jf = 1;
	emit_return(p, RETURN_ERRNO(EPERM));
}

static void refuse_bits(struct program *p, uint32_t mask)
{
	p->code[emit(p, BPF_JMP | BPF_K | BPF_JSET, mask)].jf = 1;
	emit_return(p, RETURN_ERRNO(EPERM));
}

static void load_type(struct program *p)
{
	load_argument(p, 1);
	emit(p, BPF_ALU | BPF_AND | BPF_K, 0xf); /* SOCK_TYPE_MASK */
}

/* {UNIX} x {STREAM, DGRAM, SEQPACKET} and {INET, INET6} x {STREAM: TCP, DGRAM: UDP}. The errors are
 * those of a kernel without the family: libaudit, for one, takes them for "not built in". */
static void judge_socket(struct program *p)
{
	uint32_t at;

	load_argument(p, 0);
	at = emit(p, BPF_JMP | BPF_K | BPF_JEQ, AF_UNIX);
	load_type(p);
	ONLY(p, ESOCKTNOSUPPORT, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET);
	load_argument(p, 2);
	ONLY(p, EPROTONOSUPPORT, 0, PF_UNIX);
	emit_return(p, SECCOMP_RET_ALLOW);
	p->code[at].jf = (uint8_t)(p->size - at - 1);
	ONLY(p, EAFNOSUPPORT, AF_INET, AF_INET6);
	load_type(p);
	at = emit(p, BPF_JMP | BPF_K | BPF_JEQ, SOCK_STREAM);
	load_argument(p, 2);
	ONLY(p, EPROTONOSUPPORT, 0, IPPROTO_TCP);
	emit_return(p, SECCOMP_RET_ALLOW);
	p->code[at].jf = (uint8_t)(p->size - at - 1);
	ONLY(p, ESOCKTNOSUPPORT, SOCK_DGRAM);
	load_argument(p, 2);
	ONLY(p, EPROTONOSUPPORT, 0, IPPROTO_UDP);
}

static void judge_mode(struct program *p, int argument)
{
	load_argument(p, argument);
	emit(p, BPF_ALU | BPF_AND | BPF_K, S_IFMT);
	refuse_value(p, S_IFCHR);
	refuse_value(p, S_IFBLK);
}

static void judge(struct program *p, enum verdict verdict)
{
	switch (verdict) {
	case SOCKET:
		judge_socket(p);
		break;
	case SOCKETPAIR:
		load_argument(p, 0);
		ONLY(p, EAFNOSUPPORT, AF_UNIX);
		break;
	case CLONE:
		load_argument(p, 0);
		refuse_bits(p, NAMESPACE_FLAGS);
		break;
	case UNSHARE:
		load_argument(p, 0);
		refuse_bits(p, NAMESPACE_FLAGS | CLONE_NEWTIME);
		break;
	case IOCTL: /* typing into a terminal; the console; line disciplines */
		load_argument(p, 1);
		refuse_value(p, TIOCSTI);
		refuse_value(p, TIOCLINUX);
		refuse_value(p, TIOCSETD);
		break;
	case PERSONALITY: /* the plain one, and asking */
		load_argument(p, 0);
		ONLY(p, EPERM, 0, 0xffffffffu);
		break;
	case MKNOD:
		judge_mode(p, 1);
		break;
	case MKNODAT:
		judge_mode(p, 2);
		break;
	case SENDTO: /* only with an address: either half of the pointer */
		load(p, offsetof(struct seccomp_data, args[4]));
		p->code[emit(p, BPF_JMP | BPF_K | BPF_JEQ, 0)].jf = 2;
		load(p, offsetof(struct seccomp_data, args[4]) + 4);
		emit_skip(p, BPF_JEQ, 0, 1);
		emit_return(p, SECCOMP_RET_USER_NOTIF);
		break;
	default: /* SECCOMP: a listener would see what others are asked to judge */
		load_argument(p, 1);
		refuse_bits(p, SECCOMP_FILTER_FLAG_NEW_LISTENER);
		break;
	}
	emit_return(p, SECCOMP_RET_ALLOW);
}

static void leaf(struct program *p, enum verdict verdict)
{
	switch (verdict) {
	case UNKNOWN:
		emit_return(p, RETURN_ERRNO(ENOSYS));
		break;
	case ALLOW:
		emit_return(p, SECCOMP_RET_ALLOW);
		break;
	case REFUSE:
		emit_return(p, RETURN_ERRNO(EPERM));
		break;
	case NOTIFY:
		emit_return(p, SECCOMP_RET_USER_NOTIF);
		break;
	default:
		if (p->jump_count == ARRAY_LENGTH(p->jumps)) {
			p->error = -ENOBUFS;
			return;
		}
		p->jumps[p->jump_count].verdict = verdict;
		p->jumps[p->jump_count++].at = emit(p, BPF_JMP | BPF_JA, 0);
	}
}

/* The search for the range that holds the accumulator, among ranges first..last. */
static void tree(struct program *p, uint32_t first, uint32_t last)
{
	uint32_t middle = (first + last + 1) / 2;
	uint32_t at, distance;

	if (first == last) {
		leaf(p, p->ranges[first].verdict);
		return;
	}
	at = emit(p, BPF_JMP | BPF_K | BPF_JGE, p->ranges[middle].first);
	tree(p, first, middle - 1);
	distance = p->size - at - 1;
	if (distance > UINT8_MAX) {
		p->error = -ENOBUFS;
		return;
	}
	p->code[at].jt = (uint8_t)distance;
	tree(p, middle, last);
}

static void ranges_make(struct program *p, const uint8_t verdicts[NUMBERS])
{
	for (uint32_t n = 0; n < NUMBERS; n++) {
		if (n == 0 || verdicts[n] != verdicts[n - 1])
			p->ranges[p->range_count++] =
				(struct range){ .first = n, .verdict = verdicts[n] };
	}
}

static int compile(const uint8_t verdicts[NUMBERS], uint32_t foreign, struct sock_filter *ret,
		   uint32_t room)
{
	struct program p = { .code = ret, .room = room };

	load(&p, offsetof(struct seccomp_data, arch));
	emit_skip(&p, BPF_JEQ, NATIVE_ARCH, 1);
	emit_return(&p, foreign);
	load(&p, offsetof(struct seccomp_data, nr));
#ifdef X32_BIT
	p.code[emit(&p, BPF_JMP | BPF_K | BPF_JGE, X32_BIT)].jf = 1;
	emit_return(&p, foreign);
#endif
	ranges_make(&p, verdicts);
	tree(&p, 0, p.range_count - 1);
	for (int v = SOCKET; v < VERDICT_COUNT; v++) {
		bool used = false;

		for (uint32_t i = 0; i < p.jump_count; i++) {
			if ((int)p.jumps[i].verdict != v)
				continue;
			p.code[p.jumps[i].at].k = p.size - p.jumps[i].at - 1;
			used = true;
		}
		if (used)
			judge(&p, (enum verdict)v);
	}
	return p.error ? p.error : (int)p.size;
}

/* The last number stays UNKNOWN, and with it everything above. */
static const uint8_t standard[NUMBERS] = {
#define CALL(number, verdict) [number] = verdict,
#include "sandbox/seccomp.tbl"
#undef CALL
};

enum notify_answer { ANSWER_CONTINUE, ANSWER_REFUSE };

static const struct {
	int number;
	enum notify_answer answer;
} notified[] = {
#define NOTIFY(name, how, answer) { __NR_##name, ANSWER_##answer },
#include "tables/notify.tbl"
#undef NOTIFY
};

int seccomp_program(struct sock_filter *ret, uint32_t room)
{
	return compile(standard, SECCOMP_RET_KILL_PROCESS, ret, room);
}

int seccomp_program_told(enum sandbox_told told, struct sock_filter *ret, uint32_t room)
{
	uint8_t verdicts[NUMBERS];

	memcpy(verdicts, standard, sizeof(verdicts));
	for (size_t i = 0; told == TOLD_ALL && i < ARRAY_LENGTH(notified); i++) {
		if (notified[i].answer == ANSWER_REFUSE)
			verdicts[notified[i].number] = ALLOW;
	}
	return compile(verdicts, SECCOMP_RET_KILL_PROCESS, ret, room);
}

int seccomp_listener(enum sandbox_told told, struct sock_filter *ret, uint32_t room)
{
	uint8_t verdicts[NUMBERS];

	memset(verdicts, ALLOW, sizeof(verdicts));
	verdicts[SYS_execve] = verdicts[SYS_execveat] = NOTIFY;
	for (size_t i = 0; told == TOLD_ALL && i < ARRAY_LENGTH(notified); i++)
		verdicts[notified[i].number] = NOTIFY;
	if (told == TOLD_ALL)
		verdicts[SYS_sendto] = SENDTO;
	return compile(verdicts, SECCOMP_RET_ALLOW, ret, room);
}

bool seccomp_listener_refuses(int number)
{
	for (size_t i = 0; i < ARRAY_LENGTH(notified); i++) {
		if (notified[i].number == number)
			return notified[i].answer == ANSWER_REFUSE;
	}
	return false;
}

static int plan(struct sandbox_plan *p, struct fail *f)
{
	struct plan_image *image = p->image;
	int size = seccomp_program(image->filter, ARRAY_LENGTH(image->filter));

	if (size < 0)
		return fail(f, -size, "make the system call filter");
	image->filter_count = (uint32_t)size;
	plan_step(p, STAGE_CALL, STEP_SECCOMP, NULL, NULL);
	return 0;
}

static void probe(const struct host *host, struct doctor_line *ret)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		doctor_says(ret, STATE_UNAVAILABLE, "this kernel has no seccomp filters",
			    "a kernel with CONFIG_SECCOMP_FILTER, 4.14 or later");
}

const struct barrier barrier_seccomp = {
	.name = "seccomp",
	.about = "system calls by allow-list; sockets by family, type and protocol",
	.probe = probe,
	.plan = plan,
};
