// SPDX-License-Identifier: Apache-2.0
/* The root file; see root.h. Hostile bytes are compared with what we would have written. */
#include "store/root.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

#define ROOT_TEXT_MAX 256
#define BASE64_SIZE sodium_base64_ENCODED_LEN(MERKLE_HASH_SIZE, sodium_base64_VARIANT_ORIGINAL)

static void root_text(const char *run, const struct record_root *root, char text[ROOT_TEXT_MAX])
{
	char base64[BASE64_SIZE];

	sodium_bin2base64(base64, sizeof(base64), root->hash, sizeof(root->hash),
			  sodium_base64_VARIANT_ORIGINAL);
	snprintf(text, ROOT_TEXT_MAX, "weir/run/%s\n%" PRIu64 "\n%s\n", run, root->size, base64);
}

int record_root_write(int run_dir, const char *run, const struct record_root *root)
{
	cleanup_fd int fd =
		openat(run_dir, "root.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char text[ROOT_TEXT_MAX];
	int r;

	if (fd < 0)
		return -errno;
	root_text(run, root, text);
	r = file_write_all(fd, text, strlen(text));
	if (r < 0)
		return r;
	return renameat(run_dir, "root.new", run_dir, "root") < 0 ? -errno : 0;
}

int record_root_remove(int run_dir)
{
	return unlinkat(run_dir, "root", 0) < 0 && errno != ENOENT ? -errno : 0;
}

int record_root_read(int run_dir, const char *run, struct record_root *ret)
{
	struct record_root root = { 0 };
	cleanup_buf struct buf file = { 0 };
	char again[ROOT_TEXT_MAX], base64[BASE64_SIZE];
	size_t size;
	int r;

	buf_init(&file, ROOT_TEXT_MAX);
	r = file_read_path(run_dir, "root", &file);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	if (sscanf(buf_text(&file), "%*[^\n]\n%" SCNu64 "\n%44[^\n]", &root.size, base64) != 2)
		return -EBADMSG;
	if (sodium_base642bin(root.hash, sizeof(root.hash), base64, strlen(base64), NULL, &size,
			      NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    size != sizeof(root.hash))
		return -EBADMSG;
	root_text(run, &root, again);
	if (strcmp(again, buf_text(&file)) != 0)
		return -EBADMSG;
	*ret = root;
	return 0;
}
