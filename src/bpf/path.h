/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: a path as the process sees it, written by walking from a dentry through its
 * parents and mounts up to the task's root. Names in dentries cannot be swapped by the process. */
#ifndef WEIR_BPF_PATH_H
#define WEIR_BPF_PATH_H

#include "bpf/kernel.h"
#include "bpf/shared.h"

#define PATH_STEPS 96 /* components and mounts followed at most */
#define NAME_MAX_BYTES 256

/* bpf_rdonly_cast (kernel a35b9af4ec2c, 6.2) makes plain loads of what it returns safe and cheap:
 * the walk costs half of what it costs with bpf_probe_read_kernel. */
extern void *bpf_rdonly_cast(const void *pointer, __u32 btf_id) __ksym;

#define CAST(type, pointer) \
	((struct type *)bpf_rdonly_cast((pointer), bpf_core_type_id_kernel(struct type)))

struct path_text {
	__u32 at;   /* the path begins here */
	__u32 size; /* and has so many bytes */
	bool cut;   /* it did not fit, or the root was not reached within PATH_STEPS */
	bool done;
	__u64 mount, dentry, root_mount, root_dentry;
	char *bytes; /* EVENT_PATH_MAX + NAME_MAX_BYTES */
};

static long path_step(__u32 step, struct path_text *p)
{
	struct dentry *dentry = CAST(dentry, (void *)p->dentry);
	struct mount *mount = CAST(mount, (void *)p->mount);
	struct dentry *up;
	__u32 size, at;

	if (p->dentry == p->root_dentry && p->mount == p->root_mount)
		goto done;
	if (dentry == mount->mnt.mnt_root) {
		if (mount->mnt_parent == mount)
			goto done;
		p->dentry = (__u64)mount->mnt_mountpoint;
		p->mount = (__u64)mount->mnt_parent;
		return 0;
	}
	up = dentry->d_parent;
	if (up == dentry)
		goto done;
	size = dentry->d_name.len;
	at = p->at;
	if (size >= NAME_MAX_BYTES || size + 1 > at || at > EVENT_PATH_MAX) {
		p->cut = true;
		goto done;
	}
	at -= size;
	bpf_probe_read_kernel(p->bytes + (at & (EVENT_PATH_MAX - 1)), size & (NAME_MAX_BYTES - 1),
			      dentry->d_name.name);
	at--;
	p->bytes[at & (EVENT_PATH_MAX - 1)] = '/';
	p->at = at;
	p->dentry = (__u64)up;
	return 0;
done:
	p->done = true;
	return 1;
}

/* Writes the path of (mnt, dentry) into the right end of `bytes` (EVENT_PATH_MAX + NAME_MAX_BYTES
 * long). The root itself is "/". */
static __always_inline void path_walk(struct path_text *p, char *bytes, struct vfsmount *mnt,
				      struct dentry *dentry, struct fs_struct *fs)
{
	__u32 offset = bpf_core_field_offset(struct mount, mnt);

	p->at = EVENT_PATH_MAX;
	p->cut = false;
	p->done = false;
	p->bytes = bytes;
	p->dentry = (__u64)dentry;
	p->mount = (__u64)mnt - offset;
	p->root_dentry = (__u64)BPF_CORE_READ(fs, root.dentry);
	p->root_mount = (__u64)BPF_CORE_READ(fs, root.mnt) - offset;
	bpf_loop(PATH_STEPS, path_step, p, 0);
	if (!p->done)
		p->cut = true;
	if (p->at == EVENT_PATH_MAX && !p->cut) {
		p->at = EVENT_PATH_MAX - 1;
		bytes[EVENT_PATH_MAX - 1] = '/';
	}
	p->size = EVENT_PATH_MAX - p->at;
}

/* Copies what path_walk() wrote to `to`, which has room for EVENT_PATH_MAX bytes; returns the size.
 */
static __always_inline __u32 path_copy(char *to, const struct path_text *p, const char *bytes)
{
	__u64 size = p->size;

	barrier_var(size); /* one register for the check and the use: what the verifier wants */
	if (size > EVENT_PATH_MAX)
		return 0;
	bpf_probe_read_kernel(to, size, bytes + (p->at & (EVENT_PATH_MAX - 1)));
	return size;
}

#endif
