// SPDX-License-Identifier: Apache-2.0
/* The store's directories; see layout.h. Owns their descriptors. Names found in them are used only
 * when they are run ids. */
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "call/channel.h"
#include "call/place.h"
#include "store/cursor.h"

static int make_path(const char *path, struct fail *f)
{
	cleanup_free char *copy = strdup(path);

	if (!copy)
		return fail(f, ENOMEM, "make the store %s", path);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return fail(f, errno, "cannot make the directory %s", copy);
		*p = '/';
	}
	if (mkdir(copy, 0700) < 0 && errno != EEXIST)
		return fail(f, errno, "cannot make the store %s", path);
	return 0;
}

static int subdirectory(int store, const char *name, bool make)
{
	int fd;

	if (make && mkdirat(store, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(store, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int layout_open(const char *path, bool make, struct layout *ret, struct fail *f)
{
	cleanup_layout struct layout l = { -1, -1, -1, -1 };
	int r = make ? make_path(path, f) : 0;

	if (r < 0)
		return r;
	l.store = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l.store < 0)
		return fail(f, errno, "cannot open the store %s", path);
	l.runs = subdirectory(l.store, LAYOUT_RUNS, make);
	l.live = subdirectory(l.store, LAYOUT_LIVE, make);
	l.removed = subdirectory(l.store, LAYOUT_REMOVED, make);
	if (l.runs == -ENOENT)
		return fail_text(f, ENOENT,
				 "%s is not a weir store: it has no directory " LAYOUT_RUNS, path);
	if (l.runs < 0 || (make && (l.live < 0 || l.removed < 0)))
		return fail(f,
			    l.runs < 0	 ? -l.runs
			    : l.live < 0 ? -l.live
					 : -l.removed,
			    "cannot use the store %s", path);
	*ret = l;
	l = (struct layout){ -1, -1, -1, -1 };
	return 0;
}

void layout_close(struct layout *l)
{
	cleanup_fd_(&l->store);
	cleanup_fd_(&l->runs);
	cleanup_fd_(&l->live);
	cleanup_fd_(&l->removed);
	*l = (struct layout){ -1, -1, -1, -1 };
}

int layout_mark_live(const struct layout *l, const char *run)
{
	return mknodat(l->live, run, S_IFREG | 0600, 0) < 0 && errno != EEXIST ? -errno : 0;
}

int layout_clear_live(const struct layout *l, const char *run)
{
	return unlinkat(l->live, run, 0) < 0 && errno != ENOENT ? -errno : 0;
}

bool layout_is_live(const struct layout *l, const char *run)
{
	return l->live >= 0 && faccessat(l->live, run, F_OK, 0) == 0;
}

bool layout_is_kept(const struct layout *l, const char *run)
{
	cleanup_fd int place = openat(l->store, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[PLACE_SOCKET_MAX];
	cleanup_fd int fd = -1;

	if (!layout_is_live(l, run))
		return false;
	place_run_socket(run, name);
	fd = place < 0 ? -ENOENT : channel_connect(place, name);
	/* Anything else than nobody there may be somebody who does not talk to us. */
	return fd >= 0 || (fd != -ENOENT && fd != -ECONNREFUSED);
}

static int is_run(const struct dirent *entry)
{
	return run_id_valid(entry->d_name);
}

int layout_each(int dir, int (*on_name)(void *context, const char *run), void *context)
{
	struct dirent **entries = NULL;
	int count = dir < 0 ? 0 : scandirat(dir, ".", &entries, is_run, alphasort);
	int r = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		if (r >= 0)
			r = on_name(context, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r < 0 ? r : 0;
}

int layout_purge(const struct layout *l, const char *run)
{
	cleanup_dir DIR *d = NULL;
	struct dirent *entry;
	int fd = openat(l->removed, run, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -errno;
	}
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    unlinkat(fd, entry->d_name, 0) < 0 && errno != ENOENT)
			return -errno;
	return unlinkat(l->removed, run, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int replay_frame(struct cursor *c, const struct frame_header *h, struct tally *t,
			struct fail *f)
{
	cleanup_frame_body struct frame_body body = { 0 };
	int r = frame_body_decode(h->kind, h + 1, h->size - sizeof(*h), &body);

	if (r == 0)
		r = tally_add(t, h, cursor_at(c), &body);
	if (r < 0)
		return fail_text(f, -r, "segment %06u.seg, offset %u: frame %llu cannot be read",
				 cursor_at(c).number, cursor_at(c).offset,
				 (unsigned long long)h->seq);
	return 0;
}

int layout_replay(const struct layout *l, const char *run, struct tally *t,
		  struct segment_position *ret_end, struct fail *f)
{
	cleanup_fd int dir = openat(l->runs, run, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct cursor *c = NULL;
	const struct frame_header *h;
	uint64_t unfinished;
	int r;

	if (dir < 0)
		return fail(f, errno, "cannot open the record of run %s", run);
	r = cursor_open(dir, run, &c, f);
	while (r >= 0 && (r = cursor_next(c, &h, f)) > 0)
		r = replay_frame(c, h, t, f);
	if (c)
		*ret_end = cursor_end(c, &unfinished);
	cursor_close(c);
	return r;
}
