// SPDX-License-Identifier: Apache-2.0
/* Barrier namespaces: user, pid, mount, uts, ipc, network, cgroup, time. Started by root, all but
 * the user namespace belong to the initial one, so that nothing inside can ever mount or configure
 * them; the user namespace is joined last. An ordinary user creates the user namespace first, as
 * the kernel wants it. The network has lo, which is up, and nothing else. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <linux/netlink.h>

#include "base/cleanup.h"
#include "base/nft.h"
#include "sandbox/barrier.h"
#include "sandbox/identity.h"
#include "sandbox/kernel.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

static void probe(const struct host *host, struct doctor_line *ret);

static int plan(struct sandbox_plan *p, struct fail *f)
{
	struct doctor_line trial = { .line.state = STATE_ENFORCED };
	char uid[64], gid[64];
	struct step *s;

	if (!p->host.privileged) {
		/* Many hosts forbid it to ordinary users, in ways that only a trial shows. */
		if (p->policy)
			probe(&p->host, &trial);
		if (trial.line.state != STATE_ENFORCED)
			plan_state(p, trial.line.state, "%s", trial.line.reason);
		snprintf(uid, sizeof(uid), "%u %u 1", IDENTITY_USER_ID, p->host.uid);
		snprintf(gid, sizeof(gid), "%u %u 1", IDENTITY_USER_ID, p->host.gid);
		plan_step(p, STAGE_PREPARE, STEP_OWN_USER_NAMESPACE, uid, gid);
	}
	s = plan_step(p, STAGE_PREPARE, STEP_UNSHARE, NULL, NULL);
	s->a = NAMESPACES | (p->host.time_namespace ? CLONE_NEWTIME : 0);
	if (!p->host.time_namespace)
		plan_state(p, STATE_DEGRADED, "this kernel has no time namespaces");
	plan_step(p, STAGE_PREPARE, STEP_PRIVATE, NULL, NULL);
	plan_step(p, STAGE_PREPARE, STEP_LOOPBACK, "lo", NULL);
	/* In place of CAP_NET_BIND_SERVICE, which would have to be held over a network namespace
	 * that the sandbox does not own. */
	plan_step(p, STAGE_PREPARE, STEP_SYSCTL, "/proc/sys/net/ipv4/ip_unprivileged_port_start",
		  "0")
		->flags = STEP_OPTIONAL;
	plan_step(p, STAGE_PREPARE, STEP_HOSTNAME, "weir", NULL);
	plan_step(p, STAGE_INIT, STEP_CGROUP_NAMESPACE, NULL, NULL);
	plan_step(p, STAGE_CALL, STEP_CGROUP_NAMESPACE, NULL, NULL);
	return p->policy ? sockets_plan(p, f) : 0;
}

/* A way out of an ordinary user's sandbox is held by nftables in it (keeper/verdict_chain.c): by
 * these of its expressions that are modules of their own. */
static int try_nftables(void)
{
	static const struct nft_hook arriving = { "filter", NF_INET_PRE_ROUTING, -150, NF_DROP };
	static const struct nft_hook leaving = { "filter", NF_INET_LOCAL_OUT, 0, NF_DROP };
	static const uint8_t tcp = IPPROTO_TCP, family = NFPROTO_IPV4;
	static const uint16_t port = 1;
	struct nft n = { .table = "weir", .family = NFPROTO_INET };
	struct nft_rule r;

	n.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (n.fd < 0)
		return errno;
	nft_begin(&n);
	nft_table_add(&n, false);
	nft_chain_add(&n, "arriving", &arriving);
	nft_chain_add(&n, "leaving", &leaving);
	r = nft_rule(&n, "arriving");
	nft_meta(&n, NFT_META_NFPROTO, NFT_REG32_00);
	nft_compare(&n, NFT_REG32_00, NFT_CMP_EQ, &family, sizeof(family));
	nft_meta(&n, NFT_META_L4PROTO, NFT_REG32_00);
	nft_compare(&n, NFT_REG32_00, NFT_CMP_EQ, &tcp, sizeof(tcp));
	nft_load(&n, NFT_REG32_00, &port, sizeof(port));
	nft_tproxy(&n, NFPROTO_IPV4, 0, NFT_REG32_00);
	nft_rule_end(&n, r);
	r = nft_rule(&n, "leaving");
	nft_meta(&n, NFT_META_L4PROTO, NFT_REG32_00);
	nft_compare(&n, NFT_REG32_00, NFT_CMP_EQ, &tcp, sizeof(tcp));
	nft_reset(&n);
	nft_rule_end(&n, r);
	return -nft_commit(&n);
}

/* In a child: 0, or the errno value of what failed. */
static int try_in_child(const struct host *host, int (*then)(void))
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid = kernel_clone3(&args);
	int status;

	if (pid == 0) {
		if (!host->privileged && unshare(CLONE_NEWUSER) < 0)
			_exit(errno);
		if (unshare(NAMESPACES | CLONE_NEWCGROUP) < 0)
			_exit(errno);
		_exit(then ? then() : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

static void probe_way_out(const struct host *host, struct doctor_line *ret)
{
	int error = host->privileged ? 0 : try_in_child(host, try_nftables);
	char reason[200];

	if (!error)
		return;
	snprintf(reason, sizeof(reason),
		 "without root a way out needs nftables in the sandbox's own network: %s",
		 strerrordesc_np(error));
	doctor_says(ret, STATE_DEGRADED, reason,
		    "a kernel with CONFIG_NF_TABLES_INET, CONFIG_NFT_TPROXY and "
		    "CONFIG_NFT_REJECT_INET, or run as root; runs without a way out lack nothing");
}

static void probe(const struct host *host, struct doctor_line *ret)
{
	int error = try_in_child(host, NULL);
	char reason[200];

	if (error) {
		snprintf(reason, sizeof(reason), "creating namespaces fails: %s",
			 strerrordesc_np(error));
		doctor_says(ret, STATE_UNAVAILABLE, reason,
			    host->privileged
				    ? "a kernel with user, pid, net, ipc, uts and cgroup namespaces"
				    : "allow unprivileged user namespaces (sysctl "
				      "user.max_user_namespaces, "
				      "kernel.apparmor_restrict_unprivileged_userns=0), or run as "
				      "root");
	} else if (!host->time_namespace) {
		doctor_says(ret, STATE_DEGRADED, "this kernel has no time namespaces",
			    "Linux 5.6 or later with CONFIG_TIME_NS");
	}
}

static void probe_all(const struct host *host, struct doctor_line *ret)
{
	probe(host, ret);
	if (ret->line.state == STATE_ENFORCED)
		probe_way_out(host, ret);
}

const struct barrier barrier_namespaces = {
	.name = "namespaces",
	.about = "user, pid, mount, uts, ipc, network, cgroup and time namespaces",
	.probe = probe_all,
	.plan = plan,
};
