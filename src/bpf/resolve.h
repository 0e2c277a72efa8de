/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: from a path that a process named to the file that it leads to, when the system
 * call has been done, by the names that the kernel has in its cache: what has just been renamed,
 * linked or changed is there. Symbolic links on the way are not followed; then nothing is found.
 * The path was read from memory that the process could change meanwhile: claimed. */
#ifndef WEIR_BPF_RESOLVE_H
#define WEIR_BPF_RESOLVE_H

#include "bpf/descriptor.h"
#include "bpf/writer.h"

#define SIBLINGS_MAX 16384 /* names in one directory that are looked at, the newest first */
#define MOUNTS_MAX 256	   /* mounts in one other */
#define S_IFDIR 0040000

struct resolve {
	__u64 mount, dentry; /* where the walk is; dentry 0: lost */
	__u64 root_mount, root_dentry;
	__u64 node; /* of the list that is being searched */
	__u64 head;
	__u64 hit;
	__u64 link, link_mount; /* the first symbolic link on the way, which ends it */
	__u32 begin, size;	/* of the component */
	char name[NAME_MAX_BYTES], other[NAME_MAX_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct resolve);
} resolves SEC(".maps");

static __always_inline struct resolve *resolve_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&resolves, &zero);
}

/* Both are zero behind their end. */
static __always_inline bool names_equal(const struct resolve *r)
{
	const __u64 *a = (const __u64 *)r->name, *b = (const __u64 *)r->other;
	__u64 difference = 0;

	for (int i = 0; i < NAME_MAX_BYTES / 8; i++)
		difference |= a[i] ^ b[i];
	return !difference;
}

static __always_inline bool name_read(char *to, __u64 size, const void *from)
{
	__builtin_memset(to, 0, NAME_MAX_BYTES);
	if (size >= NAME_MAX_BYTES)
		return false;
	barrier_var(size); /* or clang drops the mask, which it knows to be idle */
	return !bpf_probe_read_kernel(to, size & (NAME_MAX_BYTES - 1), from);
}

/* Directories have had their entries in one of two kinds of list (Linux 6.8). */
static __always_inline __u64 child_first(struct dentry *dentry)
{
	if (bpf_core_field_exists(struct dentry, d_children))
		return (__u64)GET(dentry, d_children.first);
	return (__u64)BPF_CORE_READ((struct dentry___before *)dentry, d_subdirs.next);
}

static __always_inline struct dentry *child_at(__u64 node)
{
	if (bpf_core_field_exists(struct dentry, d_sib))
		return CAST(dentry, (void *)node - bpf_core_field_offset(struct dentry, d_sib));
	return CAST(dentry, (void *)node - bpf_core_field_offset(struct dentry___before, d_child));
}

static __always_inline __u64 child_next(struct dentry *child)
{
	if (bpf_core_field_exists(struct dentry, d_sib))
		return (__u64)GET(child, d_sib.next);
	return (__u64)BPF_CORE_READ((struct dentry___before *)child, d_child.next);
}

static long child_step(__u32 i, struct resolve **at)
{
	struct resolve *r = *at;
	struct dentry *child;

	if (!r->node || r->node == r->head)
		return 1;
	child = child_at(r->node);
	if (GET(child, d_name.len) == r->size && GET(child, d_inode) && GET(child, d_hash.pprev) &&
	    name_read(r->other, r->size, GET(child, d_name.name)) && names_equal(r)) {
		r->hit = (__u64)child;
		return 1;
	}
	r->node = child_next(child);
	return 0;
}

static long mount_step(__u32 i, struct resolve **at)
{
	struct resolve *r = *at;
	struct mount *child;

	if (!r->node || r->node == r->head)
		return 1;
	child = CAST(mount, (void *)r->node - bpf_core_field_offset(struct mount, mnt_child));
	if ((__u64)GET(child, mnt_mountpoint) == r->dentry) {
		r->hit = (__u64)child;
		return 1;
	}
	r->node = (__u64)GET(child, mnt_child.next);
	return 0;
}

/* What is mounted on the place counts, and what is mounted on that. */
static __always_inline bool resolve_mounted(struct resolve *r)
{
	struct mount *mount = CAST(mount, (void *)r->mount);

	r->head = r->mount + bpf_core_field_offset(struct mount, mnt_mounts);
	r->node = (__u64)GET(mount, mnt_mounts.next);
	r->hit = 0;
	bpf_loop(MOUNTS_MAX, mount_step, &r, 0);
	if (!r->hit)
		return false;
	r->mount = r->hit;
	mount = CAST(mount, (void *)r->hit);
	r->dentry = (__u64)GET(mount, mnt.mnt_root);
	return true;
}

static __always_inline void resolve_child(struct resolve *r)
{
	struct dentry *dentry = CAST(dentry, (void *)r->dentry);
	struct inode *inode = GET(dentry, d_inode);

	r->hit = 0;
	if (inode && (GET(inode, i_mode) & S_IFMT) == S_IFDIR) {
		r->head = bpf_core_field_exists(struct dentry, d_children)
				  ? 0
				  : r->dentry + bpf_core_field_offset(struct dentry___before,
								      d_subdirs);
		r->node = child_first(dentry);
		bpf_loop(SIBLINGS_MAX, child_step, &r, 0);
	}
	r->dentry = r->hit;
	if (!r->dentry)
		return;
	dentry = CAST(dentry, (void *)r->dentry);
	if ((GET(dentry, d_inode, i_mode) & S_IFMT) == S_IFLNK) {
		r->link = r->dentry;
		r->link_mount = r->mount;
	} else if (resolve_mounted(r)) {
		resolve_mounted(r);
	}
}

static __always_inline void resolve_up(struct resolve *r)
{
	struct dentry *dentry = CAST(dentry, (void *)r->dentry);
	struct mount *mount = CAST(mount, (void *)r->mount);

	if (r->dentry == r->root_dentry && r->mount == r->root_mount)
		return;
	if (dentry == GET(mount, mnt.mnt_root)) {
		dentry = CAST(dentry, GET(mount, mnt_mountpoint));
		r->mount = (__u64)GET(mount, mnt_parent);
	}
	r->dentry = (__u64)GET(dentry, d_parent);
}

/* One character of the path; at the end of a component the walk goes on by it. */
static long resolve_step(__u32 step, struct resolve **at)
{
	struct file_room *room = file_room();
	struct resolve *r = *at;
	__u64 i = step, begin = r->begin;
	char c;

	barrier_var(i);
	if (!room || i >= EVENT_PATH_MAX || !r->dentry)
		return 1;
	c = room->name[i];
	if (c && c != '/')
		return 0;
	r->size = i - begin;
	r->begin = i + 1;
	barrier_var(begin);
	if (begin >= EVENT_PATH_MAX - NAME_MAX_BYTES ||
	    !name_read(r->name, r->size, room->name + begin))
		r->dentry = 0;
	else if (r->size == 2 && r->name[0] == '.' && r->name[1] == '.')
		resolve_up(r);
	else if (r->size && !(r->size == 1 && r->name[0] == '.'))
		resolve_child(r);
	return !c;
}

/* The dentry that the path in the file room leads to, as resolve_room() says then; false when it is
 * not found. A global function, as path_write(). */
__noinline int path_resolve(int dirfd)
{
	__u32 offset = bpf_core_field_offset(struct mount, mnt);
	struct file_room *room = file_room();
	struct resolve *r = resolve_room();
	struct task_struct *task = current_task();
	__u64 mnt, dentry;

	if (!room || !r)
		return 0;
	r->root_mount = (__u64)GET(task, fs, root.mnt) - offset;
	r->root_dentry = (__u64)GET(task, fs, root.dentry);
	r->mount = r->root_mount;
	r->dentry = r->root_dentry;
	if (room->name[0] != '/') {
		if (!path_base(task, dirfd, &mnt, &dentry))
			return 0;
		r->mount = mnt - offset;
		r->dentry = dentry;
	}
	r->begin = 0;
	r->link = 0;
	bpf_loop(EVENT_PATH_MAX, resolve_step, &r, 0);
	return r->dentry != 0;
}

/* A place that path_resolve() came to. */
static __always_inline void found_at(struct found_file *found, __u64 mount, __u64 at)
{
	struct dentry *dentry = CAST(dentry, (void *)at);

	found->place.mnt = mount + bpf_core_field_offset(struct mount, mnt);
	found->place.dentry = at;
	file_identify(GET(dentry, d_inode), &found->id);
}

#endif
