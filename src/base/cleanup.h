/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup attributes and ownership transfer. A variable marked cleanup_* releases what it owns when
 * its scope ends; take_*() hands ownership out and leaves the empty value behind. */
#ifndef WEIR_BASE_CLEANUP_H
#define WEIR_BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_(void *p)
{
	free(*(void **)p);
}

/* Closes *fd when it is a descriptor; errno is left as it was. */
static inline void cleanup_fd_(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void cleanup_file_(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_dir_(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define cleanup_free __attribute__((__cleanup__(cleanup_free_)))
#define cleanup_fd __attribute__((__cleanup__(cleanup_fd_)))
#define cleanup_file __attribute__((__cleanup__(cleanup_file_)))
#define cleanup_dir __attribute__((__cleanup__(cleanup_dir_)))

static inline int take_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

/* Evaluates to *p, which becomes NULL. */
#define take_ptr(p)                            \
	({                                     \
		__typeof__(p) *slot_ = &(p);   \
		__typeof__(p) value_ = *slot_; \
		*slot_ = NULL;                 \
		value_;                        \
	})

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#endif
