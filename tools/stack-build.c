// SPDX-License-Identifier: MIT
/* A vm's making: the hypervisor's part and the domain builder's. */
#include "config.h"
#include "tools/stack-build.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tools/stack-private.h"

/* How long unpacking a kernel may take on a loaded machine under emulation. */
#define BUILD_MS 180000u

/* What the builder needs while it works. */
struct build {
	int kernel, initrd;
	int wire[2];   /* ours and the builder's ends are the hypervisor's and the builder's */
	int said[2];   /* its stderr */
	pid_t pid;
	char text[512];
	size_t used;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void build_end(struct build *b)
{
	spawn_end(&b->pid, 0);
	close_fd(&b->kernel);
	close_fd(&b->initrd);
	close_fd(&b->wire[0]);
	close_fd(&b->wire[1]);
	close_fd(&b->said[0]);
	close_fd(&b->said[1]);
}

static int open_image(const char *what, const char *path, int *fd, char *why, size_t room)
{
	struct stat sb;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0)
		return stack_fail(why, room, -errno, "%s %s: %m", what, path);
	if (fstat(*fd, &sb) < 0 || !S_ISREG(sb.st_mode))
		return stack_fail(why, room, -EINVAL, "%s %s is not a regular file", what, path);
	return 0;
}

static int open_images(struct build *b, const struct stack_vm_config *config, char *why, size_t room)
{
	int error = open_image("the kernel", config->kernel, &b->kernel, why, room);

	if (error == 0 && config->initrd)
		error = open_image("the initrd", config->initrd, &b->initrd, why, room);
	return error;
}

/* --- the hypervisor ---------------------------------------------------- */

static int explain(int error, struct stack *st, const struct stack_vm_config *config, char *why,
	size_t room)
{
	const char *kvm = st->options.kvm ? st->options.kvm : "/dev/kvm";

	/* But for the one whose reason only the hypervisor knows. */
	if (error != -EOPNOTSUPP)
		stack_log_known(st, "cannot make a vm");
	switch (error) {
	case -ENODEV:
	case -ENOENT:
		return stack_fail(why, room, error, "no vm without KVM: %s is missing; load the module"
			" kvm_intel or kvm_amd, or switch virtualization on in the firmware", kvm);
	case -EACCES:
	case -EPERM:
		return stack_fail(why, room, error, "no vm without KVM: %s may not be opened; become a"
			" member of its group (kvm)", kvm);
	case -EOPNOTSUPP:
		return stack_fail(why, room, error, "KVM (%s) lacks what vms need; the hypervisor's"
			" message says what", kvm);
	case -ENOMEM:
		return stack_fail(why, room, error, "there is no memory for %s: give it less than"
			" --memory=%u", config->name, config->memory_mib);
	case -EPIPE:
		return stack_fail(why, room, error, "the hypervisor ended; its messages are above");
	default:
		return stack_fail(why, room, error, "the hypervisor refused to make %s: %s", config->name,
			strerror(-error));
	}
}

static int make_domain(struct stack_vm *vm, struct build *b, char *why, size_t room)
{
	const struct stack_vm_config *config = vm->config;
	struct hvctl_vm_config c = {
		.domid = vm->domid,
		.memory_bytes = (uint64_t)config->memory_mib << 20,
		.vcpus = config->vcpus,
		.max_vcpus = config->max_vcpus,
	};
	int life[2], error;

	snprintf(c.name, sizeof(c.name), "%s", config->name);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, b->wire) < 0)
		return stack_fail(why, room, -errno, "cannot make a socket pair: %m");
	if (pipe2(life, O_CLOEXEC | O_NONBLOCK) < 0)
		return stack_fail(why, room, -errno, "cannot make a pipe: %m");
	vm->life_fd = life[0];
	error = hvctl_vm_create(vm->st->ctl, &c, b->wire[0], life[1], &vm->made);
	close(life[1]);
	close_fd(&b->wire[0]);
	if (error < 0)
		return explain(error, vm->st, config, why, room);
	vm->state = HVCTL_BUILDING;
	return 0;
}

/* --- the builder ------------------------------------------------------- */

static int start_builder(struct stack_vm *vm, struct build *b, char *why, size_t room)
{
	CLEANUP_FREE char *path = stack_program("hypervisor/build", "sluice-builder", why, room);
	CLEANUP_FREE char *cmdline = NULL;
	char wire[32], kernel[32], initrd[32];
	char *argv[] = { (char *)"sluice-builder", wire, kernel, NULL, NULL, NULL };
	int keep[3] = { b->wire[1], b->kernel, b->initrd };
	struct spawn s = { .path = path, .argv = argv, .keep = keep, .nkeep = b->initrd < 0 ? 2 : 3,
		.daemon = true };

	if (!path)
		return -ENOENT;
	if (asprintf(&cmdline, "--cmdline=%s", vm->config->append ? vm->config->append : "") < 0)
		return stack_fail(why, room, -ENOMEM, "out of memory");
	if (pipe2(b->said, O_CLOEXEC) < 0)
		return stack_fail(why, room, -errno, "cannot make a pipe: %m");
	snprintf(wire, sizeof(wire), "--hypervisor-fd=%d", b->wire[1]);
	snprintf(kernel, sizeof(kernel), "--kernel-fd=%d", b->kernel);
	snprintf(initrd, sizeof(initrd), "--initrd-fd=%d", b->initrd);
	argv[3] = cmdline;
	argv[4] = b->initrd < 0 ? NULL : initrd;
	s.log = b->said[1];
	b->pid = spawn(&s);
	close_fd(&b->wire[1]);
	close_fd(&b->said[1]);
	if (b->pid > 0)
		return 0;
	return stack_fail(why, room, b->pid, "cannot start %s: %s", path, strerror(-b->pid));
}

/* Keep the beginning of what it says; false at the end. */
static bool read_said(struct build *b)
{
	char drop[256];
	bool full = b->used == sizeof(b->text) - 1;
	ssize_t n = full ? read(b->said[0], drop, sizeof(drop)) :
		read(b->said[0], b->text + b->used, sizeof(b->text) - 1 - b->used);

	if (n > 0 && !full)
		b->used += (size_t)n;
	return n > 0 || (n < 0 && errno == EINTR);
}

static int await_builder(struct stack_vm *vm, struct build *b, char *why, size_t room)
{
	struct pollfd p = { .fd = b->said[0], .events = POLLIN };
	uint64_t end = stack_now_ms() + BUILD_MS;

	for (;;) {
		int r = poll(&p, 1, 200);

		if (r > 0 && !read_said(b))
			return 0;
		if (stack_cancelled(vm->st))
			return stack_fail(why, room, -EINTR, "interrupted while %s was built", vm->config->name);
		if (stack_now_ms() > end)
			return stack_fail(why, room, -ETIMEDOUT, "%s was not built within %u s",
				vm->config->name, BUILD_MS / 1000);
	}
}

/* Its first line without what every line of it begins with. */
static int pass_on(struct build *b, const struct stack_vm_config *config, int status, char *why,
	size_t room)
{
	static const char prefix[] = "error: ";
	char *text = b->text, *newline;

	b->text[b->used] = '\0';
	newline = strchr(text, '\n');
	if (newline)
		*newline = '\0';
	if (strstr(text, prefix))
		text = strstr(text, prefix) + sizeof(prefix) - 1;
	if (WIFSIGNALED(status))
		return stack_fail(why, room, -EIO, "%s: the domain builder was ended by signal %d (%s)%s%s",
			config->kernel, WTERMSIG(status), strsignal(WTERMSIG(status)), *text ? ": " : "", text);
	if (!*text)
		return stack_fail(why, room, -EINVAL, "%s: the domain builder failed without a word",
			config->kernel);
	/* It names the file itself where it can. */
	if (strstr(text, config->kernel) || (config->initrd && strstr(text, config->initrd)))
		return stack_fail(why, room, -EINVAL, "%s", text);
	return stack_fail(why, room, -EINVAL, "%s: %s", config->kernel, text);
}

/* Until the hypervisor has seen what the builder did. */
static int await_built(struct stack_vm *vm, char *why, size_t room)
{
	struct pollfd p = { .fd = vm->life_fd, .events = POLLIN };
	uint64_t end = stack_now_ms() + STACK_START_MS;
	int r = 0;

	while (vm->state == HVCTL_BUILDING && r >= 0 && stack_now_ms() < end) {
		(void)poll(&p, 1, 200);
		r = stack_vm_life(vm);
	}
	if (vm->state == HVCTL_PAUSED)
		return 0;
	return stack_fail(why, room, -EIO, "the hypervisor did not take %s from its builder; its messages"
		" are above", vm->config->name);
}

static int run_builder(struct stack_vm *vm, struct build *b, char *why, size_t room)
{
	int error = start_builder(vm, b, why, room);
	int status = 0;

	if (error == 0)
		error = await_builder(vm, b, why, room);
	if (error < 0)
		return error;
	while (waitpid(b->pid, &status, 0) < 0 && errno == EINTR)
		;
	b->pid = 0;
	if (status)
		stack_log_known(vm->st, "its builder failed");
	return status ? pass_on(b, vm->config, status, why, room) : await_built(vm, why, room);
}

int stack_build(struct stack_vm *vm, char *why, size_t why_room)
{
	struct build b = { .kernel = -1, .initrd = -1, .wire = { -1, -1 }, .said = { -1, -1 } };
	int error = open_images(&b, vm->config, why, why_room);

	if (error == 0)
		error = make_domain(vm, &b, why, why_room);
	if (error == 0)
		error = run_builder(vm, &b, why, why_room);
	build_end(&b);
	return error;
}
