/*
 * The files of the world: looking at paths, their status and directories. See preload_devices.c
 * for the whole.
 *
 * 1. Paths under the prefixes below are looked up in the world's directory, all others where they
 *    are.
 * 2. A device file of the world is a text file with "major:minor"; its status is that of the
 *    device it stands for.
 */
#define _GNU_SOURCE
#include "preload.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "one struct stat only");

static const char *const rewritten_prefixes[] = {
	"/dev/gpiochip",	"/dev/i2c-",	       "/sys/bus/i2c",	       "/sys/bus/gpio",
	"/sys/class/i2c-dev", "/sys/dev/char/254:", "/sys/dev/char/89:", "/sys/devices/emulated",
	"/dev/spidev",	      "/dev/ttyUSB",
};

const char *world(void)
{
	return getenv("WISBLOCK_PRELOAD_WORLD");
}

int starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

int is_device(const char *path)
{
	return world() && path && (starts_with(path, "/dev/gpiochip") || starts_with(path, "/dev/i2c-"));
}

const char *rewritten(const char *path, char room[PATH_MAX])
{
	if (!world() || !path)
		return path;
	for (size_t i = 0; i < sizeof(rewritten_prefixes) / sizeof(*rewritten_prefixes); i++)
		if (starts_with(path, rewritten_prefixes[i])) {
			snprintf(room, PATH_MAX, "%s%s", world(), path);
			return room;
		}
	return path;
}

/* A device file of the world becomes the character device that it stands for. */
static int stat_any(int directory, const char *path, struct stat *status, int flags)
{
	char room[PATH_MAX], numbers[32] = "";
	const char *place = rewritten(path, room);
	int result = (int)syscall(SYS_newfstatat, directory, place, status, flags);

	if (result == 0 && is_device(path) && S_ISREG(status->st_mode)) {
		unsigned int major_number = 0, minor_number = 0;
		int file = (int)syscall(SYS_openat, AT_FDCWD, place, O_RDONLY | O_CLOEXEC, 0);

		if (file >= 0) {
			if (syscall(SYS_read, file, numbers, sizeof(numbers) - 1) > 0)
				sscanf(numbers, "%u:%u", &major_number, &minor_number);
			syscall(SYS_close, file);
		}
		status->st_mode = S_IFCHR | 0660;
		status->st_rdev = makedev(major_number, minor_number);
	}
	return result;
}

int stat(const char *path, struct stat *status)
{
	return stat_any(AT_FDCWD, path, status, 0);
}

int lstat(const char *path, struct stat *status)
{
	return stat_any(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
}

int fstatat(int directory, const char *path, struct stat *status, int flags)
{
	return stat_any(directory, path, status, flags);
}

int stat64(const char *path, struct stat64 *status)
{
	return stat_any(AT_FDCWD, path, (struct stat *)status, 0);
}

int lstat64(const char *path, struct stat64 *status)
{
	return stat_any(AT_FDCWD, path, (struct stat *)status, AT_SYMLINK_NOFOLLOW);
}

int fstatat64(int directory, const char *path, struct stat64 *status, int flags)
{
	return stat_any(directory, path, (struct stat *)status, flags);
}

/* the names of glibc before 2.33, which the gpiod wheel is linked against */
int __xstat(int version, const char *path, struct stat *status)
{
	(void)version;
	return stat_any(AT_FDCWD, path, status, 0);
}

int __lxstat(int version, const char *path, struct stat *status)
{
	(void)version;
	return stat_any(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
}

int __xstat64(int version, const char *path, struct stat64 *status)
{
	(void)version;
	return stat_any(AT_FDCWD, path, (struct stat *)status, 0);
}

int __lxstat64(int version, const char *path, struct stat64 *status)
{
	(void)version;
	return stat_any(AT_FDCWD, path, (struct stat *)status, AT_SYMLINK_NOFOLLOW);
}

int access(const char *path, int mode)
{
	char room[PATH_MAX];
	return (int)syscall(SYS_faccessat, AT_FDCWD, rewritten(path, room), mode);
}

ssize_t readlink(const char *path, char *target, size_t size)
{
	char room[PATH_MAX];
	return syscall(SYS_readlinkat, AT_FDCWD, rewritten(path, room), target, size);
}

ssize_t readlinkat(int directory, const char *path, char *target, size_t size)
{
	char room[PATH_MAX];
	return syscall(SYS_readlinkat, directory, rewritten(path, room), target, size);
}

char *realpath(const char *path, char *resolved)
{
	static char *(*next)(const char *, char *);
	char room[PATH_MAX];
	char *result;

	if (!next)
		next = (char *(*)(const char *, char *))dlvsym(RTLD_NEXT, "realpath", "GLIBC_2.3");
	if (!next)
		next = (char *(*)(const char *, char *))dlsym(RTLD_NEXT, "realpath");
	result = next(rewritten(path, room), resolved);
	if (result && world() && starts_with(result, world()))
		memmove(result, result + strlen(world()), strlen(result + strlen(world())) + 1);
	return result;
}

DIR *opendir(const char *path)
{
	static DIR *(*next)(const char *);
	char room[PATH_MAX];

	if (!next)
		next = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
	if (world() && (strcmp(path, "/dev") == 0 || strcmp(path, "/dev/") == 0)) {
		snprintf(room, sizeof(room), "%s/dev", world());
		return next(room);
	}
	return next(rewritten(path, room));
}
