/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The few kernel structures our BPF programs look into, each with only the members they read.
 * preserve_access_index makes clang record every access, and libbpf moves it to where the running
 * kernel keeps the member (CO-RE), so order and size here mean nothing and no vmlinux.h is needed
 * to build. */
#ifndef WEIR_BPF_KERNEL_H
#define WEIR_BPF_KERNEL_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include <stdbool.h>
#include <stddef.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

typedef struct {
	__u32 val;
} kuid_t;

struct pipe_buffer {
	unsigned int len;
};

struct pipe_inode_info {
	unsigned int head, tail, ring_size;
	struct pipe_buffer *bufs;
};

struct fsnotify_mark_connector;

struct inode {
	__u16 i_mode;
	__u32 i_rdev, i_fsnotify_mask;
	struct fsnotify_mark_connector *i_fsnotify_marks;
	struct pipe_inode_info *i_pipe;
	struct super_block *i_sb;
	unsigned long i_ino;
	const unsigned int i_nlink;
	__s64 i_size;
	__u32 i_generation;
	kuid_t i_uid;
	__s64 i_ctime_sec;
	__u32 i_ctime_nsec;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

/* Before Linux 6.11, and before 6.6. */
struct inode___time {
	struct timespec64 __i_ctime;
};

struct inode___before {
	struct timespec64 i_ctime;
};

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
	struct hlist_node d_sib;
	struct hlist_head d_children;
};

/* Before Linux 6.8. */
struct dentry___before {
	struct list_head d_child, d_subdirs;
};

struct vfsmount {
	struct dentry *mnt_root;
	int mnt_flags;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct list_head mnt_mounts, mnt_child;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct ovl_entry;

struct ovl_inode {
	struct inode vfs_inode;
	struct dentry *__upperdentry;
	struct ovl_entry *oe;
};

struct ovl_path {
	struct dentry *dentry;
};

struct ovl_entry {
	unsigned int __numlower;
	struct ovl_path __lowerstack[1];
};

struct sock;

struct socket {
	short type;
	struct sock *sk;
};

struct callback_head {
	struct callback_head *next;
};

struct file {
	unsigned int f_mode;
	struct inode *f_inode;
	unsigned int f_flags;
	struct path f_path;
	void *private_data;
	struct callback_head f_task_work;
};

/* Before Linux 6.13 the same callback had another name. */
struct file___before {
	struct callback_head f_rcuhead;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct percpu_counter {
	__s64 count;
};

struct mm_struct {
	unsigned long hiwater_rss;
	unsigned long arg_start, arg_end;
	struct percpu_counter rss_stat[4];
	struct file *exe_file;
};

/* Whole, for the kernel's array of them is walked with our size. */
struct pid_namespace;
struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[4];
	struct upid numbers[1];
};

struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};

/* The kernel's enum pid_type has PIDTYPE_TGID = 1. */
struct signal_struct {
	struct pid *pids[4];
	int nr_threads;
	int group_exit_code;
	unsigned int flags;
	unsigned long maxrss;
	unsigned long long sum_sched_runtime;
	struct {
		int counter;
	} live;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct cred {
	kuid_t uid;
};

struct ipc_namespace {
	struct {
		unsigned int inum;
	} ns;
};

struct nsproxy {
	struct ipc_namespace *ipc_ns;
};

struct task_struct {
	unsigned int flags;
	int pid, tgid;
	__u64 start_boottime;
	struct task_struct *real_parent, *group_leader;
	struct list_head children, sibling;
	struct signal_struct *signal;
	struct css_set *cgroups;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	const struct cred *cred;
	struct sched_entity se;
	struct nsproxy *nsproxy;
	struct hlist_node pid_links[4];
	struct callback_head *task_works;
	int exit_code;
	char comm[16];
};

struct bpf_map;
struct bpf_iter_meta;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct linux_binprm {
	struct file *file;
	const char *filename, *interp;
};

struct kernel_siginfo {
	int si_signo, si_code;
};

struct net {
	__u64 net_cookie;
};

struct sock_common {
	struct {
		struct net *net;
	} skc_net;
	__u32 skc_daddr, skc_rcv_saddr;
	__u16 skc_dport, skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	struct {
		__u8 byte[16];
	} skc_v6_daddr, skc_v6_rcv_saddr;
	struct {
		__s64 counter;
	} skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_type, sk_protocol;
	struct {
		__u32 qlen;
	} sk_receive_queue;
	struct socket *sk_socket;
	struct pid *sk_peer_pid;
	struct {
		struct cgroup *cgroup;
	} sk_cgrp_data;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct sockaddr_un {
	__u16 sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

struct tty_struct {
	int index;
	struct tty_struct *link;
	void *driver_data;
};

struct tty_file_private {
	struct tty_struct *tty;
};

struct fsnotify_group {
	unsigned int q_len;
};

struct fsnotify_mark {
	__u32 mask;
	struct fsnotify_group *group;
	struct hlist_node obj_list;
};

struct fsnotify_mark_connector {
	struct hlist_head list;
};

#pragma clang attribute pop

#endif
