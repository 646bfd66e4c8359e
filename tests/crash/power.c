/* Preloaded into a process: keeps what a disk would hold after a loss of power, and syncs nothing.
 *
 * A page that was written and not synced may be lost. So the durable content of a file is a copy made whenever it is
 * synced, and the durable names of a folder are a listing made whenever that is synced; both lie in POWER_IMAGE by
 * inode. Nothing is done at a write: writes through maps of memory count as others do. A link keeps each inode that has
 * a copy, so that none is used again for another file. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t copying = PTHREAD_MUTEX_INITIALIZER;

static int is_ours(const char *path) {
    const char *root = getenv("POWER_ROOT");
    return root && strncmp(path, root, strlen(root)) == 0;
}

static void image_path(char *path, size_t size, const char *kind, ino_t inode) {
    snprintf(path, size, "%s/%s-%lu", getenv("POWER_IMAGE"), kind, (unsigned long)inode);
}

static void die(const char *what) { /* a copy that is not there would pass for data that were lost */
    fprintf(stderr, "power.c: %s: %s\n", what, strerror(errno));
    abort();
}

static void copy_range(int from, int to, off_t start, off_t end) {
    static char buffer[1 << 16];
    for (off_t at = start; at < end;) {
        off_t data = lseek(from, at, SEEK_DATA);
        if (data < 0 || data >= end) return; /* holes up to the end */
        off_t hole = lseek(from, data, SEEK_HOLE);
        if (hole > end) hole = end;
        for (at = data; at < hole;) {
            size_t wanted = sizeof buffer < (size_t)(hole - at) ? sizeof buffer : (size_t)(hole - at);
            ssize_t got = pread(from, buffer, wanted, at);
            if (got <= 0) return; /* cut off meanwhile */
            if (pwrite(to, buffer, got, at) != got) die("pwrite");
            at += got;
        }
    }
}

static void list_folder(const char *path, ino_t inode) {
    char image[4096], draft[4200];
    image_path(image, sizeof image, "dir", inode);
    snprintf(draft, sizeof draft, "%s.new", image);
    FILE *out = fopen(draft, "w");
    DIR *folder = opendir(path);
    if (!out || !folder) die(path);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            fprintf(out, "%lu %d %s\n", (unsigned long)entry->d_ino, entry->d_type == DT_DIR, entry->d_name);
    closedir(folder);
    if (fclose(out) || rename(draft, image)) die("rename");
}

/* The whole file for an end of 0, else a part of it. */
static void keep(const char *path, const char *link_from, off_t start, off_t end) {
    struct stat status;
    char image[4096], draft[4200], kept[4096];
    int from = open(link_from, O_RDONLY | O_CLOEXEC);
    if (from < 0 || fstat(from, &status)) {
        if (from >= 0) close(from);
        return;
    }
    pthread_mutex_lock(&copying);
    if (S_ISDIR(status.st_mode)) {
        list_folder(path, status.st_ino);
    } else if (S_ISREG(status.st_mode)) {
        image_path(image, sizeof image, "file", status.st_ino);
        image_path(kept, sizeof kept, "keep", status.st_ino);
        snprintf(draft, sizeof draft, "%s.%s", image, end ? "part" : "new");
        const char *target = end ? image : draft;
        int to = open(target, O_RDWR | O_CREAT | O_CLOEXEC | (end ? 0 : O_TRUNC), 0600);
        if (to < 0 || ftruncate(to, status.st_size)) die(target);
        copy_range(from, to, end ? start : 0, end ? end : status.st_size);
        close(to);
        if (!end && rename(draft, image)) die("rename");
        if (linkat(AT_FDCWD, link_from, AT_FDCWD, kept, AT_SYMLINK_FOLLOW) && errno != EEXIST && errno != ENOENT)
            die(kept);
    }
    pthread_mutex_unlock(&copying);
    close(from);
}

static int keep_open(int handle) {
    char link_from[64], path[4096];
    snprintf(link_from, sizeof link_from, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link_from, path, sizeof path - 1);
    if (length < 0) return (int)syscall(SYS_fsync, handle); /* sets errno as it should */
    path[length] = 0;
    if (is_ours(path)) keep(path, link_from, 0, 0);
    return 0;
}

int fsync(int handle) { return keep_open(handle); }
int fdatasync(int handle) { return keep_open(handle); }

int msync(void *address, size_t length, int flags) {
    (void)flags;
    uintptr_t wanted = (uintptr_t)address;
    char line[4400], path[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long from, to, offset;
        path[0] = 0;
        sscanf(line, "%lx-%lx %*s %lx %*s %*s %4095[^\n]", &from, &to, &offset, path);
        if (wanted >= from && wanted < to && is_ours(path)) {
            off_t start = (off_t)(offset + (wanted - from));
            keep(path, path, start, start + (off_t)length);
        }
    }
    if (maps) fclose(maps);
    return 0;
}

/* The inode of a folder may be one that was removed, whose listing must not pass for that of the new one. */
static int made(int result, int parent, const char *path) {
    struct stat status;
    char image[4096];
    if (result == 0 && getenv("POWER_IMAGE") && fstatat(parent, path, &status, 0) == 0) {
        image_path(image, sizeof image, "dir", status.st_ino);
        unlink(image);
    }
    return result;
}

int mkdirat(int parent, const char *path, mode_t mode) {
    return made((int)syscall(SYS_mkdirat, parent, path, mode), parent, path);
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
