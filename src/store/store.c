// SPDX-License-Identifier: Apache-2.0
/* Opening a store for reading; see record.h. Owns the read-only connection. Never writes, so it may
 * run beside the recorder at any time. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/index.h"
#include "store/schema.h"

#define BUSY_MS 2000

char *store_path_default(void)
{
	const char *given = getenv("WEIR_STORE"), *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	char *path = NULL;
	int r = 0;

	if (given && *given)
		return strdup(given);
	if (geteuid() == 0)
		return strdup("/var/lib/weir");
	if (state && *state == '/')
		r = asprintf(&path, "%s/weir", state);
	else
		r = asprintf(&path, "%s/.local/state/weir", home && *home ? home : "/tmp");
	return r < 0 ? NULL : path;
}

/* The path as a URI, so that mode=ro can be said; RFC 3986 leaves these bytes as they are. */
static int uri(const char *path, char *out, size_t room)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-._~/";
	size_t n = (size_t)snprintf(out, room, "file:");

	for (const char *p = path; *p; p++) {
		if (n + 32 > room)
			return -ENAMETOOLONG;
		if (strchr(plain, *p))
			out[n++] = *p;
		else
			n += (size_t)snprintf(out + n, room - n, "%%%02X", (unsigned char)*p);
	}
	snprintf(out + n, room - n, "/" INDEX_NAME "?mode=ro");
	return 0;
}

static int index_connect(struct store *s, struct fail *f)
{
	char name[3 * PATH_MAX];
	int r = uri(s->path, name, sizeof(name));

	if (r < 0)
		return fail(f, -r, "open the store %s", s->path);
	if (faccessat(s->layout.store, INDEX_NAME, F_OK, 0) < 0)
		return fail_text(f, ENOENT,
				 "the store %s has no index: `weir store rebuild` makes it",
				 s->path);
	if (sqlite3_open_v2(name, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) !=
	    SQLITE_OK)
		return fail_text(f, EACCES, "cannot open the index of the store %s: %s", s->path,
				 sqlite3_errmsg(s->db));
	sqlite3_busy_timeout(s->db, BUSY_MS);
	r = schema_check(s->db, f);
	if (r == SCHEMA_EMPTY)
		return fail_text(
			f, ENOTSUP,
			"the index of the store %s is empty: `weir store rebuild` makes it",
			s->path);
	s->is_older = r == SCHEMA_OLDER;
	return r < 0 ? fail_wrap(f, "store %s", s->path) : 0;
}

int store_open(const char *path, struct store **ret, struct fail *f)
{
	struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fail(f, ENOMEM, "open the store %s", path);
	s->layout = (struct layout){ -1, -1, -1, -1 };
	s->path = strdup(path);
	if (!s->path) {
		free(s);
		return fail(f, ENOMEM, "open the store %s", path);
	}
	r = layout_open(path, false, &s->layout, f);
	if (r >= 0)
		r = index_connect(s, f);
	if (r < 0) {
		store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	layout_close(&s->layout);
	free(s->path);
	free(s);
}

static int read_fail(struct store *s, int code, struct fail *f)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fail_text(f, EBUSY, "the index of the store %s is locked by another program",
				 s->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail_text(f, EUCLEAN,
				 "the index of the store %s is damaged: `weir store rebuild` makes "
				 "it anew from the segments",
				 s->path);
	default:
		return fail_text(f, EIO, "cannot read the index of the store %s: %s", s->path,
				 sqlite3_errmsg(s->db));
	}
}

int store_prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct fail *f)
{
	int r = sqlite3_prepare_v2(s->db, sql, -1, ret, NULL);

	return r == SQLITE_OK ? 0 : read_fail(s, r, f);
}

int store_step(struct store *s, sqlite3_stmt *statement, struct fail *f)
{
	int r = sqlite3_step(statement);

	if (r == SQLITE_ROW)
		return 1;
	return r == SQLITE_DONE ? 0 : read_fail(s, r, f);
}

int store_row(struct store *s, const char *run_id, int64_t *ret, struct fail *f)
{
	cleanup_statement sqlite3_stmt *q = NULL;
	int r = store_prepare(s, "SELECT id FROM runs WHERE run=?1", &q, f);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, run_id, -1, SQLITE_STATIC);
	r = store_step(s, q, f);
	if (r == 0)
		return fail_text(f, ENOENT, "the index does not know run %s", run_id);
	if (r > 0)
		*ret = sqlite3_column_int64(q, 0);
	return r < 0 ? r : 0;
}

int store_run_dir(struct store *s, const char *run_id, struct fail *f)
{
	int fd = -ENOENT;

	if (run_id_valid(run_id))
		fd = openat(s->layout.runs, run_id,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return fail(f, run_id_valid(run_id) ? errno : EINVAL,
			    "cannot open the record of run %s", run_id);
	return fd;
}
