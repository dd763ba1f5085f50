// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/vm/vm-harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/version.h>

#include "common/fdpass.h"
#include "hypervisor/vm/layout.h"

#define PATIENCE_MS 60000

/* The guest, linked for GUEST_IMAGE; see local.mk. */
__asm__(".section .rodata\n"
	".globl guest_image, guest_image_end\n"
	"guest_image: .incbin \"" GUEST_IMAGE_FILE "\"\n"
	"guest_image_end:\n"
	".previous\n");
extern const uint8_t guest_image[], guest_image_end[];

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

struct hvctl_vm_config guest_config(unsigned cpus)
{
	struct hvctl_vm_config config = { .domid = HVCTL_DOMID_ANY, .name = "puppet",
		.memory_bytes = GUEST_RAM, .vcpus = cpus, .max_vcpus = cpus };

	return config;
}

int guest_create(struct guest *g, struct hv_world *w, const struct hvctl_vm_config *config)
{
	int pair[2], life[2];
	int rc;

	memset(g, 0, sizeof(*g));
	g->w = w;
	g->config = *config;
	g->ram_size = config->memory_bytes + VM_SPECIAL_SIZE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
		pipe2(life, O_CLOEXEC) < 0)
		fail_msg("no descriptors: %s", strerror(errno));
	rc = hvctl_vm_create(w->ctl, config, pair[1], life[1], &g->made);
	close(pair[1]);
	close(life[1]);
	g->builder = pair[0];
	g->life = life[0];
	g->domid = g->made.domid;
	if (rc < 0)
		guest_drop(g);
	return rc;
}

void guest_drop(struct guest *g)
{
	if (g->builder >= 0)
		close(g->builder);
	if (g->life >= 0)
		close(g->life);
	if (g->ram)
		munmap(g->ram, g->ram_size);
	g->builder = g->life = -1;
	g->ram = NULL;
}

void vm_world_start(struct hv_world *w, char **argv)
{
	struct hvctl_vm_config config = guest_config(1);
	struct guest g;
	int rc;

	hv_dropin(argv);
	hv_world_start(w);
	rc = guest_create(&g, w, &config);
	if (rc == -ENODEV || rc == -EOPNOTSUPP) {
		printf("1..0 # SKIP no vms here: %s\n",
			rc == -ENODEV ? "/dev/kvm is missing or not ours to open" :
					"this KVM lacks what vms need");
		hv_world_stop(w);
		exit(77);
	}
	if (rc < 0) {
		printf("Bail out! a vm cannot be created: %s\n", strerror(-rc));
		exit(1);
	}
	if (hvctl_domain_destroy(w->ctl, g.domid) < 0)
		exit(1);
	guest_drop(&g);
}

int vm_world_stop(struct hv_world *w, int failed)
{
	hv_world_stop(w);
	return failed;
}

void guest_assert_well(struct guest *g)
{
	assert_int_equal(
		guest_hypercall(g, 0, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0), 0x40011);
	assert_int_equal(guest_info(g).state, HVCTL_RUNNING);
}

static void patient_poll(int fd, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, PATIENCE_MS) != 1)
		fail_msg("%s does not come", what);
}

void guest_take_order(struct guest *g, struct build_order *order)
{
	unsigned nfds = 1;
	int memory;

	patient_poll(g->builder, "the builder's order");
	assert_int_equal(fd_recv(g->builder, order, sizeof(*order), &memory, &nfds), sizeof(*order));
	assert_int_equal(nfds, 1);
	g->ram = mmap(NULL, g->ram_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	assert_true(g->ram != MAP_FAILED);
	close(memory);
}

/* Everything below 4 GiB where it is, in pages of 2 MiB that ring 3 may use, too. */
static void fill_page_tables(struct guest *g)
{
	uint64_t *pml4 = (void *)(g->ram + GUEST_PML4), *pdpt = pml4 + 512, *pd = pdpt + 512;

	pml4[0] = (GUEST_PML4 + PAGE) | 7;
	for (uint64_t i = 0; i < 4; i++)
		pdpt[i] = (GUEST_PML4 + (2 + i) * PAGE) | 7;
	for (uint64_t i = 0; i < 4 * 512; i++)
		pd[i] = i << 21 | 0x87;
}

void guest_fill(struct guest *g)
{
	struct hvm_start_info *start = (void *)(g->ram + GUEST_START_INFO);

	memcpy(g->ram + GUEST_IMAGE, guest_image, guest_image_end - guest_image);
	fill_page_tables(g);
	start->magic = XEN_HVM_START_MAGIC_VALUE;
	start->version = 1;
}

struct build_result guest_result(void)
{
	return (struct build_result){ .version = BUILD_WIRE_VERSION, .entry = GUEST_IMAGE,
		.start_info = GUEST_START_INFO };
}

void guest_answer(struct guest *g, const struct build_result *result)
{
	assert_int_equal(fd_send(g->builder, result, sizeof(*result), NULL, 0), 0);
	close(g->builder);
	g->builder = -1;
}

void guest_build(struct guest *g)
{
	struct build_result result = guest_result();
	struct build_order order;

	guest_take_order(g, &order);
	guest_fill(g);
	guest_answer(g, &result);
	guest_expect_state(g, HVCTL_PAUSED);
}

void guest_start(struct guest *g, struct hv_world *w, unsigned cpus)
{
	struct hvctl_vm_config config = guest_config(cpus);
	int rc = guest_create(g, w, &config);

	if (rc < 0)
		fail_msg("cannot create a vm: %s", strerror(-rc));
	guest_build(g);
	assert_int_equal(hvctl_domain_unpause(w->ctl, g->domid), 0);
	guest_expect_state(g, HVCTL_RUNNING);
	guest_wait_online(g, 0);
	/* The address of shared_info, taken before anything else. */
	assert_int_equal((int64_t)guest_mail(g, 0)->result, 0);
	guest_start_cpus(g, cpus);
}

void guest_start_cpus(struct guest *g, unsigned cpus)
{
	for (unsigned cpu = 1; cpu < cpus; cpu++) {
		guest_call(g, 0, OP_START_CPU, cpu, 0, 0);
		guest_wait_online(g, cpu);
	}
}

void guest_destroy(struct guest *g)
{
	struct hvctl_change change;
	ssize_t n;

	assert_int_equal(hvctl_domain_destroy(g->w->ctl, g->domid), 0);
	/* Changes that nobody has asked for, then the end. */
	do {
		patient_poll(g->life, "the end of the life descriptor");
		n = read(g->life, &change, sizeof(change));
	} while (n == sizeof(change));
	assert_int_equal(n, 0);
	guest_drop(g);
}

uint32_t guest_expect_state(struct guest *g, enum hvctl_state state)
{
	struct hvctl_change change;

	patient_poll(g->life, "a change of state");
	assert_int_equal(read(g->life, &change, sizeof(change)), sizeof(change));
	assert_int_equal(change.domid, g->domid);
	assert_int_equal(change.state, state);
	return change.reason;
}

struct hvctl_domain_info guest_info(struct guest *g)
{
	struct hvctl_domain_info info[64];
	int n = hvctl_domain_list(g->w->ctl, info, 64);

	for (int i = 0; i < n; i++)
		if (info[i].domid == g->domid)
			return info[i];
	fail_msg("domain %u is not listed", g->domid);
	return info[0];
}

struct guest_mail *guest_mail(struct guest *g, unsigned cpu)
{
	return (void *)(g->ram + GUEST_MAIL + (size_t)cpu * PAGE);
}

struct guest_log *guest_log(struct guest *g, unsigned cpu)
{
	return (void *)(g->ram + GUEST_LOG + (size_t)cpu * PAGE);
}

/* Nothing that a guest of ours is told to do takes so long. */
static void patience(struct guest *g, unsigned cpu, uint64_t since)
{
	const struct guest_mail *m = guest_mail(g, cpu);

	if (m->fatal)
		fail_msg("vCPU %u: exception %u at 0x%lx, address 0x%lx", cpu, m->fatal - 1,
			(long)m->rip, (long)m->address);
	if (now_ns() - since > PATIENCE_MS * 1000000ull)
		fail_msg("vCPU %u is stuck in request %u, op %u", cpu, m->request, (unsigned)m->op);
	usleep(100);
}

void guest_wait_online(struct guest *g, unsigned cpu)
{
	uint64_t since = now_ns();

	while (!guest_mail(g, cpu)->online)
		patience(g, cpu, since);
}

void guest_await(struct guest *g, volatile uint32_t *value, uint32_t at_least)
{
	uint64_t since = now_ns();

	while ((int32_t)(*value - at_least) < 0)
		patience(g, 0, since);
}

void guest_begin(struct guest *g, unsigned cpu, enum guest_op op, uint64_t a, uint64_t b,
	uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	struct guest_mail *m = guest_mail(g, cpu);
	const uint64_t args[6] = { a, b, c, d, e, f };

	m->op = op;
	memcpy(m->args, args, sizeof(args));
	m->stop = 0;
	m->progress = 0;
	__atomic_store_n(&m->request, m->request + 1, __ATOMIC_SEQ_CST);
}

uint64_t guest_end(struct guest *g, unsigned cpu)
{
	struct guest_mail *m = guest_mail(g, cpu);
	uint64_t since = now_ns();

	while (__atomic_load_n(&m->done, __ATOMIC_ACQUIRE) != m->request)
		patience(g, cpu, since);
	return m->result;
}

uint64_t guest_call(struct guest *g, unsigned cpu, enum guest_op op, uint64_t a, uint64_t b,
	uint64_t c)
{
	guest_begin(g, cpu, op, a, b, c, 0, 0, 0);
	return guest_end(g, cpu);
}

uint64_t guest_stop_op(struct guest *g, unsigned cpu)
{
	guest_mail(g, cpu)->stop = 1;
	return guest_end(g, cpu);
}

int64_t guest_hypercall(struct guest *g, unsigned cpu, unsigned nr, uint64_t a, uint64_t b,
	uint64_t c, uint64_t d, uint64_t e)
{
	guest_begin(g, cpu, OP_HYPERCALL, nr, a, b, c, d, e);
	return guest_end(g, cpu);
}

uint64_t guest_arg(struct guest *g, unsigned cpu, const void *arg, size_t len)
{
	uint64_t gpa = GUEST_SCRATCH + (uint64_t)cpu * PAGE;

	assert_true(len <= PAGE);
	memcpy(g->ram + gpa, arg, len);
	return gpa;
}

int64_t guest_hc(struct guest *g, unsigned cpu, unsigned nr, uint64_t cmd, void *arg, size_t len)
{
	uint64_t gpa = guest_arg(g, cpu, arg, len);
	int64_t rc = guest_hypercall(g, cpu, nr, cmd, gpa, 0, 0, 0);

	memcpy(arg, g->ram + gpa, len);
	return rc;
}

uint64_t guest_read(struct guest *g, uint64_t gpa, unsigned size)
{
	uint64_t v = guest_call(g, 0, OP_READ, gpa, size, 0);

	assert_int_equal(guest_mail(g, 0)->faulted, 0);
	return v;
}

void guest_write(struct guest *g, uint64_t gpa, unsigned size, uint64_t value)
{
	guest_call(g, 0, OP_WRITE, gpa, size, value);
	assert_int_equal(guest_mail(g, 0)->faulted, 0);
}
