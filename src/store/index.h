/* SPDX-License-Identifier: Apache-2.0 */
/* Writing index.db. One process at a time writes (Debian 12's SQLite has a WAL bug with two
 * writers, see doc/dependencies.md): the index is open for writing only while index.lock is held.
 * WAL, synchronous=NORMAL, no automatic checkpoint: a commit never waits for the disk. Errors are
 * told once in f; what could not be written stays dirty in its tally and is tried again. */
#ifndef WEIR_STORE_INDEX_H
#define WEIR_STORE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "store/tally.h"

#define INDEX_NAME "index.db"

enum index_state { INDEX_LIVE, INDEX_OVER, INDEX_DAMAGED };

struct index;

/* path: the store's directory. name: INDEX_NAME, or another while it is rebuilt. -EBUSY: another
 * process writes, or a program holds it locked; -ENOTSUP, -EUCLEAN: see schema_check(). */
int index_open(const char *path, const char *name, struct index **ret, struct fail *f);
void index_close(struct index *ix); /* accepts NULL; moves the WAL into the database */

int index_begin(struct index *ix, struct fail *f);
int index_commit(struct index *ix, struct fail *f);
void index_rollback(struct index *ix);
/* Writes what of the tally differs from the index. After the commit, call tally_clean(). */
int index_write_run(struct index *ix, const char *run, const struct tally *t,
		    enum index_state state, const char *root, uint64_t bytes, struct fail *f);
int index_remove_run(struct index *ix, const char *run, struct fail *f);
int index_add_counter(struct index *ix, const char *name, uint64_t more, struct fail *f);
/* Pages of the WAL after the last commit; index_checkpoint() moves them into the database, which
 * takes fsyncs and is done while nobody waits. */
int index_wal_pages(const struct index *ix);
void index_checkpoint(struct index *ix);
#endif
