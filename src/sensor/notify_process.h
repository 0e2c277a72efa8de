/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a process that waits for an answer of its seccomp listener, and what its
 * memory holds. Everything here may change under our eyes; nothing here fails: what cannot be read
 * is empty. */
#ifndef WEIR_SENSOR_NOTIFY_PROCESS_H
#define WEIR_SENSOR_NOTIFY_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include <sys/stat.h>
#include <sys/types.h>

struct process_facts {
	int dir; /* /proc/TID, or -1 */
	uint32_t pid, tid, ppid, pid_inside, uid;
	uint64_t start_ns, parent_start_ns; /* to the clock tick */
	char comm[16];
};

void process_open(struct process_facts *p, pid_t tid);
void process_close(struct process_facts *p);
#define cleanup_process __attribute__((__cleanup__(process_close)))

/* Copies at most size bytes; how many there were. */
size_t process_memory(const struct process_facts *p, uint64_t address, void *to, size_t size);
/* A NUL-terminated string without its NUL; `to` is not terminated. */
size_t process_text(const struct process_facts *p, uint64_t address, char *to, size_t size);
/* The strings of a vector, each with its NUL. */
size_t process_argv(const struct process_facts *p, uint64_t address, char *to, size_t size);
/* A copy of what is open there as fd, or -1. */
int process_descriptor(const struct process_facts *p, int fd);
/* Type and protocol of the socket that is open there as fd; left alone when it is none. */
void process_socket(const struct process_facts *p, int fd, uint16_t *type, uint16_t *protocol,
		    __u64 *cookie);
/* Where the link `name` under /proc/TID leads: "cwd", "exe". */
size_t process_link(const struct process_facts *p, const char *name, char *to, size_t size);
/* Reads the name again, for it may have executed since. */
void process_name(struct process_facts *p);
/* The arguments as they stand in memory now, each with its NUL. */
size_t process_arguments(const struct process_facts *p, char *to, size_t size);
/* Whether the path, as the process sees it, is there, and what it is. */
bool process_stat(const struct process_facts *p, const char *path, size_t size, struct stat *ret);

/* ENOENT or ENOTDIR when the path, as the process would execute it, is certainly not there, else 0.
 * Where a link decides that leads elsewhere for us than for the process (/proc/self), it is not
 * certain. */
int process_lacks(const struct process_facts *p, int dirfd, const char *path);

#endif
