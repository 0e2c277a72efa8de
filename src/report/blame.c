// SPDX-License-Identifier: Apache-2.0
/* Gathers who wrote a file; see blame.h. The first walk over the record learns the names that the
 * file had, the second one what happened to it: events are known by a name that it had then, and by
 * its inode once a name has shown it, so a hard link or a write that is told late is not missed. A
 * number of an inode that is given to another file ends with the file that had it. Bounded by
 * BLAME_*_MAX; nothing in an event is trusted but its lengths. */
#include "report/blame.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "call/lineage.h"
#include "detect/path.h"
#include "detect/process.h"
#include "report/names.h"
#include "store/array.h"

#define INODES_MAX 256
#define NO_NAME UINT_MAX /* of a line that turned out to be another file's */

struct gathering {
	struct blame *blame;
	struct names names;
	struct processes *processes;
	struct lineage *lineage;
	size_t line_room;
	size_t first_live; /* lines before it are replaced, all of them */
	size_t inode_count;
	struct known_inode {
		uint64_t inode, device;
		unsigned name;
		bool alive;
	} inodes[INODES_MAX];
	size_t wanted_count, wanted_at;
	struct wanted {
		uint64_t seq; /* of a handover whose path is wanted */
		char **path;
	} * wanted;
};

static struct known_inode *find_inode(struct gathering *g, uint64_t inode, uint64_t device)
{
	for (size_t i = 0; inode && i < g->inode_count; i++)
		if (g->inodes[i].inode == inode && g->inodes[i].device == device)
			return &g->inodes[i];
	return NULL;
}

static void learn_inode(struct gathering *g, uint64_t inode, uint64_t device, unsigned name)
{
	struct known_inode *known = find_inode(g, inode, device);

	if (!inode || (!known && g->inode_count == INODES_MAX))
		return;
	if (!known)
		known = &g->inodes[g->inode_count++];
	*known = (struct known_inode){ inode, device, name, true };
}

static void end_inodes(struct gathering *g, unsigned name)
{
	for (size_t i = 0; i < g->inode_count; i++)
		if (g->inodes[i].name == name)
			g->inodes[i].alive = false;
}

static void line_free(struct blame_line *l)
{
	free(l->path);
	free(l->target);
	free(l->exe);
	for (size_t i = 0; i < l->via_count; i++)
		free(l->via_path[i]);
}

/* Where there are too many lines, the first half of those goes of which nothing is left. */
static void make_room(struct gathering *g)
{
	struct blame *b = g->blame;
	size_t kept = 0, dropped = 0;

	for (size_t i = 0; i < b->line_count; i++) {
		if (b->lines[i].replaced && dropped < BLAME_LINES_MAX / 2) {
			line_free(&b->lines[i]);
			dropped++;
		} else {
			b->lines[kept++] = b->lines[i];
		}
	}
	b->line_count = kept;
	b->more += dropped;
	g->first_live = 0;
}

static char *copy(struct bytes text)
{
	return text.size ? strndup(text.data, text.size) : NULL;
}

static bool says_the_same(const struct blame_line *last, const struct event_view *e, unsigned name)
{
	return last->op == e->file->op && last->call == e->h->call && last->pid == e->h->pid &&
	       last->name == name && !last->replaced && e->file->op == FILE_WRITE;
}

static int add_line(struct gathering *g, const struct event_view *e, unsigned name, int op,
		    uint32_t call)
{
	const struct process *p = processes_find(g->processes, e->h->pid, e->h->start_ns);
	struct edge edges[LINEAGE_EDGES_MAX];
	struct blame *b = g->blame;
	struct blame_line *l;
	bool file = e->h->kind == EVENT_FILE;

	if (op >= 0 && b->line_count && says_the_same(&b->lines[b->line_count - 1], e, name)) {
		b->lines[b->line_count - 1].count++;
		b->lines[b->line_count - 1].bytes += e->file->bytes;
		return 0;
	}
	if (b->line_count == BLAME_LINES_MAX)
		make_room(g);
	if (array_grow(&b->lines, &g->line_room, b->line_count, sizeof(*b->lines),
		       BLAME_LINES_MAX) < 0) {
		b->more++;
		return b->line_count < BLAME_LINES_MAX ? -ENOMEM : 0;
	}
	l = &b->lines[b->line_count++];
	*l = (struct blame_line){ .seq = e->seq, .call = call, .op = op, .count = 1, .name = name };
	if (op == BLAME_GAP)
		return 0;
	l->bytes = file ? e->file->bytes : 0;
	l->pid = e->h->pid;
	l->path = copy(e->text[0]);
	l->target = copy(e->text[1]);
	l->exe = p && p->exe ? strdup(p->exe) : NULL;
	l->via_count = lineage_edges(g->lineage, e->h->label, e->h->call, edges);
	if (l->via_count > BLAME_VIA_MAX) {
		l->via_more = l->via_count - BLAME_VIA_MAX;
		l->via_count = BLAME_VIA_MAX;
	}
	memcpy(l->via, edges, l->via_count * sizeof(*edges));
	return 0;
}

enum replaced {
	REPLACED_CONTENT, /* it is the same file with nothing in it */
	REPLACED_FILE,	  /* it is another file */
	REPLACED_OTHER,	  /* and the former one was never the file asked for */
};

static bool is_of_content(const struct blame_line *l)
{
	return l->op == FILE_CREATE || l->op == FILE_WRITE || l->op == FILE_TRUNCATE ||
	       l->op == BLAME_GAP;
}

/* What was in the file before is in it no more. */
static void replace(struct gathering *g, unsigned name, enum replaced how)
{
	struct blame *b = g->blame;

	for (size_t i = g->first_live; i < b->line_count; i++) {
		if (b->lines[i].name != name ||
		    (how == REPLACED_CONTENT && !is_of_content(&b->lines[i])))
			continue;
		b->lines[i].replaced = true;
		if (how == REPLACED_OTHER)
			b->lines[i].name = NO_NAME;
	}
	while (g->first_live < b->line_count && b->lines[g->first_live].replaced)
		g->first_live++;
}

/* The file called `from` is called names[into] from here on. Returns whether anything is known of
 * it.
 */
static bool take_over(struct gathering *g, unsigned from, unsigned into)
{
	bool known = false;

	for (size_t i = 0; i < g->blame->line_count; i++) {
		if (g->blame->lines[i].name != from)
			continue;
		g->blame->lines[i].name = into;
		known = true;
	}
	for (size_t i = 0; i < g->inode_count; i++)
		if (g->inodes[i].name == from)
			g->inodes[i].name = into;
	return known;
}

/* A later event names a call that changed the file, of which no line is there. */
static int check_writer(struct gathering *g, const struct event_view *e, unsigned name,
			uint32_t writer)
{
	struct blame *b = g->blame;

	for (size_t i = b->line_count; i-- > g->first_live;)
		if (b->lines[i].name == name && b->lines[i].call == writer)
			return 0;
	return add_line(g, e, name, BLAME_GAP, writer);
}

/* A path that does not lead to the process's root is no name inside. */
static int name_at(const struct gathering *g, const struct event_view *e, struct bytes text)
{
	char path[PATH_TEXT_MAX];

	if (e->h->flags & EVENT_OUTSIDE)
		return -1;
	path_plain(text.data, text.size, path);
	return names_find(&g->names, path, e->seq);
}

/* The name under which the event's file is the one asked for; -1: it is another. */
static int which_name(struct gathering *g, const struct event_view *e, struct bytes text,
		      uint64_t inode, uint64_t device)
{
	const struct known_inode *known = find_inode(g, inode, device);
	int name = name_at(g, e, text);

	if (name >= 0)
		return name;
	return known && known->alive ? (int)known->name : -1;
}

/* A rename or a link: of the file itself or of a directory above it. */
static int on_move(struct gathering *g, const struct event_view *e)
{
	bool link = e->file->op == FILE_LINK;
	char from[PATH_TEXT_MAX];
	bool idle;
	int r = 0;

	path_plain(e->text[0].data, e->text[0].size, from);
	if (!link && path_is_below(g->names.names[0].path, from)) {
		r = add_line(g, e, 0, e->file->op, e->h->call);
		replace(g, 0, REPLACED_FILE);
		end_inodes(g, 0);
		g->blame->now = BLAME_GONE;
	}
	for (unsigned i = 1; r == 0 && i < g->names.count; i++) {
		unsigned into = (unsigned)g->names.names[i].into;

		if (g->names.names[i].to != e->seq)
			continue;
		replace(g, into, REPLACED_FILE);
		end_inodes(g, into);
		idle = !take_over(g, i, into) && strcmp(from, g->names.names[i].path) != 0;
		r = add_line(g, e, into, e->file->op, e->h->call);
		if (r == 0 && g->blame->line_count)
			g->blame->lines[g->blame->line_count - 1].idle = idle;
		if (into == 0)
			g->blame->now = BLAME_THERE;
	}
	return r;
}

static int on_removal(struct gathering *g, const struct event_view *e, unsigned name)
{
	int r = name ? 0 : add_line(g, e, name, e->file->op, e->h->call);

	replace(g, name, name ? REPLACED_OTHER : REPLACED_FILE);
	end_inodes(g, name);
	if (name == 0)
		g->blame->now = BLAME_GONE;
	return r;
}

static bool makes_anew(const struct event_file *file)
{
	switch ((enum file_op)file->op) {
	case FILE_CREATE:
	case FILE_MKNOD:
	case FILE_MKDIR:
	case FILE_SYMLINK:
		return true;
	case FILE_TRUNCATE:
		return file->bytes == 0;
	default:
		return false;
	}
}

static int on_change(struct gathering *g, const struct event_view *e, unsigned name)
{
	const struct event_file *file = e->file;
	struct known_inode *known = find_inode(g, file->inode, file->device);
	int r = 0;

	/* A number that was given to another file; what is told late of a file that is gone. */
	if (known && file->op == FILE_CREATE && name_at(g, e, e->text[0]) < 0) {
		known->alive = false;
		return 0;
	}
	if (known && !known->alive && file->op == FILE_WRITE)
		return 0;
	if (file->writer != EVENT_NO_CALL && file->op != FILE_CREATE)
		r = check_writer(g, e, name, file->writer);
	if (makes_anew(file))
		replace(g, name, file->op == FILE_TRUNCATE ? REPLACED_CONTENT : REPLACED_FILE);
	if (file->op == FILE_CREATE)
		end_inodes(g, name);
	learn_inode(g, file->inode, file->device, name);
	if (name == 0)
		g->blame->now = BLAME_THERE;
	return r < 0 ? r : add_line(g, e, name, file->op, e->h->call);
}

static int on_file(struct gathering *g, const struct event_view *e)
{
	const struct event_file *file = e->file;
	int name;

	if (file->result < 0 || file->op == FILE_READ)
		return 0;
	if (file->op == FILE_RENAME || file->op == FILE_LINK)
		return on_move(g, e);
	name = which_name(g, e, e->text[0], file->inode, file->device);
	if (name < 0)
		return 0;
	if (file->op == FILE_UNLINK || file->op == FILE_RMDIR)
		return on_removal(g, e, (unsigned)name);
	return on_change(g, e, (unsigned)name);
}

/* Who took the file over says who had changed it last. */
static int on_use(struct gathering *g, const struct event_view *e, struct bytes path,
		  uint64_t inode, uint64_t device, uint32_t writer)
{
	int name = which_name(g, e, path, inode, device);

	if (name < 0)
		return 0;
	learn_inode(g, inode, device, (unsigned)name);
	return check_writer(g, e, (unsigned)name, writer);
}

static int on_event(struct gathering *g, const struct event_view *e)
{
	bool script;

	switch ((enum event_kind)e->h->kind) {
	case EVENT_FILE:
		return on_file(g, e);
	case EVENT_HANDOVER:
		if (!e->handover->inode)
			return 0;
		return on_use(g, e, e->text[0], e->handover->inode, e->handover->device,
			      e->handover->from);
	case EVENT_EXEC:
		script = e->exec->exec_flags & EXEC_SCRIPT;
		if (e->exec->writer == EVENT_NO_CALL)
			return 0;
		return on_use(g, e, e->text[script ? 1 : 0], e->exec->inode, e->exec->device,
			      e->exec->writer);
	default:
		return 0;
	}
}

static int walk_event(struct gathering *g, const struct frame *frame)
{
	const struct event_view *e = &frame->event;
	size_t before = g->blame->line_count;
	int r;

	processes_before(g->processes, e);
	r = lineage_event(g->lineage, e);
	if (r == 0)
		r = on_event(g, e);
	processes_after(g->processes, e);
	for (size_t i = before; i < g->blame->line_count; i++)
		g->blame->lines[i].wall_ns = frame->wall_ns;
	return r;
}

static int by_seq(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* The handovers by which lines have edges. */
static int want_paths(struct gathering *g)
{
	struct blame *b = g->blame;

	g->wanted = calloc(b->line_count * BLAME_VIA_MAX + 1, sizeof(*g->wanted));
	if (!g->wanted)
		return -ENOMEM;
	for (size_t i = 0; i < b->line_count; i++)
		for (size_t k = 0; k < b->lines[i].via_count; k++)
			g->wanted[g->wanted_count++] =
				(struct wanted){ b->lines[i].via[k].seq, &b->lines[i].via_path[k] };
	qsort(g->wanted, g->wanted_count, sizeof(*g->wanted), by_seq);
	return 0;
}

/* The paths of what was taken over: frames come in the order of what is wanted. */
static int walk_via(struct gathering *g, const struct frame *frame)
{
	size_t at = g->wanted_at;

	while (at < g->wanted_count && g->wanted[at].seq < frame->seq)
		at++;
	for (; at < g->wanted_count && g->wanted[at].seq == frame->seq; at++)
		if (frame->kind == EVENT_HANDOVER)
			*g->wanted[at].path = copy(frame->event.text[0]);
	g->wanted_at = at;
	return 0;
}

static int walk_names(struct gathering *g, const struct frame *frame)
{
	return names_event(&g->names, &frame->event);
}

/* 0 or -ENOMEM; a record that is damaged is read as far as it can be. */
static int walk(struct gathering *g, struct store *s,
		int (*on_frame)(struct gathering *g, const struct frame *frame))
{
	struct frame_reader *reader = NULL;
	struct fail damage = { 0 };
	struct frame frame;
	int n = frame_reader_open(s, g->blame->run.open.id, 1, &reader, &damage), memory = 0;

	while (memory == 0 && n >= 0 && (n = frame_reader_next(reader, &frame, &damage)) > 0)
		if (frame_kind_is_event(frame.kind))
			memory = on_frame(g, &frame);
	frame_reader_close(reader);
	if (n < 0 && !g->blame->damage)
		g->blame->damage = strdup(damage.text);
	return memory;
}

static int count_loss(void *context, const struct call_record *c)
{
	struct blame *b = context;
	uint64_t lost = c->lost[EVENT_CLASS_FILE];

	if (lost && b->loser_count < BLAME_LOSERS_MAX)
		b->losers[b->loser_count++] = (struct blame_loser){ c->announce.n, lost };
	else
		b->losers_more += lost != 0;
	return 0;
}

/* Lines of other files, which had one of its names before it, go; and what may have been moved with
 * a directory, and would be gone. */
static void tidy(struct blame *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->line_count; i++) {
		if (b->lines[i].name == 0 && !(b->lines[i].replaced && b->lines[i].idle))
			b->lines[kept++] = b->lines[i];
		else
			line_free(&b->lines[i]);
	}
	b->line_count = kept;
}

static int gather(struct blame *b, struct store *s, struct fail *f)
{
	struct gathering g = { .blame = b };
	int r = processes_new(&g.processes);

	if (r == 0)
		r = lineage_new(&g.lineage);
	if (r == 0)
		r = walk(&g, s, walk_names);
	if (r == 0)
		r = names_trace(&g.names, b->path);
	if (r == 0)
		r = walk(&g, s, walk_event);
	tidy(b);
	if (r == 0)
		r = want_paths(&g);
	if (r == 0 && g.wanted_count)
		r = walk(&g, s, walk_via);
	free(g.wanted);
	processes_free(g.processes);
	lineage_free(g.lineage);
	names_free(&g.names);
	if (r < 0)
		return fail(f, ENOMEM, "gathering who wrote %s", b->path);
	return store_calls(s, b->run.open.id, count_loss, b, f);
}

/* The run's workspace on the host, or NULL. */
static char *workspace_of(const struct run_info *run)
{
	cleanup_policy struct policy p = { 0 };
	struct wire w;

	wire_init(&w, run->open.policy.data, run->open.policy.size);
	if (!run->open.policy.size || policy_decode(&w, &p) < 0)
		return NULL;
	return take_ptr(p.files.workspace);
}

static char *inside_path(const struct run_info *run, const char *path, const char *cwd)
{
	cleanup_free char *workspace = workspace_of(run), *absolute = NULL;
	char text[PATH_TEXT_MAX];
	bool relative = *path != '/';

	if (relative && workspace && cwd && path_is_below(cwd, workspace) &&
	    asprintf(&absolute, "%s/%s", cwd, path) < 0)
		return NULL;
	path_plain(absolute ? absolute : path, strlen(absolute ? absolute : path), text);
	if (workspace && strcmp(workspace, "/") && path_is_below(text, workspace)) {
		char inside[PATH_TEXT_MAX * 2];

		snprintf(inside, sizeof(inside), "%s%s", WORKSPACE_INSIDE,
			 text + strlen(workspace));
		path_plain(inside, strlen(inside), text);
	}
	return strdup(text);
}

int blame_load(struct store *s, const char *spec, const char *path, const char *cwd,
	       struct blame *ret, struct fail *f)
{
	struct blame b = { .now = BLAME_UNTOUCHED };
	int r = store_run_find(s, spec, &b.run, f);

	if (r < 0)
		return r;
	b.path = inside_path(&b.run, path, cwd);
	r = b.path ? gather(&b, s, f) : fail(f, ENOMEM, "gathering who wrote %s", path);
	if (r < 0) {
		blame_free(&b);
		return r;
	}
	*ret = b;
	return 0;
}

void blame_free(struct blame *b)
{
	for (size_t i = 0; i < b->line_count; i++)
		line_free(&b->lines[i]);
	free(b->lines);
	free(b->path);
	free(b->damage);
	run_info_free(&b->run);
	*b = (struct blame){ 0 };
}
