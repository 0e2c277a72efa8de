// SPDX-License-Identifier: Apache-2.0
/* One small sk_lookup program for each sandbox (Linux 5.9), written here instruction by
 * instruction, because each has a map of its own in it and compiling, or libbpf, would cost more
 * than all the rest. It owns nothing but its map. A socket that is closed leaves the map by itself.
 */
#include "sensor/lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy/egress.h"
#include "sensor/bpf_call.h"

#define DNS_PORT 53
#define INSTRUCTIONS_MAX 80

/* Slots of the map: those of a family lie together. */
enum { SLOT_TCP, SLOT_DNS, SLOT_REST, SLOTS_PER_FAMILY };
#define SLOTS (2 * SLOTS_PER_FAMILY)

enum label { AT_IPV4, AT_FOREIGN6, AT_KIND, AT_FIND, AT_PASS, AT_DROP, LABEL_COUNT };

struct code {
	struct bpf_insn of[INSTRUCTIONS_MAX];
	uint8_t to[INSTRUCTIONS_MAX]; /* of a jump: its label, counted from 1 */
	uint32_t at[LABEL_COUNT];
	uint32_t count;
};

static struct bpf_insn *emit(struct code *c, unsigned op, unsigned to, unsigned from,
			     int32_t number)
{
	struct bpf_insn *i = &c->of[c->count++];

	*i = (struct bpf_insn){ .code = (uint8_t)op, .imm = number };
	i->dst_reg = to & 15;
	i->src_reg = from & 15;
	return i;
}

static void number(struct code *c, unsigned op, unsigned reg, int32_t n)
{
	emit(c, BPF_ALU | op | BPF_K, reg, 0, n);
}

static void move(struct code *c, unsigned to, unsigned from)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0);
}

/* From the context, in r6. */
static void load(struct code *c, unsigned to, size_t offset)
{
	emit(c, BPF_LDX | BPF_MEM | BPF_W, to, BPF_REG_6, 0)->off = (int16_t)offset;
}

static void jump(struct code *c, unsigned op, unsigned reg, int32_t n, enum label to)
{
	c->to[c->count] = (uint8_t)(to + 1);
	emit(c, BPF_JMP32 | op | BPF_K, reg, 0, n);
}

static void call(struct code *c, int32_t function)
{
	emit(c, BPF_JMP | BPF_CALL, 0, 0, function);
}

static void label(struct code *c, enum label l)
{
	c->at[l] = c->count;
}

static void leave(struct code *c, int32_t verdict)
{
	number(c, BPF_MOV, BPF_REG_0, verdict);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

static void jumps_resolve(struct code *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (c->to[i])
			c->of[i].off = (int16_t)(c->at[c->to[i] - 1] - i - 1);
}

/* Loopback passes. r7: the family's first slot, r8: whether it is the resolver that is asked. */
static void judge_address(struct code *c)
{
	struct egress_address resolver[2];
	uint32_t word[4];

	egress_name_address(0, false, &resolver[0]);
	egress_name_address(0, true, &resolver[1]);
	number(c, BPF_MOV, BPF_REG_8, 0);
	/* what comes in by network.veth's interface is an answer */
	load(c, BPF_REG_0, offsetof(struct bpf_sk_lookup, ingress_ifindex));
	jump(c, BPF_JEQ, BPF_REG_0, GATE_INTERFACE, AT_PASS);
	load(c, BPF_REG_0, offsetof(struct bpf_sk_lookup, family));
	jump(c, BPF_JEQ, BPF_REG_0, AF_INET, AT_IPV4);

	number(c, BPF_MOV, BPF_REG_7, SLOTS_PER_FAMILY);
	for (unsigned i = 0; i < 4; i++)
		load(c, BPF_REG_1 + i, offsetof(struct bpf_sk_lookup, local_ip6) + 4 * i);
	for (unsigned i = 0; i < 3; i++)
		jump(c, BPF_JNE, BPF_REG_1 + i, 0, AT_FOREIGN6);
	jump(c, BPF_JEQ, BPF_REG_4, 0, AT_PASS);
	jump(c, BPF_JEQ, BPF_REG_4, (int32_t)htonl(1), AT_PASS);
	label(c, AT_FOREIGN6);
	memcpy(word, resolver[1].bytes, sizeof(word));
	for (unsigned i = 0; i < 4; i++)
		jump(c, BPF_JNE, BPF_REG_1 + i, (int32_t)word[i], AT_KIND);
	number(c, BPF_MOV, BPF_REG_8, 1);
	jump(c, BPF_JEQ, BPF_REG_8, 1, AT_KIND);

	label(c, AT_IPV4);
	number(c, BPF_MOV, BPF_REG_7, 0);
	load(c, BPF_REG_1, offsetof(struct bpf_sk_lookup, local_ip4));
	jump(c, BPF_JEQ, BPF_REG_1, 0, AT_PASS);
	move(c, BPF_REG_2, BPF_REG_1);
	number(c, BPF_AND, BPF_REG_2, (int32_t)htonl(IN_CLASSA_NET));
	jump(c, BPF_JEQ, BPF_REG_2, (int32_t)htonl(INADDR_LOOPBACK & IN_CLASSA_NET), AT_PASS);
	memcpy(word, resolver[0].bytes + 12, sizeof(word[0]));
	jump(c, BPF_JNE, BPF_REG_1, (int32_t)word[0], AT_KIND);
	number(c, BPF_MOV, BPF_REG_8, 1);
}

/* Which slot, by protocol and port. */
static void judge_kind(struct code *c)
{
	label(c, AT_KIND);
	load(c, BPF_REG_0, offsetof(struct bpf_sk_lookup, protocol));
	jump(c, BPF_JEQ, BPF_REG_0, IPPROTO_TCP, AT_FIND);
	number(c, BPF_ADD, BPF_REG_7, SLOT_REST);
	jump(c, BPF_JEQ, BPF_REG_8, 0, AT_FIND);
	load(c, BPF_REG_1, offsetof(struct bpf_sk_lookup, local_port));
	jump(c, BPF_JNE, BPF_REG_1, DNS_PORT, AT_FIND);
	number(c, BPF_ADD, BPF_REG_7, SLOT_DNS - SLOT_REST);
}

static void hand_over(struct code *c, int map)
{
	label(c, AT_FIND);
	emit(c, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_7, 0)->off = -4;
	emit(c, BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, map);
	emit(c, 0, 0, 0, 0); /* its second half */
	move(c, BPF_REG_2, BPF_REG_10);
	emit(c, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, -4);
	call(c, BPF_FUNC_map_lookup_elem);
	c->to[c->count] = AT_DROP + 1;
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0);
	move(c, BPF_REG_7, BPF_REG_0);
	move(c, BPF_REG_1, BPF_REG_6);
	move(c, BPF_REG_2, BPF_REG_0);
	number(c, BPF_MOV, BPF_REG_3, 0);
	call(c, BPF_FUNC_sk_assign);
	move(c, BPF_REG_8, BPF_REG_0);
	move(c, BPF_REG_1, BPF_REG_7);
	call(c, BPF_FUNC_sk_release);
	jump(c, BPF_JNE, BPF_REG_8, 0, AT_DROP);
	label(c, AT_PASS);
	leave(c, SK_PASS);
	label(c, AT_DROP);
	leave(c, SK_DROP);
}

static int program_load(int map)
{
	struct code c = { .count = 0 };

	move(&c, BPF_REG_6, BPF_REG_1);
	judge_address(&c);
	judge_kind(&c);
	hand_over(&c, map);
	jumps_resolve(&c);
	return bpf_call_load(BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, c.of, c.count, "weir_lookup");
}

static int map_fill(int map, const int *sockets, const struct gate_socket *kinds, size_t count)
{
	static const int8_t slots[GATE_SOCKET_KIND_COUNT] = {
		[GATE_SOCKET_TCP] = SLOT_TCP + 1,
		[GATE_SOCKET_DNS] = SLOT_DNS + 1,
		[GATE_SOCKET_REST] = SLOT_REST + 1,
	};

	for (size_t i = 0; i < count; i++) {
		uint64_t fd = (uint64_t)sockets[i];
		uint32_t slot;
		int r;

		if (kinds[i].kind >= GATE_SOCKET_KIND_COUNT || !slots[kinds[i].kind])
			continue;
		slot = (uint32_t)slots[kinds[i].kind] - 1;
		if (kinds[i].a == AF_INET6)
			slot += SLOTS_PER_FAMILY;
		r = bpf_call_set(map, &slot, &fd, BPF_ANY);
		if (r < 0)
			return r;
	}
	return 0;
}

int lookup_open(const int *sockets, const struct gate_socket *kinds, size_t count, struct fail *f)
{
	cleanup_fd int map = -1, program = -1, space = -1;
	int r;

	if (!count)
		return fail(f, EINVAL, "the way out: no socket");
	map = r = bpf_call_map(BPF_MAP_TYPE_SOCKMAP, sizeof(uint32_t), sizeof(uint64_t), SLOTS,
			       "weir_lookup");
	if (r >= 0)
		r = map_fill(map, sockets, kinds, count);
	if (r >= 0)
		program = r = program_load(map);
	if (r >= 0) {
		space = ioctl(sockets[0], SIOCGSKNS);
		r = space < 0 ? -errno : 0;
	}
	if (r >= 0)
		r = bpf_call_link(program, space, BPF_SK_LOOKUP);
	return r < 0 ? fail(f, -r, "the way out: a program that hands over connections") : r;
}
