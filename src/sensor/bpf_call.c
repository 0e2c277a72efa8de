// SPDX-License-Identifier: Apache-2.0
/* See bpf_call.h. The attributes are zeroed as a whole each time: the kernel refuses what is not
 * zero behind what it knows. Trusts the kernel. */
#include "sensor/bpf_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static union bpf_attr attributes(void)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	return a;
}

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int call(enum bpf_cmd command, union bpf_attr *a)
{
	long r = syscall(SYS_bpf, command, a, sizeof(*a));

	return r < 0 ? -errno : (int)r;
}

int bpf_call_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t entries,
		 const char *name)
{
	union bpf_attr a = attributes();

	a.map_type = type;
	a.key_size = key_size;
	a.value_size = value_size;
	a.max_entries = entries;
	snprintf(a.map_name, sizeof(a.map_name), "%s", name);
	return call(BPF_MAP_CREATE, &a);
}

int bpf_call_get(int map, const void *key, void *ret_value)
{
	union bpf_attr a = attributes();

	a.map_fd = (uint32_t)map;
	a.key = address(key);
	a.value = address(ret_value);
	return call(BPF_MAP_LOOKUP_ELEM, &a);
}

int bpf_call_set(int map, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr a = attributes();

	a.map_fd = (uint32_t)map;
	a.key = address(key);
	a.value = address(value);
	a.flags = flags;
	return call(BPF_MAP_UPDATE_ELEM, &a);
}

int bpf_call_delete(int map, const void *key)
{
	union bpf_attr a = attributes();

	a.map_fd = (uint32_t)map;
	a.key = address(key);
	return call(BPF_MAP_DELETE_ELEM, &a);
}

static int batch(enum bpf_cmd command, int map, const void *keys, const void *values,
		 uint32_t *count)
{
	union bpf_attr a = attributes();
	int r;

	a.batch.map_fd = (uint32_t)map;
	a.batch.keys = address(keys);
	a.batch.values = address(values);
	a.batch.count = *count;
	r = call(command, &a);
	*count = a.batch.count;
	return r;
}

int bpf_call_set_many(int map, const void *keys, const void *values, uint32_t *count)
{
	return batch(BPF_MAP_UPDATE_BATCH, map, keys, values, count);
}

int bpf_call_delete_many(int map, const void *keys, uint32_t *count)
{
	return batch(BPF_MAP_DELETE_BATCH, map, keys, NULL, count);
}

int bpf_call_read_only(int map)
{
	struct bpf_map_info info = { 0 };
	union bpf_attr a = attributes();
	int r;

	a.info.bpf_fd = (uint32_t)map;
	a.info.info = address(&info);
	a.info.info_len = sizeof(info);
	r = call(BPF_OBJ_GET_INFO_BY_FD, &a);
	if (r < 0)
		return r;
	a = attributes();
	a.map_id = info.id;
	a.open_flags = BPF_F_RDONLY;
	return call(BPF_MAP_GET_FD_BY_ID, &a);
}

int bpf_call_load(uint32_t type, uint32_t attach, const struct bpf_insn *of, uint32_t count,
		  const char *name)
{
	union bpf_attr a = attributes();

	a.prog_type = type;
	a.expected_attach_type = attach;
	a.insns = address(of);
	a.insn_cnt = count;
	a.license = address("Apache-2.0"); /* it calls nothing that asks for more */
	snprintf(a.prog_name, sizeof(a.prog_name), "%s", name);
	return call(BPF_PROG_LOAD, &a);
}

int bpf_call_link(int program, int target, uint32_t attach)
{
	union bpf_attr a = attributes();

	a.link_create.prog_fd = (uint32_t)program;
	a.link_create.target_fd = (uint32_t)target;
	a.link_create.attach_type = attach;
	return call(BPF_LINK_CREATE, &a);
}

int bpf_call_run(int program, const void *context, uint32_t size, uint32_t *ret)
{
	union bpf_attr a = attributes();
	int r;

	a.test.prog_fd = (uint32_t)program;
	a.test.ctx_in = address(context);
	a.test.ctx_size_in = size;
	r = call(BPF_PROG_TEST_RUN, &a);
	if (r == 0)
		*ret = a.test.retval;
	return r;
}
