/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes that do not stop at EINTR or a short count. */
#ifndef WEIR_BASE_FILE_H
#define WEIR_BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

int file_write_all(int fd, const void *data, size_t size); /* 0 or -errno */
/* Appends everything up to the end of fd; -EFBIG when the buffer's maximum is reached. */
int file_read_all(int fd, struct buf *into);
/* The whole file dirfd/path into `into`, which must be initialised. 0 or -errno (-EFBIG as above).
 */
int file_read_path(int dirfd, const char *path, struct buf *into);
/* Opens dirfd/path for writing, writes text in one write(2) and closes: for cgroup and proc files.
 * 0 or -errno. */
int file_write_path(int dirfd, const char *path, const char *text);
/* A sealed, CLOEXEC memfd holding data, offset 0; or -errno. */
int file_memfd(const char *name, const void *data, size_t size);

#endif
