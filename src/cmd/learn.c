// SPDX-License-Identifier: Apache-2.0
/* weir policy learn; see learn.h. The run is an ordinary `weir run` under a policy that lets out
 * what weir dares: every name, every public address, and datagrams by rules that say so. What it
 * did is read from its record, whose bytes are the agent's: hosts are checked again, reasons
 * escaped. */
#include "cmd/learn.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text_escape.h"
#include "bpf/event_decode.h"
#include "cmd/command.h"
#include "cmd/preset.h"
#include "policy/egress.h"
#include "policy/learn.h"
#include "policy/setting.h"
#include "store/record.h"

#define REMARKS_MAX 64 /* destinations that are told but not allowed */

extern const struct command command_run;

struct learning {
	struct learn seen;
	struct text_list remarks; /* "10.0.0.1 port 22 (private)" */
	uint64_t unsaid;	  /* remarks that had no room */
};

/* What is watched: everything that may pass without naming it. */
static int open_network(struct policy *p)
{
	static const char *const datagrams[] = { "*", "0.0.0.0/0", "::/0" };
	static const bool given[3] = { false };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(datagrams) && r == 0; i++) {
		struct network_rule rule = NETWORK_RULE_NEW;

		rule.transport = TRANSPORT_UDP;
		rule.host = strdup(datagrams[i]);
		r = rule.host ? network_rule_add(p, &rule) : -ENOMEM;
	}
	p->network.standard = DEFAULT_ALLOW;
	network_phases_derive(p, given);
	return r;
}

static int read_base(const char *base, struct policy *ret, struct fail *f)
{
	int r = base ? preset_read(base, ret, f) : policy_builtin(ret);

	if (r < 0)
		return base ? r : fail(f, -r, "the built-in policy");
	network_rules_clear(ret);
	return 0;
}

/* The watching policy as a file that only this process has. */
static int watching_file(const char *base, struct fail *f)
{
	cleanup_policy struct policy p = { 0 };
	cleanup_buf struct buf text = { 0 };
	cleanup_fd int fd = -1;
	int r = read_base(base, &p, f);

	if (r < 0)
		return r;
	buf_init(&text, 8 * POLICY_BYTES_MAX);
	fd = memfd_create("policy", MFD_CLOEXEC);
	if (open_network(&p) < 0 || fd < 0)
		return fail(f, fd < 0 ? errno : ENOMEM, "the policy to watch by");
	policy_print(&p, &text);
	r = text.error ? text.error : file_write_all(fd, buf_text(&text), text.size);
	return r < 0 ? fail(f, -r, "the policy to watch by") : take_fd(&fd);
}

/* Runs the command as `weir run` does, its standard output on our standard error. */
static int watch(int policy, const char *store, const char *name, char **argv)
{
	char path[32],
		*head[] = { "run", "-p", path, "-n", (char *)name, "-s", (char *)store, "--" };
	cleanup_fd int saved = dup(STDOUT_FILENO);
	cleanup_free char **words = NULL;
	size_t count = 0;
	int status;

	while (argv[count])
		count++;
	words = calloc(ARRAY_LENGTH(head) + count + 1, sizeof(*words));
	if (!words || saved < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		log_error("cannot run %s: %s", *argv, strerror(errno));
		return EXIT_WEIR_FAILED;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", policy);
	memcpy(words, head, sizeof(head));
	memcpy(words + ARRAY_LENGTH(head), argv, count * sizeof(*words));
	status = command_run.run((int)(ARRAY_LENGTH(head) + count), words);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	return status;
}

static void remark(struct learning *l, const char *host, uint16_t port, bool udp, const char *why,
		   size_t why_size)
{
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, 2048);
	text_escape_cut(&text, host, strlen(host), EGRESS_NAME_MAX);
	buf_printf(&text, "%s port %u", udp ? " UDP" : "", port);
	if (why_size) {
		buf_add_text(&text, ": ");
		text_escape_cut(&text, why, why_size, 200);
	}
	for (size_t i = 0; i < l->remarks.count; i++)
		if (strcmp(l->remarks.items[i], buf_text(&text)) == 0)
			return;
	if (l->remarks.count == REMARKS_MAX)
		l->unsaid++;
	else
		text_list_add(&l->remarks, buf_text(&text), text.size);
}

/* By the name that was asked for; by address only where there was none. */
static int learn_flow(struct learning *l, const struct event_view *e)
{
	const struct event_flow *f = e->flow;
	bool udp = f->transport == IPPROTO_UDP;
	char host[EGRESS_NAME_MAX + 1];
	struct egress_address a;

	memcpy(a.bytes, f->address, sizeof(a.bytes));
	/* Ports that the outside reaches and sockets that are carried are no rule's. */
	if (f->direction || (egress_special(&a) && strcmp(egress_special(&a), "loopback") == 0))
		return 0;
	if (!e->text[0].size)
		egress_address_text(&a, host);
	else if (egress_name_clean(e->text[0].data, e->text[0].size, host) < 0)
		return 0;
	if (f->state == FLOW_CUT) { /* what passed before was told when it was opened */
		if (!f->out_port || f->error)
			remark(l, host, f->port, udp, e->text[2].data, e->text[2].size);
		return 0;
	}
	return learn_add(&l->seen, host, udp ? TRANSPORT_UDP : TRANSPORT_TCP, f->port,
			 f->protocol == PROTOCOL_UNKNOWN ? NULL : protocol_name(f->protocol));
}

/* Refused by the kernel: there was no flow. */
static void learn_refused(struct learning *l, const struct event_net *n)
{
	struct egress_address a = { .bytes = { [10] = 0xff, [11] = 0xff } };
	char host[EGRESS_ADDRESS_TEXT];
	const char *why;

	if (n->result != -EPERM || (n->family != AF_INET && n->family != AF_INET6))
		return;
	memcpy(a.bytes + (n->family == AF_INET ? 12 : 0), n->address,
	       n->family == AF_INET ? 4 : 16);
	egress_address_text(&a, host);
	why = egress_special(&a);
	remark(l, host, n->port, n->type == SOCK_DGRAM, why, why ? strlen(why) : 0);
}

static int learn_name(struct learning *l, const struct event_view *e)
{
	char host[EGRESS_NAME_MAX + 1];

	if (e->dns->verdict != DNS_ANSWERED ||
	    egress_name_clean(e->text[0].data, e->text[0].size, host) < 0)
		return 0;
	return learn_add(&l->seen, host, TRANSPORT_TCP, LEARN_NAME_ALONE, NULL);
}

static int learn_frame(struct learning *l, const struct frame *frame)
{
	if (frame->kind == EVENT_FLOW)
		return learn_flow(l, &frame->event);
	if (frame->kind == EVENT_DNS)
		return learn_name(l, &frame->event);
	if (frame->kind == EVENT_CONNECT || frame->kind == EVENT_SEND)
		learn_refused(l, frame->event.net);
	return 0;
}

static int read_record(const char *store, const char *name, struct learning *l, struct fail *f)
{
	struct frame_reader *reader = NULL;
	struct store *s = NULL;
	char id[RUN_ID_SIZE];
	struct frame frame;
	int r = store_open(store, &s, f);

	if (r >= 0)
		r = store_run_name(s, name, id, f);
	if (r >= 0)
		r = frame_reader_open(s, id, 1, &reader, f);
	while (r >= 0 && (r = frame_reader_next(reader, &frame, f)) > 0) {
		r = learn_frame(l, &frame);
		if (r < 0)
			fail(f, -r, "what %s did with its network", id);
	}
	frame_reader_close(reader);
	store_close(s);
	return r;
}

static int print(const char *base, struct learning *l, struct fail *f)
{
	cleanup_policy struct policy p = { 0 }, silent = { 0 };
	cleanup_buf struct buf text = { 0 };
	int r = read_base(base, &p, f);

	if (r == 0)
		r = learn_network(&l->seen, &p, f);
	if (r == 0)
		r = policy_builtin(&silent);
	if (r < 0)
		return r;
	/* Phases follow from the entries. */
	silent.network.setup = p.network.setup;
	silent.network.run = p.network.run;
	silent.network.verify = p.network.verify;
	buf_init(&text, 8 * POLICY_BYTES_MAX);
	policy_print_changes(&p, &silent, &text);
	for (size_t i = 0; i < l->remarks.count; i++)
		buf_printf(&text, "%s#   %s\n",
			   i ? "" : "# Tried, and not let out or not reached; not allowed here:\n",
			   l->remarks.items[i]);
	if (l->unsaid)
		buf_printf(&text, "#   … and %" PRIu64 " more\n", l->unsaid);
	return text.error || fputs(buf_text(&text), stdout) < 0 || fflush(stdout)
		       ? fail(f, EIO, "standard output")
		       : 0;
}

static int learn(const char *base, const char *store, char **argv, int *ret_status, struct fail *f)
{
	struct learning l = { .unsaid = 0 };
	cleanup_fd int policy = watching_file(base, f);
	char name[32];
	uint32_t number = 0;
	int r;

	if (policy < 0)
		return policy;
	if (getrandom(&number, sizeof(number), 0) < 0)
		return fail(f, errno, "a name for the run");
	snprintf(name, sizeof(name), "learn-%08" PRIx32, number);
	*ret_status = watch(policy, store, name, argv);
	r = read_record(store, name, &l, f);
	if (r >= 0)
		r = print(base, &l, f);
	learn_free(&l.seen);
	text_list_clear(&l.remarks);
	return r;
}

int learn_run(const char *base, const char *store, char **argv)
{
	cleanup_free char *standard = store ? NULL : store_path_default();
	int status = EXIT_WEIR_FAILED;
	struct fail f = { 0 };

	if (!store && !standard) {
		log_error("there is no place for a store: set WEIR_STORE or HOME");
		return EXIT_WEIR_USAGE;
	}
	if (learn(base, store ? store : standard, argv, &status, &f) < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return status;
}
