/* SPDX-License-Identifier: Apache-2.0 */
/* The open store, for the files of this room that read it. */
#ifndef WEIR_STORE_STORE_H
#define WEIR_STORE_STORE_H

#include <sqlite3.h>

#include "store/layout.h"
#include "store/record.h"

struct store {
	char *path;
	struct layout layout;
	sqlite3 *db;
	bool is_older; /* the index lacks what this weir's would have: nothing of it is there yet */
};

/* A prepared statement; -EUCLEAN, -EBUSY … with a text. Release with sqlite3_finalize(). */
int store_prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct fail *f);
/* 1: a row; 0: done; -errno with a text. */
int store_step(struct store *s, sqlite3_stmt *statement, struct fail *f);
/* The row of the run in the table runs. -ENOENT. */
int store_row(struct store *s, const char *run_id, int64_t *ret, struct fail *f);
int store_run_dir(struct store *s, const char *run_id, struct fail *f); /* a descriptor */

static inline void cleanup_statement_(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}
#define cleanup_statement __attribute__((__cleanup__(cleanup_statement_)))

static inline struct segment_position position_from(uint64_t at)
{
	return (struct segment_position){ (uint32_t)(at >> 32), (uint32_t)at };
}

#endif
