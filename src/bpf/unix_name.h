/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: the name of a unix socket as a number, the same for who binds it and for who
 * sends to it: an abstract name whole, of a path the last component, for the rest may be spelled
 * otherwise. */
#ifndef WEIR_BPF_UNIX_NAME_H
#define WEIR_BPF_UNIX_NAME_H

#include "bpf/shared.h"
#include "bpf/socket.h"

#define SUN_PATH_MAX 108
#define UNIX_NAME_ANY 1 /* of no name */

struct unix_name {
	char byte[SUN_PATH_MAX];
	__u32 size;
};

/* Not on the stack, of which there are 512 bytes for all functions that call one another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unix_name);
} unix_names SEC(".maps");

static __always_inline struct unix_name *unix_name_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&unix_names, &zero);
}

/* A global function: the verifier reads it once a program, not once a use. */
__noinline __u64 unix_name_number(const struct unix_name *name)
{
	__u64 hash = RULE_HASH_START;
	bool abstract;

	if (!name)
		return 0;
	abstract = !name->byte[0];
	for (__u32 i = 0; i < SUN_PATH_MAX && i < name->size; i++) {
		char c = name->byte[i];

		if (!abstract && !c)
			break;
		if (!abstract && c == '/')
			hash = RULE_HASH_START;
		else
			hash = RULE_HASH_STEP(hash, c);
	}
	return hash;
}

/* 0 when it has none. */
static __always_inline __u64 unix_name_of(struct sock *sk)
{
	struct unix_name *name = unix_name_room();
	struct unix_address *address;

	if (!name || !bpf_core_type_exists(struct unix_sock))
		return 0;
	address = BPF_CORE_READ((struct unix_sock *)sk, addr);
	if (!address)
		return 0;
	name->size = BPF_CORE_READ(address, len) - sizeof(__u16);
	bpf_probe_read_kernel(name->byte, sizeof(name->byte), &address->name[0].sun_path);
	return unix_name_number(name);
}

/* Of a sockaddr in the process's memory, 0 when it cannot be read. */
static __always_inline __u64 unix_name_claimed(__u64 pointer, __u32 size)
{
	struct unix_name *name = unix_name_room();
	__u64 length = size;

	if (!name || length <= sizeof(__u16))
		return 0;
	length -= sizeof(__u16);
	barrier_var(length); /* one register for the check and the use */
	if (length > SUN_PATH_MAX ||
	    bpf_probe_read_user(name->byte, length, (void *)(pointer + sizeof(__u16))))
		return 0;
	name->size = length;
	return unix_name_number(name);
}

#endif
