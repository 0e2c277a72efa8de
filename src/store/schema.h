/* SPDX-License-Identifier: Apache-2.0 */
/* index.db: its version and how an older one becomes this one. */
#ifndef WEIR_STORE_SCHEMA_H
#define WEIR_STORE_SCHEMA_H

#include <sqlite3.h>

#include "base/fail.h"

#define SCHEMA_APPLICATION 0x57454952 /* "WEIR": PRAGMA application_id */

/* The version that this weir writes. */
int schema_version(void);
enum { SCHEMA_OLDER = 1, SCHEMA_EMPTY };
/* 0: the database is ours and of this version; SCHEMA_OLDER, SCHEMA_EMPTY: schema_migrate() helps;
 * what an older one holds can be read as it is: migrations only add. -ENOTSUP: a newer weir's, or
 * not a weir's at all; -EUCLEAN: not a database. */
int schema_check(sqlite3 *db, struct fail *f);
int schema_migrate(sqlite3 *db, struct fail *f);

#endif
