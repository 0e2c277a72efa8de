// SPDX-License-Identifier: Apache-2.0
/* Barrier limits: memory, processors and processes of the whole run by cgroup controllers; open
 * files, file size and core dumps of each process by rlimits; private storage by the size of its
 * tmpfs. Without controllers of ours, processes are counted per user namespace and processors by
 * affinity, and memory is not limited: the state says so. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "sandbox/barrier.h"
#include "sandbox/controllers.h"

#define OOM_SCORE "500" /* when memory runs out, the sandbox's processes go before weir's */

static bool controller_there(const struct controllers *c, const struct host *host, int which)
{
	return host->privileged && (c->v2[which] || *c->v1[which]);
}

static void rlimit(struct sandbox_plan *p, int resource, uint64_t value)
{
	struct step *s = plan_step(p, STAGE_SEAL, STEP_RLIMIT, NULL, NULL);

	s->a = (uint64_t)resource;
	s->b = value;
}

/* The first processors that we may use, as many as the policy grants. */
static void plan_affinity(struct sandbox_plan *p, uint32_t cpus_milli)
{
	unsigned int wanted = (cpus_milli + 999) / 1000;
	uint64_t mask = 0;
	cpu_set_t ours;

	if (sched_getaffinity(0, sizeof(ours), &ours) < 0)
		return;
	for (int cpu = 0; cpu < 64 && wanted; cpu++) {
		if (CPU_ISSET(cpu, &ours)) {
			mask |= 1ull << cpu;
			wanted--;
		}
	}
	plan_step(p, STAGE_SEAL, STEP_AFFINITY, NULL, NULL)->a = mask;
}

static void plan_rlimits(struct sandbox_plan *p)
{
	const struct policy *policy = p->policy;

	rlimit(p, RLIMIT_CORE, 0);
	if (policy->compute.files)
		rlimit(p, RLIMIT_NOFILE, policy->compute.files);
	if (policy->compute.disk != POLICY_UNLIMITED)
		rlimit(p, RLIMIT_FSIZE, policy->compute.disk);
	if (policy->compute.cpu_time_ns && policy->compute.cpu_time_ns != POLICY_UNLIMITED)
		rlimit(p, RLIMIT_CPU, policy->compute.cpu_time_ns / NSEC_PER_SEC + 1);
}

static int plan(struct sandbox_plan *p, struct fail *f)
{
	const struct policy *policy = p->policy;
	struct controllers c;
	bool memory, cpu, pids;

	if (!policy)
		return 0;
	controllers_find(&c);
	memory = policy->compute.memory == POLICY_UNLIMITED ||
		 controller_there(&c, &p->host, CONTROLLER_MEMORY);
	cpu = !policy->compute.cpus_milli || controller_there(&c, &p->host, CONTROLLER_CPU);
	pids = !policy->compute.pids || controller_there(&c, &p->host, CONTROLLER_PIDS);
	p->limits = (struct sandbox_limits){ .memory = policy->compute.memory,
					     .cpus_milli = policy->compute.cpus_milli,
					     .pids = policy->compute.pids };
	plan_rlimits(p);
	if (!pids)
		rlimit(p, RLIMIT_NPROC, policy->compute.pids);
	if (!cpu)
		plan_affinity(p, policy->compute.cpus_milli);
	if (!memory || !cpu || !pids)
		plan_state(p, STATE_DEGRADED, "no cgroup controller of ours:%s%s%s",
			   memory ? "" : " memory is not limited;",
			   cpu ? "" : " processors by affinity;",
			   pids ? "" : " processes per user namespace;");
	plan_step(p, STAGE_SEAL, STEP_OOM_SCORE, "/proc/self/oom_score_adj", OOM_SCORE);
	return 0;
}

static void probe(const struct host *host, struct doctor_line *ret)
{
	struct controllers c;
	char reason[200] = "";

	controllers_find(&c);
	for (int i = 0; i < CONTROLLER_COUNT; i++) {
		if (controller_there(&c, host, i))
			continue;
		snprintf(reason + strlen(reason), sizeof(reason) - strlen(reason), "%s%s",
			 *reason ? ", " : "no cgroup controller of ours: ", controller_name(i));
	}
	if (*reason)
		doctor_says(ret, STATE_DEGRADED, reason,
			    host->privileged ? "mount the controllers (cgroup v2, or v1)"
					     : "run weir as root");
}

const struct barrier barrier_limits = {
	.name = "limits",
	.about = "memory, processors and processes of the run, open files and file size of each "
		 "process, "
		 "private storage; not the workspace's total size",
	.probe = probe,
	.plan = plan,
};
