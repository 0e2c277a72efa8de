/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bytes of an event, as BPF programs (or the seccomp-notify sensor) write them into a ring and
 * as the record keeps them. Included by both sides: fixed-size integer types only, natural
 * alignment, no pointers. Every struct begins with struct event_header; `size` covers the whole
 * event, strings included. Strings follow the fixed part in the order of their length fields,
 * without NUL. A reader takes nothing on trust: event_decode() (bpf/event_decode.h) checks every
 * length. */
#ifndef WEIR_BPF_EVENT_H
#define WEIR_BPF_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define EVENT_PATH_MAX 1024 /* bytes of one path kept */
#define EVENT_ARGV_MAX 1024 /* bytes of argv kept, NUL-separated */
#define EVENT_SIZE_MAX 4096 /* bytes of one event from the kernel */

enum event_kind {
#define EVENT(NAME, name, class, about) EVENT_##NAME,
#include "tables/events.tbl"
#undef EVENT
	EVENT_KIND_COUNT
};

enum event_class {
	EVENT_CLASS_PROCESS,
	EVENT_CLASS_NETWORK,
	EVENT_CLASS_FILE,
	EVENT_CLASS_PRIVILEGE,
	EVENT_CLASS_CONTROL,
	EVENT_CLASS_HANDOVER,
	EVENT_CLASS_COUNT
};

enum event_flag {
	EVENT_CLAIMED = 1 << 0,	  /* an argument was read from memory the process could change */
	EVENT_TRUNCATED = 1 << 1, /* a string was cut at its maximum */
	EVENT_NO_CGROUP = 1 << 2, /* the call comes from a label or a listener, not from a cgroup */
	EVENT_OUTSIDE = 1 << 3,	 /* a path does not lead to the process's root: it was handed a file
				    from outside, such as its standard output */
	EVENT_ENTERING = 1 << 4, /* of a call that came in from outside, before its first program:
				    what whoever brought it in (a container's runtime) prepared */
	EVENT_WINDOW = 1 << 5,	 /* the call is the only one that could be seen to want this at that
				    time; the kernel did not say that it was its process */
};

struct event_header {
	__u16 size;
	__u8 kind;  /* enum event_kind */
	__u8 flags; /* enum event_flag */
	__u32 call; /* number of the call in its run */
	__u64 run;  /* run key: cgroup id of the run's directory, or a random number without cgroups
		     */
	__u64 mono_ns;
	__u64 kernel_seq; /* cpu << 48 | counter of this ring on this cpu; shows gaps */
	__u64 start_ns; /* the process: start time since boot (CLOCK_BOOTTIME), with pid its key */
	__u64 parent_start_ns;
	__u32 pid, tid, ppid; /* pid: thread group, host numbering */
	__u32 pid_inside;     /* in the sandbox's pid namespace */
	__u32 uid;	      /* host numbering */
	__u32 label; /* what the process carries from other calls: see struct event_handover */
};

struct event_fork {
	struct event_header h; /* the parent */
	__u64 child_start_ns;
	__u32 child_pid;
	__u32 child_pid_inside;
};

enum exec_flag {
	EXEC_DELETED = 1 << 0, /* the file has no link any more */
	EXEC_MEMFD = 1 << 1,
	EXEC_SCRIPT = 1 << 2,	   /* exe is an interpreter, filename the script */
	EXEC_FROM_THREAD = 1 << 3, /* not by the thread group's leader */
};

#define EVENT_NO_CALL 0xffffffffu

enum stream_kind {
	STREAM_NONE,	 /* closed, or not known */
	STREAM_FILE,	 /* a regular file, /dev/null or another device */
	STREAM_PIPE,	 /* a pipe or FIFO */
	STREAM_TERMINAL, /* either end of a terminal */
	STREAM_UNIX,	 /* a unix socket */
	STREAM_INET,	 /* a TCP or UDP socket of either family */
	STREAM_KIND_COUNT
};

/* What a descriptor leads to. Two streams whose ends meet are known by object (a pipe, a terminal:
 * the same for both ends; a unix socket: one's object is the other's peer) or by their ports and
 * addresses (TCP on loopback). */
struct event_stream {
	__u64 object; /* pipe, unix: inode; terminal: device << 32 | number; inet: the cookie as in
			 event_net and event_flow, or else the inode, see STREAM_BY_INODE */
	__u64 peer;   /* unix: the peer's inode, 0 unknown; a FIFO with a name: its device */
	__u8 address[16]; /* inet: the far end; IPv4 as ::ffff:a.b.c.d */
	__u16 kind;	  /* enum stream_kind */
	__u16 port;	  /* inet: the far end's, and its own */
	__u16 own_port;
	__u16 accepted; /* inet: from a listener, not connected; unix: of a listener with a name,
			   from either side, not a pair; terminal: the master's end */
};

/* With the inode, of an inet socket that has no cookie: one that nobody asked for. What is made in
 * a call of ours has one; what was brought in from outside may not. */
#define STREAM_BY_INODE (1ull << 63)

struct event_exec {
	struct event_header h;
	struct event_stream streams[3]; /* standard input, output, error */
	__u64 inode, device;
	__u32 mode;
	__u32 exec_flags;
	__u32 writer; /* the call that last wrote the executed file or script, or EVENT_NO_CALL */
	__u16 exe_size, filename_size, cwd_size, argv_size;
	char comm[16];
	/* exe (resolved), filename (as given), cwd, argv (NUL-separated) */
};

struct event_exit {
	struct event_header h;
	__s32 status; /* exit status, or -1 when ended by a signal */
	__s32 signal; /* 0 when not */
	__u64 cpu_usec;
	__u64 max_rss; /* bytes */
};

/* socket, connect, send, bind, listen, accept */
struct event_net {
	struct event_header h;
	__u64 bytes;		      /* send */
	__u64 cookie;		      /* socket cookie, 0 unknown */
	__s32 result;		      /* 0 or more: success; negative: -errno */
	__u16 family, type, protocol; /* AF_*, SOCK_*, IPPROTO_* */
	__u16 port;		      /* host byte order */
	__u8 address[16];	      /* network byte order; IPv4 in the first four */
	__u16 name_size;
	__u16 rule; /* of network.allow, from 1, that let it pass; 0: none had to, or none did */
	__u16 own_port; /* inet, connect and accept: the socket's own; 0 unknown */
	__u16 reserved2;
	/* name: the path of a unix socket; an abstract one begins with NUL */
};

enum file_op {
	FILE_CREATE,
	FILE_WRITE,
	FILE_TRUNCATE,
	FILE_RENAME,
	FILE_UNLINK,
	FILE_LINK,
	FILE_SYMLINK,
	FILE_MKDIR,
	FILE_RMDIR,
	FILE_CHMOD,
	FILE_CHOWN,
	FILE_MKNOD,
	FILE_XATTR,
	FILE_READ,
	FILE_OP_COUNT
};

struct event_file {
	struct event_header h;
	__u64 inode, device;
	__u64 bytes;  /* written (by this process since the last event on this file) or length */
	__s32 result; /* 0 or more, or -errno */
	__u32 mode;   /* new mode, owner or open flags */
	__u32 writer; /* the call that wrote the file before, or EVENT_NO_CALL */
	__u8 op;      /* enum file_op */
	__u8 first;   /* first touch of this file by this call */
	__u16 path_size, target_size;
	__u16 reserved1;
	__u32 reserved2;
	/* path as seen inside, target (rename, link, symlink) */
};

enum privilege_op {
	PRIVILEGE_SETUID,
	PRIVILEGE_SETGID,
	PRIVILEGE_SETGROUPS,
	PRIVILEGE_CAPSET,
	PRIVILEGE_PTRACE,
	PRIVILEGE_MOUNT,
	PRIVILEGE_NAMESPACE,
	PRIVILEGE_BPF,
	PRIVILEGE_MODULE,
	PRIVILEGE_KEYCTL,
	PRIVILEGE_IO_URING,
	PRIVILEGE_PERF,
	PRIVILEGE_PROC_MEMORY,
	PRIVILEGE_KEXEC,
	PRIVILEGE_USERFAULTFD,
	PRIVILEGE_CHROOT,
	PRIVILEGE_PERSONALITY,
	PRIVILEGE_REBOOT,
	PRIVILEGE_CLOCK,
	PRIVILEGE_HANDLE,
	PRIVILEGE_HOSTNAME,
	PRIVILEGE_SWAP,
	PRIVILEGE_OTHER,
	PRIVILEGE_OP_COUNT
};

struct event_privilege {
	struct event_header h;
	__u64 arguments[3];
	__s32 result;
	__u32 syscall; /* x86-64 / native number */
	__u32 target_pid;
	__u16 op; /* enum privilege_op */
	__u16 target_size;
	/* target: path or name where there is one */
};

struct event_signal {
	struct event_header h;
	__s32 signal, result;
	__u32 target_pid, target_call; /* EVENT_NO_CALL: not in this run */
	__u64 target_run;
};

struct event_denied {
	struct event_header h;
	__u16 barrier_size, op_size, target_size;
	__u16 reserved1;
	/* barrier, op, target */
};

enum edge_kind {
#define EDGE(NAME, name, about) EDGE_##NAME,
#include "tables/edges.tbl"
#undef EDGE
	EDGE_KIND_COUNT
};

#define LABEL_NONE 0u
#define LABEL_KEEPER 0x80000000u /* from here on given by the keeper, below by the kernel */

/* A process took over what another call had left for it: a file, a message, a descriptor. A label
 * stands for a set of edges; it is what the edges of h.label (the process before), those of `with`
 * (what was taken over carried them) and the edge to `from` make together. A process passes its
 * label on to its children and to what it writes. With EDGE_KEPT the new label is not the
 * process's but that of the file that it changed, with EDGE_NAME and EDGE_USED that of the flow. */
struct event_handover {
	struct event_header h; /* the process that took it */
	__u64 inode, device;   /* of the file; 0 where it is none */
	__u32 from;	       /* call, or EVENT_NO_CALL: not known */
	__u32 label;	       /* new, unique in the run */
	__u32 with;
	__u16 edge; /* enum edge_kind */
	__u16 text_size;
	/* path or name of what was taken over, as far as it is known */
};

enum enter_step {
	ENTER_BEGUN, /* a process came in from outside: a call */
	ENTER_OVER,  /* its first process has ended */
	ENTER_GONE,  /* its last process has ended */
	ENTER_STEP_COUNT
};

#define ENTER_ARGV_MAX 256

/* A call of a run that only watches (weir attach), where nobody but the kernel announces one. */
struct event_enter {
	struct event_header h;	 /* its first process; with ENTER_GONE its last */
	__u64 cgroup;		 /* in which the process is */
	__u64 cpu_usec, max_rss; /* of those of its processes that have ended: sum, and largest */
	__s32 status, signal;	 /* as of an exit */
	__u32 processes;	 /* of the call that live */
	__u32 by_pid;		 /* who brought it in: itself, its parent, or whoever moved it */
	char comm[16], by_comm[16];
	__u16 argv_size;
	__u8 step;   /* enum enter_step */
	__u8 forked; /* it has executed nothing since it was forked */
	__u32 reserved;
	/* argv, where it is known by now */
};

enum state_change { STATE_ADDED, STATE_CHANGED, STATE_REMOVED, STATE_CHANGE_COUNT };

/* What a call left in the shell; from whoever carries the state from call to call. */
struct event_state {
	struct event_header h; /* no process: the shell has ended, or goes on */
	__u16 change;	       /* enum state_change */
	__u16 part_size, name_size, was_size, is_size;
	__u16 reserved[3];
	/* part, name, was, is */
};

enum protocol {
#define PROTOCOL(NAME, name, leads, about) PROTOCOL_##NAME,
#include "tables/protocols.tbl"
#undef PROTOCOL
	PROTOCOL_COUNT
};

#define EVENT_NO_RULE 0xffffu

enum dns_verdict { DNS_ANSWERED, DNS_REFUSED, DNS_MISSING, DNS_FAILED, DNS_VERDICT_COUNT };

/* From the gate: one question of a call. Equal ones are told at the first, second, fourth … */
struct event_dns {
	struct event_header h; /* the process that asked */
	__u64 count;	       /* of this question by this call so far */
	__u32 index;	       /* of the address that stands for the name; 0: none */
	__u16 type;	       /* A 1, AAAA 28, … */
	__u16 verdict;	       /* enum dns_verdict */
	__u16 rule;	       /* index in network.allow, or EVENT_NO_RULE */
	__u16 transport;       /* IPPROTO_UDP, IPPROTO_TCP */
	__u16 name_size, reason_size;
	/* name as asked for, reason where it was not answered */
};

enum flow_state {
	FLOW_OPENED, /* the outside was reached */
	FLOW_LIVES,  /* a minute has passed, or its reader has news */
	FLOW_ENDED,
	FLOW_CUT, /* ended by the gate: reason says why; what never reached the outside too */
	FLOW_STATE_COUNT
};

enum flow_direction {
	FLOW_OUT,
	FLOW_IN,     /* to a published port */
	FLOW_INSIDE, /* on loopback, from one end in the sandbox to another: known by its connect
			alone, no event of this kind */
	FLOW_DIRECTION_COUNT
};

enum flow_trait {
#define TRAIT(NAME, name, about) FLOW_TRAIT_##NAME,
#include "tables/traits.tbl"
#undef TRAIT
	FLOW_TRAIT_COUNT
};
#define FLOW_HAS(signs, NAME) ((signs)->traits >> FLOW_TRAIT_##NAME & 1)

#define FLOW_GAPS 3 /* idle gaps of 0.3, 1 and 5 seconds */

/* What the reader of a flow made of it so far (src/flow/reader.h). By side: 0 inside, 1 outside.
 * A side takes the initiative where it speaks first after a gap, the flow's first three seconds
 * and what is steady (of one size, at one period: keep-alives) left out. */
struct flow_signs {
	__u64 last_mono_ns;    /* something was said */
	__u64 led_bytes[2];    /* said by who took it, until the next silence */
	__u64 answer_bytes[2]; /* what the other side said to that within a second */
	__u32 initiative[2][FLOW_GAPS];
	__u32 answered[2]; /* of those after 0.3 s, by the other side within a second */
	__u32 steady[2];
	__u32 turns[2]; /* times that it began to speak after the other, or after 0.3 s */
	__u32 traits;	/* bits 1 << enum flow_trait */
	__u16 inner;	/* enum protocol, of FLOW_TRAIT_INNER */
	__u8 mute[2];	/* of the steady ones, such as nobody answered; 255: or more */
};

/* From the gate: a flow's state so far. All numbers are of the whole flow. */
struct event_flow {
	struct event_header h; /* the process that opened it */
	__u64 flow;	       /* its number in the run, from 1; that of all its events */
	__u64 started_mono_ns;
	__u64 bytes_up, bytes_down, packets_up, packets_down; /* payload; TCP segments outside */
	__u64 cookie;					      /* of the socket inside */
	__u32 led_inside[FLOW_GAPS], led_outside[FLOW_GAPS];  /* who spoke first after a gap */
	__s32 error; /* errno value of what ended it, 0: in order; of a cut: EPERM no rule, EPROTO
			its first bytes, EADDRNOTAVAIL where its name led, EDQUOT a budget,
			ECANCELED a new policy or the run's end */
	__u16 state; /* enum flow_state */
	__u16 transport;	       /* IPPROTO_TCP, IPPROTO_UDP */
	__u16 protocol;		       /* enum protocol (tables/protocols.tbl), as seen */
	__u16 rule;		       /* index in network.allow, or EVENT_NO_RULE */
	__u16 port, from_port;	       /* asked for; of the socket inside */
	__u16 out_port, out_from_port; /* as the outside saw them; 0: never reached */
	__u8 address[16], from[16];    /* IPv4 as ::ffff:a.b.c.d */
	__u8 out_address[16], out_from[16];
	__u16 direction; /* enum flow_direction */
	__u16 name_size, detail_size, reason_size;
	struct flow_signs signs;
	/* name by which it was asked for; detail: SNI, Host or banner; reason of a cut */
};

/* From the keeper: what holds for the run's way out from here on. */
struct event_policy {
	struct event_header h; /* who asked for it, as the kernel knows its connection; or nobody */
	__u32 generation;      /* from 1 */
	__u16 phase_size, digest_size, network_size;
	__u16 reserved[3];
	/* phase, digest of the whole policy, its network as a policy file says it */
};

/* A process took bytes from one stream and put bytes into another within moments of it. One event
 * stands for all that it so moved between these two so far. */
struct event_relay {
	struct event_header h; /* the process */
	struct event_stream from, to;
	__u64 first_mono_ns;
	__u64 bytes_in, bytes_out; /* taken and put, of the moves that are counted */
	__u32 count;		   /* moves: 4, 8, 16 …; 1 and 2 too where one is a socket */
	__u32 reserved;
};

/* From the keeper, of a call's cgroup, where enough was used since it was last told. */
struct event_usage {
	struct event_header h; /* no process */
	__u64 cpu_usec;	       /* of the call so far */
	__u64 since_ns;	       /* length of the interval that this event is about */
	__u64 used_usec;       /* in it */
	__u32 processes;       /* alive in the cgroup; 0 unknown */
	__u32 waited_msec;     /* of living threads, each for itself, for a processor; in it */
};

/* From the keeper: what a finding ordered by the policy's `on:` has done, once it is done. */
struct event_action {
	struct event_header h; /* of the finding's call; no process */
	__u64 ordered_mono_ns; /* when the keeper was told */
	__u32 finding;	       /* its number in the run */
	__u32 flows;	       /* of the finding */
	__u32 cut;	       /* that lived and were ended: of these, and others to the same end */
	__u32 destinations;    /* refused to the call from here on */
	__u32 processes;       /* ended */
	__u16 action;	       /* enum policy_action: tables/actions.tbl */
	__u16 run_ended;       /* 1: with this the run is over */
	__u16 left_size, processes_size;
	__u16 names; /* 1: no name is answered any more */
	__u16 reserved;
	/* what could not be done and why; the processes as "pid name" */
};

/* Written by the kernel when the call's cgroup goes: the last word on what was produced. */
struct event_count {
	struct event_header h;
	__u64 produced[EVENT_CLASS_COUNT];
	__u64 lost[EVENT_CLASS_COUNT];
};

#endif
