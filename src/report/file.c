// SPDX-License-Identifier: Apache-2.0
/* Reports into files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "report/report.h"

#define EVIDENCE_EACH 2

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

int report_form_of(const char *path, enum report_form *ret, struct fail *f)
{
	if (ends_with(path, ".html"))
		return fail_text(f, EINVAL,
				 "%s: reports in HTML do not exist yet; use a name that ends in "
				 ".json or .txt",
				 path);
	if (!ends_with(path, ".json") && !ends_with(path, ".txt"))
		return fail_text(f, EINVAL,
				 "%s: the name decides the report's form; it must end in .json or "
				 ".txt",
				 path);
	*ret = ends_with(path, ".json") ? REPORT_JSON : REPORT_TEXT;
	return 0;
}

static void remove_file(char **path)
{
	if (*path)
		unlink(*path);
	free(*path);
}

/* A file beside path, which replaces it only when it is whole. */
static int open_beside(const char *path, char **ret_name, FILE **ret, struct fail *f)
{
	struct stat st;
	mode_t mask;
	char *name;
	int fd;

	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return fail_text(f, EINVAL, "%s is no ordinary file", path);
	if (asprintf(&name, "%s.XXXXXX", path) < 0)
		return fail(f, ENOMEM, "writing %s", path);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0) {
		free(name);
		return fail(f, errno, "cannot write beside %s", path);
	}
	*ret_name = name;
	mask = umask(0);
	umask(mask);
	fchmod(fd, 0666 & ~mask);
	*ret = fdopen(fd, "w");
	if (!*ret)
		close(fd);
	return *ret ? 0 : fail(f, ENOMEM, "writing %s", path);
}

static int write_report(const struct report *r, enum report_form form, FILE *out, struct fail *f)
{
	struct text_style style = { .width = 100 };

	return form == REPORT_JSON ? report_json(r, out, f) : report_text(r, &style, out, f);
}

int report_write_form(const char *store, const char *run_id, const char *path,
		      enum report_form form, struct fail *f)
{
	__attribute__((__cleanup__(remove_file))) char *name = NULL;
	cleanup_report struct report r = { 0 };
	cleanup_file FILE *out = NULL;
	struct store *s = NULL;
	int n = store_open(store, &s, f);

	if (n == 0)
		n = report_load(s, run_id, EVIDENCE_EACH, 0, &r, f);
	if (n == 0)
		n = open_beside(path, &name, &out, f);
	if (n == 0)
		n = write_report(&r, form, out, f);
	store_close(s);
	if (n == 0 && fflush(out) != 0)
		n = fail(f, errno, "cannot write %s", path);
	if (n == 0 && rename(name, path) < 0)
		n = fail(f, errno, "cannot write %s", path);
	if (n == 0)
		free(take_ptr(name));
	return n;
}

int report_write_file(const char *store, const char *run_id, const char *path, struct fail *f)
{
	enum report_form form;
	int n = report_form_of(path, &form, f);

	return n < 0 ? n : report_write_form(store, run_id, path, form, f);
}
