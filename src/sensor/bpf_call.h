/* SPDX-License-Identifier: Apache-2.0 */
/* bpf(2) for processes that do without libbpf: each returns 0 or a descriptor, or -errno. */
#ifndef WEIR_SENSOR_BPF_CALL_H
#define WEIR_SENSOR_BPF_CALL_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

int bpf_call_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t entries,
		 const char *name);
int bpf_call_get(int map, const void *key, void *ret_value);
int bpf_call_set(int map, const void *key, const void *value, uint64_t flags);
int bpf_call_delete(int map, const void *key);
/* Many at once, until the first that fails; *count comes back as how many were done. */
int bpf_call_set_many(int map, const void *keys, const void *values, uint32_t *count);
int bpf_call_delete_many(int map, const void *keys, uint32_t *count);
/* Another descriptor of the map, by which it can only be read. */
int bpf_call_read_only(int map);
int bpf_call_load(uint32_t type, uint32_t attach, const struct bpf_insn *of, uint32_t count,
		  const char *name);
int bpf_call_link(int program, int target, uint32_t attach);
/* Runs a program that is attached to nothing; what it returned. */
int bpf_call_run(int program, const void *context, uint32_t size, uint32_t *ret);

#endif
