// SPDX-License-Identifier: Apache-2.0
/* Making the index anew, and removing a run; see record.h. Both write the index only while they
 * hold its lock, that is, while no recorder does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/index.h"
#include "store/layout.h"
#include "store/record.h"
#include "store/root.h"

#define REBUILT_NAME "index.db.new"
#define RUNS_A_COMMIT 64
#define WAL_PAGES_MAX 4096

struct rebuild {
	struct layout *layout;
	struct index *index;
	uint64_t runs, bad;
	struct fail *f;
};

static uint64_t run_bytes(int runs, const char *run, struct segment_position end)
{
	uint64_t bytes = 0;
	char name[RUN_ID_SIZE + SEGMENT_NAME_SIZE + 1], segment[SEGMENT_NAME_SIZE];
	struct stat st;

	for (uint32_t i = 1; i <= end.number; i++) {
		segment_name(i, segment);
		snprintf(name, sizeof(name), "%s/%s", run, segment);
		if (fstatat(runs, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

static enum index_state state_of(const struct layout *l, const char *run, const struct tally *t,
				 bool broken)
{
	if (broken || t->healed)
		return INDEX_DAMAGED;
	if (t->over)
		return INDEX_OVER;
	return layout_is_kept(l, run) ? INDEX_LIVE : INDEX_DAMAGED;
}

/* The root as the run's own file has it: a rebuilt index must not bless segments that were changed
 * since. */
static void root_of(const struct layout *l, const char *run, char hex[MERKLE_HEX_SIZE])
{
	cleanup_fd int dir = openat(l->runs, run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct record_root root;

	hex[0] = '\0';
	if (dir >= 0 && record_root_read(dir, run, &root) == 0)
		merkle_hex(root.hash, hex);
}

static int rebuild_run(void *context, const char *run)
{
	struct rebuild *b = context;
	struct segment_position end = { 0 };
	struct fail damage = { 0 };
	char root[MERKLE_HEX_SIZE];
	struct tally t;
	int r;

	tally_init(&t);
	r = layout_replay(b->layout, run, &t, &end, &damage);
	if (r < 0 && r != -EBADMSG) {
		tally_free(&t);
		*b->f = damage;
		return r;
	}
	root_of(b->layout, run, root);
	if (r < 0)
		b->bad++;
	r = index_write_run(b->index, run, &t, state_of(b->layout, run, &t, r < 0), root,
			    run_bytes(b->layout->runs, run, end), b->f);
	tally_free(&t);
	if (r >= 0 && ++b->runs % RUNS_A_COMMIT == 0) {
		r = index_commit(b->index, b->f);
		if (r >= 0 && index_wal_pages(b->index) > WAL_PAGES_MAX)
			index_checkpoint(b->index);
		if (r >= 0)
			r = index_begin(b->index, b->f);
	}
	return r;
}

/* The database with what SQLite keeps beside it. */
static void drop_database(int store, const char *name)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char file[64];

	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		snprintf(file, sizeof(file), "%s%s", name, suffixes[i]);
		unlinkat(store, file, 0);
	}
}

int store_rebuild(const char *path, uint64_t *ret_runs, uint64_t *ret_bad, struct fail *f)
{
	cleanup_layout struct layout l = { -1, -1, -1, -1 };
	struct rebuild b = { .layout = &l, .f = f };
	int r = layout_open(path, false, &l, f);

	if (r < 0)
		return r;
	r = index_open(path, REBUILT_NAME, &b.index, f);
	if (r == -EUCLEAN || r == -ENOTSUP) {
		drop_database(l.store, REBUILT_NAME); /* a rebuild that did not end */
		r = index_open(path, REBUILT_NAME, &b.index, f);
	}
	if (r < 0)
		return r;
	r = index_begin(b.index, f);
	if (r >= 0)
		r = layout_each(l.runs, rebuild_run, &b);
	if (r >= 0)
		r = index_commit(b.index, f);
	if (r >= 0) {
		index_checkpoint(b.index);
		drop_database(l.store, INDEX_NAME);
		if (renameat(l.store, REBUILT_NAME, l.store, INDEX_NAME) < 0)
			r = fail(f, errno, "cannot put the new index of %s in place", path);
	}
	index_close(b.index);
	drop_database(l.store, REBUILT_NAME);
	if (r < 0)
		return r;
	*ret_runs = b.runs;
	*ret_bad = b.bad;
	return 0;
}

/* Index rows now, or, while a recorder has the index, by that recorder: removed/RUN tells it. */
static int forget(const char *path, const char *run_id, struct fail *f)
{
	struct index *ix = NULL;
	int r = index_open(path, INDEX_NAME, &ix, f);

	if (r < 0)
		return r == -EBUSY ? 1 : r;
	r = index_begin(ix, f);
	if (r >= 0)
		r = index_remove_run(ix, run_id, f);
	if (r >= 0)
		r = index_commit(ix, f);
	index_close(ix);
	return r;
}

int store_run_remove(const char *path, const char *run_id, struct fail *f)
{
	cleanup_layout struct layout l = { -1, -1, -1, -1 };
	int r = layout_open(path, true, &l, f);

	if (r < 0)
		return r;
	if (!run_id_valid(run_id))
		return fail_text(f, EINVAL, "'%s' is not the id of a run", run_id);
	if (layout_is_kept(&l, run_id))
		return fail_text(f, EBUSY, "run %s is alive: `weir kill %s` first", run_id, run_id);
	if (renameat(l.runs, run_id, l.removed, run_id) < 0)
		return fail(f, errno, "cannot remove run %s", run_id);
	layout_clear_live(&l, run_id);
	r = forget(path, run_id, f);
	if (r < 0)
		return r;
	if (r == 0) {
		r = layout_purge(&l, run_id);
		if (r < 0)
			return fail(f, -r, "cannot remove the segments of run %s", run_id);
	}
	return 0;
}
