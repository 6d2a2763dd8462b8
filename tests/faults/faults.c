/* Faults on purpose: a library that is loaded before all others, and stands between a process and its files.
 *
 * It counts the calls that change something below one of two folders (and opens for reading), in whichever library and
 * thread they are made, and at the n-th it does what it was armed for. Python arms it through ctypes.
 *
 *     cc -shared -fPIC -O1 -o faults.so faults.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, COUNT, FAIL, CRASH, FULL, SHORT, KILL };

static char roots[2][PATH_MAX];
static atomic_int mode = OFF;
static atomic_long left, calls;
static int error_number;
static int trace = -1;

/* Arm: at the `nth` call (from 1) below `one` or `two` do `what`, with `error` where a call is to fail. */
void faults_arm(const char *one, const char *two, int what, long nth, int error) {
    atomic_store(&mode, OFF);
    strncpy(roots[0], one, PATH_MAX - 1);
    strncpy(roots[1], two, PATH_MAX - 1);
    error_number = error;
    atomic_store(&calls, 0);
    atomic_store(&left, nth);
    atomic_store(&mode, what);
}

/* Disarm, and return how many calls were counted. */
long faults_disarm(void) {
    atomic_store(&mode, OFF);
    return atomic_load(&calls);
}

/* Write each counted call to a descriptor, `name path` and a zero byte; -1 ends that. */
void faults_trace(int descriptor) { trace = descriptor; }

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void absolute(char *into, int folder, const char *path) {
    ssize_t length = 0;
    char link[64];
    if (path == NULL) path = "";
    if (path[0] != '/') {
        if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, into, PATH_MAX - 2);
        if (length < 0) length = 0;
        if (path[0] != 0) into[length++] = '/';
    }
    snprintf(into + length, PATH_MAX - length, "%s", path);
}

static int below(const char *path) {
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(roots[i]);
        if (length && strncmp(path, roots[i], length) == 0 && (path[length] == '/' || path[length] == 0)) return 1;
    }
    return 0;
}

/* What a call is to do: 0 go on, -1 fail (errno is set), 1 do a part of it. `writes`: needs room on the disk;
 * `reads`: changes nothing. */
static int asked(const char *name, int folder, const char *path, int writes, int reads) {
    int now = atomic_load(&mode);
    if (now == OFF) return 0;
    int kept = errno;
    char full[PATH_MAX];
    absolute(full, folder, path);
    errno = kept;
    if (!below(full)) return 0;
    if (trace >= 0) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%s %s", name, full);
        if (REAL(write)(trace, line, length + 1) < 0) abort();
    }
    atomic_fetch_add(&calls, 1);
    long before = atomic_fetch_sub(&left, 1);
    if (now == COUNT || before > 1) return 0;
    if (now == KILL) {
        if (before == 1) kill(getpid(), SIGKILL);
        return 0;
    }
    if (now == SHORT) return before == 1 ? 1 : 0;
    if (now == FAIL && before < 1) return 0;
    if (now == CRASH && reads) return 0;
    if (now == FULL && !writes) return 0;
    errno = now == FULL ? ENOSPC : error_number;
    return -1;
}

#define OPENER(name)                                                                              \
    int name(const char *path, int flags, ...) {                                                  \
        mode_t bits = 0;                                                                          \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                    \
            va_list more; va_start(more, flags); bits = va_arg(more, mode_t); va_end(more);       \
        }                                                                                         \
        int reads = !(flags & (O_CREAT | O_TRUNC)) && (flags & O_ACCMODE) == O_RDONLY;            \
        if (asked("open", AT_FDCWD, path, flags & O_CREAT, reads) < 0) return -1;                 \
        return REAL(name)(path, flags, bits);                                                     \
    }
OPENER(open)
OPENER(open64)

#define OPENER_AT(name)                                                                           \
    int name(int folder, const char *path, int flags, ...) {                                      \
        mode_t bits = 0;                                                                          \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                    \
            va_list more; va_start(more, flags); bits = va_arg(more, mode_t); va_end(more);       \
        }                                                                                         \
        int reads = !(flags & (O_CREAT | O_TRUNC)) && (flags & O_ACCMODE) == O_RDONLY;            \
        if (asked("open", folder, path, flags & O_CREAT, reads) < 0) return -1;                   \
        return REAL(name)(folder, path, flags, bits);                                             \
    }
OPENER_AT(openat)
OPENER_AT(openat64)

ssize_t write(int file, const void *bytes, size_t size) {
    int what = file > 2 ? asked("write", file, NULL, 1, 0) : 0;
    if (what < 0) return -1;
    return REAL(write)(file, bytes, what > 0 && size > 1 ? size / 2 : size);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at) {
    int what = asked("write", file, NULL, 1, 0);
    if (what < 0) return -1;
    return REAL(pwrite64)(file, bytes, what > 0 && size > 1 ? size / 2 : size, at);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    if (file > 2 && asked("write", file, NULL, 1, 0) < 0) return -1;
    return REAL(writev)(file, parts, count);
}

ssize_t sendfile64(int out, int in, off64_t *at, size_t size);
ssize_t sendfile64(int out, int in, off64_t *at, size_t size) {
    int what = asked("write", out, NULL, 1, 0);
    if (what < 0) return -1;
    return REAL(sendfile64)(out, in, at, what > 0 && size > 1 ? size / 2 : size);
}

ssize_t sendfile(int out, int in, off_t *at, size_t size);
ssize_t sendfile(int out, int in, off_t *at, size_t size) {
    int what = asked("write", out, NULL, 1, 0);
    if (what < 0) return -1;
    return REAL(sendfile)(out, in, at, what > 0 && size > 1 ? size / 2 : size);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *at, size_t size, unsigned flags) {
    int what = asked("write", out, NULL, 1, 0);
    if (what < 0) return -1;
    return REAL(copy_file_range)(in, from, out, at, what > 0 && size > 1 ? size / 2 : size, flags);
}

int posix_fallocate(int file, off_t at, off_t size) {
    return asked("write", file, NULL, 1, 0) < 0 ? errno : REAL(posix_fallocate)(file, at, size);
}

int posix_fallocate64(int file, off64_t at, off64_t size) {
    return asked("write", file, NULL, 1, 0) < 0 ? errno : REAL(posix_fallocate64)(file, at, size);
}

#define CALL(type, name, head, args, folder, path, writes)                                        \
    type name head { return asked(#name, folder, path, writes, 0) < 0 ? -1 : REAL(name) args; }

CALL(int, fsync, (int file), (file), file, NULL, 0)
CALL(int, fdatasync, (int file), (file), file, NULL, 0)
CALL(int, ftruncate, (int file, off_t size), (file, size), file, NULL, 1)
CALL(int, ftruncate64, (int file, off64_t size), (file, size), file, NULL, 1)
CALL(int, rename, (const char *from, const char *to), (from, to), AT_FDCWD, to, 0)
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), b, to, 0)
CALL(int, renameat2, (int a, const char *from, int b, const char *to, unsigned f), (a, from, b, to, f), b, to, 0)
CALL(int, unlink, (const char *path), (path), AT_FDCWD, path, 0)
CALL(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), folder, path, 0)
CALL(int, rmdir, (const char *path), (path), AT_FDCWD, path, 0)
CALL(int, mkdir, (const char *path, mode_t bits), (path, bits), AT_FDCWD, path, 1)
CALL(int, mkdirat, (int folder, const char *path, mode_t bits), (folder, path, bits), folder, path, 1)
CALL(int, link, (const char *from, const char *to), (from, to), AT_FDCWD, to, 1)
