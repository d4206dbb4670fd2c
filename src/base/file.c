/* Mapped reading and atomic writing. */
#include "base/file.h"

#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *remedy(int code) {
    switch (code) {
    case ENOENT:
    case ENOTDIR: return "check the path";
    case EACCES:
    case EPERM:
    case EROFS: return "check the permissions";
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return "free disk space";
    case EMFILE:
    case ENFILE: return "raise the limit on open files";
    default: return "check the file system";
    }
}

/* Messages are made first and the path put in front: a path of thousands of bytes must not push the reason out. */
static galen_status fail_os(galen_error *err, const char *path, const char *verb, int code) {
    bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
    galen_status status = code == ENOMEM ? GALEN_ERR_MEMORY : full ? GALEN_ERR_SPACE : GALEN_ERR_IO;
    gal_fail(err, status, "cannot %s: %s; %s", verb, strerror(code), remedy(code));
    gal_fail_in(err, status, path);
    return status;
}

static galen_status map_open(int fd, const char *path, size_t max, int flags, struct stat *seen, gal_file *out,
                             galen_error *err) {
    struct stat st;
    galen_status status = GALEN_OK;
    if (fstat(fd, &st) != 0) return fail_os(err, path, "read", errno);
    if (seen) *seen = st;
    if (S_ISDIR(st.st_mode))
        status = gal_fail(err, GALEN_ERR_IO, "is a directory; name a file");
    else if (!S_ISREG(st.st_mode))
        status = gal_fail(err, GALEN_ERR_IO, "is not a regular file; copy its contents to a file first");
    else if (st.st_size < 0 || (uint64_t)st.st_size > max)
        status = gal_fail(err, GALEN_ERR_LIMIT, "%lld bytes, more than the limit of %zu; split or shrink the file",
                          (long long)st.st_size, max);
    if (status != GALEN_OK) return gal_fail_in(err, status, path);
    if (st.st_size == 0) return GALEN_OK;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, flags, fd, 0);
    if (p == MAP_FAILED) return fail_os(err, path, "map", errno);
    out->data = p;
    out->size = (size_t)st.st_size;
    return GALEN_OK;
}

static galen_status map_path(const char *path, size_t max, bool shared, struct stat *st, gal_file *out,
                             galen_error *err) {
    *out = (gal_file){0};
    if (st != NULL) *st = (struct stat){0};
    /* O_NONBLOCK: opening a named pipe must not hang. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (shared ? O_NOFOLLOW : 0));
    if (fd < 0 && shared && errno == ENOENT) return GALEN_OK;
    if (fd < 0) return fail_os(err, path, "open", errno);
    galen_status status = map_open(fd, path, max, shared ? MAP_SHARED : MAP_PRIVATE, st, out, err);
    close(fd);
    return status;
}

galen_status gal_file_map(const char *path, size_t max, gal_file *out, galen_error *err) {
    return map_path(path, max, false, NULL, out, err);
}

galen_status gal_file_map_shared(const char *path, size_t max, struct stat *st, gal_file *out, galen_error *err) {
    return map_path(path, max, true, st, out, err);
}

void gal_file_unmap(gal_file *file) {
    if (file->data) munmap((void *)(uintptr_t)file->data, file->size);
    *file = (gal_file){0};
}

void gal_file_release_pages(const gal_file *file) {
    if (file->data) madvise((void *)(uintptr_t)file->data, file->size, MADV_DONTNEED);
}

void gal_file_release_range(const gal_file *file, const void *data, size_t bytes) {
    uintptr_t from = (uintptr_t)data, start = (uintptr_t)file->data, page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (!file->data || from < start || from - start > file->size || bytes > file->size - (from - start)) return;
    uintptr_t first = (from + page - 1) / page * page, last = (from + bytes) / page * page;
    if (last > first) madvise((void *)first, last - first, MADV_DONTNEED);
}

static int write_all(int fd, const unsigned char *data, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

galen_status gal_file_write_parts(const char *path, const gal_file *part, size_t n, unsigned mode, galen_error *err) {
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path), code = 0;
    if (length < 0 || (size_t)length >= sizeof temporary)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%.200s...: path too long; use a shorter one", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) return fail_os(err, path, "write", errno);
    for (size_t i = 0; i < n && code == 0; i++) code = write_all(fd, part[i].data, part[i].size);
    if (code == 0 && fsync(fd) != 0) code = errno;
    if (code == 0 && fchmod(fd, (mode_t)mode) != 0) code = errno;
    if (close(fd) != 0 && code == 0) code = errno;
    if (code == 0 && rename(temporary, path) != 0) code = errno;
    if (code == 0) return GALEN_OK;
    unlink(temporary);
    return fail_os(err, path, "write", code);
}

galen_status gal_file_write(const char *path, const void *data, size_t size, galen_error *err) {
    /* A temporary file is private; the result gets the permissions an ordinary new file would have. */
    mode_t mask = umask(0);
    umask(mask);
    return gal_file_write_parts(path, &(gal_file){data, size}, 1, 0666 & ~mask, err);
}
