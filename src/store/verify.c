// SPDX-License-Identifier: Apache-2.0
/* Is a record what it was when its run ended? Everything is computed again from the segments and
 * compared with the root file and the index; see record.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/cursor.h"
#include "store/root.h"
#include "store/store.h"

/* The frames that are whole, from the first on: what tree they make, and why it ended early. */
static int recompute(int dir, const char *run_id, struct merkle *tree, struct verify_result *ret,
		     uint64_t *ret_unfinished, struct fail *f)
{
	struct cursor *c = NULL;
	const struct frame_header *h;
	struct fail damage = { 0 };
	int r = cursor_open(dir, run_id, &c, f);

	if (r < 0)
		return r;
	merkle_init(tree);
	while ((r = cursor_next(c, &h, &damage)) > 0)
		merkle_add(tree, h, h->size);
	if (r == 0)
		cursor_end(c, ret_unfinished);
	cursor_close(c);
	if (r < 0 && r != -EBADMSG) {
		*f = damage;
		return r;
	}
	if (r < 0)
		snprintf(ret->reason, sizeof(ret->reason), "%.*s", (int)sizeof(ret->reason) - 1,
			 damage.text);
	return 0;
}

/* What the index says the run ended with; "" while it lives. */
static int index_root(struct store *s, const char *run_id, char root[MERKLE_HEX_SIZE],
		      uint64_t *ret_frames, struct fail *f)
{
	cleanup_statement sqlite3_stmt *q = NULL;
	int r = store_prepare(s, "SELECT root, events FROM runs WHERE run=?1", &q, f);

	if (r < 0)
		return r;
	root[0] = '\0';
	sqlite3_bind_text(q, 1, run_id, -1, SQLITE_STATIC);
	r = store_step(s, q, f);
	if (r > 0 && sqlite3_column_text(q, 0)) {
		snprintf(root, MERKLE_HEX_SIZE, "%s", (const char *)sqlite3_column_text(q, 0));
		*ret_frames = (uint64_t)sqlite3_column_int64(q, 1);
	}
	return r < 0 ? r : 0;
}

/* Of a run that is over. unfinished: bytes behind the last frame; while a run lives that may be
 * half written. in_index: NULL where the index does not have the run's end yet. */
static void compare(struct verify_result *v, uint64_t unfinished, const char *file_root,
		    uint64_t file_frames, const char *in_index, uint64_t index_frames)
{
	const char *where = NULL;

	if (unfinished)
		where = "the last segment ends with bytes that are not a whole frame";
	else if (!*file_root)
		where = "it has no root although the run is over";
	else if (strcmp(file_root, v->root) != 0 || file_frames != v->frames)
		where = "the frames are not those that the run ended with (its root file)";
	else if (in_index && (strcmp(in_index, v->root) != 0 || index_frames != v->frames))
		where = "the frames are not those that the run ended with (the index)";
	if (where)
		snprintf(v->reason, sizeof(v->reason), "%s", where);
}

int store_verify(struct store *s, const char *run_id, struct verify_result *ret, struct fail *f)
{
	cleanup_fd int dir = store_run_dir(s, run_id, f);
	struct verify_result v = { 0 };
	struct record_root root = { 0 };
	unsigned char hash[MERKLE_HASH_SIZE];
	char in_file[MERKLE_HEX_SIZE] = "", in_index[MERKLE_HEX_SIZE];
	uint64_t index_frames = 0, unfinished = 0;
	struct merkle tree;
	bool waiting;
	int r = dir < 0 ? dir : recompute(dir, run_id, &tree, &v, &unfinished, f);

	if (r >= 0)
		r = index_root(s, run_id, in_index, &index_frames, f);
	if (r < 0)
		return r;
	merkle_root(&tree, hash);
	merkle_hex(hash, v.root);
	v.frames = tree.leaves;
	r = record_root_read(dir, run_id, &root);
	if (r == -EBADMSG)
		snprintf(v.reason, sizeof(v.reason), "its root file is not a root of this run");
	else if (r < 0 && r != -ENOENT)
		return fail(f, -r, "cannot read the root of run %s", run_id);
	if (r == 0)
		merkle_hex(root.hash, in_file);
	/* The mark stays until the index has the run's end: the disk may have been full. */
	waiting = !*in_index && layout_is_live(&s->layout, run_id);
	v.live = r == -ENOENT && waiting;
	if (!v.live && !v.reason[0])
		compare(&v, unfinished, in_file, root.size, waiting ? NULL : in_index,
			index_frames);
	v.matches = !v.reason[0];
	*ret = v;
	return 0;
}
