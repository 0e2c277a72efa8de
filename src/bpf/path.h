/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: a path as the process sees it, written by walking from a dentry through its
 * parents and mounts up to the task's root. Names in dentries cannot be swapped by the process. */
#ifndef WEIR_BPF_PATH_H
#define WEIR_BPF_PATH_H

#include "bpf/identity.h"

#define PATH_STEPS 96 /* components and mounts followed at most */
#define NAME_MAX_BYTES 256

/* A walk under way; `at` is where the path begins in the room, which is filled from its right end.
 */
struct path_walk {
	__u32 at;
	bool cut;     /* it did not fit, or the end was not reached within PATH_STEPS */
	bool outside; /* the end was another root than the task's */
	bool done;
	__u64 mount, dentry, root_mount, root_dentry;
	char *bytes;
};

struct path_room {
	char bytes[EVENT_PATH_MAX + NAME_MAX_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_room);
} path_rooms SEC(".maps");

/* Puts a name, and before it a slash unless it stands for a whole path, in front of what is there.
 */
static __always_inline bool path_prepend(struct path_walk *w, struct dentry *dentry, bool slash)
{
	__u32 size = GET(dentry, d_name.len), at = w->at;

	if (size >= NAME_MAX_BYTES || size + 1 > at || at > EVENT_PATH_MAX) {
		w->cut = true;
		return false;
	}
	at -= size;
	barrier_var(size); /* or clang drops the mask, which it knows to be idle */
	bpf_probe_read_kernel(w->bytes + (at & (EVENT_PATH_MAX - 1)), size & (NAME_MAX_BYTES - 1),
			      GET(dentry, d_name.name));
	if (slash) {
		at--;
		w->bytes[at & (EVENT_PATH_MAX - 1)] = '/';
	}
	w->at = at;
	return true;
}

static long path_step(__u32 step, struct path_walk *w)
{
	struct dentry *dentry = CAST(dentry, (void *)w->dentry);
	struct mount *mount = CAST(mount, (void *)w->mount);
	struct dentry *up;

	if (w->dentry == w->root_dentry && w->mount == w->root_mount)
		goto done;
	if (dentry == GET(mount, mnt.mnt_root)) {
		w->outside = GET(mount, mnt_parent) == mount;
		if (w->outside)
			goto done;
		w->dentry = (__u64)GET(mount, mnt_mountpoint);
		w->mount = (__u64)GET(mount, mnt_parent);
		return 0;
	}
	up = GET(dentry, d_parent);
	if (up == dentry) { /* in no directory: a memfd, whose name is all there is */
		path_prepend(w, dentry, false);
		goto done;
	}
	if (!path_prepend(w, dentry, true))
		goto done;
	w->dentry = (__u64)up;
	return 0;
done:
	w->done = true;
	return 1;
}

#define PATH_CUT (1 << 16)
#define PATH_OUTSIDE (1 << 17)

/* Where a path ends. Numbers, because a global function takes no kernel pointers. */
struct place {
	__u64 mnt, dentry;
};

/* Writes the path of a place as the current task sees it into the right end of this
 * processor's path room; the root itself is "/". Returns where it begins, with PATH_CUT when it is
 * not whole and PATH_OUTSIDE when it does not lead to the task's root. A global function: the
 * verifier reads it once a program, not once a use. */
__noinline int path_write(const struct place *place)
{
	struct task_struct *task = current_task();
	__u32 zero = 0, offset = bpf_core_field_offset(struct mount, mnt);
	struct path_room *room = bpf_map_lookup_elem(&path_rooms, &zero);
	struct path_walk w = { .at = EVENT_PATH_MAX };

	if (!room || !place)
		return EVENT_PATH_MAX | PATH_CUT;
	w.bytes = room->bytes;
	w.dentry = place->dentry;
	w.mount = place->mnt - offset;
	w.root_dentry = (__u64)GET(task, fs, root.dentry);
	w.root_mount = (__u64)GET(task, fs, root.mnt) - offset;
	bpf_loop(PATH_STEPS, path_step, &w, 0);
	if (!w.done)
		w.cut = true;
	if (w.at == EVENT_PATH_MAX && !w.cut) {
		w.at = EVENT_PATH_MAX - 1;
		room->bytes[EVENT_PATH_MAX - 1] = '/';
	}
	return w.at | (w.cut ? PATH_CUT : 0) | (w.outside ? PATH_OUTSIDE : 0);
}

/* The path, written to `to`, which has room for EVENT_PATH_MAX bytes; returns the size. */
static __always_inline __u32 path_of(struct event_header *h, char *to, struct vfsmount *mnt,
				     struct dentry *dentry)
{
	struct place place = { (__u64)mnt, (__u64)dentry };
	int result = path_write(&place);
	__u64 at = result & (PATH_CUT - 1), size;
	__u32 zero = 0;
	struct path_room *room = bpf_map_lookup_elem(&path_rooms, &zero);

	if (result & PATH_CUT)
		h->flags |= EVENT_TRUNCATED;
	if (result & PATH_OUTSIDE)
		h->flags |= EVENT_OUTSIDE;
	barrier_var(at);
	if (!room || at >= EVENT_PATH_MAX)
		return 0;
	size = EVENT_PATH_MAX - at;
	barrier_var(size); /* one register for the check and the use: what the verifier wants */
	if (size > EVENT_PATH_MAX)
		return 0;
	bpf_probe_read_kernel(to, size, room->bytes + (at & (EVENT_PATH_MAX - 1)));
	return size;
}

#endif
