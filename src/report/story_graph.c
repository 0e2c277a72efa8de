// SPDX-License-Identifier: Apache-2.0
/* The story as a graph; see tell.h. A node's id says what it is and which: call:9,
 * process:PID.START, file:DEVICE.INODE, channel:SEQ for what is no file, unknown:SEQ for who was
 * not seen, finding:F1. Each node is written once, at its first edge or before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "report/tell.h"

#define ID_SIZE 64
#define NODES_MAX (STORY_STEPS_MAX * 9 + FINDING_EVIDENCE_MAX + 2)

struct graph {
	const struct report *report;
	struct json *j;
	size_t node_count;
	char nodes[NODES_MAX][ID_SIZE]; /* that were written */
};

static const struct evidence *event_of(const struct graph *g, uint64_t seq)
{
	return seq ? report_evidence(g->report, seq) : NULL;
}

/* Opens the node's object where it was not written yet. */
static bool begin_node(struct graph *g, const char *id, const char *type)
{
	for (size_t i = 0; i < g->node_count; i++)
		if (!strcmp(g->nodes[i], id))
			return false;
	if (g->node_count == NODES_MAX)
		return false;
	snprintf(g->nodes[g->node_count++], ID_SIZE, "%s", id);
	json_object(g->j);
	json_field_string(g->j, "id", id);
	json_field_string(g->j, "type", type);
	return true;
}

static void call_id(char id[ID_SIZE], uint32_t n)
{
	snprintf(id, ID_SIZE, "call:%u", n);
}

static void process_id(char id[ID_SIZE], const struct evidence *e)
{
	snprintf(id, ID_SIZE, "process:%u.%llu", e->pid, (unsigned long long)e->start_ns);
}

/* What was taken: a file, or something that is none. */
static void thing_id(char id[ID_SIZE], const struct story_step *step)
{
	if (step->inode)
		snprintf(id, ID_SIZE, "file:%llu.%llu", (unsigned long long)step->device,
			 (unsigned long long)step->inode);
	else
		snprintf(id, ID_SIZE, "channel:%llu", (unsigned long long)step->seq);
}

static void call_node(struct graph *g, uint32_t n)
{
	const struct story_call *call = story_call(&g->report->story, n);
	char id[ID_SIZE];

	call_id(id, n);
	if (!begin_node(g, id, "call"))
		return;
	json_field_uint(g->j, "call", n);
	json_field_string(g->j, "function_name", call ? call->function : NULL);
	json_field_string(g->j, "command", call ? call->command : NULL);
	json_field_time(g->j, "ts", call ? call->started_ns : 0);
	json_object_end(g->j);
}

static void process_node(struct graph *g, const struct evidence *e)
{
	char id[ID_SIZE];

	if (!e || !e->pid)
		return;
	call_node(g, e->call);
	process_id(id, e);
	if (!begin_node(g, id, "process"))
		return;
	json_field_uint(g->j, "call", e->call);
	json_field_uint(g->j, "pid", e->pid);
	json_field_string(g->j, "exe", e->exe);
	json_field_string(g->j, "argv", e->argv);
	json_object_end(g->j);
}

static void step_nodes(struct graph *g, const struct story_step *step)
{
	const struct evidence *e = event_of(g, step->seq);
	char id[ID_SIZE];

	process_node(g, e);
	process_node(g, event_of(g, step->wrote));
	process_node(g, event_of(g, step->changed));
	if (step->from != EVENT_NO_CALL) {
		call_node(g, step->from);
	} else {
		snprintf(id, sizeof(id), "unknown:%llu", (unsigned long long)step->seq);
		if (begin_node(g, id, "unknown"))
			json_object_end(g->j);
	}
	thing_id(id, step);
	if (!begin_node(g, id, step->inode ? "file" : "channel"))
		return;
	json_field_string(g->j, "name", e ? e->object : NULL);
	json_object_end(g->j);
}

static void edge(struct graph *g, const char *from, const char *to, const char *kind,
		 const struct evidence *e)
{
	char id[ID_SIZE];

	json_object(g->j);
	json_field_string(g->j, "from", from);
	json_field_string(g->j, "to", to);
	json_field_string(g->j, "kind", kind);
	if (e)
		snprintf(id, sizeof(id), "%s:%llu", g->report->run.open.id,
			 (unsigned long long)e->seq);
	json_field_string(g->j, "evidence", e ? id : NULL);
	json_field_time(g->j, "ts", e ? e->wall_ns : 0);
	json_object_end(g->j);
}

/* A call ran a process: the same process may be told of in several steps, the edge comes once. */
static void ran_edge(struct graph *g, const struct evidence *e)
{
	char call[ID_SIZE], process[ID_SIZE], both[ID_SIZE];

	if (!e || !e->pid)
		return;
	call_id(call, e->call);
	process_id(process, e);
	snprintf(both, sizeof(both), "ran:%u:%u.%llu", e->call, e->pid,
		 (unsigned long long)e->start_ns);
	for (size_t i = 0; i < g->node_count; i++)
		if (!strcmp(g->nodes[i], both))
			return;
	if (g->node_count < NODES_MAX)
		snprintf(g->nodes[g->node_count++], ID_SIZE, "%s", both);
	edge(g, call, process, "ran", NULL);
}

/* How the thing came to be there. */
static void origin_edges(struct graph *g, const struct story_step *step, const char *thing)
{
	const uint64_t seqs[] = { step->wrote, step->changed };
	char from[ID_SIZE];
	bool known = false;

	for (size_t i = 0; i < ARRAY_LENGTH(seqs); i++) {
		const struct evidence *left = event_of(g, seqs[i]);

		if (!left || !left->pid)
			continue;
		ran_edge(g, left);
		process_id(from, left);
		edge(g, from, thing, "left", left);
		known = true;
	}
	if (known)
		return;
	if (step->from != EVENT_NO_CALL)
		call_id(from, step->from);
	else
		snprintf(from, sizeof(from), "unknown:%llu", (unsigned long long)step->seq);
	edge(g, from, thing, "left", NULL);
}

static void step_edges(struct graph *g, const struct story_step *step)
{
	const struct evidence *taken = event_of(g, step->seq);
	char thing[ID_SIZE], to[ID_SIZE];

	thing_id(thing, step);
	origin_edges(g, step, thing);
	ran_edge(g, taken);
	if (taken && taken->pid)
		process_id(to, taken);
	else
		call_id(to, step->call);
	edge(g, thing, to, edge_kind_name(step->kind), taken);
}

/* A process hands what it took to those that it starts. */
static void passed_edge(struct graph *g, const struct evidence *by, const struct evidence *to)
{
	char from[ID_SIZE], id[ID_SIZE];

	if (!by || !by->pid || !to || !to->pid)
		return;
	process_id(from, by);
	process_id(id, to);
	if (strcmp(from, id) != 0)
		edge(g, from, id, "passed", NULL);
}

/* What leads to the step from the steps behind it. */
static void before_edges(struct graph *g, const struct story_step *step)
{
	const struct story_step *steps = g->report->story.steps;
	const struct story_step *with = step->with ? &steps[step->with - 1] : NULL;
	const struct evidence *left = event_of(g, step->wrote ? step->wrote : step->changed);
	const struct evidence *taken = with ? event_of(g, with->seq) : NULL;
	char from[ID_SIZE], thing[ID_SIZE];

	if (step->before)
		passed_edge(g, event_of(g, steps[step->before - 1].seq), event_of(g, step->seq));
	if (!taken || !taken->pid || (with->kind == EDGE_KEPT && with->inode == step->inode))
		return; /* of a file that was kept the file itself is the way */
	if (left && left->pid) {
		passed_edge(g, taken, left);
		return;
	}
	process_id(from, taken);
	thing_id(thing, step);
	edge(g, from, thing, "passed", NULL);
}

static void root_edges(struct graph *g, const struct finding *f)
{
	const struct story *s = &g->report->story;

	for (size_t i = 0; i < s->root_count; i++)
		for (size_t k = 0; k < f->evidence_count; k++)
			passed_edge(g, event_of(g, s->steps[s->roots[i]].seq),
				    event_of(g, f->evidence[k]));
}

static void finding_edges(struct graph *g, const struct finding *f, const char *finding)
{
	char process[ID_SIZE];

	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct evidence *e = report_evidence(g->report, f->evidence[i]);

		if (!e || !e->pid)
			continue;
		ran_edge(g, e);
		process_id(process, e);
		edge(g, process, finding, "did", e);
	}
}

void story_json(const struct report *r, const struct finding *f, struct json *j)
{
	cleanup_free struct graph *g = calloc(1, sizeof(*g));
	char finding[ID_SIZE];

	json_key(j, "graph");
	json_object(j);
	json_key(j, "nodes");
	json_array(j);
	snprintf(finding, sizeof(finding), "finding:F%u", f->number);
	if (g) {
		*g = (struct graph){ .report = r, .j = j };
		if (begin_node(g, finding, "finding"))
			json_object_end(j);
		call_node(g, f->call);
		for (size_t i = 0; i < f->evidence_count; i++)
			process_node(g, report_evidence(r, f->evidence[i]));
		for (size_t i = 0; i < r->story.count; i++)
			step_nodes(g, &r->story.steps[i]);
	}
	json_array_end(j);
	json_key(j, "edges");
	json_array(j);
	for (size_t i = 0; g && i < r->story.count; i++)
		step_edges(g, &r->story.steps[i]);
	for (size_t i = 0; g && i < r->story.count; i++)
		before_edges(g, &r->story.steps[i]);
	if (g) {
		root_edges(g, f);
		finding_edges(g, f, finding);
	}
	json_array_end(j);
	json_field_uint(j, "more", r->story.more);
	json_field_bool(j, "lost", r->story.lost);
	json_object_end(j);
}
