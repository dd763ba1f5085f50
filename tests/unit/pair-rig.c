// SPDX-License-Identifier: MIT
#include "config.h"
#include "pair-rig.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fdpass.h"
#include "hypervisor/vm/kvm.h"

/* What the machine below would do. */

struct watch watch[4];
int watch_error;

int vm_watch_bell(struct vm *which, uint32_t port, int fd)
{
	if (watch_error)
		return watch_error;
	for (unsigned i = 0; i < 4; i++) {
		if (watch[i].fd < 0) {
			watch[i] = (struct watch){ .port = port, .fd = fd };
			return 0;
		}
	}
	return -ENOSPC;
}

void vm_unwatch_bell(struct vm *which, uint32_t port)
{
	for (unsigned i = 0; i < 4; i++) {
		if (watch[i].fd >= 0 && watch[i].port == port) {
			/* It is open still: the descriptor must not be another's by now.
			 */
			assert_int_not_equal(fcntl(watch[i].fd, F_GETFL), -1);
			watch[i].fd = -1;
			return;
		}
	}
	fail_msg("port %u was not watched", port);
}

unsigned watched(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 4; i++)
		n += watch[i].fd >= 0;
	return n;
}

void vm_quiesce(struct vm *which)
{
}

void vm_resume(struct vm *which)
{
}

void control_close_all(struct hv *which)
{
}

void kvm_close(struct kvm *kvm)
{
	assert_null(kvm);
}

/* A server with one process domain, 5, and a vm. */

struct hv hv;
struct vm_fake *vm;
uint32_t vmid;
static char address[64];

struct pdomain *process_make(uint32_t domid)
{
	struct hvctl_domain_config config = { .domid = domid, .name = "process" };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	/* An abstract name, which leaves nothing behind. */
	snprintf(address, sizeof(address), "sluice-test-%d-%u", (int)getpid(), domid);
	memcpy(sa.sun_path + 1, address, strlen(address));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(pdomain_create(&hv, &config, fd, &domid), 0);
	return pdomain_find(&hv, domid);
}

int pair_setup(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		watch[i].fd = -1;
	watch_error = 0;
	assert_int_equal(hv_init(&hv), 0);
	process_make(5);
	vm = vm_fake_new(&hv.set, "vm", 2);
	vmid = vm->vm.d.domid;
	return 0;
}

int pair_teardown(void **state)
{
	vm_fake_quit(vm);
	assert_int_equal(watched(), 0);
	while (hv.domains)
		pdomain_destroy(hv.domains);
	vm_fake_free(vm);
	hv_fini(&hv);
	assert_int_equal(mem_budget_spent(), 0);
	return 0;
}

static void stop(void *opaque, uint32_t events)
{
	loop_stop(hv.loop, 0);
}

static void stop_timer(void *opaque)
{
	loop_stop(hv.loop, 0);
}

/* Lets the server do what there is to do. */
void pump(void)
{
	assert_non_null(loop_add_timer(hv.loop, 1, stop_timer, NULL));
	assert_int_equal(loop_run(hv.loop), 0);
}

ssize_t rpc(int conn, const void *req, size_t len, void *reply, size_t room, int *fds,
	unsigned *nfds)
{
	struct loop_source *source;
	unsigned none = 0;

	assert_int_equal(send(conn, req, len, 0), len);
	source = loop_add_fd(hv.loop, conn, EPOLLIN, stop, NULL);
	assert_non_null(source);
	assert_int_equal(loop_run(hv.loop), 0);
	loop_remove(source);
	return fd_recv_now(conn, reply, room, fds, nfds ? nfds : &none);
}

int process_connect(uint32_t domid)
{
	struct wire_hello hello = { .head.op = WIRE_HELLO, .version = WIRE_VERSION };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct wire_hello_reply reply;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address, sizeof(address), "sluice-test-%d-%u", (int)getpid(), domid);
	memcpy(sa.sun_path + 1, address, strlen(address));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(
		rpc(fd, &hello, sizeof(hello), &reply, sizeof(reply), NULL, NULL),
		sizeof(reply));
	return fd;
}

void process_leave(int conn)
{
	close(conn);
	pump();
}
