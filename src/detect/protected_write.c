// SPDX-License-Identifier: Apache-2.0
/* Writes to what files.protect names, whether the kernel refused them or not. An error that would
 * have come without the protection too (there is no such file, it exists already) is no attempt to
 * change it. Renaming or removing a directory above a protected path changes it as well. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_escape.h"
#include "detect/detection.h"
#include "detect/path.h"

struct protection {
	size_t count;
	char paths[][PATH_TEXT_MAX];
};

static int start(struct detection *d, void **ret_state)
{
	const struct text_list *protect = &detection_policy(d)->files.protect;
	struct protection *p = calloc(1, sizeof(*p) + protect->count * sizeof(p->paths[0]));

	if (!p)
		return -ENOMEM;
	p->count = protect->count;
	for (size_t i = 0; i < p->count; i++)
		path_plain(protect->items[i], strlen(protect->items[i]), p->paths[i]);
	*ret_state = p;
	return 0;
}

static bool is_refusal(int result)
{
	switch (-result) {
	case EROFS:
	case EACCES:
	case EPERM:
	case EBUSY:
	case EXDEV:
	case ETXTBSY:
		return true;
	default:
		return false;
	}
}

static bool moves_what_is_below(enum file_op op)
{
	return op == FILE_RENAME || op == FILE_UNLINK || op == FILE_RMDIR;
}

static bool touches(const struct protection *p, const char *path, bool from_above)
{
	for (size_t i = 0; i < p->count; i++)
		if (path_is_below(path, p->paths[i]) ||
		    (from_above && path_is_below(p->paths[i], path)))
			return true;
	return false;
}

/* How bad a refused attempt is. A new directory, as interpreters make for their caches, changes
 * nothing that was there; an exclusive create may be the first step of replacing a file (sed -i).
 */
static enum severity refused_severity(const struct event_file *file)
{
	switch (file->op) {
	case FILE_MKDIR:
		return SEVERITY_LOW;
	case FILE_SYMLINK:
	case FILE_MKNOD:
	case FILE_LINK:
		return SEVERITY_MEDIUM;
	case FILE_CREATE:
		return file->mode & O_EXCL ? SEVERITY_MEDIUM : SEVERITY_HIGH;
	default:
		return SEVERITY_HIGH;
	}
}

/* Which of an event's two paths is protected: "" for neither. A hard link's source is not changed,
 * and what a symbolic link says is no path of the event. */
static const char *find_path(const struct protection *p, const struct event_view *e, char *text)
{
	enum file_op op = (enum file_op)e->file->op;
	int first = op == FILE_LINK, end = op == FILE_SYMLINK ? 1 : 2;

	for (int i = first; i < end; i++) {
		if (e->text[i].size == 0)
			continue;
		path_plain(e->text[i].data, e->text[i].size, text);
		if (touches(p, text, moves_what_is_below(op)))
			return text;
	}
	return "";
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	const struct event_file *file = e->file;
	bool refused = file->result < 0;
	char room[PATH_TEXT_MAX];
	cleanup_buf struct buf text = { 0 };
	struct finding f;
	const char *path;

	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	if (file->op == FILE_READ || (file->h.flags & EVENT_OUTSIDE) ||
	    (refused && !is_refusal(file->result)))
		return;
	path = find_path(state, e, room);
	if (!*path)
		return;
	finding_begin(d, FINDING_PROTECTED_WRITE, e, &f);
	f.verdict = refused ? VERDICT_BLOCKED : VERDICT_OBSERVED;
	if (refused)
		f.severity = refused_severity(file);
	buf_printf(&text, "%s of protected ", file_op_name((enum file_op)file->op));
	text_escape_cut(&text, path, strlen(path), PATH_WIDTH);
	buf_add_text(&text, refused ? " was refused" : " happened");
	finding_say_program(d, e->h, &text);
	finding_say(&f, &text);
	detection_report_again(d, &f, refused);
}

static void finish(struct detection *d, void *state)
{
	free(state);
}

const struct detector protected_write_detector = {
	.kind = FINDING_PROTECTED_WRITE,
	.wants = 1u << EVENT_FILE,
	.start = start,
	.on_event = on_event,
	.finish = finish,
};
