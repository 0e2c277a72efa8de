// SPDX-License-Identifier: Apache-2.0
/* What holds for a run's way out, and how it changes; see egress.h. The kernel is told first, then
 * the gate; who asked for a change is answered when both hold it. A name gets its address here,
 * after it was judged here. Trusts the policy that came with the run; what an asker brings may only
 * take away from it. */
#include "keeper/egress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "keeper/action.h"
#include "keeper/gate.h"

#define NETWORK_KEPT 3072 /* bytes of a network in the record */

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C /* linux/sockios.h */
#endif

static int policy_of(const struct bytes *encoded, struct policy *ret)
{
	struct wire w;

	wire_init(&w, encoded->data, encoded->size);
	return policy_decode(&w, ret);
}

/* All that is let through in a phase of a policy: addresses, and names that are known by now. The
 * resolver is of no policy: the verdicts let it through always. */
static int entries_of(const struct egress *e, const struct policy *p, enum egress_phase phase,
		      struct egress_entry **ret, size_t *ret_count, struct fail *f)
{
	struct egress_entry *list = NULL, *grown;
	size_t count = 0;
	int r = egress_entries(p, phase, &list, &count, f);

	if (r < 0)
		return r;
	grown = reallocarray(list, count + 2 * e->name_count + 1, sizeof(*list));
	if (!grown) {
		free(list);
		return fail(f, ENOMEM, "the run's network rules");
	}
	for (size_t i = 0; i < 2 * e->name_count; i++) {
		egress_name_entry(p, phase, e->names[i / 2], (uint32_t)(i / 2) + 1, i % 2,
				  &grown[count]);
		count += grown[count].count > 0;
	}
	*ret = grown;
	*ret_count = count;
	return 0;
}

/* by: the asker; NULL: the run begins so. */
static void tell_recorder(struct egress *e, const struct policy *p, const struct visitor *by)
{
	const char *phase = egress_phase_name(e->phase);
	struct ucred asker = { .pid = 0 };
	socklen_t size = sizeof(asker);
	cleanup_buf struct buf network = { 0 };
	char digest[65];
	struct {
		struct event_policy e;
		char text[sizeof(digest) + 16 + NETWORK_KEPT];
	} event = { .e = { .h = { .kind = EVENT_POLICY,
				  .run = e->keeper->assign.key,
				  .mono_ns = clock_mono_ns() },
			   .generation = e->generation } };

	if (by && getsockopt(by->channel.fd, SOL_SOCKET, SO_PEERCRED, &asker, &size) == 0) {
		event.e.h.pid = event.e.h.tid = (uint32_t)asker.pid;
		event.e.h.uid = asker.uid;
	}
	policy_digest(p, digest);
	buf_init(&network, POLICY_BYTES_MAX);
	policy_print_network(p, &network);
	event.e.phase_size = (uint16_t)strlen(phase);
	event.e.digest_size = (uint16_t)strlen(digest);
	event.e.network_size =
		(uint16_t)(network.size < NETWORK_KEPT ? network.size : NETWORK_KEPT);
	if (network.size > NETWORK_KEPT)
		event.e.h.flags |= EVENT_TRUNCATED;
	snprintf(event.text, sizeof(event.text), "%s%s%.*s", phase, digest, event.e.network_size,
		 buf_text(&network));
	event.e.h.size = (uint16_t)(sizeof(event.e) + event.e.phase_size + event.e.digest_size +
				    event.e.network_size);
	record_bytes(e->keeper, MESSAGE_REC_EVENT, &event, event.e.h.size);
}

/* From the kernel's next step on. */
static int put_in_force(struct egress *e, const struct policy *p, enum egress_phase phase,
			const struct visitor *by, struct fail *f)
{
	cleanup_free struct egress_entry *list = NULL;
	size_t count = 0;
	int r = entries_of(e, p, phase, &list, &count, f);

	if (r == 0)
		r = e->kind->replace(e->verdict, egress_mode(p, phase), list, count,
				     e->generation + 1, f);
	if (r < 0)
		return r;
	e->generation++;
	e->phase = phase;
	tell_recorder(e, p, by);
	return 0;
}

int egress_name(struct egress *e, uint32_t index, const char *name)
{
	char clean[EGRESS_NAME_MAX + 1];
	struct egress_entry entry;
	int r = 0;

	if (e->name_count == EGRESS_NAMES_MAX)
		return -ENOSPC;
	if (index != e->name_count + 1)
		return -EAGAIN;
	if (egress_name_clean(name, strlen(name), clean) < 0 || strcmp(clean, name) != 0)
		return -EINVAL;
	if (!egress_name_allowed(&e->policy, e->phase, name))
		return -EACCES;
	if (e->name_count == e->name_room) {
		size_t room = e->name_room ? 2 * e->name_room : 64;
		char **grown = reallocarray(e->names, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		e->names = grown;
		e->name_room = room;
	}
	e->names[e->name_count] = strdup(name);
	if (!e->names[e->name_count])
		return -ENOMEM;
	e->name_count++;
	/* should only one of them find room, the index is spent: it shall stand for no other name
	 */
	for (int v6 = 0; v6 < 2 && r == 0; v6++) {
		egress_name_entry(&e->policy, e->phase, name, index, v6, &entry);
		r = e->kind->add(e->verdict, &entry);
	}
	return r;
}

/* What the gate says a name leads to: of its outcome only what a rule of a name may lead to, or an
 * address that has a rule of its own. */
static bool may_lead(const struct egress *e, const struct egress_address *to)
{
	struct egress_address net;
	unsigned prefix;

	if (!egress_special(to))
		return true;
	for (size_t i = 0; i < e->policy.network.allow_count; i++)
		if (egress_address_parse(e->policy.network.allow[i].host, &net, &prefix) == 0 &&
		    egress_covers(&net, prefix, to))
			return true;
	return false;
}

int egress_lead(struct egress *e, uint32_t index, const struct egress_address *to)
{
	if (!e->kind->lead || index == 0 || index > e->name_count + 1 || egress_name_index(to) >= 0)
		return -EBADMSG;
	return may_lead(e, to) ? e->kind->lead(e->verdict, index, to) : 0;
}

void egress_applied(struct egress *e, uint32_t generation, uint32_t cut)
{
	struct visitor *v = e->keeper->visitors;

	while (v) {
		struct visitor *next = v->next;

		if (v->wants_generation && v->wants_generation <= generation)
			visitor_text(v, MESSAGE_POLICY_DONE, cut, 0, "");
		v = next;
	}
}

/* It holds in the kernel; when it holds for every flow too, the asker hears of it. */
static void changed(struct egress *e, struct visitor *v)
{
	v->wants_generation = e->generation;
	if (outbox_attached(&e->gate))
		gate_policy(e);
	else if (!e->pid)
		egress_applied(e, e->generation, 0);
}

static void refuse(struct visitor *v, int code, const char *text)
{
	visitor_text(v, MESSAGE_POLICY_DONE, 0, code, text);
}

static bool can_change(struct keeper *k, struct visitor *v)
{
	if (k->state == RUN_LIVING && k->egress)
		return true;
	refuse(v, k->state == RUN_LIVING ? EINVAL : ESRCH,
	       k->state == RUN_LIVING ? "this run has no way out: there is nothing to change"
				      : "the run is over");
	return false;
}

void egress_policy_asked(struct keeper *k, struct visitor *v, const struct message *m)
{
	const struct bytes encoded = { .data = m->data, .size = m->size };
	cleanup_policy struct policy next = { .version = 0 };
	struct fail f = { .code = 0 };
	struct egress *e = k->egress;
	int r;

	if (!can_change(k, v))
		return;
	r = policy_of(&encoded, &next);
	if (r == 0)
		r = egress_inherit(&e->policy, &next);
	if (r < 0)
		fail(&f, -r, "the policy cannot be read");
	if (r == 0)
		r = egress_narrower(&e->policy, &next, &f);
	if (r == 0)
		r = put_in_force(e, &next, e->phase, v, &f);
	if (r < 0) {
		refuse(v, f.code, f.text);
		return;
	}
	policy_free(&e->policy);
	e->policy = next;
	next = (struct policy){ .version = 0 };
	changed(e, v);
}

void egress_phase_asked(struct keeper *k, struct visitor *v, const struct message *m)
{
	struct fail f = { .code = 0 };
	struct egress *e = k->egress;
	struct wire w;
	uint32_t phase;
	int r;

	if (!can_change(k, v))
		return;
	wire_init(&w, m->data, m->size);
	phase = wire_get_u32(&w);
	if (wire_end(&w) < 0 || phase >= PHASE_COUNT)
		r = fail_text(&f, EINVAL, "there is no such phase");
	else if (phase < e->phase)
		r = fail_text(&f, EINVAL,
			      "the run is in phase %s already, and phases do not go back",
			      egress_phase_name(e->phase));
	else
		r = put_in_force(e, &e->policy, (enum egress_phase)phase, v, &f);
	if (r < 0)
		refuse(v, f.code, f.text);
	else
		changed(e, v);
}

static bool same_network(pid_t pid)
{
	struct stat own, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return stat("/proc/self/ns/net", &own) < 0 || stat(path, &theirs) < 0 ||
	       own.st_ino == theirs.st_ino;
}

/* The kernel knows in which network the client asked for its run: a unix socket that was accepted
 * belongs to the connecting side's (unix_stream_connect() in net/unix/af_unix.c). */
static int client_network(struct keeper *k)
{
	struct ucred client = { .pid = 0 };
	socklen_t size = sizeof(client);
	int fd = ioctl(k->client.channel.fd, SIOCGSKNS);

	if (fd < 0 &&
	    getsockopt(k->client.channel.fd, SOL_SOCKET, SO_PEERCRED, &client, &size) == 0 &&
	    !same_network(client.pid))
		tell_client_text(
			k, MESSAGE_RUN_NOTICE, 0, EPERM,
			"without root the run's connections leave from the network in which "
			"the store's supervisor was started, which is not this one");
	return fd;
}

static struct egress *egress_new(struct keeper *k)
{
	struct egress *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->keeper = k;
	e->owners = e->netns = -1;
	e->next_flow = 1;
	e->phase = k->request.phase;
	e->told = told_new();
	gate_init(e);
	return e;
}

static void egress_free(struct egress *e)
{
	if (e->verdict)
		e->kind->close(e->verdict);
	for (size_t i = 0; i < e->sockets.count; i++)
		close(e->socket_fds[i]);
	for (size_t i = 0; i < e->name_count; i++)
		free(e->names[i]);
	free(e->names);
	cleanup_fd_(&e->owners);
	cleanup_fd_(&e->netns);
	buf_free(&e->spent);
	policy_free(&e->policy);
	told_free(e->told);
	free(e);
}

static int kind_choose(struct egress *e, struct fail *f)
{
	const struct keeper *k = e->keeper;
	bool hooks = k->cgroup >= 0 && !k->assign.by_listener;

	if (e->policy.network.veth && !hooks)
		return fail_text(
			f, ENOTSUP,
			"the policy says network.veth, and that needs root with cgroups and "
			"BPF; without the key the gate relays");
	e->kind = hooks ? &verdict_bpf : &verdict_nft;
	if (e->policy.network.veth)
		e->kind = &verdict_veth;
	return 0;
}

/* The gate hears what passes an interface. Without it the run goes on, and its user is told. */
static void packets_open(struct egress *e)
{
	struct gate_socket kind = { .kind = GATE_SOCKET_PACKETS };
	struct gate_sockets *s = &e->sockets;
	struct fail f = { .code = 0 };
	char text[sizeof(f.text) + 64];

	if (!e->policy.network.veth || s->count == MESSAGE_FDS_MAX)
		return;
	if (sandbox_make_sockets(e->keeper->sandbox, &kind, 1, &e->socket_fds[s->count], &f) == 0) {
		s->of[s->count++] = kind;
		return;
	}
	snprintf(text, sizeof(text), "network.veth: flows are neither read nor metered: %s",
		 f.text);
	tell_client_text(e->keeper, MESSAGE_RUN_NOTICE, 0, f.code, text);
}

static int begin(struct egress *e, struct fail *f)
{
	struct keeper *k = e->keeper;
	int r = e->told ? policy_of(&k->request.policy, &e->policy) : -ENOMEM;

	if (r < 0)
		return fail(f, -r, "the run's network rules");
	e->sockets.count = sandbox_sockets(k->sandbox, e->sockets.of, e->socket_fds);
	e->netns = client_network(k);
	r = kind_choose(e, f);
	r = r ?: e->kind->open(k, e->socket_fds, e->sockets.of, e->sockets.count, &e->verdict, f);
	if (r == 0)
		r = put_in_force(e, &e->policy, e->phase, NULL, f);
	if (r < 0)
		return r;
	e->owners = verdict_owners(k);
	packets_open(e);
	gate_start(e);
	return 0;
}

int egress_open(struct keeper *k, struct fail *f)
{
	struct egress *e;
	int r;

	if (!egress_wanted(&k->policy))
		return 0;
	e = egress_new(k);
	if (!e)
		return fail(f, ENOMEM, "the run's way out");
	k->egress = e;
	r = begin(e, f);
	if (r < 0)
		egress_free(take_ptr(k->egress));
	return r;
}

bool egress_relays(const struct keeper *k)
{
	return k->egress && !k->egress->kind->lead;
}

int egress_refuse(struct keeper *k, uint32_t call, const struct order_target *to)
{
	struct egress *e = k->egress;

	return e && e->kind->refuse ? e->kind->refuse(e->verdict, call, to) : -ENOTSUP;
}

bool egress_cut(struct keeper *k, const struct order *o)
{
	if (!k->egress || !outbox_attached(&k->egress->gate))
		return false;
	gate_cut(k->egress, o);
	return outbox_attached(&k->egress->gate);
}

void egress_cut_late(struct keeper *k)
{
	if (k->egress)
		gate_stop(k->egress);
	action_gate_gone(k);
}

uint64_t egress_limits(struct keeper *k, uint64_t now)
{
	return k->egress ? gate_limits(k->egress, now) : UINT64_MAX;
}

void egress_end(struct keeper *k)
{
	if (!k->egress)
		return;
	egress_applied(k->egress, UINT32_MAX, 0);
	gate_end(k->egress);
}

bool egress_ended(const struct keeper *k)
{
	return !k->egress || (!k->egress->pid && !outbox_attached(&k->egress->gate));
}

void egress_close(struct keeper *k)
{
	if (!k->egress)
		return;
	gate_stop(k->egress);
	if (k->egress->pid)
		told_cut(k->egress);
	egress_free(take_ptr(k->egress));
}
