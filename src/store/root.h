/* SPDX-License-Identifier: Apache-2.0 */
/* runs/RUN/root: what the record ended with. Three lines, the text of a C2SP tlog-checkpoint:
 * origin "weir/run/RUN", the number of frames, base64 of the root. */
#ifndef WEIR_STORE_ROOT_H
#define WEIR_STORE_ROOT_H

#include <stdint.h>

#include "store/merkle.h"

struct record_root {
	uint64_t size;
	unsigned char hash[MERKLE_HASH_SIZE];
};

/* Whole or not at all. 0 or -errno. */
int record_root_write(int run_dir, const char *run, const struct record_root *root);
int record_root_remove(int run_dir); /* the record goes on; 0 or -errno */
/* 0; -ENOENT: the run has none (yet); -EBADMSG: not a root of this run. */
int record_root_read(int run_dir, const char *run, struct record_root *ret);

#endif
