/*
 * Kernel devices for a computer that has none: preloaded into a program, this library makes I2C
 * adapters and GPIO chips appear under /dev and /sys, and carries every operation on them to a
 * device server over a Unix socket.
 *
 * 1. It knows paths, file descriptors and the layout of ioctl arguments, never what a device does:
 *    that is the server's.
 * 2. Files come from a directory tree ("the world"): paths under the prefixes below are looked up
 *    there instead.
 * 3. Only what smbus2, libgpiod and Python's own file functions call is intercepted, on 64-bit
 *    Linux with glibc.
 *
 * Environment: WISBLOCK_PRELOAD_WORLD (directory of the tree), WISBLOCK_PRELOAD_SOCKET
 * (SOCK_SEQPACKET socket of the server). Without them the library does nothing.
 *
 * Each device descriptor has a hidden control connection, one packet there and one back for each
 * operation. The descriptor the program sees is the world's file, or, for claimed lines, a second
 * connection on which the server sends edge events, so that read(), poll() and select() need no
 * interception.
 */
#define _GNU_SOURCE
#include "preload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8, "64-bit Linux only");

enum verb {
	VERB_OPEN = 1,
	VERB_IOCTL_NUMBER = 2,
	VERB_IOCTL_STRUCT = 3,
	VERB_I2C_RDWR = 4,
	VERB_ATTACH = 5,
	VERB_ATTACH_EVENTS = 6,
	VERB_CLOSE = 7,
};

struct request_head {
	uint32_t verb;
	uint32_t request;
	uint64_t argument;
};

#define MAX_DESCRIPTORS 4096
#define MAX_PACKET (128 * 1024)

/* control connection + 1 of each descriptor, so that zeroed memory means "none" */
static int control_of[MAX_DESCRIPTORS];
static pid_t owner_of[MAX_DESCRIPTORS];
static pthread_mutex_t lock_of[MAX_DESCRIPTORS];

/* ---- the server ---- */

static int connect_server(void)
{
	const char *path = getenv("WISBLOCK_PRELOAD_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor;

	if (!path || strlen(path) >= sizeof(address.sun_path)) {
		errno = ENODEV;
		return -1;
	}
	strcpy(address.sun_path, path);
	descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -1;
	if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)) < 0) {
		syscall(SYS_close, descriptor);
		errno = ENODEV;
		return -1;
	}
	return descriptor;
}

/*
 * Sends one packet and waits for its answer. Returns the server's result, or -1 with errno; the
 * answer's bytes are copied to answer, as many as fit.
 */
static int64_t exchange(int control, uint32_t verb, uint32_t request, uint64_t argument,
			const void *data, size_t length, void *answer, size_t answer_size)
{
	struct request_head head = { verb, request, argument };
	int64_t result;
	ssize_t received;
	char *packet;

	if (sizeof(head) + length > MAX_PACKET) {
		errno = ENOMEM;
		return -1;
	}
	packet = malloc(MAX_PACKET);
	if (!packet)
		return -1;
	memcpy(packet, &head, sizeof(head));
	if (length)
		memcpy(packet + sizeof(head), data, length);
	do
		received = send(control, packet, sizeof(head) + length, MSG_NOSIGNAL);
	while (received < 0 && errno == EINTR);
	if (received >= 0)
		do
			received = recv(control, packet, MAX_PACKET, 0);
		while (received < 0 && errno == EINTR);
	if (received < (ssize_t)sizeof(result)) {
		free(packet);
		errno = ENODEV;
		return -1;
	}
	memcpy(&result, packet, sizeof(result));
	received -= sizeof(result);
	if ((size_t)received < answer_size)
		answer_size = (size_t)received;
	if (answer && answer_size)
		memcpy(answer, packet + sizeof(result), answer_size);
	free(packet);
	if (result < 0) {
		errno = (int)-result;
		return -1;
	}
	return result;
}

static int attached(uint32_t verb, uint64_t token)
{
	int descriptor = connect_server();

	if (descriptor >= 0 && exchange(descriptor, verb, 0, token, NULL, 0, NULL, 0) < 0) {
		int reason = errno;
		syscall(SYS_close, descriptor);
		errno = reason;
		return -1;
	}
	return descriptor;
}

static int control_for(int descriptor)
{
	if (descriptor < 0 || descriptor >= MAX_DESCRIPTORS)
		return -1;
	return __atomic_load_n(&control_of[descriptor], __ATOMIC_ACQUIRE) - 1;
}

static int remember(int descriptor, int control)
{
	if (descriptor < 0 || descriptor >= MAX_DESCRIPTORS) {
		syscall(SYS_close, control);
		if (descriptor >= 0)
			syscall(SYS_close, descriptor);
		errno = EMFILE;
		return -1;
	}
	owner_of[descriptor] = getpid();
	__atomic_store_n(&control_of[descriptor], control + 1, __ATOMIC_RELEASE);
	return descriptor;
}

/* ---- open and close ---- */

static int open_device(const char *path, int flags)
{
	char room[PATH_MAX];
	int control = connect_server();

	if (control < 0)
		return -1;
	if (exchange(control, VERB_OPEN, 0, 0, path, strlen(path), NULL, 0) < 0) {
		int reason = errno;
		syscall(SYS_close, control);
		errno = reason;
		return -1;
	}
	flags &= O_CLOEXEC | O_NONBLOCK;
	return remember((int)syscall(SYS_openat, AT_FDCWD, rewritten(path, room), flags, 0), control);
}

static int open_any(int directory, const char *path, int flags, mode_t mode)
{
	char room[PATH_MAX];

	if (is_device(path))
		return open_device(path, flags);
	return (int)syscall(SYS_openat, directory, rewritten(path, room), flags, mode);
}

#define OPEN_MODE(flags, last)                                      \
	({                                                          \
		mode_t mode_ = 0;                                   \
		if ((flags) & (O_CREAT | __O_TMPFILE)) {            \
			va_list list_;                              \
			va_start(list_, last);                      \
			mode_ = (mode_t)va_arg(list_, unsigned int); \
			va_end(list_);                              \
		}                                                   \
		mode_;                                              \
	})

int open(const char *path, int flags, ...)
{
	return open_any(AT_FDCWD, path, flags, OPEN_MODE(flags, flags));
}

int open64(const char *path, int flags, ...)
{
	return open_any(AT_FDCWD, path, flags, OPEN_MODE(flags, flags));
}

int openat(int directory, const char *path, int flags, ...)
{
	return open_any(directory, path, flags, OPEN_MODE(flags, flags));
}

int openat64(int directory, const char *path, int flags, ...)
{
	return open_any(directory, path, flags, OPEN_MODE(flags, flags));
}

/*
 * As with the kernel, lines are free when close() returns, so the server is asked and waited for.
 * A forked child only drops its copy: the descriptor lives on in its parent.
 */
int close(int descriptor)
{
	if (descriptor >= 0 && descriptor < MAX_DESCRIPTORS) {
		int control = __atomic_exchange_n(&control_of[descriptor], 0, __ATOMIC_ACQ_REL) - 1;
		if (control >= 0) {
			if (owner_of[descriptor] == getpid())
				exchange(control, VERB_CLOSE, 0, 0, NULL, 0, NULL, 0);
			syscall(SYS_close, control);
		}
	}
	return (int)syscall(SYS_close, descriptor);
}

/* ---- ioctl ---- */

static int ioctl_i2c_rdwr(int control, const struct i2c_rdwr_ioctl_data *transaction)
{
	char *packet = malloc(MAX_PACKET), *answer = malloc(MAX_PACKET);
	size_t length = 0, taken = 0;
	int64_t result = -1;

	if (!packet || !answer)
		goto out;
	for (uint32_t i = 0; i < transaction->nmsgs; i++) {
		const struct i2c_msg *message = &transaction->msgs[i];
		uint16_t head[3] = { message->addr, message->flags, message->len };
		size_t body = message->flags & I2C_M_RD ? 0 : message->len;

		if (length + sizeof(head) + body > MAX_PACKET - sizeof(struct request_head)) {
			errno = ENOMEM;
			goto out;
		}
		memcpy(packet + length, head, sizeof(head));
		memcpy(packet + length + sizeof(head), message->buf, body);
		length += sizeof(head) + body;
	}
	result = exchange(control, VERB_I2C_RDWR, I2C_RDWR, transaction->nmsgs, packet, length,
			  answer, MAX_PACKET);
	for (uint32_t i = 0; result >= 0 && i < transaction->nmsgs; i++) {
		struct i2c_msg *message = &transaction->msgs[i];
		if (message->flags & I2C_M_RD) {
			memcpy(message->buf, answer + taken, message->len);
			taken += message->len;
		}
	}
out:
	free(packet);
	free(answer);
	return (int)result;
}

static int ioctl_claim_lines(int control, struct gpio_v2_line_request *claim)
{
	int64_t token = exchange(control, VERB_IOCTL_STRUCT, (uint32_t)GPIO_V2_GET_LINE_IOCTL, 0,
				 claim, sizeof(*claim), NULL, 0);
	int line_control, events;

	if (token < 0)
		return -1;
	line_control = attached(VERB_ATTACH, (uint64_t)token);
	if (line_control < 0)
		return -1;
	events = attached(VERB_ATTACH_EVENTS, (uint64_t)token);
	if (events < 0) {
		syscall(SYS_close, line_control);
		return -1;
	}
	claim->fd = remember(events, line_control);
	return claim->fd < 0 ? -1 : 0;
}

static int ioctl_device(int control, unsigned long request, void *argument)
{
	unsigned long functions;

	switch (request) {
	case I2C_RDWR:
		return ioctl_i2c_rdwr(control, argument);
	case I2C_FUNCS:
		if (exchange(control, VERB_IOCTL_NUMBER, I2C_FUNCS, 0, NULL, 0, &functions,
			     sizeof(functions)) < 0)
			return -1;
		*(unsigned long *)argument = functions;
		return 0;
	case GPIO_V2_GET_LINE_IOCTL:
		return ioctl_claim_lines(control, argument);
	}
	if (_IOC_TYPE(request) == 0xB4)
		return (int)exchange(control, VERB_IOCTL_STRUCT, (uint32_t)request, 0, argument,
				     _IOC_DIR(request) & _IOC_WRITE ? _IOC_SIZE(request) : 0, argument,
				     _IOC_DIR(request) & _IOC_READ ? _IOC_SIZE(request) : 0);
	return (int)exchange(control, VERB_IOCTL_NUMBER, (uint32_t)request, (uint64_t)argument,
			     NULL, 0, NULL, 0);
}

int ioctl(int descriptor, unsigned long request, ...)
{
	va_list list;
	void *argument;
	int control = control_for(descriptor), result;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (control < 0)
		return (int)syscall(SYS_ioctl, descriptor, request, argument);
	pthread_mutex_lock(&lock_of[descriptor]);
	result = ioctl_device(control, request & 0xffffffffUL, argument);
	pthread_mutex_unlock(&lock_of[descriptor]);
	return result;
}
