// SPDX-License-Identifier: Apache-2.0
/* The report as one page: web/report.html with its marks filled in. The page may load nothing and
 * run only the script and the style whose SHA-256 its policy names (Content Security Policy Level
 * 3, 6.7.3.3), so that even markup that came through all escaping would do nothing. The agent's
 * text is in it as JSON only, but for the title. */
#include "report/html.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "report/web.h"

#define CALLS_MAX 10000			 /* in one page, but those with findings are always there */
#define TEXT_ALL_MAX (16u * 1024 * 1024) /* arguments, and again output, of all calls together */
#define EDGES_MAX 20000
#define DESTINATIONS_MAX 200
#define TEXT_MIN 512 /* of one call */
#define TEXT_MAX (16u * 1024)
#define TITLE_WIDTH 80
#define HASH_TEXT_MAX \
	sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, sodium_base64_VARIANT_ORIGINAL)

struct page_maker {
	const struct report *report;
	struct report_bounds bounds;
	FILE *out;
	struct fail *fail;
};

/* The next file of web/ whose name ends so, behind `after` or from the first on. */
static const struct web_file *next_file(const char *suffix, const struct web_file *after)
{
	for (const struct web_file *w = after ? after + 1 : web_files; w->name; w++)
		if (strlen(w->name) > strlen(suffix) &&
		    !strcmp(w->name + strlen(w->name) - strlen(suffix), suffix))
			return w;
	return NULL;
}

static int put_files(const struct page_maker *p, const char *suffix)
{
	for (const struct web_file *w = NULL; (w = next_file(suffix, w));)
		fwrite(w->text, 1, w->size, p->out);
	return 0;
}

static int put_hash(const struct page_maker *p, const char *suffix)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	char text[HASH_TEXT_MAX];

	crypto_hash_sha256_init(&state);
	for (const struct web_file *w = NULL; (w = next_file(suffix, w));)
		crypto_hash_sha256_update(&state, (const unsigned char *)w->text, w->size);
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2base64(text, sizeof(text), hash, sizeof(hash), sodium_base64_VARIANT_ORIGINAL);
	fprintf(p->out, "'sha256-%s'", text);
	return 0;
}

static int put_title(const struct page_maker *p)
{
	const struct run_open *o = &p->report->run.open;
	cleanup_buf struct buf line = { 0 }, html = { 0 };

	buf_init(&line, TITLE_WIDTH * 16);
	buf_init(&html, TITLE_WIDTH * 64);
	if (o->name && *o->name) {
		text_escape_cut(&line, o->name, strlen(o->name), TITLE_WIDTH);
		buf_add_text(&line, ", ");
	}
	buf_printf(&line, "run %s", o->id);
	text_escape_html(&html, buf_text(&line), line.size);
	fputs(buf_text(&html), p->out);
	return 0;
}

static int put_style_hash(const struct page_maker *p)
{
	return put_hash(p, ".css");
}

static int put_script_hash(const struct page_maker *p)
{
	return put_hash(p, ".js");
}

static int put_style(const struct page_maker *p)
{
	return put_files(p, ".css");
}

static int put_script(const struct page_maker *p)
{
	return put_files(p, ".js");
}

static int put_json(const struct page_maker *p,
		    int (*write)(const struct report *, const struct report_bounds *, FILE *,
				 struct fail *))
{
	FILE *json = html_json_open(p->out);
	int n;

	if (!json)
		return fail(p->fail, ENOMEM, "writing the report as HTML");
	n = write(p->report, &p->bounds, json, p->fail);
	if (fclose(json) != 0 && n >= 0)
		n = fail(p->fail, errno, "writing the report");
	return n;
}

static int put_report(const struct page_maker *p)
{
	return put_json(p, report_json_bounded);
}

static int put_data(const struct page_maker *p)
{
	return put_json(p, html_page_data);
}

/* The marks of web/report.html: {{name}}. */
static const struct mark {
	const char *name;
	int (*put)(const struct page_maker *p);
} marks[] = {
	{ "title", put_title },	  { "script-hash", put_script_hash },
	{ "style", put_style },	  { "style-hash", put_style_hash },
	{ "script", put_script }, { "report", put_report },
	{ "data", put_data },
};

/* Fills in the mark that begins at text, and moves text behind it. */
static int put_mark(const struct page_maker *p, const char **text)
{
	for (size_t i = 0; i < ARRAY_LENGTH(marks); i++) {
		size_t size = strlen(marks[i].name);

		if (strncmp(*text + 2, marks[i].name, size) != 0 ||
		    strncmp(*text + 2 + size, "}}", 2) != 0)
			continue;
		*text += size + 4;
		return marks[i].put(p);
	}
	return fail_text(p->fail, EINVAL, "web/report.html has a mark that nobody knows: %.20s",
			 *text);
}

/* The more calls, the less text of each. */
static struct report_bounds bounds_of(const struct report *r)
{
	uint32_t calls = r->run.calls < CALLS_MAX ? r->run.calls : CALLS_MAX, guilty = 0;
	size_t text = TEXT_ALL_MAX / (calls + 1);

	for (size_t i = 0; i < r->doing_count; i++)
		guilty += r->doings[i].findings > 0;
	text = text > TEXT_MAX ? TEXT_MAX : text;
	return (struct report_bounds){
		.calls = r->run.calls <= CALLS_MAX ? CALLS_PER_RUN_MAX + 1 : CALLS_MAX - guilty,
		.edges = EDGES_MAX,
		.destinations = DESTINATIONS_MAX,
		.text = text < TEXT_MIN ? TEXT_MIN : text,
	};
}

int report_html(const struct report *r, FILE *out, struct fail *f)
{
	struct page_maker p = { .report = r, .bounds = bounds_of(r), .out = out, .fail = f };
	const char *text = web_files[0].text, *mark; /* report.html is the first: web/meson.build */
	int n = 0;

	while (n >= 0 && (mark = strstr(text, "{{"))) {
		fwrite(text, 1, (size_t)(mark - text), out);
		text = mark;
		n = put_mark(&p, &text);
	}
	fputs(text, out);
	if (n >= 0 && ferror(out))
		n = fail(f, errno, "writing the report");
	return n;
}
